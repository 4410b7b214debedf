"""A shrunk history as files: two logs, their run's outputs, and a test that is ready to run.

The folder stands on its own, so it can be kept with a project's tests. All of it is made
in a folder beside it, and put in place when it is complete.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from events.errors import InputError, OutputError, unwritable
from events.purchases.own_lines import own_line
from events.store.disk import free_name
from events.store.store import EventStore
from replay.engine.files import STORE_SUFFIX, check_folder_of
from replay.engine.judged import LogLine, texts_by_log
from replay.purchases.logs import Logs
from replay.purchases.regression import regression_test
from replay.purchases.shrink import VerdictNotReplayedError
from replay.run import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from events.store.records import Source
    from replay.purchases.history import History
    from replay.purchases.shrink import Shrunk

BATCH: Final = "batch.json"
STREAM: Final = "stream.json"
FLAGGED: Final = "flagged.json"
STORE: Final = f"{FLAGGED}{STORE_SUFFIX}"
_FILES: Final = (BATCH, STREAM, FLAGGED, STORE)
_TEST_NAME: Final = re.compile(r"test_event_[0-9]+_[0-9a-f]{8}\.py")
_MARK_NAME: Final = re.compile(rf"{_TEST_NAME.pattern}\.part\.~[0-9]+~")


class Case(NamedTuple):
    """A shrunk history that has been written."""

    folder: Path
    """Where."""
    lines: dict[Source, list[bytes]]
    """What both logs consist of, without newlines; the batch's first line is the parameters."""
    lines_before: int
    """How many lines both logs of the original have, blank ones left out."""
    test: Path
    """The test for pytest."""

    @property
    def files(self) -> dict[str, Path]:
        """All files, by what they are."""
        names = dict(zip(("batch", "stream", "flagged", "store"), _FILES, strict=True))
        return {what: self.folder / name for what, name in names.items()} | {"test": self.test}


def check_folder(store: Path, folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that a shrunk history cannot be written to; nothing is written.

    Args:
        store: the original's event store.
        folder: where the shrunk history is to be.
        overwrite: whether an earlier one that stands there may be replaced.

    Raises:
        InputError: it cannot be made, is a file, or is the folder of the original.
        OutputError: one of the files exists and may not be replaced, or is nobody knows whose.

    """
    if str(folder) == "-":
        raise InputError("-: expected a folder for the shrunk history, found -; name another")
    check_folder_of(folder, "the shrunk history")
    if not os.path.lexists(folder):
        return
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder for the shrunk history, found a file")
    if folder.samefile(store.parent):
        # Where the original's own logs may have the names that are written to.
        raise InputError(
            f"{folder}: expected a folder for the shrunk history alone, found that of "
            f"{store.name}; name another one"
        )
    found = [folder / name for name in _FILES if os.path.lexists(folder / name)]
    for path in found:
        if path.is_dir():
            raise InputError(f"{path}: expected a file, found a folder; name another folder")
    tests = _tests_in(folder)
    # One that was put in place half: what it has left is nobody's.
    half = not tests and bool(_marks_in(folder))
    if (found or tests) and not (overwrite or half):
        raise OutputError(
            f"{(found + tests)[0]}: expected no file, found one; name another folder or give "
            "--overwrite"
        )
    if found and not (tests or half):
        raise OutputError(
            f"{found[0]}: expected an earlier shrunk history with its test, found a file without; "
            "name another folder"
        )


def write_case(history: History, shrunk: Shrunk, folder: Path, *, overwrite: bool = False) -> Case:
    """Write a shrunk history to ``folder``, which is made if it is not there.

    Args:
        history: the original.
        shrunk: what is left of it.
        folder: where to write it.
        overwrite: replace an earlier one that stands there, with its test.

    Raises:
        InputError: the folder cannot be made, is a file, or is that of the original.
        OutputError: a file exists and may not be replaced, or cannot be written.
        VerdictNotReplayedError: a run on the two logs decides otherwise.

    """
    check_folder(history.store.path, folder, overwrite=overwrite)
    lines = texts_by_log(_log_lines(history, shrunk))
    before = len(history) + len(history.rejected) + (history.store.header.line is not None)
    text = regression_test(history.store.path.name, shrunk, before)
    contents = {
        BATCH: history.log_content("batch", lines["batch"]),
        STREAM: history.log_content("stream", lines["stream"]),
    }
    name = _test_name(shrunk.recorded.number, [os.fsencode(folder.name), text, *contents.values()])
    try:
        with _staging(folder) as within:
            for file, content in {**contents, name: text}.items():
                (within / file).write_bytes(content)
            _run(within, folder, shrunk)
            _put_in_place(within, folder, name)
    except OSError as error:
        raise unwritable(folder, error, "the shrunk history") from None
    return Case(folder, lines, before, folder / name)


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """Make a folder beside ``folder``, and remove it if it still is there in the end."""
    beside = Path(os.path.realpath(folder))
    while True:
        with suppress(FileExistsError):
            staging = free_name(beside, "part")
            staging.mkdir()
            break
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _put_in_place(staging: Path, folder: Path, test: str) -> None:
    """Let ``folder`` hold what ``staging`` does; ``test`` is the file that says it is whole."""
    # Not where somebody stands, whose folder would be gone.
    empty = folder.exists() and not folder.samefile(Path.cwd()) and not any(folder.iterdir())
    if empty or not folder.exists():
        with suppress(FileNotFoundError):
            staging.chmod(stat.S_IMODE(folder.stat().st_mode))
        # At once, also where an empty one stands there.
        staging.rename(os.path.realpath(folder))
        return
    # Among other files one after another: what is in place half has no test, but a mark.
    for path in _tests_in(folder):
        path.rename(free_name(path, "part"))
    mark = free_name(folder / test, "part")
    (staging / test).rename(mark)
    for name in _FILES:
        (staging / name).replace(folder / name)
    mark.rename(folder / test)
    for path in _marks_in(folder):
        path.unlink()


def _log_lines(history: History, shrunk: Shrunk) -> Iterator[LogLine]:
    """Iterate over the lines that are left, each as it was, behind one for the parameters."""
    yield history.parameters_line
    for number in shrunk.numbers:
        line = own_line(history.event(number), history.store)
        yield LogLine(history.place(number), number, line)


def _run(within: Path, folder: Path, shrunk: Shrunk) -> None:
    """Run on both logs, and see that this decides what was decided while shrinking."""
    with Logs(within / BATCH, within / STREAM) as logs:
        run(logs, within / FLAGGED)
    *_, decision = EventStore(within / STORE).decisions()
    if decision != shrunk.decision:
        raise VerdictNotReplayedError(
            f"{folder}: expected a run on the shrunk logs to decide what a replay of them does, "
            f"found another decision on event {shrunk.recorded.number}; nothing was written"
        )


def _test_name(number: int, parts: list[bytes]) -> str:
    """Return a name that no other test has: pytest wants that of files in several folders."""
    digest = hashlib.sha256(b"\0".join(parts)).hexdigest()
    return f"test_event_{number}_{digest[:8]}.py"


def _tests_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _TEST_NAME.fullmatch(path.name))


def _marks_in(folder: Path) -> list[Path]:
    """Return the tests of shrunk histories that are being put in place, or replaced."""
    return sorted(path for path in folder.iterdir() if _MARK_NAME.fullmatch(path.name))
