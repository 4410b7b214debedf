"""The program's output equals the brute-force model's, byte for byte."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings

import replay
from replay.testing import model
from replay.testing.logged import LoggedHistory
from replay.testing.strategies import histories

if TYPE_CHECKING:
    from events.logs.file import Portions

SPEC_EXAMPLE = LoggedHistory(
    b'{"D":"1", "T":"50"}\n'
    b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": "1", "amount": "16.83"}\n'
    b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": "1", "amount": "59.28"}\n'
    b'{"event_type":"befriend", "timestamp":"2017-06-13 11:33:01", "id1": "1", "id2": "2"}\n'
    b'{"event_type":"befriend", "timestamp":"2017-06-13 11:33:01", "id1": "3", "id2": "1"}\n'
    b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": "1", "amount": "11.20"}\n'
    b'{"event_type":"unfriend", "timestamp":"2017-06-13 11:33:01", "id1": "1", "id2": "3"}\n',
    b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:02", "id": "2", "amount": "1601.83"}'
    b"\n",
)
SPEC_FLAGGED = (
    b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:02", "id": "2", '
    b'"amount": "1601.83", "mean": "29.10", "sd": "21.46"}\n'
)


def run_program(given_logs: LoggedHistory, folder: Path, *options: str) -> bytes:
    """Return the flagged file after a run in ``folder`` as a process of its own."""
    (folder / "batch.json").write_bytes(given_logs.batch)
    (folder / "stream.json").write_bytes(given_logs.stream)
    command = [sys.executable, "-m", "replay", "-q", "batch.json", "stream.json", "flagged.json"]
    root = Path(replay.__file__).parents[1]
    finished = subprocess.run(
        [*command, *options],
        cwd=folder,
        env={"PYTHONPATH": str(root)},
        capture_output=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr.decode()
    return (folder / "flagged.json").read_bytes()


def run_in_process(
    given_logs: LoggedHistory, folder: Path, portions: Portions | None = None
) -> bytes:
    """Return the flagged file after a run in ``folder``."""
    (folder / "batch.json").write_bytes(given_logs.batch)
    (folder / "stream.json").write_bytes(given_logs.stream)
    logs = replay.Logs(folder / "batch.json", folder / "stream.json", portions=portions)
    with logs as opened:
        replay.run(opened, folder / "flagged.json")
    return (folder / "flagged.json").read_bytes()


@pytest.mark.slow
@settings(max_examples=settings().max_examples * 5)
@given(histories())
@example(SPEC_EXAMPLE)
def test_flagged_file_equals_the_models(given_logs: LoggedHistory) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert run_in_process(given_logs, Path(folder)) == model.flagged_purchases(*given_logs)


@pytest.mark.slow
@settings(max_examples=settings().max_examples // 5)
@given(histories())
def test_flagged_file_of_the_command_line_equals_the_models(given_logs: LoggedHistory) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert run_program(given_logs, Path(folder)) == model.flagged_purchases(*given_logs)


def test_example_of_the_challenge_is_flagged_to_the_byte(tmp_path: Path) -> None:
    assert run_program(SPEC_EXAMPLE, tmp_path) == SPEC_FLAGGED
    assert model.flagged_purchases(*SPEC_EXAMPLE) == SPEC_FLAGGED


@pytest.mark.slow
@settings(max_examples=settings().max_examples * 2)
@given(histories())
def test_iterating_over_flagged_purchases_gives_the_same_verdicts(
    given_logs: LoggedHistory,
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written = run_in_process(given_logs, folder)
        found = list(replay.flagged_purchases(folder / "batch.json", folder / "stream.json"))
        store = replay.EventStore(folder / "flagged.json.events")
    assert [flagged.decision for flagged in found] == [d for d in store.decisions() if d.flagged]
    assert len(found) == written.count(b"\n")


@pytest.mark.slow
@given(histories())
def test_store_gives_back_every_line_of_both_logs_but_blank_ones(given_logs: LoggedHistory) -> None:
    with tempfile.TemporaryDirectory() as name:
        run_in_process(given_logs, Path(name))
        store = replay.EventStore(Path(name) / "flagged.json.events")
    kept = [store.header.line] + [
        record.line if isinstance(record, replay.Rejected) else replay.line_of(record)
        for record in store.records()
        if isinstance(record, replay.Purchase | replay.Befriend | replay.Unfriend | replay.Rejected)
    ]
    assert kept == model.read_lines(given_logs.batch) + model.read_lines(given_logs.stream)
