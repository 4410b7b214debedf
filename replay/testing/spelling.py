"""The ways in which the line of an event may be written."""

from __future__ import annotations

import json
import re
from typing import Final

_NUMBERS: Final = ("16.83", "5", "1e3", "1683E-2", "0.5e+1", "0", "0e999999")
SPELLINGS: Final = ("plain", "spaced", "escaped", "reversed", "noted", "numbers")
"""Their names."""
_NOTES: Final = ("", "a", "\u00fc", '\\"', "\u2028", "\U0001f600 ")
# An id that is the same user as a number: 01 is another one than 1.
_NUMERAL: Final = re.compile(r"0|[1-9][0-9]*")


def canonical(fields: dict[str, str]) -> str:
    """Return the line of these ``fields`` as the logs have it."""
    kind, stamp, *others = fields.values()
    names = list(fields)[2:]
    first, second = (json.dumps(value, ensure_ascii=False) for value in others)
    head = f'{{"event_type":"{kind}", "timestamp":"{stamp}"'
    return f'{head}, "{names[0]}": {first}, "{names[1]}": {second}}}'


def spelled(fields: dict[str, str], spelling: str, extra: int) -> bytes:
    """Return the line of these ``fields`` in one of `SPELLINGS`; ``extra`` chooses more."""
    text = canonical(fields)
    if spelling == "escaped":
        return json.dumps(fields).encode()
    if spelling == "reversed":
        return json.dumps(dict(reversed(fields.items())), separators=(",", ":")).encode()
    if spelling == "noted":
        return json.dumps(fields | {"note": _NOTES[extra % len(_NOTES)], "n": 1}).encode()
    if spelling == "spaced":
        before, after = ("", " ", "\t")[extra % 3], ("", " ", "\t", " \r", "\r")[extra % 5]
        return (before + text[:-1] + " }" + after).encode()
    if spelling == "numbers":
        numbers = {k: v for k, v in fields.items() if k.startswith("id") and _NUMERAL.fullmatch(v)}
        written = json.dumps(fields | {k: int(v) for k, v in numbers.items()})
        amount = f'"amount": {json.dumps(fields.get("amount"))}'
        return written.replace(amount, f'"amount": {_NUMBERS[extra % len(_NUMBERS)]}').encode()
    return text.encode()
