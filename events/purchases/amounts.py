"""Exact amounts: whole numbers of 1/10,000 of the currency unit (SPEC.md section 2).

ISO 4217 has no currency with more than 4 decimal places, so 4 places hold every
amount that exists, and sums and squares of whole numbers never drift.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from events.errors import BadValueError, shown

UNITS_PER_ONE: Final = 10_000
UNITS_PER_CENT: Final = UNITS_PER_ONE // 100
PLACES_MAX: Final = 4
WHOLE_DIGITS_MAX: Final = 15
UNITS_MAX: Final = 10 ** (WHOLE_DIGITS_MAX + PLACES_MAX) - 1
"""The largest amount: 999999999999999.9999."""

_TEXT = re.compile(r"([0-9]+)(?:\.([0-9]+))?")
_NUMBER = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?")
_EXPONENT_DIGITS_MAX: Final = 18


class AmountSignError(BadValueError):
    """The amount carries a sign."""


class AmountTextError(BadValueError):
    """The amount is not written as digits with an optional point and more digits."""


class AmountPlacesError(BadValueError):
    """The amount has more than 4 places after the point that are not trailing zeros."""


class AmountDigitsError(BadValueError):
    """The amount has more than 15 digits before the point."""


def parse_amount(text: str) -> int:
    """Return the amount written in the string ``text``, in units of 1/10,000.

    Raises:
        AmountSignError: it begins with a sign.
        AmountTextError: it is anything but digits, optionally a point and digits.
        AmountPlacesError: more than 4 places that are not trailing zeros.
        AmountDigitsError: more than 15 digits before the point.

    """
    match = _TEXT.fullmatch(text)
    if match is None:
        if text[:1] in ("-", "+"):
            raise AmountSignError(f"expected no sign, found {shown(text)}")
        raise AmountTextError(f'expected digits such as "16.83", found {shown(text)}')
    return _units(match[1], match[2] or "", text)


def parse_amount_number(literal: str) -> int:
    """Return the amount of the JSON number ``literal``, in units of 1/10,000.

    The literal is read as written, exponent included, never through a float.

    Raises:
        AmountSignError: it is negative.
        AmountTextError: it is not a JSON number.
        AmountPlacesError: more than 4 places that are not trailing zeros.
        AmountDigitsError: more than 15 digits before the point.

    """
    match = _NUMBER.fullmatch(literal)
    if match is None:
        raise AmountTextError(f"expected a number or a string of digits, found {shown(literal)}")
    sign, whole, fraction, exponent = match[1], match[2], match[3] or "", match[4] or "0"
    if sign:
        raise AmountSignError(f"expected no sign, found {shown(literal)}")
    digits = (whole + fraction).lstrip("0")
    trimmed = digits.rstrip("0")
    if not trimmed:
        return 0
    shift = exponent.lstrip("+-").lstrip("0") or "0"
    # Longer ones are not converted, which Python would refuse, but bounded: they
    # move any literal that fits in memory out of range.
    power = int(shift) if len(shift) <= _EXPONENT_DIGITS_MAX else 10**_EXPONENT_DIGITS_MAX
    if exponent.startswith("-"):
        power = -power
    # The value is trimmed * 10**power; both bounds are checked before any power of
    # ten is computed.
    power += len(digits) - len(trimmed) - len(fraction)
    if len(trimmed) + power > WHOLE_DIGITS_MAX:
        raise AmountDigitsError(
            f"expected at most {WHOLE_DIGITS_MAX} digits before the point, found {shown(literal)}"
        )
    if -power > PLACES_MAX:
        raise AmountPlacesError(
            f"expected at most {PLACES_MAX} places after the point, found {shown(literal)}"
        )
    return int(trimmed) * int(10 ** (power + PLACES_MAX))


def _units(whole: str, fraction: str, text: str) -> int:
    places = fraction.rstrip("0")
    if len(places) > PLACES_MAX:
        raise AmountPlacesError(
            f"expected at most {PLACES_MAX} places after the point, found {shown(text)}"
        )
    if len(whole) > WHOLE_DIGITS_MAX:
        raise AmountDigitsError(
            f"expected at most {WHOLE_DIGITS_MAX} digits before the point, found {shown(text)}"
        )
    return int(whole) * UNITS_PER_ONE + int(places.ljust(PLACES_MAX, "0"))


def format_amount(units: int) -> str:
    """Return ``units`` of 1/10,000 as text: all places that are not zero, at least two."""
    whole, part = divmod(units, UNITS_PER_ONE)
    places = f"{part:04d}"
    if places.endswith("00"):
        places = places[:2]
    elif places.endswith("0"):
        places = places[:3]
    return f"{whole}.{places}"


def format_cents(cents: int) -> str:
    """Return whole ``cents`` (1/100) as text with two places, as mean and sd are written."""
    whole, part = divmod(cents, 100)
    return f"{whole}.{part:02d}"


def amount_decimal(units: int) -> Decimal:
    """Return ``units`` of 1/10,000 in the currency unit, exactly: 168,300 is 16.83."""
    return Decimal(format_amount(units))


def cents_decimal(cents: int) -> Decimal:
    """Return whole ``cents`` in the currency unit, exactly: 2,910 is 29.10."""
    return Decimal(format_cents(cents))
