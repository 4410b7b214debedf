"""Branches of histories of purchases: other degrees and windows, and how flags change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from events.escapes import plain
from events.logs.file import Log
from events.logs.objects import BYTE_ORDER_MARK
from events.purchases.amounts import format_amount, format_cents
from events.purchases.blocks import BlockParser
from events.purchases.lines import parse_line
from events.purchases.parameters import Parameters, is_parameters_line
from replay.judging.branch import JudgedBranching, JudgedRerun
from replay.purchases.console import decision_fields
from replay.purchases.history import History
from replay.purchases.logs import Logs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from events.purchases.decision import Decision
    from events.purchases.event import Event
    from events.records.record import Source
    from replay.engine.branch import BranchLog, Differing
    from replay.engine.history import LogLine
    from replay.engine.looks import Fields


class PurchaseBranching(JudgedBranching[History]):
    """A history of purchases that is to be decided again."""

    judged = "purchase"

    def setting(self, changed: Mapping[str, Any], output: Path) -> Parameters:
        del output
        recorded = self.history.parameters
        degrees, tracked = changed.get("degrees"), changed.get("tracked")
        return Parameters(
            recorded.degrees if degrees is None else degrees,
            recorded.tracked if tracked is None else tracked,
        )

    def lines(self) -> Iterator[LogLine]:
        lines, header = super().lines(), self.history.store.header.line
        if header is not None and not is_parameters_line(header.removeprefix(BYTE_ORDER_MARK)):
            # It has an event type too, and where D and T are given it would be an event.
            next(lines)
        return lines

    def parsed(self, line: bytes, before: int) -> Event:
        return parse_line(line, before, self.history.zone, line_bytes=self._portions.line_bytes)

    def opened(self, logs: dict[Source, BranchLog], setting: Parameters) -> Logs:
        batch, stream = (
            Log(name, source, BlockParser, content, self._portions)
            for source, (name, content) in logs.items()
        )
        # Also where what is skipped was the first event: its times are those of the original.
        zone = self.history.zone
        return Logs(batch, stream, setting.degrees, setting.tracked, zone=zone)


class PurchaseRerun(JudgedRerun):
    """What a branch flags otherwise."""

    columns = ("time", "user", "amount#", "n", "mean", "sd")

    @property
    def settings(self) -> tuple[str, str]:
        before, after = self._parameters
        return _setting(before), _setting(after)

    def setting_fields(self) -> tuple[Fields, Fields]:
        before, after = ({"D": each.degrees, "T": each.tracked} for each in self._parameters)
        return before, after

    @property
    def _parameters(self) -> tuple[Parameters, Parameters]:
        return self.branching.history.store.parameters, self.branch.setting

    def cells(self, difference: Differing) -> tuple[object, ...]:
        purchase, before, after = difference.about, difference.before, difference.after
        return (
            self.time(difference),
            plain(purchase.user),
            format_amount(purchase.amount),
            _change(before, after, lambda decision: str(decision.purchases)),
            _change(before, after, lambda decision: _cents(decision, decision.mean_cents)),
            _change(before, after, lambda decision: _cents(decision, decision.sd_cents)),
        )

    def difference_fields(self, difference: Differing) -> Fields:
        purchase, before, after = difference.about, difference.before, difference.after
        return {
            "time": self.time(difference),
            "user": purchase.user,
            "amount": format_amount(purchase.amount),
            "before": before and decision_fields(before),
            "after": after and decision_fields(after),
        }


def _setting(parameters: Parameters) -> str:
    return f"D={parameters.degrees} T={parameters.tracked}"


def _cents(decision: Decision, value: int) -> str:
    return format_cents(value) if decision.purchases else "-"


def _change(
    before: Decision | None, after: Decision | None, text: Callable[[Decision], str]
) -> str:
    texts = ["-" if decision is None else text(decision) for decision in (before, after)]
    return texts[0] if texts[0] == texts[1] else " -> ".join(texts)
