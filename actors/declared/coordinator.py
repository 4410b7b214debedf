"""The coordinator of a detector that declares its events."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from actors.declared.messages import Answer, Ask, Fold
from actors.dispatcher import DispatchedActor
from actors.judging import JudgingCoordinator
from actors.messages import UnaskedError
from events.errors import DetectorError, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.activation import Ref
    from actors.dispatcher import Dispatcher
    from events.declared.fact import Fact, Verdict
    from events.declared.journal import FactJournal


class FactCoordinator(JudgingCoordinator, DispatchedActor):
    """Asks subjects about an event, decides on it and tells those whom it concerns.

    A detector whose verdicts need more than one answer makes its own of this, with another
    `judging`.
    """

    def __init__(  # noqa: PLR0917  what it is made of
        self,
        dispatcher: Dispatcher,
        urn: str,
        parameters: Any,
        sink: Ref,
        journal: FactJournal,
        activate: Callable[[int], Ref],
        *,
        attesting: bool = False,
    ) -> None:
        """Send verdicts to ``sink`` and activate subjects as needed."""
        super().__init__(dispatcher, urn)
        self.begin(parameters, sink, journal, activate, attesting=attesting)
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

    def _judge(self, event: Fact) -> None:
        if not self.journal.types.is_judged(event):
            self._tell(event)
            return
        self.event, self.judgement = event, self.judging(event)
        if not isinstance(self.judgement, Generator):
            raise _wrong(event, "judging to yield questions", self.judgement)
        self._go_on(None)

    def _go_on(self, answers: dict[str, Any] | None) -> None:
        """Give the judgement the ``answers`` that it waits for, and ask what it asks next."""
        assert self.judgement is not None, "something is being judged"
        assert self.event is not None, "and that is an event"
        try:
            questions: Any = self.judgement.send(answers)  # type: ignore[arg-type]
        except StopIteration as end:
            self._decided(self._kept(self.event, end.value))
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

    def _kept(self, event: Fact, verdict: Verdict) -> Verdict:
        """Return a verdict as the store keeps it, if it is one."""
        types = self.journal.types
        if not types.is_verdict(verdict):
            raise _wrong(event, f"a verdict that is {types.verdict_words()}", verdict)
        return msgspec.structs.replace(verdict, number=event.number)

    def _tell(self, event: Fact) -> None:
        message = Fold(event, self.position)
        for subject in self.journal.subjects(event):
            self.users[self.journal.numbers[subject]].tell(message)
        self.position = event.number


def _wrong(event: Fact, expected: str, found: object) -> DetectorError:
    return DetectorError(f"event {event.number}: expected {expected}, found {shown(repr(found))}")


_AWAITED = object()
