"""Stores that earlier releases wrote are read, and played again, for ever.

The files in ``tests/golden`` are never made anew; a later format adds its own beside them.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import pytest

import replay
from events.purchases.columns import BEFRIEND, PURCHASE, UNFRIEND, Columns
from events.purchases.lines import read_line
from replay.cli import main
from replay.intervals.history import IntervalHistory
from replay.intervals.verify import verify_intervals
from replay.purchases.history import History
from tests.verifying import verify

GOLDEN = Path(replay.__file__).parents[1] / "tests" / "golden"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a copy of the golden files."""
    shutil.copytree(GOLDEN, tmp_path / "golden")
    return tmp_path / "golden"


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# Of version 1, and of version 3 with a style, fine fractions, and lines that are kept.
@pytest.mark.parametrize(
    ("name", "version", "decisions", "digests", "rejected"),
    [("flagged.json", 1, 26, 5, 20), ("three.json", 3, 26, 2, 13)],
)
def test_golden_history_is_played_again_without_a_difference(
    name: str, version: int, decisions: int, digests: int, rejected: int
) -> None:
    store = replay.EventStore(GOLDEN / f"{name}.events")
    assert store.version == version
    history = History(store)
    found = verify(history)
    assert found.difference is None
    counts = (found.events, found.decisions, found.digests)
    assert counts == (len(history), decisions, digests)
    assert len(history.rejected) == rejected
    assert sum(decision.flagged for decision in history.recorded.values()) == 6


@pytest.mark.parametrize(
    ("name", "version"),
    [("intervals.json", 2), ("three-intervals.json", 3), ("five-intervals.json", 5)],
)
def test_golden_search_is_played_again_without_a_difference(name: str, version: int) -> None:
    store = replay.EventStore(GOLDEN / f"{name}.events")
    assert store.version == version
    found = verify_intervals(store)
    assert found.difference is None
    assert found.events == len(IntervalHistory(store))
    lines = (GOLDEN / name).read_bytes().splitlines()
    assert found.decisions == len(lines) > 0


@pytest.mark.parametrize(
    ("batch", "stream", "flagged"),
    [
        ("batch.json", "stream.json", "flagged.json"),
        ("three-batch.json", "three-stream.json", "three.json"),
    ],
)
def test_golden_logs_and_flags_come_out_of_the_store_alone(
    folder: Path, batch: str, stream: str, flagged: str
) -> None:
    expected = content(folder)
    for name in (batch, stream, flagged):
        (folder / name).unlink()
    store = str(folder / f"{flagged}.events")
    logs = ("--batch", str(folder / batch), "--stream", str(folder / stream))
    assert main(["export", store, *logs]) == 0
    assert main(["rebuild", store, str(folder / flagged)]) == 0
    found = content(folder)
    # What stood in the flagged file before is not in the store.
    assert found[flagged] == expected[flagged].removeprefix(b"earlier\n")
    for name in (batch, stream):
        lines = [line for line in expected[name].split(b"\n") if line.strip()]
        assert [line for line in found[name].split(b"\n") if line] == lines


def test_golden_store_of_version_3_holds_all_that_columns_can() -> None:
    store = replay.EventStore(GOLDEN / "three.json.events")
    runs = [r for frame in store.frames() for r in frame.records if isinstance(r, Columns)]
    assert any(run.style is not None and "T" in (run.style.purchase or "") for run in runs)
    assert any(run.lines for run in runs)
    assert any(run.finer for run in runs)
    assert {kind for run in runs for kind in run.kinds.tolist()} == {PURCHASE, BEFRIEND, UNFRIEND}
    events = {event.line: event for event in store.events_from() if event.line is not None}
    lines = (GOLDEN / "three-batch.json").read_bytes().splitlines()
    for line in lines[-3:]:
        read = read_line(line, 1)
        kept = events.get(line, read)
        assert kept is not None
        assert msgspec.structs.replace(kept, number=1, line=read.line) == read


def test_golden_line_that_was_too_long_is_never_given_back(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = replay.EventStore(folder / "cut.json.events")
    (cut,) = store.rejected()
    assert cut.is_cut
    assert (cut.reason, cut.length, len(cut.line)) == ("line-too-long", 2**24 + 33, 1_024)
    assert main(["export", str(store.path), "--batch", str(folder / "log")]) == 0
    assert "line 3 of the batch cannot be given back" in capsys.readouterr().out
    assert len((folder / "log").read_bytes()) < 1_024


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
    for names in (
        ("batch.json", "stream.json", "flagged.json"),
        ("three-batch.json", "three-stream.json", "three.json"),
    ):
        assert main([str(folder / name) for name in names]) == 0
    for output in ("intervals.json", "three-intervals.json"):
        paths = [str(folder / name) for name in ("observations.csv", output)]
        assert main(["intervals", *paths, "--threshold", "10m", "--by", "address"]) == 0
    assert content(folder) == expected
