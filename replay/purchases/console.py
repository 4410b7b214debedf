"""Events and decisions of the detector of purchases in words, and what its runs say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.errors import counted
from events.escapes import plain
from events.purchases.amounts import format_amount, format_cents
from events.purchases.event import Befriend, Event, Purchase
from replay.engine.console import RunWords

if TYPE_CHECKING:
    from events.store.records import Decision
    from replay.engine.judged import Summary
    from replay.purchases.logs import Logs


class PurchaseWords(RunWords):
    """What a run of this detector says of itself."""

    output = "flagged purchases"

    def setting(self, inputs: Logs) -> list[str]:
        """Return lines about what is looked for."""
        return [f"D={inputs.parameters.degrees} T={inputs.parameters.tracked}"]

    def event(self, event: Event, decision: Decision | None) -> str:
        """Return an event and the decision on it in words."""
        return describe(event, decision)

    def totals(self, summary: Summary, seconds: float) -> list[str]:
        """Return lines about what was read and found."""
        judged = counted(summary.judged, "purchase")
        return [
            f"{counted(summary.events, 'event')} ({summary.batch_events:,} past, "
            f"{summary.stream_events:,} new), {counted(summary.rejected, 'line')} rejected, "
            f"{counted(summary.users, 'user')}",
            f"{summary.flagged:,} of {judged} flagged, {seconds:.2f} s",
        ]

    def found(self, summary: Summary) -> int:
        """Return how many lines were written."""
        return summary.flagged


def describe(event: Event, decision: Decision | None) -> str:
    """Return one line about an event and the decision on it."""
    if not isinstance(event, Purchase):
        verb = "befriended" if isinstance(event, Befriend) else "unfriended"
        return f"{plain(event.user1)} {verb} {plain(event.user2)}"
    text = f"{plain(event.user)} bought for {format_amount(event.amount)}"
    return text if decision is None else f"{text}: {verdict_text(decision)}"


def verdict_text(decision: Decision) -> str:
    """Return a decision in words."""
    return (
        f"{'FLAGGED' if decision.flagged else 'not flagged'} (n={decision.purchases} "
        f"mean={format_cents(decision.mean)} sd={format_cents(decision.sd)})"
    )
