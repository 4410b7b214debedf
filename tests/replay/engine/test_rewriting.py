"""A store of an earlier format becomes one of today's before a run goes on with it."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

import replay
from events.errors import DamagedStoreError
from events.records.record import StateDigest
from replay.cli import main
from replay.engine.rewriting import rewrite
from replay.intervals.run import Search
from replay.intervals.verify import verify_intervals
from replay.purchases.history import History
from replay.testing.disks import CountingDisk, DiedError, DyingDisk, Operation, T, WatchedDisk
from tests.events.store.test_store import pieces
from tests.interval_runs import search
from tests.verifying import verify

if TYPE_CHECKING:
    from events.disk import Disk

GOLDEN: Final = Path(replay.__file__).parents[1] / "tests" / "golden"
STORES: Final = ("flagged.json", "intervals.json", "three-intervals.json")
TEN_MINUTES: Final = Search(10 * 60 * 10**9)


def begin(folder: Path, name: str, frames: int) -> bytes:
    """Copy a golden run into ``folder``, stopped after so many frames; return its store."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(GOLDEN, folder)
    store = folder / f"{name}.events"
    content = b"".join(pieces(store.read_bytes())[: frames + 1])
    store.write_bytes(content)
    return content


def run(folder: Path, name: str, disk: Disk) -> Path | None:
    """Go on with what is in ``folder``; return where the old store is kept."""
    if "intervals" in name:
        path = folder / "observations.csv"
        return search(path, folder / name, TEN_MINUTES, key="address", disk=disk).store_rewritten
    with replay.Logs(folder / "batch.json", folder / "stream.json") as logs:
        return replay.run(logs, folder / name, disk=disk).store_rewritten


def assert_right(folder: Path, name: str) -> None:
    """See that the run has ended as the golden one, in today's format."""
    store = replay.EventStore(folder / f"{name}.events")
    assert store.version == store.header.version
    assert (folder / name).read_bytes() == (GOLDEN / name).read_bytes()
    old = replay.EventStore(GOLDEN / f"{name}.events")
    kept = (list(store.events_from()), list(store.rejected()), list(store.decisions()))
    assert kept == (list(old.events_from()), list(old.rejected()), list(old.decisions()))
    if "intervals" in name:
        assert verify_intervals(store).difference is None
    else:
        assert verify(History(store)).difference is None


def frames_of(name: str) -> int:
    return len(pieces((GOLDEN / f"{name}.events").read_bytes())) - 1


@pytest.mark.slow
@pytest.mark.parametrize("name", STORES)
def test_unfinished_store_of_an_earlier_format_goes_on_as_one_of_todays(
    tmp_path: Path, name: str
) -> None:
    for frames in range(frames_of(name)):
        folder = tmp_path / f"{name}-{frames}"
        old = begin(folder, name, frames)
        kept = run(folder, name, CountingDisk())
        assert kept == folder / f"{name}.events.~1~"
        assert kept.read_bytes() == old
        assert_right(folder, name)
        assert not list(folder.glob("*.part.*"))
        assert run(folder, name, CountingDisk()) is None


@pytest.mark.parametrize("name", STORES)
def test_finished_store_of_an_earlier_format_stays_what_it_is(tmp_path: Path, name: str) -> None:
    content = begin(tmp_path / "run", name, frames_of(name))
    disk = CountingDisk()
    assert run(tmp_path / "run", name, disk) is None
    assert [each for each in disk.operations if not each.startswith("extend")] == []
    assert (tmp_path / "run" / f"{name}.events").read_bytes() == content


@pytest.mark.slow
@pytest.mark.parametrize("name", STORES)
def test_run_that_dies_at_any_operation_leaves_a_whole_store_and_goes_on(
    tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "run"
    frames = frames_of(name) // 2
    old = begin(folder, name, frames)
    disk = CountingDisk()
    run(folder, name, disk)
    expected = (folder / name).read_bytes()
    events = replay.EventStore(GOLDEN / f"{name}.events").events
    for operation in range(1, len(disk.operations) + 1):
        for when in ("before", "within", "after"):
            begin(folder, name, frames)
            with pytest.raises(DiedError):
                run(folder, name, DyingDisk(operation, when))
            left = replay.EventStore(folder / f"{name}.events")
            if left.version == left.header.version:
                assert (folder / f"{name}.events.~1~").read_bytes() == old
            else:
                assert left.path.read_bytes() == old
            run(folder, name, CountingDisk())
            assert (folder / f"{name}.events.~1~").read_bytes() == old
            # Nobody keeps it twice, whatever was done before.
            assert not (folder / f"{name}.events.~2~").exists()
            assert (folder / name).read_bytes() == expected
            found = replay.EventStore(folder / f"{name}.events")
            assert (found.version, found.events) == (found.header.version, events)


class WithoutLinks(WatchedDisk):
    """A disk that knows no second names, such as that of a camera."""

    def watch(self, operation: Operation[T]) -> T:
        """Do it, unless it is a link."""
        if operation.what == "link":
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))
        return operation.do()


@pytest.mark.parametrize("name", STORES)
def test_old_store_is_copied_where_a_disk_knows_no_second_names(tmp_path: Path, name: str) -> None:
    old = begin(tmp_path / "run", name, 1)
    kept = run(tmp_path / "run", name, WithoutLinks())
    assert kept is not None
    assert kept.read_bytes() == old
    assert_right(tmp_path / "run", name)


def test_name_that_somebody_has_is_left_to_them(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    old = begin(folder, "flagged.json", 3)
    theirs = folder / "flagged.json.events.~1~"
    theirs.write_bytes(b"of somebody else")
    (folder / "flagged.json.events.part.~1~").symlink_to(folder / "nowhere")
    kept = run(folder, "flagged.json", CountingDisk())
    assert kept == folder / "flagged.json.events.~2~"
    assert kept.read_bytes() == old
    assert theirs.read_bytes() == b"of somebody else"
    assert not (folder / "nowhere").exists()
    assert_right(folder, "flagged.json")


def test_link_to_an_old_store_stays_one_and_permissions_stay(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    begin(folder, "flagged.json", 3)
    store = folder / "flagged.json.events"
    store.chmod(0o600)
    (folder / "elsewhere").mkdir()
    store.rename(folder / "elsewhere" / "store")
    store.symlink_to(folder / "elsewhere" / "store")
    kept = run(folder, "flagged.json", CountingDisk())
    assert kept == folder / "elsewhere" / "store.~1~"
    assert store.is_symlink()
    assert store.stat().st_mode & 0o777 == 0o600
    assert_right(folder, "flagged.json")


def test_torn_end_of_an_old_store_is_kept_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    old = begin(folder, "flagged.json", 5)[:-7]
    (folder / "flagged.json.events").write_bytes(old)
    kept = run(folder, "flagged.json", CountingDisk())
    assert kept is not None
    assert kept.read_bytes() == old
    assert_right(folder, "flagged.json")


def test_digest_of_another_history_is_not_made_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    begin(folder, "flagged.json", frames_of("flagged.json") - 1)
    opened = replay.EventStore(folder / "flagged.json.events")
    frames = [
        frame._replace(previous=bytes(32))
        if any(isinstance(record, StateDigest) for record in frame.records)
        else frame
        for frame in opened.frames()
    ]
    monkeypatch.setattr(opened, "frames", lambda: iter(frames))
    with pytest.raises(DamagedStoreError, match="expected a digest of the history before it"):
        rewrite(opened, CountingDisk())
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        path.name for path in GOLDEN.iterdir()
    )


def test_person_is_told_where_the_old_store_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    begin(folder, "flagged.json", 3)
    paths = [str(folder / name) for name in ("batch.json", "stream.json", "flagged.json")]
    assert main(paths) == 0
    store = folder / "flagged.json.events"
    told = [line for line in capsys.readouterr().err.splitlines() if "format" in line]
    assert told == [
        f"{store} was of an earlier format, and is of the present one now, with the same history; "
        f"as it was it is kept as {store}.~1~"
    ]
    begin(folder, "intervals.json", 1)
    paths = [str(folder / name) for name in ("observations.csv", "intervals.json")]
    assert main(["intervals", *paths, "--threshold", "10m", "--by", "address"]) == 0
    assert "intervals.json.events.~1~" in capsys.readouterr().err
