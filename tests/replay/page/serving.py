"""A server of pages in a process of its own, as `view` starts it."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

from tests.replay.page import stores

if TYPE_CHECKING:
    from pathlib import Path


class Answer(NamedTuple):
    """What a server has answered."""

    status: int
    headers: dict[str, str]
    text: str


class Server:
    """A running `view`."""

    def __init__(self, *words: str | Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "replay", "view", "--port", "0", *map(str, words)],
            env={**os.environ, "PYTHONPATH": str(stores.ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.said = self.process.stdout.readline()
        match = re.search(r"http://([^/]+):(\d+)/(\S*)", self.said)
        assert match is not None, self.process.communicate()
        self.host, self.port, self.query = match[1], int(match[2]), match[3]

    @property
    def address(self) -> str:
        return f"http://{self.host}:{self.port}"

    def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        connection.putrequest(method, path, skip_host="host" in headers)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        told = {name.lower(): value for name, value in answer.getheaders()}
        text = answer.read().decode()
        connection.close()
        return Answer(answer.status, told, text)

    def ready(self, name: str) -> None:
        """Wait until a store is read."""
        while self.get(f"/s/{name}/").status == 503:
            pass

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=60)
        return self.process.returncode
