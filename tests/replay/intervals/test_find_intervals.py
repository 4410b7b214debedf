"""Intervals can be found in columns of any kind, of whichever library made them."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.errors import BadValueError
from events.observations.interval import Interval
from events.times.timestamps import parse_timestamp
from replay.intervals.find import find_intervals
from tests.interval_cases import CASES, THRESHOLD, Case, all_pairs

# The development extra brings them.
pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

T = "2020-01-01 00:00:00"
EXPECTED = [Interval(0, 1, T, "2020-01-01 00:00:05.000000001", 2, ("A", "B"))]


class Integer:
    """A whole number of numpy's, which is no int."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __index__(self) -> int:
        return self.number


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


@pytest.mark.parametrize(
    "times",
    [
        ["2020-01-01 00:00:05.000000001", T],
        ["2020-01-01T00:00:05.000000001", "2020-01-01"],
        ("2020-01-01 00:00:05.000000001", dt.datetime.fromisoformat(T)),
        [pd.Timestamp("2020-01-01 00:00:05.000000001"), dt.date(2020, 1, 1)],
        [np.datetime64("2020-01-01T00:00:05.000000001"), np.datetime64("2020-01-01")],
        [np.datetime64("2020-01-01T00:00:05.000000001"), np.datetime64("2020-01")],
        [np.datetime64("2020-01-01T00:00:05.000000001"), pd.Period("2020-01", "M")],
        np.array(["2020-01-01 00:00:05.000000001", T], "M8[ns]"),
        np.array(["2020-01-01 00:00:05.000000001", T]),
        np.array(["2020-01-01 00:00:05.000000001", T], np.dtypes.StringDType()),
        pd.Series(["2020-01-01 00:00:05.000000001", T], dtype="M8[ns]"),
        pd.Index(["2020-01-01 00:00:05.000000001", T], dtype="M8[ns]"),
        pd.Series(["2020-01-01 00:00:05.000000001", T], dtype="category"),
        pd.Series(np.array(["2020-01-01 00:00:05.000000001", T], "M8[ns]"), dtype="category"),
        pl.Series(np.array(["2020-01-01 00:00:05.000000001", T], "M8[ns]")),
        pl.Series(["2020-01-01 00:00:05.000000001", T], dtype=pl.Categorical),
        pa.array(np.array(["2020-01-01 00:00:05.000000001", T], "M8[ns]")),
        pa.chunked_array([["2020-01-01 00:00:05.000000001"], [T]]),
        pa.array(["2020-01-01 00:00:05.000000001", T]).dictionary_encode(),
        np.array(["2020-01-01 00:00:05.000000001", T], ">M8[ns]"),
        pa.array(np.array(["2020-01-01 00:00:05.000000001", T], "M8[ns]")).dictionary_encode(),
    ],
)
def test_times_of_any_kind_are_exact(times: Any) -> None:
    assert find_intervals(times, ["B", "A"], 10) == EXPECTED


@pytest.mark.parametrize(
    "days",
    [
        [dt.date(1969, 12, 31), dt.date(2020, 1, 1)],
        np.array(["1969-12-31", "2020-01-01"], "M8[D]"),
        pd.Series(pd.PeriodIndex(["1969-12-31", "2020-01-01"], freq="D")),
        pd.PeriodIndex(["1969-12-31", "2020-01-01"], freq="D"),
        pl.Series([dt.date(1969, 12, 31), dt.date(2020, 1, 1)]),
        pa.array([dt.date(1969, 12, 31), dt.date(2020, 1, 1)]),
        pa.array([dt.date(1969, 12, 31), dt.date(2020, 1, 1)], pa.date64()),
        pd.Series(["1969-12-31", "2020-01-01"], dtype=pd.ArrowDtype(pa.timestamp("s"))),
        ["1969-12-31", "2020-01-01 00:00"],
    ],
)
def test_day_is_its_midnight(days: Any) -> None:
    (found,) = find_intervals(days, ["A", "B"], "99999d")
    assert (found.start_time, found.end_time) == ("1969-12-31 00:00:00", T)


SUMMER = "2020-07-01 00:00:00"
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    "times",
    [
        [dt.datetime(2020, 7, 1, tzinfo=BERLIN), dt.datetime(2020, 7, 1, 0, 0, 5, tzinfo=BERLIN)],
        [pd.Timestamp(SUMMER, tz=BERLIN), pd.Timestamp("2020-07-01 00:00:05", tz=BERLIN)],
        pd.Series([SUMMER, "2020-07-01 00:00:05"], dtype="M8[ns]").dt.tz_localize(BERLIN),
        pd.DatetimeIndex([SUMMER, "2020-07-01 00:00:05"], tz="Europe/Berlin"),
        pd.Series(
            pd.DatetimeIndex([SUMMER, "2020-07-01 00:00:05"], tz="Europe/Berlin"),
            dtype=pd.ArrowDtype(pa.timestamp("us", "Europe/Berlin")),
        ),
        pl.Series([SUMMER, "2020-07-01 00:00:05"]).str.to_datetime(time_zone="Europe/Berlin"),
        pa.array([1_593_554_400, 1_593_554_405], pa.timestamp("s", "Europe/Berlin")),
        pa.array([1_593_554_400, 1_593_554_405], pa.timestamp("s", "+02:00")),
    ],
)
def test_times_of_a_zone_are_given_back_in_it(times: Any) -> None:
    (found,) = find_intervals(times, ["A", "B"], "10s")
    assert (found.start_time, found.end_time) == (f"{SUMMER}+02:00", "2020-07-01 00:00:05+02:00")
    # They can be looked through again.
    (again,) = find_intervals([found.start_time, found.end_time], ["A", "B"], "10s")
    assert (again.start_time, again.end_time) == ("2020-06-30 22:00:00Z", "2020-06-30 22:00:05Z")


@pytest.mark.parametrize(
    "times",
    [
        ["2020-01-01T00:00:00Z", "2020-01-01 01:00:05.50+01:00"],
        [dt.datetime(2020, 1, 1, tzinfo=dt.UTC), "2020-01-01 01:00:05.5+01:00"],
        pd.Series(["2020-01-01", "2020-01-01T00:00:05.5"], dtype="M8[us]").dt.tz_localize("UTC"),
        pl.Series([T, f"{T[:-1]}5.5"]).str.to_datetime(time_zone="UTC"),
    ],
)
def test_several_offsets_are_given_back_in_utc(times: Any) -> None:
    (found,) = find_intervals(times, ["A", "B"], "10s")
    assert (found.start_time, found.end_time) == (f"{T}Z", "2020-01-01 00:00:05.5Z")


def test_clock_that_is_put_back_shows_the_same_time_twice() -> None:
    hour = [dt.datetime(2020, 10, 25, 2, 30, tzinfo=BERLIN, fold=fold) for fold in (1, 0)]
    (found,) = find_intervals(hour, ["A", "B"], "2h")
    assert (found.start_time, found.end_time) == (
        "2020-10-25 02:30:00+02:00",
        "2020-10-25 02:30:00+01:00",
    )
    assert find_intervals(hour, ["A", "B"], "1h") == []


SECONDS = [1_577_836_800, 1_577_836_805]  # from 2020-01-01 00:00:00 on


@pytest.mark.parametrize(
    ("unit", "numbers"),
    [
        ("s", SECONDS),
        ("s", [float(second) for second in SECONDS]),
        ("s", [Decimal(SECONDS[0]), "1577836805"]),
        ("s", np.array(SECONDS, np.uint32)),
        ("s", np.array(SECONDS, float)),
        ("ms", pd.Series([second * 10**3 for second in SECONDS])),
        ("ms", pd.Series([str(second * 10**3) for second in SECONDS])),
        ("us", pl.Series([second * 10**6 for second in SECONDS])),
        ("us", pd.Series([second * 10**6 for second in SECONDS], dtype="Int64")),
        ("ns", pa.chunked_array([[second * 10**9 for second in SECONDS]])),
    ],
)
def test_number_counts_from_1970_in_its_unit(unit: Any, numbers: Any) -> None:
    (found,) = find_intervals(numbers, ["A", "B"], 10, time_unit=unit)
    assert (found.start_time, found.end_time) == (f"{T}Z", "2020-01-01 00:00:05Z")


def test_datetimes_of_units_of_all_sizes_are_told_apart() -> None:
    far = [np.datetime64(0, "ns"), np.datetime64("9000-01-01")]
    found = find_intervals(far, ["A", "B"], 1, min_distinct=1)
    assert [each.start_time for each in found] == ["1970-01-01 00:00:00", "9000-01-01 00:00:00"]


def test_datetimes_finer_than_nanoseconds_are_exact() -> None:
    (found,) = find_intervals(np.array([5_000_000_000_001, -1], "M8[ps]"), ["A", "B"], 10)
    assert found.start_time == "1969-12-31 23:59:59.999999999999"
    assert found.end_time == "1970-01-01 00:00:05.000000000001"


def test_fraction_of_a_unit_is_exact() -> None:
    numbers = [Decimal("1577836800.1234567890123"), "1577836800.12345678901229"]
    (found,) = find_intervals(numbers, ["A", "B"], 1, time_unit="s")
    assert found.adids == ("B", "A")
    assert found.end_time == f"{T}.1234567890123Z"
    assert find_intervals([-1], ["A"], 1, time_unit="ns", min_distinct=1)[0].start_time == (
        "1969-12-31 23:59:59.999999999Z"
    )


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
        (pd.Timedelta(5_000_000_001), 0),
        (pd.Timedelta(5_000_000_002), 1),
        (dt.timedelta(days=9_999), 1),
        (np.timedelta64(5_000_000_001, "ns"), 0),
        (np.timedelta64(5_000_000_002, "ns"), 1),
        (np.timedelta64(1, "W"), 1),
        (pd.offsets.Second(5), 0),
        (pd.offsets.Minute(), 1),
        (pd.offsets.Day(2), 1),
        ("5000000001ns", 0),
        ("0.1min", 1),
    ],
)
def test_threshold_of_any_kind_is_exact(threshold: Any, found: int) -> None:
    times = [T, "2020-01-01 00:00:05.000000001"]
    assert len(find_intervals(times, ["A", "B"], threshold)) == found


def test_threshold_may_be_reached_when_inclusive() -> None:
    times = [T, "2020-01-01 00:00:05"]
    assert find_intervals(times, ["A", "B"], "5s") == []
    assert find_intervals(times, ["A", "B"], "5s", closed="left", inclusive=False) == []
    assert len(find_intervals(times, ["A", "B"], "5s", inclusive=True)) == 1
    assert len(find_intervals(times, ["A", "B"], "5s", closed="both")) == 1


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"closed": "both", "inclusive": False}, "closed: expected what inclusive=False says"),
        ({"closed": "left", "inclusive": True}, "closed: expected what inclusive=True says"),
        ({"closed": "right"}, "closed: expected 'left' or 'both', found \"'right'\""),
        ({"inclusive": "left"}, "inclusive: expected True or False, found \"'left'\""),
        ({"time_unit": "m"}, "time_unit: expected 's', 'ms', 'us' or 'ns', found \"'m'\""),
        ({"time_unit": ["s"]}, "time_unit: expected 's', 'ms', 'us' or 'ns', found \"['s']\""),
        ({"dropna": "no"}, "dropna: expected True or False, found \"'no'\""),
    ],
)
def test_setting_that_is_none_is_refused(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(BadValueError, match=re.escape(message)):
        find_intervals([T], ["A"], "5s", **asked)


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


ONE = uuid.UUID(int=1)


@pytest.mark.parametrize(
    "ids",
    [
        [1.0, 2, "1"],
        [Decimal(1), Decimal("2.0"), Decimal("1.00")],
        [Decimal(1), "2", np.int64(1)],
        np.array([1, 2, 1], np.uint64),
        np.array([1, 2, 1], float),
        np.array([1, 2, 1], np.float32),
        np.array([1, 2, 1], ">u8"),
        np.array(["1", "2", "1"]),
        pd.Series([1, 2, 1], dtype="Int64"),
        pd.Series([1.0, 2.0, 1.0], dtype="category"),
        pd.Series([1, "2", "1"], dtype=object),
        pd.Series(["1", "2", "1"], dtype=pd.ArrowDtype(pa.string())),
        pl.Series([1, 2, 1], dtype=pl.Int8),
        pl.Series([1, 2, 1], dtype=pl.Int128),
        pl.Series([1.0, 2.0, 1.0]),
        pl.Series(["1", "2", "1"], dtype=pl.Categorical),
        pl.Series(["1", "2", "1"], dtype=pl.Enum(["", "2", "1"])),
        pl.Series([Decimal(1), Decimal(2), Decimal(1)]),
        pa.array([1.0, 2.0, 1.0]),
        pa.chunked_array([["1", "2"], [], ["1"]]),
        pa.DictionaryArray.from_arrays([1, 0, 2], ["2", "1", "1"]),
        pa.chunked_array(
            [pa.array(["1", "2"]).dictionary_encode(), pa.array(["1"]).dictionary_encode()]
        ),
    ],
)
def test_ids_of_any_kind_are_told_apart_by_their_texts(ids: Any) -> None:
    (found,) = find_intervals([T, T, T], ids, 1)
    assert found.adids == ("1", "2")
    different = find_intervals([T, T, T], ["A", "B", "C"], 1, keys=ids, min_distinct=1)
    assert [(each.key, each.adids) for each in different] == [("1", ("A", "C")), ("2", ("B",))]


def test_numbers_of_few_bits_are_told_apart() -> None:
    (found,) = find_intervals([T] * 30, np.array([-100, 100, 46] * 10, np.int8), 1)
    assert found.adids == ("-100", "100", "46")


@pytest.mark.parametrize(
    "ids", [[ONE, 2, str(ONE)], pd.Series([ONE, ONE, 2]), pa.array([ONE.bytes] * 3, pa.uuid())]
)
def test_uuid_is_its_text(ids: Any) -> None:
    (found,) = find_intervals([T, T, T], ids, 1, min_distinct=1)
    assert found.adids in {(str(ONE), "2"), (str(ONE),)}


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NaT, pd.NA, np.datetime64("NaT")])
def test_row_in_which_something_is_missing_is_refused_or_left_out(missing: Any) -> None:
    times, ids, keys = [T] * 4, ["B", "A", "A", "B"], ["L", "K", "K", "K"]
    columns: list[list[Any]] = [times, ids, keys]
    for name, column in zip(("times", "ids", "keys"), columns, strict=True):
        (kept,) = find_intervals(times[1:], ids[1:], 1, keys=keys[1:])
        whole = column[0]
        column[0] = missing
        with pytest.raises(BadValueError, match=re.escape(f"{name}[0]: expected a")):
            find_intervals(times, ids, 1, keys=keys)
        assert find_intervals(times, ids, 1, keys=keys, dropna=True) == [kept]
        column[0] = whole
    assert find_intervals([missing], ["A"], 1, min_distinct=1, dropna=True) == []


def test_key_that_is_first_among_the_rows_that_are_not_left_out_comes_first() -> None:
    times, keys = [None, T, T, T, T], ["L", "K", "K", "L", "L"]
    found = find_intervals(times, ["A", "A", "B", "A", "B"], 1, keys=keys, dropna=True)
    assert [each.key for each in found] == ["K", "L"]


def test_nothing_has_no_intervals() -> None:
    assert find_intervals([], [], "10m") == []
    assert find_intervals(iter(()), iter(()), "10m", keys=()) == []


AWARE = "expected a time with an offset such as Z or +02:00"
UNLIKE = "as the first has, found '2020"
NUMBER = "; time_unit says what a number since 1970 counts"


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([T, None], "times[1]: expected a time, found none; dropna=True leaves out the rows"),
        ([T, pd.NaT], "times[1]: expected a time, found none"),
        (np.array(["NaT", T], "M8[s]"), "times[0]: expected a time, found none"),
        (pl.Series([0, None], dtype=pl.Datetime), "times[1]: expected a time, found none"),
        ([T, dt.time(1)], "times[1]: expected text YYYY-MM-DD HH:MM:SS or a datetime, found"),
        ([T, 5], f"times[1]: expected text YYYY-MM-DD HH:MM:SS or a datetime, found '5'{NUMBER}"),
        (pd.Series([5, 6]), f"HH:MM:SS or a datetime, found '5'{NUMBER}"),
        ([T, "5"], "times[1]: expected YYYY-MM-DD HH:MM:SS, found '5'"),
        ([T, "2020-01-01t00:00:00"], "times[1]: expected YYYY-MM-DD HH:MM:SS, found '2020"),
        ([T, "2020-02-30 00:00:00"], "times[1]: expected a real date and time, found"),
        ([None, T, f"{T}Z"], f"times[2]: expected a time without an offset, {UNLIKE}"),
        ([f"{T}+01:00", T], f"times[1]: {AWARE}, {UNLIKE}"),
        ([pd.Timestamp(T, tz=BERLIN), pd.Timestamp(T)], f"times[1]: {AWARE}, {UNLIKE}"),
        ([T, "0001-01-01 00:00:00+01:00"], "times[1]: expected an instant of the years 0001 to"),
        ([dt.datetime(1, 1, 1, tzinfo=BERLIN)] * 2, "times[0]: expected an instant of the years"),
        (pl.Series([0, 10**18], dtype=pl.Datetime("ms")), "times[1]: expected a time of the years"),
        (np.array([0, 50_505_469_855_533_112], "M8[Y]"), "times[1]: expected a time of the year"),
        (pa.array([1, 2], pa.timestamp("s", "Nowhere")), "times: expected a time zone that this"),
        ([T], "ids: expected as many as times, 1, found 2"),
        (5, "times: expected a column, found a int"),
        ([T, f"{T}.{'1' * 601}"], "times[1]: expected at most 600 digits of a fraction of a"),
    ],
)  # fmt: skip
def test_value_that_is_no_time_is_refused_with_its_place(times: Any, message: str) -> None:
    with pytest.raises(BadValueError, match=re.escape(message)):
        find_intervals(times, ["A", "B"], "10m")


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ([1, 1.5], "times[1]: expected a whole number of s since 1970, a decimal or a text, found"),
        (np.array([1, 1.5]), "times[1]: expected a whole number of s since 1970, a decimal or"),
        (np.array([1, 2.0**53]), "times[1]: expected a whole number of s since 1970, a decimal"),
        ([1, 2.0**53], "times[1]: expected a whole number of s since 1970, a decimal or a text"),
        ([1, True], "times[1]: expected a whole number of s since 1970, a decimal or a text"),
        ([1, 10**5_000], "0001 to 9999 in UTC, found one of more than 30 digits"),
        (
            [1, -(10**29)],
            "times[1]: expected an instant of the years 0001 to 9999 in UTC, found -1",
        ),
        ([1, 10**29], f"0001 to 9999 in UTC, found {10**29}"),
        ([1, T], "times[1]: expected a number of s since 1970, found '2020-01-01 00:00:00'"),
        (np.array([T, T], "M8[s]"), "times[0]: expected a whole number of s since 1970, a decimal"),
        (np.array([1, 2**64 - 1], np.uint64), "times[1]: expected a time of the years 1 to 9999"),
        (np.array([1, 2**24], np.float32), "times[1]: expected a whole number of s since 1970"),
        (pd.Series([1, 2**24], dtype="Float32"), "times[1]: expected a whole number of s since"),
        (pa.array([1.0, 2.0**11], pa.float16()), "times[1]: expected a whole number of s since"),
        (np.array([1, 2], "m8[ns]"), "times[0]: expected a whole number of s since 1970"),
        (["1", f"0.{'1' * 5_000}"], "times[1]: expected at most 600 digits of a fraction of a"),
    ],
)
def test_value_that_is_no_number_of_a_unit_is_refused(numbers: Any, message: str) -> None:
    with pytest.raises(BadValueError, match=re.escape(message)):
        find_intervals(numbers, ["A", "B"], "10m", time_unit="s")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "expected an id, found an empty string"),
        (1.5, "expected text or a whole number, found '1.5'"),
        (2.0**53, "expected text or a whole number, found '9007199254740992.0', which may stand"),
        (Decimal("1E+999999"), "expected text or a whole number, found \"Decimal('1E+999999')\""),
        (True, "expected text or a whole number, found 'True'"),
        ([1], "expected text or a whole number, found '[1]'"),
        (b"A", "expected text or a whole number, found"),
        (10**600, "expected text, or a whole number of at most 600 digits, found more"),
    ],
)
def test_value_that_is_no_id_is_refused_with_its_place(value: Any, message: str) -> None:
    with pytest.raises(BadValueError, match=re.escape(f"ids[1]: {message}")):
        find_intervals([T, T], ["A", value], "10m")
    with pytest.raises(BadValueError, match=re.escape(f"keys[1]: {message}")):
        find_intervals([T, T], ["A", "B"], "10m", keys=[1, value])


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        (np.array([1, 2**24], np.float32), "np.float32(1.6777216e+07)', which may stand for other"),
        (np.array([1, 2**11], np.float16), "np.float16(2.048e+03)', which may stand for other"),
        (pd.Series([1, 2**24], dtype="float32"), "np.float32(1.6777216e+07)', which may stand"),
        (pd.Series([1, 2**24], dtype="Float32").astype("category"), "np.float32(1.6777216e+07)'"),
        (pl.Series([1, 2**24], dtype=pl.Float32), "np.float32(1.6777216e+07)', which may stand"),
        (pa.array([1.0, 2.0**24], pa.float32()), "np.float32(1.6777216e+07)', which may stand"),
    ],
)
def test_float_of_few_bits_that_may_stand_for_several_ids_is_refused(ids: Any, found: str) -> None:
    message = f"ids[1]: expected text or a whole number, found '{found}"
    with pytest.raises(BadValueError, match=re.escape(message)):
        find_intervals([T, T], ids, "10m")


@pytest.mark.parametrize("kind", ["M8[ns]", "m8[ns]", "M8[ps]"])
def test_time_is_no_id(kind: str) -> None:
    with pytest.raises(BadValueError, match=r"ids\[0\]: expected text or a whole number, found"):
        find_intervals([T, T], np.array([1, 2], kind), "10m")


@pytest.mark.parametrize(
    ("threshold", "message"),
    [
        ("10", "threshold: expected a duration such as 90s"),
        (1.5, "threshold: expected text such as '10m', a timedelta or whole seconds, found '1.5'"),
        (1.0, "threshold: expected text such as"),
        (True, "threshold: expected text such as"),
        (pd.NaT, "threshold: expected text such as"),
        (-1, "threshold: expected 0 or more, found -1s"),
        (dt.timedelta(seconds=-1), "threshold: expected 0 or more, found -1s"),
        (pd.offsets.Minute(-1), "threshold: expected a duration such as 90s"),
        ("300000d", "threshold: expected at most 292 years, found 300000d"),
        (dt.timedelta.max, "threshold: expected at most 292 years, found 999999999d"),
        (pd.offsets.MonthEnd(), "threshold: expected a duration of a fixed length, such as 30d"),
        (pd.DateOffset(months=1), "threshold: expected a duration such as 90s"),
        (np.timedelta64(1, "Y"), "threshold: expected a duration of a fixed length, such as 30d"),
        (np.timedelta64(1), "threshold: expected text such as"),
        (np.timedelta64("NaT"), "threshold: expected text such as"),
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
