"""The actor system of the second detector: a coordinator, a sink, and shards that own the keys."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from actors.intervals.actor import IntervalActor
from actors.intervals.coordinator import IntervalCoordinatorActor
from actors.intervals.messages import Advance, Conclude, Observe, Settle
from actors.intervals.past import Recovery
from actors.intervals.sink import IntervalOutlet, IntervalSinkActor
from actors.messages import Commit
from actors.urns import COORDINATOR, SINK, urn_of_key, urn_of_shard
from events.logs.file import PORTIONS, Portions
from replay.engine.acting import Acting

if TYPE_CHECKING:
    from actors.activation import Active
    from actors.dispatcher import DeliveryOrder
    from events.observations.observed import Observed
    from events.observations.parameters import IntervalParameters
    from events.records.record import StateDigest


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


class IntervalSimulation(Acting[IntervalActor]):
    """Takes observations, one history at a time, and sends findings to an outlet."""

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
        super().__init__(order)
        self._past: Final = Recovery(parameters) if past is None else past
        self.sink: Final = self.dispatcher.spawn(
            partial(IntervalSinkActor, outlet=outlet, found=self._past.found), SINK
        )
        self.coordinator: IntervalCoordinatorActor = self.dispatcher.spawn(
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
        _ = self._active[shard]
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
    def _active(self) -> Active:
        return self.coordinator.actors

    @property
    def rows_waiting(self) -> int:
        """How many observations were not passed on yet."""
        return self.coordinator.gathered.rows_waiting

    def _moved(self, position: int) -> list[int]:
        return self._past.concerned(self.position, position, self.active)

    def observe(self, observed: Observed) -> None:
        """Take observations; see `advance` and `settle`."""
        self._tell(Observe(observed))

    def conclude(self) -> None:
        """Take note that no observation comes any more; see `settle`."""
        self._tell(Conclude())

    def advance(self) -> None:
        """Look for intervals among what was observed, until it is time to settle."""
        self._tell(Advance())

    def settle_due(self) -> None:
        """After `advance`, settle as often as it is time to, and go on.

        Done after each block, this gives portions that depend on the blocks alone.
        """
        while self.coordinator.settling_due:
            self.settle(self.coordinator.remaining)
            self.advance()

    def settle_ready(self) -> None:
        """Settle all that has had its turn, in portions, if any of it was not."""
        self._tell(Advance(few=True))
        while not self.coordinator.is_settled:
            self.settle(self.coordinator.remaining)
            self._tell(Advance(few=True))

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
        self._tell(Settle(remaining), Commit())

    def settle_as(self, recorded: StateDigest) -> None:
        """Settle as the run did that recorded this, however many it left for later."""
        self.settle(recorded.sums[0] if recorded.sums else 0)

    def _spawn(self, number: int) -> IntervalActor:
        urn = urn_of_shard(number) if self._past.shards > 1 else urn_of_key("")
        coordinator = self.coordinator.actor_ref
        make = partial(self.actor_type, number=number, coordinator=coordinator, past=self._past)
        return self.dispatcher.spawn(make, urn)
