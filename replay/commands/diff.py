"""``diff STORE_A STORE_B``: where two histories part."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from events.escapes import json_escaped, plain
from events.own_lines import own_line
from replay.commands import interval_views
from replay.console import verdict_text
from replay.history import History
from replay.standard_streams import say
from replay.tables import counted, detector_difference, open_store, print_json

if TYPE_CHECKING:
    import argparse

    from events.event import Event
    from events.records import Decision
    from events.store import EventStore

SUMMARY = "find the first event and the first decision in which two stores differ"
EXAMPLE = "diff flagged.json.events other.json.events"

EXIT_DIFFERENT = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("one", metavar="STORE_A", help="event store of a run")
    parser.add_argument("other", metavar="STORE_B", help="event store of another run")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Print the first differences; return 1 if there are any, as diff does."""
    stores = [open_store(path) for path in (options.one, options.other)]
    if len({store.intervals is None for store in stores}) > 1:
        interval_views.refuse_mixture(*stores)
    of_kind = _differences if stores[0].intervals is None else interval_views.differences
    found, compared = of_kind(*stores)
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


def _differences(
    one_store: EventStore, other_store: EventStore
) -> tuple[dict[str, dict[str, str] | None], str]:
    """Return the first differences by what differs, and what was compared, in words."""
    one, other = History(one_store), History(other_store)
    found = {
        "parameters": _parameters(one, other),
        "detector": detector_difference(one_store, other_store),
        "event": _first_event(one, other),
        "decision": _first_decision(one, other),
    }
    return found, f"{counted(len(one), 'event')} and {counted(len(one.recorded), 'decision')}"


def _parameters(one: History, other: History) -> dict[str, str] | None:
    texts = [f"D={h.store.parameters.degrees} T={h.store.parameters.tracked}" for h in (one, other)]
    return None if texts[0] == texts[1] else {"at": "", "one": texts[0], "other": texts[1]}


def _first_event(one: History, other: History) -> dict[str, str] | None:
    for number, pair in enumerate(zip_longest(one.events, other.events), 1):
        if pair[0] != pair[1]:
            texts = [
                _event_text(history, event)
                for history, event in zip((one, other), pair, strict=True)
            ]
            return {"at": str(number), "one": texts[0], "other": texts[1]}
    return None


def _event_text(history: History, event: Event | None) -> str:
    if event is None:
        return "no such event"
    place = history.place(event.number)
    line = own_line(event, history.store)
    text = json_escaped(line.decode("utf-8", "backslashreplace").strip())
    return f"{place.source} line {place.line}: {text}"


def _first_decision(one: History, other: History) -> dict[str, str] | None:
    for number in sorted(one.recorded.keys() | other.recorded.keys()):
        pair = (one.recorded.get(number), other.recorded.get(number))
        if pair[0] != pair[1]:
            return {
                "at": str(number),
                "one": _decision_text(pair[0]),
                "other": _decision_text(pair[1]),
            }
    return None


def _decision_text(decision: Decision | None) -> str:
    return "no decision" if decision is None else verdict_text(decision)
