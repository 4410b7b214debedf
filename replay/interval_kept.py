"""What the store of a search tells a run that goes on with it, and an actor that failed.

Nothing is told again: the observations up to the last settling are gathered and passed on as
the run did, and of each key those are kept that can still matter. An actor that has to
recover later reads its own observations in the store.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Final

from actors.interval_past import KeySums, Moment, Past
from actors.interval_windows import Reach, check_order
from events.records import Observed
from events.store import EventStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from actors.interval_windows import Window
    from events.interval_parameters import IntervalParameters

_MODULUS: Final = 1 << 64


class KeptRows:
    """Of the observations of a key, in order of time, those that can still matter."""

    __slots__ = ("_adids", "_times", "first", "window")

    def __init__(self) -> None:
        """Begin without observations."""
        self.first = 0
        """The place of the first that is kept."""
        self._times: list[str] = []
        self._adids: list[str] = []
        self.window: Window
        """Where the window is now."""

    @property
    def seen(self) -> int:
        """How many there were."""
        return self.first + len(self._times)

    def time(self, place: int) -> str:
        """Return the time of the observation at ``place``."""
        return self._times[place - self.first]

    def rows(self, start: int, end: int) -> tuple[Sequence[str], Sequence[str]]:
        """Return the times and the ids of those from ``start`` up to ``end``."""
        rows = slice(start - self.first, end - self.first)
        return self._times[rows], self._adids[rows]

    def extend(self, times: Sequence[str], adids: Sequence[str], reach: Reach) -> None:
        """Take observations, and forget those that matter no more.

        Raises:
            BadValueError: they are not in order of time.

        """
        check_order(times, self._times[-1] if self._times else "")
        self._times += times
        self._adids += adids
        self.window = reach.window(self, self.seen)
        # The latest tells what has to be in order, where none is in the window.
        gone = min(self.window.judged, self.seen - 1) - self.first
        if 2 * gone >= len(self._times):
            del self._times[:gone], self._adids[:gone]
            self.first += gone


class KeptMoment(Moment):
    """The moment of the last settling."""

    def __init__(self, parameters: IntervalParameters) -> None:
        """Begin before the first observation."""
        super().__init__(parameters)
        self.kept: Final[list[KeptRows | None]] = []
        """The observations of each key, until its actor has them."""
        self._opens: Final[list[int]] = []
        self._totals = [0] * 5

    def sums(self, number: int) -> KeySums:
        """Return what key ``number`` adds to the sums."""
        own = self.kept[number] if number < self.keys else None
        if own is None:
            return KeySums()
        judged, given, start = own.window
        if self.finished:
            start = own.seen
        _, adids = own.rows(judged, given)
        return KeySums(own.seen, own.seen - start, len(set(adids)) + own.seen - given)

    def totals(self) -> Sequence[int]:
        """Return how many intervals were found, and the sums over all keys."""
        return self._totals

    def settle(self, past: Past, reach: Reach, remaining: int, found: int, weight: int) -> None:
        """Pass on all but ``remaining``, in which ``found`` intervals of a weight were found."""
        totals, gathered = self._totals, self.gathered
        totals[0] += found
        for key, times, adids, _ in gathered.take(gathered.ready_but(remaining)):
            number = past.meet(key)
            if number == self.keys:
                self.keys += 1
                self.kept.append(KeptRows())
                self._opens.append(0)
            own = self.kept[number]
            assert own is not None, "no actor recovers before the last settling"
            own.extend(times, adids, reach)
            still_open = own.seen - own.window.start
            k, more_open = number + 1, still_open - self._opens[number]
            self._opens[number] = still_open
            totals[1] += len(times)
            totals[2] += more_open
            totals[3] += k * len(times)
            totals[4] += k * more_open
        if gathered.concluded and not gathered.ready:
            self.finished = True
            totals[2] = totals[4] = 0
        self.pace.weight = weight
        self.pace.settle(gathered.settle())

    @property
    def recorded(self) -> tuple[int, int, tuple[int, ...]]:
        """What a digest records: observations, keys, sums."""
        totals = (each % _MODULUS for each in self._totals)
        return self.gathered.arrived, self.keys, (self.gathered.rows_waiting, *totals)


class StoredPast(Past):
    """The past of a run, which is in its store."""

    def __init__(self, parameters: IntervalParameters, path: Path) -> None:
        """Begin with the store at ``path`` before the first observation."""
        super().__init__(parameters)
        self.last: Final = KeptMoment(parameters)
        """The moment of the last settling of the run that is gone on with."""
        self._path: Final = path
        self._reach: Final = Reach(parameters.threshold, parameters.inclusive)

    def settle(self, remaining: int, found: int, weight: int) -> None:
        """Settle what was gathered as the run did; see `KeptMoment.settle`."""
        self.last.settle(self, self._reach, remaining, found, weight)

    def moment(self, events: int) -> Moment:
        """Return the moment of the last settling."""
        assert events == self.last.gathered.arrived, "a run goes on from there"
        return self.last

    def own(self, number: int, seen: int) -> KeptRows:
        """Return the observations of key ``number`` that matter when ``seen`` were passed on."""
        if number < len(self.last.kept):
            own, self.last.kept[number] = self.last.kept[number], None
            if own is not None and own.seen == seen:
                return own
        return self._read(self.names[number], seen)

    def _read(self, key: str, seen: int) -> KeptRows:
        """Return these from the store."""
        own = KeptRows()
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
                if record.keys is None:
                    yield list(rows)
                else:
                    yield [row for row, own in zip(rows, record.keys, strict=True) if own == key]
