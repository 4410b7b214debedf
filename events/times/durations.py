"""Durations: ``90s``, ``10m``, ``1h30m``, ``2d`` or ``0.25s``, as whole nanoseconds."""

from __future__ import annotations

import re
from typing import Final

from events.errors import BadValueError, shown, shown_whole

SECOND: Final = 10**9
"""The nanoseconds of a second."""
_UNITS: Final = {"d": 86_400 * SECOND, "h": 3_600 * SECOND, "m": 60 * SECOND}
_PLACES_MAX: Final = 9
# At most 15 digits each: no log is longer, and no number takes long to read.
_SHAPE: Final = re.compile(
    r"(?=[0-9])(?:(?P<d>[0-9]{1,15})d)?(?:(?P<h>[0-9]{1,15})h)?(?:(?P<m>[0-9]{1,15})m)?"
    r"(?:(?P<s>[0-9]{1,15})(?:\.(?P<fraction>[0-9]+))?s)?"
)


def parse_duration(text: str) -> int:
    """Return the nanoseconds of ``text``: days, hours, minutes and seconds, in this order.

    Each part is a whole number with its letter and may be left out, but not all of
    them; seconds may have up to 9 places after the point.

    Raises:
        BadValueError: it is not written so.

    """
    match = _SHAPE.fullmatch(text)
    if match is None:
        raise BadValueError(
            f"expected a duration such as 90s, 10m, 1h30m, 2d or 0.5s, found {shown(text)}"
        )
    fraction = (match["fraction"] or "").rstrip("0")
    if len(fraction) > _PLACES_MAX:
        raise BadValueError(
            f"expected at most {_PLACES_MAX} places after the point, found {shown(text)}"
        )
    whole = sum(int(match[unit] or 0) * size for unit, size in _UNITS.items())
    return whole + int(match["s"] or 0) * SECOND + int(fraction.ljust(_PLACES_MAX, "0"))


def format_duration(nanoseconds: int) -> str:
    """Return the shortest text that `parse_duration` reads as ``nanoseconds``, 0 or more.

    Raises:
        BadValueError: it is negative.

    """
    if nanoseconds < 0:
        raise BadValueError(f"expected a duration of 0 or more, found {shown_whole(nanoseconds)}")
    parts: list[str] = []
    rest = nanoseconds
    for unit, size in _UNITS.items():
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    seconds, places = divmod(rest, SECOND)
    if places:
        parts.append(f"{seconds}.{places:0{_PLACES_MAX}}".rstrip("0") + "s")
    elif seconds or not parts:
        parts.append(f"{seconds}s")
    return "".join(parts)
