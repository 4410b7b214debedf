"""The messages between actors: immutable, plain data, sent only by ``tell``.

Messages are requests and answers; they are not events, which are past facts, but
carry them. A user is addressed by number: users are numbered from 0 in the order
in which they first appear. Each message could be sent to another process as it
is: msgspec packs it as a msgpack array.

    coordinator  Apply, AskFriends, AskPurchases          to users
    user         Friends, Purchases                       to the coordinator

Besides them there are those of `actors.messages`.
"""

from __future__ import annotations

import msgspec

from events.purchases.event import Purchase


class Apply(msgspec.Struct, tag="apply", array_like=True, frozen=True, gc=False):
    """Make these events part of your state."""

    purchases: tuple[Purchase, ...] = ()
    """Your purchases, sorted by time and number."""
    befriended: tuple[int, ...] = ()
    """Users who are your friends now, if they were not."""
    unfriended: tuple[int, ...] = ()
    """Users who are not your friends now, if they were."""
    since: int = 0
    """The last event that was part of the users' states before these."""


class AskFriends(msgspec.Struct, tag="ask-friends", array_like=True, frozen=True, gc=False):
    """Who are your friends? The answer is `Friends`."""

    number: int
    """The number of the event on whose behalf this is asked."""


class Friends(msgspec.Struct, tag="friends", array_like=True, frozen=True, gc=False):
    """The answer to `AskFriends`."""

    number: int
    """The number in the question."""
    user: int
    """Who answers."""
    friends: frozenset[int]
    """The friends that ``user`` has now."""


class AskPurchases(msgspec.Struct, tag="ask-purchases", array_like=True, frozen=True, gc=False):
    """Which are your latest purchases? The answer is `Purchases`."""

    number: int
    """The number of the event on whose behalf this is asked."""
    latest: int
    """How many of them at most, at least 1."""
    since_time: str = ""
    """Those before this time are not asked for."""
    since_number: int = 0
    """Of those at exactly that time, events before this number are not asked for."""


class Purchases(msgspec.Struct, tag="purchases", array_like=True, frozen=True, gc=False):
    """The answer to `AskPurchases`."""

    number: int
    """The number in the question."""
    user: int
    """Who answers."""
    purchases: tuple[Purchase, ...]
    """What was asked for, sorted by time and number."""
