"""pytest in a process of its own, forked from one that has imported it and the program already.

To import both takes ten times as long as the tests that such a process is given.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

_forking = multiprocessing.get_context("forkserver")
_forking.set_forkserver_preload(["tests.warmed"])


class Ran(NamedTuple):
    """What a pytest process has said."""

    status: int
    out: str

    @property
    def summary(self) -> str:
        """The last line, without the time it took."""
        return self.out.splitlines()[-1].partition(" in ")[0]


def run_pytest(folder: Path, *words: str, environment: Mapping[str, str] = os.environ) -> Ran:
    """Run pytest with ``words`` in ``folder``; return its status and all that it prints."""
    with tempfile.NamedTemporaryFile() as said:
        process = _forking.Process(target=_run, args=(folder, words, dict(environment), said.name))
        process.start()
        process.join()
        status, out = process.exitcode, Path(said.name).read_text(encoding="utf-8")
    assert status is not None
    return Ran(status, out)


def _run(folder: Path, words: tuple[str, ...], environment: dict[str, str], said: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    with Path(said).open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.exit(pytest.main([*words]))
