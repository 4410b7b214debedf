"""``log STORE``: the history, one line an event or rejected line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from events.errors import InputError, PositionError, event_among, shown
from events.escapes import plain
from events.records.record import Rejected
from replay.arguments import add_store, as_utf8, did_you_mean, reference
from replay.engine.looks import rejected_text
from replay.kinds import looks_at
from replay.loading import add_detector
from replay.terminal.standard_streams import Colour, report, say
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
        "--from",
        dest="first",
        metavar="N",
        type=reference,
        help="begin with event N, a number or a line as in stream:429",
    )
    parser.add_argument("--to", dest="last", metavar="N", type=reference, help="end with event N")
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
        help="only events that were flagged, or where intervals were final",
    )
    parser.add_argument("--rejected", action="store_true", help="only rejected lines")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")


def run(options: argparse.Namespace) -> int:
    """Print the lines of the history that were asked for."""
    looks = looks_at(options)
    if (other := looks.other) is not None:
        report(f"replay: {plain(options.store)}: {other}")
    if options.type is not None and options.type not in looks.types:
        expected = ", ".join(looks.types)
        hint = did_you_mean(options.type, looks.types)
        raise InputError(f"--type: expected one of {expected}, found {shown(options.type)}{hint}")
    in_range = options.first is not None or options.last is not None
    options.first, options.last = _range(looks, options)
    if options.user is not None:
        options.user = _numbers_of(looks, options.user)
    show = _json if options.json else _text
    for place, record in looks.history.lines():
        if isinstance(record, Rejected):
            wanted = _rejected_wanted(options, in_range=in_range)
        else:
            wanted = _wanted(looks, record, options)
        if wanted:
            show(looks, place, record)
    return 0


def _range(looks: Looks[Any], options: argparse.Namespace) -> tuple[int, int]:
    """Return the first event and the last one that were asked for.

    Raises:
        PositionError: there is no such event, or the last one comes before the first.

    """
    count = len(looks.history)
    first, last = (
        default if given is None else looks.number_of(given)
        for given, default in ((options.first, 1), (options.last, count))
    )
    for option, given, number in (("from", options.first, first), ("to", options.last, last)):
        if given is not None and not 1 <= number <= count:
            raise PositionError(f"--{option}: expected {event_among(count)}, found {number}")
    if last < first and options.last is not None:
        raise PositionError(f"expected a range of events from 1 on, found {first} to {last}")
    return first, last


def _numbers_of(looks: Looks[Any], name: str) -> frozenset[int]:
    """Return the numbers of the events of a user.

    Raises:
        InputError: the history knows nobody of that name.

    """
    user = named(name, looks.everyone)
    numbers = frozenset(looks.numbers_of(user))
    if user not in looks.everyone:
        raise InputError(f"--user: expected {looks.subject} of this history, found {shown(user)}")
    return numbers


def _rejected_wanted(options: argparse.Namespace, *, in_range: bool) -> bool:
    asked = options.user is not None or options.type is not None or options.flagged
    return bool(options.rejected or not (asked or in_range))


def _wanted(looks: Looks[Any], event: Happening, options: argparse.Namespace) -> bool:
    if options.rejected or not options.first <= event.number <= options.last:
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
        say(f"{'-':>8}  {source}{place.line:>8}  {rejected_text(record)}", Colour.REJECTION)
        return
    columns = f"{record.number:>8}  {source}{place.line:>8}  "
    first, *others = looks.log_lines(record)
    colour = Colour.FLAG if looks.found(record.number) else None
    # Of intervals what was found stands on lines of its own.
    say(f"{columns}{looks.time(record)}  {first}", None if others else colour)
    for line in others:
        say(f"{'':{len(columns)}}{line}", colour)


def _json(looks: Looks[Any], place: LinePlace, record: Happening | Rejected) -> None:
    where = {"source": place.source, "line": place.line}
    if isinstance(record, Rejected):
        print_json({"type": "rejected", **where, **rejected_fields(record)})
    else:
        # The place comes right behind the type.
        fields = looks.fields(record)
        verdict = looks.verdict_fields(record.number)
        print_json({"type": fields["type"], **where, **fields, **verdict})
