"""Where verdicts go: the decisions to the event store, the flagged lines to their file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from events.closing import Closing
from events.disk import DISK, Disk
from events.errors import OutputError
from events.records import Record, Written
from events.writer import keep_aside

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from events.disk import DiskFile
    from events.records import Decision, StateDigest
    from events.writer import StoreWriter


def write_new(path: str | Path, content: bytes, what: str) -> None:
    """Write ``content`` to a file that must not exist; ``what`` names it in errors.

    Raises:
        OutputError: the file exists or cannot be written.

    """
    path = Path(path)
    made = False
    try:
        with path.open("xb") as file:
            made = True
            file.write(content)
    except OSError as error:
        if made:
            # Half of it would be in the way of whoever tries again.
            path.unlink(missing_ok=True)
        raise OutputError(f"{path}: expected to write {what}, found: {error.strerror}") from None


INTERVALS: Final = "the intervals"
"""What the second detector writes, in errors."""


class FlaggedFileError(OutputError):
    """The flagged file does not hold what a history wrote to it."""


class FlaggedFile(Closing):
    """The file of flagged purchases, to which lines are appended (SPEC.md section 4).

    It is opened by `begin` or `recover`, and made if there is none.

    Raises:
        OutputError: the file cannot be opened or written; also while writing.

    """

    _file: DiskFile

    def __init__(
        self, path: str | Path, disk: Disk = DISK, what: str = "the flagged purchases"
    ) -> None:
        """Take the file at ``path``; errors call its content ``what``."""
        self.path: Final = Path(path)
        self.size = 0
        """How many bytes were written of this history's lines."""
        self._what: Final = what
        self._disk: Final = disk
        self._is_open = False

    @staticmethod
    def start_of(path: Path) -> int:
        """Return at which byte of the file the lines of a history begin that begins now.

        Raises:
            OutputError: the file cannot be read.

        """
        if not path.is_file() or not (size := path.stat().st_size):
            return 0
        try:
            with path.open("rb") as file:
                file.seek(-1, os.SEEK_END)
                return size + (file.read() != b"\n")
        except OSError as error:
            raise _unwritable(path, error) from None

    def begin(self, start: int, *, overwrite: bool = False) -> None:
        """End what stands in the file with a newline, where ``start`` asks for one; or drop it."""
        self._do(self._open)
        if not self._file.regular:
            return
        if overwrite:
            self._do(lambda: self._file.truncate(0))
        elif self._file.size() == start - 1:
            self._do(lambda: self._file.write(b"\n"))
        else:
            return
        # Before any line: a power cut could keep a line, and lose what was done before it.
        self.sync()

    def recover(self, start: int, lines: bytes, committed: int, *, finished: bool) -> Path | None:
        """Make sure that the file holds ``lines`` from byte ``start`` on, each once.

        What a crash has left unwritten is written. Of a history that goes on, all of it is
        on the disk then: whoever wrote it may have stopped before that.

        Args:
            start: where the lines of the history begin.
            lines: all of them so far.
            committed: how many bytes of them are known to have been there.
            finished: whether the history goes on no further; then what comes behind may
                be another's.

        Returns:
            Where bytes were moved to that stood behind the lines of a history that goes
            on, or None where there were none.

        Raises:
            FlaggedFileError: the file is shorter than it was, or was altered.

        """
        if committed and not self.path.exists():
            raise self._altered(f"{committed} bytes of {self._what} or more, found no file")
        self._do(self._open)
        if not self._file.regular:
            self.size = len(lines)
            return None
        size = self._file.size()
        if committed <= size < start + committed and lines.startswith(self._file.read(0, size)):
            # What stood before is gone: the file was rebuilt without it.
            start = 0
        if size < start + committed and (committed or size < start - 1):
            raise self._altered(f"{start + committed} bytes or more, found {size}")
        if 0 < start == size and self._file.read(start - 1, 1) == b"\0":
            # The newline that ends what stood before, as a power cut can leave it.
            self._do(lambda: self._file.truncate(start - 1))
        self.begin(start)
        found = self._file.read(start, len(lines))
        size = self._file.size()
        right = _common(found, lines)
        # A write that a power cut tore can have left zeros; a line never holds one.
        if right < len(found) and (right < committed or found[right] != 0):
            raise self._altered(
                f"the lines of this history, found others from byte {start + right} on"
            )
        aside = None
        if size > start + right and (right < len(found) or not finished):
            aside = self._cut(start + right, size)
        if right < len(lines):
            self._do(lambda: self._file.write(lines[right:]))
        if right < len(lines) or not finished:
            self.sync()
            self._do(lambda: self._disk.sync_folder(self.path.parent))
        self.size = len(lines)
        return aside

    def write(self, lines: Sequence[bytes]) -> None:
        """Append ``lines``, which have no newlines."""
        data = b"".join([line + b"\n" for line in lines])
        self._do(lambda: self._file.write(data))
        self.size += len(data)

    def sync(self) -> None:
        """Return only when all that was written is on the disk."""
        self._do(self._file.sync)

    def close(self) -> None:
        """Close the file, if it was opened."""
        if self._is_open:
            self._file.close()

    def _open(self) -> None:
        if self._is_open:
            return
        existed = self.path.exists()
        self._file = self._disk.extend(self.path)
        self._is_open = True
        if not existed and self._file.regular:
            self._disk.sync_folder(self.path.parent)

    def _cut(self, end: int, size: int) -> Path:
        """Move what comes behind byte ``end`` to a file of its own."""
        try:
            aside = keep_aside(self.path, self._file.read(end, size - end), "tail", self._disk)
            self._file.truncate(end)
            self._file.sync()
        except OSError as error:
            raise self._unwritable(error) from None
        return aside

    def _do(self, operation: Callable[[], None]) -> None:
        try:
            operation()
        except OSError as error:
            raise self._unwritable(error) from None

    def _unwritable(self, error: OSError) -> OutputError:
        return _unwritable(self.path, error, self._what)

    def _altered(self, detail: str) -> FlaggedFileError:
        cure = f"and python -m replay rebuild STORE {self.path} writes it again"
        if self._what == INTERVALS:
            cure = "and --overwrite writes it afresh"
        return FlaggedFileError(
            f"{self.path}: expected {detail}; it was changed since it was written, {cure}"
        )


def _common(one: bytes, other: bytes) -> int:
    """Return how many bytes both begin with."""
    if other.startswith(one):
        return len(one)
    pairs = enumerate(zip(one, other, strict=False))
    return next(at for at, (left, right) in pairs if left != right)


def _unwritable(path: Path, error: OSError, what: str = "the flagged purchases") -> OutputError:
    return OutputError(f"{path}: expected to write {what}, found: {error.strerror}")


class Outputs:
    """Sends decisions to a store and flagged lines to a file; an outlet of the sink actor.

    A line is written only when its event and its decision are on the disk, and the
    store then tells, with what comes next, how far the file had come.
    """

    def __init__(self, store: StoreWriter, flagged: FlaggedFile) -> None:
        """Send decisions to ``store`` and lines to ``flagged``."""
        self._store = store
        self._flagged = flagged
        self.told = 0
        """How far the file had come when the store told it last, in bytes."""

    def record(self, decisions: Sequence[Decision]) -> None:
        """Append ``decisions`` to the store."""
        if decisions:
            self.append(decisions)

    def append(self, records: Sequence[Record]) -> None:
        """Append ``records`` that are no events to the store, and how far the file has come."""
        if self._flagged.size != self.told:
            self.told = self._flagged.size
            records = [Written(self.told), *records]
        self._store.append(records, 0)

    def attest(self, digest: StateDigest) -> None:
        """Append ``digest`` to the store."""
        self._store.append([msgspec.structs.replace(digest, chain=self._store.chain)], 0)

    def write(self, lines: Sequence[bytes]) -> None:
        """Append ``lines`` to the flagged purchases."""
        if lines:
            self._store.sync()
            self._flagged.write(lines)
            self._flagged.sync()
