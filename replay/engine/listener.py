"""What a run tells while it goes on, and in the end, whatever the detector."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from events.records.record import Source

if TYPE_CHECKING:
    from events.records.record import Rejected


class RunSummary(msgspec.Struct):
    """What a run has done so far, and in the end; a detector's own counts come with a subclass."""

    output_path: Path
    """The path of the output."""
    store_path: Path
    """The path of the event store."""
    store_set_aside: Path | None = None
    """The path to which an earlier store was moved, if there was one."""
    store_rewritten: Path | None = None
    """The path of the store in its earlier format, if it was rewritten."""
    output_set_aside: Path | None = None
    """The path of foreign bytes that were moved out of the output, if there were any."""
    output_before: int = 0
    """The length in bytes of what stood in the output before this run."""
    events_before: int = 0
    """The number of events in the store before this run."""
    finished_before: bool = False
    """Whether an earlier run had finished the history, so that nothing was left to do."""
    accepted: dict[Source, int] = {}
    """The number of events in each log."""
    refused: dict[Source, int] = {}
    """The number of rejected lines in each log."""
    reasons: dict[str, int] = {}
    """The number of rejected lines by reason."""
    rejected_path: Path | None = None
    """The path of the file of rejected lines, if they are collected in one."""
    rejected_left_out: int = 0
    """The number of rejected lines that were too long to be kept whole and are not in that file."""
    seconds: dict[str, float] = {}
    """The duration of each phase in seconds, by name."""
    shards: int = 0
    """Over how many processes users are spread; 0: over none."""
    workers: int = 0
    """How many worker processes there were; 0 where this process did all of it."""
    alone: str = ""
    """Why there were none, where some were asked for."""

    @property
    def events(self) -> int:
        """The number of events in all logs."""
        return sum(self.accepted.values())

    @property
    def rejected(self) -> int:
        """The number of rejected lines in all logs."""
        return sum(self.refused.values())


class RunListener:
    """The base class of listeners to a run; each method is called with what has happened."""

    each_event: bool = False
    """Whether `on_event` is called."""
    times_events: bool = False
    """Whether it has to be told how long each event took, so that no worker can judge any."""

    def on_start(self, inputs: Any, summary: Any) -> None:
        """Take the inputs and the summary of a run that begins; the summary changes as it goes."""

    def on_block(self, log: Any, summary: Any) -> None:
        """Take note that a block of lines of ``log`` was dealt with."""

    def on_rejected(self, log: Any, rejected: Rejected) -> None:
        """Take a rejected line of ``log``."""

    def on_event(
        self, log: Any, line_number: int, event: Any, decision: Any, seconds: float
    ) -> None:
        """Take an event of the stream, the decision on it if any, and the seconds that it took.

        Where a worker has judged it, these are 0, and it comes when its block is done.
        """

    def on_end(self, summary: Any) -> None:
        """Take the summary of a run that has ended."""
