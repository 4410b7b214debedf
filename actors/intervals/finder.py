"""Time intervals in which several advertising ids appear (SPEC.md section 7).

Of observations in time order, the longest range from a place is all that begins
there and is shorter than the threshold. The ranges that are wanted are those not
inside another one. What holds a range that qualifies qualifies too, so that looking
for ids can wait until the ranges are known.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from actors.intervals.ranges import IdRuns, first_within
from events.errors import BadValueError, shown
from events.journal.names import Names
from events.journal.ticks import ticks_and_finer
from events.observations.interval import Interval
from events.observations.observed import Coded
from events.times.exact import ExactTimes, apart_at_most, joined
from events.times.instants import are_in_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from events.observations.observed import Observation


class Rows:
    """Observations as columns."""

    __slots__ = ("adids", "keys", "times")

    def __init__(
        self, keys: NDArray[np.int64], times: ExactTimes, adids: NDArray[np.int32]
    ) -> None:
        """Take columns of one length."""
        self.keys = keys
        """The number of the key of each."""
        self.times = times
        """When each was."""
        self.adids = adids
        """The ids, as codes."""

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.keys)

    def with_keys(self, keys: NDArray[np.int64]) -> Rows:
        """Return the same with other numbers of their keys."""
        return Rows(keys, self.times, self.adids)

    def taken(self, rows: Any) -> Rows:
        """Return some of them."""
        return Rows(self.keys[rows], self.times.taken(rows), self.adids[rows])

    def _values(self) -> tuple[list[Any], ...]:
        return self.keys.tolist(), self.times.texts(), self.adids.tolist()

    def __eq__(self, other: object) -> bool:
        """Tell whether ``other`` are the same observations."""
        return isinstance(other, Rows) and self._values() == other._values()

    def __hash__(self) -> int:
        """Return a number that the same observations have, too."""
        return hash((len(self), self.keys.tobytes()))


def together(parts: Sequence[Rows]) -> Rows:
    """Return rows one behind the other."""
    if len(parts) == 1:
        return parts[0]
    return Rows(
        np.concatenate([each.keys for each in parts]),
        joined([each.times for each in parts]),
        np.concatenate([each.adids for each in parts]),
    )


class Held(NamedTuple):
    """What a finder holds at a moment."""

    open: Rows
    """What a coming observation may be in an interval with, sorted by key."""
    seen: NDArray[np.int64]
    """How many observations there were, by key."""
    ended: NDArray[np.int64]
    """How many of them there were when no more seemed to come."""


def no_rows() -> Rows:
    """Return none."""
    return Rows(
        np.zeros(0, np.int64), ExactTimes.of(np.zeros(0, np.int64), {}), np.zeros(0, np.int32)
    )


class Ranges:
    """Ranges of observations, as columns; those of a key stand in time order."""

    def __init__(  # noqa: PLR0917  all of them are columns of the ranges
        self,
        rows: Rows,
        runs: IdRuns,
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        indexes: NDArray[np.int64],
        places: NDArray[np.int64],
        first: NDArray[np.int64],
        last: NDArray[np.int64],
    ) -> None:
        """Take what is known of ranges of ``rows``, which ascend."""
        self._rows: Final = rows
        self._runs: Final = runs
        self._starts: Final = starts
        self._ends: Final = ends
        self._indexes: Final = indexes
        self._first: Final = first
        self._last: Final = last
        self.places: Final = places
        """For each the place of the observation that made it final."""

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._starts)

    @cached_property
    def keys(self) -> NDArray[np.int64]:
        """Their keys, by number."""
        return self._rows.keys[self._starts]

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """How many different ids each has."""
        return self._runs.counts(self._first, self._last)

    @cached_property
    def indexes(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The places of their first and last observations among those of their keys."""
        return self._indexes, self._indexes + self._ends - 1 - self._starts

    def ids(self) -> list[tuple[int, ...]]:
        """Return the ids of each, as codes, in order of first appearance."""
        codes = range(int(self._runs.adids.max(initial=-1)) + 1)
        return self._runs.ids(self._first, self._last, codes)

    def times(self) -> tuple[list[str], list[str]]:
        """Return when each begins and ends, as texts."""
        first, last = (self._rows.times.taken(rows) for rows in (self._starts, self._ends - 1))
        return first.texts(), last.texts()

    def _values(self) -> tuple[object, ...]:
        columns = (self.keys, self.counts, self.places, *self.indexes)
        return (*(column.tolist() for column in columns), *self.times(), self.ids())

    def __eq__(self, other: object) -> bool:
        """Tell whether ``other`` are the same ranges."""
        return isinstance(other, Ranges) and self._values() == other._values()

    def __hash__(self) -> int:
        """Return a number that the same ranges have, too."""
        return hash(self.places.tobytes())

    def taken(self, which: Any) -> Ranges:
        """Return some of them."""
        columns = (self._starts, self._ends, self._indexes, self.places, self._first, self._last)
        some = Ranges(self._rows, self._runs, *(column[which] for column in columns))
        if "counts" in vars(self):
            # Each was counted among all of them.
            some.counts = self.counts[which]
        return some

    def intervals(self, adids: Sequence[str], keys: Sequence[str]) -> list[Interval]:
        """Return them as intervals.

        Args:
            adids: the ids by code.
            keys: the keys by number.

        """
        if not len(self):
            return []
        return [
            Interval(first, last, begin, end, count, ids, keys[key])
            for first, last, begin, end, count, ids, key in zip(
                *(column.tolist() for column in self.indexes),
                *self.times(),
                self.counts.tolist(),
                self._runs.ids(self._first, self._last, adids),
                self.keys.tolist(),
                strict=True,
            )
        ]


def _groups_of(
    keys: NDArray[np.int64], *, one: bool
) -> tuple[NDArray[np.int64] | None, NDArray[np.int64]]:
    """Return the group of each row, None where all are of ``one``; and where each begins."""
    if one:
        return None, np.zeros(1, np.int64)
    others = np.ones(len(keys), np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=others[1:])
    return np.cumsum(others) - 1, np.flatnonzero(others)


def _none_of(rows: Rows) -> Ranges:
    nothing = np.zeros(0, np.int64)
    return Ranges(rows, IdRuns(None, rows.adids), *(nothing,) * 6)


class IntervalFinder:
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
        self._threshold: Final = threshold
        self._inclusive: Final = inclusive
        self._distinct_min: Final = distinct_min
        self.open = no_rows()
        """What a coming observation may be in an interval with, sorted by key."""
        self.seen = np.zeros(0, np.int64)
        """How many observations there were, by key."""
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
            return _none_of(self.open), np.zeros(0, np.int64)
        self._grow(int(new.keys.max()) + 1)
        before = len(self.open)
        rows = together([self.open, new]) if before else new
        order = None
        if rows.keys.min() != rows.keys.max():
            order = np.argsort(rows.keys, kind="stable")
            rows = rows.taken(order)
        groups, begins = _groups_of(rows.keys, one=order is None)
        apart = apart_at_most(self._threshold, rows.times.places, inclusive=self._inclusive)
        firsts = first_within(groups, rows.times.values, apart)
        # A range ends where the next one begins later; the rows that stood here were told of.
        begin_later = firsts[1:] > firsts[:-1]
        sizes = np.arange(1, len(rows) + 1) - firsts
        changes = np.diff(sizes, prepend=0)
        if groups is not None:
            begin_later &= groups[1:] == groups[:-1]
            changes[begins] = sizes[begins]
        ends = np.flatnonzero(begin_later) + 1
        if order is None or groups is None:
            ends = ends[np.searchsorted(ends, before) :]
            rows_before = np.array([before])
            made_final, changes = ends - before, changes[before:]
        else:
            is_new = order >= before
            ends = ends[is_new[ends]]
            rows_before = np.bincount(groups[~is_new], minlength=len(begins))
            made_final = order[ends] - before
            arrived = np.empty(len(new), np.int64)
            arrived[order[is_new] - before] = changes[is_new]
            changes = arrived
        # By how much a row's place among those of its key is more than that here.
        index = self.seen[rows.keys[begins]] - rows_before - begins
        found = self._found(rows, groups, index, firsts[ends - 1], ends, places[made_final])
        self.seen += np.bincount(new.keys, minlength=len(self.seen))
        lasts = np.append(begins[1:], len(rows)) - 1
        kept = (
            slice(int(firsts[-1]), None)
            if groups is None
            else np.arange(len(rows)) >= firsts[lasts][groups]
        )
        self.open = rows.taken(kept)
        return found, changes

    def finish(self, place: int) -> Ranges:
        """Return the last interval of each key, if there is one more; none comes behind ``place``.

        Should observations be added all the same, it is given out again where it has grown, as
        it is then.
        """
        rows = self.open
        if not len(rows):
            return _none_of(rows)
        groups, begins = _groups_of(rows.keys, one=False)
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

    def _grow(self, keys: int) -> None:
        more = keys - len(self.seen)
        if more > 0:
            self.seen = np.append(self.seen, np.zeros(more, np.int64))
            self.ended = np.append(self.ended, np.zeros(more, np.int64))


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
        return self._intervals(self._finder.extend(rows, places)[0])

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
