"""A branch of a search finds what is to be found in its observations, and says what differs."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.store.store import EventStore
from replay.cli import main
from replay.intervals.run import Search
from replay.testing.checks import assert_replays
from tests.interval_cases import all_pairs
from tests.interval_runs import MINUTE, as_csv, as_jsonl, read_back, rows, search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.interval_runs import Row

SECOND = 10**9
STORE = "found.jsonl.events"


class Edit(NamedTuple):
    """What is to be otherwise."""

    threshold: int | None
    distinct_min: int | None
    inclusive: bool | None
    skipped: tuple[int, ...]
    inserted: tuple[tuple[Row, int], ...]

    @property
    def words(self) -> list[str]:
        inserted = [f"{as_jsonl([row]).decode().strip()}@{before}" for row, before in self.inserted]
        flag = {None: [], True: ["--inclusive"], False: ["--no-inclusive"]}[self.inclusive]
        return [
            *(["--threshold", f"{self.threshold}s"] if self.threshold is not None else []),
            *(["--min-distinct", str(self.distinct_min)] if self.distinct_min else []),
            *flag,
            *(["--skip", *map(str, self.skipped)] if self.skipped else []),
            *(["--insert", *inserted] if inserted else []),
        ]

    def rows(self, found: Sequence[Row]) -> list[Row]:
        edited: list[Row] = []
        for number in range(1, len(found) + 2):
            edited += [row for row, before in self.inserted if before == number]
            if number <= len(found) and number not in self.skipped:
                edited.append(found[number - 1])
        return edited


@st.composite
def edits(draw: st.DrawFn, count: int) -> Edit:
    some = draw(rows)[:3]
    places = st.integers(1, count + 1)
    return Edit(
        draw(st.sampled_from([None, 1, 30, 61])),
        draw(st.sampled_from([None, 1, 3])),
        draw(st.sampled_from([None, False, True])),
        tuple(draw(st.lists(st.integers(1, count), max_size=3))) if count else (),
        tuple((row, draw(places)) for row in some),
    )


def expected_of(found: Sequence[Row], threshold: int, inclusive: bool, least: int) -> Any:
    """Return the intervals of all keys, by what tells one from another."""
    return {
        (each.start_time, each.end_time, key): list(each.adids)
        for key in {row[2] for row in found}
        for each in all_pairs(
            [(_canonical(time), adid) for time, adid, own in found if own == key],
            threshold * SECOND,
            inclusive=inclusive,
            distinct_min=least,
        )
    }


def _canonical(time: str) -> str:
    return time.rstrip("0") if "." in time else time


def placed(intervals: Sequence[dict[str, Any]]) -> Any:
    return {
        (each["start_time"], each["end_time"], each["key"]): each["adids"] for each in intervals
    }


@pytest.mark.slow
@given(rows, st.data(), st.booleans(), st.sampled_from(["branch.csv", "branch.jsonl"]))
def test_branch_finds_what_brute_force_does_and_tells_what_differs(
    found: list[Row], data: st.DataObject, csv: bool, name: str
) -> None:
    edit = data.draw(edits(len(found)))
    with tempfile.TemporaryDirectory() as folder_name:
        folder = Path(folder_name)
        path = folder / ("seen.csv" if csv else "seen.jsonl")
        path.write_bytes(as_csv(found) if csv else as_jsonl(found))
        search(path, folder / "found.jsonl", MINUTE, key="address")
        store = folder / STORE
        before = store.read_bytes()
        assert main(["rerun", str(store), str(folder / name), *edit.words]) == 0
        assert store.read_bytes() == before
        inclusive = bool(edit.inclusive)
        threshold = 60 if edit.threshold is None else edit.threshold
        now = expected_of(edit.rows(found), threshold, inclusive, edit.distinct_min or 2)
        was = expected_of(found, 60, False, 2)
        assert placed(read_back(folder / name)) == now
        assert_replays(folder / f"{name}.events")
        found_by = EventStore(folder / f"{name}.events")
        assert found_by.events == len(edit.rows(found))
        told: list[Any] = []
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("replay.commands.rerun.print_json", told.append)
            words = [*edit.words, "--overwrite", "--json"]
            assert main(["rerun", str(store), str(folder / name), *words]) == 0
        (fields,) = told
    assert fields["intervals"] == {"original": len(was), "branch": len(now)}
    for what, places in (
        ("gained", now.keys() - was.keys()),
        ("lost", was.keys() - now.keys()),
        ("changed", {each for each in now.keys() & was.keys() if now[each] != was[each]}),
    ):
        assert fields[what] == len(places)
        differing = [each for each in fields["differences"] if each["what"] == what]
        assert {*placed([each["after"] or each["before"] for each in differing])} == places
    assert (fields["skipped"], fields["inserted"]) == (len({*edit.skipped}), len(edit.inserted))


def seconds(*texts: str) -> list[Row]:
    """Return rows of "SECOND=ID", all of one minute and one key."""
    pairs = (text.split("=") for text in texts)
    return [(f"2020-01-01 00:00:{int(second):02}", adid, "x") for second, adid in pairs]


LATE = Search(5 * SECOND, lateness=3 * SECOND)


@pytest.fixture
def late(tmp_path: Path) -> Path:
    """Return the store of JSON lines in which one comes too late, and others in time."""
    found = seconds("10=A", "12=B", "11=C", "30=A", "20=B", "31=B", "50=A")
    (tmp_path / "seen.jsonl").write_bytes(as_jsonl(found))
    search(tmp_path / "seen.jsonl", tmp_path / "found.jsonl", LATE, key="address")
    return tmp_path / STORE


def test_row_that_was_late_is_in_time_where_what_made_it_late_is_skipped(
    late: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rerun", str(late), str(late.parent / "b.jsonl"), "--skip", "4"]) == 0
    out = capsys.readouterr().out
    assert "1 row was too late for the original, and in time for the branch\n" in out
    assert EventStore(late.parent / "b.jsonl.events").events == 6
    assert main(["rerun", str(late), str(late.parent / "c.jsonl")]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[1] == "2 intervals in the original, 2 in the branch: no difference"
    assert " row" not in out


def test_observation_that_makes_others_late_is_told_of_and_one_that_is_late_itself(
    late: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ahead, behind = (as_jsonl(seconds(each)).decode().strip() for each in ("58=Z", "1=Z"))
    words = ["--insert", f"{ahead}@4", f"{behind}@7"]
    assert main(["rerun", str(late), str(late.parent / "b.jsonl"), *words]) == 0
    out = capsys.readouterr().out
    assert "3 rows were in time for the original, and too late for the branch\n" in out
    assert "1 row was to be inserted, and too late\n" in out
    assert EventStore(late.parent / "b.jsonl.events").events == 4


def test_rejected_rows_of_csv_are_counted_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "seen.csv").write_bytes(as_csv(seconds("1=A", "2=B"), [(1, "yesterday,A,x")]))
    search(tmp_path / "seen.csv", tmp_path / "found.jsonl", key="address")
    assert main(["rerun", str(tmp_path / STORE), str(tmp_path / "b.csv"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["not_kept"], told["differences"]) == (1, [])
    assert main(["rerun", str(tmp_path / STORE), str(tmp_path / "c.csv")]) == 0
    assert "1 row was rejected by the original, and not read again\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-D", "3"), "expected a store of purchases to run again with --degrees, found one of i"),
        (("--skip", "9"), "expected events to skip from 1 to 6, found 9"),
        (("--insert", "{}@1"), "line to insert before event 1: rejected (key-missing): expected"),
        (("--insert", "@1"), "line to insert before event 1: rejected (not-json): expected one"),
        (("--threshold", "0s"), "threshold: expected more than 0s, or 0s and inclusive for ids"),
        (("--threshold", "soon"), "argument --threshold: expected"),
        (("--min-distinct", "0"), "argument --min-distinct: expected a whole number from 1 on"),
    ],
)
def test_wrong_use_is_one_line_and_nothing_is_written(
    words: tuple[str, ...], message: str, late: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = late.parent / "b.jsonl"
    try:
        status: Any = main(["rerun", str(late), str(output), *words])
    except SystemExit as error:
        status = error.code
    out, err = capsys.readouterr()
    assert (status, out, err.count("\n"), output.exists()) == (2, "", 1, False)
    assert message in err
