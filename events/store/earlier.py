"""The records of versions 1 and 2: events one by one, and what they are as columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from events.bounds import Name, Number
from events.errors import shown
from events.journal.ticks import times_of
from events.observations.interval import Finding
from events.observations.observed import Observed
from events.purchases.amounts import UNITS_MAX
from events.purchases.columns import Columns
from events.purchases.decision import Decision
from events.purchases.event import EVENT_TYPES, Event, Purchase
from events.records.record import (
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
from events.records.validation import CanonicalTimes, WrongRecordError
from events.times.columns import times_in_texts

if TYPE_CHECKING:
    from collections.abc import Iterable


class _Observed(msgspec.Struct, tag="observed", array_like=True, frozen=True, gc=False):
    """What `Observed` were in versions 1 and 2."""

    number: Number
    times: tuple[str, ...]
    adids: tuple[Name, ...]
    keys: tuple[Name, ...] | None = None


decode_single: Final = msgspec.msgpack.Decoder(
    list[Event | Rejected | Lines | LogEnd | StreamStart | Decision | StateDigest | Written | Gap]
).decode
"""Returns the records in the body of a frame of version 1."""
decode_observed: Final = msgspec.msgpack.Decoder(
    list[_Observed | Rejected | Lines | LogEnd | Finding | StateDigest | Written | Gap]
).decode
"""Returns those in one of version 2."""


def in_columns(records: list[Any], events_before: int, times: CanonicalTimes) -> list[Record]:
    """Return ``records`` with their events as columns.

    Raises:
        BadValueError: an event is none that columns can hold, or has another's number.

    """
    number, time = events_before, ""
    for place, record in enumerate(records):
        if isinstance(record, _Observed):
            records[place] = _observed(record, times)
        elif isinstance(record, EVENT_TYPES):
            number += 1
            if record.number != number:
                raise WrongRecordError(f"event {number}", f"event {record.number}")
            if record.time != time:
                time = times.check(record.time)
            _check_fields(record)
    return with_runs(records)


def _check_fields(event: Event) -> None:
    """Refuse an event with an amount or users that no line gives."""
    if isinstance(event, Purchase):
        if event.amount > UNITS_MAX:
            raise WrongRecordError(f"an amount of at most {UNITS_MAX} units", event.amount)
    elif event.user1 == event.user2:
        raise WrongRecordError("two different users", f"{shown(event.user1)} twice")


def with_runs(records: Iterable[Record | Event]) -> list[Record]:
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


def _observed(record: _Observed, times: CanonicalTimes) -> Observed:
    """Return the columns of observations.

    Raises:
        BadValueError: a time is not canonical, they are not of one length, or there are none.

    """
    column = times_in_texts(record.times)
    if column is None or times_of(column.ticks, column.finer) != [*record.times]:
        for each in record.times:
            times.check(each)
    count, keys = len(record.times), record.keys
    for name, length in (
        ("ids", len(record.adids)),
        ("keys", count if keys is None else len(keys)),
    ):
        if length != count or not count:
            raise WrongRecordError(
                "columns of one length, and not empty", f"{count} times and {length} {name}"
            )
    return Observed(record.number, record.times, record.adids, keys, zone="none")
