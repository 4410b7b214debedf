"""Reading files of observations, CSV or JSON lines, in blocks (SPEC.md section 7)."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Literal, TypeAlias, cast

from events.closing import Closing
from events.csvrows import CsvRows
from events.disk import Identity
from events.errors import BadValueError, InputError, shown
from events.instants import are_in_order
from events.jsonlines import BLOCK_BYTES, Fingerprint
from events.jsonrows import JsonRows
from events.observation import (
    BadRowError,
    Columns,
    Observation,
    ObservationBlock,
    Reason,
    RejectedRow,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "BadRowError",
    "Columns",
    "Format",
    "Observation",
    "ObservationBlock",
    "Observations",
    "Reason",
    "RejectedRow",
    "format_of",
]

Format: TypeAlias = Literal["csv", "jsonl"]
_FORMATS: Final[dict[str, Format]] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def format_of(path: str | Path) -> Format:
    """Return the format that the name of ``path`` tells, a ``.gz`` at its end left aside.

    Raises:
        InputError: it tells none.

    """
    name = Path(path).name
    suffix = Path(name.removesuffix(".gz")).suffix.lower()
    if suffix not in _FORMATS:
        raise InputError(
            f"{path}: expected a name ending in {', '.join(_FORMATS)} or such with .gz, "
            "found another; say which format it has"
        )
    return _FORMATS[suffix]


class Observations(Closing):
    """A file of observations, plain or gzip-compressed (a name ending in ``.gz``).

    A column that is not asked for is passed over, and so are blank lines and a
    byte-order mark at the start.

    Raises:
        InputError: the file is missing, is a folder, or cannot be read; or a CSV file
            lacks a column. Also while iterating.
        BadValueError: two of the columns have one name.

    """

    def __init__(
        self,
        source: str | Path | IO[bytes],
        columns: Columns = Columns(),  # noqa: B008  it never changes
        *,
        form: Format | None = None,
        name: str = "-",
    ) -> None:
        """Open the file.

        Args:
            source: a path, or a binary stream such as standard input, which is left open.
            columns: the names of the columns.
            form: the format; by default what the path's name tells, of a stream ``csv``.
            name: what messages call a stream.

        """
        if len(set(columns.names())) < len(columns.names()):
            raise BadValueError(
                f"expected different columns, found {', '.join(map(shown, columns.names()))}"
            )
        self.columns: Final = columns
        self._opened: list[IO[bytes]] = []
        self.name: Final = str(source) if isinstance(source, str | Path) else name
        self._file: IO[bytes]
        if isinstance(source, str | Path):
            self.form: Format = form or format_of(source)
            self._file = self._open(Path(source))
        else:
            self.form = form or "csv"
            self._file = source
        self._path: Final = Path(source) if isinstance(source, str | Path) else None
        self.ends_with_newline = True
        """Whether the last line that was read ends with a newline."""
        self._csv = CsvRows(columns, self.name)
        self._json = JsonRows(columns)

    @property
    def lines_read(self) -> int:
        """How many lines were read."""
        return (self._csv if self.form == "csv" else self._json).lines_read

    @property
    def regular(self) -> bool:
        """Whether it is a file on a disk, which can be read more than once."""
        return self._path is not None and self._path.is_file()

    @property
    def identity(self) -> Identity | None:
        """Which file it is, or None for a stream that is no file."""
        try:
            return Identity.of((self._opened or [self._file])[0].fileno())
        except OSError:
            return None

    @property
    def bytes_total(self) -> int:
        """The size of the file on the disk, in bytes; 0 for a pipe."""
        return self._path.stat().st_size if self._path is not None and self.regular else 0

    @property
    def bytes_read(self) -> int:
        """How far the file on the disk was read, in bytes; 0 for a pipe."""
        return self._opened[0].tell() if self._opened and self.regular else 0

    def in_order(self) -> bool:
        """Tell whether the times of the file, which is read from its start, are in order.

        It may say no where only the times of rows that will be rejected are not.
        """
        assert self._path is not None, "a pipe can be read but once"
        latest = ""
        with Observations(self._path, self.columns, form=self.form) as again:
            rows = again._csv if self.form == "csv" else again._json
            for data in again._whole_lines():
                if times := rows.times(data):
                    if times[0] < latest or not are_in_order(times):
                        return False
                    latest = times[-1]
        return True

    def fingerprint(self) -> Fingerprint | None:
        """Return name, size and hash of the file, or None for a pipe.

        Raises:
            InputError: the file cannot be read.

        """
        if self._path is None or not self.regular:
            return None
        try:
            with self._path.open("rb", buffering=0) as file:
                digest = hashlib.file_digest(file, "sha256").digest()
                size = file.tell()
        except OSError as error:
            raise self._unreadable(error) from None
        name = self._path.name.encode("utf-8", "backslashreplace").decode()
        return Fingerprint(name, size, digest)

    def close(self) -> None:
        """Close the file, unless it was given as a stream."""
        while self._opened:
            self._opened.pop().close()

    def blocks(self) -> Iterator[ObservationBlock]:
        """Iterate over the rows, some at a time, in order.

        Raises:
            InputError: the file cannot be read any further, or lacks a column.

        """
        data = b""
        for following in self._whole_lines():
            if data:
                yield self._parse(data, last=False)
            data = following
        self.ends_with_newline = data.endswith(b"\n") or not data
        if data or self.form == "csv":
            yield self._parse(data if data.endswith(b"\n") or not data else data + b"\n", last=True)

    def _parse(self, data: bytes, *, last: bool) -> ObservationBlock:
        if self.form == "csv":
            return self._csv.parse(data, last=last)
        return self._json.parse(data)

    def _open(self, path: Path) -> IO[bytes]:
        try:
            file = path.open("rb")
        except OSError as error:
            raise self._unreadable(error) from None
        self._opened.append(file)
        if path.suffix != ".gz":
            return file
        unzipped = cast("IO[bytes]", gzip.GzipFile(fileobj=file))
        self._opened.append(unzipped)
        return unzipped

    def _whole_lines(self) -> Iterator[bytes]:
        pieces: list[bytes] = []
        chunk = self._read().removeprefix(_BYTE_ORDER_MARK)
        while chunk:
            end = chunk.rfind(b"\n") + 1
            if end:
                yield b"".join([*pieces, chunk[:end]])
                pieces = [chunk[end:]]
            else:
                pieces.append(chunk)
            chunk = self._read()
        if last := b"".join(pieces):
            yield last

    def _read(self) -> bytes:
        try:
            return self._file.read(BLOCK_BYTES)
        except (OSError, EOFError, zlib.error) as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: Exception) -> InputError:
        found = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return InputError(f"{self.name}: expected readable observations, found: {found}")
