"""Nodes of a cluster of Ray's, on this machine, and what is left of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

import replay
from events.logs.file import Portions
from tests.processes import eventually

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(replay.__file__).parents[1]
STORE_BYTES = 100 << 20
SLOW = ["--detector", "tests.cluster.detectors:Slow"]
PATIENT = ["--detector", "tests.cluster.detectors:Patient"]
NAMES = ("flagged.json", "flagged.json.events")


def environment() -> dict[str, str]:
    """Return what a cluster of a test's own, and whoever joins it, has as its environment."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": token_hex(),
        # So soon a head, and another node, are known to be gone.
        "RAY_gcs_rpc_server_reconnect_timeout_s": "5",
        "RAY_health_check_initial_delay_ms": "1000",
        "RAY_health_check_period_ms": "1000",
    }


class Node:
    """A node, with all of its processes."""

    def __init__(self, folder: Path, given: dict[str, str], host: str, *words: str) -> None:
        """Start one at an address of this machine, and wait until it is part of its cluster."""
        said = folder / f"said-{len(list(folder.iterdir()))}"
        with said.open("wb") as file:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *words),
                    *(f"--node-ip-address={host}", "--num-cpus=2"),
                    f"--object-store-memory={STORE_BYTES}",
                ],
                env=given,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        assert eventually(lambda: b"will now block" in said.read_bytes()), said.read_text()

    def kill(self) -> None:
        """Let it be gone from one moment to the next."""
        session = self.process.pid
        with suppress(ProcessLookupError):
            os.killpg(session, signal.SIGKILL)
        self.process.wait(60)
        assert eventually(lambda: not in_session(session))

    def workers(self) -> list[int]:
        """Return the processes of actors that it has."""
        found = in_session(self.process.pid)
        names = ("ray::Worker", "ray::Host")
        return [process for process, name in found.items() if name.startswith(names)]


def in_session(session: int) -> dict[int, str]:
    """Return the processes of a session that have not ended, with their names."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with suppress(FileNotFoundError, ProcessLookupError):
                name, _, rest = (folder / "stat").read_text().partition("(")[2].rpartition(")")
                state, _, _, of, *_ = rest.split()
                if int(of) == session and state != "Z":
                    found[int(folder.name)] = name
    return found


def started(words: Sequence[str], given: dict[str, str], said: Path) -> subprocess.Popen[bytes]:
    """Start the program, with blocks of a few events."""
    with said.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, *words],
            cwd=ROOT,
            env=given,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )


def small(line_bytes: int) -> Portions:
    """Return how logs are read in blocks of a few events."""
    return Portions(1 << 12, 1 << 12, line_bytes=line_bytes)


def words_of(logs: Path, out: Path, *words: str) -> list[str]:
    paths = [str(logs / name) for name in ("batch_log.json", "stream_log.json")]
    return ["-q", *words, *paths, str(out / NAMES[0])]


def outputs(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in NAMES]


def judging(logs: Path, out: Path, given: dict[str, str], *words: str) -> subprocess.Popen[bytes]:
    """Return a run that is in the middle of its stream."""
    process = started(words_of(logs, out, *words), given, out / "said")
    flagged = out / NAMES[0]
    assert eventually(lambda: flagged.exists() and flagged.stat().st_size > 0)
    assert process.poll() is None
    return process


def driver_of(process: subprocess.Popen[bytes]) -> int:
    """Return the process that talks to Ray for another; its session is what Ray has started."""
    path, found = Path(f"/proc/{process.pid}/task/{process.pid}/children"), 0

    def is_apart() -> bool:
        nonlocal found
        for each in path.read_text().split():
            if in_session(int(each)):
                found = int(each)
        return bool(found)

    assert eventually(is_apart)
    return found


_PROGRAM = """
import sys
import replay.cli
from replay.__main__ import entry
from tests.cluster.nodes import small
replay.cli.portions_of = small
sys.exit(entry())
"""
