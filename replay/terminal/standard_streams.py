"""The standard streams: all that is printed goes through here (SPEC.md section 8).

A text is one line, whatever stands in it, and nothing in it is obeyed. What is asked for
and cannot be printed is an error like that of any other output; what is only said, on
standard error or beside the output, is lost without a word, and changes no status.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from events.errors import OutputError
from events.escapes import inert

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer
    from rich.console import Console

_INPUT: Final = 0
_OUTPUT: Final = 1
_ERROR: Final = 2
# What a character is written as that an encoding does not have: as `plain` writes others.
_ESCAPED: Final = "backslashreplace"
# On these rich uses no colours either.
_PLAIN_TERMINALS: Final = ("dumb", "unknown")


class NobodyReadsError(Exception):
    """Whoever read what is printed has had enough."""


class UnprintableError(OutputError):
    """What was asked for cannot be printed on standard output."""


class _Forgiving(io.FileIO):
    """A stream that takes all that is written to it, and loses what cannot be written."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            while (written := super().write(data)) is None:
                # Somebody has made it a stream that does not wait.
                select.select([], [self], [])
        except OSError:
            return memoryview(data).nbytes
        return written


def prepare() -> None:
    """Set up the streams of a process that is this program's own.

    A descriptor that is closed is taken, so that no file of the program's is opened as a
    standard stream, by nobody who could read or write there.
    """
    for descriptor, otherwise in (
        (_INPUT, os.O_WRONLY),
        (_OUTPUT, os.O_RDONLY),
        (_ERROR, os.O_RDONLY),
    ):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest one that is free, which is this one.
            os.open(os.devnull, otherwise)
    if sys.stdout is None:
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(_OUTPUT, "w", closefd=False)))
    # Not by a class of Python's as standard error below: interrupted, that writes twice.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors=_ESCAPED)
    encoding = None if sys.stderr is None else sys.stderr.encoding
    raw = io.BufferedWriter(_Forgiving(_ERROR, "w", closefd=False))
    sys.stderr = io.TextIOWrapper(raw, encoding, _ESCAPED, line_buffering=True)


def finish(status: int) -> int:
    """Print what still waits, and return the status that the process ends with."""
    try:
        flush()
    except NobodyReadsError:
        _discard()
    except UnprintableError as error:
        _discard()
        if status == 0:
            report(f"replay: {error}")
            status = error.exit_status
    return status


class Colour(StrEnum):
    """How what is to catch the eye is shown on a terminal; see `painted`."""

    FLAG = "1;31"
    REJECTION = "33"
    HEADING = "1"


def painted(line: str, colour: Colour | None, *, error: bool = False) -> str:
    """Return ``line``, inert already, in a colour if a terminal shows it that has colours."""
    stream = sys.stderr if error else sys.stdout
    if colour is None or stream is None or not stream.isatty():
        return line
    # As https://no-color.org says: whatever it is set to, unless to nothing.
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") in _PLAIN_TERMINALS:
        return line
    return f"\x1b[{colour}m{line}\x1b[0m"


def say(text: str, colour: Colour | None = None) -> None:
    """Print a line that was asked for, without which the output is not right.

    Raises:
        UnprintableError: it cannot be printed.
        NobodyReadsError: whoever read has had enough.

    """
    say_rendered(painted(inert(text), colour))


def say_rendered(line: str) -> None:
    """Print a line whose text is inert already, and may be in colours; otherwise as `say` does."""
    try:
        print(line)
    except BrokenPipeError:
        raise NobodyReadsError from None
    except OSError as error:
        raise _unprintable(error) from None


def mention(text: str) -> None:
    """Print a line about outputs that are elsewhere; if it cannot be printed, they are still right.

    Raises:
        UnprintableError: what was asked for before cannot be printed.
        NobodyReadsError: likewise, since whoever read has had enough.

    """
    flush()
    try:
        say(text)
        flush()
    except (UnprintableError, NobodyReadsError):
        _discard()


def report(text: str, colour: Colour | None = None) -> None:
    """Print a line for people on standard error."""
    if sys.stderr is not None:
        with suppress(OSError):
            print(painted(inert(text), colour, error=True), file=sys.stderr)


def report_above(console: Console, text: str, colour: Colour | None = None) -> None:
    """Print a line for people above what is being drawn on `error_console`."""
    style = None if colour is None else _RICH[colour]
    console.print(
        inert(text), style=style, markup=False, emoji=False, highlight=False, soft_wrap=True
    )


_RICH: Final = {
    Colour.FLAG: "bold red",
    Colour.REJECTION: "yellow",
    Colour.HEADING: "bold",
}


def is_watched() -> bool:
    """Tell whether a person sees standard error, for whom a bar is drawn."""
    return sys.stderr is not None and sys.stderr.isatty()


def error_console() -> Console:
    """Return what draws bars on standard error."""
    # Imported only where one is shown: it takes 0.1 s.
    from rich.console import Console

    return Console(stderr=True, markup=False, emoji=False, highlight=False)


def flush() -> None:
    """Print what waits, so that what is reported comes after it.

    Raises:
        UnprintableError: it cannot be printed.
        NobodyReadsError: whoever read has had enough.

    """
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        raise NobodyReadsError from None
    except OSError as error:
        raise _unprintable(error) from None


def _discard() -> None:
    """Let what still waits, and what comes after it, go nowhere."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _unprintable(error: OSError) -> UnprintableError:
    found = "it closed" if error.errno == errno.EBADF else error.strerror
    return UnprintableError(f"standard output: expected to print the answer, found: {found}")
