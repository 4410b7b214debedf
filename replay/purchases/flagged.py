"""Iterating over flagged purchases in memory, without writing a file or a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from actors.sink import Nowhere
from events.escapes import plain
from events.logs.block import numbered
from events.purchases.columns import Columns
from events.purchases.event import Purchase
from events.records.record import Rejected
from replay.engine.logging_listener import LOGGER
from replay.engine.rejections import Rejections
from replay.purchases.logs import Logs
from replay.purchases.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal
    from pathlib import Path

    from events.purchases.decision import Decision


class FlaggedPurchase(NamedTuple):
    """An anomalous purchase and what it was measured by; its three amounts can be compared."""

    event: Purchase
    """The purchase; its own amount is in units of 1/10,000."""
    decision: Decision
    """The decision; its own mean and standard deviation are in cents (1/100)."""

    @property
    def amount(self) -> Decimal:
        """The amount in the currency unit, exactly."""
        return self.event.amount_decimal

    @property
    def mean(self) -> Decimal:
        """The mean of the window, in the currency unit, cut to 2 places."""
        return self.decision.mean_decimal

    @property
    def sd(self) -> Decimal:
        """The standard deviation of the window, in the currency unit, cut to 2 places."""
        return self.decision.sd_decimal


def flagged_purchases(
    batch: str | Path,
    stream: str | Path,
    degrees: int | None = None,
    tracked: int | None = None,
) -> Iterator[FlaggedPurchase]:
    """Iterate over the flagged purchases of ``stream``, each as soon as it is judged.

    Rejected lines are told to the logger ``replay`` and skipped; `replay.run` keeps them.

    Args:
        batch: the past, with the parameters on its first line.
        stream: what comes in.
        degrees: D to use instead of the batch's.
        tracked: T to use instead of the batch's.

    Raises:
        InputError: a log cannot be read.
        ParametersError: D or T is missing or wrong.

    """
    told = Rejections(LOGGER.warning)
    with (
        Logs(batch, stream, degrees, tracked) as logs,
        Simulation(logs.parameters, Nowhere()) as simulation,
    ):
        for block in logs.batch.blocks(1):
            for record in block.records:
                if isinstance(record, Columns):
                    simulation.extend(record)
                elif isinstance(record, Rejected):
                    told.take(plain(logs.batch.path), record)
        simulation.goto(len(simulation.journal))
        logs.stream.zone = logs.batch.zone
        for block in logs.stream.blocks(len(simulation.journal) + 1):
            for _, event in numbered(block.records):
                if isinstance(event, Rejected):
                    told.take(plain(logs.stream.path), event)
                    continue
                decision = simulation.judge(event)
                if isinstance(event, Purchase) and decision is not None and decision.flagged:
                    yield FlaggedPurchase(event, decision)
            simulation.commit()
    told.sum_up()
