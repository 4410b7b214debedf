"""Small histories from a seed, of purchases or of observations, and runs on them in here."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final, NamedTuple

import observations
import workload

import replay
from campaigns.cases import FLAGGED, SMALL, STORE, contents
from events.observations.rows import ColumnNames
from events.observations.source import Observations
from replay.intervals.run import Search, run_intervals
from replay.testing.disks import CountingDisk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from events.disk import Disk
    from replay.engine.listener import RunSummary

BATCH: Final = "batch.json"
STREAM: Final = "stream.json"
OBSERVATIONS: Final = "observations.csv"
THRESHOLD: Final = "10m"
# A purchase ten times as large as the others stands out among a few already.
_SHARES: Final = workload.Shares(0.3, 0.05)


class History(NamedTuple):
    """What a run reads, and what its output holds before."""

    logs: dict[str, bytes]
    """The batch and the stream, or the observations, by name."""
    before: bytes | None
    """What stands in the output, or None where there is none."""
    overwrite: bool
    """Whether the output is to be started afresh."""
    lateness: int | None = None
    """How late an observation may come, in minutes; None for purchases."""

    def words(self, folder: Path) -> list[str]:
        """Return the words of the command that runs it in ``folder``."""
        paths = [str(folder / "in" / name) for name in self.logs]
        paths.append(str(folder / "out" / FLAGGED))
        if self.lateness is None:
            return paths
        return [
            *("intervals", *paths, "--threshold", THRESHOLD, "--by", "address"),
            *("--lateness", f"{self.lateness}m"),
        ]


def small_history(seed: int) -> History:
    """Return a history of a few users and at most some fifty lines."""
    drawn = random.Random(f"history {seed}")
    settings = workload.Workload(
        users=drawn.randint(2, 6),
        lines=drawn.randint(0, 30),
        stream_lines=drawn.randint(0, 20),
        degrees=drawn.randint(1, 3),
        tracked=drawn.choice([2, 3, 5, 50]),
        seed=seed,
        batch_shares=_SHARES,
        stream_shares=_SHARES,
        spikes=0.3,
        late=0.1,
        bad=0.1,
        rate=drawn.choice([1.0, 5.0]),
    )
    generator = workload.Generator(settings)
    batch, stream = (b"".join(chunks) for chunks in (generator.batch(), generator.stream()))
    first, _, rest = batch.partition(b"\n")
    before = drawn.choice([None, None, b"", b"earlier\n", b"earlier"])
    logs = {BATCH: first + b"\n" + _respelled(rest, drawn), STREAM: _respelled(stream, drawn)}
    return History(logs, before, overwrite=bool(before) and drawn.random() < 0.4)


def small_search(seed: int) -> History:
    """Return observations of a few addresses, some late and some that are none."""
    drawn = random.Random(f"search {seed}")
    rows = list(observations.rows(drawn.randint(0, 40), drawn.randint(1, 4), 0.1, seed))
    lateness = drawn.choice([0, 30])
    for _ in range(len(rows) // 8 if lateness else 0):
        place = drawn.randrange(len(rows))
        rows.insert(max(place - 3, 0), rows.pop(place))
    lines = [b"time,adid,address", *(",".join(row).encode() for row in rows)]
    before = drawn.choice([None, None, b"", b"earlier\n", b"earlier"])
    content = b"\n".join(lines) + b"\n" * (drawn.random() < 0.7)
    overwrite = bool(before) and drawn.random() < 0.4
    return History({OBSERVATIONS: content}, before, overwrite, lateness)


def of_either_kind(seed: int) -> History:
    """Return the small history of ``seed``; every third is a search for intervals."""
    return small_search(seed) if seed % 3 == 2 else small_history(seed)


def _respelled(log: bytes, drawn: random.Random) -> bytes:
    """Write some lines in another way, and now and then leave out the last newline."""
    lines = log.split(b"\n")[:-1]
    for place, line in enumerate(lines):
        how = drawn.randrange(10)
        if how == 0:
            lines[place] = line.replace(b'", "', b'","')
        elif how == 1:
            lines[place] = b" " + line + b"\r"
    end = b"" if not lines or drawn.random() < 0.3 else b"\n"
    return b"\n".join(lines) + end


class Prepared(NamedTuple):
    """A history with what a run makes of it that nothing stops."""

    history: History
    expected: dict[str, bytes]
    """The outputs, by name."""
    operations: list[str]
    """What was done to files, in order."""


def prepared(seed: int, folder: Path, made: Callable[[int], History] = small_history) -> Prepared:
    """Return the history that is ``made`` of ``seed``, after a run in the empty ``folder``."""
    history, disk = made(seed), CountingDisk()
    begin(history, folder)
    run(history, folder, disk)
    return Prepared(history, contents(folder / "out"), disk.operations)


def begin(history: History, folder: Path) -> None:
    """Put the logs into the folder ``in`` of ``folder``, what stood before into ``out``."""
    for name in ("in", "out"):
        (folder / name).mkdir(parents=True)
    for name, content in history.logs.items():
        (folder / "in" / name).write_bytes(content)
    if history.before is not None:
        (folder / "out" / FLAGGED).write_bytes(history.before)


def overwrites(history: History, folder: Path) -> bool:
    """Tell whether a run now is to start afresh: not where one is to be gone on with."""
    return history.overwrite and not (folder / "out" / STORE).exists()


def run(history: History, folder: Path, disk: Disk) -> RunSummary:
    """Begin the run in ``folder``, or go on with it."""
    paths = [folder / "in" / name for name in history.logs]
    output = folder / "out" / FLAGGED
    overwrite = overwrites(history, folder)
    if history.lateness is None:
        with replay.Logs(paths[0], paths[1], portions=SMALL) as logs:
            return replay.run(logs, output, disk=disk, overwrite=overwrite)
    minute = 60 * 10**9
    what = Search(10 * minute, lateness=history.lateness * minute)
    with Observations(paths[0], ColumnNames(key="address"), portions=SMALL) as source:
        return run_intervals(source, output, what, disk=disk, overwrite=overwrite)
