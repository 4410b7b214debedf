"""Which detector decided a history, as its store names it."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from events.errors import shown

HASHED: Final = "sha256:"
"""What the version of a detector begins with that is the hash of its source."""

_SHOWN_MAX: Final = len(HASHED) + 12

_Text = Annotated[str, msgspec.Meta(min_length=1)]


class DetectorVersion(msgspec.Struct, frozen=True):
    """A detector by its name and a version that changes with its rule.

    Nothing is ever imported because a store names it: both are compared, and shown.
    """

    name: _Text
    """What the detector calls itself."""
    version: _Text
    """A number or text that it declares, or `HASHED` and the hash of its source in hex."""

    def __str__(self) -> str:
        """Return both for a person: in ASCII, of a hash the first 12 digits."""
        version = self.version
        if version.startswith(HASHED):
            version = version[:_SHOWN_MAX]
        return f"{shown(self.name)} (version {shown(version)[1:-1]})"


PURCHASES: Final = DetectorVersion("purchases", "1")
"""What decided a store of purchases that names no detector."""
INTERVALS: Final = DetectorVersion("intervals", "1")
"""What decided a store of intervals that names no detector."""
