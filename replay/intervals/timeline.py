"""The timeline of a search for intervals: any moment of it, from its event store alone.

Position n is the moment after observation n, and includes the end of the observations, where
they seemed to end there. To go somewhere is to set the horizon of the actor
system, as in `replay.purchases.timeline`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from actors.intervals.messages import Conclude, Observe, Settle
from actors.intervals.recall import JournalRecovery
from actors.messages import Commit
from actors.sink import Nowhere
from events.errors import UnknownUserError, shown
from events.observations.observed import Observation
from events.store.store import EventStore
from replay.engine.detectors import check_detector
from replay.engine.stepping import Stepping
from replay.intervals.history import IntervalHistory
from replay.intervals.simulation import IntervalSimulation, KeyState

if TYPE_CHECKING:
    from pathlib import Path


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
        self.past: Final = JournalRecovery(history.journal, self.parameters, history.ended_after)
        """What actors recover from."""
        super().__init__(
            history,
            lambda queue: IntervalSimulation(self.parameters, Nowhere(), queue, past=self.past),
        )

    # Looking

    @property
    def waiting_rows(self) -> int:
        """How many observations wait until it is known that no earlier one comes."""
        return self._simulation.rows_waiting

    @property
    def keys(self) -> list[str]:
        """The keys that have appeared, in order of first appearance; "" where there are none."""
        return self._simulation.names

    def ends_at(self, number: int) -> bool:
        """Tell whether the observations seemed to end after event ``number``."""
        return self.past.ends_at(number)

    def name(self, number: int) -> str:
        """Return key ``number``, counted from 0 in order of first appearance."""
        return self.past.names[number]

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
        # To look at a key may be to activate its shard.
        with self.undisturbed():
            return self._simulation.key(number)

    def state(self) -> list[KeyState]:
        """Return the state of all keys, in order of first appearance."""
        return [self.key(key) for key in self.keys]

    # How it is done

    def _messages_of(self, number: int) -> list[Any]:
        observed = self.history.observed(number - 1, number)
        ends = [Conclude()] if self.past.ends_at(number) else []
        return [Observe(observed), *ends, Settle(), Commit()]
