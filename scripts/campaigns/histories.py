"""Small histories from a seed, and runs on them inside this process."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final, NamedTuple

import workload

import replay
from campaigns.cases import FLAGGED, STORE, contents, small_frames
from replay.testing.disks import CountingDisk

if TYPE_CHECKING:
    from pathlib import Path

    from events.store.disk import Disk

BATCH: Final = "batch.json"
STREAM: Final = "stream.json"
# A purchase ten times as large as the others stands out among a few already.
_SHARES: Final = workload.Shares(0.3, 0.05)


class History(NamedTuple):
    """Two logs, and what the flagged file holds before."""

    batch: bytes
    stream: bytes
    before: bytes | None
    """What stands in the flagged file, or None where there is none."""
    overwrite: bool
    """Whether the flagged file is to be started afresh."""


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
    return History(
        first + b"\n" + _respelled(rest, drawn),
        _respelled(stream, drawn),
        before,
        overwrite=bool(before) and drawn.random() < 0.4,
    )


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


def prepared(seed: int, folder: Path) -> Prepared:
    """Return the small history of ``seed``, after a run on it in the empty ``folder``."""
    history, disk = small_history(seed), CountingDisk()
    begin(history, folder)
    run(history, folder, disk)
    return Prepared(history, contents(folder / "out"), disk.operations)


def begin(history: History, folder: Path) -> None:
    """Put the logs into the folder ``in`` of ``folder``, what stood before into ``out``."""
    for name in ("in", "out"):
        (folder / name).mkdir(parents=True)
    (folder / "in" / BATCH).write_bytes(history.batch)
    (folder / "in" / STREAM).write_bytes(history.stream)
    if history.before is not None:
        (folder / "out" / FLAGGED).write_bytes(history.before)


def overwrites(history: History, folder: Path) -> bool:
    """Tell whether a run now is to start afresh: not where one is to be gone on with."""
    return history.overwrite and not (folder / "out" / STORE).exists()


def run(history: History, folder: Path, disk: Disk) -> replay.Summary:
    """Begin the run in ``folder``, or go on with it."""
    with (
        small_frames(),
        replay.Logs(folder / "in" / BATCH, folder / "in" / STREAM) as logs,
    ):
        overwrite = overwrites(history, folder)
        return replay.run(logs, folder / "out" / FLAGGED, disk=disk, overwrite=overwrite)
