"""``rebuild STORE FLAGGED``: the flagged file of a run again, from its store alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from events.disk import DISK, NewFile, free_name, identity_of
from events.errors import unwritable
from events.escapes import plain
from events.paths import is_output_stream
from replay.arguments import add_store
from replay.files import check_outputs
from replay.output_streams import OutputStream
from replay.outputs import FLAGGED, FlaggedFile
from replay.resume import PurchasesResumed
from replay.signals import StopSignals
from replay.standard_streams import mention
from replay.tables import counted, open_store

if TYPE_CHECKING:
    import argparse

SUMMARY = "write the flagged purchases of a run again, from its store alone"
EXAMPLE = "rebuild flagged.json.events flagged.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_store(parser)
    parser.add_argument(
        "flagged",
        metavar="FLAGGED",
        help="the file to write, one that is there is moved aside; or -, a pipe or a device",
    )


def run(options: argparse.Namespace) -> int:
    """Write the file; what stood there before this history began is kept."""
    store = open_store(options.store)
    # A store of intervals is refused here.
    _ = store.parameters
    check_outputs([("event store", identity_of(store.path))], options.flagged, None)
    path = Path(options.flagged)
    lines = PurchasesResumed(store).flagged
    if is_output_stream(options.flagged):
        with StopSignals() as stop, OutputStream(path, FLAGGED, stop) as stream:
            stream.hold()
            stream.write(lines)
        return 0
    start = store.header.flagged
    with FlaggedFile(path) as standing:
        # A run that writes it is not to have it moved away.
        standing.hold()
        earlier = standing.before(start)
        aside = _write(path, earlier + b"".join([line + b"\n" for line in lines]))
    mention(
        f"{plain(path)}: {counted(len(lines), 'flagged purchase')}, decided by {store.detector}"
    )
    if aside is not None:
        mention(f"moved what stood there to {plain(aside)}")
    if len(earlier) < start:
        mention(f"left out: the {counted(start, 'byte')} of others that once stood before them")
    return 0


def _write(path: Path, content: bytes) -> Path | None:
    """Write the file, and return where what stood there is now, if anything did."""
    stands = os.path.lexists(path)
    aside = free_name(path) if stands else None
    try:
        with NewFile(path) as new:
            new.write(content)
            if aside is not None:
                _keep(path, aside)
            new.complete(replace=stands)
    except OSError as error:
        raise unwritable(path, error, "the flagged purchases") from None
    return aside


def _keep(path: Path, aside: Path) -> None:
    """Let the file at ``path`` be at ``aside``, too: at no moment is there none of its name."""
    try:
        DISK.link(path, aside)
    except OSError:
        # A disk without links.
        DISK.rename_new(path, aside)
