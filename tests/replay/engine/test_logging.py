"""A program that a run is part of is told how it goes by logging, and nobody else is."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import replay
from replay.testing import Failure, Failures, with_failures
from tests.interval_runs import search

ROOT = Path(replay.__file__).parents[1]
BATCH = """\
{"D":"2", "T":"50"}
{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": "1", "amount": "10"}
{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": "1", "amount": "10"}
{"event_type":"befriend", "timestamp":"2017-06-13 11:33:01", "id1": "1", "id2": "2"}
no JSON
"""
STREAM = """\
{"event_type":"purchase", "timestamp":"2017-06-13 11:33:02", "id": "2", "amount": "-1"}
{"event_type":"purchase", "timestamp":"2017-06-13 11:33:02", "id": "2", "amount": "100"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "batch.json").write_text(BATCH)
    (tmp_path / "stream.json").write_text(STREAM)
    return tmp_path


def run(folder: Path, **options: Any) -> None:
    with replay.Logs(folder / "batch.json", folder / "stream.json") as logs:
        replay.run(logs, folder / "flagged.json", **options)


def told(caplog: pytest.LogCaptureFixture, folder: Path) -> list[tuple[str, str]]:
    """Return what was told since the last time, and see that it was by the right name."""
    records = [each for each in caplog.records if each.name == "replay"]
    caplog.clear()
    return [(each.levelname, each.getMessage().replace(f"{folder}/", "")) for each in records]


def test_run_tells_how_it_goes(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "replay")
    run(folder)
    begin = ("INFO", "batch.json, stream.json: reading")
    not_json, sign = (
        ("WARNING", "batch.json:5: rejected (not-json): expected one JSON object, found no JSON: "
         "'no JSON'"),
        ("WARNING", "stream.json:1: rejected (amount-sign): amount: expected no sign, found '-1'"),
    )  # fmt: skip
    end = ("INFO", "flagged.json: 4 events, 2 lines rejected")
    assert told(caplog, folder) == [begin, not_json, sign, end]
    run(folder)
    before = "batch.json, stream.json: this run was finished before; nothing is left to do"
    assert told(caplog, folder) == [("INFO", before), end]
    with (folder / "stream.json").open("a") as stream:
        stream.write(STREAM)
    run(folder)
    *_, moved, end = told(caplog, folder)
    assert moved[0] == "WARNING"
    assert "flagged.json had " in moved[1]
    assert "was moved to flagged.json.events.~1~" in moved[1]
    assert end == ("INFO", "flagged.json: 5 events, 3 lines rejected")


def test_run_that_goes_on_says_so(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "replay")
    with pytest.raises(replay.InterruptedRunError):
        run(folder, should_stop=lambda: True)
    caplog.clear()
    run(folder)
    assert told(caplog, folder)[0] == ("INFO", "batch.json, stream.json: going on after 3 events")


def test_many_rejected_lines_of_a_reason_are_counted(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (folder / "batch.json").open("a") as batch:
        batch.write("no JSON\n" * 99)
    run(folder)
    texts = [text for _, text in told(caplog, folder)]
    assert sum("batch.json:" in text and "found no JSON" in text for text in texts) == 10
    assert texts[-1] == "batch.json: 90 more lines rejected (not-json), the last of them line 104"
    assert len(list(replay.flagged_purchases(folder / "batch.json", folder / "stream.json"))) == 1
    assert sorted(text for _, text in told(caplog, folder)) == sorted(texts)


def test_actor_that_is_restarted_is_told_with_what_it_raised(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(folder, detector=with_failures(replay.Simulation, Failures([Failure(0, "before")])))
    (record,) = [each for each in caplog.records if "recovers" in each.getMessage()]
    assert record.levelname == "WARNING"
    assert "failed on " in record.getMessage()
    assert record.exc_info


def test_search_for_intervals_tells_how_it_goes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "replay")
    (tmp_path / "seen.csv").write_text("time,adid\nyesterday,A\n2020-01-01 00:00:00,A\n")
    search(tmp_path / "seen.csv", tmp_path / "found.csv")
    assert [level for level, _ in told(caplog, tmp_path)] == ["INFO", "WARNING", "INFO"]


def test_listener_of_ones_own_takes_the_place_of_logging(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ended = []

    class Ends(replay.Listener):
        def on_end(self, summary: Any) -> None:
            ended.append(summary.flagged)

    run(folder, listener=Ends())
    run(folder, listener=Ends())
    assert (ended, told(caplog, folder)) == ([1, 1], [])


def test_program_that_sets_up_no_logging_prints_nothing(folder: Path) -> None:
    code = (
        "import replay\n"
        "with replay.Logs('batch.json', 'stream.json') as logs:\n"
        "    replay.run(logs, 'flagged.json')\n"
        "print(len(list(replay.flagged_purchases('batch.json', 'stream.json'))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("1\n", "")
