"""The baseline and the verdict are exact (SPEC.md section 3)."""

from __future__ import annotations

import math
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from actors.purchases.baseline import Baseline, baseline_of

UNITS_MAX = 10**19 - 1
units = st.one_of(st.integers(0, 300), st.integers(0, UNITS_MAX))


@given(st.lists(units, min_size=1, max_size=60))
def test_mean_and_sd_are_the_definitions_cut_to_whole_cents(amounts: list[int]) -> None:
    mean = Fraction(sum(amounts), len(amounts))
    variance = sum(((amount - mean) ** 2 for amount in amounts), Fraction(0)) / len(amounts)
    baseline = baseline_of(amounts)
    assert baseline.mean == math.floor(mean / 100)
    assert baseline.sd == math.isqrt(math.floor(variance / 100**2))


@given(st.lists(units | st.just(50), min_size=1, max_size=60))
def test_rounded_figures_are_the_nearest_cents_and_of_two_the_upper(amounts: list[int]) -> None:
    mean = Fraction(sum(amounts), len(amounts)) / 100
    variance = sum(((Fraction(each, 100) - mean) ** 2 for each in amounts), Fraction(0))
    half, (rounded, sd) = Fraction(1, 2), baseline_of(amounts).rounded
    assert rounded - half <= mean < rounded + half
    assert max(sd - half, Fraction(0)) ** 2 <= variance / len(amounts) < (sd + half) ** 2


@given(st.lists(units, min_size=2, max_size=60), units)
def test_verdict_is_the_definition_without_a_square_root(amounts: list[int], amount: int) -> None:
    mean = Fraction(sum(amounts), len(amounts))
    variance = sum(((each - mean) ** 2 for each in amounts), Fraction(0)) / len(amounts)
    excess = amount - mean
    assert baseline_of(amounts).flags(amount) == (excess > 0 and excess**2 > 9 * variance)


@given(st.lists(units, max_size=60))
def test_order_of_the_window_does_not_matter(amounts: list[int]) -> None:
    assert baseline_of(amounts) == baseline_of(sorted(amounts))
    assert baseline_of(amounts).n == len(amounts)


@given(units, units)
def test_fewer_than_two_purchases_never_flag(only: int, amount: int) -> None:
    assert not baseline_of([]).flags(amount)
    assert not baseline_of([only]).flags(amount)


@given(units, st.integers(2, 60))
def test_exactly_the_threshold_is_not_flagged_and_one_unit_more_is(value: int, n: int) -> None:
    usual = baseline_of([value] * n)
    assert usual.v == 0
    assert not usual.flags(value)
    assert usual.flags(value + 1)


def test_no_purchases_have_mean_and_sd_zero() -> None:
    assert (Baseline(0, 0, 0).mean, Baseline(0, 0, 0).sd) == (0, 0)
    assert Baseline(0, 0, 0).rounded == (0, 0)


def test_figures_of_the_challenges_example() -> None:
    baseline = baseline_of([168_300, 592_800, 112_000])
    assert (baseline.n, baseline.mean, baseline.sd) == (3, 2910, 2146)
    assert baseline.flags(16_018_300)
