"""The state machine of live searches meets what it is to meet, and catches what is wrong."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

import pytest
from hypothesis.stateful import run_state_machine_as_test

from actors.intervals.actor import IntervalActor
from actors.intervals.finder import IntervalFinder
from events.errors import ReplayError
from replay.intervals.drive import IntervalDrive
from replay.testing import IntervalRun
from replay.testing.disks import DiedError
from tests.dice import fair

counts: Counter[str] = Counter()


class Counted(IntervalRun):
    """Counts what happens."""

    def deal_with_lines(self) -> None:
        if self.running:
            supervisor: Any = self._drive.simulation.dispatcher.supervisor
            before = supervisor.restarts
            super().deal_with_lines()
            counts["keys restarted"] += supervisor.restarts - before

    def _let_go(self) -> None:
        died = isinstance(sys.exc_info()[1], DiedError)
        counts["deaths"] += died
        super()._let_go()

    def teardown(self) -> None:
        counts["examples"] += 1
        counts["intervals"] += self._lines.count(b"\n")
        counts["searches that went on"] += self.store.exists() and self._read > 0
        counts["rows rejected"] += self.model.rejected
        super().teardown()


@pytest.mark.slow
def test_everything_that_can_happen_happens() -> None:
    counts.clear()
    run_state_machine_as_test(Counted, settings=fair(80))
    assert counts.pop("examples") >= 80
    assert min(counts.values()) > 0, counts
    assert len(counts) == 5


def test_search_holds_what_the_model_does() -> None:
    run_state_machine_as_test(IntervalRun, settings=fair(10))


def one_too_few(actor: IntervalActor, seen: int, ended: int = 0) -> None:
    recover_rightly(actor, max(0, seen - 1), ended)


recover_rightly = IntervalActor.recover
finds_rightly = IntervalFinder.extend


def misses_last(finder: IntervalFinder, rows: Any, places: Any) -> Any:
    found, changes = finds_rightly(finder, rows, places)
    return found.taken(slice(1)), changes


def forget_what_was_written(drive: IntervalDrive) -> None:
    go_on_rightly(drive)
    drive._outputs.write_lines([b"again"])


go_on_rightly = IntervalDrive.go_on


@pytest.mark.parametrize(
    ("what", "method", "wrong"),
    [
        (IntervalActor, "recover", one_too_few),
        (IntervalFinder, "extend", misses_last),
        (IntervalDrive, "go_on", forget_what_was_written),
    ],
    ids=["recovers with one too few", "misses an interval", "writes a line again"],
)
@pytest.mark.slow
def test_planted_fault_is_caught(
    what: Any, method: str, wrong: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(what, method, wrong)
    with pytest.raises((AssertionError, ReplayError), match="expected"):
        run_state_machine_as_test(IntervalRun, settings=fair(60))
