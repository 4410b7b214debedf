"""Putting late observations in order one by one, as the coordinator of intervals does in blocks."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final, NamedTuple

from events.observations.lateness import Watermark

if TYPE_CHECKING:
    from collections.abc import Iterable

    from events.observations.observed import Observation


class Late(NamedTuple):
    """An observation that came too late to be put in order."""

    observation: Observation
    """The observation; the reason is `events.observations.source.Reason.LATE`."""
    detail: str
    """What was expected and what was found."""


class Reordered(NamedTuple):
    """What has become of observations that came."""

    ready: list[Observation]
    """Those whose turn it is, earlier ones among them, in time order."""
    late: list[Late]
    """Those that came too late."""


class Reordering:
    """Puts observations in time order, those of one time in the order of their arrival.

    An observation before the watermark is too late; one at it or after it is kept until
    the watermark has come as far. Whether an observation is late depends on those before
    it alone, not on how they were divided into calls.
    """

    def __init__(self, lateness: int) -> None:
        """Begin before the first observation; ``lateness`` is in nanoseconds, 0 or more."""
        self._watermark: Final = Watermark(lateness)
        self._arrived = 0
        # The number of arrival decides between equal times.
        self._waiting: list[tuple[str, int, Observation]] = []

    @property
    def watermark(self) -> str:
        """No observation before this time will be given out any more; "" until there is one."""
        return self._watermark.time

    def add(self, observations: Iterable[Observation]) -> Reordered:
        """Take observations in the order of their arrival."""
        reordered = Reordered([], [])
        ready, waiting = reordered.ready, self._waiting
        for observation in observations:
            time = observation.time
            late = self._watermark.admit((time,))
            if late:
                reordered.late.append(Late(observation, late[0]))
                continue
            if time <= self.watermark and not waiting:
                ready.append(observation)
                continue
            heappush(waiting, (time, self._arrived, observation))
            self._arrived += 1
            while waiting and waiting[0][0] <= self.watermark:
                ready.append(heappop(waiting)[2])
        return reordered

    def finish(self) -> list[Observation]:
        """Return those that still wait, in time order."""
        ready = [observation for _, _, observation in sorted(self._waiting)]
        self._waiting.clear()
        return ready
