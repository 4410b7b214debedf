"""What the debugger shows of any store: where it is, events and messages."""

from __future__ import annotations

import bisect
import json
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from events.escapes import json_escaped, plain
from replay.engine.history import LinePlace
from replay.engine.looks import rejected_text
from replay.terminal.standard_streams import Colour, say
from replay.terminal.tables import print_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from replay.engine.looks import Looks
    from replay.engine.stepping import Delivered

OUTSIDE: Final = "outside"
"""What messages come from that no actor has sent."""
_WAITING_MAX: Final = 10


def position_line(looks: Looks[Any]) -> str:
    """Return where the timeline is: event, place, time, and the verdict."""
    position, count = looks.timeline.position, len(looks.timeline)
    if looks.timeline.inside:
        return f"inside event {position + 1}: {_happening(looks, position + 1)}"
    if not count:
        return "no events"
    if not position:
        return f"before event 1 of {count}"
    return f"event {position} of {count}: {_happening(looks, position)}"


def show_position(looks: Looks[Any]) -> None:
    """Print where the timeline is, and the rejected lines that come next."""
    say(position_line(looks), _colour(looks, looks.timeline.position))
    if looks.timeline.inside:
        return
    rejected, following = looks.history.rejected, looks.timeline.position + 1
    for place in range(bisect.bisect_left(rejected, following, key=itemgetter(0)), len(rejected)):
        before, bad = rejected[place]
        if before != following:
            break
        where = looks.place_text(LinePlace(bad.source, bad.number))
        say(f"then {where}: {rejected_text(bad)}", Colour.REJECTION)


def _colour(looks: Looks[Any], number: int) -> Colour | None:
    """Return how event ``number`` is shown; inside of the next one nothing is decided."""
    decided = number > 0 and not (looks.timeline.inside and number == looks.timeline.position)
    return Colour.FLAG if decided and looks.found(number) else None


def _happening(looks: Looks[Any], number: int) -> str:
    event = looks.history.event(number)
    return f"{looks.time(event)}, {looks.where(number)}: {looks.describe(event)}"


def field_text(value: object) -> str:
    """Return a field of an event or its verdict as it is shown."""
    if isinstance(value, list):
        return json_escaped(json.dumps(value, ensure_ascii=False))
    return str(value).lower() if isinstance(value, bool) or value is None else plain(value)


def say_whose_rule(looks: Looks[Any]) -> None:
    """Say whose rule is shown, if another detector decided the history."""
    if (other := looks.other) is not None:
        say(f"{other}, whose rule this shows")


def show_events(looks: Looks[Any], numbers: Iterable[int]) -> None:
    """Print a line for each event, with a mark at the one that has just happened."""
    for number in numbers:
        mark = "=>" if number == looks.timeline.position else "  "
        say(f"{mark} {number:>8}  {_happening(looks, number)}", _colour(looks, number))


def show_message(looks: Looks[Any]) -> None:
    """Deliver one message, and print it and what then waits."""
    delivered = looks.timeline.deliver()
    if delivered is None:
        say("no event is left")
        return
    say(f"delivered: {message_text(delivered, looks)}")
    waiting = looks.timeline.waiting
    for number, message in enumerate(waiting[:_WAITING_MAX], 1):
        say(f"waiting {number}: {message_text(message, looks)}")
    if len(waiting) > _WAITING_MAX:
        say(f"and {len(waiting) - _WAITING_MAX} more")


def show_messages(messages: Sequence[Delivered], looks: Looks[Any]) -> None:
    """Print a table of messages; ``looks`` tell what actors call by a number."""
    rows = (
        (
            step,
            plain(sender or OUTSIDE),
            plain(receiver),
            type(message).__name__,
            content_text(message, looks),
        )
        for step, (sender, receiver, message) in enumerate(messages, 1)
    )
    print_table(("step#", "sender", "receiver", "message", "content"), rows)


def message_text(delivered: Delivered, looks: Looks[Any]) -> str:
    """Return one line about a message."""
    sender, receiver, message = delivered
    what = f"{type(message).__name__} {content_text(message, looks)}".rstrip()
    return f"{plain(sender or OUTSIDE)} > {plain(receiver)}: {what}"


def content_text(message: Any, looks: Looks[Any]) -> str:
    """Return what a message says; ``looks`` tell what actors call by a number."""
    fields = looks.message_fields(message).items()
    return ", ".join(f"{field}={_short(value, looks)}" for field, value in fields)


def _short(value: Any, looks: Looks[Any]) -> str:
    if (text := looks.value_text(value)) is not None:
        return text
    if isinstance(value, list):
        return "{" + ", ".join([_short(each, looks) for each in value]) + "}"
    if isinstance(value, tuple):
        return "(" + ", ".join([_short(each, looks) for each in value]) + ")"
    return plain(value)
