"""Names of files as somebody gives them."""

from __future__ import annotations

import re
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from events.errors import InputError

if TYPE_CHECKING:
    from typing import TextIO

    from events.errors import ReplayError

STANDARD_STREAM: Final = "-"
"""What stands for standard input, and for standard output."""

_OUTPUTS: Final = {"/dev/stdout": 1, "/dev/stderr": 2}
_DESCRIPTORS: Final = re.compile(r"/(?:dev|proc/self)/fd/([0-9]{1,9})")


def path_of(name: str | Path, expected: str, error: type[ReplayError] = InputError) -> Path:
    """Return the path that ``name`` is, where ``expected`` is to be.

    Raises:
        ReplayError: the name is none, by which Python would take the current folder, or
            no file can have it; of the class ``error``.

    """
    text = str(name)
    if not text:
        raise error(f"expected {expected}, found an empty name")
    if "\0" in text:
        raise error(f"expected {expected}, found a name with a NUL")
    return Path(name)


def is_stream(path: str | Path) -> bool:
    """Tell whether what ``path`` gives or takes is read or written but once, in order.

    So are a standard stream, a pipe and a character device. As text ``-`` is a standard
    stream; ``./-`` and a `Path` are files.
    """
    if path == STANDARD_STREAM:
        return True
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


def is_output_stream(path: str | Path) -> bool:
    """Tell whether lines are written to what ``path`` names but once, in order.

    So they are to what this process has open, be it a file: somebody else may write to it,
    where it is by now.
    """
    return is_stream(path) or descriptor_of(path) is not None


def descriptor_of(path: str | Path) -> int | None:
    """Return which open descriptor of this process ``path`` names, or None for a file's name."""
    name = str(path)
    found = _DESCRIPTORS.fullmatch(name)
    return _OUTPUTS.get(name) if found is None else int(found[1])


def standard_input(expected: str) -> TextIO:
    """Return standard input, where ``expected`` is what is read from it.

    Raises:
        InputError: it is closed.

    """
    if sys.stdin is None:
        raise InputError(f"standard input: expected {expected}, found it closed")
    return sys.stdin
