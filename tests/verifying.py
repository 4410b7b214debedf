"""Playing a history of purchases again, in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from replay.purchases.simulation import Simulation
from replay.purchases.verify import PurchaseReplay

if TYPE_CHECKING:
    from collections.abc import Callable

    from replay.engine.verify import Verification
    from replay.purchases.history import History


def verify(
    history: History,
    progress: Callable[[Any], Any] = iter,
    detector: Callable[..., Simulation] = Simulation,
) -> Verification:
    """Play ``history`` again and compare."""
    return PurchaseReplay(history, detector).compared(progress)
