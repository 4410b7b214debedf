"""Counts and times how often a run waits for the disk.

Makes logs of the given size and runs the program on them, on a disk that times each sync.
Nothing is asserted about time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import workload

import replay
from events.disk import Disk, DiskFile


class TimedFile(DiskFile):
    """A file that notes how long each sync took."""

    syncs_ms: list[float]

    def sync(self) -> None:
        """Return only when all that was written is on the disk."""
        began = time.perf_counter()
        super().sync()
        self.syncs_ms.append((time.perf_counter() - began) * 1e3)


class TimedDisk(Disk):
    """The disk of this machine, with a note of each sync."""

    def __init__(self) -> None:
        """Begin without any."""
        self.syncs_ms: list[float] = []
        TimedFile.syncs_ms = self.syncs_ms

    def create(self, path: Path) -> DiskFile:
        """Make a new file."""
        return self._timed(super().create(path))

    def extend(self, path: Path) -> DiskFile:
        """Open a file to read it and to write at its end."""
        return self._timed(super().extend(path))

    def sync_folder(self, folder: Path) -> None:
        """Return only when the folder's entries are on the disk."""
        began = time.perf_counter()
        super().sync_folder(folder)
        self.syncs_ms.append((time.perf_counter() - began) * 1e3)

    def _timed(self, file: DiskFile) -> DiskFile:
        file.__class__ = TimedFile
        return file


def main() -> None:
    """Print how often and how long."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog="example:\n  python scripts/bench_sync.py --lines 500000"
    )
    parser.add_argument("--lines", type=int, default=500_000, help="lines of the batch")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workload.write(workload.Workload(lines=options.lines), folder)
        disk = TimedDisk()
        began = time.perf_counter()
        with replay.Logs(folder / "batch_log.json", folder / "stream_log.json") as logs:
            summary = replay.run(logs, folder / "flagged.json", disk=disk)
        seconds = time.perf_counter() - began
    print(
        f"{summary.events:,} events, {summary.flagged} flagged: {len(disk.syncs_ms)} syncs, "
        f"{sum(disk.syncs_ms):.0f} ms of {seconds:.2f} s"
    )


if __name__ == "__main__":
    main()
