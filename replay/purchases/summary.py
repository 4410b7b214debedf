"""What a run of the detector of purchases tells of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from replay.engine import listener
from replay.engine.listener import RunSummary

if TYPE_CHECKING:
    from pathlib import Path

    from events.logs.jsonlines import Log
    from events.logs.live import LiveLog
    from events.purchases.event import Event
    from events.store.records import Decision, Rejected
    from replay.purchases.logs import Logs


class Summary(RunSummary):
    """What a run has done so far, and in the end."""

    users: int = 0
    """How many users appeared."""
    judged: int = 0
    """How many purchases were judged."""
    flagged: int = 0
    """How many of them were flagged."""

    @property
    def flagged_path(self) -> Path:
        """Where the flagged purchases are."""
        return self.output_path

    @property
    def flagged_before(self) -> int:
        """How many bytes of other lines stand in the flagged file before those of this run."""
        return self.output_before

    @property
    def flagged_set_aside(self) -> Path | None:
        """Where bytes have been moved that stood in the flagged file in the way."""
        return self.output_set_aside

    @property
    def batch_events(self) -> int:
        """How many lines of the batch were accepted."""
        return self.accepted.get("batch", 0)

    @property
    def stream_events(self) -> int:
        """How many lines of the stream were accepted."""
        return self.accepted.get("stream", 0)

    @property
    def stream_rejected(self) -> int:
        """How many lines of the stream were rejected."""
        return self.refused.get("stream", 0)


class Listener(listener.Listener):
    """Is told how a run goes; subclass it and override what is of interest."""

    def on_start(self, inputs: Logs, summary: Summary) -> None:
        """Take the logs of the run and its summary, which changes as it goes."""

    def on_block(self, log: Log | LiveLog, summary: Summary) -> None:
        """Take note that some more of ``log`` has been read."""

    def on_rejected(self, log: Log | LiveLog, rejected: Rejected) -> None:
        """Take a line of ``log`` that was rejected."""

    def on_event(
        self,
        log: Log | LiveLog,
        line_number: int,
        event: Event,
        decision: Decision | None,
        seconds: float,
    ) -> None:
        """Take an event of the stream, its decision if it is a purchase, and how long it took."""
