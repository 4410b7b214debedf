"""What the journal of observations tells of any moment: the past of a history that is looked at.

As of an event the observations up to some place in the order of time were passed on. What
the coordinator holds then is read off the columns, and the sums over all keys are known for
each such place once they have been worked out.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from actors.intervals.past import KeySums, Moment, Recovery, key_sums_of
from actors.intervals.windows import Reach
from events.journal.ticks import TICKS_END, tick_of, time_of
from events.journal.timed import Place
from events.observations.lateness import Watermark

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from numpy.typing import NDArray

    from actors.intervals.gathering import Row
    from events.journal.index import Rows
    from events.journal.observation_journal import ObservationJournal
    from events.observations.parameters import IntervalParameters

_CODE_BITS: Final = 32
_NANOSECONDS_PER_TICK: Final = 1_000


class OwnObservations:
    """The observations of one key, in order of time, as the journal has them."""

    first = 0

    def __init__(self, journal: ObservationJournal, rows: Rows) -> None:
        """Read those in ``rows`` of ``journal``."""
        self._journal = journal
        self._rows = rows

    def time(self, place: int) -> str:
        """Return the time of the observation at ``place``."""
        return self._journal.time(int(self._rows[place]))

    def rows(self, start: int, end: int) -> tuple[Sequence[str], Sequence[str]]:
        """Return the times and the ids of those from ``start`` up to ``end``."""
        return self._journal.rows(self._rows[start:end])[:2]

    def passed(self, cut: Place) -> int:
        """Return how many of them are up to a place in the order of time and number."""
        return bisect_right(self._rows, cut, key=self._place)

    def _place(self, row: np.int64) -> Place:
        return self._journal.place(int(row))


class JournalRecovery(Recovery):
    """Knows all observations of a history, which does not grow."""

    def __init__(
        self,
        journal: ObservationJournal,
        parameters: IntervalParameters,
        ends: Iterable[int],
    ) -> None:
        """Read ``journal``; after the events of ``ends``, no observation seemed to come."""
        super().__init__(parameters)
        self._reach: Final = Reach(parameters.threshold, parameters.inclusive)
        self._journal: Final = journal
        self._ends: Final = sorted({*ends} - {0})
        # Keys are numbered in the order of time.
        first = np.full(len(journal.keys), len(journal))
        np.minimum.at(first, journal.key_codes[journal.in_order()], np.arange(len(journal)))
        self._codes: Final = np.argsort(first)
        # The place at which each key appeared first, by number, ascending.
        self._appeared: Final = first[self._codes]
        self.names = [journal.keys.listed[code] for code in self._codes.tolist()]
        self.numbers = {name: number for number, name in enumerate(self.names)}

    def moment(self, events: int) -> Moment:
        """Return the moment after event ``events``."""
        watermark, cut = self._cut(events)
        passed, ended = self._passed(cut), self.ends_at(events)
        moment = super().moment(0)
        moment.gathered.stand(events, passed, watermark, lambda: self._waiting(passed, events))
        moment.gathered.concluded = ended
        return moment._replace(
            keys=int(np.searchsorted(self._appeared, passed)),
            finished=ended,
            sums=lambda number: self._sums(number, cut, events),
            totals=lambda: self._totals(passed),
        )

    def own(self, number: int, seen: int = 0, ended: int = 0) -> OwnObservations:
        """Return all observations of key ``number``."""
        del seen, ended
        return OwnObservations(self._journal, self._journal.own(int(self._codes[number])))

    def concerned(self, first: int, last: int, among: Collection[int]) -> list[int]:
        """Return who of ``among`` had an observation passed on in between, or was finished."""
        if self._end(first) != self._end(last) or self.ends_at(first) or self.ends_at(last):
            return list(among)
        start, end = sorted(self._passed(self._cut(events)[1]) for events in (first, last))
        rows = self._journal.in_order()[start:end]
        are = np.zeros(len(self.names), np.bool_)
        are[self._journal.key_codes[rows]] = True
        return [number for number in among if are[self._codes[number]]]

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
        """Return how many observations are up to a place."""
        return OwnObservations(self._journal, self._journal.in_order()).passed(cut)

    def _waiting(self, passed: int, events: int) -> Iterable[Row]:
        """Return those up to event ``events`` that are behind the first ``passed`` in order."""
        rows = self._journal.in_order()[passed:]
        rows = rows[rows < events]
        times, adids, keys = self._journal.rows(rows)
        return zip(times, (rows + 1).tolist(), adids, keys, strict=True)

    # Sums

    def _sums(self, number: int, cut: Place, events: int) -> KeySums:
        own, end = self.own(number), self._end(events)
        ended = own.passed(self._cut(end)[1]) if end else 0
        return key_sums_of(own, own.passed(cut), ended, self._reach)

    def _totals(self, passed: int) -> Sequence[int]:
        if not passed:
            return (0,) * 4
        still_open, seen, open_weighted = (int(each[passed - 1]) for each in self._columns)
        return passed, still_open, seen, open_weighted

    @cached_property
    def _columns(self) -> tuple[NDArray[np.int64], ...]:
        """For each place in order, were it the last: what is open, and the sums by k of both."""
        journal = self._journal
        order = journal.in_order()
        numbers = np.argsort(self._codes)[journal.key_codes[order]]
        moments, firsts = journal.moments()
        # By key and place; then the moment of each, and that of the first within reach.
        by_key = np.argsort(numbers, kind="stable")
        base = numbers[by_key] << _CODE_BITS
        within = self._first_moments_within(firsts)[moments[by_key]]
        starts = np.searchsorted(base | moments[by_key], base | within)
        still_open = np.maximum(np.arange(1, len(order) + 1) - starts, 0)
        # What each observation changes of what its key has open.
        more = np.diff(still_open, prepend=0)
        begins = np.flatnonzero(np.diff(numbers[by_key], prepend=-1))
        more[begins] = still_open[begins]
        change = np.empty_like(more)
        change[by_key] = more
        k = numbers + 1
        return np.cumsum(change), np.cumsum(k), np.cumsum(k * change)

    def _first_moments_within(self, firsts: Rows) -> NDArray[np.int64]:
        """Return for each different time the first one that is not too far before it."""
        rows, reach = self._journal.in_order()[firsts], self._reach
        ticks = self._journal.ticks(rows)
        if ticks is None:
            own = OwnObservations(self._journal, rows)
            count = len(rows)
            return np.array(
                [reach.first_within(own.time, 0, count, own.time(each)) for each in range(count)]
            )
        # Whole ticks are apart: how many of them is close enough?
        apart = reach.threshold // _NANOSECONDS_PER_TICK
        if not reach.inclusive and not reach.threshold % _NANOSECONDS_PER_TICK:
            apart -= 1
        return np.searchsorted(ticks, ticks - min(apart, TICKS_END))
