"""What the detector of purchases does in a run; see `replay.engine.judging`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from events.store.header import Header
from replay.engine.detectors import detector_version
from replay.engine.judging import JudgingDrive
from replay.purchases.logs import Logs
from replay.purchases.resume import PurchasesResumed
from replay.purchases.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Callable

    from events.store.store import EventStore
    from replay.engine.output_file import Outputs

Detector: TypeAlias = "Callable[..., Simulation]"
"""Makes an actor system of the arguments of `Simulation`; mostly a subclass of it."""


class PurchaseDrive(JudgingDrive[Logs, Simulation]):
    """Judges the purchases of a stream against the past."""

    output = "the flagged purchases"

    def header(self) -> Header:
        """Return what the history is of."""
        logs = self.logs
        logs.look_ahead()
        return Header(
            logs.parameters,
            logs.line,
            logs.batch.fingerprint(),
            logs.stream.fingerprint(),
            detector=detector_version(self.detector),
            zone=logs.batch.zone,
        )

    def simulate(self, outputs: Outputs) -> Simulation:
        """Start the actors."""
        return self.detector(self.logs.parameters, outputs, attesting=True)

    def history(self, kept: EventStore, *, acting: bool) -> PurchasesResumed:
        """Read a history; with ``acting`` into the journal of the actors."""
        return PurchasesResumed(kept, self.simulation.journal if acting else None)
