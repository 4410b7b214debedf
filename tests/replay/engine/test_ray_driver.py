"""What clears up after the process that talks to Ray; this needs no Ray."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from replay.engine import ray_driver
from tests.processes import eventually


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a list of processes in files")
def test_worker_that_has_just_been_started_does_not_make_the_folder_again(tmp_path: Path) -> None:
    folder, begun, late = tmp_path / "ray", tmp_path / "begun", tmp_path / "late"
    folder.mkdir()
    driver = os.fork()
    if not driver:
        os.setsid()
        own = os.getpid()
        if not os.fork():
            ray_driver._clear_up_after(own, str(folder))
        if not os.fork():
            os.setpgid(0, 0)
            begun.touch()
            while os.getppid() == own:
                time.sleep(0.01)
            time.sleep(3)
            folder.mkdir(exist_ok=True)
            late.touch()
            os._exit(0)
        signal.pause()
    assert eventually(begun.exists)
    os.kill(driver, signal.SIGKILL)
    os.waitpid(driver, 0)
    assert eventually(lambda: not folder.exists())
    time.sleep(4)
    assert not late.exists()
    assert not folder.exists()
