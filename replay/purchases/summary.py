"""What a run of the detector of purchases tells of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from replay.engine import listener

if TYPE_CHECKING:
    from events.logs.file import Log
    from events.logs.live import LiveLog
    from events.purchases.event import Event
    from events.store.records import Decision, Rejected
    from replay.engine.judged import Summary
    from replay.purchases.logs import Logs


class Listener(listener.RunListener):
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
