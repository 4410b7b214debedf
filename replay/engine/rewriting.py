"""Making a store of an earlier format one of today's, before a run goes on with it.

Frames of another format are never appended to a store. What was decided, and how far the
output had come, stays as it is: the new store holds the same history.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from events.disk import NO_LINKS, NewFile, identity_of, numbered_name, permissions_of
from events.errors import DamagedStoreError, unwritable
from events.records.record import StateDigest
from events.store.header import FIRST_PACKED
from events.store.writer import StoreWriter

if TYPE_CHECKING:
    from events.disk import Disk
    from events.records.record import Record
    from events.store.store import EventStore, StoredFrame


def rewrite(store: EventStore, disk: Disk) -> Path:
    """Put a store of today's format in the place of ``store``, which is of an earlier one.

    At each moment a whole one stands there: the new one is on the disk before it takes
    the name, and the old one has another name by then. What is torn at its end stays there.

    Returns:
        Where the old one is kept: ``NAME.~1~`` and so on.

    Raises:
        DamagedStoreError: it holds what no run writes.
        OutputError: a file cannot be written.

    """
    # Behind a link, so that the link stays one.
    path = Path(os.path.realpath(store.path))
    header = store.header
    if store.events and store.version < FIRST_PACKED:
        # Earlier releases took no times with an offset.
        header = msgspec.structs.replace(header, zone="none")
    with StoreWriter.begin(path, header, disk, permissions_of(path), replacing=True) as writer:
        for frame in store.frames():
            records = [_chained(record, frame, writer, store) for record in frame.records]
            writer.append(records, frame.events)
        writer.sync()
        try:
            kept = _keep(path, disk)
        except OSError as error:
            raise unwritable(path, error, "the event store") from None
        writer.complete()
    return kept


def _chained(record: Record, frame: StoredFrame, writer: StoreWriter, store: EventStore) -> Record:
    """Return ``record`` as it is in the new store: a digest names the frame before its own."""
    if not isinstance(record, StateDigest):
        return record
    if record.chain != frame.previous:
        raise DamagedStoreError(
            f"{store.path}: after event {record.events}: expected a digest of the history before "
            "it, found one of another; verify says more"
        )
    return msgspec.structs.replace(record, chain=writer.chain)


def _keep(path: Path, disk: Disk) -> Path:
    """Give what stands at ``path`` a numbered name as well, which is on the disk then.

    Raises:
        OSError: it cannot be done.

    """
    number = 1
    while os.path.lexists(kept := numbered_name(path, number)):
        if identity_of(kept) == identity_of(path):
            # Somebody was killed between that name and the new store's.
            return kept
        number += 1
    try:
        disk.link(path, kept)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        with NewFile(kept, disk) as copy:
            copy.write(path.read_bytes())
            copy.complete()
    else:
        disk.sync_folder(path.parent)
    return kept
