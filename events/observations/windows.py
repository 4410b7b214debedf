"""Observations as columns, ranges of them, and what a coming one may be in a range with.

What looks for intervals goes through observations with it, and so does what reads a store, in which
an interval is told by where it begins and ends.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import numpy as np

from events.observations.interval import Interval
from events.observations.ranges import IdRuns, first_within, order_of
from events.times.exact import ExactTimes, apart_at_most, joined

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

N = TypeVar("N")
T = TypeVar("T")


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

    def ids(self, names: Sequence[N], made: Callable[[Sequence[N]], T]) -> list[T]:
        """Return what ``made`` makes of the ids of each, in order of first appearance.

        Args:
            names: the ids by code.
            made: is given them.

        """
        return self._runs.ids(self._first, self._last, names, made)

    def times(self) -> tuple[list[str], list[str]]:
        """Return when each begins and ends, as texts."""
        first, last = (self._rows.times.taken(rows) for rows in (self._starts, self._ends - 1))
        return first.texts(), last.texts()

    def _values(self) -> tuple[object, ...]:
        columns = (self.keys, self.counts, self.places, *self.indexes)
        codes = range(int(self._runs.adids.max(initial=-1)) + 1)
        return (*(column.tolist() for column in columns), *self.times(), self.ids(codes, tuple))

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
        columns = (column.tolist() for column in self.indexes)
        names = map(keys.__getitem__, self.keys.tolist())
        ids = self.ids(adids, tuple)
        return list(map(Interval, *columns, *self.times(), self.counts.tolist(), ids, names))


def groups_of(
    keys: NDArray[np.int64], *, one: bool
) -> tuple[NDArray[np.int64] | None, NDArray[np.int64]]:
    """Return the group of each row, None where all are of ``one``; and where each begins."""
    if one:
        return None, np.zeros(1, np.int64)
    others = np.ones(len(keys), np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=others[1:])
    return np.cumsum(others) - 1, np.flatnonzero(others)


def none_of(rows: Rows) -> Ranges:
    """Return no ranges of ``rows``."""
    nothing = np.zeros(0, np.int64)
    return Ranges(rows, IdRuns(None, rows.adids), *(nothing,) * 6)


class Extended(NamedTuple):
    """The observations of a window with those that came, sorted by key; those of a key by time."""

    rows: Rows
    """Both."""
    groups: NDArray[np.int64] | None
    """For each the number of its key among those there are, from 0; None where they are of one."""
    begins: NDArray[np.int64]
    """Where the rows of each of these begin."""
    firsts: NDArray[np.int64]
    """For each row the first one of its key that it may be in a range with."""
    moved: NDArray[np.int64]
    """By how much a row's place among all of its key is more than that here, by group."""
    order: NDArray[np.int64] | None
    """Where each was among the former and then the new ones; None where that is the order."""
    before: int
    """How many there were before."""

    @property
    def changes(self) -> NDArray[np.int64]:
        """For each that came how many more, or less, are open of its key: see `Windows.open`."""
        sizes = np.arange(1, len(self.rows) + 1) - self.firsts
        changes: NDArray[np.int64] = np.diff(sizes, prepend=0)
        if self.order is None:
            return changes[self.before :]
        changes[self.begins] = sizes[self.begins]
        arrived = np.empty_like(changes)
        arrived[self.order] = changes
        return arrived[self.before :]


class Windows:
    """What coming observations of many keys may be in an interval with."""

    def __init__(self, threshold: int, *, inclusive: bool) -> None:
        """Begin before the first observation; see `actors.intervals.finder.IntervalFinder`."""
        self._threshold: Final = threshold
        self._inclusive: Final = inclusive
        self.open = no_rows()
        """What a coming observation may be in an interval with, sorted by key."""
        self.seen = np.zeros(0, np.int64)
        """How many observations there were, by key."""

    def take(self, new: Rows) -> Extended:
        """Take observations in time order, not before those that came; some are there by then."""
        more = int(new.keys.max(initial=-1)) + 1 - len(self.seen)
        if more > 0:
            self.seen = np.append(self.seen, np.zeros(more, np.int64))
        before = len(self.open)
        rows = together([self.open, new]) if before else new
        order = None
        if rows.keys.min() != rows.keys.max():
            order = order_of(rows.keys)
            rows = rows.taken(order)
        groups, begins = groups_of(rows.keys, one=order is None)
        apart = apart_at_most(self._threshold, rows.times.places, inclusive=self._inclusive)
        firsts = first_within(groups, rows.times.values, apart)
        if order is None or groups is None:
            rows_before = np.array([before])
        else:
            rows_before = np.bincount(groups[order < before], minlength=len(begins))
        moved = self.seen[rows.keys[begins]] - rows_before - begins
        self.seen += np.bincount(new.keys, minlength=len(self.seen))
        lasts = np.append(begins[1:], len(rows)) - 1
        kept = (
            slice(int(firsts[-1]), None)
            if groups is None
            else np.arange(len(rows)) >= firsts[lasts][groups]
        )
        self.open = rows.taken(kept)
        return Extended(rows, groups, begins, firsts, moved, order, before)
