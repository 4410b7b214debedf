"""Columns of ids or keys as codes, whoever's columns they are."""

from __future__ import annotations

import sys
from collections import defaultdict
from itertools import count
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from events.data_frames import library_of
from events.errors import BadValueError
from events.journal.columns import CodeBook
from replay.intervals.values import (
    as_held,
    check_column,
    is_missing,
    listed,
    shown_value,
    whole,
    whole_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

# Numbers among so many times as many as there are rows are looked up in a table.
_SPREAD: Final = 8
_LARGE: Final = 10**30
# What pyarrow can tell apart.
_ENCODED: Final = ("string", "large_string", "int", "uint", "dictionary")


class Ids(NamedTuple):
    """A column of names."""

    names: list[str]
    """The different ones, in the order in which they come first."""
    codes: NDArray[np.int64]
    """Which of them each is; -1 where it is missing."""


def ids_in(values: Iterable[Any], name: str) -> Ids:
    """Return a column of texts, whole numbers, UUIDs, or categories of these.

    Raises:
        BadValueError: ``values`` has no order, or one does not qualify; the message has ``name``
            and the place from 0.

    """
    check_column(values, name)
    different, codes = _told_apart(values, name)
    different = as_held(different, values)
    firsts = first_rows(codes, len(different))
    in_turn = np.argsort(firsts, kind="stable")
    in_turn = in_turn[: np.count_nonzero(firsts < len(codes))]
    as_they_come = len(in_turn) == len(different) and (in_turn[1:] > in_turn[:-1]).all()
    ordered = different if as_they_come else [different[code] for code in in_turn.tolist()]
    known = _texts_at_once(ordered)
    if known is not None:
        names, numbers = known, np.arange(len(known))
        if as_they_come:
            return Ids(names, codes)
    else:
        book = CodeBook()
        numbers = np.full(len(ordered), -1)
        for place, (value, code) in enumerate(zip(ordered, in_turn.tolist(), strict=True)):
            if is_missing(value):
                continue
            try:
                numbers[place] = book[_text_of(value)]
            except BadValueError as error:
                raise BadValueError(f"{name}[{firsts[code]}]: {error}") from None
        names = list(book)
    # What is missing has the last code.
    table = np.full(len(different) + 1, -1)
    table[in_turn] = numbers
    return Ids(names, table[codes])


def first_rows(codes: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return the row in which each of ``count`` codes comes first; their number, if in none."""
    rows = np.full(count + 1, len(codes))
    # Of those that are put in one place the last one stays.
    rows[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    return rows[:count]


def _texts_at_once(different: list[Any]) -> list[str] | None:
    """Return the texts of different values of one kind, or None where it takes a look at each."""
    kinds = set(map(type, different))
    numbers: list[Any] = different
    if kinds == {float}:
        numbers = [whole(value) for value in different]
    elif kinds == {int}:
        if max(map(abs, different)) >= _LARGE:
            return None
    elif kinds != {str} and (len(kinds) > 1 or not all(map(_is_uuid, kinds))):
        return None
    if None in numbers:
        return None
    names = numbers if kinds == {str} else list(map(str, numbers))
    return None if "" in names else names


def _told_apart(values: Any, name: str) -> tuple[list[Any], NDArray[np.int64]]:
    """Return different values, and which of them each is, -1 if none; the library tells them."""
    library = library_of(values)
    if library == "pandas" and str(values.dtype) != "object":
        codes, different = values.factorize()
        return different.tolist(), codes
    if library == "polars":
        return _of_polars(values, name)
    if library == "pyarrow" and str(values.type).startswith(_ENCODED):
        if hasattr(values, "combine_chunks"):
            values = values.combine_chunks()
        encoded = values.dictionary_encode()
        codes = encoded.indices.cast("int64").fill_null(-1).to_numpy(zero_copy_only=False)
        # A dictionary that came with the column may have a value twice.
        different, own = _coded(encoded.dictionary.to_pylist())
        return different, np.append(own, -1)[codes]
    if type(values) is np.ndarray and values.dtype.kind in "iu":
        rows, codes = _numbers_apart(values)
        return values[rows].tolist(), codes
    return _listed_apart(listed(values), name)


def _of_polars(values: Any, name: str) -> tuple[list[Any], NDArray[np.int64]]:
    kind = str(values.dtype)
    texts = kind == "String"
    # There are none of 128 bits in numpy.
    is_plain = kind.startswith(("Int", "UInt", "Categorical", "Enum")) and "128" not in kind
    if not (texts or is_plain):
        return _listed_apart(listed(values), name)
    known = np.flatnonzero(values.is_not_null().to_numpy()) if values.null_count() else None
    some = values if known is None else values.drop_nulls()
    if texts:
        some = some.cast(sys.modules["polars"].Categorical)
    rows, own = _numbers_apart(some.to_physical().to_numpy())
    codes = own
    if known is not None:
        codes = np.full(len(values), -1)
        codes[known] = own
    return some.gather(rows).to_list(), codes


def _numbers_apart(numbers: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a row for each different number, and which of these each number is."""
    numbers = numbers.astype(numbers.dtype.newbyteorder("="), copy=False)
    least, most = (int(numbers.min()), int(numbers.max())) if len(numbers) else (0, 0)
    if most - least >= _SPREAD * (len(numbers) + 1):
        _, rows, codes = np.unique(numbers, return_index=True, return_inverse=True)
        return rows, codes
    if numbers.dtype == np.uint64:
        own = (numbers - np.uint64(least)).astype(np.int64)
    else:
        own = numbers.astype(np.int64) - least
    firsts = first_rows(own, most - least + 1)
    there = np.flatnonzero(firsts < len(own))
    table = np.zeros(len(firsts), np.int64)
    table[there] = np.arange(len(there))
    return firsts[there], table[own]


def _listed_apart(values: list[Any], name: str) -> tuple[list[Any], NDArray[np.int64]]:
    try:
        different, codes = _coded(values)
        # What is equal to a text is a text. Of other types some are equal, such as True and 1.
        several = set(map(type, different)) != {str} and len(set(map(type, values))) > 1
    except TypeError:
        for row, value in enumerate(values):
            if not _is_hashable(value):
                raise BadValueError(f"{name}[{row}]: {_detail(value)}") from None
        # A decimal and a number of numpy's that are equal refuse to be compared.
        several = True
    if several:
        pairs, codes = _coded(list(zip(map(type, values), values, strict=True)))
        different = [value for _, value in pairs]
    return different, codes


def _coded(values: list[Any]) -> tuple[list[Any], NDArray[np.int64]]:
    """Return the different values in the order in which they come, and which of them each is."""
    book: dict[Any, int] = defaultdict(count().__next__)
    codes = np.fromiter(map(book.__getitem__, values), np.int64, len(values))
    return list(book), codes


def _is_hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _text_of(value: Any) -> str:
    if isinstance(value, str):
        if not value:
            raise BadValueError("expected an id, found an empty string")
        # A string of numpy's becomes a plain one.
        return str(value)
    if _is_uuid(type(value)):
        return str(value)
    number = whole(value)
    if number is None:
        raise BadValueError(_detail(value))
    return whole_text(number)


def _is_uuid(kind: type) -> bool:
    # Told by its name: what makes up new ones is not to be had here.
    return any((each.__module__, each.__name__) == ("uuid", "UUID") for each in kind.__mro__)


def _detail(value: Any) -> str:
    detail = f"expected text or a whole number, found {shown_value(value)}"
    is_large = isinstance(value, float | np.floating) and value.is_integer()
    return f"{detail}, which may stand for other whole numbers, too" if is_large else detail
