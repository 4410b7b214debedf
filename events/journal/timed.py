"""What every journal is: rows, each with a time, that are only ever appended.

The number of a row is 1 for the first: in a journal it is that of the event, in a part of a history
that of one among the part's purchases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from events.journal.index import GROWTH, Column
from events.journal.ticks import time_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from events.journal.index import Growth, Rows
    from events.journal.ticks import Ticks


class Place(NamedTuple):
    """Where something stands in the order of SPEC.md section 3: by time, then by number."""

    tick: int
    """Its time, as `events.journal.ticks` counts."""
    finer: str
    """The digits of its time that ticks cannot tell."""
    number: int
    """The number of its row."""


class Timed:
    """Rows in the order in which they came, and the order of their times."""

    def __init__(self, growth: Growth = GROWTH) -> None:
        """Begin without rows."""
        self._count = 0
        self._ticks: Final = Column(np.int64, growth)
        self._finer: Final[dict[int, str]] = {}
        # The first row that is older than one before it, by number, and the latest one before.
        self._first_late: int | None = None
        self._latest = Place(-1, "", 0)

    def __len__(self) -> int:
        """Return how many rows there are."""
        return self._count

    def is_late(self, number: int) -> bool:
        """Tell whether one of the rows up to ``number`` is older than one before it."""
        return self._first_late is not None and number >= self._first_late

    def place(self, row: int) -> Place:
        """Return where ``row`` stands in the order of time and number."""
        return Place(self._ticks.array.item(row), self._finer.get(row, ""), row + 1)

    def time(self, row: int) -> str:
        """Return the time of ``row``, as text."""
        return time_of(self._ticks.array.item(row), self._finer.get(row, ""))

    def _times(self, places: slice | Rows, rows: Sequence[int]) -> list[str]:
        """Return the times of ``rows``, few of them, which ``places`` are as well."""
        ticks = self._ticks.array[places].tolist()
        if not self._finer:
            return list(map(time_of, ticks))
        return [
            time_of(tick, self._finer.get(row, "")) for tick, row in zip(ticks, rows, strict=True)
        ]

    def _extend_times(self, ticks: Ticks, finer: Mapping[int, str]) -> None:
        """Append times; the digits that ticks cannot tell are given by index."""
        first = self._count
        self._ticks.append(ticks)
        for index, digits in finer.items():
            self._finer[first + index] = digits
        self._count += len(ticks)
        self._look_for_late(first)

    def _look_for_late(self, first: int) -> None:
        """Find the first row from ``first`` on that is older than one before it."""
        if self._first_late is not None:
            return
        ticks = self._ticks.array[first:]
        in_order = ticks[0] >= self._latest.tick and bool((ticks[1:] >= ticks[:-1]).all())
        if in_order and not self._finer:
            self._latest = Place(int(ticks[-1]), "", self._count)
            return
        for row in range(first, self._count):
            place = self.place(row)
            if place < self._latest:
                self._first_late = place.number
                return
            self._latest = place

    def _sorted(self, rows: Rows) -> Rows:
        """Return ``rows``, which ascend, in the order of time and number."""
        ticks = self._ticks.array[rows]
        if not self._finer:
            return rows[np.argsort(ticks, kind="stable")]
        return rows[np.lexsort((self._ranks_of_finer()[rows], ticks))]

    def _ranks_of_finer(self) -> NDArray[np.int64]:
        """Return for each row a number that orders the digits that ticks cannot tell."""
        ranks = {text: rank for rank, text in enumerate(sorted({"", *self._finer.values()}))}
        finer = np.zeros(self._count, np.int64)
        for row, digits in self._finer.items():
            finer[row] = ranks[digits]
        return finer
