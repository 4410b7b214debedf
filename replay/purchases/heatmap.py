"""A heat map of how many purchases each setting flags, as an SVG drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

CELL_WIDTH: Final = 90
CELL_HEIGHT: Final = 44
LEFT: Final = 70
TOP: Final = 70
# From nearly white for nothing to a dark red for the most.
_PALE: Final = (255, 247, 236)
_DARK: Final = (179, 0, 0)


def heat_map(counts: Mapping[tuple[int, int], int], marked: tuple[int, int]) -> str:
    """Return the drawing: a row for each D, a column for each T, and the counts in the cells."""
    rows = sorted({degrees for degrees, _ in counts})
    columns = sorted({tracked for _, tracked in counts})
    most = max(counts.values(), default=0)
    width = LEFT + CELL_WIDTH * len(columns) + 20
    height = TOP + CELL_HEIGHT * len(rows) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="14">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="24" font-weight="bold">Flagged purchases</text>',
    ]
    for column, tracked in enumerate(columns):
        x = LEFT + CELL_WIDTH * column + CELL_WIDTH // 2
        parts.append(f'<text x="{x}" y="{TOP - 10}" text-anchor="middle">T = {tracked}</text>')
    for row, degrees in enumerate(rows):
        y = TOP + CELL_HEIGHT * row + CELL_HEIGHT // 2 + 5
        parts.append(f'<text x="{LEFT - 10}" y="{y}" text-anchor="end">D = {degrees}</text>')
        for column, tracked in enumerate(columns):
            count = counts.get((degrees, tracked))
            if count is not None:
                place = (LEFT + CELL_WIDTH * column, TOP + CELL_HEIGHT * row)
                parts += _cell(place, count, most, framed=(degrees, tracked) == marked)
    if marked in counts:
        y = TOP + CELL_HEIGHT * len(rows) + 26
        parts.append(f'<text x="{LEFT}" y="{y}" font-size="12">framed: as the run was</text>')
    return "\n".join([*parts, "</svg>", ""])


def _cell(place: tuple[int, int], count: int, most: int, *, framed: bool) -> list[str]:
    x, y = place
    mixed = (
        pale + (dark - pale) * count // max(most, 1)
        for pale, dark in zip(_PALE, _DARK, strict=True)
    )
    colour = "#" + "".join(f"{part:02x}" for part in mixed)
    text = "white" if 2 * count > most else "black"
    frame = 'stroke="black" stroke-width="3"' if framed else 'stroke="white" stroke-width="2"'
    return [
        f'<rect class="cell" x="{x + 2}" y="{y + 2}" width="{CELL_WIDTH - 4}" '
        f'height="{CELL_HEIGHT - 4}" fill="{colour}" {frame}/>',
        f'<text x="{x + CELL_WIDTH // 2}" y="{y + CELL_HEIGHT // 2 + 5}" '
        f'text-anchor="middle" fill="{text}">{count:,}</text>',
    ]
