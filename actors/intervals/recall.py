"""What the journal of observations tells of any moment: the past of a history that is looked at.

As of an event the observations up to some place in the order of time were passed on. What
the coordinator and the shards hold then is read off columns, one entry for each observation,
sorted by key: what was open behind it.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from actors.intervals.finder import Held
from actors.intervals.past import CoordinatorState, Recovery, Totals
from events.journal.ticks import tick_of, ticks_and_finer, time_of
from events.journal.timed import Place
from events.observations.lateness import Watermark
from events.observations.ranges import first_within
from events.observations.windows import Rows
from events.times.exact import ExactTimes, apart_at_most

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from numpy.typing import NDArray

    from events.observations.journal import ObservationJournal
    from events.observations.parameters import IntervalParameters

_PLACE_BITS: Final = 32


class _ByKey(NamedTuple):
    """All observations, sorted by the number of their key and then by place in order of time."""

    codes: NDArray[np.int64]
    """For each the number of its key, and the place: these sort as the two do."""
    places: NDArray[np.int64]
    begins: NDArray[np.int64]
    """Where those of each key begin."""
    open: NDArray[np.int64]
    """How many of its key a coming one may be in an interval with behind it."""


class JournalRecovery(Recovery):
    """Knows all observations of a history, which does not grow."""

    def __init__(
        self,
        journal: ObservationJournal,
        parameters: IntervalParameters,
        ends: Iterable[int],
    ) -> None:
        """Read ``journal``; after the events of ``ends``, no observation seemed to come."""
        super().__init__(parameters, journal.adids, journal.numbers)
        self._journal: Final = journal
        self._ends: Final = sorted({*ends} - {0})
        rows = journal.in_order()
        times = ExactTimes.of(*journal.times_of(rows)) if len(rows) else ExactTimes.of(rows, {})
        coded = Rows(journal.key_codes[rows].astype(np.int64), times, journal.adid_codes[rows])
        # All of them, in order of time; keys are numbered in it.
        self._rows: Final = self.numbered(coded)
        appeared = np.full(len(self.names), len(rows))
        np.minimum.at(appeared, self._rows.keys, np.arange(len(rows)))
        # The place at which each key appeared first, by number, ascending.
        self._appeared: Final = appeared

    def moment(self, events: int) -> CoordinatorState:
        """Return the moment after event ``events``."""
        watermark, cut = self._cut(events)
        passed, ended, end = self._passed(cut), self.ends_at(events), self._end(events)
        gathered = self.gathered()
        order = self._journal.in_order()[passed:]
        rows = np.flatnonzero(order < events)
        numbers = order[rows] + 1
        waiting = self._rows.taken(rows + passed)
        # As they were gathered, with the codes of keys.
        codes = self._journal.key_codes[order[rows]].astype(np.int64)
        gathered.stand(passed, waiting.with_keys(codes), numbers, concluded=ended)
        gathered.limit(_exact(watermark.latest), _exact(watermark.closed))
        return CoordinatorState(
            gathered,
            int(np.searchsorted(self._appeared, passed)),
            ended,
            self._passed(self._cut(end)[1]) if end else 0,
            lambda: self._totals(passed),
        )

    def own(self, shard: int, passed: int, ended: int) -> Held:
        """Return what ``shard`` holds when ``passed`` observations were passed on."""
        by_key = self._by_key
        numbers = np.arange(shard, len(self.names), self.shards)
        begins = by_key.begins[numbers]
        seen, before = (
            np.searchsorted(by_key.codes, (numbers << _PLACE_BITS) | place) - begins
            for place in (passed, ended)
        )
        last = begins + seen - 1
        counts = np.where(seen > 0, by_key.open[last], 0)
        ends = np.cumsum(counts)
        rows = np.repeat(last + 1 - ends, counts) + np.arange(ends[-1] if len(ends) else 0)
        held = self._rows.taken(by_key.places[rows])
        return Held(held.with_keys(held.keys // self.shards), seen, before)

    def concerned(self, first: int, last: int, among: Collection[int]) -> list[int]:
        """Return who of ``among`` had an observation passed on in between, or was finished."""
        if self._end(first) != self._end(last) or self.ends_at(first) or self.ends_at(last):
            return list(among)
        start, end = sorted(self._passed(self._cut(events)[1]) for events in (first, last))
        are = {*(self._rows.keys[start:end] % self.shards).tolist()}
        return [number for number in among if number in are]

    # Where a moment is

    def ends_at(self, events: int) -> bool:
        """Tell whether no observation seemed to come at the moment after event ``events``."""
        return events > 0 and self._end(events) == events

    def _end(self, events: int) -> int:
        """Return the last such moment up to that after event ``events``, or 0."""
        place = bisect_right(self._ends, events)
        return self._ends[place - 1] if place else 0

    def _cut(self, events: int) -> tuple[Watermark, Place]:
        """Return what tells whose turn it is as of an event, and up to which place it was."""
        watermark, end = Watermark(self.parameters.lateness or 0), self._end(events)
        for number in filter(None, (end, events)):
            latest = self._journal.latest(number)
            watermark.admit((time_of(latest.tick, latest.finer),))
            if number == end:
                watermark.close()
        if not watermark.time or (self.parameters.lateness is None and not end):
            return watermark, Place(-1, "", 0)
        return watermark, Place(*tick_of(watermark.time), events)

    def _passed(self, cut: Place) -> int:
        """Return how many observations are up to a place in the order of time and number."""
        journal = self._journal
        return bisect_right(journal.in_order(), cut, key=lambda row: journal.place(int(row)))

    # Sums

    def _totals(self, passed: int) -> Totals:
        if not passed:
            return Totals()
        still_open, seen, open_weighted = (int(each[passed - 1]) for each in self._columns)
        return Totals(passed, still_open, seen, open_weighted)

    @cached_property
    def _by_key(self) -> _ByKey:
        keys, times = self._rows.keys, self._rows.times
        places = np.argsort(keys, kind="stable")
        numbers = keys[places]
        parameters = self.parameters
        apart = apart_at_most(parameters.threshold, times.places, inclusive=parameters.inclusive)
        firsts = first_within(numbers, times.values[places], apart)
        return _ByKey(
            (numbers << _PLACE_BITS) | places,
            places,
            np.searchsorted(numbers, np.arange(len(self.names))),
            np.arange(1, len(keys) + 1) - firsts,
        )

    @cached_property
    def _columns(self) -> tuple[NDArray[np.int64], ...]:
        """For each place in order, were it the last: what is open, and the sums by k of both."""
        by_key = self._by_key
        more = np.diff(by_key.open, prepend=0)
        more[by_key.begins] = by_key.open[by_key.begins]
        change = np.empty_like(more)
        change[by_key.places] = more
        k = self._rows.keys + 1
        return np.cumsum(change), np.cumsum(k), np.cumsum(k * change)


def _exact(time: str) -> ExactTimes | None:
    return ExactTimes.of(*ticks_and_finer((time,))) if time else None
