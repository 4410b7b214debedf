"""The records of format 3: events as columns, and everything as a frame's own.

What the program has in memory is packed when a frame is written and unpacked when one is
read. What a frame says of itself is checked here, before anything of it is made longer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import msgspec
import numpy as np

from events.amounts import UNITS_MAX
from events.bounds import Count, Hash, Number, Total
from events.columns import BEFRIEND, NOBODY, PURCHASE, UNFRIEND, CodeBook, Columns
from events.event import EVENT_TYPES
from events.packed import (
    FrameNames,
    PackedNames,
    PackedTimes,
    Times,
    pack_times,
    times_in,
    unpack_times,
    whole_numbers,
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
from events.styles import Style
from events.ticks import times_of
from events.validation import WrongRecordError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from events.event import Event

_Unit: TypeAlias = Literal[1, 10, 100, 1_000, 10_000]
_UNITS: Final[tuple[_Unit, ...]] = (10_000, 1_000, 100, 10, 1)

TEXT_MAX: Final = 1 << 26
"""How long the lines of a frame's events are together at most, in characters.

Names and templates stand in a frame once, so a small one could stand for lines that no
memory holds. A block of a log is at most a quarter as long.
"""
# What a line has besides its names and its time, and what its style adds.
_LINE_LENGTH: Final = 128


class PackedEvents(msgspec.Struct, tag="events", array_like=True, frozen=True, gc=False):
    """Some consecutive purchases and changes of friendships, numbered one by one."""

    times: PackedTimes
    """When."""
    friendships: list[Count]
    """Where the friendships are: twice how many purchases come before it since the one
    before, and 1 more where it ended."""
    users: PackedNames
    """The users of each event: the buyer, or both friends."""
    unit: _Unit
    """In what the amounts are, in 1/10,000."""
    amounts: list[Total]
    """The amount of each purchase."""
    kept: list[Count]
    """Where the lines that are kept are: how many events come before it since the one before."""
    lines: list[bytes]
    """These lines."""
    style: Style | None
    """How the other lines are written, or None where they are canonical."""


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
    packed: list[Any] = []
    for record in records:
        if isinstance(record, Columns):
            packed.append(_pack_events(record, users))
        elif isinstance(record, Observed):
            packed.append(_pack_observed(record, adids, keys))
        elif isinstance(record, Rejected):
            fields = msgspec.structs.astuple(record)
            packed.append(_Cut(*fields) if record.is_cut else _Rejected(*fields[:5]))
        else:
            packed.append(record)
    body = _encode(packed)
    columns = [record for record in records if isinstance(record, Columns)]
    if not _are_short(sum(map(len, columns)), len(body)):
        length = sum(map(_text_length, columns))
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
        self._is_short: Final = _are_short(events, size)
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
        return found

    def _take(self, events: int) -> int:
        """Return the number of the first of ``events`` events."""
        if not 0 < events <= self._left:
            raise WrongRecordError(f"{self._left} more events or fewer", events)
        number = self._number
        self._number += events
        self._left -= events
        return number

    def _events(self, packed: PackedEvents) -> Columns:
        changes = len(packed.friendships)
        events = len(packed.amounts) + changes
        number = self._take(events)
        ticks, finer = unpack_times(packed.times, events)
        names, codes = self._users.unpack(packed.users, events + changes)
        amounts = _unpack_amounts(packed)
        kinds = np.zeros(events, np.int8)
        others = np.full(events, NOBODY, np.int32)
        if changes:
            told = whole_numbers(packed.friendships, changes)
            rows = _places(told >> 1, events)
            kinds[rows] = BEFRIEND + (told & 1)
            second = rows + np.arange(1, changes + 1)
            friends = codes[second]
            others[rows] = friends
            is_first = np.ones(len(codes), np.bool_)
            is_first[second] = False
            users = codes[is_first]
            if np.count_nonzero(users[rows] == friends):
                raise WrongRecordError("two different users of a friendship", "one twice")
            of_all = np.zeros(events, np.uint64)
            of_all[kinds == PURCHASE] = amounts
            amounts = of_all
        else:
            users = codes
        columns = Columns(
            number,
            names,
            kinds,
            users.astype(np.int32),
            others,
            amounts,
            ticks,
            finer,
            _unpack_lines(packed, events),
        )
        columns.style = packed.style
        if not self._is_short:
            self._room -= _text_length(columns)
            if self._room < 0:
                raise WrongRecordError(f"lines of {TEXT_MAX} characters in a frame at most", "more")
        return columns

    def _observed(self, packed: PackedObserved) -> Observed:
        events = len(packed.adids.codes)
        number = self._take(events)
        times = times_of(*unpack_times(packed.times, events))
        adids = _meant(self._adids, packed.adids, events)
        keys = packed.keys
        return Observed(
            number,
            tuple(times),
            adids,
            None if keys is None else _meant(self._keys, keys, events),
        )


def _pack_events(columns: Columns, table: FrameNames) -> PackedEvents:
    kinds = columns.kinds
    rows = np.flatnonzero(kinds != PURCHASE)
    codes = columns.users
    amounts = columns.amounts
    if len(rows):
        codes = np.insert(codes, rows + 1, columns.others[rows])
        amounts = amounts[kinds == PURCHASE]
    unit = next(unit for unit in _UNITS if not (amounts % np.uint64(unit)).any())
    kept = sorted(columns.lines)
    return PackedEvents(
        pack_times(Times(columns.ticks, columns.finer)),
        (2 * _gaps(rows) + (kinds[rows] == UNFRIEND)).tolist(),
        table.pack(columns.names, codes),
        unit,
        (amounts // np.uint64(unit)).tolist(),
        _gaps(np.array(kept, np.int64)).tolist(),
        [columns.lines[index] for index in kept],
        columns.style,
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


def _unpack_amounts(packed: PackedEvents) -> NDArray[np.uint64]:
    amounts = np.array(packed.amounts, np.uint64)
    if len(amounts) and int(amounts.max()) > UNITS_MAX // packed.unit:
        raise WrongRecordError(
            f"amounts of at most {UNITS_MAX} units", int(amounts.max()) * packed.unit
        )
    return amounts * np.uint64(packed.unit)


def _unpack_lines(packed: PackedEvents, events: int) -> dict[int, bytes]:
    lines = packed.lines
    if len(packed.kept) != len(lines):
        raise WrongRecordError(f"{len(packed.kept)} kept lines", f"{len(lines)}")
    if not lines:
        return {}
    places = _places(whole_numbers(packed.kept, len(lines)), events)
    return dict(zip(places.tolist(), lines, strict=True))


def _gaps(places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many others are before each of ``places`` since the one before it."""
    return np.diff(places, prepend=-1) - 1


def _places(gaps: NDArray[np.int64], events: int) -> NDArray[np.int64]:
    """Return the places, among ``events`` of them, before which there are ``gaps``.

    Raises:
        WrongRecordError: they lead beyond the last one.

    """
    if int(gaps.max()) < events:
        places = np.cumsum(gaps + 1) - 1
        if int(places[-1]) < events:
            return places
    raise WrongRecordError(f"places among {events} events", "one behind them")


def _are_short(events: int, size: int) -> bool:
    """Tell whether the lines of ``events`` in a body of ``size`` bytes cannot be too long.

    No name, time or template is longer than the body.
    """
    return events * (_LINE_LENGTH + 4 * size) <= TEXT_MAX


def _text_length(columns: Columns) -> int:
    """Return how many characters the lines of ``columns`` have at most, roughly."""
    each = _LINE_LENGTH + max(map(len, columns.finer.values()), default=0)
    if columns.style is not None:
        each += max(len(template or "") for template in msgspec.structs.astuple(columns.style))
    # NOBODY, which is -1, is the last.
    lengths = np.fromiter([*map(len, columns.names), 0], np.int64)
    named = lengths[columns.users].sum() + lengths[columns.others].sum()
    return len(columns) * each + int(named)
