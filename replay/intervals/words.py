"""A search for intervals in words: what is looked for, what was seen, what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from events.errors import counted
from events.escapes import plain
from events.times.durations import format_duration
from events.times.timestamps import in_zone

if TYPE_CHECKING:
    from events.observations.interval import Interval
    from events.observations.observed import Observation
    from events.observations.parameters import IntervalParameters
    from events.times.timestamps import Zone

_IDS_MAX: Final = 6


def setting_text(parameters: IntervalParameters) -> str:
    """Return one line about what was looked for."""
    sign = "<=" if parameters.inclusive else "<"
    late = parameters.lateness
    how = "put in order first" if late is None else f"lateness {format_duration(late)}"
    by = "" if parameters.key is None else f", by {plain(parameters.key)}"
    return (
        f"intervals {sign} {format_duration(parameters.threshold)} with "
        f"{parameters.distinct_min} ids or more{by}, {how}"
    )


def observation_text(observation: Observation) -> str:
    """Return one line about an observation."""
    at = f" at {plain(observation.key)}" if observation.key else ""
    return f"{plain(observation.adid)} seen{at}"


def waiting_text(count: int) -> str:
    """Return how many observations wait, in words."""
    verb = "waits for its turn" if count == 1 else "wait for theirs"
    return f"{counted(count, 'observation')} {verb}"


def ids_text(interval: Interval) -> str:
    """Return the ids of an interval, or how many more there are than the first few."""
    rest = interval.num_adid - _IDS_MAX
    ids = ", ".join(map(plain, interval.adids[:_IDS_MAX]))
    return f"{ids}{f' and {rest} more' if rest > 0 else ''}"


def span_text(interval: Interval, zone: Zone | None) -> str:
    """Return from when to when an interval is."""
    return f"{in_zone(interval.start_time, zone)} to {in_zone(interval.end_time, zone)}"


def interval_text(interval: Interval, zone: Zone | None) -> str:
    """Return one line about an interval of a history with times of ``zone``."""
    at = f" at {plain(interval.key)}" if interval.key else ""
    return (
        f"{span_text(interval, zone)}, observations {interval.start_index} to "
        f"{interval.end_index}{at}: {counted(interval.num_adid, 'id')}: "
        f"{ids_text(interval)}"
    )
