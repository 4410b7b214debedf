"""Events of purchases one by one, as stores of version 1 have them, and as columns from these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from events.errors import shown
from events.purchases.amounts import UNITS_MAX
from events.purchases.columns import Columns
from events.purchases.event import EVENT_TYPES, Event, Purchase
from events.store.records import (
    Decision,
    EventRun,
    Gap,
    Lines,
    LogEnd,
    Record,
    Rejected,
    StateDigest,
    StreamStart,
    Written,
)
from events.store.validation import CanonicalTimes, WrongRecordError

if TYPE_CHECKING:
    from collections.abc import Iterable

decode_single: Final = msgspec.msgpack.Decoder(
    list[Event | Rejected | Lines | LogEnd | StreamStart | Decision | StateDigest | Written | Gap]
).decode
"""Returns the records in the body of a frame of version 1."""


def checked(records: list[Any], events_before: int, times: CanonicalTimes) -> list[Record]:
    """Return ``records`` with their single events as columns.

    Raises:
        BadValueError: an event is none that columns can hold, or has another's number.

    """
    number, time = events_before, ""
    for record in records:
        if isinstance(record, EVENT_TYPES):
            number += 1
            if record.number != number:
                raise WrongRecordError(f"event {number}", f"event {record.number}")
            if record.time != time:
                time = times.check(record.time)
            _check_fields(record)
    return gathered(records)


def _check_fields(event: Event) -> None:
    """Refuse an event with an amount or users that no line gives.

    Raises:
        WrongRecordError: it has such.

    """
    if isinstance(event, Purchase):
        if event.amount > UNITS_MAX:
            raise WrongRecordError(f"an amount of at most {UNITS_MAX} units", event.amount)
    elif event.user1 == event.user2:
        raise WrongRecordError("two different users", f"{shown(event.user1)} twice")


def gathered(records: Iterable[Record | Event]) -> list[Record]:
    """Return ``records`` with single events as one `Columns` at the beginning, and runs of it."""
    events: list[Event] = []
    found: list[Record] = []
    run = 0
    for record in records:
        if isinstance(record, EVENT_TYPES):
            events.append(record)
            run += 1
            continue
        if run:
            found.append(EventRun(run))
            run = 0
        found.append(record)
    if run:
        found.append(EventRun(run))
    return [Columns.of(events), *found] if events else found
