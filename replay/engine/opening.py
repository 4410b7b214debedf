"""Opening the store and the output of a run together: a new history, or one that goes on.

Both are locked before anything is written, the output first: lines of another run would
mix with those of this one, and where they begin is part of the store's header.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from events.disk import alone_in, is_locked, permissions_of
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
from events.store.writer import StoreWriter, set_aside
from replay.engine.files import check_outputs
from replay.engine.rewriting import rewrite

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack
    from pathlib import Path

    from events.disk import Disk
    from events.store.header import Header
    from replay.engine.output import Output


class OpenHistory(NamedTuple):
    """A history whose files are open."""

    store: StoreWriter | None
    """Where it is kept, or None where nothing is left to do."""
    kept: EventStore | None
    """What of it there was before, or None for a new one."""
    start: int
    """At which byte of the output its lines begin."""
    set_aside: Path | None
    """Where a store of another history has been moved that stood in the way."""
    rewritten: Path | None = None
    """Where the store is kept as it was in an earlier format, of which this one was made."""


def bytes_before(output: Output) -> int:
    """Return how many bytes stand before the lines of a history that is about to write more."""
    try:
        return output.path.stat().st_size - output.size if output.keeps else 0
    except OSError:
        # It was removed; whoever syncs it says so.
        return 0


def open_history(
    stack: ExitStack,
    output: Output,
    path: Path,
    header: Header,
    disk: Disk,
    *,
    overwrite: bool,
    resume: bool,
    finished: Callable[[EventStore], bool],
    check_start: Callable[[int, EventStore | None], None],
) -> OpenHistory:
    """Open the store and the output of a history.

    Args:
        stack: closes both.
        output: where its lines go.
        path: where its store is, or is to be.
        header: what the inputs are; where its lines begin is put into it.
        disk: does what is done to files.
        overwrite: start both afresh.
        resume: take a store whose stream was live for this one's, if it is of the same past.
        finished: tells whether nothing is left to do of the history in a store.
        check_start: is given where a new history's lines begin, and the store of another one
            that stands in the way, and may refuse that before anything is changed.

    Raises:
        StoreError: the store that stands there is damaged, or of a newer format.
        OutputError: a file cannot be made, moved or opened, or another run writes it.
        InputError: the history cannot be gone on with, or both are one file.

    """
    stack.callback(output.close)
    if not (output.keeps or overwrite):
        refuse_kept(path, header, resume=resume)
    output.hold()
    with alone_in(path.parent):
        permissions = permissions_of(path)
        kept, aside = kept_history(
            path,
            header,
            disk,
            overwrite=overwrite,
            resume=resume,
            beginning=lambda standing: check_start(output.start(overwrite=overwrite), standing),
        )
        if kept is not None:
            store: StoreWriter | None = None
            rewritten: Path | None = None
            done = finished(kept)
            if not done and kept.version < kept.header.version:
                rewritten = rewrite(kept, disk)
                kept = EventStore(path)
            if not done or kept.tail is not None:
                # Also of a finished history what comes behind it is moved aside.
                store = stack.enter_context(StoreWriter.resume(kept, disk))
            store = None if done else store
            return OpenHistory(store, kept, kept.header.output_start, aside, rewritten)
        start = output.start(overwrite=overwrite)
        if output.keeps:
            # By now it is there, so that any two names for one file are seen.
            check_outputs((), output.path, path)
        header = msgspec.structs.replace(header, output_start=start)
        store = StoreWriter.create(path, header, disk, permissions)
        return OpenHistory(stack.enter_context(store), None, start, aside)


def kept_history(
    path: Path,
    header: Header,
    disk: Disk,
    *,
    overwrite: bool,
    resume: bool,
    beginning: Callable[[EventStore | None], None],
) -> tuple[EventStore | None, Path | None]:
    """Return the store at ``path`` if it is of the history of ``header``, else make room for one.

    It is None where a new one is to be made; beside it is where what stood in the way has been
    moved. ``beginning`` may refuse that: it is given the store of another history first.
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

    Of what ``keeps`` no lines nobody can; with ``overwrite`` the command starts it afresh.
    """
    if not keeps:
        return "but nobody can tell which lines a pipe or a device has had, so no run goes on"
    if header.first_log is None:
        return "but what was read of a pipe does not come again, so no run goes on"
    without = " without --overwrite" if overwrite else ""
    return (
        f"and the same command{without}{' with --resume' if header.live else ''} goes on from there"
    )
