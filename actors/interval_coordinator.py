"""The coordinator of the second detector: passes observations on to the actor of their key.

Whatever the order of delivery, the findings come out in the order of the observations
that made them final, for the coordinator waits for all answers and sorts them.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import deque
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from actors.dispatcher import DispatchedActor, Dispatcher
from actors.interval_messages import (
    Conclude,
    Extend,
    Findings,
    Finish,
    Found,
    Observe,
    Recollect,
    Settle,
)
from actors.lateness import Watermark
from actors.messages import Commit
from events.records import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors.user import Ref
    from events.interval import Interval
    from events.interval_parameters import IntervalParameters

_MODULUS: Final = 1 << 64


class _Places(dict[str, list[int]]):
    """Lists by key, in order of their first use; a key that is missing is met."""

    def __init__(self, meet: Callable[[str], int]) -> None:
        super().__init__()
        self._meet = meet

    def __missing__(self, key: str) -> list[int]:
        self._meet(key)
        found = self[key] = []
        return found


class IntervalCoordinator:
    """What a coordinator of interval actors is and does, on any of Pykka's runtimes."""

    parameters: IntervalParameters
    sink: Ref
    spawn: Callable[[str, int], Ref]
    numbers: dict[str, int]
    """The number of each key, from 0 in order of first appearance."""
    actors: list[Ref]
    """The interval actors, by number."""
    times: list[str]
    """Where there are keys, the times passed on of which their actors are still to be told."""
    adids: list[str]
    """The ids for these."""
    places: _Places
    """Where in these what is of a key stands."""
    arrived: int
    """How many observations there were."""
    passed: int
    """How many of them were passed on in time order."""
    moments: list[int]
    """Of those passed on since the last settling, after which observation each was. Empty
    where each was passed on as it came."""
    settled: int
    """How many had been passed on at the last settling."""
    waiting: list[tuple[str, int, str, str]]
    """Time, number, id and key of those whose turn has not come, in order but for those
    that wait for the end."""
    watermark: Watermark
    """Which of them it is that are no longer late."""
    answers_awaited: int
    """How many actors have yet to answer."""
    settling: bool
    """Whether the sink is to be told when they have."""
    requests: deque[Any]
    """Requests that came meanwhile."""
    found: list[tuple[int, int, Interval]]
    """Place, number of the key and interval of what was found since the last settling."""
    found_count: int
    """How many intervals were found in all."""
    sums: list[tuple[int, int]]
    """For each key how many observations it had, and how many are in its window."""
    totals: list[int]
    """Sums over these; see `Findings.sums`."""

    def begin(
        self, parameters: IntervalParameters, sink: Ref, spawn: Callable[[str, int], Ref]
    ) -> None:
        """Begin without keys.

        Args:
            parameters: what is looked for.
            sink: where findings go.
            spawn: starts an actor for a key and a number.

        """
        self.parameters = parameters
        self.sink = sink
        self.spawn = spawn
        self.numbers = {}
        self.actors = []
        self.times = []
        self.adids = []
        self.places = _Places(self._meet)
        self.moments = []
        self.arrived = self.passed = self.settled = self.found_count = 0
        self.waiting = []
        self.watermark = Watermark(parameters.lateness or 0)
        self.answers_awaited = 0
        self.settling = False
        self.requests = deque()
        self.found = []
        self.sums = []
        self.totals = [0] * 4

    def on_receive(self, message: Any) -> None:
        """Handle an answer at once, and a request in its turn.

        Raises:
            TypeError: it is neither.

        """
        if type(message) is Found:
            self._take(message)
            if self.settling and not self.answers_awaited:
                self._report()
                while self.requests and not self.settling:
                    self._start(self.requests.popleft())
        elif self.settling:
            self.requests.append(message)
        else:
            self._start(message)

    def _start(self, message: Any) -> None:
        kind = type(message)
        if kind is Observe:
            self._observe(message)
        elif kind is Settle:
            self._settle()
        elif kind is Commit:
            self.sink.tell(message)
        elif kind is Conclude:
            self._conclude()
        elif kind is Recollect:
            self._recollect(message)
        else:
            raise TypeError(f"a coordinator of intervals understands no {kind.__name__}")

    def _conclude(self) -> None:
        self.moments += [self.arrived] * len(self.waiting)
        # Of one time the lower number comes first.
        ready, self.waiting = sorted(self.waiting), []
        self._release(ready)
        self._tell()
        for actor in self.actors:
            actor.tell(Finish(self.passed))
        self.answers_awaited += len(self.actors)

    # Passing observations on

    def _observe(self, message: Observe) -> None:
        count = len(message.times)
        self.arrived += count
        if self.parameters.lateness == 0:
            self._pass_on(message.times, message.adids, message.keys)
            return
        keys = message.keys or ("",) * count
        numbers = range(message.number, message.number + count)
        rows = zip(message.times, numbers, message.adids, keys, strict=True)
        if self.parameters.lateness is None:
            self.waiting += rows
            return
        ready: list[tuple[str, int, str, str]] = []
        for row in rows:
            insort(self.waiting, row)
            self.watermark.admit(row[:1])
            if self.waiting[0][0] <= self.watermark.time:
                end = bisect_right(self.waiting, self.watermark.time, key=itemgetter(0))
                ready += self.waiting[:end]
                del self.waiting[:end]
                self.moments += [row[1]] * end
        self._release(ready)

    def _release(self, ready: list[tuple[str, int, str, str]]) -> None:
        if ready:
            times, _, adids, keys = zip(*ready, strict=True)
            self._pass_on(times, adids, None if self.parameters.key is None else keys)

    def _pass_on(
        self, times: Sequence[str], adids: Sequence[str], keys: Sequence[str] | None
    ) -> None:
        """Pass on observations whose turn it is."""
        first = self.passed
        self.passed += len(times)
        if keys is None:
            places = tuple(range(first, self.passed))
            self.actors[self._meet("")].tell(Extend(tuple(times), tuple(adids), places))
            self.answers_awaited += 1
            return
        index = len(self.times)
        self.times += times
        self.adids += adids
        own = self.places
        for key in keys:
            own[key].append(index)
            index += 1

    def _meet(self, key: str) -> int:
        """Return the number of ``key``, which is numbered and started when first met."""
        number = self.numbers.get(key)
        if number is None:
            number = self.numbers[key] = len(self.actors)
            self.actors.append(self.spawn(key, number))
            self.sums.append((0, 0))
        return number

    def _tell(self) -> None:
        """Tell each actor in one message all that has been passed on to it."""
        time_at, adid_at = self.times.__getitem__, self.adids.__getitem__
        first = self.passed - len(self.times)
        for key, indexes in self.places.items():
            self.actors[self.numbers[key]].tell(
                Extend(
                    tuple(map(time_at, indexes)),
                    tuple(map(adid_at, indexes)),
                    tuple(map(first.__add__, indexes)),
                )
            )
        self.answers_awaited += len(self.places)
        self.places.clear()
        self.times, self.adids = [], []

    # Answers

    def _settle(self) -> None:
        self._tell()
        self.settling = True
        if not self.answers_awaited:
            self._report()

    def _take(self, answer: Found) -> None:
        self.answers_awaited -= 1
        number = answer.key
        if answer.intervals:
            self.found += [
                (place, number, interval)
                for place, interval in zip(answer.places, answer.intervals, strict=True)
            ]
        seen, still_open = self.sums[number]
        more_seen, more_open = answer.seen - seen, answer.open - still_open
        self.sums[number] = answer.seen, answer.open
        totals, k = self.totals, number + 1
        totals[0] += more_seen
        totals[1] += more_open
        totals[2] += k * more_seen
        totals[3] += k * more_open

    def _report(self) -> None:
        # The sort keeps the order of what one key has found at one place.
        self.found.sort(key=lambda each: each[:2])
        findings = tuple([Finding(self._moment(place), found) for place, _, found in self.found])
        self.found_count += len(findings)
        sums = (len(self.waiting), self.found_count, *(each % _MODULUS for each in self.totals))
        self.sink.tell(Findings(findings, self.arrived, len(self.actors), sums))
        self.found = []
        self.moments = []
        self.settled = self.passed
        self.settling = False

    def _moment(self, place: int) -> int:
        """Return the number of the observation after which that at ``place`` was passed on."""
        if place == self.passed:
            return self.arrived
        return self.moments[place - self.settled] if self.moments else place + 1

    def _recollect(self, message: Recollect) -> None:
        while len(self.actors) > len(message.keys):
            self.numbers.popitem()
            self.actors.pop().stop()
        for key in message.keys[len(self.actors) :]:
            self._meet(key)
        self.sums = list(message.sums)
        self.arrived, self.passed, self.found_count = message.arrived, message.passed, message.found
        self.settled = self.passed
        self.waiting = list(message.waiting)
        self.watermark = Watermark(self.parameters.lateness or 0)
        self.watermark.admit((message.latest,) if message.latest else ())
        self.totals = [
            sum(seen for seen, _ in self.sums),
            sum(still_open for _, still_open in self.sums),
            sum(k * seen for k, (seen, _) in enumerate(self.sums, 1)),
            sum(k * still_open for k, (_, still_open) in enumerate(self.sums, 1)),
        ]


class IntervalCoordinatorActor(IntervalCoordinator, DispatchedActor):
    """A coordinator of interval actors on the dispatcher."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        urn: str,
        parameters: IntervalParameters,
        sink: Ref,
        spawn: Callable[[str, int], Ref],
    ) -> None:
        """Look for what ``parameters`` say and start an actor for each key that appears."""
        super().__init__(dispatcher, urn)
        self.begin(parameters, sink, spawn)
