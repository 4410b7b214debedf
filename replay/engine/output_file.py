"""The file that the lines of a history go to, and files that are written at once."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from events.closing import Closing
from events.disk import DISK, Disk, NewFile
from events.errors import OutputError, unwritable
from events.store.writer import keep_aside
from replay.engine.files import check_new, taken

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from events.disk import DiskFile
    from replay.engine.output import WrittenLines


def write_new(path: str | Path, content: bytes, what: str) -> None:
    """Write ``content`` to a file that must not exist; ``what`` names it in errors.

    The file has its name when all of it is there.

    Raises:
        InputError: it cannot be made there; see `replay.engine.files.check_new`.
        OutputError: the file exists or cannot be written.

    """
    write_all_new({check_new(path, what): content}, what)


def write_all_new(contents: Mapping[Path, bytes], what: str) -> None:
    """Write files that must not exist; they have their names when all of each is there.

    Who is killed when some of them have their names may start again: a file that holds
    just what it is to hold is left as it is.

    Args:
        contents: what they hold, by where they are; see `replay.engine.files.check_new`.
        what: what errors call one of them.

    Raises:
        OutputError: one exists and is another, or cannot be written; no new one is there
            then.

    """
    begun: list[NewFile] = []
    with ExitStack() as stack:
        for path, content in contents.items():
            try:
                if path.is_file() and path.read_bytes() == content:
                    continue
                new = stack.enter_context(NewFile(path))
                begun.append(new)
                new.write(content)
            except OSError as error:
                raise _unwritable(path, error, what) from None
        for place, new in enumerate(begun):
            try:
                new.complete()
            except OSError as error:
                for done in begun[:place]:
                    done.path.unlink()
                raise _unwritable(new.path, error, what) from None


class OutputFileError(OutputError):
    """The output does not hold what a history wrote to it."""


class OutputFile(Closing):
    """The file of what was found, to which lines are appended (SPEC.md section 4).

    It is locked while it is open: lines of two runs would mix.

    Raises:
        OutputError: the file cannot be opened or written, or another run writes it; also
            while writing.

    """

    keeps = True

    def __init__(
        self,
        path: str | Path,
        disk: Disk = DISK,
        what: str = "the lines",
        cure: str = "",
    ) -> None:
        """Take the file at ``path``; errors say what it holds, and the cure if it was altered."""
        self.path: Final = Path(path)
        self.size = 0
        """How many bytes were written of this history's lines."""
        self._what: Final = what
        self._cure: Final = cure
        self._disk: Final = disk
        self._file: DiskFile | None = None
        self._unsynced = False
        # Whether it was made here, and is not wanted before a history begins.
        self._made = False

    def hold(self) -> None:
        """Open the file and lock it, if there is one."""
        self._do(lambda: self._open(make=False))

    def start(self, *, overwrite: bool) -> int:
        """Open the file, made if there is none, for the lines of a new history.

        Returns:
            The byte at which they begin: behind a newline, should the last line lack one.

        """
        self._do(lambda: self._open(make=True))
        size = self._opened.size()
        if overwrite or not size:
            return 0
        return size + (self._opened.read(size - 1, 1) != b"\n")

    def before(self, start: int) -> bytes:
        """Return what stands before byte ``start``, where a history begins, or b"" if that is gone.

        A newline that should end it is added.
        """
        if self._file is None:
            return b""
        found = self._file.read(0, start)
        found += b"\n" * (len(found) == start - 1)
        return found if len(found) == start else b""

    def begin(self, start: int, *, overwrite: bool = False) -> None:
        """End what stands in the file with a newline, where ``start`` asks for one; or drop it."""
        self._do(lambda: self._open(make=True))
        self._made = False
        file = self._opened
        if overwrite:
            self._do(lambda: file.truncate(0))
        elif file.size() == start - 1:
            self._do(lambda: file.write(b"\n"))
        else:
            return
        self._unsynced = True
        # Before any line: a power cut could keep a line, and lose what was done before it.
        self.sync()

    def recover(self, start: int, written: WrittenLines, *, finished: bool) -> Path | None:
        """Make sure that the file holds the lines of a history from byte ``start`` on, each once.

        What a crash has left unwritten is written. Of a history that goes on, all of it is
        on the disk then: whoever wrote it may have stopped before that.

        Args:
            start: where the lines of the history begin.
            written: the lines.
            finished: whether the history goes on no further; then what comes behind may
                be another's.

        Returns:
            Where bytes were moved to that stood behind the lines of a history that goes
            on, or None where there were none.

        Raises:
            OutputFileError: the file is shorter than it was, or was altered.

        """
        committed = written.committed
        self.hold()
        if committed and self._file is None:
            raise self._altered(f"{committed} bytes of {self._what} or more, found no file")
        self._do(lambda: self._open(make=True))
        self._made = False
        file = self._opened
        size = file.size()
        if committed <= size < start + committed and self._right(0, written) == size:
            # What stood before is gone: the file was rebuilt without it.
            start = 0
        if size < start + committed and (committed or size < start - 1):
            raise self._altered(f"{start + committed} bytes or more, found {size}")
        if 0 < start == size and file.read(start - 1, 1) == b"\0":
            # The newline that ends what stood before, as a power cut can leave it.
            self._do(lambda: file.truncate(start - 1))
        self.begin(start)
        size = file.size()
        right = self._right(start, written)
        wrong = right < min(size - start, written.size)
        # A write that a power cut tore can have left zeros; a line never holds one.
        if wrong and (right < committed or file.read(start + right, 1) != b"\0"):
            raise self._altered(
                f"the lines of this history, found others from byte {start + right} on"
            )
        aside = None
        if size > start + right and (wrong or not finished):
            aside = self._cut(start + right, size)
        self._complete(written, right)
        if right < written.size or not finished:
            self._unsynced = True
            self.sync()
            self._do(lambda: self._disk.sync_folder(self.path.parent))
        self.size = written.size
        return aside

    def _right(self, start: int, written: WrittenLines) -> int:
        """Return how many bytes from ``start`` on are the first ones of what was written."""
        right = 0
        for piece in written.pieces():
            common = _common(self._opened.read(start + right, len(piece)), piece)
            right += common
            if common < len(piece):
                break
        return right

    def _complete(self, written: WrittenLines, right: int) -> None:
        """Append what was written behind its first ``right`` bytes."""
        if right == written.size:
            return
        place = 0
        for piece in written.pieces():
            missing = piece[max(0, right - place) :]
            if missing:
                self._do(partial(self._opened.write, missing))
            place += len(piece)

    def write(self, lines: Sequence[bytes]) -> None:
        """Append ``lines``, which have no newlines."""
        data = b"\n".join((*lines, b""))
        self._do(lambda: self._opened.write(data))
        self._unsynced = True
        self.size += len(data)

    def sync(self) -> None:
        """Return only when all that was written is on the disk, under the file's name."""
        if self._unsynced:
            self._do(self._opened.sync)
            self._unsynced = False
        try:
            self._opened.check_in_place()
        except OSError as error:
            raise OutputError(
                f"{self._unwritable(error)}; what was found is in the store, and {self._cure}"
            ) from None

    def close(self) -> None:
        """Close the file, if it was opened; one that was made in vain is removed."""
        if self._file is None:
            return
        file, self._file = self._file, None
        file.close()
        if self._made:
            with suppress(OSError):
                self._disk.remove(file.path)

    @property
    def _opened(self) -> DiskFile:
        assert self._file is not None, "it is opened before anything is done with it"
        return self._file

    def _open(self, *, make: bool) -> None:
        if self._file is not None:
            return
        disk = self._disk
        try:
            file = disk.extend(self.path)
        except FileNotFoundError:
            if not make:
                return
            # A link to where nothing is yet says where it is to be.
            file = disk.create(Path(os.path.realpath(self.path)))
            self._made = True
        try:
            file.lock()
        except BlockingIOError:
            file.close()
            raise OutputError(
                f"{self.path}: expected a file that no other run is writing, found one that is; "
                "wait for that run, or name another file"
            ) from None
        self._file = file
        if self._made:
            disk.sync_folder(file.path.parent)

    def _cut(self, end: int, size: int) -> Path:
        """Move what comes behind byte ``end`` to a file of its own."""
        file = self._opened
        try:
            aside = keep_aside(self.path, file.read(end, size - end), "tail", self._disk)
            file.truncate(end)
            file.sync()
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

    def _altered(self, detail: str) -> OutputFileError:
        return OutputFileError(
            f"{self.path}: expected {detail}; it was changed since it was written, and {self._cure}"
        )


def _common(one: bytes, other: bytes) -> int:
    """Return how many bytes both begin with."""
    if other.startswith(one):
        return len(one)
    pairs = enumerate(zip(one, other, strict=False))
    return next(at for at, (left, right) in pairs if left != right)


def _unwritable(path: Path, error: OSError, what: str) -> OutputError:
    if isinstance(error, FileExistsError):
        return taken(path, what)
    return unwritable(path, error, what)
