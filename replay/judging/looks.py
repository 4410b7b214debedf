"""What commands and the debugger show of a store whose events are judged."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property, partial
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from events.escapes import json_escaped
from replay.engine.detectors import check_detector
from replay.engine.history import Happening, texts_by_log
from replay.engine.looks import Exported, Fields, Looks
from replay.judging.explore import JudgedSubject
from replay.judging.verify import JudgedReplay
from replay.judging.workers import why_alone
from replay.terminal.tables import cut_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from events.records.record import Rejected, Source
    from events.store.store import EventStore
    from replay.engine.branch import Branching
    from replay.engine.verify import Verification
    from replay.engine.workers import Workforce
    from replay.judging.history import JudgedHistory, JudgedResumed
    from replay.judging.timeline import JudgedTimeline

E = TypeVar("E", bound=Happening)


class JudgedLooks(Looks[E]):
    """A store of two logs, of which events of the stream are decided on."""

    sources = ("batch", "stream")
    line = "line"
    exported = "line"
    verdict = "decision"
    output_file = "flagged file"

    timeline_type: ClassVar[type[JudgedTimeline[Any, Any, Any, Any]]]
    """What visits its moments."""
    replay_type: ClassVar[type[JudgedReplay]] = JudgedReplay
    """What plays it again."""
    explored_type: ClassVar[type[JudgedSubject]] = JudgedSubject
    """What is explored of it."""
    event_types: ClassVar[tuple[type[Any], ...]]
    """What its events are made of."""

    @abstractmethod
    def type_of(self, event: E) -> str:
        """Return the type of an event."""

    def check_given(self) -> None:
        """Refuse to decide without the detector.

        Raises:
            OtherDetectorError: nobody has given it, and it is not the program's own.

        """

    @cached_property
    def history(self) -> JudgedHistory[E, Any, Any]:
        if "timeline" in vars(self):
            history: JudgedHistory[E, Any, Any] = self.timeline.history
            return history
        return self.read(self.store)

    def read(self, store: EventStore) -> JudgedHistory[E, Any, Any]:
        """Return what ``store`` holds, which is of the same detector."""
        found: JudgedHistory[E, Any, Any] = self.timeline_type.read(store, self.detector)
        return found

    @cached_property
    def timeline(self) -> JudgedTimeline[E, Any, Any, Any]:
        self.check_given()
        return self.timeline_type(self.store, self.detector, of_another=self.of_another)

    @abstractmethod
    def resumed(self) -> JudgedResumed[E, Any, Any]:
        """Return how far the history has come."""

    @abstractmethod
    def decision_fields(self, decision: Any) -> Fields:
        """Return what a decision says, for machines."""

    def verdict_fields(self, number: int) -> Fields:
        decision = self.history.recorded.get(number)
        return {} if decision is None else self.decision_fields(decision)

    def value_fields(self, value: Any) -> Any:
        if isinstance(value, self.event_types):
            return self.fields(value)
        if isinstance(value, self.detector.verdict_type):
            return self.decision_fields(value)
        return super().value_fields(value)

    def value_text(self, value: Any) -> str | None:
        if isinstance(value, self.event_types):
            return f"event {value.number}"
        return self.verdict_text(value) if isinstance(value, self.detector.verdict_type) else None

    def found(self, number: int) -> bool:
        decision = self.history.recorded.get(number)
        return decision is not None and decision.flagged

    def where(self, number: int) -> str:
        return ("" if self.history.judged(number) else "past, ") + super().where(number)

    @property
    def alone(self) -> str:
        return why_alone(self.detector)

    def account(self, event: E) -> str:
        where = self.place_text(self.history.place(event.number))
        return f"{where}: {json_escaped(self._text(event))}"

    def account_fields(self, event: E) -> Fields:
        return {**super().account_fields(event), "text": self._text(event)}

    def _text(self, event: E) -> str:
        return self.history.own_line(event).decode("utf-8", "backslashreplace").strip()

    def verify(
        self,
        progress: Callable[[Sequence[int]], Iterable[int]],
        workers: int | Workforce | None = 1,
    ) -> Verification:
        self.check_given()
        return self.replay_type(self.history, self.detector, workers).compared(progress)

    def branching(self) -> Branching[Any]:
        self.check_given()
        return super().branching()

    def rebuild(self) -> tuple[int, Iterable[bytes]]:
        lines = self.resumed().flagged
        return len(lines), [line + b"\n" for line in lines]

    def explored(self) -> JudgedSubject:
        """Return what is explored; without a stream all of it is the past."""
        self.check_given()
        check_detector(self.store, self.detector)
        history = self.history
        parts = (history.parameters, history.journal, history.past_events)
        return self.explored_type(self.detector, *parts)

    def export(self) -> dict[Source, Exported]:
        """Return batch and stream, byte for byte but for blank lines."""
        history = self.history
        texts = texts_by_log(history.log_lines())
        cut: dict[str, list[Rejected]] = {source: [] for source in texts}
        for source, group in groupby(history.cut, attrgetter("source")):
            cut[source] += group
        exported = {}
        for source, lines in texts.items():
            # Those that are empty stand for others.
            count = sum(map(bool, lines))
            exported[source] = Exported(
                count,
                partial(_content, history, source, lines),
                {"lines": count, "file": None, "not_kept": list(map(_not_kept, cut[source]))},
                [
                    f"line {each.number} of the {source} cannot be given back, an empty one stands "
                    f"for it: of its {each.length:,} bytes the store keeps {len(each.line):,}"
                    for each in cut[source]
                ],
            )
        return exported

    @property
    def recorded(self) -> dict[int, Any]:
        return self.history.recorded

    @property
    def verdicts(self) -> int:
        return len(self.history.recorded)

    def first_verdict_other_than(self, other: Any) -> tuple[int, Any, Any] | None:
        recorded, others = self.history.recorded, other.history.recorded
        for number in sorted(recorded.keys() | others.keys()):
            pair = recorded.get(number), others.get(number)
            if pair[0] != pair[1]:
                return number, *pair
        return None


def _content(
    history: JudgedHistory[Any, Any, Any], source: Source, lines: list[bytes], _path: Path
) -> bytes:
    return history.log_content(source, lines)


def _not_kept(cut: Rejected) -> Fields:
    return {"line": cut.number, **cut_fields(cut)}
