"""Canonical times as numbers, to add durations to them exactly."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final, NamedTuple, Self, final

import msgspec

from events.times.durations import SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

_BEGIN: Final = dt.datetime(1, 1, 1)  # noqa: DTZ001  no time zone is known or assumed
_SECONDS: Final = len("YYYY-MM-DD HH:MM:SS")
_PLACES: Final = 9
_DAY: Final = 86_400
_END: Final = (dt.date.max - _BEGIN.date()).days + 1


class Span(NamedTuple):
    """What to add to an instant."""

    nanoseconds: int
    edge: str = ""
    """Digits to put behind all others; ``EDGE`` gives what is next to the sum."""


EDGE: Final = "\0"
"""It sorts before every digit: no instant is between another and that one with it."""


@final
class Instant(msgspec.Struct, frozen=True, order=True, gc=False):
    """A time, however many digits its fraction has; instants sort as the times do."""

    nanoseconds: int
    """Whole nanoseconds since 0001-01-01 00:00:00."""
    digits: str
    """The digits of the fraction behind the ninth, without zeros at their end."""

    def __add__(self, span: Span) -> Self:
        """Return the instant so much later, or earlier if that is negative."""
        return type(self)(self.nanoseconds + span.nanoseconds, self.digits + span.edge)


def are_in_order(times: Sequence[str]) -> bool:
    """Tell whether canonical times stand in order."""
    # A sort of what is in order compares each pair once; to do that by hand took twice
    # as long.
    return sorted(times) == list(times)


def instant_of(time: str) -> Instant:
    """Return the instant of ``time``, as `events.times.timestamps.parse_timestamp` gives it."""
    since = dt.datetime.fromisoformat(time[:_SECONDS]) - _BEGIN
    digits = time[_SECONDS + 1 :]
    seconds = since.days * _DAY + since.seconds
    return Instant(seconds * SECOND + int(digits[:_PLACES].ljust(_PLACES, "0")), digits[_PLACES:])


def time_text(instant: Instant) -> str:
    """Return the canonical text of ``instant``.

    Raises:
        OverflowError: it is before the year 1 or after the year 9999.

    """
    seconds, nanoseconds = divmod(instant.nanoseconds, SECOND)
    if not 0 <= seconds < _END * _DAY:
        raise OverflowError(f"expected a time of the years 1 to 9999, found second {seconds}")
    text = (_BEGIN + dt.timedelta(seconds=seconds)).isoformat(" ")
    return f"{text}.{nanoseconds:09}{instant.digits}".rstrip("0").removesuffix(".")
