"""The window of a purchase as an SVG chart: its amounts in order, and what they come to.

What is drawn is cut to whole units of the drawing; what is written is exact.
"""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING, Final, NamedTuple

from events.escapes import plain
from events.purchases.amounts import UNITS_PER_CENT, format_amount, format_cents
from replay.page.markup import Markup, element, joined
from replay.page.rings import hop_class

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.purchases.baseline import Baseline

WIDTH: Final = 720
HEIGHT: Final = 340
_LEFT: Final = 64
_RIGHT: Final = 574
_TOP: Final = 34
_BOTTOM: Final = 300
_APART: Final = 22
_HIGHEST: Final = 12
_TICKS_MAX: Final = 6
_OUTLIER: Final = 3
_USUAL: Final = 95


class Bar(NamedTuple):
    """A purchase of the window."""

    number: int
    """The number of its event."""
    user: str
    """Who bought."""
    amount: int
    """In units of 1/10,000."""
    hop: int
    """How many friendships away the buyer is."""


class _Axis(NamedTuple):
    """Which amounts are where."""

    top: int
    """The amount at the upper end, in units of 1/10,000."""
    step: int
    """How far apart lines are."""

    def y(self, amount: int) -> int:
        """Return where an amount is, at most at the upper end and at least at the lower."""
        part = min(max(amount, 0), self.top)
        return _BOTTOM - (_BOTTOM - _TOP) * part // self.top

    def holds(self, amount: int) -> bool:
        return amount <= self.top


def chart(bars: Sequence[Bar], amount: int, baseline: Baseline | None, *, flagged: bool) -> Markup:
    """Return the drawing.

    Args:
        bars: the purchases of the window, in order.
        amount: that of the purchase that is judged, in units of 1/10,000.
        baseline: what the window comes to, where the rule is the program's own.
        flagged: whether the purchase is flagged.

    """
    threshold = baseline.threshold if baseline is not None and baseline.enough else None
    axis = axis_for([bar.amount for bar in bars], [amount, threshold or 0])
    parts = [*_lines(axis)]
    if baseline is not None and baseline.n:
        parts.append(_band(axis, baseline))
    step = (_RIGHT - _LEFT - 30) * 16 // max(len(bars), 1)
    dot = 4.5 if len(bars) <= 80 else 3 if len(bars) <= 200 else 2  # noqa: PLR2004  they stay apart
    for place, bar in enumerate(bars):
        parts += _bar(axis, bar, _LEFT + 8 + place * step // 16, dot)
    parts += _levels(axis, baseline, threshold, amount, flagged=flagged)
    caption = "no purchase in the window"
    if bars:
        caption = "the purchases of the window in order, the oldest on the left; then this one"
    parts.append(element("text", caption, x=_LEFT, y=_BOTTOM + 26, class_="axis caption"))
    return element(
        "svg",
        element("title", f"The amounts of the window, and {format_amount(amount)}"),
        *parts,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        class_="chart",
        role="img",
        xmlns="http://www.w3.org/2000/svg",
    )


def axis_for(amounts: Sequence[int], levels: Sequence[int]) -> _Axis:
    """Return an axis that holds ``amounts`` and ``levels``, but for few that would flatten it.

    These are more than three times what 95 % of the amounts are at most; one counts as few.
    """
    values = sorted(amounts)
    shown = [*values, *levels]
    if values:
        usual = values[min(-(-_USUAL * len(values) // 100), len(values) - 1) - 1]
        limit = _OUTLIER * max(usual, UNITS_PER_CENT)
        shown = [each for each in shown if each <= limit]
    highest = max([*shown, UNITS_PER_CENT])
    step = 1
    while highest > _TICKS_MAX * step:
        # 1, 2, 5, 10, 20, 50 and so on.
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return _Axis(-(-highest * 21 // 20 // step) * step, step)


def _lines(axis: _Axis) -> list[Markup]:
    parts = []
    for amount in range(0, axis.top + 1, axis.step):
        y = axis.y(amount)
        text = format_amount(amount).removesuffix(".00")
        parts += [
            element("line", x1=_LEFT, y1=y, x2=_RIGHT, y2=y, class_="grid"),
            element("text", text, x=_LEFT - 8, y=y + 4, text_anchor="end", class_="axis"),
        ]
    return parts


def _band(axis: _Axis, baseline: Baseline) -> Markup:
    """Return the band of one standard deviation on either side of the mean."""
    mean, sd = baseline.total // baseline.n, isqrt(baseline.v) // baseline.n
    upper, lower = axis.y(mean + sd), axis.y(mean - sd)
    hint = f"mean ± sd: {format_cents(baseline.mean)} ± {format_cents(baseline.sd)}"
    return element(
        "rect",
        element("title", hint),
        x=_LEFT,
        y=upper,
        width=_RIGHT - _LEFT,
        height=max(lower - upper, 1),
        class_="band",
    )


def _bar(axis: _Axis, bar: Bar, x: int, radius: float) -> list[Markup]:
    y, kind = axis.y(bar.amount), hop_class(bar.hop)
    amount = format_amount(bar.amount)
    hint = element("title", f"event {bar.number}: {amount}, ", plain(bar.user))
    parts = [element("line", x1=x, y1=_BOTTOM, x2=x, y2=y, class_=f"stem {kind}")]
    if axis.holds(bar.amount):
        return [*parts, element("circle", hint, cx=x, cy=y, r=radius, class_=f"dot {kind}")]
    return [
        *parts,
        element("path", hint, d=f"M{x} {y - 12}l6 10h-12z", class_=f"dot {kind}"),
        element("text", amount, x=x, y=y - 16, text_anchor="middle", class_="beyond"),
    ]


def _levels(
    axis: _Axis, baseline: Baseline | None, threshold: int | None, amount: int, *, flagged: bool
) -> list[Markup]:
    """Return the lines of mean and threshold and the mark of this purchase, each with its label."""
    parts: list[Markup] = []
    labels: list[tuple[int, str, str]] = []
    if baseline is not None and baseline.n:
        y = axis.y(baseline.total // baseline.n)
        parts.append(element("line", x1=_LEFT, y1=y, x2=_RIGHT + 8, y2=y, class_="mean"))
        above = "" if axis.holds(baseline.total // baseline.n) else " ↑"
        labels.append((y, f"mean {format_cents(baseline.mean)}{above}", "mean"))
    if threshold is not None:
        y = axis.y(threshold)
        parts.append(element("line", x1=_LEFT, y1=y, x2=_RIGHT + 8, y2=y, class_="threshold"))
        above = "" if axis.holds(threshold) else " ↑"
        # Where letters are large, the word stands at the other end of the line (style.css).
        word = element("tspan", "threshold ", class_="wide")
        text = joined((word, f"{format_amount(threshold)}{above}"))
        labels.append((y, text, "threshold"))
        parts.append(element("text", "threshold", x=_LEFT + 4, y=y - 6, class_="threshold narrow"))
    x, y = _RIGHT - 12, axis.y(amount)
    kind = "this flagged" if flagged else "this"
    parts.append(element("line", x1=x, y1=_BOTTOM, x2=x, y2=y, class_=f"stem {kind}"))
    if axis.holds(amount):
        parts.append(element("circle", cx=x, cy=y, r=7, class_=f"dot {kind}"))
    else:
        parts += [
            element("path", d=f"M{x} {y - 14}l9 14h-18z", class_=f"dot {kind}"),
            element("path", d=f"M{x - 8} {y + 14}l16 -6m0 7l-16 6", class_="break"),
        ]
    above = "" if axis.holds(amount) else " ↑"
    labels.append((y, f"this {format_amount(amount)}{above}", kind))
    return [*parts, *_labels(labels)]


def _labels(labels: list[tuple[int, str, str]]) -> list[Markup]:
    """Return labels at their heights, moved so far that none covers another."""
    heights: list[int] = []
    # From below, so that what is pushed goes up where there is room, and down where there is none.
    found = sorted(labels, reverse=True)
    for y, _, _ in found:
        heights.append(min([y, *(each - _APART for each in heights[-1:])]))
    lowered = max(_HIGHEST - min(heights), 0)
    return [
        element(
            "text",
            text,
            x=WIDTH - 4,
            y=height + 4 + lowered,
            text_anchor="end",
            class_=f"level {kind}",
        )
        for height, (_, text, kind) in zip(heights, found, strict=True)
    ]
