"""``shrink STORE N --output DIR``: the few lines that give an event its verdict, and a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from events.errors import counted
from events.escapes import json_escaped, plain
from events.paths import path_of
from replay.arguments import add_event
from replay.engine.case import check_folder, write_case
from replay.kinds import looks_at
from replay.loading import add_detector
from replay.terminal.standard_streams import mention
from replay.terminal.tables import print_json, shell_word, status

if TYPE_CHECKING:
    import argparse

    from replay.engine.case import Case
    from replay.engine.shrink import Shrinking, Shrunk

SUMMARY = "shrink a history to the few lines that give an event its verdict, with a test of it"
EXAMPLE = "shrink flagged.json.events 20417 --output case"

_SHOWN_MAX = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_event(parser)
    add_detector(parser)
    parser.add_argument(
        "--output",
        metavar="DIR",
        required=True,
        help="folder to write logs, their store and a test for pytest to; made if need be",
    )
    parser.add_argument(
        "--exact",
        action="store_true",
        help="let all that the verdict says stay too: n, mean and sd, or the ids of intervals; of "
        "purchases time grows with the square of the window",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace an earlier one that stands in DIR"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Shrink, write the files, and print what is left."""
    with looks_at(options) as looks:
        folder = path_of(options.output, "a folder")
        # Before the work, too.
        check_folder(looks.shrinking, looks.store.path, folder, overwrite=options.overwrite)
        with status("shrink") as show:
            shrinking = looks.shrinking(
                looks,
                looks.number_of(options.number),
                exact=options.exact,
                progress=lambda lines, tried: show(f"{lines:,} lines, {tried:,} tries"),
            )
            shrunk = shrinking.shrunk()
        case = write_case(shrinking, shrunk, folder, overwrite=options.overwrite)
        if options.json:
            _json(shrinking, shrunk, case)
        else:
            _text(shrinking, shrunk, case)
            given = (
                "" if options.detector is None else f" --detector {shell_word(options.detector)}"
            )
            mention(f"next: python -m replay step {shell_word(case.files['store'])}{given}")
            mention(f"      python -m pytest {shell_word(case.folder)}")
    return 0


def _text(shrinking: Shrinking[Any], shrunk: Shrunk, case: Case) -> None:
    lines, noun = sum(map(len, case.lines.values())), shrinking.line
    shrank = f"{counted(shrinking.lines_before, noun)} shrunk to {lines:,}"
    mention(f"event {shrinking.number}: {shrank}")
    if lines <= _SHOWN_MAX:
        for source, texts in case.lines.items():
            mention(f"{source}:")
            for text in texts:
                mention(f"  {json_escaped(text.decode())}")
    else:
        counts = (f"{len(texts):,} of the {source}" for source, texts in case.lines.items())
        mention(f"{noun}s: {', '.join(counts)}")
    before, after = shrinking.texts(shrunk)
    mention(f"before: {before}")
    mention(f"after:  {after}")
    mention(shrinking.smallest_text(shrunk))
    names = ", ".join(path.name for path in case.files.values())
    mention(f"files in {plain(case.folder)}: {names}")


def _json(shrinking: Shrinking[Any], shrunk: Shrunk, case: Case) -> None:
    fields = dict(shrinking.fields(shrunk))
    print_json(
        {
            "event": shrinking.number,
            "exact": shrunk.exact,
            "lines": {
                "before": shrinking.lines_before,
                "after": sum(map(len, case.lines.values())),
            },
            "events": shrunk.numbers,
            "parameters": fields.pop("parameters"),
            **{log: [text.decode() for text in texts] for log, texts in case.lines.items()},
            **fields,
            "tried": shrunk.tried,
            "files": {what: str(path) for what, path in case.files.items()},
        }
    )
