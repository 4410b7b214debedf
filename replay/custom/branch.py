"""Branches of histories of a detector's own events: without some of them, and with more."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from events.custom.fact import in_words
from events.custom.lines import FactParser
from events.escapes import plain
from events.logs.file import Log
from events.logs.objects import check_length
from replay.custom.console import decision_fields, verdict_text
from replay.custom.detector import event_fields
from replay.custom.history import FactHistory, bound
from replay.custom.logs import FactLogs, with_values
from replay.judging.branch import JudgedBranching, JudgedRerun

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from events.custom.fact import Fact
    from events.records.record import Source
    from events.store.store import EventStore
    from replay.engine.branch import BranchLog, Differing
    from replay.engine.listener import RunSummary
    from replay.engine.looks import Fields


class FactBranching(JudgedBranching[FactHistory]):
    """A history of a detector's own events that is to be decided again."""

    def setting(self, changed: Mapping[str, Any], output: Path) -> Any:
        del output
        parameters, changes = self.history.parameters, changed.get("set")
        if not changes:
            return parameters
        return with_values(msgspec.to_builtins(parameters), type(parameters), changes)

    def store_of(self, branch: RunSummary) -> EventStore:
        return bound(super().store_of(branch), self.history.detector)

    def parsed(self, line: bytes, before: int) -> Fact:
        check_length(line, self._portions.line_bytes)
        event, _ = self.history.lines_of_events.read(line, self.history.zone)
        return msgspec.structs.replace(event, number=before)

    def opened(self, logs: dict[Source, BranchLog], setting: Any) -> FactLogs:
        parser = partial(FactParser, self.history.lines_of_events)
        batch, stream = (
            Log(name, source, parser, content, self._portions)
            for source, (name, content) in logs.items()
        )
        return FactLogs(batch, stream, self.history.detector, setting, zone=self.history.zone)


class FactRerun(JudgedRerun):
    """What a branch flags otherwise."""

    columns = ("time", "event", "decision")

    @property
    def settings(self) -> tuple[str, str]:
        before, after = (in_words(told) or "no parameters" for told in self.setting_fields())
        return before, after

    def setting_fields(self) -> tuple[Fields, Fields]:
        parameters = (self.branching.history.parameters, self.branch.setting)
        before, after = map(msgspec.to_builtins, parameters)
        return before, after

    def cells(self, difference: Differing) -> tuple[object, ...]:
        pair = (difference.before, difference.after)
        texts = ["-" if each is None else verdict_text(each) for each in pair]
        what = plain(self.branching.detector.describe(difference.about))
        return self.time(difference), what, " -> ".join(texts)

    def difference_fields(self, difference: Differing) -> Fields:
        pair = (difference.before, difference.after)
        before, after = (each and decision_fields(each) for each in pair)
        told = event_fields(self.branching.detector.types(), difference.about)
        return {"time": self.time(difference), **told, "before": before, "after": after}
