"""The messages of an event as a sequence diagram in SVG, with runs of like ones folded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from actors.urns import COORDINATOR, SINK
from events.escapes import plain
from replay.page.markup import Markup, element, svg_ident

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from replay.engine.stepping import Delivered

_LANE: Final = 172
_LEFT: Final = 70
_TOP: Final = 46
_ROW: Final = 34
_NAMES_MAX: Final = 4
_LETTERS_MAX: Final = 14
_OUTSIDE: Final = "outside"
_OTHERS: Final = "others"


class Arrow(NamedTuple):
    """Messages of one kind that follow one another from one lane to another."""

    sender: str
    """The lane that they come from."""
    receiver: str
    """The lane that they go to."""
    message: str
    """What they are."""
    times: int
    """How many they are."""
    names: tuple[str, ...]
    """Who of the others sent or got them, in order."""


def arrows(delivered: Sequence[Delivered], own: Collection[str]) -> list[Arrow]:
    """Return messages, folded, each run of like ones as one; those of ``own`` have lanes alone."""
    found: list[Arrow] = []
    for sender, receiver, message in delivered:
        ends = [_lane(sender, own), _lane(receiver, own)]
        names = tuple(
            _name(urn or "")
            for urn, lane in zip((sender, receiver), ends, strict=True)
            if lane == _OTHERS
        )
        arrow = Arrow(ends[0], ends[1], type(message).__name__, 1, names)
        if found and found[-1][:3] == arrow[:3]:
            last = found.pop()
            arrow = arrow._replace(times=last.times + 1, names=last.names + names)
        found.append(arrow)
    return found


def sequence(found: Sequence[Arrow], own: Sequence[str]) -> Markup:
    """Return the drawing of ``found``; the lanes of ``own`` stand in this order."""
    used = {lane for arrow in found for lane in arrow[:2]}
    order = [_OUTSIDE, "coordinator", *map(_own, own), _OTHERS, "sink"]
    lanes = {lane: place for place, lane in enumerate(each for each in order if each in used)}
    height = _TOP + _ROW * len(found) + 24
    width = 2 * _LEFT + _LANE * (len(lanes) - 1)
    parts = []
    for lane, place in lanes.items():
        x = _LEFT + _LANE * place
        name = svg_ident(lane[1:], _LETTERS_MAX) if lane.startswith("=") else lane
        parts += [
            element("line", x1=x, y1=_TOP - 14, x2=x, y2=height - 12, class_="lane"),
            element("text", name, x=x, y=_TOP - 24, text_anchor="middle", class_="name"),
        ]
    for place, arrow in enumerate(found):
        parts += _arrow(arrow, lanes, _TOP + 20 + _ROW * place)
    return element(
        "svg",
        element("title", f"The messages of the event, {len(found)} arrows"),
        *parts,
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        class_="sequence",
        role="img",
        xmlns="http://www.w3.org/2000/svg",
    )


def _lane(urn: str | None, own: Collection[str]) -> str:
    if urn is None:
        return _OUTSIDE
    if urn in (COORDINATOR, SINK):
        return urn.removeprefix("urn:")
    name = _name(urn)
    return _own(name) if name in own else _OTHERS


def _own(name: str) -> str:
    """Return the lane of somebody, whatever it is called."""
    return f"={name}"


def _name(urn: str) -> str:
    """Return what follows the kind of an actor in its urn, or all where it has no name."""
    return urn.split(":", 2)[-1]


def _arrow(arrow: Arrow, lanes: dict[str, int], y: int) -> list[Markup]:
    start, end = (_LEFT + _LANE * lanes[lane] for lane in arrow[:2])
    text: list[object] = [arrow.message]
    if arrow.times > 1:
        text.append(f" x {arrow.times:,}")
    if arrow.names:
        for place, name in enumerate(arrow.names[:_NAMES_MAX]):
            text += [": " if not place else ", ", svg_ident(name, _LETTERS_MAX)]
        rest = len(arrow.names) - _NAMES_MAX
        text.append(f" and {rest:,} more" if rest > 0 else "")
    title = f"{arrow.message}: {', '.join(map(plain, arrow.names[:50])) or 'one message'}"
    # An actor that tells itself has an arrow that goes round.
    way = 1 if end > start else -1
    path = f"M{start} {y}H{end - 7 * way}" if start != end else f"M{start} {y}h30v8h-24"
    head = f"M{end - 8 * way} {y - 4}l{8 * way} 4l{-8 * way} 4z"
    if start == end:
        head = f"M{end + 8} {y + 4}l-8 4l8 4z"
    middle = (start + end) // 2 if start != end else start + 36
    return [
        element("path", element("title", title), d=path, class_="arrow"),
        element("path", d=head, class_="head"),
        element(
            "text",
            *text,
            x=middle,
            y=y - 6,
            text_anchor="middle" if start != end else "start",
            class_="message",
        ),
    ]
