"""Gathering observations until their turn has come, and they are passed on.

What was passed on are always the first ones in the order of time, of one time the lower
number first: what is late may not be earlier than what had its turn.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from actors.intervals.portions import Ready
from events.observations.lateness import Watermark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from events.observations.parameters import IntervalParameters

Row: TypeAlias = tuple[str, int, str, str]
"""Time, number, id and key of an observation."""


class Passed(NamedTuple):
    """Observations of a key that are passed on."""

    key: str
    times: tuple[str, ...]
    adids: tuple[str, ...]
    places: tuple[int, ...]
    """Their places in the order over all keys."""


class Gathered:
    """The observations that were not passed on yet, and how many were."""

    def __init__(self, parameters: IntervalParameters) -> None:
        """Begin before the first observation."""
        self._lateness: Final = parameters.lateness
        self._watermark = Watermark(parameters.lateness or 0)
        self.ready: Final = Ready(keyed=parameters.key is not None)
        """Those whose turn has come."""
        # The others: in order, but for those that wait for the end; and where more are from.
        self._waiting: list[Row] = []
        self._earlier: Callable[[], Iterable[Row]] | None = None
        # Of those passed on since the last settling, and of those that are ready, after which
        # observation each had its turn. Empty where each had it when it came.
        self._moments: list[int] = []
        self.arrived = 0
        """How many observations there were."""
        self.passed = 0
        """How many of them were passed on."""
        self.arrived_settled = 0
        """How many there were at the last settling."""
        self.settled = 0
        """How many had been passed on then."""
        self.concluded = False
        """Whether no observation comes any more, as it seems."""

    def stand(
        self,
        arrived: int,
        passed: int,
        watermark: Watermark,
        earlier: Callable[[], Iterable[Row]],
    ) -> None:
        """Begin where so many observations were passed on as had their turn.

        Args:
            arrived: how many there were.
            passed: how many were passed on.
            watermark: tells whose turn it is.
            earlier: gives the others, in order; asked for when they are needed.

        """
        self.arrived = self.arrived_settled = arrived
        self.passed = self.settled = passed
        self._watermark = watermark
        self._earlier = earlier

    @property
    def rows_waiting(self) -> int:
        """How many observations were not passed on yet."""
        return self.arrived - self.passed

    def observe(
        self, number: int, times: Sequence[str], adids: Sequence[str], keys: Sequence[str] | None
    ) -> None:
        """Take observations, of which the first has ``number``."""
        count = len(times)
        self.arrived += count
        self.concluded = False
        if self._lateness == 0:
            self.ready.add(times, adids, keys)
            return
        rows = zip(times, range(number, number + count), adids, keys or ("",) * count, strict=True)
        if self._lateness is None:
            self._waiting += rows
            return
        waiting, watermark = self._all_waiting(), self._watermark
        ready: list[Row] = []
        for row in rows:
            insort(waiting, row)
            watermark.admit(row[:1])
            if waiting[0][0] <= watermark.time:
                end = bisect_right(waiting, watermark.time, key=itemgetter(0))
                ready += waiting[:end]
                del waiting[:end]
                self._moments += [row[1]] * end
        self._release(ready)

    def conclude(self) -> None:
        """Take note that no observation comes any more, or none before the latest."""
        self.concluded = True
        self._watermark.close()
        rows = self._all_waiting()
        # Of one time the lower number comes first.
        rows.sort()
        self._moments += [self.arrived] * len(rows)
        self._release(rows)
        self._waiting = []

    def _all_waiting(self) -> list[Row]:
        if self._earlier is not None:
            self._waiting[:0] = self._earlier()
            self._earlier = None
        return self._waiting

    def _release(self, rows: list[Row]) -> None:
        """Take note that the turn of ``rows`` has come."""
        if rows:
            times, _, adids, keys = zip(*rows, strict=True)
            self.ready.add(times, adids, keys)

    def ready_but(self, remaining: int) -> int:
        """Return how many can be passed on so that ``remaining`` or more still wait."""
        return min(len(self.ready), max(0, self.rows_waiting - remaining))

    def take(self, count: int) -> list[Passed]:
        """Pass on the first ``count`` of those that are ready, by key."""
        if not count:
            return []
        ready, first = self.ready, self.passed
        rows = slice(ready.start, ready.start + count)
        times, adids = ready.times[rows], ready.adids[rows]
        keys = None if ready.keys is None else ready.keys[rows]
        ready.drop(count)
        self.passed += count
        if keys is None:
            return [Passed("", tuple(times), tuple(adids), tuple(range(first, first + count)))]
        own: defaultdict[str, list[int]] = defaultdict(list)
        for index, key in enumerate(keys):
            own[key].append(index)
        time_at, adid_at = times.__getitem__, adids.__getitem__
        return [
            Passed(
                key,
                tuple(map(time_at, indexes)),
                tuple(map(adid_at, indexes)),
                tuple(map(first.__add__, indexes)),
            )
            for key, indexes in own.items()
        ]

    def moment(self, place: int) -> int:
        """Return the number of the observation after which that at ``place`` had its turn."""
        if place == self.passed:
            return self.arrived
        return self._moments[place - self.settled] if self._moments else place + 1

    def settle(self) -> int:
        """Take note of a settling, and return how many were passed on since the last one."""
        rows = self.passed - self.settled
        del self._moments[:rows]
        self.settled, self.arrived_settled = self.passed, self.arrived
        return rows
