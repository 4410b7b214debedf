"""``trace STORE N``: every message delivered for one event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from actors.interval_messages import Found
from events.amounts import format_cents
from events.escapes import plain
from events.event import EVENT_TYPES
from events.interval import Interval
from events.records import Finding
from events.timestamps import in_zone
from replay.arguments import add_event
from replay.interval_outputs import interval_fields
from replay.interval_timeline import IntervalTimeline
from replay.standard_streams import say
from replay.tables import event_fields, open_store, print_json, print_table
from replay.timeline import Timeline

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from events.timestamps import Zone
    from replay.stepping import Delivered

    Name = Callable[[int], str]

SUMMARY = "show every message delivered for an event, in order"
EXAMPLE = "trace flagged.json.events 20010 --mermaid"

_OUTSIDE: Final = "outside"
# What holds numbers of users, what holds cents, and what a time.
_NUMBERS: Final = frozenset({"user", "friends", "befriended", "unfriended"})
_CENTS: Final = frozenset({"mean", "sd"})
_TIMES: Final = frozenset({"since_time"})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_event(parser)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print one JSON object a message")
    how.add_argument("--mermaid", action="store_true", help="print a Mermaid sequence diagram")


def run(options: argparse.Namespace) -> int:
    """Print the messages."""
    store = open_store(options.store)
    kind = Timeline if store.intervals is None else IntervalTimeline
    with kind(store) as timeline:
        delivered = timeline.trace(options.number)
        name, zone = timeline.name, timeline.zone
        if options.json:
            for each in delivered:
                print_json(message_fields(each, name, zone))
        elif options.mermaid:
            _mermaid(delivered, name, zone)
        else:
            show_messages(delivered, name, zone)
    return 0


def show_messages(messages: Sequence[Delivered], name: Name, zone: Zone | None) -> None:
    """Print a table of messages, with times of ``zone``; ``name`` tells whom a number calls."""
    rows = (
        (
            step,
            plain(sender or _OUTSIDE),
            plain(receiver),
            type(message).__name__,
            _content(message, name, zone),
        )
        for step, (sender, receiver, message) in enumerate(messages, 1)
    )
    print_table(("step#", "sender", "receiver", "message", "content"), rows)


def message_text(delivered: Delivered, name: Name, zone: Zone | None) -> str:
    """Return one line about a message."""
    sender, receiver, message = delivered
    what = f"{type(message).__name__} {_content(message, name, zone)}".rstrip()
    return f"{plain(sender or _OUTSIDE)} > {plain(receiver)}: {what}"


def message_fields(delivered: Delivered, name: Name, zone: Zone | None) -> dict[str, object]:
    """Return a message as JSON has it: users and keys by name, and amounts as text."""
    sender, receiver, message = delivered
    kind = message.__struct_config__.tag
    named = _named(message, name, zone)
    content = {field: _field(value, zone) for field, value in named.items()}
    return {"sender": sender, "receiver": receiver, "message": kind, **content}


def _named(message: Any, name: Name, zone: Zone | None) -> dict[str, Any]:
    """Return the fields of a message with names for numbers, and text for cents and times."""
    fields = {field: getattr(message, field) for field in message.__struct_fields__}
    for field, value in fields.items():
        if field in _CENTS:
            fields[field] = format_cents(value)
        elif field in _TIMES and value:
            fields[field] = in_zone(value, zone)
        elif field in _NUMBERS or (isinstance(message, Found) and field == "key"):
            fields[field] = _names(value, name)
    return fields


def _names(value: Any, name: Name) -> Any:
    if isinstance(value, int):
        return name(value)
    if isinstance(value, frozenset):
        return list(map(name, sorted(value)))
    return tuple(map(name, value))


def _field(value: Any, zone: Zone | None) -> Any:
    if isinstance(value, EVENT_TYPES):
        return event_fields(value, zone)
    if isinstance(value, Finding):
        return {"event": value.number, **_field(value.interval, zone)}
    if isinstance(value, Interval):
        return interval_fields(value, keyed=bool(value.key))
    return [_field(each, zone) for each in value] if isinstance(value, list | tuple) else value


def _content(message: Any, name: Name, zone: Zone | None) -> str:
    fields = _named(message, name, zone).items()
    return ", ".join(f"{field}={_short(value)}" for field, value in fields)


def _short(value: Any) -> str:
    if isinstance(value, (*EVENT_TYPES, Finding)):
        return f"event {value.number}"
    if isinstance(value, Interval):
        return f"{value.start_time} to {value.end_time}"
    if isinstance(value, list):
        return "{" + ", ".join(map(_short, value)) + "}"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_short, value)) + ")"
    return plain(value)


def _mermaid(delivered: Sequence[Delivered], name: Name, zone: Zone | None) -> None:
    """Print a diagram with a short name for each actor, since ids may hold any character."""
    short: dict[str | None, str] = {None: _OUTSIDE}
    for sender, receiver, _ in delivered:
        for urn in (sender, receiver):
            short.setdefault(urn, f"a{len(short)}")
    say("sequenceDiagram")
    for urn, alias in short.items():
        say(f"    participant {alias} as {_quoted(plain(urn or _OUTSIDE))}")
    for sender, receiver, message in delivered:
        text = _quoted(f"{type(message).__name__} {_content(message, name, zone)}")
        say(f"    {short[sender]}->>{short[receiver]}: {text}")


def _quoted(text: str) -> str:
    """Return ``text`` with what means something to Mermaid as character codes."""
    plain = set(" ,.=()_-:/")
    return "".join(
        character if character.isalnum() or character in plain else f"#{ord(character)};"
        for character in text
    )
