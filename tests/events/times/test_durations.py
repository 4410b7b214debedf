"""Durations are exact, and are read back from what they are shown as."""

from __future__ import annotations

import re
from fractions import Fraction

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


SPELLED = {
    604_800 * SECOND: "w W week weeks",
    86_400 * SECOND: "d D day days",
    3_600 * SECOND: "h H hr hrs hour hours",
    60 * SECOND: "m min mins minute minutes",
    SECOND: "s S sec secs second seconds",
    10**6: "ms millisecond milliseconds",
    10**3: "us \xb5s \u03bcs microsecond microseconds",
    1: "ns nanosecond nanoseconds",
}
fractions_of_units = st.sampled_from(["", ".5", ".50", ".0", ".25", ".000001", ".123456789012"])


@given(st.lists(st.sampled_from(list(SPELLED)), min_size=1, unique=True), st.data())
def test_parts_in_any_spelling_add_up_exactly(sizes: list[int], data: st.DataObject) -> None:
    total, words = Fraction(0), []
    for size in sorted(sizes, reverse=True):
        number = f"{data.draw(st.integers(0, 999))}{data.draw(fractions_of_units)}"
        unit = data.draw(st.sampled_from(SPELLED[size].split()))
        words.append(f"{number}{data.draw(st.sampled_from(['', ' ']))}{unit}")
        total += Fraction(number) * size
    text = data.draw(st.sampled_from(["", " ", ", "])).join(words)
    parts = [Fraction(re.match("[0-9.]+", word)[0]) for word in words]  # type: ignore[index]
    if all(
        (part * size).denominator == 1
        for part, size in zip(parts, sorted(sizes, reverse=True), strict=True)
    ):
        assert parse_duration(text) == total
    else:
        with pytest.raises(BadValueError, match="expected whole nanoseconds, at most 9 places"):
            parse_duration(text)


@pytest.mark.parametrize(
    ("text", "same"),
    [("PT10M", "10m"), ("P1DT2H30M", "1d2h30m"), ("P2W", "14d"), ("P0DT0H0M1.5S", "1.5s")],
)
def test_duration_of_iso_8601_is_read(text: str, same: str) -> None:
    assert parse_duration(text) == parse_duration(same)


@pytest.mark.parametrize(
    "text",
    [
        *("", "10", "m", "min", " 10m", "10m ", "10m\n", "-10m", "+10m", ".5s", "10  m", "10\tm"),
        *("1.s", "1,5s", "30m1h", "1m1m", "1m 1min", "1e3s", "\u0661s", "1h30", "9" * 20 + "s"),
        *("10Min", "5Ms", "1i", "P", "PT", "P1M", "P10M", "P1H", "PT1D", "P1DT", "PT1", "1h,30m"),
    ],
)
def test_any_other_text_is_refused(text: str) -> None:
    message = f"expected a duration such as 90s, 10min, 1h30m, 2d or 500ms, found {text!a}"
    with pytest.raises(BadValueError, match=f"^{re.escape(message)}$"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["10M", "1ME", "1MS", "1mo", "1d2mo", "1q", "1y", "2 years"])
def test_unit_without_a_fixed_length_is_refused(text: str) -> None:
    message = f"expected a duration of a fixed length, such as 30d, found {text!a}: what "
    with pytest.raises(BadValueError, match=f"^{re.escape(message)}"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["0.0000000001s", "0.5ns", f"0.{'3' * 5_000}h", f"1.{'0' * 18}1s"])
def test_part_of_a_nanosecond_is_refused(text: str) -> None:
    with pytest.raises(BadValueError, match=r"at most 9 places after the point of seconds, found"):
        parse_duration(text)


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
