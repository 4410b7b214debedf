"""Times as whole numbers are the times that datetime knows, and sort as their texts do."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from events.journal.ticks import PLACES, TICKS_PER_SECOND, tick_of, ticks_of, time_of, times_of
from events.times.timestamps import parse_timestamp

EPOCH = dt.datetime(1, 1, 1)  # noqa: DTZ001  the times of logs without a zone
LAST = dt.datetime(9999, 12, 31, 23, 59, 59)  # noqa: DTZ001
whole = st.datetimes().map(lambda moment: moment.replace(microsecond=0))
leap_days = st.sampled_from([4, 1600, 1896, 1904, 2000, 2016, 2400, 9996]).map(
    lambda year: dt.datetime(year, 2, 29, 23, 59, 59)  # noqa: DTZ001
)
moments = whole | leap_days | st.sampled_from([EPOCH, LAST])
# The digits of a fraction as a canonical time has them: no zeros at the end.
fractions = st.text("0123456789", max_size=25).map(lambda digits: digits.rstrip("0"))


def text_of(moment: dt.datetime, fraction: str = "") -> str:
    """Return the canonical text; strftime writes the year 1 without zeros on some systems."""
    text = f"{moment.year:04}-{moment:%m-%d %H:%M:%S}"
    return f"{text}.{fraction}" if fraction else text


def seconds_of(moment: dt.datetime) -> int:
    since = moment - EPOCH
    return since.days * 86_400 + since.seconds


@given(st.lists(moments, max_size=30))
@example([])
def test_many_whole_seconds_are_those_that_datetime_counts(found: list[dt.datetime]) -> None:
    texts = [text_of(moment) for moment in found]
    ticks = ticks_of(texts)
    assert ticks is not None
    assert ticks.dtype == np.int64
    assert ticks.tolist() == [seconds_of(moment) * TICKS_PER_SECOND for moment in found]
    assert [time_of(tick) for tick in ticks.tolist()] == texts
    assert times_of(ticks, {}) == texts


@given(moments, fractions)
def test_time_is_its_microseconds_and_the_digits_behind_them(
    moment: dt.datetime, fraction: str
) -> None:
    text = text_of(moment, fraction)
    assert parse_timestamp(text) == text
    tick, finer = tick_of(text)
    micro = int(fraction[:PLACES].ljust(PLACES, "0"))
    assert tick == seconds_of(moment) * TICKS_PER_SECOND + micro
    assert finer == fraction[PLACES:]
    assert time_of(tick, finer) == text


@pytest.mark.slow
@given(st.lists(st.tuples(moments, fractions), max_size=20))
def test_many_times_are_written_as_each_of_them_is(found: list[tuple[dt.datetime, str]]) -> None:
    texts = [text_of(*each) for each in found]
    pairs = [tick_of(text) for text in texts]
    ticks = np.array([tick for tick, _ in pairs], np.int64)
    finer = {index: digits for index, (_, digits) in enumerate(pairs) if digits}
    assert times_of(ticks, finer) == texts


near = st.tuples(
    st.sampled_from([EPOCH, dt.datetime(2000, 2, 29, 23, 59, 59), LAST]),  # noqa: DTZ001
    st.sampled_from(["", "0", "1"]),
    st.text("019", max_size=9),
).map(lambda parts: (parts[0], (parts[1] + parts[2]).rstrip("0")))


@given(st.tuples(moments, fractions) | near, st.tuples(moments, fractions) | near)
def test_ticks_and_the_digits_behind_them_sort_as_texts_do(
    one: tuple[dt.datetime, str], other: tuple[dt.datetime, str]
) -> None:
    texts = text_of(*one), text_of(*other)
    pairs = tick_of(texts[0]), tick_of(texts[1])
    assert (pairs[0] < pairs[1]) == (texts[0] < texts[1])
    assert (pairs[0] == pairs[1]) == (texts[0] == texts[1])


def is_whole_second(text: str) -> bool:
    """Tell whether datetime takes ``text`` for a whole second that is written as it should be."""
    try:
        moment = dt.datetime.strptime(text, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007
    except ValueError:
        return False
    return text_of(moment) == text


spoilt = st.tuples(
    moments.map(text_of),
    st.integers(0, 18),
    st.sampled_from("0123456789 -:./;@\x00é²"),
).map(lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] + 1 :])


@given(st.lists(moments.map(text_of), max_size=3), spoilt, st.lists(moments.map(text_of)))
@example([], "1900-02-29 00:00:00", [])
@example([], "2000-02-29 00:00:00", [])
@example([], "0000-01-01 00:00:00", [])
@example([], "2017-06-31 00:00:00", [])
@example([], "2017-06-13 24:00:00", [])
@example([], "2017-06-13 11:33:60", [])
@example([], "２017-06-13 11:33:00", [])  # noqa: RUF001  a digit, to some
def test_one_that_is_no_time_among_many_is_seen(
    before: list[str], text: str, after: list[str]
) -> None:
    texts = [*before, text, *after]
    assert (ticks_of(texts) is not None) == is_whole_second(text)


@pytest.mark.parametrize(
    "texts",
    [
        ["2017-06-13 11:33:0", "02017-06-13 11:33:01"],
        ["2017-06-13 11:33:01.5"],
        ["2017-06-13"],
        ["", ""],
        ["2017-06-13 11:33:01", ""],
    ],
)
def test_texts_of_other_lengths_are_no_whole_seconds(texts: list[str]) -> None:
    assert ticks_of(texts) is None
