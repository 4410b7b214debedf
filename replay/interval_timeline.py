"""The timeline of a search for intervals: any moment of it, from its event store alone.

Position n is the moment after observation n; the last one includes the end of the
observations, where they were read to it. To go somewhere is to set the horizon of the actor
system, as in `replay.timeline`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from actors.interval_messages import Conclude, Observe, Settle
from actors.interval_recall import JournalPast
from actors.interval_sink import IntervalNowhere
from actors.messages import Commit
from events.errors import PositionError, UnknownUserError, shown
from events.store import EventStore
from replay.detectors import check_detector
from replay.interval_history import IntervalHistory
from replay.interval_simulation import IntervalSimulation
from replay.stepping import Stepping

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from actors.dispatcher import DispatchedActor
    from events.observation import Observation
    from replay.stepping import Delivered


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


class IntervalTimeline(Stepping):
    """A search for intervals that can be visited at any moment; the store is only read.

    Raises:
        StoreError: the store cannot be read.
        OtherDetectorError: another detector, or version, decided it.

    """

    def __init__(self, store: EventStore | str | Path) -> None:
        """Begin at position 0 of the history in ``store``."""
        super().__init__()
        opened = store if isinstance(store, EventStore) else EventStore(store)
        self.history: Final = IntervalHistory(opened)
        """All that the store holds."""
        check_detector(opened, IntervalSimulation)
        self.parameters: Final = self.history.parameters
        """What was looked for."""
        ended = self.history.end is not None
        self._past: Final = JournalPast(self.history.journal, self.parameters, ended=ended)
        self._simulation = IntervalSimulation(
            self.parameters, IntervalNowhere(), self._queue, past=self._past
        )

    def __len__(self) -> int:
        """Return the number of observations."""
        return len(self.history)

    def close(self) -> None:
        """Stop all actors."""
        self._simulation.close()

    # Moving

    def goto(self, position: int) -> None:
        """Go to the moment after observation ``position``; 0 is before everything.

        Raises:
            PositionError: the history has no such moment.

        """
        if not 0 <= position <= len(self):
            raise PositionError(f"expected a position from 0 to {len(self)}, found {position}")
        self._finish_event()
        self._stand(position)

    def next(self) -> Observation | None:
        """Take the next observation, or the rest of it, and return it; None at the end."""
        if self.position == len(self):
            return None
        if not self._finish_event():
            self._stand(self.position + 1)
        return self.history.event(self.position)

    def back(self) -> Observation | None:
        """Stand before the latest observation and return it, or None at the beginning.

        Inside an event it is that one.
        """
        self._finish_event()
        if self.position == 0:
            return None
        event = self.history.event(self.position)
        self._stand(self.position - 1)
        return event

    def trace(self, number: int) -> list[Delivered]:
        """Return every message delivered for event ``number``; go to the moment after it.

        Raises:
            PositionError: the history has no such event.

        """
        self.history.event(number)
        return self._trace(number)

    # Looking

    @property
    def everyone(self) -> AbstractSet[str]:
        """All ids and keys of the history, also those that have not appeared yet."""
        return self.history.everyone

    @property
    def waiting_rows(self) -> int:
        """How many observations wait until it is known that no earlier one comes."""
        return self._simulation.rows_waiting

    @property
    def keys(self) -> list[str]:
        """The keys that have appeared, in order of first appearance; "" where there are none."""
        return self._past.names[: self._simulation.keys]

    def name(self, number: int) -> str:
        """Return key ``number``, counted from 0 in order of first appearance."""
        return self._past.names[number]

    def key(self, key: str) -> KeyState:
        """Return the state of ``key``.

        Raises:
            UnknownUserError: it has not appeared yet.

        """
        number = self._past.numbers.get(key)
        if number is None or number >= self._simulation.keys:
            raise UnknownUserError(
                f"expected a key that has appeared by event {self.position}, found {shown(key)}"
            )
        # To look at a key may be to activate its actor.
        with self.undisturbed():
            finder = self._simulation.actor(number).finder
            memory = finder.memory()
        window = tuple(zip(memory.times, memory.adids, strict=True))
        return KeyState(number, finder.seen, memory.first, window)

    # How it is done

    @property
    def _coordinator(self) -> DispatchedActor:
        return self._simulation.coordinator

    def _messages_of(self, number: int) -> list[Any]:
        observed = self.history.observed(number - 1, number)
        observe = Observe(observed.number, observed.times, observed.adids, observed.keys)
        ends = [Conclude()] if self._past.ends_at(number) else []
        return [observe, *ends, Settle(), Commit()]

    def _stand(self, position: int) -> None:
        with self.undisturbed():
            self._simulation.goto(position)
            self.position = position
