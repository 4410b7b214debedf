"""A history in memory, whatever its detector: what a store holds, with the place of each line."""

from __future__ import annotations

import bisect
from abc import ABC
from collections.abc import Sequence
from itertools import count, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, Protocol, TypeVar, overload

from events.errors import PositionError, event_among
from events.journal.columns import EventColumns
from events.journal.journal import Journal
from events.logs.objects import BYTE_ORDER_MARK
from events.records.record import EventRun, Gap, Lines, LogEnd, Rejected, Source, StateDigest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from events.records.record import Record
    from events.store.store import EventStore, StoredFrame
    from events.times.timestamps import Zone

E = TypeVar("E")


class LinePlace(NamedTuple):
    """Where a line stands."""

    source: Source
    """The batch or the stream."""
    line: int
    """Its line number there, from 1."""


class LogLine(NamedTuple):
    """A line of a log that is not blank, or an empty one for one that the store does not hold."""

    place: LinePlace
    """Where it stands."""
    event: int | None
    """The number of its event, or None for the parameters and rejected lines."""
    text: bytes
    """The line, byte for byte, without its newline."""


class Attestation(NamedTuple):
    """A recorded digest of the state, and where it stands."""

    events: int
    """How many events stand before it."""
    previous: bytes
    """The hash by which its frame refers to the frame before it."""
    digest: StateDigest
    """What was recorded."""


class Happening(Protocol):
    """An event of any detector."""

    @property
    def number(self) -> int:
        """Its number, from 1."""

    @property
    def time(self) -> str:
        """When it was."""


J = TypeVar("J", bound=Journal[Any, Any])


class Events(Sequence[E]):
    """The events of a journal as objects, made when they are asked for; event n is at n - 1."""

    __slots__ = ("_at_once", "_journal")

    def __init__(self, journal: Journal[E, Any], at_once: int = 1 << 10) -> None:
        """Give the events of ``journal``, of which an iteration makes so many at once."""
        self._journal = journal
        self._at_once = at_once

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._journal)

    @overload
    def __getitem__(self, place: int) -> E: ...
    @overload
    def __getitem__(self, place: slice) -> list[E]: ...
    def __getitem__(self, place: int | slice) -> E | list[E]:
        """Return the event at ``place``, or those of a slice."""
        if isinstance(place, slice):
            places = range(*place.indices(len(self)))
            if not places:
                return []
            first, last = sorted((places[0], places[-1]))
            return self._journal.events(first + 1, last + 1)[:: places.step]
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        number = place % len(self) + 1
        return self._journal.events(number, number)[0]

    def __iter__(self) -> Iterator[E]:
        """Iterate over all of them; few are there at once."""
        for first in range(1, len(self) + 1, self._at_once):
            yield from self._journal.events(first, min(first + self._at_once - 1, len(self)))

    def __eq__(self, other: object) -> bool:
        """Tell whether ``other`` holds the same events."""
        return list(self) == list(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]


class StoredHistory(ABC, Generic[E, J]):
    """The events of a store, and what else it knows of them.

    Raises:
        StoreError: a frame holds what this program does not write.

    """

    def __init__(self, store: EventStore, journal: J) -> None:
        """Read all of ``store`` into ``journal``, which is without events."""
        self.store: Final = store
        self.journal: Final = journal
        """All events, as columns."""
        self.events: Final[Events[E]] = Events(journal)
        """All events; event n has index n - 1."""
        self.digests: Final[list[Attestation]] = []
        """The digests of the state that the run recorded, in order."""
        self.ends: Final[dict[Source, LogEnd]] = {}
        """The logs that were read to their end."""
        self.gaps: Final[list[tuple[int, Gap]]] = []
        """After which events what was lost, of a store that was saved from damage."""
        self.rejected: Final[list[tuple[int, Rejected]]] = []
        """The rejected lines, each with the number of the event that follows it."""
        # What stands between runs of lines, each with the number of the event that follows it.
        self._marks: Final[list[tuple[int, Lines | Rejected]]] = []
        # The event that stands behind the record that is read.
        self._following = 1
        self._take_frames(store.frames(), 0)

    def read_on(self) -> int:
        """Take what a run has appended to the store since the last look.

        Returns:
            How many events have come.

        Raises:
            StoreError: it is not the store that it was, or what came is damaged.

        """
        before, first = len(self), self.store.frames_count
        self._take_frames(self.store.read_on(), first)
        return len(self) - before

    @property
    def everyone(self) -> AbstractSet[str]:
        """All ids of the history, also those that have not appeared yet at some moment."""
        return self.journal.numbers.keys()

    @property
    def zone(self) -> Zone | None:
        """Whether the times have an offset and are kept in UTC; None where there are none."""
        return self.store.zone

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.journal)

    def event(self, number: int) -> E:
        """Return event ``number``.

        Raises:
            PositionError: the history has no such event.

        """
        self._check(number)
        return self.events[number - 1]

    def place(self, number: int) -> LinePlace:
        """Return the log and the number of the line on which event ``number`` begins.

        Raises:
            PositionError: the history has no such event.

        """
        self._check(number)
        following, mark = self._marks[bisect.bisect(self._marks, number, key=itemgetter(0)) - 1]
        return LinePlace(mark.source, _next_line(mark) + number - following)

    def at_line(self, source: str, line: int) -> tuple[list[int], Rejected | None]:
        """Return the events that begin on a line, and the last line of that place rejected.

        There may be several: a log that is followed may be replaced by another file.
        """
        found: list[int] = []
        refused: Rejected | None = None
        ends = [following for following, _ in self._marks[1:]] + [len(self) + 1]
        for (following, mark), end in zip(self._marks, ends, strict=False):
            if mark.source != source:
                continue
            if isinstance(mark, Rejected) and mark.number == line:
                refused = mark
            number = following + line - _next_line(mark)
            if following <= number < end:
                found.append(number)
        return found, refused

    def lines(self) -> Iterator[tuple[LinePlace, E | Rejected]]:
        """Iterate over the events and rejected lines, in the order of the logs."""
        events, number = iter(self.events), 1
        place = count(1)
        source: Source = "batch"
        for following, mark in self._marks:
            for event in islice(events, following - number):
                yield LinePlace(source, next(place)), event
            if isinstance(mark, Rejected):
                yield LinePlace(mark.source, mark.number), mark
            number, source, place = following, mark.source, count(_next_line(mark))
        for event in events:
            yield LinePlace(source, next(place)), event

    def _take_frames(self, frames: Iterable[StoredFrame], first: int) -> None:
        for number, frame in enumerate(frames, first):
            for record in frame.records:
                self._take(record, number, frame.previous)

    def _check(self, number: int) -> None:
        if not 1 <= number <= len(self):
            raise PositionError(f"expected {event_among(len(self))}, found {number}")

    def _take(self, record: Record, frame: int, previous: bytes) -> None:
        """Take a record of frame ``frame``; events and verdicts are a detector's own."""
        del frame
        if isinstance(record, EventColumns):
            self.journal.extend(record)
        elif isinstance(record, EventRun):
            self._following += record.events
        elif isinstance(record, Lines | Rejected):
            self._marks.append((self._following, record))
            if isinstance(record, Rejected):
                self.rejected.append((self._following, record))
        elif isinstance(record, LogEnd):
            self.ends[record.source] = record
        elif isinstance(record, Gap):
            self.gaps.append((self._following - 1, record))
        elif isinstance(record, StateDigest):
            self.digests.append(Attestation(len(self), previous, record))


def _next_line(mark: Lines | Rejected) -> int:
    """Return the line on which the event behind ``mark`` begins."""
    return mark.number + isinstance(mark, Rejected)


def texts_by_log(
    lines: Iterable[LogLine], sources: Iterable[Source] = ("batch", "stream")
) -> dict[Source, list[bytes]]:
    """Return what each log consists of, without newlines, given its ``lines`` in order.

    Where lines before it have come or gone, a line with a byte-order mark, which is
    passed over at the start of a log only, is still read as it was.
    """
    texts: dict[Source, list[bytes]] = {source: [] for source in sources}
    for place, _, text in lines:
        found = texts[place.source]
        moved = bool(found) == (place.line == 1)
        if not (moved and text.startswith(BYTE_ORDER_MARK)):
            found.append(text)
        elif found:
            found.append(text.removeprefix(BYTE_ORDER_MARK))
        else:
            found += [b"", text]
    return texts
