"""What actors of somebody's own hold and say to one another, in words and as JSON has it.

It may be anything. A set is shown in an order of its own: that in which it stands in memory
depends on the hashes of texts, which are others in every process.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec


def value_words(value: Any) -> str:
    """Return ``value`` as Python writes it, also what is made of dict as one."""
    if isinstance(value, set | frozenset):
        inside = ", ".join(map(value_words, _in_order(value)))
        name = type(value).__name__
        return (
            f"{{{inside}}}" if inside and name == "set" else f"{name}({inside and f'{{{inside}}}'})"
        )
    if isinstance(value, dict):
        pairs = (f"{value_words(key)}: {value_words(each)}" for key, each in value.items())
        return f"{{{', '.join(pairs)}}}"
    if type(value) is list or isinstance(value, deque):
        inside = f"[{', '.join(map(value_words, value))}]"
        return inside if type(value) is list else f"deque({inside})"
    if type(value) is tuple:
        return f"({', '.join(map(value_words, value))}{',' * (len(value) == 1)})"
    if isinstance(value, msgspec.Struct):
        fields = msgspec.structs.asdict(value).items()
        told = ", ".join(f"{name}={value_words(each)}" for name, each in fields)
        return f"{type(value).__name__}({told})"
    return repr(value)


def value_fields(value: Any) -> Any:
    """Return ``value`` as JSON tells it; what JSON has no word for is text."""
    if isinstance(value, dict):
        names = [key if isinstance(key, str) else value_words(key) for key in value]
        return dict(zip(names, map(value_fields, value.values()), strict=True))
    if isinstance(value, set | frozenset):
        return list(map(value_fields, _in_order(value)))
    if isinstance(value, list | tuple | deque):
        return list(map(value_fields, value))
    if isinstance(value, msgspec.Struct):
        return {name: value_fields(each) for name, each in msgspec.structs.asdict(value).items()}
    return value if value is None or isinstance(value, bool | int | str) else repr(value)


def _in_order(values: set[Any] | frozenset[Any]) -> list[Any]:
    # Texts and whole numbers have an order; of sets, for example, "<" says something else.
    if {*map(type, values)} in ({str}, {int}):
        return sorted(values)
    return sorted(values, key=value_words)
