"""Observations as JSON lines: one object a line, other keys passed over."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from events.errors import shown
from events.journal.ticks import SECONDS
from events.logs.objects import (
    BYTE_ORDER_MARK,
    JSON_SPACE,
    BadLineError,
    Reason,
    decode_object,
    field_of,
)
from events.logs.splitting import CutLine
from events.nesting import are_shallow, decoded
from events.observations.bytewise import values_of
from events.observations.rows import (
    BlockBuilder,
    ColumnNames,
    ObservationBlock,
    checked_id,
    checked_time,
    ends_or_all,
    observed_at_once,
    observed_in_cells,
    order_told_by,
    shown_name,
    unit_hint,
)
from events.times.columns import Cells, times_in_texts
from events.times.epoch import counts_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.logs.splitting import WholeLines
    from events.observations.observed import Observed
    from events.times.columns import TimeColumn
    from events.times.epoch import TimeUnit
    from events.times.timestamps import Timestamp, Zone

_decode_text = msgspec.json.Decoder(str).decode
# What stands in JSON as an escape.
_ESCAPED: Final = re.compile(r'[\\"\x00-\x1f]')
_MARK: Final = len("YYYY-MM-DD")
# Fewer bytes are decoded in the time that so many operations on arrays take.
_CELLS_BYTES_MIN: Final = 1 << 16
_INTEGER: Final = re.compile(r"-?[0-9]+")


class JsonRows:
    """Reads blocks of JSON lines, the first of which is the first of the file."""

    def __init__(
        self,
        columns: ColumnNames,
        lines_read: int = 0,
        unit: TimeUnit | None = None,
        zone: Zone | None = None,
    ) -> None:
        """Take the names of the columns for the keys of the objects, behind so many lines.

        Args:
            columns: their names.
            lines_read: how many lines were read before.
            unit: of what times are numbers since 1970, or such in strings; None for texts.
            zone: that of all times; None where the first decides.

        """
        self._columns: Final = columns
        self._keyed: Final = columns.key is not None
        self._unit: Final = unit
        self.zone = zone
        """Whether times have an offset; None where nothing has decided that yet."""
        # Where msgspec cannot look for a key of such a name, each line is read by itself.
        self._named_plainly: Final = not _ESCAPED.search("".join(columns.names()))
        named = columns if self._named_plainly else ColumnNames()
        time_type: Any = str if unit is None else msgspec.Raw
        self._decoders: Final = [_decoder(named, time_type, each) for each in (str, str | int)]
        self._time_decoder: Final = _decoder(named, time_type, str, 1)
        self.lines_read = lines_read

    def parse(self, data: WholeLines, *, last: bool = False) -> ObservationBlock:  # noqa: ARG002
        """Return what stands in ``data``: a cut line, or whole ones each with a newline.

        Here it makes no difference whether they are the ``last``.
        """
        if isinstance(data, CutLine):
            self.lines_read += 1
            gathered = BlockBuilder(self._columns)
            gathered.cut(self.lines_read, data)
            return gathered.block(first=self.lines_read)
        if self.lines_read == 0:
            data = data.removeprefix(BYTE_ORDER_MARK)
        return self._at_once(data) or self._line_by_line(data)

    def times(self, data: WholeLines, *, last: bool = False) -> Sequence[str]:
        """Return the times in ``data``; not all canonical, and also those of bad rows."""
        if isinstance(data, CutLine) or not self._named_plainly:
            return self.parse(data, last=last).observed.times
        cells = _values_of(data, (self._columns.time,))
        if cells and (told := order_told_by(cells[0], self._unit)) is not None:
            return told
        if _objects(data):
            try:
                rows = decoded(self._time_decoder.decode_lines, data)
                texts = [] if self._unit else [row.time for row in rows]
                if _sort_as_times(texts):
                    return texts
                column = self._column(rows)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                column = None
            if column is not None:
                return ends_or_all(column)
        return self.parse(data, last=last).observed.times

    def _at_once(self, data: bytes) -> ObservationBlock | None:
        """Return a block all of whose lines are good, or None for any other."""
        given = data
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n")
        observed = None
        if self._named_plainly:
            cells = _values_of(data, self._columns.names())
            observed = observed_in_cells(cells, self._unit) if cells else self._decoded(data)
        if observed is None or self.zone not in {None, observed.zone}:
            return None
        self.zone = observed.zone
        first = self.lines_read + 1
        self.lines_read += len(observed)
        return ObservationBlock(range(first, self.lines_read + 1), observed, [], given, first)

    def _decoded(self, data: bytes) -> Observed | None:
        lines = _objects(data)
        rows = self._decode(data) if lines else None
        # No line is two objects if there are no more of these than lines.
        if rows is None or len(rows) != lines:
            return None
        return observed_at_once(
            self._column(rows),
            [row.adid for row in rows],
            [row.key for row in rows] if self._keyed else None,
        )

    def _decode(self, data: bytes) -> list[Any] | None:
        """Return the rows, whose ids are text, or None."""
        try:
            if not data.isascii():
                # The decoder steps over text that it need not read.
                data.decode()
            try:
                return decoded(self._decoders[0].decode_lines, data)
            except msgspec.ValidationError:
                rows = decoded(self._decoders[1].decode_lines, data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        for row in rows:
            row.adid = str(row.adid)
            if self._keyed:
                row.key = str(row.key)
        return rows

    def _line_by_line(self, data: bytes) -> ObservationBlock:
        gathered = BlockBuilder(self._columns, self.zone)
        first = self.lines_read + 1
        for line in data.split(b"\n")[:-1]:
            self.lines_read += 1
            if line.strip(JSON_SPACE):
                try:
                    gathered.accept(self.lines_read, *self._values(line))
                except BadLineError as error:
                    gathered.reject(self.lines_read, error, line)
        self.zone = gathered.zone
        return gathered.block(data, first)

    def _values(self, line: bytes) -> tuple[Timestamp, str, list[str]]:
        fields = decode_object(line)
        columns = self._columns
        written = self._written(field_of(fields, columns.time))
        time = checked_time(written, columns.time, self._unit)
        return time, written, [_id(field_of(fields, name), name) for name in columns.names()[1:]]

    def _written(self, raw: bytes) -> str:
        """Return a time as it is written, without the quotes of a string."""
        if self._unit is not None and not raw.startswith(b'"'):
            return raw.decode()
        try:
            return _decode_text(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise BadLineError(
                Reason.TIMESTAMP_SHAPE,
                f"{shown_name(self._columns.time)}: expected a string YYYY-MM-DD HH:MM:SS, found "
                f"{shown(raw)}{unit_hint(raw.decode('utf-8', 'replace'))}",
            ) from None

    def _column(self, rows: list[Any]) -> TimeColumn | None:
        """Return the times of rows, or None where it takes a look at each to tell."""
        if self._unit is None:
            return times_in_texts([row.time for row in rows])
        cells = Cells.of([str(row.time, "utf-8") for row in rows])
        return None if cells is None else counts_in(_without_quotes(cells), self._unit)


def _values_of(data: bytes, names: Sequence[str]) -> list[Cells] | None:
    return values_of(data, names) if len(data) >= _CELLS_BYTES_MIN else None


def _sort_as_times(texts: list[str]) -> bool:
    """Tell whether there are texts, as long as whole seconds and with a space before the clock."""
    if {*map(len, texts)} != {SECONDS}:
        return False
    marks = "".join(texts)[_MARK::SECONDS]
    return marks.count(" ") == len(texts)


def _objects(data: bytes) -> int:
    """Return how many lines there are if each is at least one object and safe to decode, else 0."""
    if not (data.startswith(b"{") and data.endswith(b"}\n")):
        return 0
    found = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(found == ord("\n"))
    inner = ends[:-1]
    # No object can go on after such a line end. To count them as bytes took five times as long.
    if not ((found[inner - 1] == ord("}")) & (found[inner + 1] == ord("{"))).all():
        return 0
    return len(ends) if are_shallow(data, len(ends)) else 0


def _without_quotes(cells: Cells) -> Cells:
    """Return cells of which none is empty, without the quotes around those that have such."""
    data, begins, ends = cells
    quoted = np.frombuffer(data, np.uint8)[begins] == ord('"')
    return Cells(data, begins + quoted, ends - quoted)


def _decoder(
    columns: ColumnNames, time_type: Any, id_type: Any, most: int = 3
) -> msgspec.json.Decoder[Any]:
    """Return the decoder of rows with the columns, or with the first of them."""
    fields = [("time", time_type), ("adid", id_type), ("key", id_type)]
    fields = fields[: len(columns.names())][:most]
    names = dict(zip(("time", "adid", "key"), columns.names(), strict=False))
    row = msgspec.defstruct("Row", fields, rename=names, gc=False)
    return msgspec.json.Decoder(row)


def _id(raw: bytes, name: str) -> str:
    if raw.startswith(b'"'):
        try:
            return checked_id(_decode_text(raw), name)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            # Half a surrogate pair is no character and cannot be written as UTF-8.
            raise BadLineError(
                Reason.ID_NOT_TEXT,
                f"{shown_name(name)}: expected text of whole characters, found {shown(raw)}",
            ) from None
    text = raw.decode()
    if _INTEGER.fullmatch(text) is None:
        raise BadLineError(
            Reason.ID_TYPE,
            f"{shown_name(name)}: expected a string or an integer, found {shown(text)}",
        )
    return "0" if text == "-0" else text
