"""What commands and the debugger show of a store whose events are judged."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from replay.engine.detectors import check_detector
from replay.engine.history import Happening, texts_by_log
from replay.engine.looks import Exported, Fields, Looks
from replay.judging.workers import why_alone
from replay.terminal.tables import cut_fields

if TYPE_CHECKING:
    from pathlib import Path

    from events.store.records import Rejected, Source
    from replay.judging.explore import JudgedSubject
    from replay.judging.history import JudgedHistory

E = TypeVar("E", bound=Happening)


class JudgedLooks(Looks[E]):
    """A store of two logs, of which events of the stream are decided on."""

    sources = ("batch", "stream")
    line = "line"
    exported = "line"
    verdict = "decision"
    output_file = "flagged file"

    @property
    @abstractmethod
    def history(self) -> JudgedHistory[E, Any, Any]:
        """All that the store holds, read when it is first asked for."""

    @abstractmethod
    def verdict_text(self, decision: Any) -> str:
        """Return a decision in words."""

    def found(self, number: int) -> bool:
        decision = self.history.recorded.get(number)
        return decision is not None and decision.flagged

    def where(self, number: int) -> str:
        return ("" if self.history.judged(number) else "past, ") + super().where(number)

    @property
    def alone(self) -> str:
        return why_alone(self.detector)

    explored_type: ClassVar[type[JudgedSubject]]
    """What is explored of it."""

    def explored(self) -> JudgedSubject:
        """Return what is explored; without a stream all of it is the past."""
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

    def first_verdict_other_than(self, other: Any) -> tuple[str, str, str] | None:
        recorded, others = self.history.recorded, other.history.recorded
        for number in sorted(recorded.keys() | others.keys()):
            pair = recorded.get(number), others.get(number)
            if pair[0] != pair[1]:
                one, two = [
                    "no decision" if each is None else self.verdict_text(each) for each in pair
                ]
                return str(number), one, two
        return None


def _content(
    history: JudgedHistory[Any, Any, Any], source: Source, lines: list[bytes], _path: Path
) -> bytes:
    return history.log_content(source, lines)


def _not_kept(cut: Rejected) -> Fields:
    return {"line": cut.number, **cut_fields(cut)}
