"""The messages of every detector that judges events, whatever its actors say to one another.

outside      Judge, Include, Attest, Commit    to the coordinator
outside      Horizon                           to the coordinator, to move in time
outside      Reached                           to the sink
coordinator  Judged, Attested, Commit          to the sink
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from events.errors import ReplayError

E = TypeVar("E")
V = TypeVar("V")


class UnaskedError(ReplayError):
    """A message came that nobody asked for; the detector's actors do not fit together."""

    exit_status = 1


class Judge(msgspec.Struct, Generic[E], tag="judge", array_like=True, frozen=True, gc=False):
    """Judge the event, if its kind is judged, then make the states include it."""

    event: E
    """The event that has just come in."""


class Judged(msgspec.Struct, Generic[E, V], tag="judged", array_like=True, frozen=True, gc=False):
    """The verdict on an event of the stream."""

    event: E
    """The event."""
    verdict: V
    """What the store keeps of it."""


class Include(msgspec.Struct, Generic[E], tag="include", array_like=True, frozen=True, gc=False):
    """Make the states include this event, which is not of the stream, without judging."""

    event: E
    """The event."""


class Horizon(msgspec.Struct, tag="horizon", array_like=True, frozen=True, gc=False):
    """Stand at this moment: the next event is the one after it.

    Users who are active hold what they hold at it; the others will when they are spoken to.
    """

    events: int
    """How many events have happened, as of which all is answered; they are in the journal."""


class Commit(msgspec.Struct, tag="commit", array_like=True, frozen=True, gc=False):
    """Record all verdicts so far, then write the flagged lines."""


class Reached(msgspec.Struct, Generic[E], tag="reached", array_like=True, frozen=True):
    """Take these verdicts, which other actors reached that hold the same, as if they came here."""

    decisions: tuple[E, ...]
    """The decisions, in the order of the stream."""
    lines: tuple[bytes, ...]
    """The lines of what was flagged."""


class Attest(msgspec.Struct, tag="attest", array_like=True, frozen=True, gc=False):
    """Say what the state adds up to, after the events so far; for runs that are recorded."""

    events: int
    """How many events there were."""


class Attested(msgspec.Struct, tag="attested", array_like=True, frozen=True, gc=False):
    """The answer to `Attest`."""

    events: int
    """The number in the request."""
    subjects: int
    """How many users, or subjects of another kind, have appeared."""
    sums: tuple[int, ...]
    """What the detector sums up, such as `actors.purchases.digest.Sums`."""
