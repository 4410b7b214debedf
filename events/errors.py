"""The errors of the program: one base, one class for each way to go wrong.

Each message names the place (file and line, or offset), what was expected, what
was found and what to do. ``exit_status`` is what the command line ends with.
"""

from __future__ import annotations

from typing import ClassVar, Final

SHOWN_MAX: Final = 10**30
"""The largest whole number that error messages show."""


class ReplayError(Exception):
    """Base of every error that this project raises on purpose."""

    exit_status: ClassVar[int] = 2


class InputError(ReplayError):
    """A log is missing, is not a file, or cannot be read."""


class ParametersError(ReplayError):
    """D or T is missing or wrong (SPEC.md section 2)."""


class LineRejectedError(ReplayError):
    """A line broke the rules of SPEC.md section 2 and the run is strict."""

    exit_status = 1


class OutputError(ReplayError):
    """The flagged file or the event store cannot be written."""

    exit_status = 1


class InterruptedRunError(ReplayError):
    """The run was asked to stop; what was done is kept."""

    exit_status = 130


class TerminatedRunError(InterruptedRunError):
    """The same, by the signal that ends services."""

    exit_status = 143


class StoreError(ReplayError):
    """An event store cannot be read."""


class ForeignStoreError(StoreError):
    """The file is not an event store."""


class NewerStoreError(StoreError):
    """The event store was written in a format newer than this program knows."""


class DamagedStoreError(StoreError):
    """The event store is damaged in a place that no interrupted write explains."""


class OtherKindError(StoreError):
    """The store is of the other detector: of intervals, or of purchases."""


class OtherDetectorError(StoreError):
    """Another detector decided the store, or another version of this one."""


class DetectorError(ReplayError):
    """A detector cannot be told from others: it has to declare its name or its version."""


class DetectorFailedError(DetectorError):
    """A detector raised an error of its own where it was asked something."""

    exit_status = 1


class PositionError(ReplayError):
    """A history has no such event or moment."""


class UnknownUserError(ReplayError):
    """No such user has appeared yet."""


class BadValueError(ReplayError):
    """A single value does not qualify; the message says what was expected and found."""


def counted(number: int, noun: str) -> str:
    """Return how many of a thing there are, in words."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def shown(value: str | bytes, length_max: int = 60) -> str:
    """Return ``value`` as error messages show it: quoted, in ASCII, not too long."""
    if len(value) > length_max:
        cut = value[: length_max - 3]
        value = cut + "..." if isinstance(cut, str) else cut + b"..."
    return ascii(value).removeprefix("b")


def shown_whole(value: int) -> str:
    """Return ``value`` as error messages show it.

    Python refuses to write thousands of digits, and how many is a setting of its own.
    """
    return str(value) if abs(value) <= SHOWN_MAX else "one of more than 30 digits"


def unreadable(path: object, error: Exception, what: str) -> InputError:
    """Return the error that ``path`` cannot be read, where ``what`` was expected."""
    found = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return InputError(f"{path}: expected {what}, found: {found}")


def unwritable(path: object, error: OSError, what: str) -> OutputError:
    """Return the error that ``what`` cannot be written to ``path``."""
    return OutputError(f"{path}: expected to write {what}, found: {error.strerror}")
