"""The files that a run writes, behind one small interface, so that each operation can fail.

Whatever is written, synced, renamed, truncated or removed goes through a `Disk`. Tests
put another one in its place that fails, dies, or forgets what was not synced.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from events.closing import Closing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class DiskFile(Closing):
    """An open file that is written at its end.

    Raises:
        OSError: an operation failed.

    """

    def __init__(self, path: Path, flags: int) -> None:
        """Open the file at ``path`` with the flags of `os.open`."""
        self.path = path
        """Where it is."""
        self._descriptor = os.open(path, flags | os.O_CLOEXEC, 0o666)
        self.regular: Final = stat.S_ISREG(os.fstat(self._descriptor).st_mode)
        """Whether it is a file on a disk, and not a pipe or a device."""

    def write(self, data: bytes | memoryview) -> None:
        """Append ``data``, all of it."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def sync(self) -> None:
        """Return only when all that was written is on the disk."""
        if self.regular:
            os.fsync(self._descriptor)

    def truncate(self, size: int) -> None:
        """Cut the file to ``size`` bytes; what is written comes after them."""
        os.ftruncate(self._descriptor, size)
        os.lseek(self._descriptor, 0, os.SEEK_END)

    def size(self) -> int:
        """Return how many bytes the file has; 0 for a pipe or a device."""
        return os.fstat(self._descriptor).st_size if self.regular else 0

    def read(self, start: int, length: int) -> bytes:
        """Return up to ``length`` bytes from byte ``start`` on."""
        pieces = []
        while length > 0 and (piece := os.pread(self._descriptor, length, start)):
            pieces.append(piece)
            start += len(piece)
            length -= len(piece)
        return b"".join(pieces)

    def lock(self) -> None:
        """Let nobody else lock the file until it is closed.

        Raises:
            BlockingIOError: somebody else has locked it.

        """
        _lock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def close(self) -> None:
        """Close the file; closing it again does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


class Disk:
    """The file operations of the operating system.

    Raises:
        OSError: an operation failed.

    """

    def create(self, path: Path) -> DiskFile:
        """Make a new file; one that is there is emptied."""
        return DiskFile(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)

    def extend(self, path: Path) -> DiskFile:
        """Open a file to read it and to write at its end; it is made if there is none."""
        try:
            return DiskFile(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        except OSError:
            # Such as a pipe, or a file that may only be written.
            return DiskFile(path, os.O_WRONLY | os.O_APPEND)

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name; one of that name is replaced."""
        old.replace(new)

    def remove(self, path: Path) -> None:
        """Remove a file."""
        path.unlink()

    def sync_folder(self, folder: Path) -> None:
        """Return only when the folder's entries are on the disk."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


DISK: Final = Disk()
"""The disk of this machine."""


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until nobody else is in such a block for ``folder``, and keep others out of it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _lock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Tell whether somebody has locked the file at ``path``, as `DiskFile.lock` does."""
    if not path.is_file():
        return False
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _lock(descriptor: int, how: int) -> None:
    try:
        fcntl.flock(descriptor, how)
    except OSError as error:
        # Some network disks know no locks; a run there has to look after itself.
        if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
            raise
