"""Opening the store and the output of a run together: a new history, or one that goes on.

Both are locked before anything is written, the output first: lines of another run would
mix with those of this one, and where they begin is part of the store's header.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from events.store.disk import alone_in, permissions_of
from events.store.store import EventStore
from events.store.writer import StoreWriter
from replay.engine.files import check_outputs
from replay.engine.kept_history import kept_history, refuse_kept
from replay.engine.rewriting import rewrite

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack
    from pathlib import Path

    from events.store.disk import Disk
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
    check_start: Callable[[int, EventStore | None], None] = lambda _start, _standing: None,
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
