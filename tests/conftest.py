"""Hypothesis profiles: for every change, for campaigns, and for planted faults; and a fixture."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import HealthCheck, Phase, settings

from events.logs.file import Portions

# A shell that runs the tests behind `&` has SIGINT ignored, and so had all whom they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("fast", max_examples=100, deadline=None, derandomize=True)
settings.register_profile(
    "thorough",
    max_examples=5_000,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    # Where it is known what is wrong, it need not be explained.
    "faults",
    settings.get_profile("fast"),
    phases=[phase for phase in Phase if phase is not Phase.explain],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))


@pytest.fixture
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few observations be several blocks and frames, and settled in several portions."""
    monkeypatch.setattr("events.logs.file.PORTIONS", Portions(90))
    monkeypatch.setattr("actors.intervals.portions.SETTLE_ROWS", 4)
    monkeypatch.setattr("actors.intervals.portions.ROWS_MIN", 2)
    monkeypatch.setattr("actors.intervals.portions.FOUND_MAX", 70)
    monkeypatch.setattr("actors.intervals.portions.PORTION_IDS_MAX", 6)
