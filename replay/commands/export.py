"""``export STORE``: the logs of a run again, byte for byte but for blank lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.event import line_of
from events.records import Rejected
from replay.history import History
from replay.outputs import write_new
from replay.tables import open_store

if TYPE_CHECKING:
    import argparse

    from events.records import Source

SUMMARY = "write the batch and the stream of a run again, without their blank lines"
EXAMPLE = "export flagged.json.events --batch batch.json --stream stream.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("store", metavar="STORE", help="event store of a run")
    parser.add_argument("--batch", metavar="FILE", help="where to write the batch log")
    parser.add_argument("--stream", metavar="FILE", help="where to write the stream log")


def run(options: argparse.Namespace) -> int:
    """Write the logs that were asked for; a file that exists is left alone."""
    history = History(open_store(options.store))
    lines: dict[Source, list[bytes]] = {"batch": [], "stream": []}
    if history.store.header.line is not None:
        lines["batch"].append(history.store.header.line)
    for place, record in history.lines():
        text = record.line if isinstance(record, Rejected) else line_of(record)
        lines[place.source].append(text)
    for source, found in lines.items():
        path = getattr(options, source)
        if path is not None:
            last = _newline(history, source) if found else b""
            write_new(path, b"\n".join(found) + last, "a log")
            print(f"{path}: {len(found):,} lines of the {source}")
    if options.batch is None and options.stream is None:
        counts = ", ".join(f"{len(found):,} of the {source}" for source, found in lines.items())
        print(f"lines in the store: {counts}; name a file with --batch or --stream")
    return 0


def _newline(history: History, source: Source) -> bytes:
    end = history.ends.get(source)
    return b"\n" if end is None or end.newline else b""
