"""How the lines of a log are written, where they differ from the canonical ones by a rule.

A style is kept once for many lines instead of each of them. Its templates are the lines
with control characters, which no JSON text holds as they are, where the values stand.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import msgspec

from events.purchases.amounts import format_amount
from events.purchases.columns import KIND_OF
from events.purchases.event import Befriend, Event, Purchase, render
from events.times.timestamps import minutes_of, shifted

if TYPE_CHECKING:
    from collections.abc import Callable

    from events.times.timestamps import Zone

E = TypeVar("E", Purchase, Event)

DATE: Final = "\x01"
"""Where the first ten characters of a canonical time stand: the date.

Where an offset follows `CLOCK` it is the time that a clock of this offset shows.
"""
CLOCK: Final = "\x02"
"""Where its other characters stand, without the space before them."""
USER: Final = "\x03"
"""Where the buyer or the first friend stands."""
OTHER: Final = "\x04"
"""Where the second friend stands."""
AMOUNT: Final = "\x05"
"""Where the amount stands, as `events.purchases.amounts.format_amount` writes it."""

_VALUE: Final = re.compile(f"[{DATE}{CLOCK}{USER}{OTHER}{AMOUNT}]")
# A flat object of plain strings. What stands in the texts decides nothing about where they
# end: no escape, no control character.
_PLAIN: Final = r'"[^"\\\x00-\x1f]*"'
_PAIR: Final = rf"[ \t\r]*{_PLAIN}[ \t\r]*:[ \t\r]*{_PLAIN}[ \t\r]*"
_OBJECT: Final = re.compile(rf"[ \t\r]*\{{{_PAIR}(?:,{_PAIR})*\}}[ \t\r]*")
_STRING: Final = re.compile(_PLAIN)
_OFFSET: Final = r"(Z|[+-][0-9]{2}:[0-9]{2})"
_TIME: Final = re.compile(rf"[0-9-]{{10}}([ T])[0-9:]{{8}}(?:\.[0-9]+)?{_OFFSET}?")
_ZONED: Final = re.compile(rf'{CLOCK}{_OFFSET}"')
_PLACES: Final = {
    "purchase": {"id": USER, "amount": AMOUNT},
    "befriend": {"id1": USER, "id2": OTHER},
    "unfriend": {"id1": USER, "id2": OTHER},
}


class Style(msgspec.Struct, array_like=True, frozen=True):
    """The templates of a log's lines, without newlines; None for a kind that none has."""

    purchase: str | None = None
    """With `DATE`, `CLOCK`, `USER` and `AMOUNT`, each once."""
    befriend: str | None = None
    """With `DATE`, `CLOCK`, `USER` and `OTHER`, each once."""
    unfriend: str | None = None
    """With the same as ``befriend``."""

    def styled(self, event: E) -> E:
        """Return ``event`` as `events.purchases.lines.parse_line` would give it.

        Args:
            event: an event of columns in this style, with the line that they keep of it,
                if they keep one.

        """
        line = self.line(event) if event.line is None else event.line
        kept = None if line == render(event).encode() else line
        return event if kept is event.line else msgspec.structs.replace(event, line=kept)

    def line(self, event: Event) -> bytes:
        """Return the line of ``event`` in this style, without a newline.

        Raises:
            ValueError: there is no template for its kind.

        """
        if isinstance(event, Purchase):
            template, values = self.purchase, (event.user, "", format_amount(event.amount))
        else:
            template = self.befriend if isinstance(event, Befriend) else self.unfriend
            values = (event.user1, event.user2, "")
        if template is None:
            raise ValueError("expected a template for each kind of events, found none for one")
        write, minutes = _writer(template)
        try:
            time = shifted(event.time, minutes) if minutes else event.time
        except OverflowError:
            raise ValueError(
                f"expected a time that its clock can show, found {event.time}"
            ) from None
        return write(time[:10], time[11:], *values).encode()


@lru_cache(1 << 6)
def _writer(template: str) -> tuple[Callable[..., str], int]:
    """Return what makes a line of date, clock, first and second user, and amount; and `ahead`."""
    braced = template.replace("{", "{{").replace("}", "}}")
    write = _VALUE.sub(lambda place: f"{{{ord(place[0]) - ord(DATE)}}}", braced).format
    return write, ahead(template) or 0


def ahead(template: str) -> int | None:
    """Return by how many minutes a template's clock is ahead of UTC; None without an offset."""
    offset = _ZONED.search(template)
    return None if offset is None else minutes_of(offset[1])


class Template(NamedTuple):
    """The template of the lines of one kind."""

    kind: int
    """`events.purchases.columns.PURCHASE`, `BEFRIEND` or `UNFRIEND`."""
    text: str
    """As a `Style` has it."""

    @property
    def zone(self) -> Zone:
        """Whether its times have an offset."""
        return "none" if ahead(self.text) is None else "utc"


def template_of(line: bytes) -> Template | None:
    """Return the template that ``line`` is written by, or None if it is no simple one.

    It is simple where it is a flat object of strings without escapes that has the keys of
    an event once each. What other keys have becomes part of the template. Whether its
    values qualify is not looked at.
    """
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return None
    if _OBJECT.fullmatch(text) is None:
        return None
    strings = list(_STRING.finditer(text))
    values = {key[0][1:-1]: value for key, value in zip(strings[::2], strings[1::2], strict=True)}
    if 2 * len(values) != len(strings) or "event_type" not in values:
        return None
    name = values["event_type"][0][1:-1]
    places = _PLACES.get(name)
    if places is None or not values.keys() >= {"timestamp", *places}:
        return None
    time = _TIME.fullmatch(values["timestamp"][0][1:-1])
    if time is None or (time[2] and minutes_of(time[2]) is None):
        return None
    place_of = {"timestamp": f"{DATE}{time[1]}{CLOCK}{time[2] or ''}", **places}
    pieces: list[str] = []
    end = 0
    for key, value in values.items():
        if key in place_of:
            pieces += [text[end : value.start() + 1], place_of[key]]
            end = value.end() - 1
    return Template(KIND_OF[name], "".join([*pieces, text[end:]]))


CANONICAL: Final = Style(
    f'{{"event_type":"purchase", "timestamp":"{DATE} {CLOCK}", '
    f'"id": "{USER}", "amount": "{AMOUNT}"}}',
    *(
        f'{{"event_type":"{kind}", "timestamp":"{DATE} {CLOCK}", '
        f'"id1": "{USER}", "id2": "{OTHER}"}}'
        for kind in ("befriend", "unfriend")
    ),
)
"""What `events.purchases.event.render` writes."""
