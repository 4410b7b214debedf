"""The coordinator of a detector that declares its events.

It judges one event at a time. What comes in meanwhile waits, so the states are those just
before the event, under any order of delivery.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from actors.activation import Active
from actors.declared.messages import Answer, Apply, Ask, Decided
from actors.dispatcher import DispatchedActor
from actors.messages import Attest, Attested, Commit, Horizon, Include, Judge, UnaskedError
from events.errors import DetectorError, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.activation import Ref
    from actors.dispatcher import Dispatcher
    from events.declared.fact import Fact, FactTypes, Verdict
    from events.declared.journal import FactJournal


class FactCoordinator(DispatchedActor):
    """Asks subjects about an event, decides on it and tells those whom it concerns.

    A detector whose verdicts need more than one answer makes its own of this, with another
    `judging`.
    """

    __slots__ = (
        "answers",
        "event",
        "journal",
        "judgement",
        "parameters",
        "position",
        "sink",
        "types",
        "users",
        "waiting",
    )

    def __init__(  # noqa: PLR0917  what it is made of
        self,
        dispatcher: Dispatcher,
        urn: str,
        parameters: Any,
        types: FactTypes,
        sink: Ref,
        journal: FactJournal,
        activate: Callable[[int], Ref],
    ) -> None:
        """Begin before the first event.

        Args:
            dispatcher: delivers messages.
            urn: its stable name.
            parameters: the detector's.
            types: those of its events.
            sink: where verdicts go.
            journal: holds each event when it is told, and may hold later ones.
            activate: starts the actor of a subject, given by number.

        """
        super().__init__(dispatcher, urn)
        self.parameters = parameters
        """The detector's parameters."""
        self.types = types
        self.sink = sink
        self.journal = journal
        self.users = Active(activate)
        self.position = 0
        self.waiting: deque[Any] = deque()
        self.event: Fact | None = None
        self.judgement: Generator[Mapping[str, Any], dict[str, Any], Verdict] | None = None
        self.answers: dict[str, Any] = {}

    def judging(self, event: Fact) -> Generator[Mapping[str, Any], dict[str, Any], Verdict]:
        """Judge ``event``: yield what to ask of whom, take the answers, return the verdict.

        What is yielded has questions by subject; what comes back the answers, in the same order.
        A subject that has not appeared before the event answers as one that holds nothing. By
        default the first whom the event concerns is asked about the event, and gives the verdict.
        """
        subject = self.journal.subjects(event)[0]
        answers = yield {subject: event}
        verdict: Verdict = answers[subject]
        return verdict

    def on_receive(self, message: Any) -> None:
        """Handle an answer at once, and a request in its turn.

        Raises:
            TypeError, UnaskedError: it is neither, or an answer that nobody asked for.

        """
        if isinstance(message, Answer):
            if self.event is None or self.answers.get(message.subject, 0) is not _AWAITED:
                raise UnaskedError(f"expected answers to questions only, found {message}")
            self.answers[message.subject] = message.answer
            if _AWAITED not in self.answers.values():
                self._go_on(self.answers)
        elif self.event is not None:
            self.waiting.append(message)
        else:
            self._start(message)

    def _start(self, message: Any) -> None:
        if isinstance(message, Judge):
            event: Fact = message.event
            if not self.types.is_judged(event):
                self._tell(event)
                return
            self.event, self.judgement = event, self.judging(event)
            if not isinstance(self.judgement, Generator):
                raise _wrong(event, "judging to yield questions", self.judgement)
            self._go_on(None)
        elif isinstance(message, Include):
            self._tell(message.event)
        elif isinstance(message, Horizon):
            self.position = message.events
        elif isinstance(message, Commit):
            self.sink.tell(message)
        elif isinstance(message, Attest):
            self.sink.tell(Attested(message.events, self.journal.users(self.position), ()))
        else:
            raise TypeError(f"a coordinator understands no {type(message).__name__}")

    def _go_on(self, answers: dict[str, Any] | None) -> None:
        """Give the judgement the ``answers`` that it waits for, and ask what it asks next."""
        assert self.judgement is not None, "something is being judged"
        assert self.event is not None, "and that is an event"
        try:
            questions: Any = self.judgement.send(answers)  # type: ignore[arg-type]
        except StopIteration as end:
            self._decided(self.event, end.value)
            return
        if not (isinstance(questions, Mapping) and questions):
            raise _wrong(self.event, "judging to yield a dict of questions by subject", questions)
        number = self.event.number
        self.answers = dict.fromkeys(questions, _AWAITED)
        for subject, question in questions.items():
            user = self.journal.number_of(subject, number)
            if user is None:
                raise _wrong(self.event, "judging to ask subjects that have appeared", subject)
            self.users[user].tell(Ask(number, question))

    def _decided(self, event: Fact, verdict: Verdict) -> None:
        if not self.types.is_verdict(verdict):
            raise _wrong(event, f"a verdict that is {self.types.verdict_words()}", verdict)
        decided = msgspec.structs.replace(verdict, number=event.number)
        self.sink.tell(Decided(event, decided))
        self.event = self.judgement = None
        self._tell(event)
        while self.waiting and self.event is None:
            self._start(self.waiting.popleft())

    def _tell(self, event: Fact) -> None:
        """Tell those whom ``event`` concerns, active or not: messages depend on it alone."""
        message = Apply(event, self.position)
        for subject in self.journal.subjects(event):
            self.users[self.journal.numbers[subject]].tell(message)
        self.position = event.number


def _wrong(event: Fact, expected: str, found: object) -> DetectorError:
    return DetectorError(f"event {event.number}: expected {expected}, found {shown(repr(found))}")


_AWAITED = object()
