"""The event store: one append-only file that is the truth about a run.

The file is a header (`events.store.header`) and then frames (`events.store.frames`), all of them
msgpack objects. Frames hold arrays of records (`events.records.record`).
`events/store/FORMAT.md` describes the format for readers in other languages.

A write that was interrupted leaves a last frame that is not whole. Reading such a
store gives all frames before it, and `EventStore.tail` says what was left aside. What
is not whole with an intact frame after it is damage, and refused.
"""

from __future__ import annotations

import bisect
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from events.closing import Closing
from events.custom.fact import FactTypes
from events.data_frames import frame_of
from events.disk import read_beginning
from events.errors import (
    BadValueError,
    DamagedStoreError,
    OtherDetectorError,
    OtherKindError,
    PositionError,
    StoreError,
    counted,
    event_among,
)
from events.journal.columns import EventColumns
from events.logs.objects import zone_of
from events.observations.observed import Observed
from events.paths import path_of
from events.records.record import Record, Rejected, in_place
from events.store.frames import HEAD_BYTES, Fault, Frame, chain_of, previous_of
from events.store.header import FIRST_PACKED, MAGIC_BYTES, PLACING, decode_header
from events.store.reading import Reader
from events.store.scan import Damage, Whole, scan
from events.store.stored import VERDICTS
from events.store.tables import table_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from events.data_frames import Library
    from events.observations.parameters import IntervalParameters
    from events.purchases.event import Event
    from events.purchases.parameters import Parameters
    from events.store.header import DetectorVersion, Header
    from events.store.tables import Rows
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


def scanned(
    data: memoryview, start: int, path: Path, first: Frame | None = None
) -> Iterator[Whole | Damage]:
    """Iterate as `events.store.scan.scan` does over the store at ``path``.

    Raises:
        DamagedStoreError: it was made to take for ever.

    """
    try:
        yield from scan(data, start, first)
    except BadValueError as error:
        raise DamagedStoreError(
            f"{path}: {error}; the store was not written by this program"
        ) from None


class EventStore(Closing):
    """An event store, opened for reading; the file is never changed.

    ``len`` tells how many events it holds, an iteration gives them in order, and ``with``
    lets go of its content at the end. Amounts of events are whole numbers of 1/10,000 of the
    currency unit, means and deviations of decisions whole cents (1/100): `to_frame` gives
    both in the currency unit.

    Raises:
        StoreError: the file is missing, is no event store, is of a newer format,
            or is damaged before its last frame.

    """

    def __init__(self, path: str | Path) -> None:
        """Open the store at ``path`` and check every frame."""
        self.path: Final = path_of(path, "an event store", StoreError)
        self._data: bytes | None = read_content(self.path)
        self.header: Header
        """The header: the inputs, parameters and detector of the history."""
        self.version: int
        """The version of its format."""
        self.header, self.version, start = decode_header(self._data, self.path)
        self.tail: Tail | None = None
        """The torn end of the file, which is not read; None where the store is whole."""
        self.events = 0
        """The number of events."""
        self.chain = chain_of(self._view()[:start])
        """The hash of the last frame, by which a next one would refer to it; 32 bytes."""
        self._frames: list[FramePlace] = []
        self._start: Final = start
        # What has checked all frames; what is right in one depends on those before it.
        self._checked: Reader | None = None
        self._zone = self.header.zone
        self._types: FactTypes | None = None
        self._look_through(start)

    def __len__(self) -> int:
        """Return how many events there are."""
        return self.events

    def __bool__(self) -> bool:
        """Return True: a store without events is a store."""
        return True

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the events, in order."""
        return self.events_from()

    def __repr__(self) -> str:
        """Return what it is in words."""
        held = counted(self.events, "event")
        return f"<EventStore {self.path}: {held}, decided by {self.detector}>"

    def close(self) -> None:
        """Let go of the content, which nothing is read from any more."""
        self._data = None

    def _view(self) -> memoryview:
        if self._data is None:
            raise StoreError(
                f"{self.path}: expected an open store, found a closed one; open it anew"
            )
        return memoryview(self._data)

    @property
    def frames_count(self) -> int:
        """The number of frames."""
        return len(self._frames)

    @property
    def frame_ends(self) -> list[int]:
        """The number of the last event up to the end of each frame."""
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
        """The parameters of a search for intervals.

        Raises:
            OtherKindError: it is no store of intervals.

        """
        return self._of("intervals", self.header.intervals)

    @property
    def keys(self) -> Sequence[str]:
        """The keys of observations in the order in which they came, where findings tell them so.

        Raises:
            DamagedStoreError: a frame holds what this program does not write.

        """
        if self.version < PLACING:
            return ()
        if self._checked is None:
            self._check_all()
        assert self._checked is not None, "all frames were checked"
        return () if self._checked.findings is None else self._checked.findings.keys

    def read_on(self) -> list[StoredFrame]:
        """Read what a run has appended since the last look, and return the new frames, checked.

        Raises:
            StoreError: another file has taken its place, or it was changed otherwise.
            DamagedStoreError: what was appended is damaged.

        """
        data, first = read_content(self.path), len(self._frames)
        end = self._frames[-1].end if first else self._start
        if data[:end] != self._view()[:end]:
            raise StoreError(
                f"{self.path}: expected the store to go on as it was, found another; look at it "
                "afresh"
            )
        if self._checked is None:
            self._check_all()
        assert self._checked is not None, "all frames were checked"
        self._data, self.tail = data, None
        self._look_through(end)
        view = memoryview(data)
        return [self._next_frame(self._checked, view, place) for place in self._frames[first:]]

    def _of(self, kind: str, setting: P | None) -> P:
        if setting is None:
            raise OtherKindError(
                f"{self.path}: expected a store of {kind}, found one that {self.detector} decided"
            )
        return setting

    @property
    def detector(self) -> DetectorVersion:
        """The detector that decided; the built-in one, version 1, of a store that names none."""
        return self.header.decided_by

    def bind(self, types: FactTypes) -> None:
        """Give events and verdicts in the classes ``types`` of the detector that declares them.

        Without it, they come in classes that are made from the header.

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
    def types(self) -> FactTypes | None:
        """The classes of events and verdicts; None where they are the program's own."""
        if self._types is None and self.header.declared is not None:
            self._types = FactTypes.of(self.header.declared)
        return self._types

    @property
    def zone(self) -> Zone | None:
        """The time zone: ``utc``, or ``none`` of times without an offset; None without events.

        Where the header does not say, the first event's own line does, or its record.

        Raises:
            DamagedStoreError: what stands up to it this program does not write.

        """
        if self._zone is None and self.events:
            if self.version < FIRST_PACKED:
                # Earlier releases took no offsets.
                self._zone = "none"
            else:
                self._zone = self._first_zone()
        return self._zone

    def _first_zone(self) -> Zone | None:
        for frame in self.frames():
            for record in frame.records:
                if isinstance(record, Observed):
                    return record.zone
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
        first = self._frame_after(after_event)
        if self.version >= PLACING:
            # What findings are about stands before them.
            yield from islice(self._checked_frames(self._view()), first, None)
        else:
            yield from self.frames_from(first)

    def _frame_after(self, event: int) -> int:
        """Return which frame the event after this one stands in, or one before it."""
        if not event:
            return 0
        first = bisect.bisect(self._frames, event, key=lambda frame: frame.events_before)
        return max(first - 1, 0)

    def frames_from(self, first: int) -> Iterator[StoredFrame]:
        """Iterate over the frames, as `frames` does, from frame ``first`` on, counted from 0.

        Where findings are told by their places, they are `FindingPlaces` if it is not the first.
        """
        view = self._view()
        if first == 0:
            yield from self._checked_frames(view)
            return
        if self._checked is None:
            self._check_all()
        reader = Reader(self.header, self.version, self.path, self.types)
        for place in self._frames[first:]:
            yield self._frame(view, place, _records(reader, view, place))

    def last_frames(self, count: int) -> list[list[Record]]:
        """Return the records of the last ``count`` frames, or of all if they are fewer.

        Raises:
            DamagedStoreError: they are none that this program writes; what the records of
                a frame say of one another, and of those before, is not looked at.

        """
        view = self._view()
        reader = Reader(self.header, self.version, self.path, self.types)
        return [_records(reader, view, place) for place in self._frames[-count:]]

    def events_from(self, number: int = 1) -> Iterator[Any]:
        """Iterate over the events from event ``number`` on, in order.

        They are `Purchase`, `Befriend` and `Unfriend`, or what a detector declares; of a
        search for intervals its observations.
        """
        for frame in self.frames_from(self._frame_after(number - 1)):
            for record in frame.records:
                if isinstance(record, EventColumns):
                    yield from record.events(max(0, number - record.number))

    def event(self, number: int) -> Any:
        """Return event ``number``, counted from 1.

        Raises:
            PositionError: the store has no such event.
            DamagedStoreError: a frame holds what this program does not write.

        """
        if not 1 <= number <= self.events:
            expected = event_among(self.events)
            raise PositionError(f"{self.path}: expected {expected}, found {number}")
        # Frames without events may come before its own.
        for frame in self.frames_from(self._frame_after(number - 1)):
            for record in frame.records:
                if isinstance(record, EventColumns) and number < record.number + len(record):
                    # Of a frame of thousands, one is made.
                    return record.events(number - record.number, number - record.number + 1)[0]
        raise AssertionError("an event is in its frame")

    def rejected(self) -> Iterator[Rejected]:
        """Iterate over the rejected lines, in order."""
        return (record for record in self.records() if isinstance(record, Rejected))

    def decisions(self) -> Iterator[Any]:
        """Iterate over the decisions, in the order of the stream.

        They are `Decision`, or what a detector declares; of a search for intervals what it
        found: each has an ``interval``, and the ``number`` of the event after which it was final.
        """
        return (
            record
            for frame in self.frames()
            for record in frame.records
            if isinstance(record, VERDICTS)
        )

    def to_frame(self, library: Library, rows: Rows = "events") -> Any:
        """Return the events, or the decisions, as a data frame.

        Purchases and friendships have the columns ``number``, ``time``, ``source`` (batch or
        stream), ``event_type``, ``user`` of a purchase, ``user1`` and ``user2`` of a friendship,
        and ``amount``; decisions ``number`` and ``time`` of the purchase, ``user``, ``amount``,
        ``flagged``, ``purchases`` (the size of the window), ``mean`` and ``sd``. The last two and
        ``amount`` are exact decimals in the currency unit, so they can be compared; mean and sd
        are cut to 2 places, as in the flagged file. Times are datetimes in microseconds, or in
        nanoseconds where one is finer than that, and in UTC where the history is.

        Events of a detector that declares them have its fields in the place of users and
        amount, and decisions those of its verdict. Observations have ``number``, ``time``,
        ``adid``, and ``key`` where there are keys; their decisions are the intervals, with the
        ``number`` of the observation after which each was final.

        Args:
            library: ``"pandas"``, ``"polars"`` or ``"pyarrow"``, which has to be installed; no
                other is imported.
            rows: what a row is, ``"events"`` or ``"decisions"``.

        Returns:
            A `pandas.DataFrame`, a `polars.DataFrame` or a `pyarrow.Table`.

        Raises:
            BadValueError: it is no such library or no such row; or a time is finer than a
                nanosecond, or too far off where another has nanoseconds.
            MissingLibraryError: the library is not installed.
            DamagedStoreError: a frame of the store holds what this program does not write.

        """
        return frame_of(library, table_of(self, rows), self.zone)

    def _check_all(self) -> None:
        for _ in self._checked_frames(self._view()):
            pass

    def _checked_frames(self, view: memoryview) -> Iterator[StoredFrame]:
        reader = Reader(self.header, self.version, self.path, self.types)
        places = self._frames[:]
        for place in places:
            yield self._next_frame(reader, view, place)
        if len(places) == len(self._frames):
            self._checked = reader

    def _next_frame(self, reader: Reader, view: memoryview, place: FramePlace) -> StoredFrame:
        body = view[place.body : place.end]
        return self._frame(view, place, reader.next_records(body, place.body, place.events))

    @staticmethod
    def _frame(view: memoryview, place: FramePlace, records: list[Record]) -> StoredFrame:
        head = view[place.body - HEAD_BYTES : place.body]
        return StoredFrame(previous_of(head), records, place.events)

    def _look_through(self, start: int) -> None:
        damage: Damage | None = None
        position = Frame(len(self._frames), self.events, 0, self.chain, b"")
        for found in scanned(self._view(), start, self.path, position):
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
            self.tail = Tail(damage.offset, len(self._view()) - damage.offset, damage.fault)


def _records(reader: Reader, view: memoryview, place: FramePlace) -> list[Record]:
    body = view[place.body : place.end]
    return reader.records(body, place.body, place.events_before, place.events)


def _loss(path: Path, damage: Damage) -> str:
    return (
        f"{path}: bytes {damage.offset} to {damage.end}, after event {damage.events_before}: "
        f"expected frame {damage.position}, found that {damage.fault.value}; {damage.loss}; "
        "check says more, and repair saves what is whole"
    )
