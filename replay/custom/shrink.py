"""What of a history of a detector's own events a verdict may need: its subjects' events first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from events.custom.columns import FactColumns
from replay.custom.history import FactHistory
from replay.custom.logs import FactLogs
from replay.engine.history import LinePlace, LogLine
from replay.judging.regression import Spoken, imported
from replay.judging.shrink import JudgedShrinking

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from events.custom.fact import Fact
    from replay.engine.looks import Fields

_DECISIONS = """\
    store = replay.EventStore(folder / "flagged.json.events")
    store.bind({0}.types())
    *_, last = (each for each in store.records() if isinstance(each, {0}.verdict_type))"""


class FactShrinking(JudgedShrinking[FactHistory]):
    """The verdict on an event whose type a detector declares."""

    def __init__(self, looks: Any, number: int, **options: Any) -> None:
        """Shrink the history of ``looks``, to which somebody has given the detector."""
        _ = looks.timeline
        super().__init__(looks, number, **options)

    def candidates(self) -> Iterator[list[int]]:
        history, subjects_of = self.history, self.history.journal.subjects
        before = history.events[: self.number - 1]
        near = {*subjects_of(history.event(self.number))}
        for _ in range(2):
            # First of those whom it concerns, and then also of whom they had to do with.
            own = [each for each in before if not near.isdisjoint(subjects_of(each))]
            yield [each.number for each in own]
            near = near.union(*map(subjects_of, own))
        yield [each.number for each in before]

    def columns(self, events: list[Fact]) -> FactColumns:
        return FactColumns.of(self.history.detector.types(), events, 1)

    def parameters_line(self) -> LogLine | None:
        """Return the batch's own line, or one of the parameters where there are some."""
        history = self.history
        line = history.store.header.line
        text = msgspec.json.encode(history.parameters) if line is None else line
        if line is None and text == b"{}":
            return None
        return LogLine(LinePlace("batch", int(line is not None)), None, text)

    def opened(self, batch: Path, stream: Path) -> FactLogs:
        portions = self.history.store.header.portions
        return FactLogs(batch, stream, self.history.detector, portions=portions)

    def spoken(self) -> Spoken:
        detector = imported(self.history.detector)
        name = detector.name
        return Spoken(f"{name}.logs", "replay.Verdict", _DECISIONS.format(name), detector)

    def parameter_fields(self) -> Fields:
        fields: Fields = msgspec.to_builtins(self.history.parameters)
        return fields
