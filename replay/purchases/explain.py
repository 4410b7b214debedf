"""Why a purchase was or was not flagged, and what a friendship changed.

Everything is read off the state just before the event, and is complete: the verdict
can be computed again from an explanation alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from actors.purchases.baseline import Baseline, baseline_of
from events.errors import DamagedStoreError, UnknownUserError
from events.purchases.event import Befriend, Event, Purchase, line_of
from events.purchases.lines import flagged_line
from replay.purchases.moment import Network, network_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from replay.purchases.timeline import Timeline


class Counted(msgspec.Struct, frozen=True):
    """A purchase in the window, and why its buyer is in the network."""

    purchase: Purchase
    """The purchase."""
    path: tuple[str, ...]
    """A shortest chain of friends from the judged buyer to this one, both included."""


class WhyPurchase(msgspec.Struct, frozen=True):
    """Why a purchase was or was not flagged."""

    event: Purchase
    """The purchase."""
    judged: bool
    """Whether it is of the stream; those of the past are explained as if they were."""
    hops: tuple[tuple[str, ...], ...]
    """The buyer's network: who is exactly 1, 2, ... friendships away."""
    window: tuple[Counted, ...]
    """The network's last T purchases, in order."""
    baseline: Baseline
    """Their number, sum and sum of squares, in units of 1/10,000."""
    flagged: bool
    """The verdict of the timeline's detector, decided anew."""


class NetworkChange(msgspec.Struct, frozen=True):
    """How the network of one user changed."""

    user: str
    """Whose network."""
    came: tuple[str, ...]
    """Who came into it."""
    left: tuple[str, ...]
    """Who dropped out of it."""


class WhyFriendship(msgspec.Struct, frozen=True):
    """What the start or the end of a friendship changed."""

    event: Event
    """The event."""
    changes: tuple[NetworkChange, ...]
    """The networks that changed, in order of the users' first appearance."""


def explain(timeline: Timeline, number: int) -> WhyPurchase | WhyFriendship:
    """Explain event ``number`` by the rule of the timeline's detector.

    The timeline goes to the moment after it.

    Raises:
        PositionError: the history has no such event.
        DetectorError: the detector does not decide on it.

    """
    event = timeline.history.event(number)
    timeline.goto(number - 1)
    if isinstance(event, Purchase):
        return _explain_purchase(timeline, event)
    return _explain_friendship(timeline, event)


def network_now(timeline: Timeline, user: str, degrees: int) -> Network:
    """Return the network of ``user`` now; a user who has not appeared yet has none."""
    try:
        return network_of(timeline.number(user), degrees, timeline.friends)
    except UnknownUserError:
        return Network(-1, ())


def hops_of(timeline: Timeline, network: Network) -> tuple[tuple[str, ...], ...]:
    """Return who is exactly 1, 2, ... friendships away, by id."""
    return tuple(tuple(map(timeline.name, hop)) for hop in network.hops)


def window_of(timeline: Timeline, user: str) -> tuple[Network, tuple[Counted, ...], Baseline]:
    """Return the network of ``user`` now, its window, and its baseline."""
    parameters, name = timeline.parameters, timeline.name
    network = network_now(timeline, user, parameters.degrees)
    last = timeline.last_purchases(list(map(name, network.members)), parameters.tracked)
    numbers = timeline.history.journal.numbers
    paths = (tuple(map(name, network.path(numbers[purchase.user]))) for purchase in last)
    window = tuple(map(Counted, last, paths))
    return network, window, baseline_of([purchase.amount for purchase in last])


def _explain_purchase(timeline: Timeline, event: Purchase) -> WhyPurchase:
    network, window, baseline = window_of(timeline, event.user)
    decision = timeline.judge()
    assert decision is not None, "there is one on every purchase"
    return WhyPurchase(
        event,
        timeline.history.judged(event.number),
        hops_of(timeline, network),
        window,
        baseline,
        decision.flagged,
    )


def _explain_friendship(timeline: Timeline, event: Event) -> WhyFriendship:
    assert not isinstance(event, Purchase), "purchases are explained otherwise"
    degrees = timeline.parameters.degrees
    ends = (event.user1, event.user2)
    befriend = isinstance(event, Befriend)
    if befriend:
        timeline.goto(event.number)
    # With the friendship in place, only who reaches it in fewer than D hops uses it.
    near = {user for end in ends for user in _members(timeline, end, degrees - 1)}
    near.update(set(ends).intersection(timeline.users))
    with_it = {user: _members(timeline, user, degrees) for user in near}
    timeline.goto(event.number - 1 if befriend else event.number)
    without = {user: _members(timeline, user, degrees) for user in near}
    timeline.goto(event.number)
    before, after = (without, with_it) if befriend else (with_it, without)
    order = timeline.number
    return WhyFriendship(
        event,
        tuple(
            NetworkChange(
                user,
                tuple(sorted(after[user] - before[user], key=order)),
                tuple(sorted(before[user] - after[user], key=order)),
            )
            for user in sorted(near, key=order)
            if before[user] != after[user]
        ),
    )


def _members(timeline: Timeline, user: str, degrees: int) -> frozenset[str]:
    return frozenset(map(timeline.name, network_now(timeline, user, degrees).members))


def rounded_lines(timeline: Timeline) -> Iterator[bytes]:
    """Yield the lines of flagged purchases with mean and sd rounded, without their newlines.

    A run writes and records both cut (SPEC.md section 3), so they are worked out anew; the timeline
    moves to the moments before them.

    Raises:
        DamagedStoreError: what the store records of one is not what its events come to.

    """
    history = timeline.history
    for number, decision in history.recorded.items():
        if not decision.flagged:
            continue
        event = history.event(number)
        assert isinstance(event, Purchase), "nothing else is judged"
        timeline.goto(number - 1)
        *_, baseline = window_of(timeline, event.user)
        recorded = (decision.purchases, decision.mean_cents, decision.sd_cents)
        if recorded != (baseline.n, baseline.mean, baseline.sd):
            raise DamagedStoreError(
                f"{history.store.path}: event {number}: expected the window, mean and sd that "
                "its events come to, found others; verify says more"
            )
        yield flagged_line(line_of(event), *baseline.rounded)
