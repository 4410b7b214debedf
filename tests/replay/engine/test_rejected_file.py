"""Rejected lines are collected byte for byte, each once, whatever stops the run."""

from __future__ import annotations

import json
import signal
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import replay
from events.disk import DISK
from events.errors import LineRejectedError, OutputError
from events.logs.file import Portions
from events.logs.splitting import LINE_BYTES_MAX
from replay.cli import main
from replay.testing import model
from replay.testing.disks import CountingDisk, DiedError, DyingDisk, ForgettingDisk
from replay.testing.logged import LoggedHistory
from replay.testing.strategies import BAD_LINES, histories
from tests.interval_runs import BAD_ROWS, as_csv, search
from tests.replay.commands.test_cli import LOGS, Shell
from tests.replay.custom.test_rings import sample
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE
from tests.rings import Rings

if TYPE_CHECKING:
    from events.disk import Disk

FILE = "refused.json"
BAD_BATCH = SPEC_EXAMPLE.batch + b"".join(line + b"\r\n" for line in BAD_LINES[:2])
MIXED = LoggedHistory(BAD_BATCH, BAD_LINES[2] + b"\n" + SPEC_EXAMPLE.stream + b"no newline")


SMALL = Portions(300, 300, digest_events=4)
"""So that a few lines are several blocks."""


def run(
    folder: Path, given_logs: LoggedHistory, disk: Disk = DISK, **options: Any
) -> replay.Summary:
    given_logs.write(folder)
    with replay.Logs(folder / "batch.json", folder / "stream.json", portions=SMALL) as logs:
        options = {"rejected": folder / FILE, **options}
        return replay.run(logs, folder / "flagged.json", disk=disk, **options)


def refused_in(given_logs: LoggedHistory) -> list[bytes]:
    """Return the rejected lines of both logs, as the model has them."""
    batch, stream = (
        [line for line in log.removeprefix(b"\xef\xbb\xbf").split(b"\n") if model.read_lines(line)]
        for log in given_logs
    )
    lines = batch[1:] + stream
    read = [model.read_lines(line)[0] for line in lines]
    told = model.happenings(read)
    return [line for line, happening in zip(lines, told, strict=True) if happening is None]


def content(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


@pytest.mark.slow
@given(histories())
def test_file_holds_what_the_model_rejects_and_the_summary_counts_it(
    given_logs: LoggedHistory,
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        summary = run(folder, given_logs)
        expected = refused_in(given_logs)
        found = (folder / FILE).read_bytes()
        assert found == content(expected)
        assert sum(summary.reasons.values()) == summary.rejected == len(expected)
        # Asked for later, of the finished run, it is the same.
        again = run(folder, given_logs, rejected=folder / "later.json")
        assert again.finished_before
        assert again.reasons == summary.reasons
        assert (folder / "later.json").read_bytes() == found
        # Fed in again it is rejected again, in the same bytes.
        fed = LoggedHistory(given_logs.batch.split(b"\n")[0] + b"\n", found)
        if model.read_lines(fed.batch):
            (folder / "fed").mkdir()
            run(folder / "fed", fed)
            assert (folder / "fed" / FILE).read_bytes() == content(refused_in(fed))


@pytest.mark.slow
@settings(max_examples=settings().max_examples * 2)
@given(histories(), st.data())
def test_run_that_dies_anywhere_and_again_collects_each_line_once(
    given_logs: LoggedHistory, data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = folder / "whole"
        whole.mkdir()
        run(whole, given_logs, disk := CountingDisk())
        for _ in range(data.draw(st.integers(1, 3))):
            when = data.draw(st.sampled_from(["before", "within", "after"]))
            operation = data.draw(st.integers(1, len(disk.operations)))
            with suppress(DiedError):
                run(folder, given_logs, DyingDisk(operation, when))
            # What is there is the beginning of what will be.
            there = (folder / FILE).read_bytes() if (folder / FILE).exists() else b""
            assert (whole / FILE).read_bytes().startswith(there)
        run(folder, given_logs)
        for output in (FILE, "flagged.json", "flagged.json.events"):
            assert (folder / output).read_bytes() == (whole / output).read_bytes()


@pytest.mark.parametrize("when", ["before", "within", "after"])
def test_run_that_dies_at_any_operation_collects_each_line_once(tmp_path: Path, when: str) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    run(whole, MIXED, disk := CountingDisk())
    assert (whole / FILE).read_bytes() == content(refused_in(MIXED))
    for operation in range(1, len(disk.operations) + 1):
        folder = tmp_path / str(operation)
        folder.mkdir()
        with pytest.raises(DiedError):
            run(folder, MIXED, DyingDisk(operation, when))
        run(folder, MIXED)
        assert (folder / FILE).read_bytes() == (whole / FILE).read_bytes()


@pytest.mark.slow
def test_what_a_power_cut_takes_comes_again_and_once(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    run(whole, MIXED, disk := CountingDisk())
    expected = (whole / FILE).read_bytes()
    for operation in range(len(disk.operations) + 1):
        folder = tmp_path / str(operation)
        folder.mkdir()
        MIXED.write(folder)
        forgetting = ForgettingDisk(folder)
        forgetting.stop_after(operation)
        with suppress(DiedError):
            run(folder, MIXED, forgetting)
        forgetting.cut()
        there = (folder / FILE).read_bytes() if (folder / FILE).exists() else b""
        assert expected.startswith(there)
        forgetting.stop_after(None)
        run(folder, MIXED, forgetting)
        assert (folder / FILE).read_bytes() == expected


def appears(path: Path, expected: bytes) -> bool:
    return path.exists() and path.read_bytes() == expected


@pytest.mark.slow
def test_lines_of_a_live_stream_are_collected_as_they_come_and_once_when_it_is_killed(
    tmp_path: Path,
) -> None:
    shell = Shell(tmp_path)
    shell.write("stream.json", b"")
    words = (*LOGS, "--follow", "--resume", "--rejected", FILE)
    lines: list[bytes] = []
    for number in range(4):
        with (tmp_path / "stream.json").open("ab") as stream:
            more = [b"no JSON %d-%d" % (number, each) for each in range(3)]
            stream.write(content([more[0], *SPEC_EXAMPLE.stream.splitlines(), *more[1:]]))
        lines += more
        process = shell.start(*words)
        deadline = time.monotonic() + 60
        while not appears(tmp_path / FILE, content(lines)):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM if number == 3 else signal.SIGKILL)
        process.communicate()
    assert (tmp_path / FILE).read_bytes() == content(lines)
    rejected = list(replay.EventStore(tmp_path / "flagged.json.events").rejected())
    assert [each.line for each in rejected] == lines


def test_strict_run_collects_the_line_that_ends_it(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(LineRejectedError):
            run(tmp_path, MIXED, strict=True)
        assert (tmp_path / FILE).read_bytes() == content(refused_in(MIXED)[:1])


def test_file_that_was_corrected_is_never_touched(tmp_path: Path) -> None:
    run(tmp_path, MIXED)
    corrected = (tmp_path / FILE).read_bytes().replace(BAD_LINES[0], b"{}")
    (tmp_path / FILE).write_bytes(corrected)
    with pytest.raises(OutputError, match="it was changed since it was written, and another"):
        run(tmp_path, MIXED)
    # Of another history nothing is begun, so that the store of the first one stays.
    store = (tmp_path / "flagged.json.events").read_bytes()
    with pytest.raises(replay.InputError, match="expected a new or empty file for the rejected"):
        run(tmp_path, SPEC_EXAMPLE)
    assert (tmp_path / FILE).read_bytes() == corrected
    assert (tmp_path / "flagged.json.events").read_bytes() == store
    assert not [path for path in tmp_path.iterdir() if "~" in path.name]
    run(tmp_path, SPEC_EXAMPLE, overwrite=True)
    assert (tmp_path / FILE).read_bytes() == b""


def test_line_too_long_to_be_kept_is_left_out_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    LoggedHistory(BAD_BATCH, b"x" * (LINE_BYTES_MAX + 1) + b"\n" + BAD_LINES[0]).write(tmp_path)
    for _ in range(2):
        assert main([*LOGS, "--rejected", FILE]) == 0
        told = capsys.readouterr().err
        assert f"rejected lines: {FILE}, without 1 line too long to be kept\n" in told
        assert (tmp_path / FILE).read_bytes().count(b"\n") == 3


def test_rows_are_collected_behind_their_column_names(tmp_path: Path) -> None:
    rows = [(f"2020-01-01 00:00:0{at}", "A", "x") for at in range(3)]
    log = as_csv(rows, list(enumerate(BAD_ROWS, 1))).replace(b"\n", b"\r\n")
    source = tmp_path / "in.csv"
    source.write_bytes(log)
    lines = log.split(b"\n")
    bad = [line for line in lines[1:] if line.removesuffix(b"\r") in {*map(str.encode, BAD_ROWS)}]
    expected = content([lines[0], *bad])
    search(
        source, tmp_path / "whole.csv", rejected=tmp_path / "whole.bad", disk=(d := CountingDisk())
    )
    assert (tmp_path / "whole.bad").read_bytes() == expected
    for operation in range(1, len(d.operations) + 1):
        for when in ("before", "within", "after"):
            folder = tmp_path / f"{operation}-{when}"
            folder.mkdir()
            given_options: dict[str, Any] = {"rejected": folder / "bad.csv"}
            with pytest.raises(DiedError):
                search(source, folder / "out.csv", disk=DyingDisk(operation, when), **given_options)
            summary = search(source, folder / "out.csv", **given_options)
            assert (folder / "bad.csv").read_bytes() == expected
            assert sum(summary.reasons.values()) == len(BAD_ROWS)
    # Corrected it is a file of observations.
    (tmp_path / "right.csv").write_bytes(content([lines[0], *lines[1:2]]))
    assert search(tmp_path / "right.csv", tmp_path / "right.json").observations == 1


def test_lines_of_a_detectors_own_events_are_collected(tmp_path: Path) -> None:
    batch, stream = sample(80)
    (tmp_path / "batch.json").write_bytes(batch + b"nothing\n")
    (tmp_path / "stream.json").write_bytes(stream)
    with Rings.logs(tmp_path / "batch.json", tmp_path / "stream.json") as logs:
        summary = replay.run(logs, tmp_path / "flagged.json", rejected=tmp_path / FILE)
    rejected = list(replay.EventStore(tmp_path / "flagged.json.events").rejected())
    assert (tmp_path / FILE).read_bytes() == content([each.line for each in rejected])
    assert summary.reasons["not-json"] == len(rejected) > 1


def test_search_without_rejected_rows_leaves_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(as_csv([("2020-01-01 00:00:00", "A", "x")]))
    search(tmp_path / "in.csv", tmp_path / "out.csv", rejected=tmp_path / "bad.csv")
    assert (tmp_path / "bad.csv").read_bytes() == b""


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    MIXED.write(tmp_path)
    return shell


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("-", "-: expected a file for the rejected lines, found a stream"),
        ("/dev/stderr", "/dev/stderr: expected a file for the rejected lines, found a stream"),
        ("stream.json", "stream.json: expected the file of rejected lines, found the stream log"),
        ("flagged.json", "flagged.json: expected a file of its own for the rejected lines"),
        ("./flagged.json.events", "expected a file of its own for the rejected lines"),
        ("no/bad.json", "no/bad.json: expected a folder for the file of rejected lines"),
        ("bad.gz", "bad.gz: expected a name without .gz for the file of rejected lines"),
        ("", "expected a file for the file of rejected lines, found an empty name"),
    ],
)
def test_file_that_cannot_be_it_is_refused_before_anything_is_written(
    shell: Shell, file: str, message: str
) -> None:
    before = shell.names()
    status, out, err = shell(*LOGS, "--rejected", file)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert shell.names() == before


# The summary


def test_summary_tells_people_how_many_there_were_of_each_reason(shell: Shell) -> None:
    shell.write("stream.json", b"wrong\n" * 12 + MIXED.stream)
    err = shell(*LOGS).err
    reasons = json.loads(shell(*LOGS, "--json", "-q").out)["reasons"]
    ordered = sorted(reasons.items(), key=lambda each: (-each[1], each[0]))
    told = ", ".join(f"{count} {reason}" for reason, count in ordered)
    assert f"\nrejected by reason: {told}\n" in err
    assert reasons["not-json"] >= 12


def test_summary_for_machines_is_one_object_on_standard_output(shell: Shell) -> None:
    status, out, err = shell(*LOGS, "--json", "--rejected", FILE)
    told = json.loads(out)
    assert (status, out.count("\n")) == (0, 1)
    # People are told of lines, and not the same again in words.
    assert err.count("rejected (") == 4
    assert "event store: " not in err
    expected = {
        "events": 7,
        "accepted": {"batch": 6, "stream": 1},
        "rejected": {"batch": 2, "stream": 2},
        "past": 6,
        "new": 1,
        "judged": 1,
        "flagged": 1,
        "users": 3,
        "finished_before": False,
        "events_before": 0,
        "output": "flagged.json",
        "output_before": 0,
        "output_set_aside": None,
        "store": "flagged.json.events",
        "store_set_aside": None,
        "store_rewritten": None,
        "rejected_lines": FILE,
    }
    assert {name: told[name] for name in expected} == expected
    assert sum(told["reasons"].values()) == 4
    assert set(told) - set(expected) == {"reasons", "seconds"}
    again = json.loads(shell(*LOGS, "--json").out)
    assert again["finished_before"]
    assert again["events_before"] == 7


def test_summary_of_a_search_for_machines(shell: Shell) -> None:
    rows = [("2020-01-01 00:00:00", "A", "x"), ("2020-01-01 00:00:01", "B", "x")]
    shell.write("in.csv", as_csv(rows, [(1, BAD_ROWS[0])]))
    words = ("intervals", "in.csv", "out.csv", "--threshold", "1m", "--by", "address", "--json")
    told = json.loads(shell(*words).out)
    assert (told["events"], told["intervals"], told["keys"]) == (2, 1, 1)
    assert told["rejected"] == {"observations": 1}
    assert told["reasons"] == {"timestamp-shape": 1}


@pytest.mark.parametrize("output", ["-", "/dev/stdout", "/dev/fd/1"])
def test_summary_and_lines_do_not_go_to_one_stream(shell: Shell, output: str) -> None:
    for words in ((*LOGS[:2], output), ("intervals", "in.csv", output, "--threshold", "1s")):
        status, out, err = shell(*words, "--json", "--store", "s.events")
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert "expected a file for the lines where --json is printed" in err
