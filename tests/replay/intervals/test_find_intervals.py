"""Intervals can be found in columns of any kind, without any library that makes them."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.errors import BadValueError
from events.observations.interval import Interval
from events.times.timestamps import parse_timestamp
from replay.intervals.find import find_intervals
from tests.interval_cases import CASES, THRESHOLD, Case, all_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator

T = "2020-01-01 00:00:00"
EXPECTED = [Interval(0, 1, T, "2020-01-01 00:00:05.000000001", 2, ("A", "B"))]


# Stand-ins for what libraries put into their columns.


class datetime64:  # noqa: N801  it is told by its name
    """A time of numpy's, which is no datetime and shows itself as its unit asks for."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


class Timestamp(dt.datetime):
    """A time of pandas', which has nanoseconds."""

    nanosecond = 1

    def isoformat(self, sep: str = "T", timespec: str = "auto") -> str:
        return super().isoformat(sep, timespec) + ".000000001"


class NaT(dt.datetime):
    """No time of pandas', which is a datetime nevertheless."""

    def isoformat(self, sep: str = "T", timespec: str = "auto") -> str:  # noqa: ARG002
        return "NaT"


class Timedelta(dt.timedelta):
    """A duration of pandas', which has nanoseconds."""

    nanoseconds = 2


class Integer:
    """A whole number of numpy's, which is no int."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __index__(self) -> int:
        return self.number


class Datetime:
    """The type of a column of polars'."""

    def __init__(self, time_unit: str, time_zone: str | None = None) -> None:
        self.time_unit = time_unit
        self.time_zone = time_zone


class Series:
    """A column of polars', which loses nanoseconds when it is iterated over."""

    def __init__(self, dtype: Datetime, counts: list[int | None]) -> None:
        self.dtype = dtype
        self.counts = counts

    def __iter__(self) -> Iterator[dt.datetime]:
        raise AssertionError("not exact")

    def to_physical(self) -> list[int | None]:
        return self.counts


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_named_case_has_its_answer_in_the_order_of_its_file(case: Case) -> None:
    times, ids = zip(*case.rows(), strict=True)
    assert find_intervals(times, ids, "10m") == case.expected()


@given(
    st.lists(
        st.tuples(
            st.integers(0, 1_500).map(lambda s: f"2020-01-01 00:{s // 60:02}:{s % 60:02}"),
            st.sampled_from("ABC"),
        ),
        max_size=20,
    )
)
def test_unsorted_columns_agree_with_all_pairs(rows: list[tuple[str, str]]) -> None:
    times, ids = [time for time, _ in rows], [adid for _, adid in rows]
    assert find_intervals(times, ids, "10m") == all_pairs(rows, THRESHOLD)


@given(st.lists(st.tuples(st.integers(0, 59), st.sampled_from("AB"), st.integers(0, 2))))
def test_keys_equal_splitting_the_columns_by_hand(rows: list[tuple[int, str, int]]) -> None:
    times = [f"2020-01-01 00:00:{second:02}" for second, _, _ in rows]
    ids = [adid for _, adid, _ in rows]
    keys = [key for _, _, key in rows]
    expected = [
        msgspec.structs.replace(each, key=str(key))
        for key in dict.fromkeys(keys)
        for each in find_intervals(
            [time for time, other in zip(times, keys, strict=True) if other == key],
            [adid for adid, other in zip(ids, keys, strict=True) if other == key],
            10,
        )
    ]
    assert find_intervals(times, ids, 10, keys=keys) == expected


EPOCH_SECOND = 1_577_836_800  # of 2020-01-01 00:00:00


@pytest.mark.parametrize(
    "times",
    [
        ["2020-01-01 00:00:05.000000001", T],
        ("2020-01-01 00:00:05.000000001", dt.datetime.fromisoformat(T)),
        [Timestamp(2020, 1, 1, 0, 0, 5), T],
        [datetime64("2020-01-01T00:00:05.000000001000"), datetime64("2020-01-01")],
        [datetime64("2020-01-01T00:00:05.000000001"), datetime64("2020-01-01T00")],
        [datetime64("2020-01-01T00:00:05.000000001"), datetime64("2020-01-01T00:00")],
        [datetime64("2020-01-01T00:00:05.000000001"), datetime64("2020-01")],
        [datetime64("2020-01-01T00:00:05.000000001"), datetime64("2020")],
        Series(Datetime("ns"), [(EPOCH_SECOND + 5) * 10**9 + 1, EPOCH_SECOND * 10**9]),
    ],
)
def test_times_of_any_kind_are_exact(times: Any) -> None:
    assert find_intervals(times, ["B", "A"], 10) == EXPECTED


@pytest.mark.parametrize(("unit", "size"), [("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
def test_column_of_counts_since_1970_has_its_unit(unit: str, size: int) -> None:
    column = Series(Datetime(unit), [EPOCH_SECOND * size + 1, -1])
    first, last = find_intervals(column, ["A", "B"], "99999d")[0].start_time, T
    digits = {"ms": "999", "us": "999999", "ns": "999999999"}[unit]
    assert first == f"1969-12-31 23:59:59.{digits}"
    assert find_intervals(column, ["A", "B"], "99999d")[0].end_time.startswith(f"{last}.0")


@pytest.mark.parametrize(
    ("threshold", "found"),
    [
        ("5s", 0),
        ("5.000000001s", 0),
        ("5.000000002s", 1),
        (5, 0),
        (6, 1),
        (Integer(6), 1),
        (dt.timedelta(seconds=5), 0),
        (dt.timedelta(seconds=5, microseconds=1), 1),
        (Timedelta(seconds=5), 1),
        (dt.timedelta(days=9_999), 1),
    ],
)
def test_threshold_of_any_kind_is_exact(threshold: Any, found: int) -> None:
    times = [T, "2020-01-01 00:00:05.000000001"]
    assert len(find_intervals(times, ["A", "B"], threshold)) == found


def test_threshold_may_be_reached_when_inclusive() -> None:
    times = [T, "2020-01-01 00:00:05"]
    assert find_intervals(times, ["A", "B"], "5s") == []
    assert len(find_intervals(times, ["A", "B"], "5s", inclusive=True)) == 1


def test_inclusive_threshold_of_nothing_means_the_same_instant() -> None:
    times = [T, T, "2020-01-01 00:00:00.000000001"]
    (found,) = find_intervals(times, ["A", "B", "C"], "0s", inclusive=True)
    assert found.adids == ("A", "B")


def test_one_id_may_be_enough_and_two_too_few() -> None:
    times = [T, "2020-01-01 00:00:05"]
    assert len(find_intervals(times, ["A", "A"], "10s", min_distinct=1)) == 1
    assert find_intervals(times, ["A", "B"], "10s", min_distinct=3) == []


def test_number_and_text_are_the_same_id() -> None:
    times = [T, T, T, T]
    assert find_intervals(times, [1, "1", Integer(1), "1"], 1) == []
    assert find_intervals(times, ["A", "B"] * 2, 1, keys=[7, "7", 8, Integer(8)])[1].key == "8"


def test_nothing_has_no_intervals() -> None:
    assert find_intervals([], [], "10m") == []
    assert find_intervals(iter(()), iter(()), "10m", keys=()) == []


ZONED = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([T, None], "times[1]: expected text YYYY-MM-DD HH:MM:SS or a datetime, found 'None'"),
        ([T, 1.5], "times[1]: expected text YYYY-MM-DD HH:MM:SS or a datetime, found '1.5'"),
        ([T, 5], "times[1]: expected text YYYY-MM-DD HH:MM:SS or a datetime, found '5'"),
        ([T, dt.date(2020, 1, 1)], "found 'datetime.date(2020, 1, 1)'"),
        ([T, NaT(2020, 1, 1)], "times[1]: expected a time, found NaT"),
        ([datetime64("NaT"), T], "times[0]: expected a time, found NaT"),
        ([T, "2020-01-01t00:00:00"], "times[1]: expected YYYY-MM-DD HH:MM:SS, found '2020"),
        ([T, "2020-02-30 00:00:00"], "times[1]: expected a real date and time, found"),
        ([T, ZONED], "times[1]: expected times without a time zone, found '2020-01-01 00:00:00+"),
        (Series(Datetime("us", "UTC"), [1, 2]), "times: expected times without a time zone"),
        (Series(Datetime("us"), [1, None]), "times[1]: expected a time, found null"),
        (Series(Datetime("ms"), [10**18, 1]), "times[0]: expected a time of the years 1 to 9999"),
        ([T], "ids: expected as many as times, 1, found 2"),
    ],
)
def test_value_that_is_no_time_is_refused_with_its_place(times: Any, message: str) -> None:
    with pytest.raises(BadValueError, match=re.escape(message)):
        find_intervals(times, ["A", "B"], "10m")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "expected an id, found an empty string"),
        (None, "expected text or a whole number, found 'None'"),
        (1.0, "expected text or a whole number, found '1.0'"),
        (True, "expected text or a whole number, found 'True'"),
    ],
)
def test_value_that_is_no_id_is_refused_with_its_place(value: Any, message: str) -> None:
    with pytest.raises(BadValueError, match=re.escape(f"ids[1]: {message}")):
        find_intervals([T, T], ["A", value], "10m")
    with pytest.raises(BadValueError, match=re.escape(f"keys[1]: {message}")):
        find_intervals([T, T], ["A", "B"], "10m", keys=["A", value])


@pytest.mark.parametrize(
    ("threshold", "message"),
    [
        ("10", "threshold: expected a duration such as 90s"),
        (1.5, "threshold: expected text such as '10m', a timedelta or whole seconds, found '1.5'"),
        (True, "threshold: expected text such as"),
        (-1, "threshold: expected 0 or more, found -1s"),
        (dt.timedelta(seconds=-1), "threshold: expected 0 or more, found -1s"),
        ("300000d", "threshold: expected at most 292 years, found 300000d"),
        (dt.timedelta.max, "threshold: expected at most 292 years, found 999999999d"),
        ("0s", "threshold: expected more than 0s, or 0s and inclusive for ids at the same instant"),
        (0, "threshold: expected more than 0s, or 0s and inclusive for ids at the same instant"),
    ],
)
def test_threshold_that_is_none_is_refused(threshold: Any, message: str) -> None:
    with pytest.raises(BadValueError, match=re.escape(message)):
        find_intervals([], [], threshold)


@pytest.mark.parametrize("column", [{"A", "B"}, frozenset("AB"), {"A": 1, "B": 2}])
def test_column_without_an_order_is_refused(column: Any) -> None:
    kind = type(column).__name__
    for name, columns in (
        ("times", (column, ["A", "B"], None)),
        ("ids", ([T, T], column, None)),
        ("keys", ([T, T], ["A", "B"], column)),
    ):
        times, ids, keys = columns
        with pytest.raises(BadValueError, match=f"{name}: expected a column, found a {kind}"):
            find_intervals(times, ids, "10m", keys=keys)


@pytest.mark.parametrize("count", [0, -1, True, 1.5])
def test_number_of_ids_that_is_none_is_refused(count: Any) -> None:
    with pytest.raises(BadValueError, match=f"min_distinct: .* from 1 on, found '{count}'"):
        find_intervals([], [], "10m", min_distinct=count)


def test_times_in_the_answer_are_canonical() -> None:
    found = find_intervals([f"{T}.50", f"{T}.00"], ["A", "B"], 1)
    assert (found[0].start_time, found[0].end_time) == (T, parse_timestamp(f"{T}.5"))
