"""``rerun STORE FLAGGED``: what would be flagged with other parameters or events."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from events.errors import counted
from events.escapes import plain
from events.purchases.amounts import format_amount, format_cents
from events.purchases.parameters import DEGREES_MIN, TRACKED_MIN
from events.times.timestamps import in_zone
from replay.arguments import is_whole, whole
from replay.engine.console import Console
from replay.engine.notices import notice
from replay.purchases.branch import Edits, Insertion, branch_off, compare
from replay.purchases.console import PurchaseWords, decision_fields
from replay.purchases.history import History
from replay.terminal.standard_streams import say
from replay.terminal.tables import open_store, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from events.purchases.parameters import Parameters
    from events.store.records import Decision, Rejected
    from events.times.timestamps import Zone
    from replay.engine.inputs import SourceLog
    from replay.purchases.branch import Branch, Comparison, Difference

SUMMARY = "decide a history again with other settings or events, on a branch beside it"
EXAMPLE = "rerun flagged.json.events branch.json -T 20 --skip 19989 20001-20005"

_COLUMNS = ("what", "event#", "branch#", "time", "user", "amount#", "n", "mean", "sd")


class _Bar(Console):
    """A progress bar only: the original has reported its rejected lines."""

    def on_rejected(self, log: SourceLog, rejected: Rejected) -> None:
        """Say nothing."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("store", metavar="STORE", help="event store of a run, which is only read")
    parser.add_argument(
        "flagged",
        metavar="FLAGGED",
        help="file to write the branch's flagged purchases to; its store is FLAGGED.events",
    )
    for flag, name, what, least in (
        ("-D", "--degrees", "degree of the network", DEGREES_MIN),
        ("-T", "--tracked", "purchases tracked in the network", TRACKED_MIN),
    ):
        parser.add_argument(
            flag,
            name,
            metavar=flag[1],
            type=whole(flag[1], least),
            help=f"{what} (default: the run's)",
        )
    parser.add_argument(
        "--skip",
        metavar="N",
        type=_range,
        nargs="+",
        action="extend",
        default=[],
        help="leave out event N, or N-M for events N to M",
    )
    parser.add_argument(
        "--insert",
        metavar="LINE@N",
        type=_insertion,
        nargs="+",
        action="extend",
        default=[],
        help="put in the JSON LINE just before event N; one more than there are: at the end",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="start FLAGGED and its store afresh"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Make the branch, and print how its flags differ from the original's."""
    history = History(open_store(options.store))
    edits = Edits(options.degrees, options.tracked, options.skip, options.insert)
    bar = _Bar(0, PurchaseWords())
    try:
        branch = branch_off(
            history, options.flagged, edits, overwrite=options.overwrite, listener=bar
        )
    finally:
        bar.finish()
    (_json if options.json else _text)(history, branch, compare(history, branch))
    return 0


def _text(history: History, branch: Branch, found: Comparison) -> None:
    was, now = _setting(history.store.parameters), _setting(branch.parameters)
    say(f"branch: {now} ({f'was {was}' if was != now else 'unchanged'}), {_edited(branch)}")
    if history.stream_start is None:
        say("the original was stopped before its stream, so nothing was judged")
    counts = ", ".join(f"{found.count(what):,} {what}" for what in ("gained", "lost", "changed"))
    say(
        f"{found.flagged_before:,} flagged in the original, {found.flagged_after:,} in the branch: "
        f"{counts if found.differences else 'no difference'}"
    )
    if found.unjudged:
        say(
            f"{counted(found.unjudged, 'purchase')} not judged by the original, so not compared; "
            f"{found.unjudged_flagged:,} flagged in the branch"
        )
    if found.differences:
        print_table(_COLUMNS, (_row(each, history.zone) for each in found.differences))
    for line in _not_the_same(history, branch):
        say(line)
    summary = branch.summary
    earlier = notice(
        summary.flagged_path,
        summary.flagged_before,
        summary.flagged,
        summary.store_path,
        summary.store_set_aside,
    )
    if earlier is not None:
        say(earlier)
    say(f"flagged purchases: {plain(summary.flagged_path)}")
    say(f"event store: {plain(summary.store_path)}")


def _not_the_same(history: History, branch: Branch) -> Iterator[str]:
    """Iterate over what a branch cannot have in common with its original, in words."""
    if refused := sorted(branch.refused):
        events = "event was" if len(refused) == 1 else "events were"
        error = history.refused(refused[0])
        why = "" if error is None else f": event {refused[0]} ({error.reason})"
        also = " and so on" if why and len(refused) > 1 else ""
        yield (
            f"{len(refused):,} {events} accepted by an earlier release, and rejected now{why}{also}"
        )
    if branch.accepted:
        lines = "line was" if len(branch.accepted) == 1 else "lines were"
        yield f"{len(branch.accepted):,} {lines} rejected by an earlier release, and accepted now"
    if history.cut:
        lines = "line was" if len(history.cut) == 1 else "lines were"
        yield f"{len(history.cut):,} {lines} too long to be kept, and left out"


def _setting(parameters: Parameters) -> str:
    return f"D={parameters.degrees} T={parameters.tracked}"


def _edited(branch: Branch) -> str:
    skipped, inserted = len(branch.skipped), len(branch.inserted) - len(branch.accepted)
    if skipped:
        rest = f", {inserted:,} inserted" if inserted else ""
        return f"{counted(skipped, 'event')} skipped{rest}"
    return f"{counted(inserted, 'event')} inserted" if inserted else "the same events"


def _row(difference: Difference, zone: Zone | None) -> tuple[object, ...]:
    purchase, before, after = difference.purchase, difference.before, difference.after
    return (
        difference.what,
        difference.original or "-",
        difference.branch or "-",
        in_zone(purchase.time, zone),
        plain(purchase.user),
        format_amount(purchase.amount),
        _change(before, after, lambda decision: str(decision.purchases)),
        _change(before, after, lambda decision: _cents(decision, decision.mean)),
        _change(before, after, lambda decision: _cents(decision, decision.sd)),
    )


def _cents(decision: Decision, value: int) -> str:
    return format_cents(value) if decision.purchases else "-"


def _change(
    before: Decision | None, after: Decision | None, text: Callable[[Decision], str]
) -> str:
    texts = ["-" if decision is None else text(decision) for decision in (before, after)]
    return texts[0] if texts[0] == texts[1] else " -> ".join(texts)


def _json(history: History, branch: Branch, found: Comparison) -> None:
    original = history.store.parameters
    settings = {
        name: {"D": each.degrees, "T": each.tracked}
        for name, each in (("original", original), ("branch", branch.parameters))
    }
    aside = branch.summary.store_set_aside
    print_json(
        {
            "parameters": settings,
            "skipped": len(branch.skipped),
            "inserted": len(branch.inserted) - len(branch.accepted),
            "refused": sorted(branch.refused),
            "accepted": sorted(branch.accepted),
            "not_kept": len(history.cut),
            "flagged": {"original": found.flagged_before, "branch": found.flagged_after},
            "gained": found.count("gained"),
            "lost": found.count("lost"),
            "changed": found.count("changed"),
            "unjudged": found.unjudged,
            "unjudged_flagged": found.unjudged_flagged,
            "differences": [_fields(difference, history.zone) for difference in found.differences],
            "flagged_file": str(branch.summary.flagged_path),
            "store": str(branch.summary.store_path),
            "store_set_aside": None if aside is None else str(aside),
        }
    )


def _fields(difference: Difference, zone: Zone | None) -> dict[str, object]:
    purchase = difference.purchase
    return {
        "what": difference.what,
        "event": difference.original,
        "branch_event": difference.branch,
        "time": in_zone(purchase.time, zone),
        "user": purchase.user,
        "amount": format_amount(purchase.amount),
        "before": difference.before and decision_fields(difference.before),
        "after": difference.after and decision_fields(difference.after),
    }


def _range(text: str) -> range:
    """Return the range of event numbers that N or N-M says."""
    first, dash, last = text.partition("-")
    last = last if dash else first
    if not (is_whole(first) and is_whole(last) and int(first) <= int(last)):
        raise argparse.ArgumentTypeError(
            f"expected the number of an event, or two as in 7-9, found {text!r}"
        )
    return range(int(first), int(last) + 1)


def _insertion(text: str) -> Insertion:
    line, at, number = text.rpartition("@")
    if not (at and is_whole(number)):
        raise argparse.ArgumentTypeError(
            f"expected a line, @ and the number of an event, found {text!r}"
        )
    # As it was typed, so that a line that is not UTF-8 is rejected like any other.
    return Insertion(os.fsencode(line), int(number))
