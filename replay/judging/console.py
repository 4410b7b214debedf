"""What a run that judges events says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from events.errors import counted
from replay.engine.console import RunWords

if TYPE_CHECKING:
    from replay.judging.history import Summary


class JudgedWords(RunWords):
    """What runs that judge events say of themselves."""

    judged: ClassVar[str] = "event"
    """What is decided on."""
    subject: ClassVar[str] = "subject"
    """Whom an event concerns."""

    def totals(self, summary: Summary, seconds: float) -> list[str]:
        return [
            f"{counted(summary.events, 'event')} ({summary.batch_events:,} past, "
            f"{summary.stream_events:,} new), {counted(summary.rejected, 'line')} rejected, "
            f"{counted(summary.users, self.subject)}",
            f"{summary.flagged:,} of {counted(summary.judged, self.judged)} flagged, "
            f"{seconds:.2f} s",
        ]

    def found_fields(self, summary: Summary) -> dict[str, int]:
        counts = {"judged": summary.judged, "flagged": summary.flagged}
        return {"past": summary.batch_events, "new": summary.stream_events, **counts} | {
            f"{self.subject}s": summary.users
        }

    def found(self, summary: Summary) -> int:
        return summary.flagged
