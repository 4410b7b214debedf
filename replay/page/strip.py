"""A history as a strip: how dense it is, where flags are, and a scale that the slider shares."""

from __future__ import annotations

from math import log1p
from typing import TYPE_CHECKING, Final, NamedTuple

from events.times.durations import SECOND
from replay.page.markup import Markup, element

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WIDTH: Final = 1_000
_HEIGHT: Final = 44
_HIGHEST: Final = 38
_PAST_MAX: Final = 300
"""However long the past is, it takes at most so much of the width."""
_BARS: Final = 200
_SMOOTH: Final = 5
_FLAG: Final = 2


class Scale(NamedTuple):
    """Where events are on the strip, in parts of its width."""

    past: int
    """How many events are of the past."""
    total: int
    """How many events there are."""

    @property
    def split(self) -> int:
        """Where the past ends."""
        if not self.total or self.past == self.total:
            return WIDTH if self.total else 0
        return min(WIDTH * self.past // self.total, _PAST_MAX)

    def x(self, event: int) -> int:
        """Return where an event is."""
        if event <= self.past:
            return self.split * event // max(self.past, 1)
        behind = self.total - self.past
        return self.split + (WIDTH - self.split) * (event - self.past) // max(behind, 1)

    def event(self, x: int) -> int:
        """Return which event is at ``x``, from 1."""
        if x < self.split or self.past == self.total:
            number = self.past * x // max(self.split, 1)
        else:
            behind = self.total - self.past
            number = self.past + behind * (x - self.split) // max(WIDTH - self.split, 1)
        return min(max(number, 1), self.total)


def strip(
    scale: Scale,
    flagged: Sequence[int],
    nanoseconds: Callable[[int], int],
    address: Callable[[int], str],
) -> Markup:
    """Return the drawing, but for the mark of where one is; density is on a scale of powers.

    Args:
        scale: where events are.
        flagged: the numbers of the events that are flagged, ascending.
        nanoseconds: gives the time of an event.
        address: gives where the event of a number is shown.

    """
    if not scale.total:
        return element("g")
    edges = [scale.event(WIDTH * place // _BARS) for place in range(_BARS + 1)]
    times = [nanoseconds(event) for event in edges]
    # Over some neighbours: times of whole seconds would be steps otherwise.
    ends = [(max(at - _SMOOTH, 0), min(at + 1 + _SMOOTH, _BARS)) for at in range(_BARS)]
    spans = [max(times[end] - times[start], 0) for start, end in ends]
    # What happened at one time took at most the shortest that can be told.
    shortest = min(filter(None, spans), default=SECOND)
    rates = [
        log1p(SECOND * (edges[end] - edges[start]) / max(span, shortest))
        for (start, end), span in zip(ends, spans, strict=True)
    ]
    most, width = max(rates), WIDTH // _BARS
    bars = []
    for place, rate in enumerate(rates):
        height = max(round(_HIGHEST * rate / most), 2) if most else 2
        bars.append(f"M{place * width} {_HEIGHT}v-{height}h{width}v{height}z")
    parts = [
        element("rect", x=0, y=0, width=scale.split, height=_HEIGHT, class_="past"),
        element(
            "rect", x=scale.split, y=0, width=WIDTH - scale.split, height=_HEIGHT, class_="new"
        ),
        element("path", d="".join(bars), class_="density"),
    ]
    places = [
        element(
            "a",
            element("rect", x=place * width, y=0, width=width, height=_HEIGHT, class_="place"),
            href=address(edges[place]),
            tabindex="-1",
        )
        for place in range(_BARS)
    ]
    # Of flags that would cover each other the first is drawn.
    drawn = {scale.x(event) // _FLAG: event for event in reversed(flagged)}
    flags = [
        element(
            "a",
            element("title", f"event {event}, flagged"),
            element("rect", x=scale.x(event) - 1, y=2, width=3, height=_HEIGHT - 4, class_="flag"),
            href=address(event),
            tabindex="-1",
        )
        for event in sorted(drawn.values())
    ]
    return element("g", *parts, *places, *flags)


def strip_drawing(drawn: Markup, x: int) -> Markup:
    """Return the whole drawing, with a mark at ``x``."""
    mark = element("rect", x=x - 1, y=0, width=3, height=_HEIGHT, class_="now")
    return element(
        "svg",
        drawn,
        mark,
        viewBox=f"0 0 {WIDTH} {_HEIGHT}",
        preserveAspectRatio="none",
        class_="strip-drawing",
        aria_hidden="true",
        xmlns="http://www.w3.org/2000/svg",
    )
