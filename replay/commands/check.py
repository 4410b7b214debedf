"""``check STORE``: what of a store is whole, and what is damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from events.errors import StoreError, counted
from events.paths import path_of
from events.records.record import Rejected, events_in, last_line
from events.store.salvage import Salvage
from events.store.store import EventStore
from events.store.stored import VERDICTS
from replay.arguments import add_store
from replay.kinds import kind_of, looks_of
from replay.loading import add_detector, given_detector
from replay.terminal.standard_streams import say
from replay.terminal.tables import print_json

if TYPE_CHECKING:
    import argparse

    from events.store.header import Header
    from events.store.scan import Damage

SUMMARY = "say what of a store is whole, what is damaged and what is lost; nothing is changed"
EXAMPLE = "check flagged.json.events"

EXIT_DAMAGED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_store(parser)
    add_detector(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Print what is whole and what is not; return 1 if anything is damaged."""
    salvage = Salvage(path_of(options.store, "an event store", StoreError))
    records, damages = salvage.records, salvage.damages
    if all(damage.end is None for damage in damages):
        looks_of(EventStore(options.store), given_detector(options)).audit()
    kind = kind_of(salvage.header)
    verdicts = sum(isinstance(record, VERDICTS) for record in records)
    told: dict[str, Any] = {
        "version": salvage.version,
        "size": salvage.size,
        "intact": salvage.intact_bytes,
        "frames": len(salvage.parts),
        "events": events_in(records),
        "decisions": 0,
        "findings": 0,
        f"{kind.verdict}s": verdicts,
        "rejected": sum(isinstance(record, Rejected) for record in records),
        "next_line": _next_line(salvage),
        "incomplete": salvage.header.incomplete,
        "detector": {
            **msgspec.structs.asdict(salvage.header.decided_by),
            "named": salvage.header.detector is not None,
        },
        "damaged": [_fields(damage, salvage.size) for damage in damages],
    }
    if options.json:
        print_json(told)
        return EXIT_DAMAGED if damages else 0
    say(f"format version {told['version']}, {counted(told['size'], 'byte')}")
    unnamed = "" if salvage.header.detector else ", as in stores that name none"
    say(f"decided by {salvage.header.decided_by}{unnamed}")
    for name in ("frame", "event", kind.verdict):
        say(counted(told[f"{name}s"], name))
    say(f"{counted(told['rejected'], kind.line)} rejected")
    if told["next_line"] is not None:
        verb = "go on" if kind.sources[-1].endswith("s") else "goes on"
        say(f"the {kind.sources[-1]} {verb} with line {told['next_line']}")
    if salvage.header.incomplete:
        say("saved from a damaged store, and incomplete")
    say(f"whole up to byte {salvage.intact_bytes}")
    for damage, fields in zip(damages, told["damaged"], strict=True):
        say(_text(damage, fields, salvage.header))
    if not damages:
        say("nothing is damaged")
    return EXIT_DAMAGED if damages else 0


def _next_line(salvage: Salvage) -> int | None:
    """Return the number of the line that a live stream is to go on with, or None."""
    header = salvage.header
    if not header.live or header.incomplete:
        return None
    kind = kind_of(header)
    return last_line(salvage.records, kind.heading_lines(header), kind.sources[-1]) + 1


def _fields(damage: Damage, size: int) -> dict[str, Any]:
    torn = damage.end is None
    return {
        "from": damage.offset,
        "to": size if damage.end is None else damage.end,
        "fault": damage.fault.name.lower(),
        "torn": torn,
        # The first and the last; of a torn tail nobody knows how many.
        "lost": [damage.events_before + 1, damage.events_after] if damage.events_lost else None,
    }


def _text(damage: Damage, fields: dict[str, Any], header: Header) -> str:
    where = f"bytes {fields['from']} to {fields['to']}"
    if damage.end is None:
        return (
            f"{where} are torn: {damage.fault.value}, and nothing whole comes after; "
            f"{'they are left aside' if header.incomplete else 'the next run moves them aside'}"
        )
    return f"{where} are damaged: {damage.fault.value}; {damage.loss}"
