"""What commands and the debugger show of a store of a detector's own events, and do with it."""

from __future__ import annotations

from collections import deque
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final

import msgspec

from actors.declared.messages import Answer, Decided
from events.declared.fact import Fact, FactTypes, Verdict, in_words, verdict_fields
from events.errors import DamagedStoreError, OtherDetectorError
from events.escapes import json_escaped, plain
from replay.declared.branch import FactBranching, FactRerun
from replay.declared.console import FactWords, described, verdict_text
from replay.declared.detector import Detector, event_fields
from replay.declared.explore import FactSubject
from replay.declared.history import (
    FactHistory,
    FactReplay,
    FactResumed,
    FactTimeline,
    check_lines,
)
from replay.declared.logs import FactLogs
from replay.declared.shrink import FactShrinking
from replay.declared.tools import FactTools
from replay.engine.detectors import check_detector
from replay.judging.looks import JudgedLooks
from replay.terminal.standard_streams import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from events.declared.fact import Declared
    from events.store.store import EventStore
    from replay.engine.branch import Branching
    from replay.engine.looks import Fields
    from replay.engine.verify import Verification
    from replay.judging.explore import JudgedSubject


class FactLooks(JudgedLooks[Fact]):
    """A store whose events a detector declares, with that detector or without it."""

    kind = "events of a detector's own"
    detectors = Detector
    subject = "a subject"
    output = FactLogs.output
    output_line = "flagged event"
    branching_type: ClassVar = FactBranching
    rerun_type: ClassVar = FactRerun
    explored_type: ClassVar = FactSubject
    shrinking: ClassVar = FactShrinking
    tools: ClassVar = FactTools

    def __init__(
        self,
        store: EventStore,
        detector: type[Detector] | None = None,
        *,
        of_another: bool = False,
    ) -> None:
        """Look at ``store``; without its ``detector`` only at what it recorded."""
        super().__init__(store, detector or stand_in(store.header.declared), of_another=of_another)
        self._given: Final = detector is not None
        self.types = tuple(each.tag for each in self.detector.types().types)

    @cached_property
    def history(self) -> FactHistory:
        if "timeline" in vars(self):
            return self.timeline.history
        return FactHistory(self.store, self.detector)

    @cached_property
    def timeline(self) -> FactTimeline:
        self._check_given()
        return FactTimeline(self.store, self.detector, of_another=self.of_another)

    def _check_given(self) -> None:
        """Refuse to decide without the detector.

        Raises:
            OtherDetectorError: nobody has given it.

        """
        if not self._given:
            raise OtherDetectorError(
                f"{self.store.path}: expected the detector that decided it, "
                f"{self.store.detector}, found none; name it with --detector"
            )

    @property
    def other(self) -> str | None:
        return super().other if self._given else None

    @property
    def setting(self) -> str:
        declared = self.store.header.declared
        told: Final = msgspec.json.decode(declared.parameters) if declared else {}
        return in_words(told)

    def numbers_of(self, subject: str) -> Sequence[int]:
        self._check_given()
        journal = self.history.journal
        number = journal.numbers.get(subject)
        return [] if number is None else journal.numbers_of(number, len(journal))

    def describe(self, event: Fact) -> str:
        return described(self.detector, event, self.history.recorded.get(event.number))

    def verdict_text(self, decision: Verdict) -> str:
        return verdict_text(decision)

    def fields(self, event: Fact) -> Fields:
        told = event_fields(self.detector.types(), event)
        head = {"type": told.pop("type"), "event": event.number, "time": self.time(event)}
        return {**head, **told}

    def verdict_fields(self, number: int) -> Fields:
        decision = self.history.recorded.get(number)
        return {} if decision is None else self._decided(decision)

    def _decided(self, decision: Verdict) -> Fields:
        return {"flagged": decision.flagged, **verdict_fields(decision)}

    def value_fields(self, value: Any) -> Any:
        if isinstance(value, Fact):
            return self.fields(value)
        if isinstance(value, Verdict):
            return self._decided(value)
        if isinstance(value, msgspec.Struct):
            return msgspec.to_builtins(value)
        return super().value_fields(value)

    def value_text(self, value: Any) -> str | None:
        if isinstance(value, Fact):
            return f"event {value.number}"
        return self.verdict_text(value) if isinstance(value, Verdict) else None

    # What commands do

    def _explained(self, number: int) -> tuple[Fact, dict[str, dict[str, Any]], list[Any]]:
        """Return an event, what those held whom it concerns, and what was asked and answered."""
        timeline, event = self.timeline, self.history.event(number)
        timeline.goto(number - 1)
        known = timeline.users
        subjects = self.history.journal.subjects(event)
        held = {each: timeline.held(each) if each in known else {} for each in subjects}
        messages = [each.message for each in timeline.trace(number)]
        return event, held, messages

    def show_why(self, number: int) -> None:
        event, held, messages = self._explained(number)
        say(f"event {number} ({self.where(number)}, {self.time(event)})")
        say(plain(self.detector.describe(event)))
        for subject, state in held.items():
            told = ", ".join(f"{name} = {value!r}" for name, value in state.items())
            say(f"{plain(subject)} held before it: {plain(told) or 'nothing'}")
        for message in messages:
            if isinstance(message, Answer):
                answer = self.value_text(message.answer) or repr(message.answer)
                say(f"{plain(message.subject)} answered: {plain(answer)}")
        decision = self.history.recorded.get(number)
        if decision is not None:
            say(f"verdict: {self.verdict_text(decision)}")
            now = [each.verdict for each in messages if isinstance(each, Decided)]
            if now != [decision]:
                say("decided now it is another, and verify tells where they part")
        elif self.history.judged(number):
            say("no verdict was recorded")
        else:
            say("of the past, so there is no verdict")

    def why_fields(self, number: int) -> Fields:
        event, held, messages = self._explained(number)
        place = self.history.place(number)
        told = self.fields(event)
        answers = [each for each in messages if isinstance(each, Answer)]
        return {
            "event": told.pop("event"),
            **place._asdict(),
            **told,
            **self.verdict_fields(number),
            "held": {
                subject: {name: _plain_value(value) for name, value in state.items()}
                for subject, state in held.items()
            },
            "answers": [
                {"subject": each.subject, "answer": self.value_fields(each.answer)}
                for each in answers
            ],
        }

    def verify(
        self, progress: Callable[[Sequence[int]], Iterable[int]], workers: int | None = 1
    ) -> Verification:
        self._check_given()
        return FactReplay(self.history, self.detector, workers).compared(progress)

    @property
    def words(self) -> FactWords:
        return FactWords(self.detector)

    def branching(self) -> Branching[Any]:
        self._check_given()
        return super().branching()

    def explored(self) -> JudgedSubject:
        self._check_given()
        return super().explored()

    def audit(self) -> None:
        check_lines(self.history.lines_of_events, self.history.events, self.store)
        if not self._given or self.other is not None:
            return
        if FactReplay(self.history, self.detector).compared().difference is not None:
            raise DamagedStoreError(
                f"{self.store.path}: expected what the events come to, found something else; "
                "verify says more"
            )

    def rebuild(self) -> tuple[int, Iterable[bytes]]:
        """Return how many events were flagged, and their lines."""
        self._check_given()
        check_detector(self.store, self.detector)
        lines = FactResumed(self.store, self.detector).flagged
        return len(lines), [line + b"\n" for line in lines]

    def account(self, event: Fact) -> str:
        line = self.history.line_of(event).decode("utf-8", "backslashreplace").strip()
        return f"{self.place_text(self.history.place(event.number))}: {json_escaped(line)}"


def _plain_value(value: Any) -> Any:
    """Return what an actor holds as JSON tells it."""
    if isinstance(value, dict):
        names = [key if isinstance(key, str) else repr(key) for key in value]
        return dict(zip(names, map(_plain_value, value.values()), strict=True))
    if isinstance(value, set | frozenset):
        return sorted(map(_plain_value, value), key=repr)
    if isinstance(value, list | tuple | deque):
        return list(map(_plain_value, value))
    if isinstance(value, msgspec.Struct):
        return {name: _plain_value(each) for name, each in msgspec.structs.asdict(value).items()}
    return value if value is None or isinstance(value, bool | int | str) else repr(value)


class Anything(msgspec.Struct, frozen=True):
    """Parameters of which nothing is known."""


@cache
def stand_in(declared: Declared | None) -> type[Detector]:
    """Return a detector that has the declared types of events, and no rule; always the same."""
    assert declared is not None, "it is for stores that declare their events"
    made = FactTypes.of(declared)

    class Unknown(Detector):
        """Stands where nobody has given the detector."""

        name = "unknown"
        version = 0
        event_types = made.events
        judged_types = tuple(made.events[kind] for kind in sorted(made.judged))
        verdict_type = made.verdict
        parameters_type = Anything

        @classmethod
        def checked_subjects(cls, event: Fact) -> tuple[str, ...]:
            """Return nobody: whom events concern is not known."""
            del event
            return ()

    return Unknown
