"""Observations whose turn has come, how many of them are passed on at once, and until when.

They are passed on in portions: so many at a time that what is found in them cannot be more
than memory holds, and no more once much was found, until that is with the sink. How many
are passed on before that next settling depends on the observations alone.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from events.observations.interval import Interval

# What is passed on at once has at most so many ids in all its windows, should each row
# make one final and bring a new id.
PORTION_IDS_MAX: Final = 1 << 22
# They are counted in so large pieces, or smaller where less may be passed on.
_COUNTED_ROWS: Final = 1 << 13

# Observations are settled in so large portions, or larger by a block: with many keys,
# each then has several in a message.
SETTLE_ROWS: Final = 1 << 17
# Or as soon as so much was found: ids, and so much besides for each interval.
FOUND_MAX: Final = 1 << 18
_INTERVAL_WEIGHT: Final = 32
# With keys where much is found in each portion, portions are made smaller, down to this.
ROWS_MIN: Final = 1 << 12


class Ready:
    """Observations whose turn has come, in order of time, as columns."""

    def __init__(self, *, keyed: bool) -> None:
        """Begin with none; ``keyed`` says whether there are keys."""
        self.times: list[str] = []
        self.adids: list[str] = []
        self.keys: list[str] | None = [] if keyed else None
        self._names: dict[str, str] = {}
        self.start = 0
        """Where in these lists the first is; what is before it was passed on."""

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.times) - self.start

    def add(self, times: Sequence[str], adids: Sequence[str], keys: Sequence[str] | None) -> None:
        """Add some behind the others."""
        self.times += times
        self.adids += adids
        if self.keys is not None and keys is not None:
            # One text of each key, not one of each row.
            self.keys += map(self._names.setdefault, keys, keys)

    def drop(self, count: int) -> None:
        """Forget the first ``count``; each is moved once at most."""
        self.start += count
        if 2 * self.start >= len(self.times):
            for column in (self.times, self.adids, self.keys):
                if column is not None:
                    del column[: self.start]
            self.start = 0

    def portion(self, width_of: Callable[[str], int]) -> int:
        """Return how many observations may be passed on at once, 1 or more if there are any.

        Args:
            width_of: gives for a key, or "" where there are none, how many different ids
                its window has at the most.

        """
        keys, rows, ids, count = self.keys, 0, 0, _COUNTED_ROWS
        of_key: Counter[str] = Counter()
        while rows < len(self):
            place = self.start + rows
            if keys is None:
                more = Counter({"": min(count, len(self) - rows)})
            else:
                more = Counter(keys[place : place + count])
            added = 0
            for key, times in more.items():
                # Each row of a key may come to be in windows with the ids of those before it.
                added += times * (width_of(key) + 2 * of_key.get(key, 0) + times)
            if ids + added <= PORTION_IDS_MAX:
                ids += added
                of_key.update(more)
                rows += more.total()
            elif rows or count == 1:
                break
            else:
                count //= 2
        return rows or min(1, len(self))


def weight_of(interval: Interval) -> int:
    """Return how much an interval is: its ids, and something besides."""
    return _INTERVAL_WEIGHT + interval.num_adid


class Pace:
    """How many observations come before the next settling, and how much was found since."""

    def __init__(self, *, keyed: bool) -> None:
        """Begin before the first settling; ``keyed`` says whether there are keys."""
        self._keyed: Final = keyed
        self.rows_max = SETTLE_ROWS
        """After how many observations the next settling is due at the latest."""
        self.weight = 0
        """How much was found since the last one."""

    @property
    def found_much(self) -> bool:
        """Whether so much was found that a settling is due."""
        return self.weight >= FOUND_MAX

    def rows_wanted(self, *, concluded: bool) -> int:
        """Return from how many that are ready on it is worth while to pass them on."""
        return self.rows_max if self._keyed and not concluded else 1

    def settle(self, rows: int) -> None:
        """Take note of a settling, before which ``rows`` observations were passed on."""
        if not self._keyed or self.weight <= FOUND_MAX:
            self.rows_max = min(SETTLE_ROWS, 2 * self.rows_max)
        else:
            self.rows_max = max(min(ROWS_MIN, SETTLE_ROWS), rows * FOUND_MAX // self.weight)
        self.weight = 0
