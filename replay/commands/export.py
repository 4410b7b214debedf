"""``export STORE``: the logs of a run again, byte for byte but for blank lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.errors import InputError, counted
from events.escapes import plain
from replay.arguments import add_store
from replay.engine.files import as_named, check_new
from replay.engine.output_file import write_all_new
from replay.kinds import ALL_KINDS, looks_at
from replay.loading import add_detector
from replay.terminal.standard_streams import mention, say
from replay.terminal.tables import print_json

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from events.records.record import Source

SUMMARY = "write the logs of a run again, without their blank lines"
_SOURCES = tuple(dict.fromkeys(source for kind in ALL_KINDS for source in kind.sources))
EXAMPLE = "export flagged.json.events --batch batch.json --stream stream.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_store(parser)
    add_detector(parser)
    for source in _SOURCES:
        kinds = " or ".join(kind.kind for kind in ALL_KINDS if source in kind.sources)
        parser.add_argument(
            f"--{source}",
            metavar="FILE",
            help=f"where to write the {source} of a store of {kinds}; a new file",
        )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Write the logs that were asked for; a file that exists is left alone."""
    looks = looks_at(options)
    named = " or ".join(f"--{source}" for source in looks.sources)
    paths: dict[Source, Path] = {}
    for source in _SOURCES:
        if (path := getattr(options, source)) is None:
            continue
        if source not in looks.sources:
            raise InputError(
                f"{looks.store.path}: expected {named} for a store of {looks.kind}, "
                f"found --{source}"
            )
        others = [looks.store.path, *paths.values()]
        paths[source] = check_new(path, "a log", others, again=True)
    logs = looks.export()
    write_all_new(
        {path: as_named(path, logs[source].content(path)) for source, path in paths.items()},
        "a log",
    )
    if options.json:
        print_json(
            {
                source: log.fields | {"file": getattr(options, source)}
                for source, log in logs.items()
            }
        )
        return 0
    of = {source: f" of the {source}" if len(logs) > 1 else "" for source in logs}
    for source, path in paths.items():
        said = f"{counted(logs[source].lines, looks.exported)}{of[source]}"
        for line in (said, *logs[source].missing):
            mention(f"{plain(path)}: {line}")
    if not paths:
        held = ", ".join(f"{log.lines:,}{of[source]}" for source, log in logs.items())
        say(f"{looks.exported}s in the store: {held}; name a file with {named}")
    return 0
