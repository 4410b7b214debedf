"""From the body of a frame to its records, checked; the one way in which stores are read.

What a record's type says is checked by the decoder (`events.bounds`), what it says of
other records by a validator (`events.records.validation`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from events.custom.fact import FactTypes
from events.errors import BadValueError, DamagedStoreError
from events.nesting import decoded
from events.observations.findings import FindingPlaces, FindingReader
from events.observations.observed import Observed
from events.observations.validation import IntervalValidator
from events.records.record import Gap, StateDigest
from events.records.validation import CanonicalTimes
from events.store.earlier import decode_observed, decode_single, in_columns
from events.store.header import FIRST_PACKED, PLACING
from events.store.judged import FactValidator, PurchaseValidator
from events.store.stored import (
    decode_facts,
    decode_intervals,
    decode_purchases,
    decode_searches,
    unpack_records,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from events.records.record import Record
    from events.records.validation import Validator
    from events.store.header import Header


_Body: TypeAlias = "bytes | memoryview"


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

        The ``types`` of declared events are by default such as the header says.
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
            self._decode = decode_intervals if self._packed else decode_observed
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

        How many events it holds, and how many stand before it, says the frame's head. Findings
        that are told by their places are `FindingPlaces`.

        Raises:
            DamagedStoreError: they are none that this program writes.

        """
        try:
            found = decoded(self._decode, body)
            if self._packed:
                return unpack_records(found, events_before, events, len(body), self._types)
            return in_columns(found, events_before, self._times)
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
