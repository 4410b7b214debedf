"""The closed set of events: what has happened, as immutable typed facts.

Events are numbered from 1 in the order in which they were accepted, over the
batch and the stream together. They are stored and sent as msgpack arrays
``[tag, fields...]``; new fields come last and have defaults.
"""

from __future__ import annotations

from functools import lru_cache
from operator import attrgetter
from typing import Final, TypeAlias, final

import msgspec

from events.bounds import Name, Total
from events.purchases.amounts import format_amount


@final
class Purchase(msgspec.Struct, tag="purchase", array_like=True, frozen=True, order=True, gc=False):
    """A user bought something.

    Purchases compare by time and then by number, which is the order of SPEC.md
    section 3: time and number stand first, and no two numbers are equal.
    """

    time: str
    """When, as `events.times.timestamps.parse_timestamp` gives it."""
    number: int
    """The event's number in its history, from 1."""
    user: Name
    """Who."""
    amount: Total
    """For how much, in units of 1/10,000."""
    line: bytes | None = None
    """The source line, where it is not what `render` would write."""


class Friendship(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The friendship of two users began or ended."""

    time: str
    number: int
    user1: Name
    user2: Name
    line: bytes | None = None


@final
class Befriend(Friendship, tag="befriend", array_like=True, frozen=True, gc=False):
    """Two users became friends."""


@final
class Unfriend(Friendship, tag="unfriend", array_like=True, frozen=True, gc=False):
    """Two users stopped being friends."""


place_of: Final = attrgetter("time", "number")
"""The place of a purchase in the order of time and arrival, as a sort key.

Purchases compare in that order too; the key is for places that no purchase has.
"""

_amount_text = lru_cache(1 << 14)(format_amount)

Event: TypeAlias = Purchase | Befriend | Unfriend

EVENT_TYPES: Final = (Purchase, Befriend, Unfriend)
"""The types of events, to tell them from what else a store holds."""


def users_of(event: Event) -> tuple[str, ...]:
    """Return the users that ``event`` is about, one or two."""
    return (event.user,) if isinstance(event, Purchase) else (event.user1, event.user2)


def type_name(event: Event) -> str:
    """Return the event's type as the logs spell it."""
    if isinstance(event, Purchase):
        return "purchase"
    return "befriend" if isinstance(event, Befriend) else "unfriend"


def render(event: Event) -> str:
    """Return the canonical line of ``event``, without a newline.

    This is the layout of the challenge's own logs. Lines that have it need not be
    kept beside their event, and nearly all lines of such a log have it.
    """
    if isinstance(event, Purchase):
        return (
            f'{{"event_type":"purchase", "timestamp":"{event.time}", '
            f'"id": "{event.user}", "amount": "{_amount_text(event.amount)}"}}'
        )
    return (
        f'{{"event_type":"{type_name(event)}", "timestamp":"{event.time}", '
        f'"id1": "{event.user1}", "id2": "{event.user2}"}}'
    )


def line_of(event: Event) -> bytes:
    """Return the source line of ``event``, byte for byte, without its newline."""
    return render(event).encode() if event.line is None else event.line
