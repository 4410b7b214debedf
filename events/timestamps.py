"""Timestamps: exact at any precision, and sortable as they are.

A time is kept as text, ``YYYY-MM-DD HH:MM:SS`` with the zeros at the end of a
fraction cut off. Such texts sort as the times do: the first 19 characters have a
fixed width, and of two fractions the digits decide. A whole number of some small
unit would sort too, but would put a bound on the digits of a fraction that
SPEC.md section 2 does not have. A ``T`` between date and clock is read as the space. No
time zone is known or assumed.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

from events.errors import BadValueError, shown

_SHAPE: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[ T]([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]+)?"
)


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
    match = _SHAPE.fullmatch(text)
    if match is None:
        raise TimestampShapeError(f"expected YYYY-MM-DD HH:MM:SS, found {shown(text)}")
    year, month, day, hour, minute, second, fraction = match.groups()
    try:
        dt.datetime(  # noqa: DTZ001  only asked whether the date exists
            int(year), int(month), int(day), int(hour), int(minute), int(second)
        )
    except ValueError:
        raise TimestampDateError(f"expected a real date and time, found {shown(text)}") from None
    if fraction is None and text[10] == " ":
        return text
    fraction = (fraction or "").rstrip("0").removesuffix(".")
    return f"{text[:10]} {text[11:19]}{fraction}"
