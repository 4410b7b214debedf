"""The command that finds intervals, and those that look at a store of them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import replay
from events.logs.file import PORTIONS
from events.observations.interval import Finding
from events.records.record import StateDigest
from events.store.store import EventStore
from events.store.writer import StoreWriter
from replay.cli import COMMANDS, main
from replay.debugger.shell import Shell as Debugger
from replay.intervals.looks import IntervalLooks
from replay.intervals.picture import intervals_picture
from replay.intervals.run import Search
from replay.kinds import looks_of
from tests.events.store.test_store import pieces
from tests.interval_cases import CASES, THRESHOLD
from tests.interval_runs import BAD_ROWS, Row, as_csv, read_back, rows, search
from tests.replay.commands.test_cli import Shell
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE, run_in_process

if TYPE_CHECKING:
    from collections.abc import Callable

    from events.records.record import Record
    from replay.intervals.history import IntervalHistory

ROOT = Path(replay.__file__).parents[1]
SAMPLE = ROOT / "scripts" / "sample" / "observations.csv"
OVERLAP = CASES["three that overlap, and one out of order"]
STORE = "out.json.events"


class Commands:
    """Runs commands in this process, in a folder that has a store of intervals."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capture = capture

    def result(self, *words: str) -> tuple[int, str, str]:
        self.capture.readouterr()
        name, *others = words
        names = {path.name for path in self.folder.iterdir()}
        found = [
            str(self.folder / word) if word in names or word.startswith("new.") else word
            for word in others
        ]
        status = main([name, *found])
        out, err = self.capture.readouterr()
        return status, out, err.replace(f"{self.folder}/", "")

    def __call__(self, *words: str) -> str:
        """Return what a command prints, which must end with status 0."""
        status, out, err = self.result(*words)
        assert (status, err) == (0, "")
        return out.replace(f"{self.folder}/", "")


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Commands:
    """Return commands on the fifth case, which is out of order, in a file with a bad row."""
    lines = ["time,adid,address", *(f"{time},{adid},here" for time, adid in OVERLAP.rows())]
    lines.insert(3, "yesterday,A,here")
    (tmp_path / "in.csv").write_text("\n".join(lines))
    search(tmp_path / "in.csv", tmp_path / "out.json", Search(THRESHOLD))
    shutil.copy(SAMPLE, tmp_path / "sample.csv")
    what = Search(THRESHOLD)
    search(SAMPLE, tmp_path / "sample.json", what, key="address", portions=PORTIONS)
    run_in_process(SPEC_EXAMPLE, tmp_path)
    return Commands(tmp_path, capsys)


# intervals


@pytest.mark.slow
def test_command_writes_intervals_store_and_picture_and_says_so(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shutil.copy(SAMPLE, tmp_path / "in.csv")
    words = ("intervals", "in.csv", "out.csv", "--threshold", "10m", "--by", "address")
    status, out, err = shell(*words, "--svg", "out.svg", "-v")
    assert (status, out) == (0, "")
    said = err.splitlines()
    assert said[:3] == [
        "intervals < 10m with 2 ids or more, by address, lateness 0s",
        "the observations are csv",
        "observations: in.csv, 14.8 KiB",
    ]
    phases = [line.split()[1] for line in said if line.startswith("phase ")]
    assert phases == ["fingerprint:", "observations:", "close:"]
    assert "in.csv:120: rejected (timestamp-shape): time: expected YYYY-MM-DD HH:MM:SS" in err
    assert said[-5] == "396 observations, 4 rows rejected, 6 keys"
    assert said[-4].startswith("7 intervals found, ")
    assert said[-3:] == [
        "rejected by reason: 4 timestamp-shape",
        "intervals: out.csv",
        "event store: out.csv.events",
    ]
    assert len(read_back(tmp_path / "out.csv")) == 7
    assert shell.read("out.svg").startswith(b"<svg ")
    assert b"10.0.0.4 81af1" in shell.read("out.svg")
    assert "this run was finished before" in shell(*words).err
    assert shell(*words, "-q").err == ""


def test_pipe_is_read_and_what_comes_too_late_is_reported(tmp_path: Path) -> None:
    rows = b"time,adid\n2020-01-01 00:00:01,A\n2020-01-01 00:00:00,B\n"
    finished = subprocess.run(
        [sys.executable, "-m", "replay", "intervals", "-", "out.json", "--threshold", "1s"],
        cwd=tmp_path,
        env=Shell(tmp_path).environment,
        input=rows,
        capture_output=True,
        check=True,
    )
    assert b"-:3: rejected (late): time: expected at most 0s before" in finished.stderr


TITLE = b"start_index,end_index,start_time,end_time,num_adid,adids\n"


@pytest.mark.parametrize("lateness", ["0s", "1s"])
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("seen.csv", b"", "found an empty file"),
        ("seen.csv", b"\n\n", "found an empty file"),
        ("seen.csv", b"time,id\n2020-01-01 00:00:00,A\n", "found none called 'adid'"),
        ("seen.csv.gz", b"no gzip file", "found: Not a gzipped file"),
        ("seen.jsonl.gz", b"no gzip file", "found: Not a gzipped file"),
        ("seen.jsonl.gz", b"", "found: an empty file, which is no gzip file"),
    ],
)
def test_observations_without_columns_leave_no_output_behind(
    run: Commands, name: str, content: bytes, message: str, lateness: str
) -> None:
    (run.folder / name).write_bytes(content)
    words = ("intervals", name, "new.csv", "--threshold", "1s", "--lateness", lateness)
    status, out, err = run.result(*words)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert not [each for each in run.folder.iterdir() if each.name.startswith("new.csv")]


@pytest.mark.slow
def test_pipe_without_columns_leaves_no_output_behind(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "replay", "intervals", "-", "out.csv", "--threshold", "1s"]
    for content, status, left in (
        (b"", 2, None),
        (b"time,id\n", 2, None),
        (b"time,adid\n", 0, TITLE),
    ):
        finished = subprocess.run(
            words,
            cwd=tmp_path,
            env=Shell(tmp_path).environment,
            input=content,
            capture_output=True,
            check=False,
        )
        assert finished.returncode == status
        output = tmp_path / "out.csv"
        assert (output.read_bytes().replace(b"\r", b"") if output.exists() else None) == left
        assert (tmp_path / "out.csv.events").exists() == (left is not None)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("in.csv", "new.json"), "the following arguments are required: --threshold"),
        (("in.csv", "new.json", "--threshold", "10"), "expected a duration such as 90s"),
        (("in.csv", "new.json", "--threshold", "300000d"), "expected at most 292 years"),
        (
            ("in.csv", "new.json", "--threshold", "1s", "--min-distinct", "0"),
            "--min-distinct: expected",
        ),
        (
            ("in.csv", "new.json", "--threshold", "0s"),
            "threshold: expected more than 0s, or 0s and",
        ),
        (("in.csv", "new.json", "--threshold", "1s", "--lateness", "300000d"), "292 years"),
        (
            ("in.csv", "new.json.gz", "--threshold", "1s"),
            "expected a name without .gz for",
        ),
        (("in.csv", "in.csv", "--threshold", "1s"), "found the observations, which would"),
        (("in.csv", "new.json", "--threshold", "1s", "--by", "no"), "none called 'no'"),
        (("in.csv", "new.json", "--threshold", "1s", "--by", "time"), "expected different columns"),
        (("none.csv", "new.json", "--threshold", "1s"), "found: No such file"),
        (("in.dat", "new.json", "--threshold", "1s"), "say with --format which it has"),
        (("in.csv", "new.json", "--threshold", "1s", "--svg", "new.json"), "a file of its own"),
        (("in.csv", "new.json", "--threshold", "1s", "--svg", "no/where"), "found no no; make"),
    ],
)
def test_wrong_use_is_answered_with_one_line_and_status_2(
    run: Commands, words: tuple[str, ...], message: str
) -> None:
    try:
        status, out, err = run.result("intervals", *words)
    except SystemExit as ended:
        status, (out, err) = int(str(ended.code)), run.capture.readouterr()
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert not (run.folder / "new.json").exists()


def test_drawing_that_exists_is_found_out_before_the_work(run: Commands) -> None:
    status, out, err = run.result(
        "intervals", "in.csv", "new.json", "--threshold", "1s", "--svg", "in.csv"
    )
    assert (status, out) == (1, "")
    assert (
        err
        == "replay: in.csv: expected a new file for a drawing, found one there; name another file\n"
    )
    assert not (run.folder / "new.json").exists()


def test_newcomer_finds_the_command_in_the_programs_help(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "intervals    the second detector: time intervals" in capsys.readouterr().out


def test_committed_picture_is_what_the_program_draws() -> None:
    times, adids = zip(*sorted(OVERLAP.rows(), key=lambda row: row[0]), strict=True)
    title = "Three intervals below 10 minutes that overlap"
    drawn = intervals_picture(times, adids, OVERLAP.expected(), title)
    committed = ROOT / "scripts" / "sample" / "intervals.svg"
    assert committed.read_text(encoding="utf-8") == drawn


# Looking at the store


def test_log_lists_observations_and_behind_each_what_was_final_then(run: Commands) -> None:
    lines = run("log", "sample.json.events").splitlines()
    assert len(lines) == 396 + 4 + 7
    assert lines[0] == "       1         2  2020-01-01 01:12:38  5c5581d4 seen at 10.0.0.5"
    flagged = run("log", "sample.json.events", "--flagged", "--to", "43").splitlines()
    assert flagged == [
        "      43        44  2020-01-01 04:19:05  1fe68e72 seen at 10.0.0.4",
        f"{'':20}INTERVAL, final now: 2020-01-01 04:08:58 to 2020-01-01 04:18:17, "
        "observations 0 to 34 at 10.0.0.4: 2 ids: 81af14c1, 1fe68e72",
    ]
    assert len(run("log", "sample.json.events", "--rejected").splitlines()) == 4
    by_key = run("log", "sample.json.events", "--user", "10.0.0.5", "--type", "observation")
    assert by_key.count("seen at 10.0.0.5") == len(by_key.splitlines()) == 5
    objects = [json.loads(line) for line in run("log", STORE, "--json").splitlines()]
    assert [each["line"] for each in objects] == list(range(2, 13))
    assert [each["type"] for each in objects].count("rejected") == 1
    found = [each["intervals"] for each in objects if each["type"] == "observation"]
    assert found[:-1] == [[]] * 9
    assert found[-1] == read_back(run.folder / "out.json")


def test_export_gives_the_observations_back(run: Commands) -> None:
    assert run("export", STORE) == (
        "observations in the store: 10; name a file with --observations\n"
    )
    run("export", STORE, "--observations", "new.csv")
    rows = [f"{time},{adid}" for time, adid in OVERLAP.rows()]
    assert (run.folder / "new.csv").read_text().splitlines() == ["time,adid", *rows]
    run("export", "sample.json.events", "--observations", "new.jsonl")
    search(run.folder / "new.jsonl", run.folder / "again.json", Search(THRESHOLD), key="address")
    assert read_back(run.folder / "again.json") == read_back(run.folder / "sample.json")


def test_diff_finds_the_first_difference_of_two_stores(run: Commands) -> None:
    assert run("diff", STORE, STORE) == "no difference in 10 events and 3 findings\n"
    search(run.folder / "in.csv", run.folder / "other.json", Search(THRESHOLD, inclusive=True))
    status, out, _ = run.result("diff", STORE, "other.json.events")
    assert status == 1
    assert "intervals <= 10m with 2 ids or more, put in order first" in out
    found = json.loads(run.result("diff", STORE, "other.json.events", "--json")[1])
    told = {"threshold": THRESHOLD, "inclusive": False, "min_distinct": 2, "lateness": None}
    assert found["parameters"] == {"one": told, "other": {**told, "inclusive": True}}
    assert found["event"] is None
    if found["finding"] is not None:
        sides = [found["finding"][side] for side in ("one", "other")]
        numbers = [each["event"] for each in sides if each is not None]
        assert found["finding"]["event"] == min(numbers)
        assert all("start_time" in each for each in sides if each is not None)
    status, _, err = run.result("diff", STORE, "flagged.json.events")
    assert (status, err.count("\n")) == (2, 1)
    assert "found one of purchases" in err


@pytest.mark.parametrize(
    "words",
    [
        ("sweep", STORE),
    ],
    ids=lambda words: words[0],
)
def test_command_about_purchases_refuses_a_store_of_intervals(
    run: Commands, words: tuple[str, ...]
) -> None:
    status, out, err = run.result(*words)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "expected a store of purchases, found one that 'intervals' (version 1) decided" in err


def test_every_command_was_thought_of() -> None:
    tried = {"log", "export", "diff", "why", "rerun", "sweep", "verify", "trace", "step"}
    tried |= {"check", "repair", "rebuild", "explore", "shrink", "report", "view"}
    assert tried | {"run", "intervals"} == set(COMMANDS)


def test_trace_shows_the_messages_of_one_observation(
    run: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    shown = run("trace", "sample.json.events", "1").splitlines()
    assert [line.split()[3] for line in shown[1:]] == [
        *("Observe", "Settle", "Extend", "Found", "Findings", "Commit", "Commit"),
    ]
    assert json.loads(run("trace", STORE, "1", "--json").splitlines()[0])["message"] == "observe"


# why


@settings(max_examples=settings().max_examples // 2)
@given(rows, st.sampled_from([0, 40 * 10**9]), st.booleans())
def test_why_tells_of_every_row_what_was_final_then_or_why_nothing_was(
    drawn: list[Row], lateness: int, keyed: bool
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in.csv").write_bytes(as_csv(drawn))
        key = "address" if keyed else None
        found = search(
            folder / "in.csv", folder / "o.json", Search(60 * 10**9, lateness=lateness), key=key
        )
        with IntervalLooks(EventStore(found.store_path)) as looks:
            numbers = range(1, found.observations + 1)
            told = [json.loads(json.dumps(looks.why_fields(number))) for number in numbers]
            seen = [each for why in told for each in why["intervals"]]
            assert [without_members(each) for each in seen] == read_back(folder / "o.json")
            for each in seen:
                check_members(each, looks.history)
            for number, why in enumerate(told, 1):
                if not why["intervals"]:
                    check_reasons(why, number, looks.history)


def without_members(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name != "members"}


def check_members(told: dict[str, Any], history: IntervalHistory) -> None:
    members = told["members"]
    indexes = range(told["start_index"], told["end_index"] + 1)
    assert [each["index"] for each in members] == list(indexes)
    assert [members[0]["time"], members[-1]["time"]] == [told["start_time"], told["end_time"]]
    assert {each["adid"] for each in members} == {*told["adids"]}
    events = [history.event(each["event"]) for each in members]
    assert [each.time for each in events] == [each["time"] for each in members]
    assert {each.key for each in events} == {told.get("key", "")}


def check_reasons(why: dict[str, Any], number: int, history: IntervalHistory) -> None:
    """Check why nothing was final by looking at all pairs of rows that had come."""
    last = number == len(history)
    assert why["waiting"] == 0 or not last
    assert why["waiting"] or why["ended"] or why["open"]
    assert all(each["num_adid"] < 2 for each in why["ended"])
    assert not (last and why["open"])
    for each in (*why["ended"], *why["open"]):
        key = each.get("key", "")
        times = sorted(
            event.time for event in map(history.event, range(1, number + 1)) if event.key == key
        )
        first, end = each["start_index"], each["end_index"]
        assert (times[first], times[end]) == (each["start_time"], each["end_time"])
        assert seconds_between(times[first], times[end]) < 60
        assert first == 0 or seconds_between(times[first - 1], times[end]) >= 60
        if each in why["ended"] and not last:
            assert seconds_between(times[first], times[end + 1]) >= 60


def seconds_between(one: str, other: str) -> Fraction:
    return instant(other) - instant(one)


def instant(time: str) -> Fraction:
    hours, minutes, seconds = time.split()[1].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)


def test_why_says_it_in_words(run: Commands) -> None:
    shown = run("why", "sample.json.events", "43").splitlines()
    assert shown == step(run, "goto 43; why")[1:]
    assert run("why", STORE, "9").splitlines() == [
        "no interval was final after event 9",
        "  9 observations wait for theirs, until no earlier one can come",
    ]
    assert run("why", "sample.json.events", "1").splitlines()[1] == (
        "  not ended, for a coming observation may be in it: 2020-01-01 01:12:38 to 2020-01-01 "
        "01:12:38, observations 0 to 0 at 10.0.0.5: 1 id: 5c5581d4"
    )
    status, _, err = run.result("why", STORE, "11")
    assert (status, err) == (2, "replay: expected an event from 1 to 10, found 11\n")


# rebuild


@pytest.mark.slow
@settings(max_examples=settings().max_examples // 2)
@given(
    rows,
    st.sampled_from(["o.csv", "o.json"]),
    st.booleans(),
    st.sampled_from([b"", b"before\n", b"no newline"]),
)
def test_output_is_written_again_byte_for_byte(
    drawn: list[Row], name: str, keyed: bool, before: bytes
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        output, again = Path(folder, name), Path(folder, f"again-{name}")
        Path(folder, "in.csv").write_bytes(as_csv(drawn))
        key = "address" if keyed else None
        if before and name == "o.csv":
            # What stands there begins with the same columns.
            search(Path(folder, "in.csv"), output, key=key)
            output.with_name("o.csv.events").unlink()
        else:
            output.write_bytes(before)
        start = len(output.read_bytes())
        search(Path(folder, "in.csv"), output, key=key)
        written = output.read_bytes()
        lines = written[start + (before == b"no newline" and name == "o.json") :]
        store = f"{output}.events"
        assert main(["rebuild", store, str(again)]) == 0
        assert again.read_bytes() == lines
        # What stood before it stays, where it still does.
        output.write_bytes(written + b"more")
        assert main(["rebuild", store, str(output)]) == 0
        assert output.read_bytes() == written
        assert output.with_name(f"{name}.~1~").read_bytes() == written + b"more"
        assert search(Path(folder, "in.csv"), output, key=key).finished_before


def test_rebuild_says_what_it_wrote(run: Commands) -> None:
    assert run("rebuild", "sample.json.events", "new.json") == (
        "new.json: 7 intervals, decided by 'intervals' (version 1)\n"
    )
    status, _, err = run.result("rebuild", "sample.json.events", "sample.json.events")
    assert (status, err.count("\n")) == (2, 1)
    assert "expected the file of intervals, found the event store" in err


# verify


def rewrite(path: Path, change: Callable[[Record], Record]) -> None:
    """Write the store at ``path`` anew, frame by frame, with changed records."""
    store = EventStore(path)
    frames = [records for _, records, _ in store.frames()]
    path.unlink()
    with StoreWriter.create(path, store.header) as writer:
        for records in frames:
            changed: list[Record] = []
            for record in records:
                if isinstance(record, StateDigest):
                    record = msgspec.structs.replace(record, chain=writer.chain)  # noqa: PLW2901
                changed.append(change(record))
            events = sum(len(getattr(record, "times", ())) for record in records)
            writer.append(changed, events)


def test_verify_compares_every_finding(run: Commands) -> None:
    assert run("verify", "sample.json.events") == (
        "played 396 events again, compared 7 findings and 1 state digest\nno difference\n"
    )


def _other_end(record: Record) -> Record:
    if not isinstance(record, Finding) or record.number != 43:
        return record
    # The line is as long as it was, since what was written is compared on reading.
    end = record.interval.end_index - 1
    return Finding(43, msgspec.structs.replace(record.interval, end_index=end))


def _later(record: Record) -> Record:
    return Finding(45, record.interval) if isinstance(record, Finding) else record


def _other_sums(record: Record) -> Record:
    if not isinstance(record, StateDigest):
        return record
    return msgspec.structs.replace(record, sums=(*record.sums[:2], 1, *record.sums[3:]))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_other_end, "after event 43, urn:interval:10.0.0.4\n  field:    end_index"),
        (_later, "after event 45, urn:sink\n  field:    finding"),
        (_other_sums, "after event 396, urn:coordinator\n  field:    observations\n"),
    ],
)
def test_verify_names_the_first_difference(
    run: Commands, change: Callable[[Record], Record], said: str
) -> None:
    rewrite(run.folder / "sample.json.events", change)
    status, out, _ = run.result("verify", "sample.json.events")
    assert status == 1
    assert said in out


# step


def step(run: Commands, commands: str, store: str = "sample.json.events") -> list[str]:
    return run("step", store, "-c", commands).splitlines()


def test_debugger_goes_to_findings_forward_and_back_and_explains_them(run: Commands) -> None:
    shown = step(run, "break found; continue; why; next; back; rc; goto 100; rc; info")
    at = (
        "event 43 of 396: 2020-01-01 04:19:05, line 44: 1fe68e72 seen at 10.0.0.4: 1 interval FOUND"
    )
    assert shown[:3] == ["stop 1: break found", "stop 1: break found", at]
    assert shown[3] == (
        "interval 2020-01-01 04:08:58 to 2020-01-01 04:18:17, observations 0 to 34 at 10.0.0.4: "
        "2 ids: 81af14c1, 1fe68e72"
    )
    assert [line.split()[0] for line in shown[5:40]] == [str(index) for index in range(35)]
    assert shown[40].startswith("event 44 of 396")
    assert shown[41:43] == [at, "no stop before"]
    assert shown[-3].startswith("event 48 of 396")


@pytest.mark.slow
@settings(max_examples=settings().max_examples // 2)
@given(rows, st.lists(st.tuples(st.integers(0, 14), st.sampled_from(BAD_ROWS)), max_size=3))
def test_debugger_stops_where_a_scan_over_the_rows_says_in_both_directions(
    drawn: list[Row], bad: list[tuple[int, str]]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in.csv").write_bytes(as_csv(drawn, bad))
        summary = search(folder / "in.csv", folder / "o.json", key="address")
        store = EventStore(summary.store_path)
        seen = [(row[1], row[2]) for row in drawn]
        final = {each.number for each in store.records() if isinstance(each, Finding)}
        expected = {
            "found": final,
            "rejected": {min(place, len(drawn)) for place, _ in bad},
            **{f"user {who}": {n for n, row in enumerate(seen, 1) if who in row} for who in "AxBz"},
            **{f"event {n}": {n} for n in range(1, len(drawn) + 1)},
        }
        for condition, positions in expected.items():
            if positions or not condition.startswith("user"):
                check_stops(store, condition, positions)


def check_stops(store: EventStore, condition: str, positions: set[int]) -> None:
    """Search forward from the beginning, and back from the end."""
    with looks_of(store) as looks:
        shell, end = Debugger(looks, interactive=False), len(looks.timeline)
        shell.onecmd(f"break {condition}")
        for start, command, ahead in (
            ("goto 0", "continue", sorted(positions - {0})),
            ("last", "reverse-continue", sorted(positions - {end}, reverse=True)),
        ):
            shell.onecmd(start)
            found = []
            for _ in ahead:
                shell.onecmd(command)
                found.append(looks.timeline.position)
            assert (found, shell.status) == (ahead, 0)


def test_debugger_shows_the_ends_of_a_long_interval(run: Commands) -> None:
    rows = [f"2020-01-01 00:00:{n // 10:02}.{n % 10},{n % 3}" for n in range(500)]
    (run.folder / "long.csv").write_text("\n".join(["time,adid", *rows, ""]))
    search(run.folder / "long.csv", run.folder / "long.json", Search(THRESHOLD))
    shown = step(run, "goto 500; why", "long.json.events")
    assert shown[1].startswith("interval 2020-01-01 00:00:00 to 2020-01-01 00:00:49.9, ")
    assert [line.split()[0] for line in shown[3:13]] == [str(n) for n in range(10)]
    assert shown[13].strip() == "and 480 between"
    assert [line.split()[0] for line in shown[14:]] == [str(n) for n in range(490, 500)]


def test_debugger_delivers_single_messages_and_shows_windows_between_them(run: Commands) -> None:
    shown = step(run, "goto 43; window 10.0.0.4; message; message; message; window 10.0.0.4; next")
    assert shown[1] == "key 10.0.0.4, number 3 in order of appearance: 36 observations"
    assert shown[2:4] == ["window: 35 observations", "  and 25 earlier than these"]
    assert any(line.startswith("delivered: urn:coordinator > urn:shard:") for line in shown)
    assert "key 10.0.0.4, number 3 in order of appearance: 37 observations" in shown
    assert shown[-1].startswith("event 44 of 396")


def test_debugger_keeps_marks_and_stops_in_a_file(run: Commands) -> None:
    path = run.folder / "session.json"
    step(run, f"goto 7; mark here; break user 10.0.0.5; save '{path}'")
    shown = step(run, f"load '{path}'; info; continue; list 3; history 10.0.0.5; goto here")
    assert "stop 1: break user 10.0.0.5" in shown
    assert "mark here: event 7" in shown
    assert sum("seen at 10.0.0.5" in line for line in shown) >= 5
    assert shown[-1].startswith("event 7 of 396")


def test_debugger_says_in_its_help_what_is_different(run: Commands) -> None:
    shown = "\n".join(step(run, "help"))
    assert "window [KEY]" in shown
    assert not re.search(r"^ *(network|latest|watch|stream|diff)\b", shown, re.MULTILINE)
    assert "  found  " in "\n".join(step(run, "help break"))


def test_debugger_waits_for_the_end_where_observations_are_put_in_order(run: Commands) -> None:
    shown = step(run, "goto 9; window; last; why; back; window", STORE)
    waiting = ["no observation has had its turn", "9 observations wait for theirs"]
    assert shown[1:3] == shown[-2:] == waiting
    assert shown[3] == "event 10 of 10: 2020-01-01 00:13:53, line 12: J seen: 3 intervals FOUND"
    indexes = [line.split()[0] for line in shown[4:-3]]
    assert indexes.count("interval") == 3
    assert indexes.count("5") == 3


@pytest.mark.parametrize("command", ["network x", "net x", "latest", "stream", "diff 1", "watch x"])
def test_debugger_refuses_what_is_about_purchases_in_one_line(run: Commands, command: str) -> None:
    status, out, err = run.result("step", "sample.json.events", "-c", command)
    assert (status, out) == (2, "")
    assert err.endswith(" expected a store of purchases, found one of intervals\n")


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("break amount > 3", "N or one of event, found, if, rejected, user; found 'amount'"),
        ("break user nobody", "expected an id or a key of this history, found 'nobody'"),
        ("window", "expected a key, found none, as no event has happened; name one"),
        ("x", "expected a command, found 'x'; print shows the fields of the event, and user"),
    ],
)
def test_debugger_answers_what_is_wrong_with_what_there_is(
    run: Commands, command: str, found: str
) -> None:
    status, out, err = run.result("step", "sample.json.events", "-c", command)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert found in err


def test_debugger_shows_the_rejected_rows_that_it_stops_before(run: Commands) -> None:
    shown = step(run, "break rejected; continue")
    assert shown[-1].startswith("then line 120: rejected (timestamp-shape): time: expected ")


def test_python_gives_intervals_of_columns() -> None:
    times = [time for time, _ in OVERLAP.rows()]
    adids = [adid for _, adid in OVERLAP.rows()]
    found: list[Any] = replay.find_intervals(times, adids, "10m")
    assert found == OVERLAP.expected()
    assert isinstance(found[0], replay.Interval)


def test_damaged_store_is_checked_and_its_observations_are_saved(run: Commands) -> None:
    path = run.folder / "sample.json.events"
    content = bytearray(path.read_bytes())
    assert run("check", "sample.json.events").endswith("nothing is damaged\n")
    first, second, *_ = pieces(bytes(content))
    content[len(first) + len(second) // 2] ^= 1
    path.write_bytes(bytes(content))
    status, out, _ = run.result("check", "sample.json.events")
    assert (status, "are damaged: the frame's body fails its checksum" in out) == (1, True)
    run("repair", "sample.json.events", "--output", "new.events")
    saved = replay.EventStore(run.folder / "new.events")
    assert saved.header.incomplete
    told = (
        "replay: new.events: saved from a damaged store, and incomplete; verify says what was lost"
    )
    for command in (["log"], ["step", "-c", "next"], ["export"]):
        status, _, err = run.result(command[0], "new.events", *command[1:])
        assert (status, err.splitlines()[0]) == (0, told)


def test_export_tells_machines_how_many_observations_there_are(run: Commands) -> None:
    told = json.loads(run("export", STORE, "--json"))
    assert told["observations"]["file"] is None
    assert told["observations"]["rows"] > 0
    written = json.loads(run("export", STORE, "--observations", "new.csv", "--json"))
    assert written["observations"]["rows"] == told["observations"]["rows"]
