"""What a search for intervals says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from events.errors import counted
from replay.engine.console import RunWords
from replay.intervals.words import setting_text

if TYPE_CHECKING:
    from replay.intervals.resume import IntervalSummary
    from replay.intervals.run import SearchInputs


class IntervalWords(RunWords):
    """What a search for intervals says of itself."""

    events = "observation"
    row = "row"
    output = "intervals"

    def __init__(self, *, keyed: bool) -> None:
        """Speak of keys if there are any: ``keyed``."""
        self._keyed = keyed

    def setting(self, inputs: SearchInputs) -> list[str]:
        """Return lines about what is looked for."""
        parameters = inputs.parameters
        texts = [setting_text(parameters), f"the observations are {parameters.form}"]
        if parameters.lateness is None:
            texts.append("they are not in order, so they are put in order first")
        return texts

    def event(self, event: Any, decision: Any) -> str:
        """Return nothing: observations are not looked at one by one."""
        raise NotImplementedError

    def totals(self, summary: IntervalSummary, seconds: float) -> list[str]:
        """Return lines about what was read and found."""
        of_keys = f", {counted(summary.keys, 'key')}" if self._keyed else ""
        return [
            f"{counted(summary.observations, 'observation')}, "
            f"{counted(summary.rejected, 'row')} rejected{of_keys}",
            f"{counted(summary.intervals, 'interval')} found, {seconds:.2f} s",
        ]

    def found_fields(self, summary: IntervalSummary) -> dict[str, int]:
        """Return what was found, for machines."""
        keys = {"keys": summary.keys} if self._keyed else {}
        return {**keys, "intervals": summary.intervals}

    def found(self, summary: IntervalSummary) -> int:
        """Return how many lines were written."""
        return summary.intervals
