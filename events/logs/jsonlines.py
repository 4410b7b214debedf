"""Reading the JSON-lines logs in blocks, and writing flagged lines."""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
import zlib
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import msgspec

from events.bounds import Count, Hash
from events.closing import Closing
from events.errors import InputError, unreadable
from events.logs.extent import Extent
from events.logs.objects import BYTE_ORDER_MARK, JSON_SPACE
from events.logs.splitting import CutLine, long_line_detail, whole_lines
from events.paths import path_of
from events.purchases.amounts import format_cents
from events.purchases.blocks import BlockParser
from events.store.disk import Identity
from events.store.records import LogEnd, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedReader
    from pathlib import Path

    from events.logs.block import Block
    from events.logs.splitting import WholeLines
    from events.times.timestamps import Zone

# What is judged is lost with its block where a run is killed, so blocks of the stream are
# small. Of the past larger ones are taken, since an operation on a column takes some
# microseconds however short that is: 500,000 lines took 0.50 s in blocks of 64 KiB, 0.25 of
# 256 KiB and 0.18 of 1 MiB. A frame is a block and names its users itself, so the store had
# 4.6 MB with blocks of 256 KiB, 4.1 of 1 MiB and 3.7 of 2 MiB, of which damage would take
# more at once.
BLOCK_BYTES: Final = 1 << 16
_BATCH_BLOCKS: Final = 16
# A history's header comes before its events and says what the first of them decides, so a log
# is read up to that one before it is. What was read is held, and not more than this.
AHEAD_BYTES: Final = 1 << 22


class Fingerprint(msgspec.Struct, frozen=True):
    """What a log file was when it was read."""

    name: str
    """The file's name, without its folder."""
    size: Count
    """Its size in bytes."""
    sha256: Hash
    """The SHA-256 of its content, 32 bytes."""

    @classmethod
    def of(cls, path: Path, content: Extent) -> Self:
        """Return what the file at ``path`` is, whose ``content`` is read from its start.

        Raises:
            OSError: it cannot be read.

        """
        digest = hashlib.file_digest(content, "sha256").digest()
        name = path.name.encode("utf-8", "backslashreplace").decode()
        return cls(name, content.tell(), digest)


class Ahead(NamedTuple):
    """What was seen of a log that is still to be read."""

    zone: Zone | None
    """The zone that its first event decides, or None where none was seen."""
    ended: bool
    """Whether that was all of it."""


class Log(Closing):
    """A log file: JSON lines, plain or gzip-compressed (a name ending in ``.gz``).

    Raises:
        InputError: the file is missing, is a folder, or cannot be read; also
            while iterating.

    """

    live: Final = False
    """Whether it is read while it is written."""
    stopped: Final = False
    """Whether its reading was ended before its end."""

    def __init__(
        self, path: str | Path, source: Source, content: BufferedReader | None = None
    ) -> None:
        """Open the log at ``path``, which is the ``source`` of its lines.

        Args:
            path: where it is.
            source: which log it is.
            content: what it holds, open at its start, where no file at ``path`` does;
                it is closed with the log.

        """
        self.path: Final = path_of(path, f"a readable {source} log")
        self.source: Final = source
        self.lines_read = 0
        self.notify: Callable[[str], None] = lambda _: None
        """Is told of what happens to it; of a file nothing does."""
        self.advise: Callable[[str], None] = lambda _: None
        """Is told what a pipe has to begin with."""
        self.zone: Zone | None = None
        """Whether the times have an offset; None where nothing has decided that yet."""
        self._ends_with_newline = True
        self._file: BufferedReader
        try:
            self._file = self._open() if content is None else content
        except (OSError, EOFError) as error:
            raise self._unreadable(error) from None
        self._unzipped = gzip.GzipFile(fileobj=self._file) if self._is_gzip() else None
        self._block_bytes = BLOCK_BYTES * (_BATCH_BLOCKS if source == "batch" else 1)
        self._blocks: Iterator[WholeLines] = whole_lines(iter(self._read, b""))
        self._pending: WholeLines = b""

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def bytes_read(self) -> int:
        """How far the file was read, in bytes as they lie on disk."""
        return self._file.tell() if self._file.seekable() else 0

    @property
    def bytes_total(self) -> int:
        """The size of the file, in bytes as they lie on disk."""
        return os.fstat(self._file.fileno()).st_size

    @property
    def identity(self) -> Identity:
        """Which file it is."""
        return Identity.of(self._file.fileno())

    def fingerprint(self) -> Fingerprint | None:
        """Return name, size and hash of the file, or None for a pipe.

        Raises:
            InputError: the file cannot be read.

        """
        # Of the file that is open: another could have taken its name.
        descriptor = self._file.fileno()
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        try:
            return Fingerprint.of(self.path, Extent(descriptor, self.bytes_total))
        except OSError as error:
            raise self._unreadable(error) from None

    def peek_line(self) -> WholeLines | None:
        """Return the first line that is not blank, or None.

        Call it before `blocks`; the line stays in the log until `skip_line`.
        """
        while not self._pending:
            block = next(self._blocks, None)
            if block is None:
                return None
            if isinstance(block, CutLine) or not block:
                self._pending = block
                continue
            text = block.lstrip(JSON_SPACE)
            if self.lines_read == 0:
                text = text.removeprefix(BYTE_ORDER_MARK).lstrip(JSON_SPACE)
            if text:
                start = block.rfind(b"\n", 0, len(block) - len(text)) + 1
                self._pending = block[start:]
                self.lines_read += block.count(b"\n", 0, start)
            else:
                self.lines_read += self._noted(block)
        if isinstance(self._pending, CutLine):
            return self._pending
        line = self._pending.partition(b"\n")[0]
        return line.removeprefix(BYTE_ORDER_MARK) if self.lines_read == 0 else line

    def skip_line(self) -> bytes:
        """Drop the line that `peek_line` returned, and return it byte for byte.

        Raises:
            InputError: it is too long for that.

        """
        if isinstance(self._pending, CutLine):
            raise InputError(
                f"{self.path}:{self.lines_read + 1}: {long_line_detail(self._pending.length)}"
            )
        line, newline, self._pending = self._pending.partition(b"\n")
        self._ends_with_newline = bool(newline)
        self.lines_read += 1
        return line

    def go_on(self, lines: int, _kept: object = None) -> None:
        """Go on after the first ``lines`` lines, which have been read before.

        Call it before `blocks`. Blocks end where they would have ended otherwise.

        Raises:
            InputError: the file has fewer lines.

        """
        while self.lines_read < lines:
            pending = self._pending or next(self._blocks, None)
            if pending is None:
                raise InputError(
                    f"{self.path}: expected {lines} lines or more, found {self.lines_read}"
                )
            count = self._noted(pending)
            if self.lines_read + count <= lines or isinstance(pending, CutLine):
                self.lines_read += count
                self._pending = b""
            else:
                self._pending = pending.split(b"\n", lines - self.lines_read)[-1]
                self.lines_read = lines

    def look_ahead(self) -> Ahead:
        """Read the log as far as its first event, and no further than `AHEAD_BYTES`.

        Call it before `blocks`; all that was read stays in the log.

        Raises:
            InputError: the file cannot be read so far.

        """
        number, size, zone, ended = self.lines_read + 1, 0, None, True
        ahead: list[WholeLines] = []
        blocks = chain([self._pending] if self._pending else [], self._blocks)
        for data in blocks:
            ahead.append(data)
            if isinstance(data, CutLine):
                number += 1
            else:
                zone = BlockParser(self.source, 1).first_zone(data, number)
                number += data.count(b"\n")
            # An empty block says that a long line is being read over.
            size += len(data) if isinstance(data, bytes) and data else self._block_bytes
            if zone is not None or size >= AHEAD_BYTES:
                ended = False
                break
        self._pending, self._blocks = b"", chain(ahead, blocks)
        return Ahead(zone, ended)

    def blocks(self, first_number: int) -> Iterator[Block]:
        """Iterate over the log's lines, some at a time, in order.

        While a long line is read over, empty blocks come.

        Args:
            first_number: the number that the first accepted event gets.

        Raises:
            InputError: the file cannot be read any further.

        """
        parser = BlockParser(self.source, first_number, self.lines_read + 1, self.zone)
        for data in chain([self._pending] if self._pending else [], self._blocks):
            if data:
                self._note_end(data)
            if isinstance(data, bytes) and data and not self._ends_with_newline:
                block = parser.parse(data + b"\n")
            else:
                block = parser.parse(data)
            self.zone = parser.zone
            yield block
            self.lines_read = parser.line_number - 1

    def end(self) -> LogEnd:
        """Return the record of this log's end, once it was read through."""
        return LogEnd(self.source, self.lines_read, self._ends_with_newline)

    def _is_gzip(self) -> bool:
        return self.path.suffix == ".gz"

    def _open(self) -> BufferedReader:
        # Buffered, so that a block is full even where the file is a pipe: where blocks
        # end decides where frames end, and one history makes one store.
        file = self.path.open("rb")
        try:
            empty = self._is_gzip() and not file.peek(1)
        except OSError:
            file.close()
            raise
        if empty:
            file.close()
            raise EOFError("an empty file, which is no gzip file")
        return file

    def _noted(self, data: WholeLines) -> int:
        """Return how many lines ``data`` is, and note whether the last one ends with a newline."""
        if isinstance(data, CutLine):
            self._note_end(data)
            return 1
        if not data:
            # A long line is being read over.
            return 0
        self._note_end(data)
        return data.count(b"\n") + (not self._ends_with_newline)

    def _note_end(self, data: WholeLines) -> None:
        """Note whether the last line of ``data``, which is some, ends with a newline."""
        if isinstance(data, CutLine):
            self._ends_with_newline = data.newline
        else:
            self._ends_with_newline = data.endswith(b"\n")

    def _read(self) -> bytes:
        try:
            if self._unzipped is not None:
                return self._unzipped.read(self._block_bytes)
            return self._file.read(self._block_bytes)
        except (OSError, EOFError, zlib.error) as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: Exception) -> InputError:
        return unreadable(self.path, error, f"a readable {self.source} log")


def flagged_line(line: bytes, mean: int, sd: int) -> bytes:
    """Return the output line of a flagged purchase (SPEC.md section 4), without a newline.

    Args:
        line: the purchase's own line, as `events.purchases.event.line_of` gives it.
        mean: the mean in whole cents.
        sd: the standard deviation in whole cents.

    """
    body = line.removeprefix(BYTE_ORDER_MARK).strip(JSON_SPACE).removesuffix(b"}")
    tail = f', "mean": "{format_cents(mean)}", "sd": "{format_cents(sd)}"}}'
    return body.rstrip(JSON_SPACE) + tail.encode()
