"""An interval in which several advertising ids appear (SPEC.md section 7)."""

from __future__ import annotations

from typing import Final, final

import msgspec

from events.bounds import Count, Name, Number


@final
class Interval(msgspec.Struct, tag="interval", array_like=True, frozen=True, gc=False):
    """The longest stretch of time around its observations that is within the threshold."""

    start_index: Count
    """The index of its first observation in time order, from 0."""
    end_index: Count
    """The index of its last observation."""
    start_time: str
    """The time at which it begins, ``YYYY-MM-DD HH:MM:SS`` and any fraction; of
    `replay.find_intervals` with the offset of its zone, if the times have one."""
    end_time: str
    """The time at which it ends."""
    num_adid: Count
    """The number of different ids in it."""
    adids: tuple[Name, ...]
    """These ids, in the order of their first appearance in it."""
    key: str = ""
    """The key of its observations; empty where there are no keys."""


FIELDS: Final = Interval.__struct_fields__[:-1]
"""What is said of an interval besides its key, in this order (SPEC.md section 7)."""


class Finding(msgspec.Struct, tag="finding", array_like=True, frozen=True, gc=False):
    """An interval was found."""

    number: Number
    """The number of the observation after which it was final, or of the last one of all."""
    interval: Interval
    """The interval; its indexes count the observations of its key in time order."""
