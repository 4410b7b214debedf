"""The timeline of a search for intervals: any moment of it, from its event store alone.

Position n is the moment after observation n, and includes the end of the observations, where
they seemed to end there. To go somewhere is to set the horizon of the actor
system, as in `replay.purchases.timeline`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from actors.intervals.messages import Conclude, Observe, Settle
from actors.intervals.recall import JournalRecovery
from actors.intervals.sink import IntervalNowhere
from actors.messages import Commit
from events.errors import UnknownUserError, shown
from events.observations.rows import Observation
from events.store.store import EventStore
from replay.engine.detectors import check_detector
from replay.engine.stepping import Stepping
from replay.intervals.history import IntervalHistory
from replay.intervals.simulation import IntervalSimulation

if TYPE_CHECKING:
    from pathlib import Path


class KeyState(NamedTuple):
    """One key at one moment."""

    number: int
    """Its number, from 0 in order of first appearance."""
    seen: int
    """How many observations of it were passed on."""
    first: int
    """The place among them of the first that a coming one may be in an interval with."""
    window: tuple[tuple[str, str], ...]
    """Times and ids of the observations from there on."""


class IntervalTimeline(Stepping[Observation, IntervalHistory, IntervalSimulation]):
    """A search for intervals that can be visited at any moment; the store is only read.

    Raises:
        StoreError: the store cannot be read.
        OtherDetectorError: another detector, or version, decided it.

    """

    def __init__(self, store: EventStore | str | Path) -> None:
        """Begin at position 0 of the history in ``store``."""
        opened = store if isinstance(store, EventStore) else EventStore(store)
        history = IntervalHistory(opened)
        check_detector(opened, IntervalSimulation)
        self.parameters: Final = history.parameters
        """What was looked for."""
        self._past: Final = JournalRecovery(history.journal, self.parameters, history.ended_after)
        super().__init__(
            history,
            lambda queue: IntervalSimulation(
                self.parameters, IntervalNowhere(), queue, past=self._past
            ),
        )

    # Looking

    @property
    def waiting_rows(self) -> int:
        """How many observations wait until it is known that no earlier one comes."""
        return self._simulation.rows_waiting

    @property
    def keys(self) -> list[str]:
        """The keys that have appeared, in order of first appearance; "" where there are none."""
        return self._past.names[: self._simulation.keys]

    def ends_at(self, number: int) -> bool:
        """Tell whether the observations seemed to end after event ``number``."""
        return self._past.ends_at(number)

    def name(self, number: int) -> str:
        """Return key ``number``, counted from 0 in order of first appearance."""
        return self._past.names[number]

    def key(self, key: str) -> KeyState:
        """Return the state of ``key``.

        Raises:
            UnknownUserError: it has not appeared yet.

        """
        number = self._simulation.number_of(key)
        if number is None:
            raise UnknownUserError(
                f"expected a key that has appeared by event {self.position}, found {shown(key)}"
            )
        # To look at a key may be to activate its actor.
        with self.undisturbed():
            finder = self._simulation.actor(number).finder
            memory = finder.memory()
        if self._simulation.finished:
            return KeyState(number, finder.seen, finder.seen, ())
        window = tuple(zip(memory.times, memory.adids, strict=True))
        return KeyState(number, finder.seen, memory.first, window)

    def state(self) -> list[KeyState]:
        """Return the state of all keys, in order of first appearance."""
        return [self.key(key) for key in self.keys]

    # How it is done

    def _messages_of(self, number: int) -> list[Any]:
        observed = self.history.observed(number - 1, number)
        observe = Observe(observed.number, observed.times, observed.adids, observed.keys)
        ends = [Conclude()] if self._past.ends_at(number) else []
        return [observe, *ends, Settle(), Commit()]
