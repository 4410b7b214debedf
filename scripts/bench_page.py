"""Times the page on a large store: what a step and a jump cost the server, and its memory.

Makes logs of the given size, runs the program on them, starts `view` on the store and asks it
for events. Processor time is that of the server's process; nothing is asserted about it.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import workload

import replay

REQUESTS = 60
TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    """A server in a process of its own, and what it has cost."""

    def __init__(self, store: Path) -> None:
        """Start it on ``store``."""
        command = [sys.executable, "-m", "replay", "view", str(store), "--port", "0"]
        # It says where it is at once, and reads the store meanwhile.
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        match = re.search(r":(\d+)/", self.process.stdout.readline())
        assert match is not None
        self.port, self.name = int(match[1]), store.name

    def get(self, page: str) -> int:
        """Ask for a page of the store, and return the status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("GET", f"/s/{self.name}/{page}")
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status

    @property
    def spent(self) -> float:
        """The processor time so far, in milliseconds."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * 1e3 / TICKS

    @property
    def memory(self) -> int:
        """The most memory that it has used so far, in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        match = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert match is not None
        return int(match[1]) // 1024

    def cost(self, pages: list[str]) -> float:
        """Return what each of ``pages`` costs on average, in milliseconds of processor time."""
        before = self.spent
        for page in pages:
            self.get(page)
        return (self.spent - before) / len(pages)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog="example:\n  python scripts/bench_page.py --lines 500000"
    )
    parser.add_argument("--lines", type=int, default=500_000, help="lines of the batch")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for degrees in (2, 3):
            folder = Path(name) / str(degrees)
            workload.write(workload.Workload(lines=options.lines, degrees=degrees), folder)
            with replay.Logs(folder / "batch_log.json", folder / "stream_log.json") as logs:
                summary = replay.run(logs, folder / "flagged.json")
            visit(summary.store_path, degrees, summary.batch_events + summary.stream_events)


def visit(store: Path, degrees: int, total: int) -> None:
    """Print what the page of ``store`` costs."""
    began = time.perf_counter()
    server = Server(store)
    try:
        while server.get("event/1") != 200:  # noqa: PLR2004
            time.sleep(0.01)
        ready = time.perf_counter() - began
        server.get(f"event/{total}")
        steps = server.cost([f"event/{number}" for number in range(total - REQUESTS, total)])
        drawn = random.Random(1)
        jumps = [server.cost([f"event/{drawn.randrange(1, total)}"] * 5) for _ in range(REQUESTS)]
        print(
            f"D={degrees}, {total:,} events: ready after {ready:.1f} s; a step {steps:.0f} ms; "
            f"a jump {median(jumps):.0f} ms, at most {max(jumps):.0f} ms; {server.memory} MiB"
        )
    finally:
        server.process.send_signal(signal.SIGINT)
        server.process.wait()


if __name__ == "__main__":
    main()
