"""Two small logs with late lines, hubs and anomalies, for tests of who shares the work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import workload

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, stream_lines: int, bad: float = 0.02) -> Path:
    """Write both into a folder, the new one of so many lines, of which a share is bad."""
    told = workload.Workload(
        users=60,
        lines=1_500,
        stream_lines=stream_lines,
        degrees=2,
        tracked=10,
        seed=3,
        spikes=0.1,
        late=0.1,
        bad=bad,
        hubs=2,
        rate=100,
    )
    workload.write(told, folder)
    return folder
