"""Shows how time and memory grow with the lines, the users and the friends of a run.

Runs the program on generated logs of several sizes, as `scripts/bench.py` does, and draws
a picture of what each took. Nothing is asserted about time.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent))

from bench import Case, FailedRunError, Result, cache_folder, measure, print_table, teller

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LINES: Final = (500_000, 1_000_000, 2_000_000, 4_000_000)
SMALL_LINES: Final = (2_000, 4_000)
STREAM_LINES: Final = 1_000

WIDTH: Final = 460
HEIGHT: Final = 300
LEFT: Final = 70
TOP: Final = 60
BOTTOM: Final = 60
# Colours that people who see few of them tell apart, too.
COLOURS: Final = ("#0072b2", "#e69f00", "#009e73", "#cc79a7")


class Network(NamedTuple):
    """Whose events there are."""

    title: str
    users: int
    hubs: int = 0

    def case(self, lines: int) -> Case:
        """Return what to measure with ``lines`` lines in the batch."""
        return Case(f"{self.title}, {lines:,} lines", self.users, lines, STREAM_LINES, 2, self.hubs)


# In half a million lines, 95,000 of which begin a friendship, five hubs have some 10,000
# friends each, and 40,000 in eight times as many where there are as many users.
NETWORKS: Final = (
    Network("10,000 users", 10_000),
    Network("100,000 users", 100_000),
    Network("1,000,000 users", 1_000_000),
    Network("100,000 users, 5 hubs", 100_000, 5),
)


class Series(NamedTuple):
    """What one network took at each size."""

    title: str
    results: list[Result]


def main() -> int:
    """Measure, print the table and draw the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example:\n  python scripts/bench_growth.py --svg growth.svg\n",
        allow_abbrev=False,
    )
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the picture in FILE")
    parser.add_argument("--runs", type=int, metavar="N", default=1, help="of each (default: 1)")
    parser.add_argument("--small", action="store_true", help="few lines; takes seconds")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep the logs in DIR and use those that are there"
    )
    options = parser.parse_args()
    tell = teller()
    sizes = SMALL_LINES if options.small else LINES
    try:
        with cache_folder(options.keep) as cache:
            networks = NETWORKS[:1] if options.small else NETWORKS
            series = [
                Series(
                    network.title,
                    [
                        measure(network.case(lines), options.runs, cache, tell, {})
                        for lines in sizes
                    ],
                )
                for network in networks
            ]
        if options.svg is not None:
            options.svg.write_text(picture(series), encoding="utf-8")
    except (FailedRunError, OSError) as error:
        print(f"bench_growth: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        tell("")
    print_table(_rows(series))
    return 0


def _rows(series: Sequence[Series]) -> list[list[str]]:
    rows = [["network", "lines", "wall s", "x floor", "us/line", "peak MiB"]]
    for title, results in series:
        for result in results:
            lines, seconds = result.case.lines, median(result.seconds)
            rows.append(
                [
                    title,
                    f"{lines:,}",
                    f"{seconds:.2f}",
                    f"{median(result.ratios):.1f}",
                    f"{seconds / lines * 1e6:.2f}",
                    f"{_mebibytes(result):,.0f}",
                ]
            )
    return rows


def _seconds(result: Result) -> float:
    return median(result.seconds)


def _mebibytes(result: Result) -> float:
    return max(result.peak_bytes) / 2**20


def picture(series: Sequence[Series]) -> str:
    """Return an SVG drawing of two charts: time and peak memory by lines."""
    width, height = 2 * WIDTH + 40, HEIGHT + 20 + 20 * len(series)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        *_chart(series, 0, "seconds", _seconds),
        *_chart(series, WIDTH + 20, "MiB at most", _mebibytes),
    ]
    for place, each in enumerate(series):
        y = HEIGHT + 10 + 20 * place
        parts += [
            f'<circle cx="{LEFT}" cy="{y - 4}" r="4" fill="{COLOURS[place]}"/>',
            f'<text x="{LEFT + 12}" y="{y}">{each.title}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def _chart(
    series: Sequence[Series], left: int, title: str, value_of: Callable[[Result], float]
) -> list[str]:
    lines = sorted({result.case.lines for each in series for result in each.results})
    most = _round_up(max(value_of(result) for each in series for result in each.results))

    def place(count: float, value: float) -> tuple[float, float]:
        x = left + LEFT + (WIDTH - LEFT - 20) * count / lines[-1]
        return x, HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / most

    parts = [f'<text x="{left + LEFT}" y="24" font-weight="bold">{title}</text>']
    for quarter in range(5):
        value = most * quarter / 4
        (x, y), (end, _) = place(0, value), place(lines[-1], value)
        parts += [
            f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{end:.1f}" y2="{y:.1f}" stroke="#ddd"/>',
            f'<text x="{x - 8:.1f}" y="{y + 4:.1f}" text-anchor="end">{value:,g}</text>',
        ]
    for count in lines:
        x, y = place(count, 0)
        text = f"{count / 1e6:g} million" if count == lines[-1] else f"{count / 1e6:g}"
        parts.append(f'<text x="{x:.1f}" y="{y + 20:.1f}" text-anchor="middle">{text}</text>')
    x, y = place(lines[-1] / 2, 0)
    parts.append(f'<text x="{x:.1f}" y="{y + 40:.1f}" text-anchor="middle">lines</text>')
    for colour, each in zip(COLOURS, series, strict=False):
        points = [place(result.case.lines, value_of(result)) for result in each.results]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
    return parts


def _round_up(value: float) -> float:
    """Return a round number that is at least ``value``."""
    step = 1.0
    while step * 10 <= value:
        step *= 10
    while step > value:
        step /= 10
    return next(
        step * factor for factor in (1, 1.2, 1.6, 2, 3, 4, 6, 8, 10) if step * factor >= value
    )


if __name__ == "__main__":
    sys.exit(main())
