"""The observations of a search, ready to be read: a file or a stream (SPEC.md section 7)."""

from __future__ import annotations

from functools import cached_property, partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from events.closing import Closing
from events.errors import BadValueError, InputError, shown
from events.logs.arrays import ElementLines
from events.logs.file import Log
from events.logs.live import LiveLog
from events.observations.csvrows import Dialect
from events.observations.parquet import ParquetLines
from events.observations.parser import FileFormat, RowFormat
from events.observations.rows import ColumnNames
from events.paths import STANDARD_STREAM, is_stream
from events.times.instants import are_in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from io import BufferedReader

    from events.logs.arrays import Readable
    from events.logs.file import Portions
    from events.logs.tap import Wake
    from events.times.timestamps import Zone

_FORMATS: Final[dict[str, FileFormat]] = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}


def format_of(path: str | Path) -> FileFormat:
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
    """A file of observations, or a stream of them.

    A column that is not asked for is passed over, and so are blank lines and a byte-order
    mark at the start.

    Raises:
        InputError: the log is missing, is a folder, or cannot be read; or it is CSV and lacks
            a column.
        BadValueError: two of the columns have one name.

    """

    def __init__(
        self,
        path: str | Path,
        columns: ColumnNames = ColumnNames(),  # noqa: B008  it never changes
        *,
        form: FileFormat | None = None,
        dialect: Dialect = Dialect(),  # noqa: B008  it never changes
        follow: bool = False,
        wake: Wake | None = None,
        content: BufferedReader | None = None,
        portions: Portions | None = None,
    ) -> None:
        """Open the log, and read the names of its columns if they stand there.

        Args:
            path: where it is; ``-`` for standard input.
            columns: the names of the columns.
            form: the format; by default what the path's name tells, of standard input ``csv``.
            dialect: how times are written, and what stands between cells of CSV.
            follow: whether it is a file that grows, or a named pipe that outlives its writers.
            wake: ends the waiting for what is live.
            content: what it holds, where no file at ``path`` does; see `events.logs.file.Log`.
            portions: how it is read, and what is found in it settled; by default
                `events.logs.file.PORTIONS`.

        """
        if len(set(columns.names())) < len(columns.names()):
            raise BadValueError(
                f"expected different columns, found {', '.join(map(shown, columns.names()))}"
            )
        self.live: Final = content is None and (follow or is_stream(path))
        """Whether they are read while they are written."""
        form = form or ("csv" if path == STANDARD_STREAM else format_of(path))
        lines_of: Callable[[IO[bytes], Path], Readable] | None = None
        if form == "parquet":
            if self.live or str(path).endswith(".gz"):
                raise InputError(
                    f"{path}: expected a file that is not followed and not zipped, as Parquet is "
                    "read from its end, found another"
                )
            lines_of = partial(ParquetLines, columns=columns, unit=dialect.unit)
            form, dialect = "csv", dialect._replace(delimiter=",")
        elif form == "jsonl":
            lines_of = ElementLines
        self.format: Final = RowFormat(form, columns, str(path), dialect)
        """How they are written."""
        self.format.exact = self.live and form == "csv"
        self.format.is_array_refused = self.live and form == "jsonl"
        self.log: Final[Log | LiveLog] = (
            LiveLog(path, "observations", self.format, follow=follow, wake=wake, portions=portions)
            if self.live
            else Log(path, "observations", self.format, content, portions, lines_of=lines_of)
        )
        """Where they are read from."""
        try:
            # Of what cannot be read, or has no such columns, no outputs are begun.
            self.format.read_heading(self.log)
            if not self.live:
                self.log.peek_line()
        except BaseException:
            self.log.close()
            raise

    @cached_property
    def zone(self) -> Zone | None:
        """Whether times have an offset; None where that is not known yet.

        Raises:
            InputError: the file cannot be read so far.

        """
        return self.log.look_ahead().zone if isinstance(self.log, Log) else None

    def close(self) -> None:
        """Close the log."""
        self.log.close()

    @property
    def logs(self) -> tuple[Log | LiveLog]:
        """The one log."""
        return (self.log,)

    @property
    def is_file(self) -> bool:
        """Whether it is read of a file on a disk."""
        return isinstance(self.log, Log) and self.log.is_file

    def in_order(self) -> bool:
        """Tell whether the times that are read of the file are in order.

        Raises:
            InputError: the file cannot be read, or is none on a disk.

        """
        if not isinstance(self.log, Log):
            raise InputError(
                f"{self.log.path}: expected a file, found a pipe, which is read but once"
            )
        # Rows that will be rejected may have times that are not in order; that all are is
        # told in half the time, where it is known which rows are of another zone.
        zone = self.zone
        for whole in (True,) if zone is None else (False, True):
            found = self._are_in_order(self.format.times(self.log.again(), zone, whole=whole))
            # All that is read from now on has to be the same.
            self.log.fingerprint()
            if found:
                return True
        return False

    @staticmethod
    def _are_in_order(times_of: Iterable[Sequence[str]]) -> bool:
        latest = ""
        for times in times_of:
            if times:
                if times[0] < latest or not are_in_order(times):
                    return False
                latest = times[-1]
        return True
