"""Where the window of a key begins, found by looking at few of its observations.

As of a moment at which some observations of a key were passed on, in order of time, its
window begins at the first one within the threshold of the latest; what was judged ends
before the first one that is too far from the one before the window; and the window that was
judged last began at the first one within the threshold of the last one in it. So whoever
knows the times of a key, sorted, knows what an actor holds that was told all along.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from events.errors import BadValueError, shown
from events.times.instants import Span, are_in_order, instant_of, time_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# Sorts before all times, and behind all.
_BEGINNING: Final = ""
_END: Final = ":"


class Own(Protocol):
    """What is known of the observations of one key, by place in order of time."""

    first: int
    """The place of the first that is known; what is before it matters no more."""

    def time(self, place: int) -> str:
        """Return the time of the observation at ``place``."""

    def rows(self, start: int, end: int) -> tuple[Sequence[str], Sequence[str]]:
        """Return the times and the ids of those from ``start`` up to ``end``."""


class Window(NamedTuple):
    """Where the window of a key is as of a moment, as places among its observations."""

    judged: int
    """Where the window began that was judged last."""
    given: int
    """Where it ended; 0 if none was."""
    start: int
    """Where the present one begins."""


class Reach(NamedTuple):
    """How far apart the times of an interval may be."""

    threshold: int
    """In nanoseconds; they are closer than that."""
    inclusive: bool
    """Or just as far."""

    def window(self, own: Own, seen: int, ended: int = 0) -> Window:
        """Return where the window is when the first ``seen`` observations were passed on.

        When the first ``ended`` of them seemed to be all, the window of then was judged.
        """
        time, first = own.time, own.first
        start = self.first_within(time, first, seen, time(seen - 1)) if seen else 0
        given = self.first_beyond(time, start, seen, time(start - 1)) if start else 0
        given = max(given, ended)
        if not given:
            return Window(0, 0, 0)
        return Window(self.first_within(time, first, given, time(given - 1)), given, start)

    def first_within(self, time_at: Callable[[int], str], low: int, high: int, time: str) -> int:
        """Return the first place from ``low`` on, up to ``high``, that is not too far before."""
        try:
            earliest = time_text(instant_of(time) + Span(-self.threshold))
        except OverflowError:
            # Before the year 1.
            earliest = _BEGINNING
        bisect = bisect_left if self.inclusive else bisect_right
        return bisect(range(high), earliest, low, high, key=time_at)

    def first_beyond(self, time_at: Callable[[int], str], low: int, high: int, time: str) -> int:
        """Return the first place from ``low`` on, up to ``high``, that is too far behind."""
        try:
            latest = time_text(instant_of(time) + Span(self.threshold))
        except OverflowError:
            # After the year 9999.
            latest = _END
        bisect = bisect_right if self.inclusive else bisect_left
        return bisect(range(high), latest, low, high, key=time_at)


def check_order(times: Sequence[str], before: str) -> None:
    """Refuse times of which one is before the one in front of it, or before ``before``.

    Raises:
        BadValueError: one is.

    """
    if times[0] < before or not are_in_order(times):
        for time in times:
            if time < before:
                raise BadValueError(
                    f"expected times in order, found {shown(time)} after {shown(before)}"
                )
            before = time
