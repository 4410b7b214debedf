"""An actor system that judges events one by one: what is the same for every detector that does."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Protocol, TypeVar

from actors.messages import Attest, Commit, Include, Judge, Reached
from actors.sink import SinkActor
from actors.urns import COORDINATOR, SINK
from events.errors import DetectorError
from replay.engine.acting import Acting
from replay.engine.detectors import remember_source
from replay.engine.history import Happening

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.activation import Active, Ref
    from actors.dispatcher import DeliveryOrder
    from actors.sink import Outlet


class Recovering(Protocol):
    """An actor that folds its own events when it is first spoken to."""

    active: bool
    """Whether it has recovered, and is told of new events."""
    since: int
    """As of which event it was activated."""

    @property
    def actor_ref(self) -> Any:
        """Where messages for it go."""

    def held(self) -> dict[str, Any]:
        """Return what it holds, by name."""

    def recover(self, number: int, /) -> None:
        """Hold what its own events up to event ``number`` come to."""


E = TypeVar("E", bound=Happening)
V = TypeVar("V")
A = TypeVar("A", bound=Recovering)


class ActorSystem(Acting[A], Generic[E, V, A]):
    """An actor system of one history: takes its events and sends verdicts to an outlet.

    A store tells which detector decided it; see `replay.engine.detectors`.
    """

    name: ClassVar[str]
    """The name of the detector, by default that of its class."""
    version: ClassVar[int | str]
    """The version of its rule, by default the hash of its source."""
    answers_as_of: ClassVar[bool] = False
    """Whether each verdict follows from the events before it alone.

    That is: questions and verdicts leave no trace in actors, to be told of an event by `Include`
    or by `Judge` makes no difference, and that later events are in the journal makes none. Only
    then may workers share the events among them. A subclass declares it for itself.
    """

    verdict_type: ClassVar[type[Any]]
    """The type of its verdicts, as a store keeps them."""
    coordinator_type: ClassVar[type[Any]]
    """The type of its coordinator."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Read the source of a detector while it is the one that the class was made of."""
        super().__init_subclass__(**options)
        remember_source(cls)

    def __init__(
        self,
        parameters: Any,
        outlet: Outlet,
        order: DeliveryOrder | None = None,
        *,
        attesting: bool = False,
        journal: Any = None,
    ) -> None:
        """Start the coordinator and the sink; actors of subjects are activated when spoken to.

        Args:
            parameters: what the detector is told to look for.
            outlet: where verdicts and lines go.
            order: the order of delivery, by default first in, first out.
            attesting: whether `attest` will be called.
            journal: holds the events, and may hold those that are still to come; by
                default one that is filled by what is told.

        """
        super().__init__(order)
        self.parameters: Final = parameters
        """The parameters of the detector."""
        self.journal: Any = self.new_journal() if journal is None else journal
        """The journal of all events, of which those up to `position` have happened."""
        self.sink: Any = self.dispatcher.spawn(
            partial(SinkActor, outlet=outlet, line=self.checked_line), SINK
        )
        """The actor that passes verdicts on to the outlet."""
        self.coordinator: Any = self.dispatcher.spawn(
            lambda dispatcher, urn: self.coordinator_type(
                *(dispatcher, urn, parameters, self.sink.actor_ref, self.journal, self._activate),
                attesting=attesting,
            ),
            COORDINATOR,
        )
        """The actor that receives the events."""

    @classmethod
    @abstractmethod
    def new_journal(cls) -> Any:
        """Return a journal without events."""

    @classmethod
    @abstractmethod
    def checked_line(cls, event: E, verdict: V) -> bytes:
        """Return the line of an event that is flagged, without its newline."""

    @classmethod
    @abstractmethod
    def parts(cls) -> Sequence[type]:
        """Return the classes of its parts, whose source counts as its own for the version."""

    @classmethod
    @abstractmethod
    def judges(cls, event: E) -> bool:
        """Tell whether there is a verdict on ``event`` if it is of the stream."""

    def sums(self) -> tuple[int, ...]:
        """Return the sums over the state that the next digest would hold; none by default."""
        return ()

    def user(self, number: int) -> A:
        """Return the actor of subject ``number``, activated, for inspection."""
        _ = self.coordinator.users[number]
        actor: A = self._actors[number]
        if not actor.active:
            actor.recover(actor.since)
        return actor

    @property
    def position(self) -> int:
        happened: int = self.coordinator.position
        return happened

    @property
    def users(self) -> int:
        """The number of subjects that have appeared so far."""
        appeared: int = self.journal.users(self.position)
        return appeared

    @property
    def _active(self) -> Active:
        active: Active = self.coordinator.users
        return active

    def _moved(self, position: int) -> list[int]:
        first, last = sorted((position, self.position))
        moved: list[int] = self.journal.concerned(first + 1, last, self._active)
        return moved

    def include(self, position: int) -> None:
        """Tell those whom they concern of the events up to event ``position`` of the journal.

        The states are those of `goto` then, and nobody who is active recovers again.
        """
        tell = self.coordinator.actor_ref.tell
        for event in self.journal.events(self.position + 1, position):
            tell(Include(event))
        self.dispatcher.run()

    def extend(self, events: Any) -> None:
        """Append ``events`` to the journal without any message; `goto` lets them happen."""
        self.journal.extend(events)

    def judge(self, event: E) -> V | None:
        """Let ``event`` happen, and return the decision on it, or None if its type is not judged.

        Raises:
            DetectorError: the actors have not decided on it.

        """
        if event.number > len(self.journal):
            self.journal.append(event)
        self._tell(Judge(event))
        if not self.judges(event):
            return None
        decision: V | None = self.sink.decision(event.number)
        if decision is None:
            raise DetectorError(
                f"event {event.number}: expected the detector to decide on it, found no decision; "
                "see that its coordinator tells the sink"
            )
        return decision

    def accept(self, decisions: Sequence[V], lines: Sequence[bytes]) -> None:
        """Take verdicts that another actor system reached on the events that come next."""
        self.sink.actor_ref.tell(Reached(tuple(decisions), tuple(lines)))
        self.dispatcher.run()

    def attest(self, events: int) -> None:
        """Send the digest of the state after ``events`` events to the outlet.

        Raises:
            DetectorError: the system was made without ``attesting``.

        """
        self.sums()
        self._tell(Attest(events), Commit())

    def abandon(self) -> None:
        """Drop all waiting messages, and send the decisions so far to the outlet."""
        while self.dispatcher.queue:
            self.dispatcher.queue.popleft()
        if not self.sink.stopped:
            self.sink.actor_ref.tell(Commit())
            self.dispatcher.run()

    def commit(self) -> None:
        """Send the decisions since the last commit to the outlet."""
        self._tell(Commit())

    def _activate(self, number: int) -> Ref:
        ref = super()._activate(number)
        self._actors[number].since = self.position
        return ref
