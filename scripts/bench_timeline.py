"""Times going to moments of a history: opening, jumps, and single steps.

Makes logs of the given size, runs the program on them, and then visits the store that
it leaves. Nothing is asserted about time.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import workload

import replay
from replay.purchases.moment import Moment

if TYPE_CHECKING:
    from collections.abc import Callable

JUMPS = 30
STEPS = 1_000


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog="example:\n  python scripts/bench_timeline.py --lines 500000"
    )
    parser.add_argument("--lines", type=int, default=500_000, help="lines of the batch")
    parser.add_argument("--store", type=Path, help="visit this store instead of a new one")
    options = parser.parse_args()
    if options.store is not None:
        visit(options.store)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workload.write(workload.Workload(lines=options.lines), folder)
        with replay.Logs(folder / "batch_log.json", folder / "stream_log.json") as logs:
            summary = replay.run(logs, folder / "flagged.json")
        # In a process of its own, as a command that looks at a store would be.
        command = [sys.executable, __file__, "--store", str(summary.store_path)]
        subprocess.run(command, check=True)


def visit(store: Path) -> None:
    """Print how long it takes to open ``store`` and to move about in it."""
    began = time.perf_counter()
    timeline = replay.Timeline(store)
    timeline.goto(len(timeline))
    print(f"{len(timeline):,} events; opening and going to the end: {since(began):,.0f} ms")
    drawn = random.Random(1)
    jumps = [timed(timeline.goto, drawn.randrange(len(timeline))) for _ in range(JUMPS)]
    print(f"{JUMPS} jumps: median {median(jumps):.0f} ms, longest {max(jumps):.0f} ms")
    timeline.goto(len(timeline))
    for name, step in (("back", timeline.back), ("next", timeline.next)):
        steps = [timed(step) for _ in range(STEPS)]
        print(f"{STEPS:,} times {name}: median {median(steps):.3f} ms, longest {max(steps):.3f} ms")
    # The first question of all makes the index.
    timeline.history.journal.friends(0, len(timeline))
    for degrees in (2, 3):
        spent = [windowed(timeline, drawn, degrees) for _ in range(JUMPS)]
        print(
            f"{JUMPS} windows at D={degrees} T=50, as of any event: median {median(spent):.1f} ms, "
            f"longest {max(spent):.1f} ms"
        )
    timeline.close()


def windowed(timeline: replay.Timeline, drawn: random.Random, degrees: int) -> float:
    """Return how long the baseline of a random user as of a random event takes, in milliseconds."""
    journal = timeline.history.journal
    number = drawn.randrange(len(timeline))
    user = int(journal.buyers[number])
    return timed(Moment(journal, number).baseline, user, degrees, 50)


def timed(do: Callable[..., object], *arguments: int) -> float:
    """Return how long a call takes, in milliseconds."""
    began = time.perf_counter()
    do(*arguments)
    return since(began)


def since(began: float) -> float:
    """Return the milliseconds since ``began``."""
    return (time.perf_counter() - began) * 1e3


if __name__ == "__main__":
    main()
