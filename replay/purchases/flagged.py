"""Iterating over flagged purchases in memory, without writing a file or a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from actors.sink import Nowhere
from events.logs.block import numbered
from events.purchases.columns import Columns
from events.purchases.event import Purchase
from events.store.records import Rejected
from replay.purchases.logs import Logs
from replay.purchases.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from events.store.records import Decision


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
        for block in logs.batch.blocks(1):
            for record in block.records:
                if isinstance(record, Columns):
                    simulation.extend(record)
        simulation.goto(len(simulation.journal))
        logs.stream.zone = logs.batch.zone
        for block in logs.stream.blocks(len(simulation.journal) + 1):
            for _, event in numbered(block.records):
                if isinstance(event, Rejected):
                    continue
                decision = simulation.judge(event)
                if isinstance(event, Purchase) and decision is not None and decision.flagged:
                    yield FlaggedPurchase(event, decision)
            simulation.commit()
