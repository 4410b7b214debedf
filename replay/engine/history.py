"""What every history says of its events, whatever its detector."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from events.store.records import Source, StateDigest


class LinePlace(NamedTuple):
    """Where a line stands."""

    source: Source
    """The batch or the stream."""
    line: int
    """Its line number there, from 1."""


class Attestation(NamedTuple):
    """A recorded digest of the state, and where it stands."""

    events: int
    """How many events stand before it."""
    previous: bytes
    """The hash by which its frame refers to the frame before it."""
    digest: StateDigest
    """What was recorded."""
