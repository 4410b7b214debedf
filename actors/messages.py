"""The messages between actors: immutable, plain data, sent only by ``tell``.

Messages are requests and answers; they are not events, which are past facts, but
carry them. A user is addressed by number: users are numbered from 0 in the order
in which they first appear. Each message could be sent to another process as it
is: msgspec packs it as a msgpack array.

    outside      Route, Judge, Commit                     to the coordinator
    coordinator  Apply, AskFriends, AskPurchases          to users
    user         Friends, Purchases                       to the coordinator
    coordinator  Judged, Commit                           to the sink
"""

from __future__ import annotations

import msgspec

from events.event import Event, Purchase


class Route(msgspec.Struct, tag="route", array_like=True, frozen=True):
    """Make the users' states include these events of the past, without judging."""

    events: tuple[Event, ...]
    """In the order of their numbers."""


class Judge(msgspec.Struct, tag="judge", array_like=True, frozen=True):
    """Judge the event if it is a purchase, then make the users' states include it."""

    event: Event
    """The event that has just come in."""


class Commit(msgspec.Struct, tag="commit", array_like=True, frozen=True):
    """Record all verdicts so far, then write the flagged lines."""


class Apply(msgspec.Struct, tag="apply", array_like=True, frozen=True):
    """Make these events part of your state."""

    purchases: tuple[Purchase, ...] = ()
    """Your purchases, sorted by time and number."""
    befriended: tuple[int, ...] = ()
    """Users who are your friends now, if they were not."""
    unfriended: tuple[int, ...] = ()
    """Users who are not your friends now, if they were."""


class AskFriends(msgspec.Struct, tag="ask-friends", array_like=True, frozen=True):
    """Who are your friends? The answer is `Friends`."""

    number: int
    """The number of the event on whose behalf this is asked."""


class Friends(msgspec.Struct, tag="friends", array_like=True, frozen=True):
    """The answer to `AskFriends`."""

    number: int
    """The number in the question."""
    user: int
    """Who answers."""
    friends: frozenset[int]
    """The friends that ``user`` has now."""


class AskPurchases(msgspec.Struct, tag="ask-purchases", array_like=True, frozen=True):
    """Which purchases have you made since? The answer is `Purchases`."""

    number: int
    """The number of the event on whose behalf this is asked."""
    since_time: str
    """Purchases before this time are not asked for."""
    since_number: int
    """Of those at exactly that time, events before this number are not asked for."""


class Purchases(msgspec.Struct, tag="purchases", array_like=True, frozen=True):
    """The answer to `AskPurchases`."""

    number: int
    """The number in the question."""
    user: int
    """Who answers."""
    purchases: tuple[Purchase, ...]
    """What ``user`` has bought since, sorted by time and number."""


class Judged(msgspec.Struct, tag="judged", array_like=True, frozen=True):
    """The verdict on a purchase of the stream (SPEC.md section 3)."""

    event: Purchase
    """The purchase."""
    flagged: bool
    """Whether it is anomalous."""
    purchases: int
    """How many purchases were in the window."""
    mean: int
    """Their mean in whole cents; 0 where there are none."""
    sd: int
    """Their standard deviation in whole cents; 0 where there are none."""
