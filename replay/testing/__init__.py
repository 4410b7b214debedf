"""The test kit: property-based replay tests of this program and of detectors built on it.

It needs Hypothesis, as the ``test`` extra brings it.

from hypothesis import given
from replay.testing import assert_same_decisions, histories

@given(histories())
def test_no_order_of_delivery_matters(history):
    assert_same_decisions(history, orders=10)
"""

from __future__ import annotations

try:
    import hypothesis  # noqa: F401  to say at once what is missing
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "replay.testing: expected Hypothesis, found none; install rewindable-replay[test]"
    ) from error

from actors.orders import ChosenOrder, RandomOrder
from replay.engine.failing import Failure, Failures, with_failures
from replay.testing.checks import (
    assert_agrees_with_model,
    assert_answers_as_of,
    assert_deterministic,
    assert_replays,
    assert_same_decisions,
    assert_same_in_any_order,
    run_in,
)
from replay.testing.conformance import FactLog, fact_logs, run_conformance_test
from replay.testing.disks import DiedError, DyingDisk, FailingDisk, ForgettingDisk
from replay.testing.interval_run import IntervalRun
from replay.testing.live_run import LiveRun
from replay.testing.logged import LoggedHistory
from replay.testing.observed import observation_logs, observations, searches
from replay.testing.playing import Outcome, decide, play
from replay.testing.strategies import (
    amounts,
    event_lines,
    events,
    failures,
    histories,
    lines,
    orders,
    parameters,
)

LiveRunTestCase = LiveRun.TestCase
LiveRunTestCase.__doc__ = "`LiveRun` of the program itself, for any runner of `unittest.TestCase`."

__all__ = [
    "ChosenOrder",
    "DiedError",
    "DyingDisk",
    "FactLog",
    "FailingDisk",
    "Failure",
    "Failures",
    "ForgettingDisk",
    "IntervalRun",
    "LiveRun",
    "LiveRunTestCase",
    "LoggedHistory",
    "Outcome",
    "RandomOrder",
    "amounts",
    "assert_agrees_with_model",
    "assert_answers_as_of",
    "assert_deterministic",
    "assert_replays",
    "assert_same_decisions",
    "assert_same_in_any_order",
    "decide",
    "event_lines",
    "events",
    "fact_logs",
    "failures",
    "histories",
    "lines",
    "observation_logs",
    "observations",
    "orders",
    "parameters",
    "play",
    "run_conformance_test",
    "run_in",
    "searches",
    "with_failures",
]
