"""Reading a stream as it comes in: from standard input, a pipe, or a file that grows.

Lines are given out as soon as they are there, and no more is read before they have been
dealt with: whoever writes too fast has to wait.
"""

from __future__ import annotations

import os
import select
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from events.blocks import Block, BlockParser
from events.closing import Closing
from events.disk import Identity
from events.errors import InputError
from events.records import LogEnd, Source
from replay.standard_streams import standard_input

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from events.jsonlines import Fingerprint

STANDARD_INPUT: Final = "-"

_READ_BYTES: Final = 1 << 16
# How often a file that grows is looked at.
_LOOK_SECONDS: Final = 0.01
# After so long without a line whoever reads is told that nothing came.
_IDLE_SECONDS: Final = 1.0


class Wake(Protocol):
    """Something that may end the waiting for lines."""

    def __call__(self) -> bool:
        """Tell whether to stop."""

    def fileno(self) -> int:
        """Return a file descriptor that becomes readable then."""


def is_live(path: str | Path) -> bool:
    """Tell whether ``path`` is standard input or a pipe, which can be read but once."""
    path = Path(path)
    return str(path) == STANDARD_INPUT or path.is_fifo() or path.is_char_device()


class LiveLog(Closing):
    """A stream that is read while it is written; it has no end that is known before.

    Raises:
        InputError: it cannot be opened or read; also while iterating.

    """

    source: Final[Source] = "stream"

    def __init__(self, path: str | Path, *, follow: bool = False, wake: Wake | None = None) -> None:
        """Open the stream.

        Args:
            path: ``-`` for standard input, a pipe, or a file.
            follow: whether it is a file that grows, in which case its end is waited at.
            wake: ends the waiting.

        """
        self.path: Final = Path(path)
        self.lines_read = 0
        self.stopped = False
        """Whether the reading was ended by ``wake``, not by the end of the stream."""
        self.notify: Callable[[str], None] = lambda _: None
        """Is told of what happens to a file that is followed."""
        self._follow: Final = follow
        self._wake: Final = wake
        self._owned: Final = str(path) != STANDARD_INPUT
        self._ends_with_newline = True
        self._descriptor = (
            self._open() if self._owned else standard_input("a stream of events").fileno()
        )
        self._offset = 0

    def close(self) -> None:
        """Close the stream, if it was opened here."""
        if self._owned and self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    @property
    def identity(self) -> Identity:
        """Which file it is."""
        return Identity.of(self._descriptor)

    def fingerprint(self) -> Fingerprint | None:
        """Return None: what will come is not known."""

    @property
    def bytes_read(self) -> int:
        """How much was read, in bytes."""
        return self._offset

    @property
    def bytes_total(self) -> int:
        """How much there is, in bytes; 0 where nobody knows."""
        return 0

    def end(self) -> LogEnd:
        """Return the record of the stream's end."""
        return LogEnd(self.source, self.lines_read, self._ends_with_newline)

    def skip(self, lines: int) -> None:
        """Go on after the first ``lines`` lines, which have been read before.

        Standard input and pipes do not give them again, so only the count goes on. A
        file that has fewer lines is another one, and read from its start.
        """
        if not self._follow:
            self.lines_read = lines
            return
        found = 0
        while found < lines:
            chunk = os.pread(self._descriptor, _READ_BYTES, self._offset)
            if not chunk:
                self.notify(
                    f"{self.path}: expected {lines} lines or more, found {found}; it was "
                    "rotated or truncated since, so it is read from its start"
                )
                self._offset = 0
                return
            count = chunk.count(b"\n")
            if found + count < lines:
                self._offset += len(chunk)
                found += count
            else:
                rest = chunk.split(b"\n", lines - found)[-1]
                self._offset += len(chunk) - len(rest)
                found = lines
        self.lines_read = lines

    def blocks(self, first_number: int) -> Iterator[Block]:
        """Iterate over the lines as they come in; an empty block says that none came.

        Args:
            first_number: the number that the first accepted event gets.

        Raises:
            InputError: the stream cannot be read any further.

        """
        parser = BlockParser(self.source, first_number, self.lines_read + 1)
        pieces: list[bytes] = []
        while not self.stopped:
            chunk = self._next_chunk()
            if chunk is None:
                yield Block([], [], [])
                continue
            ended = not chunk
            if ended and pieces and not self.stopped:
                self._ends_with_newline = self._follow
                chunk = b"\n"
            end = chunk.rfind(b"\n") + 1
            if end:
                block = parser.parse(b"".join([*pieces, chunk[:end]]))
                self.lines_read = parser.line_number - 1
                yield block
                pieces = []
            if chunk[end:]:
                pieces.append(chunk[end:])
            if ended:
                if not self._follow:
                    return
                parser.line_number = 1

    def _next_chunk(self) -> bytes | None:
        """Return what comes next, b"" at an end, or None if nothing came for a while."""
        waited = 0.0
        pause = _LOOK_SECONDS if self._follow else _IDLE_SECONDS
        while not self._stopping():
            if not self._follow:
                if not self._ready(pause):
                    return None
                return self._read()
            if chunk := self._read():
                return chunk
            if self._replaced():
                return b""
            self._ready(pause)
            waited += pause
            if waited >= _IDLE_SECONDS:
                return None
        self.stopped = True
        return b""

    def _stopping(self) -> bool:
        return self._wake is not None and self._wake()

    def _ready(self, seconds: float) -> bool:
        """Wait until there is something to read or the waiting is to end; tell if the former."""
        watched = [] if self._follow else [self._descriptor]
        wake = [] if self._wake is None else [self._wake.fileno()]
        readable, _, _ = select.select([*watched, *wake], [], [], seconds)
        return self._descriptor in readable

    def _read(self) -> bytes:
        try:
            if self._follow:
                chunk = os.pread(self._descriptor, _READ_BYTES, self._offset)
            else:
                chunk = os.read(self._descriptor, _READ_BYTES)
        except OSError as error:
            raise self._unreadable(error) from None
        self._offset += len(chunk)
        return chunk

    def _replaced(self) -> bool:
        """Go to the start of the file if it was truncated, or of the one in its place."""
        try:
            now = self.path.stat()
        except OSError:
            # Moved away; what will take its place is not there yet.
            return False
        opened = os.fstat(self._descriptor)
        if (now.st_dev, now.st_ino) != (opened.st_dev, opened.st_ino):
            what = "rotated, so the new file is read from its start"
            os.close(self._descriptor)
            self._descriptor = self._open()
        elif opened.st_size < self._offset:
            what = "truncated, so it is read from its start"
        else:
            return False
        self._offset = 0
        self.notify(f"{self.path}: {what}")
        return True

    def _open(self) -> int:
        try:
            # A pipe is opened without waiting for who writes to it.
            return os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: OSError) -> InputError:
        return InputError(f"{self.path}: expected a readable stream, found: {error.strerror}")
