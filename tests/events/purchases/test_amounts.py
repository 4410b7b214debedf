"""Amounts are exact: whole numbers of 1/10,000, however they are spelled (SPEC.md section 2)."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from events.errors import BadValueError
from events.purchases.amounts import (
    UNITS_PER_ONE,
    AmountDigitsError,
    AmountPlacesError,
    AmountSignError,
    AmountTextError,
    format_amount,
    format_cents,
    parse_amount,
    parse_amount_number,
)

if TYPE_CHECKING:
    from collections.abc import Callable

ONE_ABOVE_ALL = 10**15  # the first amount with 16 digits before the point

all_units = st.integers(0, ONE_ABOVE_ALL * UNITS_PER_ONE - 1)
digits = st.text("0123456789", min_size=1, max_size=18)
fractions = st.one_of(st.just(""), digits.map(".{}".format), digits.map(".{}000000".format))
texts = st.builds("{}{}".format, digits, fractions)
whole_numbers = digits.map(lambda text: text.lstrip("0") or "0")
exponents = st.one_of(
    st.just(""),
    st.builds("{}{}{}".format, st.sampled_from("eE"), st.sampled_from(["", "+"]), digits),
    st.builds("e{}".format, st.integers(-40, 40)),
    st.builds("E-{:03}".format, st.integers(0, 40)),
)


def outcome(parse: Callable[[str], int], text: str) -> Fraction | type[BadValueError]:
    """Return the amount that ``parse`` reads in ``text``, or the class of its error."""
    try:
        return Fraction(parse(text), UNITS_PER_ONE)
    except BadValueError as error:
        return type(error)


def is_exact(value: Fraction) -> bool:
    return (value * UNITS_PER_ONE).denominator == 1


@given(all_units)
@example(0)
@example(ONE_ABOVE_ALL * UNITS_PER_ONE - 1)
def test_formatted_amount_reads_back_as_the_same_units(units: int) -> None:
    assert parse_amount(format_amount(units)) == units


@given(all_units)
def test_format_writes_two_places_and_more_only_where_they_are_not_zero(units: int) -> None:
    text = format_amount(units)
    assert Fraction(text) * UNITS_PER_ONE == units
    assert re.fullmatch(r"(0|[1-9][0-9]*)\.[0-9]{2}([0-9]?[1-9])?", text)


@given(texts)
def test_string_is_read_exactly_or_refused_for_its_places_or_its_digits(text: str) -> None:
    value, places = Fraction(text), text.partition(".")[2].rstrip("0")
    if len(places) > 4:
        assert outcome(parse_amount, text) is AmountPlacesError
    elif len(text.partition(".")[0]) > 15:
        assert outcome(parse_amount, text) is AmountDigitsError
    else:
        assert outcome(parse_amount, text) == value


@given(whole_numbers, fractions, st.integers(-40, 40))
@example("1683", "", -2)
@example("1", "", 14)
@example("1", "", 15)
@example("1", "", -4)
@example("1", "", -5)
@example("999999999999999", ".9999", 0)
def test_number_with_an_exponent_is_read_exactly_or_refused(
    whole: str, fraction: str, power: int
) -> None:
    literal = f"{whole}{fraction}e{power}"
    value = Fraction(literal)
    found = outcome(parse_amount_number, literal)
    if value < ONE_ABOVE_ALL and is_exact(value):
        assert found == value
    else:
        errors = {AmountDigitsError: value >= ONE_ABOVE_ALL, AmountPlacesError: not is_exact(value)}
        assert found in {error for error, applies in errors.items() if applies}


@given(all_units, exponents, st.sampled_from("-+"))
def test_amount_with_a_sign_is_refused(units: int, exponent: str, sign: str) -> None:
    text = sign + format_amount(units)
    with pytest.raises(AmountSignError, match=r"expected no sign, found '[-+]"):
        parse_amount(text)
    with pytest.raises(AmountSignError, match="expected no sign, found '-"):
        parse_amount_number(f"-{format_amount(units)}{exponent}")


@given(exponents)
def test_zero_is_zero_whatever_its_exponent(exponent: str) -> None:
    assert parse_amount_number(f"0{exponent}") == 0
    assert parse_amount_number(f"0.000{exponent}") == 0


@given(
    all_units, st.integers(0, 18), st.characters(categories=["Nd"], exclude_characters="0123456789")
)
@example(1683, 0, "\u0663")
def test_digits_of_other_alphabets_are_refused(units: int, position: int, digit: str) -> None:
    text = format_amount(units)
    mixed = text[:position] + digit + text[position:]
    assert outcome(parse_amount, mixed) is AmountTextError
    assert outcome(parse_amount_number, mixed) is AmountTextError


@given(st.one_of(st.text(), st.text("0159.+-eE_ \n", max_size=8)))
def test_no_other_text_than_digits_with_an_optional_point_is_an_amount(text: str) -> None:
    spelled_well = re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,4}0*)?", text)
    found = outcome(parse_amount, text)
    assert isinstance(found, Fraction) == (spelled_well is not None)


@given(st.integers(0, 10**18))
@example(0)
@example(5)
def test_cents_are_written_with_two_places(cents: int) -> None:
    text = format_cents(cents)
    assert Fraction(text) * 100 == cents
    assert re.fullmatch(r"(0|[1-9][0-9]*)\.[0-9]{2}", text)


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("16.83", 168_300),
        ("5", 50_000),
        ("7.5000", 75_000),
        ("0.0001", 1),
        ("0.00010000000000", 1),
        ("000000000000007", 70_000),
        ("999999999999999.9999", 10**19 - 1),
        ("1." + "0" * 10_000, 10_000),
    ],
)
def test_string_of_digits_is_taken(text: str, units: int) -> None:
    assert parse_amount(text) == units


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("", AmountTextError, "expected digits such as \"16.83\", found ''"),
        (".5", AmountTextError, "expected digits such as"),
        ("5.", AmountTextError, "expected digits such as"),
        ("1e3", AmountTextError, "expected digits such as"),
        ("1,5", AmountTextError, "expected digits such as"),
        ("1_000", AmountTextError, "expected digits such as"),
        (" 1", AmountTextError, "expected digits such as"),
        ("1\n", AmountTextError, "expected digits such as"),
        ("1.00 2.00", AmountTextError, "expected digits such as"),
        ("NaN", AmountTextError, "expected digits such as"),
        ("Infinity", AmountTextError, "expected digits such as"),
        ("\u22121", AmountTextError, r"found '\u22121'"),
        ("-1", AmountSignError, "expected no sign, found '-1'"),
        ("+1", AmountSignError, "expected no sign, found '+1'"),
        ("-0", AmountSignError, "expected no sign, found '-0'"),
        ("0.00001", AmountPlacesError, "at most 4 places after the point, found '0.00001'"),
        ("1.000010", AmountPlacesError, "at most 4 places after the point"),
        ("1000000000000000", AmountDigitsError, "at most 15 digits before the point"),
        ("0000000000000001", AmountDigitsError, "at most 15 digits before the point"),
        ("9" * 10_000, AmountDigitsError, "at most 15 digits before the point"),
    ],
)
def test_bad_string_is_refused_with_its_own_error(
    text: str, error: type[BadValueError], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        parse_amount(text)


@pytest.mark.parametrize(
    ("literal", "units"),
    [
        ("16.83", 168_300),
        ("1683e-2", 168_300),
        ("1683E-2", 168_300),
        ("0.1683e+2", 168_300),
        ("1e14", 10**18),
        ("10000000e-11", 1),
        ("0e999999999999", 0),
        ("0e-999999999999", 0),
        ("0.0e" + "9" * 10_000, 0),
        ("1e0000000000000000000000000002", 1_000_000),
    ],
)
def test_number_is_read_as_written(literal: str, units: int) -> None:
    assert parse_amount_number(literal) == units


@pytest.mark.parametrize("power", ["999999999", "9" * 18, "9" * 19, "9" * 10_000])
def test_hostile_exponent_costs_nothing_and_is_named_rightly(power: str) -> None:
    with pytest.raises(AmountDigitsError, match="found '1e9999"):
        parse_amount_number(f"1e{power}")
    with pytest.raises(AmountPlacesError, match="at most 4 places after the point, found '1e-99"):
        parse_amount_number(f"1e-{power}")


@pytest.mark.parametrize("sign", ["", "+", "-"])
def test_exponent_with_thousands_of_leading_zeros_is_read(sign: str) -> None:
    units = {"": 100_000, "+": 100_000, "-": 1_000}
    assert parse_amount_number(f"1e{sign}{'0' * 5_000}1") == units[sign]


@pytest.mark.parametrize(
    "literal", ["", "NaN", "Infinity", "+1", ".5", "1.", "1e", "1e+", "1.e2", "0x10", "1 ", "1\n"]
)
def test_what_is_no_number_is_refused(literal: str) -> None:
    with pytest.raises(AmountTextError, match="expected a number or a string of digits, found '"):
        parse_amount_number(literal)


def test_number_with_a_leading_zero_is_no_json_number() -> None:
    with pytest.raises(AmountTextError, match="expected a number or a string of digits"):
        parse_amount_number("01")
