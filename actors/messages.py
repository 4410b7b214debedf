"""The messages that every coordinator understands, whatever its detector.

outside      Horizon    to the coordinator, to move in time
outside      Commit     to the coordinator, which passes it on to the sink
"""

from __future__ import annotations

import msgspec

from events.errors import ReplayError


class UnaskedError(ReplayError):
    """A message came that nobody asked for; the detector's actors do not fit together."""

    exit_status = 1


class Horizon(msgspec.Struct, tag="horizon", array_like=True, frozen=True, gc=False):
    """Stand at this moment: the next event is the one after it.

    Users who are active hold what they hold at it; the others will when they are spoken to.
    """

    events: int
    """How many events have happened, as of which all is answered; they are in the journal."""


class Commit(msgspec.Struct, tag="commit", array_like=True, frozen=True, gc=False):
    """Record all verdicts so far, then write the flagged lines."""
