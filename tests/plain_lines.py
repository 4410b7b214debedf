"""Lines of the logs in their plain spelling, and logs made of lines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def purchase(user: str, amount: str = "1.00", second: int = 1) -> bytes:
    """Return the line of a purchase, without a newline; ``second`` is of a certain minute."""
    return (
        f'{{"event_type":"purchase", "timestamp":"2017-06-13 11:33:{second:02}", '
        f'"id": {json.dumps(user)}, "amount": "{amount}"}}'
    ).encode()


def friendship(one: str, other: str, kind: str = "befriend", second: int = 1) -> bytes:
    """Return the line of a friendship that begins or, of ``kind`` unfriend, ends."""
    return (
        f'{{"event_type":"{kind}", "timestamp":"2017-06-13 11:33:{second:02}", '
        f'"id1": {json.dumps(one)}, "id2": {json.dumps(other)}}}'
    ).encode()


def log_of(lines: Iterable[bytes]) -> bytes:
    """Return a log of ``lines``, each with a newline."""
    return b"".join(line + b"\n" for line in lines)
