"""Times are read many at once as they are one by one, whatever form they have."""

from __future__ import annotations

import datetime as dt
import re
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from events.errors import BadValueError
from events.journal.ticks import times_of
from events.times.columns import Cells, times_in_texts
from events.times.epoch import EXPONENTS, TimeUnit, count_text, counts_in, parse_count
from events.times.timestamps import (
    Timestamp,
    TimestampDateError,
    TimestampShapeError,
    parse_any,
    parse_timestamp,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from events.times.columns import TimeColumn

# As forms differ in single characters, so do texts that have none.
days = st.sampled_from(["0001-01-01", "2020-02-29", "2021-02-29", "9999-12-31", "2020-13-01"])
clocks = st.sampled_from(["10:05", "00:00:00", "23:59:59", "24:00:00", "10:0:00", "23:59:60"])
fractions = st.sampled_from(["", ".", ".5", ".250000", ".123456789", ".0000001", ".1234567890123x"])
offsets = st.sampled_from(["Z", "+00:00", "+02:30", "-23:59", "+24:00", "+02:60", "+0200", "z"])
marks = st.sampled_from([" ", "T", "T", "t", ""])
timed = st.builds("".join, st.tuples(days, marks, clocks, fractions))
texts = st.one_of(timed, days, st.builds("".join, st.tuples(timed | days, offsets)), st.text())
units = st.sampled_from(list(EXPONENTS))


def one_by_one(texts: list[str], parse: Callable[[str], Timestamp]) -> list[Timestamp] | None:
    try:
        return [parse(text) for text in texts]
    except BadValueError:
        return None


def compare(column: TimeColumn | None, expected: list[Timestamp] | None) -> None:
    """Compare what was read at once with what each is; None leaves it to a look at each."""
    if column is not None:
        assert expected is not None
        assert times_of(column.ticks, column.finer) == [each.time for each in expected]
        assert {column.zone} == {each.zone for each in expected}


@given(st.lists(texts, min_size=1, max_size=3))
@example(["2020-01-01", "2020-01-01T10:05Z"])
@example(["2020-01-01 00:00:00.5", "2020-01-01"])
@example(["0001-01-01T00:00:00+00:01"])
@example(["9999-12-31T23:59Z", "9999-12-31T23:59-00:01"])
def test_many_at_once_are_what_each_is(found: list[str]) -> None:
    compare(times_in_texts(found), one_by_one(found, parse_any))


@given(st.lists(st.datetimes(), min_size=1), st.sampled_from(["", "Z", "+05:45", "-01:00"]))
def test_all_forms_of_real_times_are_read_at_once(moments: list[dt.datetime], offset: str) -> None:
    written = [moment.isoformat("T") + offset for moment in moments]
    expected = one_by_one(written, parse_any)
    if expected is not None:
        column = times_in_texts(written)
        assert column is not None
        compare(column, expected)
        zoned = dt.datetime.fromisoformat(written[0])
        utc = zoned.astimezone(dt.UTC).replace(tzinfo=None) if offset else zoned
        assert expected[0].time == parse_timestamp(utc.isoformat(" "))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-01-01", Timestamp("2020-01-01 00:00:00", "none")),
        ("2020-01-01 10:05", Timestamp("2020-01-01 10:05:00", "none")),
        ("2020-01-01T10:05+02:00", Timestamp("2020-01-01 08:05:00", "utc")),
        ("2020-01-01T10:05:00.50Z", Timestamp("2020-01-01 10:05:00.5", "utc")),
    ],
)
def test_short_forms_are_what_they_begin_with(text: str, expected: Timestamp) -> None:
    assert parse_any(text) == expected


@pytest.mark.parametrize("text", ["2020-01-01Z", "2020-01-01T10", "2020-01", "20200101", "10:05"])
def test_shorter_ones_are_none(text: str) -> None:
    with pytest.raises(TimestampShapeError, match=f"found '{re.escape(text)}'"):
        parse_any(text)


@given(st.fractions(-(10**12), 10**12), st.integers(0, 21), units)
@example(Fraction(-1, 4), 2, "ms")
@example(Fraction(-62135596800), 0, "s")
@example(Fraction(253402300800), 0, "s")
def test_a_number_is_the_instant_that_far_from_1970(
    about: Fraction, places: int, unit: TimeUnit
) -> None:
    value = Fraction(int(about * 10**places), 10**places)
    whole, rest = divmod(abs(value.numerator) * 10**places // value.denominator, 10**places)
    text = "-" * (value < 0) + (f"{whole}.{rest:0{places}}" if places else f"{whole}")
    seconds = value / 10 ** EXPONENTS[unit]
    first, end = (Fraction(-62135596800), Fraction(253402300800))
    at_once = [counts_in(cells, unit) for cells in [Cells.of([text, "1"])] if cells is not None]
    if not first <= seconds < end:
        assert at_once == [None]
        with pytest.raises(TimestampDateError, match="years 0001 to 9999"):
            parse_count(text, unit)
        return
    time, zone = parse_count(text, unit)
    moment, _, digits = time.partition(".")
    since = dt.datetime.fromisoformat(moment) - dt.datetime(1970, 1, 1)  # noqa: DTZ001
    exact = since // dt.timedelta(seconds=1) + Fraction(int(digits or 0), 10 ** len(digits))
    assert (exact, zone) == (seconds, "utc")
    assert parse_count(count_text(time, unit), unit).time == time
    compare(at_once[0], one_by_one([text, "1"], lambda each: parse_count(each, unit)))


@pytest.mark.parametrize(
    ("text", "unit", "time"),
    [
        ("1577836800", "s", "2020-01-01 00:00:00"),
        ("1.5778368e9", "s", "2020-01-01 00:00:00"),
        ("1577836800123456789", "ns", "2020-01-01 00:00:00.123456789"),
        ("-0.1", "us", "1969-12-31 23:59:59.9999999"),
        ("0e999", "s", "1970-01-01 00:00:00"),
        ("25E-2", "ms", "1970-01-01 00:00:00.00025"),
    ],
)
def test_numbers_are_read_exactly(text: str, unit: TimeUnit, time: str) -> None:
    assert parse_count(text, unit) == Timestamp(time, "utc")


@pytest.mark.parametrize("text", ["", "-", "1.", ".5", "+1", "1 ", "1_0", "1e1000", "NaN", "1.5.5"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(
        TimestampShapeError, match=f"a number of s since 1970, found '{re.escape(text)}'"
    ):
        parse_count(text, "s")
    cells = Cells.of(["1", text])
    assert cells is not None
    assert counts_in(cells, "s") is None
