"""Reading the lines of a log, whatever it comes from and whatever they say."""

from __future__ import annotations

from abc import abstractmethod
from itertools import chain
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple, TypeAlias

from events.closing import Closing
from events.disk import Identity
from events.errors import InputError, unreadable
from events.logs.block import Block
from events.logs.objects import BYTE_ORDER_MARK, JSON_SPACE
from events.logs.splitting import CutLine, long_line_detail
from events.logs.tap import Change
from events.records.record import Lines, LogEnd, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from events.logs.extent import Fingerprint
    from events.logs.file import Portions
    from events.logs.live import Kept
    from events.logs.parser import Parser, ParserType
    from events.logs.splitting import WholeLines
    from events.times.timestamps import Zone


class Piece(NamedTuple):
    """Some lines of a log, each with a newline, or one that is too long."""

    lines: WholeLines
    last: bool = False
    """Whether nothing comes behind them that goes on with them."""


ParseAhead: TypeAlias = "Callable[[Parser, Iterator[Piece | Change]], Iterator[Block]]"
"""Iterates over what a parser gives of some lines, and leaves it behind the last of them."""


class LogReader(Closing):
    """A log that is read once, from its start or behind the lines that were read before.

    What its lines say is up to the parser.

    Raises:
        InputError: it cannot be read; also while iterating.

    """

    live: ClassVar[bool]
    """Whether it is read while it is written."""

    def __init__(self, path: Path, source: Source, parser: ParserType, portions: Portions) -> None:
        """Read the log at ``path``, which is the ``source`` of its lines."""
        self.portions: Final = portions
        """How it is read."""
        self.path: Final = path
        self.source: Final = source
        self.lines_read = 0
        self.zone: Zone | None = None
        """Whether the times have an offset; None where nothing has decided that yet."""
        self.stopped = False
        """Whether its reading was ended before its end."""
        self.notify: Callable[[str], None] = lambda _: None
        """Is told of what happens to a log that is followed or gone on with."""
        self.advise: Callable[[str], None] = lambda _: None
        """Is told what a pipe has to begin with."""
        self.heading = ""
        """What that is besides a line, in words, if it is something."""
        self._parser_type: Final = parser
        self._ends_with_newline = True
        self._found: Iterator[Piece | Change] = self._whole_lines()
        self._pending: Piece | None = None
        # The last of the lines that were read before.
        self._behind = b""

    @property
    @abstractmethod
    def descriptor(self) -> int:
        """The file descriptor of what is read."""

    @property
    @abstractmethod
    def bytes_read(self) -> int:
        """How far it was read, in bytes as they lie on disk; 0 where nobody knows."""

    @property
    @abstractmethod
    def bytes_total(self) -> int:
        """How large it is, in bytes as they lie on disk; 0 where nobody knows."""

    @property
    @abstractmethod
    def waiting(self) -> bool:
        """Whether more can be read at once, so that nobody has to hurry with what was read."""

    @abstractmethod
    def fingerprint(self) -> Fingerprint | None:
        """Return what the file is, or None where what will come is not known.

        Raises:
            InputError: it cannot be read.

        """

    @abstractmethod
    def go_on(self, lines: int, kept: Kept) -> None:
        """Go on after the first ``lines`` lines, which have been read before: ``kept``."""

    @abstractmethod
    def _whole_lines(self) -> Iterator[Piece | Change]:
        """Iterate over what comes; the last line gets the newline that it may lack."""

    @property
    def identity(self) -> Identity:
        """Which file it is."""
        return Identity.of(self.descriptor)

    def end(self) -> LogEnd:
        """Return the record of its end, once it was read to it."""
        return LogEnd(self.source, self.lines_read, self._ends_with_newline)

    def peek_line(self) -> WholeLines | None:
        """Return the first line that is not blank, or None; of what is live it is waited for.

        Call it before `blocks`; the line stays in the log until `skip_line`.
        """
        while self._pending is None or not self._pending.lines:
            found = next(self._found, None)
            if found is None:
                return None
            if not isinstance(found, Piece):
                continue
            block, last = found
            if isinstance(block, CutLine) or not block:
                self._pending = found
                continue
            text = block.lstrip(JSON_SPACE)
            if self.lines_read == 0:
                text = text.removeprefix(BYTE_ORDER_MARK).lstrip(JSON_SPACE)
            start = block.rfind(b"\n", 0, len(block) - len(text)) + 1
            self.lines_read += block.count(b"\n", 0, start)
            self._pending = Piece(block[start:], last)
        lines = self._pending.lines
        if isinstance(lines, CutLine):
            return lines
        line = lines.partition(b"\n")[0]
        return line.removeprefix(BYTE_ORDER_MARK) if self.lines_read == 0 else line

    def skip_line(self) -> bytes:
        """Drop the line that `peek_line` returned, and return it byte for byte.

        Raises:
            InputError: it is too long for that.

        """
        assert self._pending is not None, "a line was peeked at"
        lines, last = self._pending
        if isinstance(lines, CutLine):
            raise InputError(
                f"{self.path}:{self.lines_read + 1}: {long_line_detail(lines.length, lines.most)}"
            )
        line, _, rest = lines.partition(b"\n")
        self._pending = Piece(rest, last)
        self.lines_read += 1
        return line

    def blocks(
        self, first_number: int, ahead: ParseAhead | None = None
    ) -> Generator[Block, None, None]:
        """Iterate over the log's lines, some at a time, in order.

        An empty block says that none came, or that a long line is being read over. Where the
        lines of another file begin, a record without lines says so: those that were read are
        then not taken for lines of that file, however soon the process dies.

        Args:
            first_number: the number that the first accepted event gets.
            ahead: parses the lines of a log that is not live, some blocks ahead.

        Raises:
            InputError: the log cannot be read any further.

        """
        parser = self._parser_type(self.source, first_number, self.lines_read + 1, self.zone)
        if self._behind:
            parser.behind(self._behind)
        everything = chain([self._pending] if self._pending else [], self._found)
        if ahead is not None and parser.parses_apart:
            for block in ahead(parser, everything):
                self.zone = parser.zone
                self.lines_read = parser.line_number - 1
                if block.records:
                    yield block
            return
        for found in everything:
            if isinstance(found, Piece):
                block = parser.parse(found.lines, last=found.last)
                self.zone = parser.zone
                self.lines_read = parser.line_number - 1
                if found.lines or block.records:
                    yield block
            elif found is Change.OTHER_FILE:
                self.lines_read = 0
                parser = self._parser_type(self.source, parser.next_number, 1, self.zone)
                yield Block([Lines(self.source, 1)], 0, [])
            else:
                yield Block([], 0, [])

    def _whole(self, lines: WholeLines) -> WholeLines:
        """Return the last lines of a log, with a newline, and note whether it was there."""
        if isinstance(lines, CutLine):
            self._ends_with_newline = lines.newline
            return lines
        self._ends_with_newline = not lines or lines.endswith(b"\n")
        return lines if self._ends_with_newline else lines + b"\n"

    def _unreadable(self, error: Exception) -> InputError:
        return unreadable(self.path, error, log_expected(self.source))


def log_expected(source: Source) -> str:
    """Return what is expected of a log."""
    return "readable observations" if source == "observations" else f"a readable {source} log"
