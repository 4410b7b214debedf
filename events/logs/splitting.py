"""Cutting what is read, a chunk at a time, into blocks of whole lines.

A line that is too long is read over in memory that does not grow with it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

LINE_BYTES_MAX: Final = 1 << 24
"""How many bytes a line may have, without its newline, where nobody says (SPEC.md section 2)."""
LINE_BYTES_BOUND: Final = 60 << 20
"""How many it may have whatever anybody says: with what is read beside it a frame holds it."""
KEPT_BYTES: Final = 1024
"""How many bytes are kept of one that has more."""


class CutLine(NamedTuple):
    """A line that was too long, of which only this was kept. It is never parsed."""

    start: bytes
    """Its first `KEPT_BYTES`."""
    length: int
    """How many bytes it has, without its newline."""
    sha256: bytes
    """The SHA-256 of all of them, 32 bytes."""
    newline: bool
    """Whether it ends with a newline."""
    most: int = LINE_BYTES_MAX
    """How many bytes it could have had."""


WholeLines: TypeAlias = bytes | CutLine
"""A block of whole lines, or one that is too long."""


def long_line_detail(length: int, most: int) -> str:
    """Return what is wrong with a line of ``length`` bytes that may have ``most``."""
    return f"expected a line of at most {most:,} bytes, found {length:,}"


class LineSplitter:
    """Takes chunks and gives blocks.

    A block goes up to the last newline of a chunk, and begins behind that of a chunk
    before, so where blocks end depends on nothing but the chunks. A line that is too long
    is a block of its own.
    """

    def __init__(self, most: int = LINE_BYTES_MAX) -> None:
        """Begin before the first chunk; a line may have ``most`` bytes without its newline."""
        self._most: Final = most
        self._pieces: list[bytes] = []
        self._held = 0
        self._long: _LongLine | None = None

    @property
    def reading_over(self) -> bool:
        """Whether it is in the middle of a line that is too long."""
        return self._long is not None

    def feed(self, chunk: bytes) -> list[WholeLines]:
        """Take a chunk, and return the blocks that it completes: mostly one."""
        found: list[WholeLines] = []
        if self._long is not None:
            end = chunk.find(b"\n")
            self._long.add(chunk if end < 0 else chunk[:end])
            if end < 0:
                return found
            found.append(self._long.cut(newline=True))
            self._long = None
            chunk = chunk[end + 1 :]
        end = chunk.rfind(b"\n") + 1
        if end:
            found += _checked(b"".join([*self._pieces, chunk[:end]]), self._most)
            self._pieces, self._held = [], 0
            chunk = chunk[end:]
        if chunk:
            self._pieces.append(chunk)
            self._held += len(chunk)
        if self._held > self._most:
            self._long = _LongLine(self._pieces, self._most)
            self._pieces, self._held = [], 0
        return found

    def end(self) -> list[WholeLines]:
        """Return what stands behind the last newline, and begin anew."""
        found: list[WholeLines] = []
        if self._long is not None:
            found.append(self._long.cut(newline=False))
        elif self._held:
            found.append(b"".join(self._pieces))
        self._pieces, self._held, self._long = [], 0, None
        return found


def whole_lines(chunks: Iterable[bytes], most: int = LINE_BYTES_MAX) -> Iterator[WholeLines]:
    """Iterate over the blocks of what is read in ``chunks``, whose lines may have ``most`` bytes.

    The last line may lack a newline. While a long line is read over, empty blocks come, so
    that whoever waits for its end can look at other things.
    """
    splitter = LineSplitter(most)
    for chunk in chunks:
        yield from splitter.feed(chunk)
        if splitter.reading_over:
            yield b""
    yield from splitter.end()


class _LongLine:
    """A line that is being read over."""

    def __init__(self, pieces: Sequence[bytes], most: int) -> None:
        self._most = most
        self._start = b""
        self._length = 0
        self._hash = hashlib.sha256()
        for piece in pieces:
            self.add(piece)

    def add(self, piece: bytes) -> None:
        if len(self._start) < KEPT_BYTES:
            self._start += piece[: KEPT_BYTES - len(self._start)]
        self._length += len(piece)
        self._hash.update(piece)

    def cut(self, *, newline: bool) -> CutLine:
        digest = self._hash.digest()
        return CutLine(self._start, self._length, digest, newline, self._most)


def _checked(block: bytes, most: int) -> Iterator[WholeLines]:
    """Iterate over the lines of ``block``, those that are too long each by itself."""
    start = 0
    if len(block) > most:
        at = 0
        while at < len(block):
            end = block.index(b"\n", at)
            if end - at > most:
                if start < at:
                    yield block[start:at]
                yield _LongLine([block[at:end]], most).cut(newline=True)
                start = end + 1
            at = end + 1
    if start < len(block):
        yield block[start:]
