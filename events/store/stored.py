"""The records of formats 3 to 5: events and findings as columns, and everything as a frame's own.

What the program has in memory is packed when a frame is written and unpacked when one is
read. What a frame says of itself is checked here, before anything of it is made longer.
"""

from __future__ import annotations

from itertools import accumulate, groupby
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

import msgpack
import msgspec
import numpy as np

from events.bounds import Count, Hash, Number, Signed
from events.custom.columns import FactColumns, PackedFacts
from events.custom.fact import Verdict, verdict_fields
from events.journal.columns import EventColumns
from events.observations.findings import FindingColumns, FindingPlaces
from events.observations.interval import Finding
from events.observations.observed import Coded, Observed, together
from events.observations.ranges import order_of
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
    pack_codes,
    pack_names,
    pack_times,
    unpack_codes,
    unpack_names,
    unpack_times,
    whole_numbers,
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
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from events.custom.fact import FactTypes
    from events.times.timestamps import Zone


DECISIONS: Final = (Decision, Verdict)
"""The types of verdicts on single events."""
VERDICTS: Final = (*DECISIONS, Finding)
"""The types of all that is decided or found."""


class PackedRows(msgspec.Struct, tag="observed", array_like=True, frozen=True, gc=False):
    """The observations of a frame, numbered one by one, in format 3."""

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


class PackedObserved(PackedRows, tag="observed", array_like=True, frozen=True, gc=False):
    """The same in format 5, in which ids and keys are those of the different pairs of both."""

    pairs: list[Count] | None = None
    """For each event 0 for the next pair that has not come, n for the n-th of them; None
    where there are no keys, and an id for each event."""

    @property
    def events(self) -> int:
        """How many events they are."""
        return len(self.adids.codes if self.pairs is None else self.pairs)


class PackedFindings(msgspec.Struct, tag="findings", array_like=True, frozen=True, gc=False):
    """All findings of a frame; see `events.observations.findings.FindingPlaces`."""

    numbers: list[Signed]
    """From each number to the next, and the first."""
    keys: list[Number] | None
    """The numbers of their keys, from 1."""
    starts: list[Signed]
    """From the start of the one of its key before it, or from 0, to its own."""
    lengths: list[Count]
    """How many observations of its key come behind its first one."""
    counts: list[Number]
    """How many different ids each has."""


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
_Intervals: TypeAlias = PackedRows | Finding | _Any
_Searches: TypeAlias = PackedObserved | PackedFindings | _Any
decode_purchases: Final = msgspec.msgpack.Decoder(list[_Purchases]).decode
decode_intervals: Final = msgspec.msgpack.Decoder(list[_Intervals]).decode
decode_searches: Final = msgspec.msgpack.Decoder(list[_Searches]).decode
decode_facts: Final = msgspec.msgpack.Decoder(list[_Facts]).decode
# More events, and sums of fewer than 2^31 numbers, have 64 bits.
_EVENTS_MAX: Final = 2**32
# What is packed as it is.
_PLAIN: Final = {StateDigest, Written, Lines, LogEnd, Gap}
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


class Encoder:
    """Gives the bodies of the frames of a store, one after the other."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        """Begin behind frames in which ``keys`` came, in this order."""
        self._keys: Final = {key: number for number, key in enumerate(keys)}

    def encode(self, records: Sequence[Record], encoded: bytes | None = None) -> bytes:
        """Return the body of a frame of ``records``.

        Args:
            records: what the frame holds.
            encoded: what `encode_events` gives of its events, where that is known.

        Raises:
            ValueError: their lines are longer than a frame may hold, or its events are several
                `Columns`.

        """
        if {*map(type, records)} <= _PLAIN:
            return _encode(records)
        events = [record for record in records if isinstance(record, EventColumns)]
        packed = [*self._packed(records)]
        if not events:
            return _encode(packed)
        if isinstance(events[0], Observed):
            return _encode([self._pack_observed(together(events)), *packed])  # type: ignore[arg-type]
        if len(events) > 1:
            raise ValueError("expected the events of a frame as one, found several")
        (columns,) = events
        if encoded is None:
            return _checked(_encode([_packed_events(columns), *packed]), columns)
        head = _pack.pack_array_header(1 + len(packed))
        return b"".join((head, encoded, *map(_encode, packed)))

    def _packed(self, records: Sequence[Record]) -> Iterator[Any]:
        for kind, group in groupby(records, type):
            some: list[Any] = list(group)
            if kind is Finding:
                yield self._pack_found(_places_of(some))
            elif kind is FindingColumns:
                yield from (self._pack_found(_places(each)) for each in some if each)
            elif kind is Observed:
                yield from (EventRun(len(each)) for each in some)
            elif not issubclass(kind, EventColumns):
                yield from map(_packed, some)

    def _pack_observed(self, observed: Observed) -> PackedObserved:
        adids, keys = observed.coded_adids, observed.coded_keys
        times = pack_times(observed.ticks, {**observed.finer})
        zone: Literal["utc"] | None = "utc" if observed.zone == "utc" else None
        if keys is None:
            return PackedObserved(times, pack_names(*adids), None, zone)
        for key in keys.names:
            self._keys.setdefault(key, len(self._keys))
        pairs, first = _pairs(keys.codes, adids.codes)
        return PackedObserved(
            times,
            pack_names(adids.names, adids.codes[first]),
            pack_names(keys.names, keys.codes[first]),
            zone,
            pack_codes(pairs).tolist(),
        )

    def _pack_found(self, found: _Places) -> PackedFindings:
        keys, numbers, starts, ends, counts = found
        order, keyed = np.arange(len(numbers)), keys.names != [""]
        if keyed:
            order = order_of(keys.codes)
        steps = np.empty(len(numbers), np.int64)
        steps[order] = np.diff(starts[order], prepend=0)
        if keyed:
            first = order[_first_of_each(keys.codes[order])]
            steps[first] = starts[first]
            owners = np.array([self._keys[key] + 1 for key in keys.names])[keys.codes]
        return PackedFindings(
            np.diff(numbers, prepend=0).tolist(),
            owners.tolist() if keyed else None,
            steps.tolist(),
            (ends - starts).tolist(),
            counts.tolist(),
        )


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


class _Places(NamedTuple):
    """Findings as they are to be packed."""

    keys: Coded
    numbers: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    counts: NDArray[np.int64]


def _places(found: FindingColumns) -> _Places:
    codes, which = np.unique(found.keys, return_inverse=True)
    keys = Coded([found.names[code] for code in codes.tolist()], which)
    return _Places(keys, found.numbers, *found.indexes, found.counts)


def _places_of(found: Sequence[Finding]) -> _Places:
    columns = [
        (each.number, each.interval.start_index, each.interval.end_index, each.interval.num_adid)
        for each in found
    ]
    keys = Coded.of([each.interval.key for each in found])
    return _Places(keys, *np.array(columns, np.int64).T)


def _first_of_each(ordered: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which of some numbers are other ones than those before them."""
    first = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return first


def _pairs(keys: NDArray[Any], adids: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which pair of both each is, by first appearance, and where that is of each pair."""
    order = order_of(adids)
    order = order[order_of(keys[order])]
    begins = _first_of_each(keys[order]) | _first_of_each(adids[order])
    appears = order[begins]
    by_place = np.argsort(appears)
    place = np.empty(len(appears), np.int64)
    place[by_place] = np.arange(len(appears))
    pairs = np.empty(len(keys), np.int64)
    pairs[order] = place[np.cumsum(begins) - 1]
    return pairs, appears[by_place]


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
    columns: PackedEvents | PackedRows | PackedFacts | None = None
    if packed and isinstance(packed[0], PackedEvents | PackedRows | PackedFacts):
        columns = packed.pop(0)
    found = 0 if columns is None else columns.events
    # Before anything becomes longer than it stands there.
    if not found == sum(counts) == events or (columns is not None and not events):
        raise WrongRecordError(
            f"{events} events, as the frame's head says", f"{found} in runs of {sum(counts)}"
        )
    if isinstance(columns, PackedRows):
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
    if isinstance(packed, PackedFindings):
        return _unpack_found(packed)
    if isinstance(packed, PackedEvents | PackedRows | PackedFacts):
        raise WrongRecordError("columns at the beginning of a frame", "some behind")
    record: Record = packed
    return record


def _check_length(length: int) -> None:
    """Refuse a frame whose texts have so many characters together."""
    if length > TEXT_MAX:
        raise WrongRecordError(f"texts of {TEXT_MAX} characters in a frame at most", "more")


def _unpack_observed(packed: PackedRows, number: int, counts: Sequence[int]) -> Iterator[Observed]:
    """Return an iterator over the runs of observations from event ``number`` on."""
    events = packed.events
    ticks, finer = unpack_times(packed.times, events)
    if finer:
        _check_length(events * max(map(len, finer.values())))
    adids, keys = _unpack_ids(packed)
    zone: Zone = packed.zone or "none"
    observed = Observed.of(number, ticks, finer, adids, keys, zone=zone)
    if len(counts) == 1:
        return iter([observed])
    return (
        observed.part(slice(end - count, end), number + end - count)
        for end, count in zip(accumulate(counts), counts, strict=True)
    )


def _unpack_ids(packed: PackedRows) -> tuple[Coded, Coded | None]:
    """Return the ids and the keys."""
    if packed.keys is None or not isinstance(packed, PackedObserved):
        if isinstance(packed, PackedObserved) and packed.pairs is not None:
            raise WrongRecordError("pairs of ids and keys", "pairs without keys")
        keys = None if packed.keys is None else _unpack_texts(packed.keys, packed.events)
        return _unpack_texts(packed.adids, packed.events), keys
    if packed.pairs is None:
        raise WrongRecordError("pairs of ids and keys", "keys without pairs")
    codes = whole_numbers(packed.pairs, packed.events)
    different = packed.events - int(np.count_nonzero(codes))
    meant = unpack_codes(codes, different)
    adids, keys = (_unpack_texts(names, different) for names in (packed.adids, packed.keys))
    if (np.diff(np.sort(keys.codes * len(adids.names) + adids.codes)) == 0).any():
        raise WrongRecordError("each pair of an id and a key once in a frame", "one twice")
    return adids._replace(codes=adids.codes[meant]), keys._replace(codes=keys.codes[meant])


def _unpack_texts(packed: PackedNames, events: int) -> Coded:
    return Coded(packed.names, unpack_names(packed.names, packed.codes, events))


def _unpack_found(packed: PackedFindings) -> FindingPlaces:
    """Return findings; whether there are such observations is not looked at.

    Raises:
        WrongRecordError: the columns are not of one length, or their numbers out of bounds.

    """
    columns = (packed.numbers, packed.starts, packed.lengths, packed.counts)
    count = len(packed.counts)
    if not count or {*map(len, columns), count if packed.keys is None else len(packed.keys)} != {
        count
    }:
        raise WrongRecordError("columns of findings of one length, and not empty", "others")
    steps, starts, lengths, counts = (whole_numbers(column, count) for column in columns)
    if max(int(np.abs(each).max()) for each in (steps, starts, lengths)) > _EVENTS_MAX:
        raise WrongRecordError(f"numbers of findings of at most {_EVENTS_MAX}", "a larger one")
    numbers = np.cumsum(steps)
    if packed.keys is None:
        keys, starts = None, np.cumsum(starts)
    else:
        keys = whole_numbers(packed.keys, count) - 1
        order = np.argsort(keys, kind="stable")
        ordered = starts[order]
        begins = np.flatnonzero(_first_of_each(keys[order]))
        summed = np.cumsum(ordered)
        before = (summed - ordered)[begins]
        starts = np.empty(count, np.int64)
        starts[order] = summed - np.repeat(before, np.diff(begins, append=count))
    if int(numbers.min()) < 1 or int(starts.min()) < 0:
        raise WrongRecordError("findings after observations, and from one on", "others")
    return FindingPlaces(numbers, keys, starts, starts + lengths, counts)
