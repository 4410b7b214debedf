"""The coordinator of the second detector: passes observations on to the shards of their keys.

Whatever the order of delivery, the findings come out in the order of the observations
that made them final, for the coordinator waits for all answers and sorts them.

Observations are gathered (`actors.intervals.gathering`), passed on many at a time, and settled
in portions: what is found in one cannot be more than memory holds. Where a portion ends depends
on the observations alone, and on how many there were when the actors were told to settle. One
that goes by what was settled before says how many have to remain.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

import numpy as np

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
from actors.intervals.past import Totals
from actors.messages import Commit, Horizon
from events.observations.findings import FindingColumns

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from actors.activation import Ref
    from actors.intervals.gathering import Gathered
    from actors.intervals.past import CoordinatorState, Recovery
    from events.logs.file import Portions
    from events.observations.windows import Ranges

# How much besides its ids an interval is.
_INTERVAL_WEIGHT: Final = 32


class Pile:
    """What was found and not settled yet."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._parts: list[tuple[int, Ranges]] = []
        self.weight = 0
        """How much it is."""

    def add(self, shard: int, ranges: Ranges) -> None:
        """Take what ``shard`` has found."""
        if len(ranges):
            self._parts.append((shard, ranges))
            self.weight += int(_weights(ranges).sum())

    def end(self, weight: int) -> int:
        """Return behind which place so much, or no less than that, was found."""
        places = np.concatenate([ranges.places for _, ranges in self._parts])
        weights = np.concatenate([_weights(ranges) for _, ranges in self._parts])
        order = np.argsort(places, kind="stable")
        reached = int(np.searchsorted(np.cumsum(weights[order]), weight))
        return int(places[order[reached]]) + 1

    def take(
        self, past: Recovery, first: int, end: int, turns: NDArray[np.int64]
    ) -> FindingColumns:
        """Take what was final before a place, by place and key.

        Args:
            past: says who the shards, the keys and the ids are.
            first: the first place of something that was not taken before.
            end: the place.
            turns: for each place from the first on after which observation it had its turn.

        """
        parts, keys, left = [], [np.zeros(0, np.int64)], []
        for shard, ranges in self._parts:
            are = ranges.places < end
            if not are.all():
                left.append((shard, ranges.taken(~are)))
                ranges = ranges.taken(are)  # noqa: PLW2901  the rest is left
            parts.append(ranges)
            keys.append(ranges.keys * past.shards + shard)
            self.weight -= int(_weights(ranges).sum())
        self._parts = left
        places = np.concatenate([keys[0], *(part.places for part in parts)])
        key = np.concatenate(keys)
        # The sort keeps the order of what one key has found at one place.
        order = np.lexsort((key, places))
        numbers, listed = turns[places[order] - first], past.adids.listed
        return FindingColumns(numbers, key[order], parts, order, past.names, listed)


def _weights(ranges: Ranges) -> NDArray[np.int64]:
    return ranges.counts + _INTERVAL_WEIGHT


class IntervalCoordinator:
    """What a coordinator of shards is and does, on any of Pykka's runtimes."""

    past: Recovery
    """What is known of the observations before; and the keys by number."""
    sink: Ref
    portions: Portions
    """How much is passed on, and found, at once."""
    actors: Active
    """The shards that are active, by number."""
    gathered: Gathered
    """The observations that were not passed on."""
    keys: int
    """How many keys have appeared."""
    finished: bool
    """Whether the actors know that no observation comes any more."""
    ended: int
    """How many observations had been passed on when they were told so last."""
    settled: int
    """How many observations had been passed on whose intervals the sink knows."""
    arrived_settled: int
    """How many there were at the last settling."""
    answers_awaited: int
    """How many actors have yet to answer."""
    requests: deque[Any]
    """Requests that came meanwhile."""
    found: Pile
    """What was found since the last settling."""

    def begin(
        self, past: Recovery, sink: Ref, activate: Callable[[int], Ref], portions: Portions
    ) -> None:
        """Begin before the first observation.

        Args:
            past: what is looked for, and where it is known what came before.
            sink: where findings go.
            activate: starts a shard, given by number.
            portions: how much is passed on, and found, at once.

        """
        self.past = past
        self.sink = sink
        self.portions = portions
        self.actors = Active(activate)
        self.requests = deque()
        self._stand(0)

    @property
    def settling_due(self) -> bool:
        """Whether enough was found, or came, for the sink to be told."""
        return self._found_much or self._came_many

    @property
    def remaining(self) -> int:
        """How many observations are to remain at the next settling."""
        gathered = self.gathered
        if not self._found_much:
            return gathered.rows_waiting
        return gathered.arrived - min(self.found.end(self.portions.found_max), gathered.passed)

    @property
    def is_settled(self) -> bool:
        """Whether the sink knows all that has come, and what was found in what was passed on."""
        gathered = self.gathered
        return gathered.arrived == self.arrived_settled and gathered.passed == self.settled

    @property
    def _came_many(self) -> bool:
        came = self.gathered.arrived - self.arrived_settled
        # Shards look through all that was open with what has come. Were that always fewer, the
        # time of a window of all rows would grow with its square.
        return came >= self.portions.settle_rows and came >= self.totals.still_open

    @property
    def _found_much(self) -> bool:
        return self.found.weight >= self.portions.found_max

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
            gathered.observe(message.observed)
            self.finished = False
        elif kind is Advance:
            at_once = message.few or gathered.concluded or self._came_many
            self._wanted = gathered.ready if at_once else self._behind
            self._answered()
        elif kind is Settle:
            self._settling = gathered.arrived - message.remaining
            self._pass_on(min(gathered.ready, max(0, self._settling - gathered.passed)))
            self._answered()
        elif kind is Commit:
            self.sink.tell(message)
        elif kind is Conclude:
            gathered.conclude()
        elif kind is Horizon:
            self._stand(message.events)
        else:
            raise TypeError(f"a coordinator of intervals understands no {kind.__name__}")

    _settling: int | None
    """Up to which place the sink is to be told when all have answered."""
    _totals: Totals

    def _stand(self, number: int) -> None:
        """Stand at the moment after event ``number``."""
        moment: CoordinatorState = self.past.moment(number)
        self.gathered, self.keys = moment.gathered, moment.keys
        self.finished, self.ended = moment.finished, moment.ended
        self.settled, self.arrived_settled = self.gathered.passed, self.gathered.arrived
        self.answers_awaited = 0
        self.found = Pile()
        self._moment_totals: Callable[[], Totals] | None = moment.totals
        self._totals = Totals()
        # What was settled with them may have left some that are looked at before others.
        self._behind = self.gathered.ready
        self._wanted = 0
        self._settling = None
        # Of the observations since the last settling, the number of the key of each, what it
        # changes of what is open, and after which observation it had its turn; and which of
        # the last ones were passed on to each shard.
        self._keys = self._changes = self._turns = np.zeros(0, np.int64)
        self._asked: dict[int, NDArray[np.int64]] = {}

    def _answered(self) -> None:
        """Do what comes next, unless an answer is awaited."""
        gathered = self.gathered
        while self._wanted and not self.answers_awaited:
            if self._found_much:
                self._wanted = 0
            else:
                still_open = self.totals.still_open + int(self._changes.sum())
                count = min(self._wanted, max(self.portions.settle_rows, still_open))
                self._wanted -= count
                self._pass_on(count)
        if self._settling is not None and not self.answers_awaited:
            if self._settling == gathered.arrived and gathered.concluded and not self.finished:
                self._finish()
            if not self.answers_awaited:
                self._report(self._settling)
                self._settling = None

    def _finish(self) -> None:
        shards = min(self.past.shards, len(self.past.names[: self._keys_passed]))
        for shard in range(shards):
            self.actors[shard].tell(Finish(self.gathered.passed, self.ended))
            self._asked[shard] = np.zeros(0, np.int64)
        self.answers_awaited += shards
        self.finished, self.ended = True, self.gathered.passed

    @property
    def _keys_passed(self) -> int:
        """How many keys those have that were passed on."""
        return max(self.keys, int(self._keys.max()) + 1 if len(self._keys) else 0)

    def _pass_on(self, count: int) -> None:
        """Tell the shards the first ``count`` of the observations that are ready."""
        if not count:
            return
        gathered, before = self.gathered, len(self._keys)
        passed, keys = gathered.passed, self._keys_passed
        rows, turns = gathered.take(count)
        rows = self.past.numbered(rows)
        self._behind = max(0, self._behind - count)
        self._keys = np.append(self._keys, rows.keys)
        self._turns = np.append(self._turns, turns)
        self._changes = np.append(self._changes, np.zeros(count, np.int64))
        shards = self.past.shards
        shard_of = rows.keys % shards
        for shard in range(shards):
            which = np.flatnonzero(shard_of == shard) if shards > 1 else np.arange(count)
            if not len(which):
                continue
            self._asked[shard] = which + before
            # What a shard begins with has its number, so there is nothing before that comes.
            before_it = passed if shard < keys else 0
            own = rows if len(which) == count else rows.taken(which)
            told = Extend(own, which + passed, before_it, self.ended)
            self.actors[shard].tell(told)
            self.answers_awaited += 1

    # Answers

    def _take(self, answer: Found) -> None:
        self.answers_awaited -= 1
        self.found.add(answer.shard, answer.ranges)
        self._changes[self._asked.pop(answer.shard)] = answer.changes

    @property
    def totals(self) -> Totals:
        """The sums over all keys at the last settling."""
        if self._moment_totals is not None:
            self._totals = self._moment_totals()
            self._moment_totals = None
        return self._totals

    def _report(self, passed: int) -> None:
        """Tell the sink what was found in the first observations, so many as were passed on."""
        gathered = self.gathered
        passed = max(self.settled, min(passed, gathered.passed))
        count = passed - self.settled
        keys, changes, turns = self._keys[:count], self._changes[:count], self._turns
        self._totals = self.totals.plus(keys, changes)
        self.keys = max(self.keys, int(keys.max()) + 1 if count else 0)
        end = passed + (self.finished and passed == gathered.arrived)
        # What only the end made final is of no observation's turn.
        numbers = np.append(turns[:count], gathered.arrived)
        findings = self.found.take(self.past, self.settled, end, numbers)
        sums = (gathered.arrived - passed, *self._totals.recorded(finished=self.finished))
        self.sink.tell(Findings(findings, gathered.arrived, self.keys, sums))
        self._keys, self._changes = self._keys[count:], self._changes[count:]
        self._turns = self._turns[count:]
        self.settled, self.arrived_settled = passed, gathered.arrived
        self._behind = gathered.ready


class IntervalCoordinatorActor(IntervalCoordinator, DispatchedActor):
    """A coordinator of shards on the dispatcher."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        urn: str,
        past: Recovery,
        sink: Ref,
        activate: Callable[[int], Ref],
        *,
        portions: Portions,
    ) -> None:
        """Look for what ``past`` says, send findings to ``sink`` and activate shards as needed."""
        super().__init__(dispatcher, urn)
        self.begin(past, sink, activate, portions)
