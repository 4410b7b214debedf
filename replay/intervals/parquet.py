"""Intervals as Parquet: a file that is written at the end of a search, from its event store."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from events.closing import Closing
from events.disk import NewFile
from events.errors import BadValueError, OutputError, unwritable
from events.observations.parquet import pyarrow_module
from events.store.store import EventStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from events.disk import Disk
    from replay.engine.output import WrittenLines


def intervals_table(store: EventStore) -> Any:
    """Return the intervals of a store as a table of pyarrow; see `EventStore.to_frame`.

    Raises:
        BadValueError: a time is finer than a nanosecond, or too far off for these.
        MissingLibraryError: pyarrow is not installed.

    """
    return store.to_frame("pyarrow", "decisions").drop_columns(["number"])


def as_parquet(store: EventStore) -> bytes:
    """Return the intervals of a store as a Parquet file; raises as `intervals_table` does."""
    content = BytesIO()
    pyarrow_module(store.path, "pyarrow.parquet").write_table(intervals_table(store), content)
    return content.getvalue()


class ParquetOutput(Closing):
    """A file that gets its name when all intervals are in it; a `replay.engine.output.Output`.

    Raises:
        MissingLibraryError: pyarrow is not installed.
        OutputError: a file stands there that is not to be replaced, or it cannot be written.

    """

    keeps = True
    size = 0

    def __init__(self, path: Path, store: Path, disk: Disk, cure: str) -> None:
        """Write the intervals of the store at ``store`` to ``path``."""
        self.path: Final = path
        self._store: Final = store
        self._disk: Final = disk
        self._cure: Final = cure
        self._replaces = False
        self._parquet: Final = pyarrow_module(path, "pyarrow.parquet")

    def hold(self) -> None:
        """Do nothing: the store is held."""

    def start(self, *, overwrite: bool) -> int:
        """Return 0; a file that stands there is refused unless it is to be replaced."""
        if self.path.exists() and not overwrite:
            raise OutputError(
                f"{self.path}: expected no file, as nothing is appended to Parquet, found one; "
                "name another file or use --overwrite"
            )
        return 0

    def begin(self, start: int, *, overwrite: bool) -> None:
        """Take note whether a file is to be replaced at the end."""
        del start
        self._replaces = overwrite

    def recover(self, start: int, written: WrittenLines, *, finished: bool) -> None:
        """Write the file of a finished history if it is not there."""
        del start, written
        if finished:
            self.complete()

    def write(self, lines: Sequence[bytes]) -> None:
        """Do nothing: all is in the store."""

    def sync(self) -> None:
        """Do nothing: nothing was written."""

    def close(self) -> None:
        """Do nothing: nothing is open."""

    def complete(self) -> None:
        """Write the file, unless it is there."""
        store = EventStore(self._store)
        stands = self.path.exists()
        if stands and not self._replaces:
            self._check(store)
            return
        try:
            content = as_parquet(store)
        except BadValueError as error:
            raise OutputError(f"{self.path}: {error}; name a file of CSV or JSON lines") from None
        try:
            with NewFile(self.path, self._disk) as new:
                new.write(content)
                new.complete(replace=stands)
        except OSError as error:
            raise unwritable(self.path, error, "the intervals") from None

    def _check(self, store: EventStore) -> None:
        """Refuse what stands there if it is not what is to stand there."""
        try:
            same = self._parquet.read_table(self.path).equals(intervals_table(store))
        except (OSError, ValueError):
            same = False
        if not same:
            raise OutputError(
                f"{self.path}: expected the intervals of {store.path}, found another file; "
                f"{self._cure}"
            )
