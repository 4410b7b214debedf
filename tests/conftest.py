"""Hypothesis profiles: for every change, for campaigns, and for planted faults."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import sys
import tempfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

# What sessions of the debugger keep of what is typed there is not to go to whoever runs the tests.
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="replay-state-")
atexit.register(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)

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


@pytest.fixture(scope="module", autouse=True)
def _modules_are_found_as_before() -> Iterator[None]:
    """Forget the folders of detectors that were named by their files; see `replay.loading`."""
    before = list(sys.path)
    yield
    sys.path[:] = before
