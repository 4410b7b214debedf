"""Events and decisions of the detector of purchases in words, and what its runs say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.escapes import plain
from events.purchases.amounts import format_amount, format_cents
from events.purchases.event import Befriend, Event, Purchase, type_name
from events.times.timestamps import in_zone
from replay.judging.console import JudgedWords

if TYPE_CHECKING:
    from events.purchases.decision import Decision
    from events.times.timestamps import Zone
    from replay.purchases.logs import Logs


class PurchaseWords(JudgedWords):
    """What a run of this detector says of itself."""

    output = "flagged purchases"
    judged = "purchase"
    subject = "user"

    def setting(self, inputs: Logs) -> list[str]:
        return [f"D={inputs.parameters.degrees} T={inputs.parameters.tracked}"]

    def event(self, event: Event, decision: Decision | None) -> str:
        return describe(event, decision)


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
        f"mean={format_cents(decision.mean_cents)} sd={format_cents(decision.sd_cents)})"
    )


def event_fields(event: Event, zone: Zone | None) -> dict[str, object]:
    """Return what happened, as JSON has it: ids, and the amount as text; ``zone`` is its time's."""
    time = in_zone(event.time, zone)
    fields = {"type": type_name(event), "event": event.number, "time": time}
    if isinstance(event, Purchase):
        return {**fields, "user": event.user, "amount": format_amount(event.amount)}
    return {**fields, "user1": event.user1, "user2": event.user2}


def decision_fields(decision: Decision) -> dict[str, object]:
    """Return what a decision says, as JSON has it: amounts with two decimals."""
    return {
        "flagged": decision.flagged,
        "n": decision.purchases,
        "mean": format_cents(decision.mean_cents),
        "sd": format_cents(decision.sd_cents),
    }
