"""Turning blocks of a log's lines into columns of events and rejected lines, in general."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from io import BytesIO
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

import msgspec

from events.logs.block import Block
from events.logs.objects import BYTE_ORDER_MARK, JSON_SPACE, BadLineError, Reason
from events.logs.splitting import CutLine, long_line_detail
from events.records.record import EventRun, Lines, Record, Rejected, Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from events.journal.columns import EventColumns
    from events.logs.splitting import WholeLines
    from events.times.timestamps import Zone


class Parser(ABC):
    """Turns whole lines of a log into blocks of what the event store keeps of them."""

    parses_apart: ClassVar[bool] = False
    """Whether a block gives, but for its numbers, the same whatever came before it."""

    def __init__(
        self,
        source: Source,
        first_number: int,
        line_number: int = 1,
        zone: Zone | None = None,
    ) -> None:
        """Begin to number accepted events from ``first_number`` and lines from ``line_number``.

        All times have to be of ``zone``; where that is None the first event decides.
        """
        self.source: Final = source
        self.zone = zone
        """Whether times have an offset; None where nothing has decided that yet."""
        self.next_number = first_number
        self.line_number = line_number

    @abstractmethod
    def parse(self, data: WholeLines, *, last: bool = False) -> Block:
        """Return what stands in ``data``: a cut line, or whole ones that each end with a newline.

        None of the latter is longer than lines of the log may be.

        Args:
            data: the lines.
            last: whether nothing comes behind them, so that what is open is at its end.

        """

    def behind(self, line: bytes) -> None:  # noqa: B027  where each line is by itself, nothing is
        """Take note that ``line`` is the last that was read before, and may be gone on with."""

    def first_zone(self, data: bytes, number: int) -> Zone | None:  # noqa: ARG002
        """Return the zone that the first event of whole lines decides, or None if there is none.

        Args:
            data: the lines; the last one may lack its newline.
            number: the number of the first of them.

        """
        return None


class ParserType(Protocol):
    """Makes the parser of a log, mostly a class of such."""

    def __call__(
        self, source: Source, first_number: int, line_number: int = 1, zone: Zone | None = None
    ) -> Parser:
        """Return a parser that begins as `Parser` says."""


class LineParser(Parser):
    """Turns whole lines, each of which is an event or none, into columns and rejected lines."""

    parses_apart = True

    def parse(self, data: WholeLines, *, last: bool = False) -> Block:  # noqa: ARG002
        """Return what stands in ``data``; see `Parser.parse`."""
        if isinstance(data, CutLine):
            return self._cut(data)
        block = self._at_once(data)
        return self._one_by_one(data) if block is None else block

    def first_zone(self, data: bytes, number: int) -> Zone | None:
        """Return the zone that the first event decides; see `Parser.first_zone`."""
        for row, line in enumerate(BytesIO(data)):
            text = line.removesuffix(b"\n")
            if number + row == 1:
                text = text.removeprefix(BYTE_ORDER_MARK)
            if text.strip(JSON_SPACE):
                with suppress(BadLineError):
                    return self._read(text)[1]
        return None

    @abstractmethod
    def _read(self, line: bytes) -> tuple[Any, Zone]:
        """Return the event of a line, without a number, and the zone of its time.

        Raises:
            BadLineError: it is none.

        """

    @abstractmethod
    def _columns(self, events: list[Any]) -> EventColumns:
        """Return ``events``, whose numbers do not count, as columns."""

    def _at_once(self, data: bytes) -> Block | None:
        """Return the block of many lines that are alike, or None where a look at each is due."""
        del data
        return None

    def _one_by_one(self, data: bytes) -> Block:
        """Return the block of lines that are looked at one after the other."""
        lines = data.split(b"\n")[:-1]
        events: list[Any] = []
        between: list[tuple[int, Rejected | None]] = []
        for row, line in enumerate(lines):
            found = self._line(line, row)
            if found is None or isinstance(found, Rejected):
                between.append((row, found))
            else:
                events.append(found)
        columns = self._columns(events).numbered(self.next_number)
        return self._block(columns, between, len(lines))

    def _block(
        self, columns: EventColumns, between: Iterable[tuple[int, Rejected | None]], lines: int
    ) -> Block:
        """Return the block of accepted lines and what stands ``between`` them, by row; go on."""
        records: list[Record] = [columns] if len(columns) else []
        rejected: list[Rejected] = []
        # The row of the next record, if it is the next line.
        following, start = -1, 0
        for end, found in [*between, (lines, None)]:
            if start < end:
                if start != following:
                    records.append(Lines(self.source, self.line_number + start))
                records.append(EventRun(end - start))
                following = end
            if found is not None:
                if end != following:
                    records.append(Lines(self.source, self.line_number + end))
                records.append(found)
                rejected.append(found)
                following = end + 1
            start = end + 1
        self.line_number += lines
        self.next_number += len(columns)
        return Block(records, len(columns), rejected)

    def _cut(self, line: CutLine) -> Block:
        reason, detail = Reason.LINE_TOO_LONG, long_line_detail(line.length, line.most)
        bad = Rejected(self.source, self.line_number, reason, detail, *line[:3])
        return self._block(self._columns([]), [(0, bad)], 1)

    def _line(self, line: bytes, row: int) -> Any:
        """Return what a line is: an event, a rejected line, or None where it is blank."""
        number = self.line_number + row
        text = line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line
        if not text.strip(JSON_SPACE):
            return None
        try:
            event, self.zone = self._read(text)
        except BadLineError as error:
            return Rejected(self.source, number, error.reason, error.detail, line)
        return event if text is line else msgspec.structs.replace(event, line=line)
