"""What the store of a search tells a run that goes on with it, and an actor that failed.

Nothing is told again: the observations up to the last settling are gathered and passed on as
the run did, and of each key those are kept that can still matter. An actor that has to
recover later reads its own observations in the store.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Final

from actors.intervals.past import KeySums, Moment, Recovery, key_sums_of
from actors.intervals.windows import Reach, check_order
from events.store.records import LogEnd, Observed
from events.store.store import EventStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from events.observations.parameters import IntervalParameters

_MODULUS: Final = 1 << 64
# What is kept of a key is looked through when there are twice as many and so many more.
_TRIMMED_MIN: Final = 8


class KeptRows:
    """Of the observations of a key, in order of time, those that can still matter."""

    __slots__ = ("_adids", "_start", "_times", "_trimmed", "ended", "first")

    def __init__(self) -> None:
        """Begin without observations."""
        self.first = 0
        """The place of the first that is kept."""
        self.ended = 0
        """How many there were when no more seemed to come."""
        self._times: list[str] = []
        self._adids: list[str] = []
        # Where the window begins in these lists, and how long they were when they were trimmed.
        self._start = self._trimmed = 0

    @property
    def seen(self) -> int:
        """How many there were."""
        return self.first + len(self._times)

    @property
    def open(self) -> int:
        """How many of them a coming one may be in an interval with."""
        return len(self._times) - self._start

    def time(self, place: int) -> str:
        """Return the time of the observation at ``place``."""
        return self._times[place - self.first]

    def rows(self, start: int, end: int) -> tuple[Sequence[str], Sequence[str]]:
        """Return the times and the ids of those from ``start`` up to ``end``."""
        rows = slice(start - self.first, end - self.first)
        return self._times[rows], self._adids[rows]

    def extend(self, times: Sequence[str], adids: Sequence[str], reach: Reach) -> None:
        """Take observations, and forget most of those that matter no more.

        Raises:
            BadValueError: they are not in order of time.

        """
        check_order(times, self._times[-1] if self._times else "")
        self._times += times
        self._adids += adids
        time_at, count = self._times.__getitem__, len(self._times)
        self._start = reach.first_within(time_at, self._start, count, times[-1])
        if count > 2 * self._trimmed + _TRIMMED_MIN:
            # The latest tells what has to be in order, where none is in the window.
            ended = self.ended if self.ended <= self.seen else 0
            gone = min(reach.window(self, self.seen, ended).judged, self.seen - 1) - self.first
            del self._times[:gone], self._adids[:gone]
            self.first += gone
            self._start -= gone
            self._trimmed = count - gone


class StoredRecovery(Recovery):
    """The past of a run, which is in its store: up to the last settling, where one is gone on with.

    That is to be gone through before the run goes on.
    """

    def __init__(self, parameters: IntervalParameters, path: Path) -> None:
        """Begin with the store at ``path`` before the first observation."""
        super().__init__(parameters)
        self._path: Final = path
        self._reach: Final = Reach(parameters.threshold, parameters.inclusive)
        self._last = super().moment(0)
        self._totals = [0] * 4
        # The observations of each key, until its actor has them.
        self._kept: dict[int, KeptRows] = {}

    def gather(self, record: Observed | LogEnd) -> None:
        """Take what came before the next settling."""
        gathered = self._last.gathered
        if isinstance(record, Observed):
            gathered.observe(record.number, record.times, record.adids, record.keys)
        else:
            gathered.conclude()

    def settle(self, remaining: int, found: int, weight: int) -> tuple[int, int, tuple[int, ...]]:
        """Pass on all but ``remaining``, in which so many intervals were found, of so much weight.

        Returns:
            What the digest records then: observations, keys and sums.

        """
        totals, gathered = self._totals, self._last.gathered
        for key, times, adids, _ in gathered.take(gathered.ready_but(remaining)):
            number = self.meet(key)
            own = self._kept.get(number)
            if own is None:
                own = self._kept[number] = KeptRows()
            before = own.open
            own.extend(times, adids, self._reach)
            k, more_open = number + 1, own.open - before
            totals[0] += len(times)
            totals[1] += more_open
            totals[2] += k * len(times)
            totals[3] += k * more_open
        finished = gathered.concluded and not gathered.ready
        if finished:
            for own in self._kept.values():
                own.ended = own.seen
        self._last.pace.weight = weight
        self._last.pace.settle(gathered.settle())
        self._last = self._last._replace(keys=len(self.names), finished=finished)
        self.found += found
        rows, still_open, rows_by_key, open_by_key = totals
        if finished:
            still_open = open_by_key = 0
        counts = (rows, still_open, rows_by_key, open_by_key)
        sums = (gathered.rows_waiting, self.found, *(each % _MODULUS for each in counts))
        return gathered.arrived, len(self.names), sums

    @property
    def events(self) -> int:
        """How many observations there were at the last settling."""
        return self._last.gathered.arrived

    def moment(self, events: int) -> Moment:
        """Return the moment of the last settling, which is where a run begins."""
        assert events in (0, self.events), "a run goes on from there"
        return self._last._replace(sums=self._sums, totals=lambda: self._totals)

    def _sums(self, number: int) -> KeySums:
        own = self._kept.get(number)
        return (
            KeySums(0, 0, 0) if own is None else key_sums_of(own, own.seen, own.ended, self._reach)
        )

    def own(self, number: int, seen: int, ended: int) -> KeptRows:
        """Return the observations of key ``number`` that matter when ``seen`` were passed on."""
        own = self._kept.pop(number, None)
        if own is not None and (own.seen, own.ended) == (seen, ended):
            return own
        return self._read(self.names[number], seen, ended)

    def _read(self, key: str, seen: int, ended: int) -> KeptRows:
        """Return these from the store."""
        own = KeptRows()
        own.ended = ended
        if self.parameters.lateness == 0:
            for rows in self._rows(key):
                if rows := rows[: seen - own.seen]:
                    own.extend([time for time, _ in rows], [adid for _, adid in rows], self._reach)
        else:
            # Of one time, what came first stays first.
            ordered = sorted((row for rows in self._rows(key) for row in rows), key=itemgetter(0))
            del ordered[seen:]
            own.extend([time for time, _ in ordered], [adid for _, adid in ordered], self._reach)
        return own

    def _rows(self, key: str) -> Iterator[list[tuple[str, str]]]:
        """Iterate over the times and ids of ``key`` as they came, those of a block at a time."""
        for record in EventStore(self._path).records():
            if isinstance(record, Observed):
                rows = zip(record.times, record.adids, strict=True)
                keys = record.keys or (key,) * len(record.times)
                yield [row for row, own in zip(rows, keys, strict=True) if own == key]
