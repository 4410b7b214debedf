"""Turning rows of observations into blocks of what the event store keeps of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import msgspec

from events.errors import InputError, shown
from events.logs.block import Block
from events.logs.objects import BYTE_ORDER_MARK, JSON_SPACE, Reason
from events.logs.parser import Parser
from events.logs.splitting import CutLine
from events.observations.csvrows import DELIMITERS, CsvRows, Dialect
from events.observations.jsonrows import JsonRows
from events.observations.rows import RejectedRow
from events.records.record import Lines, Record, Rejected, last_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from events.logs.reader import LogReader, Piece
    from events.logs.splitting import WholeLines
    from events.observations.csvrows import Heading
    from events.observations.lateness import Watermark
    from events.observations.rows import ColumnNames, ObservationBlock
    from events.records.record import Source
    from events.times.timestamps import Zone

Format: TypeAlias = Literal["csv", "jsonl"]
"""How rows are written."""
FileFormat: TypeAlias = Literal["csv", "jsonl", "parquet"]
"""What a file of observations, or of intervals, is."""

# How much of a block is looked at to find out what its first observation decides.
_LOOKED_BYTES: Final = 1 << 12


class RowFormat:
    """How the rows of one log are written; makes its parsers, a `ParserType`."""

    def __init__(
        self,
        form: Format,
        columns: ColumnNames,
        name: str,
        dialect: Dialect = Dialect(),  # noqa: B008  it never changes
    ) -> None:
        """Take the names of the columns in the file called ``name``, and how rows are written."""
        self.form: Final = form
        self.columns = columns
        """The names of the columns; once the heading was read, as they stand there."""
        self.dialect = dialect
        """How rows are written; once the heading was read, also what stands between cells."""
        self.notes: list[str] = []
        """What was found otherwise than it was asked for, in words."""
        self.exact = False
        """Whether a block tells where the next line is, if that is not behind the last row's
        first one: of a stream that is gone on with nobody finds out by reading it again."""
        self.is_array_refused = False
        """Whether a JSON array is an error: of a stream that is gone on with the end matters."""
        self.watermark: Watermark | None = None
        """What tells which observation comes too late, or None where none is late."""
        self.title = b""
        """The row of column names of CSV, byte for byte, with its newline, once it was read."""
        self._name: Final = name
        self._heading: Heading | None = None

    def __call__(
        self,
        source: Source,
        first_number: int,
        line_number: int = 1,
        zone: Zone | None = None,
    ) -> ObservationParser:
        """Return a parser; one that begins with line 1 finds the names of the columns there."""
        return ObservationParser(self, source, first_number, line_number, zone)

    def rows(self, lines_read: int = 0, zone: Zone | None = None) -> CsvRows | JsonRows:
        """Return a reader of rows behind so many lines, the names of the columns among them.

        Args:
            lines_read: how many lines.
            zone: that of all times; None where the first decides.

        """
        if self.form == "jsonl":
            return JsonRows(self.columns, lines_read, self.dialect.unit, zone)
        heading = self._heading if lines_read else None
        return CsvRows(
            self.columns, self._name, lines_read, heading, dialect=self.dialect, zone=zone
        )

    def read_heading(self, log: LogReader) -> None:
        """Read the names of the columns from the beginning of ``log``; it goes on behind them.

        Raises:
            InputError: they do not stand there.

        """
        if self.form == "jsonl":
            return
        rows = CsvRows(self.columns, self._name, dialect=self.dialect)
        while rows.heading is None:
            line = log.peek_line()
            if line is None and log.stopped:
                return
            if not rows.is_open:
                rows.lines_read = log.lines_read
            if line is None:
                rows.parse(b"", last=True)
            elif isinstance(line, CutLine):
                rows.parse(line, last=False)
            else:
                rows.parse(line + b"\n", last=False)
                self.title += line + b"\n" if line.strip() else b""
                log.skip_line()
        self._heading = found = rows.heading
        log.heading = "the row of column names and then "
        for asked, name in zip(self.columns.names(), found.columns.names(), strict=True):
            if asked != name:
                self.notes.append(f"took the column {shown(name)} for {shown(asked)}")
        if self.dialect.delimiter is None and found.delimiter != DELIMITERS[0]:
            self.notes.append(f"took {shown(found.delimiter)} for what stands between columns")
        self.columns = found.columns
        self.dialect = self.dialect._replace(delimiter=found.delimiter)

    def refuse_array(self, data: WholeLines) -> None:
        """Refuse the first lines of a log if a JSON array begins there.

        Raises:
            InputError: one does.

        """
        text = data.start if isinstance(data, CutLine) else data
        if text.removeprefix(BYTE_ORDER_MARK).lstrip(JSON_SPACE).startswith(b"["):
            raise InputError(
                f"{self._name}:1: expected JSON lines where rows are read as they come, found a "
                "JSON array; name a file, without --follow"
            )

    def times(
        self, pieces: Iterable[Piece], zone: Zone | None, *, whole: bool
    ) -> Iterable[Sequence[str]]:
        """Iterate over the times in the lines of a file from its start, some at a time.

        Args:
            pieces: the lines.
            zone: that of all times; None where nothing has decided that yet.
            whole: leave out those of rows that will be rejected, which takes twice as long.

        """
        rows = self.rows(zone=zone)
        for lines, last in pieces:
            yield (
                rows.parse(lines, last=last).observed.times
                if whole
                else rows.times(lines, last=last)
            )


class ObservationParser(Parser):
    """Turns blocks of rows into observations and rejected rows, some of which come too late."""

    def __init__(
        self,
        form: RowFormat,
        source: Source,
        first_number: int,
        line_number: int,
        zone: Zone | None,
    ) -> None:
        """Begin as every parser does; the rows are written as ``form`` says."""
        super().__init__(source, first_number, line_number, zone)
        self._form: Final = form
        self._rows: Final = form.rows(line_number - 1, zone)
        self._watermark: Final = form.watermark
        self._exact: Final = form.exact
        # Rows that begin up to this line were read before.
        self._line = line_number - 1

    def parse(self, data: WholeLines, *, last: bool = False) -> Block:
        """Return what stands in ``data``; see `Parser.parse`."""
        if self._form.is_array_refused and self.line_number == 1:
            self._form.refuse_array(data)
        rows = self._rows.parse(data, last=last)
        self.zone = self._rows.zone
        self.line_number = self._rows.lines_read + 1
        firsts = [*rows.numbers[:1], *(row.number for row in rows.rejected[:1])]
        if any(first <= self._line for first in firsts):
            rows = _after_line(rows, self._line)
        if self._watermark is not None and (late := self._watermark.admit_all(rows.observed)):
            rows = _without_late(rows, late)
        records = _records_of(rows, self.source, self.next_number)
        if self._exact and records and last_line(records, 0) < self._rows.lines_read:
            records.append(Lines(self.source, self.line_number))
        rejected = [record for record in records if isinstance(record, Rejected)]
        self.next_number += len(rows.numbers)
        return Block(records, len(rows.numbers), rejected)

    def first_zone(self, data: bytes, number: int) -> Zone | None:
        """Return the zone that the first observation decides; see `Parser.first_zone`."""
        del number
        start = 0
        while self._rows.zone is None and start < len(data):
            # Mostly it is in the first lines.
            end = data.find(b"\n", start + _LOOKED_BYTES) + 1 or len(data)
            piece = data[start:end]
            self._rows.parse(piece if piece.endswith(b"\n") else piece + b"\n", last=False)
            start = end
        return self._rows.zone

    def behind(self, line: bytes) -> None:
        """Take note that ``line`` was read before; a row that begins on it may go on."""
        if isinstance(self._rows, CsvRows):
            self._rows.behind(line)


def _after_line(block: ObservationBlock, line: int) -> ObservationBlock:
    """Return the rows of ``block`` that begin after ``line``."""
    places = [place for place, number in enumerate(block.numbers) if number > line]
    rejected = [row for row in block.rejected if row.number > line]
    return _chosen(block, places, rejected)


def _chosen(
    block: ObservationBlock, places: Sequence[int], rejected: list[RejectedRow]
) -> ObservationBlock:
    numbers = [block.numbers[place] for place in places]
    return block._replace(
        numbers=numbers, observed=block.observed.part(places, 0), rejected=rejected
    )


def _without_late(block: ObservationBlock, late: dict[int, str]) -> ObservationBlock:
    """Return ``block`` with the observations at the places of ``late`` among the rejected."""
    numbers = [block.numbers[place] for place in late]
    rows = [
        RejectedRow(number, Reason.LATE, detail, line)
        for number, detail, line in zip(
            numbers, late.values(), block.source_rows(numbers), strict=True
        )
    ]
    places = [place for place in range(len(block.numbers)) if place not in late]
    rejected = sorted([*block.rejected, *rows], key=lambda row: row.number)
    return _chosen(block, places, rejected)


def _records_of(block: ObservationBlock, source: Source, number: int) -> list[Record]:
    """Return what a store keeps of a block of ``source``; its first event has ``number``."""
    numbers, observed = block.numbers, block.observed
    if not block.rejected and numbers and numbers[-1] - numbers[0] == len(numbers) - 1:
        return [Lines(source, numbers[0]), observed.numbered(number)]
    records: list[Record] = []
    rejected = {row.number: row for row in block.rejected}
    begin = place = following = 0

    def end_run() -> None:
        nonlocal begin
        if begin < place:
            records.append(observed.part(slice(begin, place), number + begin))
            begin = place

    for line in sorted([*rejected, *numbers]):
        if line != following:
            end_run()
            records.append(Lines(source, line))
        if line in rejected:
            end_run()
            records.append(Rejected(source, *msgspec.structs.astuple(rejected[line])))
        else:
            place += 1
        following = line + 1
    end_run()
    return records
