"""With users in shards on the machines of a cluster all is as in one process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import bench_live

import replay
from events.logs.file import PORTIONS
from replay.cli import main
from tests.cluster import detectors
from tests.cluster.nodes import NAMES, PATIENT, ROOT, Node, judging, outputs, small, words_of
from tests.processes import eventually

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


class _Renewing(replay.RayShards):
    """Counts who is started anew."""

    renewed = 0

    def renew(self, place: int) -> None:
        self.renewed += 1
        super().renew(place)


def ran(logs: Path, out: Path, detector: Any = None, shards: Any = None) -> list[bytes]:
    out.mkdir()
    both = (logs / "batch_log.json", logs / "stream_log.json")
    with replay.Logs(*both, portions=small(PORTIONS.line_bytes)) as opened:
        replay.run(opened, out / NAMES[0], detector=detector, shards=shards)
    return outputs(out)


def test_store_and_flagged_file_are_those_of_one_process(
    nodes: tuple[str, list[Node]], logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where shards are killed while their users answer."""
    monkeypatch.setattr(detectors._MortalUser, "home", os.getpid())
    mortal = detectors.MortalUsers
    expected = ran(logs, tmp_path / "one", mortal)
    with replay.RayCluster(nodes[0], 3) as cluster:
        shards = _Renewing(cluster, 2)
        assert ran(logs, tmp_path / "ray", mortal, shards) == expected
        assert shards.renewed > 1
        # One after the other in the same cluster.
        assert ran(logs, tmp_path / "again", shards=replay.RayShards(cluster)) == outputs(
            logs / "one"
        )
        assert eventually(lambda: not any(node.workers() for node in nodes[1]))


def test_what_users_raise_is_said_as_in_one_process(
    nodes: tuple[str, list[Node]], logs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    said = []
    for where in ([], ["--ray", nodes[0], "--shards", "2"]):
        rule = ["--detector", "tests.cluster.detectors:FailingUsers", *where]
        assert main(words_of(logs, tmp_path, *rule, "--overwrite")) == 1
        said.append(capfd.readouterr().err)
    assert "ValueError: no answer" in said[1]
    assert said[0].count("\n") == said[1].count("\n") == 1


def test_what_cannot_be_is_refused_before_anything_is_written(
    nodes: tuple[str, list[Node]],
    logs: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for seconds, words, reason in (
        (60, ["2", *PATIENT[:1], "tests.cluster.detectors:Elsewhere"], "let it be the same file"),
        (60, ["2", "--workers", "2"], "expected no workers beside them"),
        (4, ["5"], "expected room for 5 shards, each of one core, found none for 1 of them"),
    ):
        monkeypatch.setattr("replay.judging.ray_shards._ROOM_SECONDS", seconds)
        assert main(words_of(logs, tmp_path, "--ray", nodes[0], "--shards", *words)) == 2
        said = capfd.readouterr().err
        assert reason in said
        assert said.count("\n") == 1
        assert list(tmp_path.iterdir()) == []


def test_flag_of_a_live_stream_is_there_within_a_quarter_of_a_second(
    nodes: tuple[str, list[Node]], given: dict[str, str], logs: Path, tmp_path: Path
) -> None:
    flagged, took = tmp_path / NAMES[0], []

    def size() -> int:
        return flagged.stat().st_size if flagged.exists() else 0

    words = ["-q", "--ray", nodes[0], "--shards", "2", str(logs / "batch_log.json"), "-"]
    with subprocess.Popen(
        [sys.executable, "-m", "replay", *words, str(flagged)],
        cwd=ROOT,
        env=given,
        stdin=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        for number in range(20):
            before, began = size(), time.monotonic()
            process.stdin.write(b"".join(bench_live.lines(number)))
            process.stdin.flush()
            assert eventually(lambda before=before: size() > before)  # type: ignore[misc]
            took.append(time.monotonic() - began)
        process.stdin.close()
    assert process.returncode == 0
    assert sorted(took)[10] < 0.25


# What happens in the middle


def test_run_whose_first_process_is_killed_goes_on(
    nodes: tuple[str, list[Node]], logs: Path, tmp_path: Path, given: dict[str, str]
) -> None:
    words = [*PATIENT, "--ray", nodes[0], "--shards", "3"]
    process = judging(logs, tmp_path, given, *words)
    process.kill()
    process.wait()
    assert eventually(lambda: not any(node.workers() for node in nodes[1]))
    assert outputs(tmp_path) != outputs(logs / "patient")
    assert main(words_of(logs, tmp_path, *words)) == 0
    assert outputs(tmp_path) == outputs(logs / "patient")


def test_run_goes_on_where_a_machine_is_lost_and_can_where_all_are(
    nodes: tuple[str, list[Node]], logs: Path, tmp_path: Path, given: dict[str, str]
) -> None:
    words = [*PATIENT, "--ray", nodes[0], "--shards", "2"]
    for node, name in ((nodes[1][1], "one"), (nodes[1][0], "all")):
        (tmp_path / name).mkdir()
        process = judging(logs, tmp_path / name, given, *words)
        # Each shard is on a machine of its own, as long as there are two.
        assert [len(each.workers()) for each in nodes[1]] == ([1, 1] if name == "one" else [2, 0])
        node.kill()
        assert process.wait(60) == (name == "all"), (tmp_path / name / "said").read_text()
    assert outputs(tmp_path / "one") == outputs(logs / "patient")
    assert (tmp_path / "one" / "said").read_text() == ""
    assert (tmp_path / "all" / "said").read_text() == (
        f"replay: ray {nodes[0]}: expected the cluster to last, found that it went away; run the "
        "same command again to go on\n"
    )
    assert main(words_of(logs, tmp_path / "all", *PATIENT)) == 0
    assert outputs(tmp_path / "all") == outputs(logs / "patient")
