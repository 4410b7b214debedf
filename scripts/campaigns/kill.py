"""Real processes are killed at random moments, of the first run and of those that go on.

Where workers judge, or shards, it may be one of them instead, and the run goes on by itself.

The number of a case gives the history, the moments and how often it is killed. A moment
is a part of the time that an uninterrupted run took, so where exactly a kill hits
differs from machine to machine.
"""

from __future__ import annotations

import gzip
import os
import random
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import observations
import workload

from campaigns.cases import (
    FLAGGED,
    STORE,
    Campaign,
    contents,
    expect,
    expect_outputs,
)
from campaigns.histories import OBSERVATIONS
from campaigns.program import finished, started
from campaigns.promise import check_promise

if TYPE_CHECKING:
    from collections.abc import Sequence

_SEEDS: Final = 3
_GONE_SECONDS: Final = 60


class Kind(NamedTuple):
    """What is special about a history."""

    before: bytes | None = None
    """What stands in the flagged file, or None where there is none."""
    newline: bool = True
    """Whether the logs end with one."""
    zipped: bool = False
    """Whether the logs are compressed."""
    degrees: int = 2
    spikes: float = 0.05
    late: float = 0.0
    bad: float = 0.0
    keys: int | None = None
    """Of how many addresses observations are, for a search for intervals; None: purchases."""
    live: bool = False
    """Whether they come through standard input, once more after each kill."""
    workers: int = 1
    """How many processes judge; the outputs that are expected are those of one."""
    shards: int = 0
    """Over how many shards users are spread, likewise; 0: none."""

    @property
    def has_workers(self) -> bool:
        """Whether other processes have a part in it."""
        return self.workers > 1 or self.shards > 0


KINDS: Final = (
    Kind(),
    Kind(late=0.1),
    Kind(workers=2, late=0.05),
    Kind(bad=0.02, before=b""),
    Kind(keys=40, bad=0.01),
    Kind(keys=40, bad=0.01, live=True),
    Kind(keys=0, zipped=True, newline=False),
    Kind(spikes=0.5),
    Kind(shards=3, late=0.05, bad=0.01),
    Kind(workers=3, degrees=3, bad=0.01),
    Kind(before=b"earlier\n" * 1_000),
    Kind(before=b"earlier", newline=False, bad=0.01),
    Kind(zipped=True, late=0.01, bad=0.01),
    Kind(degrees=3, newline=False),
)


class Uninterrupted(NamedTuple):
    """A history on which the program has run."""

    kind: Kind
    logs: list[Path]
    expected: dict[str, bytes]
    """The outputs, by name."""
    seconds: float
    """How long it took."""

    def words(self, out: Path) -> list[str | Path]:
        """Return the words of the command that writes to the folder ``out``."""
        return _words(self.kind, self.logs, out)

    @property
    def stdin(self) -> Path | None:
        """What comes through standard input."""
        return self.logs[0] if self.kind.live else None


class Kill(Campaign):
    """Each case is a run that is killed one to three times and then goes on to its end."""

    name = "kill"
    title = "processes are killed at random moments"
    small = 5
    full = 600

    def __init__(self, folder: Path) -> None:
        """Make no history before it is needed."""
        super().__init__(folder)
        self._histories: Final[dict[int, Uninterrupted]] = {}

    def case(self, number: int, folder: Path) -> None:
        """Kill, go on, compare, and run once more, which changes nothing."""
        one = self._history(number % (len(KINDS) * _SEEDS))
        drawn = random.Random(f"kill {number}")
        out = _empty(folder / "out", one.kind)
        words, said_file = one.words(out), folder / "said"
        for _ in range(drawn.randint(1, 3)):
            process = started(words, said_file, one.stdin)
            try:
                self._kill_workers(process, drawn, one)
                status = process.wait(drawn.random() * one.seconds)
            except subprocess.TimeoutExpired:
                workers = _workers_of(process)
                process.kill()
                process.wait()
                self.done["kills"] += 1
                check_promise(one.kind.before, out)
                _expect_gone(workers)
            else:
                said = said_file.read_text(errors="replace")
                expect(status == 0, f"expected status 0, found {status}: {said}")
                self.done["too late to kill"] += 1
        finished(words, said_file, one.stdin)
        expect_outputs(_lasting(one.kind, out), one.expected, "after the last kill")
        left = _lasting(one.kind, out)
        finished(words, said_file, one.stdin)
        found = _lasting(one.kind, out)
        expect(found == left, "expected a finished run to change nothing, found a change")
        if one.kind.live:
            finished(["verify", out / STORE], said_file)

    def _kill_workers(
        self, process: subprocess.Popen[bytes], drawn: random.Random, one: Uninterrupted
    ) -> None:
        """Kill some of the workers of ``process``, if there are any."""
        left = drawn.randrange(6) if one.kind.has_workers else 0
        while left and process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(drawn.random() * one.seconds / 20)
            workers = _workers_of(process)
            if workers:
                with suppress(ProcessLookupError):
                    os.kill(drawn.choice(workers), signal.SIGKILL)
                    self.done["workers killed"] += 1
                    left -= 1

    def _history(self, number: int) -> Uninterrupted:
        if number not in self._histories:
            kind = KINDS[number % len(KINDS)]
            folder = self.folder / f"history-{number}"
            logs = _write_logs(kind, number, folder)
            out = _empty(folder / "out", kind)
            began = time.perf_counter()
            finished(
                _words(kind._replace(workers=1, shards=0), logs, out),
                folder / "said",
                logs[0] if kind.live else None,
            )
            seconds = time.perf_counter() - began
            self._histories[number] = Uninterrupted(kind, logs, _lasting(kind, out), seconds)
        return self._histories[number]


def _workers_of(process: subprocess.Popen[bytes]) -> list[int]:
    """Return the processes that ``process`` has started; none where the system does not tell."""
    try:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    except OSError:
        return []
    return list(map(int, children.split()))


def _expect_gone(processes: Sequence[int]) -> None:
    """Expect that none of ``processes`` outlives what started it by more than a moment."""
    waiting_until = time.monotonic() + _GONE_SECONDS
    for process in processes:
        while Path(f"/proc/{process}").exists():
            expect(time.monotonic() < waiting_until, f"expected worker {process} to be gone")
            time.sleep(0.01)


def _words(kind: Kind, logs: Sequence[Path], out: Path) -> list[str | Path]:
    if kind.keys is None:
        many = ["--shards", kind.shards] if kind.shards else ["--workers", kind.workers]
        return ["-q", *map(str, many), *logs, out / FLAGGED]
    words: list[str | Path] = ["intervals", *logs, out / FLAGGED, "-q", "--threshold", "10m"]
    if kind.live:
        words[1:2] = ["-", "--resume"]
    return words + ["--by", "address"] * (kind.keys > 0)


def _lasting(kind: Kind, out: Path) -> dict[str, bytes]:
    """Return the outputs of one history that are always the same.

    How what comes through a pipe is cut into frames nobody can tell.
    """
    found = contents(out)
    return {FLAGGED: found[FLAGGED]} if kind.live else found


def _empty(out: Path, kind: Kind) -> Path:
    out.mkdir()
    if kind.before is not None:
        (out / FLAGGED).write_bytes(kind.before)
    return out


def _write_logs(kind: Kind, seed: int, folder: Path) -> list[Path]:
    if kind.keys is not None:
        folder.mkdir()
        rows = observations.rows(30_000, kind.keys, kind.bad, seed)
        lines = ["time,adid,address", *map(",".join, rows), ""]
        (folder / OBSERVATIONS).write_text("\n".join(lines))
        return _spelled(kind, folder, [OBSERVATIONS])
    settings = workload.Workload(
        users=400,
        lines=6_000,
        stream_lines=4_000 if kind.has_workers else 2_000,
        degrees=kind.degrees,
        tracked=20,
        seed=seed,
        spikes=kind.spikes,
        late=kind.late,
        bad=kind.bad,
        rate=100,
    )
    workload.write(settings, folder)
    return _spelled(kind, folder, (workload.BATCH_NAME, workload.STREAM_NAME))


def _spelled(kind: Kind, folder: Path, names: Sequence[str]) -> list[Path]:
    logs = []
    for name in names:
        path = folder / name
        content = path.read_bytes()
        if not kind.newline:
            content = content[:-1]
        if kind.zipped:
            path = path.with_name(f"{name}.gz")
            content = gzip.compress(content, mtime=0)
        path.write_bytes(content)
        logs.append(path)
    return logs
