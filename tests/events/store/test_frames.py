"""A frame has the documented bytes, and no damage to it goes unnoticed."""

from __future__ import annotations

import hashlib
import zlib

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from events.store import frames
from events.store.frames import HEAD_BYTES, Fault, Frame, chain_of, decode_frame, encode_frame

positions = st.integers(0, 2**64 - 1)
some_frames = st.builds(
    Frame,
    positions,
    positions,
    st.integers(0, 2**32 - 1),
    st.binary(min_size=32, max_size=32),
    st.binary(max_size=100),
)
SMALL = Frame(2, 500, 3, bytes(range(32)), b"\x92\x01\x02")


def decode(data: bytes, expected: Frame, offset: int = 0) -> tuple[Frame, int] | Fault:
    return decode_frame(memoryview(data), offset, expected)


@given(some_frames, st.binary(max_size=20), st.binary(max_size=20))
def test_frame_reads_back_from_between_any_other_bytes(
    frame: Frame, before: bytes, after: bytes
) -> None:
    data = encode_frame(frame)
    decoded = decode(before + data + after, frame, len(before))
    assert decoded == (frame, len(before) + len(data))


@given(some_frames)
@example(SMALL)
@example(Frame(2**64 - 1, 2**64 - 1, 2**32 - 1, bytes(32), bytes(70_000)))
def test_any_msgpack_library_reads_a_frame(frame: Frame) -> None:
    data = encode_frame(frame)
    assert msgpack.unpackb(data) == [
        "frame",
        frame.position,
        frame.events_before,
        frame.events,
        len(frame.body),
        frame.previous,
        zlib.crc32(frame.body),
        zlib.crc32(data[:74]),
        frame.body,
    ]


@given(some_frames)
@example(SMALL)
def test_bytes_of_a_frame_stand_where_the_documentation_says(frame: Frame) -> None:
    length = len(frame.body).to_bytes(4)
    parts = [
        (0, b"\x99"),
        (1, b"\xa5frame"),
        (7, b"\xcf" + frame.position.to_bytes(8)),
        (16, b"\xcf" + frame.events_before.to_bytes(8)),
        (25, b"\xce" + frame.events.to_bytes(4)),
        (30, b"\xce" + length),
        (35, b"\xc4\x20" + frame.previous),
        (69, b"\xce" + zlib.crc32(frame.body).to_bytes(4)),
        (74, b"\xce" + zlib.crc32(encode_frame(frame)[:74]).to_bytes(4)),
        (79, b"\xc6" + length),
        (84, frame.body),
    ]
    data = encode_frame(frame)
    assert [data[offset : offset + len(part)] for offset, part in parts] == [
        part for _, part in parts
    ]
    assert sum(len(part) for _, part in parts) == len(data)


@given(some_frames, st.data())
def test_flipped_bit_in_the_head_is_a_fault_of_the_head(frame: Frame, data: st.DataObject) -> None:
    damaged = bytearray(encode_frame(frame))
    damaged[data.draw(st.integers(0, HEAD_BYTES - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert decode(bytes(damaged), frame) is Fault.HEAD


@given(some_frames.filter(lambda frame: frame.body), st.data())
def test_flipped_bit_in_the_body_is_a_fault_of_the_body(frame: Frame, data: st.DataObject) -> None:
    damaged = bytearray(encode_frame(frame))
    position = data.draw(st.integers(HEAD_BYTES, len(damaged) - 1))
    damaged[position] ^= 1 << data.draw(st.integers(0, 7))
    assert decode(bytes(damaged), frame) is Fault.BODY


@given(some_frames, st.data())
def test_frame_without_its_last_bytes_is_cut(frame: Frame, data: st.DataObject) -> None:
    whole = encode_frame(frame)
    assert decode(whole[: data.draw(st.integers(0, len(whole) - 1))], frame) is Fault.CUT


@given(some_frames, some_frames)
def test_intact_frame_in_the_wrong_place_is_out_of_order(frame: Frame, expected: Frame) -> None:
    for field in ("position", "events_before", "previous"):
        elsewhere = frame._replace(**{field: getattr(expected, field)})
        if elsewhere != frame:
            assert decode(encode_frame(frame), elsewhere) is Fault.ORDER


@given(some_frames, st.integers(0, 2**32 - 1), st.binary())
def test_expected_frame_says_nothing_about_events_and_body(
    frame: Frame, events: int, body: bytes
) -> None:
    expected = frame._replace(events=events, body=body)
    assert decode(encode_frame(frame), expected) == (frame, HEAD_BYTES + len(frame.body))


def test_every_bit_of_a_small_frame_is_guarded() -> None:
    whole = encode_frame(SMALL)
    found = set()
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        in_head = bit < 8 * HEAD_BYTES
        found.add((in_head, decode(bytes(damaged), SMALL)))
    assert found == {(True, Fault.HEAD), (False, Fault.BODY)}


def test_other_bytes_are_no_frame() -> None:
    assert decode(b"", SMALL) is Fault.CUT
    assert decode(bytes(HEAD_BYTES), SMALL) is Fault.HEAD
    assert decode(b'{"event_type":"purchase"}\n' * 10, SMALL) is Fault.HEAD


def test_object_with_another_marker_is_no_frame_however_right_its_checksums() -> None:
    whole = encode_frame(SMALL)
    head = whole[:74].replace(b"frame", b"other")
    other = head + b"\xce" + zlib.crc32(head).to_bytes(4) + whole[79:]
    assert decode(other, SMALL) is Fault.HEAD


def test_frame_of_a_wrong_head_is_named_so_even_where_its_body_is_missing() -> None:
    head = bytearray(encode_frame(SMALL)[:HEAD_BYTES])
    assert decode(bytes(head), SMALL) is Fault.CUT
    head[33] ^= 0x40  # the length of the body
    assert decode(bytes(head), SMALL) is Fault.HEAD


def test_damaged_body_is_told_from_a_frame_out_of_order() -> None:
    expected = SMALL._replace(position=3)
    assert decode(encode_frame(SMALL), expected) is Fault.ORDER
    assert decode(encode_frame(SMALL)[:-1] + b"\x03", expected) is Fault.BODY


def test_chain_is_the_sha256_of_the_frames_bytes() -> None:
    data = encode_frame(SMALL)
    assert chain_of(data) == chain_of(memoryview(data)) == hashlib.sha256(data).digest()


def test_body_longer_than_msgpack_allows_is_refused() -> None:
    assert frames.BODY_BYTES_MAX == 4_294_967_295  # no test can hold so much
    assert len(encode_frame(SMALL, 3)) == HEAD_BYTES + 3
    with pytest.raises(ValueError, match="expected a body of at most 3 bytes, found 4"):
        encode_frame(SMALL._replace(body=b"\x93\x01\x02\x03"), 3)
