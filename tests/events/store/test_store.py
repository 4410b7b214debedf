"""A store gives back what was appended, byte for byte, or tells what is wrong with it."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import os
import re
import resource
import zlib
from typing import TYPE_CHECKING, Any

import msgpack
import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from events.errors import (
    DamagedStoreError,
    ForeignStoreError,
    NewerStoreError,
    OutputError,
    PositionError,
    StoreError,
    shown,
)
from events.logs.extent import Fingerprint
from events.logs.objects import Reason
from events.observations.interval import Finding
from events.observations.observed import Observation, Observed
from events.purchases.decision import Decision
from events.purchases.event import Befriend, Event, Purchase, Unfriend
from events.purchases.parameters import Parameters
from events.records.record import (
    Lines,
    LogEnd,
    Record,
    Rejected,
    StateDigest,
    StreamStart,
    events_in,
)
from events.store.earlier import with_runs
from events.store.frames import Fault, Frame, chain_of, encode_frame
from events.store.header import Header, encode_header
from events.store.store import EventStore, Tail
from events.store.writer import StoreWriter, set_aside
from replay.testing.disks import FailingDisk
from tests.by_the_book import body_of
from tests.record_strategies import AMOUNT_MAX, Stored, stores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

TIME = "2017-06-13 11:33:01"
FIRST_LINE = b'{"D":"3", "T":"50"}'
HEADER = Header(Parameters(3, 50), FIRST_LINE, Fingerprint("batch.json", 100, bytes(32)), None)
FRAMES: list[list[Record | Event]] = [
    [
        Lines("batch", 2),
        Purchase(TIME, 1, "1", 168_300),
        Befriend(TIME, 2, "1", "2", b"{}\xff"),
        Rejected("batch", 4, Reason.NOT_JSON, "expected", b"\xff\xfe"),
    ],
    [LogEnd("batch", 4, newline=False), StreamStart(2)],
    [Lines("stream", 1), Purchase(TIME, 3, "2", AMOUNT_MAX), Unfriend(TIME, 4, "1", "2")],
    [Decision(3, True, 2, 2910, 2146)],
    [StateDigest(4, bytes(range(32)), 2, (0, 1, 2, 3, 4, 5, 6, 2**64 - 1))],
]


def is_event(record: Record | Event) -> bool:
    return isinstance(record, Purchase | Befriend | Unfriend)


def count_of(records: Sequence[Record | Event]) -> int:
    """Return how many events ``records`` hold, of which some stand singly."""
    return events_in(with_runs(records))


def events_of(records: Sequence[Record | Event]) -> list[Any]:
    """Return the events of ``records``, an object each."""
    events: list[Any] = []
    for record in records:
        if is_event(record):
            events.append(record)
        elif isinstance(record, Observed):
            keys = record.keys or [""] * len(record.times)
            rows = zip(record.times, record.adids, keys, strict=True)
            events += [
                Observation(time, number, adid, key)
                for number, (time, adid, key) in enumerate(rows, record.number)
            ]
    return events


def write(path: Path, frames: Sequence[Sequence[Record | Event]], header: Header = HEADER) -> bytes:
    """Write a new store of ``frames`` at ``path`` and return its bytes."""
    path.unlink(missing_ok=True)
    with StoreWriter.create(path, header) as writer:
        for records in frames:
            writer.append(with_runs(records), count_of(records))
    return path.read_bytes()


def flat(frames: Sequence[Sequence[Record | Event]]) -> list[Record | Event]:
    return [record for records in frames for record in records]


def pieces(content: bytes) -> list[bytes]:
    """Return the header and the frames of a store, found with nothing but msgpack."""
    unpacker = msgpack.Unpacker()
    unpacker.feed(content)
    ends = [0, *(unpacker.tell() for _ in unpacker)]
    return [content[start:end] for start, end in itertools.pairwise(ends)]


def fields_of(header: Header) -> dict[str, Any]:
    """Return the map in a store's header."""
    fields: dict[str, Any] = msgspec.to_builtins(header, builtin_types=(bytes,))
    assert (fields.pop("declared"), fields.pop("line_bytes")) == (None, None)
    return fields


def by_the_book(stored: Stored) -> bytes:
    """Return what a store must be, from the documentation alone."""
    header, frames = stored
    version = 3 if header.intervals is None else 5
    content = blob = sealed(version, msgpack.packb(fields_of(header)))
    events_before = 0
    keys: list[str] = []
    for position, records in enumerate(frames):
        body = msgpack.packb(body_of(records, keys))
        events = count_of(records)
        head = b"\x99\xa5frame\xcf%b\xcf%b\xce%b\xce%b\xc4\x20%b\xce%b" % (
            *(position.to_bytes(8), events_before.to_bytes(8), events.to_bytes(4)),
            *(len(body).to_bytes(4), hashlib.sha256(blob).digest(), zlib.crc32(body).to_bytes(4)),
        )
        rest = b"\xce%b\xc6%b" % (zlib.crc32(head).to_bytes(4), len(body).to_bytes(4))
        blob = head + rest + body
        content += blob
        events_before += events
    return content


def sealed(version: object, body: object) -> bytes:
    """Return a store's header with a checksum that is right, whatever it holds."""
    start = b"\x94" + b"".join(map(msgpack.packb, ("replay.events", version, body)))
    return start + bytes(msgpack.packb(hashlib.sha256(start).digest()))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where tests write their stores."""
    return tmp_path_factory.mktemp("stores") / "flagged.json.events"


@pytest.mark.slow
@given(stores)
def test_store_gives_back_what_was_appended(path: Path, stored: Stored) -> None:
    header, frames = stored
    write(path, frames, header)
    store, records = EventStore(path), flat(frames)
    assert store.header == header
    assert store.tail is None
    assert list(store.records()) == records
    assert list(store.events_from()) == events_of(records)
    assert list(store.rejected()) == [r for r in records if isinstance(r, Rejected)]
    assert list(store.decisions()) == [r for r in records if isinstance(r, Decision | Finding)]
    assert store.events == count_of(records)


@given(stores)
def test_store_is_byte_for_byte_what_the_documentation_makes_of_its_records(
    path: Path, stored: Stored
) -> None:
    assert write(path, stored.frames, stored.header) == by_the_book(stored)


@pytest.mark.slow
@given(stores)
def test_reader_with_nothing_but_msgpack_gets_the_same(path: Path, stored: Stored) -> None:
    header, frames = stored
    first, *rest = pieces(write(path, frames, header))
    magic, version, body, digest = msgpack.unpackb(first)
    assert (magic, version) == ("replay.events", 3 if header.intervals is None else 5)
    assert digest == hashlib.sha256(first[:-34]).digest()
    expected = fields_of(header)
    assert msgpack.unpackb(body) == expected
    # They come last, so that the fields before them stay where they were.
    assert list(expected)[-2:] == ["detector", "zone"]
    bodies = [msgpack.unpackb(msgpack.unpackb(frame)[-1]) for frame in rest]
    keys: list[str] = []
    assert bodies == [body_of(records, keys) for records in frames]


@pytest.mark.slow
@given(stores)
def test_events_are_found_from_any_number_on(path: Path, stored: Stored) -> None:
    header, frames = stored
    write(path, frames, header)
    store = EventStore(path)
    events = events_of(flat(frames))
    for number in range(1, len(events) + 3):
        assert list(store.events_from(number)) == events[number - 1 :]
    assert len(store) == len(events)
    assert list(store) == events
    assert [store.event(number) for number in range(1, len(events) + 1)] == events
    which = f"from 1 to {len(events)}" if events else "of which there is none"
    for number in (0, -1, len(events) + 1):
        with pytest.raises(PositionError, match=f"an event,? {which}, found {number}$"):
            store.event(number)


def test_an_event_is_found_behind_frames_without_any(path: Path) -> None:
    write(path, FRAMES)
    assert EventStore(path).event(3) == events_of(flat(FRAMES))[2]


def test_store_says_what_it_is_and_is_true_without_events(path: Path) -> None:
    write(path, FRAMES)
    assert repr(EventStore(path)) == (
        f"<EventStore {path}: 4 events, decided by 'purchases' (version 1)>"
    )
    write(path, [])
    assert len(EventStore(path)) == 0
    assert EventStore(path)


def test_closed_store_tells_that_it_is_closed(path: Path) -> None:
    write(path, FRAMES)
    with EventStore(path) as store:
        assert len(list(store)) == 4
    store.close()
    reads: list[Callable[[], object]] = [
        lambda: next(iter(store)),
        lambda: store.event(3),
        lambda: next(store.decisions()),
        lambda: store.last_frames(1),
    ]
    for read in reads:
        with pytest.raises(
            StoreError, match=r"events: expected an open store, found a closed one; open it anew$"
        ):
            read()
    # What was known once it was open.
    assert (len(store), store.parameters) == (4, Parameters(3, 50))


@pytest.mark.slow
@given(stores, st.integers(0, 8))
@example(Stored(HEADER, FRAMES), 2)
def test_records_after_an_event_begin_with_the_frame_of_the_next_one(
    path: Path, stored: Stored, after: int
) -> None:
    header, frames = stored
    write(path, frames, header)
    starts = [count_of(flat(frames[:position])) for position in range(len(frames))]
    first = max((n for n, start in enumerate(starts) if start <= after), default=0) if after else 0
    assert list(EventStore(path).records(after)) == flat(frames[first:])


def test_reading_leaves_the_file_as_it_is(path: Path) -> None:
    content = write(path, FRAMES)[:-1]
    path.write_bytes(content)
    store = EventStore(path)
    assert len(list(store.records())) == len(flat(FRAMES)) - 1
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_store_cut_short_anywhere_gives_its_intact_frames_and_tells_where_they_end(
    path: Path,
) -> None:
    content = write(path, FRAMES)
    ends = list(itertools.accumulate(map(len, pieces(content))))
    for length in range(ends[0], len(content) + 1):
        path.write_bytes(content[:length])
        store = EventStore(path)
        intact = sum(end <= length for end in ends) - 1
        assert list(store.records()) == flat(FRAMES[:intact])
        torn = length - ends[intact]
        assert store.tail == (Tail(ends[intact], torn, Fault.CUT) if torn else None)


def test_store_cut_short_in_its_header_is_refused(path: Path) -> None:
    content = write(path, FRAMES)
    path.write_bytes(b"")
    with pytest.raises(ForeignStoreError, match="expected an event store, found an empty file"):
        EventStore(path)
    for length in range(1, len(pieces(content)[0])):
        path.write_bytes(content[:length])
        with pytest.raises(DamagedStoreError, match="header is damaged or cut short; nothing"):
            EventStore(path)


@pytest.mark.slow
@pytest.mark.parametrize("count", [0, 1, 3])
def test_no_flipped_bit_goes_unnoticed(path: Path, count: int) -> None:
    content = write(path, FRAMES[:count])
    last = len(content) - len(pieces(content)[-1])
    unnoticed = []
    for bit in range(8 * len(content)):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            tail = EventStore(path).tail
            if tail is None or tail.offset < last:
                unnoticed.append(bit)
        except StoreError as error:
            assert str(error).startswith(f"{path}: ")  # noqa: PT017  each bit may end here or not
    assert unnoticed == []


def test_frames_lost_doubled_or_moved_are_noticed(path: Path) -> None:
    header, *frames = pieces(write(path, FRAMES[:3]))
    for length in range(1, 5):
        for order in itertools.product(range(3), repeat=length):
            path.write_bytes(header + b"".join(frames[position] for position in order))
            if order == (0, 1, 2)[:length]:
                assert list(EventStore(path).records()) == flat(FRAMES[:length])
            else:
                with pytest.raises(DamagedStoreError, match="does not follow the one before it"):
                    EventStore(path)


def test_frames_of_another_store_are_noticed(path: Path) -> None:
    own = pieces(write(path, FRAMES))
    other = pieces(write(path, [FRAMES[0][:-1], *FRAMES[1:]]))
    path.write_bytes(own[0] + own[1] + other[2] + other[3])
    place = len(own[0] + own[1])
    message = rf"bytes {place} to {place}, after event 2: expected frame 1, found that the"
    with pytest.raises(DamagedStoreError, match=message):
        EventStore(path)
    path.write_bytes(encode_header(msgspec.structs.replace(HEADER, line=None)) + b"".join(own[1:]))
    with pytest.raises(DamagedStoreError, match="expected frame 0, found that the frame does not"):
        EventStore(path)


def test_fields_from_a_later_version_are_stepped_over(path: Path) -> None:
    content = write(path, [])
    records: list[Record | Event] = [Lines("batch", 2), Purchase(TIME, 1, "1", 5)]
    longer = [[*record, "later"] for record in body_of(records)]
    frame = Frame(0, 0, 1, chain_of(content), msgpack.packb(longer))
    path.write_bytes(content + encode_frame(frame))
    assert list(EventStore(path).records()) == records


@pytest.mark.parametrize(
    "content",
    [
        *(b'{"D":"3", "T":"50"}\n', b"\x94\xa6events\x01\xc4\x00\xc4\x00"),
        *(b"\x95\xadreplay.events\x01", b"\x99\xa5frame", bytes(1000)),
    ],
)
def test_file_of_another_kind_is_refused_as_foreign(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    message = re.escape(f"{path}: expected an event store, found {shown(content[:32])}")
    with pytest.raises(ForeignStoreError, match=message):
        EventStore(path)


def test_missing_store_and_folder_are_refused_by_name(tmp_path: Path) -> None:
    for path, found in ((tmp_path / "absent", "No such file"), (tmp_path, "Is a directory")):
        message = f"{path}: expected an event store, found: {found}"
        with pytest.raises(StoreError, match=re.escape(message)):
            EventStore(path)


def test_newer_version_is_refused_with_the_cure(path: Path) -> None:
    path.write_bytes(sealed(6, b"of a shape that nobody knows yet") + b"and frames that may differ")
    message = "expected format version 5 or older, found version 6; read it with a newer release"
    with pytest.raises(NewerStoreError, match=re.escape(f"{path}: {message}")):
        EventStore(path)


@pytest.mark.parametrize(
    ("version", "body"),
    [
        *(("one", b"\x80"), (1, 5), (1, b""), (1, b"\xc1"), (1, b"\x80")),
        (1, msgpack.packb({"parameters": {"degrees": 0, "tracked": 2}})),
        (1, msgpack.packb(dict.fromkeys(("parameters", "line", "batch", "stream")))),
    ],
)
def test_header_that_no_release_wrote_is_a_store_error_naming_the_file(
    path: Path, version: object, body: object
) -> None:
    path.write_bytes(sealed(version, body))
    with pytest.raises(StoreError, match=re.escape(f"{path}: expected")):
        EventStore(path)


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x01", b"\x91\x91\xa6stream"])
def test_frame_that_holds_no_records_is_damage_however_intact(path: Path, body: bytes) -> None:
    content = write(path, [])
    path.write_bytes(content + encode_frame(Frame(0, 0, 0, chain_of(content), body)))
    message = f"{path}: at byte {len(content) + 84}: expected records, found: "
    with pytest.raises(DamagedStoreError, match=re.escape(message)):
        list(EventStore(path).records())


def test_writer_refuses_to_touch_an_existing_file(path: Path) -> None:
    content = write(path, FRAMES)
    with pytest.raises(OutputError, match=re.escape(f"{path}: expected to write the event store")):
        StoreWriter.create(path, HEADER)
    assert path.read_bytes() == content


def test_writer_names_the_store_that_cannot_be_made(tmp_path: Path) -> None:
    message = f"{tmp_path / 'absent' / 'x'}: expected to write the event store, found: No such file"
    with pytest.raises(OutputError, match=re.escape(message)):
        StoreWriter.create(tmp_path / "absent" / "x", HEADER)


def test_appended_frame_is_in_the_file_before_the_writer_is_closed(path: Path) -> None:
    path.unlink(missing_ok=True)
    with StoreWriter.create(path, HEADER) as writer:
        for number, records in enumerate(FRAMES, 1):
            writer.append(with_runs(records), count_of(records))
            assert list(EventStore(path).records()) == flat(FRAMES[:number])
            assert EventStore(path).events == writer.events


@contextlib.contextmanager
def full_disk(path: Path, room: int) -> Iterator[None]:
    """Let no file of this process grow more than ``room`` bytes beyond the size of ``path``."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_write_that_fails_midway_costs_only_its_own_frame(path: Path) -> None:
    before = write(path, FRAMES[:1])
    path.unlink()
    with StoreWriter.create(path, HEADER) as writer:
        writer.append(with_runs(FRAMES[0]), 2)
        with full_disk(path, 50), pytest.raises(OutputError, match="found: File too large"):
            writer.append(with_runs(FRAMES[1]), 0)
    store = EventStore(path)
    assert list(store.records()) == FRAMES[0]
    assert store.tail == Tail(len(before), 50, Fault.CUT)


def test_nothing_is_appended_behind_a_write_that_failed(path: Path) -> None:
    path.unlink(missing_ok=True)
    with StoreWriter.create(path, HEADER) as writer:
        writer.append(with_runs(FRAMES[0]), 2)
        with full_disk(path, 50), pytest.raises(OutputError, match="File too large"):
            writer.append(with_runs(FRAMES[1]), 0)
        with contextlib.suppress(OutputError):
            writer.append(with_runs(FRAMES[1]), 0)
    assert list(EventStore(path).records()) == FRAMES[0]


def test_set_aside_takes_the_first_free_number_and_keeps_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "flagged.json.events"
    (tmp_path / "flagged.json.events.~3~").write_bytes(b"older")
    moved = []
    for content in (b"first", b"second", b"third"):
        path.write_bytes(content)
        moved.append(set_aside(path))
    names = ["flagged.json.events.~1~", "flagged.json.events.~2~", "flagged.json.events.~4~"]
    assert moved == [tmp_path / name for name in names]
    kept = [(tmp_path / f"flagged.json.events.~{n}~").read_bytes() for n in (1, 2, 3, 4)]
    assert kept == [b"first", b"second", b"older", b"third"]
    assert set_aside(path) is None


def test_set_aside_moves_a_link_to_nowhere_and_never_over_another(tmp_path: Path) -> None:
    path, taken = tmp_path / "events", tmp_path / "events.~1~"
    path.symlink_to(tmp_path / "absent")
    taken.symlink_to(tmp_path / "absent too")
    assert set_aside(path) == tmp_path / "events.~2~"
    assert (tmp_path / "events.~2~").readlink() == tmp_path / "absent"
    assert taken.readlink() == tmp_path / "absent too"


def test_set_aside_shortens_a_name_that_would_get_too_long(tmp_path: Path) -> None:
    path = tmp_path / ("ä" * 126)
    for content in (b"first", b"second"):
        path.write_bytes(content)
        moved = set_aside(path)
        assert moved is not None
        assert len(os.fsencode(moved.name)) == 255
    assert sorted(each.read_bytes() for each in tmp_path.iterdir()) == [b"first", b"second"]


def test_set_aside_tells_why_it_cannot_move(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_bytes(b"kept")
    disk = FailingDisk(1, for_ever=False, error=errno.EIO)
    message = f"{path}: expected to move it to events.~1~, found: Input/output error"
    with pytest.raises(OutputError, match=re.escape(message)):
        set_aside(path, disk)
    assert path.read_bytes() == b"kept"
