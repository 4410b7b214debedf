"""``why STORE N``: why a purchase was or was not flagged, or what a friendship changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.amounts import format_amount, format_cents
from events.escapes import plain
from events.event import Befriend, kind_of
from events.timestamps import in_zone
from replay.arguments import add_event
from replay.detectors import is_decided_by
from replay.explain import WhyFriendship, WhyPurchase, explain
from replay.simulation import Simulation
from replay.standard_streams import say
from replay.tables import counted, open_store, print_json, print_table
from replay.timeline import Timeline

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from actors.baseline import Baseline
    from events.timestamps import Zone
    from replay.explain import Counted

SUMMARY = "explain one event to the last digit"
EXAMPLE = "why flagged.json.events 20010"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_event(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Print the explanation."""
    with Timeline(open_store(options.store)) as timeline:
        why = explain(timeline, options.number)
        if not options.json:
            show_why(why, timeline)
        elif isinstance(why, WhyFriendship):
            _friendship_json(why)
        else:
            _purchase_json(why, timeline)
    return 0


def show_why(why: WhyPurchase | WhyFriendship, timeline: Timeline) -> None:
    """Print an explanation for a person."""
    if isinstance(why, WhyFriendship):
        _friendship(why)
    else:
        _purchase(why, timeline)


def _purchase(why: WhyPurchase, timeline: Timeline) -> None:
    event, baseline = why.event, why.baseline
    place = timeline.history.place(event.number)
    degrees, tracked = timeline.parameters.degrees, timeline.parameters.tracked
    time = in_zone(event.time, timeline.zone)
    say(f"event {event.number} ({place.source} line {place.line}, {time})")
    say(f"user {plain(event.user)} bought for {format_amount(event.amount)}")
    show_network(why.hops, degrees)
    show_window(why.window, baseline, tracked, timeline.zone)
    if not why.enough:
        say("verdict: not flagged, because fewer than 2 purchases are no basis")
    else:
        margin = event.amount - why.threshold
        side = "above" if why.flagged else "not above"
        say(
            f"threshold = mean + 3 sd = {format_amount(why.threshold)}; the amount is {side} "
            f"it, by {'-' if margin < 0 else ''}{format_amount(abs(margin))}"
        )
        say(f"verdict: {'FLAGGED' if why.flagged else 'not flagged'}")
    recorded = timeline.history.recorded.get(event.number)
    if recorded is not None and recorded.flagged != why.flagged:
        was = "FLAGGED" if recorded.flagged else "not flagged"
        decided = timeline.history.store.detector
        by = "by another rule or version; verify says more"
        if not is_decided_by(timeline.history.store, Simulation):
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
    window: Sequence[Counted], baseline: Baseline, tracked: int, zone: Zone | None
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
        say(f"mean = {format_cents(baseline.mean)}, sd = {format_cents(baseline.sd)}")


def some(words: Sequence[str], shown_max: int = 20) -> str:
    """Return the first ``words``, and how many more there are."""
    rest = len(words) - shown_max
    return ", ".join(map(plain, words[:shown_max])) + (f" and {rest} more" if rest > 0 else "")


def _purchase_json(why: WhyPurchase, timeline: Timeline) -> None:
    event, place = why.event, timeline.history.place(why.event.number)
    print_json(
        {
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
            "mean": format_cents(why.baseline.mean),
            "sd": format_cents(why.baseline.sd),
            "threshold": format_amount(why.threshold),
            "flagged": why.flagged,
        }
    )


def _friendship(why: WhyFriendship) -> None:
    event = why.event
    assert not hasattr(event, "amount"), "purchases are shown otherwise"
    verb = "became friends with" if isinstance(event, Befriend) else "is no friend any more of"
    say(f"event {event.number}: {plain(event.user1)} {verb} {plain(event.user2)}")
    say(f"{counted(len(why.changes), 'network')} changed")
    if why.changes:
        rows = ((plain(each.user), some(each.came), some(each.left)) for each in why.changes)
        print_table(("network of", "came in", "dropped out"), rows)


def _friendship_json(why: WhyFriendship) -> None:
    event = why.event
    assert not hasattr(event, "amount"), "purchases are shown otherwise"
    changes = [{"user": each.user, "came": each.came, "left": each.left} for each in why.changes]
    print_json(
        {
            "event": event.number,
            "type": kind_of(event),
            "user1": event.user1,
            "user2": event.user2,
            "changes": changes,
        }
    )
