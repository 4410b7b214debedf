"""The store that stands where a run's is to be: gone on with, moved aside, or refused."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from events.disk import is_locked
from events.errors import (
    DamagedStoreError,
    InputError,
    NewerStoreError,
    OtherDetectorError,
    OutputError,
    StoreError,
    unwritable,
)
from events.store.store import EventStore
from events.store.writer import set_aside

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from events.disk import Disk
    from events.store.header import Header


def kept_history(
    path: Path,
    header: Header,
    disk: Disk,
    *,
    overwrite: bool,
    resume: bool,
    beginning: Callable[[EventStore | None], None] = lambda _standing: None,
) -> tuple[EventStore | None, Path | None]:
    """Return the store at ``path`` if it is of the history of ``header``, else make room for one.

    Args:
        path: where the store is, or is to be.
        header: what the inputs are.
        disk: does what is done to files.
        overwrite: remove the store that stands there.
        resume: take a store whose stream was live for this one's, if it is of the same past.
        beginning: is given the store of another history, if one stands there, before that
            is moved and a new one begins, and may refuse it.

    Returns:
        The store, or None where a new one is to be made; and where what stood in the way
        has been moved.

    Raises:
        StoreError: the store that stands there is damaged, or of a newer format.
        OutputError: what stands there cannot be moved or removed.
        OtherDetectorError: it is to be resumed, and another detector decided it.
        InputError: it is to be resumed and is not of the same past, or the stream is not live.

    """
    store: EventStore | None = None
    if not os.path.lexists(path):
        beginning(None)
        return None, None
    refuse_locked(path)
    try:
        store = EventStore(path)
    except (DamagedStoreError, NewerStoreError):
        if not overwrite:
            raise
    except StoreError:
        # It is something else, and not ours to remove.
        pass
    if store is not None and overwrite:
        _remove(path, disk)
        return None, None
    if store is not None and _continues(store, header, resume=resume):
        return store, None
    beginning(store)
    return None, set_aside(path, disk)


def refuse_locked(path: Path) -> None:
    """Refuse a store that another run is writing.

    Raises:
        OutputError: one is, or nobody can tell.

    """
    try:
        locked = is_locked(path)
    except OSError as error:
        raise unwritable(path, error, "the event store") from None
    if locked:
        raise OutputError(
            f"{path}: expected a store that no other run is writing, found one that is; "
            "wait for that run, or name another store"
        )


def refuse_kept(path: Path, header: Header, *, resume: bool) -> None:
    """Refuse a history that a store holds, where its lines go to what keeps none.

    Raises:
        InputError: the store at ``path`` is of the history of ``header``.

    """
    try:
        kept = EventStore(path) if path.is_file() else None
    except StoreError:
        # What becomes of it `kept_history` says.
        return
    if kept is not None and _continues(kept, header, resume=resume):
        raise InputError(
            f"{path}: expected no history of these inputs, since nobody can tell which of its "
            f"lines a pipe or a device has had, found one; python -m replay rebuild {path} FILE "
            "writes them to a file"
        )


def _remove(path: Path, disk: Disk) -> None:
    try:
        disk.remove(path)
        disk.sync_folder(path.parent)
    except OSError as error:
        raise OutputError(
            f"{path}: expected to remove the event store, found: {error.strerror}"
        ) from None


def _continues(store: EventStore, header: Header, *, resume: bool) -> bool:
    if store.header.same_history(header):
        return True
    if not resume:
        return False
    if not header.live:
        if store.header.live and type(store.header.setting) is type(header.setting):
            raise InputError(
                f"{store.path}: expected a live stream to go on with the store of one, found a "
                "log that is read to its end; add --follow, or run without --resume to begin anew"
            )
        return False
    if store.header.same_past(header) and store.detector != header.decided_by:
        raise OtherDetectorError(
            f"{store.path}: expected the store of a live run that {header.decided_by} decides, "
            f"found one of {store.detector}; go on with that detector, or run without --resume "
            "to begin anew"
        )
    if not store.header.same_past(header):
        raise InputError(
            f"{store.path}: expected the store of a live run on the same "
            f"{'batch with the same ' if header.batch is not None else ''}"
            "parameters, found another; run without --resume to begin anew"
        )
    return True


def way_on(header: Header, *, keeps: bool, overwrite: bool) -> str:
    """Return, for a person, how to go on with a history of ``header`` that was interrupted.

    Args:
        header: what its inputs are.
        keeps: whether the lines that were written stay where they went.
        overwrite: whether the command starts the history afresh.

    """
    if not keeps:
        return "but nobody can tell which lines a pipe or a device has had, so no run goes on"
    if header.first_log is None:
        return "but what was read of a pipe does not come again, so no run goes on"
    without = " without --overwrite" if overwrite else ""
    return (
        f"and the same command{without}{' with --resume' if header.live else ''} goes on from there"
    )
