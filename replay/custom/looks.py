"""What commands and the debugger show of a store of a detector's own events, and do with it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Final

import msgspec

from actors.custom.messages import Answer
from actors.messages import Judged
from events.custom.fact import Fact, FactTypes, Verdict, in_words
from events.errors import DamagedStoreError, OtherDetectorError
from events.escapes import inert, plain
from replay.arguments import assignment
from replay.custom.branch import FactBranching, FactRerun
from replay.custom.console import FactWords, decision_fields, described, verdict_text
from replay.custom.detector import Detector, event_fields
from replay.custom.history import FactHistory, FactResumed, FactTimeline
from replay.custom.logs import FactLogs
from replay.custom.shrink import FactShrinking
from replay.custom.tools import FactTools
from replay.custom.values import value_fields, value_words
from replay.engine.detectors import check_detector
from replay.engine.looks import ParameterOption
from replay.judging.looks import JudgedLooks
from replay.terminal.standard_streams import Colour, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.custom.fact import Declared
    from events.store.store import EventStore
    from replay.engine.looks import Fields


class FactLooks(JudgedLooks[Fact]):
    """A store whose events a detector declares, with that detector or without it."""

    kind = "events of a detector's own"
    detectors = Detector
    subject = "a subject"
    output = FactLogs.output
    output_line = "flagged event"
    branching_type: ClassVar = FactBranching
    rerun_type: ClassVar = FactRerun
    timeline_type: ClassVar = FactTimeline
    event_types = (Fact,)
    history: FactHistory
    shrinking: ClassVar = FactShrinking
    parameter_options = (
        ParameterOption(
            "set",
            ("--set",),
            "a parameter of the detector and its value; may be given more than once",
            {"metavar": "NAME=VALUE", "type": assignment, "nargs": "+", "action": "extend"},
        ),
    )
    tools = FactTools

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

    def check_given(self) -> None:
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
        return in_words(self.setting_fields)

    @property
    def setting_fields(self) -> Fields:
        declared = self.store.header.declared
        told: Fields = msgspec.json.decode(declared.parameters) if declared else {}
        return told

    def numbers_of(self, subject: str) -> Sequence[int]:
        self.check_given()
        journal = self.history.journal
        number = journal.numbers.get(subject)
        rows = [] if number is None else journal.rows_of(number, len(journal))
        return [row + 1 for row in rows]

    def describe(self, event: Fact) -> str:
        return described(self.detector, event, self.history.recorded.get(event.number))

    def verdict_text(self, decision: Verdict) -> str:
        return verdict_text(decision)

    def type_of(self, event: Fact) -> str:
        types: FactTypes = self.detector.types()
        return types.type_of(event).tag

    def fields(self, event: Fact) -> Fields:
        told = event_fields(self.detector.types(), event)
        head = {"type": told.pop("type"), "event": event.number, "time": self.time(event)}
        return {**head, **told}

    def concerned(self, event: Fact) -> Sequence[str]:
        self.check_given()
        subjects: tuple[str, ...] = self.detector.checked_subjects(event)
        return subjects

    @property
    def field_names(self) -> Sequence[str]:
        types = self.detector.types()
        own = (field.name for each in types.types for field in each.fields)
        verdict = (field.name for field in types.verdict_fields)
        names = ("source", "line", "type", "event", "time", *own, "flagged", *verdict)
        return tuple(dict.fromkeys(names))

    def decision_fields(self, decision: Verdict) -> Fields:
        return decision_fields(decision)

    def value_fields(self, value: Any) -> Any:
        found = super().value_fields(value)
        if isinstance(found, msgspec.Struct):
            # With its tag, as a message has it.
            found = msgspec.to_builtins(found, order="deterministic", enc_hook=repr)
        return value_fields(found)

    def value_text(self, value: Any) -> str | None:
        text = super().value_text(value)
        if text is None and isinstance(value, dict | frozenset | list | msgspec.Struct | set):
            return inert(value_words(value))
        return text

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
            told = ", ".join(f"{name} = {value_words(value)}" for name, value in state.items())
            say(f"{plain(subject)} held before it: {inert(told) or 'nothing'}")
        for message in messages:
            if isinstance(message, Answer):
                answer = self.value_text(message.answer) or inert(value_words(message.answer))
                say(f"{plain(message.subject)} answered: {answer}")
        decision = self.history.recorded.get(number)
        if decision is not None:
            colour = Colour.FLAG if decision.flagged else None
            say(f"verdict: {self.verdict_text(decision)}", colour)
            now = [each.verdict for each in messages if isinstance(each, Judged)]
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
            "held": {subject: value_fields(state) for subject, state in held.items()},
            "answers": [
                {"subject": each.subject, "answer": self.value_fields(each.answer)}
                for each in answers
            ],
        }

    @property
    def words(self) -> FactWords:
        return FactWords(self.detector)

    def audit(self) -> None:
        # What follows from events that were lost nobody knows.
        if not self._given or self.other is not None or self.store.header.incomplete:
            self.history.check_own_lines()
        # To play it again looks at the lines first.
        elif self.verify(iter).difference is not None:
            raise DamagedStoreError(
                f"{self.store.path}: expected what the events come to, found something else; "
                "verify says more"
            )

    def resumed(self) -> FactResumed:
        self.check_given()
        check_detector(self.store, self.detector)
        return FactResumed(self.store, self.detector)


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
        verdict_type = made.verdict
        parameters_type = Anything

        @classmethod
        def types(cls) -> FactTypes:
            """Return what the store says, also what no detector could declare any more."""
            return made

        @classmethod
        def checked_subjects(cls, event: Fact) -> tuple[str, ...]:
            """Return nobody: whom events concern is not known."""
            del event
            return ()

    return Unknown
