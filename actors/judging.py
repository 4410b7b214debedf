"""What every coordinator is that judges events: one at a time, as of the moment before it.

What comes in while an event is judged waits, so the states are those just before the event,
under any order of delivery.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING, Any

from actors.activation import Active
from actors.dispatcher import DispatchedActor
from actors.messages import Attest, Attested, Commit, Horizon, Include, Judge, Judged

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.activation import Ref
    from actors.dispatcher import Dispatcher


class JudgingCoordinator(ABC):
    """What a coordinator that judges events is and does, on any of Pykka's runtimes."""

    parameters: Any
    """The detector's parameters."""
    journal: Any
    """All events, as columns; read as of the event before the one that is judged."""
    users: Active
    """The users, or subjects of another kind, who are active."""
    sink: Ref
    """Where verdicts go."""
    position: int
    """The last event that is part of the subjects' states, by number."""
    waiting: deque[Any]
    """Requests that came while an event is judged."""
    event: Any
    """The event that is being judged, or None."""

    def begin(
        self,
        parameters: Any,
        sink: Ref,
        journal: Any,
        activate: Callable[[int], Ref],
        *,
        attesting: bool = False,
    ) -> None:
        """Begin before the first event.

        Args:
            parameters: the detector's.
            sink: where verdicts go.
            journal: holds each event when it is told, and may hold later ones.
            activate: starts the actor of a subject, given by number.
            attesting: whether `Attest` will be asked.

        """
        del attesting
        self.parameters = parameters
        self.sink = sink
        self.journal = journal
        self.users = Active(activate)
        self.position = 0
        self.waiting = deque()
        self.event = None

    @abstractmethod
    def _judge(self, event: Any) -> None:
        """Begin to judge ``event``, or tell of it if there is no verdict on its type."""

    @abstractmethod
    def _tell(self, event: Any) -> None:
        """Tell those whom ``event`` concerns, active or not: messages depend on it alone."""

    def _stand(self, number: int) -> None:
        """Stand at the moment after event ``number``."""
        self.position = number

    def _sums(self) -> tuple[int, ...]:
        """Return what the state adds up to; nothing where nobody says."""
        return ()

    def _start(self, message: Any) -> None:
        kind = type(message)
        if kind is Judge:
            self._judge(message.event)
        elif kind is Include:
            self._tell(message.event)
        elif kind is Horizon:
            self._stand(message.events)
        elif kind is Commit:
            self.sink.tell(message)
        elif kind is Attest:
            subjects = self.journal.users(self.position)
            self.sink.tell(Attested(message.events, subjects, self._sums()))
        else:
            raise TypeError(f"a coordinator understands no {kind.__name__}")

    def _decided(self, verdict: Any) -> None:
        """Tell of the verdict on the event, make it part of the states, and go on."""
        event, self.event = self.event, None
        self.sink.tell(Judged(event, verdict))
        self._tell(event)
        while self.waiting and self.event is None:
            self._start(self.waiting.popleft())


class JudgingCoordinatorActor(JudgingCoordinator, DispatchedActor):
    """A coordinator that judges events, on the dispatcher."""

    def __init__(self, dispatcher: Dispatcher, urn: str, *given: Any, **options: Any) -> None:
        """Begin as `JudgingCoordinator.begin` says."""
        super().__init__(dispatcher, urn)
        self.begin(*given, **options)
