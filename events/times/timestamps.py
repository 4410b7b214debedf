"""Timestamps: exact at any precision, and sortable as they are.

A time is kept as text, ``YYYY-MM-DD HH:MM:SS`` with the zeros at the end of a
fraction cut off. Such texts sort as the times do: the first 19 characters have a
fixed width, and of two fractions the digits decide. A whole number of some small
unit would sort too, but would put a bound on the digits of a fraction that
SPEC.md section 2 does not have. A ``T`` between date and clock is read as the space.

A time with an offset is an instant, and its text is that of UTC, where all of them sort as
instants do. Of one without an offset no time zone is known or assumed; so the two kinds
cannot be compared, and a history has times of one kind only, its zone.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Final, Literal, NamedTuple, TypeAlias

from events.errors import BadValueError, shown

Zone: TypeAlias = Literal["none", "utc"]
"""Whether times have no offset, or are instants, which are kept in UTC."""

_SHAPE: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[ T]([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]+)?"
)
_OFFSET: Final = r"(?P<offset>Z|[+-][0-9]{2}:[0-9]{2})?"
_ZONED: Final = re.compile(rf"({_SHAPE.pattern}){_OFFSET}")
_SHORT: Final = re.compile(
    rf"(?P<day>[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})(?:(?P<clock>[ T][0-9]{{2}}:[0-9]{{2}}){_OFFSET})?"
)
_SECONDS: Final = len("YYYY-MM-DD HH:MM:SS")
_HOURS, _MINUTES = 24, 60


class Timestamp(NamedTuple):
    """What a log gives as a time."""

    time: str
    """The sort key, which is also the canonical text: with an offset it is in UTC."""
    zone: Zone
    """Whether it had an offset."""


class TimestampShapeError(BadValueError):
    """The timestamp is not written as ``YYYY-MM-DD HH:MM:SS``."""


class TimestampDateError(BadValueError):
    """The timestamp has the right shape but names no real date and time."""


def parse_timestamp(text: str) -> str:
    """Return the sort key of the timestamp ``text``, which is also its canonical text.

    Raises:
        TimestampShapeError: it is not ``YYYY-MM-DD HH:MM:SS`` with an optional fraction; a
            ``T`` may stand for the space.
        TimestampDateError: no such day or time exists (such as 30 February or 25 o'clock).

    """
    return _canonical(text, text)


def parse_zoned(text: str) -> Timestamp:
    """Return what the timestamp ``text`` says, which may end with ``Z`` or with an offset.

    Raises:
        TimestampShapeError: as `parse_timestamp` does for what stands before the offset, which
            is ``Z``, ``+HH:MM`` or ``-HH:MM``.
        TimestampDateError: no such day, time or offset exists, or the instant is outside of
            the years 0001 to 9999 in UTC.

    """
    match = _ZONED.fullmatch(text)
    if match is None:
        raise _shape_error(text)
    return _zoned(match[1], match["offset"], text)


def parse_any(text: str) -> Timestamp:
    """Return what ``text`` says, a timestamp or a shorter form of one.

    These are a date alone, which is its midnight, and a time without seconds, which is its first;
    only the latter may have an offset. Many at once: `events.times.columns.times_in_texts`.

    Raises:
        TimestampShapeError: it is none of these, nor what `parse_zoned` takes.
        TimestampDateError: as `parse_zoned` does.

    """
    short = _SHORT.fullmatch(text)
    if short is None:
        return parse_zoned(text)
    return _zoned(f"{short['day']}{short['clock'] or ' 00:00'}:00", short["offset"], text)


def minutes_of(offset: str) -> int | None:
    """Return by how many minutes a clock of this offset is ahead of UTC; None if none is.

    Args:
        offset: ``Z``, ``+HH:MM`` or ``-HH:MM``.

    """
    if offset == "Z":
        return 0
    hours, minutes = int(offset[1:3]), int(offset[4:])
    if hours >= _HOURS or minutes >= _MINUTES:
        return None
    return (hours * _MINUTES + minutes) * (-1 if offset[0] == "-" else 1)


def shifted(time: str, minutes: int) -> str:
    """Return the canonical text of what is so many minutes after the canonical ``time``.

    Raises:
        OverflowError: that is outside of the years 0001 to 9999.

    """
    whole = dt.datetime.fromisoformat(time[:_SECONDS]) + dt.timedelta(minutes=minutes)
    return f"{whole.isoformat(' ')}{time[_SECONDS:]}"


def in_zone(time: str, zone: Zone | None) -> str:
    """Return how a canonical time is shown: with a ``Z`` if it is an instant in UTC."""
    return f"{time}Z" if zone == "utc" else time


def _zoned(clock: str, offset: str | None, whole: str) -> Timestamp:
    """Return what a timestamp says that has ``clock`` before its offset, written as ``whole``."""
    time = _canonical(clock, whole)
    if offset is None:
        return Timestamp(time, "none")
    minutes = minutes_of(offset)
    if minutes is None:
        raise TimestampDateError(
            f"expected an offset of hours to 23 and minutes to 59, found {shown(whole)}"
        )
    if minutes:
        try:
            time = shifted(time, -minutes)
        except OverflowError:
            raise TimestampDateError(
                f"expected an instant of the years 0001 to 9999 in UTC, found {shown(whole)}"
            ) from None
    return Timestamp(time, "utc")


def _canonical(text: str, whole: str) -> str:
    """Return what `parse_timestamp` does for ``text``, which stands at the start of ``whole``."""
    match = _SHAPE.fullmatch(text)
    if match is None:
        raise _shape_error(whole)
    year, month, day, hour, minute, second, fraction = match.groups()
    try:
        dt.datetime(  # noqa: DTZ001  only asked whether the date exists
            int(year), int(month), int(day), int(hour), int(minute), int(second)
        )
    except ValueError:
        raise TimestampDateError(f"expected a real date and time, found {shown(whole)}") from None
    if fraction is None and text[10] == " ":
        return text
    fraction = (fraction or "").rstrip("0").removesuffix(".")
    return f"{text[:10]} {text[11:19]}{fraction}"


def _shape_error(text: str) -> TimestampShapeError:
    return TimestampShapeError(f"expected YYYY-MM-DD HH:MM:SS, found {shown(text)}")
