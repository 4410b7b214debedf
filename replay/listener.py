"""What a run tells while it goes on, and in the end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from events.event import Event
    from events.jsonlines import Log
    from events.records import Decision, Rejected
    from replay.live import LiveLog
    from replay.logs import Logs


class Summary(msgspec.Struct):
    """What a run has done so far, and in the end."""

    flagged_path: Path
    """Where the flagged purchases are."""
    store_path: Path
    """Where the event store is."""
    store_set_aside: Path | None = None
    """Where a store that stood there before has been moved."""
    store_rewritten: Path | None = None
    """Where the store is kept as it was in the format of an earlier release, if it was."""
    flagged_set_aside: Path | None = None
    """Where bytes have been moved that stood in the flagged file in the way."""
    flagged_before: int = 0
    """How many bytes of other lines stand in the flagged file before those of this run."""
    events_before: int = 0
    """How many events the store held before."""
    finished_before: bool = False
    """Whether the run had been finished before, so that nothing was left to do."""
    batch_events: int = 0
    """How many lines of the batch were accepted."""
    stream_events: int = 0
    """How many lines of the stream were accepted."""
    rejected: int = 0
    """How many lines were rejected."""
    users: int = 0
    """How many users appeared."""
    judged: int = 0
    """How many purchases were judged."""
    flagged: int = 0
    """How many of them were flagged."""
    seconds: dict[str, float] = {}
    """How long each phase took, by name."""
    stream_rejected: int = 0
    """How many of the rejected lines were of the stream."""

    @property
    def events(self) -> int:
        """How many lines were accepted."""
        return self.batch_events + self.stream_events


class Listener:
    """Is told how a run goes; subclass it and override what is of interest."""

    each_event: bool = False
    """Whether `on_event` is to be called."""

    def on_start(self, logs: Logs, summary: Summary) -> None:
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
