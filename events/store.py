"""The event store: one append-only file that is the truth about a run.

The file is a header and then frames (`events.frames`), all of them msgpack
objects. The header is an array of four:

    "replay.events", format version, bin: a msgpack map, bin: SHA-256 of all bytes before it

and its map holds ``parameters`` (a map of ``degrees`` and ``tracked``), ``line``
(the batch's first line where it gave the parameters, else nil) and ``batch`` and
``stream`` (maps of ``name``, ``size`` and ``sha256``, or nil for a pipe). Frames
hold arrays of records (`events.event`, `events.records`). `events/FORMAT.md`
describes the format for readers in other languages.

A write that was interrupted leaves a last frame that is cut short. Reading such a
store gives all frames before it, and `EventStore.tail` says what was left aside.
"""

from __future__ import annotations

import bisect
import hashlib
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

import msgpack
import msgspec

from events.closing import Closing
from events.errors import (
    DamagedStoreError,
    ForeignStoreError,
    NewerStoreError,
    OutputError,
    ParametersError,
    StoreError,
    shown,
)
from events.event import EVENT_TYPES, Event
from events.frames import HEAD_BYTES, Fault, Frame, chain, decode_frame, encode_frame, previous_of
from events.jsonlines import Fingerprint
from events.parameters import Parameters
from events.records import Decision, Record, Rejected

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAGIC: Final = "replay.events"
VERSION: Final = 1

_HEADER_FIELDS: Final = 4
_DIGEST_FIELD_BYTES: Final = 2 + 32

_MAGIC_BYTES: Final = b"\x94" + msgpack.packb(MAGIC)

# Measured on 1,000 events: msgspec packs typed records 3.6 times as fast as the
# msgpack library packs tuples, and checks their types when it reads them.
_encode_records = msgspec.msgpack.Encoder().encode
_decode_records = msgspec.msgpack.Decoder(list[Record]).decode


class Header(msgspec.Struct, frozen=True):
    """What a store knows about the run that it keeps."""

    parameters: Parameters
    """D and T."""
    line: bytes | None
    """The batch's first line, where it held the parameters."""
    batch: Fingerprint | None
    """What the batch file was, or None for a pipe."""
    stream: Fingerprint | None
    """What the stream file was, or None for a pipe."""


class Tail(NamedTuple):
    """The end of a store that was cut short, which is left aside."""

    offset: int
    """Where the intact part of the store ends, in bytes."""
    length: int
    """How many bytes come after it."""
    fault: Fault
    """What is wrong with them."""


class Place(NamedTuple):
    """Where a frame lies."""

    events_before: int
    """How many events stand before it."""
    body: int
    """Where its body begins, in bytes."""
    end: int
    """Where it ends, in bytes."""


def encode_header(header: Header) -> bytes:
    """Return the bytes that a store with ``header`` begins with."""
    fields = msgpack.packb(msgspec.to_builtins(header, builtin_types=(bytes,)))
    packed: bytes = _MAGIC_BYTES + msgpack.packb(VERSION) + msgpack.packb(fields)
    return packed + bytes(msgpack.packb(hashlib.sha256(packed).digest()))


def decode_header(data: bytes, path: Path) -> tuple[Header, int]:
    """Return the header that ``data`` begins with, and its length in bytes.

    Raises:
        ForeignStoreError: the data is no event store.
        NewerStoreError: its format version is newer than `VERSION`.
        DamagedStoreError: the header is cut short or fails its checksum.

    """
    if not data or not data.startswith(_MAGIC_BYTES[: len(data)]):
        found = "an empty file" if not data else shown(data[:32])
        raise ForeignStoreError(f"{path}: expected an event store, found {found}")
    unpacker = msgpack.Unpacker(io.BytesIO(data), max_buffer_size=0)
    try:
        fields = unpacker.unpack()
        end = unpacker.tell()
    except (msgpack.UnpackException, ValueError):
        fields, end = [], 0
    digest = hashlib.sha256(data[: end - _DIGEST_FIELD_BYTES]).digest()
    if len(fields) != _HEADER_FIELDS or fields[-1] != digest:
        raise DamagedStoreError(
            f"{path}: expected an event store, found one whose header is damaged or cut short; "
            "nothing can be read from it, so run the logs again"
        )
    _, version, body, _ = fields
    if isinstance(version, int) and version > VERSION:
        raise NewerStoreError(
            f"{path}: expected format version {VERSION} or older, found version {version}; "
            "read it with a newer release of this program"
        )
    try:
        return msgspec.msgpack.decode(body, type=Header), end
    except (msgspec.MsgspecError, TypeError, ParametersError) as error:
        raise ForeignStoreError(
            f"{path}: expected a header as this program writes it, found version "
            f"{version!r} and another one: {error}"
        ) from None


class StoreWriter(Closing):
    """Appends records to a new event store.

    Every call of `append` is one frame and one write to the operating system, so
    what was appended survives the end of the process, however it comes.

    Raises:
        OutputError: the file cannot be made or written; also while appending.

    """

    def __init__(self, path: str | Path, header: Header) -> None:
        """Make the store at ``path``, which must not exist."""
        self.path: Final = Path(path)
        self.events = 0
        """How many events the store holds."""
        self._frames = 0
        self._failure: OutputError | None = None
        data = encode_header(header)
        self.chain = chain(data)
        """The hash by which the next frame will refer to what stands before it."""
        try:
            self._file: BinaryIO = self.path.open("xb", buffering=0)
        except OSError as error:
            raise self._unwritable(error) from None
        self._write(data)

    def append(self, records: Sequence[Record], events: int) -> None:
        """Append ``records``, of which ``events`` are events, as one frame."""
        frame = Frame(self._frames, self.events, events, self.chain, _encode_records(records))
        data = encode_frame(frame)
        self._write(data)
        self.chain = chain(data)
        self._frames += 1
        self.events += events

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, data: bytes) -> None:
        if self._failure is not None:
            # Half a frame may lie at the end: what came behind it would be lost.
            raise self._failure
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            self._failure = self._unwritable(error)
            raise self._failure from None

    def _unwritable(self, error: OSError) -> OutputError:
        return OutputError(
            f"{self.path}: expected to write the event store, found: {error.strerror}"
        )


class EventStore:
    """An event store, opened for reading; the file is never changed.

    Raises:
        StoreError: the file is missing, is no event store, is of a newer format,
            or is damaged before its last frame.

    """

    def __init__(self, path: str | Path) -> None:
        """Open the store at ``path`` and check every frame."""
        self.path: Final = Path(path)
        try:
            self._data = self.path.read_bytes()
        except OSError as error:
            raise StoreError(
                f"{self.path}: expected an event store, found: {error.strerror}"
            ) from None
        self.header, start = decode_header(self._data, self.path)
        self.tail: Tail | None = None
        """What was left aside at the end, or None where the store is whole."""
        self.events = 0
        """How many events the store holds."""
        self._frames: list[Place] = []
        self._scan(start)

    @property
    def parameters(self) -> Parameters:
        """D and T of the run."""
        return self.header.parameters

    def records(self, after_event: int = 0) -> Iterator[Record]:
        """Iterate over the records, in the order in which they were appended.

        Args:
            after_event: begin with the frame in which the event after this one
                stands; earlier records of that frame come too.

        """
        for _, records in self.frames(after_event):
            yield from records

    def frames(self, after_event: int = 0) -> Iterator[tuple[bytes, list[Record]]]:
        """Iterate over the frames: the hash by which each refers to the one before, its records.

        Args:
            after_event: begin with the frame in which the event after this one stands.

        """
        first = 0
        if after_event:
            first = bisect.bisect(self._frames, after_event, key=lambda frame: frame.events_before)
            first = max(first - 1, 0)
        view = memoryview(self._data)
        for place in self._frames[first:]:
            head = view[place.body - HEAD_BYTES : place.body]
            yield previous_of(head), self._decode(view[place.body : place.end], place)

    def events_from(self, number: int = 1) -> Iterator[Event]:
        """Iterate over the events from event ``number`` on, in order."""
        for record in self.records(number - 1):
            if isinstance(record, EVENT_TYPES) and record.number >= number:
                yield record

    def rejected(self) -> Iterator[Rejected]:
        """Iterate over the rejected lines, in order."""
        return (record for record in self.records() if isinstance(record, Rejected))

    def decisions(self) -> Iterator[Decision]:
        """Iterate over the decisions, in the order of the stream."""
        return (record for record in self.records() if isinstance(record, Decision))

    def _decode(self, body: memoryview, place: Place) -> list[Record]:
        try:
            return _decode_records(body)
        except msgspec.MsgspecError as error:
            raise DamagedStoreError(
                f"{self.path}: at byte {place.body}: expected records, found: {error}; "
                "the frame is as it was written, but not by this program"
            ) from None

    def _scan(self, start: int) -> None:
        view = memoryview(self._data)
        offset = start
        previous = chain(view[:start])
        while offset < len(view):
            expected = Frame(len(self._frames), self.events, 0, previous, b"")
            decoded = decode_frame(view, offset, expected)
            if isinstance(decoded, Fault):
                self._leave_aside(offset, decoded)
                break
            frame, end = decoded
            self._frames.append(Place(frame.events_before, offset + HEAD_BYTES, end))
            previous = chain(view[offset:end])
            self.events += frame.events
            offset = end

    def _leave_aside(self, offset: int, fault: Fault) -> None:
        """Take what begins at ``offset`` for a torn tail, or refuse it as damage."""
        length = len(self._data) - offset
        if fault is not Fault.CUT:
            raise DamagedStoreError(
                f"{self.path}: at byte {offset}, after event {self.events}: "
                f"expected frame {len(self._frames)}, found that {fault.value}"
            )
        self.tail = Tail(offset, length, fault)


def set_aside(path: Path) -> Path | None:
    """Move what stands at ``path`` to the first free numbered name beside it.

    Returns:
        The new name (``NAME.~1~`` and so on), or None where nothing stood there.

    Raises:
        OutputError: it cannot be moved.

    """
    if not os.path.lexists(path):
        return None
    number = 1
    while os.path.lexists(numbered := path.with_name(f"{path.name}.~{number}~")):
        number += 1
    try:
        path.rename(numbered)
    except OSError as error:
        raise OutputError(
            f"{path}: expected to move it to {numbered.name}, found: {error.strerror}"
        ) from None
    return numbered
