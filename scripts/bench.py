"""Times whole runs of the program on generated logs, beside the floor for any such run.

Each measurement is a pair: `scripts/floor.py` only decodes the batch, then the program
does everything. What disturbs the machine disturbs both, so that their ratio says more
than the seconds. Nothing is asserted about time; a run that fails is an error.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

SCRIPTS: Final = Path(__file__).resolve().parent
PHASE: Final = re.compile(r"^phase (.+): ([0-9.]+) s$", re.MULTILINE)
# What the operating system counts peak memory in.
RSS_UNIT_BYTES: Final = 1 if sys.platform == "darwin" else 1024


class FailedRunError(Exception):
    """A command that was to be timed failed; the message holds what it said."""


@dataclasses.dataclass(frozen=True)
class Case:
    """A workload and the degree to judge it at."""

    name: str
    """What ``--case`` calls it."""
    users: int
    lines: int
    """Lines of the batch."""
    stream_lines: int
    degrees: int
    """D."""
    hubs: int = 0
    """How many users are in half of all friendships."""

    @property
    def title(self) -> str:
        """Return the case in words."""
        return (
            f"{self.name}: {self.lines:,} past, {self.stream_lines:,} new, "
            f"{self.users:,} users, D={self.degrees}"
        )


CASES: Final = (
    Case("d2", 10_000, 500_000, 1_000, 2),
    Case("d3", 10_000, 500_000, 1_000, 3),
    Case("stream", 10_000, 500_000, 20_000, 2),
    Case("stream3", 10_000, 500_000, 20_000, 3),
    Case("small", 500, 5_000, 200, 2),
    Case("large", 1_000_000, 5_000_000, 1_000, 2),
)
DEFAULT_CASES: Final = ("d2", "d3", "stream")


@dataclasses.dataclass(frozen=True)
class Timing:
    """What one command took."""

    seconds: float
    """From its start to its end, interpreter and all."""
    peak_bytes: int
    """The most memory that it held at any time."""
    stdout: str
    stderr: str
    processor_seconds: float
    """How much of that it was at work for, on all cores."""


@dataclasses.dataclass(frozen=True)
class Result:
    """What the runs of one case took, one entry for each run."""

    case: Case
    seconds: list[float]
    floor_seconds: list[float]
    peak_bytes: list[int]
    phases: list[dict[str, float]]
    """Seconds by phase, as the program reports them."""
    shared: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    """Seconds with other numbers of workers, by what they are called, next to each run with one."""

    @property
    def ratios(self) -> list[float]:
        """Return each run as a multiple of the floor that was run just before it."""
        return [run / floor for run, floor in zip(self.seconds, self.floor_seconds, strict=True)]

    @property
    def events_per_second(self) -> float:
        """Return the lines of both logs through the median time."""
        return (self.case.lines + self.case.stream_lines) / median(self.seconds)

    def phase_medians(self) -> dict[str, float]:
        """Return the median seconds of each phase."""
        return {name: median(run[name] for run in self.phases) for name in self.phases[0]}


def timed(command: Sequence[str | Path], folder: Path) -> Timing:
    """Run ``command``, keeping its output in ``folder``, and return what it took.

    Raises:
        FailedRunError: it ended with another status than 0.

    """
    outputs = [folder / "stdout", folder / "stderr"]
    # Files rather than pipes: only wait4 tells the memory of this one child, and it
    # cannot wait and read at the same time.
    with outputs[0].open("wb") as stdout, outputs[1].open("wb") as stderr:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr, cwd=SCRIPTS.parent)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    texts = [path.read_text(errors="replace") for path in outputs]
    if process.returncode:
        words = " ".join(map(str, command))
        raise FailedRunError(f"expected status 0, found {process.returncode}: {words}\n{texts[1]}")
    peak, processor = usage.ru_maxrss * RSS_UNIT_BYTES, usage.ru_utime + usage.ru_stime
    return Timing(seconds, peak, texts[0], texts[1], processor)


def workload(case: Case, cache: Path) -> Path:
    """Return the folder with the logs of ``case``, generated in ``cache`` unless there.

    Raises:
        FailedRunError: they cannot be generated.

    """
    script = SCRIPTS / "workload.py"
    version = zlib.crc32(script.read_bytes())
    hubs = f"-hubs{case.hubs}" if case.hubs else ""
    name = f"users{case.users}-lines{case.lines}-stream{case.stream_lines}{hubs}-{version:08x}"
    logs = cache / name
    if not logs.is_dir():
        # Half a workload must not be taken for a whole one. A process of its own:
        # a child is charged with the memory that its parent holds when it starts.
        sizes = [
            *("--users", case.users, "--lines", case.lines),
            *("--stream-lines", case.stream_lines, "--hubs", case.hubs),
        ]
        with tempfile.TemporaryDirectory(prefix="half-", dir=cache) as text:
            half = Path(text)
            timed([sys.executable, script, half / "logs", *map(str, sizes)], half)
            (half / "logs").rename(logs)
    return logs


def measure(
    case: Case,
    runs: int,
    cache: Path,
    tell: Callable[[str], None],
    chosen: Mapping[str, Sequence[str]],
) -> Result:
    """Run floor and program on ``case`` in turns, ``runs`` times each.

    Args:
        case: what is run on.
        runs: how often.
        cache: where the logs are, or are to be.
        tell: is told what goes on.
        chosen: options of what runs in turns with one worker, by what it is called; where there is
            nothing, there are as many workers as the program chooses.

    Raises:
        FailedRunError: one of the runs failed or counted wrong.

    """
    tell(f"{case.name}: workload")
    logs = workload(case, cache)
    batch, stream = logs / "batch_log.json", logs / "stream_log.json"
    result = Result(case, [], [], [], [])
    for number in range(1, runs + 1):
        tell(f"{case.name}: run {number} of {runs}")
        with tempfile.TemporaryDirectory(prefix="run-", dir=cache) as text:
            folder = Path(text)
            floor = timed([sys.executable, SCRIPTS / "floor.py", batch], folder)
            if int(floor.stdout) != case.lines:
                raise FailedRunError(
                    f"floor: expected {case.lines:,} events, found {floor.stdout.strip()}"
                )
            program = [sys.executable, "-m", "replay", "-v", "-D", str(case.degrees)]
            words: list[str | Path] = [
                *program,
                batch,
                stream,
                folder / "flagged.json",
                "--overwrite",
            ]
            run = timed([*words, *(["--workers", "1"] if chosen else [])], folder)
            for name, more in chosen.items():
                taken = timed([*words, *more], folder).seconds
                result.shared.setdefault(name, []).append(taken)
        result.seconds.append(run.seconds)
        result.floor_seconds.append(floor.seconds)
        result.peak_bytes.append(run.peak_bytes)
        result.phases.append({name: float(text) for name, text in PHASE.findall(run.stderr)})
    return result


def ways(workers: int | None, ray: str | None) -> dict[str, list[str]]:
    """Return the options of all ways to share the work of a run, by what they are called.

    Args:
        workers: how many share it; None: nobody does.
        ray: the address of a cluster where they are, too.

    """
    if workers is None:
        return {}
    several = {each: [f"--{each}", str(workers)] for each in ("workers", "shards")}
    found = {f"{workers} {each}": words for each, words in several.items()}
    if ray is not None:
        for each, words in several.items():
            found[f"{workers} {each}, Ray"] = [*words, "--ray", ray]
    return found | {"by default": []}


def run_rows(results: Sequence[Result]) -> list[list[str]]:
    """Return a table of whole runs: the headings, then a row for each of ``results``."""
    headings = ["case", "wall s", "events/s", "peak MiB", "floor s", "x floor", "min - max"]
    rows = [
        [
            result.case.name,
            f"{median(result.seconds):.2f}",
            f"{result.events_per_second:,.0f}",
            f"{max(result.peak_bytes) / 2**20:,.0f}",
            f"{median(result.floor_seconds):.2f}",
            f"{median(result.ratios):.1f}",
            f"{min(result.ratios):.1f} - {max(result.ratios):.1f}",
        ]
        for result in results
    ]
    return [headings, *rows]


def phase_rows(results: Sequence[Result]) -> list[list[str]]:
    """Return a table of the time by phase: the headings, then a row for each of ``results``."""
    phases = [result.phase_medians() for result in results]
    names = list(dict.fromkeys(name for times in phases for name in times))
    rows = [["case", *(f"{name} s" for name in names)]]
    for result, times in zip(results, phases, strict=True):
        cells = (f"{times[name]:.2f}" if name in times else "" for name in names)
        rows.append([result.case.name, *cells])
    return rows


def shared_rows(results: Sequence[Result]) -> list[list[str]]:
    """Return a table of runs with workers: the headings, then a row for each of ``results``."""
    names = list(results[0].shared)
    rows = [
        ["case", "1 worker s", *(f"{each} {unit}" for each in names for unit in ("s", "x one"))]
    ]
    for result in results:
        cells = []
        for seconds in result.shared.values():
            ratios = [some / one for some, one in zip(seconds, result.seconds, strict=True)]
            cells += [f"{median(seconds):.2f}", f"{median(ratios):.2f}"]
        rows.append([result.case.name, f"{median(result.seconds):.2f}", *cells])
    return rows


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print a table, ruled on a terminal and else in plain columns."""
    if sys.stdout.isatty():
        from rich.console import Console  # noqa: PLC0415  not needed for plain text
        from rich.table import Table  # noqa: PLC0415

        table = Table()
        for place, heading in enumerate(rows[0]):
            table.add_column(heading, justify="right" if place else "left", no_wrap=True)
        for row in rows[1:]:
            table.add_row(*row)
        Console().print(table)
        return
    print()
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *rest in rows:
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        print("  ".join([first.ljust(widths[0]), *cells]))


def as_json(results: Sequence[Result], runs: int) -> str:
    """Return ``results`` as one JSON object, with every single run."""
    cases: list[dict[str, Any]] = [
        dataclasses.asdict(result)
        | {"ratios": result.ratios, "events_per_second": result.events_per_second}
        for result in results
    ]
    machine = {"python": platform.python_version(), "cores": os.cpu_count()}
    return json.dumps(machine | {"runs": runs, "cases": cases}, indent=2)


@contextlib.contextmanager
def cache_folder(keep: Path | None) -> Iterator[Path]:
    """Give the folder for the workloads: ``keep``, or one that is removed in the end."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="replay-bench-") as folder:
            yield Path(folder)
    else:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status.

    Args:
        arguments: the words after the program's name, by default those of the process.

    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.ray is not None and options.workers is None:
        parser.error("--ray: expected --workers N beside it, found none")
    names = options.case or options.preset or DEFAULT_CASES
    runs = options.runs or (1 if options.preset else 5)
    tell = teller()
    try:
        with cache_folder(options.keep) as cache:
            results = [
                measure(case, runs, cache, tell, ways(options.workers, options.ray))
                for name in dict.fromkeys(names)
                for case in CASES
                if case.name == name
            ]
    except (FailedRunError, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        tell("")
    if options.json:
        print(as_json(results, runs))
    else:
        times = "1 run" if runs == 1 else f"median of {runs} runs"
        print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {times}")
        for result in results:
            print(f"  {result.case.title}")
        print_table(run_rows(results))
        print_table(phase_rows(results))
        if options.workers is not None:
            print_table(shared_rows(results))
    return 0


def teller() -> Callable[[str], None]:
    """Return a function that says on a terminal what goes on, each time on the same line."""
    if not sys.stderr.isatty():
        return lambda _: None
    return lambda text: print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {case.title}" for case in CASES)
    parser = argparse.ArgumentParser(
        prog="bench.py",
        description="Time whole runs of the program on generated logs, beside the floor.",
        epilog=f"cases:\n{listed}\n\nexample:\n  python scripts/bench.py --case d3 --runs 3\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--case",
        action="append",
        metavar="NAME",
        choices=[case.name for case in CASES],
        help=f"a case to run, may be given again (default: {' '.join(DEFAULT_CASES)})",
    )
    for name, text in (("small", "takes seconds"), ("large", "needs some minutes and GiB")):
        which.add_argument(
            f"--{name}",
            dest="preset",
            action="store_const",
            const=(name,),
            help=f"only the case {name}, 1 run; {text}",
        )
    parser.add_argument(
        "--runs", type=_runs, metavar="N", help="how often to run each case (default: 5)"
    )
    parser.add_argument(
        "--workers",
        type=_runs,
        metavar="N",
        help="run each case with one worker, and next to that with N, with N shards, and with as "
        "many as the program chooses by itself",
    )
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="with --workers, also run each case with workers and with shards in this cluster; "
        "with local, each time one is started, which takes seconds",
    )
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep the logs in DIR and use those that are there"
    )
    parser.add_argument(
        "--json", action="store_true", help="print every run as JSON instead of a table"
    )
    return parser


def _runs(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"expected a number from 1, found {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
