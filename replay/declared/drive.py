"""What a detector that declares its events does in a run; see `replay.engine.judging`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from events.store.header import Header
from replay.declared.detector import Detector
from replay.declared.history import FactResumed
from replay.declared.logs import FactLogs
from replay.engine.detectors import detector_version
from replay.engine.judging import JudgingDrive

if TYPE_CHECKING:
    from events.store.store import EventStore
    from replay.engine.output_file import Outputs


class FactDrive(JudgingDrive[FactLogs, Detector]):
    """Judges the events of a stream whose types a detector declares."""

    output = "the flagged events"

    def header(self) -> Header:
        """Return what the history is of."""
        logs = self.logs
        logs.look_ahead()
        return Header(
            None,
            logs.line,
            logs.batch.fingerprint(),
            logs.stream.fingerprint(),
            detector=detector_version(self.detector),
            zone=logs.batch.zone,
            declared=logs.detector.types().declared(msgspec.json.encode(logs.parameters)),
        )

    def simulate(self, outputs: Outputs) -> Detector:
        """Start the actors."""
        return self.detector(self.logs.parameters, outputs, attesting=True)

    def history(self, kept: EventStore, *, acting: bool) -> FactResumed:
        """Read a history; with ``acting`` into the journal of the actors."""
        journal = self.simulation.journal if acting else None
        return FactResumed(kept, self.logs.detector, journal)
