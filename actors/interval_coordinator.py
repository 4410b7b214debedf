"""The coordinator of the second detector: passes observations on to the actor of their key.

Whatever the order of delivery, the findings come out in the order of the observations
that made them final, for the coordinator waits for all answers and sorts them.

Observations are gathered, and passed on in portions: so many at a time that what is found
in them cannot be more than memory holds, and no more once much was found, until that is
with the sink. How many are passed on before the next settling depends on the observations
alone. One that goes by what was settled before says how many have to remain.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import deque
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from actors.dispatcher import DispatchedActor, Dispatcher
from actors.interval_messages import (
    Advance,
    Conclude,
    Extend,
    Findings,
    Finish,
    Found,
    Observe,
    Recollect,
    Settle,
)
from actors.interval_portions import Ready
from actors.lateness import Watermark
from actors.messages import Commit
from events.records import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from actors.user import Ref
    from events.interval import Interval
    from events.interval_parameters import IntervalParameters

_MODULUS: Final = 1 << 64
# Observations are settled in so large portions, or larger by a block: with many keys,
# each then has several in a message.
SETTLE_ROWS: Final = 1 << 17
# Or as soon as so much was found: ids, and so much besides for each interval.
FOUND_MAX: Final = 1 << 18
_INTERVAL_WEIGHT: Final = 32
# With keys where much is found in each portion, portions are made smaller, down to this.
ROWS_MIN: Final = 1 << 12


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
    waiting: list[tuple[str, int, str, str]]
    """Time, number, id and key of those whose turn has not come, in order but for those
    that wait for the end."""
    watermark: Watermark
    """Which of them it is that are no longer late."""
    ready: Ready
    """Those whose turn has come, until they are passed on."""
    moments: list[int]
    """Of those passed on since the last settling, and of these, after which observation each
    had its turn. Empty where each had it when it came."""
    arrived: int
    """How many observations there were."""
    passed: int
    """How many of them were passed on in time order."""
    arrived_settled: int
    """How many there were at the last settling."""
    settled: int
    """How many had been passed on at the last settling."""
    concluded: bool
    """Whether no observation comes any more."""
    finished: bool
    """Whether the actors know that."""
    rows_max: int
    """After how many observations the next settling is due at the latest."""
    answers_awaited: int
    """How many actors have yet to answer."""
    advancing: bool
    """Whether more is to be passed on when they have."""
    settling: bool
    """Whether the sink is to be told when they have."""
    requests: deque[Any]
    """Requests that came meanwhile."""
    found: list[tuple[int, int, Interval]]
    """Place, number of the key and interval of what was found since the last settling."""
    weight: int
    """How much that is: its ids, and something for each interval."""
    found_count: int
    """How many intervals were found in all."""
    sums: list[tuple[int, int]]
    """For each key how many observations it had, and how many are in its window."""
    totals: list[int]
    """Sums over these; see `Findings.sums`."""
    widths: list[int]
    """For each key how many ids its window has at the most."""

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
        self.waiting = []
        self.watermark = Watermark(parameters.lateness or 0)
        self.ready = Ready(keyed=parameters.key is not None)
        self.moments = []
        self.arrived = self.passed = self.arrived_settled = self.settled = 0
        self.concluded = self.finished = False
        self.rows_max = SETTLE_ROWS
        self.answers_awaited = 0
        self.advancing = self.settling = False
        self.requests = deque()
        self.found = []
        self.weight = self.found_count = 0
        self.sums = []
        self.totals = [0] * 4
        self.widths = []

    @property
    def rows_waiting(self) -> int:
        """How many observations were not passed on yet."""
        return len(self.waiting) + len(self.ready)

    @property
    def settling_due(self) -> bool:
        """Whether enough was found, or came, for the sink to be told."""
        return self.weight >= FOUND_MAX or self.arrived - self.arrived_settled >= self.rows_max

    def on_receive(self, message: Any) -> None:
        """Handle an answer at once, and a request in its turn.

        Raises:
            TypeError: it is neither.

        """
        if type(message) is not Found:
            self.requests.append(message)
        else:
            self._take(message)
            if not self.answers_awaited:
                self._answered()
        while self.requests and not self.answers_awaited:
            self._start(self.requests.popleft())

    def _start(self, message: Any) -> None:
        kind = type(message)
        if kind is Observe:
            self._observe(message)
        elif kind is Advance:
            self.advancing = len(self.ready) >= self._rows_wanted()
            self._answered()
        elif kind is Settle:
            self.settling = True
            self._pass_on(min(len(self.ready), max(0, self.rows_waiting - message.remaining)))
            self._answered()
        elif kind is Commit:
            self.sink.tell(message)
        elif kind is Conclude:
            self._conclude()
        elif kind is Recollect:
            self._recollect(message)
        else:
            raise TypeError(f"a coordinator of intervals understands no {kind.__name__}")

    def _answered(self) -> None:
        """Do what comes next, unless an answer is awaited."""
        while self.advancing and not self.answers_awaited:
            # A small rest is left for the next time.
            enough = len(self.ready) > self._rows_wanted() // 2
            self.advancing = enough and self.weight < FOUND_MAX
            if self.advancing:
                self._pass_on(self.ready.portion(self._width))
        if self.settling and not self.answers_awaited:
            if self.concluded and not self.finished and not self.ready:
                self._finish()
            if not self.answers_awaited:
                self._report()

    def _rows_wanted(self) -> int:
        """Return from how many that are ready on it is worth while to pass them on."""
        return self.rows_max if self.ready.keys is not None and not self.concluded else 1

    def _conclude(self) -> None:
        self.concluded = True
        # Of one time the lower number comes first.
        self.waiting.sort()
        self._release(self.waiting, [self.arrived] * len(self.waiting))
        self.waiting = []

    def _finish(self) -> None:
        self.finished = True
        for actor in self.actors:
            actor.tell(Finish(self.passed))
        self.answers_awaited += len(self.actors)

    # Gathering observations

    def _observe(self, message: Observe) -> None:
        count = len(message.times)
        self.arrived += count
        if self.parameters.lateness == 0:
            self.ready.add(message.times, message.adids, message.keys)
            return
        keys = message.keys or ("",) * count
        numbers = range(message.number, message.number + count)
        rows = zip(message.times, numbers, message.adids, keys, strict=True)
        if self.parameters.lateness is None:
            self.waiting += rows
            return
        ready: list[tuple[str, int, str, str]] = []
        moments: list[int] = []
        for row in rows:
            insort(self.waiting, row)
            self.watermark.admit(row[:1])
            if self.waiting[0][0] <= self.watermark.time:
                end = bisect_right(self.waiting, self.watermark.time, key=itemgetter(0))
                ready += self.waiting[:end]
                del self.waiting[:end]
                moments += [row[1]] * end
        self._release(ready, moments)

    def _release(self, rows: list[tuple[str, int, str, str]], moments: list[int]) -> None:
        """Take note that the turn of ``rows`` has come, with the observations that made it."""
        if rows:
            times, _, adids, keys = zip(*rows, strict=True)
            self.ready.add(times, adids, keys)
            self.moments += moments

    # Passing observations on

    def _pass_on(self, count: int) -> None:
        """Tell the actors the first ``count`` of the observations that are ready."""
        if not count:
            return
        ready, first = self.ready, self.passed
        start, end = ready.start, ready.start + count
        self.passed += count
        if ready.keys is None:
            self._extend(
                "", ready.times[start:end], ready.adids[start:end], range(first, first + count)
            )
        else:
            times, adids = ready.times[start:end], ready.adids[start:end]
            own = _Places(self._meet)
            for index, key in enumerate(ready.keys[start:end]):
                own[key].append(index)
            time_at, adid_at = times.__getitem__, adids.__getitem__
            for key, indexes in own.items():
                self._extend(
                    key, map(time_at, indexes), map(adid_at, indexes), map(first.__add__, indexes)
                )
        ready.drop(count)

    def _extend(
        self, key: str, times: Iterable[str], adids: Iterable[str], places: Iterable[int]
    ) -> None:
        self.actors[self._meet(key)].tell(Extend(tuple(times), tuple(adids), tuple(places)))
        self.answers_awaited += 1

    def _width(self, key: str) -> int:
        """Return how many ids the window of ``key`` has at the most."""
        number = self.numbers.get(key)
        return 0 if number is None else self.widths[number]

    def _meet(self, key: str) -> int:
        """Return the number of ``key``, which is numbered and started when first met."""
        number = self.numbers.get(key)
        if number is None:
            number = self.numbers[key] = len(self.actors)
            self.actors.append(self.spawn(key, number))
            self.sums.append((0, 0))
            self.widths.append(0)
        return number

    # Answers

    def _take(self, answer: Found) -> None:
        self.answers_awaited -= 1
        number = answer.key
        for place, interval in zip(answer.places, answer.intervals, strict=True):
            self.found.append((place, number, interval))
            self.weight += _INTERVAL_WEIGHT + interval.num_adid
        seen, still_open = self.sums[number]
        more_seen, more_open = answer.seen - seen, answer.open - still_open
        self.sums[number] = answer.seen, answer.open
        self.widths[number] = answer.ids
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
        sums = (self.rows_waiting, self.found_count, *(each % _MODULUS for each in self.totals))
        self.sink.tell(Findings(findings, self.arrived, len(self.actors), sums))
        rows = self.passed - self.settled
        if self.ready.keys is None or self.weight <= FOUND_MAX:
            self.rows_max = min(SETTLE_ROWS, 2 * self.rows_max)
        else:
            self.rows_max = max(min(ROWS_MIN, SETTLE_ROWS), rows * FOUND_MAX // self.weight)
        self.found = []
        self.weight = 0
        del self.moments[:rows]
        self.settled, self.arrived_settled = self.passed, self.arrived
        self.settling = False

    def _moment(self, place: int) -> int:
        """Return the number of the observation after which that at ``place`` had its turn."""
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
        self.widths = [still_open for _, still_open in self.sums]
        self.arrived, self.passed, self.found_count = message.arrived, message.passed, message.found
        self.arrived_settled, self.settled = self.arrived, self.passed
        self.concluded = self.finished = False
        self.ready = Ready(keyed=self.parameters.key is not None)
        self.moments = []
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
