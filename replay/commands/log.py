"""``log STORE``: the history, one line an event or rejected line."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from events.errors import PositionError
from events.escapes import plain
from events.event import Event, kind_of, users_of
from events.records import Decision, Rejected
from events.timestamps import in_zone
from replay.arguments import add_store, as_utf8, number
from replay.commands.interval_views import show_log
from replay.console import describe
from replay.history import History
from replay.shipped import other_detector
from replay.standard_streams import report, say
from replay.tables import (
    decision_fields,
    event_fields,
    named,
    open_store,
    print_json,
    rejected_fields,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from events.timestamps import Zone
    from replay.history import Place

SUMMARY = "list the events of a store, one line an event, with the log and line of each"
EXAMPLE = "log flagged.json.events --flagged"

TYPES = ("purchase", "befriend", "unfriend", "observation")


class Line(NamedTuple):
    """An event or a rejected line of the history."""

    place: Place
    record: Event | Rejected
    decision: Decision | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_store(parser)
    parser.add_argument(
        "--from", dest="first", metavar="N", type=number, default=1, help="begin with event N"
    )
    parser.add_argument("--to", dest="last", metavar="N", type=number, help="end with event N")
    parser.add_argument(
        "--user",
        metavar="ID",
        type=as_utf8,
        help="only what concerns this user, key or id, as it is or as it is shown",
    )
    parser.add_argument("--type", choices=TYPES, help="only events of this type")
    parser.add_argument(
        "--flagged",
        action="store_true",
        help="only flagged purchases, or where intervals were final",
    )
    parser.add_argument("--rejected", action="store_true", help="only rejected lines")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")


def run(options: argparse.Namespace) -> int:
    """Print the lines of the history that were asked for."""
    store = open_store(options.store)
    if (other := other_detector(store)) is not None:
        report(f"replay: {plain(options.store)}: {other}")
    if options.first < 1 or (options.last is not None and options.last < options.first):
        raise PositionError(
            f"expected a range of events from 1 on, found {options.first} to {options.last}"
        )
    if store.intervals is not None:
        return show_log(store, options)
    history = History(store)
    if options.user is not None:
        users = {user for event in history.events for user in users_of(event)}
        options.user = named(options.user, users)
    lines = (line for line in _lines(history) if _wanted(line, options))
    for line in lines:
        if options.json:
            print_json(_fields(line, history.zone))
        else:
            say(_text(line, history.zone))
    return 0


def _lines(history: History) -> Iterator[Line]:
    for place, record in history.lines():
        decision = None if isinstance(record, Rejected) else history.recorded.get(record.number)
        yield Line(place, record, decision)


def _wanted(line: Line, options: argparse.Namespace) -> bool:
    record = line.record
    if isinstance(record, Rejected):
        asked_for_events = options.user or options.type or options.flagged
        in_range = options.first == 1 and options.last is None
        return options.rejected or not (asked_for_events or not in_range)
    if options.rejected or record.number < options.first:
        return False
    if options.last is not None and record.number > options.last:
        return False
    if options.user is not None and options.user not in users_of(record):
        return False
    if options.type is not None and kind_of(record) != options.type:
        return False
    return not options.flagged or (line.decision is not None and line.decision.flagged)


def _text(line: Line, zone: Zone | None) -> str:
    # No table: its columns could be laid out only when all of the history is known.
    place, record = line.place, line.record
    if isinstance(record, Rejected):
        return (
            f"{'-':>8}  {place.source:6} {place.line:>8}  "
            f"rejected ({record.reason}): {record.detail}"
        )
    head = f"{record.number:>8}  {place.source:6} {place.line:>8}  {in_zone(record.time, zone)}"
    return f"{head}  {describe(record, line.decision)}"


def _fields(line: Line, zone: Zone | None) -> dict[str, object]:
    record, decision = line.record, line.decision
    place: dict[str, object] = {"source": line.place.source, "line": line.place.line}
    if isinstance(record, Rejected):
        return {"type": "rejected", **place, **rejected_fields(record)}
    # The place comes right behind the type.
    fields = {"type": kind_of(record), **place, **event_fields(record, zone)}
    if decision is not None:
        fields |= decision_fields(decision)
    return fields
