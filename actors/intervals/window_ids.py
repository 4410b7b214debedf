"""The different ids of a window that slides over observations."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

# Up to so many ids are put in their places one by one.
_MOVED_FEW: Final = 8


class WindowIds:
    """The different ids of a window, counted while it slides, and put in order when asked for.

    To keep them in order takes time with each of them, however few of its rows are new:
    nothing may be spent on the ids of windows that do not qualify.
    """

    def __init__(self, start: int) -> None:
        """Begin with an empty window at ``start``."""
        # The places where ids appear first, in order, with their ids. What is before the
        # window is of no more use.
        self._firsts: list[int] = []
        self._ids: list[str] = []
        # Places where an id has come to appear first that are not in order there yet.
        self._moved: list[int] = []
        self._last: dict[str, int] = {}
        # For each row whose id comes again in the window, the next one.
        self._next: dict[int, int] = {}
        self._start = self._end = start

    def move(self, adids: list[str], start: int, end: int) -> int:
        """Let the window be ``start`` to ``end`` in ``adids``, and return how many ids it has."""
        last = self._last
        for place in range(self._end, end):
            adid = adids[place]
            before = last.get(adid)
            if before is None:
                self._firsts.append(place)
                self._ids.append(adid)
            else:
                self._next[before] = place
            last[adid] = place
        for place in range(self._start, start):
            after = self._next.pop(place, None)
            if after is None:
                del last[adids[place]]
            elif after >= start:
                self._moved.append(after)
        self._start, self._end = start, end
        return len(last)

    def ids(self, adids: list[str]) -> list[str]:
        """Return the ids of the window in the order of their first appearance."""
        start = self._start
        gone = bisect_left(self._firsts, start)
        del self._firsts[:gone], self._ids[:gone]
        moved = [place for place in self._moved if place >= start]
        self._moved.clear()
        if len(moved) <= _MOVED_FEW:
            for place in moved:
                index = bisect_left(self._firsts, place)
                self._firsts.insert(index, place)
                self._ids.insert(index, adids[place])
        else:
            # The sort finds two runs.
            self._firsts = sorted(self._firsts + sorted(moved))
            self._ids = [adids[place] for place in self._firsts]
        return self._ids
