"""The finder finds what looking at all pairs of times finds, as soon as it is final."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.intervals.finder import TextFinder
from events.errors import BadValueError
from events.observations.interval import Interval
from events.observations.observed import Observation
from events.observations.ranges import IdRuns
from events.times.durations import SECOND
from events.times.timestamps import parse_timestamp
from tests.interval_cases import CASES, THRESHOLD, Case, all_pairs, seconds_of
from tests.reordering import Reordering

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

Row = tuple[str, str]


def found_in(
    rows: Sequence[Row],
    threshold: int,
    *,
    inclusive: bool = False,
    distinct_min: int = 2,
    cuts: Sequence[int] = (),
) -> list[Interval]:
    """Return what the finder finds in sorted rows, given to it in pieces."""
    finder = TextFinder(threshold, inclusive=inclusive, distinct_min=distinct_min)
    found: list[Interval] = []
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    for begin, end in itertools.pairwise(edges):
        piece = rows[begin:end]
        found += finder.extend([time for time, _ in piece], [adid for _, adid in piece])
    return found + finder.finish()


def in_order(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: seconds_of(row[0]))


def at(second: Fraction | int, digits: str = "") -> str:
    minutes, seconds = divmod(int(second), 60)
    return parse_timestamp(
        f"2020-01-01 00:{minutes:02}:{seconds:02}" + (f".{digits}" if digits else "")
    )


# Few seconds, fractions and ids: ties, duplicates and distances equal to the threshold.
whole_times = st.integers(0, 40).map(at)
digits = st.sampled_from(["", "5", "25", "999999", "0000001", "000000001", "0000000005", "5" * 30])
exact_times = st.builds(at, st.integers(0, 12), digits)
ids = st.sampled_from("ABCD")
rows_of_seconds = st.lists(st.tuples(whole_times, ids), max_size=40)
rows_of_fractions = st.lists(st.tuples(exact_times, ids), max_size=20)
any_rows = st.one_of(rows_of_seconds, rows_of_fractions)
thresholds = st.one_of(
    st.integers(0, 20).map(lambda seconds: seconds * SECOND),
    st.sampled_from([1, 500_000_000, 1_250_000_001, 2 * SECOND - 1, 10**30]),
)
cuts = st.lists(st.integers(0, 40), max_size=4)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_named_case_has_its_answer(case: Case) -> None:
    assert found_in(in_order(case.rows()), THRESHOLD) == case.expected()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_all_pairs_have_the_answer_of_the_named_case(case: Case) -> None:
    assert all_pairs(case.rows(), THRESHOLD) == case.expected()


@given(
    rows=any_rows,
    threshold=thresholds,
    distinct_min=st.integers(1, 4),
    inclusive=st.booleans(),
)
@example(rows=[], threshold=SECOND, distinct_min=2, inclusive=False)
@example(rows=[(at(0), "A")], threshold=SECOND, distinct_min=1, inclusive=False)
@example(rows=[(at(0), "A"), (at(0), "B")], threshold=0, distinct_min=2, inclusive=True)
@example(rows=[(at(0), "A"), (at(0), "B")], threshold=0, distinct_min=1, inclusive=False)
def test_finder_agrees_with_all_pairs(
    rows: list[Row], threshold: int, distinct_min: int, *, inclusive: bool
) -> None:
    expected = all_pairs(rows, threshold, inclusive=inclusive, distinct_min=distinct_min)
    found = found_in(in_order(rows), threshold, inclusive=inclusive, distinct_min=distinct_min)
    assert found == expected


@given(
    rows=any_rows,
    threshold=thresholds,
    distinct_min=st.integers(1, 3),
    cuts=cuts,
    inclusive=st.booleans(),
)
def test_streaming_equals_batch_however_it_is_cut(
    rows: list[Row], threshold: int, distinct_min: int, cuts: list[int], *, inclusive: bool
) -> None:
    ordered = in_order(rows)
    batch = found_in(ordered, threshold, inclusive=inclusive, distinct_min=distinct_min)
    cut = found_in(ordered, threshold, inclusive=inclusive, distinct_min=distinct_min, cuts=cuts)
    assert cut == batch
    finder = TextFinder(threshold, inclusive=inclusive, distinct_min=distinct_min)
    one_by_one = [found for time, adid in ordered for found in finder.extend([time], [adid])]
    assert one_by_one + finder.finish() == batch


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 30)), max_size=400), cuts)
def test_windows_of_many_rows_agree_with_all_pairs_too(
    pairs: list[tuple[int, int]], cuts: list[int]
) -> None:
    rows = in_order([(at(second), str(adid)) for second, adid in pairs])
    slow = slow_windows(rows, 100)
    assert found_in(rows, 100 * SECOND, cuts=cuts) == slow


@pytest.mark.parametrize("moved", [0, 1, 100])
@given(
    codes=st.lists(st.integers(0, 9), min_size=1, max_size=200),
    # How far behind the one before each begins, and how many runs it has besides.
    ranges=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 60)), max_size=60),
)
def test_ids_keep_their_order_however_they_are_accounted_for(
    codes: list[int], ranges: list[tuple[int, int]], moved: int
) -> None:
    runs = IdRuns(None, np.array(codes, np.int32))
    names, end = "abcdefghij", len(runs.adids) - 1
    first = np.minimum(np.cumsum([step for step, _ in ranges], dtype=np.int64), end)
    widths = np.array([width for _, width in ranges], np.int64)
    last = np.minimum(np.maximum.accumulate(first + widths), end)
    expected = [
        tuple(dict.fromkeys(names[code] for code in runs.adids[start : stop + 1].tolist()))
        for start, stop in zip(first.tolist(), last.tolist(), strict=True)
    ]
    assert runs.ids(first, last, names, tuple) == expected
    assert runs.ids(first, last, names, tuple, overlap=0, moved_few=moved) == expected


def slow_windows(rows: list[Row], seconds: int, distinct_min: int = 2) -> list[Interval]:
    """Return the intervals by growing a range from each row, and dropping nested ones."""
    spans: list[tuple[int, int]] = []
    for start in range(len(rows)):
        end = start
        while (
            end + 1 < len(rows)
            and seconds_of(rows[end + 1][0]) - seconds_of(rows[start][0]) < seconds
        ):
            end += 1
        if not spans or end > spans[-1][1]:
            spans.append((start, end))
    found = []
    for start, end in spans:
        adids = tuple(dict.fromkeys(adid for _, adid in rows[start : end + 1]))
        if len(adids) >= distinct_min:
            found.append(Interval(start, end, rows[start][0], rows[end][0], len(adids), adids))
    return found


def test_distance_equal_to_the_threshold_is_an_interval_only_when_inclusive() -> None:
    rows = [(at(0), "A"), (at(10), "B")]
    assert found_in(rows, 10 * SECOND) == []
    assert found_in(rows, 10 * SECOND, inclusive=True) == [
        Interval(0, 1, at(0), at(10), 2, ("A", "B"))
    ]


def test_tenth_digit_of_a_fraction_decides() -> None:
    rows = [(at(0, "0000000005"), "A"), (at(10, "0000000004"), "B")]
    assert [each.num_adid for each in found_in(rows, 10 * SECOND)] == [2]
    assert found_in([(at(0, "0000000005"), "A"), (at(10, "0000000005"), "B")], 10 * SECOND) == []


def test_first_long_fraction_may_come_late_in_the_window() -> None:
    rows = [(at(0), "A"), (at(9), "B"), (at(10, "0000000001"), "C"), (at(18), "D")]
    assert [each.adids for each in found_in(rows, 10 * SECOND)] == [("A", "B"), ("B", "C", "D")]


def test_observations_of_one_time_belong_together() -> None:
    rows = [(at(0), "A"), (at(0), "B"), (at(5), "C"), (at(12), "D"), (at(12), "E")]
    assert found_in(rows, 10 * SECOND) == [
        Interval(0, 2, at(0), at(5), 3, ("A", "B", "C")),
        Interval(2, 4, at(5), at(12), 3, ("C", "D", "E")),
    ]


def test_window_reaches_beyond_the_last_year_and_before_the_first() -> None:
    first, last = "0001-01-01 00:00:00", "9999-12-31 23:59:59"
    hour = 3_600 * SECOND
    rows = [(first, "A"), (first, "B"), (last, "A"), (f"{last}.5", "B")]
    assert [each.start_index for each in found_in(rows, hour)] == [0, 2]


def test_interval_is_given_out_by_the_observation_that_cannot_extend_it() -> None:
    finder = TextFinder(10 * SECOND)
    assert finder.extend([at(0)], ["A"]) == []
    assert finder.extend([at(9)], ["B"]) == []
    assert finder.extend([at(10)], ["C"]) == [Interval(0, 1, at(0), at(9), 2, ("A", "B"))]
    assert finder.finish() == [Interval(1, 2, at(9), at(10), 2, ("B", "C"))]
    assert finder.finish() == []


def test_observation_before_the_last_is_refused_and_nothing_is_taken() -> None:
    finder = TextFinder(10 * SECOND)
    finder.extend([at(5)], ["A"])
    message = "expected times in order, found '2020-01-01 00:00:06' after '2020-01-01 00:00:07'"
    with pytest.raises(BadValueError, match=re.escape(message)):
        finder.extend([at(7), at(6)], ["B", "C"])
    assert len(finder.window) == 1
    assert finder.finish() == []


def test_only_the_window_is_kept() -> None:
    finder = TextFinder(10 * SECOND)
    kept = 0
    for second in range(3_000):
        finder.extend([at(second)], [str(second % 3)])
        kept = max(kept, len(finder.window))
    assert kept == 10


@pytest.mark.parametrize("inclusive", [False, True])
@pytest.mark.parametrize("burst", [1, 10, 100], ids=lambda burst: f"{burst} of one time")
@pytest.mark.parametrize("ids_in", ["one", "few", "many", "few and then many"])
@pytest.mark.parametrize("portion", [100, 10_000])
def test_ids_of_windows_that_do_not_qualify_are_never_gathered(
    ids_in: str, burst: int, portion: int, *, inclusive: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    gathered: list[int] = []
    monkeypatch.setattr(IdRuns, "ids", lambda _, first, *__: gathered.append(len(first)))
    count = 10_000
    ids_max = {"one": 1, "few": 5, "many": count // 4, "few and then many": count // 4}[ids_in]
    rows = [
        (
            f"2020-01-01 {second // 3_600:02}:{second // 60 % 60:02}:{second % 60:02}",
            str(row * 7_919 % (5 if ids_in.startswith("few") and row < count // 2 else ids_max)),
        )
        for row, second in enumerate(row // burst for row in range(count))
    ]
    window = count // burst // 2 * SECOND
    finder = TextFinder(window, inclusive=inclusive, distinct_min=ids_max + 1)
    for first in range(0, count, portion):
        times, adids = zip(*rows[first : first + portion], strict=True)
        assert finder.extend(times, adids) == []
    assert finder.finish() == []
    assert not gathered


# Late observations


def observations(*seconds: int) -> list[Observation]:
    return [Observation(at(second), number, "A") for number, second in enumerate(seconds, 1)]


def test_late_observation_takes_its_place_by_time() -> None:
    reordering = Reordering(5 * SECOND)
    ready, late = reordering.add(observations(10, 12, 7, 16))
    assert [each.time for each in ready] == [at(7), at(10)]
    assert late == []
    assert reordering.watermark == at(11)
    assert [each.time for each in reordering.finish()] == [at(12), at(16)]


def test_observations_of_one_time_stay_in_the_order_of_arrival() -> None:
    reordering = Reordering(5 * SECOND)
    ready, _ = reordering.add(observations(10, 9, 10, 9))
    assert [each.number for each in ready + reordering.finish()] == [2, 4, 1, 3]


def test_observation_later_than_the_lateness_is_refused_with_a_reason() -> None:
    reordering = Reordering(5 * SECOND)
    _, late = reordering.add(observations(10, 5, 4))
    assert [each.observation.number for each in late] == [3]
    assert late[0].detail == (
        "time: expected at most 5s before '2020-01-01 00:00:10', found '2020-01-01 00:00:04'"
    )


def test_without_lateness_nothing_may_come_before_the_latest() -> None:
    reordering = Reordering(0)
    ready, late = reordering.add(observations(3, 3, 4, 3, 4))
    assert [each.number for each in ready] == [1, 2, 3, 5]
    assert [each.observation.number for each in late] == [4]


def test_nothing_is_late_before_the_first_year() -> None:
    reordering = Reordering(86_400 * SECOND)
    first = Observation("0001-01-01 12:00:00", 1, "A")
    second = Observation("0001-01-01 00:00:00", 2, "B")
    assert reordering.add([first, second]) == ([], [])
    assert reordering.watermark == ""
    assert reordering.finish() == [second, first]


@given(st.lists(st.tuples(exact_times, ids), max_size=30), st.integers(0, 8), cuts)
def test_reordering_sorts_all_that_is_not_late_however_it_is_cut(
    rows: list[Row], lateness: int, cuts: list[int]
) -> None:
    arrived = [Observation(time, number, adid) for number, (time, adid) in enumerate(rows)]
    on_time: list[Observation] = []
    too_late: list[Observation] = []
    for number, each in enumerate(arrived):
        latest = max(seconds_of(other.time) for other in arrived[: number + 1])
        (too_late if seconds_of(each.time) < latest - lateness else on_time).append(each)
    reordering = Reordering(lateness * SECOND)
    ready: list[Observation] = []
    late: list[Observation] = []
    edges = [0, *sorted(cuts), len(arrived)]
    for begin, end in itertools.pairwise(edges):
        given_out = reordering.add(arrived[begin:end])
        ready += given_out.ready
        late += [each.observation for each in given_out.late]
        if ready:
            assert ready[-1].time <= reordering.watermark
    assert late == too_late
    assert ready + reordering.finish() == sorted(
        on_time, key=lambda each: (seconds_of(each.time), each.number)
    )
