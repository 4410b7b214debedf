"""Durations are exact, and are read back from what they are shown as."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.errors import BadValueError
from events.times.durations import SECOND, format_duration, parse_duration
from events.times.instants import EDGE, Span, instant_of, time_text


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0s", 0),
        ("90s", 90 * SECOND),
        ("10m", 600 * SECOND),
        ("1h30m", 5_400 * SECOND),
        ("2d", 172_800 * SECOND),
        ("1d1h1m1s", 90_061 * SECOND),
        ("1d1s", 86_401 * SECOND),
        ("1.5s", 1_500_000_000),
        ("0.000000001s", 1),
        ("1m0.25s", 60_250_000_000),
        ("1.50000000000s", 1_500_000_000),
        ("090s", 90 * SECOND),
    ],
)
def test_duration_has_its_exact_value(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@given(st.integers(0, 10**30))
def test_duration_is_read_back_from_its_text(nanoseconds: int) -> None:
    if nanoseconds < 10**15 * 86_400 * SECOND:
        assert parse_duration(format_duration(nanoseconds)) == nanoseconds


@pytest.mark.parametrize("text", ["0s", "10m", "1h30m", "2d", "1m30s", "0.5s", "1d12h"])
def test_shortest_text_is_shown_as_it_is(text: str) -> None:
    assert format_duration(parse_duration(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "10", "m", "10 m", " 10m", "10m ", "10m\n", "-10m", "+10m", "10M", "1.5m", ".5s"),
        *("1.s", "1,5s", "30m1h", "1m1m", "10min", "1e3s", "\u0661s", "1h30", "9" * 16 + "s"),
    ],
)
def test_any_other_text_is_refused(text: str) -> None:
    message = f"expected a duration such as 90s, 10m, 1h30m, 2d or 0.5s, found {text!a}"
    with pytest.raises(BadValueError, match=f"^{re.escape(message)}$"):
        parse_duration(text)


def test_tenth_place_after_the_point_is_refused() -> None:
    with pytest.raises(BadValueError, match=r"at most 9 places after the point, found '0\.0"):
        parse_duration("0.0000000001s")


# Instants

times = st.datetimes().map(lambda time: time.isoformat(" ", "seconds"))
fractions = st.text("0123456789", max_size=20).map(lambda digits: digits.rstrip("0"))


@given(times, fractions, times, fractions)
def test_instants_sort_as_the_times_do_and_give_them_back(
    time: str, digits: str, other_time: str, other_digits: str
) -> None:
    one = f"{time}.{digits}" if digits else time
    other = f"{other_time}.{other_digits}" if other_digits else other_time
    assert time_text(instant_of(one)) == one
    assert (instant_of(one) < instant_of(other)) == (one < other)


def test_adding_keeps_the_digits_behind_the_nanoseconds() -> None:
    begin = instant_of("2019-12-31 23:59:59.0000000005")
    assert time_text(begin + Span(1_500_000_000)) == "2020-01-01 00:00:00.5000000005"
    assert time_text(begin + Span(-SECOND)) == "2019-12-31 23:59:58.0000000005"


@given(fractions)
def test_edge_is_next_to_its_instant(digits: str) -> None:
    begin = instant_of("2020-01-01 00:00:00.5")
    other = instant_of(f"2020-01-01 00:00:00.5{digits}")
    assert (begin < other) == (begin + Span(0, EDGE) < other)


@pytest.mark.parametrize(
    ("time", "nanoseconds"), [("0001-01-01 00:00:00", -1), ("9999-12-31 23:59:59", SECOND)]
)
def test_instant_outside_of_the_years_has_no_text(time: str, nanoseconds: int) -> None:
    with pytest.raises(OverflowError, match="expected a time of the years 1 to 9999"):
        time_text(instant_of(time) + Span(nanoseconds))
