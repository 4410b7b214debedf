"""Times searches for intervals beside programs that only decode the same observations.

Each measurement is a pair, run one after the other, as in `scripts/bench.py`. The floor
for JSON lines decodes them with msgspec, for CSV it reads the rows with the csv module.
Where pyarrow or polars is installed (the extra `bench`), programs that find the same with
these and numpy are run, too; and columns and frames of pandas, polars, pyarrow and numpy are
searched beside lists of texts. What is told is processor time. Nothing is asserted about it.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import random
import subprocess
import sys
import tempfile
import time
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import msgspec
from bench import SCRIPTS, print_table, timed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROWS: Final = 5_000_000
SMALL_ROWS: Final = 20_000
BLOCK_BYTES: Final = 1 << 16
ONE_WINDOW_SECONDS: Final = 90_000 * 86_400
CASES: Final = (
    ("csv", ".csv", 0, ()),
    ("jsonl", ".jsonl", 0, ()),
    ("csv, 10,000 keys", ".csv", 10_000, ("--by", "address")),
    ("jsonl, 10,000 keys", ".jsonl", 10_000, ("--by", "address")),
    # Windows of 15,000 rows with as many ids nearly, and never enough of them.
    ("csv, nothing qualifies", ".csv", 10_000, ("--min-distinct", "1000000")),
    ("csv, one window", ".csv", 0, ("--threshold", f"{ONE_WINDOW_SECONDS}s")),
)
# A row a second, so that each row ends a window of 600: of how many ids, and how they are drawn.
DENSE: Final = (("8 ids", 8, 0.0), ("Zipf ids", 5_000, 1.3))
DENSE_SHARE: Final = 50


class Row(msgspec.Struct, gc=False):
    """An observation as a file of JSON lines spells it."""

    time: str
    adid: str
    address: str = ""


def sum_of_lines(path: Path) -> tuple[int, int]:
    """Return what the lines of a file come to, in any order.

    What this process holds in memory would count as that of the programs that it starts.
    """
    count = total = 0
    with path.open("rb") as lines:
        for count, line in enumerate(lines, 1):  # noqa: B007  the last one is how many there are
            total += hash(line)
    return count, total


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


def write_dense(path: Path, rows: int, ids: int, skew: float) -> None:
    """Write a row a second, of so many ids; the n-th is drawn as often as n^-skew says."""
    drawn = random.Random(1)
    weights = [(n + 1) ** -skew for n in range(ids)]
    start = dt.datetime(2020, 1, 1)  # noqa: DTZ001  has no zone
    with path.open("w", encoding="utf-8") as file:
        file.write("time,adid\n")
        for second, adid in enumerate(drawn.choices(range(ids), weights, k=rows)):
            file.write(f"{start + dt.timedelta(seconds=second)},id{adid:06x}\n")


def measure(
    suffix: str, options: Sequence[str], rows: int, runs: int, make: Callable[[Path], None]
) -> list[str]:
    """Return a row of the table for one case, whose observations ``make`` writes."""
    from interval_peers import PEERS, installed  # noqa: PLC0415  takes numpy; the floors do not

    seconds, floors, peaks = [], [], []
    peers: dict[str, list[float]] = {name: [] for name in PEERS}
    with tempfile.TemporaryDirectory(prefix="intervals-") as name:
        folder = Path(name)
        source = folder / f"in{suffix}"
        make(source)
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
            seconds.append(run.processor_seconds)
            floors.append(floor.processor_seconds)
            peaks.append(run.peak_bytes)
            if suffix == ".csv" and "--min-distinct" not in options:
                for peer in installed():
                    program = str(SCRIPTS / "interval_peers.py")
                    beside = [program, peer, str(source), str(folder / "peer.json")]
                    if "--threshold" in options:
                        beside += ["--threshold", str(ONE_WINDOW_SECONDS)]
                    found = timed([sys.executable, *beside], folder)
                    peers[peer].append(found.processor_seconds)
                    if sum_of_lines(folder / "peer.json") != sum_of_lines(folder / "out.json"):
                        raise SystemExit(f"{peer}: expected the same intervals, found others")
    ratios = [run / floor for run, floor in zip(seconds, floors, strict=True)]
    return [
        f"{median(seconds):.2f}",
        f"{rows / median(seconds):,.0f}",
        f"{max(peaks) / 2**20:,.0f}",
        f"{median(floors):.2f}",
        f"{median(ratios):.1f}",
        f"{min(ratios):.1f} - {max(ratios):.1f}",
        *(f"{median(each):.2f}" if each else "" for each in peers.values()),
    ]


def columns(rows: int) -> dict[str, tuple[tuple[Any, ...], dict[str, str]]]:
    """Return the same observations in columns and frames of each kind that is installed.

    They are what `find_intervals` is given besides the threshold: some by place, some by name.
    """
    import numpy as np  # noqa: PLC0415  the floors do not need it

    with tempfile.TemporaryDirectory(prefix="intervals-") as name:
        source = Path(name) / "in.csv"
        write_observations(source, rows, 0)
        pairs = [line.split(",") for line in source.read_text().splitlines()[1:]]
    times, ids = [time for time, _ in pairs], [adid for _, adid in pairs]
    seconds = np.array(times, "M8[s]")
    found: dict[str, tuple[tuple[Any, ...], dict[str, str]]] = {
        "lists of text": ((times, ids), {}),
        "lists of datetimes": ((seconds.tolist(), ids), {}),
        "numpy": ((seconds, ids), {}),
    }
    for library, make, unit in (
        ("pandas", "DataFrame", "ns"),
        ("polars", "DataFrame", "us"),
        ("pyarrow", "table", "us"),
    ):
        if find_spec(library):
            data = {"time": seconds.astype(f"M8[{unit}]"), "text": times, "adid": ids}
            frame = getattr(import_module(library), make)(data)
            found[library] = ((frame["time"], frame["adid"]), {})
            found[f"{library}, text"] = ((frame["text"], frame["adid"]), {})
            found[f"{library}, frame"] = ((frame,), {"time": "time", "id": "adid"})
    return found


def measure_columns(rows: int, runs: int) -> list[list[str]]:
    """Return a table of what columns of each kind take."""
    sys.path.insert(0, str(SCRIPTS.parent))
    from replay import find_intervals  # noqa: PLC0415  the floors do not need it

    find: Callable[..., Any] = find_intervals
    table = [["columns", "processor s"]]
    for name, (given, names) in columns(rows).items():
        took = []
        for _ in range(runs):
            began = time.process_time()
            find(*given, "10m", **names)
            took.append(time.process_time() - began)
        table.append([name, f"{median(took):.3f}"])
    return table


def write_observations(path: Path, rows: int, keys: int) -> None:
    """Write rows as `scripts/observations.py` does."""
    make = [SCRIPTS / "observations.py", path, "--rows", str(rows), "--keys", str(keys)]
    subprocess.run([sys.executable, *map(str, make)], check=True)


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
    # The program has numpy start no threads for algebra, so nor do those beside it.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from interval_peers import PEERS  # noqa: PLC0415  takes numpy; the floors do not

    rows, runs = (SMALL_ROWS, 1) if options.small else (options.rows, options.runs)
    heading = ["case", "processor s", "rows/s", "peak MiB", "floor s", "x floor", "min - max"]
    table = [[*heading, *PEERS]]
    for name, suffix, keys, words in CASES:
        make = partial(write_observations, rows=rows, keys=keys)
        table.append([name, *measure(suffix, words, rows, runs, make)])
    few = rows // DENSE_SHARE
    for name, ids, skew in DENSE:
        dense = partial(write_dense, rows=few, ids=ids, skew=skew)
        table.append([f"csv, {few:,} dense, {name}", *measure(".csv", (), few, runs, dense)])
    print(f"{rows:,} observations, median of {runs}")
    print_table(table)
    print_table(measure_columns(rows // 5, runs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
