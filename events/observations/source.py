"""Reading files of observations, CSV or JSON lines, in blocks (SPEC.md section 7)."""

from __future__ import annotations

import gzip
import io
import zlib
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Literal, TypeAlias, cast

from events.closing import Closing
from events.errors import BadValueError, InputError, shown, unreadable
from events.logs.extent import Content, Extent, content_of
from events.logs.jsonlines import BLOCK_BYTES, Fingerprint
from events.logs.objects import BYTE_ORDER_MARK
from events.logs.splitting import CutLine, whole_lines
from events.observations.csvrows import CsvRows
from events.observations.jsonrows import JsonRows
from events.observations.rows import Columns, Observation, ObservationBlock, RejectedRow
from events.paths import path_of
from events.store.disk import Identity
from events.times.instants import are_in_order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from events.logs.splitting import WholeLines

__all__ = [
    "Columns",
    "Format",
    "Observation",
    "ObservationBlock",
    "Observations",
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
            "found another; say with --format which it has"
        )
    return _FORMATS[suffix]


class Observations(Closing):
    """A file of observations, plain or gzip-compressed (a name ending in ``.gz``).

    A column that is not asked for is passed over, and so are blank lines and a
    byte-order mark at the start. Of a file that grows, what it held when it was opened
    is read.

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
        self.name: Final = str(source) if isinstance(source, str | Path) else name
        self._path: Final = (
            path_of(source, "observations") if isinstance(source, str | Path) else None
        )
        # What was opened here; of a file on a disk each reader reads its extent.
        self._opened: IO[bytes] | None = None
        self._extent: Extent | None = None
        self._content: Content | None = None
        self._fingerprint: Fingerprint | None = None
        self._file: IO[bytes]
        if isinstance(source, str | Path):
            self.form: Format = form or format_of(source)
            self._opened = self._open(Path(source))
            self._extent = self._extent_again() if self.regular else None
            self._file = self._reader(self._extent)
        else:
            self.form = form or "csv"
            self._file = source
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
        return self._content is not None

    @property
    def identity(self) -> Identity | None:
        """Which file it is, or None for a stream that is no file."""
        try:
            return Identity.of((self._opened or self._file).fileno())
        except OSError:
            return None

    @property
    def bytes_total(self) -> int:
        """The size of the file on the disk, in bytes; 0 for a pipe."""
        return self._content.size if self._content is not None else 0

    @property
    def bytes_read(self) -> int:
        """How far the file on the disk was read, in bytes; 0 for a pipe."""
        return self._extent.tell() if self._extent is not None else 0

    def in_order(self) -> bool:
        """Tell whether the times that `blocks` gives of the file are in order.

        Raises:
            InputError: the file cannot be read, or lacks a column.

        """
        if not self.regular:
            raise InputError(f"{self.name}: expected a file, found a pipe, which is read but once")
        # Rows that will be rejected may have times that are not in order; that all are is
        # told in half the time.
        return self._are_in_order(whole=False) or self._are_in_order(whole=True)

    def _are_in_order(self, *, whole: bool) -> bool:
        """Tell whether all times are in order, or, with ``whole``, those of whole good rows."""
        latest = ""
        reader = self._reader(self._extent_again())
        again = Observations(reader, self.columns, form=self.form, name=self.name)
        rows = again._csv if self.form == "csv" else again._json
        for data, last in again._pieces():
            times = rows.parse(data, last=last).times if whole else rows.times(data, last=last)
            if times:
                if times[0] < latest or not are_in_order(times):
                    return False
                latest = times[-1]
        return True

    def fingerprint(self) -> Fingerprint | None:
        """Return name, size and hash of the file, or None for a pipe.

        Raises:
            InputError: the file cannot be read.

        """
        if self.regular and self._fingerprint is None:
            self._fingerprint = self._fingerprint_now()
        return self._fingerprint

    def _fingerprint_now(self) -> Fingerprint:
        assert self._path is not None, "what was opened here has a path"
        try:
            return Fingerprint.of(self._path, self._extent_again())
        except OSError as error:
            raise self._unreadable(error) from None

    def close(self) -> None:
        """Close the file, unless it was given as a stream."""
        if self._opened is not None:
            self._opened.close()

    def blocks(self) -> Iterator[ObservationBlock]:
        """Iterate over the rows, some at a time, in order.

        Raises:
            InputError: the file cannot be read any further, or lacks a column.

        """
        for data, last in self._pieces():
            yield self._parse(data, last=last)
        self._check_unchanged()

    def _pieces(self) -> Iterator[tuple[WholeLines, bool]]:
        """Iterate over whole lines, some at a time, and whether they are the last.

        The last of them ends with a newline as well. While a line that is too long is read
        over, there are none.
        """
        data: WholeLines = b""
        for following in self._whole_lines():
            if data and following:
                yield data, False
            if following:
                data = following
            else:
                yield b"", False
        if isinstance(data, CutLine):
            self.ends_with_newline = data.newline
        elif data and not data.endswith(b"\n"):
            self.ends_with_newline = False
            data += b"\n"
        if data or self.form == "csv":
            yield data, True

    def _parse(self, data: WholeLines, *, last: bool) -> ObservationBlock:
        return (self._csv if self.form == "csv" else self._json).parse(data, last=last)

    def _check_unchanged(self) -> None:
        """Raise an error if the file is not what it was when its fingerprint was taken."""
        taken = self._fingerprint
        if self._opened is None or taken is None or content_of(self._opened) == self._content:
            return
        # What has grown only is what it was.
        if self._fingerprint_now() != taken:
            raise InputError(
                f"{self.name}: expected a file that nobody changes while it is read, found one "
                "that was changed; run it again"
            )

    def _open(self, path: Path) -> IO[bytes]:
        try:
            # Buffered, for what is no file on a disk.
            file = path.open("rb")
        except OSError as error:
            raise self._unreadable(error) from None
        self._content = content_of(file)
        if path.suffix == ".gz" and self.regular and not self.bytes_total:
            file.close()
            raise self._unreadable(EOFError("an empty file, which is no gzip file"))
        return file

    def _reader(self, extent: Extent | None) -> IO[bytes]:
        """Return a reader of the observations, from the start of ``extent`` if there is one."""
        assert self._opened is not None, "what was not opened here is read as it is"
        assert self._path is not None, "what was opened here has a path"
        file = self._opened if extent is None else io.BufferedReader(extent)
        return (
            cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if self._path.suffix == ".gz" else file
        )

    def _extent_again(self) -> Extent:
        assert self._opened is not None, "only a file on a disk has an extent"
        return Extent(self._opened.fileno(), self.bytes_total)

    def _whole_lines(self) -> Iterator[WholeLines]:
        first = self._read().removeprefix(BYTE_ORDER_MARK)
        return whole_lines(chain([first], iter(self._read, b"")))

    def _read(self) -> bytes:
        try:
            return self._file.read(BLOCK_BYTES)
        except (OSError, EOFError, zlib.error) as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: Exception) -> InputError:
        return unreadable(self.name, error, "readable observations")
