"""``rebuild STORE FILE``: what a run wrote, again, from its store alone."""

from __future__ import annotations

import os
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from events.disk import DISK, NewFile, free_name, identity_of
from events.errors import InputError, counted, unwritable
from events.escapes import plain
from events.paths import is_output_stream
from replay.arguments import ROUNDED, add_store
from replay.engine.files import check_outputs
from replay.engine.output_file import OutputFile
from replay.engine.output_streams import OutputStream
from replay.kinds import looks_at
from replay.loading import add_detector
from replay.terminal.signals import StopSignals
from replay.terminal.standard_streams import mention

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

SUMMARY = "write the flagged lines, or the intervals, of a run again, from its store alone"
EXAMPLE = "rebuild flagged.json.events flagged.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_store(parser)
    add_detector(parser)
    parser.add_argument(
        "file",
        metavar="FILE",
        help="the file to write, one that is there is moved aside; or -, a pipe or a device",
    )

    parser.add_argument("--rounded", action="store_true", help=ROUNDED)


def run(options: argparse.Namespace) -> int:
    """Write the file; what stood there before this history began is kept."""
    looks = looks_at(options)
    if options.rounded:
        looks.round_figures()
    store = looks.store
    read = ("event store", identity_of(store.path))
    check_outputs([read], options.file, None, looks.output_file)
    path = Path(options.file)
    lines, pieces = looks.rebuild()
    if is_output_stream(options.file):
        if looks.is_whole_file:
            raise InputError(f"{path}: expected a file for Parquet, found a pipe or a device")
        with StopSignals() as stop, OutputStream(path, looks.output, stop) as stream:
            stream.hold()
            for piece in pieces:
                stream.write([piece.removesuffix(b"\n")])
        return 0
    start = store.header.output_start
    with OutputFile(path, what=looks.output) as standing:
        # A run that writes it is not to have it moved away.
        standing.hold()
        earlier = standing.before(start)
        aside = _write(path, chain([earlier], pieces), looks.output)
    found = counted(lines, looks.output_line)
    mention(f"{plain(path)}: {found}, decided by {store.detector}")
    if aside is not None:
        mention(f"moved what stood there to {plain(aside)}")
    if len(earlier) < start:
        mention(f"left out: the {counted(start, 'byte')} of others that once stood before them")
    return 0


def _write(path: Path, pieces: Iterable[bytes], what: str) -> Path | None:
    """Write the file, and return where what stood there is now, if anything did."""
    stands = os.path.lexists(path)
    aside = free_name(path) if stands else None
    try:
        with NewFile(path) as new:
            for piece in pieces:
                new.write(piece)
            if aside is not None:
                _keep(path, aside)
            new.complete(replace=stands)
    except OSError as error:
        raise unwritable(path, error, what) from None
    return aside


def _keep(path: Path, aside: Path) -> None:
    """Let the file at ``path`` be at ``aside``, too: at no moment is there none of its name."""
    try:
        DISK.link(path, aside)
    except OSError:
        # A disk without links.
        DISK.rename_new(path, aside)
