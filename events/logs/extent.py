"""What an open file held at a moment, for several readers that shall see the same."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from typing import IO, TYPE_CHECKING, Final, NamedTuple, Self

import msgspec

from events.bounds import Count, Hash

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed import WriteableBuffer


_BUFFER_BYTES: Final = 1 << 18


class FileState(NamedTuple):
    """What tells whether a file was written to."""

    size: int
    """How many bytes it holds."""
    changed_ns: int
    """When it was changed last."""


def content_of(file: IO[bytes]) -> FileState | None:
    """Return what an open ``file`` holds, or None where it is no file on a disk.

    Raises:
        OSError: nothing of it can be read.

    """
    found = os.fstat(file.fileno())
    # What the system makes up when it is read, as in /proc, has no size.
    is_file = stat.S_ISREG(found.st_mode) and (found.st_size or not os.pread(file.fileno(), 1, 0))
    return FileState(found.st_size, found.st_mtime_ns) if is_file else None


class Extent(io.RawIOBase):
    """The first ``size`` bytes of an open file, read from a place of its own.

    What is written behind them later is not seen, nor is a file that takes the name.
    """

    def __init__(self, descriptor: int, size: int) -> None:
        """Read from the file that is open as ``descriptor``, which is left open."""
        super().__init__()
        self._descriptor: Final = descriptor
        self._size: Final = size
        self._place = 0

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that any place can be read."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a place and return it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        self._place = min(max(base + offset, 0), self._size)
        return self._place

    def tell(self) -> int:
        """Return where it is read next, which is how many bytes were read in order."""
        return self._place

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read as much as there is and as ``buffer`` has room for; return how many bytes."""
        room = memoryview(buffer).cast("B")
        wanted = min(len(room), self._size - self._place)
        found = os.preadv(self._descriptor, [room[:wanted]], self._place) if wanted else 0
        self._place += found
        return found


class HashedExtent(Extent):
    """The same, of which what is read in order is hashed on the way."""

    def __init__(self, descriptor: int, size: int) -> None:
        """Read from the file that is open as ``descriptor``, which is left open."""
        super().__init__(descriptor, size)
        self._hash: Final = hashlib.sha256()
        self._hashed = 0

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read as much as there is and as ``buffer`` has room for; return how many bytes."""
        place = self.tell()
        found = super().readinto(buffer)
        if place == self._hashed:
            self._hash.update(memoryview(buffer).cast("B")[:found])
            self._hashed += found
        return found

    def digest(self) -> tuple[int, bytes]:
        """Return how many bytes there are, and their SHA-256; read those that were not hashed."""
        self.seek(self._hashed)
        buffer = bytearray(_BUFFER_BYTES)
        while self.readinto(buffer):
            pass
        return self._hashed, self._hash.digest()


class Fingerprint(msgspec.Struct, frozen=True):
    """What a log file was when it was read."""

    name: str
    """The file's name, without its folder."""
    size: Count
    """Its size in bytes."""
    sha256: Hash
    """The SHA-256 of its content, 32 bytes."""

    @classmethod
    def of(cls, path: Path, content: HashedExtent) -> Self:
        """Return what the file at ``path`` is, whose ``content`` may have been read partly.

        Raises:
            OSError: it cannot be read.

        """
        return cls(path.name.encode("utf-8", "backslashreplace").decode(), *content.digest())
