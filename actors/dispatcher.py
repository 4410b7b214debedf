"""The dispatcher: a Pykka actor type whose actors share one queue and one loop.

Pykka's own actor type gives each actor a thread. Ten thousand threads take 8 s to
start and 42 µs a message, and no two runs interleave alike. Here every `tell` puts
a delivery on one queue; `Dispatcher.step` delivers exactly one of them, and
`Dispatcher.run` only repeats that. Which delivery comes next is a pluggable order;
whoever wants to watch is an observer. Both are what makes a run repeatable,
steppable and traceable.

Actors here are not in Pykka's registry, which unregisters by linear scan (100,000
actors: about 2 minutes), and have no futures: an answer is a message too.
All private names of Pykka that the project uses are in this file.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn, Protocol, TypeAlias, TypeVar

import pykka

from events.errors import ReplayError

if TYPE_CHECKING:
    from collections.abc import Callable

A = TypeVar("A", bound="DispatchedActor")


class ActorFailedError(ReplayError):
    """A message made an actor raise; the message names actor, message and error."""

    exit_status = 1


Delivery: TypeAlias = "tuple[DispatchedActor | None, DispatchedActor, Any]"
"""A message on its way: sender (None for the world outside), receiver, message."""


class DeliveryOrder(Protocol):
    """Decides which delivery comes next; `collections.deque` is first in, first out.

    Any order must keep the deliveries from one sender to one receiver in sequence.
    """

    def append(self, delivery: Delivery, /) -> None:
        """Take a delivery."""

    def popleft(self) -> Delivery:
        """Give the next delivery; raise IndexError when there is none."""

    def pop(self) -> Delivery:
        """Take back the delivery that was appended last; it has not been given."""

    def __len__(self) -> int:
        """Tell how many deliveries wait."""


class Observer(Protocol):
    """Sees every message just before it is delivered."""

    def __call__(self, sender: str | None, receiver: str, message: Any, /) -> None:
        """Take the urn of the sender (None: outside), of the receiver, and the message."""


class Supervisor(Protocol):
    """Decides what becomes of an actor that failed."""

    def restart(self, actor: DispatchedActor, message: Any, /) -> bool:
        """Give ``actor`` the state that it had before ``message``; False if it cannot be."""


class StopFlag:
    """Pykka's view of whether an actor has stopped; one thread needs no `threading.Event`."""

    __slots__ = ("_actor",)

    def __init__(self, actor: DispatchedActor) -> None:
        """Speak for ``actor``."""
        self._actor = actor

    def is_set(self) -> bool:
        """Tell whether the actor has stopped."""
        return self._actor.stopped


class Inbox:
    """Pykka's view of an actor's mail, all of which is on the dispatcher's queue."""

    __slots__ = ("_actor",)

    def __init__(self, actor: DispatchedActor | None = None) -> None:
        """Take mail for ``actor``."""
        self._actor = actor

    def put(self, envelope: Any, /) -> None:
        """Queue the envelope's message, as Pykka's own references do."""
        assert self._actor is not None, "an inbox takes mail only once it has an owner"
        self._actor.dispatcher.tell(self._actor, envelope.message)

    def get(self) -> NoReturn:
        """Refuse: the dispatcher hands messages out, actors do not fetch them."""
        raise NotImplementedError("a dispatched actor is handed its messages by the dispatcher")

    def empty(self) -> bool:
        """Tell Pykka that there is nothing to fetch here."""
        return True


class DispatchedRef(pykka.ActorRef[Any]):
    """Reference to a dispatched actor: holds it strongly and tells without an envelope.

    Pykka's own reference holds its actor weakly, since a thread holds it strongly,
    copies five attributes, which took 0.5 µs more an actor, and wraps each message,
    which took 0.7 µs more a message.
    """

    __slots__ = ("_actor", "_dispatcher")

    def __init__(self, actor: DispatchedActor) -> None:
        """Refer to ``actor``."""
        self._actor = actor
        self._dispatcher = actor.dispatcher

    @property
    def actor_class(self) -> type[Any]:  # type: ignore[override]
        """The class of the actor."""
        return type(self._actor)

    @property
    def actor_urn(self) -> str:  # type: ignore[override]
        """The stable name of the actor."""
        return self._actor.actor_urn

    @property
    def actor_inbox(self) -> Inbox:  # type: ignore[override]
        """The actor's side of the dispatcher's queue."""
        return self._actor.actor_inbox

    @property
    def actor_stopped(self) -> StopFlag:  # type: ignore[override]
        """Whether the actor has stopped."""
        return self._actor.actor_stopped

    def tell(self, message: Any) -> None:
        """Put ``message`` on the dispatcher's queue.

        Raises:
            pykka.ActorDeadError: the actor has stopped.

        """
        actor, dispatcher = self._actor, self._dispatcher
        if actor.stopped:
            raise pykka.ActorDeadError(f"{self} not found")
        dispatcher.queue.append((dispatcher.current, actor, message))

    def ask(self, *_args: Any, **_options: Any) -> NoReturn:
        """Refuse: waiting for an answer inside the one loop would wait for ever."""
        raise NotImplementedError("dispatched actors answer with a message; use tell")

    def stop(self, *_args: Any, **_options: Any) -> bool:  # type: ignore[override]
        """Stop the actor at once; return whether it was running."""
        return self._dispatcher.stop_actor(self._actor)


class DispatchedActor(pykka.Actor):
    """An actor that lives on a `Dispatcher`; make one with `Dispatcher.spawn`."""

    __slots__ = ("_actor_ref", "actor_urn", "dispatcher", "stopped")

    recovers_on: ClassVar[tuple[type, ...]] = ()
    """On which messages it recovers first, if it is not active; none but these is given twice."""
    active: bool
    """Whether it is active, that is has recovered; of actors that recover."""
    _actor_ref: DispatchedRef

    def __init__(self, dispatcher: Dispatcher, urn: str) -> None:
        """Live on ``dispatcher`` under the stable name ``urn``, such as ``urn:user:42``."""
        # Instead of Actor.__init__, whose uuid and threading.Event took 9 µs and
        # 2.5 KiB an actor.
        self.dispatcher = dispatcher
        self.actor_urn = urn
        self.stopped = False
        self._actor_ref = DispatchedRef(self)

    @property
    def actor_inbox(self) -> Inbox:  # type: ignore[override]
        """The actor's side of the dispatcher's queue."""
        return Inbox(self)

    @property
    def actor_stopped(self) -> StopFlag:  # type: ignore[override]
        """Whether the actor has stopped."""
        return StopFlag(self)

    @staticmethod
    def _create_actor_inbox() -> Inbox:
        return Inbox()

    @staticmethod
    def _create_future() -> NoReturn:
        raise NotImplementedError("dispatched actors answer with a message; use tell")

    def _start_actor_loop(self) -> None:
        """Start without a loop of its own: the dispatcher's is the only one."""
        self.on_start()


class Dispatcher:
    """Delivers the messages of all its actors, one at a time, in a given order."""

    __slots__ = ("_actors", "current", "observers", "queue", "supervisor")

    def __init__(self, order: DeliveryOrder | None = None) -> None:
        """Deliver in ``order``, by default first in, first out."""
        self.supervisor: Supervisor | None = None
        """Asked to restart an actor that failed, once for each message; None: nothing is."""
        self.queue: Final[DeliveryOrder] = deque() if order is None else order
        """The deliveries that wait."""
        self.observers: Final[list[Observer]] = []
        """Called before each delivery, in this order."""
        self.current: DispatchedActor | None = None
        """The actor whose message is being handled: the sender of what is told meanwhile."""
        self._actors: dict[str, DispatchedActor] = {}

    def spawn(self, make: Callable[[Dispatcher, str], A], urn: str) -> A:
        """Start and return the actor that ``make`` returns for this dispatcher and ``urn``.

        Raises:
            ValueError: an actor of that urn is running.

        """
        if urn in self._actors:
            raise ValueError(f"expected a new urn, found {urn} running")
        actor = make(self, urn)
        self._actors[urn] = actor
        actor._start_actor_loop()  # noqa: SLF001
        return actor

    def tell(self, receiver: DispatchedActor, message: Any) -> None:
        """Queue ``message`` for ``receiver``, from the actor at work or from outside."""
        self.queue.append((self.current, receiver, message))

    def step(self) -> bool:
        """Deliver one message; return False where none waits.

        Raises:
            ActorFailedError: the receiver raised and could not be restarted, or raised
                again; it is stopped.

        """
        return self._deliver(1) == 1

    def run(self) -> int:
        """Step until no message waits; return how many were delivered."""
        return self._deliver(-1)

    def _deliver(self, messages_max: int) -> int:
        """Deliver up to ``messages_max`` messages, or all if it is negative; return how many.

        This loop is `step`, repeated; as a function call a message it took 7 % longer.
        """
        queue, observers = self.queue, self.observers
        delivered = waiting = 0
        delivery: Delivery | None = None
        try:
            while queue and delivered != messages_max:
                delivery = sender, receiver, message = queue.popleft()
                if observers:
                    self._show(sender, receiver, message)
                self.current = receiver
                waiting = len(queue)
                try:
                    receiver.on_receive(message)
                except Exception as error:  # noqa: BLE001  whatever a handler raises
                    self._deliver_again(delivery, error, waiting)
                delivered += 1
        finally:
            # Also on KeyboardInterrupt, which Pykka's loop would answer by
            # blocking until every actor has stopped.
            self.current = None
        return delivered

    def _deliver_again(self, delivery: Delivery, error: Exception, waiting: int) -> None:
        """Have the receiver restarted and deliver once more what made it fail.

        Args:
            delivery: what was delivered.
            error: what the receiver raised.
            waiting: how many deliveries waited before; what it has sent since is withdrawn.

        """
        sender, receiver, message = delivery
        self._withdraw(waiting)
        if isinstance(error, ReplayError):
            raise error
        if self.supervisor is None or not self.supervisor.restart(receiver, message):
            self._fail(receiver, message, error)
        if self.observers:
            self._show(sender, receiver, message)
        try:
            receiver.on_receive(message)
        except Exception as again:  # noqa: BLE001  whatever a handler raises
            self._withdraw(waiting)
            self._fail(receiver, message, again)

    def _withdraw(self, waiting: int) -> None:
        while len(self.queue) > waiting:
            self.queue.pop()

    def _show(
        self, sender: DispatchedActor | None, receiver: DispatchedActor, message: Any
    ) -> None:
        for observer in self.observers:
            observer(None if sender is None else sender.actor_urn, receiver.actor_urn, message)

    def stop_actor(self, actor: DispatchedActor) -> bool:
        """Stop ``actor`` at once, without delivering what waits for it; True if it was running."""
        if actor.stopped:
            return False
        actor.stopped = True
        del self._actors[actor.actor_urn]
        actor.on_stop()
        return True

    def stop(self) -> None:
        """Stop all actors, the oldest first."""
        for actor in list(self._actors.values()):
            self.stop_actor(actor)

    def _fail(self, actor: DispatchedActor, message: Any, error: Exception) -> NoReturn:
        actor.stopped = True
        self._actors.pop(actor.actor_urn, None)
        actor.on_failure(type(error), error, error.__traceback__)
        event = _event_number(message)
        of_event = f" of event {event}" if event is not None else ""
        raise ActorFailedError(
            f"{actor.actor_urn} failed on {type(message).__name__}{of_event}: "
            f"{type(error).__name__}: {error}"
        ) from error


def _event_number(message: Any) -> int | None:
    """Return the number of the event that ``message`` is about, if it tells."""
    number = getattr(getattr(message, "event", message), "number", None)
    return number if isinstance(number, int) else None
