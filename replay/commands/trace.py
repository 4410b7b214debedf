"""``trace STORE N``: every message delivered for one event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from events.escapes import plain
from replay.arguments import add_event
from replay.debugger.views import OUTSIDE, content_text, show_messages
from replay.kinds import looks_at
from replay.loading import add_detector
from replay.terminal.standard_streams import say
from replay.terminal.tables import print_json

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from replay.engine.looks import Looks
    from replay.engine.stepping import Delivered

SUMMARY = "show every message delivered for an event, in order"
EXAMPLE = "trace flagged.json.events 20010 --mermaid"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_event(parser)
    add_detector(parser)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print one JSON object a message")
    how.add_argument("--mermaid", action="store_true", help="print a Mermaid sequence diagram")


def run(options: argparse.Namespace) -> int:
    """Print the messages."""
    with looks_at(options) as looks:
        delivered = looks.timeline.trace(looks.number_of(options.number))
        if options.json:
            for each in delivered:
                print_json(message_fields(each, looks))
        elif options.mermaid:
            _mermaid(delivered, looks)
        else:
            show_messages(delivered, looks)
    return 0


def message_fields(delivered: Delivered, looks: Looks[Any]) -> dict[str, object]:
    """Return a message as JSON has it: users and keys by name, and amounts as text."""
    sender, receiver, message = delivered
    kind = message.__struct_config__.tag
    fields = looks.message_fields(message).items()
    content = {field: looks.value_fields(value) for field, value in fields}
    return {"sender": sender, "receiver": receiver, "message": kind, **content}


def _mermaid(delivered: Sequence[Delivered], looks: Looks[Any]) -> None:
    """Print a diagram with a short name for each actor, since ids may hold any character."""
    short: dict[str | None, str] = {None: OUTSIDE}
    for sender, receiver, _ in delivered:
        for urn in (sender, receiver):
            short.setdefault(urn, f"a{len(short)}")
    say("sequenceDiagram")
    for urn, alias in short.items():
        say(f"    participant {alias} as {_quoted(plain(urn or OUTSIDE))}")
    for sender, receiver, message in delivered:
        text = _quoted(f"{type(message).__name__} {content_text(message, looks)}")
        say(f"    {short[sender]}->>{short[receiver]}: {text}")


def _quoted(text: str) -> str:
    """Return ``text`` with what means something to Mermaid as character codes."""
    plain = set(" ,.=()_-:/")
    return "".join(
        character if character.isalnum() or character in plain else f"#{ord(character)};"
        for character in text
    )
