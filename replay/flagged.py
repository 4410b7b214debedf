"""Iterating over flagged purchases in memory, without writing a file or a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from actors.sink import Nowhere
from events.event import Purchase
from replay.logs import Logs
from replay.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from events.records import Decision


class FlaggedPurchase(NamedTuple):
    """An anomalous purchase and what it was measured by."""

    event: Purchase
    """The purchase."""
    decision: Decision
    """The size of the window, and mean and standard deviation in whole cents."""


def flagged_purchases(
    batch: str | Path,
    stream: str | Path,
    degrees: int | None = None,
    tracked: int | None = None,
) -> Iterator[FlaggedPurchase]:
    """Iterate over the flagged purchases of ``stream``, each as soon as it is judged.

    Rejected lines are skipped; `replay.run` reports and keeps them.

    Args:
        batch: the past, with the parameters on its first line.
        stream: what comes in.
        degrees: D to use instead of the batch's.
        tracked: T to use instead of the batch's.

    Raises:
        InputError: a log cannot be read.
        ParametersError: D or T is missing or wrong.

    """
    with (
        Logs(batch, stream, degrees, tracked) as logs,
        Simulation(logs.parameters, Nowhere()) as simulation,
    ):
        number = 1
        for block in logs.batch.blocks(number):
            simulation.route(block.events)
            number += len(block.events)
        for block in logs.stream.blocks(number):
            for event in block.events:
                decision = simulation.judge(event)
                if isinstance(event, Purchase) and decision is not None and decision.flagged:
                    yield FlaggedPurchase(event, decision)
            simulation.commit()
