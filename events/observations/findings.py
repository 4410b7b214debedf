"""Findings as columns: as they are found, as a store tells them, and made of that again.

A store says of an interval where it begins and ends among the observations of its key; what else
it is they tell. So whoever reads a store goes through its observations, of which those are held
that a coming one may be in an interval with.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar, overload

import numpy as np

from events.journal.columns import CodeBook
from events.observations.interval import Finding, Interval
from events.observations.ranges import IdRuns
from events.observations.windows import Extended, Ranges, Rows, Windows, no_rows, together
from events.records.validation import WrongRecordError
from events.times.exact import ExactTimes, joined

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from events.observations.observed import Coded, Observed
    from events.observations.parameters import IntervalParameters

N = TypeVar("N")
T = TypeVar("T")

# How many ids the findings of a frame have together, besides those that an interval of all
# observations could have: a run settles where much is found.
_IDS_MAX: Final = 2**24


class FindingPlaces(NamedTuple):
    """Findings as a store tells them, in the order in which they were final."""

    numbers: NDArray[np.int64]
    """The numbers of the observations after which they were."""
    keys: NDArray[np.int64] | None
    """The numbers of their keys, from 0 in the order in which these came; None without keys."""
    starts: NDArray[np.int64]
    """The indexes of their first observations among those of their keys, from 0."""
    ends: NDArray[np.int64]
    """The indexes of their last ones."""
    counts: NDArray[np.int64]
    """How many different ids each has."""


class FindingColumns(Sequence[Finding]):
    """Findings, of which objects are made where somebody asks for such."""

    def __init__(  # noqa: PLR0917  all of them say what the findings are
        self,
        numbers: NDArray[np.int64],
        keys: NDArray[np.int64],
        parts: Sequence[Ranges],
        order: NDArray[np.int64],
        names: Sequence[str],
        adids: Sequence[str],
    ) -> None:
        """Take findings.

        Args:
            numbers: after which observation each was final.
            keys: the number of the key of each.
            parts: their ranges, one part behind the other.
            order: which of these each is.
            names: the keys by number; "" where there are none.
            adids: the ids by code.

        """
        self.numbers: Final = numbers
        """The number of the observation after which each was final."""
        self.keys: Final = keys
        """The numbers of their keys."""
        self.names: Final = names
        """The keys by number."""
        self.adids: Final = adids
        """All ids by code."""
        self._parts: Final = parts
        self._order: Final = None if (np.diff(order, prepend=-1) == 1).all() else order

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> Finding: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Finding]: ...

    def __getitem__(self, index: int | slice) -> Finding | Sequence[Finding]:
        """Return one of them, or some."""
        return self._made[index]

    def __eq__(self, other: object) -> bool:
        """Tell whether ``other`` are the same findings."""
        return isinstance(other, FindingColumns) and self._made == other._made

    def __hash__(self) -> int:
        """Return a number that the same findings have, too."""
        return hash(self.numbers.tobytes())

    def __repr__(self) -> str:
        """Return what they are, for people."""
        return repr(self._made)

    @cached_property
    def _made(self) -> tuple[Finding, ...]:
        starts, ends = self.indexes
        columns = (column.tolist() for column in (starts, ends))
        keys = map(self.names.__getitem__, self.keys.tolist())
        ids = self.ids(self.adids, tuple)
        made = map(Interval, *columns, *self.times(), self.counts.tolist(), ids, keys)
        return tuple(map(Finding, self.numbers.tolist(), made))

    @cached_property
    def indexes(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The places of their first and last observations among those of their keys."""
        first = self._column(lambda part: part.indexes[0])
        return first, self._column(lambda part: part.indexes[1])

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """How many different ids each has."""
        return self._column(lambda part: part.counts)

    def times(self) -> tuple[list[str], list[str]]:
        """Return when each begins and ends, as texts."""
        texts = [part.times() for part in self._parts]
        first, last = (self._ordered([each[end] for each in texts]) for end in (0, 1))
        return first, last

    def ids(self, names: Sequence[N], made: Callable[[Sequence[N]], T]) -> list[T]:
        """Return what ``made`` makes of the ids of each, in order of first appearance.

        Args:
            names: the ids by code.
            made: is given them.

        """
        return self._ordered([part.ids(names, made) for part in self._parts])

    def _column(self, of: Callable[[Ranges], NDArray[np.int64]]) -> NDArray[np.int64]:
        if not self._parts:
            return np.zeros(0, np.int64)
        column = np.concatenate([of(part) for part in self._parts])
        return column if self._order is None else column[self._order]

    def _ordered(self, parts: Sequence[list[T]]) -> list[T]:
        listed = [each for part in parts for each in part]
        return listed if self._order is None else [listed[at] for at in self._order.tolist()]


class _Codes:
    """Gives the names of frames codes; for those of one frame `Names` takes five times as long."""

    def __init__(self) -> None:
        """Begin without names."""
        self.listed: Final[list[str]] = []
        """The names by code."""
        self._book: Final = CodeBook()

    def of(self, coded: Coded) -> NDArray[np.int64]:
        """Return the code of each of some names."""
        names, known = coded.names, len(self.listed)
        codes = np.fromiter(map(self._book.__getitem__, names), np.int64, len(names))
        self.listed.extend([names[place] for place in np.flatnonzero(codes >= known).tolist()])
        found: NDArray[np.int64] = codes[coded.codes]
        return found


class FindingReader:
    """Makes findings of what a store tells of them, as it is read from its first frame on."""

    def __init__(self, parameters: IntervalParameters) -> None:
        """Begin before the first frame of a search for ``parameters``."""
        self._windows: Final = Windows(parameters.threshold, inclusive=parameters.inclusive)
        self._distinct_min: Final = parameters.distinct_min
        self._late: Final = parameters.lateness != 0
        self._adids: Final = _Codes()
        self._keys: Final = _Codes()
        # The observations that are not settled yet, and whether they stand in order of time.
        self._waiting: list[Rows] = []
        self._in_order = True
        self._arrived = self._settled = 0
        self._latest = no_rows().times
        self._lost = False

    @property
    def keys(self) -> Sequence[str]:
        """The keys so far, in the order in which they came."""
        return self._keys.listed

    def lose(self) -> None:
        """Take note that something was lost: what findings behind it are about is not known."""
        self._lost = True

    def observe(self, observed: Observed) -> None:
        """Take observations, in the order of their arrival."""
        keys = observed.coded_keys
        times = ExactTimes.of(observed.ticks, observed.finer)
        codes = np.zeros(len(observed), np.int64)
        if keys is not None:
            codes = self._keys.of(keys)
        if self._lost:
            return
        self._waiting.append(
            Rows(codes, times, self._adids.of(observed.coded_adids).astype(np.int32))
        )
        self._in_order = not self._late
        self._arrived += len(observed)

    def settle(self, arrived: int, waiting: int, places: FindingPlaces | None) -> Sequence[Finding]:
        """Return what was found when the sink was told.

        Args:
            arrived: how many observations there were.
            waiting: how many of them it was not told of.
            places: where the findings are; None where there are none.

        Raises:
            WrongRecordError: they are not where a search finds any.

        """
        if self._lost:
            return ()
        settled = arrived - waiting
        if arrived > self._arrived or settled < self._settled:
            raise WrongRecordError(
                f"{self._settled} to {self._arrived} observations that are settled", settled
            )
        new = self._next(settled - self._settled)
        self._settled = settled
        if len(new) or (places is not None and len(self._windows.open)):
            extended = self._windows.take(new)
            return () if places is None else self._found(extended, places)
        if places is not None:
            raise WrongRecordError("findings among observations", "some where there are none")
        return ()

    def _next(self, count: int) -> Rows:
        """Return the next ``count`` observations in order of time, of one time by number."""
        if not count:
            return no_rows()
        rows = together(self._waiting)
        if not self._in_order:
            rows = rows.taken(np.argsort(rows.times.values, kind="stable"))
            self._in_order = True
        self._waiting = [rows.taken(slice(count, None))]
        taken = rows.taken(slice(count))
        # None comes before the last one that was settled before.
        values = joined([self._latest, taken.times]).values
        if (values[1:] < values[:-1]).any():
            raise WrongRecordError("observations that are settled in order of time", "others")
        self._latest = taken.times.taken(slice(-1, None))
        return taken

    def _found(self, among: Extended, places: FindingPlaces) -> list[Finding]:
        rows, begins = among.rows, among.begins
        keys, owners = places.keys, rows.keys[begins]
        if keys is None:
            keys = np.zeros(len(places.numbers), np.int64)
        groups = np.minimum(np.searchsorted(owners, keys), len(owners) - 1)
        moved = among.moved[groups]
        starts, ends = places.starts - moved, places.ends - moved + 1
        order = np.argsort(starts, kind="stable")
        first, last = starts[order], ends[order]
        right = (owners[groups] == keys) & (begins[groups] <= starts) & (starts < ends)
        right &= ends <= np.append(begins[1:], len(rows))[groups]
        right[right] &= among.firsts[ends[right] - 1] <= starts[right]
        if not right.all() or (np.diff(first) <= 0).any() or (np.diff(last) <= 0).any():
            raise WrongRecordError(
                "intervals of observations within the threshold, none in another", "others"
            )
        runs = IdRuns(among.groups, rows.adids)
        ranges = Ranges(
            rows,
            runs,
            first,
            last,
            places.starts[order],
            places.numbers[order],
            *runs.runs_of(first, last),
        )
        counts = ranges.counts
        if (counts != places.counts[order]).any() or (counts < self._distinct_min).any():
            raise WrongRecordError(
                f"{self._distinct_min} or more different ids, and their number", "another number"
            )
        if int(counts.sum()) > _IDS_MAX + 2 * self._arrived:
            raise WrongRecordError("fewer ids of all findings of a frame", "more")
        intervals = ranges.intervals(self._adids.listed, self._keys.listed or [""])
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        return [
            Finding(number, intervals[place])
            for number, place in zip(places.numbers.tolist(), back.tolist(), strict=True)
        ]
