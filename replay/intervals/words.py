"""A search for intervals in words: what is looked for, what was seen, what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from events.errors import counted
from events.escapes import plain
from events.times.durations import format_duration
from events.times.timestamps import in_zone
from replay.engine.console import RunWords

if TYPE_CHECKING:
    from events.observations.interval import Interval
    from events.observations.observed import Observation
    from events.observations.parameters import IntervalParameters
    from events.times.timestamps import Zone
    from replay.intervals.resume import IntervalSummary
    from replay.intervals.run import SearchInputs

_IDS_MAX: Final = 6


class IntervalWords(RunWords):
    """What a search for intervals says of itself."""

    events = "observation"
    row = "row"
    output = "intervals"

    def __init__(self, *, keyed: bool) -> None:
        """Speak of keys if there are any: ``keyed``."""
        self._keyed = keyed

    def setting(self, inputs: SearchInputs) -> list[str]:
        parameters = inputs.parameters
        texts = [setting_text(parameters), f"the observations are {parameters.form}"]
        if parameters.lateness is None:
            texts.append("they are not in order, so they are put in order first")
        return texts

    def event(self, event: Any, decision: Any) -> str:
        raise NotImplementedError("observations are not looked at one by one")

    def totals(self, summary: IntervalSummary, seconds: float) -> list[str]:
        of_keys = f", {counted(summary.keys, 'key')}" if self._keyed else ""
        return [
            f"{counted(summary.observations, 'observation')}, "
            f"{counted(summary.rejected, 'row')} rejected{of_keys}",
            f"{counted(summary.intervals, 'interval')} found, {seconds:.2f} s",
        ]

    def found_fields(self, summary: IntervalSummary) -> dict[str, int]:
        keys = {"keys": summary.keys} if self._keyed else {}
        return {**keys, "intervals": summary.intervals}

    def found(self, summary: IntervalSummary) -> int:
        return summary.intervals


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
