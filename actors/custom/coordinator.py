"""The coordinator of a detector that declares its events."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from actors.custom.messages import Answer, Ask, Fold
from actors.judging import JudgingCoordinatorActor
from actors.messages import UnaskedError
from events.errors import DetectorError, shown

if TYPE_CHECKING:
    from events.custom.fact import Fact, Verdict


class FactCoordinator(JudgingCoordinatorActor):
    """The coordinator: asks the actors of subjects about an event, decides, and tells them of it.

    It is the base class for verdicts that need more than one answer: they override `judging`.
    """

    def __init__(self, *given: Any, **options: Any) -> None:
        """Begin as every coordinator that judges events does."""
        super().__init__(*given, **options)
        self.judgement: Generator[Mapping[str, Any], dict[str, Any], Verdict] | None = None
        self.answers: dict[str, Any] = {}

    def judging(self, event: Fact) -> Generator[Mapping[str, Any], dict[str, Any], Verdict]:
        """Judge ``event``: yield questions by subject, get the answers, return the verdict.

        What is yielded has questions by subject; what comes back the answers, in the same order.
        Those can be asked whom this event concerns, or one before it; who appears with this one
        holds what `SubjectActor.begin` sets. By default the first whom the event concerns is
        asked about the event, and gives the verdict.
        """
        subject = self.journal.subjects(event)[0]
        answers = yield {subject: event}
        verdict: Verdict = answers[subject]
        return verdict

    def on_receive(self, message: Any) -> None:
        """Handle an answer at once, and a request in its turn.

        Raises:
            TypeError: it is neither.
            UnaskedError: it is an answer that nobody asked for.

        """
        if isinstance(message, Answer):
            if self.event is None or self.answers.get(message.subject, 0) is not _AWAITED:
                raise UnaskedError(f"expected answers to questions only, found {message}")
            self.answers[message.subject] = message.answer
            # By identity: what an actor answers may compare in a way of its own.
            if all(answer is not _AWAITED for answer in self.answers.values()):
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
                raise DetectorError(
                    f"event {number}: expected judging to ask subjects that have appeared, found "
                    f"{shown(str(subject))}, whom no event up to this one concerns"
                )
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
