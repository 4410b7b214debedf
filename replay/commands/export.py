"""``export STORE``: the logs of a run again, byte for byte but for blank lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from events.errors import InputError
from events.escapes import plain
from replay.arguments import add_store
from replay.commands import interval_views
from replay.files import as_named, check_new
from replay.history import History, texts_by_log
from replay.outputs import write_all_new
from replay.standard_streams import mention, say
from replay.tables import cut_fields, open_store, print_json

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from events.records import Source

SUMMARY = "write the batch and the stream of a run again, without their blank lines"
EXAMPLE = "export flagged.json.events --batch batch.json --stream stream.json"

SOURCES: Final[tuple[Source, ...]] = ("batch", "stream")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_store(parser)
    parser.add_argument("--batch", metavar="FILE", help="where to write the batch; a new file")
    parser.add_argument("--stream", metavar="FILE", help="where to write the stream; a new file")
    parser.add_argument(
        "--observations",
        metavar="FILE",
        help="where to write the observations of a store of intervals; a new file",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Write the logs that were asked for; a file that exists is left alone."""
    store = open_store(options.store)
    if store.intervals is not None:
        return interval_views.export(store, options)
    if options.observations is not None:
        raise InputError(
            f"{store.path}: expected --batch or --stream for a store of purchases, "
            "found --observations"
        )
    paths: dict[Source, Path] = {}
    for source in SOURCES:
        if (path := getattr(options, source)) is not None:
            paths[source] = check_new(path, "a log", [store.path, *paths.values()], again=True)
    history = History(store)
    lines = texts_by_log(history.log_lines())
    write_all_new(
        {
            path: as_named(path, history.log_content(source, lines[source]))
            for source, path in paths.items()
        },
        "a log",
    )
    # Those that are empty stand for others.
    counts = {source: sum(map(bool, found)) for source, found in lines.items()}
    cut = {source: [each for each in history.cut if each.source == source] for source in lines}
    if options.json:
        print_json(
            {
                source: {
                    "lines": count,
                    "file": getattr(options, source),
                    "not_kept": [{"line": each.number, **cut_fields(each)} for each in cut[source]],
                }
                for source, count in counts.items()
            }
        )
        return 0
    for source, path in paths.items():
        mention(f"{plain(path)}: {counts[source]:,} lines of the {source}")
        for each in cut[source]:
            mention(
                f"{plain(path)}: line {each.number} of the {source} cannot be given back, an empty "
                f"one stands for it: of its {each.length:,} bytes the store keeps "
                f"{len(each.line):,}"
            )
    if not paths:
        texts = ", ".join(f"{count:,} of the {source}" for source, count in counts.items())
        say(f"lines in the store: {texts}; name a file with --batch or --stream")
    return 0
