"""Putting late observations in order, within a stated lateness (SPEC.md section 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from events.errors import BadValueError, shown, shown_whole
from events.times.durations import format_duration
from events.times.instants import Span, are_in_order, instant_of, time_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.observations.observed import Observed


class Watermark:
    """The latest time seen, less the lateness: an observation before it comes too late."""

    def __init__(self, lateness: int) -> None:
        """Begin before the first observation; ``lateness`` is in nanoseconds, 0 or more."""
        if lateness < 0:
            raise BadValueError(f"lateness: expected 0 or more, found {shown_whole(lateness)}")
        self._lateness: Final = lateness
        self.latest = ""
        """The latest time of all."""
        self.time = ""
        """No observation before this time is in time any more; "" until there is one."""
        self.closed = ""
        """The latest time of those that came before no more seemed to come."""

    def admit(self, times: Sequence[str]) -> dict[int, str]:
        """Take times in the order of their arrival.

        Returns:
            For each that comes too late its place in ``times``, and what was expected.

        """
        late: dict[int, str] = {}
        if not times:
            return late
        if times[0] < self.latest or not are_in_order(times):
            for place, time in enumerate(times):
                if time > self.latest:
                    self._advance(time)
                elif time < self.time:
                    late[place] = self.detail(time)
        elif times[-1] > self.latest:
            self._advance(times[-1])
        return late

    def admit_all(self, observed: Observed) -> dict[int, str]:
        """Take the times of observations, as `admit` does."""
        if observed.finer or not len(observed) or not observed.in_order:
            return self.admit(observed.times)
        first, last = observed.time_at(0), observed.time_at(-1)
        return self.admit((first, last) if first >= self.latest else observed.times)

    def close(self) -> None:
        """Take note that what came so far seems to be all: nothing before that is in time."""
        self.time = self.closed = self.latest

    def detail(self, time: str) -> str:
        """Say why ``time`` comes too late."""
        if time < self.closed and self.time == self.closed:
            return (
                f"time: expected none before {shown(self.closed)}, as all was found up to "
                f"there when the observations had ended, found {shown(time)}"
            )
        within = format_duration(self._lateness)
        return f"time: expected at most {within} before {shown(self.latest)}, found {shown(time)}"

    def _advance(self, latest: str) -> None:
        self.latest = latest
        if not self._lateness:
            self.time = latest
            return
        try:
            self.time = max(time_text(instant_of(latest) + Span(-self._lateness)), self.closed)
        except OverflowError:
            # Before the year 1: nothing is late yet.
            self.time = self.closed
