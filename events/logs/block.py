"""What a log gives at a time: some consecutive lines, as the event store keeps them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from events.journal.columns import EventColumns
from events.records.record import EventRun, Lines, Rejected, events_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from events.records.record import Record


class Block(NamedTuple):
    """Some consecutive lines of a log."""

    records: list[Record]
    """What the event store keeps of them, in order: one `EventColumns` of all accepted lines, if
    there are any, and then a `EventRun` where some of them stand without a break."""
    events: int
    """How many lines were accepted."""
    rejected: list[Rejected]
    """The rejected lines among them."""
    encoded: bytes | None = None
    """What `events.store.stored.encode_events` gives of its events, where it is known."""

    def up_to_rejected(self) -> Block:
        """Return what it is up to the first line that is rejected; all of it where none is."""
        if not self.rejected:
            return self
        rejected = self.rejected[0]
        records = self.records[: self.records.index(rejected) + 1]
        events = sum(record.events for record in records if isinstance(record, EventRun))
        if isinstance(columns := records[0], EventColumns):
            records[:1] = [columns.first(events)] if events else []
        return Block(records, events_in(records), [rejected])

    def moved(self, lines: int, events: int) -> Block:
        """Return the same with all its numbers so much higher."""
        records = [_moved(record, lines, events) for record in self.records]
        rejected = [record for record in records if isinstance(record, Rejected)]
        return self._replace(records=records, rejected=rejected)


def _moved(record: Record, lines: int, events: int) -> Record:
    if isinstance(record, EventColumns):
        return record.numbered(record.number + events)
    if isinstance(record, Lines | Rejected):
        return msgspec.structs.replace(record, number=record.number + lines)
    return record


def numbered(records: Iterable[Record]) -> Iterator[tuple[int, Any]]:
    """Iterate over the events and rejected lines of ``records``, each with its line number."""
    number = 0
    events: Iterator[Any] = iter(())
    for record in records:
        if isinstance(record, EventColumns):
            events = iter(record.events())
        elif isinstance(record, Lines):
            number = record.number
        elif isinstance(record, EventRun):
            yield from enumerate(islice(events, record.events), number)
            number += record.events
        elif isinstance(record, Rejected):
            yield number, record
            number += 1
