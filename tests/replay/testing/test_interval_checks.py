"""The checks and the strategies of the kit with searches for intervals."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given

from actors.intervals.coordinator import IntervalCoordinator
from events.store.store import EventStore
from replay.intervals.run import Search
from replay.intervals.timeline import IntervalTimeline
from replay.testing import (
    assert_replays,
    assert_same_in_any_order,
    observation_logs,
    observations,
    searches,
)
from replay.testing.interval_model import IntervalModel, Sought, intervals, seconds_of
from replay.testing.observed import written
from tests.dice import fair
from tests.interval_cases import CASES, THRESHOLD
from tests.interval_runs import search

if TYPE_CHECKING:
    from replay.testing.observed import Draft


def store_of(log: bytes, folder: Path, what: Search, key: str | None = "address") -> EventStore:
    (folder / "seen.jsonl").write_bytes(log)
    search(folder / "seen.jsonl", folder / "found.jsonl", what, key=key)
    return EventStore(folder / "found.jsonl.events")


@pytest.mark.slow
@given(observation_logs(), searches())
def test_every_search_replays_and_is_the_same_in_any_order(log: bytes, what: Search) -> None:
    with tempfile.TemporaryDirectory() as name:
        store = store_of(log, Path(name), what)
        assert_replays(store)
        assert_same_in_any_order(store, 3)


@pytest.mark.parametrize("case", CASES)
def test_model_finds_the_named_cases(case: str) -> None:
    model = IntervalModel(Sought(THRESHOLD, False, 2, 0), keyed=False)
    rows = sorted(CASES[case].rows())
    for time, adid in [*rows, ("2020-01-02 00:00:00", "Z")]:
        line = f'{{"time": "{time}", "adid": "{adid}"}}'.encode()
        assert model.take(line)
    expected = [(each.start_index, each.end_index, each.adids) for each in CASES[case].expected()]
    own = model._passed[:-1]
    assert [(each.start, each.end, each.adids) for each in intervals(own, model.sought)] == expected
    assert model.lines.count(b"\n") == len(expected)


def test_model_knows_times() -> None:
    one, other = seconds_of("2020-01-01 00:00:00.5"), seconds_of("2020-01-01 00:00:01")
    assert one is not None
    assert other is not None
    assert other - one == 1 - (one % 1)
    assert seconds_of("2020-02-30 00:00:00") is seconds_of("today") is None


def test_observations_tie_come_late_and_are_bad_as_often_as_is_asked() -> None:
    counts: Counter[str] = Counter()

    @fair(400)
    @given(observations(ties=0.5, late=0.25, bad=0.2))
    def draw(draft: Draft) -> None:
        counts["all"] += 1
        counts["ties"] += draft.step == 0
        counts["late"] += draft.step < 0
        counts["bad"] += draft.instead is not None

    draw()
    assert 0.4 < counts["ties"] / counts["all"] < 0.6
    assert 0.15 < counts["late"] / counts["all"] < 0.35
    assert 0.1 < counts["bad"] / counts["all"] < 0.3
    lines, clock = written([], 7)
    assert (lines, clock) == ([], 7)


LOG = b"".join(
    b'{"time": "2020-01-01 00:00:%02d", "adid": "%s", "address": "%s"}\n'
    % (second, b"ABC"[second % 3 :][:1], b"xy"[second % 2 :][:1])
    for second in range(40)
)


def test_state_that_is_another_when_gone_back_to_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_of(LOG, tmp_path, Search(5 * 10**9))
    stand = IntervalTimeline._stand

    def careless(timeline: IntervalTimeline, position: int) -> None:
        back = position < timeline.position
        stand(timeline, position)
        if back and len(timeline.keys) > 1:
            timeline._simulation.coordinator.keys -= 1

    monkeypatch.setattr(IntervalTimeline, "_stand", careless)
    with pytest.raises(AssertionError, match=r"event \d+: expected KeyState\("):
        assert_replays(store)


def test_order_that_matters_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_of(LOG, tmp_path, Search(5 * 10**9))
    handle = IntervalCoordinator.on_receive

    def hasty(coordinator: IntervalCoordinator, message: Any) -> None:
        handle(coordinator, message)
        while coordinator.requests:
            coordinator._start(coordinator.requests.popleft())

    monkeypatch.setattr(IntervalCoordinator, "on_receive", hasty)
    with pytest.raises(AssertionError, match=r"events: seed \d+: Difference\("):
        assert_same_in_any_order(store, 40)
