"""A search that is shrunk has the intervals still, and needs each of its rows."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import replay
from actors.intervals.finder import TextFinder
from events.store.store import EventStore
from replay.cli import main
from replay.engine.shrink import VerdictNotReplayedError
from replay.intervals.looks import IntervalLooks
from replay.intervals.run import Search
from replay.intervals.shrink import IntervalShrinking
from tests.interval_cases import all_pairs
from tests.interval_runs import MINUTE, as_csv, rows, search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.interval_runs import Row

ROOT = Path(replay.__file__).parents[1]
SECOND = 10**9
STORE = "found.jsonl.events"


def found_in(given_rows: Sequence[Any], what: Search) -> set[tuple[Any, ...]]:
    """Return the intervals by brute force, of all keys, with their ids."""
    return {
        (key, each.start_time, each.end_time, each.adids)
        for key in {row[2] for row in given_rows}
        for each in all_pairs(
            [(time, adid) for time, adid, own in given_rows if own == key],
            what.threshold,
            inclusive=what.inclusive,
            distinct_min=what.distinct_min,
        )
    }


searches = st.builds(
    Search, st.just(60 * SECOND), st.booleans(), st.integers(1, 3), st.sampled_from([0, 3 * SECOND])
)


@pytest.mark.slow
@given(rows, searches, st.booleans(), st.data())
def test_shrunk_search_finds_what_was_final_and_is_minimal_by_brute_force(
    found: list[Row], what: Search, exact: bool, data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "seen.csv").write_bytes(as_csv(found))
        search(folder / "seen.csv", folder / "found.jsonl", what, key="address")
        with IntervalLooks(EventStore(folder / STORE)) as looks:
            history = looks.history
            assume(history.found_counts)
            number = data.draw(st.sampled_from(sorted(history.found_counts)))
            wanted = [each.interval for each in history.found(number)]
            shrunk = IntervalShrinking(looks, number, exact=exact).shrunk()
            left = [history.event(each) for each in shrunk.numbers]
    length = None if exact else -1
    told = {(each.key, each.start_time, each.end_time, each.adids)[:length] for each in wanted}
    kept = [(each.time, each.adid, each.key) for each in left]
    assert told <= {each[:length] for each in found_in(kept, what)}
    for place in range(len(kept)):
        without = found_in(kept[:place] + kept[place + 1 :], what)
        assert not told <= {each[:length] for each in without}
    assert shrunk.recorded == tuple(wanted)


ROWS = [
    (f"2020-01-01 00:0{minute}:{second:02}", adid, key)
    for minute in range(6)
    for second, adid, key in ((1, "A", "x"), (9, "B", "x"), (20, "C", "x"), (30, "D", "y"))
]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    (tmp_path / "seen.csv").write_bytes(as_csv(ROWS))
    search(tmp_path / "seen.csv", tmp_path / "found.jsonl", Search(25 * SECOND), key="address")
    return tmp_path / STORE


@pytest.mark.slow
def test_case_is_told_and_its_test_passes_and_fails_where_a_row_is_gone(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case, words = store.parent / "case", ["shrink", str(store), "5", "--output"]
    assert main([*words, str(case)]) == 0
    out, err = capsys.readouterr()
    assert (err, out.splitlines()[:6]) == (
        "",
        [
            "event 5: 24 rows shrunk to 2",
            "observations:",
            '  {"time":"2020-01-01 00:00:01","adid":"A","address":"x"}',
            '  {"time":"2020-01-01 00:00:20","adid":"C","address":"x"}',
            "before: 2020-01-01 00:00:01 to 2020-01-01 00:00:20, observations 0 to 2 at x: 3 ids: "
            "A, B, C",
            "after:  2020-01-01 00:00:01 to 2020-01-01 00:00:20, observations 0 to 1 at x: 2 ids: "
            "A, C",
        ],
    )
    assert "without any one of the 2 rows, it is not found\n" in out
    assert main([*words, str(store.parent / "exact"), "--exact", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["events"], told["after"]) == ([1, 2, 3], told["before"])
    assert told["lines"] == {"before": 24, "after": 3}
    for folder, count in ((case, 4), (store.parent / "exact", 5)):
        assert _pytest(folder) == (0, f"{count} passed")
    kept = (case / "observations.jsonl").read_bytes().splitlines(keepends=True)
    (case / "observations.jsonl").write_bytes(kept[0] * 2)
    assert _pytest(case)[0] == 1


def _pytest(folder: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()[-1].partition(" in ")[0]


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (2, "event 2: expected an observation after which intervals were final, found one after"),
        (25, "expected an event from 1 to 24, found 25"),
    ],
)
def test_event_after_which_nothing_was_final_is_refused_in_one_line(
    number: int, message: str, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = store.parent / "case"
    assert main(["shrink", str(store), str(number), "--output", str(case)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n"), case.exists()) == ("", 1, False)
    assert message in err


def test_intervals_that_no_replay_finds_are_told_of(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TextFinder, "extend", lambda *_: [])
    monkeypatch.setattr(TextFinder, "finish", lambda _: [])
    with (
        IntervalLooks(EventStore(store)) as looks,
        pytest.raises(VerdictNotReplayedError, match=r"recorded, found another; verify .* tells"),
    ):
        IntervalShrinking(looks, 5).shrunk()


def test_all_intervals_of_a_file_that_was_put_in_order_are_kept(tmp_path: Path) -> None:
    (tmp_path / "seen.csv").write_bytes(as_csv(ROWS[::-1]))
    search(tmp_path / "seen.csv", tmp_path / "found.jsonl", MINUTE, key="address")
    with IntervalLooks(EventStore(tmp_path / STORE)) as looks:
        shrunk = IntervalShrinking(looks, 24).shrunk()
    assert {each.key for each in shrunk.recorded} == {"x"}
    # Each of that key begins or ends one of them.
    assert len(shrunk.numbers) == sum(key == "x" for _, _, key in ROWS)
