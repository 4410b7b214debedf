"""Times searches for intervals beside programs that only decode the same observations.

Each measurement is a pair, run one after the other, as in `scripts/bench.py`. The floor
for JSON lines decodes them with msgspec, for CSV it reads the rows with the csv module.
Nothing is asserted about time.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

import msgspec
from bench import SCRIPTS, print_table, timed

if TYPE_CHECKING:
    from collections.abc import Sequence

ROWS: Final = 5_000_000
SMALL_ROWS: Final = 20_000
BLOCK_BYTES: Final = 1 << 16
CASES: Final = (
    ("csv", ".csv", 0, ()),
    ("jsonl", ".jsonl", 0, ()),
    ("csv, 10,000 keys", ".csv", 10_000, ("--by", "address")),
    ("jsonl, 10,000 keys", ".jsonl", 10_000, ("--by", "address")),
    # Windows of 15,000 rows with as many ids nearly, and never enough of them.
    ("csv, nothing qualifies", ".csv", 10_000, ("--min-distinct", "1000000")),
)


class Row(msgspec.Struct, gc=False):
    """An observation as a file of JSON lines spells it."""

    time: str
    adid: str
    address: str = ""


def count_rows(path: Path) -> int:
    """Decode the observations at ``path`` and do nothing else."""
    if path.suffix == ".csv":
        import csv  # noqa: PLC0415  the other floor does not need it

        with path.open(newline="", encoding="utf-8") as text:
            return sum(1 for _ in csv.reader(text)) - 1
    decode_lines = msgspec.json.Decoder(Row).decode_lines
    count, rest = 0, b""
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            data = rest + block
            end = data.rfind(b"\n") + 1
            count += len(decode_lines(data[:end]))
            rest = data[end:]
    return count


def measure(suffix: str, keys: int, options: Sequence[str], rows: int, runs: int) -> list[str]:
    """Return a row of the table for one case."""
    seconds, floors, peaks = [], [], []
    with tempfile.TemporaryDirectory(prefix="intervals-") as name:
        folder = Path(name)
        source = folder / f"in{suffix}"
        make = [SCRIPTS / "observations.py", source, "--rows", str(rows), "--keys", str(keys)]
        subprocess.run([sys.executable, *map(str, make)], check=True)
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "replay",
            "intervals",
            source,
            folder / "out.json",
        ]
        command += ["--threshold", "10m", "--overwrite", *options]
        for _ in range(runs):
            floor = timed([sys.executable, Path(__file__), "--floor", source], folder)
            if int(floor.stdout) != rows:
                raise SystemExit(f"floor: expected {rows} rows, found {floor.stdout}")
            run = timed(command, folder)
            if f"{rows:,} observations" not in run.stderr:
                raise SystemExit(f"run: expected {rows:,} observations, found {run.stderr}")
            seconds.append(run.seconds)
            floors.append(floor.seconds)
            peaks.append(run.peak_bytes)
    ratios = [run / floor for run, floor in zip(seconds, floors, strict=True)]
    return [
        f"{median(seconds):.2f}",
        f"{rows / median(seconds):,.0f}",
        f"{max(peaks) / 2**20:,.0f}",
        f"{median(floors):.2f}",
        f"{median(ratios):.1f}",
        f"{min(ratios):.1f} - {max(ratios):.1f}",
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="example:\n  python scripts/bench_intervals.py --rows 1000000",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--rows", type=int, default=ROWS, help=f"default: {ROWS:,}")
    parser.add_argument("--runs", type=int, default=3, help="runs of each case (default: 3)")
    parser.add_argument("--small", action="store_true", help="takes seconds")
    parser.add_argument("--floor", type=Path, metavar="FILE", help="only decode FILE")
    options = parser.parse_args(arguments)
    if options.floor is not None:
        print(count_rows(options.floor))
        return 0
    rows, runs = (SMALL_ROWS, 1) if options.small else (options.rows, options.runs)
    table = [["case", "wall s", "rows/s", "peak MiB", "floor s", "x floor", "min - max"]]
    for name, suffix, keys, words in CASES:
        table.append([name, *measure(suffix, keys, words, rows, runs)])
    print(f"{rows:,} observations, median of {runs}")
    print_table(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
