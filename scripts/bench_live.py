"""Times how long a line of a live stream takes until it is in the flagged file.

A slow writer sends one flagged purchase after another to the program's standard input and
waits for each to appear. Nothing is asserted about time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import workload

ROOT: Final = Path(__file__).resolve().parents[1]
PAUSE_SECONDS: Final = 0.02
TIME: Final = "2017-06-15 00:00:00"


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog="example:\n  python scripts/bench_live.py --lines 500000"
    )
    parser.add_argument("--lines", type=int, default=500_000, help="lines of the batch")
    parser.add_argument("--flags", type=int, default=200, help="flagged purchases to send")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workload.write(workload.Workload(lines=options.lines), folder)
        times = latencies(folder, options.flags)
    times.sort()
    print(
        f"{len(times)} flagged lines behind {options.lines:,} events: median "
        f"{median(times):.1f} ms, 99 of 100 within {times[len(times) * 99 // 100]:.1f} ms, "
        f"longest {times[-1]:.1f} ms from the write to the pipe to the flagged file"
    )


def latencies(folder: Path, flags: int) -> list[float]:
    """Return the milliseconds that each flagged line took."""
    flagged = folder / "flagged.json"
    command = [sys.executable, "-m", "replay", "-q", str(folder / "batch_log.json"), "-"]
    process = subprocess.Popen(
        [*command, str(flagged)], cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin is not None
    times: list[float] = []
    size = 0
    for number in range(flags + 1):
        *others, flag = lines(number)
        process.stdin.write(b"".join(others))
        process.stdin.flush()
        time.sleep(PAUSE_SECONDS)
        began = time.perf_counter()
        process.stdin.write(flag)
        process.stdin.flush()
        while not flagged.exists() or flagged.stat().st_size <= size:
            time.sleep(0.0002)
        times.append((time.perf_counter() - began) * 1e3)
        size = flagged.stat().st_size
    process.stdin.close()
    process.wait()
    # The first one waits for the past.
    return times[1:]


def lines(number: int) -> list[bytes]:
    """Return lines of two new users, of which the last is a purchase that is flagged."""
    one, other = f"one{number}", f"other{number}"
    pair = {"id1": one, "id2": other}
    events = [
        {"event_type": "purchase", "timestamp": TIME, "id": other, "amount": "1.00"},
        {"event_type": "purchase", "timestamp": TIME, "id": other, "amount": "2.00"},
        {"event_type": "befriend", "timestamp": TIME, **pair},
        {"event_type": "purchase", "timestamp": TIME, "id": one, "amount": "99.00"},
    ]
    return [json.dumps(event).encode() + b"\n" for event in events]


if __name__ == "__main__":
    main()
