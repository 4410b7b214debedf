"""Times as numbers of some unit since 1970, exact however many digits they have.

1970 began at midnight in UTC, so such a number is an instant.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy as np

from events.errors import shown
from events.journal.ticks import PLACES, TICKS_END, TICKS_PER_SECOND, tick_of, time_of
from events.times.columns import TimeColumn
from events.times.exact import EPOCH
from events.times.timestamps import Timestamp, TimestampDateError, TimestampShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from events.times.columns import Cells

TimeUnit: TypeAlias = Literal["s", "ms", "us", "ns"]
"""What a number since 1970 counts."""

EXPONENTS: Final[dict[TimeUnit, int]] = {"s": 0, "ms": 3, "us": 6, "ns": 9}
"""How many digits of a fraction of a second each unit is."""

_NUMBER: Final = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]{1,3}))?")
# A second of the year 9999 has 12 digits.
_WHOLE_MAX: Final = 12
# So many digits fit 64 bits.
_DIGITS_MAX: Final = 18
_COMPLEMENTS: Final = str.maketrans("0123456789", "9876543210")
_NINE: Final = 9


def parse_count(text: str, unit: TimeUnit) -> Timestamp:
    """Return the instant that is so many units after the beginning of 1970 in UTC.

    Args:
        text: a number, ``1577836800`` or ``-0.25``; as in JSON an exponent of up to three
            digits may stand behind it.
        unit: what it counts.

    Raises:
        TimestampShapeError: it is no number.
        TimestampDateError: the instant is outside of the years 0001 to 9999.

    """
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise TimestampShapeError(f"expected a number of {unit} since 1970, found {shown(text)}")
    sign, whole, fraction, power = match.groups()
    digits = whole + (fraction or "")
    point = len(whole) - EXPONENTS[unit] + int(power or 0)
    significant = digits.lstrip("0")
    if significant and point - (len(digits) - len(significant)) > _WHOLE_MAX:
        raise _year_error(text)
    digits = "0" * max(0, 1 - point) + digits
    point = max(point, 1)
    seconds = int(digits[max(0, point - _WHOLE_MAX) : point].ljust(min(point, _WHOLE_MAX), "0"))
    seconds, rest = _negated(seconds, digits[point:]) if sign else (seconds, digits[point:])
    tick = EPOCH + seconds * TICKS_PER_SECOND + int(rest[:PLACES].ljust(PLACES, "0"))
    if not 0 <= tick < TICKS_END:
        raise _year_error(text)
    return Timestamp(time_of(tick, rest[PLACES:].rstrip("0")), "utc")


def count_text(time: str, unit: TimeUnit) -> str:
    """Return the number that `parse_count` reads as the canonical ``time`` in UTC."""
    tick, finer = tick_of(time)
    seconds, micro = divmod(tick - EPOCH, TICKS_PER_SECOND)
    digits, sign = f"{micro:0{PLACES}}{finer}", ""
    if seconds < 0:
        sign = "-"
        seconds, digits = _negated(seconds, digits)
    exponent = EXPONENTS[unit]
    whole = f"{seconds}{digits[:exponent].ljust(exponent, '0')}".lstrip("0") or "0"
    return f"{sign}{whole}.{digits[exponent:]}".rstrip("0").removesuffix(".")


def _negated(seconds: int, digits: str) -> tuple[int, str]:
    """Return the negative of so many seconds and the digits of a fraction behind them."""
    digits = digits.rstrip("0")
    if not digits:
        return -seconds, ""
    return -seconds - 1, digits[:-1].translate(_COMPLEMENTS) + str(10 - int(digits[-1]))


def _year_error(text: str) -> TimestampDateError:
    return TimestampDateError(
        f"expected an instant of the years 0001 to 9999 in UTC, found {shown(text)}"
    )


def counts_in(cells: Cells, unit: TimeUnit) -> TimeColumn | None:
    """Return the instants that cells are, or None where it takes a look at each to tell."""
    data, begins, ends = cells
    if not len(begins):
        return TimeColumn(np.zeros(0, np.int64), {}, None)
    text = np.frombuffer(data, np.uint8)
    negative = text[begins] == ord("-")
    begins = begins + negative
    sizes = ends - begins
    longest = int(sizes.max())
    if int(sizes.min()) < 1 or longest > _DIGITS_MAX:
        return None
    values = np.zeros(len(begins), np.int64)
    points = np.full(len(begins), -1)
    for place in range(longest):
        there = sizes > place
        byte = text[np.where(there, begins + place, 0)]
        point = there & (byte == ord("."))
        # One point, with digits before and behind it.
        if (point & ((points >= 0) | (place == 0) | (sizes == place + 1))).any():
            return None
        points[point] = place
        there &= ~point
        digits = (byte - np.uint8(ord("0"))).astype(np.int64)
        if (digits[there] > _NINE).any():
            return None
        values = np.where(there, values * 10 + digits, values)
    values = np.where(negative, -values, values)
    return _column(values, EXPONENTS[unit] + np.where(points < 0, 0, sizes - points - 1))


def _column(values: NDArray[np.int64], places: NDArray[np.int64]) -> TimeColumn | None:
    """Return the instants that are so many units of 10^-places seconds after 1970."""
    if int(places.max()) - PLACES > _DIGITS_MAX:
        return None
    factors = 10 ** np.maximum(PLACES - places, 0)
    if (np.abs(values) > TICKS_END // factors).any():
        return None
    divisors = 10 ** np.maximum(places - PLACES, 0)
    ticks, rest = np.divmod(values * factors, divisors)
    ticks += EPOCH
    if int(ticks.min()) < 0 or int(ticks.max()) >= TICKS_END:
        return None
    rows = np.flatnonzero(rest).tolist()
    digits = zip(rest[rows].tolist(), (places[rows] - PLACES).tolist(), strict=True)
    finer = [f"{each:0{count}}".rstrip("0") for each, count in digits]
    return TimeColumn(ticks, dict(zip(rows, finer, strict=True)), "utc")
