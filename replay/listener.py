"""What a run of the detector of purchases tells of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from replay.engine.listener import Listener, RunSummary

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Listener", "Summary"]


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
