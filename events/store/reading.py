"""From the body of a frame to its records, checked; the one way in which stores are read.

What a record's type says is checked by the decoder (`events.bounds`), what it says of
other records by a validator (`events.store.validation`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from events.bounds import Name, Number
from events.custom.fact import FactTypes
from events.custom.validation import FactValidator
from events.errors import BadValueError, DamagedStoreError
from events.journal.ticks import times_of
from events.nesting import decoded
from events.observations.findings import FindingReader
from events.observations.observed import Observed
from events.observations.validation import IntervalValidator
from events.purchases.single import checked, decode_single
from events.purchases.validation import PurchaseValidator
from events.store.header import FIRST_PACKED, PLACING
from events.store.records import (
    Finding,
    FindingPlaces,
    Gap,
    Lines,
    LogEnd,
    Record,
    Rejected,
    StateDigest,
    Written,
)
from events.store.stored import (
    decode_facts,
    decode_intervals,
    decode_purchases,
    decode_searches,
    unpack_records,
)
from events.store.validation import CanonicalTimes, WrongRecordError
from events.times.columns import times_in_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from events.store.header import Header
    from events.store.validation import Validator


_Body: TypeAlias = "bytes | memoryview"


class _Observed(msgspec.Struct, tag="observed", array_like=True, frozen=True, gc=False):
    """What `Observed` were in versions 1 and 2."""

    number: Number
    times: tuple[str, ...]
    adids: tuple[Name, ...]
    keys: tuple[Name, ...] | None = None


_decode_observed = msgspec.msgpack.Decoder(
    list[_Observed | Rejected | Lines | LogEnd | Finding | StateDigest | Written | Gap]
).decode


def _observations(records: list[Any], times: CanonicalTimes) -> list[Record]:
    """Return records of version 2 with observations as columns.

    Raises:
        BadValueError: a time is not canonical.

    """
    found: list[Record] = []
    for record in records:
        if isinstance(record, _Observed):
            column = times_in_texts(record.times)
            if column is None or times_of(column.ticks, column.finer) != [*record.times]:
                for each in record.times:
                    times.check(each)
            found.append(_observed(record))
        else:
            found.append(record)
    return found


def _observed(record: _Observed) -> Observed:
    """Return the columns of observations.

    Raises:
        WrongRecordError: they are not of one length, or there are none.

    """
    count, keys = len(record.times), record.keys
    for column, length in (
        ("ids", len(record.adids)),
        ("keys", count if keys is None else len(keys)),
    ):
        if length != count or not count:
            raise WrongRecordError(
                "columns of one length, and not empty", f"{count} times and {length} {column}"
            )
    return Observed(record.number, record.times, record.adids, keys, zone="none")


def _with_findings(records: Sequence[Record], findings: FindingReader) -> list[Record]:
    """Return the records of the next frame, with findings in the place of their places.

    Raises:
        WrongRecordError: they are not where a search finds any.

    """
    found: list[Record] = []
    places: FindingPlaces | None = None
    for record in records:
        if isinstance(record, FindingPlaces):
            places = record
            continue
        if isinstance(record, Observed):
            findings.observe(record)
        elif isinstance(record, Gap):
            findings.lose()
        elif isinstance(record, StateDigest):
            found += findings.settle(record.events, record.sums[0], places)
        found.append(record)
    return found


class Reader:
    """Reads the frames of one store, one after another."""

    def __init__(
        self, header: Header, version: int, path: Path, types: FactTypes | None = None
    ) -> None:
        """Begin before the first frame of the store at ``path``, of this version of the format.

        Args:
            header: what it begins with.
            version: the version of its format.
            path: where it is.
            types: those of its events, where a detector declares them; by default such as the
                header says.

        """
        self._path: Final = path
        self._packed: Final = version >= FIRST_PACKED
        self._times: Final = CanonicalTimes()
        self._decode: Callable[[_Body], Any]
        self.validator: Validator
        """What was read so far."""
        self.findings: FindingReader | None = None
        """What makes findings of their places, in a store that tells these."""
        if header.declared is not None and types is None:
            types = FactTypes.of(header.declared)
        self._types: Final = types
        if types is not None:
            self._decode = decode_facts
            self.validator = FactValidator(header, types)
        elif header.intervals is None:
            self._decode = decode_purchases if self._packed else decode_single
            self.validator = PurchaseValidator(header)
        else:
            self._decode = decode_intervals if self._packed else _decode_observed
            if version >= PLACING:
                self._decode = decode_searches
                self.findings = FindingReader(header.intervals)
            self.validator = IntervalValidator(
                header.intervals, header.zone, incomplete=header.incomplete
            )

    def records(
        self, body: memoryview, offset: int, events_before: int, events: int
    ) -> list[Record]:
        """Return the records in the body at byte ``offset``, each as its type says.

        Findings that are told by their places are `FindingPlaces`.

        Args:
            body: the body of a frame.
            offset: where it begins.
            events_before: how many events stand before it, as the frame's head says.
            events: how many it holds, as that says.

        Raises:
            DamagedStoreError: they are none that this program writes.

        """
        try:
            found = decoded(self._decode, body)
            if self._packed:
                return unpack_records(found, events_before, events, len(body), self._types)
            return checked(_observations(found, self._times), events_before, self._times)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise self._not_ours(offset, f"expected records, found: {error}") from None
        except BadValueError as error:
            raise self._not_ours(offset, str(error)) from None

    def next_records(self, body: memoryview, offset: int, events: int) -> list[Record]:
        """Return the records of the next frame, of which ``events`` are events, checked.

        Raises:
            DamagedStoreError: they are none that this program writes, or not there.

        """
        records = self.records(body, offset, self.validator.events, events)
        try:
            self.validator.take(records, events)
            if self.findings is not None:
                records = _with_findings(records, self.findings)
        except BadValueError as error:
            raise self._not_ours(offset, str(error)) from None
        return records

    def pass_over(self, offset: int, events_before: int) -> None:
        """Take note that something was lost, behind which a frame has ``events_before``.

        Raises:
            DamagedStoreError: those are fewer than there were before.

        """
        try:
            self.validator.pass_over(events_before)
            if self.findings is not None:
                self.findings.lose()
        except BadValueError as error:
            raise self._not_ours(offset, str(error)) from None

    def _not_ours(self, offset: int, what: str) -> DamagedStoreError:
        return DamagedStoreError(
            f"{self._path}: at byte {offset}: {what}; "
            "the frame is as it was written, but not by this program"
        )
