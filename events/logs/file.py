"""Reading a log that is a file, in blocks, from its start to its end."""

from __future__ import annotations

import gzip
import io
import zlib
from itertools import chain
from typing import IO, TYPE_CHECKING, ClassVar, Final, NamedTuple, cast

from events.errors import InputError
from events.logs.extent import Extent, Fingerprint, HashedExtent, content_of
from events.logs.reader import LogReader, Piece, log_expected
from events.logs.splitting import LINE_BYTES_MAX, CutLine, whole_lines
from events.logs.tap import Change
from events.paths import path_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedReader
    from pathlib import Path

    from events.logs.arrays import Readable
    from events.logs.parser import ParserType
    from events.logs.splitting import WholeLines
    from events.records.record import Source
    from events.times.timestamps import Zone


class Portions(NamedTuple):
    """How much of a log is read, judged, settled and recorded at once.

    What is judged is lost with its block where a run is killed, so blocks of the stream are
    small. Of the past larger ones are taken, since an operation on a column takes some
    microseconds however short that is: 500,000 lines took 0.50 s in blocks of 64 KiB, 0.25 of
    256 KiB and 0.18 of 1 MiB. A frame is a block and names its users itself, so the store had
    4.6 MB with blocks of 256 KiB, 4.1 of 1 MiB and 3.7 of 2 MiB, of which damage would take
    more at once.
    """

    block_bytes: int = 1 << 16
    """How many bytes a block has."""
    batch_bytes: int = 1 << 20
    """How many one of a batch has."""
    ahead_bytes: int = 1 << 22
    """How far a log is looked ahead into. A history's header comes before its events and says
    what the first of them decides, so what was read up to that one is held."""
    digest_events: int = 10_000
    """How often the digest of the state is recorded at least, in events of the stream."""
    look_seconds: float = 0.01
    """How often what gives no sign of its own is looked at, of what is read while it grows."""
    idle_seconds: float = 1.0
    """After how long without a byte of that whoever reads is told that nothing came."""
    observation_bytes: int = 1 << 19
    """How many one of observations has, which are not judged one by one: 1 million rows of CSV
    took 0.91 s in blocks of 64 KiB, 0.79 in these, and of 10,000 keys 1.81 and 1.50, with
    stores of 15.2 and 11.9 MB."""
    settle_rows: int = 1 << 17
    """After how many of them what was found is settled at the latest; or as many as may be in an
    interval with one that comes, if that are more."""
    found_max: int = 1 << 18
    """Or as soon as so much was found: ids, and so much besides for each interval."""
    line_bytes: int = LINE_BYTES_MAX
    """How many bytes a line may have, without its newline; at most `LINE_BYTES_BOUND`."""


PORTIONS: Final = Portions()
"""Those of logs that are not told otherwise."""


def portions_of(line_bytes: int) -> Portions:
    """Return `PORTIONS` for logs whose lines have at most ``line_bytes``."""
    return PORTIONS._replace(line_bytes=line_bytes)


class Ahead(NamedTuple):
    """What was seen of a log that is still to be read."""

    zone: Zone | None
    """The zone that its first event decides, or None where none was seen."""
    ended: bool
    """Whether that was all of it."""


class Log(LogReader):
    """A log file, plain or gzip-compressed (a name ending in ``.gz``).

    Of a file that grows, what it held when it was opened is read; one that is changed
    otherwise meanwhile is an error.

    Raises:
        InputError: the file is missing, is a folder, or cannot be read; also
            while iterating.

    """

    live: ClassVar[bool] = False

    def __init__(
        self,
        path: str | Path,
        source: Source,
        parser: ParserType,
        content: BufferedReader | None = None,
        portions: Portions | None = None,
        *,
        lines_of: Callable[[IO[bytes], Path], Readable] | None = None,
    ) -> None:
        """Open the log at ``path``, which is the ``source`` of its lines.

        Args:
            path: where it is.
            source: which log it is.
            parser: makes what turns its lines into blocks.
            content: what it holds, open at its start, where no file at ``path`` does;
                it is closed with the log.
            portions: how it is read; by default `PORTIONS`.
            lines_of: makes what gives its lines of what it holds, where that are no lines.

        """
        super().__init__(path_of(path, log_expected(source)), source, parser, portions or PORTIONS)
        self._file: BufferedReader
        self._fingerprint: Fingerprint | None = None
        # What the fingerprint is taken of: whatever was read first besides the log itself.
        self._hashed: HashedExtent | None = None
        self._lines_of: Final = lines_of
        try:
            # Buffered, so that a block is full even where the file is a pipe: where blocks
            # end decides where frames end, and one history makes one store.
            self._file = self.path.open("rb") if content is None else content
        except OSError as error:
            raise self._unreadable(error) from None
        try:
            # What it holds now, or None for what is no file on a disk.
            self._content = content_of(self._file)
            empty = self._is_gzip and not (self.bytes_total or self._file.peek(1))
        except OSError as error:
            self._file.close()
            raise self._unreadable(error) from None
        self._extent = None if self._content is None else self._extent_again()
        if empty:
            self._file.close()
            raise self._unreadable(EOFError("an empty file, which is no gzip file"))

    def close(self) -> None:
        self._file.close()

    @property
    def is_file(self) -> bool:
        """Whether it is a file on a disk, which can be read again."""
        return self._extent is not None

    @property
    def descriptor(self) -> int:
        return self._file.fileno()

    @property
    def bytes_read(self) -> int:
        return self._extent.tell() if self._extent is not None else 0

    @property
    def bytes_total(self) -> int:
        return self._content.size if self._content is not None else 0

    @property
    def waiting(self) -> bool:
        """Whether more can be read at once: it is all there."""
        return True

    def fingerprint(self) -> Fingerprint | None:
        """Return name, size and hash of the file, or None for a pipe.

        Raises:
            InputError: the file cannot be read.

        """
        if self._fingerprint is None and self._extent is not None:
            self._hashed = self._hashed or self._hashed_again()
            self._fingerprint = self._fingerprint_of(self._hashed)
        return self._fingerprint

    def _fingerprint_of(self, content: HashedExtent) -> Fingerprint:
        try:
            # Of the file that is open: another could have taken its name.
            return Fingerprint.of(self.path, content)
        except OSError as error:
            raise self._unreadable(error) from None

    def go_on(self, lines: int, _kept: object = None) -> None:
        """Go on after the first ``lines`` lines, which have been read before.

        Call it before `blocks`. Blocks end where they would have ended otherwise.

        Raises:
            InputError: the file has fewer lines.

        """
        while self.lines_read < lines:
            found = self._pending or next(self._found, None)
            if found is None:
                raise InputError(
                    f"{self.path}: expected {lines} lines or more, found {self.lines_read}"
                )
            self._pending = None
            if not isinstance(found, Piece):
                continue
            text, last = found
            if isinstance(text, CutLine):
                self.lines_read += 1
                continue
            count = min(text.count(b"\n"), lines - self.lines_read)
            self.lines_read += count
            if self.lines_read == lines:
                rest = text.split(b"\n", count)[-1]
                before = text[: len(text) - len(rest)]
                self._behind = before[before.rfind(b"\n", 0, -1) + 1 :]
                self._pending = Piece(rest, last)

    def look_ahead(self) -> Ahead:
        """Read the log as far as its first event, and no further than its portions say.

        Call it before `blocks`; all that was read stays in the log.

        Raises:
            InputError: the file cannot be read so far.

        """
        number, size, zone, ended = self.lines_read + 1, 0, None, True
        parser = self._parser_type(self.source, 1, number)
        ahead: list[Piece | Change] = []
        blocks = chain([self._pending] if self._pending else [], self._found)
        for found in blocks:
            ahead.append(found)
            data = found.lines if isinstance(found, Piece) else b""
            if isinstance(data, CutLine):
                number += 1
            else:
                zone = parser.first_zone(data, number)
                number += data.count(b"\n")
            # There is none while a long line is read over.
            size += len(data) if isinstance(data, bytes) and data else self._block_bytes
            if zone is not None or size >= self.portions.ahead_bytes:
                ended = False
                break
        self._pending, self._found = None, chain(ahead, blocks)
        return Ahead(zone, ended)

    def again(self) -> Iterator[Piece]:
        """Iterate over the lines of a file on a disk from its start; nothing of the log is lost.

        What is read before the fingerprint was taken is not read for that once more.

        Raises:
            InputError: the file cannot be read, or is none on a disk.

        """
        if self._extent is None:
            raise InputError(f"{self.path}: expected a file, found a pipe, which is read but once")
        extent = self._extent_again()
        if self._hashed is None:
            extent = self._hashed = self._hashed_again()
        found = self._pieces(self._reader(extent))
        return (each for each in found if isinstance(each, Piece))

    @property
    def _block_bytes(self) -> int:
        portions = self.portions
        sizes = {"batch": portions.batch_bytes, "observations": portions.observation_bytes}
        return sizes.get(self.source, portions.block_bytes)

    @property
    def _is_gzip(self) -> bool:
        return self.path.suffix == ".gz"

    def _extent_again(self) -> Extent:
        return Extent(self.descriptor, self.bytes_total)

    def _hashed_again(self) -> HashedExtent:
        return HashedExtent(self.descriptor, self.bytes_total)

    def _reader(self, extent: Extent | None) -> Readable:
        """Return a reader of the lines, from the start of ``extent`` if there is one."""
        file = self._file if extent is None else io.BufferedReader(extent)
        opened = cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if self._is_gzip else file
        return opened if self._lines_of is None else self._lines_of(opened, self.path)

    def _whole_lines(self) -> Iterator[Piece | Change]:
        yield from self._pieces(self._reader(self._extent))
        self._check_unchanged()

    def _pieces(self, reader: Readable) -> Iterator[Piece | Change]:
        """Iterate over what ``reader`` gives; each piece waits for the next, to know the last."""
        held: WholeLines = b""
        try:
            for found in whole_lines(
                iter(lambda: self._read(reader), b""), self.portions.line_bytes
            ):
                if held:
                    yield Piece(held)
                held = found
                if not found:
                    # A long line is being read over.
                    yield Change.NOTHING
        except InputError:
            # What came before is good.
            if held:
                yield Piece(held)
            raise
        yield Piece(self._whole(held), last=True)

    def _read(self, reader: Readable) -> bytes:
        try:
            return reader.read(self._block_bytes)
        except (OSError, EOFError, zlib.error) as error:
            raise self._unreadable(error) from None

    def _check_unchanged(self) -> None:
        """Raise an error if the file is not what it was when its fingerprint was taken."""
        taken = self._fingerprint
        if taken is None or content_of(self._file) == self._content:
            return
        # What has grown only is what it was.
        if self._fingerprint_of(self._hashed_again()) != taken:
            raise InputError(
                f"{self.path}: expected a file that nobody changes while it is read, found one "
                "that was changed; run it again"
            )
