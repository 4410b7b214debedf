"""Times as whole numbers in arrays, exact to the last digit of any fraction.

They are reckoned with there: sorted, compared, and moved by a duration. What 64 bits hold is
an array of such; whatever has more digits is an array of Python's own numbers, on which the same
operations give the same answers, slowly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from events.journal.ticks import PLACES, TICKS_END, tick_of, times_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from events.journal.ticks import Ticks

Whole: TypeAlias = NDArray[Any]
"""Whole numbers: of 64 bits, or Python's own."""

EPOCH: Final = tick_of("1970-01-01 00:00:00")[0]
"""The tick from which they are counted."""
_NANO: Final = 9
# The difference of two such numbers, and one more, has 64 bits.
_BOUND: Final = 2**62


class ExactTimes(NamedTuple):
    """Some times, in units of 10^-places seconds since 1970-01-01 00:00:00."""

    values: Whole
    """The times."""
    places: int
    """How many digits of a fraction they have, `events.journal.ticks.PLACES` or more."""

    @staticmethod
    def of(ticks: Ticks, finer: Mapping[int, str]) -> ExactTimes:
        """Return ticks and, by index, the digits that they cannot tell."""
        times = ExactTimes(ticks - EPOCH, PLACES)
        if not finer:
            return times
        times = times.with_places(PLACES + max(map(len, finer.values())))
        digits = times.places - PLACES
        for index, text in finer.items():
            times.values[index] += int(text.ljust(digits, "0"))
        return times

    def with_places(self, places: int) -> ExactTimes:
        """Return the same times in units as fine, or finer ones."""
        more = places - self.places
        assert more >= 0, "a coarser unit would round them"
        if not more:
            return self
        values, factor = self.values, 10**more
        if values.dtype != object:
            least, most = (int(values.min()), int(values.max())) if len(values) else (0, 0)
            # Of nothing but zeros the factor still has to fit.
            if max(-least, most, 1) * factor >= _BOUND:
                values = values.astype(object)
        return ExactTimes(values * factor, places)

    def taken(self, rows: Any) -> ExactTimes:
        """Return the times of some rows."""
        return ExactTimes(self.values[rows], self.places)

    def ticks(self) -> tuple[Ticks, dict[int, str]]:
        """Return ticks and, by index, the digits that they cannot tell; see `of`."""
        digits = self.places - PLACES
        if not digits:
            return (self.values + EPOCH).astype(np.int64), {}
        whole, rest = self.values // 10**digits, self.values % 10**digits
        finer = {
            index: f"{rest[index]:0{digits}}".rstrip("0") for index in np.flatnonzero(rest).tolist()
        }
        return whole.astype(np.int64) + EPOCH, finer

    def texts(self) -> list[str]:
        """Return the canonical texts."""
        return times_of(*self.ticks()) if len(self.values) else []

    def are_of_years(self) -> bool:
        """Tell whether all are of the years 1 to 9999."""
        unit = 10 ** (self.places - PLACES)
        if not len(self.values):
            return True
        least, most = int(self.values.min()), int(self.values.max())
        return bool(-EPOCH * unit <= least and most < (TICKS_END - EPOCH) * unit)


def joined(times: list[ExactTimes]) -> ExactTimes:
    """Return times one behind the other, in the finest of their units."""
    places = max(each.places for each in times)
    return ExactTimes(np.concatenate([each.with_places(places).values for each in times]), places)


def apart_at_most(nanoseconds: int, places: int, *, inclusive: bool) -> int:
    """Return by how many units times may differ that are closer than so many nanoseconds.

    Args:
        nanoseconds: how close.
        places: the units are 10^-places seconds.
        inclusive: or just as far.

    """
    units: int = (nanoseconds * 10**places - (not inclusive)) // 10**_NANO
    return units
