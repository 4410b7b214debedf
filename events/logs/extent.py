"""The beginning of an open file, for several readers that shall see the same."""

from __future__ import annotations

import io
import os
import stat
from typing import IO, TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Content(NamedTuple):
    """What tells whether a file was written to."""

    size: int
    """How many bytes it holds."""
    changed_ns: int
    """When it was changed last."""


def content_of(file: IO[bytes]) -> Content | None:
    """Return what an open ``file`` holds, or None where it is no file on a disk."""
    found = os.fstat(file.fileno())
    return Content(found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None


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

    def tell(self) -> int:
        """Return how many bytes were read."""
        return self._place

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read as much as there is and as ``buffer`` has room for; return how many bytes."""
        room = memoryview(buffer).cast("B")
        wanted = min(len(room), self._size - self._place)
        found = os.pread(self._descriptor, wanted, self._place) if wanted else b""
        room[: len(found)] = found
        self._place += len(found)
        return len(found)
