"""Frames: checksummed msgpack objects that follow one another in an event store.

A frame is one msgpack array of nine, so any msgpack library reads it; its head
has a fixed layout of bytes (whole numbers in their widest form), so that it can
be checked, and found again after damage, without decoding anything:

    byte  bytes  msgpack     field
       0      1  array of 9
       1      6  str 5       "frame"
       7      9  uint 64     position: how many frames stand before it
      16      9  uint 64     events before it
      25      5  uint 32     events in it
      30      5  uint 32     bytes in its body
      35     34  bin 32      SHA-256 of the frame before it, or of the store's header
      69      5  uint 32     CRC-32 of the body
      74      5  uint 32     CRC-32 of bytes 0 to 73
      79      5  bin         the body: a msgpack array of records
      84

The two CRCs tell a damaged head from a damaged body; the chain of hashes ties
each frame to all before it, so frames cannot be lost, doubled or moved unnoticed.
This module does no input or output.
"""

from __future__ import annotations

import enum
import hashlib
import struct
import zlib
from typing import Final, NamedTuple

from events.errors import BadValueError

MARKER: Final = b"\x99\xa5frame"
HEAD_BYTES: Final = 84
BODY_BYTES_MAX: Final = 2**32 - 1

_CHECKED = struct.Struct(">7s BQ BQ BI BI BB32s BI")
_HEAD = struct.Struct(">7s BQ BQ BI BI BB32s BI BI BI")
_LENGTH_BYTE: Final = 30 + 1
_PREVIOUS_BYTE: Final = 35 + 2
# How often each byte of a store is looked at, on average.
_LOOKS_MAX: Final = 16
_UINT64, _UINT32, _BIN8, _BIN32 = 0xCF, 0xCE, 0xC4, 0xC6


class Frame(NamedTuple):
    """One frame, decoded and checked."""

    position: int
    """How many frames stand before it."""
    events_before: int
    """How many events stand before it."""
    events: int
    """How many events it holds."""
    previous: bytes
    """SHA-256 of the frame (or header) before it, 32 bytes."""
    body: bytes | memoryview
    """Its records, as one msgpack array."""


class Fault(enum.Enum):
    """What is wrong with the bytes where a frame should be."""

    CUT = "the frame is cut short"
    HEAD = "the frame's head fails its checksum"
    BODY = "the frame's body fails its checksum"
    ORDER = "the frame does not follow the one before it"


def encode_frame(frame: Frame, body_bytes_max: int = BODY_BYTES_MAX) -> bytes:
    """Return the bytes of ``frame``.

    Raises:
        ValueError: the body is longer than ``body_bytes_max``, by default what a msgpack object
            may have (4 GiB).

    """
    length = len(frame.body)
    if length > body_bytes_max:
        raise ValueError(f"expected a body of at most {body_bytes_max} bytes, found {length}")
    checked = _CHECKED.pack(
        MARKER,
        *(_UINT64, frame.position),
        *(_UINT64, frame.events_before),
        *(_UINT32, frame.events),
        *(_UINT32, length),
        *(_BIN8, len(frame.previous), frame.previous),
        *(_UINT32, zlib.crc32(frame.body)),
    )
    rest = struct.pack(">BI BI", _UINT32, zlib.crc32(checked), _BIN32, length)
    return b"".join((checked, rest, frame.body))


def decode_frame(
    data: memoryview, offset: int, expected: Frame | None
) -> tuple[Frame, int] | Fault:
    """Return the frame at ``offset`` of ``data`` and where it ends, or what is wrong there.

    Args:
        data: the content of a store.
        offset: where the frame begins, in bytes.
        expected: a frame whose position, events_before and previous are those the
            frame must have; its other fields are not looked at. None for any frame.

    """
    if len(data) - offset < HEAD_BYTES:
        return Fault.CUT
    head = data[offset : offset + HEAD_BYTES]
    fields = _HEAD.unpack(head)
    marker, _, position, _, before, _, events, _, length, _, _, previous, _, body_crc = fields[:14]
    # A right checksum of the head vouches for all before it, type bytes included.
    # What comes after can then have but one value.
    after = struct.pack(">BI BI", _UINT32, zlib.crc32(head[: _CHECKED.size]), _BIN32, length)
    if marker != MARKER or head[_CHECKED.size :] != after:
        return Fault.HEAD
    start, end = offset + HEAD_BYTES, offset + HEAD_BYTES + length
    if end > len(data):
        return Fault.CUT
    body = data[start:end]
    if zlib.crc32(body) != body_crc:
        return Fault.BODY
    frame = Frame(position, before, events, previous, body)
    if expected is not None and not _follows(frame, expected):
        return Fault.ORDER
    return frame, end


def _follows(frame: Frame, expected: Frame) -> bool:
    return (frame.position, frame.events_before, frame.previous) == (
        expected.position,
        expected.events_before,
        expected.previous,
    )


class FrameFinder:
    """Finds frames behind what is damaged in a store.

    Of frames that were written few bytes are looked at twice. Made ones can lie in one
    another by thousands, so that to look at all of them would take years.
    """

    def __init__(self, data: memoryview) -> None:
        """Look in ``data``, the content of a store; a view of bytes."""
        self._data: Final = data
        whole = data.obj
        self._content: Final = whole if isinstance(whole, bytes) else bytes(data)
        self._left = _LOOKS_MAX * len(data)

    def find(self, start: int, position_min: int) -> tuple[int, Frame, int] | None:
        """Return the first frame at or after byte ``start`` that is whole in itself.

        Whether it follows what comes before is not looked at, but that its position is
        at least ``position_min``: a line of a log may hold the bytes of another store.

        Returns:
            Where it begins, the frame, and where it ends; None where there is none.

        Raises:
            BadValueError: there are too many that lie in one another.

        """
        data = self._data
        offset = self._content.find(MARKER, start)
        while offset >= 0:
            decoded = decode_frame(data, offset, None)
            if not isinstance(decoded, Fault) and decoded[0].position >= position_min:
                return offset, *decoded
            if decoded is not Fault.HEAD and decoded is not Fault.CUT:
                self._left -= body_bytes(data, offset)
            if self._left < 0:
                raise BadValueError(
                    f"expected frames one behind the other, found many in one another up to "
                    f"byte {offset}"
                )
            offset = self._content.find(MARKER, offset + 1)
        return None


def body_bytes(data: memoryview, offset: int) -> int:
    """Return how long the body is, as the head of the frame at byte ``offset`` says."""
    return int.from_bytes(data[offset + _LENGTH_BYTE : offset + _LENGTH_BYTE + 4])


def previous_of(head: memoryview) -> bytes:
    """Return the field ``previous`` of a frame that has been checked, from its head."""
    return bytes(head[_PREVIOUS_BYTE : _PREVIOUS_BYTE + 32])


def chain_of(data: bytes | memoryview) -> bytes:
    """Return the hash by which the next frame refers to the frame ``data``: 32 bytes."""
    return hashlib.sha256(data).digest()
