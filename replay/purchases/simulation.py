"""The actor system of one run: a coordinator, a sink and the users, on one dispatcher."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from actors.dispatcher import DeliveryOrder, Dispatcher
from actors.messages import Commit, Horizon
from actors.purchases.coordinator import CoordinatorActor
from actors.purchases.messages import Attest, Judge
from actors.purchases.sink import Outlet, SinkActor
from actors.purchases.user import UserActor
from actors.urns import COORDINATOR, SINK, urn_of_user
from events.closing import Closing
from events.errors import DetectorError
from events.journal.journal import Journal, OwnEvents
from events.purchases.event import Event, Purchase
from replay.engine.detectors import remember_source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actors.activation import Ref
    from actors.purchases.digest import RunningSums, Sums
    from events.journal.columns import Columns
    from events.purchases.parameters import Parameters
    from events.store.records import Decision


class Simulation(Closing):
    """Takes events, one history at a time, and sends verdicts to an outlet.

    Nothing here reads a clock, a file or an environment: the same events give the
    same messages in the same order. A detector with other actors is a subclass that
    names them. Its store tells which detector decided; see `replay.engine.detectors`.
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
        journal: Journal | None = None,
    ) -> None:
        """Start the coordinator and the sink; users are activated when they are spoken to.

        Args:
            parameters: D and T.
            outlet: where decisions and flagged lines go.
            order: the order of delivery, by default first in, first out.
            attesting: whether `attest` will be called.
            journal: holds the events, and may hold those that are still to come; by
                default one that is filled by what is told.

        """
        self.dispatcher: Final = Dispatcher(order)
        self.journal: Final = Journal() if journal is None else journal
        """All events; those up to `position` have happened."""
        self._actors: dict[int, UserActor] = {}
        self.sink: Final = self.dispatcher.spawn(partial(_sink, outlet=outlet), SINK)
        self.coordinator: Final = self.dispatcher.spawn(
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

    def user(self, number: int) -> UserActor:
        """Return the actor of user ``number``, active, to look at."""
        _ = self.coordinator.users[number]
        actor = self._actors[number]
        if not actor.active:
            actor.recover(actor.since)
        return actor

    def close(self) -> None:
        """Stop all actors."""
        self.dispatcher.stop()

    @property
    def position(self) -> int:
        """How many events have happened."""
        return self.coordinator.told

    @property
    def users(self) -> int:
        """How many users have appeared."""
        return self.journal.users(self.position)

    @property
    def active(self) -> list[int]:
        """The numbers of the users who are active, in the order in which they became it."""
        return list(self.coordinator.users)

    def goto(self, position: int) -> None:
        """Stand at the moment after event ``position`` of the journal.

        Users whose events lie between are passivated; when they are next spoken to they are
        as of then. No message may wait.
        """
        first, last = sorted((position, self.position))
        if first < last:
            moved = self.journal.concerned(first + 1, last, self.coordinator.users)
            self.passivate(moved)
            self.coordinator.actor_ref.tell(Horizon(position))
            self.dispatcher.run()

    def passivate(self, users: Iterable[int]) -> None:
        """Stop the actors of ``users``, by number, for whom no message may wait."""
        for number in users:
            self.coordinator.users.pop(number).stop()
            del self._actors[number]

    def extend(self, events: Columns) -> None:
        """Make ``events`` part of the history, without anybody being told; see `goto`."""
        self.journal.extend(events)

    def judge(self, event: Event) -> Decision | None:
        """Judge ``event``, make it part of the state, and return the decision on a purchase.

        Raises:
            DetectorError: the actors have not decided on it.

        """
        if event.number > len(self.journal):
            self.journal.append(event)
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
        return self._running_sums().now()

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

    def _activate(self, number: int) -> Ref:
        coordinator, own = self.coordinator.actor_ref, OwnEvents(self.journal, number)
        actor = self.dispatcher.spawn(
            lambda dispatcher, urn: self.user_type(dispatcher, urn, coordinator, own),
            urn_of_user(self.journal.names[number]),
        )
        actor.since = self.position
        self._actors[number] = actor
        return actor.actor_ref


def _sink(dispatcher: Dispatcher, urn: str, outlet: Outlet) -> SinkActor:
    return SinkActor(dispatcher, urn, outlet)
