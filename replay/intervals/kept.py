"""What the store of a search tells a run that goes on with it, and an actor that failed.

Nothing is told again: the observations up to the last settling are gathered and passed on as
the run did, and of each key those are kept that can still matter. An actor that has to
recover later is told by the store of all of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from actors.intervals.finder import Held
from actors.intervals.past import CoordinatorState, Recovery, Totals
from events.observations.observed import Observed
from events.records.record import LogEnd
from events.store.store import EventStore

if TYPE_CHECKING:
    from pathlib import Path

    from actors.intervals.finder import IntervalFinder
    from actors.intervals.gathering import Gathered
    from events.observations.parameters import IntervalParameters


class StoredRecovery(Recovery):
    """The past of a run, which is in its store: up to the last settling, where one is gone on with.

    That is to be gone through before the run goes on.
    """

    def __init__(self, parameters: IntervalParameters, path: Path) -> None:
        """Begin with the store at ``path`` before the first observation."""
        super().__init__(parameters)
        self._path: Final = path
        self._last = super().moment(0)
        self._totals = Totals()
        # What was passed on up to there, of all keys.
        self._finder = self.finder()

    def gather(self, record: Observed | LogEnd) -> None:
        """Take what came before the next settling."""
        _gather(self._last.gathered, record)

    def settle(self, remaining: int, found: int) -> tuple[int, int, tuple[int, ...]]:
        """Pass on all but ``remaining``, in which so many intervals were found.

        Returns:
            What the digest records then: observations, keys and sums.

        """
        gathered, first = self._last.gathered, self._last.gathered.passed
        rows = self.numbered(gathered.take(max(0, gathered.rows_waiting - remaining))[0])
        _, changes = self._finder.extend(rows, np.arange(first, gathered.passed))
        self._totals = self._totals.plus(rows.keys, changes)
        finished = gathered.concluded and not gathered.rows_waiting
        if finished:
            self._finder.finish(gathered.passed)
        keys = len(self._finder.seen)
        ended = gathered.passed if finished else self._last.ended
        self._last = self._last._replace(keys=keys, finished=finished, ended=ended)
        self.found += found
        totals = self._totals.recorded(finished=finished)
        sums = (gathered.rows_waiting, self.found, *totals)
        return gathered.arrived, keys, sums

    @property
    def events(self) -> int:
        """How many observations there were at the last settling."""
        return self._last.gathered.arrived

    def moment(self, events: int) -> CoordinatorState:
        """Return the moment of the last settling, which is where a run begins."""
        assert events in (0, self.events), "a run goes on from there"
        self._passed = self._last.gathered.passed
        return self._last._replace(totals=lambda: self._totals)

    def own(self, shard: int, passed: int, ended: int) -> Held:
        """Return what ``shard`` holds when ``passed`` observations were passed on."""
        finder = self._finder
        if (passed, ended) != (self._passed, self._last.ended):
            finder = self._read(passed, ended)
        mine = finder.open.taken(finder.open.keys % self.shards == shard)
        own = slice(shard, None, self.shards)
        return Held(mine.with_keys(mine.keys // self.shards), finder.seen[own], finder.ended[own])

    def _read(self, passed: int, ended: int) -> IntervalFinder:
        """Return a finder that the store has told of the first observations."""
        finder, gathered = self.finder(), self.gathered()

        def pass_on(end: int) -> None:
            first = gathered.passed
            rows = gathered.take(max(0, min(gathered.ready, end - first)))[0]
            finder.extend(self.numbered(rows), np.arange(first, gathered.passed))

        for record in EventStore(self._path).records():
            if isinstance(record, Observed | LogEnd):
                _gather(gathered, record)
                for end in (ended, passed):
                    pass_on(end)
                    if end == ended == gathered.passed:
                        finder.finish(end)
        return finder


def _gather(gathered: Gathered, record: Observed | LogEnd) -> None:
    if isinstance(record, Observed):
        gathered.observe(record)
    else:
        gathered.conclude()
