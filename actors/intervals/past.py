"""What the actors of intervals know of the past: where they begin, and recover from.

A run begins at the beginning. Whoever looks at a history reads its journal
(`actors.intervals.recall`); a run that goes on reads what its store holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from actors.intervals.finder import Held, IntervalFinder
from actors.intervals.gathering import Gathered
from events.errors import DetectorError
from events.journal.names import Names

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from numpy.typing import NDArray

    from events.observations.parameters import IntervalParameters
    from events.observations.windows import Rows

SHARDS: Final = 16
"""How many actors the keys are divided among."""


_MODULUS: Final = 1 << 64


class Totals(NamedTuple):
    """The sums over all keys, maybe modulo 2**64; with k the number of a key + 1."""

    rows: int = 0
    """The observations."""
    still_open: int = 0
    """Those of the window: what a coming one of their key may be in an interval with."""
    rows_by_key: int = 0
    """k times the observations of each key."""
    open_by_key: int = 0
    """k times those of its window."""

    def plus(self, keys: NDArray[np.int64], changes: NDArray[np.int64]) -> Totals:
        """Return them with more observations of ``keys``, which make ``changes`` in the window."""
        k = keys + 1
        more = (len(k), changes.sum(), k.sum(), (k * changes).sum())
        return Totals(*[one + int(other) for one, other in zip(self, more, strict=True)])

    def recorded(self, *, finished: bool) -> tuple[int, ...]:
        """Return them as `Findings.sums` has them; what is ``finished`` has no window."""
        found = self._replace(still_open=0, open_by_key=0) if finished else self
        return tuple([each % _MODULUS for each in found])


class CoordinatorState(NamedTuple):
    """What the coordinator is at a moment between two events."""

    gathered: Gathered
    """The observations that were not passed on."""
    keys: int
    """How many keys have appeared."""
    finished: bool
    """Whether the actors know that no observation comes any more."""
    ended: int
    """How many observations had been passed on when they were told so."""
    totals: Callable[[], Totals]
    """Gives the sums over all keys."""


class Recovery:
    """Knows nothing, as a run that begins does."""

    def __init__(
        self, parameters: IntervalParameters, adids: Names | None = None, keys: Names | None = None
    ) -> None:
        """Begin before the first observation; ids and keys may have codes already."""
        self.parameters = parameters
        """What is looked for."""
        self.adids: Final = Names() if adids is None else adids
        """The ids, and the code of each."""
        self.shards: Final = 1 if parameters.key is None else SHARDS
        """How many actors the keys are divided among."""
        self.names: list[str] = []
        """The keys by number. Some may not have appeared yet, as of a moment."""
        self.found = 0
        """How many intervals were found in it, where a run goes on."""
        self._codes: Final = Names() if keys is None else keys
        self._numbers = np.zeros(0, np.int64)

    def finder(self) -> IntervalFinder:
        """Return a finder that was told nothing."""
        parameters = self.parameters
        return IntervalFinder(
            parameters.threshold,
            inclusive=parameters.inclusive,
            distinct_min=parameters.distinct_min,
        )

    def gathered(self) -> Gathered:
        """Return what gathers observations from the first on."""
        return Gathered(self.parameters, self.adids, self._codes)

    def numbered(self, rows: Rows) -> Rows:
        """Return rows, in order of time, with the numbers of their keys.

        A key gets its number when first met, from 0 on.
        """
        if self.shards == 1:
            self.names = self.names or [""]
            return rows
        more = len(self._codes) - len(self._numbers)
        if more:
            self._numbers = np.append(self._numbers, np.full(more, -1))
        unknown = rows.keys[self._numbers[rows.keys] < 0]
        if len(unknown):
            codes, first = np.unique(unknown, return_index=True)
            for code in codes[np.argsort(first)].tolist():
                self._numbers[code] = len(self.names)
                self.names.append(self._codes.listed[code])
        return rows.with_keys(self._numbers[rows.keys])

    def number_of(self, key: str) -> int | None:
        """Return the number of ``key``, or None if nobody has met it."""
        if self.shards == 1:
            return None if key else 0
        code = self._codes.get(key)
        if code is None or code >= len(self._numbers) or self._numbers[code] < 0:
            return None
        return int(self._numbers[code])

    def moment(self, events: int) -> CoordinatorState:
        """Return the moment after event ``events``."""
        if events:
            raise DetectorError(f"expected a journal of {events} observations, found none")
        return CoordinatorState(self.gathered(), 0, False, 0, Totals)

    def own(self, shard: int, passed: int, ended: int) -> Held:
        """Return what ``shard`` holds when ``passed`` observations were passed on.

        The first ``ended`` of them seemed to be all when there were no more.
        """
        del ended
        raise DetectorError(
            f"expected the first {passed} observations for shard {shard}, found no journal of them"
        )

    def concerned(self, first: int, last: int, among: Collection[int]) -> list[int]:
        """Return who of ``among`` is another after event ``last`` than after event ``first``.

        Those of whom nobody knows are among them.
        """
        del first, last
        return list(among)
