"""The journal of observations: all of a history as growing columns, with an index by key.

It is what `events.purchases.journal` is for purchases. Keys and ids have numbers, from 0 in the
order in which they came; where there are no keys, all observations have the key "".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from events.journal.index import GROWTH, Column, Index
from events.journal.names import Names
from events.journal.timed import Place, Timed
from events.observations.observed import Coded, Observed
from events.observations.rows import Observation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from events.journal.index import Growth, Owners, Rows


class ObservationJournal(Timed):
    """All observations of a history; they are only ever appended."""

    def __init__(self, *, keyed: bool, growth: Growth = GROWTH) -> None:
        """Begin without observations; ``keyed`` says whether they have keys."""
        super().__init__(growth)
        self.keyed: Final = keyed
        """Whether they have keys."""
        self.keys: Final = Names()
        """The number of each key."""
        self.adids: Final = Names()
        """The number of each id."""
        self._keys = Column(np.int32, growth)
        self._adids = Column(np.int32, growth)
        self._index: Final = Index(self, self._pairs, growth=growth)
        # What is in order of time where that is not the order of arrival: all, and of each key.
        self._order: Rows | None = None
        self._own: dict[int, Rows] = {}

    def extend(self, observed: Observed) -> None:
        """Append observations."""
        keys = observed.coded_keys or Coded([""], np.zeros(len(observed), np.int32))
        self._adids.append(observed.coded_adids.by(self.adids))
        self._keys.append(keys.by(self.keys))
        self._extend_times(observed.ticks, observed.finer)
        self._order = None
        self._own = {}

    def _pairs(self, start: int, end: int) -> tuple[Rows, Owners]:
        return np.arange(start, end), self.key_codes[start:end]

    # Looking

    @property
    def key_codes(self) -> NDArray[np.int32]:
        """The key of each observation, by number; a view."""
        return self._keys.array

    @property
    def adid_codes(self) -> NDArray[np.int32]:
        """The id of each observation, by number; a view."""
        return self._adids.array

    def events(self, first: int, last: int) -> list[Observation]:
        """Return the observations from number ``first`` to ``last``, both included."""
        times, adids, keys = self.rows(np.arange(first - 1, last))
        return list(map(Observation, times, range(first, last + 1), adids, keys))

    def observed(self, first: int, last: int) -> Observed:
        """Return the observations after number ``first`` up to number ``last``."""
        rows = np.arange(first, max(first, last))
        adids, keys = self.adids.listed, self.keys.listed
        return Observed.of(
            first + 1,
            *self.times_of(rows),
            Coded(adids, self._adids.array[rows]).part(slice(None)),
            Coded(keys, self._keys.array[rows]).part(slice(None)) if self.keyed else None,
        )

    def rows(self, rows: Rows) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Return the times, the ids and the keys of ``rows``."""
        adids, keys = self.adids.listed, self.keys.listed
        return (
            tuple(self._times(rows, rows.tolist() if self._finer else ())),
            tuple([adids[code] for code in self._adids.array[rows].tolist()]),
            tuple([keys[code] for code in self._keys.array[rows].tolist()]),
        )

    def numbers_of(self, name: str) -> list[int]:
        """Return the numbers of the observations that have ``name`` as their id or their key."""
        adid, key = self.adids.get(name, -1), self.keys.get(name, -1)
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

    def own(self, key: int) -> Rows:
        """Return the rows of key ``key``, in order of time and number."""
        if self._first_late is None:
            return self._index.array_of(key)
        if key not in self._own:
            self._own[key] = self._sorted(self._index.array_of(key))
        return self._own[key]

    def moments(self) -> tuple[NDArray[np.int64], Rows]:
        """Return a number for each place of `in_order`, and the first place of each number.

        The numbers ascend as the times do, from 0 without a gap.
        """
        order = self.in_order()
        later = np.ones(len(order), np.bool_)
        ticks = self._ticks.array[order]
        later[1:] = ticks[1:] != ticks[:-1]
        if self._finer:
            finer = self._ranks_of_finer()[order]
            later[1:] |= finer[1:] != finer[:-1]
        return np.cumsum(later) - 1, np.flatnonzero(later)

    def times_of(self, rows: Rows) -> tuple[NDArray[np.int64], dict[int, str]]:
        """Return the times of ``rows`` as ticks, and by index the digits that these do not tell."""
        finer = self._finer and {
            index: self._finer[row] for index, row in enumerate(rows.tolist()) if row in self._finer
        }
        return self._ticks.array[rows], finer
