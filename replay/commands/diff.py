"""``diff STORE_A STORE_B``: where two histories part."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from events.errors import OtherKindError, counted
from events.escapes import plain
from events.store.records import Rejected
from replay.kinds import looks_of
from replay.loading import add_detector, given_detector
from replay.terminal.standard_streams import say
from replay.terminal.tables import open_store, print_json

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from replay.engine.history import Happening
    from replay.engine.looks import Looks

    Difference = dict[str, str] | None

SUMMARY = "find the first event and the first decision in which two stores differ"
EXAMPLE = "diff flagged.json.events other.json.events"

EXIT_DIFFERENT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("one", metavar="STORE_A", help="event store of a run")
    parser.add_argument("other", metavar="STORE_B", help="event store of another run")
    add_detector(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Print the first differences; return 1 if there are any, as diff does."""
    detector = given_detector(options)
    one, other = (looks_of(open_store(path), detector) for path in (options.one, options.other))
    if one.kind != other.kind:
        raise OtherKindError(
            f"{other.store.path}: expected a store of {one.kind}, as {one.store.path} is, found "
            f"one of {other.kind}"
        )
    found = {
        "parameters": _said(one.setting, other.setting),
        "detector": _said(str(one.store.detector), str(other.store.detector)),
        "event": _first_event(one, other),
        one.verdict: _first_verdict(one, other),
    }
    events = counted(len(one.history), "event")
    compared = f"{events} and {counted(one.verdicts, one.verdict)}"
    if options.json:
        print_json(found)
    elif not any(found.values()):
        say(f"no difference in {compared}")
    else:
        for what, difference in found.items():
            if difference is None:
                if what != "detector":
                    say(f"{what}: no difference")
            else:
                at = f" {difference['at']}" if difference["at"] else ""
                say(f"{what}{at}: different")
                say(f"  {plain(options.one)}: {difference['one']}")
                say(f"  {plain(options.other)}: {difference['other']}")
    return EXIT_DIFFERENT if any(found.values()) else 0


def _said(one: str, other: str) -> Difference:
    return None if one == other else {"at": "", "one": one, "other": other}


def _first_event(one: Looks[Any], other: Looks[Any]) -> Difference:
    for number, pair in enumerate(zip_longest(_events(one), _events(other)), 1):
        if pair[0] != pair[1]:
            texts = [
                "no such event" if event is None else looks.account(event)
                for looks, event in zip((one, other), pair, strict=True)
            ]
            return {"at": str(number), "one": texts[0], "other": texts[1]}
    return None


def _events(looks: Looks[Any]) -> Iterator[Happening]:
    return (each for _, each in looks.history.lines() if not isinstance(each, Rejected))


def _first_verdict(one: Looks[Any], other: Looks[Any]) -> Difference:
    found = one.first_verdict_other_than(other)
    return found and dict(zip(("at", "one", "other"), found, strict=True))
