"""Stores taken apart and put together again with right checksums, whatever they then hold."""

from __future__ import annotations

import hashlib
import itertools
import struct
import zlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgpack

from events.store.frames import Frame, decode_frame, encode_frame
from events.store.header import MAGIC_BYTES, decode_header

if TYPE_CHECKING:
    from pathlib import Path

# Where in a record of events columns are that say how many there are.
_FRIENDSHIPS: Final = 2
_AMOUNTS: Final = 5
_IDS: Final = 2
_PAIRS: Final = 5
_KINDS: Final = 1


class Packed(NamedTuple):
    """A value as the bytes that a store holds of it, which need not be msgpack."""

    data: bytes


class Piece:
    """A frame that can be changed."""

    def __init__(self, records: list[Any]) -> None:
        """Begin with what a frame holds."""
        self.records = records
        self.events: int | None = None
        """How many events its head says, or None for the right number."""
        self.body: bytes | None = None
        """What stands in place of the records, if anything does."""


class Remade:
    """A store that can be changed."""

    def __init__(self, path: Path) -> None:
        """Take the store at ``path`` apart, which is whole."""
        data = path.read_bytes()
        *_, start = decode_header(data, path)
        _, self.version, body, _ = msgpack.unpackb(data[:start])
        self.header: Any = msgpack.unpackb(body)
        """The map of the header, or what stands in its place."""
        self.pieces: list[Piece] = []
        self.tail = b""
        """What comes behind the frames."""
        offset = start
        while offset < len(data):
            decoded = decode_frame(memoryview(data), offset, None)
            assert isinstance(decoded, tuple), "the store is whole"
            frame, offset = decoded
            self.pieces.append(Piece(msgpack.unpackb(frame.body)))

    def data(self) -> bytes:
        """Return the bytes of the store, with its checksums, its chain and its counts mended."""
        body = packed(self.header)
        content = MAGIC_BYTES + packed(self.version) + bytes(msgpack.packb(body))
        content += bytes(msgpack.packb(hashlib.sha256(content).digest()))
        blob, before, frames = content, 0, [content]
        for position, piece in enumerate(self.pieces):
            chain = hashlib.sha256(blob).digest()
            for record in piece.records:
                if _is(record, "digest") and len(record) > 2 and isinstance(record[2], bytes):
                    record[2] = chain
            events = events_in(piece.records) if piece.events is None else piece.events
            body = packed(piece.records) if piece.body is None else piece.body
            blob = encode_frame(Frame(position, before, events, chain, body))
            frames.append(blob)
            before += events
        return b"".join([*frames, self.tail])


def events_in(records: list[Any]) -> int:
    """Return how many events records are, as far as they look like events."""
    count = 0
    for record in records:
        if _is(record, "observed"):
            # Of pairs of ids and keys, or of ids.
            count += len(_listed(record, _PAIRS) or _listed(_listed(record, _IDS), 1))
        elif _is(record, "facts"):
            count += len(_listed(record, _KINDS))
        elif _is(record, "events"):
            count += len(_listed(record, _FRIENDSHIPS)) + len(_listed(record, _AMOUNTS))
    return min(count, 2**32 - 1)


def _listed(values: list[Any], place: int) -> list[Any]:
    """Return the list at a place, or an empty one where none is."""
    found = values[place] if len(values) > place else None
    return found if isinstance(found, list) else []


def _is(record: object, tag: str) -> bool:
    return isinstance(record, list) and bool(record) and record[0] == tag


def packed(value: Any) -> bytes:
    """Return ``value`` as msgpack, with what is packed already as it is."""
    if isinstance(value, Packed):
        return value.data
    if isinstance(value, list):
        return b"\xdd" + len(value).to_bytes(4) + b"".join(map(packed, value))
    if isinstance(value, dict):
        pairs = itertools.chain.from_iterable(value.items())
        return b"\xdf" + len(value).to_bytes(4) + b"".join(map(packed, pairs))
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        value %= 2**64
    return bytes(msgpack.packb(value, unicode_errors="surrogatepass"))


def nested_heads(count: int) -> bytes:
    """Return the heads of ``count`` frames, each of which claims all that comes behind it."""
    size = 84
    heads = []
    for place in range(count):
        body = (count - place - 1) * size
        head = struct.pack(
            ">7s BQ BQ BI BI BB32s BI", b"\x99\xa5frame", 0xCF, 1_000 + place, 0xCF, 0, 0xCE, 0,
            *(0xCE, body, 0xC4, 32, bytes(32), 0xCE, 0),
        )  # fmt: skip
        heads.append(head + struct.pack(">BI BI", 0xCE, zlib.crc32(head), 0xC6, body))
    return b"".join(heads)
