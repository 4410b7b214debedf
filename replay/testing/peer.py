"""Other processes that play the same history, each with hashes of strings of its own.

A process is started when it is first needed and serves until this one ends. A request
and its answer are a line of JSON each.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import signal
import subprocess
import sys
from functools import cache
from typing import IO, TYPE_CHECKING, Any, cast

from replay.testing.logged import LoggedHistory
from replay.testing.playing import play

if TYPE_CHECKING:
    from replay.purchases.simulation import Detector


def trace_elsewhere(history: LoggedHistory, detector: Detector, hash_seed: str) -> list[str]:
    """Return all messages of ``history``, played by a process with that PYTHONHASHSEED.

    Raises:
        ValueError: another process cannot import ``detector``.
        AssertionError: the history cannot be played there.

    """
    name = f"{detector.__module__}:{getattr(detector, '__qualname__', '<unnamed>')}"
    if "<" in name or detector.__module__ == "__main__":
        raise _unknown(name)
    batch, stream = (log.decode("latin-1") for log in history)
    request = {"batch": batch, "stream": stream, "detector": name}
    answer = _peer(hash_seed, tuple(sys.path)).send(request)
    if "unknown" in answer:
        raise _unknown(f"{name}, on which it has {answer['unknown']}")
    if "error" in answer:
        raise AssertionError(f"under PYTHONHASHSEED={hash_seed}: {answer['error']}")
    trace: list[str] = answer["trace"]
    return trace


def _unknown(found: str) -> ValueError:
    return ValueError(
        f"expected a detector that another process can import, found {found}; define it at "
        "the top of a module, or give hash_seeds=()"
    )


class _Peer:
    def __init__(self, hash_seed: str, path: tuple[str, ...]) -> None:
        self._known = {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(path)}
        self._process = self._start()
        atexit.register(self.close)

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-P", "-c", "from replay.testing import peer; peer.serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | self._known,
        )

    def send(self, request: dict[str, str]) -> dict[str, Any]:
        requests = cast("IO[bytes]", self._process.stdin)
        answers = cast("IO[bytes]", self._process.stdout)
        requests.write(json.dumps(request).encode() + b"\n")
        requests.flush()
        line = answers.readline()
        if not line:
            self.close()
            status, self._process = self._process.returncode, self._start()
            return {"error": f"the process ended with exit status {status}"}
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        self._process.communicate()


@cache
def _peer(hash_seed: str, path: tuple[str, ...]) -> _Peer:
    return _Peer(hash_seed, path)


def serve() -> None:
    """Answer requests from standard input until it ends."""
    # Ctrl-C is for the process that asks: this one ends without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # What a detector prints goes elsewhere.
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        for line in sys.stdin:
            answers.write(json.dumps(_answer(json.loads(line))).encode() + b"\n")
            answers.flush()


def _answer(request: dict[str, str]) -> dict[str, Any]:
    key = "unknown"
    try:
        module, _, name = request["detector"].partition(":")
        detector: Any = importlib.import_module(module)
        for part in name.split("."):
            detector = getattr(detector, part)
        key = "error"
        history = LoggedHistory(*(request[log].encode("latin-1") for log in ("batch", "stream")))
        return {"trace": traced(history, detector)}
    except Exception as error:  # noqa: BLE001  whatever a detector raises
        return {key: f"{type(error).__name__}: {error}"}


def traced(history: LoggedHistory, detector: Detector) -> list[str]:
    """Return all messages of ``history`` and what comes out of it, as texts."""
    trace: list[str] = []
    outcome = play(history, detector, trace=trace)
    return trace + [f"{what} {each}" for what, found in outcome._asdict().items() for each in found]
