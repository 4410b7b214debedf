"""A run that was stopped anywhere goes on and gives what it would have given."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import replay
from events.errors import OutputError
from events.logs.file import Portions
from events.store.writer import StoreWriter
from replay.purchases.history import PurchasesResumed
from replay.testing.disks import CountingDisk, DiedError, DyingDisk, FailingDisk, ForgettingDisk
from replay.testing.strategies import histories
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE, SPEC_FLAGGED

if TYPE_CHECKING:
    from events.disk import Disk
    from replay.testing.logged import LoggedHistory

FLAGGED = "flagged.json"
STORE = "flagged.json.events"


SMALL = Portions(300, 300, digest_events=4)
"""So histories of a few lines have several frames, with digests between them."""


def start(folder: Path, given_logs: LoggedHistory, before: bytes | None = None) -> None:
    """Put logs and what the flagged file holds before into ``folder``."""
    (folder / "batch.json").write_bytes(given_logs.batch)
    (folder / "stream.json").write_bytes(given_logs.stream)
    if before is not None:
        (folder / FLAGGED).write_bytes(before)


def run(folder: Path, disk: Disk | None = None, *, overwrite: bool = False) -> replay.Summary:
    logs = replay.Logs(folder / "batch.json", folder / "stream.json", portions=SMALL)
    with logs as opened:
        return replay.run(
            opened, folder / FLAGGED, disk=disk or CountingDisk(), overwrite=overwrite
        )


def outcome(folder: Path) -> dict[str, bytes]:
    """Return all outputs, by name."""
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.name not in ("batch.json", "stream.json")
    }


def uninterrupted(given_logs: LoggedHistory, before: bytes | None) -> tuple[dict[str, bytes], int]:
    """Return what a run writes that nothing stops, and in how many operations."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start(folder, given_logs, before)
        disk = CountingDisk()
        run(folder, disk)
        return outcome(folder), len(disk.operations)


befores = st.sampled_from([None, None, b"", b"earlier\n", b"earlier"])
whens = st.sampled_from(["before", "within", "after"])


def without_leftovers(found: dict[str, bytes]) -> dict[str, bytes]:
    """Return the outputs without what was moved aside, of which nothing is lost."""
    return {name: content for name, content in found.items() if not name.endswith(("~", ".new"))}


@pytest.mark.slow
@settings(max_examples=settings().max_examples * 3)
@given(histories(), befores, st.data())
def test_run_that_dies_anywhere_and_again_goes_on_to_the_same_bytes(
    given_logs: LoggedHistory, before: bytes | None, data: st.DataObject
) -> None:
    expected, operations = uninterrupted(given_logs, before)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start(folder, given_logs, before)
        for _ in range(data.draw(st.integers(1, 3))):
            disk = DyingDisk(data.draw(st.integers(1, operations)), data.draw(whens))
            with suppress(DiedError):
                run(folder, disk)
        run(folder)
        assert without_leftovers(outcome(folder)) == expected


@pytest.mark.slow
@given(histories(), befores, st.data())
def test_run_whose_disk_fails_says_so_once_and_goes_on_when_it_works_again(
    given_logs: LoggedHistory, before: bytes | None, data: st.DataObject
) -> None:
    expected, operations = uninterrupted(given_logs, before)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start(folder, given_logs, before)
        failing = FailingDisk(
            data.draw(st.integers(1, operations)),
            for_ever=data.draw(st.booleans()),
            error=data.draw(st.sampled_from([errno.ENOSPC, errno.EIO])),
        )
        with pytest.raises(OutputError, match="expected to") as raised:
            run(folder, failing)
        assert raised.value.exit_status == 1
        run(folder)
        assert without_leftovers(outcome(folder)) == expected


@pytest.mark.slow
@given(histories(), befores)
def test_run_again_on_the_same_inputs_writes_nothing(
    given_logs: LoggedHistory, before: bytes | None
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start(folder, given_logs, before)
        first = run(folder)
        expected = outcome(folder)
        disk = CountingDisk()
        second = run(folder, disk)
        assert outcome(folder) == expected
        assert [each for each in disk.operations if not each.startswith("extend")] == []
        assert second.finished_before
        assert not first.finished_before
        for field in ("events", "rejected", "users", "judged", "flagged"):
            assert getattr(second, field) == getattr(first, field)


@pytest.mark.slow
@given(histories(), befores, st.data())
def test_store_that_was_cut_anywhere_is_completed_to_the_same_bytes(
    given_logs: LoggedHistory, before: bytes | None, data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start(folder, given_logs, before)
        run(folder)
        expected = outcome(folder)
        header = replay.EventStore(folder / STORE)
        assert header.events >= 0
        whole = expected[STORE]
        size = data.draw(st.integers(400, len(whole)))
        os.truncate(folder / STORE, size)
        with suppress(replay.DamagedStoreError):
            run(folder)
            assert without_leftovers(outcome(folder)) == expected


def test_example_dies_right_before_and_right_after_every_single_operation(tmp_path: Path) -> None:
    expected, operations = uninterrupted(SPEC_EXAMPLE, b"earlier")
    assert operations > 15
    for operation in range(1, operations + 1):
        for when in ("before", "within", "after"):
            folder = tmp_path / f"{operation}-{when}"
            folder.mkdir()
            start(folder, SPEC_EXAMPLE, b"earlier")
            with pytest.raises(DiedError):
                run(folder, DyingDisk(operation, when))
            run(folder)
            assert without_leftovers(outcome(folder)) == expected


def test_store_that_another_run_is_writing_is_left_alone(tmp_path: Path) -> None:
    start(tmp_path, SPEC_EXAMPLE)
    with suppress(DiedError):
        run(tmp_path, DyingDisk(12, "after"))
    before = outcome(tmp_path)
    with StoreWriter.resume(replay.EventStore(tmp_path / STORE)):
        for overwrite in (False, True):
            with pytest.raises(OutputError, match="found one that is; wait for that run"):
                run(tmp_path, overwrite=overwrite)
        assert outcome(tmp_path) == before
    run(tmp_path)
    assert without_leftovers(outcome(tmp_path)) == uninterrupted(SPEC_EXAMPLE, None)[0]


@pytest.mark.slow
def test_ten_runs_at_once_write_each_line_once(tmp_path: Path) -> None:
    start(tmp_path, SPEC_EXAMPLE)
    command = [sys.executable, "-m", "replay", "-q", "batch.json", "stream.json", FLAGGED]
    environment = {"PYTHONPATH": str(Path(replay.__file__).parents[1])}
    running = [
        subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE)
        for _ in range(10)
    ]
    errors = [process.communicate()[1].decode() for process in running]
    statuses = [process.returncode for process in running]
    assert set(statuses) <= {0, 1}
    assert 0 in statuses
    busy = [error for status, error in zip(statuses, errors, strict=True) if status]
    assert [error for error in busy if "that no other run is writing" not in error] == []
    run(tmp_path)
    assert outcome(tmp_path)[FLAGGED] == SPEC_FLAGGED


@pytest.mark.slow
@pytest.mark.parametrize("overwrite", [False, True])
def test_example_dies_anywhere_then_loses_in_a_power_cut_anywhere_what_was_not_synced(
    tmp_path: Path, *, overwrite: bool
) -> None:
    start(tmp_path, SPEC_EXAMPLE, b"earlier")
    inputs = outcome(tmp_path)
    run(tmp_path, disk := CountingDisk(), overwrite=overwrite)
    expected = outcome(tmp_path)
    for death in range(len(disk.operations) + 1):
        for cut in range(len(disk.operations) + 4):
            for name in outcome(tmp_path):
                (tmp_path / name).unlink()
            for name, content in inputs.items():
                (tmp_path / name).write_bytes(content)
            forgetting = ForgettingDisk(tmp_path)
            for operation in (death, cut):
                forgetting.stop_after(operation)
                summary = None
                with suppress(DiedError):
                    again = overwrite and not (tmp_path / STORE).exists()
                    summary = run(tmp_path, forgetting, overwrite=again)
            forgetting.cut()
            if summary is not None and not summary.finished_before:
                assert without_leftovers(outcome(tmp_path)) == expected
            flagged, stored = b"" if overwrite else b"earlier\n", (tmp_path / STORE).exists()
            if stored:
                lines = PurchasesResumed(replay.EventStore(tmp_path / STORE)).flagged
                flagged += b"".join(line + b"\n" for line in lines)
            written = (tmp_path / FLAGGED).read_bytes()
            assert written == b"earlier" or flagged.startswith(written)
            forgetting.stop_after(None)
            run(tmp_path, forgetting, overwrite=overwrite and not stored)
            assert without_leftovers(outcome(tmp_path)) == expected


def test_zeros_that_a_torn_write_left_are_moved_aside_and_written_again(tmp_path: Path) -> None:
    expected, operations = uninterrupted(SPEC_EXAMPLE, b"earlier")
    start(tmp_path, SPEC_EXAMPLE, b"earlier")
    # The store does not tell yet that the line was written.
    with pytest.raises(DiedError):
        run(tmp_path, DyingDisk(operations - 3, "after"))
    whole = (tmp_path / FLAGGED).read_bytes()
    assert whole == expected[FLAGGED]
    (tmp_path / FLAGGED).write_bytes(whole[:50] + bytes(len(whole) - 50))
    aside = run(tmp_path).flagged_set_aside
    assert aside is not None
    assert aside.read_bytes() == bytes(len(whole) - 50)
    assert without_leftovers(outcome(tmp_path)) == expected


def test_zero_in_place_of_the_newline_that_ends_what_stood_before_is_replaced(
    tmp_path: Path,
) -> None:
    expected, _ = uninterrupted(SPEC_EXAMPLE, b"earlier")
    start(tmp_path, SPEC_EXAMPLE, b"earlier")
    forgetting = ForgettingDisk(tmp_path)
    forgetting.stop_after(8)
    with pytest.raises(DiedError):
        run(tmp_path, forgetting)
    assert forgetting.operations[-1] == "write flagged.json"
    assert (tmp_path / FLAGGED).read_bytes() == b"earlier\n"
    (tmp_path / FLAGGED).write_bytes(b"earlier\0")
    run(tmp_path)
    assert without_leftovers(outcome(tmp_path)) == expected


def test_line_that_was_altered_is_refused_though_zeros_stand_in_it(tmp_path: Path) -> None:
    start(tmp_path, SPEC_EXAMPLE)
    run(tmp_path)
    whole = (tmp_path / FLAGGED).read_bytes()
    (tmp_path / FLAGGED).write_bytes(whole[:50] + bytes(len(whole) - 50))
    with pytest.raises(OutputError, match="expected the lines of this history, found others from"):
        run(tmp_path)
