"""An explanation of a purchase or a friendship, in words and for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.errors import counted
from events.escapes import plain
from events.purchases.amounts import format_amount, format_cents
from events.purchases.event import Befriend, type_name
from events.times.timestamps import in_zone
from replay.purchases.explain import WhyFriendship, WhyPurchase
from replay.terminal.standard_streams import Colour, say
from replay.terminal.tables import print_table, some

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.purchases.baseline import Baseline
    from events.times.timestamps import Zone
    from replay.engine.looks import Fields
    from replay.purchases.explain import Counted
    from replay.purchases.timeline import Timeline


def show_why(
    why: WhyPurchase | WhyFriendship, timeline: Timeline, *, rounded: bool = False
) -> None:
    """Print an explanation for a person, with mean and sd cut or rounded."""
    if isinstance(why, WhyFriendship):
        _friendship(why)
    else:
        _purchase(why, timeline, rounded=rounded)


def why_fields(
    why: WhyPurchase | WhyFriendship, timeline: Timeline, *, rounded: bool = False
) -> Fields:
    """Return an explanation for machines, with mean and sd cut or rounded."""
    if isinstance(why, WhyFriendship):
        return _friendship_fields(why)
    return _purchase_fields(why, timeline, rounded=rounded)


def _purchase(why: WhyPurchase, timeline: Timeline, *, rounded: bool) -> None:
    event, baseline = why.event, why.baseline
    place = timeline.history.place(event.number)
    degrees, tracked = timeline.parameters.degrees, timeline.parameters.tracked
    time = in_zone(event.time, timeline.zone)
    say(f"event {event.number} ({place.source} line {place.line}, {time})")
    say(f"user {plain(event.user)} bought for {format_amount(event.amount)}")
    show_network(why.hops, degrees)
    show_window(why.window, baseline, tracked, timeline.zone, rounded=rounded)
    verdict = "FLAGGED" if why.flagged else "not flagged"
    if not timeline.by_built_in_rule:
        say(f"verdict: {verdict}, by the rule of {timeline.decides}")
    elif not baseline.enough:
        say("verdict: not flagged, because fewer than 2 purchases are no basis")
    else:
        margin = event.amount - baseline.threshold
        side = "above" if why.flagged else "not above"
        say(
            f"threshold = mean + 3 sd = {format_amount(baseline.threshold)}; the amount is {side} "
            f"it, by {'-' if margin < 0 else ''}{format_amount(abs(margin))}"
        )
        say(f"verdict: {verdict}", Colour.FLAG if why.flagged else None)
    recorded = timeline.history.recorded.get(event.number)
    if recorded is not None and recorded.flagged != why.flagged:
        was = "FLAGGED" if recorded.flagged else "not flagged"
        decided = timeline.history.store.detector
        by = "by another rule or version; verify says more"
        if decided != timeline.decides:
            by = f"by the rule of {decided}"
        say(f"(the run recorded {was}, {by})")
    if not why.judged:
        say("(an event of the past, which the run did not judge)")


def show_network(hops: Sequence[Sequence[str]], degrees: int) -> None:
    """Print a network hop by hop."""
    say(f"network of degree {degrees}: {counted(sum(map(len, hops)), 'user')}")
    for distance, hop in enumerate(hops, 1):
        say(f"  {distance} away: {len(hop)}: {some(hop)}")


def show_window(
    window: Sequence[Counted],
    baseline: Baseline,
    tracked: int,
    zone: Zone | None,
    *,
    rounded: bool = False,
) -> None:
    """Print the purchases in a window, with times of ``zone``, and what they come to."""
    say(f"window: {counted(baseline.n, 'purchase')}, the last in it, of at most {tracked}")
    if window:
        print_table(
            ("event#", "time", "user", "amount#", "friend path"),
            (
                (
                    counted.purchase.number,
                    in_zone(counted.purchase.time, zone),
                    plain(counted.purchase.user),
                    format_amount(counted.purchase.amount),
                    " > ".join(map(plain, counted.path)),
                )
                for counted in window
            ),
        )
    say(f"n = {baseline.n}")
    if baseline.n:
        mean, sd = _figures(baseline, rounded=rounded)
        say(f"mean = {mean}, sd = {sd}, both {'rounded' if rounded else 'cut'} to 2 places")


def _figures(baseline: Baseline, *, rounded: bool) -> tuple[str, str]:
    """Return mean and sd as text, with 2 places."""
    mean, sd = baseline.rounded if rounded else (baseline.mean, baseline.sd)
    return format_cents(mean), format_cents(sd)


def _purchase_fields(why: WhyPurchase, timeline: Timeline, *, rounded: bool) -> Fields:
    event, place = why.event, timeline.history.place(why.event.number)
    mean, sd = _figures(why.baseline, rounded=rounded)
    return {
        "event": event.number,
        "source": place.source,
        "line": place.line,
        "time": in_zone(event.time, timeline.zone),
        "user": event.user,
        "amount": format_amount(event.amount),
        "judged": why.judged,
        "network": why.hops,
        "window": [
            {
                "event": counted.purchase.number,
                "time": in_zone(counted.purchase.time, timeline.zone),
                "user": counted.purchase.user,
                "amount": format_amount(counted.purchase.amount),
                "path": counted.path,
            }
            for counted in why.window
        ],
        "n": why.baseline.n,
        "mean": mean,
        "sd": sd,
        **_threshold_fields(why, timeline),
        "flagged": why.flagged,
    }


def _threshold_fields(why: WhyPurchase, timeline: Timeline) -> Fields:
    if timeline.by_built_in_rule:
        return {"threshold": format_amount(why.baseline.threshold)}
    # Another rule need not have one.
    return {"detector": str(timeline.decides)}


def _friendship(why: WhyFriendship) -> None:
    event = why.event
    assert not hasattr(event, "amount"), "purchases are shown otherwise"
    verb = "became friends with" if isinstance(event, Befriend) else "is no friend any more of"
    say(f"event {event.number}: {plain(event.user1)} {verb} {plain(event.user2)}")
    say(f"{counted(len(why.changes), 'network')} changed")
    if why.changes:
        rows = ((plain(each.user), some(each.came), some(each.left)) for each in why.changes)
        print_table(("network of", "came in", "dropped out"), rows)


def _friendship_fields(why: WhyFriendship) -> Fields:
    event = why.event
    assert not hasattr(event, "amount"), "purchases are shown otherwise"
    return {
        "event": event.number,
        "type": type_name(event),
        "user1": event.user1,
        "user2": event.user2,
        "changes": [
            {"user": each.user, "came": each.came, "left": each.left} for each in why.changes
        ],
    }
