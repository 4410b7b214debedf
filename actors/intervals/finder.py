"""Time intervals in which several advertising ids appear (SPEC.md section 7).

Of observations in time order, the longest range from a place is all that begins
there and is shorter than the threshold. The ranges that are wanted are those not
inside another one. What holds a range that qualifies qualifies too, so that looking
for ids can wait until the ranges are known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from events.errors import BadValueError, shown
from events.journal.names import Names
from events.journal.ticks import ticks_and_finer
from events.observations.observed import Coded
from events.observations.ranges import IdRuns
from events.observations.windows import Extended, Ranges, Rows, Windows, groups_of, no_rows, none_of
from events.times.exact import ExactTimes
from events.times.instants import are_in_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from events.observations.interval import Interval
    from events.observations.observed import Observation


class Held(NamedTuple):
    """What a finder holds at a moment."""

    open: Rows
    """What a coming observation may be in an interval with, sorted by key."""
    seen: NDArray[np.int64]
    """How many observations there were, by key."""
    ended: NDArray[np.int64]
    """How many of them there were when no more seemed to come."""


class IntervalFinder(Windows):
    """Finds the intervals of observations of many keys, which come in time order.

    An interval is given out as soon as no later observation of its key can extend it. What is
    kept of a key are its observations within one threshold of its latest. The time taken is
    linear, but for sorting, in the observations and in the ids of the intervals.
    """

    def __init__(self, threshold: int, *, inclusive: bool = False, distinct_min: int = 2) -> None:
        """Begin before the first observation.

        Args:
            threshold: nanoseconds, as `events.times.durations.parse_duration` gives them; an
                interval is shorter than that.
            inclusive: an interval may be just as long, too.
            distinct_min: how many different ids an interval has at least, 1 or more.

        """
        if threshold < 0 or distinct_min < 1:
            raise BadValueError("expected a threshold of 0 or more, and 1 id or more, found less")
        super().__init__(threshold, inclusive=inclusive)
        self._distinct_min: Final = distinct_min
        self.ended = np.zeros(0, np.int64)
        """How many of them there were when no more seemed to come."""

    def stand(self, held: Held) -> None:
        """Hold this."""
        self.open, self.seen, self.ended = held

    def of_key(self, key: int) -> tuple[int, Rows]:
        """Return how many observations of a key there were, and those that are open."""
        if key >= len(self.seen):
            return 0, no_rows()
        own = slice(*np.searchsorted(self.open.keys, (key, key + 1)).tolist())
        return int(self.seen[key]), self.open.taken(own)

    def extend(self, new: Rows, places: NDArray[np.int64]) -> tuple[Ranges, NDArray[np.int64]]:
        """Take observations that are not before those that came.

        Args:
            new: the observations, in time order.
            places: for each its place in the order over all keys.

        Returns:
            The intervals that are final now, and for each observation how many more, or less,
            of its key a coming one may be in an interval with.

        """
        if not len(new):
            return none_of(self.open), np.zeros(0, np.int64)
        extended = self.take(new)
        return self._final(extended, places), extended.changes

    def find(self, new: Rows, places: NDArray[np.int64]) -> Ranges:
        """Return the intervals only that `extend` does."""
        return self._final(self.take(new), places) if len(new) else none_of(self.open)

    def _final(self, extended: Extended, places: NDArray[np.int64]) -> Ranges:
        rows, groups, _, firsts, moved, order, before = extended
        self.ended = np.append(self.ended, np.zeros(len(self.seen) - len(self.ended), np.int64))
        # A range ends where the next one begins later; the rows that stood here were told of.
        begin_later = firsts[1:] > firsts[:-1]
        if groups is not None:
            begin_later &= groups[1:] == groups[:-1]
        ends = np.flatnonzero(begin_later) + 1
        if order is None:
            ends = ends[np.searchsorted(ends, before) :]
            made_final = ends - before
        else:
            ends = ends[order[ends] >= before]
            made_final = order[ends] - before
        return self._found(rows, groups, moved, firsts[ends - 1], ends, places[made_final])

    def finish(self, place: int) -> Ranges:
        """Return the last interval of each key, if there is one more; none comes behind ``place``.

        Should observations be added all the same, it is given out again where it has grown, as
        it is then.
        """
        rows = self.open
        if not len(rows):
            return none_of(rows)
        groups, begins = groups_of(rows.keys, one=False)
        ends = np.append(begins[1:], len(rows))
        index = self.seen[rows.keys[begins]] - ends
        found = self._found(rows, groups, index, begins, ends, np.full(len(ends), place))
        self.ended = self.seen.copy()
        return found

    def _found(  # noqa: PLR0917  all of them are columns
        self,
        rows: Rows,
        groups: NDArray[np.int64] | None,
        index: NDArray[np.int64],
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        places: NDArray[np.int64],
    ) -> Ranges:
        """Return those of some ranges that qualify, and were not told of at an end."""
        more = index[0] if groups is None else index[groups[ends - 1]]
        wanted = starts < ends
        if self.ended.any():
            wanted &= ends + more > self.ended[rows.keys[ends - 1]]
        runs = IdRuns(groups, rows.adids)
        first, last = runs.runs_of(starts, ends)
        if several := self._distinct_min > 1:
            wanted &= last > first
        found = Ranges(rows, runs, starts, ends, starts + more, places, first, last).taken(wanted)
        # Those of several runs have two ids at least.
        if self._distinct_min > 1 + several:
            found = found.taken(found.counts >= self._distinct_min)
        return found


class TextFinder:
    """Finds the intervals of observations of one key that are given as texts."""

    def __init__(
        self, threshold: int, *, inclusive: bool = False, distinct_min: int = 2, key: str = ""
    ) -> None:
        """Begin before the first observation of ``key``; see `IntervalFinder`."""
        self._finder: Final = IntervalFinder(
            threshold, inclusive=inclusive, distinct_min=distinct_min
        )
        self._key: Final = key
        self._adids: Final = Names()
        self._latest = ""
        self.seen = 0
        """How many observations there were."""

    @property
    def window(self) -> Rows:
        """What a coming observation may be in an interval with."""
        return self._finder.open

    def observe(self, observations: Sequence[Observation]) -> list[Interval]:
        """Take observations in time order; see `extend`."""
        return self.extend(
            [each.time for each in observations], [each.adid for each in observations]
        )

    def extend(self, times: Sequence[str], adids: Sequence[str]) -> list[Interval]:
        """Take observations in time order and return the intervals that are final now.

        Args:
            times: as `events.times.timestamps.parse_timestamp` gives them.
            adids: the ids, one for each time.

        Raises:
            BadValueError: a time is before an earlier one, or lacks its id; nothing was taken.

        """
        if len(times) != len(adids):
            raise BadValueError(f"expected {len(times)} ids, as many as times, found {len(adids)}")
        if not times:
            return []
        check_order(times, self._latest)
        self._latest = times[-1]
        rows = Rows(
            np.zeros(len(times), np.int64),
            ExactTimes.of(*ticks_and_finer(times)),
            Coded.of(adids).by(self._adids),
        )
        places = np.arange(self.seen, self.seen + len(times))
        self.seen += len(times)
        return self._intervals(self._finder.find(rows, places))

    def finish(self) -> list[Interval]:
        """Return the last interval, if there is one more; see `IntervalFinder.finish`."""
        return self._intervals(self._finder.finish(self.seen))

    def _intervals(self, found: Ranges) -> list[Interval]:
        return found.intervals(self._adids.listed, [self._key])


def check_order(times: Sequence[str], before: str) -> None:
    """Refuse times of which one is before the one in front of it, or before ``before``.

    Raises:
        BadValueError: one is.

    """
    if times[0] < before or not are_in_order(times):
        for time in times:
            if time < before:
                raise BadValueError(
                    f"expected times in order, found {shown(time)} after {shown(before)}"
                )
            before = time
