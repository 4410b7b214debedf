"""Which files a command may write: nothing that it reads, and nothing that is not a file.

Inputs and outputs are compared by what they are (SPEC.md section 8), so that two names for
one file are refused before anything is written.
"""

from __future__ import annotations

import gzip
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from events.disk import Identity, identity_of
from events.errors import InputError, OutputError, unreadable
from events.paths import STANDARD_STREAM, is_output_stream, path_of
from events.store.header import is_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

STORE_SUFFIX: Final = ".events"

_KINDS: Final = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)
# Where names stand for devices and for what a process has open, but for files in memory.
_DEVICES: Final = (("dev",), ("proc",))
_MEMORY: Final = ("shm",)
# No file that somebody writes by hand, of settings or commands, is longer.
_BY_HAND_BYTES_MAX: Final = 1 << 20


def store_beside(output: str | Path, store: str | Path | None) -> Path:
    """Return where the event store is to be: ``store``, or by default beside the output.

    Raises:
        InputError: there is no place beside it, or the name is none.

    """
    if store is not None:
        if store == STANDARD_STREAM:
            raise InputError("expected a file for the event store, found -; name another")
        return path_of(store, "a file for the event store")
    parts = (Path.cwd() / output).parts
    if is_output_stream(output) or (parts[1:2] in _DEVICES and parts[2:3] != _MEMORY):
        raise InputError(
            f"{output}: expected a store named with --store, since lines do not stay in a pipe "
            "or a device, found none"
        )
    return Path(f"{path_of(output, 'a file for the output')}{STORE_SUFFIX}")


def check_outputs(
    inputs: Iterable[tuple[str, Identity | None]],
    output: str | Path,
    store: Path | None,
    what: str = "flagged file",
) -> None:
    """Refuse outputs that cannot be made or that would overwrite an input.

    Args:
        inputs: what is read, each with its name in errors; None for what is no file.
        output: where the lines are to be.
        store: where the event store is to be, or None where none is.
        what: what the first is called in errors.

    Raises:
        InputError: an output is one of the inputs or of a kind that it cannot be, its
            folder is missing, lines would be written to a store, or both outputs are one file.

    """
    inputs = list(inputs)
    _check(output, what, inputs, takes_lines=True)
    if store is None:
        return
    _check(store, "event store", inputs, takes_lines=False)
    if output != STANDARD_STREAM and same_file(Path(output), store):
        raise InputError(f"{store}: expected two different files for {what} and store, found one")
    if store.is_symlink() and not store.exists():
        # A store that was made here would take the link's place, and not be where that says.
        raise InputError(
            f"{store}: expected a file for the event store, found a link to none; name the file "
            "that it is to be"
        )


def _check(
    output: str | Path,
    what: str,
    inputs: Iterable[tuple[str, Identity | None]],
    *,
    takes_lines: bool,
) -> None:
    if takes_lines and output == STANDARD_STREAM:
        return
    path = path_of(output, f"a file for the {what}")
    found = file_kind(path, f"the {what}")
    stream = takes_lines and is_output_stream(path)
    if found is not None and not stream:
        raise InputError(f"{path}: expected a file for the {what}, found {found}")
    if takes_lines and not stream and path.suffix == ".gz":
        raise InputError(
            f"{path}: expected a name without .gz for the {what}, to which lines are appended as "
            "they are, found one; compress it afterwards"
        )
    check_folder_of(path, f"the {what}")
    identity = None if found == "a device" else identity_of(path)
    for read_as, read in inputs:
        if identity is not None and identity == read:
            raise InputError(
                f"{path}: expected the {what}, found the {read_as}, which would "
                "be written to; name another file"
            )
    if takes_lines and found is None and is_store(path):
        raise InputError(
            f"{path}: expected the {what}, found an event store, which lines would damage; "
            "name another file"
        )


def check_new(
    path: str | Path, what: str, others: Sequence[Path] = (), *, again: bool = False
) -> Path:
    """Refuse a file that cannot be made where nothing is, before there is any work.

    Args:
        path: where the file is to be.
        what: what it is called in errors.
        others: other files that will be written.
        again: whether a file may stand there, which is then compared.

    Returns:
        The path.

    Raises:
        InputError: the name is none, or its folder is missing.
        OutputError: something stands there or is one of the others, or its folder cannot be
            written to.

    """
    if path == STANDARD_STREAM:
        raise InputError(f"expected a new file for {what}, found -; name another")
    new = path_of(path, f"a file for {what}")
    check_folder_of(new, what)
    file_kind(new, what)
    if os.path.lexists(new) and not (again and new.is_file()):
        raise taken(new, what)
    if not (os.path.lexists(new) or os.access(new.parent, os.W_OK | os.X_OK)):
        raise OutputError(
            f"{new}: expected a folder for {what} that can be written to, found another"
        )
    for other in others:
        if same_file(new, other):
            raise InputError(f"{new}: expected a file of its own for {what}, found {other}")
    return new


def read_by_hand(path: str | Path, what: str) -> bytes:
    """Return the content of a file that somebody has written by hand; errors call it ``what``.

    Raises:
        InputError: it is none, cannot be read, or has more than 1 MiB.

    """
    if not Path(path).is_file():
        raise InputError(f"{path}: expected {what}, found none")
    try:
        with Path(path).open("rb") as file:
            content = file.read(_BY_HAND_BYTES_MAX + 1)
    except OSError as error:
        raise unreadable(path, error, what) from None
    if len(content) > _BY_HAND_BYTES_MAX:
        raise InputError(f"{path}: expected {what}, found more than 1 MiB")
    return content


def taken(path: Path, what: str) -> OutputError:
    """Return the error that a file stands at ``path``, where ``what`` is to be a new one."""
    return OutputError(
        f"{path}: expected a new file for {what}, found one there; name another file"
    )


def same_file(one: Path, other: Path) -> bool:
    """Tell whether both names are those of one file, also where it is not there yet."""
    found = identity_of(one)
    if found is not None and found == identity_of(other):
        return True
    return os.path.realpath(one) == os.path.realpath(other)


def file_kind(path: Path, what: str) -> str | None:
    """Return what stands at ``path`` if it is no regular file, else None.

    Raises:
        InputError: nobody can tell.

    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InputError(f"{path}: expected a file for {what}, found: {error.strerror}") from None
    return next((kind for is_kind, kind in _KINDS if is_kind(mode)), None)


def check_folder_of(path: Path, what: str) -> None:
    """Refuse ``path``, where ``what`` is to be, if nothing can be made in its folder.

    Raises:
        InputError: the folder is missing, is none, or cannot be looked at.

    """
    folder = path.parent
    try:
        mode = folder.stat().st_mode
    except FileNotFoundError:
        found = f" no {folder}; make it first"
    except OSError as error:
        found = f": {error.strerror}"
    else:
        if stat.S_ISDIR(mode):
            return
        found = f" {folder}, which is none"
    raise InputError(f"{path}: expected a folder for {what}, found{found}")


def as_named(path: str | Path, content: bytes) -> bytes:
    """Return ``content`` as a log called ``path`` is read: compressed where that ends in .gz."""
    # Without a time in it, so that the same content is the same file.
    return gzip.compress(content, mtime=0) if Path(path).suffix == ".gz" else content
