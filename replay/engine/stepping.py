"""Stepping through one event of a history message by message, whatever the history is of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

from events.closing import Closing
from events.errors import PositionError
from replay.engine.acting import Acting
from replay.engine.history import StoredHistory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from actors.dispatcher import DeliveryOrder
    from events.times.timestamps import Zone


E = TypeVar("E")


class Delivered(NamedTuple):
    """A message and its way."""

    sender: str | None
    """The urn of the actor that sent it; None for the world outside."""
    receiver: str
    """The urn of the actor that it is for."""
    message: Any
    """One of `actors.purchases.messages`, or of `actors.intervals.messages`."""


H = TypeVar("H", bound=StoredHistory[Any, Any])
S = TypeVar("S", bound=Acting[Any])


class Stepping(Closing, ABC, Generic[E, H, S]):
    """A timeline: any moment of a history, also inside an event, between two of its messages.

    Position n is the moment after event n; position 0 is before everything. To go somewhere
    is to set the horizon of the actor system. Inside an event, what is looked at shows the
    actors as they are; whatever moves delivers the rest of the event first.
    """

    def __init__(self, history: H, acting: Callable[[DeliveryOrder], S]) -> None:
        """Begin at position 0, between events.

        The actors that ``acting`` makes have a dispatcher all of whose mail goes into a queue.
        """
        self.history: Final = history
        """The history: all that the store holds, in memory."""
        self.position = 0
        """The number of the last event that has happened; 0 before the first."""
        self.undisturbed: Callable[[], AbstractContextManager[object]] = nullcontext
        """Makes a context around each change of the actors, in which an interrupt has to wait.

        A long move is several changes, with a valid moment between two of them.
        """
        self._queue: deque[Any] = deque()
        # What the event that is being delivered still needs from outside; None between events.
        self._agenda: list[Any] | None = None
        self._acting: Final = acting
        self._simulation = acting(self._queue)

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.history)

    def close(self) -> None:
        """Stop all actors."""
        self._simulation.close()

    def read_on(self) -> int:
        """Be extended by what a run has appended to the store, and stay at this moment.

        Returns:
            How many events have come.

        Raises:
            StoreError: it is not the store that it was, or what came is damaged.

        """
        return self.history.read_on()

    @property
    def zone(self) -> Zone | None:
        """The time zone: ``utc``, or ``none`` of times without an offset; None without events."""
        return self.history.zone

    # Moving

    def goto(self, position: int) -> None:
        """Go to the moment after event ``position``; 0 is before everything.

        Raises:
            PositionError: the history has no such moment.

        """
        if not 0 <= position <= len(self):
            raise PositionError(f"expected a position from 0 to {len(self)}, found {position}")
        self._finish_event()
        self._stand(position)

    def next(self) -> E | None:
        """Let the next event happen, or what is left of it, and return it; None at the end."""
        if self.position == len(self):
            return None
        if not self._finish_event():
            self._stand(self.position + 1)
        event: E = self.history.event(self.position)
        return event

    def back(self) -> E | None:
        """Go to the moment before the latest event, and return it; None at the beginning.

        Inside an event, that is the event.
        """
        self._finish_event()
        if not self.position:
            return None
        event: E = self.history.event(self.position)
        self._stand(self.position - 1)
        return event

    def trace(self, number: int) -> list[Delivered]:
        """Return every message delivered for event ``number``; go to the moment after it.

        Raises:
            PositionError: the history has no such event.

        """
        self.history.event(number)
        self.goto(number - 1)
        delivered = []
        while self.position < number:
            message = self.deliver()
            assert message is not None, "there is an event to deliver"
            delivered.append(message)
        return delivered

    def _stand(self, position: int) -> None:
        with self.undisturbed():
            self._simulation.goto(position)
            self.position = position

    @abstractmethod
    def state(self) -> Any:
        """Return what all actors hold, to be compared."""

    @abstractmethod
    def name(self, number: int) -> str:
        """Return the user, or the key, whom actors call by ``number``."""

    @abstractmethod
    def _messages_of(self, number: int) -> list[Any]:
        """Return what has to be told from outside for event ``number``, in order."""

    @property
    def inside(self) -> bool:
        """Whether some but not all messages of the next event have been delivered."""
        return self._agenda is not None

    @property
    def waiting(self) -> list[Delivered]:
        """The waiting messages, in order of delivery; there are some only inside an event."""
        told = [
            Delivered(sender and sender.actor_urn, receiver.actor_urn, message)
            for sender, receiver, message in self._queue
        ]
        urn = self._simulation.coordinator.actor_urn
        return told + [Delivered(None, urn, message) for message in self._agenda or ()]

    def deliver(self) -> Delivered | None:
        """Deliver one message of the next event and return it, or None at the end.

        Where an actor raises, the timeline stands before that event again.
        """
        with self.undisturbed():
            if self._agenda is None:
                if self.position == len(self):
                    return None
                self._agenda = self._messages_of(self.position + 1)
            if not self._queue:
                self._simulation.coordinator.actor_ref.tell(self._agenda.pop(0))
            sender, receiver, message = self._queue[0]
            with self._or_before():
                self._simulation.dispatcher.step()
            if not self._queue and not self._agenda:
                self._agenda = None
                self.position += 1
        return Delivered(sender and sender.actor_urn, receiver.actor_urn, message)

    @contextmanager
    def _or_before(self) -> Iterator[None]:
        """Stand before the next event, with actors that are all alive, where the block raises."""
        try:
            yield
        except BaseException:
            # Who failed is stopped, and of what it was told nobody knows any more.
            self._simulation.close()
            self._queue.clear()
            self._agenda = None
            self._simulation = self._acting(self._queue)
            self._simulation.goto(self.position)
            raise

    def _finish_event(self) -> bool:
        """Deliver what is left of the event that the timeline is inside of, if it is."""
        was_inside = self.inside
        with self.undisturbed():
            while self.inside:
                self.deliver()
        return was_inside
