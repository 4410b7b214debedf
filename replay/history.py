"""A history in memory: all that a store holds, with the place of each line."""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING, Final, NamedTuple

from events.errors import PositionError
from events.event import EVENT_TYPES, Event
from events.records import (
    Decision,
    Lines,
    LogEnd,
    Record,
    Rejected,
    Source,
    StateDigest,
    StreamStart,
)
from replay.collector import collector_paused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from events.store import EventStore


class Place(NamedTuple):
    """Where a line stands."""

    source: Source
    """The batch or the stream."""
    line: int
    """Its line number there, from 1."""


class Attestation(NamedTuple):
    """A recorded digest of the state, and where it stands."""

    events: int
    """How many events stand before it."""
    previous: bytes
    """The hash by which its frame refers to the frame before it."""
    digest: StateDigest
    """What was recorded."""


class History:
    """The events of a store, and what else it knows of them.

    Raises:
        StoreError: a frame holds what this program does not write.

    """

    def __init__(self, store: EventStore) -> None:
        """Read all of ``store``."""
        self.store: Final = store
        self.events: Final[list[Event]] = []
        """All events; event n has index n - 1."""
        self.recorded: Final[dict[int, Decision]] = {}
        """The decisions that the run recorded, by event number."""
        self.digests: Final[list[Attestation]] = []
        """The digests of the state that the run recorded, in order."""
        self.ends: Final[dict[Source, LogEnd]] = {}
        """The logs that were read to their end."""
        self.stream_start: int | None = None
        """How many events the past has; None where the run was stopped before its end."""
        self.rejected: Final[list[tuple[int, Rejected]]] = []
        """The rejected lines, each with the number of the event that follows it."""
        # From which event on lines are counted from which place.
        self._sources: list[tuple[int, Place]] = []
        with collector_paused():
            for previous, records in store.frames():
                for record in records:
                    if isinstance(record, EVENT_TYPES):
                        self.events.append(record)
                    else:
                        self._take(record, previous)

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.events)

    def event(self, number: int) -> Event:
        """Return event ``number``.

        Raises:
            PositionError: the history has no such event.

        """
        if not 1 <= number <= len(self.events):
            raise PositionError(f"expected an event from 1 to {len(self.events)}, found {number}")
        return self.events[number - 1]

    def place(self, number: int) -> Place:
        """Return the log and the line number of event ``number``."""
        self.event(number)
        index = bisect.bisect(self._sources, number, key=lambda source: source[0]) - 1
        first, place = self._sources[index]
        return Place(place.source, place.line + number - first)

    def judged(self, number: int) -> bool:
        """Tell whether event ``number`` is of the stream, whose purchases are judged."""
        return self.stream_start is not None and number > self.stream_start

    def lines(self) -> Iterator[tuple[Place, Event | Rejected]]:
        """Iterate over the events and rejected lines, in the order of the logs."""
        rejected = iter([*self.rejected, (len(self.events) + 2, None)])
        following, bad = next(rejected)
        for number in range(1, len(self.events) + 2):
            while bad is not None and following <= number:
                yield Place(bad.source, bad.number), bad
                following, bad = next(rejected)
            if number <= len(self.events):
                yield self.place(number), self.events[number - 1]

    def _take(self, record: Record, previous: bytes) -> None:
        following = len(self.events) + 1
        if isinstance(record, Lines):
            self._sources.append((following, Place(record.source, record.number)))
        elif isinstance(record, Rejected):
            self.rejected.append((following, record))
            self._sources.append((following, Place(record.source, record.number + 1)))
        elif isinstance(record, StreamStart):
            self.stream_start = record.events
        elif isinstance(record, LogEnd):
            self.ends[record.source] = record
        elif isinstance(record, Decision):
            self.recorded[record.number] = record
        elif isinstance(record, StateDigest):
            self.digests.append(Attestation(len(self.events), previous, record))
