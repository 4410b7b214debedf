"""``repair STORE --output NEW``: save what is whole of a damaged store."""

from __future__ import annotations

from bisect import bisect
from operator import itemgetter
from typing import TYPE_CHECKING

import msgspec

from events.disk import permissions_of
from events.errors import StoreError, counted
from events.escapes import plain
from events.journal.columns import EventColumns
from events.paths import path_of
from events.records.record import Gap, Record, StateDigest, StreamStart, events_in
from events.store.salvage import Part, Salvage
from events.store.stored import DECISIONS, VERDICTS
from events.store.writer import StoreWriter
from replay.arguments import add_store
from replay.engine.files import check_new
from replay.terminal.standard_streams import mention

if TYPE_CHECKING:
    import argparse

SUMMARY = "save all that is whole of a damaged store to a new one; the damaged one is not changed"
EXAMPLE = "repair flagged.json.events --output saved.events"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_store(parser)
    parser.add_argument(
        "--output", metavar="NEW", required=True, help="the store to make; it must not exist"
    )


def run(options: argparse.Namespace) -> int:
    """Write what can be saved, and say what was lost."""
    store = path_of(options.store, "an event store", StoreError)
    path = check_new(options.output, "the saved store", (store,))
    salvage = Salvage(store)
    damages = salvage.damages
    header = salvage.header
    if damages:
        header = msgspec.structs.replace(header, incomplete=True)
    permissions = permissions_of(store)
    with StoreWriter.begin(path, header, permissions=permissions) as writer:
        mender = _Mender(writer)
        for each in salvage.found:
            if isinstance(each, Part):
                mender.copy(each.records)
            else:
                end = salvage.size if each.end is None else each.end
                mender.leave_out(each.events_lost, end - each.offset)
        writer.complete()
    mention(
        f"{counted(writer.events, 'event')} saved to {plain(options.output)}, "
        f"{counted(mender.lost, 'event')} lost in {counted(len(damages), 'damaged place')}"
    )
    if mender.dropped:
        mention(f"{counted(mender.dropped, 'decision')} on lost events dropped")
    if not damages:
        mention("nothing was damaged: this is a copy")
    return 0


class _Mender:
    """Copies records, and numbers the events behind a gap anew so that numbers have none."""

    def __init__(self, writer: StoreWriter) -> None:
        self.lost = 0
        """How many events are known to be lost so far."""
        self.dropped = 0
        """How many decisions were on such events."""
        self._writer = writer
        # The first and the last event of each run that is kept, and how many are lost before.
        self._runs: list[tuple[int, int, int]] = []
        self._gaps = 0

    def leave_out(self, events: int, size: int) -> None:
        self.lost += events
        self._gaps += 1
        self._writer.append([Gap(events, size)], 0)

    def copy(self, records: list[Record]) -> None:
        kept = [each for each in map(self._mended, records) if each is not None]
        if kept:
            self._writer.append(kept, events_in(kept))

    def _mended(self, record: Record) -> Record | None:
        """Return what ``record`` is in the new store, or None if it means nothing there."""
        replaced = msgspec.structs.replace
        if isinstance(record, EventColumns):
            self._runs.append((record.number, record.number + len(record) - 1, self.lost))
            return record.numbered(record.number - self.lost)
        if isinstance(record, DECISIONS):
            decided = self._number(record.number)
            self.dropped += decided is None
            return None if decided is None else replaced(record, number=decided)
        if isinstance(record, StateDigest):
            # Behind a gap the state is not what it was.
            return None if self._gaps else replaced(record, chain=self._writer.chain)
        return self._shifted(record)

    def _number(self, number: int) -> int | None:
        """Return the number of an event in the new store, or None if it is not there."""
        place = bisect(self._runs, number, key=itemgetter(0)) - 1
        if place < 0:
            return None
        _, last, lost = self._runs[place]
        return number - lost if number <= last else None

    def _shifted(self, record: Record) -> Record | None:
        """Return a record whose own numbers are those of the new store."""
        if isinstance(record, StreamStart):
            return StreamStart(record.events - self.lost)
        # Behind a gap the indexes of intervals are not what they were.
        return None if isinstance(record, VERDICTS) and self._gaps else record
