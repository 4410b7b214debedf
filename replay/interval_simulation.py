"""The actor system of the second detector: a coordinator, a sink, and an actor for each key."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from actors.dispatcher import DeliveryOrder, Dispatcher
from actors.interval_actor import IntervalActor
from actors.interval_coordinator import IntervalCoordinatorActor
from actors.interval_messages import Conclude, Observe, Settle
from actors.interval_sink import IntervalOutlet, IntervalSinkActor
from actors.messages import Commit
from actors.urns import COORDINATOR, SINK, urn_of_key
from events.closing import Closing

if TYPE_CHECKING:
    from actors.user import Ref
    from events.interval_parameters import IntervalParameters
    from events.records import Observed


class IntervalSimulation(Closing):
    """Takes observations, one history at a time, and sends findings to an outlet.

    Nothing here reads a clock, a file or an environment: the same observations give the
    same messages in the same order.
    """

    name: ClassVar[str] = "intervals"
    """What the detector is called in its stores."""
    version: ClassVar[int] = 1
    """Raised with the rule."""

    def __init__(
        self,
        parameters: IntervalParameters,
        outlet: IntervalOutlet,
        order: DeliveryOrder | None = None,
    ) -> None:
        """Start the coordinator and the sink; the actors of keys start as keys appear.

        Args:
            parameters: what is looked for.
            outlet: where findings go.
            order: the order of delivery, by default first in, first out.

        """
        self._parameters: Final = parameters
        self.dispatcher: Final = Dispatcher(order)
        self._actors: list[IntervalActor] = []
        self.sink: Final = self.dispatcher.spawn(partial(_sink, outlet=outlet), SINK)
        self.coordinator: Final = self.dispatcher.spawn(
            lambda dispatcher, urn: IntervalCoordinatorActor(
                dispatcher, urn, parameters, self.sink.actor_ref, self._spawn
            ),
            COORDINATOR,
        )

    def actor(self, number: int) -> IntervalActor:
        """Return the actor of key ``number``, to look at."""
        return self._actors[number]

    def close(self) -> None:
        """Stop all actors."""
        self.dispatcher.stop()

    @property
    def keys(self) -> int:
        """How many keys have appeared."""
        return len(self.coordinator.actors)

    def observe(self, observed: Observed) -> None:
        """Take observations; see `settle`."""
        self.coordinator.actor_ref.tell(
            Observe(observed.number, observed.times, observed.adids, observed.keys)
        )
        self.dispatcher.run()

    def conclude(self) -> None:
        """Take note that no observation comes any more; see `settle`."""
        self.coordinator.actor_ref.tell(Conclude())
        self.dispatcher.run()

    def settle(self) -> None:
        """Send what is found among all that was observed to the outlet."""
        self.coordinator.actor_ref.tell(Settle())
        self.coordinator.actor_ref.tell(Commit())
        self.dispatcher.run()

    def _spawn(self, key: str, number: int) -> Ref:
        coordinator = self.coordinator.actor_ref
        actor = self.dispatcher.spawn(
            lambda dispatcher, urn: IntervalActor(
                dispatcher, urn, number, key, self._parameters, coordinator
            ),
            urn_of_key(key),
        )
        self._actors[number:] = [actor]
        return actor.actor_ref


def _sink(dispatcher: Dispatcher, urn: str, outlet: IntervalOutlet) -> IntervalSinkActor:
    return IntervalSinkActor(dispatcher, urn, outlet)
