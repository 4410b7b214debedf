"""Clusters and logs for tests of Ray; all is skipped where it is not installed and not required."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from replay.cli import main
from replay.engine.ray_cluster import _FOLDER
from tests import late_logs
from tests.cluster.nodes import PATIENT, SLOW, Node, environment, small, words_of
from tests.processes import eventually
from tests.replay.engine.test_workers import children

if TYPE_CHECKING:
    from collections.abc import Iterator

if os.environ.get("REPLAY_RAY") != "required":
    pytest.importorskip("ray")


@pytest.fixture(scope="module")
def given() -> dict[str, str]:
    return environment()


@pytest.fixture(scope="module")
def nodes(
    tmp_path_factory: pytest.TempPathFactory, given: dict[str, str]
) -> Iterator[tuple[str, list[Node]]]:
    """Return the address of a cluster, and its nodes: that of the head, and another."""
    # Sockets have short names.
    files, said = Path(_FOLDER, f"replay-nodes-{os.getpid()}"), tmp_path_factory.mktemp("said")
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    head = ("--head", f"--port={address.rpartition(':')[2]}", f"--temp-dir={files}")
    # Of two nodes with the address of this machine Ray might take either as its own.
    found = [Node(said, given, "127.0.0.1", *head, "--include-dashboard=false")]
    found.append(Node(said, given, "127.0.0.2", f"--address={address}"))
    yield address, found
    for each in reversed(found):
        each.kill()
    shutil.rmtree(files)


@pytest.fixture(autouse=True)
def _cluster_is_as_it_was(
    nodes: tuple[str, list[Node]], given: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Join that cluster, with blocks of a few events; see that no process of a test is left."""
    monkeypatch.setattr("replay.cli.portions_of", small)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    before = {*children()}
    yield
    assert {*children()} <= before
    assert eventually(lambda: not any(node.workers() for node in nodes[1]))


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two logs, and what one process makes of them."""
    folder = late_logs.write(tmp_path_factory.mktemp("logs"), 1_200, bad=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("replay.cli.portions_of", small)
        for name, rule in (("one", []), ("slow", SLOW), ("patient", PATIENT)):
            (folder / name).mkdir()
            assert main(words_of(folder, folder / name, "--workers", "9", *rule)) == 0
    return folder
