"""``shrink STORE N --output DIR``: the few lines that give a purchase its verdict, and a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.errors import counted
from events.escapes import json_escaped, plain
from events.paths import path_of
from replay.arguments import add_event
from replay.purchases.console import decision_fields, describe
from replay.purchases.shrink import shrink
from replay.purchases.shrink_case import check_folder, write_case
from replay.purchases.timeline import Timeline
from replay.terminal.standard_streams import mention
from replay.terminal.tables import open_store, print_json, shell_word, status

if TYPE_CHECKING:
    import argparse

    from replay.purchases.history import History
    from replay.purchases.shrink import Shrunk
    from replay.purchases.shrink_case import Case

SUMMARY = "shrink a history to the few lines that give a purchase its verdict, with a test of it"
EXAMPLE = "shrink flagged.json.events 20417 --output case"

_SHOWN_MAX = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_event(parser)
    parser.add_argument(
        "--output",
        metavar="DIR",
        required=True,
        help="folder to write two logs, their store and a test for pytest to; made if need be",
    )
    parser.add_argument(
        "--exact",
        action="store_true",
        help="let n, mean and sd stay too; time grows with the square of the window",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace an earlier one that stands in DIR"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Shrink, write the files, and print what is left."""
    store, folder = open_store(options.store), path_of(options.output, "a folder")
    # Before the work, too.
    check_folder(store.path, folder, overwrite=options.overwrite)
    with Timeline(store) as timeline:
        with status("shrink") as show:
            shrunk = shrink(
                timeline,
                options.number,
                exact=options.exact,
                progress=lambda lines, tried: show(f"{lines:,} lines, {tried:,} tries"),
            )
        history = timeline.history
        case = write_case(history, shrunk, folder, overwrite=options.overwrite)
        (_json if options.json else _text)(history, shrunk, case)
    return 0


def _text(history: History, shrunk: Shrunk, case: Case) -> None:
    number, lines = shrunk.recorded.number, sum(map(len, case.lines.values()))
    event = history.event(number)
    mention(f"event {number}: {counted(case.lines_before, 'line')} shrunk to {lines:,}")
    if lines <= _SHOWN_MAX:
        for source, texts in case.lines.items():
            mention(f"{source}:")
            for text in texts:
                mention(f"  {json_escaped(text.decode())}")
    else:
        counts = (f"{len(texts):,} of the {source}" for source, texts in case.lines.items())
        mention(f"lines: {', '.join(counts)}")
    mention(f"before: {describe(event, shrunk.recorded)}")
    mention(f"after:  {describe(event, shrunk.decision)}")
    mention(_why_smallest(shrunk))
    names = ", ".join(path.name for path in case.files.values())
    mention(f"files in {plain(case.folder)}: {names}")
    mention(f"next: python -m replay step {shell_word(case.files['store'])}")
    mention(f"      python -m pytest {shell_word(case.folder)}")


def _why_smallest(shrunk: Shrunk) -> str:
    before = len(shrunk.numbers) - 1
    if not before:
        also = "" if shrunk.exact else "; --exact keeps n, mean and sd too"
        verdict = "flagged" if shrunk.decision.flagged else "not flagged"
        return f"it is {verdict} without any other line{also}"
    what = "the decision" if shrunk.exact else "the verdict"
    lines = "the line" if before == 1 else f"any one of the {before:,} lines"
    return f"without {lines} before it, {what} is another"


def _json(history: History, shrunk: Shrunk, case: Case) -> None:
    print_json(
        {
            "event": shrunk.recorded.number,
            "exact": shrunk.exact,
            "lines": {
                "before": case.lines_before,
                "after": sum(map(len, case.lines.values())),
            },
            "events": shrunk.numbers,
            "parameters": {"D": history.parameters.degrees, "T": history.parameters.tracked},
            **{log: [text.decode() for text in texts] for log, texts in case.lines.items()},
            "before": decision_fields(shrunk.recorded),
            "after": decision_fields(shrunk.decision),
            "tried": shrunk.tried,
            "files": {what: str(path) for what, path in case.files.items()},
        }
    )
