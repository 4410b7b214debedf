"""What a detector does in a run, which knows the files: all that is asked of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from events.errors import InterruptedRunError
from events.records.record import EventRun, Lines, LogEnd, Rejected, Written
from replay.engine.kept_lines import KeptLines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from events.logs.block import Block
    from events.logs.live import Kept
    from events.logs.reader import LogReader, ParseAhead
    from events.records.record import Record, Source
    from events.store.header import Header
    from events.store.store import EventStore
    from events.store.writer import StoreWriter
    from replay.engine.listener import RunSummary
    from replay.engine.output import KeptOutput, Output


class Inputs(Protocol):
    """The logs of a run, open."""

    @property
    def logs(self) -> Sequence[LogReader]:
        """The logs, in the order in which they are read."""

    @property
    def live(self) -> bool:
        """Whether the last of them is read while it is written."""


class Resumed(ABC):
    """How far the history in a store has come."""

    file_frame: int | None = None
    """The number of the frame in which the lines of a live log's last file begin, from 0."""

    def __init__(self, store: EventStore, sources: Sequence[Source]) -> None:
        """Begin before the first record of ``store``, which is of the logs ``sources``."""
        self.store: Final = store
        """The store."""
        self.lines: Final = dict.fromkeys(sources, 0)
        """How many lines of each log were read."""
        self.events: Final = dict.fromkeys(sources, 0)
        """How many lines of each log were accepted."""
        self.refused: Final = dict.fromkeys(sources, 0)
        """How many lines of each log were rejected."""
        self.ended: Final[set[Source]] = set()
        """The logs that were read to their end."""
        self.rejected: Rejected | None = None
        """The first line that was rejected, if one was."""
        self.reasons: Final[Counter[str]] = Counter()
        """How many lines were rejected, by reason."""
        self.written = 0
        """How many bytes of its lines the output is known to have held."""
        self._source: Source = sources[0]

    def note(self, record: Record, frame: int) -> None:
        """Take note of a record of frame ``frame``; verdicts and digests are a detector's own."""
        if isinstance(record, Lines):
            self._source = record.source
            self._lines_at(record, frame)
        elif isinstance(record, EventRun):
            self.accept(record.events)
        elif isinstance(record, Rejected):
            self.reasons[record.reason] += 1
            self.refused[record.source] += 1
            self.rejected = self.rejected or record
            self.lines[record.source] = record.number
        elif isinstance(record, LogEnd):
            self.lines[record.source] = record.lines
            self.ended.add(record.source)
        elif isinstance(record, Written):
            self.written = record.size

    def accept(self, events: int) -> None:
        """Take note of lines that were accepted."""
        self.events[self._source] += events
        self.lines[self._source] += events

    def _lines_at(self, lines: Lines, frame: int) -> None:
        """Take note of where lines of frame ``frame`` begin."""
        source, number = lines.source, lines.number
        continued = self.lines[source] < number > 1
        if source != "batch" and not (continued and self.file_frame is not None):
            # The first lines, or a file that was followed was replaced.
            self.file_frame = frame
        self.lines[source] = number - 1

    @property
    @abstractmethod
    def finished(self) -> bool:
        """Whether nothing is left to do."""

    def line_of(self, event: Any) -> bytes:
        """Return the source line of an event, where a store keeps that."""
        raise NotImplementedError

    def count_into(self, summary: RunSummary) -> None:
        """Add what the history holds to what a run has done."""
        summary.events_before = sum(self.events.values())
        summary.accepted.update(self.events)
        summary.refused.update(self.refused)

    @abstractmethod
    def recover(self, output: Output) -> Path | None:
        """Make sure that the output holds the lines of this history; see `Output.recover`."""


class StopAskedError(InterruptedRunError):
    """Whoever asks has been told to stop; `replay.engine.run` says what was done and is kept."""


class Drive(ABC):
    """Takes what a run has read and kept; each block is in the store before it comes here."""

    output: ClassVar[str] = "the lines"
    """What it writes, in errors."""
    events: ClassVar[str] = "events"
    """What the events are called."""
    row: ClassVar[str] = "line"
    """What holds an event in a log is called."""
    title: bytes | None = None
    """The first line of an output that is empty."""

    @abstractmethod
    def header(self) -> Header:
        """Return what the history is of: its inputs, its setting and its detector."""

    @abstractmethod
    def is_finished(self, kept: EventStore) -> bool:
        """Tell whether nothing is left to do of the history in a store."""

    def check_start(  # noqa: B027  most have nothing to refuse
        self, start: int, standing: EventStore | None
    ) -> None:
        """Refuse to begin a history where its lines would stand from byte ``start`` on.

        The store is the one that stands where this one's is to be.
        """

    @abstractmethod
    def act(self, stack: ExitStack, store: StoreWriter, output: Output) -> KeptOutput:
        """Start the actors; return what they send to store and output."""

    @abstractmethod
    def resumed(self, kept: EventStore, *, acting: bool) -> Resumed:
        """Read a history; with ``acting`` the actors stand where it ends."""

    def kept(self, resumed: Resumed) -> Kept:
        """Return what was read before of a log that is live, in its last file."""
        return KeptLines(resumed.store, resumed.file_frame, resumed.line_of)

    @abstractmethod
    def go_on(self) -> None:
        """Decide what the history that was read has left undecided."""

    def ahead(self, log: LogReader) -> ParseAhead | None:  # noqa: ARG002  most parse it themselves
        """Return what parses the lines of ``log`` ahead, if somebody does."""
        return None

    def reading(self, log: LogReader, blocks: Iterator[Block]) -> Iterator[Block]:  # noqa: ARG002
        """Return the blocks of ``log`` as they are to be read."""
        return blocks

    def before(self, log: LogReader, block: Block) -> None:  # noqa: B027  most need not know
        """Take note that ``block`` is about to be kept."""

    @abstractmethod
    def take(self, log: LogReader, records: list[Record]) -> None:
        """Take what was kept of a block.

        Raises:
            InterruptedRunError: the run is to stop; nothing of the block is committed.

        """

    @abstractmethod
    def commit(self) -> None:
        """Send what was found to store and output."""

    @abstractmethod
    def abandon(self) -> None:
        """Send what was decided before an actor failed, and drop the rest."""

    @abstractmethod
    def ended(self, log: LogReader) -> None:
        """Take note that ``log`` has ended: keep that, and what comes with it."""
