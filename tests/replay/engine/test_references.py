"""Events are named by number or by log and line, in ranges, wherever a number goes."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import replay
from events.errors import PositionError
from events.records.record import Lines
from replay.cli import main
from replay.engine.references import Reference, ranges_in, reference_in
from replay.kinds import looks_of
from replay.testing import model
from replay.testing.logged import LoggedHistory
from replay.testing.strategies import BAD_LINES, histories
from tests.interval_runs import as_csv
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE, run_in_process
from tests.replay.purchases.test_verify import rewritten

if TYPE_CHECKING:
    from pathlib import Path

STORE = "flagged.json.events"
SOURCES = ("batch", "stream")


def places_in(given_logs: LoggedHistory) -> dict[tuple[str, int], int | None]:
    """Return, by log and line, the number of the event there; None where there is none."""
    places: dict[tuple[str, int], int | None] = {}
    lines = [
        ((source, at), model.read_lines(line))
        for source, log in zip(SOURCES, given_logs, strict=True)
        for at, line in enumerate(log.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1)
    ]
    # The first line that is not blank has the parameters.
    heading = next(place for place, read in lines if read)
    told = iter(model.happenings([read[0] for place, read in lines if read and place != heading]))
    number = 0
    for place, read in lines:
        is_event = bool(read) and place != heading and next(told) is not None
        number += is_event
        places[place] = number if is_event else None
    return places


@pytest.mark.slow
@given(histories())
def test_line_names_the_event_that_stands_on_it_and_no_other_line_names_one(
    tmp_path_factory: pytest.TempPathFactory, given_logs: LoggedHistory
) -> None:
    folder = tmp_path_factory.mktemp("named")
    run_in_process(given_logs, folder)
    looks = looks_of(replay.EventStore(folder / STORE))
    places = places_in(given_logs)
    assert max([each or 0 for each in places.values()]) == len(looks.history)
    for (source, line), number in places.items():
        if number is None:
            with pytest.raises(PositionError, match=f"{source} line {line}: expected an event"):
                looks.number_of(Reference(line, source))
        else:
            assert looks.number_of(Reference(line, source)) == number


ends = st.tuples(st.sampled_from([None, "batch", "stream"]), st.integers(0, 10**30 - 1)).map(
    lambda each: Reference(each[1], each[0])
)


@given(st.lists(st.tuples(ends, ends | st.none()), min_size=1))
def test_what_ranges_say_is_read_as_it_was_written(
    ranges: list[tuple[Reference, Reference | None]],
) -> None:
    text = ",".join(str(one) if other is None else f"{one}-{other}" for one, other in ranges)
    found = ranges_in(text)
    expected = [
        (one, one if other is None else other._replace(source=other.source or one.source))
        for one, other in ranges
    ]
    turned = any(
        one.source == other.source and other.number < one.number for one, other in expected
    )
    assert found == (None if turned else expected)
    assert all(reference_in(str(each)) == each for pair in expected for each in pair)


@pytest.mark.parametrize(
    "text", ["", "x", "7-", "-7", "1,,2", "stream:", ":7", "stream:x", "7 - 9", "9-7", "1" * 31]
)
def test_what_is_no_range_is_not_taken_for_one(text: str) -> None:
    assert ranges_in(text) is None


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with a run that has seven events, the last on line 3 of the stream."""
    stream = b"\n" + BAD_LINES[0] + b"\n" + SPEC_EXAMPLE.stream
    run_in_process(LoggedHistory(SPEC_EXAMPLE.batch, stream), tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert main(words) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("command", ["why", "trace"])
@pytest.mark.usefixtures("example")
def test_commands_about_an_event_take_its_line(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    by_number = printed(capsys, command, STORE, "7")
    assert printed(capsys, command, STORE, "stream:3") == by_number


@pytest.mark.usefixtures("example")
def test_log_begins_and_ends_with_lines_as_with_numbers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    by_number = printed(capsys, "log", STORE, "--from", "2", "--to", "6")
    assert printed(capsys, "log", STORE, "--from", "batch:3", "--to", "batch:7") == by_number


@pytest.mark.usefixtures("example")
def test_shrink_takes_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    shrunk = json.loads(printed(capsys, "shrink", STORE, "stream:3", "--output", "a", "--json"))
    assert shrunk["event"] == 7


@pytest.mark.parametrize(
    "skip",
    [
        ["--skip", "2-4", "6"],
        ["--skip", "2-4,6"],
        ["--skip=2-3,4", "--skip", "6"],
        ["--skip", "batch:3-5", "batch:7"],
        ["--skip", "batch:3-batch:5,batch:7"],
        ["--skip", "2", "3", "4,6"],
    ],
)
@pytest.mark.usefixtures("example")
def test_events_to_skip_are_the_same_however_they_are_named(
    skip: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    # A file may stand behind the ranges, which is none of them.
    told = json.loads(printed(capsys, "rerun", *skip, STORE, "new.json", "--json"))
    assert told["skipped"] == 4
    log = [
        json.loads(line)
        for line in printed(capsys, "log", "new.json.events", "--json").split("\n")
        if line
    ]
    assert [each["line"] for each in log if each["source"] == "batch"] == [2, 3]


@pytest.mark.usefixtures("example")
def test_line_to_insert_comes_before_the_event_of_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = '{"event_type":"purchase","timestamp":"2017-06-13 11:33:02","id":"3","amount":"1"}'
    told = [
        printed(capsys, "rerun", STORE, "new.json", "--overwrite", "--insert", f"{line}@{where}")
        for where in ("7", "stream:3")
    ]
    assert told[0] == told[1]


def test_settings_of_sweep_take_ranges(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert example.exists()
    csv = printed(capsys, "sweep", "-D", "1-2,4", STORE, "-T", "2-3", "50", "--csv").splitlines()
    settings = [tuple(map(int, row.split(",")[:2])) for row in csv[1:]]
    assert settings == [(d, t) for d in (1, 2, 4) for t in (2, 3, 50)]


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Return the one line with which a command is refused."""
    capsys.readouterr()
    try:
        status = main(words)
    except SystemExit as end:
        status = int(str(end.code))
    out, err = capsys.readouterr()
    assert (status, out, err.count("\n")) == (2, "", 1)
    return err.strip()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["why", STORE, "stream:2"],
            "stream line 2: expected an event, found a line that was rejected (not-json); log "
            "lists those there are",
        ),
        (["why", STORE, "stream:1"], "stream line 1: expected an event, found none; log lists"),
        (["why", STORE, "strem:1"], "expected a line of batch or stream, found 'strem:1'"),
        (["why", STORE, "8"], "expected an event from 1 to 7, found 8"),
        (["why", STORE, "-1"], "expected an event from 1 to 7, found -1"),
        (["log", STORE, "--from", "8"], "--from: expected an event from 1 to 7, found 8"),
        (["log", STORE, "--to", "8"], "--to: expected an event from 1 to 7, found 8"),
        (["log", STORE, "--from", "0"], "--from: expected an event from 1 to 7, found 0"),
        (
            ["log", STORE, "--from", "5", "--to", "2"],
            "expected a range of events from 1 on, found 5 to 2",
        ),
        (["log", STORE, "--user", "9"], "--user: expected a user of this history, found '9'"),
        (["log", STORE, "--type", "purchse"], "'purchse'; did you mean purchase?"),
        (
            ["rerun", STORE, "new.json", "--skip", "stream:3-batch:2"],
            "stream:3-batch:2: expected the last event behind the first, found 7 to 1",
        ),
        (["sweep", STORE, "-D", "1-99999"], "expected at most 10,000 values, found more"),
        (["sweep", STORE, "-T", "1-3"], "expected a whole number from 2 to"),
        (["sweep", STORE, "-T", "stream:1"], "expected whole numbers as in 2, 2-4 or several"),
    ],
)
@pytest.mark.usefixtures("example")
def test_what_there_is_not_is_said(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in refused(capsys, *words)


def test_line_of_a_log_that_was_replaced_is_not_taken_for_one_event(
    example: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = replay.EventStore(example / STORE)
    again: list[Any] = []

    def change(_: int, record: Any) -> Any:
        if isinstance(record, Lines) and record.source == "batch":
            again.append(record)
        # As where a file that was followed gave way to another one.
        return record

    rewritten(store, example / "other.events", change)
    looks = looks_of(replay.EventStore(example / "other.events"))
    marks = looks.history._marks
    following, last = marks[-1]
    assert last.source == "stream"
    marks.insert(len(marks) - 1, (following - 1, Lines("stream", last.number + 1)))
    expected = r"stream line 3: expected one event, found 2: 6, 7; name it by its number"
    with pytest.raises(PositionError, match=expected):
        looks.number_of(Reference(3, "stream"))
    assert capsys.readouterr().out == ""


def test_rows_of_observations_are_named_by_their_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [(f"2020-01-01 00:00:0{at}", "AB"[at % 2], "x") for at in range(4)]
    (tmp_path / "in.csv").write_bytes(as_csv(rows, [(2, "yesterday,A,x")]))
    assert main(["intervals", "in.csv", "out.csv", "--threshold", "2s", "-q"]) == 0
    lines = list(chain(range(2, 4), range(5, 7)))
    for number, line in enumerate(lines, 1):
        by_number = printed(capsys, "why", "out.csv.events", str(number))
        assert printed(capsys, "why", "out.csv.events", f"observations:{line}") == by_number
    assert "rejected (timestamp-shape)" in refused(
        capsys, "why", "out.csv.events", "observations:4"
    )
    told = refused(capsys, "log", "out.csv.events", "--user", "C")
    assert told.endswith("--user: expected an id or a key of this history, found 'C'")
