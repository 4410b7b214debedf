"""The records of format 3: events as columns, and everything as a frame's own.

What the program has in memory is packed when a frame is written and unpacked when one is
read. What a frame says of itself is checked here, before anything of it is made longer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec
import numpy as np

from events.bounds import Count, Hash, Number
from events.columns import CodeBook, Columns
from events.event import EVENT_TYPES
from events.packed import (
    FrameNames,
    PackedNames,
    PackedTimes,
    pack_times,
    times_in,
    unpack_times,
)
from events.packed_events import (
    TEXT_MAX,
    PackedEvents,
    pack_events,
    text_length,
    unpack_events,
)
from events.records import (
    Decision,
    Finding,
    Gap,
    Lines,
    LogEnd,
    Observed,
    Record,
    Rejected,
    Source,
    StateDigest,
    StreamStart,
    Written,
)
from events.ticks import times_of
from events.validation import WrongRecordError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from events.event import Event
    from events.styles import Style


class PackedObserved(msgspec.Struct, tag="observed", array_like=True, frozen=True, gc=False):
    """Some consecutive observations, numbered one by one."""

    times: PackedTimes
    """When."""
    adids: PackedNames
    """The ids."""
    keys: PackedNames | None
    """The keys; None where there is no such column."""


class _Rejected(msgspec.Struct, tag="rejected", array_like=True, frozen=True, gc=False):
    """A rejected line that is kept as a whole; see `events.records.Rejected`."""

    source: Source
    number: Number
    reason: str
    detail: str
    line: bytes


class _Cut(msgspec.Struct, tag="cut", array_like=True, frozen=True, gc=False):
    """A rejected line of which the beginning is kept; see `events.records.Rejected`."""

    source: Source
    number: Number
    reason: str
    detail: str
    line: bytes
    length: Count
    sha256: Hash


_Purchases: TypeAlias = (
    PackedEvents
    | _Rejected
    | _Cut
    | Lines
    | LogEnd
    | StreamStart
    | Decision
    | StateDigest
    | Written
    | Gap
)
_Intervals: TypeAlias = (
    PackedObserved | _Rejected | _Cut | Lines | LogEnd | Finding | StateDigest | Written | Gap
)
decode_purchases: Final = msgspec.msgpack.Decoder(list[_Purchases]).decode
decode_intervals: Final = msgspec.msgpack.Decoder(list[_Intervals]).decode
# Measured on 1,000 events: msgspec packs typed records 3.6 times as fast as the
# msgpack library packs tuples, and checks their types when it reads them.
_encode: Final = msgspec.msgpack.Encoder().encode


def gathered(records: Iterable[Record | Event]) -> list[Record]:
    """Return ``records`` with consecutive single events as columns."""
    found: list[Record] = []
    run: list[Event] = []
    for record in records:
        if isinstance(record, EVENT_TYPES):
            run.append(record)
            continue
        if run:
            found.append(Columns.of(run))
            run = []
        found.append(record)
    if run:
        found.append(Columns.of(run))
    return found


def encode_records(records: Sequence[Record]) -> bytes:
    """Return the body of a frame of ``records``.

    Raises:
        ValueError: their lines are longer than a frame may hold.

    """
    users, adids, keys = FrameNames(), FrameNames(), FrameNames()
    style: Style | None = None
    packed: list[Any] = []
    for record in records:
        if isinstance(record, Columns):
            packed.append(pack_events(record, users, style))
            style = record.style
        elif isinstance(record, Observed):
            packed.append(_pack_observed(record, adids, keys))
        elif isinstance(record, Rejected):
            fields = msgspec.structs.astuple(record)
            packed.append(_Cut(*fields) if record.is_cut else _Rejected(*fields[:5]))
        else:
            packed.append(record)
    body = _encode(packed)
    columns = [record for record in records if isinstance(record, Columns)]
    length = text_length(columns, len(body))
    if length > TEXT_MAX:
        raise ValueError(f"expected {TEXT_MAX} characters of lines at most, found {length}")
    return body


class Unpacker:
    """Turns what the body of one frame holds into records."""

    def __init__(self, events_before: int, events: int, size: int) -> None:
        """Expect ``events`` events behind ``events_before``, in a body of ``size`` bytes."""
        self._number = events_before + 1
        self._left = events
        self._room = TEXT_MAX
        self._size: Final = size
        self._style: Style | None = None
        self._users: Final = FrameNames()
        self._adids: Final = FrameNames()
        self._keys: Final = FrameNames()

    def records(self, packed: list[Any]) -> list[Record]:
        """Return the records.

        Raises:
            WrongRecordError: they are none that a run packs so.

        """
        found: list[Record] = []
        for each in packed:
            if isinstance(each, PackedEvents):
                found.append(self._events(each))
            elif isinstance(each, PackedObserved):
                found.append(self._observed(each))
            elif isinstance(each, _Rejected | _Cut):
                found.append(Rejected(*msgspec.structs.astuple(each)))
            else:
                found.append(each)
        runs = [each for each in found if isinstance(each, Columns)]
        self._need(text_length(runs, self._size))
        return found

    def _take(self, events: int) -> int:
        """Return the number of the first of ``events`` events."""
        if not 0 < events <= self._left:
            raise WrongRecordError(f"{self._left} more events or fewer", events)
        number = self._number
        self._number += events
        self._left -= events
        return number

    def _need(self, length: int) -> None:
        """Refuse a frame whose texts need more room than there is."""
        self._room -= length
        if self._room < 0:
            raise WrongRecordError(f"texts of {TEXT_MAX} characters in a frame at most", "more")

    def _events(self, packed: PackedEvents) -> Columns:
        number = self._take(packed.events)
        columns = unpack_events(packed, number, self._users, self._style)
        self._style = columns.style
        return columns

    def _observed(self, packed: PackedObserved) -> Observed:
        events = len(packed.adids.codes)
        number = self._take(events)
        ticks, finer = unpack_times(packed.times, events)
        if finer:
            self._need(events * max(map(len, finer.values())))
        times = times_of(ticks, finer)
        adids = _meant(self._adids, packed.adids, events)
        keys = packed.keys
        return Observed(
            number,
            tuple(times),
            adids,
            None if keys is None else _meant(self._keys, keys, events),
        )


def _pack_observed(observed: Observed, adids: FrameNames, keys: FrameNames) -> PackedObserved:
    return PackedObserved(
        pack_times(times_in(observed.times)),
        _pack_names(adids, observed.adids),
        None if observed.keys is None else _pack_names(keys, observed.keys),
    )


def _pack_names(table: FrameNames, names: Sequence[str]) -> PackedNames:
    book = CodeBook()
    codes = np.fromiter(map(book.__getitem__, names), np.int64, len(names))
    return table.pack(list(book), codes)


def _meant(table: FrameNames, packed: PackedNames, events: int) -> tuple[str, ...]:
    names, codes = table.unpack(packed, events)
    return tuple([names[code] for code in codes.tolist()])
