"""The actor system of the detector of purchases: a coordinator, a sink and the users."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from actors.purchases.coordinator import CoordinatorActor
from actors.purchases.sink import SinkActor
from actors.purchases.user import UserActor
from actors.urns import COORDINATOR, SINK, urn_of_user
from events.errors import DetectorError
from events.journal.journal import Journal, OwnEvents
from events.purchases.event import Event, Purchase, place_of
from events.store.records import Decision
from replay.judging.system import ActorSystem

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from actors.dispatcher import DeliveryOrder
    from actors.purchases.digest import Sums
    from actors.sink import Outlet
    from events.purchases.parameters import Parameters

    Detector = Callable[..., "Simulation"]


class Simulation(ActorSystem[Event, Decision, UserActor]):
    """Judges the purchases of a stream; a detector with other actors is a subclass that names them.

    Users are activated when they are spoken to.
    """

    name = "purchases"
    version: ClassVar[int | str] = 1
    answers_as_of = True

    coordinator_type: ClassVar[type[CoordinatorActor]] = CoordinatorActor
    """What the coordinator is."""
    user_type: ClassVar[type[UserActor]] = UserActor
    """What the users are."""

    def __init__(
        self,
        parameters: Parameters,
        outlet: Outlet,
        order: DeliveryOrder | None = None,
        *,
        attesting: bool = False,
        journal: Journal | None = None,
    ) -> None:
        """Start the coordinator and the sink.

        Args:
            parameters: D and T.
            outlet: where decisions and flagged lines go.
            order: the order of delivery, by default first in, first out.
            attesting: whether `attest` will be called.
            journal: holds the events, and may hold those that are still to come; by
                default one that is filled by what is told.

        """
        super().__init__(order)
        self.journal: Journal = Journal() if journal is None else journal
        self.sink = self.dispatcher.spawn(partial(SinkActor, outlet=outlet), SINK)
        self.coordinator: CoordinatorActor = self.dispatcher.spawn(
            lambda dispatcher, urn: self.coordinator_type(
                dispatcher,
                urn,
                parameters,
                self.sink.actor_ref,
                self.journal,
                self._activate,
                attesting=attesting,
            ),
            COORDINATOR,
        )

    def last_purchase(self, user: int) -> int | None:
        """Return the number of the latest purchase of ``user`` that the coordinator knows of."""
        return self.coordinator.recency.last(user)

    def latest_purchases(self, count: int) -> list[Purchase]:
        """Return everyone's ``count`` latest purchases, or as many as there are, the last first."""
        return self.coordinator.recency.latest(count)

    def last_window(self, members: AbstractSet[int], count: int) -> list[Purchase]:
        """Return the last ``count`` purchases that ``members`` made together, in order."""
        owners = self.coordinator.recency.owners(members, count)
        bought = [
            purchase
            for owner, latest in owners.latest.items()
            for purchase in self.user(owner).purchases.latest(latest)
        ]
        return sorted(bought, key=place_of)[-count:]

    @classmethod
    def parts(cls) -> tuple[type, ...]:
        """Return what the actors are."""
        return cls.coordinator_type, cls.user_type

    @classmethod
    def judges(cls, event: Event) -> bool:
        """Tell whether ``event`` is a purchase."""
        return isinstance(event, Purchase)

    def sums(self) -> Sums:
        """Return what the state adds up to, as the next digest would say.

        Raises:
            DetectorError: it was made without ``attesting``.

        """
        sums = self.coordinator.sums
        if sums is None:
            raise DetectorError(
                "expected a simulation that attests, found one made without attesting=True; a "
                "detector has to pass on all that it is given"
            )
        return sums.now()

    def _spawn(self, number: int) -> UserActor:
        coordinator, own = self.coordinator.actor_ref, OwnEvents(self.journal, number)
        return self.dispatcher.spawn(
            lambda dispatcher, urn: self.user_type(dispatcher, urn, coordinator, own),
            urn_of_user(self.journal.names[number]),
        )
