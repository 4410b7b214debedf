"""``rerun STORE OUTPUT``: what would be found with other parameters or events."""

from __future__ import annotations

import argparse
import os
from contextlib import closing
from typing import TYPE_CHECKING, Any

from events.errors import InputError, counted
from events.escapes import plain
from replay.arguments import add_ranges, add_workers, ranges
from replay.engine.branch import Edits, Insertion, branch_off
from replay.engine.console import Console
from replay.engine.notices import notice
from replay.engine.references import Reference, range_of, reference_in
from replay.kinds import ALL_KINDS, looks_at
from replay.loading import add_detector, workers_of
from replay.terminal.standard_streams import say
from replay.terminal.tables import print_json

if TYPE_CHECKING:
    from events.logs.reader import LogReader
    from events.records.record import Rejected
    from replay.arguments import CommandParser
    from replay.engine.branch import Branch, Rerun
    from replay.engine.looks import Looks

SUMMARY = "decide a history again with other settings or events, on a branch beside it"
EXAMPLE = "rerun flagged.json.events branch.json -T 20 --skip 19989 20001-20005"


class _BarOnly(Console):
    """A progress bar only: the original has reported its rejected lines."""

    def on_rejected(self, log: LogReader, rejected: Rejected) -> None:
        """Say nothing."""


def add_arguments(parser: CommandParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("store", metavar="STORE", help="event store of a run, which is only read")
    parser.add_argument(
        "output",
        metavar="OUTPUT",
        help="file to write the branch's flagged lines or intervals to; its store is OUTPUT.events",
    )
    add_detector(parser)
    for kind in ALL_KINDS:
        group = parser.add_argument_group(f"for a store of {kind.kind}")
        for each in kind.parameter_options:
            each.add_to(group)
    add_ranges(
        parser,
        "--skip",
        of=ranges,
        what="leave out event N, or N to M; as numbers, or as lines like stream:429",
    )
    parser.add_argument(
        "--insert",
        metavar="LINE@N",
        type=_insertion,
        nargs="+",
        action="extend",
        default=[],
        help="put in the JSON LINE just before event N, or LOG:LINE; one more than there are: at "
        "the end",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="start OUTPUT and its store afresh"
    )
    add_workers(parser, "judge (default: as many as there are cores, where it pays)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Make the branch, and print what is found otherwise than in the original."""
    looks = looks_at(options)
    edits = Edits(
        _changed(looks, options),
        [range_of(looks.history, looks.sources, each) for each in options.skip],
        [Insertion(line, looks.number_of(before)) for line, before in options.insert],
    )
    branching, bar = looks.branching(), _BarOnly(0, looks.words)
    with workers_of(options, looks.alone) as workers, closing(bar):
        branch = branch_off(
            branching,
            options.output,
            edits,
            overwrite=options.overwrite,
            listener=bar,
            workers=workers,
        )
    (_json if options.json else _text)(looks, looks.rerun(branching, branch))
    return 0


def _changed(looks: Looks[Any], options: argparse.Namespace) -> dict[str, Any]:
    """Return which parameters are to be others, by the detector's names for them."""
    given = {
        each.name: (kind, each)
        for kind in ALL_KINDS
        for each in kind.parameter_options
        if getattr(options, each.name) is not None
    }
    for kind, each in given.values():
        if not isinstance(looks, kind):
            raise InputError(
                f"{options.store}: expected a store of {kind.kind} to run again with "
                f"{each.flags[-1]}, found one of {looks.kind}; leave it out"
            )
    return {name: getattr(options, name) for name in given}


def _text(looks: Looks[Any], rerun: Rerun) -> None:
    branch, (was, now) = rerun.branch, rerun.settings
    say(f"branch: {now} ({f'was {was}' if was != now else 'unchanged'}), {_edited(branch)}")
    rerun.show()
    summary = branch.summary
    earlier = notice(
        summary.output_path,
        summary.output_before,
        looks.words.found(summary),
        summary.store_path,
        summary.store_set_aside,
    )
    if earlier is not None:
        say(earlier)
    say(f"{looks.words.output}: {plain(summary.output_path)}")
    say(f"event store: {plain(summary.store_path)}")


def _inserted(branch: Branch) -> int:
    return len(branch.inserted) - len(branch.accepted)


def _edited(branch: Branch) -> str:
    skipped, inserted = len(branch.skipped), _inserted(branch)
    if skipped:
        rest = f", {inserted:,} inserted" if inserted else ""
        return f"{counted(skipped, 'event')} skipped{rest}"
    return f"{counted(inserted, 'event')} inserted" if inserted else "the same events"


def _json(_: Looks[Any], rerun: Rerun) -> None:
    branch, (original, now) = rerun.branch, rerun.setting_fields()
    aside = branch.summary.store_set_aside
    print_json(
        {
            "parameters": {"original": original, "branch": now},
            "skipped": len(branch.skipped),
            "inserted": _inserted(branch),
            **rerun.fields(),
            "store": str(branch.summary.store_path),
            "store_set_aside": None if aside is None else str(aside),
        }
    )


def _insertion(text: str) -> tuple[bytes, Reference]:
    line, at, number = text.rpartition("@")
    before = reference_in(number)
    if not at or before is None:
        raise argparse.ArgumentTypeError(
            f"expected a line, @ and an event, its number or as stream:429, found {text!r}"
        )
    # As it was typed, so that a line that is not UTF-8 is rejected like any other.
    return os.fsencode(line), before
