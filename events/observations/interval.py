"""An interval in which several advertising ids appear (SPEC.md section 7)."""

from __future__ import annotations

from typing import final

import msgspec

from events.bounds import Count, Name


@final
class Interval(msgspec.Struct, tag="interval", array_like=True, frozen=True, gc=False):
    """The longest stretch of time around its observations that is within the threshold."""

    start_index: Count
    """The place of its first observation in time order, from 0."""
    end_index: Count
    """The place of its last observation."""
    start_time: str
    """When it begins, as `events.times.timestamps.parse_timestamp` gives it."""
    end_time: str
    """When it ends."""
    num_adid: Count
    """How many different ids appear in it."""
    adids: tuple[Name, ...]
    """These ids, in the order of their first appearance in it."""
    key: str = ""
    """Whose observations they are, where they are told apart by a key."""
