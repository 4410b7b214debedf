"""The actor system of the second detector: a coordinator, a sink, and shards that own the keys."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from actors.dispatcher import DeliveryOrder, Dispatcher
from actors.intervals.actor import IntervalActor
from actors.intervals.coordinator import IntervalCoordinatorActor
from actors.intervals.messages import Advance, Conclude, Observe, Settle
from actors.intervals.past import Recovery
from actors.intervals.sink import IntervalOutlet, IntervalSinkActor
from actors.messages import Commit, Horizon
from actors.urns import COORDINATOR, SINK, urn_of_key, urn_of_shard
from events.closing import Closing
from events.logs.file import PORTIONS, Portions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actors.activation import Ref
    from events.observations.observed import Observed
    from events.observations.parameters import IntervalParameters
    from events.store.records import StateDigest


class KeyState(NamedTuple):
    """One key at one moment."""

    number: int
    """Its number, from 0 in order of first appearance."""
    seen: int
    """How many observations of it were passed on."""
    first: int
    """The place among them of the first that a coming one may be in an interval with."""
    window: tuple[tuple[str, str], ...]
    """Times and ids of the observations from there on."""


class IntervalSimulation(Closing):
    """Takes observations, one history at a time, and sends findings to an outlet.

    Nothing here reads a clock, a file or an environment: the same observations give the
    same messages in the same order.
    """

    name: ClassVar[str] = "intervals"
    """What the detector is called in its stores."""
    version: ClassVar[int] = 1
    """Raised with the rule."""

    actor_type: ClassVar[type[IntervalActor]] = IntervalActor
    """What the shards are."""

    def __init__(
        self,
        parameters: IntervalParameters,
        outlet: IntervalOutlet,
        order: DeliveryOrder | None = None,
        *,
        past: Recovery | None = None,
        portions: Portions = PORTIONS,
    ) -> None:
        """Start the coordinator and the sink; shards are activated when spoken to.

        Args:
            parameters: what is looked for.
            outlet: where findings go.
            order: the order of delivery, by default first in, first out.
            past: what is known of observations that were passed on, where actors recover
                from; by default nothing.
            portions: how much is passed on, and found, at once.

        """
        self.dispatcher: Final = Dispatcher(order)
        self._past: Final = Recovery(parameters) if past is None else past
        self._actors: Final[dict[int, IntervalActor]] = {}
        self.sink: Final = self.dispatcher.spawn(
            partial(IntervalSinkActor, outlet=outlet, found=self._past.found), SINK
        )
        self.coordinator: Final = self.dispatcher.spawn(
            lambda dispatcher, urn: IntervalCoordinatorActor(
                dispatcher, urn, self._past, self.sink.actor_ref, self._activate, portions=portions
            ),
            COORDINATOR,
        )

    @property
    def names(self) -> list[str]:
        """The keys that have appeared, by number."""
        return self._past.names[: self.keys]

    def number_of(self, key: str) -> int | None:
        """Return the number of ``key``, or None if it has not appeared."""
        number = self._past.number_of(key)
        return None if number is None or number >= self.keys else number

    def key(self, number: int) -> KeyState:
        """Return the state of key ``number``, whose shard is activated for that."""
        past, shard = self._past, number % self._past.shards
        _ = self.coordinator.actors[shard]
        actor = self._actors[shard]
        if not actor.active:
            actor.recover(self.coordinator.gathered.passed, self.coordinator.ended)
        seen, rows = actor.finder.of_key(number // past.shards)
        if self.finished:
            return KeyState(number, seen, seen, ())
        ids = map(past.adids.listed.__getitem__, rows.adids.tolist())
        return KeyState(
            number, seen, seen - len(rows), tuple(zip(rows.times.texts(), ids, strict=True))
        )

    def close(self) -> None:
        """Stop all actors."""
        self.dispatcher.stop()

    @property
    def keys(self) -> int:
        """How many keys have appeared."""
        return self.coordinator.keys

    @property
    def position(self) -> int:
        """How many observations have happened."""
        return self.coordinator.gathered.arrived

    @property
    def finished(self) -> bool:
        """Whether no observation seems to come any more."""
        return self.coordinator.finished

    @property
    def active(self) -> list[int]:
        """The shards that are active, by number, in the order of activation."""
        return list(self.coordinator.actors)

    @property
    def rows_waiting(self) -> int:
        """How many observations were not passed on yet."""
        return self.coordinator.gathered.rows_waiting

    def goto(self, position: int) -> None:
        """Stand at the moment after observation ``position``, as far as the past knows it.

        Actors whose observations were passed on in between are passivated; when they are next
        spoken to they are as of then. No message may wait.
        """
        self.passivate(self._past.concerned(self.position, position, self.active))
        self.coordinator.actor_ref.tell(Horizon(position))
        self.dispatcher.run()

    def passivate(self, shards: Iterable[int]) -> None:
        """Stop ``shards``, by number, for whom no message may wait."""
        for number in shards:
            self.coordinator.actors.pop(number).stop()
            del self._actors[number]

    def observe(self, observed: Observed) -> None:
        """Take observations; see `advance` and `settle`."""
        self.coordinator.actor_ref.tell(Observe(observed))
        self.dispatcher.run()

    def conclude(self) -> None:
        """Take note that no observation comes any more; see `settle`."""
        self.coordinator.actor_ref.tell(Conclude())
        self.dispatcher.run()

    def advance(self) -> None:
        """Look for intervals among what was observed, until it is time to settle."""
        self._advance(Advance())

    def _advance(self, message: Advance) -> None:
        self.coordinator.actor_ref.tell(message)
        self.dispatcher.run()

    def settle_due(self) -> None:
        """After `advance`, settle as often as it is time to, and go on.

        Done after each block, this gives portions that depend on the blocks alone.
        """
        while self.coordinator.settling_due:
            self.settle(self.coordinator.remaining)
            self.advance()

    def settle_ready(self) -> None:
        """Settle all that has had its turn, in portions, if any of it was not."""
        self._advance(Advance(few=True))
        while not self.coordinator.is_settled:
            self.settle(self.coordinator.remaining)
            self._advance(Advance(few=True))

    def settle_rest(self) -> None:
        """Settle all that is left after `conclude`, in such portions."""
        self.advance()
        while self.coordinator.remaining:
            self.settle(self.coordinator.remaining)
            self.advance()
        self.settle()

    def settle(self, remaining: int = 0) -> None:
        """Send what is found among what was observed to the outlet.

        Args:
            remaining: how many observations are left for later.

        """
        self.coordinator.actor_ref.tell(Settle(remaining))
        self.coordinator.actor_ref.tell(Commit())
        self.dispatcher.run()

    def settle_as(self, recorded: StateDigest) -> None:
        """Settle as the run did that recorded this, however many it left for later."""
        self.settle(recorded.sums[0] if recorded.sums else 0)

    def _spawn(self, number: int) -> IntervalActor:
        urn = urn_of_shard(number) if self._past.shards > 1 else urn_of_key("")
        coordinator = self.coordinator.actor_ref
        make = partial(self.actor_type, number=number, coordinator=coordinator, past=self._past)
        return self.dispatcher.spawn(make, urn)

    def _activate(self, number: int) -> Ref:
        actor = self._actors[number] = self._spawn(number)
        return actor.actor_ref
