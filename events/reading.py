"""From the body of a frame to its records, checked; the one way in which stores are read.

What a record's type says is checked by the decoder (`events.bounds`), what it says of
other records by a validator (`events.validation`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from events.errors import BadValueError, DamagedStoreError
from events.interval_validation import IntervalValidator
from events.nesting import decoded
from events.purchase_validation import PurchaseValidator
from events.records import IntervalRecord, PurchaseRecord, Record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from events.header import Header
    from events.validation import Validator


_Body: TypeAlias = "bytes | memoryview"
_decode_purchases = msgspec.msgpack.Decoder(list[PurchaseRecord]).decode
_decode_intervals = msgspec.msgpack.Decoder(list[IntervalRecord]).decode


class Reader:
    """Reads the frames of one store, one after another."""

    def __init__(self, header: Header, path: Path) -> None:
        """Begin before the first frame of the store at ``path``."""
        self._path: Final = path
        self._decode: Callable[[_Body], Any]
        self.validator: Validator
        """What was read so far."""
        if header.intervals is None:
            self._decode = _decode_purchases
            self.validator = PurchaseValidator(header)
        else:
            self._decode = _decode_intervals
            self.validator = IntervalValidator(header.intervals, incomplete=header.incomplete)

    def records(self, body: memoryview, offset: int) -> list[Record]:
        """Return the records in the body at byte ``offset``, each as its type says.

        Raises:
            DamagedStoreError: they are none that this program writes.

        """
        try:
            return decoded(self._decode, body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise self._not_ours(offset, f"expected records, found: {error}") from None

    def next_records(self, body: memoryview, offset: int, events: int) -> list[Record]:
        """Return the records of the next frame, of which ``events`` are events, checked.

        Raises:
            DamagedStoreError: they are none that this program writes, or not there.

        """
        records = self.records(body, offset)
        try:
            self.validator.take(records, events)
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
        except BadValueError as error:
            raise self._not_ours(offset, str(error)) from None

    def _not_ours(self, offset: int, what: str) -> DamagedStoreError:
        return DamagedStoreError(
            f"{self._path}: at byte {offset}: {what}; "
            "the frame is as it was written, but not by this program"
        )
