"""What the actors of intervals know of the past: where they begin, and recover from.

A run begins at the beginning. Whoever looks at a history reads its journal
(`actors.intervals.recall`); a run that goes on reads what its store holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from actors.intervals.gathering import Gathered
from actors.intervals.portions import Pace
from events.errors import DetectorError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from actors.intervals.windows import Own, Reach
    from events.observations.parameters import IntervalParameters


class KeySums(NamedTuple):
    """What one key adds to the sums of a state."""

    seen: int
    """How many observations of it were passed on."""
    open: int
    """How many of them a coming one may be in an interval with."""
    ids: int
    """How many different ids these have, at the most."""
    ended: int = 0
    """How many of it there were when no more seemed to come."""


def key_sums_of(own: Own, seen: int, ended: int, reach: Reach) -> KeySums:
    """Return what a key adds of whose observations the first ``seen`` were passed on."""
    judged, given, start = reach.window(own, seen, ended)
    _, adids = own.rows(judged, given)
    return KeySums(seen, seen - start, min(seen - start, len(set(adids)) + seen - given), ended)


class Moment(NamedTuple):
    """What the coordinator is at a moment between two events."""

    gathered: Gathered
    """The observations that were not passed on."""
    pace: Pace
    """How many observations come before the next settling."""
    keys: int
    """How many keys have appeared."""
    finished: bool
    """Whether the actors know that no observation comes any more."""
    sums: Callable[[int], KeySums]
    """Gives what a key, by number, adds to the sums."""
    totals: Callable[[], Sequence[int]]
    """Gives the sums over all keys as in `Findings.sums`, maybe modulo 2**64."""


class Recovery:
    """Knows nothing, as a run that begins does."""

    def __init__(self, parameters: IntervalParameters) -> None:
        """Begin before the first observation."""
        self.parameters = parameters
        """What is looked for."""
        self.numbers: dict[str, int] = {}
        """The number of each key that is known, from 0 in order of first appearance."""
        self.names: list[str] = []
        """The keys by number. Some may not have appeared yet, as of a moment."""
        self.found = 0
        """How many intervals were found in it, where a run goes on."""

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
            raise DetectorError(f"expected a journal of {events} observations, found none")
        gathered, pace = Gathered(self.parameters), Pace(keyed=self.parameters.key is not None)
        return Moment(gathered, pace, 0, False, lambda _: KeySums(0, 0, 0), lambda: (0,) * 4)

    def own(self, number: int, seen: int, ended: int) -> Own:
        """Return the observations of key ``number``, ``seen`` of them or more.

        Nothing came behind the first ``ended`` of them when these seemed to be all.
        """
        del ended
        raise DetectorError(
            f"expected the {seen} observations of key {number}, found no journal of them"
        )

    def concerned(self, first: int, last: int, among: Collection[int]) -> list[int]:
        """Return who of ``among`` is another after event ``last`` than after event ``first``.

        Those of whom nobody knows are among them.
        """
        del first, last
        return list(among)
