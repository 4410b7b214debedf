"""A brute-force model of SPEC.md sections 2 to 4, written to be obviously right.

It shares no code with the program: it reads lines with the json module, keeps all
purchases in one list, finds networks by walking and computes with fractions.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple, NoReturn

SPACE = b" \t\r\n"


class Number(str):
    """A JSON number, as it was written."""

    __slots__ = ()


class Happening(NamedTuple):
    """An accepted line."""

    kind: str
    time: tuple[dt.datetime, Fraction]
    users: tuple[str, ...]
    amount: Fraction
    line: bytes


def read_lines(log: bytes) -> list[bytes]:
    """Return the lines of a log that are not blank."""
    return [line for line in log.split(b"\n") if line.strip(SPACE)]


def read(line: bytes) -> Happening | None:
    """Return what a line says, or None if it breaks a rule of section 2."""
    try:
        fields = json.loads(
            line.decode("utf-8"), parse_int=Number, parse_float=Number, parse_constant=_refuse
        )
        kind = fields["event_type"]
        time = _time(fields["timestamp"])
        if kind == "purchase":
            return Happening(kind, time, (_user(fields["id"]),), _amount(fields["amount"]), line)
        if kind in ("befriend", "unfriend") and not isinstance(kind, Number):
            users = (_user(fields["id1"]), _user(fields["id2"]))
            _require(users[0] != users[1])
            return Happening(kind, time, users, Fraction(0), line)
    except (KeyError, TypeError, ValueError):
        pass
    return None


class Flag(NamedTuple):
    """A flagged purchase."""

    place: int
    """Its place among the lines of both logs that are not blank, the parameters' left out."""
    purchases: int
    """How many purchases were in the window."""
    line: bytes
    """Its line in the flagged file, with a newline."""


def flagged_purchases(
    batch: bytes, stream: bytes, degrees: int | None = None, tracked: int | None = None
) -> bytes:
    """Return what the flagged file holds after a run on both logs."""
    return b"".join(flag.line for flag in flags(batch, stream, degrees, tracked))


def flags(
    batch: bytes, stream: bytes, degrees: int | None = None, tracked: int | None = None
) -> list[Flag]:
    """Return the flagged purchases of a run on both logs."""
    first, *past = read_lines(batch)
    parameters = json.loads(first)
    degrees = degrees or int(parameters["D"])
    tracked = tracked or int(parameters["T"])
    friendships: set[frozenset[str]] = set()
    purchases: list[tuple[tuple[dt.datetime, Fraction], int, str, Fraction]] = []
    found: list[Flag] = []
    for place, line in enumerate(past + read_lines(stream)):
        happening = read(line)
        if happening is None:
            continue
        if happening.kind == "befriend":
            friendships.add(frozenset(happening.users))
        elif happening.kind == "unfriend":
            friendships.discard(frozenset(happening.users))
        else:
            buyer = happening.users[0]
            if place >= len(past):
                network = _network(buyer, degrees, friendships)
                window = sorted(p for p in purchases if p[2] in network)[-tracked:]
                written = _judge(happening, [p[3] for p in window])
                if written:
                    found.append(Flag(place, len(window), written))
            purchases.append((happening.time, place, buyer, happening.amount))
    return found


def _network(buyer: str, degrees: int, friendships: set[frozenset[str]]) -> set[str]:
    reached = {buyer}
    for _ in range(degrees):
        wider = reached.union(*(pair for pair in friendships if pair & reached))
        if wider == reached:
            break
        reached = wider
    return reached - {buyer}


def _judge(purchase: Happening, amounts: list[Fraction]) -> bytes:
    if len(amounts) < 2:
        return b""
    mean = sum(amounts, Fraction(0)) / len(amounts)
    variance = sum(((amount - mean) ** 2 for amount in amounts), Fraction(0)) / len(amounts)
    excess = purchase.amount - mean
    # excess > 3 * sqrt(variance), without a square root.
    if not (excess > 0 and excess**2 > 9 * variance):
        return b""
    cents_sd = math.isqrt(math.floor(variance * 10_000))
    line = purchase.line.strip(SPACE)
    assert line.endswith(b"}")
    line = line[:-1].rstrip(SPACE)
    text = f', "mean": "{_cents(math.floor(mean * 100))}", "sd": "{_cents(cents_sd)}"}}\n'
    return line + text.encode()


def _cents(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def _time(value: Any) -> tuple[dt.datetime, Fraction]:
    _require(isinstance(value, str) and not isinstance(value, Number))
    match = re.fullmatch(
        r"(\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2})(?:\.(\d+))?", value, flags=re.ASCII
    )
    _require(match is not None)
    assert match is not None
    digits = match[2] or "0"
    moment = dt.datetime.strptime(match[1], "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007
    return moment, Fraction(int(digits), 10 ** len(digits))


def _user(value: Any) -> str:
    _require(isinstance(value, str))
    if isinstance(value, Number):
        return str(int(value))
    _require(value != "")
    value.encode()  # Half a surrogate pair is no text.
    return str(value)


def _amount(value: Any) -> Fraction:
    _require(isinstance(value, str))
    if not isinstance(value, Number):
        _require(re.fullmatch(r"[0-9]{1,15}(\.[0-9]+)?", value) is not None)
    _require(not value.startswith("-"))
    amount = Fraction(Decimal(value))
    _require(amount < 10**15 and (amount * 10_000).denominator == 1)
    return amount


def _require(condition: object) -> None:
    if not condition:
        raise ValueError


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
