"""What a run says of another history that stood where it writes, by the command line itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import replay
from events.logs.file import Log
from events.observations.source import Observations
from replay.cli import main
from replay.intervals.run import Search
from replay.testing.playing import play
from tests.interval_runs import MINUTE, as_csv, search
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(replay.__file__).parents[1]
LINES = [line + b"\n" for line in play(SPEC_EXAMPLE).lines]
STREAM = SPEC_EXAMPLE.stream.rstrip(b"\n") + b"\n"
LATER = (
    b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:09", "id": "1", "amount": "1.00"}\n'
)
SEEN = [(f"2020-01-01 00:00:{second:02}", "ABC"[second % 3], "x") for second in range(9)]


def told(folder: Path, *words: str) -> list[str]:
    """Return what a command says on standard error; it has to end well."""
    finished = subprocess.run(
        [sys.executable, "-m", "replay", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stderr.splitlines()


def notices(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if "already" in line or "was moved" in line]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "b.json").write_bytes(SPEC_EXAMPLE.batch)
    (tmp_path / "s.json").write_bytes(STREAM)
    (tmp_path / "more.json").write_bytes(STREAM + LATER)
    (tmp_path / "o.csv").write_bytes(as_csv(SEEN))
    (tmp_path / "more.csv").write_bytes(as_csv([*SEEN, ("2020-01-01 00:01:00", "A", "x")]))
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("loudness", [(), ("-v",), ("-vv",)])
def test_the_same_logs_with_a_line_more_say_that_flags_come_behind_others(
    folder: Path, loudness: tuple[str, ...]
) -> None:
    assert notices(told(folder, "b.json", "s.json", "f", *loudness)) == []
    assert notices(told(folder, "b.json", "s.json", "f", *loudness)) == []
    size = (folder / "f").stat().st_size
    assert notices(told(folder, "b.json", "more.json", "f", *loudness)) == [
        f"f had {size} bytes already, and what this run wrote comes behind them; what stood at "
        "f.events was moved to f.events.~1~; --overwrite starts afresh"
    ]
    assert (folder / "f").read_bytes() == b"".join(LINES * 2)
    assert notices(told(folder, "b.json", "more.json", "f", *loudness)) == []


@pytest.mark.slow
def test_quiet_run_says_nothing_and_overwrite_has_nothing_to_say(folder: Path) -> None:
    told(folder, "b.json", "s.json", "f")
    assert told(folder, "-q", "b.json", "more.json", "f") == []
    assert notices(told(folder, "--overwrite", "b.json", "s.json", "f")) == []
    assert (folder / "f").read_bytes() == b"".join(LINES)


def test_lines_behind_what_no_store_tells_of_are_told_and_none_are_not(folder: Path) -> None:
    (folder / "f").write_bytes(b"earlier")
    (folder / "nothing.json").write_bytes(b"")
    assert notices(told(folder, "b.json", "nothing.json", "f")) == []
    (folder / "f.events").unlink()
    assert notices(told(folder, "b.json", "s.json", "f")) == [
        "f had 8 bytes already, and what this run wrote comes behind them; --overwrite starts "
        "afresh"
    ]


def test_store_alone_that_is_moved_is_told(folder: Path) -> None:
    told(folder, "b.json", "s.json", "f")
    (folder / "f").unlink()
    assert notices(told(folder, "b.json", "more.json", "f")) == [
        "what stood at f.events was moved to f.events.~1~; --overwrite removes an earlier store "
        "instead"
    ]


@pytest.mark.slow
def test_run_that_goes_on_says_what_its_lines_come_behind(folder: Path) -> None:
    told(folder, "b.json", "s.json", "f")
    told(folder, "b.json", "more.json", "f")
    store = folder / "f.events"
    store.write_bytes(store.read_bytes()[:-60])
    (said,) = notices(told(folder, "b.json", "more.json", "f"))
    assert said.startswith(f"f had {len(LINES[0])} bytes already, and what this run wrote comes")
    assert (folder / "f").read_bytes() == b"".join(LINES * 2)


def test_run_that_is_stopped_says_what_it_has_moved(folder: Path) -> None:
    told(folder, "b.json", "s.json", "f")
    (folder / "bad.json").write_bytes(b"no event\n")
    finished = subprocess.run(
        [sys.executable, "-m", "replay", "b.json", "bad.json", "f", "--strict"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert finished.returncode == 1
    moved, error = finished.stderr.splitlines()
    assert moved == (
        "what stood at f.events was moved to f.events.~1~; --overwrite removes an earlier store "
        "instead"
    )
    assert "rejected (not-json)" in error


def test_live_run_that_begins_anew_says_so_at_once_and_at_its_end(folder: Path) -> None:
    told(folder, "b.json", "s.json", "f")
    size = (folder / "f").stat().st_size
    with subprocess.Popen(
        [sys.executable, "-m", "replay", "b.json", "s.json", "f", "--follow"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stderr is not None
        at_once = running.stderr.readline()
        while (folder / "f").read_bytes() != b"".join(LINES * 2):
            assert running.poll() is None
            time.sleep(0.01)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate()
    assert running.returncode == 0
    (line,) = notices(said.splitlines())
    assert line == (
        f"f had {size} bytes already, and what this run wrote comes behind them; "
        "what stood at f.events was moved to f.events.~1~; --resume goes on with a store that "
        "is there, --overwrite starts afresh"
    )
    assert at_once == f"{line}\n".replace("wrote", "writes")


@pytest.mark.slow
def test_live_run_that_goes_on_leaves_unsaid_what_was_said_when_it_began(folder: Path) -> None:
    told(folder, "b.json", "s.json", "f")
    for resume, said in (((), 2), (("--resume",), 0), (("--resume",), 0)):
        finished = subprocess.run(
            [sys.executable, "-m", "replay", "b.json", "-", "f", *resume],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            input=STREAM,
            stderr=subprocess.PIPE,
            check=True,
        )
        assert len(notices(finished.stderr.decode().splitlines())) == said


def test_rerun_says_what_it_has_moved(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(folder, "b.json", "s.json", "f")
    (folder / "branch.events").write_bytes(b"mine")
    assert main(["rerun", str(folder / "f.events"), str(folder / "branch")]) == 0
    out = capsys.readouterr().out
    path = folder / "branch.events"
    assert f"what stood at {path} was moved to {path}.~1~; --overwrite removes" in out
    assert (folder / "branch.events.~1~").read_bytes() == b"mine"


def test_python_is_told_what_stands_before_the_lines(folder: Path) -> None:
    sizes = []
    for stream in ("s.json", "more.json", "s.json"):
        with replay.Logs(folder / "b.json", folder / stream) as logs:
            sizes.append(replay.run(logs, folder / "f").flagged_before)
    assert sizes == [0, len(LINES[0]), 2 * len(LINES[0])]


# Intervals

SEARCH = ("intervals", "o.csv", "found.csv", "--threshold", "5s", "--by", "address")
OTHERS = {
    "threshold": ("--threshold", "4s"),
    "inclusiveness": ("--inclusive",),
    "number of ids": ("--min-distinct", "3"),
    "lateness": ("--lateness", "1s"),
    "time column and id column": ("--time-column", "adid", "--id-column", "time"),
    "threshold and inclusiveness": ("--threshold", "4s", "--inclusive"),
}


@pytest.mark.slow
def test_the_same_search_in_a_file_with_a_row_more_says_what_its_rows_come_behind(
    folder: Path,
) -> None:
    assert notices(told(folder, *SEARCH)) == []
    assert notices(told(folder, *SEARCH)) == []
    rows = (folder / "found.csv").read_bytes()
    again = ["intervals", "more.csv", *SEARCH[2:]]
    assert notices(told(folder, *again)) == [
        f"found.csv had {len(rows)} bytes already, and what this run wrote comes behind them; "
        "what stood at found.csv.events was moved to found.csv.events.~1~; --overwrite starts "
        "afresh"
    ]
    title, _, found = rows.partition(b"\n")
    assert (folder / "found.csv").read_bytes() == title + b"\n" + found + found
    assert told(folder, *SEARCH, "-q", "--overwrite") == []


@pytest.mark.parametrize("what", OTHERS)
@pytest.mark.parametrize("kept", [(), ("--store", "other.events")], ids=["usual", "named"])
def test_search_with_other_settings_is_not_appended(
    folder: Path,
    what: str,
    kept: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder)
    told(folder, *SEARCH)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert main([*SEARCH, *OTHERS[what], *kept]) == 2
    assert capsys.readouterr().err == (
        "replay: found.csv: expected rows of the same search there, found that found.csv.events "
        f"is of one with another {what}; nothing would tell their rows apart, so name another "
        "file or use --overwrite\n"
    )
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_search_with_other_settings_is_not_appended_by_python_or_as_json_lines(
    folder: Path,
) -> None:
    output = folder / "found.json"
    search(folder / "o.csv", output, MINUTE)
    with pytest.raises(replay.InputError, match="is of one with another threshold; nothing"):
        search(folder / "o.csv", output, Search(MINUTE.threshold - 1))
    with pytest.raises(replay.InputError, match="is of one with another key column; nothing"):
        search(folder / "o.csv", output, MINUTE, key="address")
    content = output.read_bytes()
    # In a file in order, or one that was put in order first.
    (folder / "o.csv").write_bytes(as_csv([*SEEN[::-1]]))
    summary = search(folder / "o.csv", output, MINUTE)
    assert summary.output_before == len(content) > 0
    summary = search(folder / "o.csv", output, Search(1), overwrite=True)
    assert summary.output_before == 0


def test_printed_time_counts_from_the_beginning(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0

    def slow(cls: type, name: str, seconds: float) -> None:
        do = getattr(cls, name)

        def later(self: object) -> object:
            nonlocal now
            now += seconds
            return do(self)

        monkeypatch.setattr(cls, name, later)

    slow(Log, "fingerprint", 5.0)
    slow(Observations, "in_order", 7.0)
    monkeypatch.setattr("time.perf_counter", lambda: now)
    for _ in range(2):
        seconds = search(folder / "o.csv", folder / "found.json", MINUTE).seconds
        # Whoever looks for the order takes the fingerprint, too.
        assert sum(seconds.values()) == 17.0


# Interrupted


def stopped(folder: Path, *, follow: bool = False, flagged: str = "f", **options: Any) -> str:
    """Return what a run says that is stopped after the first lines of its batch."""
    with (
        replay.Logs(folder / "b.json", folder / "s.json", follow=follow) as logs,
        pytest.raises(replay.InterruptedRunError) as raised,
    ):
        replay.run(logs, folder / flagged, should_stop=lambda: True, **options)
    return str(raised.value)


def gone_on(folder: Path, *, follow: bool = False, **options: Any) -> int:
    """Return after how many events the next run goes on."""
    with (
        replay.Logs(folder / "b.json", folder / "s.json", follow=follow, wake=Stop()) as logs,
        suppress(replay.InterruptedRunError),
    ):
        listener = Kept()
        replay.run(logs, folder / "f", should_stop=lambda: True, listener=listener, **options)
    return listener.events_before


class Stop:
    """Ends a live run as soon as it waits."""

    def __call__(self) -> bool:
        return True

    def fileno(self) -> int:
        raise NotImplementedError("nobody waits")


class Kept(replay.Listener):
    """Keeps after how many events a run has begun."""

    events_before = -1

    def on_start(self, logs: replay.Logs, summary: replay.Summary) -> None:
        del logs
        self.events_before = summary.events_before


def test_interrupted_run_says_how_to_go_on_and_that_is_how(folder: Path) -> None:
    path = folder / "f.events"
    events = "interrupted after 6 events; they are kept in "
    assert stopped(folder) == f"{events}{path}, and the same command goes on from there"
    assert gone_on(folder) == 6
    assert stopped(folder, overwrite=True) == (
        f"{events}{path}, and the same command without --overwrite goes on from there"
    )
    assert gone_on(folder) == 6
    assert gone_on(folder, overwrite=True) == 0
    path.unlink()
    assert stopped(folder, follow=True) == (
        f"{events}{path}, and the same command with --resume goes on from there"
    )
    assert gone_on(folder, follow=True, resume=True) == 6
    assert gone_on(folder, follow=True) == 0


def test_interrupted_run_to_a_device_says_that_none_goes_on(folder: Path) -> None:
    store = folder / "kept"
    no_run = "but nobody can tell which lines a pipe or a device has had, so no run goes on"
    assert stopped(folder, flagged="/dev/null", store=store) == (
        f"interrupted after 6 events; they are kept in {store}, {no_run}"
    )
    with (
        replay.Logs(folder / "b.json", folder / "s.json") as logs,
        pytest.raises(replay.InputError, match="expected no history of these inputs"),
    ):
        replay.run(logs, "/dev/null", store=store)


def test_interrupted_run_on_a_pipe_says_that_none_goes_on(folder: Path) -> None:
    batch = folder / "b.json"
    batch.unlink()
    os.mkfifo(batch)

    def write() -> None:
        batch.write_bytes(SPEC_EXAMPLE.batch)

    no_run = "but what was read of a pipe does not come again, so no run goes on"
    for expected in (None, 0):
        with ThreadPoolExecutor() as pool:
            writing = pool.submit(write)
            if expected is None:
                assert stopped(folder).endswith(f"f.events, {no_run}")
            else:
                assert gone_on(folder) == expected
            writing.result()


def test_interrupted_search_says_how_to_go_on(folder: Path) -> None:
    output = folder / "found.json"
    for overwrite, way in (
        (False, "and the same command goes on from there"),
        (True, "and the same command without --overwrite goes on from there"),
    ):
        with pytest.raises(replay.InterruptedRunError, match=rf"found\.json\.events, {way}$"):
            search(folder / "o.csv", output, should_stop=lambda: True, overwrite=overwrite)
    assert 0 < search(folder / "o.csv", output).events_before < len(SEEN)
