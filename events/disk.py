"""The files that a run writes, behind one small interface, so that each operation can fail.

Whatever is written, synced, named, truncated or removed goes through a `Disk`. Tests
put another one in its place that fails, dies, or forgets what was not synced.

Nothing that is not the program's own is touched (SPEC.md section 8): a file beside a named
one is made exclusively, gets a name that nobody has, and never through a link.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from events.closing import Closing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EXTENDED: Final = os.O_RDWR | os.O_APPEND
CREATED: Final = EXTENDED | os.O_CREAT | os.O_EXCL
_NAME_BYTES_MAX: Final = 255
# So much of a file shows what it is.
_START_BYTES: Final = 64
# Those of cameras are such disks.
NO_LINKS: Final = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
"""How disks without hard links answer."""


class Identity(NamedTuple):
    """Which file it is, whatever its names."""

    device: int
    inode: int

    @classmethod
    def of(cls, descriptor: int) -> Self:
        """Return which file is open as ``descriptor``."""
        found = os.fstat(descriptor)
        return cls(found.st_dev, found.st_ino)


class Permissions(NamedTuple):
    """Who may do what with a file."""

    mode: int
    user: int
    group: int


class DiskFile(Closing):
    """An open file that is written at its end.

    Raises:
        OSError: an operation failed.

    """

    def __init__(self, path: Path, flags: int) -> None:
        """Open the file at ``path`` with the flags of `os.open`."""
        self.path = path
        """Where it is."""
        # Without waiting for a reader, should a pipe have come to stand there.
        self._descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK, 0o666)
        self.identity: Final = Identity.of(self._descriptor)
        """Which file it is."""
        found = os.fstat(self._descriptor)
        # How far it reaches by what was done to it here.
        self._end = found.st_size
        if not stat.S_ISREG(found.st_mode):
            self.close()
            raise OSError(errno.EINVAL, "no regular file")

    def write(self, data: bytes | memoryview) -> None:
        """Append ``data``, all of it."""
        view = memoryview(data)
        while view:
            written = os.write(self._descriptor, view)
            self._end += written
            view = view[written:]

    def sync(self) -> None:
        """Return only when all that was written is on the disk."""
        os.fsync(self._descriptor)

    def check_in_place(self) -> None:
        """Raise unless the file still is where it was opened, with all that was written to it.

        What is written to a file that has lost its name is lost with it.

        Raises:
            FileNotFoundError: it was removed, or another has taken its place.
            OSError: somebody has cut it.

        """
        if self.identity != identity_of(self.path):
            raise FileNotFoundError(errno.ENOENT, "it was removed or replaced while it was written")
        if self.size() < self._end:
            raise OSError(errno.EIO, "somebody has cut it while it was written")

    def permit(self, permissions: Permissions) -> None:
        """Let who could use another file use this one, as far as this process may say so."""
        with suppress(PermissionError):
            os.fchown(self._descriptor, permissions.user, permissions.group)
        os.fchmod(self._descriptor, permissions.mode)

    def truncate(self, size: int) -> None:
        """Cut the file to ``size`` bytes; what is written comes after them."""
        os.ftruncate(self._descriptor, size)
        self._end = size
        os.lseek(self._descriptor, 0, os.SEEK_END)

    def size(self) -> int:
        """Return how many bytes the file has."""
        return os.fstat(self._descriptor).st_size

    def read(self, start: int, length: int) -> bytes:
        """Return up to ``length`` bytes from byte ``start`` on."""
        return read_at(self._descriptor, start, length)

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
        """Make a new file under a name that nobody has.

        Raises:
            FileExistsError: somebody has it; also if that is a link to nowhere.

        """
        return DiskFile(path, CREATED)

    def extend(self, path: Path) -> DiskFile:
        """Open a file that is there, to read it and to write at its end."""
        return DiskFile(path, EXTENDED)

    def link(self, old: Path, new: Path) -> None:
        """Give a file a second name, which nobody has.

        Raises:
            FileExistsError: somebody has it.

        """
        os.link(old, new, follow_symlinks=False)

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name; one of that name is replaced."""
        old.replace(new)

    def remove(self, path: Path) -> None:
        """Remove a file."""
        path.unlink()

    def rename_new(self, old: Path, new: Path) -> None:
        """Give a file another name, which nobody has.

        Raises:
            FileExistsError: somebody has it.

        """
        # Renaming would replace what came to stand there since it was looked for.
        try:
            self.link(old, new)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            if os.path.lexists(new):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
            self.rename(old, new)
        else:
            self.remove(old)

    def sync_folder(self, folder: Path) -> None:
        """Return only when the folder's entries are on the disk."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


DISK: Final = Disk()
"""The disk of this machine."""


class NewFile(Closing):
    """A file that gets its name when it is complete; until then it has one of its own.

    Closed before it is complete, it is removed. A process that is killed leaves it as
    ``NAME.part.~1~`` and so on, which is in nobody's way.

    Raises:
        OSError: an operation failed.

    """

    def __init__(self, path: Path, disk: Disk = DISK) -> None:
        """Begin the file that is to be called ``path``."""
        self.path: Final = path
        """What it is to be called."""
        self._disk: Final = disk
        self.file: Final = self._begin()
        """The file, to be written to."""
        self._complete = False

    def write(self, data: bytes | memoryview) -> None:
        """Append ``data``."""
        self.file.write(data)

    def complete(self, *, replace: bool = False) -> None:
        """Let the file have its name, when all of it is on the disk.

        Args:
            replace: whether it takes the place of a file that stands there, with that
                file's permissions.

        Raises:
            FileExistsError: a file stands there, and is not to be replaced.

        """
        disk, part = self._disk, self.file.path
        permissions = permissions_of(self.path) if replace else None
        if permissions is not None:
            self.file.permit(permissions)
        self.file.sync()
        (disk.rename if replace else disk.rename_new)(part, self.path)
        self._complete = True
        self.file.path = self.path
        disk.sync_folder(self.path.parent)

    def close(self) -> None:
        """Close the file, and remove it unless it is complete."""
        self.file.close()
        if not self._complete:
            self._complete = True
            with suppress(OSError):
                self._disk.remove(self.file.path)

    def _begin(self) -> DiskFile:
        while True:
            with suppress(FileExistsError):
                return self._disk.create(free_name(self.path, "part"))


def identity_of(path: Path) -> Identity | None:
    """Return which file stands at ``path``, or None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return Identity(found.st_dev, found.st_ino)


def permissions_of(path: Path) -> Permissions | None:
    """Return the permissions of the file at ``path``, or None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return Permissions(stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid)


def numbered_name(path: Path, number: int, what: str = "") -> Path:
    """Return the name beside ``path`` with a number: ``NAME.~1~``, or ``NAME.WHAT.~1~``."""
    end = f"{what and '.'}{what}.~{number}~"
    # Of a name that is as long as names may be, the beginning has to do.
    start = os.fsencode(path.name)[: _NAME_BYTES_MAX - len(end)]
    return path.with_name(os.fsdecode(start) + end)


def free_name(path: Path, what: str = "") -> Path:
    """Return the first numbered name beside ``path`` that nobody has."""
    number = 1
    while os.path.lexists(numbered := numbered_name(path, number, what)):
        number += 1
    return numbered


def read_at(descriptor: int, start: int, length: int) -> bytes:
    """Return up to ``length`` bytes of an open file from byte ``start`` on."""
    pieces = []
    while length > 0 and (piece := os.pread(descriptor, length, start)):
        pieces.append(piece)
        start += len(piece)
        length -= len(piece)
    return b"".join(pieces)


def read_beginning(path: Path, start: bytes) -> bytes:
    """Return what the regular file at ``path`` holds, as much as there is now.

    Nothing is waited for; of a file that does not begin with ``start`` no more is read than
    tells that.

    Raises:
        OSError: it cannot be read, or is no regular file.

    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "a pipe, a device or a socket")
        found = os.pread(descriptor, _START_BYTES, 0)
        return file.read(status.st_size) if found.startswith(start) else found


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
