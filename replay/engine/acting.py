"""What every actor system has in common: who is activated, and the moment at which it stands."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from actors.dispatcher import Dispatcher
from actors.messages import Horizon
from events.closing import Closing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actors.activation import Active, Ref
    from actors.dispatcher import DeliveryOrder

A = TypeVar("A", bound=Any)


class Acting(Closing, ABC, Generic[A]):
    """The actors of one history: a coordinator, and those that recover from its events.

    Nothing here reads a clock, a file or an environment: the same events give the same messages
    in the same order.
    """

    coordinator: Any
    """The actor that is told from outside."""

    def __init__(self, order: DeliveryOrder | None) -> None:
        """Begin without actors, whose messages are delivered in an ``order``."""
        self.dispatcher: Final = Dispatcher(order)
        """The dispatcher, which delivers all messages."""
        self._actors: Final[dict[int, A]] = {}

    def close(self) -> None:
        """Stop all actors."""
        self.dispatcher.stop()

    @property
    @abstractmethod
    def position(self) -> int:
        """The number of the last event that has happened, from 0."""

    @property
    @abstractmethod
    def _active(self) -> Active:
        """Those that are active, as the coordinator knows them."""

    @property
    def active(self) -> list[int]:
        """The numbers of those that are active, in order of activation."""
        return list(self._active)

    def goto(self, position: int) -> None:
        """Stand at the moment after event ``position``.

        Actors with events in between are passivated, and recover as of that moment when the next
        message reaches them. No message may be waiting.
        """
        self.passivate(self._moved(position))
        self._tell(Horizon(position))

    @abstractmethod
    def _moved(self, position: int) -> Iterable[int]:
        """Return who of the active ones is another as of event ``position`` than now."""

    def passivate(self, numbers: Iterable[int]) -> None:
        """Stop the actors of ``numbers``; no message for them may be waiting."""
        for number in numbers:
            self._active.pop(number).stop()
            del self._actors[number]

    @abstractmethod
    def _spawn(self, number: int) -> A:
        """Start the actor of ``number``."""

    def _activate(self, number: int) -> Ref:
        actor = self._actors[number] = self._spawn(number)
        ref: Ref = actor.actor_ref
        return ref

    def _tell(self, *messages: Any) -> None:
        """Tell the coordinator, and deliver all that comes of it."""
        for message in messages:
            self.coordinator.actor_ref.tell(message)
        self.dispatcher.run()
