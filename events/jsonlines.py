"""Reading the JSON-lines logs in blocks, and writing flagged lines.

A block of well-formed canonical lines, which is nearly every block of a real log,
is decoded at once, and one comparison of the block with what its events render to
proves both that each line was exactly one object and that no line need be kept.
Any other block is taken line by line, so that one bad line costs only itself.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from events.amounts import format_cents
from events.closing import Closing
from events.errors import BadValueError, InputError
from events.event import Befriend, Event, Purchase, Unfriend
from events.lines import (
    JSON_SPACE,
    BadLineError,
    BefriendLine,
    PurchaseLine,
    UnfriendLine,
    parse_line,
)
from events.records import Lines, LogEnd, Record, Rejected, Source
from events.timestamps import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from io import BufferedReader

# Blocks of 64 KiB keep a block, its objects and its text in the second-level
# cache: whole-file decoding took 1.9 times as long, blocks of 1 MiB 1.2 times.
BLOCK_BYTES: Final = 1 << 16

# Amounts as `events.amounts.format_amount` writes them when two places suffice.
_CANONICAL_AMOUNTS: Final = re.compile(r"(?:(?:0|[1-9][0-9]{0,14})\.[0-9]{2}(?: |\Z))*")

_CANONICAL_START: Final = b'{"event_type":"'
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


_decode_units = msgspec.json.Decoder(list[int]).decode
_decoder = msgspec.json.Decoder(PurchaseLine | BefriendLine | UnfriendLine)


class Block(NamedTuple):
    """Some consecutive lines of a log."""

    records: list[Record]
    """What the event store keeps of them, in order."""
    events: list[Event]
    """The accepted lines among them."""
    rejected: list[Rejected]
    """The rejected lines among them."""


def numbered(records: Iterable[Record]) -> Iterator[tuple[int, Event | Rejected]]:
    """Iterate over the events and rejected lines of ``records``, each with its line number."""
    number = 0
    for record in records:
        if isinstance(record, Lines):
            number = record.number
        elif isinstance(record, Purchase | Befriend | Unfriend | Rejected):
            yield number, record
            number += 1


class Fingerprint(msgspec.Struct, frozen=True):
    """What a log file was when it was read."""

    name: str
    """The file's name, without its folder."""
    size: int
    """Its size in bytes."""
    sha256: bytes
    """The SHA-256 of its content, 32 bytes."""


class Log(Closing):
    """A log file: JSON lines, plain or gzip-compressed (a name ending in ``.gz``).

    Raises:
        InputError: the file is missing, is a folder, or cannot be read; also
            while iterating.

    """

    def __init__(self, path: str | Path, source: Source) -> None:
        """Open the log at ``path``, which is the ``source`` of its lines."""
        self.path: Final = Path(path)
        self.source: Final = source
        self.lines_read = 0
        self._ends_with_newline = True
        self._file: BufferedReader
        try:
            self._file = self._open()
        except (OSError, EOFError) as error:
            raise self._unreadable(error) from None
        self._unzipped = gzip.GzipFile(fileobj=self._file) if self._is_gzip() else None
        self._blocks = self._whole_lines()
        self._pending = b""

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
        return self.path.stat().st_size

    def fingerprint(self) -> Fingerprint | None:
        """Return name, size and hash of the file, or None for a pipe.

        Raises:
            InputError: the file cannot be read.

        """
        if not self.path.is_file():
            return None
        try:
            with self.path.open("rb", buffering=0) as file:
                digest = hashlib.file_digest(file, "sha256").digest()
                size = file.tell()
        except OSError as error:
            raise self._unreadable(error) from None
        name = self.path.name.encode("utf-8", "backslashreplace").decode()
        return Fingerprint(name, size, digest)

    def peek_line(self) -> bytes | None:
        """Return the first line that is not blank, or None.

        Call it before `blocks`; the line stays in the log until `skip_line`.
        """
        while not self._pending:
            block = next(self._blocks, None)
            if block is None:
                return None
            text = block.lstrip(JSON_SPACE)
            if self.lines_read == 0:
                text = text.removeprefix(BYTE_ORDER_MARK).lstrip(JSON_SPACE)
            if text:
                start = block.rfind(b"\n", 0, len(block) - len(text)) + 1
                self._pending = block[start:]
                self.lines_read += block.count(b"\n", 0, start)
            else:
                self._ends_with_newline = block.endswith(b"\n")
                self.lines_read += block.count(b"\n") + (not self._ends_with_newline)
        line = self._pending.partition(b"\n")[0]
        return line.removeprefix(BYTE_ORDER_MARK) if self.lines_read == 0 else line

    def skip_line(self) -> bytes:
        """Drop the line that `peek_line` returned, and return it byte for byte."""
        line, newline, self._pending = self._pending.partition(b"\n")
        self._ends_with_newline = bool(newline)
        self.lines_read += 1
        return line

    def blocks(self, first_number: int) -> Iterator[Block]:
        """Iterate over the log's lines, some at a time, in order.

        Args:
            first_number: the number that the first accepted event gets.

        Raises:
            InputError: the file cannot be read any further.

        """
        parser = BlockParser(self.source, first_number, self.lines_read + 1)
        if self._pending:
            yield parser.parse(self._terminated(self._pending))
            self.lines_read = parser.line_number - 1
        for data in self._blocks:
            yield parser.parse(self._terminated(data))
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

    def _terminated(self, data: bytes) -> bytes:
        self._ends_with_newline = data.endswith(b"\n")
        return data if self._ends_with_newline else data + b"\n"

    def _whole_lines(self) -> Iterator[bytes]:
        pieces: list[bytes] = []
        while chunk := self._read():
            end = chunk.rfind(b"\n") + 1
            if end:
                pieces.append(chunk[:end])
                yield b"".join(pieces)
                pieces = [chunk[end:]]
            else:
                pieces.append(chunk)
        if last := b"".join(pieces):
            yield last

    def _read(self) -> bytes:
        try:
            if self._unzipped is not None:
                return self._unzipped.read(BLOCK_BYTES)
            return self._file.read(BLOCK_BYTES)
        except (OSError, EOFError, zlib.error) as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: Exception) -> InputError:
        found = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return InputError(f"{self.path}: expected a readable {self.source} log, found: {found}")


def _units_of(amounts: list[str]) -> list[int]:
    """Return canonical amounts of two places in units of 1/10,000.

    All at once, as one JSON array of cents with "00" behind each, where none has a
    leading zero: converting them one by one took 1.3 times as long, and a cache more
    in a whole run, for it drives other things out of the processor's.

    Raises:
        BadValueError: one of them is not canonical, or has not two places.

    """
    if not amounts:
        return []
    joined = " ".join(amounts)
    # The count is for an amount such as "1.00 2.00".
    if not _CANONICAL_AMOUNTS.fullmatch(joined) or joined.count(" ") >= len(amounts):
        raise BadValueError("not canonical, or not of two places")
    cents = joined.replace(".", "")
    if joined.startswith("0") or " 0" in joined:
        return [int(amount) * 100 for amount in cents.split(" ")]
    return _decode_units(f"[{cents.replace(' ', '00,')}00]")


class BlockParser:
    """Turns blocks of whole lines into events, rejected lines and their positions."""

    def __init__(self, source: Source, first_number: int, line_number: int = 1) -> None:
        """Begin to number accepted events from ``first_number`` and lines from ``line_number``."""
        self.source: Final = source
        self.next_number = first_number
        self.line_number = line_number
        # A canonical time: no line can begin a log with a time that was not looked at.
        self._time = "0001-01-01 00:00:00"
        self._ids: dict[str, str] = {}
        self._dates: set[str] = set()
        self._clocks: set[str] = set()

    def parse(self, data: bytes) -> Block:
        """Return what stands in ``data``, whole lines that each end with a newline."""
        events = self._canonical(data)
        if events is None:
            return self._line_by_line(data)
        records: list[Record] = [Lines(self.source, self.line_number), *events]
        self.line_number += len(events)
        self.next_number += len(events)
        return Block(records, events, [])

    def _canonical(self, data: bytes) -> list[Event] | None:
        """Return the events of a block of canonical lines, or None for any other block."""
        if not data.startswith(_CANONICAL_START) or b"\r" in data:
            # Of a log in another style each block would be decoded in vain.
            return None
        try:
            lines = _decoder.decode_lines(data)
            return self._events(lines, data)
        except (msgspec.MsgspecError, ValueError, BadValueError, RecursionError):
            return None

    def _events(
        self, lines: list[PurchaseLine | BefriendLine | UnfriendLine], data: bytes
    ) -> list[Event] | None:
        amounts = [line.amount for line in lines if type(line) is PurchaseLine]
        next_units = iter(_units_of(amounts)).__next__
        events: list[Event] = []
        texts: list[str] = []
        # Bound methods and one flat loop: this is the hottest code of a run. An id is
        # kept once however often it comes, which made a run 5 % faster and 20 % smaller.
        add_event, add_text, kept = events.append, texts.append, self._ids.setdefault
        time = self._time
        for number, line in enumerate(lines, self.next_number):
            if line.timestamp != time:
                time = self._canonical_time(line.timestamp)
            if type(line) is PurchaseLine:
                user = kept(line.id, line.id)
                add_event(Purchase(time, number, user, next_units()))
                add_text(
                    f'{{"event_type":"purchase", "timestamp":"{time}", '
                    f'"id": "{user}", "amount": "{line.amount}"}}\n'
                )
            else:
                user1, user2 = kept(line.id1, line.id1), kept(line.id2, line.id2)
                if user1 is user2:
                    return None
                befriend = type(line) is BefriendLine
                add_event((Befriend if befriend else Unfriend)(time, number, user1, user2))
                add_text(
                    f'{{"event_type":"{"befriend" if befriend else "unfriend"}", '
                    f'"timestamp":"{time}", "id1": "{user1}", "id2": "{user2}"}}\n'
                )
        self._time = time
        if "" in self._ids:
            del self._ids[""]
            return None
        return events if "".join(texts).encode() == data else None

    def _canonical_time(self, text: str) -> str:
        # Where every line has a time of its own, halves seen before save 1 µs a line.
        date, clock = text[:10], text[10:]
        if date not in self._dates or clock not in self._clocks:
            if parse_timestamp(text) != text or len(text) > len("YYYY-MM-DD HH:MM:SS"):
                raise BadValueError("not canonical, or with a fraction")
            self._dates.add(date)
            self._clocks.add(clock)
        return text

    def _line_by_line(self, data: bytes) -> Block:
        block = Block([], [], [])
        consecutive = False
        for line in data.split(b"\n")[:-1]:
            text = line.removeprefix(BYTE_ORDER_MARK) if self.line_number == 1 else line
            if not text.strip(JSON_SPACE):
                consecutive = False
            else:
                if not consecutive:
                    block.records.append(Lines(self.source, self.line_number))
                    consecutive = True
                self._line(line, text, block)
            self.line_number += 1
        return block

    def _line(self, line: bytes, text: bytes, block: Block) -> None:
        """Take ``line``, which is ``text`` behind a byte-order mark or without one."""
        try:
            event = parse_line(text, self.next_number)
        except BadLineError as error:
            bad = Rejected(self.source, self.line_number, error.reason, error.detail, line)
            block.records.append(bad)
            block.rejected.append(bad)
            return
        if text is not line:
            event = msgspec.structs.replace(event, line=line)
        self.next_number += 1
        block.records.append(event)
        block.events.append(event)


def flagged_line(line: bytes, mean: int, sd: int) -> bytes:
    """Return the output line of a flagged purchase (SPEC.md section 4), without a newline.

    Args:
        line: the purchase's own line, as `events.event.line_of` gives it.
        mean: the mean in whole cents.
        sd: the standard deviation in whole cents.

    """
    body = line.removeprefix(BYTE_ORDER_MARK).strip(JSON_SPACE).removesuffix(b"}")
    tail = f', "mean": "{format_cents(mean)}", "sd": "{format_cents(sd)}"}}'
    return body.rstrip(JSON_SPACE) + tail.encode()
