"""The search for intervals: what it finds, in whatever file, however often it is stopped."""

from __future__ import annotations

import errno
import gzip
import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import replay
from events.errors import InputError, InterruptedRunError, LineRejectedError, OutputError
from events.observations.interval import Finding
from events.observations.observed import Observed
from events.observations.rows import ColumnNames
from events.records.record import Rejected, StateDigest
from events.store.store import EventStore
from replay.cli import main
from replay.engine.output_file import OutputFileError
from replay.intervals.find import find_intervals
from replay.intervals.history import IntervalHistory
from replay.intervals.run import Search, run_intervals
from replay.intervals.verify import verify_intervals
from replay.testing.disks import CountingDisk, DiedError, DyingDisk, FailingDisk
from tests.interval_cases import CASES, THRESHOLD, Case, all_pairs
from tests.interval_runs import (
    BAD_ROWS,
    MINUTE,
    SMALL,
    Row,
    as_csv,
    as_jsonl,
    piped,
    read_back,
    rows,
    search,
)

T = "2020-01-01 00:00:00"
ROOT = Path(replay.__file__).parents[1]
in_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def fields_of(found: list[Any], *, keyed: bool) -> list[dict[str, Any]]:
    """Return intervals as a file of JSON lines has them."""
    listed = [msgspec.structs.asdict(each) for each in found]
    listed = [{**each, "adids": list(each["adids"])} for each in listed]
    return [
        {"key": each.pop("key"), **each} if keyed else {n: each[n] for n in each if n != "key"}
        for each in listed
    ]


def fresh(folder: Path) -> Path:
    for leftover in folder.iterdir():
        leftover.unlink()
    return folder


# What is found


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("output", ["found.json", "found.csv"])
def test_case_of_the_specification_is_found_exactly(name: str, output: str, tmp_path: Path) -> None:
    case: Case = CASES[name]
    lines = ["time,adid", *(",".join(row) for row in case.rows())]
    (tmp_path / "in.csv").write_text("\n".join(lines))
    search(tmp_path / "in.csv", tmp_path / output, Search(THRESHOLD))
    assert read_back(tmp_path / output) == fields_of(case.expected(), keyed=False)


@pytest.mark.slow
@in_folder
@given(rows, st.booleans(), st.integers(1, 3))
def test_run_finds_what_looking_at_all_pairs_of_times_finds(
    tmp_path: Path,
    drawn: list[Row],
    inclusive: bool,
    distinct_min: int,
) -> None:
    folder = fresh(tmp_path)
    (folder / "in.csv").write_bytes(as_csv(drawn))
    what = Search(60 * 10**9, inclusive, distinct_min)
    search(folder / "in.csv", folder / "out.json", what)
    expected = all_pairs(
        [(canonical(time), adid) for time, adid, _ in drawn],
        what.threshold,
        inclusive=inclusive,
        distinct_min=distinct_min,
    )
    assert read_back(folder / "out.json") == fields_of(expected, keyed=False)


def canonical(time: str) -> str:
    return time[:19] + time[19:].rstrip("0").removesuffix(".")


@pytest.mark.slow
@in_folder
@given(rows)
def test_each_key_gets_what_a_file_of_its_own_rows_gets(tmp_path: Path, drawn: list[Row]) -> None:
    folder = fresh(tmp_path)
    (folder / "in.csv").write_bytes(as_csv(drawn))
    search(folder / "in.csv", folder / "out.csv", key="address")
    found = read_back(folder / "out.csv")
    for key in {row[2] for row in drawn}:
        (folder / f"{key}.csv").write_bytes(as_csv([row for row in drawn if row[2] == key]))
        search(folder / f"{key}.csv", folder / f"{key}.json")
        own = [{n: each[n] for n in each if n != "key"} for each in found if each["key"] == key]
        assert own == read_back(folder / f"{key}.json")
    assert {each["key"] for each in found} <= {row[2] for row in drawn}


@in_folder
@given(rows, st.sampled_from(["csv", "jsonl"]))
def test_run_finds_what_find_intervals_finds(tmp_path: Path, drawn: list[Row], form: str) -> None:
    folder = fresh(tmp_path)
    content = as_csv(drawn) if form == "csv" else as_jsonl(drawn)
    (folder / f"in.{form}").write_bytes(content)
    search(folder / f"in.{form}", folder / "out.json", key="address")
    times, adids, keys = (
        (list(column) for column in zip(*drawn, strict=True)) if drawn else ([],) * 3
    )
    expected = fields_of(find_intervals(times, adids, 60, keys=keys), keyed=True)
    found = read_back(folder / "out.json")
    assert sorted(found, key=json.dumps) == sorted(expected, key=json.dumps)


@pytest.mark.slow
@in_folder
@given(rows, st.booleans())
def test_stream_with_lateness_and_sorted_file_and_unsorted_file_give_the_same_bytes(
    tmp_path: Path,
    drawn: list[Row],
    keyed: bool,
) -> None:
    folder, key = fresh(tmp_path), "address" if keyed else None
    ordered = sorted(drawn, key=lambda row: canonical(row[0]))
    (folder / "sorted.csv").write_bytes(as_csv(ordered))
    (folder / "unsorted.csv").write_bytes(as_csv(drawn))
    search(folder / "sorted.csv", folder / "sorted.json", key=key)
    search(folder / "unsorted.csv", folder / "unsorted.json", key=key)
    with piped(as_csv(drawn), ColumnNames(key=key)) as pipe:
        run_intervals(pipe, folder / "pipe.json", Search(60 * 10**9, lateness=10**13))
    expected = (folder / "sorted.json").read_bytes()
    assert (folder / "unsorted.json").read_bytes() == expected
    assert (folder / "pipe.json").read_bytes() == expected


def test_what_comes_too_late_on_a_pipe_is_rejected_and_kept(tmp_path: Path) -> None:
    content = as_csv(
        [
            ("2020-01-01 00:01:00", "A", "x"),
            ("2020-01-01 00:00:31", "B", "x"),
            ('2020-01-01 00:00:29"'.replace('"', ""), "C", "x"),
            ("2020-01-01 00:01:01", "D", "x"),
        ]
    )
    with piped(content) as pipe:
        what = Search(60 * 10**9, lateness=30 * 10**9)
        summary = run_intervals(pipe, tmp_path / "out.json", what)
    assert (summary.observations, summary.rejected) == (3, 1)
    (rejected,) = EventStore(summary.store_path).rejected()
    assert rejected == Rejected(
        "observations",
        4,
        "late",
        "time: expected at most 30s before '2020-01-01 00:01:00', found '2020-01-01 00:00:29'",
        b"2020-01-01 00:00:29,C,x",
    )
    assert [each["adids"] for each in read_back(tmp_path / "out.json")] == [["B", "A", "D"]]


@pytest.mark.parametrize("blank", ["", "\r\n"])
@pytest.mark.parametrize("content", ["", '"', "\r"])
def test_late_rows_are_kept_as_they_stand_in_the_file(
    content: str, blank: str, tmp_path: Path
) -> None:
    lines = [f"2020-01-01 00:00:0{n},{content and content[0] + 'A' + content[0]},x" for n in "912"]
    if content in ("", "\r"):
        lines = [f"2020-01-01 00:00:0{n},A,x{content}" for n in "912"]
    text = "time,adid,address\n" + "".join(f"{line}\n{blank}" for line in lines)
    with piped(text.encode()) as pipe:
        summary = run_intervals(pipe, tmp_path / "out.json", MINUTE)
    kept = [each.line.decode() for each in EventStore(summary.store_path).rejected()]
    assert kept == lines[1:]


# Bad rows


@pytest.mark.slow
@in_folder
@given(rows, st.lists(st.tuples(st.integers(0, 14), st.sampled_from(BAD_ROWS)), max_size=4))
def test_bad_rows_are_kept_counted_and_passed_over(
    tmp_path: Path, drawn: list[Row], bad: list[tuple[int, str]]
) -> None:
    folder = fresh(tmp_path)
    (folder / "good.csv").write_bytes(as_csv(drawn))
    (folder / "bad.csv").write_bytes(as_csv(drawn, bad))
    good = search(folder / "good.csv", folder / "good.json", key="address")
    summary = search(folder / "bad.csv", folder / "bad.json", key="address")
    assert (folder / "bad.json").read_bytes() == (folder / "good.json").read_bytes()
    store = EventStore(summary.store_path)
    lines = (folder / "bad.csv").read_bytes().split(b"\n")
    assert (summary.rejected, summary.observations) == (len(bad), good.observations)
    assert len(list(store.rejected())) == len(bad)
    assert all(lines[each.number - 1] == each.line for each in store.rejected())
    assert store.events == good.observations


def test_strict_search_stops_at_the_first_bad_row_and_goes_on_without_strict(
    tmp_path: Path,
) -> None:
    good = [(f"2020-01-01 00:00:0{n}", "AB"[n % 2], "x") for n in range(8)]
    (tmp_path / "in.csv").write_bytes(as_csv(good, [(3, BAD_ROWS[0]), (5, BAD_ROWS[2])]))
    for _ in range(2):
        with pytest.raises(LineRejectedError, match=r"in\.csv:5: rejected \(timestamp-shape\)"):
            search(tmp_path / "in.csv", tmp_path / "out.json", strict=True)
    assert search(tmp_path / "in.csv", tmp_path / "out.json").rejected == 2
    assert [each["end_index"] for each in read_back(tmp_path / "out.json")] == [7]


# Files


@pytest.mark.parametrize("name", ["seen.csv", "seen.jsonl", "seen.csv.gz"])
def test_last_row_is_put_in_order_too_where_the_file_ends_without_a_newline(
    name: str, tmp_path: Path
) -> None:
    drawn = [(f"2020-01-01 00:00:{second:02}", adid, "x") for second, adid in ((5, "A"), (1, "B"))]
    path = tmp_path / name
    content = (as_jsonl(drawn) if "jsonl" in name else as_csv(drawn)).removesuffix(b"\n")
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    summary = search(path, tmp_path / "found.json")
    assert (summary.observations, summary.rejected) == (2, 0)
    assert [each["adids"] for each in read_back(tmp_path / "found.json")] == [["B", "A"]]


def test_compressed_file_is_read_as_it_is(tmp_path: Path) -> None:
    content = as_csv([("2020-01-01 00:00:00", "A", "x"), ("2020-01-01 00:00:01", "B", "x")])
    (tmp_path / "in.csv.gz").write_bytes(gzip.compress(content))
    assert search(tmp_path / "in.csv.gz", tmp_path / "out.csv").intervals == 1


def test_intervals_are_appended_under_the_same_columns_only(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(
        as_csv([("2020-01-01 00:00:00", "A", "x"), ("2020-01-01 00:00:01", 'B"', "x")])
    )
    output = tmp_path / "out.csv"
    search(tmp_path / "in.csv", output)
    first = output.read_bytes()
    assert first == (
        b"start_index,end_index,start_time,end_time,num_adid,adids\n"
        b'0,1,2020-01-01 00:00:00,2020-01-01 00:00:01,2,"[""A"",""B\\""""]"\n'
    )
    (tmp_path / "out.csv.events").unlink()
    search(tmp_path / "in.csv", output, Search(2 * 10**9))
    assert output.read_bytes() == first + first.split(b"\n")[1] + b"\n"
    (tmp_path / "out.csv.events").unlink()
    with pytest.raises(InputError, match="expected a file that begins with the columns key,start"):
        search(tmp_path / "in.csv", output, key="address")
    search(tmp_path / "in.csv", output, Search(1), overwrite=True)
    assert output.read_bytes() == first.split(b"\n")[0] + b"\n"


def test_output_that_was_altered_is_refused_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(
        as_csv([("2020-01-01 00:00:00", "A", "x"), ("2020-01-01 00:00:01", "B", "x")])
    )
    search(tmp_path / "in.csv", tmp_path / "out.json")
    (tmp_path / "out.json").write_bytes(b"[" * 200)
    with pytest.raises(OutputFileError, match=r"out\.json writes it again"):
        search(tmp_path / "in.csv", tmp_path / "out.json")
    assert main(["rebuild", str(tmp_path / "out.json.events"), str(tmp_path / "out.json")]) == 0
    assert search(tmp_path / "in.csv", tmp_path / "out.json").finished_before


@pytest.mark.slow
@in_folder
@given(rows)
def test_store_holds_what_was_read_and_what_was_found(tmp_path: Path, drawn: list[Row]) -> None:
    folder = fresh(tmp_path)
    (folder / "in.csv").write_bytes(as_csv(drawn))
    summary = search(folder / "in.csv", folder / "out.json", key="address")
    store = EventStore(summary.store_path)
    held: list[Row] = []
    for record in store.records():
        if isinstance(record, Observed):
            assert record.number == len(held) + 1
            assert record.keys is not None
            held += zip(record.times, record.adids, record.keys, strict=True)
    assert held == [(canonical(time), adid, key) for time, adid, key in drawn]
    found = [record for record in store.records() if isinstance(record, Finding)]
    assert fields_of([each.interval for each in found], keyed=True) == read_back(
        folder / "out.json"
    )
    assert all(1 <= each.number <= len(drawn) for each in found)


@pytest.mark.slow
@in_folder
@given(rows, st.sampled_from([0, 40 * 10**9, 10**13]), st.sampled_from([None, "address"]))
def test_members_of_an_interval_are_the_observations_that_it_counts(
    tmp_path: Path, drawn: list[Row], lateness: int, key: str | None
) -> None:
    folder = fresh(tmp_path)
    (folder / "in.csv").write_bytes(as_csv(drawn))
    what = Search(60 * 10**9, lateness=lateness)
    store = search(folder / "in.csv", folder / "out.json", what, key=key).store_path
    history = IntervalHistory(EventStore(store))
    for interval, members in [
        (each.interval, [*map(history.event, history.members(each))]) for each in history.findings()
    ]:
        assert len(members) == interval.end_index - interval.start_index + 1
        assert members == sorted(members, key=lambda each: (each.time, each.number))
        assert (members[0].time, members[-1].time) == (interval.start_time, interval.end_time)
        assert tuple(dict.fromkeys(each.adid for each in members)) == interval.adids
        assert {each.key for each in members} == {interval.key}
    findings = list(history.findings())
    assert [each for n in range(1, len(history) + 1) for each in history.found(n)] == findings
    assert sum(history.found_counts.values()) == len(findings)


def test_store_of_a_threshold_that_is_refused_today_stays_readable(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(as_csv([(T, "A", "x"), (T, "B", "x")]))
    what = Search(1)
    msgspec.structs.force_setattr(what, "threshold", 0)
    search(tmp_path / "in.csv", tmp_path / "found.csv", what)
    search(tmp_path / "in.csv", tmp_path / "found.csv", what)
    assert read_back(tmp_path / "found.csv") == []
    checked = verify_intervals(EventStore(tmp_path / "found.csv.events"))
    assert (checked.events, checked.difference) == (2, None)


@pytest.mark.slow
def test_output_and_store_are_the_same_under_every_hash_seed(tmp_path: Path) -> None:
    results = []
    for seed in ("0", "1", "random", "random"):
        for leftover in tmp_path.iterdir():
            leftover.unlink()
        sample = str(ROOT / "scripts" / "sample" / "observations.csv")
        command = ("intervals", sample, "out.csv", "--threshold", "1h", "--by", "address", "-q")
        subprocess.run(
            [sys.executable, "-m", "replay", *command],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        )
        results.append({path.name: path.read_bytes() for path in tmp_path.iterdir()})
    assert results == results[:1] * 4
    assert results[0]["out.csv"].count(b"\n") > 5


# Stopped and run again

befores = st.sampled_from([None, b"", b"earlier\n", b"earlier"])
whens = st.sampled_from(["before", "within", "after"])
kinds = st.sampled_from(["out.json", "out.csv"])


def outcome(folder: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.name != "in.csv" and not path.name.endswith(("~", ".new"))
    }


def start(folder: Path, content: bytes, output: str, before: bytes | None) -> None:
    (folder / "in.csv").write_bytes(content)
    if before is not None and output != "out.csv":
        (folder / output).write_bytes(before)


@pytest.mark.slow
@settings(max_examples=settings().max_examples * 2)
@given(
    rows,
    st.sampled_from([None, 40 * 10**9]),
    st.sampled_from([None, "address"]),
    befores,
    kinds,
    st.data(),
)
def test_search_that_dies_anywhere_and_again_goes_on_to_the_same_bytes(  # noqa: PLR0917
    drawn: list[Row],
    lateness: int | None,
    key: str | None,
    before: bytes | None,
    output: str,
    data: st.DataObject,
) -> None:
    drawn *= data.draw(st.integers(1, 3))
    content = as_csv(drawn, [(len(drawn) // 2, BAD_ROWS[0])])
    what = Search(60 * 10**9, lateness=lateness or 0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start(folder, content, output, before)
        disk = CountingDisk()
        search(folder / "in.csv", folder / output, what, key=key, disk=disk)
        expected, operations = outcome(folder), len(disk.operations)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start(folder, content, output, before)
        for _ in range(data.draw(st.integers(1, 3))):
            dying = DyingDisk(data.draw(st.integers(1, operations)), data.draw(whens))
            with suppress(DiedError):
                search(folder / "in.csv", folder / output, what, key=key, disk=dying)
        search(folder / "in.csv", folder / output, what, key=key)
        assert outcome(folder) == expected
        counting = CountingDisk()
        again = search(folder / "in.csv", folder / output, what, key=key, disk=counting)
        assert again.finished_before
        assert [each for each in counting.operations if not each.startswith("extend")] == []
        assert outcome(folder) == expected


SESSION = [
    (f"2020-01-01 00:0{n // 6}:{n % 6}{n % 3}", "ABC"[n % 3], "xy"[n // 4 % 2]) for n in range(14)
]


@pytest.mark.slow
@pytest.mark.parametrize("content", [as_csv(SESSION), as_csv(SESSION[::-1])], ids=["sorted", "not"])
@pytest.mark.parametrize("key", [None, "address"])
def test_example_dies_right_before_and_right_after_every_single_operation(
    content: bytes, key: str | None, tmp_path: Path
) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    start(whole, content, "out.json", b"earlier")
    disk = CountingDisk()
    search(whole / "in.csv", whole / "out.json", key=key, disk=disk)
    expected = outcome(whole)
    assert len(disk.operations) > 15
    assert expected["out.json"].count(b"\n") > 3
    for operation in range(1, len(disk.operations) + 1):
        for when in ("before", "within", "after"):
            folder = tmp_path / f"{operation}-{when}"
            folder.mkdir()
            start(folder, content, "out.json", b"earlier")
            with pytest.raises(DiedError):
                search(
                    folder / "in.csv",
                    folder / "out.json",
                    key=key,
                    disk=DyingDisk(operation, when),
                )
            search(folder / "in.csv", folder / "out.json", key=key)
            assert outcome(folder) == expected


limits = st.sampled_from(
    [SMALL._replace(settle_rows=rows, found_max=found) for rows, found in [(4, 70), (9, 10**9)]]
    + [SMALL._replace(settle_rows=10**9, found_max=10**9)]
)


@pytest.mark.slow
@given(rows, st.sampled_from([None, 40 * 10**9]), st.sampled_from([None, "address"]), st.data())
def test_store_is_read_and_gone_on_with_whatever_was_settled_at_once(
    drawn: list[Row], lateness: int | None, key: str | None, data: st.DataObject
) -> None:
    drawn *= 3
    what = Search(60 * 10**9, lateness=lateness or 0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start(folder, as_csv(drawn), "out.json", None)
        portions = data.draw(limits)
        source, output = folder / "in.csv", folder / "out.json"
        disk = CountingDisk()
        search(source, folder / "whole.json", what, key=key, disk=disk, portions=portions)
        expected = (folder / "whole.json").read_bytes()
        dying = DyingDisk(data.draw(st.integers(1, len(disk.operations))), data.draw(whens))
        with suppress(DiedError):
            search(source, output, what, key=key, disk=dying, portions=portions)
        search(source, output, what, key=key, portions=data.draw(limits))
        assert output.read_bytes() == expected
        assert verify_intervals(EventStore(folder / "out.json.events")).difference is None


def test_store_in_which_all_was_settled_at_once_is_gone_on_with_in_portions(tmp_path: Path) -> None:
    start(tmp_path, as_csv(SESSION[::-1] * 3), "out.json", None)
    at_once = SMALL._replace(settle_rows=10**9, found_max=10**9)
    search(tmp_path / "in.csv", tmp_path / "out.json", portions=at_once)
    records = list(EventStore(tmp_path / "out.json.events").records())
    assert sum(isinstance(each, StateDigest) for each in records) == 1
    search(tmp_path / "in.csv", tmp_path / "again.json")
    records = list(EventStore(tmp_path / "again.json.events").records())
    assert sum(isinstance(each, StateDigest) for each in records) > 5
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "out.json").read_bytes()
    for name in ("out", "again"):
        checked = verify_intervals(EventStore(tmp_path / f"{name}.json.events"))
        assert checked.difference is None


@pytest.mark.slow
@given(st.data())
def test_search_whose_disk_fails_says_so_and_goes_on_when_it_works_again(
    data: st.DataObject,
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start(folder, as_csv(SESSION), "out.csv", None)
        disk = CountingDisk()
        search(folder / "in.csv", folder / "out.csv", disk=disk)
        expected = outcome(folder)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start(folder, as_csv(SESSION), "out.csv", None)
        failing = FailingDisk(
            data.draw(st.integers(1, len(disk.operations))),
            for_ever=data.draw(st.booleans()),
            error=data.draw(st.sampled_from([errno.ENOSPC, errno.EIO])),
        )
        with pytest.raises(OutputError, match="expected to"):
            search(folder / "in.csv", folder / "out.csv", disk=failing)
        search(folder / "in.csv", folder / "out.csv")
        assert outcome(folder) == expected


@pytest.mark.slow
@given(st.data())
def test_store_that_was_cut_anywhere_is_completed_to_the_same_bytes(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start(folder, as_csv(SESSION), "out.json", None)
        summary = search(folder / "in.csv", folder / "out.json")
        expected = outcome(folder)
        size = len(expected["out.json.events"])
        os.truncate(summary.store_path, data.draw(st.integers(600, size)))
        with suppress(replay.DamagedStoreError):
            search(folder / "in.csv", folder / "out.json")
            assert outcome(folder) == expected


def test_interrupted_search_keeps_what_it_did_and_goes_on(tmp_path: Path) -> None:
    start(tmp_path, as_csv(SESSION), "out.json", None)
    asked = iter([False, True])
    with pytest.raises(InterruptedRunError, match="interrupted after 6 observations; they are"):
        search(tmp_path / "in.csv", tmp_path / "out.json", should_stop=lambda: next(asked))
    summary = search(tmp_path / "in.csv", tmp_path / "out.json")
    assert (summary.events_before, summary.observations) == (6, 14)
