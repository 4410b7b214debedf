"""What the actors of intervals know of the past: where they begin, and recover from.

A run begins at the beginning. Whoever looks at a history reads its journal
(`actors.interval_recall`); a run that goes on reads what its store holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from actors.interval_gathering import Gathered
from actors.interval_portions import Pace
from events.errors import DetectorError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from actors.interval_windows import Own
    from events.interval_parameters import IntervalParameters


class KeySums(NamedTuple):
    """What one key adds to the sums of a state."""

    seen: int = 0
    """How many observations of it were passed on."""
    open: int = 0
    """How many of them a coming one may be in an interval with."""
    ids: int = 0
    """How many different ids these have, at the most."""


class Moment:
    """What the coordinator is at a moment between two events; this is the beginning."""

    def __init__(self, parameters: IntervalParameters) -> None:
        """Begin before the first observation."""
        self.gathered = Gathered(parameters)
        """The observations that were not passed on."""
        self.pace = Pace(keyed=parameters.key is not None)
        """How many observations come before the next settling."""
        self.keys = 0
        """How many keys have appeared."""
        self.finished = False
        """Whether the actors know that no observation comes any more."""

    def sums(self, number: int) -> KeySums:
        """Return what key ``number`` adds to the sums."""
        del number
        return KeySums()

    def totals(self) -> Sequence[int]:
        """Return how many intervals were found, and the sums over all keys, as in `Findings.sums`.

        The sums may be modulo 2**64.
        """
        return (0,) * 5


class Past:
    """Knows nothing, as a run that begins does."""

    def __init__(self, parameters: IntervalParameters) -> None:
        """Begin before the first observation."""
        self.parameters = parameters
        """What is looked for."""
        self.numbers: dict[str, int] = {}
        """The number of each key that is known, from 0 in order of first appearance."""
        self.names: list[str] = []
        """The keys by number. Some may not have appeared yet, as of a moment."""

    def meet(self, key: str) -> int:
        """Return the number of ``key``, which gets one when first met."""
        number = self.numbers.get(key)
        if number is None:
            number = self.numbers[key] = len(self.names)
            self.names.append(key)
        return number

    def moment(self, events: int) -> Moment:
        """Return the moment after event ``events``."""
        if events:
            raise DetectorError(f"expected to begin before event 1, found event {events}")
        return Moment(self.parameters)

    def own(self, number: int, seen: int) -> Own:
        """Return the observations of key ``number``, ``seen`` of them or more."""
        raise DetectorError(
            f"expected the {seen} observations of key {number}, found no journal of them"
        )

    def concerned(self, first: int, last: int, among: Collection[int]) -> list[int]:
        """Return who of ``among`` is another after event ``last`` than after event ``first``.

        Those of whom nobody knows are among them.
        """
        del first, last
        return list(among)
