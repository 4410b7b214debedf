"""How the lines of a log are written, where they differ from the canonical ones by a rule.

A style is kept once for many lines instead of each of them. Its templates are the lines
with control characters, which no JSON text holds as they are, where the values stand.
"""

from __future__ import annotations

import re
from operator import itemgetter
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from events.amounts import format_amount
from events.event import Befriend, Event, Purchase
from events.lines import PurchaseLine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from events.lines import BefriendLine, UnfriendLine

E = TypeVar("E", Purchase, Event)

DATE: Final = "\x01"
"""Where the first ten characters of a canonical time stand: the date."""
CLOCK: Final = "\x02"
"""Where its other characters stand, without the space before them."""
USER: Final = "\x03"
"""Where the buyer or the first friend stands."""
OTHER: Final = "\x04"
"""Where the second friend stands."""
AMOUNT: Final = "\x05"
"""Where the amount stands, as `events.amounts.format_amount` writes it."""

_VALUE: Final = re.compile(f"[{DATE}{CLOCK}{USER}{OTHER}{AMOUNT}]")
_FIELD: Final = re.compile(r'"([^"\\]*)"[ \t]*:[ \t]*"([^"\\]*)"')
_OBJECT: Final = re.compile(
    rf"[ \t]*\{{[ \t]*{_FIELD.pattern}(?:[ \t]*,[ \t]*{_FIELD.pattern})*[ \t]*\}}[ \t\r]*"
)
_TIME: Final = re.compile(r"[0-9-]{10}([ T])[0-9:]{8}")
_PLACES: Final = {"id": USER, "id1": USER, "id2": OTHER, "amount": AMOUNT}


class Style(msgspec.Struct, array_like=True, frozen=True):
    """The templates of a log's lines, without newlines; None for a kind that none has."""

    purchase: str | None = None
    """With `DATE`, `CLOCK`, `USER` and `AMOUNT`, each once."""
    befriend: str | None = None
    """With `DATE`, `CLOCK`, `USER` and `OTHER`, each once."""
    unfriend: str | None = None
    """With the same as ``befriend``."""

    def line(self, event: Event) -> bytes:
        """Return the line of ``event``, without a newline."""
        values = {DATE: event.time[:10], CLOCK: event.time[11:]}
        if isinstance(event, Purchase):
            template = self.purchase
            values |= {USER: event.user, AMOUNT: format_amount(event.amount)}
        else:
            template = self.befriend if isinstance(event, Befriend) else self.unfriend
            values |= {USER: event.user1, OTHER: event.user2}
        assert template is not None, "each kind that has the style has a template"
        return _VALUE.sub(lambda place: values[place[0]], template).encode()

    def styled(self, event: E) -> E:
        """Return ``event`` with the line that it has in this style."""
        return msgspec.structs.replace(event, line=self.line(event))


class Writer:
    """Writes many lines in one style, each with its newline."""

    def __init__(self, style: Style) -> None:
        """Write lines in ``style``."""
        self.purchase: Final = _written(style.purchase, DATE + CLOCK + USER + AMOUNT)
        """Make a line of date, clock, user and amount."""
        self.befriend: Final = _written(style.befriend, DATE + CLOCK + USER + OTHER)
        """Make a line of date, clock and both users."""
        self.unfriend: Final = _written(style.unfriend, DATE + CLOCK + USER + OTHER)
        """Do likewise."""


def _written(template: str | None, places: str) -> Callable[[Sequence[str]], str]:
    """Return what makes a line of the values that stand at ``places`` of ``template``."""
    if template is None:
        # Nothing is written so: the line that is compared is another.
        return lambda _values: ""
    order = itemgetter(*[places.index(each) for each in _VALUE.findall(template)])
    text = _VALUE.sub("%s", template.replace("%", "%%")) + "\n"
    return lambda values: text % order(values)


def style_of(
    lines: Sequence[PurchaseLine | BefriendLine | UnfriendLine], data: bytes
) -> Style | None:
    """Return the style of the first line of each kind, or None if one has none.

    Args:
        lines: what the lines of ``data`` say.
        data: whole lines.

    """
    texts = data.split(b"\n")
    found: dict[type, str] = {}
    for line, text in zip(lines, texts, strict=False):
        if type(line) not in found:
            template = _template_of(text.decode(), type(line) is PurchaseLine)
            if template is None:
                return None
            found[type(line)] = template
            if len(found) == 3:  # noqa: PLR2004  the kinds that there are
                break
    by_kind = {kind.__name__: template for kind, template in found.items()}
    return Style(*map(by_kind.get, ("PurchaseLine", "BefriendLine", "UnfriendLine")))


def _template_of(text: str, purchase: bool) -> str | None:  # noqa: FBT001
    """Return the template of the line ``text``, or None if it has none."""
    if _VALUE.search(text) or not _OBJECT.fullmatch(text):
        return None
    parts: list[str] = []
    seen: list[str] = []
    end = 0
    for field in _FIELD.finditer(text):
        key, value = field.groups()
        if key in seen:
            return None
        seen.append(key)
        place = None
        if key == "timestamp":
            time = _TIME.fullmatch(value)
            if time is None:
                return None
            place = f"{DATE}{time[1]}{CLOCK}"
        elif key in (("id", "amount") if purchase else ("id1", "id2")):
            place = _PLACES[key]
        if place is not None:
            parts += [text[end : field.start(2)], place]
            end = field.end(2)
    return "".join([*parts, text[end:]])
