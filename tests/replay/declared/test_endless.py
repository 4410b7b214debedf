"""A detector that never ends is stopped by the first signal, and what was done is kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import replay
from tests.replay.declared.test_rings import sample
from tests.rings import Account, Rings

ROOT = Path(replay.__file__).parents[1]


def loop(where: str, event: Any) -> None:
    """Never end, if that is asked for, and swallow what is no interruption."""
    if os.environ.get("LOOP") == where and event.number == 70:
        Path("looping").write_bytes(b"")
        while True:
            try:
                while True:
                    pass
            except ArithmeticError:
                pass


class Looping(Account):
    """Loops while it folds."""

    def fold(self, event: Any) -> None:
        loop("fold", event)
        super().fold(event)


class Endless(Rings):
    """Never ends where it is told not to."""

    name = "endless"
    version = 1
    actor_type = Looping

    @classmethod
    def subjects(cls, event: Any) -> Any:
        loop("subjects", event)
        return super().subjects(event)


def start(folder: Path, where: str, stream: str = "stream.json") -> subprocess.Popen[bytes]:
    words = ("batch.json", stream, "out.json", "--detector", "tests.replay.declared.test_endless:")
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "replay", *words[:-1], f"{words[-1]}Endless"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "LOOP": where},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def wait_for_the_loop(folder: Path, process: subprocess.Popen[bytes]) -> None:
    while not (folder / "looping").exists():
        assert process.poll() is None, "it loops until it is stopped"
    (folder / "looping").unlink()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for file, content in zip(("batch.json", "stream.json"), sample(120), strict=True):
        (tmp_path / file).write_bytes(content)
    with Endless.logs(tmp_path / "batch.json", tmp_path / "stream.json") as logs:
        replay.run(logs, tmp_path / "right.json")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("where", ["fold", "subjects"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_first_signal_stops_it_and_the_same_command_goes_on(
    where: str, number: signal.Signals, folder: Path
) -> None:
    # The second one loops where it goes on with what the first one has kept.
    for _ in range(2):
        process = start(folder, where)
        wait_for_the_loop(folder, process)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        assert process.returncode == (143 if number is signal.SIGTERM else 130)
        assert err.splitlines()[-1].startswith(b"replay: interrupted ")
        assert b"Traceback" not in err
    process = start(folder, "")
    _, err = process.communicate(timeout=60)
    assert (process.returncode, b"going on after" in err) == (0, True)
    assert (folder / "out.json").read_bytes() == (folder / "right.json").read_bytes()
    with Endless.logs(folder / "batch.json", folder / "stream.json") as logs:
        assert replay.run(logs, folder / "out.json").finished_before


@pytest.mark.slow
def test_first_signal_stops_it_on_a_live_stream(folder: Path) -> None:
    process = start(folder, "fold", "-")
    assert process.stdin is not None
    process.stdin.write((folder / "stream.json").read_bytes())
    process.stdin.flush()
    wait_for_the_loop(folder, process)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
