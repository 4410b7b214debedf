"""The actors of a detector that declares its events: each folds what concerns its subject."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

from actors.custom.messages import Answer, Ask, Fold
from actors.dispatcher import DispatchedActor
from events.custom.fact import Verdict
from events.errors import DetectorError

if TYPE_CHECKING:
    from actors.activation import Ref
    from actors.dispatcher import Dispatcher
    from events.custom.fact import Fact
    from events.custom.journal import FactJournal


_UNCHANGING: Final = (Verdict, int, str, bytes, type(None))


class SubjectActor(DispatchedActor):
    """The base class of a detector's actors, one for each subject of its events.

    An actor is activated by the first message to it, and folds the subject's own events up to
    the last one before that message. Its state is the attributes that `begin` sets and `fold`
    alone changes: plain values that can be compared and printed.
    """

    __slots__ = ("active", "coordinator", "journal", "number", "parameters", "since", "subject")

    recovers_on = (Ask, Fold)

    def __init__(  # noqa: PLR0917  what it is made of
        self,
        dispatcher: Dispatcher,
        urn: str,
        number: int,
        parameters: Any,
        coordinator: Ref,
        journal: FactJournal,
    ) -> None:
        """Begin as the subject of that number in ``journal``, answering to ``coordinator``."""
        super().__init__(dispatcher, urn)
        self.number = number
        self.subject = journal.names[number]
        """The subject's id."""
        self.parameters = parameters
        """The detector's parameters."""
        self.coordinator = coordinator
        self.journal = journal
        self.since = 0
        self.active = False
        self._begin()

    def begin(self) -> None:
        """Set the state before the first event."""

    def fold(self, event: Fact) -> None:
        """Change the state by ``event``, of which this is a subject."""

    def answer(self, question: Any) -> Any:
        """Return the answer to a question of the coordinator, and change nothing.

        By default the question is the event to judge, and the answer the verdict on it.
        """
        raise NotImplementedError

    def held(self) -> dict[str, Any]:
        """Return the state: the attributes that `begin` and `fold` have set, by name."""
        # Whoever watches an actor may have put a way of receiving messages before its own.
        return {name: value for name, value in vars(self).items() if name != "on_receive"}

    def recover(self, number: int) -> None:
        """Set the state after the subject's own events up to event ``number``."""
        for name in self.held():
            delattr(self, name)
        self.active = False
        parts = self._begin()
        for event in self.journal.own(self.number, number):
            self.fold(event)
        self._check(parts)
        self.active = True

    def _begin(self) -> list[Any]:
        """Begin, and return what of the actor is not the detector's."""
        parts = [getattr(self, name) for name in _OWN_NAMES]
        self.begin()
        self._check(parts)
        return parts

    def _check(self, parts: list[Any]) -> None:
        """Refuse a detector that has set what is not its own."""
        for name, part in zip(_OWN_NAMES, parts, strict=True):
            if getattr(self, name) is not part:
                raise self._taken(name)

    def _taken(self, name: str) -> DetectorError:
        return DetectorError(
            f"{type(self).__qualname__}: expected a name of its own for what it holds, found "
            f"{name}, which is the engine's; give it another"
        )

    def on_receive(self, message: Any) -> None:
        """Handle `Ask` or `Fold`, and recover before the first one.

        Raises:
            TypeError: it is some other message.

        """
        if isinstance(message, Ask):
            if not self.active:
                self.recover(message.number - 1)
            answer = self.answer(message.question)
            if not isinstance(answer, _UNCHANGING):
                # A message is what was said then, whatever becomes of what the actor holds.
                answer = deepcopy(answer)
            self.coordinator.tell(Answer(message.number, self.subject, answer))
        elif isinstance(message, Fold):
            if not self.active:
                self.recover(message.since)
            self.fold(message.event)
            if self.stopped:
                # The only one of those names that what is told meanwhile depends on.
                raise self._taken("stopped")
        else:
            raise TypeError(f"an actor of a subject understands no {type(message).__name__}")


_OWN_NAMES: Final = (*SubjectActor.__slots__, *DispatchedActor.__slots__)
