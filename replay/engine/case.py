"""A shrunk history as files: its logs, their run's outputs, and a test that is ready to run.

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
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from events.disk import free_name
from events.errors import InputError, OutputError, unwritable
from replay.engine.files import STORE_SUFFIX, check_folder_of
from replay.engine.shrink import VerdictNotReplayedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from events.records.record import Source
    from replay.engine.shrink import Shrinking, Shrunk

_TEST_NAME: Final = re.compile(r"test_event_[0-9]+_[0-9a-f]{8}\.py")
_MARK_NAME: Final = re.compile(rf"{_TEST_NAME.pattern}\.part\.~[0-9]+~")


class Case(NamedTuple):
    """A shrunk history that has been written."""

    folder: Path
    """Where."""
    lines: dict[Source, list[bytes]]
    """What its logs consist of, without newlines."""
    files: dict[str, Path]
    """All files, by what they are."""


def _files(shrinking: type[Shrinking[Any]]) -> dict[str, str]:
    """Return the names of the files besides the test, by what they are."""
    what, name = shrinking.output
    logs = {str(source): log for source, log in shrinking.logs.items()}
    return {**logs, what: name, "store": f"{name}{STORE_SUFFIX}"}


def check_folder(
    shrinking: type[Shrinking[Any]], store: Path, folder: Path, *, overwrite: bool
) -> None:
    """Refuse a folder that a shrunk history cannot be written to; nothing is written.

    With ``overwrite`` an earlier one that stands there may be replaced.

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
    names = _files(shrinking).values()
    found = [folder / name for name in names if os.path.lexists(folder / name)]
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


def write_case(
    shrinking: Shrinking[Any], shrunk: Shrunk, folder: Path, *, overwrite: bool = False
) -> Case:
    """Write what ``shrinking`` has left to ``folder``, which is made if it is not there.

    With ``overwrite`` it replaces an earlier one that stands there, with its test.

    Raises:
        InputError: the folder cannot be made, is a file, or is that of the original.
        OutputError: a file exists and may not be replaced, or cannot be written.
        VerdictNotReplayedError: a run on the logs decides otherwise.

    """
    check_folder(type(shrinking), shrinking.store, folder, overwrite=overwrite)
    lines, text = shrinking.lines(shrunk), shrinking.regression_test(shrunk, folder)
    contents = {
        shrinking.logs[source]: shrinking.content(source, texts) for source, texts in lines.items()
    }
    name = _test_name(shrinking.number, [os.fsencode(folder.name), text, *contents.values()])
    files = _files(type(shrinking))
    try:
        with _staging(folder) as within:
            for file, content in {**contents, name: text}.items():
                (within / file).write_bytes(content)
            if shrinking.run(within) != shrunk.decision:
                raise VerdictNotReplayedError(
                    f"{folder}: expected a run on the shrunk logs to decide what a replay of them "
                    f"does, found another decision on event {shrinking.number}; nothing was written"
                )
            _put_in_place(within, folder, name, files.values())
    except OSError as error:
        raise unwritable(folder, error, "the shrunk history") from None
    paths = {what: folder / each for what, each in files.items()}
    return Case(folder, lines, {**paths, "test": folder / name})


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


def _put_in_place(staging: Path, folder: Path, test: str, files: Iterable[str]) -> None:
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
    for name in files:
        (staging / name).replace(folder / name)
    mark.rename(folder / test)
    for path in _marks_in(folder):
        path.unlink()


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
