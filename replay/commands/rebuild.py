"""``rebuild STORE FLAGGED``: the flagged file of a run again, from its store alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from events.disk import DISK
from events.errors import InputError, OutputError
from events.writer import set_aside
from replay.arguments import add_store
from replay.resume import Resumed
from replay.tables import counted, open_store

if TYPE_CHECKING:
    import argparse

SUMMARY = "write the flagged purchases of a run again, from its store alone"
EXAMPLE = "rebuild flagged.json.events flagged.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_store(parser)
    parser.add_argument(
        "flagged", metavar="FLAGGED", help="the file to write; one that is there is moved aside"
    )


def run(options: argparse.Namespace) -> int:
    """Write the file; what stood there before this history began is kept."""
    store, path = open_store(options.store), Path(options.flagged)
    # A store of intervals is refused here.
    _ = store.parameters
    if path.exists() and path.samefile(store.path):
        raise InputError(f"{path}: expected a flagged file, found the event store itself")
    lines = Resumed(store).flagged
    start = store.header.flagged
    earlier = b""
    if start and path.is_file():
        # A newline ends what stood there, where there was none.
        earlier = path.read_bytes()[:start]
        earlier = earlier + b"\n" if len(earlier) == start - 1 else earlier
    missing = len(earlier) < start
    new = path.with_name(f"{path.name}.new")
    try:
        with DISK.create(new) as file:
            file.write(b"" if missing else earlier)
            file.write(b"".join([line + b"\n" for line in lines]))
            file.sync()
        aside = set_aside(path)
        DISK.rename(new, path)
        DISK.sync_folder(path.parent)
    except OSError as error:
        raise OutputError(
            f"{path}: expected to write the flagged purchases, found: {error.strerror}"
        ) from None
    print(f"{path}: {counted(len(lines), 'flagged purchase')}")
    if aside is not None:
        print(f"moved what stood there to {aside}")
    if missing:
        print(f"not there any more: the {counted(start, 'byte')} that stood before them")
    return 0
