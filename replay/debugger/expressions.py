"""Expressions over the fields of an event and its verdict: what `print` and `break if` take.

They have names of fields, numbers, texts in quotes, ``+ - * /``, comparisons (``=`` is ``==``),
``and``, ``or``, ``not`` and parentheses, as Python has them, and nothing else: nothing in them
is called, and numbers are exact.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import partial
from operator import add, eq, ge, gt, le, lt, mul, ne, sub, truediv
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from events.errors import shown
from events.escapes import plain
from replay.arguments import did_you_mean
from replay.debugger.commands import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

Value: TypeAlias = "Fraction | str | bool"
Formula: TypeAlias = "Callable[[Mapping[str, Value]], Value]"

COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    ">": gt,
    ">=": ge,
    "<": lt,
    "<=": le,
    "=": eq,
    "==": eq,
    "!=": ne,
}
"""What each sign tells of two values."""

NUMBER: Final = re.compile(r"-?[0-9]{1,100}(?:\.[0-9]{1,100})?")
"""A number as it is typed."""

_LENGTH_MAX: Final = 1_000
_DEPTH_MAX: Final = 50
_PLACES: Final = 6
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<number>[0-9]+(?:\.[0-9]+)?)|(?P<name>[A-Za-z_]\w*)
    |(?P<text>'[^']*'|"[^"]*")|(?P<sign>[<>=!]=|[-+*/()<>=]))""",
    re.VERBOSE,
)
_ARITHMETIC: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": add,
    "-": sub,
    "*": mul,
    "/": truediv,
}
_WORDS: Final = {"true": True, "false": False, "True": True, "False": False}


class MissingFieldError(CommandError):
    """An event has no such field; another one may have."""


class NoQuotientError(CommandError):
    """A divisor is 0 of this event; of another one it may be another."""


class Expression:
    """What somebody has typed, to be worked out for any event.

    Raises:
        CommandError: it is none, or names a field that no event has.

    """

    def __init__(self, text: str, names: Collection[str]) -> None:
        """Read ``text``, in which ``names`` may stand."""
        self.text: Final = " ".join(text.split()) if "'" not in text and '"' not in text else text
        """What was typed."""
        if len(text) > _LENGTH_MAX:
            raise CommandError(f"expected an expression of at most {_LENGTH_MAX} characters")
        self._names: Final = names
        self._tokens: Final = _tokens(text)
        self._place = 0
        self._depth = 0
        self._formula: Final = self._either()
        if self._place < len(self._tokens):
            raise self._unexpected("an operator")

    def of(self, fields: Mapping[str, Value]) -> Value:
        """Return what it comes to.

        Raises:
            MissingFieldError: there is no such field.
            CommandError: the values cannot be put together so.

        """
        return self._formula(fields)

    def holds(self, fields: Mapping[str, Value]) -> bool:
        """Tell whether it is true of an event; of one that lacks a field or a quotient it is not.

        Raises:
            CommandError: the values cannot be put together so.

        """
        try:
            return bool(self._formula(fields))
        except (MissingFieldError, NoQuotientError):
            return False

    # Reading: each takes what binds more tightly than the one before.

    def _either(self) -> Formula:
        formula = self._both()
        while self._next("or"):
            formula = _or(formula, self._both())
        return formula

    def _both(self) -> Formula:
        formula = self._negated()
        while self._next("and"):
            formula = _and(formula, self._negated())
        return formula

    def _negated(self) -> Formula:
        if self._next("not"):
            formula = self._deeper(self._negated)
            return lambda fields: not formula(fields)
        return self._compared()

    def _compared(self) -> Formula:
        formula = self._sum()
        if sign := self._next(*COMPARISONS):
            return partial(_compare, sign, formula, self._sum())
        return formula

    def _sum(self) -> Formula:
        formula = self._product()
        while sign := self._next("+", "-"):
            formula = partial(_calculate, sign, formula, self._product())
        return formula

    def _product(self) -> Formula:
        formula = self._single()
        while sign := self._next("*", "/"):
            formula = partial(_calculate, sign, formula, self._single())
        return formula

    def _single(self) -> Formula:
        if self._next("-"):
            return partial(_calculate, "-", lambda _: Fraction(0), self._deeper(self._single))
        if self._next("("):
            formula = self._deeper(self._either)
            if not self._next(")"):
                raise self._unexpected("a )")
            return formula
        if self._place == len(self._tokens):
            raise self._unexpected("a value")
        kind, word = self._tokens[self._place]
        self._place += 1
        if kind == "number":
            return _constant(Fraction(word))
        if kind == "text":
            return _constant(word[1:-1])
        if word in _WORDS:
            return _constant(_WORDS[word])
        if word in self._names:
            return partial(_field, word)
        self._place -= 1
        if kind == "name":
            known = ", ".join(self._names)
            hint = did_you_mean(word, self._names) or f"; there are {known}"
            raise CommandError(f"expected a field, found {shown(word)}{hint}")
        raise self._unexpected("a value")

    def _next(self, *words: str) -> str:
        """Take the next token if it is one of ``words``, and return it."""
        if self._place < len(self._tokens):
            kind, word = self._tokens[self._place]
            if word in words and kind != "text":
                self._place += 1
                return word
        return ""

    def _deeper(self, read: Callable[[], Formula]) -> Formula:
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            raise CommandError(f"expected at most {_DEPTH_MAX} levels in an expression, found more")
        formula = read()
        self._depth -= 1
        return formula

    def _unexpected(self, expected: str) -> CommandError:
        rest = " ".join(word for _, word in self._tokens[self._place :])
        return CommandError(
            f"expected {expected} in the expression, found {shown(rest) if rest else 'its end'}"
        )


def value_text(value: Value) -> str:
    """Return a value as it is shown; a number exactly, or cut to six places behind the point."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return plain(value)
    scaled = abs(value) * 10**_PLACES
    whole, places = divmod(scaled.numerator // scaled.denominator, 10**_PLACES)
    fraction = f"{places:0{_PLACES}}".rstrip("0")
    text = f"{'-' if value < 0 else ''}{whole}{f'.{fraction}' if fraction else ''}"
    return text if scaled.denominator == 1 else f"{text}..."


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    place = 0
    text = text.rstrip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise CommandError(
                "expected an expression such as amount > mean + 2 * sd, found "
                f"{shown(text[place:])}"
            )
        kind = str(match.lastgroup)
        found.append((kind, match[kind]))
        place = match.end()
    return found


def _constant(value: Value) -> Formula:
    return lambda _fields: value


def _field(name: str, fields: Mapping[str, Value]) -> Value:
    try:
        return fields[name]
    except KeyError:
        has = ", ".join(fields)
        raise MissingFieldError(f"expected an event with {name}, found one with {has}") from None


def _or(one: Formula, other: Formula) -> Formula:
    return lambda fields: bool(one(fields)) or bool(other(fields))


def _and(one: Formula, other: Formula) -> Formula:
    return lambda fields: bool(one(fields)) and bool(other(fields))


def _compare(sign: str, one: Formula, other: Formula, fields: Mapping[str, Value]) -> bool:
    return compare(sign, one(fields), other(fields))


def compare(sign: str, one: Value, other: Value) -> bool:
    """Tell how two values compare; an id is the same as a number or as a text.

    Raises:
        CommandError: one is a text, and the other none.

    """
    if isinstance(one, str) != isinstance(other, str):
        if COMPARISONS[sign] not in (eq, ne):
            raise CommandError(
                f"expected two numbers or two texts for {sign}, found {_kind(one)} and "
                f"{_kind(other)}"
            )
        one, other = (each if isinstance(each, str) else value_text(each) for each in (one, other))
    return COMPARISONS[sign](one, other)


def _calculate(sign: str, one: Formula, other: Formula, fields: Mapping[str, Value]) -> Value:
    left, right = one(fields), other(fields)
    for value in (left, right):
        if not isinstance(value, Fraction):
            raise CommandError(f"expected numbers for {sign}, found {_kind(value)}")
    if sign == "/" and not right:
        raise NoQuotientError("expected another divisor, found 0")
    result: Fraction = _ARITHMETIC[sign](left, right)
    return result


def _kind(value: Value) -> str:
    if isinstance(value, Fraction):
        return f"the number {value_text(value)}"
    return shown(value) if isinstance(value, str) else value_text(value)
