"""Standard input, named pipes and devices, which give what they hold but once."""

from __future__ import annotations

import array
import fcntl
import os
import stat
import termios
from typing import TYPE_CHECKING, Final

from events.disk import Identity, identity_of
from events.logs.tap import READ_BYTES, Change, Tap, wait

if TYPE_CHECKING:
    from pathlib import Path

    from events.logs.file import Portions
    from events.logs.tap import Wake


class Pipe(Tap):
    """A stream that ends when nobody writes to it any more.

    One that is followed outlives its writers: when the last one has gone, a line without a
    newline is over, and the next one is waited for.
    """

    descriptor = -1

    def __init__(
        self,
        path: Path,
        descriptor: int,
        wake: Wake | None,
        portions: Portions,
        *,
        owned: bool,
        follow: bool,
    ) -> None:
        """Read from ``descriptor``, which was opened for this if it is ``owned``.

        If it is to be followed, it outlives its writers.
        """
        super().__init__(path, wake, portions)
        self.descriptor = descriptor
        self._owned: Final = owned
        self._follow: Final = follow
        self._deserted = False
        # Whether something was read just now of a pipe that is followed.
        self._given = False
        # When it is to stop: how much it held then and is still to be read.
        self._rest: int | None = None

    @property
    def waiting(self) -> bool:
        return not self._deserted and wait(None, 0, self.descriptor)

    def close(self) -> None:
        """Close the stream, if it was opened for this."""
        if self._owned and self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def next(self) -> bytes | Change:
        """Return what comes next; once it is to stop, what a named pipe held then."""
        if self._stopping():
            return self._read_rest()
        if self._deserted and not self._opened_again():
            wait(self._wake, self._portions.look_seconds)
            return Change.NOTHING
        if self._given:
            # Of a writer that had gone when the pipe was opened again no wait tells the end.
            found = self._read(READ_BYTES)
            if found is not Change.NOTHING:
                return found
            self._given = False
        if wait(self._wake, self._portions.idle_seconds, self.descriptor):
            return self._read(READ_BYTES)
        if self._follow and self._is_replaced():
            self._deserted = True
            return Change.LEFT
        return Change.NOTHING

    def _read(self, size: int) -> bytes | Change:
        try:
            chunk = os.read(self.descriptor, size)
        except BlockingIOError:
            # Somebody else who reads was faster.
            return Change.NOTHING
        except OSError as error:
            raise self._unreadable(error) from None
        self.offset += len(chunk)
        self._given = self._follow and bool(chunk)
        if chunk:
            return chunk
        self._deserted = self._follow
        return Change.LEFT if self._follow else Change.END

    def _read_rest(self) -> bytes | Change:
        if self._rest is None:
            # What was written to standard input can be given again; here nobody knows of it.
            self._rest = _held(self.descriptor) if self._owned else 0
        found = self._read(min(self._rest, READ_BYTES)) if self._rest else b""
        if not isinstance(found, bytes) or not found:
            return Change.STOPPED
        self._rest -= len(found)
        return found

    def _is_replaced(self) -> bool:
        return identity_of(self._path) not in (None, Identity.of(self.descriptor))

    def _opened_again(self) -> bool:
        """Open the pipe again, which then waits for its next writer; tell if it is there.

        One whose writers have gone says at once, and for ever, that it has ended.
        """
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return False
        if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            return False
        # Not before: in between, whoever writes would be told that nobody reads.
        os.close(self.descriptor)
        self.descriptor = descriptor
        self._deserted = False
        return True


def _held(descriptor: int) -> int:
    """Return how many bytes a pipe holds; 0 for what is none."""
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        return 0
    size = array.array("i", [0])
    fcntl.ioctl(descriptor, termios.FIONREAD, size)
    return size[0]
