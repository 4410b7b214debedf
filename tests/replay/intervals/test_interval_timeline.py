"""The state at a moment of a search for intervals is the same by every way that leads there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.errors import PositionError, UnknownUserError
from replay.intervals.run import Search
from replay.intervals.timeline import IntervalTimeline
from tests.interval_runs import Row, as_csv, rows, search

if TYPE_CHECKING:
    from pathlib import Path

    from replay.intervals.simulation import KeyState

in_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def state(timeline: IntervalTimeline) -> tuple[int, int, dict[str, KeyState]]:
    keys = {key: timeline.key(key) for key in timeline.keys}
    return timeline.position, timeline.waiting_rows, keys


@pytest.mark.slow
@in_folder
@given(rows, st.sampled_from([0, 40 * 10**9]), st.booleans(), st.data())
def test_every_way_to_a_moment_gives_the_same_state(
    tmp_path: Path, drawn: list[Row], lateness: int, keyed: bool, data: st.DataObject
) -> None:
    for leftover in tmp_path.iterdir():
        leftover.unlink()
    (tmp_path / "in.csv").write_bytes(as_csv(drawn))
    what = Search(60 * 10**9, lateness=lateness)
    key = "address" if keyed else None
    summary = search(tmp_path / "in.csv", tmp_path / "out.json", what, key=key)
    with (
        IntervalTimeline(summary.store_path) as steps,
        IntervalTimeline(summary.store_path) as jumps,
    ):
        expected = [state(steps)]
        while steps.next() is not None:
            expected.append(state(steps))
        moves = data.draw(
            st.lists(st.sampled_from(["goto", "next", "back", "message", "trace"]), max_size=12)
        )
        for move in moves:
            if move == "goto":
                jumps.goto(data.draw(st.integers(0, len(jumps))))
            elif move == "next":
                jumps.next()
            elif move == "back":
                jumps.back()
            elif move == "message":
                jumps.deliver()
            elif len(jumps):
                jumps.trace(data.draw(st.integers(1, len(jumps))))
            if not jumps.inside:
                assert state(jumps) == expected[jumps.position]


def test_moments_and_keys_that_there_are_not_are_refused(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(as_csv([("2020-01-01 00:00:00", "A", "x")]))
    summary = search(tmp_path / "in.csv", tmp_path / "out.json", key="address")
    with IntervalTimeline(summary.store_path) as timeline:
        with pytest.raises(PositionError, match="expected a position from 0 to 1, found 2"):
            timeline.goto(2)
        with pytest.raises(UnknownUserError, match="expected a key that has appeared by event 0"):
            timeline.key("x")
