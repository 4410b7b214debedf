"""Times as whole numbers, many at once: microseconds since 0001-01-01 00:00:00.

They fit 64 bits and sort as the times do. A fraction may have more than six digits
(SPEC.md section 2); those behind the sixth are kept beside the number, as text, and
decide where two numbers are equal.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Ticks: TypeAlias = NDArray[np.int64]

TICKS_PER_SECOND: Final = 1_000_000
"""How many ticks a second has."""
TICKS_PER_MINUTE: Final = 60 * TICKS_PER_SECOND
"""How many ticks a minute has."""
PLACES: Final = 6
"""How many digits of a fraction a tick can tell."""

SECONDS: Final = len("YYYY-MM-DD HH:MM:SS")
"""How many characters a time has that has no fraction."""
_DAY: Final = 86_400

TICKS_END: Final = dt.date.max.toordinal() * _DAY * TICKS_PER_SECOND
"""The tick at which the year 10000 begins."""

_ZERO: Final = ord("0")
_DATE: Final = "YYYY-MM-DD "
# Where the digits of a time stand, and what stands between them.
_DIGITS: Final = np.array([0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18])
_PUNCTUATION: Final = np.array([4, 7, 13, 16])
_MARKS: Final = np.frombuffer(b"--::", np.uint8)
_MARK: Final = len("YYYY-MM-DD")
_DAYS_BEFORE: Final = np.array([0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334])
_DAYS_OF: Final = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def ticks_of(times: Sequence[str]) -> Ticks | None:
    """Return the ticks of whole seconds, or None if one is no canonical time of one.

    Args:
        times: ``YYYY-MM-DD HH:MM:SS`` each, as `events.times.timestamps.parse_timestamp` gives it.

    """
    joined = "".join(times)
    # Two of them may be too short and too long by as much.
    if not {*map(len, times)} <= {SECONDS} or not joined.isascii():
        return None
    text = np.frombuffer(joined.encode(), dtype=np.uint8).reshape(-1, SECONDS)
    if (text[:, _MARK] != ord(" ")).any():
        return None
    ticks, are_real = ticks_in(text)
    return ticks if are_real.all() else None


def ticks_in(text: NDArray[np.uint8]) -> tuple[Ticks, NDArray[np.bool_]]:
    """Return the ticks of whole seconds, and which of them are real dates and times.

    Args:
        text: the `SECONDS` bytes of one time in each row; what stands between the date and
            the clock is not looked at.

    """
    real = (text[:, _PUNCTUATION] == _MARKS).all(axis=1)
    digits = text[:, _DIGITS] - np.uint8(_ZERO)
    # What is less than "0" has become large.
    real &= (digits <= 9).all(axis=1)  # noqa: PLR2004
    # Year (its two halves), month, day, hour, minute, second.
    pairs = digits[:, 0::2].astype(np.int64) * 10 + digits[:, 1::2]
    century, rest, month, day, hour, minute, second = pairs.T
    year = century * 100 + rest
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    real &= (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1)  # noqa: PLR2004
    real &= (hour < 24) & (minute < 60) & (second < 60)  # noqa: PLR2004
    month = np.where(real, month, 1)
    real &= day <= _DAYS_OF[month - 1] + (leap & (month == 2))  # noqa: PLR2004
    past = year - 1
    days = 365 * past + past // 4 - past // 100 + past // 400
    days += _DAYS_BEFORE[month - 1] + (leap & (month > 2)) + day - 1  # noqa: PLR2004
    ticks: Ticks = (days * _DAY + hour * 3600 + minute * 60 + second) * TICKS_PER_SECOND
    return ticks, real


def tick_of(time: str) -> tuple[int, str]:
    """Return the tick of a canonical time, and the digits that it cannot tell.

    Args:
        time: as `events.times.timestamps.parse_timestamp` gives it.

    """
    when = dt.datetime.fromisoformat(time[:SECONDS])
    seconds = (when.toordinal() - 1) * _DAY + when.hour * 3600 + when.minute * 60 + when.second
    fraction = time[SECONDS + 1 :]
    return (
        seconds * TICKS_PER_SECOND + int(fraction[:PLACES].ljust(PLACES, "0")),
        fraction[PLACES:],
    )


def ticks_and_finer(times: Sequence[str]) -> tuple[Ticks, dict[int, str]]:
    """Return the ticks of canonical times, and by index the digits that they cannot tell.

    Args:
        times: as `events.times.timestamps.parse_timestamp` gives them.

    """
    ticks = ticks_of(times)
    if ticks is not None:
        return ticks, {}
    pairs = list(map(tick_of, times))
    finer = {index: digits for index, (_, digits) in enumerate(pairs) if digits}
    return np.array([tick for tick, _ in pairs], np.int64), finer


def time_of(tick: int, finer: str = "") -> str:
    """Return the canonical text of a time.

    Args:
        tick: microseconds since 0001-01-01 00:00:00, before the year 10000.
        finer: the digits of its fraction behind the sixth, without zeros at their end.

    """
    seconds, fraction = divmod(tick, TICKS_PER_SECOND)
    day, clock = divmod(seconds, _DAY)
    text = f"{_date(day)} {_clock(clock)}"
    if fraction or finer:
        text = f"{text}.{fraction:06}{finer}"
        return text if finer else text.rstrip("0")
    return text


def times_of(ticks: Ticks, finer: Mapping[int, str]) -> list[str]:
    """Return the canonical texts of many times, as `time_of` gives each; 0.1 µs each.

    Args:
        ticks: the times.
        finer: the digits of their fractions behind the sixth, by index.

    """
    seconds, fractions = np.divmod(ticks, TICKS_PER_SECOND)
    days, clocks = np.divmod(seconds, _DAY)
    exact = not (fractions.any() or finer)
    width = SECONDS if exact else SECONDS + 1 + PLACES
    text = np.empty((len(ticks), width), np.uint8)
    different, which = np.unique(days, return_inverse=True)
    dates = "".join([f"{_date(day)} " for day in different.tolist()]).encode()
    text[:, : len(_DATE)] = np.frombuffer(dates, np.uint8).reshape(-1, len(_DATE))[which]
    hours, rest = np.divmod(clocks, 3600)
    minutes, rest = np.divmod(rest, 60)
    for place, two in ((11, hours), (14, minutes), (17, rest)):
        text[:, place], text[:, place + 1] = two // 10 + _ZERO, two % 10 + _ZERO
    text[:, [13, 16]] = ord(":")
    if not exact:
        text[:, SECONDS] = ord(".")
        for place in range(width - 1, SECONDS, -1):
            fractions, digit = np.divmod(fractions, 10)
            text[:, place] = digit + _ZERO
    # As characters of numpy's: to cut them out of one text took three times as long.
    texts: list[str] = text.astype(np.uint32).view(f"U{width}").ravel().tolist()
    if exact:
        return texts
    return [
        f"{text}{finer[index]}" if index in finer else text.rstrip("0").removesuffix(".")
        for index, text in enumerate(texts)
    ]


@lru_cache(1 << 12)
def _date(day: int) -> str:
    return dt.date.fromordinal(day + 1).isoformat()


@lru_cache(1 << 12)
def _clock(second: int) -> str:
    minutes, second = divmod(second, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02}:{minute:02}:{second:02}"
