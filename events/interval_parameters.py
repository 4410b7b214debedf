"""What a search for intervals was asked for, as its event store keeps it."""

from __future__ import annotations

import msgspec

from events.jsonlines import Fingerprint
from events.observations import Format


class IntervalParameters(msgspec.Struct, frozen=True):
    """The settings of SPEC.md section 7, and how the observations were read."""

    threshold: int
    """In nanoseconds; an interval is shorter than that."""
    inclusive: bool
    """Whether it may be just as long, too."""
    distinct_min: int
    """How many different ids an interval has at least."""
    lateness: int | None
    """How late an observation may come, in nanoseconds; None: all are put in order first."""
    time: str
    """The name of the column of times."""
    adid: str
    """The name of the column of ids."""
    key: str | None
    """The name of the column of keys, if there is one."""
    form: Format
    """How the observations are written."""
    output: Format
    """How the intervals are written."""
    observations: Fingerprint | None
    """What the file of observations was, or None for a pipe."""

    def same_search(self, other: IntervalParameters) -> bool:
        """Tell whether both read the same observations and look for the same in them.

        A file that was a pipe is the same as none; its name does not matter.
        """
        one, two = self.observations, other.observations
        if one is None or two is None or (one.size, one.sha256) != (two.size, two.sha256):
            return False
        return msgspec.structs.replace(self, observations=two) == other
