"""The actor system of one run: a coordinator, a sink and the users, on one dispatcher."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from actors.coordinator import CoordinatorActor
from actors.dispatcher import DeliveryOrder, Dispatcher
from actors.messages import Attest, Commit, Judge, Route, Settle
from actors.sink import Outlet, SinkActor
from actors.urns import COORDINATOR, SINK, urn_of_user
from actors.user import UserActor
from events.closing import Closing
from events.errors import DetectorError
from events.event import Event, Purchase
from replay.detectors import remember_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.digest import RunningSums, Sums
    from actors.user import Ref
    from events.parameters import Parameters
    from events.records import Decision


class Simulation(Closing):
    """Takes events, one history at a time, and sends verdicts to an outlet.

    Nothing here reads a clock, a file or an environment: the same events give the
    same messages in the same order. A detector with other actors is a subclass that
    names them. Its store tells which detector decided; see `replay.detectors`.
    """

    name: ClassVar[str] = "purchases"
    """What the detector is called; a subclass that declares none is called as its class."""
    version: ClassVar[int | str] = 1
    """Raised with the rule; a subclass that declares none has the hash of its source."""

    coordinator_type: ClassVar[type[CoordinatorActor]] = CoordinatorActor
    """What the coordinator is."""
    user_type: ClassVar[type[UserActor]] = UserActor
    """What the users are."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Read the source of a detector while it is the one that the class was made of."""
        super().__init_subclass__(**options)
        remember_source(cls)

    def __init__(
        self,
        parameters: Parameters,
        outlet: Outlet,
        order: DeliveryOrder | None = None,
        *,
        attesting: bool = False,
    ) -> None:
        """Start the coordinator and the sink; users start as they appear.

        Args:
            parameters: D and T.
            outlet: where decisions and flagged lines go.
            order: the order of delivery, by default first in, first out.
            attesting: whether `attest` will be called.

        """
        self.dispatcher: Final = Dispatcher(order)
        self._users: list[UserActor] = []
        self.sink: Final = self.dispatcher.spawn(partial(_sink, outlet=outlet), SINK)
        self.coordinator: Final = self.dispatcher.spawn(
            lambda dispatcher, urn: self.coordinator_type(
                dispatcher,
                urn,
                parameters,
                self.sink.actor_ref,
                self._spawn_user,
                attesting=attesting,
            ),
            COORDINATOR,
        )

    def user(self, number: int) -> UserActor:
        """Return the actor of user ``number``, to look at."""
        return self._users[number]

    def close(self) -> None:
        """Stop all actors."""
        self.dispatcher.stop()

    @property
    def users(self) -> int:
        """How many users have appeared."""
        return len(self.coordinator.users)

    def route(self, events: Sequence[Event]) -> None:
        """Make ``events`` part of the state without judging them; see `settle`."""
        self.coordinator.actor_ref.tell(Route(tuple(events)))
        self.dispatcher.run()

    def settle(self) -> None:
        """Make the users' states include all that was routed; `judge` does so by itself."""
        self.coordinator.actor_ref.tell(Settle())
        self.dispatcher.run()

    def judge(self, event: Event) -> Decision | None:
        """Judge ``event``, make it part of the state, and return the decision on a purchase.

        Raises:
            DetectorError: the actors have not decided on it.

        """
        self.coordinator.actor_ref.tell(Judge(event))
        self.dispatcher.run()
        if not isinstance(event, Purchase):
            return None
        decisions = self.sink.decisions
        if not decisions or decisions[-1].number != event.number:
            found = decisions[-1].number if decisions else "none"
            raise DetectorError(
                f"event {event.number}: expected the detector to decide on it, found the last "
                f"decision on event {found}; see that its coordinator tells the sink"
            )
        return decisions[-1]

    def attest(self, events: int) -> None:
        """Send the digest of the state after ``events`` events to the outlet.

        Raises:
            DetectorError: it was made without ``attesting``.

        """
        self._running_sums()
        self.coordinator.actor_ref.tell(Attest(events))
        self.commit()

    def sums(self) -> Sums:
        """Return what the state adds up to, as the next digest would say.

        Raises:
            DetectorError: it was made without ``attesting``.

        """
        return self._running_sums().now().reduced()

    def _running_sums(self) -> RunningSums:
        sums = self.coordinator.sums
        if sums is None:
            raise DetectorError(
                "expected a simulation that attests, found one made without attesting=True; a "
                "detector has to pass on all that it is given"
            )
        return sums

    def abandon(self) -> None:
        """Drop all messages that wait, and send what was decided to the outlet."""
        while self.dispatcher.queue:
            self.dispatcher.queue.popleft()
        if not self.sink.stopped:
            self.sink.actor_ref.tell(Commit())
            self.dispatcher.run()

    def commit(self) -> None:
        """Send what was decided since the last commit to the outlet."""
        self.coordinator.actor_ref.tell(Commit())
        self.dispatcher.run()

    def _spawn_user(self, user: str, number: int) -> Ref:
        coordinator = self.coordinator.actor_ref
        actor = self.dispatcher.spawn(
            lambda dispatcher, urn: self.user_type(dispatcher, urn, number, coordinator),
            urn_of_user(user),
        )
        self._users[number:] = [actor]
        return actor.actor_ref


def _sink(dispatcher: Dispatcher, urn: str, outlet: Outlet) -> SinkActor:
    return SinkActor(dispatcher, urn, outlet)
