"""Stores that earlier releases wrote are read, and played again, for ever.

The files in ``tests/golden`` are never made anew; a later format adds its own beside them.
"""

from __future__ import annotations

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


def test_golden_runs_are_finished_and_left_as_they_are(folder: Path) -> None:
    expected = content(folder)
    paths = [str(folder / name) for name in ("batch.json", "stream.json", "flagged.json")]
    assert main(paths) == 0
    paths = [str(folder / name) for name in ("observations.csv", "intervals.json")]
    assert main(["intervals", *paths, "--threshold", "10m", "--by", "address"]) == 0
    assert content(folder) == expected
