"""What a run tells while it goes on, and in the end, whatever the detector."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from events.store.records import Source

if TYPE_CHECKING:
    from events.store.records import Rejected


class RunSummary(msgspec.Struct):
    """What a run has done so far, and in the end; a detector's own counts come with a subclass."""

    output_path: Path
    """Where the lines are that it writes."""
    store_path: Path
    """Where the event store is."""
    store_set_aside: Path | None = None
    """Where a store that stood there before has been moved."""
    store_rewritten: Path | None = None
    """Where the store is kept as it was in the format of an earlier release, if it was."""
    output_set_aside: Path | None = None
    """Where bytes have been moved that stood in the output in the way."""
    output_before: int = 0
    """How many bytes of other lines stand in the output before those of this run."""
    events_before: int = 0
    """How many events the store held before."""
    finished_before: bool = False
    """Whether the run had been finished before, so that nothing was left to do."""
    accepted: dict[Source, int] = {}
    """How many events there were in each log."""
    refused: dict[Source, int] = {}
    """How many lines of each log were rejected."""
    seconds: dict[str, float] = {}
    """How long each phase took, by name."""
    workers: int = 0
    """How many worker processes there were; 0 where this process did all of it."""
    alone: str = ""
    """Why there were none, where some were asked for."""

    @property
    def events(self) -> int:
        """How many events there were."""
        return sum(self.accepted.values())

    @property
    def rejected(self) -> int:
        """How many lines were rejected."""
        return sum(self.refused.values())


class RunListener:
    """Is told how a run goes; subclass it and override what is of interest."""

    each_event: bool = False
    """Whether `on_event` is to be called."""
    times_events: bool = False
    """Whether it has to be told how long each event took, so that no worker can judge any."""

    def on_start(self, inputs: Any, summary: Any) -> None:
        """Take what is read, and the summary of the run, which changes as it goes."""

    def on_block(self, log: Any, summary: Any) -> None:
        """Take note that some more of ``log`` has been read."""

    def on_rejected(self, log: Any, rejected: Rejected) -> None:
        """Take a line of ``log`` that was rejected."""

    def on_event(
        self, log: Any, line_number: int, event: Any, decision: Any, seconds: float
    ) -> None:
        """Take an event that was judged, the decision on it if any, and how long it took.

        Where a worker has judged it, that is 0, and it comes when its block is done.
        """
