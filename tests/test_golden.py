"""Stores that earlier releases wrote are read, and played again, for ever.

The files in ``tests/golden`` are never made anew; a later format adds its own beside them.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import replay
from replay.cli import main
from replay.history import History
from replay.interval_history import IntervalHistory
from replay.interval_verify import verify_intervals
from replay.verify import verify

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a copy of the golden files."""
    shutil.copytree(GOLDEN, tmp_path / "golden")
    return tmp_path / "golden"


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_golden_history_is_played_again_without_a_difference() -> None:
    history = History(replay.EventStore(GOLDEN / "flagged.json.events"))
    found = verify(history)
    assert found.difference is None
    assert (found.events, found.decisions, found.digests) == (len(history), 26, 5)
    assert len(history.rejected) == 20
    assert sum(decision.flagged for decision in history.recorded.values()) == 6


def test_golden_search_is_played_again_without_a_difference() -> None:
    store = replay.EventStore(GOLDEN / "intervals.json.events")
    found = verify_intervals(store)
    assert found.difference is None
    assert found.events == len(IntervalHistory(store))
    lines = (GOLDEN / "intervals.json").read_bytes().splitlines()
    assert found.decisions == len(lines) > 0


def test_golden_logs_and_flags_come_out_of_the_store_alone(folder: Path) -> None:
    expected = content(folder)
    for name in ("batch.json", "stream.json", "flagged.json"):
        (folder / name).unlink()
    store = str(folder / "flagged.json.events")
    logs = ("--batch", str(folder / "batch.json"), "--stream", str(folder / "stream.json"))
    assert main(["export", store, *logs]) == 0
    assert main(["rebuild", store, str(folder / "flagged.json")]) == 0
    found = content(folder)
    # What stood in the flagged file before is not in the store.
    assert found["flagged.json"] == expected["flagged.json"].removeprefix(b"earlier\n")
    for name in ("batch.json", "stream.json"):
        lines = [line for line in expected[name].split(b"\n") if line.strip()]
        assert [line for line in found[name].split(b"\n") if line] == lines


def test_golden_lines_that_nest_too_deep_now_are_read_and_given_back(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = folder / "nested.json.events"
    history = History(replay.EventStore(store))
    assert verify(history).difference is None
    assert history.refused_before(len(history) + 1) == [3, 5, 8]
    for command in ("why", "trace"):
        assert main([command, str(store), "8"]) == 0
    assert main(["rebuild", str(store), str(folder / "rebuilt.json")]) == 0
    flagged = (folder / "rebuilt.json").read_bytes().splitlines()
    assert [b"[" * 500 + b"]" * 500 in line for line in flagged] == [False, True, False]
    assert main(["export", str(store), "--stream", str(folder / "again.json")]) == 0
    assert b"[" * 500 + b"]" * 500 in (folder / "again.json").read_bytes()
    capsys.readouterr()


def test_golden_lines_that_nest_too_deep_now_are_rejected_when_decided_again(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = str(folder / "nested.json.events")
    assert main(["rerun", store, str(folder / "branch.json"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["refused"] == [3, 5, 8]
    whats = [(each["what"], each["event"], each["branch_event"]) for each in found["differences"]]
    assert whats == [("changed", 7, 5), ("lost", 8, None), ("lost", 9, 6)]
    branch = replay.EventStore(folder / "branch.json.events")
    reasons = [rejected.reason for rejected in branch.rejected()]
    assert reasons == ["nested-too-deep"] * 3 + ["not-json"]
    assert main(["rerun", store, str(folder / "another.json")]) == 0
    said = "3 events were accepted by an earlier release, and rejected now: event 3 (nested-too"
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (8, "event 8: expected a purchase that the run judged, found one that a run rejects now"),
        (
            9,
            "event 9: expected a replay to give the verdict that was recorded, found another witho",
        ),
    ],
)
def test_golden_lines_that_nest_too_deep_now_are_not_shrunk_to(
    folder: Path, capsys: pytest.CaptureFixture[str], event: int, said: str
) -> None:
    store = str(folder / "nested.json.events")
    assert main(["shrink", store, str(event), "--output", str(folder / "case")]) > 0
    assert said in capsys.readouterr().err
    assert not (folder / "case").exists()
    assert main(["shrink", store, "7", "--output", str(folder / "case")]) == 0
    assert "shrunk to 6" in capsys.readouterr().out


def test_golden_runs_are_finished_and_left_as_they_are(folder: Path) -> None:
    expected = content(folder)
    paths = [str(folder / name) for name in ("batch.json", "stream.json", "flagged.json")]
    assert main(paths) == 0
    paths = [str(folder / name) for name in ("observations.csv", "intervals.json")]
    assert main(["intervals", *paths, "--threshold", "10m", "--by", "address"]) == 0
    assert content(folder) == expected
