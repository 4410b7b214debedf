"""Gathering observations until their turn has come, and they are passed on.

What was passed on are always the first ones in the order of time, of one time the lower
number first: what is late may not be earlier than what had its turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from events.observations.windows import Rows, no_rows, together
from events.times.exact import ExactTimes, apart_at_most, joined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from events.journal.names import Names
    from events.observations.observed import Observed
    from events.observations.parameters import IntervalParameters

# Less than this from a time of 64 bits is one of 64 bits, too.
_SAFE: Final = 2**61


class Gathered:
    """The observations that were not passed on yet, and how many were."""

    def __init__(self, parameters: IntervalParameters, adids: Names, keys: Names) -> None:
        """Begin before the first observation; ids and keys have the codes of these."""
        self._lateness: Final = parameters.lateness
        self._adids: Final = adids
        self._keys: Final = keys
        # Those whose turn has come, and after which observation it had where that is not its own.
        self._ready: list[Rows] = []
        self._turns = np.zeros(0, np.int64)
        self.ready = 0
        """How many have had their turn."""
        # The others, and their numbers: in order, but for those that wait for the end.
        self._waiting: list[Rows] = []
        self._numbers: list[NDArray[np.int64]] = []
        # The latest time of all; and of those that came before no more seemed to come.
        self._latest: ExactTimes | None = None
        self._closed: ExactTimes | None = None
        self.arrived = 0
        """How many observations there were."""
        self.passed = 0
        """How many of them were passed on."""
        self.concluded = False
        """Whether no observation comes any more, as it seems."""

    @property
    def rows_waiting(self) -> int:
        """How many observations were not passed on yet."""
        return self.arrived - self.passed

    def observe(self, observed: Observed) -> None:
        """Take observations."""
        count = len(observed)
        self.arrived += count
        self.concluded = False
        keys = observed.coded_keys
        rows = Rows(
            np.zeros(count, np.int64) if keys is None else keys.by(self._keys).astype(np.int64),
            ExactTimes.of(observed.ticks, observed.finer),
            observed.coded_adids.by(self._adids),
        )
        if self._lateness == 0:
            self._ready.append(rows)
            self.ready += count
            return
        self._waiting.append(rows)
        self._numbers.append(np.arange(observed.number, observed.number + count))
        if self._lateness is not None:
            self._release(rows.times, observed.number)

    def _release(self, times: ExactTimes, number: int) -> None:
        """Find out whose turn has come with observations from ``number`` on."""
        waiting, numbers = self._in_order()
        before = [] if self._latest is None else [self._latest]
        seen = joined([*before, times])
        seen = seen.with_places(max(waiting.times.places, seen.places))
        latest = np.maximum.accumulate(seen.values)[len(before) :]
        self._latest = ExactTimes(latest[-1:], seen.places)
        # As far apart as that, or farther.
        lateness = apart_at_most(self._lateness or 0, seen.places, inclusive=False) + 1
        if lateness >= _SAFE:
            latest = latest.astype(object)
        limits = latest - lateness
        if self._closed is not None:
            limits = np.maximum(limits, self._closed.with_places(seen.places).values)
        own = waiting.times.with_places(seen.places).values
        turns = np.maximum(number + np.searchsorted(limits, own), numbers)
        count = int(np.searchsorted(own, limits[-1], side="right"))
        self._turns = np.append(self._turns, turns[:count])
        self._have_turn(waiting, numbers, count)

    def conclude(self) -> None:
        """Take note that no observation comes any more, or none before the latest."""
        self.concluded = True
        self._closed = self._latest
        waiting, numbers = self._in_order()
        if len(waiting):
            self._turns = np.append(self._turns, np.full(len(waiting), self.arrived))
            self._have_turn(waiting, numbers, len(waiting))

    def _in_order(self) -> tuple[Rows, NDArray[np.int64]]:
        """Return those that wait; of one time the lower number comes first."""
        if not self._waiting:
            return no_rows(), np.zeros(0, np.int64)
        # Those of before are in order, and have lower numbers.
        rows, numbers = together(self._waiting), np.concatenate(self._numbers)
        order = np.argsort(rows.times.values, kind="stable")
        return rows.taken(order), numbers[order]

    def _have_turn(self, rows: Rows, numbers: NDArray[np.int64], count: int) -> None:
        """Take note that the turn of the first ``count`` rows has come, of all that wait."""
        self._ready.append(rows.taken(slice(count)))
        self.ready += count
        self._waiting, self._numbers = [rows.taken(slice(count, None))], [numbers[count:]]

    def stand(
        self, passed: int, rows: Rows, numbers: NDArray[np.int64], *, concluded: bool
    ) -> None:
        """Begin where so many were passed on as had their turn.

        Args:
            passed: how many were passed on.
            rows: the others, in order.
            numbers: their numbers.
            concluded: whether no more seemed to come.

        """
        self.arrived, self.passed = passed + len(rows), passed
        self._waiting, self._numbers = [rows], [numbers]
        self.concluded = concluded

    def limit(self, latest: ExactTimes | None, closed: ExactTimes | None) -> None:
        """Go on where these were the latest time, and that before no more seemed to come."""
        self._latest, self._closed = latest, closed

    def take(self, count: int) -> tuple[Rows, NDArray[np.int64]]:
        """Pass on the first ``count`` of those that are ready.

        Returns:
            The observations, and after which observation each had its turn.

        """
        rows = together(self._ready) if self._ready else no_rows()
        self._ready = [rows.taken(slice(count, None))] if count < len(rows) else []
        self.ready -= count
        turns = self._turns[:count]
        if self._lateness == 0:
            turns = np.arange(self.passed + 1, self.passed + count + 1)
        self._turns = self._turns[count:]
        self.passed += count
        return rows.taken(slice(count)), turns
