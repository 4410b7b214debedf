"""Observations as Parquet, read by pyarrow as the CSV that they would be."""

from __future__ import annotations

from io import BytesIO
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np

from events.data_frames import are_whole, whole_bound
from events.errors import InputError, shown
from events.libraries import imported
from events.observations.csvrows import csv_line, places_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from events.observations.rows import ColumnNames
    from events.times.epoch import TimeUnit

_BATCH_ROWS: Final = 1 << 14


def pyarrow_module(path: Path, name: str = "pyarrow") -> Any:
    """Return pyarrow, or one of its modules, to read or write ``path``.

    Raises:
        MissingLibraryError: it is not installed.

    """
    return imported(name, f"{path}: expected pyarrow, to read and write Parquet")


class ParquetLines:
    """Gives the wanted columns of a Parquet file as CSV, some rows at a time.

    Its memory is that of a row group. Where a wanted column is not there once, all column names
    stand in the row of them, for the reader of CSV to say so.

    Raises:
        MissingLibraryError: pyarrow is not installed.
        InputError: the file is no Parquet, or a column is of a type that is none of times or ids;
            while reading.

    """

    def __init__(
        self, file: IO[bytes], path: Path, columns: ColumnNames, unit: TimeUnit | None
    ) -> None:
        """Read ``file``, which errors call ``path``; see `CsvRows` for the other two."""
        self._path: Final = path
        self._columns: Final = columns
        self._unit: Final = unit
        self._arrow: Final = pyarrow_module(path)
        self._csv: Final = pyarrow_module(path, "pyarrow.csv")
        parquet = pyarrow_module(path, "pyarrow.parquet")
        try:
            self._file = parquet.ParquetFile(file)
        except (self._arrow.ArrowException, OSError, ValueError) as error:
            raise self._unreadable(error) from None
        self._chunks: Final = self._lines()

    def read(self, size: int = -1, /) -> bytes:  # noqa: ARG002  the rows decide
        """Return the next lines, none only at the end."""
        try:
            return next(self._chunks, b"")
        except (self._arrow.ArrowException, OSError) as error:
            raise self._unreadable(error) from None

    def _lines(self) -> Iterator[bytes]:
        schema = self._file.schema_arrow
        found = [places_of(name, schema.names) for name in self._columns.names()]
        places = [place for each in found for place in each]
        if len({*places}) != len(found):
            yield csv_line(schema.names) + b"\n"
            return
        names = [schema.names[place] for place in places]
        yield csv_line(names) + b"\n"
        for batch in self._file.iter_batches(_BATCH_ROWS, columns=names):
            # They come in the order of the file.
            columns = [batch.column(batch.schema.names.index(name)) for name in names]
            texts = [self._times(columns[0], names[0])]
            texts += map(self._ids, columns[1:], names[1:])
            yield self._as_csv(self._arrow.record_batch(texts, names))

    def _as_csv(self, batch: Any) -> bytes:
        # Without quotes it is read in a third of the time, if there is nothing to be quoted.
        for style in ("none", "needed"):
            output = BytesIO()
            options = self._csv.WriteOptions(include_header=False, quoting_style=style)
            try:
                self._csv.write_csv(batch, output, options)
            except self._arrow.ArrowInvalid:
                if style == "needed":
                    raise
            else:
                break
        return output.getvalue()

    def _plain(self, column: Any) -> Any:
        """Return a column as one of a type that all of pyarrow can work with."""
        if self._arrow.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        return column.cast(self._arrow.string()) if str(column.type) == "string_view" else column

    def _times(self, column: Any, name: str) -> Any:
        column = self._plain(column)
        types, kind = self._arrow.types, column.type
        is_text = types.is_string(kind) or types.is_large_string(kind)
        if self._unit is not None:
            if types.is_integer(kind) or types.is_decimal(kind) or is_text:
                return column.cast(self._arrow.string())
            raise self._wrong_type(name, f"whole or decimal numbers of {self._unit}", kind)
        if types.is_timestamp(kind):
            if kind.tz is not None:
                # The same instant, with a Z as text.
                column = column.cast(self._arrow.timestamp(kind.unit, "UTC"))
            return column.cast(self._arrow.string())
        if types.is_date(kind) or is_text:
            return column.cast(self._arrow.string())
        cure = "; --time-unit says what numbers count" if types.is_integer(kind) else ""
        raise self._wrong_type(name, "timestamps, dates or texts", kind, cure)

    def _ids(self, column: Any, name: str) -> Any:
        column = self._plain(column)
        types, kind = self._arrow.types, column.type
        if str(kind) == "extension<arrow.uuid>":
            texts = [each and str(each) for each in column.to_pylist()]
            return self._arrow.array(texts, self._arrow.string())
        if types.is_integer(kind) or types.is_string(kind) or types.is_large_string(kind):
            return column.cast(self._arrow.string())
        if types.is_floating(kind):
            return self._whole(column, name).cast(self._arrow.string())
        raise self._wrong_type(name, "texts, whole numbers or UUIDs", kind)

    def _whole(self, column: Any, name: str) -> Any:
        """Return numbers that a gap made floats as the whole numbers that they were."""
        floats = column.drop_null().to_numpy(zero_copy_only=False)
        for place in np.flatnonzero(~are_whole(floats))[:1].tolist():
            raise InputError(
                f"{self._path}: column {shown(name)}: expected floats that are whole and less "
                f"than {whole_bound(floats.dtype.type):,}, found {floats[place].item()!r}"
            )
        return column.cast(self._arrow.float64()).cast(self._arrow.int64())

    def _wrong_type(self, name: str, expected: str, kind: Any, cure: str = "") -> InputError:
        return InputError(
            f"{self._path}: column {shown(name)}: expected {expected}, found {kind}{cure}"
        )

    def _unreadable(self, error: Exception) -> InputError:
        found = shown(str(error).partition("\n")[0], 120)
        return InputError(f"{self._path}: expected a Parquet file, found: {found}")
