"""Exploring a search for intervals finds no difference, and every one that is planted."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.dispatcher import ActorFailedError
from actors.intervals.actor import IntervalActor
from actors.intervals.coordinator import IntervalCoordinator
from actors.intervals.finder import IntervalFinder
from actors.intervals.messages import Extend, Finish, Observe, Settle
from events.observations.rows import ColumnNames
from events.store.store import EventStore
from events.store.writer import StoreWriter
from replay.cli import main
from replay.engine.explore import Explorer, RecordedOtherwiseError
from replay.engine.failing import WHENS, Failure, Failures, When, with_failures
from replay.intervals.explore import IntervalSubject, settlings_of
from replay.intervals.looks import IntervalLooks
from replay.intervals.run import Search, run_intervals
from replay.intervals.simulation import IntervalSimulation
from tests.interval_runs import MINUTE, as_csv, piped, rows, search

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors.dispatcher import DispatchedActor
    from replay.engine.explore import Exploration
    from tests.interval_runs import Row

SECOND = 10**9
searches = st.builds(
    Search, st.sampled_from([1, 60, 120]).map(SECOND.__mul__), st.booleans(), st.integers(1, 3),
    st.sampled_from([0, 60 * SECOND, 300 * SECOND]),
)  # fmt: skip


def explorer_of(store: EventStore) -> tuple[Explorer, IntervalLooks]:
    looks = IntervalLooks(store)
    return Explorer(looks.explored()), looks


def explorer_of_last(store: EventStore, told: int) -> tuple[Explorer, IntervalLooks]:
    """Return what tells only so many of the last observations anew."""
    looks = IntervalLooks(store)
    what = (looks.detector, looks.parameters, looks.history.journal)
    return Explorer(IntervalSubject(*what, list(settlings_of(store)), told)), looks


def store_of(
    found: Sequence[Row], folder: Path, what: Search = MINUTE, key: str | None = "address"
) -> EventStore:
    (folder / "seen.csv").write_bytes(as_csv(found))
    search(folder / "seen.csv", folder / "found.jsonl", what, key=key)
    return EventStore(folder / "found.jsonl.events")


@pytest.mark.slow
@given(
    rows, searches, st.sampled_from([None, "address"]), st.integers(0, 2**64), st.integers(1, 20)
)
def test_no_seed_finds_a_difference_in_any_search(
    found: list[Row], what: Search, key: str | None, seed: int, told: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        explorer, looks = explorer_of_last(store_of(found, Path(name), what, key), told)
        explorer.check(looks.recorded)
        beginning = explorer.subject.beginning
        expected = [each for each in looks.recorded if each.number > beginning]
        assert explorer.reference.verdicts == expected
        assert len(explorer.reference.lines) == len(expected)
        explored = explorer.explore(seed)
        assert (explored.seed, explored.difference) == (seed, None)


@pytest.mark.slow
@given(st.lists(rows, min_size=1, max_size=3), searches, st.integers(0, 2**64), st.integers(1, 20))
def test_no_seed_finds_a_difference_in_a_live_search_that_went_on_after_its_end(
    parts: list[list[Row]], what: Search, seed: int, told: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        output = Path(name) / "found.jsonl"
        for part in parts:
            with piped(as_csv(part), ColumnNames(key="address")) as source:
                run_intervals(source, output, what, resume=True)
        explorer, looks = explorer_of_last(EventStore(f"{output}.events"), told)
        assert looks.history.ended_after[-1] == len(looks.history)
        explorer.check(looks.recorded)
        assert explorer.explore(seed).difference is None


def many_rows(count: int = 60) -> list[Row]:
    return [
        (f"2020-01-01 00:{second // 60:02}:{second % 60:02}", "ABCD"[n * n % 4], "xyz"[n % 3])
        for n in range(count)
        if (second := n * 13 + 70 * (n // 9))
    ]


@pytest.fixture
def explorer(tmp_path: Path) -> Explorer:
    explorer, looks = explorer_of(store_of(many_rows(), tmp_path))
    explorer.check(looks.recorded)
    assert len(explorer.reference.verdicts) > 5
    return explorer


def trace_of(explorer: Explorer, seed: int) -> tuple[list[tuple[Any, ...]], Exploration]:
    trace: list[tuple[Any, ...]] = []
    return trace, explorer.explore(seed, [lambda *seen: trace.append(seen)])


def test_seed_gives_the_same_messages_and_settles_where_the_run_did(
    explorer: Explorer, tmp_path: Path
) -> None:
    first = {seed: trace_of(explorer, seed) for seed in (1, 2, 3)}
    assert {seed: trace_of(explorer, seed) for seed in (3, 2, 1)} == first
    settled = list(settlings_of(EventStore(tmp_path / "found.jsonl.events")))
    assert len(settled) > 5
    for trace, _ in first.values():
        arrived, found = 0, []
        for sender, _, message in trace:
            if sender is None and isinstance(message, Observe):
                arrived += len(message.observed)
            elif sender is None and isinstance(message, Settle):
                found.append((arrived, message.remaining))
        assert {(each.events, each.remaining) for each in settled} <= {*found}
    assert first[1] != first[2] != first[3]


def test_actors_fail_on_every_message_and_nothing_comes_of_it(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed_on: set[type] = set()
    restart = "replay.engine.supervision.Reactivation.restart"

    def restarted(_: object, actor: DispatchedActor, message: Any) -> bool:
        failed_on.add(type(message))
        actor.active = False
        return True

    monkeypatch.setattr(restart, restarted)
    assert [explorer.explore(seed).difference for seed in range(1, 41)] == [None] * 40
    assert failed_on == {Extend, Finish}


@pytest.mark.parametrize("when", WHENS)
def test_failure_that_is_planned_twice_ends_a_search_and_once_changes_nothing(
    when: When, tmp_path: Path
) -> None:
    expected = store_of(many_rows(), tmp_path).path.read_bytes()
    for times in (1, 2):
        failures = Failures([Failure(3, when, times)])
        with pytest.MonkeyPatch.context() as patched:
            failing = with_failures(IntervalSimulation, failures)
            patched.setattr("replay.intervals.drive.IntervalSimulation", failing)
            (tmp_path / str(times)).mkdir()
            if times == 1:
                assert store_of(many_rows(), tmp_path / "1").path.read_bytes() == expected
            else:
                with pytest.raises(ActorFailedError, match=f"PlannedError: planned {when} hand"):
                    store_of(many_rows(), tmp_path / "2")
        assert failures.failed == times


def _forgetful(actor: IntervalActor, seen: int, ended: int = 0) -> None:
    IntervalActor.recover_rightly(actor, max(0, seen - 1), ended)  # type: ignore[attr-defined]


def _hasty(coordinator: IntervalCoordinator, message: Any) -> None:
    IntervalCoordinator.on_receive_rightly(coordinator, message)  # type: ignore[attr-defined]
    while coordinator.requests:
        coordinator._start(coordinator.requests.popleft())


@pytest.mark.parametrize(
    ("what", "method", "wrong"),
    [(IntervalActor, "recover", _forgetful), (IntervalCoordinator, "on_receive", _hasty)],
    ids=["recovers without its last observation", "does not wait for answers"],
)
def test_planted_fault_is_a_difference(
    what: Any, method: str, wrong: Callable[..., None], explorer: Explorer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(what, f"{method}_rightly", getattr(what, method), raising=False)
    monkeypatch.setattr(what, method, wrong)
    found = [explorer.explore(seed).difference for seed in range(1, 41)]
    assert any(found)


def test_search_that_is_recorded_otherwise_is_not_explored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = store_of(many_rows(), tmp_path)
    with pytest.MonkeyPatch.context() as patched:
        rightly = IntervalFinder.finish
        patched.setattr(IntervalFinder, "finish", lambda *told: rightly(*told).taken([]))
        explorer, looks = explorer_of(store)
        with pytest.raises(RecordedOtherwiseError, match=r"^expected the findings that were re"):
            explorer.check(looks.recorded)
        assert main(["explore", str(store.path), "--jobs", "1"]) == 1
    expected = (
        f"replay: {store.path}: expected the findings that were recorded, found another one on "
        "event 59 with messages delivered first in, first out; see python -m replay verify "
        f"{store.path}\n"
    )
    assert capsys.readouterr() == ("", expected)


def test_command_says_what_was_explored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = store_of(many_rows(), tmp_path)
    assert main(["explore", str(store.path), "--orders", "3", "--jobs", "2"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("explored 3 orders (seeds 1 to 3) of 59 observations: ")
    assert (out.splitlines()[1:], err) == (["no difference"], "")
    assert main(["explore", str(store.path), "--orders", "3", "--jobs", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["stream"], told["difference"], told["judged"] > 5) == (59, None, True)
    (tmp_path / "empty").mkdir()
    empty = store_of([], tmp_path / "empty")
    assert main(["explore", str(empty.path), "--orders", "1", "--jobs", "1"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[1:] == ["nothing was found among them", "no difference"]


@pytest.mark.slow
@given(rows, st.data())
def test_store_of_a_search_that_was_stopped_gives_what_is_there(
    found: list[Row], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as name:
        store = store_of(found, Path(name))
        kept = data.draw(st.integers(0, store.frames_count))
        with StoreWriter.create(Path(name) / "new", store.header) as writer:
            for frame in list(store.frames())[:kept]:
                writer.append(frame.records, frame.events)
        explorer, looks = explorer_of(EventStore(Path(name) / "new"))
        explorer.check(looks.recorded)
        assert explorer.explore(data.draw(st.integers(0, 99))).difference is None
