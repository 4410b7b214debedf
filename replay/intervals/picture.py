"""Observations on a time axis with their intervals as brackets, as an SVG drawing."""

from __future__ import annotations

import html
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from events.errors import counted
from events.escapes import plain
from events.times.durations import SECOND
from events.times.instants import Instant, instant_of, time_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.observations.interval import Interval

WIDTH: Final = 1000
ROWS_MAX: Final = 20
"""Of more ids than that, the rarer ones share the last row."""
DOTS_MAX: Final = 600
"""Of more observations than that, those that would cover each other are one dot."""
LANES_MAX: Final = 12
"""Where brackets would need more lanes than that, some are left out."""
_BRACKETS_MAX: Final = 2_000
_LEFT: Final = 150
_RIGHT: Final = 40
_TOP: Final = 84
_ROW: Final = 22
_LANE: Final = 26
_AXIS: Final = 44
_LETTER: Final = 7
_LABEL_LETTERS: Final = 15
_TICK_WIDTH: Final = 95
_DOT_WIDTH: Final = 4
# Where more intervals than that overlap, how many do cannot be seen from pale bands.
_BANDS_MAX: Final = 4
# Colours by Okabe and Ito, made to be told apart by everyone; yellow is too pale on white.
_COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_GREY: Final = "#777777"
# As often as the colours are used up, the shape changes.
_SHAPES: Final = (
    '<circle cx="{x}" cy="{y}" r="4.5"',
    '<path d="M{x} {y}m-4 -4h8v8h-8z"',
    '<path d="M{x} {y}m0 -5.5l5.5 5.5l-5.5 5.5l-5.5 -5.5z"',
)
_DAY: Final = 86_400 * SECOND
_STEPS: Final = (
    *(power * digit for power in map((10).__pow__, range(9)) for digit in (1, 2, 5)),
    *(SECOND * seconds for seconds in (1, 2, 5, 10, 15, 30)),
    *(60 * SECOND * minutes for minutes in (1, 2, 5, 10, 15, 30)),
    *(3_600 * SECOND * hours for hours in (1, 2, 3, 6, 12)),
    *(_DAY * days for days in (1, 2, 7, 14, 28, 91)),
)
_YEARS: Final = tuple(power * digit for power in (1, 10, 100, 1_000) for digit in (1, 2, 5))


class _Scale(NamedTuple):
    """Where times lie on the drawing."""

    first: int
    """Nanoseconds at the left edge."""
    span: int
    """Nanoseconds from there to the right edge."""

    def x(self, nanoseconds: int) -> int:
        return _LEFT + (nanoseconds - self.first) * (WIDTH - _LEFT - _RIGHT) // self.span


class _Row(NamedTuple):
    """A row of dots."""

    label: str
    mark: str
    """A shape to be filled in with x and y."""


class _Bracket(NamedTuple):
    """An interval in its lane."""

    interval: Interval
    left: int
    right: int
    lane: int


def intervals_picture(
    times: Sequence[str],
    adids: Sequence[str],
    intervals: Sequence[Interval],
    title: str = "Intervals with several ids",
) -> str:
    """Return the drawing: a row of dots for each id, and below them a bracket for each interval.

    What is left out, where there is too much to be read, is said below the title.

    Args:
        times: the times of the observations in order, as
            `events.times.timestamps.parse_timestamp` gives them.
        adids: their ids.
        intervals: the intervals among them, in order.
        title: what stands above.

    """
    moments = [instant_of(time).nanoseconds for time in times]
    scale = _scale(moments)
    rows, row_of = _rows(adids)
    dots = _dots(moments, adids, row_of, scale)
    brackets = _brackets(intervals, scale)
    lanes = max((bracket.lane + 1 for bracket in brackets), default=0)
    bottom = _TOP + _ROW * max(len(rows), 1)
    height = bottom + _AXIS + _LANE * lanes + 16
    bands = [(bracket.left, bracket.right) for bracket in brackets]
    if lanes > _BANDS_MAX:
        bands = _merged(intervals, scale)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13" role="img">',
        f"<title>{_escaped(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="20" y="26" font-size="16" font-weight="bold">{_escaped(title)}</text>',
        '<text class="count-note" x="20" y="47" fill="#444444">'
        f"{counted(len(times), 'observation')} of {counted(len(row_of), 'id')}, "
        f"{counted(len(intervals), 'interval')}</text>",
        *_thinned(len(dots), len(times), len(brackets), len(intervals)),
        *_band_parts(bands, bottom),
        *_axis(scale, bottom, empty=not times),
        *_row_parts(rows),
    ]
    for index, (row, x) in dots.items():
        shape = rows[row].mark.format(x=x, y=_TOP + _ROW * row + _ROW // 2)
        hint = _escaped(f"{times[index]} {adids[index]}")
        parts.append(f'{shape} class="dot"><title>{hint}</title></{shape[1:].split()[0]}>')
    for bracket in brackets:
        parts += _bracket_parts(bracket, bottom + _AXIS + _LANE * bracket.lane)
    return "\n".join([*parts, "</svg>", ""])


def _escaped(text: str) -> str:
    """Return ``text`` as it is shown elsewhere, and as it may stand in XML."""
    return html.escape(plain(text))


def _scale(moments: list[int]) -> _Scale:
    if not moments:
        return _Scale(0, SECOND)
    first, last = moments[0], moments[-1]
    # Room for half a dot on either side; of one moment only, a second around it.
    room = max((last - first) // 60, 1) if last > first else SECOND // 2
    return _Scale(first - room, last - first + 2 * room)


def _rows(adids: Sequence[str]) -> tuple[list[_Row], dict[str, int]]:
    """Return the rows, and for each id its row; the more frequent ids have their own."""
    counts = Counter(adids)
    own = set(counts)
    if len(counts) > ROWS_MAX:
        own = {adid for adid, _ in counts.most_common(ROWS_MAX - 1)}
    row_of = {adid: place for place, adid in enumerate(filter(own.__contains__, counts))}
    rows = []
    for adid, place in row_of.items():
        colour = _COLOURS[place % len(_COLOURS)]
        shape = _SHAPES[place // len(_COLOURS)]
        rows.append(_Row(adid, f'{shape} fill="{colour}" stroke="white" stroke-width="0.7"'))
    others = [adid for adid in counts if adid not in own]
    if others:
        rows.append(
            _Row(
                f"{len(others):,} other ids",
                f'{_SHAPES[0]} fill="{_GREY}" stroke="white" stroke-width="0.7"',
            )
        )
        row_of |= dict.fromkeys(others, len(rows) - 1)
    return rows, row_of


def _dots(
    moments: list[int], adids: Sequence[str], row_of: dict[str, int], scale: _Scale
) -> dict[int, tuple[int, int]]:
    """Return row and x of the observations to draw, by their index."""
    dots: dict[int, tuple[int, int]] = {}
    taken: set[tuple[int, int]] = set()
    for index, (moment, adid) in enumerate(zip(moments, adids, strict=True)):
        row, x = row_of[adid], scale.x(moment)
        if len(moments) > DOTS_MAX:
            if (row, x // _DOT_WIDTH) in taken:
                continue
            taken.add((row, x // _DOT_WIDTH))
        dots[index] = (row, x)
    return dots


def _brackets(intervals: Sequence[Interval], scale: _Scale) -> list[_Bracket]:
    """Return the intervals in lanes, all or each n-th, so that they do not overlap."""
    stride = max(-(-len(intervals) // _BRACKETS_MAX), 1)
    while True:
        brackets: list[_Bracket] = []
        free: list[int] = []
        for interval in intervals[::stride]:
            left, right = _ends(interval, scale)
            middle = (left + right) // 2
            half = _LETTER * len(counted(interval.num_adid, "id")) // 2
            begin, end = min(left - 4, middle - half), max(right + 4, middle + half)
            lane = next((lane for lane, until in enumerate(free) if until < begin), len(free))
            free[lane : lane + 1] = [end + 4]
            brackets.append(_Bracket(interval, left, right, lane))
        if len(free) <= LANES_MAX:
            return brackets
        stride = max(stride + 1, stride * len(free) // LANES_MAX)


def _thinned(dots: int, observations: int, brackets: int, intervals: int) -> list[str]:
    """Return a line that says what is left out, if anything is."""
    notes = []
    if dots < observations:
        notes.append(f"{dots:,} of {observations:,} dots, one for all that would cover each other")
    if brackets < intervals:
        notes.append(f"{brackets:,} of {intervals:,} brackets, evenly chosen")
    if not notes:
        return []
    text = "; ".join(notes)
    return [f'<text class="thinned" x="20" y="66" fill="#a03000">thinned: {text}</text>']


def _merged(intervals: Sequence[Interval], scale: _Scale) -> list[tuple[int, int]]:
    """Return the stretches that intervals cover, as left and right ends."""
    merged: list[tuple[int, int]] = []
    for interval in intervals:
        left, right = _ends(interval, scale)
        if merged and left <= merged[-1][1]:
            left = merged.pop()[0]
        merged.append((left, right))
    return merged


def _ends(interval: Interval, scale: _Scale) -> tuple[int, int]:
    left, right = instant_of(interval.start_time), instant_of(interval.end_time)
    return scale.x(left.nanoseconds), scale.x(right.nanoseconds)


def _band_parts(bands: list[tuple[int, int]], bottom: int) -> list[str]:
    return [
        f'<rect x="{left - 4}" y="{_TOP}" width="{right - left + 8}" height="{bottom - _TOP}" '
        'fill="#4477aa" fill-opacity="0.08"/>'
        for left, right in bands
    ]


def _row_parts(rows: list[_Row]) -> list[str]:
    parts = []
    for place, row in enumerate(rows):
        y = _TOP + _ROW * place + _ROW // 2
        label = plain(row.label)
        if len(label) > _LABEL_LETTERS:
            label = label[: _LABEL_LETTERS - 1] + "\u2026"
        parts += [
            f'<line x1="{_LEFT}" y1="{y}" x2="{WIDTH - _RIGHT}" y2="{y}" stroke="#e4e4e4"/>',
            row.mark.format(x=_LEFT - 16, y=y) + "/>",
            f'<text class="row" x="{_LEFT - 28}" y="{y + 4}" text-anchor="end">'
            f"<title>{_escaped(row.label)}</title>{html.escape(label)}</text>",
        ]
    return parts


def _axis(scale: _Scale, bottom: int, *, empty: bool) -> list[str]:
    right = WIDTH - _RIGHT
    parts = [f'<line x1="{_LEFT}" y1="{bottom}" x2="{right}" y2="{bottom}" stroke="black"/>']
    if empty:
        return parts
    step, ticks = _ticks(scale, (right - _LEFT) // _TICK_WIDTH)
    date = ""
    for tick in ticks:
        try:
            text = time_text(Instant(tick, ""))
        except OverflowError:
            continue
        # Below a second the label has only seconds, so that the rest stands there too.
        x, day = scale.x(tick), text[:10] if step >= SECOND else text[:16]
        parts += [
            f'<line x1="{x}" y1="{_TOP}" x2="{x}" y2="{bottom}" stroke="#f0f0f0"/>',
            f'<line x1="{x}" y1="{bottom}" x2="{x}" y2="{bottom + 5}" stroke="black"/>',
        ]
        label = _clock(text, step) if step < _DAY else day
        parts.append(
            f'<text class="tick" x="{x}" y="{bottom + 18}" text-anchor="middle" '
            f'font-size="12">{label}</text>'
        )
        if day not in {date, label}:
            parts.append(
                f'<text class="date" x="{x}" y="{bottom + 32}" text-anchor="middle" '
                f'font-size="11" fill="#444444">{day}</text>'
            )
        date = day
    return parts


def _ticks(scale: _Scale, ticks_max: int) -> tuple[int, list[int]]:
    """Return how far apart ticks are, in nanoseconds, and where they are; fewer than the most."""
    last = scale.first + scale.span
    for step in _STEPS:
        if scale.span // step < ticks_max:
            return step, list(range(-(-scale.first // step) * step, last + 1, step))
    # From here on the first days of years.
    stride = next(each for each in _YEARS if scale.span // (365 * _DAY * each) < ticks_max)
    years = [instant_of(f"{year:04}-01-01 00:00:00") for year in range(1, 10_000)]
    ticks = [year.nanoseconds for year in years[-1 % stride :: stride]]
    return 365 * _DAY * stride, [tick for tick in ticks if scale.first <= tick <= last]


def _clock(text: str, step: int) -> str:
    """Return the clock time of a tick, as exactly as ticks ``step`` nanoseconds apart need."""
    if step % (60 * SECOND) == 0:
        return text[11:16]
    places = len(f"{step % SECOND:09}".rstrip("0")) if step % SECOND else 0
    if not places:
        return text[11:19]
    return f"{text[17:19]}.{text[20:].ljust(places, '0')}s"


def _bracket_parts(bracket: _Bracket, y: int) -> list[str]:
    interval = bracket.interval
    hint = (
        f"{interval.start_time} to {interval.end_time}, observations {interval.start_index} "
        f"to {interval.end_index}: {', '.join(interval.adids[:ROWS_MAX])}"
        f"{', ...' if len(interval.adids) > ROWS_MAX else ''}"
    )
    count = counted(interval.num_adid, "id")
    left, right = bracket.left - 4, bracket.right + 4
    return [
        f'<path class="bracket" d="M{left} {y}v6H{right}v-6" fill="none" stroke="#222222" '
        f'stroke-width="1.5"><title>{_escaped(hint)}</title></path>',
        f'<text class="count" x="{(left + right) // 2}" y="{y + 18}" text-anchor="middle" '
        f'font-size="11">{count}</text>',
    ]
