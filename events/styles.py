"""How the lines of a log are written, where they differ from the canonical ones by a rule.

A style is kept once for many lines instead of each of them. Its templates are the lines
with control characters, which no JSON text holds as they are, where the values stand.
"""

from __future__ import annotations

from typing import Final

import msgspec

DATE: Final = "\x01"
"""Where the first ten characters of a canonical time stand: the date."""
CLOCK: Final = "\x02"
"""Where its other characters stand, without the space before them."""
USER: Final = "\x03"
"""Where the buyer or the first friend stands."""
OTHER: Final = "\x04"
"""Where the second friend stands."""
AMOUNT: Final = "\x05"
"""Where the amount stands, as `events.amounts.format_amount` writes it."""


class Style(msgspec.Struct, array_like=True, frozen=True):
    """The templates of a log's lines, without newlines; None for a kind that none has."""

    purchase: str | None = None
    """With `DATE`, `CLOCK`, `USER` and `AMOUNT`, each once."""
    befriend: str | None = None
    """With `DATE`, `CLOCK`, `USER` and `OTHER`, each once."""
    unfriend: str | None = None
    """With the same as ``befriend``."""
