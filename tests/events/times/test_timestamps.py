"""Timestamps are real, exact at any precision, and sort as text the way the times do."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from fractions import Fraction
from typing import NamedTuple

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from events.times.timestamps import (
    Timestamp,
    TimestampDateError,
    TimestampShapeError,
    in_zone,
    parse_timestamp,
    parse_zoned,
)

LONGEST = "0123456789" * 20


class Moment(NamedTuple):
    """A time to the second, and the digits of its fraction as a log spells them."""

    second: dt.datetime
    digits: str

    def text(self) -> str:
        """Return the timestamp that a log would hold."""
        return self.second.isoformat(" ", "seconds") + (f".{self.digits}" if self.digits else "")

    def exact(self) -> tuple[dt.datetime, Fraction]:
        """Return the time as numbers, which compare by themselves."""
        return self.second, Fraction(f"0.{self.digits}" if self.digits else 0)


FIRST = dt.datetime.fromisoformat("0001-01-01 00:00:00")
LAST = dt.datetime.fromisoformat("9999-12-31 23:59:59")
# Few seconds and few digits make for many ties and near ties.
seconds = st.one_of(
    st.datetimes().map(lambda time: time.replace(microsecond=0)), st.sampled_from([FIRST, LAST])
)
fraction_digits = st.one_of(st.just(""), st.text("0019", max_size=4), st.text("0123456789"))
moments = st.builds(Moment, seconds, fraction_digits)


@given(moments, moments)
@example(Moment(LAST, "5"), Moment(LAST, "45"))
@example(Moment(FIRST, ""), Moment(FIRST, LONGEST + "1"))
def test_canonical_texts_sort_as_the_times_do(one: Moment, other: Moment) -> None:
    text, other_text = parse_timestamp(one.text()), parse_timestamp(other.text())
    assert (text < other_text) == (one.exact() < other.exact())
    assert (text == other_text) == (one.exact() == other.exact())


@given(moments)
def test_canonical_text_names_the_same_time_and_is_canonical_itself(moment: Moment) -> None:
    text = parse_timestamp(moment.text())
    whole, _, digits = text.partition(".")
    assert Moment(dt.datetime.fromisoformat(whole), digits).exact() == moment.exact()
    assert parse_timestamp(text) == text


@given(seconds, st.text("0123456789", max_size=30), st.integers(1, 30))
@example(FIRST, LONGEST + "1", 1)
def test_zeros_at_the_end_of_a_fraction_are_cut(
    second: dt.datetime, digits: str, zeros: int
) -> None:
    whole, kept = Moment(second, "").text(), digits.rstrip("0")
    expected = f"{whole}.{kept}" if kept else whole
    assert parse_timestamp(f"{whole}.{digits}{'0' * zeros}") == expected


@given(st.integers(0, 9999), st.integers(0, 13), st.integers(0, 32))
def test_date_is_taken_only_if_the_calendar_has_it(year: int, month: int, day: int) -> None:
    text = f"{year:04}-{month:02}-{day:02} 11:33:01"
    if 1 <= month <= 12 and year and 1 <= day <= calendar.monthrange(year, month)[1]:
        assert parse_timestamp(text) == text
    else:
        with pytest.raises(TimestampDateError, match=f"real date and time, found '{text}'"):
            parse_timestamp(text)


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
@example(23, 59, 59)
@example(24, 0, 0)
@example(23, 59, 60)
def test_time_is_taken_only_if_the_clock_shows_it(hour: int, minute: int, second: int) -> None:
    text = f"2017-06-13 {hour:02}:{minute:02}:{second:02}"
    if hour < 24 and minute < 60 and second < 60:
        assert parse_timestamp(text) == text
    else:
        with pytest.raises(TimestampDateError, match=f"real date and time, found '{text}'"):
            parse_timestamp(text)


@given(moments, st.integers(0, 18), st.characters())
@example(Moment(FIRST, ""), 0, "\u0660")
@example(Moment(FIRST, ""), 10, "T")
def test_wrong_character_anywhere_breaks_the_shape(
    moment: Moment, position: int, wrong: str
) -> None:
    text = moment.text()
    right = "0123456789" if text[position].isdigit() else {" ": " T"}.get(text[position])
    assume(wrong not in (right or text[position]))
    with pytest.raises(TimestampShapeError, match=r"expected YYYY-MM-DD HH:MM:SS, found ['\"]"):
        parse_timestamp(text[:position] + wrong + text[position + 1 :])


@given(moments)
def test_t_stands_for_the_space(moment: Moment) -> None:
    text = moment.text()
    assert parse_timestamp(text.replace(" ", "T")) == parse_timestamp(text)


@given(st.text())
def test_other_text_is_refused_for_its_shape(text: str) -> None:
    assume(not re.match("[0-9]{4}-", text))
    with pytest.raises(TimestampShapeError, match=r"expected YYYY-MM-DD HH:MM:SS, found ['\"]"):
        parse_timestamp(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2017-06-13",
        "2017-06-13 11:33",
        "2017-06-13t11:33:01",
        "2017-06-13  11:33:01",
        " 2017-06-13 11:33:01",
        "2017-06-13 11:33:01 ",
        "2017-06-13 11:33:01\n",
        "2017-06-13 11:33:01.",
        "2017-06-13 11:33:01,5",
        "2017-06-13 11:33:01.5.5",
        "2017-06-13 11:33:01Z",
        "2017-06-13 11:33:01+00:00",
        "2017-6-13 11:33:01",
        "17-06-13 11:33:01",
        "12017-06-13 11:33:01",
        "-017-06-13 11:33:01",
        "13.06.2017 11:33:01",
        "2017-06-13 11:33:0\u0661",
    ],
)
def test_any_other_shape_is_refused(text: str) -> None:
    message = f"expected YYYY-MM-DD HH:MM:SS, found {text!a}"
    with pytest.raises(TimestampShapeError, match=re.escape(message)):
        parse_timestamp(text)


@pytest.mark.parametrize(
    "date", ["2016-02-29", "2000-02-29", "2400-02-29", "0001-01-01", "0004-02-29", "9999-12-31"]
)
def test_real_date_is_taken(date: str) -> None:
    assert parse_timestamp(f"{date} 00:00:00") == f"{date} 00:00:00"


@pytest.mark.parametrize(
    "date",
    ["2017-02-29", "1900-02-29", "2017-02-30", "2017-04-31", "0000-01-01", "2017-00-10"],
)
def test_date_that_never_was_is_refused(date: str) -> None:
    with pytest.raises(
        TimestampDateError, match=f"expected a real date and time, found '{date} 00:00:00'$"
    ):
        parse_timestamp(f"{date} 00:00:00")


@pytest.mark.parametrize("time", ["24:00:00", "25:00:00", "11:60:00", "23:59:60", "23:59:60.5"])
def test_time_that_no_clock_shows_is_refused(time: str) -> None:
    with pytest.raises(
        TimestampDateError, match=f"expected a real date and time, found '2017-06-13 {time}'$"
    ):
        parse_timestamp(f"2017-06-13 {time}")


# Offsets

offsets = st.one_of(st.sampled_from([0, 60, 120, -60, 1439, -1439]), st.integers(-1439, 1439)).map(
    lambda minutes: dt.timedelta(minutes=minutes)
)


def offset_text(offset: dt.timedelta) -> str:
    """Return an offset as ISO 8601 writes it."""
    sign = "-" if offset < dt.timedelta() else "+"
    minutes = abs(offset) // dt.timedelta(minutes=1)
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}"


@given(moments, offsets)
@example(Moment(FIRST, ""), dt.timedelta(minutes=1))
@example(Moment(FIRST, "5"), dt.timedelta(minutes=-1))
@example(Moment(LAST, "999"), dt.timedelta(minutes=-1))
@example(Moment(LAST, "999"), dt.timedelta(minutes=1))
def test_time_with_an_offset_is_kept_as_that_of_utc(moment: Moment, offset: dt.timedelta) -> None:
    text = moment.text() + offset_text(offset)
    try:
        second = moment.second.replace(tzinfo=dt.timezone(offset)).astimezone(dt.UTC)
    except OverflowError:
        with pytest.raises(TimestampDateError, match="an instant of the years 0001 to 9999 in UTC"):
            parse_zoned(text)
        return
    expected = parse_timestamp(Moment(second.replace(tzinfo=None), moment.digits).text())
    assert parse_zoned(text) == Timestamp(expected, "utc")
    assert parse_zoned(text.replace(" ", "T")) == Timestamp(expected, "utc")
    # What is shown is an instant itself, and the same one.
    assert parse_zoned(in_zone(expected, "utc")) == Timestamp(expected, "utc")


@given(moments)
def test_z_is_an_offset_of_nothing(moment: Moment) -> None:
    time = parse_timestamp(moment.text())
    for zero in ("Z", "+00:00", "-00:00", "+0000"):
        assert parse_zoned(f"{moment.text()}{zero}") == Timestamp(time, "utc")
    assert parse_zoned(moment.text()) == Timestamp(time, "none")
    assert in_zone(time, "none") == in_zone(time, None) == time


@given(moments, moments, offsets, offsets)
def test_instants_sort_whatever_their_offsets(
    one: Moment, other: Moment, offset: dt.timedelta, other_offset: dt.timedelta
) -> None:
    pairs = [(one, offset), (other, other_offset)]
    try:
        exact = [
            (second - ahead, Fraction(f"0.{digits or 0}")) for (second, digits), ahead in pairs
        ]
    except OverflowError:
        assume(False)
    texts = [parse_zoned(moment.text() + offset_text(ahead)).time for moment, ahead in pairs]
    assert (texts[0] < texts[1]) == (exact[0] < exact[1])


@given(moments, offsets)
def test_an_offset_may_lack_its_colon(moment: Moment, ahead: dt.timedelta) -> None:
    offset = offset_text(ahead)
    try:
        expected = parse_zoned(moment.text() + offset)
    except TimestampDateError:
        assume(False)
    assert parse_zoned(moment.text() + offset.replace(":", "")) == expected


@pytest.mark.parametrize("offset", ["+24:00", "-24:00", "+99:59", "+02:60", "-00:99"])
def test_offset_that_no_clock_has_is_refused(offset: str) -> None:
    with pytest.raises(
        TimestampDateError, match="expected an offset of hours to 23 and minutes to 59, found '2017"
    ):
        parse_zoned(f"2017-06-13 11:33:01{offset}")


@pytest.mark.parametrize(
    "rest",
    [
        *(
            "z",
            "ZZ",
            " Z",
            " +02:00",
            "+2:00",
            "+02",
            "+020",
            "+02:0",
            "+02:000",
            "02:00",
            "±02:00",
        ),
        *("+02:00:00", "+02:00Z", "UTC", "Z\n", "+\u0660\u0662:00", "\u221202:00", ".Z", ".+02:00"),
    ],
)
def test_offset_of_any_other_shape_is_refused(rest: str) -> None:
    text = f"2017-06-13 11:33:01{rest}"
    message = f"expected YYYY-MM-DD HH:MM:SS, found {text!a}"
    with pytest.raises(TimestampShapeError, match=re.escape(message)):
        parse_zoned(text)


@pytest.mark.parametrize("offset", ["Z", "+02:00", "-23:59"])
@pytest.mark.parametrize(
    "date", ["2017-02-29 11:33:01", "2017-06-13 24:00:00", "0000-01-01 00:00:00"]
)
def test_date_and_time_have_to_be_real_before_an_offset_too(date: str, offset: str) -> None:
    message = f"expected a real date and time, found '{date}{offset}'"
    with pytest.raises(TimestampDateError, match=re.escape(message)):
        parse_zoned(date + offset)
