"""A history in memory: all that a store holds, with the place of each line."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, overload

from events.errors import ParametersError, PositionError
from events.journal.columns import Columns
from events.journal.journal import Journal
from events.logs.block import BYTE_ORDER_MARK
from events.purchases.event import Event, line_of
from events.purchases.lines import BadLineError, parse_line
from events.purchases.own_lines import check_own_lines
from events.purchases.parameters import parse_parameters
from events.store.records import (
    Decision,
    EventRun,
    Gap,
    Lines,
    LogEnd,
    Record,
    Rejected,
    Source,
    StateDigest,
    StreamStart,
)
from replay.engine.history import Attestation, LinePlace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from events.store.store import EventStore
    from events.times.timestamps import Zone

_MADE_AT_ONCE: Final = 1 << 10


class LogLine(NamedTuple):
    """A line of a log that is not blank, or an empty one for one that the store does not hold."""

    place: LinePlace
    """Where it stands."""
    event: int | None
    """The number of its event, or None for the parameters and rejected lines."""
    text: bytes
    """The line, byte for byte, without its newline."""


class Events(Sequence[Event]):
    """The events of a journal as objects, made when they are asked for; event n is at n - 1."""

    __slots__ = ("_journal",)

    def __init__(self, journal: Journal) -> None:
        """Give the events of ``journal``."""
        self._journal = journal

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._journal)

    @overload
    def __getitem__(self, place: int) -> Event: ...
    @overload
    def __getitem__(self, place: slice) -> list[Event]: ...
    def __getitem__(self, place: int | slice) -> Event | list[Event]:
        """Return the event at ``place``, or those of a slice."""
        if isinstance(place, slice):
            places = range(*place.indices(len(self)))
            if not places:
                return []
            first, last = sorted((places[0], places[-1]))
            return self._journal.events(first + 1, last + 1)[:: places.step]
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        return self._journal.event(place % len(self) + 1)

    def __iter__(self) -> Iterator[Event]:
        """Iterate over all of them; few are there at once."""
        for first in range(1, len(self) + 1, _MADE_AT_ONCE):
            yield from self._journal.events(first, min(first + _MADE_AT_ONCE - 1, len(self)))

    def __eq__(self, other: object) -> bool:
        """Tell whether ``other`` holds the same events."""
        return list(self) == list(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]


class History:
    """The events of a store, and what else it knows of them.

    Raises:
        StoreError: a frame holds what this program does not write.

    """

    def __init__(self, store: EventStore) -> None:
        """Read all of ``store``."""
        self.store: Final = store
        self.parameters: Final = store.parameters
        """D and T."""
        self.journal: Final = Journal()
        """All events, as columns."""
        self.events: Final = Events(self.journal)
        """All events; event n has index n - 1."""
        self.recorded: Final[dict[int, Decision]] = {}
        """The decisions that the run recorded, by event number."""
        self.digests: Final[list[Attestation]] = []
        """The digests of the state that the run recorded, in order."""
        self.ends: Final[dict[Source, LogEnd]] = {}
        """The logs that were read to their end."""
        self.gaps: Final[list[tuple[int, Gap]]] = []
        """After which events what was lost, of a store that was saved from damage."""
        self.stream_start: int | None = None
        """How many events the past has; None where the run was stopped before its end."""
        self.rejected: Final[list[tuple[int, Rejected]]] = []
        """The rejected lines, each with the number of the event that follows it."""
        # From which event on lines are counted from which place.
        self._sources: list[tuple[int, LinePlace]] = []
        # The event that stands behind the record that is read.
        self._following = 1
        for frame in store.frames():
            for record in frame.records:
                if isinstance(record, Columns):
                    self.journal.extend(record)
                else:
                    self._take(record, frame.previous)

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.events)

    @property
    def zone(self) -> Zone | None:
        """Whether the times have an offset and are kept in UTC; None where there are none."""
        return self.store.zone

    @property
    def past_events(self) -> int:
        """How many events are not of the stream: all of them where none has begun."""
        if self.stream_start is None:
            return len(self)
        # A store that was saved from damage may have lost events of the past.
        return min(self.stream_start, len(self))

    def event(self, number: int) -> Event:
        """Return event ``number``.

        Raises:
            PositionError: the history has no such event.

        """
        if not 1 <= number <= len(self.events):
            raise PositionError(f"expected an event from 1 to {len(self.events)}, found {number}")
        return self.journal.event(number)

    def place(self, number: int) -> LinePlace:
        """Return the log and the line number of event ``number``."""
        self.event(number)
        index = bisect.bisect(self._sources, number, key=lambda source: source[0]) - 1
        first, place = self._sources[index]
        return LinePlace(place.source, place.line + number - first)

    def judged(self, number: int) -> bool:
        """Tell whether event ``number`` is of the stream, whose purchases are judged."""
        return self.stream_start is not None and number > self.stream_start

    @property
    def cut(self) -> list[Rejected]:
        """The lines that were too long to be kept as a whole."""
        return [rejected for _, rejected in self.rejected if rejected.is_cut]

    def refused(self, number: int) -> BadLineError | None:
        """Return why a run would reject the line of event ``number`` now, or None.

        An earlier release may have accepted what nests too deep, or is too long.
        """
        line = self.event(number).line
        if line is not None:
            try:
                parse_line(line.removeprefix(BYTE_ORDER_MARK), number, self.zone)
            except BadLineError as error:
                return error
        return None

    def refused_before(self, number: int) -> list[int]:
        """Return the events before ``number`` whose lines a run would reject now."""
        return [
            event.number
            for event in self.events[: number - 1]
            if event.line is not None and self.refused(event.number) is not None
        ]

    def lines(self) -> Iterator[tuple[LinePlace, Event | Rejected]]:
        """Iterate over the events and rejected lines, in the order of the logs."""
        sources = iter([*self._sources, (len(self.events) + 2, LinePlace("stream", 0))])
        first, place = next(sources)
        following, next_place = next(sources, (first, place))
        rejected, events = iter(self.rejected), iter(self.events)
        rejected_before, bad = next(rejected, (0, None))
        for number in range(1, len(self.events) + 2):
            while bad is not None and rejected_before <= number:
                yield LinePlace(bad.source, bad.number), bad
                rejected_before, bad = next(rejected, (0, None))
            while following <= number:
                first, place = following, next_place
                following, next_place = next(sources)
            event = next(events, None)
            if event is not None:
                yield LinePlace(place.source, place.line + number - first), event

    @property
    def parameters_line(self) -> LogLine:
        """A line that gives D and T: the batch's own one, if it does."""
        line = self.store.header.line
        try:
            given = line and parse_parameters(line.removeprefix(BYTE_ORDER_MARK), "batch")
        except ParametersError:
            given = None
        if line is not None and given == self.parameters:
            return LogLine(LinePlace("batch", 1), None, line)
        # The run was given others than stand there, or none stand there.
        text = f'{{"D":"{self.parameters.degrees}", "T":"{self.parameters.tracked}"}}'
        return LogLine(LinePlace("batch", 0), None, text.encode())

    def log_lines(self) -> Iterator[LogLine]:
        """Iterate over the lines of both logs, that of the parameters first.

        For a line that was too long to be kept an empty one comes, so that those behind it
        keep their numbers.

        Raises:
            DamagedStoreError: the line of an event is another's.

        """
        check_own_lines(self.store)
        line = self.store.header.line
        if line is not None:
            yield LogLine(LinePlace("batch", 1), None, line)
        for place, record in self.lines():
            if isinstance(record, Rejected):
                yield LogLine(place, None, b"" if record.is_cut else record.line)
            else:
                yield LogLine(place, record.number, line_of(record))

    def log_content(self, source: Source, texts: Sequence[bytes]) -> bytes:
        """Return the content of a log of the lines ``texts`` that ends as the ``source`` did."""
        end = self.ends.get(source)
        newline = b"\n" if texts and (end is None or end.newline) else b""
        return b"\n".join(texts) + newline

    def _take(self, record: Record, previous: bytes) -> None:
        following = self._following
        if isinstance(record, EventRun):
            self._following += record.events
        elif isinstance(record, Lines):
            self._sources.append((following, LinePlace(record.source, record.number)))
        elif isinstance(record, Rejected):
            self.rejected.append((following, record))
            self._sources.append((following, LinePlace(record.source, record.number + 1)))
        elif isinstance(record, StreamStart):
            self.stream_start = record.events
        elif isinstance(record, LogEnd):
            self.ends[record.source] = record
        elif isinstance(record, Decision):
            self.recorded[record.number] = record
        elif isinstance(record, Gap):
            self.gaps.append((following - 1, record))
        elif isinstance(record, StateDigest):
            self.digests.append(Attestation(len(self.events), previous, record))


def texts_by_log(lines: Iterable[LogLine]) -> dict[Source, list[bytes]]:
    """Return what each log consists of, without newlines, given its ``lines`` in order.

    Where lines before it have come or gone, a line with a byte-order mark, which is
    passed over at the start of a log only, is still read as it was.
    """
    texts: dict[Source, list[bytes]] = {"batch": [], "stream": []}
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
