"""With Ray's processes all is as with one of our own, whatever becomes of them."""

from __future__ import annotations

import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import replay
from events.errors import InputError
from replay.cli import main
from replay.engine.forks import LOST
from replay.engine.ray_cluster import _FOLDER
from tests.cluster.detectors import Elsewhere, Mortal
from tests.cluster.nodes import (
    NAMES,
    PATIENT,
    SLOW,
    Node,
    driver_of,
    in_session,
    judging,
    outputs,
    small,
    started,
    words_of,
)
from tests.processes import eventually
from tests.replay.engine.test_workers import do

# What Ray's workers do


def test_workers_of_ray_do_what_forked_ones_do(nodes: tuple[str, list[Node]]) -> None:
    with replay.RayCluster(nodes[0], 3) as cluster, cluster.pool(do, lambda: None) as workers:
        workers.start()
        assert sum(len(node.workers()) for node in nodes[1]) == len(workers) == 3
        requests: list[Any] = [*range(20), "die", 20, "raise", 21]
        for request, answer in workers.answers(requests):
            assert answer is LOST if isinstance(request, str) else answer == ("done", request)
        assert len(workers) == 1

        def replaced() -> bool:
            workers.start()
            return len(workers) == 3

        assert eventually(replaced)
        before = {answer for _, answer in workers.answers(["who"] * 30)}
        workers.tell("exit")
        assert [answer for _, answer in workers.answers([1, 2])] == [LOST, LOST]
        assert eventually(replaced)
        assert {answer for _, answer in workers.answers(["who"] * 30)}.isdisjoint(before)
        assert not cluster.is_lost


def test_store_and_flagged_file_are_those_of_one_process(
    nodes: tuple[str, list[Node]],
    logs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where workers are killed while they judge."""
    monkeypatch.setattr(Mortal, "home", os.getpid())
    both, found = (logs / "batch_log.json", logs / "stream_log.json"), []
    with replay.RayCluster(nodes[0]) as cluster:
        for name, asked in (("one", 1), ("ray", cluster)):
            (tmp_path / name).mkdir()
            out = tmp_path / name / NAMES[0]
            with replay.Logs(*both, portions=small(1 << 20)) as opened:
                summary = replay.run(opened, out, detector=Mortal, workers=asked)
            found.append([summary.judged, *outputs(tmp_path / name)])
        assert summary.workers == cluster.count == 4
        assert not cluster.is_lost
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "words", [["verify", "STORE"], ["explore", "STORE", "--orders", "4"], ["rerun", "STORE", "OUT"]]
)
def test_commands_say_the_same(
    nodes: tuple[str, list[Node]],
    logs: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    words: list[str],
) -> None:
    said: list[list[Any]] = []
    for asked in (["--workers", "1"], ["--ray", nodes[0]]):
        out = tmp_path / asked[0] / "branch.json"
        out.parent.mkdir()
        names = {"STORE": str(logs / "one" / NAMES[1]), "OUT": str(out)}
        assert main([names.get(word, word) for word in words] + asked) == 0
        printed = capfd.readouterr()
        said.append([printed.out.replace(asked[0], ""), printed.err])
        said[-1] += [path.read_bytes() for path in sorted(out.parent.iterdir())]
    assert said[0] == said[1]


# What is refused


RULE = """
import replay
class Own(replay.Simulation):
    answers_as_of = True
"""


def test_detector_that_workers_do_not_have_is_refused(
    nodes: tuple[str, list[Node]], logs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rule, out = tmp_path / "nobody_elses.py", tmp_path / "out"
    rule.write_text(RULE)
    out.mkdir()
    words = words_of(logs, out, "--ray", nodes[0], "--detector")
    assert main([*words[:4], f"{rule}:Own", *words[4:]]) == 2
    found = "found ModuleNotFoundError: No module named 'nobody_elses'"
    assert capfd.readouterr().err == (
        f"replay: ray {nodes[0]}: expected workers that can do this, {found}\n"
    )
    assert main([*words[:4], "tests.cluster.detectors:Elsewhere", *words[4:]]) == 2
    said = capfd.readouterr().err
    assert f"not 'elsewhere' (version {Elsewhere.version}); let it be the same file\n" in said
    assert said.count("\n") == 1
    assert list(out.iterdir()) == []


def test_address_where_nobody_answers_is_refused_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replay.engine.ray_cluster._JOIN_SECONDS", 3)
    began = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(InputError, match="expected a cluster of Ray, found no answer within 3"):
            replay.RayCluster(address)
    with pytest.raises(InputError, match="found nobody there: Connection refused"):
        replay.RayCluster(address)
    assert time.monotonic() - began < 20


# A cluster that is started here


@pytest.mark.parametrize(
    ("number", "status", "spread"),
    [
        (None, 0, "--workers"),
        (signal.SIGINT, 130, "--workers"),
        (signal.SIGKILL, -9, "--workers"),
        (signal.SIGINT, 130, "--shards"),
        (signal.SIGKILL, -9, "--shards"),
    ],
)
def test_all_that_was_started_here_is_gone(
    logs: Path,
    tmp_path: Path,
    given: dict[str, str],
    number: int | None,
    *,
    status: int,
    spread: str,
) -> None:
    rule, name = (SLOW, "slow") if spread == "--workers" else (PATIENT, "patient")
    words, said = words_of(logs, tmp_path, *rule, "--ray", "local", spread, "2"), tmp_path / "said"
    folders = {*Path(_FOLDER).glob("replay-ray-*")}
    process = started(words, given, said)
    driver = driver_of(process)
    if number is not None:
        assert eventually((tmp_path / NAMES[0]).exists)
        assert len(in_session(driver)) > 4
        time.sleep(1)
        os.killpg(process.pid, number)
    assert process.wait(60) == status, said.read_text()
    ended = time.monotonic()
    assert eventually(lambda: not in_session(driver))
    # Left to themselves, some of Ray's take a minute.
    assert time.monotonic() - ended < 30
    assert eventually(lambda: {*Path(_FOLDER).glob("replay-ray-*")} <= folders)
    assert said.read_text().count("\n") == (number == signal.SIGINT)
    if number is not None:
        assert main(words_of(logs, tmp_path, *rule, "--workers", "9")) == 0
    assert outputs(tmp_path) == outputs(logs / name)


# What happens in the middle


def test_run_that_is_killed_goes_on_and_leaves_a_cluster_as_it_was(
    nodes: tuple[str, list[Node]], logs: Path, tmp_path: Path, given: dict[str, str]
) -> None:
    process = judging(logs, tmp_path, given, *SLOW, "--ray", nodes[0], "--workers", "4")
    process.kill()
    process.wait()
    assert eventually(lambda: not any(node.workers() for node in nodes[1]))
    assert outputs(tmp_path) != outputs(logs / "slow")
    assert main(words_of(logs, tmp_path, *SLOW, "--ray", nodes[0])) == 0
    assert outputs(tmp_path) == outputs(logs / "slow")


@pytest.mark.parametrize("lost", ["a node", "the cluster"])
def test_run_ends_as_it_would_where_machines_are_lost(
    nodes: tuple[str, list[Node]], logs: Path, tmp_path: Path, given: dict[str, str], lost: str
) -> None:
    process = judging(logs, tmp_path, given, *SLOW, "--ray", nodes[0], "--workers", "4")
    with suppress(ProcessLookupError):
        nodes[1][-1 if lost == "a node" else 0].kill()
    assert process.wait(60) == 0, (tmp_path / "said").read_text()
    assert outputs(tmp_path) == outputs(logs / "slow")
    gone = f"ray {nodes[0]}: the cluster went away, and this process did the rest\n"
    assert (tmp_path / "said").read_text() == (gone if lost == "the cluster" else "")
