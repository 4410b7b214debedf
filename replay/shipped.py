"""The detectors that are the program's own, by whose rules its commands judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from replay.detectors import detector_version, is_decided_by
from replay.interval_simulation import IntervalSimulation
from replay.simulation import Simulation

if TYPE_CHECKING:
    from events.store import EventStore


def other_detector(store: EventStore) -> str | None:
    """Return which detector decided ``store``, if it is not the program's own of that kind."""
    ours = Simulation if store.intervals is None else IntervalSimulation
    if is_decided_by(store, ours):
        return None
    return f"{store.detector} decided this history, and not {detector_version(ours)}"
