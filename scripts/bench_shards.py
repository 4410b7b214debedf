"""Measures runs whose users are spread over shards, all in this process, beside those of one.

Of each number of shards: processor time of the run over that of one process, run in turns; per
purchase that is judged the messages, the bytes between shards and between them and the first
process, and the time of the shard that took longest and of the first process; and the memory of
a process that holds one shard over that of the whole run in one. At the end a model, marked so.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import msgspec
import numpy as np
from bench import (
    RSS_UNIT_BYTES,
    Case,
    FailedRunError,
    cache_folder,
    print_table,
    teller,
    timed,
    workload,
)

import replay
from actors.purchases.shard import Round, Shard
from events.journal.packing import pack, pack_ascending
from replay.judging.shards import InProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

COUNTS: Final = (1, 2, 4, 8, 16)
MODELLED: Final = (16, 64, 256)
TRACKED: Final = 50
# What a message costs that goes to another machine, in the model: 0.1 ms there and back.
MESSAGE_SECONDS: Final = 1e-4


class Measured(InProcess):
    """Notes how many bytes go where, and how long each shard is at work."""

    def __init__(self, count: int, taken: Path | None = None) -> None:
        """Measure ``count`` shards; put the blocks that the first one takes in file ``taken``."""
        super().__init__(count)
        self.messages = self.between = self.first = self.rounds = 0
        self.judging = [0.0] * count
        self.began = 0.0
        self._taken = None if taken is None else taken.open("wb")

    def call(self, place: int, name: str, given: Any) -> Any:
        """Call a method of a shard."""
        if name == "take" and self._taken is not None and not place:
            self._taken.write(len(given).to_bytes(8, "little") + given)
        began = time.process_time()
        if name == "start":
            self.began = self.began or began
        found = super().call(place, name, given)
        if self.began:
            self.judging[place] += time.process_time() - began
            if name not in ("take", "sums"):
                self._count(place, name, given, found)
        return found

    def _count(self, place: int, name: str, given: Any, found: Any) -> None:
        self.rounds += name == "start" and not place
        if isinstance(given, bytes):
            self.messages += 1
            self.first += len(given)
        if isinstance(found, bytes):
            self.messages += 1
            self.first += len(found)
        else:
            sizes = [len(part) for part in found[:-1]]
            self.messages += self.count - 1
            self.between += sum(sizes)

    def close(self) -> None:
        """End, and complete the file."""
        if self._taken is not None:
            self._taken.close()
        super().close()


@dataclass
class Figures:
    """What the runs with one number of shards took."""

    shards: int
    times: list[float] = field(default_factory=list)
    """Processor time over that of the run in one process that was next to it."""
    largest: float = 0.0
    """Microseconds a purchase of the shard that took longest."""
    first: float = 0.0
    """The same of the process that reads, writes and puts the answers together."""
    messages: float = 0.0
    """Messages a purchase."""
    rounds: float = 0.0
    """Rounds a purchase."""
    bytes_between: float = 0.0
    """Bytes a purchase that go from one shard to another."""
    bytes_first: float = 0.0
    """Bytes a purchase from and to the first process."""
    memory: float = 0.0
    """Peak memory of a process with one shard over that of the whole run in one."""


def run(degrees: int, logs: Path, out: Path, shards: Measured | None) -> tuple[float, int, bytes]:
    """Return processor time, purchases and the flagged lines of one run."""
    began = time.process_time()
    paths = logs / "batch_log.json", logs / "stream_log.json"
    with replay.Logs(*paths, degrees, TRACKED) as both:
        done = replay.run(both, out, overwrite=True, shards=shards)
    seconds = time.process_time() - began
    content = out.read_bytes() + Path(f"{out}.events").read_bytes()
    return seconds, done.judged, content


def measure(
    case: Case, counts: Sequence[int], runs: int, cache: Path, tell: Callable[[str], None]
) -> list[Figures]:
    """Return what ``case`` took with each number of shards.

    Raises:
        FailedRunError: an output is another one than that of one process.

    """
    logs = workload(case, cache)
    measured = [Figures(count) for count in counts]
    out, taken = cache / "flagged.json", cache / "taken"
    alone_too = [str(part) for part in (logs, out, case.degrees)]
    peak = int(timed([sys.executable, __file__, "--alone", *alone_too], cache).stdout)
    for figures in measured * runs:
        tell(f"{case.name}: {figures.shards} shards")
        alone, _, expected = run(case.degrees, logs, out, None)
        shards = Measured(figures.shards, taken)
        seconds, judged, found = run(case.degrees, logs, out, shards)
        if found != expected:
            raise FailedRunError(f"{figures.shards} shards: expected the outputs of one process")
        figures.times.append(seconds / alone)
        figures.largest = max(shards.judging) / judged * 1e6
        own = time.process_time() - shards.began - sum(shards.judging)
        figures.first = own / judged * 1e6
        figures.messages = shards.messages / judged
        figures.rounds = shards.rounds / judged
        figures.bytes_between = shards.between / judged
        figures.bytes_first = shards.first / judged
        held = timed([sys.executable, __file__, "--hold", taken, str(figures.shards)], cache)
        figures.memory = int(held.stdout) / peak
    return measured


def hold(taken: Path, shards: int) -> None:
    """Be a process that holds the first of some shards, as it is after the last block."""
    shard, encode = Shard(0, shards, TRACKED), msgspec.msgpack.encode
    with taken.open("rb") as file:
        while size := file.read(8):
            shard.take(file.read(int.from_bytes(size, "little")))
    zero = np.zeros(1, np.int64)
    number = pack_ascending(np.array([1 << 31], np.int64))
    found = shard.start(encode(Round(number, pack(zero), pack(zero))))
    shard.latest([b""] * len(found))


def peak_bytes() -> int:
    """Return the most memory that this process has held."""
    status = Path("/proc/self/status")
    if status.exists():
        # What wait4 tells counts what the parent held when it forked, too.
        (peak,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT_BYTES


def modelled(measured: Sequence[Figures]) -> list[list[str]]:
    """Return a table of what many machines would give, by a line through what was measured."""
    shares = np.array([[1.0, 1 / each.shards] for each in measured])
    counts = np.array([[1.0, each.shards] for each in measured])
    fixed, share = np.linalg.lstsq(shares, np.array([each.largest for each in measured]))[0]
    alone, each_more = np.linalg.lstsq(counts, np.array([each.first for each in measured]))[0]
    last = measured[-1]
    hops = (last.messages / last.rounds / last.shards - 2) / max(last.shards - 1, 1)
    rows = [["MODEL: shards", "us largest", "us first", "us messages", "purchases/s", "bottleneck"]]
    for shards in MODELLED:
        # Of a shard's own: it sends to all others in each hop.
        messages = last.rounds * (2 + hops * (shards - 1)) * MESSAGE_SECONDS * 1e6
        parts = {
            "each shard": max(fixed, 0.0) + share / shards,
            "the first process": alone + max(each_more, 0.0) * shards,
            "messages": messages,
        }
        slowest = max(parts, key=parts.__getitem__)
        rows.append(
            [
                str(shards),
                *(f"{value:,.0f}" for value in parts.values()),
                f"{1e6 / parts[slowest]:,.0f}",
                slowest,
            ]
        )
    return rows


def rows_of(measured: Sequence[Figures]) -> list[list[str]]:
    """Return a table of what was measured: the headings, then a row for each."""
    rows = [
        [
            "shards",
            *("x one", "min - max", "us largest", "us first", "messages"),
            *("B between", "B first", "x memory"),
        ]
    ]
    rows += [
        [
            str(each.shards),
            f"{median(each.times):.2f}",
            f"{min(each.times):.2f} - {max(each.times):.2f}",
            f"{each.largest:,.0f}",
            f"{each.first:,.0f}",
            f"{each.messages:.1f}",
            f"{each.bytes_between:,.0f}",
            f"{each.bytes_first:,.0f}",
            f"{each.memory:.2f}",
        ]
        for each in measured
    ]
    return rows


def main() -> int:
    """Measure and print a table for each case, or hold a shard."""
    options = _parser().parse_args()
    if options.hold or options.alone:
        if options.hold:
            hold(Path(options.hold[0]), int(options.hold[1]))
        else:
            logs, out, degrees = options.alone
            run(int(degrees), Path(logs), Path(out), None)
        print(peak_bytes())
        return 0
    lines, new = (5_000, 400) if options.small else (options.lines, options.stream_lines)
    users = 500 if options.small else options.users
    tell = teller()
    try:
        with cache_folder(options.keep) as cache:
            for name, hubs in (("uniform", 0), ("hubs", 10))[options.small :]:
                case = Case(name, users, lines, new, options.degrees, hubs)
                counts = COUNTS[:2] if options.small else options.counts
                measured = measure(case, counts, options.runs, cache, tell)
                tell("")
                print(f"\n{case.title}{', 10 hubs' * bool(hubs)}; figures a purchase")
                print_table(rows_of(measured))
                print_table(modelled(measured))
    except (FailedRunError, OSError) as error:
        print(f"bench_shards: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example:\n  python scripts/bench_shards.py --small\n",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--runs", type=int, metavar="N", default=3, help="of each (default: 3)")
    add("--small", action="store_true", help="few lines; takes seconds")
    add("--users", type=int, metavar="N", default=10_000, help="(default: 10,000)")
    add("--lines", type=int, metavar="N", default=500_000, help="of the past (default: 500,000)")
    add("--stream-lines", type=int, metavar="N", default=20_000, help="new (default: 20,000)")
    add("-D", "--degrees", type=int, metavar="N", default=2, help="D (default: 2)")
    add(
        "--counts",
        type=lambda text: tuple(map(int, text.split(","))),
        metavar="N,...",
        default=COUNTS,
        help="of shards (default: 1,2,4,8,16)",
    )
    add(
        "--keep", type=Path, metavar="DIR", help="keep the logs in DIR and use those that are there"
    )
    add("--hold", nargs=2, help=argparse.SUPPRESS)
    add("--alone", nargs=3, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
