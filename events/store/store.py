"""The event store: one append-only file that is the truth about a run.

The file is a header (`events.store.header`) and then frames (`events.store.frames`), all of them
msgpack objects. Frames hold arrays of records (`events.store.records`).
`events/store/FORMAT.md` describes the format for readers in other languages.

A write that was interrupted leaves a last frame that is not whole. Reading such a
store gives all frames before it, and `EventStore.tail` says what was left aside. What
is not whole with an intact frame after it is damage, and refused.
"""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from events.errors import (
    BadValueError,
    DamagedStoreError,
    OtherDetectorError,
    OtherKindError,
    StoreError,
)
from events.journal.columns import EventColumns
from events.logs.objects import zone_of
from events.paths import path_of
from events.store.disk import read_beginning
from events.store.frames import HEAD_BYTES, Fault, chain_of, previous_of
from events.store.header import FIRST_PACKED, MAGIC_BYTES, decode_header
from events.store.reading import Reader
from events.store.records import VERDICTS, Record, Rejected, in_place
from events.store.scan import Damage, Whole, scan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from events.declared.fact import FactTypes
    from events.observations.parameters import IntervalParameters
    from events.purchases.event import Event
    from events.purchases.parameters import Parameters
    from events.store.header import DetectorVersion, Header
    from events.times.timestamps import Zone


P = TypeVar("P")


class Tail(NamedTuple):
    """The end of a store that was cut short, which is left aside."""

    offset: int
    """Where the intact part of the store ends, in bytes."""
    length: int
    """How many bytes come after it."""
    fault: Fault
    """What is wrong with them."""


class FramePlace(NamedTuple):
    """Where a frame lies."""

    events_before: int
    """How many events stand before it."""
    events: int
    """How many events it holds, as its head says."""
    body: int
    """Where its body begins, in bytes."""
    end: int
    """Where it ends, in bytes."""


class StoredFrame(NamedTuple):
    """A frame that was read and checked."""

    previous: bytes
    """The hash by which it refers to the frame before it, 32 bytes."""
    records: list[Record]
    """What it holds."""
    events: int
    """How many events that is; one record may hold several."""

    def each(self) -> Iterator[Record | Event]:
        """Iterate over the records, with an object for each event."""
        return in_place(self.records)


def read_content(path: Path) -> bytes:
    """Return all bytes of the store at ``path``, as many as there are now.

    Raises:
        StoreError: it cannot be read.

    """
    try:
        return read_beginning(path, MAGIC_BYTES)
    except (OSError, ValueError) as error:
        found = error.strerror if isinstance(error, OSError) else error
        raise StoreError(f"{path}: expected an event store, found: {found}") from None


def scanned(data: memoryview, start: int, path: Path) -> Iterator[Whole | Damage]:
    """Iterate as `events.store.scan.scan` does over the store at ``path``.

    Raises:
        DamagedStoreError: it was made to take for ever.

    """
    try:
        yield from scan(data, start)
    except BadValueError as error:
        raise DamagedStoreError(
            f"{path}: {error}; the store was not written by this program"
        ) from None


class EventStore:
    """An event store, opened for reading; the file is never changed.

    Raises:
        StoreError: the file is missing, is no event store, is of a newer format,
            or is damaged before its last frame.

    """

    def __init__(self, path: str | Path) -> None:
        """Open the store at ``path`` and check every frame."""
        self.path: Final = path_of(path, "an event store", StoreError)
        self._data = read_content(self.path)
        self.header: Header
        """Which history it is."""
        self.version: int
        """The version of its format."""
        self.header, self.version, start = decode_header(self._data, self.path)
        self.tail: Tail | None = None
        """What was left aside at the end, or None where the store is whole."""
        self.events = 0
        """How many events the store holds."""
        self.chain = chain_of(memoryview(self._data)[:start])
        """The hash by which a next frame would refer to what stands before it."""
        self._frames: list[FramePlace] = []
        self._checked = False
        self._zone = self.header.zone
        self._types: FactTypes | None = None
        self._look_through(start)

    @property
    def frames_count(self) -> int:
        """How many frames the store holds."""
        return len(self._frames)

    @property
    def frame_ends(self) -> list[int]:
        """After how many events each frame ends."""
        return [place.events_before + place.events for place in self._frames]

    @property
    def parameters(self) -> Parameters:
        """D and T of the run.

        Raises:
            OtherKindError: it is a store of observations and intervals.

        """
        return self._of("purchases", self.header.parameters)

    @property
    def intervals(self) -> IntervalParameters:
        """What intervals were looked for.

        Raises:
            OtherKindError: it is no store of intervals.

        """
        return self._of("intervals", self.header.intervals)

    def _of(self, kind: str, setting: P | None) -> P:
        if setting is None:
            raise OtherKindError(
                f"{self.path}: expected a store of {kind}, found one that {self.detector} decided"
            )
        return setting

    @property
    def detector(self) -> DetectorVersion:
        """Which detector decided; where the store names none it is the built-in, version 1."""
        return self.header.decided_by

    def bind(self, types: FactTypes) -> None:
        """Let events and verdicts be of the classes ``types``, which a detector declares.

        Otherwise they are of classes that are made for what the header says.

        Raises:
            OtherDetectorError: the history has other types.

        """
        declared = self.header.declared
        if declared is None or types.declared(declared.parameters) != declared:
            raise OtherDetectorError(
                f"{self.path}: expected events of the types that the detector declares, found "
                "others; name the detector that decided it"
            )
        self._types = types

    @property
    def zone(self) -> Zone | None:
        """Whether the times have an offset and are kept in UTC; None where there is no event yet.

        Where the header does not say, the first event's own line does.

        Raises:
            DamagedStoreError: what stands up to it this program does not write.

        """
        if self._zone is None and self.events:
            if self.version < FIRST_PACKED or self.header.intervals is not None:
                # Earlier releases took no offsets, and observations have none.
                self._zone = "none"
            else:
                self._zone = self._first_zone()
        return self._zone

    def _first_zone(self) -> Zone | None:
        for frame in self.frames():
            for record in frame.records:
                if isinstance(record, EventColumns):
                    line = record.first_line()
                    # Canonical lines have no offset.
                    return "none" if line is None else zone_of(line)
        return None

    def records(self, after_event: int = 0) -> Iterator[Record | Event]:
        """Iterate over the records, in the order in which they were appended, purchases singly.

        Args:
            after_event: begin with the frame in which the event after this one
                stands; earlier records of that frame come too.

        Raises:
            DamagedStoreError: a frame holds what this program does not write.

        """
        for frame in self.frames(after_event):
            yield from frame.each()

    def frames(self, after_event: int = 0) -> Iterator[StoredFrame]:
        """Iterate over the frames, in order, each checked.

        Args:
            after_event: begin with the frame in which the event after this one stands.

        Raises:
            DamagedStoreError: one holds what this program does not write.

        """
        first = 0
        if after_event:
            first = bisect.bisect(self._frames, after_event, key=lambda frame: frame.events_before)
            first = max(first - 1, 0)
        yield from self.frames_from(first)

    def frames_from(self, first: int) -> Iterator[StoredFrame]:
        """Iterate over the frames, as `frames` does, from that with the number ``first`` on."""
        view = memoryview(self._data)
        if first == 0:
            yield from self._checked_frames(view)
            return
        if not self._checked:
            # What is right in a frame depends on those before it.
            for _ in self._checked_frames(view):
                pass
        reader = Reader(self.header, self.version, self.path, self._types)
        for place in self._frames[first:]:
            yield self._frame(view, place, _records(reader, view, place))

    def last_frames(self, count: int) -> list[list[Record]]:
        """Return the records of the last ``count`` frames, or of all if they are fewer.

        Raises:
            DamagedStoreError: they are none that this program writes; what the records of
                a frame say of one another, and of those before, is not looked at.

        """
        view = memoryview(self._data)
        reader = Reader(self.header, self.version, self.path, self._types)
        return [_records(reader, view, place) for place in self._frames[-count:]]

    def events_from(self, number: int = 1) -> Iterator[Event]:
        """Iterate over the events from event ``number`` on, in order."""
        for frame in self.frames(number - 1):
            for record in frame.records:
                if isinstance(record, EventColumns):
                    yield from record.events(max(0, number - record.number))

    def rejected(self) -> Iterator[Rejected]:
        """Iterate over the rejected lines, in order."""
        return (record for record in self.records() if isinstance(record, Rejected))

    def decisions(self) -> Iterator[Any]:
        """Iterate over the decisions, in the order of the stream."""
        return (record for record in self.records() if isinstance(record, VERDICTS))

    def _checked_frames(self, view: memoryview) -> Iterator[StoredFrame]:
        reader = Reader(self.header, self.version, self.path, self._types)
        for place in self._frames:
            body = view[place.body : place.end]
            yield self._frame(view, place, reader.next_records(body, place.body, place.events))
        self._checked = True

    @staticmethod
    def _frame(view: memoryview, place: FramePlace, records: list[Record]) -> StoredFrame:
        head = view[place.body - HEAD_BYTES : place.body]
        return StoredFrame(previous_of(head), records, place.events)

    def _look_through(self, start: int) -> None:
        damage: Damage | None = None
        for found in scanned(memoryview(self._data), start, self.path):
            if isinstance(found, Damage):
                damage = found
                continue
            if damage is not None:
                raise DamagedStoreError(_loss(self.path, damage))
            frame = found.frame
            self._frames.append(
                FramePlace(frame.events_before, frame.events, found.body, found.end)
            )
            self.chain = found.chain
            self.events += frame.events
        if damage is not None:
            if damage.end is not None:
                raise DamagedStoreError(_loss(self.path, damage))
            self.tail = Tail(damage.offset, len(self._data) - damage.offset, damage.fault)


def _records(reader: Reader, view: memoryview, place: FramePlace) -> list[Record]:
    body = view[place.body : place.end]
    return reader.records(body, place.body, place.events_before, place.events)


def _loss(path: Path, damage: Damage) -> str:
    return (
        f"{path}: bytes {damage.offset} to {damage.end}, after event {damage.events_before}: "
        f"expected frame {damage.position}, found that {damage.fault.value}; {damage.loss}; "
        "check says more, and repair saves what is whole"
    )
