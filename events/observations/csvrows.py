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
from events.journal.ticks import ticks_and_finer
from events.logs.objects import BadLineError, Reason
from events.logs.splitting import LINE_BYTES_MAX, CutLine
from events.observations.bytewise import cells_of, first_cells
from events.observations.observed import Observed
from events.observations.rows import (
    BlockBuilder,
    ObservationBlock,
    canonical_times,
    checked_id,
    checked_time,
    observed_at_once,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from events.logs.splitting import WholeLines
    from events.observations.rows import ColumnNames

# A row over several lines that is longer has lost a closing quote.
ROW_BYTES_MAX: Final = 1 << 16
# What stands for a byte that is not UTF-8, one character a byte, until it is reported.
_ESCAPED: Final = "surrogateescape"


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


class Heading(NamedTuple):
    """What the row of column names tells."""

    width: int
    """How many columns there are."""
    places: tuple[int, ...]
    """Which of them are wanted: time, id and, if there is one, key."""


NO_HEADING: Final = Heading(0, ())


class CsvRows:
    """Reads blocks of whole lines of CSV, the first of which has the names of the columns."""

    def __init__(
        self,
        columns: ColumnNames,
        name: str,
        lines_read: int = 0,
        heading: Heading = NO_HEADING,
        row_bytes_max: int = ROW_BYTES_MAX,
    ) -> None:
        """Look for ``columns`` in the file called ``name``.

        Args:
            columns: their names.
            name: what messages call the file.
            lines_read: how many lines were read before.
            heading: the row of column names, if it is among these.
            row_bytes_max: how long a row is at most that goes on over several lines.

        """
        self._row_bytes_max: Final = row_bytes_max
        self._columns: Final = columns
        self._name: Final = name
        self._width, self._places = heading
        # The beginning of a row whose quotes are still open.
        self._open = b""
        self.lines_read = lines_read

    @property
    def heading(self) -> Heading:
        """The row of column names, or `NO_HEADING` as long as it has not come."""
        return Heading(self._width, self._places)

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
        if not self._width:
            self.lines_read += 1
            raise self._no_header(f"a line of {line.length:,} bytes")
        block = self._parse(b"", last=True)
        self.lines_read += 1
        gathered = BlockBuilder(keyed=self._columns.key is not None)
        gathered.cut(self.lines_read, line)
        rejected = [*block.rejected, *gathered.block().rejected]
        first = block.first if block.text else self.lines_read
        return block._replace(rejected=rejected, first=first)

    def _parse(self, data: bytes, *, last: bool) -> ObservationBlock:
        if self._open:
            data, self._open = self._open + data, b""
        if self._width and (block := self._plain(data)) is not None:
            return block
        text = data.decode("utf-8", _ESCAPED)
        if not self._width:
            text = self._header(text, last=last)
            if not self._width:
                if last:
                    raise self._no_header("an empty file")
                return BlockBuilder(keyed=self._columns.key is not None).block()
        return self._quoted(text) or self._row_by_row(text, last=last)

    def times(self, data: WholeLines, *, last: bool) -> Sequence[str]:
        """Return the times in ``data``; not all canonical, and also those of bad rows."""
        if not isinstance(data, CutLine) and not self._open and self._is_plain(data):
            first = first_cells(data) if self._places[0] == 0 else None
            cells = first or cells_of(data, self._width, self._places[:1])
            if cells is not None and (ends := cells[0].ends_in_order()):
                return ends
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
        lines = io.StringIO(text, newline="\n")
        reader = csv.reader(lines, strict=True)
        try:
            row = next(filter(None, reader), None)
        except csv.Error as error:
            if not (last or _size([text]) > self._row_bytes_max or "new-line" in str(error)):
                self._open = text.encode("utf-8", _ESCAPED)
                return ""
            self.lines_read += reader.line_num
            raise self._no_header(f"no CSV: {_reason_of(error)}") from None
        self.lines_read += reader.line_num
        if row is None:
            return ""
        found = ", ".join(map(shown, row))
        for name in self._columns.names():
            if row.count(name) != 1:
                count = "none" if name not in row else "several"
                raise self._no_header(f"{count} called {shown(name)}: {found}")
        self._width = len(row)
        self._places = tuple(row.index(name) for name in self._columns.names())
        return lines.read()

    def _is_plain(self, data: bytes) -> bool:
        """Tell whether there are rows, and each line is one."""
        return bool(data and self._width) and b'"' not in data and b"\r" not in data

    def _plain(self, data: bytes) -> ObservationBlock | None:
        """Return a block of good rows, one line each and without quotes, or None for another."""
        given = data
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n")
        cells = cells_of(data, self._width, self._places) if self._is_plain(data) else None
        if cells is None:
            return None
        try:
            if not data.isascii():
                data.decode()
            ticks, texts = cells[0].ticks(), None
            if ticks is None and (texts := canonical_times(cells[0].texts())) is None:
                return None
            names = [each.coded() for each in cells[1:]]
        except UnicodeDecodeError:
            return None
        if any("" in each.names for each in names):
            return None
        exact = (ticks, {}) if ticks is not None else ticks_and_finer(texts or ())
        keys = names[1] if names[1:] else None
        return self._block(Observed.of(0, *exact, names[0], keys), given)

    def _quoted(self, text: str) -> ObservationBlock | None:
        """Return a block of good rows, one line each, or None for another."""
        given, text = text, text.replace("\r\n", "\n")
        cells = self._quoted_cells(text, text.count("\n")) if _is_utf8(text) else None
        observed = None if cells is None else observed_at_once(*cells)
        return None if observed is None else self._block(observed, given)

    def _block(self, observed: Observed, given: str | bytes) -> ObservationBlock:
        first = self.lines_read + 1
        self.lines_read += len(observed)
        numbers = range(first, first + len(observed))
        return ObservationBlock(numbers, observed, [], given, first)

    def _quoted_cells(self, text: str, lines: int) -> list[list[str]] | None:
        try:
            rows = list(csv.reader(io.StringIO(text, newline="\n"), strict=True))
        except csv.Error:
            return None
        if len(rows) != lines or set(map(len, rows)) != {self._width}:
            return None
        return [[row[place] for row in rows] for place in self._places]

    def _row_by_row(self, text: str, *, last: bool) -> ObservationBlock:
        gathered = BlockBuilder(keyed=self._columns.key is not None)
        first = self.lines_read + 1
        lines = text.split("\n")
        lines = [line + "\n" for line in lines[:-1]]
        start = 0
        while start < len(lines):
            reader = csv.reader(iter(lines[start:]), strict=True)
            begin = start
            try:
                for row in reader:
                    end = begin + reader.line_num
                    if end - start > 1 and _size(lines[start:end]) > self._row_bytes_max:
                        # Of which part is in this block does not matter.
                        self._unclosed(lines[start], "too long", gathered)
                        start += 1
                        break
                    self._row(row, lines[start:end], gathered)
                    start = end
            except csv.Error as error:
                whole = begin + reader.line_num < len(lines) or last
                if not whole and _size(lines[start:]) <= self._row_bytes_max:
                    self._open = "".join(lines[start:]).encode("utf-8", _ESCAPED)
                    break
                self._unclosed(lines[start], str(error), gathered)
                start += 1
        return gathered.block(text, first)

    def _row(self, row: list[str], lines: list[str], gathered: BlockBuilder) -> None:
        if row:
            try:
                gathered.accept(self.lines_read + 1, self._values(row, lines))
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

    def _values(self, row: list[str], lines: Sequence[str]) -> tuple[str, ...]:
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
        if len(row) != self._width:
            raise BadLineError(Reason.COLUMNS, f"expected {self._width} columns, found {len(row)}")
        time, *ids = (row[place] for place in self._places)
        names = self._columns.names()
        return (
            checked_time(time, names[0]),
            *(checked_id(each, name) for each, name in zip(ids, names[1:], strict=True)),
        )


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
    before = csv.field_size_limit(2 * LINE_BYTES_MAX)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _reason_of(error: csv.Error) -> str:
    """Return what is wrong with a row, without the csv module's advice to programmers."""
    if "new-line" in str(error):
        return "a carriage return outside of quotes that ends no line"
    return str(error)


def _quotes_detail(line: str, error: str) -> str:
    shown_line = shown(line.encode("utf-8", _ESCAPED).removesuffix(b"\n"))
    if "new-line" in error:
        return f"expected no carriage return outside of quotes, found {shown_line}"
    return f"expected quotes that enclose a whole field, found {shown_line}"
