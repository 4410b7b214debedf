"""The timeline of a search for intervals: any moment of it, from its event store alone.

Position n is the moment after observation n; the last one includes the end of the
observations, where they were read to it. Going back starts from a checkpoint in memory.
"""

from __future__ import annotations

import bisect
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from actors.interval_messages import Conclude, Observe, Recollect, Resume, Settle
from actors.interval_sink import IntervalNowhere
from actors.messages import Commit
from events.errors import PositionError, UnknownUserError, shown
from events.store import EventStore
from replay.collector import collector_paused
from replay.detectors import check_detector
from replay.interval_history import IntervalHistory
from replay.interval_simulation import IntervalSimulation
from replay.stepping import Stepping

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from actors.dispatcher import DispatchedActor
    from actors.intervals import Memory
    from events.observation import Observation
    from replay.stepping import Delivered

# A checkpoint is made where a move crosses a multiple of this.
CHECKPOINT_EVENTS: Final = 10_000


class _Checkpoint(NamedTuple):
    position: int
    recollect: Recollect
    memories: tuple[Memory, ...]


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
        self._everyone = {*self.history.adids, *(self.history.keys or ())}
        self._simulation = IntervalSimulation(self.parameters, IntervalNowhere(), self._queue)
        self._checkpoints = [_Checkpoint(0, Recollect((), 0, 0, 0, (), "", ()), ())]

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
        index = bisect.bisect(self._checkpoints, position, key=lambda each: each.position)
        checkpoint = self._checkpoints[index - 1]
        if position < self.position or self.position < checkpoint.position:
            self._restore(checkpoint)
        self._forward(position)

    def next(self) -> Observation | None:
        """Take the next observation, or the rest of it, and return it; None at the end."""
        if self.position == len(self):
            return None
        if not self._finish_event():
            self._forward(self.position + 1)
        return self.history.event(self.position)

    def back(self) -> Observation | None:
        """Go back by one observation and return it, or None at the beginning.

        Inside an event it is that one.
        """
        self._finish_event()
        if self.position == 0:
            return None
        event = self.history.event(self.position)
        self.goto(self.position - 1)
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
        return self._everyone

    @property
    def waiting_rows(self) -> int:
        """How many observations wait until it is known that no earlier one comes."""
        return self._simulation.rows_waiting

    @property
    def keys(self) -> list[str]:
        """The keys that have appeared, in order of first appearance; "" where there are none."""
        return list(self._simulation.coordinator.numbers)

    def name(self, number: int) -> str:
        """Return key ``number``, counted from 0 in order of first appearance."""
        return next(islice(self._simulation.coordinator.numbers, number, None))

    def key(self, key: str) -> KeyState:
        """Return the state of ``key``.

        Raises:
            UnknownUserError: it has not appeared yet.

        """
        number = self._simulation.coordinator.numbers.get(key)
        if number is None:
            raise UnknownUserError(
                f"expected a key that has appeared by event {self.position}, found {shown(key)}"
            )
        finder = self._simulation.actor(number).finder
        memory = finder.memory()
        window = tuple(zip(memory.times, memory.adids, strict=True))
        return KeyState(number, finder.seen, memory.first, window)

    # How it is done

    def _ends_at(self, position: int) -> bool:
        return position == len(self) and self.history.end is not None

    @property
    def _coordinator(self) -> DispatchedActor:
        return self._simulation.coordinator

    def _messages_of(self, number: int) -> list[Any]:
        observed = self.history.observed(number - 1, number)
        observe = Observe(observed.number, observed.times, observed.adids, observed.keys)
        ends = [Conclude()] if self._ends_at(number) else []
        return [observe, *ends, Settle(), Commit()]

    def _forward(self, position: int) -> None:
        """Take the observations up to ``position``, with a checkpoint at each round number."""
        while self.position < position:
            milestone = (self.position // CHECKPOINT_EVENTS + 1) * CHECKPOINT_EVENTS
            end = min(position, milestone)
            with self.undisturbed(), collector_paused():
                self._simulation.observe(self.history.observed(self.position, end))
                if self._ends_at(end):
                    self._simulation.conclude()
                self._simulation.settle()
                self.position = end
                if end == milestone and not self._ends_at(end):
                    self._remember()

    def _remember(self) -> None:
        before = self._checkpoints[-1]
        if self.position <= before.position:
            return
        coordinator = self._simulation.coordinator
        sums = tuple(coordinator.sums)
        memories = tuple(
            before.memories[number]
            if number < len(before.memories) and before.recollect.sums[number] == each
            else self._simulation.actor(number).finder.memory()
            for number, each in enumerate(sums)
        )
        # Where all wait for the end, they are those of the history up to there.
        waiting = () if self.parameters.lateness is None else tuple(coordinator.waiting)
        recollect = Recollect(
            tuple(coordinator.numbers),
            coordinator.arrived,
            coordinator.passed,
            coordinator.found_count,
            waiting,
            coordinator.watermark.latest,
            sums,
        )
        self._checkpoints.append(_Checkpoint(self.position, recollect, memories))

    def _restore(self, checkpoint: _Checkpoint) -> None:
        with self.undisturbed(), collector_paused():
            self._recollect(checkpoint)

    def _recollect(self, checkpoint: _Checkpoint) -> None:
        simulation, recollect = self._simulation, checkpoint.recollect
        if self.parameters.lateness is None:
            observed = self.history.observed(0, checkpoint.position)
            keys = observed.keys or ("",) * checkpoint.position
            numbers = range(1, checkpoint.position + 1)
            rows = tuple(zip(observed.times, numbers, observed.adids, keys, strict=True))
            recollect = Recollect(recollect.keys, recollect.arrived, 0, 0, rows, "", recollect.sums)
        simulation.coordinator.actor_ref.tell(recollect)
        simulation.dispatcher.run()
        for number, memory in enumerate(checkpoint.memories):
            simulation.actor(number).actor_ref.tell(Resume(*memory))
        simulation.dispatcher.run()
        self.position = checkpoint.position
