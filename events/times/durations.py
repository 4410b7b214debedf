"""Durations: ``90s``, ``10min``, ``1h30m``, ``2 days`` or ``PT10M``, as whole nanoseconds."""

from __future__ import annotations

import re
from typing import Final

from events.errors import BadValueError, shown, shown_whole

SECOND: Final = 10**9
"""The nanoseconds of a second."""
# The sizes that durations are written with, the largest first, and what people call them. An m is
# a minute, as in pandas' and polars' own texts, and an M a month, which is of no fixed length.
_NAMES: Final = {
    604_800 * SECOND: ("w", "W", "week", "weeks"),
    86_400 * SECOND: ("d", "D", "day", "days"),
    3_600 * SECOND: ("h", "H", "hr", "hrs", "hour", "hours"),
    60 * SECOND: ("m", "min", "mins", "minute", "minutes"),
    SECOND: ("s", "S", "sec", "secs", "second", "seconds"),
    10**6: ("ms", "millisecond", "milliseconds"),
    # The sign for micro, and the Greek letter that it is written with as well.
    10**3: ("us", "\xb5s", "\u03bcs", "microsecond", "microseconds"),
    1: ("ns", "nanosecond", "nanoseconds"),
}
_SIZES: Final = {name: size for size, names in _NAMES.items() for name in names}
_SHOWN_IN: Final = {"d": 86_400 * SECOND, "h": 3_600 * SECOND, "m": 60 * SECOND}
_CALENDAR: Final = {
    *("M", "ME", "MS", "BM", "BME", "BMS", "mo", "month", "months", "B", "C"),
    *("q", "Q", "QE", "QS", "quarter", "quarters", "y", "Y", "YE", "YS", "A", "year", "years"),
}
_PLACES_MAX: Final = 9
# At most 19 digits each: no log is longer, and no number takes long to read.
_PART: Final = re.compile(r"([0-9]{1,19})(?:\.([0-9]+))? ?([A-Za-z\xb5\u03bc]+)(?:,? (?=[0-9]))?")
_ISO: Final = re.compile(r"P((?:[0-9.]+[WD])*)(?:T((?:[0-9.]+[HMS])+))?")


def parse_duration(text: str) -> int:
    """Return the nanoseconds of ``text``.

    It has weeks, days, hours, minutes, seconds, milli-, micro- and nanoseconds, in this order:
    each part is a number with its unit, and may be left out, but not all of them. A unit is a
    word, such as ``minutes``, or as short as pandas and polars have it: ``w``, ``d`` or ``D``,
    ``h``, ``min`` or ``m``, ``s``, ``ms``, ``us``, ``ns``; ``m`` is always a minute. Spaces may
    stand around the units. A part may have a fraction: of seconds up to 9 places. ISO 8601 is
    read as well: ``PT1H30M``.

    Raises:
        BadValueError: it is not written so, is of a unit without a fixed length, such as a
            month, or no whole number of nanoseconds.

    """
    total, end, before = 0, 0, max(_NAMES) + 1
    words = _words_of_iso(text) if text.startswith("P") else text
    while match := _PART.match(words, end):
        whole, fraction, unit = match.groups()
        if unit in _CALENDAR:
            raise BadValueError(
                f"expected a duration of a fixed length, such as 30d, found {shown(text)}: what "
                f"{unit} stands for is not always as long"
            )
        size, end = _SIZES.get(unit, before), match.end()
        if size >= before:
            break
        places = (fraction or "").rstrip("0")
        # More digits than that are none of a whole number of nanoseconds, of any unit.
        finer = int(f"0{places[: 2 * _PLACES_MAX]}") * size
        parts, rest = divmod(finer, 10 ** min(len(places), 2 * _PLACES_MAX))
        if rest or len(places) > 2 * _PLACES_MAX:
            raise BadValueError(
                f"expected whole nanoseconds, at most {_PLACES_MAX} places after the point of "
                f"seconds, found {shown(text)}"
            )
        total, before = total + int(whole) * size + parts, size
    else:
        if end == len(words) > 0:
            return total
    raise BadValueError(
        f"expected a duration such as 90s, 10min, 1h30m, 2d or 500ms, found {shown(text)}"
    )


def format_duration(nanoseconds: int) -> str:
    """Return the shortest text that `parse_duration` reads as ``nanoseconds``, 0 or more.

    Raises:
        BadValueError: it is negative.

    """
    if nanoseconds < 0:
        raise BadValueError(f"expected a duration of 0 or more, found {shown_whole(nanoseconds)}")
    parts: list[str] = []
    rest = nanoseconds
    for unit, size in _SHOWN_IN.items():
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    seconds, places = divmod(rest, SECOND)
    if places:
        parts.append(f"{seconds}.{places:0{_PLACES_MAX}}".rstrip("0") + "s")
    elif seconds or not parts:
        parts.append(f"{seconds}s")
    return "".join(parts)


def _words_of_iso(text: str) -> str:
    """Return a duration of ISO 8601 with the units of others, or nothing if it is none."""
    match = _ISO.fullmatch(text)
    return "".join(part.lower() for part in match.groups("")) if match else ""
