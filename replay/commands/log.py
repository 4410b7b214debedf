"""``log STORE``: the history, one line an event or rejected line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from events.errors import InputError, PositionError, shown
from events.escapes import plain
from events.store.records import Rejected
from replay.arguments import add_store, as_utf8, number
from replay.engine.looks import rejected_text
from replay.kinds import looks_at
from replay.loading import add_detector
from replay.terminal.standard_streams import report, say
from replay.terminal.tables import named, print_json, rejected_fields

if TYPE_CHECKING:
    import argparse

    from replay.engine.history import Happening, LinePlace
    from replay.engine.looks import Looks

SUMMARY = "list the events of a store, one line an event, with the log and line of each"
EXAMPLE = "log flagged.json.events --flagged"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_store(parser)
    add_detector(parser)
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
    parser.add_argument("--type", metavar="TYPE", help="only events of this type")
    parser.add_argument(
        "--flagged",
        action="store_true",
        help="only flagged purchases, or where intervals were final",
    )
    parser.add_argument("--rejected", action="store_true", help="only rejected lines")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")


def run(options: argparse.Namespace) -> int:
    """Print the lines of the history that were asked for."""
    looks = looks_at(options)
    if (other := looks.other) is not None:
        report(f"replay: {plain(options.store)}: {other}")
    if options.first < 1 or (options.last is not None and options.last < options.first):
        last = "the end" if options.last is None else options.last
        raise PositionError(
            f"expected a range of events from 1 on, found {options.first} to {last}"
        )
    if options.type is not None and options.type not in looks.types:
        expected = ", ".join(looks.types)
        raise InputError(f"--type: expected one of {expected}, found {shown(options.type)}")
    if options.user is not None:
        options.user = frozenset(looks.numbers_of(named(options.user, looks.everyone)))
    show = _json if options.json else _text
    for place, record in looks.history.lines():
        if isinstance(record, Rejected):
            wanted = _rejected_wanted(options)
        else:
            wanted = _wanted(looks, record, options)
        if wanted:
            show(looks, place, record)
    return 0


def _rejected_wanted(options: argparse.Namespace) -> bool:
    asked = options.user is not None or options.type is not None or options.flagged
    in_range = options.first == 1 and options.last is None
    return bool(options.rejected or not (asked or not in_range))


def _wanted(looks: Looks[Any], event: Happening, options: argparse.Namespace) -> bool:
    if options.rejected or event.number < options.first:
        return False
    if options.last is not None and event.number > options.last:
        return False
    if options.user is not None and event.number not in options.user:
        return False
    if options.type is not None and options.type != looks.fields(event)["type"]:
        return False
    return not options.flagged or looks.found(event.number)


def _text(looks: Looks[Any], place: LinePlace, record: Happening | Rejected) -> None:
    # No table: its columns could be laid out only when all of the history is known.
    source = f"{place.source:6} " if len(looks.sources) > 1 else ""
    if isinstance(record, Rejected):
        say(f"{'-':>8}  {source}{place.line:>8}  {rejected_text(record)}")
        return
    columns = f"{record.number:>8}  {source}{place.line:>8}  "
    first, *others = looks.log_lines(record)
    say(f"{columns}{looks.time(record)}  {first}")
    for line in others:
        say(f"{'':{len(columns)}}{line}")


def _json(looks: Looks[Any], place: LinePlace, record: Happening | Rejected) -> None:
    where = {"source": place.source, "line": place.line}
    if isinstance(record, Rejected):
        print_json({"type": "rejected", **where, **rejected_fields(record)})
    else:
        # The place comes right behind the type.
        fields = looks.fields(record)
        verdict = looks.verdict_fields(record.number)
        print_json({"type": fields["type"], **where, **fields, **verdict})
