"""Columns as people have them: lists, and those of numpy, pandas, polars and pyarrow."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal
from numbers import Real
from operator import index
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from events.errors import BadValueError, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

_MISSING: Final = {"NoneType", "NaTType", "NAType"}


def check_column(values: Iterable[Any], name: str) -> None:
    """Refuse what has no order, so that which id belongs to which time would be left to chance.

    Raises:
        BadValueError: it is a set or a mapping, or a table.

    """
    kind = type(values).__name__
    if isinstance(values, AbstractSet | Mapping | str | bytes) or getattr(values, "ndim", 1) != 1:
        raise BadValueError(f"{name}: expected a column, found a {kind}")
    if kind in {"DataFrame", "Table", "RecordBatch", "LazyFrame"}:
        raise BadValueError(f"{name}: expected a column, found a {kind}; take one of its columns")


def listed(values: Iterable[Any]) -> list[Any]:
    """Return the values of a column; those of a library's as Python's own, at once."""
    if isinstance(values, list):
        return values
    for name in ("to_pylist", "tolist", "to_list"):
        if hasattr(values, name):
            found: list[Any] = getattr(values, name)()
            return found
    return list(values)


def is_missing(value: Any) -> bool:
    """Tell whether that is what stands where a value is missing: None, NaN, NaT or NA."""
    kind = type(value)
    if kind is str or kind is int:
        return False
    if kind.__name__ in _MISSING:
        return True
    if isinstance(value, Decimal):
        return value.is_nan()
    # Of all numbers and times those alone are not equal to themselves.
    return isinstance(value, Real | np.datetime64) and bool(value != value)  # noqa: PLR0124


def whole(value: Any) -> int | None:
    """Return a whole number of any type, or None for another value.

    A float counts as one where no other whole number can have become that float, too.
    """
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, float | np.floating):
        bound = 2 ** (int(np.finfo(type(value)).nmant) + 1)
        return int(value) if value.is_integer() and abs(value) < bound else None
    if isinstance(value, Decimal):
        # Its exponent may be one that no memory is for.
        small = value.is_finite() and value.adjusted() < _DIGITS_MAX
        return int(value) if small and value == value.to_integral_value() else None
    try:
        return index(value)
    except TypeError:
        return None


_DIGITS_MAX: Final = 600
_WHOLE_BOUND: Final = 10**_DIGITS_MAX


def whole_text(value: int) -> str:
    """Return the text of a whole number, of as many digits as any Python writes out.

    Raises:
        BadValueError: it has more.

    """
    if abs(value) >= _WHOLE_BOUND:
        raise BadValueError(
            f"expected text, or a whole number of at most {_DIGITS_MAX} digits, found more"
        )
    return str(value)


def shown_value(value: Any) -> str:
    """Return a value of any type as messages show it."""
    return shown(repr(value))
