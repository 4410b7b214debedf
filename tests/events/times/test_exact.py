"""Times as whole numbers: every digit counts, and what does not fit 64 bits is as exact."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from events.journal.ticks import ticks_and_finer
from events.times.exact import ExactTimes, apart_at_most, joined
from events.times.timestamps import parse_timestamp

days = st.sampled_from(["0001-01-01", "1969-12-31", "2020-02-29", "2262-04-12", "9999-12-31"])
digits = st.sampled_from(["", ".5", ".000001", ".0000001", ".000000001", "." + "3" * 25])
texts = st.builds(
    lambda day, second, end: parse_timestamp(f"{day} 23:59:{second:02}{end}"),
    days,
    st.integers(0, 59),
    digits,
)
lists = st.lists(texts, min_size=1, max_size=8)


def exact(listed: list[str]) -> ExactTimes:
    return ExactTimes.of(*ticks_and_finer(listed))


@given(lists)
def test_times_come_back_as_they_went_in(listed: list[str]) -> None:
    assert exact(listed).texts() == listed
    assert exact(listed).are_of_years()


@given(lists, lists)
def test_numbers_sort_as_texts_do_also_with_others(one: list[str], other: list[str]) -> None:
    both = joined([exact(one), exact(other)])
    assert both.texts() == one + other
    values = both.values.tolist()
    ordered = sorted(range(len(values)), key=values.__getitem__)
    assert [(one + other)[place] for place in ordered] == sorted(one + other)


def test_fraction_beside_nothing_but_the_beginning_of_1970_is_exact() -> None:
    listed = ["1970-01-01 00:00:00", f"1970-01-01 00:00:00.{'0' * 599}1"]
    assert exact(listed).texts() == listed
    assert exact(listed[:1]).with_places(600).texts() == listed[:1]


@given(st.integers(0, 10**13) | st.just(10**30), st.sampled_from([6, 9, 12, 31]), st.booleans())
def test_times_apart_by_no_more_are_those_within_the_duration(
    nanoseconds: int, places: int, inclusive: bool
) -> None:  # fmt: skip
    most = apart_at_most(nanoseconds, places, inclusive=inclusive)
    limit = Fraction(nanoseconds, 10**9)
    within = [
        Fraction(units, 10**places) <= limit if inclusive else Fraction(units, 10**places) < limit
        for units in (most, most + 1)
    ]
    assert within == [True, False]
