"""A history of purchases and friendships in memory, and the logs that it was read from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from events.errors import ParametersError
from events.journal.columns import Columns
from events.journal.journal import Journal
from events.logs.objects import BYTE_ORDER_MARK, BadLineError
from events.purchases.event import Event, line_of
from events.purchases.lines import parse_line
from events.purchases.own_lines import check_own_lines
from events.purchases.parameters import parse_parameters
from events.store.records import Decision, EventRun, Record, Rejected, Source, StreamStart
from replay.engine.history import Events, LinePlace, StoredHistory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from events.store.store import EventStore


class LogLine(NamedTuple):
    """A line of a log that is not blank, or an empty one for one that the store does not hold."""

    place: LinePlace
    """Where it stands."""
    event: int | None
    """The number of its event, or None for the parameters and rejected lines."""
    text: bytes
    """The line, byte for byte, without its newline."""


class History(StoredHistory[Event, Journal]):
    """The events of a store, and what else it knows of them.

    Raises:
        OtherKindError: it is a store of observations and intervals.
        StoreError: a frame holds what this program does not write.

    """

    def __init__(self, store: EventStore) -> None:
        """Read all of ``store``."""
        self.parameters: Final = store.parameters
        """D and T."""
        self.recorded: Final[dict[int, Decision]] = {}
        """The decisions that the run recorded, by event number."""
        self.stream_start: int | None = None
        """How many events the past has; None where the run was stopped before its end."""
        journal = Journal()
        super().__init__(store, journal, Events(journal))

    @property
    def everyone(self) -> AbstractSet[str]:
        """All users, also those who have not appeared yet at some moment."""
        return self.journal.numbers.keys()

    @property
    def past_events(self) -> int:
        """How many events are not of the stream: all of them where none has begun."""
        if self.stream_start is None:
            return len(self)
        # A store that was saved from damage may have lost events of the past.
        return min(self.stream_start, len(self))

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

    def _take(self, record: Record, frame: int, previous: bytes) -> None:
        if isinstance(record, Columns):
            self.journal.extend(record)
        elif isinstance(record, EventRun):
            self._following += record.events
        elif isinstance(record, Decision):
            self.recorded[record.number] = record
        elif isinstance(record, StreamStart):
            self.stream_start = record.events
        else:
            super()._take(record, frame, previous)


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
