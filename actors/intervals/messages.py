"""The messages between the actors of the second detector; see `actors.purchases.messages`.

    outside      Observe, Conclude, Advance, Settle, Commit      to the coordinator
    outside      Horizon                                         to the coordinator
    coordinator  Extend, Finish                                  to interval actors
    interval     Found                                           to the coordinator
    coordinator  Findings, Commit                                to the sink

A key is addressed by number: keys are numbered from 0 in the order in which they first
appear. The place of an observation is its position in the order in which the coordinator
passes them on, over all keys; that is the order of time.
"""

from __future__ import annotations

import msgspec

from events.observations.interval import Interval
from events.store.records import Finding


class Observe(msgspec.Struct, tag="observe", array_like=True, frozen=True, gc=False):
    """Take observations, in the order of their arrival; see `events.store.records.Observed`.

    They are gathered; `Advance` and `Settle` pass them on.
    """

    number: int
    """The number of the first."""
    times: tuple[str, ...]
    adids: tuple[str, ...]
    keys: tuple[str, ...] | None = None


class Conclude(msgspec.Struct, tag="conclude", array_like=True, frozen=True, gc=False):
    """No observation comes any more, unless a search that is live is gone on with."""


class Advance(msgspec.Struct, tag="advance", array_like=True, frozen=True, gc=False):
    """Pass on what is ready, as long as not too much is found; of keys many at once."""

    few: bool = False
    """Also where few are ready."""


class Settle(msgspec.Struct, tag="settle", array_like=True, frozen=True, gc=False):
    """Pass on all but some, have that looked at, and send what is found to the sink."""

    remaining: int = 0
    """How many observations go on waiting, or more where it is not their turn yet."""


class Extend(msgspec.Struct, tag="extend", array_like=True, frozen=True, gc=False):
    """Take observations of your key, in time order. The answer is `Found`."""

    times: tuple[str, ...]
    adids: tuple[str, ...]
    places: tuple[int, ...]
    """Their places in the order over all keys."""
    seen: int
    """How many observations of the key came before; who was not told recovers up to there."""
    ended: int = 0
    """How many of them there were at the last `Finish`."""


class Finish(msgspec.Struct, tag="finish", array_like=True, frozen=True, gc=False):
    """No observation of your key comes any more, as it seems. The answer is `Found`."""

    place: int
    """The place that the next one of all would have."""
    seen: int
    """How many observations of the key there were, as in `Extend`."""
    ended: int = 0
    """How many of them there were at the `Finish` before."""


class Found(msgspec.Struct, tag="found", array_like=True, frozen=True, gc=False):
    """The answer to `Extend` and to `Finish`."""

    key: int
    """The number of the key."""
    places: tuple[int, ...]
    """For each interval the place of the observation that made it final."""
    intervals: tuple[Interval, ...]
    """The intervals that are final now, in time order."""
    seen: int
    """How many observations of the key there were."""
    open: int
    """How many of them a coming one may be in an interval with."""
    ids: int
    """How many different ids these have, or fewer."""


class Findings(msgspec.Struct, tag="findings", array_like=True, frozen=True, gc=False):
    """What was found, and what the state adds up to then, for comparison with a replay."""

    findings: tuple[Finding, ...]
    """In the order of the observations that made them final."""
    events: int
    """How many observations there were."""
    keys: int
    """How many keys have appeared."""
    sums: tuple[int, ...]
    """Observations not passed on yet; then over all keys, with k the key's number + 1: the
    observations, those of the window, k times each of these."""
