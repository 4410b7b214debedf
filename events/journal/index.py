"""What grows with a journal: arrays, and for each owner the places of its own rows in them."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sized

    from numpy.typing import DTypeLike

Rows: TypeAlias = NDArray[np.int64]
Owners: TypeAlias = NDArray[np.int32]

# An index is made anew where more than this share of it has come since. To make it takes
# 30 ns a row; to put a row into a list 300 ns.
_NEW_SHARE: Final = 8
_ROW_BITS: Final = 32
_ROW_MASK: Final = (1 << _ROW_BITS) - 1


class Growth(NamedTuple):
    """How a journal grows; what it answers does not depend on it."""

    room_min: int = 1 << 10
    """How many entries an array has room for at least."""
    listed_min: int = 1 << 12
    """How many rows that came since an index was sorted are kept in lists at least."""


GROWTH: Final = Growth()
"""How journals grow that are not told otherwise."""


class Column:
    """An array that grows at its end."""

    __slots__ = ("_room", "array")

    def __init__(self, dtype: DTypeLike, growth: Growth = GROWTH) -> None:
        self._room = np.empty(growth.room_min, dtype)
        self.array = self._room[:0]

    def __getstate__(self) -> NDArray[Any]:
        return self.array

    def __setstate__(self, array: NDArray[Any]) -> None:
        self._room = self.array = array

    def append(self, values: NDArray[Any]) -> None:
        """Put ``values`` behind what is there."""
        count = len(self.array)
        end = count + len(values)
        if end > len(self._room):
            # By half: room for twice as many would be left empty by most.
            room = np.empty(max(end, len(self._room) * 3 // 2), self._room.dtype)
            room[:count] = self.array
            self._room = room
        self._room[count:end] = values
        self.array = self._room[:end]


class Index:
    """For each owner its own rows, ascending: a sorted base, and lists of what came since.

    It is brought up to date when it is asked.
    """

    def __init__(
        self,
        journal: Sized,
        pairs: Callable[[int, int], tuple[Rows, Owners]],
        values: Callable[[Rows, Owners], Rows] | None = None,
        growth: Growth = GROWTH,
    ) -> None:
        """Begin without rows.

        Args:
            journal: has as many rows as there are to know.
            pairs: returns the rows from one up to another that are indexed, each as often as
                it has owners, and the owner of each; those of one owner ascend.
            values: returns what else there is to some rows and their owners.
            growth: how many rows are kept in lists.

        """
        self._journal: Final = journal
        self._pairs: Final = pairs
        self._values_of: Final = values
        self._listed_min: Final = growth.listed_min
        # How many rows are in the base, and how many in it or in the lists.
        self._sorted = self._seen = 0
        # Where the rows of each owner begin in the base, and one more for the end.
        self._starts = np.zeros(1, np.int64)
        self._rows = self._values = np.zeros(0, np.int64)
        self._since: dict[int, list[tuple[int, int]]] = {}

    def rows_of(self, owner: int, number: int) -> list[int]:
        """Return the rows of ``owner`` before row ``number``."""
        part = self._part(owner, number)
        rows: list[int] = self._rows[part].tolist()
        if number > self._sorted and owner in self._since:
            rows += [row for row, _ in self._since[owner] if row < number]
        return rows

    def values_of(self, owner: int, number: int) -> list[int]:
        """Return what else there is to each of the rows of ``owner`` before row ``number``."""
        part = self._part(owner, number)
        values: list[int] = self._values[part].tolist()
        if number > self._sorted and owner in self._since:
            values += [value for row, value in self._since[owner] if row < number]
        return values

    def array_of(self, owner: int) -> Rows:
        """Return all rows of ``owner``; without a copy, where none came since."""
        part = self._part(owner, len(self._journal))
        rows, since = self._rows[part], self._since.get(owner)
        return rows if since is None else np.append(rows, [row for row, _ in since])

    def _part(self, owner: int, number: int) -> slice:
        """Know all rows, and return where in the base those of ``owner`` before a row are."""
        if self._seen != len(self._journal):
            self._catch_up(len(self._journal))
        if owner + 1 >= len(self._starts):
            return slice(0)
        start, end = self._starts.item(owner), self._starts.item(owner + 1)
        if start < end and self._rows.item(end - 1) >= number:
            end = start + int(np.searchsorted(self._rows[start:end], number))
        return slice(start, end)

    def _catch_up(self, count: int) -> None:
        """Know the first ``count`` rows."""
        if count - self._sorted > max(self._listed_min, self._sorted // _NEW_SHARE):
            self._sort(*self._pairs(0, count))
            self._sorted, self._since = count, {}
        else:
            self._list(*self._pairs(self._seen, count))
        self._seen = count

    def _list(self, rows: Rows, owners: Owners) -> None:
        if not len(rows):
            return
        values: Iterable[int] = repeat(0)
        if self._values_of is not None:
            values = self._values_of(rows, owners).tolist()
        since = self._since
        for owner, row, value in zip(owners.tolist(), rows.tolist(), values, strict=False):
            since.setdefault(owner, []).append((row, value))

    def _sort(self, rows: Rows, owners: Owners) -> None:
        # Both in one number, which sorts in a tenth of the time that two keys take.
        keys = owners.astype(np.int64) << _ROW_BITS | rows
        keys.sort()
        ends = int(owners.max(initial=-1)) + 2
        self._starts = np.searchsorted(keys, np.arange(ends) << _ROW_BITS)
        owners = (keys >> _ROW_BITS).astype(np.int32)
        keys &= _ROW_MASK
        self._rows = keys
        if self._values_of is not None:
            self._values = self._values_of(keys, owners)
