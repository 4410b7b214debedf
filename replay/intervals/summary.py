"""What a search for intervals tells of itself."""

from __future__ import annotations

from replay.engine.listener import RunSummary


class IntervalSummary(RunSummary):
    """What a search has done so far, and in the end."""

    keys: int = 0
    """How many keys appeared; 1 where there is no column of keys and any observation."""
    intervals: int = 0
    """How many intervals were found."""

    @property
    def observations(self) -> int:
        """How many rows were accepted."""
        return self.events
