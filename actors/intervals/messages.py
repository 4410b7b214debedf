"""The messages between the actors of the second detector; see `actors.purchases.messages`.

    outside      Observe, Conclude, Advance, Settle, Commit      to the coordinator
    outside      Horizon                                         to the coordinator
    coordinator  Extend, Finish                                  to shards
    shard        Found                                           to the coordinator
    coordinator  Findings, Commit                                to the sink

Keys are numbered from 0 in the order in which they first appear, and owned by a few shards,
each an actor: with S of them, shard s has the keys s, s + S, s + 2 S and so on, and counts them
from 0. A message for each key of a block took half of the time. The place of an observation is
its position in the order in which the coordinator passes them on, over all keys; that is the
order of time. Columns are arrays, which nobody changes.
"""

from __future__ import annotations

import msgspec

from events.observations.findings import FindingColumns
from events.observations.observed import Observed
from events.observations.windows import Ranges, Rows
from events.times.exact import Whole


class Observe(msgspec.Struct, tag="observe", array_like=True, frozen=True, gc=False):
    """Take observations, in the order of their arrival.

    They are gathered; `Advance` and `Settle` pass them on.
    """

    observed: Observed
    """The observations."""


class Conclude(msgspec.Struct, tag="conclude", array_like=True, frozen=True, gc=False):
    """No observation comes any more, unless a search that is live is gone on with."""


class Advance(msgspec.Struct, tag="advance", array_like=True, frozen=True, gc=False):
    """Pass on what is ready, as long as not too much is found; many at once."""

    few: bool = False
    """Also where few are ready."""


class Settle(msgspec.Struct, tag="settle", array_like=True, frozen=True, gc=False):
    """Pass on all but some, and send what is found in those to the sink."""

    remaining: int = 0
    """How many observations go on waiting, or more where it is not their turn yet."""


class Extend(msgspec.Struct, tag="extend", array_like=True, frozen=True, eq=False, gc=False):
    """Take observations of your keys, in time order. The answer is `Found`."""

    rows: Rows
    """The observations, with the numbers of their keys."""
    places: Whole
    """Their places in the order over all keys."""
    passed: int
    """How many of all came before, or 0 if none for the shard; who was not told recovers up to
    there."""
    ended: int = 0
    """How many of all there were at the last `Finish`."""

    def _values(self) -> tuple[object, ...]:
        return self.rows, self.places.tolist(), self.passed, self.ended

    def __eq__(self, other: object) -> bool:
        """Tell whether ``other`` is the same request."""
        return isinstance(other, Extend) and self._values() == other._values()

    def __hash__(self) -> int:
        """Return a number that the same request has, too."""
        return hash((self.rows, self.passed))


class Finish(msgspec.Struct, tag="finish", array_like=True, frozen=True, gc=False):
    """No observation of your keys comes any more, as it seems. The answer is `Found`."""

    passed: int
    """How many of all there were."""
    ended: int = 0
    """How many of them there were at the `Finish` before."""


class Found(msgspec.Struct, tag="found", array_like=True, frozen=True, eq=False, gc=False):
    """The answer to `Extend` and to `Finish`."""

    shard: int
    """Who answers."""
    ranges: Ranges
    """The intervals that are final now."""
    changes: Whole
    """For each observation how many more, or less, of its key a coming one may be in an
    interval with; none for `Finish`."""

    def _values(self) -> tuple[object, ...]:
        return self.shard, self.ranges, self.changes.tolist()

    def __eq__(self, other: object) -> bool:
        """Tell whether ``other`` is the same answer."""
        return isinstance(other, Found) and self._values() == other._values()

    def __hash__(self) -> int:
        """Return a number that the same answer has, too."""
        return hash((self.shard, self.ranges))


class Findings(msgspec.Struct, tag="findings", array_like=True, frozen=True, gc=False):
    """What was found, and what the state adds up to then, for comparison with a replay."""

    findings: FindingColumns
    """In the order of the observations that made them final."""
    events: int
    """How many observations there were."""
    keys: int
    """How many keys have appeared."""
    sums: tuple[int, ...]
    """Observations not passed on yet; then over all keys, with k the key's number + 1: the
    observations, those of the window, k times each of these."""
