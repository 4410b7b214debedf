"""``diff STORE_A STORE_B``: where two histories part."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from events.errors import OtherKindError, counted
from events.escapes import plain
from events.records.record import Rejected
from replay.kinds import looks_of
from replay.loading import add_detector, given_detector
from replay.terminal.standard_streams import say
from replay.terminal.tables import open_store, print_json

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from replay.engine.history import Happening
    from replay.engine.looks import Looks

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
        "parameters": _settings(one, other),
        "detector": _detectors(one, other),
        "event": _first_event(one, other),
        one.verdict: _first_verdict(one, other),
    }
    events = counted(len(one.history), "event")
    compared = f"{events} and {counted(one.verdicts, one.verdict)}"
    if options.json:
        print_json({what: each and each.fields for what, each in found.items()})
    elif not any(found.values()):
        say(f"no difference in {compared}")
    else:
        for what, difference in found.items():
            if difference is None:
                if what != "detector":
                    say(f"{what}: no difference")
            else:
                say(f"{what}{difference.at}: different")
                for path, text in zip((options.one, options.other), difference.texts, strict=True):
                    say(f"  {plain(path)}: {text}")
    return EXIT_DIFFERENT if any(found.values()) else 0


class _Difference(NamedTuple):
    """What differs, in words and for machines."""

    at: str
    """Where, in words."""
    texts: tuple[str, str]
    """How it is in one and in the other."""
    fields: dict[str, Any]
    """The same: ``one`` and ``other``, with the number of the ``event`` where there is one."""


def _settings(one: Looks[Any], other: Looks[Any]) -> _Difference | None:
    if one.setting == other.setting:
        return None
    fields = {"one": one.setting_fields, "other": other.setting_fields}
    return _Difference("", (one.setting, other.setting), fields)


def _detectors(one: Looks[Any], other: Looks[Any]) -> _Difference | None:
    pair = one.store.detector, other.store.detector
    if pair[0] == pair[1]:
        return None
    fields = dict(zip(("one", "other"), map(msgspec.structs.asdict, pair), strict=True))
    return _Difference("", (str(pair[0]), str(pair[1])), fields)


def _first_event(one: Looks[Any], other: Looks[Any]) -> _Difference | None:
    for number, pair in enumerate(zip_longest(_events(one), _events(other)), 1):
        if pair[0] != pair[1]:
            whose = list(zip((one, other), pair, strict=True))
            texts = ["no such event" if each is None else at.account(each) for at, each in whose]
            values = [None if each is None else at.account_fields(each) for at, each in whose]
            fields = {"event": number, "one": values[0], "other": values[1]}
            return _Difference(f" {number}", (texts[0], texts[1]), fields)
    return None


def _events(looks: Looks[Any]) -> Iterator[Happening]:
    return (each for _, each in looks.history.lines() if not isinstance(each, Rejected))


def _first_verdict(one: Looks[Any], other: Looks[Any]) -> _Difference | None:
    found = one.first_verdict_other_than(other)
    if found is None:
        return None
    number, *pair = found
    texts = [f"no {one.verdict}" if each is None else one.verdict_text(each) for each in pair]
    values = [each if each is None else one.value_fields(each) for each in pair]
    fields = {"event": number, "one": values[0], "other": values[1]}
    return _Difference(f" {one.verdict_after}{number}", (texts[0], texts[1]), fields)
