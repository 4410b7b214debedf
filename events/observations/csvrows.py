"""Observations as CSV: a row of column names, then a row for each observation.

Fields may stand in double quotes and then hold commas, newlines and doubled quotes.
"""

from __future__ import annotations

import csv
import io
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from events.errors import InputError, shown
from events.logs.objects import BadLineError, Reason
from events.logs.splitting import LINE_BYTES_BOUND, CutLine
from events.observations.bytewise import cells_of, first_cells
from events.observations.rows import (
    BlockBuilder,
    ColumnNames,
    ObservationBlock,
    checked_id,
    checked_time,
    column_of,
    observed_at_once,
    observed_in_cells,
    order_told_by,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from events.logs.splitting import WholeLines
    from events.observations.observed import Observed
    from events.times.epoch import TimeUnit
    from events.times.timestamps import Timestamp, Zone

# A row over several lines that is longer has lost a closing quote.
ROW_BYTES_MAX: Final = 1 << 16
# What stands for a byte that is not UTF-8, one character a byte, until it is reported.
_ESCAPED: Final = "surrogateescape"
# What the csv module says of a row whose quotes are still open.
_UNCLOSED: Final = "unexpected end of data"


# What has to stand in quotes, or another reader would end a cell or a row there, or pass it
# over at the start of a file. The csv module decides about line breaks as its version and
# its settings are: with newlines only, Python 3.11 writes a carriage return as it is.
_SPECIAL: Final = re.compile('[,"\r\n\ufeff]')


def csv_line(cells: Iterable[object], special: re.Pattern[str] = _SPECIAL) -> bytes:
    """Return ``cells`` as a row of CSV without a newline, which reads back as it was.

    Args:
        cells: their texts may hold any characters.
        special: which of them make a cell be quoted.

    """
    texts = map(str, cells)
    quoted = (
        '"' + text.replace('"', '""') + '"' if special.search(text) else text for text in texts
    )
    return ",".join(quoted).encode()


DELIMITER: Final = r"[\t !#-/:-@\[-`{-~]"
"""What may stand between cells, as a regular expression: ASCII, but no letter, digit or quote."""
DELIMITERS: Final = (",", "\t", ";", "|")
"""What may stand between cells without being named: what the heading has."""


class Heading(NamedTuple):
    """What the row of column names tells."""

    width: int
    """How many columns there are."""
    places: tuple[int, ...]
    """Which of them are wanted: time, id and, if there is one, key."""
    columns: ColumnNames
    """What these are called there."""
    delimiter: str
    """What stands between cells."""


class Dialect(NamedTuple):
    """How rows are written, as far as somebody has said so."""

    unit: TimeUnit | None = None
    """Of what times are numbers since 1970; None where they are texts."""
    delimiter: str | None = None
    """What stands between cells, a character of ASCII; None for one of `DELIMITERS`."""


class CsvRows:
    """Reads blocks of whole lines of CSV, the first of which has the names of the columns."""

    def __init__(
        self,
        columns: ColumnNames,
        name: str,
        lines_read: int = 0,
        heading: Heading | None = None,
        *,
        dialect: Dialect = Dialect(),  # noqa: B008  it never changes
        zone: Zone | None = None,
        row_bytes_max: int = ROW_BYTES_MAX,
    ) -> None:
        """Look for ``columns`` in the file called ``name``.

        Args:
            columns: their names.
            name: what messages call the file.
            lines_read: how many lines were read before.
            heading: the row of column names, if it is among these.
            dialect: how rows are written.
            zone: that of all times; None where the first decides.
            row_bytes_max: how long a row is at most that goes on over several lines.

        """
        self._row_bytes_max: Final = row_bytes_max
        self._columns = columns if heading is None else heading.columns
        self._name: Final = name
        self._dialect: Final = dialect
        self.heading = heading
        """The row of column names; None as long as it has not come."""
        self.zone = zone
        """Whether times have an offset; None where nothing has decided that yet."""
        # The beginning of a row whose quotes are still open.
        self._open = b""
        self.lines_read = lines_read

    @property
    def is_open(self) -> bool:
        """Whether a row is still to go on."""
        return bool(self._open)

    def behind(self, line: bytes) -> None:
        """Take note that ``line`` was the last before, on which a row may begin that goes on."""
        self._open = line
        self.lines_read -= 1

    def parse(self, data: WholeLines, *, last: bool) -> ObservationBlock:
        """Return what stands in ``data``: a cut line, or whole ones that each end with a newline.

        Args:
            data: the lines; a row may go on in the next block.
            last: whether they are the last of the file.

        Raises:
            InputError: a column is missing or stands there twice.

        """
        with _fields_of_any_length():
            return self._cut(data) if isinstance(data, CutLine) else self._parse(data, last=last)

    def _cut(self, line: CutLine) -> ObservationBlock:
        """Return a line that is too long, behind the row that would go on in it."""
        if self.heading is None:
            self.lines_read += 1
            raise self._no_header(f"a line of {line.length:,} bytes")
        block = self._parse(b"", last=True)
        self.lines_read += 1
        gathered = BlockBuilder(self._columns)
        gathered.cut(self.lines_read, line)
        rejected = [*block.rejected, *gathered.block().rejected]
        first = block.first if block.text else self.lines_read
        return block._replace(rejected=rejected, first=first)

    def _parse(self, data: bytes, *, last: bool) -> ObservationBlock:
        if self._open:
            data, self._open = self._open + data, b""
        if self.heading is not None and (block := self._plain(data, self.heading)) is not None:
            return block
        text = data.decode("utf-8", _ESCAPED)
        if self.heading is None:
            text = self._header(text, last=last)
        if self.heading is None:
            if last:
                raise self._no_header("an empty file")
            return BlockBuilder(self._columns).block()
        heading = self.heading
        return self._quoted(text, heading) or self._row_by_row(text, heading, last=last)

    def times(self, data: WholeLines, *, last: bool) -> Sequence[str]:
        """Return the times in ``data``; not all canonical, and also those of bad rows."""
        heading, unit = self.heading, self._dialect.unit
        if heading is not None and isinstance(data, bytes) and not self._open and _is_plain(data):
            width, (place, *_), _, delimiter = heading
            cells = first_cells(data, delimiter) if place == 0 and unit is None else None
            if cells is None and (found := cells_of(data, width, (place,), delimiter)):
                (cells,) = found
            if cells is not None and (told := order_told_by(cells, unit)) is not None:
                return told
        return self.parse(data, last=last).observed.times

    def _no_header(self, found: str) -> InputError:
        names = " and ".join(map(shown, self._columns.names()))
        return InputError(
            f"{self._name}:{max(self.lines_read, 1)}: expected a first row with the names of the "
            f"columns, {names} among them, found {found}"
        )

    def _header(self, text: str, *, last: bool) -> str:
        """Take the names of the columns from the first row, and return what follows.

        That is nothing, and they are not known, as long as the row has not come.
        """
        if self.lines_read == 0:
            text = text.removeprefix("\ufeff")
        given = self._dialect.delimiter
        rows = [_first_row(text, each) for each in ([given] if given else DELIMITERS)]
        found = [row for row in rows if self._has_columns(row.cells)]
        unclosed = not last and any(row.error == _UNCLOSED for row in rows)
        if not found and unclosed and _size([text]) <= self._row_bytes_max:
            self._open = text.encode("utf-8", _ESCAPED)
            return ""
        row = found[0] if found else max(rows, key=self._likeness)
        self.lines_read += row.lines
        if row.error:
            raise self._no_header(f"no CSV: {_reason_of(row.error)}")
        if row.cells is None:
            return ""
        self.heading = self._heading_of(row.cells, row.delimiter)
        self._columns = self.heading.columns
        return row.rest

    def _has_columns(self, cells: list[str] | None) -> bool:
        return cells is not None and all(places_of(name, cells) for name in self._columns.names())

    def _likeness(self, row: _FirstRow) -> tuple[int, int]:
        """Return how much ``row``, which lacks a column, looks like the one that was meant."""
        cells = row.cells or []
        return sum(bool(places_of(name, cells)) for name in self._columns.names()), len(cells)

    def _heading_of(self, cells: list[str], delimiter: str) -> Heading:
        places: list[int] = []
        for name in self._columns.names():
            found = places_of(name, cells)
            if len(found) != 1:
                count = "several" if found else "none"
                raise self._no_header(f"{count} called {shown(name)}: {_listed(cells)}")
            if found[0] in places:
                raise self._no_header(f"one column for two of them: {_listed(cells)}")
            places += found
        columns = ColumnNames(*(cells[place] for place in places))
        return Heading(len(cells), tuple(places), columns, delimiter)

    def _plain(self, data: bytes, heading: Heading) -> ObservationBlock | None:
        """Return a block of good rows, one line each and without quotes, or None for another."""
        given = data
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n")
        width, places, _, delimiter = heading
        cells = cells_of(data, width, places, delimiter) if _is_plain(data) else None
        observed = None if cells is None else observed_in_cells(cells, self._dialect.unit)
        return None if observed is None else self._block(observed, given)

    def _quoted(self, text: str, heading: Heading) -> ObservationBlock | None:
        """Return a block of good rows, one line each, or None for another."""
        given, text = text, text.replace("\r\n", "\n")
        cells = _quoted_cells(text, text.count("\n"), heading) if _is_utf8(text) else None
        if cells is None:
            return None
        times, *names = cells
        observed = observed_at_once(column_of(times, self._dialect.unit), *names)
        return None if observed is None else self._block(observed, given)

    def _block(self, observed: Observed, given: str | bytes) -> ObservationBlock | None:
        """Return a block of good rows, or None where a look at each has to tell which are."""
        if self.zone not in {None, observed.zone}:
            return None
        self.zone = observed.zone
        first = self.lines_read + 1
        self.lines_read += len(observed)
        numbers = range(first, first + len(observed))
        return ObservationBlock(numbers, observed, [], given, first)

    def _row_by_row(self, text: str, heading: Heading, *, last: bool) -> ObservationBlock:
        gathered = BlockBuilder(self._columns, self.zone)
        first = self.lines_read + 1
        lines = text.split("\n")
        lines = [line + "\n" for line in lines[:-1]]
        start = 0
        while start < len(lines):
            reader = csv.reader(iter(lines[start:]), strict=True, delimiter=heading.delimiter)
            begin = start
            try:
                for row in reader:
                    end = begin + reader.line_num
                    if end - start > 1 and _size(lines[start:end]) > self._row_bytes_max:
                        # Of which part is in this block does not matter.
                        self._unclosed(lines[start], "too long", gathered)
                        start += 1
                        break
                    self._row(row, lines[start:end], heading, gathered)
                    start = end
            except csv.Error as error:
                whole = begin + reader.line_num < len(lines) or last
                if not whole and _size(lines[start:]) <= self._row_bytes_max:
                    self._open = "".join(lines[start:]).encode("utf-8", _ESCAPED)
                    text = "".join(lines[:start])
                    break
                self._unclosed(lines[start], str(error), gathered)
                start += 1
        self.zone = gathered.zone
        return gathered.block(text, first)

    def _row(
        self, row: list[str], lines: list[str], heading: Heading, gathered: BlockBuilder
    ) -> None:
        if row:
            try:
                gathered.accept(self.lines_read + 1, *self._values(row, lines, heading))
            except BadLineError as error:
                self._reject(error, lines, gathered)
                return
        self.lines_read += len(lines)

    def _unclosed(self, line: str, error: str, gathered: BlockBuilder) -> None:
        """Reject the first line of a row only: what follows may well be good rows."""
        bad = BadLineError(Reason.QUOTES, _quotes_detail(line, error))
        self._reject(bad, [line], gathered)

    def _reject(self, error: BadLineError, lines: list[str], gathered: BlockBuilder) -> None:
        gathered.reject(self.lines_read + 1, error, _line_of(lines))
        self.lines_read += len(lines)

    def _values(
        self, row: list[str], lines: Sequence[str], heading: Heading
    ) -> tuple[Timestamp, str, list[str]]:
        if not _is_utf8("".join(lines)):
            line = _line_of(lines)
            try:
                line.decode()
            except UnicodeDecodeError as error:
                raise BadLineError(
                    Reason.NOT_UTF8,
                    f"expected UTF-8, found byte 0x{line[error.start]:02x} "
                    f"at column {error.start + 1}",
                ) from None
        width = heading.width
        if len(row) != width:
            raise BadLineError(Reason.COLUMNS, f"expected {width} columns, found {len(row)}")
        time, *ids = (row[place] for place in heading.places)
        names = self._columns.names()
        read = checked_time(time, names[0], self._dialect.unit)
        return read, time, list(map(checked_id, ids, names[1:]))


class _FirstRow(NamedTuple):
    """What the first row is that is not blank, with some delimiter."""

    delimiter: str
    cells: list[str] | None = None
    lines: int = 0
    rest: str = ""
    error: str = ""


def _first_row(text: str, delimiter: str) -> _FirstRow:
    lines = io.StringIO(text, newline="\n")
    reader = csv.reader(lines, strict=True, delimiter=delimiter)
    try:
        cells = next(filter(None, reader), None)
    except csv.Error as error:
        return _FirstRow(delimiter, lines=reader.line_num, error=str(error))
    return _FirstRow(delimiter, cells, reader.line_num, lines.read())


def places_of(name: str, cells: Sequence[str]) -> list[int]:
    """Return where columns of a name are: of this very one, or else written otherwise."""
    for folded in (str, _folded):
        found = [place for place, cell in enumerate(cells) if folded(cell) == folded(name)]
        if found:
            return found
    return []


def _folded(name: str) -> str:
    return name.strip().casefold()


def _listed(cells: Sequence[str]) -> str:
    return ", ".join(map(shown, cells))


def _is_plain(data: bytes) -> bool:
    """Tell whether there are rows, and each line is one."""
    return bool(data) and b'"' not in data and b"\r" not in data


def _quoted_cells(text: str, lines: int, heading: Heading) -> list[list[str]] | None:
    try:
        read = csv.reader(io.StringIO(text, newline="\n"), strict=True, delimiter=heading.delimiter)
        rows = list(read)
    except csv.Error:
        return None
    if len(rows) != lines or set(map(len, rows)) != {heading.width}:
        return None
    return [[row[place] for row in rows] for place in heading.places]


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _line_of(lines: Sequence[str]) -> bytes:
    return "".join(lines).encode("utf-8", _ESCAPED).removesuffix(b"\n")


def _size(lines: Sequence[str]) -> int:
    """Return how many bytes ``lines`` have."""
    return sum(len(line.encode("utf-8", _ESCAPED)) for line in lines)


@contextmanager
def _fields_of_any_length() -> Iterator[None]:
    """Let the csv module read what is in a line, whatever limit somebody has set."""
    before = csv.field_size_limit(2 * LINE_BYTES_BOUND)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _reason_of(error: str) -> str:
    """Return what is wrong with a row, without the csv module's advice to programmers."""
    if "new-line" in error:
        return "a carriage return outside of quotes that ends no line"
    return error


def _quotes_detail(line: str, error: str) -> str:
    shown_line = shown(line.encode("utf-8", _ESCAPED).removesuffix(b"\n"))
    if "new-line" in error:
        return f"expected no carriage return outside of quotes, found {shown_line}"
    return f"expected quotes that enclose a whole field, found {shown_line}"
