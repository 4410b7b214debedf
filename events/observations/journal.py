"""The journal of observations, with an index by key; without keys all of them have the key ""."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from events.journal.index import GROWTH, Column, Index
from events.journal.journal import Journal
from events.journal.names import Names
from events.observations.observed import Coded, Observation, Observed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from events.journal.index import Growth, Owners, Rows
    from events.journal.timed import Place


class ObservationJournal(Journal[Observation, Observed]):
    """All observations of a history; they are only ever appended."""

    def __init__(self, *, keyed: bool, growth: Growth = GROWTH) -> None:
        """Begin without observations; ``keyed`` says whether they have keys."""
        super().__init__(growth)
        self.keyed: Final = keyed
        """Whether they have keys."""
        self.adids: Final = Names()
        """The number of each id."""
        self._keys: Final = Column(np.int32, growth)
        self._adids: Final = Column(np.int32, growth)
        self._index: Final = Index(self, self._pairs, growth=growth)
        # What is in order of time where that is not the order of arrival: all, and of each key.
        self._order: Rows | None = None
        self._own: dict[int, Rows] = {}

    def _columns(self, event: Observation) -> Observed:
        keys = (event.key,) if self.keyed else None
        return Observed(event.number, (event.time,), (event.adid,), keys)

    def _take(self, columns: Observed) -> None:
        keys = columns.coded_keys or Coded([""], np.zeros(len(columns), np.int32))
        numbers = self.numbers.codes(keys.names)
        self._appear_in(numbers, keys.codes)
        self._keys.append(numbers[keys.codes])
        self._adids.append(columns.coded_adids.by(self.adids))
        self._order = None
        self._own = {}

    def _pairs(self, start: int, end: int) -> tuple[Rows, Owners]:
        return np.arange(start, end), self.key_codes[start:end]

    def _whom(self, rows: slice) -> Owners:
        return self.key_codes[rows]

    def rows_of(self, key: int, number: int) -> list[int]:
        return self._index.rows_of(key, number)

    # Looking

    @property
    def key_codes(self) -> NDArray[np.int32]:
        """The key of each observation, by number; a view."""
        return self._keys.array

    @property
    def adid_codes(self) -> NDArray[np.int32]:
        """The id of each observation, by number; a view."""
        return self._adids.array

    def _made(self, places: slice | Rows, rows: Sequence[int]) -> list[Observation]:
        numbers = [row + 1 for row in rows]
        times, adids, keys = self._texts(places, rows)
        return list(map(Observation, times, numbers, adids, keys))

    def _texts(
        self, places: slice | Rows, rows: Sequence[int]
    ) -> tuple[list[str], list[str], list[str]]:
        adids, keys = self.adids.listed, self.names
        return (
            self._times(places, rows),
            [adids[code] for code in self._adids.array[places].tolist()],
            [keys[code] for code in self._keys.array[places].tolist()],
        )

    def texts(self, rows: Rows) -> tuple[list[str], list[str], list[str]]:
        """Return the times, the ids and the keys of ``rows``."""
        return self._texts(rows, rows.tolist() if self._finer else ())

    def observed(self, first: int, last: int) -> Observed:
        """Return the observations after number ``first`` up to number ``last``."""
        rows = np.arange(first, max(first, last))
        return Observed.of(
            first + 1,
            *self.times_of(rows),
            Coded(self.adids.listed, self._adids.array[rows]).part(slice(None)),
            Coded(self.names, self._keys.array[rows]).part(slice(None)) if self.keyed else None,
        )

    def numbers_of(self, name: str) -> list[int]:
        """Return the numbers of the observations that have ``name`` as their id or their key."""
        adid, key = self.adids.get(name, -1), self.numbers.get(name, -1)
        numbers: list[int] = (
            np.flatnonzero((self.adid_codes == adid) | (self.key_codes == key)) + 1
        ).tolist()
        return numbers

    # Order

    def latest(self, number: int) -> Place:
        """Return the latest place of the observations up to ``number``, of one or more."""
        if not self.is_late(number):
            return self.place(number - 1)
        ticks = self._ticks.array[:number]
        return max(map(self.place, np.flatnonzero(ticks == ticks.max()).tolist()))

    def in_order(self) -> Rows:
        """Return all rows, in order of time and number."""
        if self._order is None:
            rows = np.arange(self._count)
            self._order = self._sorted(rows) if self._first_late is not None else rows
        return self._order

    def own_in_order(self, key: int) -> Rows:
        """Return the rows of key ``key``, in order of time and number."""
        if self._first_late is None:
            return self._index.array_of(key)
        if key not in self._own:
            self._own[key] = self._sorted(self._index.array_of(key))
        return self._own[key]

    def times_of(self, rows: Rows) -> tuple[NDArray[np.int64], dict[int, str]]:
        """Return the times of ``rows`` as ticks, and by index the digits that these do not tell."""
        finer = self._finer and {
            index: self._finer[row] for index, row in enumerate(rows.tolist()) if row in self._finer
        }
        return self._ticks.array[rows], finer
