"""The timeline of a history whose events are judged: any moment of it, from its store alone.

Position n is the moment after event n; position 0 is before everything. To go somewhere is
to set the horizon of the actor system: actors whose events lie between are passivated, and
whoever is looked at or spoken to then is as of the new moment. Only the event that is looked
at is judged. The state at a position is the same by every way that leads there.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from copy import deepcopy
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar

from actors.messages import Commit, Include, Judge
from actors.sink import Nowhere
from events.errors import PositionError, UnknownUserError, shown
from events.store.store import EventStore
from replay.engine.detectors import check_detector
from replay.engine.stepping import Stepping

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from actors.dispatcher import DeliveryOrder

E = TypeVar("E")
H = TypeVar("H", bound=Any)
S = TypeVar("S", bound=Any)
V = TypeVar("V")


class JudgedTimeline(Stepping[E, H, S], Generic[E, H, S, V]):
    """A history that can be visited at any moment; the store is only read.

    Raises:
        StoreError: the store cannot be read.
        OtherDetectorError: another detector decided it.

    """

    subject: ClassVar[str] = "a subject"
    """What a name names."""

    def __init__(
        self, store: EventStore | str | Path, detector: Any, *, of_another: bool = False
    ) -> None:
        """Begin at position 0 of the history in ``store``, which ``detector`` decides anew.

        Args:
            store: the store, or where it is.
            detector: makes the actor system; that which decided the store.
            of_another: take a store that another detector decided, too. Whoever asks for it
                says whose decisions are shown: the history's are recorded, and what
                is decided anew is this detector's.

        """
        opened = store if isinstance(store, EventStore) else EventStore(store)
        if not of_another:
            check_detector(opened, detector)
        history: H = self.read(opened, detector)
        self._acting: Final[Callable[[DeliveryOrder], S]] = lambda queue: detector(
            history.parameters, Nowhere(), queue, journal=history.journal
        )
        super().__init__(history, self._acting)

    def judge(self) -> V | None:
        """Apply the next event as if it came in now; return the decision if it is judged.

        Raises:
            PositionError: there is no next event.

        """
        self._finish_event()
        if self.position == len(self):
            raise PositionError(f"expected an event after position {self.position}, found the end")
        with self.undisturbed():
            decision: V | None = self._simulation.judge(
                self.history.journal.event(self.position + 1)
            )
            self._simulation.commit()
            self.position += 1
        return decision

    def decision(self, number: int) -> V | None:
        """Return the decision on event ``number``, decided anew; go to the moment after it.

        Raises:
            PositionError: the history has no such event.

        """
        self.history.event(number)
        self.goto(number - 1)
        return self.judge()

    # Looking

    @property
    def users(self) -> list[str]:
        """The users, or subjects of another kind, who have appeared, in order of first appearance.

        Inside an event also those of that event, once it is told.
        """
        names: list[str] = self.history.journal.names
        return names[: self._simulation.users]

    def name(self, number: int) -> str:
        """Return the id of user ``number``, counted from 0 in order of first appearance."""
        name: str = self.history.journal.names[number]
        return name

    def number(self, user: str) -> int:
        """Return the number of ``user``, in order of first appearance.

        Raises:
            UnknownUserError: the user has not appeared yet.

        """
        number: int | None = self.history.journal.number_of(user, self._simulation.position)
        if number is None:
            raise UnknownUserError(
                f"expected {self.subject} who has appeared by event {self.position}, found "
                f"{shown(user)}"
            )
        return number

    def state(self) -> list[Any]:
        """Return what the actors of all subjects hold, in order of first appearance."""
        return [(subject, self.held(subject)) for subject in self.users]

    def held(self, subject: str) -> dict[str, Any]:
        """Return what the actor of ``subject`` holds, by name.

        Raises:
            UnknownUserError: it has not appeared yet.

        """
        number = self.number(subject)
        # To look at somebody may be to activate it.
        with self.undisturbed():
            return deepcopy(self._simulation.user(number).held())

    def changes_of(self, subject: str) -> Callable[[int], bool]:
        """Return what tells whether an event changes what the actor of ``subject`` holds.

        It does not depend on where the timeline stands, and moves nothing.
        """
        journal, found = self.history.journal, set()
        with self._acting(deque()) as system:
            actor = system.user(journal.numbers[subject])
            held = deepcopy(actor.held())
            for event in journal.own(actor.number, len(journal)):
                actor.fold(event)
                if (now := actor.held()) != held:
                    found.add(event.number)
                    held = deepcopy(now)
        return found.__contains__

    # How it is done

    @staticmethod
    @abstractmethod
    def read(store: EventStore, detector: Any) -> Any:
        """Return the history in ``store``, whose events and verdicts are of ``detector``."""

    def _messages_of(self, number: int) -> list[Any]:
        event = self.history.journal.event(number)
        return [Judge(event), Commit()] if self.history.judged(number) else [Include(event)]
