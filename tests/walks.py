"""Detectors of purchases that look back otherwise for whom to ask, and decide the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from replay.purchases.simulation import Simulation

if TYPE_CHECKING:
    from actors.purchases.recency import Walk


def walking(far: Walk, detector: type[Simulation] = Simulation) -> type[Simulation]:
    """Return ``detector`` with a coordinator that walks so far back."""

    class Coordinator(detector.coordinator_type):  # type: ignore[name-defined, misc]
        walk = far

    class Walking(detector):  # type: ignore[valid-type, misc]
        decides_as = detector
        coordinator_type = Coordinator

    return Walking
