"""The coordinator of the second detector: passes observations on to the actor of their key.

Whatever the order of delivery, the findings come out in the order of the observations
that made them final, for the coordinator waits for all answers and sorts them.

Observations are gathered (`actors.intervals.gathering`), and passed on and settled in
portions (`actors.intervals.portions`). One that goes by what was settled before says how
many have to remain.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from actors.activation import Active
from actors.dispatcher import DispatchedActor, Dispatcher
from actors.intervals.messages import (
    Advance,
    Conclude,
    Extend,
    Findings,
    Finish,
    Found,
    Observe,
    Settle,
)
from actors.intervals.past import KeySums
from actors.intervals.portions import weight_of
from actors.messages import Commit, Horizon
from events.store.records import Finding

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.activation import Ref
    from actors.intervals.gathering import Gathered
    from actors.intervals.past import Moment, Recovery
    from actors.intervals.portions import Pace
    from events.observations.interval import Interval

_MODULUS: Final = 1 << 64


class OwnSums(dict[int, KeySums]):
    """What each key adds to the sums, by number, as far as its actor has answered."""

    def __init__(self, moment: Moment) -> None:
        """Begin at ``moment``."""
        super().__init__()
        self._moment = moment

    def __missing__(self, number: int) -> KeySums:
        """Look up what key ``number`` added at the beginning."""
        sums = self[number] = self._moment.sums(number)
        return sums


class IntervalCoordinator:
    """What a coordinator of interval actors is and does, on any of Pykka's runtimes."""

    past: Recovery
    """What is known of the observations before; and the keys by number."""
    sink: Ref
    actors: Active
    """The interval actors who are active, by number."""
    gathered: Gathered
    """The observations that were not passed on."""
    pace: Pace
    """How many come before the next settling."""
    keys: int
    """How many keys have appeared."""
    sums: OwnSums
    """What each of them adds to the sums."""
    finished: bool
    """Whether the actors know that no observation comes any more."""
    answers_awaited: int
    """How many actors have yet to answer."""
    advancing: bool
    """Whether more is to be passed on when they have."""
    rows_wanted: int
    """From how many that are ready on."""
    settling: bool
    """Whether the sink is to be told when they have."""
    requests: deque[Any]
    """Requests that came meanwhile."""
    found: list[tuple[int, int, Interval]]
    """Place, number of the key and interval of what was found since the last settling."""
    _moment: Moment
    _totals: list[int] | None

    def begin(self, past: Recovery, sink: Ref, activate: Callable[[int], Ref]) -> None:
        """Begin before the first observation.

        Args:
            past: what is looked for, and where it is known what came before.
            sink: where findings go.
            activate: starts the actor of a key, given by number.

        """
        self.past = past
        self.sink = sink
        self.actors = Active(activate)
        self.requests = deque()
        self._stand(0)

    @property
    def totals(self) -> list[int]:
        """The sums over all keys; see `Findings.sums`."""
        if self._totals is None:
            self._totals = list(self._moment.totals())
        return self._totals

    @property
    def settling_due(self) -> bool:
        """Whether enough was found, or came, for the sink to be told."""
        gathered, pace = self.gathered, self.pace
        return pace.found_much or gathered.arrived - gathered.arrived_settled >= pace.rows_max

    @property
    def is_settled(self) -> bool:
        """Whether the sink knows all that has come, and what was found in what was passed on."""
        gathered = self.gathered
        came = gathered.arrived - gathered.arrived_settled
        return not (came or gathered.passed - gathered.settled)

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
        kind, gathered = type(message), self.gathered
        if kind is Observe:
            gathered.observe(message.number, message.times, message.adids, message.keys)
            self.finished = False
        elif kind is Advance:
            self.rows_wanted = (
                1 if message.few else self.pace.rows_wanted(concluded=gathered.concluded)
            )
            self.advancing = len(gathered.ready) >= self.rows_wanted
            self._answered()
        elif kind is Settle:
            self.settling = True
            self._pass_on(gathered.ready_but(message.remaining))
            self._answered()
        elif kind is Commit:
            self.sink.tell(message)
        elif kind is Conclude:
            gathered.conclude()
        elif kind is Horizon:
            self._stand(message.events)
        else:
            raise TypeError(f"a coordinator of intervals understands no {kind.__name__}")

    def _stand(self, number: int) -> None:
        """Stand at the moment after event ``number``."""
        moment = self._moment = self.past.moment(number)
        self.gathered, self.pace = moment.gathered, moment.pace
        self.keys, self.finished = moment.keys, moment.finished
        self.sums = OwnSums(moment)
        self._totals = None
        self.answers_awaited = 0
        self.advancing = self.settling = False
        self.rows_wanted = 1
        self.found = []

    def _answered(self) -> None:
        """Do what comes next, unless an answer is awaited."""
        gathered = self.gathered
        while self.advancing and not self.answers_awaited:
            # A small rest is left for the next time.
            enough = len(gathered.ready) > self.rows_wanted // 2
            self.advancing = enough and not self.pace.found_much
            if self.advancing:
                self._pass_on(gathered.ready.portion(self._width))
        if self.settling and not self.answers_awaited:
            if gathered.concluded and not self.finished and not gathered.ready:
                self._finish()
            if not self.answers_awaited:
                self._report()

    def _finish(self) -> None:
        for number in range(self.keys):
            sums = self.sums[number]
            self.actors[number].tell(Finish(self.gathered.passed, sums.seen, sums.ended))
        self.answers_awaited += self.keys
        self.finished = True

    def _pass_on(self, count: int) -> None:
        """Tell the actors the first ``count`` of the observations that are ready."""
        for key, times, adids, places in self.gathered.take(count):
            number = self.past.meet(key)
            self.keys = max(self.keys, number + 1)
            sums = self.sums[number]
            self.actors[number].tell(Extend(times, adids, places, sums.seen, sums.ended))
            self.answers_awaited += 1

    def _width(self, key: str) -> int:
        """Return how many ids the window of ``key`` has at the most."""
        number = self.past.numbers.get(key, self.keys)
        return self.sums[number].ids if number < self.keys else 0

    # Answers

    def _take(self, answer: Found) -> None:
        self.answers_awaited -= 1
        number = answer.key
        for place, interval in zip(answer.places, answer.intervals, strict=True):
            self.found.append((place, number, interval))
            self.pace.weight += weight_of(interval)
        seen, still_open, _, ended = self.sums[number]
        ended = answer.seen if self.finished else ended
        more_seen, more_open = answer.seen - seen, answer.open - still_open
        self.sums[number] = KeySums(answer.seen, answer.open, answer.ids, ended)
        totals, k = self.totals, number + 1
        totals[0] += more_seen
        totals[1] += more_open
        totals[2] += k * more_seen
        totals[3] += k * more_open

    def _report(self) -> None:
        gathered = self.gathered
        # The sort keeps the order of what one key has found at one place.
        self.found.sort(key=lambda each: each[:2])
        findings = tuple([Finding(gathered.moment(place), each) for place, _, each in self.found])
        rows, still_open, rows_by_key, open_by_key = self.totals
        if self.finished:
            still_open = open_by_key = 0
        totals = (rows, still_open, rows_by_key, open_by_key)
        sums = (gathered.rows_waiting, *(each % _MODULUS for each in totals))
        self.sink.tell(Findings(findings, gathered.arrived, self.keys, sums))
        self.found = []
        self.pace.settle(gathered.settle())
        self.settling = False


class IntervalCoordinatorActor(IntervalCoordinator, DispatchedActor):
    """A coordinator of interval actors on the dispatcher."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        urn: str,
        past: Recovery,
        sink: Ref,
        activate: Callable[[int], Ref],
    ) -> None:
        """Look for what ``past`` says, send findings to ``sink`` and activate actors as needed."""
        super().__init__(dispatcher, urn)
        self.begin(past, sink, activate)
