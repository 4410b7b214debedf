"""A network in rings by hop, as an SVG drawing: the same picture for the same network, always.

The buyer is in the middle and each hop a ring around it. Whoever has a friend one hop nearer
stands in that friend's sector, so that paths run outwards. Direct friends and buyers of the
window are named marks; all others of a ring are one path of dots.
"""

from __future__ import annotations

from collections import defaultdict
from math import ceil, cos, pi, sin, sqrt
from typing import TYPE_CHECKING, Final, NamedTuple

from events.errors import counted
from events.escapes import plain
from replay.page.markup import Markup, element, number, svg_ident

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_TURN: Final = 2 * pi
_CENTRE: Final = 24
_SIZE_MIN: Final = 165
_DOT: Final = 3.4
_ROW: Final = 3.8
_LABEL: Final = 13.0
_LETTER: Final = 5.9
_WAY: Final = 6.0
_WAY_MIN: Final = 3.2
# So many marks of a ring may be large; of more those without a name are small.
_MARKS_MAX: Final = 150
# What of a turn names and dots may take: sectors of friends are seldom all full.
_FULL: Final = 0.9
_LETTERS_MAX: Final = 10
_NAMES_MAX: Final = 110
_NAMES_MIN: Final = 40
_EDGE_MAX: Final = 420
_LARGE: Final = 1.6
_BAND_MIN: Final = 26
_HOP_CLASSES: Final = 4
# More friendships to others than that are a haze.
_WAYS_MAX: Final = 400


class NameLabels(NamedTuple):
    """Whose names are written, and how large."""

    named: Sequence[frozenset[int]]
    """For each hop those who are named."""
    size: float
    """How many times as large as in a small drawing."""
    name: Callable[[int], str]
    """Gives the id of a member."""

    def room(self, hop: int, marked: int) -> float:
        """Return how much all marks of a hop need on their circle, of which some are named."""
        named = len(self.named[hop])
        return named * _LABEL * self.size + (marked - named) * _way(marked)

    def length(self, hop: int) -> float:
        """Return how long the longest name of a hop is."""
        letters = max((len(plain(self.name(each))) for each in self.named[hop]), default=0)
        return self.size * (_LETTER * min(letters, _LETTERS_MAX) + 6 * bool(letters))


class Ring(NamedTuple):
    """Where a hop is drawn; radii are in units of the drawing."""

    dots: float
    """The innermost row of dots."""
    rows: int
    """How many rows of dots there are."""
    marks: float
    """Where the marks of those are who are named, or on the way to one."""
    edge: float
    """Where the ring ends, behind the names."""


def rings(
    user: str,
    hops: Sequence[Mapping[int, int]],
    bought: Mapping[int, int],
    name: Callable[[int], str],
) -> Markup:
    """Return the drawing of the network of ``user``, whose hops are as `Network` has them.

    So many purchases of the window each of ``bought`` made; ``name`` gives the id of a member.
    """
    drawn = _Drawing(hops, bought, name)
    edge = drawn.rings[-1].edge if drawn.rings else 60.0
    size = max(ceil(edge) + 18, _SIZE_MIN)
    total = sum(map(len, hops))
    title = (
        f"The network of {plain(user)}: {counted(total, 'user')} in {counted(len(hops), 'ring')}"
    )
    # A name of five letters or more is as wide as its mark, and no wider.
    wide = len(plain(user)) > 4  # noqa: PLR2004
    parts = [
        *drawn.circles(),
        drawn.ways(),
        *drawn.dots(),
        drawn.friend_paths(),
        *drawn.marks(),
        element("circle", cx=0, cy=0, r=15, class_="centre"),
        element(
            "text",
            svg_ident(user, 6),
            x=0,
            y=4,
            class_="centre-name",
            text_anchor="middle",
            textLength=26 if wide else None,
            lengthAdjust="spacingAndGlyphs" if wide else None,
        ),
        *drawn.counts(),
    ]
    return element(
        "svg",
        element("title", title),
        *parts,
        viewBox=f"{-size} {-size} {2 * size} {2 * size}",
        class_="rings large" if drawn.large else "rings",
        role="img",
        xmlns="http://www.w3.org/2000/svg",
    )


class _Drawing:
    """Where everybody of a network is."""

    def __init__(
        self,
        hops: Sequence[Mapping[int, int]],
        bought: Mapping[int, int],
        name: Callable[[int], str],
    ) -> None:
        self._hops = hops
        self._bought = bought
        self._name = name
        self._on_paths = _on_paths(hops, bought)
        # Fewer names can be read better than many that are too small.
        for names_max, size in ((_NAMES_MAX, 1.0), (_NAMES_MIN, _LARGE)):
            self._named = [_named(hop, place, bought, names_max) for place, hop in enumerate(hops)]
            names = NameLabels(self._named, size, name)
            self.rings, self._angles = _laid_out(hops, names, self._on_paths)
            self.large = size > 1
            if not self.rings or self.rings[-1].edge <= _EDGE_MAX:
                break
        self._crowded = [sum(map(self._marked, hop)) > _MARKS_MAX for hop in hops]
        self._rows: list[dict[int, int]] = []
        for hop, ring, angles in zip(hops, self.rings, self._angles, strict=True):
            others = sorted((each for each in hop if not self._marked(each)), key=angles.get)  # type: ignore[arg-type]
            self._rows.append({each: place % ring.rows for place, each in enumerate(others)})

    def _marked(self, member: int) -> bool:
        return member in self._on_paths or member in self._hops[0]

    def _at(self, hop: int, member: int) -> tuple[float, float]:
        """Return where a member of ``hop``, counted from 0, is."""
        if hop < 0:
            return 0.0, 0.0
        ring, row = self.rings[hop], self._rows[hop].get(member)
        radius = ring.marks if row is None else ring.dots + _ROW * row
        angle = self._angles[hop][member]
        return radius * cos(angle), radius * sin(angle)

    def circles(self) -> list[Markup]:
        return [
            element("circle", cx=0, cy=0, r=_text(ring.edge), class_="ring") for ring in self.rings
        ]

    def dots(self) -> list[Markup]:
        """Return one path for the others of each ring."""
        paths = []
        for hop, rows in enumerate(self._rows):
            if rows:
                places = (self._at(hop, member) for member in rows)
                path = "".join(f"M{_text(x)} {_text(y)}h0" for x, y in places)
                paths.append(element("path", d=path, class_=f"others {hop_class(hop + 1)}"))
        return paths

    def ways(self) -> Markup:
        """Return the friendships to others, where they are few enough to be told apart."""
        others = [(hop, each) for hop, rows in enumerate(self._rows) for each in rows]
        if len(others) > _WAYS_MAX:
            return Markup()
        return element("path", d=self._lines(others), class_="way")

    def friend_paths(self) -> Markup:
        """Return the friend paths to the buyers of the window."""
        found = [
            (hop, each)
            for hop, members in enumerate(self._hops)
            for each in members
            if each in self._on_paths
        ]
        return element("path", d=self._lines(found), class_="path")

    def _lines(self, found: Sequence[tuple[int, int]]) -> str:
        lines = []
        for hop, member in found:
            (x1, y1), (x2, y2) = (
                self._at(hop - 1, self._hops[hop][member]),
                self._at(hop, member),
            )
            lines.append(f"M{_text(x1)} {_text(y1)}L{_text(x2)} {_text(y2)}")
        return "".join(lines)

    def marks(self) -> list[Markup]:
        parts = []
        for hop, members in enumerate(self._hops):
            for member in members:
                if self._marked(member):
                    parts += self._mark(hop, member)
        return parts

    def _mark(self, hop: int, member: int) -> list[Markup]:
        name = self._name(member)
        x, y = self._at(hop, member)
        times = self._bought.get(member, 0)
        hint = f"{counted(times, 'purchase')} in the window" if times else "none in the window"
        title = element("title", plain(name), f": {counted(hop + 1, 'friendship')} away, {hint}")
        kind = f"{hop_class(hop + 1)} {'bought' if times else 'between'}"
        radius = min(3.4 + 1.5 * sqrt(times), 9) if times else 2.6
        if self._crowded[hop] and member not in self._named[hop]:
            radius = min(radius, 2.2)
        parts = [element("circle", title, cx=_text(x), cy=_text(y), r=_text(radius), class_=kind)]
        if member in self._named[hop]:
            parts.append(self._label(hop, member))
        return parts

    def _label(self, hop: int, member: int) -> Markup:
        angle, radius = self._angles[hop][member], self.rings[hop].marks + 11
        degrees = angle * 360 / _TURN
        turned = 90 < degrees % 360 < 270  # noqa: PLR2004  on the left it would stand on its head
        x, y = radius * cos(angle), radius * sin(angle)
        return element(
            "text",
            svg_ident(self._name(member), _LETTERS_MAX),
            transform=f"translate({_text(x)} {_text(y)}) rotate({_text(degrees + 180 * turned)})",
            dy="0.35em",
            text_anchor="end" if turned else "start",
            class_="name",
        )

    def counts(self) -> list[Markup]:
        """Return how many are in each ring, at its lower edge."""
        return [
            element(
                "text",
                f"{number(len(hop))} · {place} away",
                x=0,
                y=_text(ring.edge + 9),
                text_anchor="middle",
                class_="count",
            )
            for place, (hop, ring) in enumerate(zip(self._hops, self.rings, strict=True), 1)
        ]


def hop_class(hop: int) -> str:
    """Return what colours a hop, counted from 1."""
    return f"hop{min(hop, _HOP_CLASSES)}"


def _text(value: float) -> str:
    """Return a length with one place, as short as it can be."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def _on_paths(hops: Sequence[Mapping[int, int]], bought: Mapping[int, int]) -> set[int]:
    """Return the buyers of the window, and who is on the way to one."""
    found: set[int] = set()
    for hop in reversed(hops):
        before = {hop[each] for each in hop if each in bought or each in found}
        found.update(each for each in hop if each in bought)
        found |= before
    return found


def _way(marked: int) -> float:
    """Return how much room a mark without a name gets, in a ring that has so many marks."""
    return _WAY if marked <= _MARKS_MAX else _WAY_MIN


def _named(
    hop: Mapping[int, int], place: int, bought: Mapping[int, int], names_max: int
) -> frozenset[int]:
    """Return whose names are written: those who bought most, where all would not fit."""
    wanted = [each for each in hop if each in bought or place == 0]
    wanted.sort(key=lambda each: (-bought.get(each, 0), each))
    return frozenset(wanted[:names_max])


def _laid_out(
    hops: Sequence[Mapping[int, int]], names: NameLabels, on_paths: set[int]
) -> tuple[list[Ring], list[dict[int, float]]]:
    """Return the rings and the angle of each member, from the buyer's right, clockwise."""
    scale = 1.0
    while True:
        found = _sized(hops, names, on_paths, scale)
        needs = _needs(hops, names, on_paths, found)
        total = sum(needs[0].values()) if needs else 0.0
        if total <= _TURN:
            return found, _angles(hops, needs, total)
        # Where sectors need more than all round, crowded rings get farther out.
        scale *= min(max(total / _TURN, 1.05), 1.5)


def _sized(
    hops: Sequence[Mapping[int, int]], names: NameLabels, on_paths: set[int], scale: float
) -> list[Ring]:
    found: list[Ring] = []
    inner = float(_CENTRE)
    for place, hop in enumerate(hops):
        marked = sum(each in on_paths or place == 0 for each in hop)
        others = len(hop) - marked
        wanted = names.room(place, marked)
        dots, rows = inner + 12, 1
        # The rows are as many as leave the names the room that they need.
        while True:
            outer = dots + _ROW * (rows - 1) if others else inner
            marks = max(outer + 9, inner + _BAND_MIN, scale * wanted / (_FULL * _TURN))
            taken = wanted / marks
            if others * _DOT <= max(_FULL * _TURN / scale - taken, 1.0 / scale) * dots * rows:
                break
            rows += 1
        edge = marks + 10 + names.length(place)
        found.append(Ring(dots, rows, marks, edge))
        inner = edge
    return found


def _needs(
    hops: Sequence[Mapping[int, int]], names: NameLabels, on_paths: set[int], found: Sequence[Ring]
) -> list[dict[int, float]]:
    """Return how wide a sector each member needs: for itself, or for those behind it."""
    needs: list[dict[int, float]] = []
    behind: dict[int, float] = {}
    for place in range(len(hops) - 1, -1, -1):
        ring, own = found[place], {}
        dot = _DOT / (ring.dots * ring.rows)
        way = _way(sum(each in on_paths or place == 0 for each in hops[place]))
        for member in hops[place]:
            width = dot
            if member in names.named[place]:
                width = _LABEL * names.size / ring.marks
            elif member in on_paths or place == 0:
                width = way / ring.marks
            own[member] = max(width, behind.get(member, 0.0))
        needs.append(own)
        sums: defaultdict[int, float] = defaultdict(float)
        for member, before in hops[place].items():
            sums[before] += own[member]
        behind = sums
    return needs[::-1]


def _angles(
    hops: Sequence[Mapping[int, int]], needs: Sequence[Mapping[int, float]], total: float
) -> list[dict[int, float]]:
    """Return the angle of each member: the middle of its part of its friend's sector."""
    angles: list[dict[int, float]] = []
    # From where to where the sector of each member of the hop before goes.
    sectors: dict[int, tuple[float, float]] = {}
    for place, hop in enumerate(hops):
        parts: defaultdict[int, list[int]] = defaultdict(list)
        for member, before in hop.items():
            parts[before].append(member)
        found: dict[int, float] = {}
        inside: dict[int, tuple[float, float]] = {}
        for before, members in parts.items():
            start, end = sectors[before] if place else (-pi / 2, 3 * pi / 2)
            used = sum(needs[place][each] for each in members) if place else total
            stretch = (end - start) / used
            for member in members:
                stop = start + needs[place][member] * stretch
                found[member] = (start + stop) / 2
                inside[member] = (start, stop)
                start = stop
        angles.append(found)
        sectors = inside
    return angles
