"""``trace STORE N``: every message delivered for one event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from replay.arguments import add_event
from replay.interval_timeline import IntervalTimeline
from replay.standard_streams import say
from replay.tables import open_store, print_json, print_table
from replay.timeline import Timeline

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from replay.stepping import Delivered

SUMMARY = "show every message delivered for an event, in order"
EXAMPLE = "trace flagged.json.events 20010 --mermaid"


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
    if options.json:
        for sender, receiver, message in delivered:
            kind, *fields = msgspec.to_builtins(message)
            names = message.__struct_fields__
            content = dict(zip(names, fields, strict=True))
            print_json({"sender": sender, "receiver": receiver, "message": kind, **content})
    elif options.mermaid:
        _mermaid(delivered)
    else:
        show_messages(delivered)
    return 0


def show_messages(messages: Sequence[Delivered]) -> None:
    """Print a table of messages."""
    rows = (
        (step, sender or "outside", receiver, type(message).__name__, _content(message))
        for step, (sender, receiver, message) in enumerate(messages, 1)
    )
    print_table(("step#", "sender", "receiver", "message", "content"), rows)


def message_text(delivered: Delivered) -> str:
    """Return one line about a message."""
    sender, receiver, message = delivered
    what = f"{type(message).__name__} {_content(message)}".rstrip()
    return f"{sender or 'outside'} > {receiver}: {what}"


def _content(message: Any) -> str:
    values = ((name, getattr(message, name)) for name in message.__struct_fields__)
    return ", ".join(f"{name}={_short(value)}" for name, value in values)


def _short(value: Any) -> str:
    if isinstance(value, frozenset):
        return "{" + ", ".join(map(str, sorted(value))) + "}"
    if isinstance(value, msgspec.Struct):
        return f"event {value.number}" if hasattr(value, "number") else repr(value)
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_short, value)) + ")"
    return str(value)


def _mermaid(delivered: Sequence[Delivered]) -> None:
    """Print a diagram with a short name for each actor, since ids may hold any character."""
    names: dict[str | None, str] = {None: "outside"}
    for sender, receiver, _ in delivered:
        for urn in (sender, receiver):
            names.setdefault(urn, f"a{len(names)}")
    say("sequenceDiagram")
    for urn, name in names.items():
        say(f"    participant {name} as {_quoted(urn or 'outside')}")
    for sender, receiver, message in delivered:
        text = _quoted(f"{type(message).__name__} {_content(message)}")
        say(f"    {names[sender]}->>{names[receiver]}: {text}")


def _quoted(text: str) -> str:
    """Return ``text`` with what means something to Mermaid as character codes."""
    plain = set(" ,.=()_-:/")
    return "".join(
        character if character.isalnum() or character in plain else f"#{ord(character)};"
        for character in text
    )
