"""The records of format 3: events as columns, and everything as a frame's own.

What the program has in memory is packed when a frame is written and unpacked when one is
read. What a frame says of itself is checked here, before anything of it is made longer.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import msgpack
import msgspec

from events.bounds import Count, Hash, Number
from events.custom.columns import FactColumns, PackedFacts
from events.custom.fact import Verdict, verdict_fields
from events.journal.columns import EventColumns
from events.observations.interval import Finding
from events.observations.observed import Coded, Observed, together
from events.purchases.columns import Columns
from events.purchases.decision import Decision
from events.purchases.packed import (
    TEXT_MAX,
    PackedEvents,
    pack_events,
    text_length,
    unpack_events,
)
from events.records.packed import (
    PackedNames,
    PackedTimes,
    pack_names,
    pack_times,
    unpack_names,
    unpack_times,
)
from events.records.record import (
    EventRun,
    Gap,
    Lines,
    LogEnd,
    Record,
    Rejected,
    Source,
    StateDigest,
    StreamStart,
    Written,
)
from events.records.validation import WrongRecordError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from events.custom.fact import FactTypes
    from events.times.timestamps import Zone


DECISIONS: Final = (Decision, Verdict)
"""The types of verdicts on single events."""
VERDICTS: Final = (*DECISIONS, Finding)
"""The types of all that is decided or found."""


class PackedObserved(msgspec.Struct, tag="observed", array_like=True, frozen=True, gc=False):
    """The observations of a frame, numbered one by one."""

    times: PackedTimes
    """When."""
    adids: PackedNames
    """The ids."""
    keys: PackedNames | None
    """The keys; None where there is no such column."""
    zone: Literal["utc"] | None = None
    """``utc`` where the times had an offset."""

    @property
    def events(self) -> int:
        """How many events they are."""
        return len(self.adids.codes)


class _Rejected(msgspec.Struct, tag="rejected", array_like=True, frozen=True, gc=False):
    """A rejected line that is kept as a whole; see `events.records.record.Rejected`."""

    source: Source
    number: Number
    reason: str
    detail: str
    line: bytes


class _Cut(msgspec.Struct, tag="cut", array_like=True, frozen=True, gc=False):
    """A rejected line of which the beginning is kept; see `events.records.record.Rejected`."""

    source: Source
    number: Number
    reason: str
    detail: str
    line: bytes
    length: Count
    sha256: Hash


class _Verdict(msgspec.Struct, tag="verdict", array_like=True, frozen=True, gc=False):
    """The verdict of a detector that declares its events."""

    number: Number
    flagged: bool
    values: list[Any]


_Any: TypeAlias = EventRun | _Rejected | _Cut | Lines | LogEnd | StateDigest | Written | Gap
_Purchases: TypeAlias = PackedEvents | StreamStart | Decision | _Any
_Facts: TypeAlias = PackedFacts | StreamStart | _Verdict | _Any
_Intervals: TypeAlias = PackedObserved | Finding | _Any
decode_purchases: Final = msgspec.msgpack.Decoder(list[_Purchases]).decode
decode_intervals: Final = msgspec.msgpack.Decoder(list[_Intervals]).decode
decode_facts: Final = msgspec.msgpack.Decoder(list[_Facts]).decode
# What is packed as it is.
_PLAIN: Final = {Finding, StateDigest, Written, Lines, LogEnd, Gap}
# Measured on 1,000 events: msgspec packs typed records 3.6 times as fast as the
# msgpack library packs tuples, and checks their types when it reads them.
_encode: Final = msgspec.msgpack.Encoder().encode
_pack: Final = msgpack.Packer()


def encode_events(columns: EventColumns) -> bytes:
    """Return ``columns`` as the body of a frame has them; nothing of it depends on their number.

    Raises:
        ValueError: their lines are longer than a frame may hold.

    """
    return _checked(_encode(_packed_events(columns)), columns)


def encode_records(records: Sequence[Record], events: bytes | None = None) -> bytes:
    """Return the body of a frame of ``records``.

    Args:
        records: what the frame holds.
        events: what `encode_events` gives of those among them, where that is known.

    Raises:
        ValueError: their lines are longer than a frame may hold, or its events are several
            `Columns`.

    """
    if {*map(type, records)} <= _PLAIN:
        return _encode(records)
    packed: list[Any] = []
    columns: EventColumns | None = None
    observed: list[Observed] = []
    for record in records:
        if isinstance(record, Observed):
            observed.append(record)
            packed.append(EventRun(len(record)))
        elif isinstance(record, EventColumns):
            if columns is not None:
                raise ValueError("expected the events of a frame as one, found several")
            columns = record
        else:
            packed.append(_packed(record))
    if observed:
        packed.insert(0, _pack_observed(together(observed)))
    if columns is None:
        return _encode(packed)
    if events is None:
        return _checked(_encode([_packed_events(columns), *packed]), columns)
    return b"".join((_pack.pack_array_header(1 + len(packed)), events, *map(_encode, packed)))


def _packed_events(columns: EventColumns) -> PackedEvents | PackedFacts:
    if isinstance(columns, FactColumns):
        return columns.packed()
    assert isinstance(columns, Columns), "there are no others"
    return pack_events(columns)


def _checked(encoded: bytes, columns: EventColumns) -> bytes:
    """Return what has ``columns`` in it, if a frame may hold it.

    Raises:
        ValueError: their lines are too long.

    """
    if isinstance(columns, Columns):
        length = text_length(columns, len(encoded))
        if length > TEXT_MAX:
            raise ValueError(f"expected {TEXT_MAX} characters of lines at most, found {length}")
    return encoded


def _packed(record: Record) -> Any:
    if isinstance(record, Rejected):
        fields = msgspec.structs.astuple(record)
        return _Cut(*fields) if record.is_cut else _Rejected(*fields[:5])
    if isinstance(record, Verdict):
        return _Verdict(record.number, record.flagged, [*verdict_fields(record).values()])
    return record


def unpack_records(
    packed: list[Any],
    events_before: int,
    events: int,
    size: int,
    types: FactTypes | None = None,
) -> list[Record]:
    """Return the records of a frame, whose body has ``size`` bytes.

    How many events it holds, and how many stand before it, says its head.

    Raises:
        WrongRecordError: they are none that a run packs so.

    """
    counts = [each.events for each in packed if isinstance(each, EventRun)]
    columns: PackedEvents | PackedObserved | PackedFacts | None = None
    if packed and isinstance(packed[0], PackedEvents | PackedObserved | PackedFacts):
        columns = packed.pop(0)
    found = 0 if columns is None else columns.events
    # Before anything becomes longer than it stands there.
    if not found == sum(counts) == events or (columns is not None and not events):
        raise WrongRecordError(
            f"{events} events, as the frame's head says", f"{found} in runs of {sum(counts)}"
        )
    if isinstance(columns, PackedObserved):
        runs = _unpack_observed(columns, events_before + 1, counts)
        return [
            next(runs) if isinstance(each, EventRun) else _record(each, None) for each in packed
        ]
    records = [_record(each, types) for each in packed]
    if isinstance(columns, PackedFacts):
        assert types is not None, "a store has facts only where they are declared"
        facts = FactColumns.unpack(columns, types, events_before + 1)
        _check_length(facts.text_length())
        records.insert(0, facts)
    elif columns is not None:
        unpacked = unpack_events(columns, events_before + 1)
        _check_length(text_length(unpacked, size))
        records.insert(0, unpacked)
    return records


def _record(packed: Any, types: FactTypes | None) -> Record:
    """Return what one record of a frame is, but for events."""
    if isinstance(packed, _Rejected | _Cut):
        return Rejected(*msgspec.structs.astuple(packed))
    if isinstance(packed, _Verdict):
        assert types is not None, "a store has verdicts only where they are declared"
        return types.verdict_of(packed.number, packed.values, flagged=packed.flagged)
    if isinstance(packed, PackedEvents | PackedObserved | PackedFacts):
        raise WrongRecordError("columns at the beginning of a frame", "some behind")
    record: Record = packed
    return record


def _check_length(length: int) -> None:
    """Refuse a frame whose texts have so many characters together."""
    if length > TEXT_MAX:
        raise WrongRecordError(f"texts of {TEXT_MAX} characters in a frame at most", "more")


def _pack_observed(observed: Observed) -> PackedObserved:
    keys = observed.coded_keys
    return PackedObserved(
        pack_times(observed.ticks, {**observed.finer}),
        pack_names(*observed.coded_adids),
        None if keys is None else pack_names(*keys),
        "utc" if observed.zone == "utc" else None,
    )


def _unpack_observed(
    packed: PackedObserved, number: int, counts: Sequence[int]
) -> Iterator[Observed]:
    """Return an iterator over the runs of observations from event ``number`` on."""
    events = packed.events
    ticks, finer = unpack_times(packed.times, events)
    if finer:
        _check_length(events * max(map(len, finer.values())))
    adids = _unpack_texts(packed.adids, events)
    keys = None if packed.keys is None else _unpack_texts(packed.keys, events)
    zone: Zone = packed.zone or "none"
    observed = Observed.of(number, ticks, finer, adids, keys, zone=zone)
    if len(counts) == 1:
        return iter([observed])
    return (
        observed.part(slice(end - count, end), number + end - count)
        for end, count in zip(accumulate(counts), counts, strict=True)
    )


def _unpack_texts(packed: PackedNames, events: int) -> Coded:
    return Coded(packed.names, unpack_names(packed.names, packed.codes, events))
