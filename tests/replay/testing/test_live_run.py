"""The state machine meets what it is to meet, catches what is wrong, and leaves nothing behind."""

from __future__ import annotations

import sys
import tempfile
import threading
import unittest
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from actors.dispatcher import ActorFailedError
from actors.orders import ChosenOrder
from replay.engine.run import Run
from replay.engine.supervision import Reactivation
from replay.purchases.timeline import Timeline
from replay.testing import LiveRun
from replay.testing.disks import DiedError
from tests import detectors
from tests.dice import fair

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from fractions import Fraction

    from events.logs.reader import LogReader
    from replay.purchases.simulation import Simulation


# What happens in it

counts: Counter[str] = Counter()


class Counted(LiveRun):
    """Counts what happens."""

    dealing = False

    def deal_with_lines(self) -> None:
        if not self.running:
            return
        supervisor = self._drive.simulation.dispatcher.supervisor
        assert isinstance(supervisor, Reactivation)
        before, self.dealing = supervisor.restarts, True
        super().deal_with_lines()
        counts["users restarted"] += supervisor.restarts - before
        self.dealing = False

    def _let_go(self) -> None:
        error = sys.exc_info()[1]
        counts["deaths"] += isinstance(error, DiedError) and self.dealing
        counts["deaths within recovery"] += isinstance(error, DiedError) and not self.dealing
        counts["runs ended by a second failure"] += isinstance(error, ActorFailedError)
        super()._let_go()

    def teardown(self) -> None:
        counts["examples"] += 1
        counts["flagged lines"] += self._lines.count(b"\n")
        counts["runs that went on"] += self.store.exists() and self._read > 0
        super().teardown()


class CountedOrder(ChosenOrder):
    """Counts the messages that overtake others."""

    def choose(self, lanes: int) -> int:
        chosen = super().choose(lanes)
        counts["reordered messages"] += chosen > 0
        return chosen


class CountedTimeline(Timeline):
    """Counts how often it is gone back."""

    def goto(self, position: int) -> None:
        counts["looks back"] += position < self.position
        super().goto(position)


@pytest.mark.slow
def test_everything_that_can_happen_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replay.testing.machine.ChosenOrder", CountedOrder)
    monkeypatch.setattr("replay.testing.live_run.Timeline", CountedTimeline)
    counts.clear()
    run_state_machine_as_test(Counted, settings=fair(80))
    assert counts.pop("examples") >= 80
    assert min(counts.values()) > 0, counts
    assert counts.keys() == {
        "deaths",
        "deaths within recovery",
        "flagged lines",
        "looks back",
        "reordered messages",
        "runs ended by a second failure",
        "runs that went on",
        "users restarted",
    }


def test_nothing_is_left_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def left() -> tuple[int, int]:
        files = Path("/proc/self/fd")
        return threading.active_count(), len(list(files.iterdir())) if files.exists() else 0

    before = left()
    run_state_machine_as_test(LiveRun, settings=fair(5))
    with pytest.raises(AssertionError, match=r"."):
        run_state_machine_as_test(machine(detectors.Loyal), settings=fair(30))
    assert left() == before
    assert list(tmp_path.iterdir()) == []


# Other detectors


def machine(detector_type: type[Simulation]) -> type[LiveRun]:
    """Return a machine that drives ``detector_type``."""

    class Machine(LiveRun):
        detector = detector_type

    return Machine


class TwiceRun(LiveRun):
    """Drives another detector, which has another rule; and does and looks at more."""

    detector = detectors.Twice
    done: ClassVar[Counter[str]] = Counter()

    def anomalous(self, amount: Fraction, window: Sequence[Fraction]) -> bool:
        return len(window) > 1 and amount * len(window) > 2 * sum(window)

    @rule(users=st.permutations(["1", "2"]))
    def befriend(self, users: list[str]) -> None:
        """Add a friendship, as a rule that knows of the one before it."""
        one, other = users
        self.done["rule"] += 1
        self.write_lines(
            [
                b'{"event_type":"befriend", "timestamp":"2017-06-13 11:33:09", '
                b'"id1": "%s", "id2": "%s"}' % (one.encode(), other.encode())
            ]
        )

    @invariant()
    def history_is_what_was_written(self) -> None:
        """See that the history, as it stands, is that of the model."""
        if self.begun:
            self.done["invariant"] += 1
            assert len(self.history.past) + len(self.history.new) == self.model.accepted


@pytest.mark.slow
def test_another_detector_with_its_rule_and_own_rules_and_invariants_passes() -> None:
    TwiceRun.done.clear()
    run_state_machine_as_test(TwiceRun, settings=fair(15))
    assert TwiceRun.done["rule"] > 10
    assert TwiceRun.done["invariant"] > TwiceRun.done["rule"]


class WrongRule(TwiceRun):
    """Has the rule of the program for a detector that has another."""

    anomalous = LiveRun.anomalous


class WrongInvariant(LiveRun):
    """Says of its own that nobody buys."""

    @invariant()
    def nobody_buys(self) -> None:
        """See that nobody has bought anything."""
        if self.begun:
            assert not any(known.amounts for known in self._moments[-1]), "somebody has bought"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("caught", "error", "message"),
    [
        (WrongRule, AssertionError, "expected the flagged file to hold"),
        (WrongInvariant, AssertionError, "somebody has bought"),
        (machine(detectors.Loyal), AssertionError, r"expected .*found |another state"),
        (machine(detectors.Forgetful), AssertionError, r"expected .*found |another state"),
        (machine(detectors.Broken), ActorFailedError, "ZeroDivisionError: no rule"),
        (machine(detectors.Fickle), ActorFailedError, "ZeroDivisionError: nobody leaves"),
    ],
    ids=["rule", "invariant", "Loyal", "Forgetful", "Broken", "Fickle"],
)
def test_fault_is_caught(caught: type[LiveRun], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        run_state_machine_as_test(caught, settings=fair(100, steps=60))


def test_user_that_is_not_restarted_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reactivation, "restart", lambda *_: False)
    with pytest.raises(ActorFailedError, match=r"urn:user:.* failed on .*PlannedError: planned"):
        run_state_machine_as_test(LiveRun, settings=fair(100))


class Untidy(Run):
    """Writes something more to the flagged file when it is asked to stop."""

    def read(self, log: LogReader) -> Iterator[None]:
        yield from super().read(log)
        if log.live:
            with self.summary.output_path.open("ab") as flagged:
                flagged.write(b"the end\n")


def test_stop_that_leaves_wrong_files_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replay.testing.machine.Run", Untidy)
    with pytest.raises(AssertionError, match=r"expected the flagged file to hold .*the end"):
        run_state_machine_as_test(LiveRun, settings=fair(100))


def test_test_case_runs_under_unittest() -> None:
    class Short(LiveRun.TestCase):  # type: ignore[misc,valid-type]  # made by Hypothesis
        settings = fair(2, steps=5)

    class ShortWrong(machine(detectors.Loyal).TestCase):  # type: ignore[misc]  # likewise
        settings = fair(60)

    def result_of(case: Any) -> unittest.TestResult:
        result = unittest.TestResult()
        unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
        return result

    good, bad = result_of(Short), result_of(ShortWrong)
    assert good.wasSuccessful()
    assert good.testsRun == bad.testsRun == 1
    ((_, text),) = bad.failures
    assert "AssertionError" in text
