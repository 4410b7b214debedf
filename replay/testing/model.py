"""A brute-force model of SPEC.md sections 2 to 4, written to be obviously right.

It shares no code with the program: it reads lines with the json module, keeps all
purchases in one list, finds networks by walking and computes with fractions.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, NamedTuple, NoReturn, TypeAlias

SPACE: Final = b" \t\r\n"
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
PURCHASES_MIN: Final = 2
LEVELS_MAX: Final = 100
LINE_BYTES_MAX: Final = 16 * 1024 * 1024


class Number(str):
    """A JSON number, as it was written."""

    __slots__ = ()


class AcceptedLine(NamedTuple):
    """An accepted line."""

    kind: str
    """purchase, befriend or unfriend."""
    time: tuple[dt.datetime, Fraction]
    """The whole second, of UTC if it has an offset, and the fraction of it."""
    users: tuple[str, ...]
    """The buyer, or the two friends."""
    amount: Fraction
    """What was paid; 0 for friendships."""
    line: bytes
    """The line itself."""
    zoned: bool
    """Whether its time has an offset."""


class Bought(NamedTuple):
    """A purchase that has happened; they sort by time and then by arrival."""

    time: tuple[dt.datetime, Fraction]
    place: int
    """How many lines came before it."""
    user: str
    amount: Fraction


class ExpectedVerdict(NamedTuple):
    """What a detector has to say of a purchase of the stream."""

    place: int
    """Its place among the lines that are not blank, the parameters' left out, from 0."""
    user: str
    """The buyer."""
    amount: Fraction
    """What was paid."""
    window: tuple[Fraction, ...]
    """The amounts of its network's last T purchases, in order."""
    flagged: bool
    """Whether it is anomalous."""
    line: bytes
    """Its line in the flagged file, with a newline, if it is flagged."""

    @property
    def mean(self) -> int:
        """The window's mean in whole cents, cut; 0 for an empty one."""
        return math.floor(_mean(self.window) * 100) if self.window else 0

    @property
    def sd(self) -> int:
        """The window's standard deviation in whole cents, cut; 0 for an empty one."""
        return math.isqrt(math.floor(_variance(self.window) * 10_000)) if self.window else 0


Rule: TypeAlias = Callable[[Fraction, Sequence[Fraction]], bool]
"""Tells of an amount and the amounts in its window whether it is anomalous."""


def anomalous(amount: Fraction, window: Sequence[Fraction]) -> bool:
    """Tell whether ``amount`` is more than mean + 3 sd of at least 2 others (section 3)."""
    if len(window) < PURCHASES_MIN:
        return False
    excess = amount - _mean(window)
    # excess > 3 * sqrt(variance), without a square root.
    return excess > 0 and excess**2 > 9 * _variance(window)


class Model:
    """What the program knows after each line, found in the simplest way there is."""

    def __init__(self, degrees: int, tracked: int, rule: Rule = anomalous) -> None:
        """Begin before the first line, with ``degrees`` for D and ``tracked`` for T."""
        self.degrees: Final = degrees
        self.tracked: Final = tracked
        self.rule: Final = rule
        self.users: Final[list[str]] = []
        """All users, in order of first appearance."""
        self.accepted = 0
        """How many lines were events."""
        self.rejected = 0
        """How many were not."""
        self.zoned: bool | None = None
        """Whether times have an offset, which the first event decides."""
        self._friendships: set[frozenset[str]] = set()
        self._purchases: list[Bought] = []

    def take(self, line: bytes, *, judged: bool) -> ExpectedVerdict | None:
        """Take a line that is not blank; return the verdict if it is a purchase to be judged."""
        place = self.accepted + self.rejected
        happening = read(line)
        if happening is None or self.zoned not in (None, happening.zoned):
            self.rejected += 1
            return None
        self.zoned = happening.zoned
        self.accepted += 1
        self.users.extend(user for user in happening.users if user not in self.users)
        if happening.kind == "befriend":
            self._friendships.add(frozenset(happening.users))
        elif happening.kind == "unfriend":
            self._friendships.discard(frozenset(happening.users))
        else:
            verdict = self._judge(happening, place) if judged else None
            bought = Bought(happening.time, place, happening.users[0], happening.amount)
            self._purchases.append(bought)
            return verdict
        return None

    def friends(self, user: str) -> set[str]:
        """Return the friends of ``user`` now."""
        return {other for pair in self._friendships if user in pair for other in pair - {user}}

    def amounts(self, user: str) -> list[Fraction]:
        """Return what ``user`` has paid for its purchases, in order of time and arrival."""
        return [bought.amount for bought in sorted(self._purchases) if bought.user == user]

    def network(self, user: str) -> set[str]:
        """Return everyone within D friendships of ``user``, who is left out."""
        reached = {user}
        for _ in range(self.degrees):
            wider = reached.union(*(pair for pair in self._friendships if pair & reached))
            if wider == reached:
                break
            reached = wider
        return reached - {user}

    def window(self, user: str) -> tuple[Fraction, ...]:
        """Return the amounts of the last T purchases in the network of ``user``, in order."""
        network = self.network(user)
        last = sorted(each for each in self._purchases if each.user in network)[-self.tracked :]
        return tuple(bought.amount for bought in last)

    def _judge(self, purchase: AcceptedLine, place: int) -> ExpectedVerdict:
        buyer = purchase.users[0]
        window = self.window(buyer)
        flagged = self.rule(purchase.amount, window)
        verdict = ExpectedVerdict(place, buyer, purchase.amount, window, flagged, b"")
        return verdict._replace(line=_flagged_line(purchase.line, verdict)) if flagged else verdict


def verdicts(
    batch: bytes,
    stream: bytes,
    degrees: int | None = None,
    tracked: int | None = None,
    rule: Rule = anomalous,
) -> list[ExpectedVerdict]:
    """Return the verdict on each purchase of the stream."""
    first, *past = read_lines(batch)
    parameters = json.loads(first)
    model = Model(degrees or int(parameters["D"]), tracked or int(parameters["T"]), rule)
    for line in past:
        model.take(line, judged=False)
    found = [model.take(line, judged=True) for line in read_lines(stream)]
    return [verdict for verdict in found if verdict is not None]


def flags(
    batch: bytes, stream: bytes, degrees: int | None = None, tracked: int | None = None
) -> list[ExpectedVerdict]:
    """Return the verdicts that flag."""
    return [each for each in verdicts(batch, stream, degrees, tracked) if each.flagged]


def flagged_purchases(
    batch: bytes, stream: bytes, degrees: int | None = None, tracked: int | None = None
) -> bytes:
    """Return what the flagged file holds after a run on both logs."""
    return b"".join(flag.line for flag in flags(batch, stream, degrees, tracked))


def read_lines(log: bytes) -> list[bytes]:
    """Return the lines of a log that are not blank, without a byte-order mark before them."""
    lines = log.removeprefix(BYTE_ORDER_MARK).split(b"\n")
    return [line for line in lines if line.strip(SPACE)]


def happenings(lines: Iterable[bytes]) -> Iterator[AcceptedLine | None]:
    """Iterate over what the lines of a history say, each as `read` does; the others are None.

    Those with times of another kind than the first event's are rejected, too.
    """
    zoned = None
    for happening in map(read, lines):
        if happening is not None and zoned is None:
            zoned = happening.zoned
        yield happening if happening is not None and happening.zoned == zoned else None


def read(line: bytes) -> AcceptedLine | None:
    """Return what a line says, or None if it breaks a rule of section 2 by itself."""
    try:
        _require(len(line) <= LINE_BYTES_MAX)
        text = line.decode("utf-8")
        _require(_levels(text) <= LEVELS_MAX)
        fields = json.loads(text, parse_int=Number, parse_float=Number, parse_constant=_refuse)
        kind = fields["event_type"]
        time, zoned = _time(fields["timestamp"])
        if kind == "purchase":
            users, amount = (_user(fields["id"]),), _amount(fields["amount"])
            return AcceptedLine(kind, time, users, amount, line, zoned)
        if kind in ("befriend", "unfriend") and not isinstance(kind, Number):
            one, other = _user(fields["id1"]), _user(fields["id2"])
            _require(one != other)
            return AcceptedLine(kind, time, (one, other), Fraction(0), line, zoned)
    except (KeyError, OverflowError, TypeError, ValueError):
        pass
    return None


def _levels(text: str) -> int:
    """Return how deep the values of an object nest: how many brackets are open within its own."""
    levels = deepest = 0
    for bracket in re.findall(r"[][{}]", re.sub(r'"(\\.|[^"\\])*"', "", text)):
        levels += 1 if bracket in "[{" else -1
        deepest = max(deepest, levels)
    return deepest - 1


def _mean(amounts: Sequence[Fraction]) -> Fraction:
    return sum(amounts, Fraction(0)) / len(amounts)


def _variance(amounts: Sequence[Fraction]) -> Fraction:
    mean = _mean(amounts)
    return sum(((amount - mean) ** 2 for amount in amounts), Fraction(0)) / len(amounts)


def _flagged_line(line: bytes, verdict: ExpectedVerdict) -> bytes:
    line = line.strip(SPACE)
    line = line.removesuffix(b"}").rstrip(SPACE)
    text = f', "mean": "{_cents(verdict.mean)}", "sd": "{_cents(verdict.sd)}"}}\n'
    return line + text.encode()


def _cents(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def _time(value: Any) -> tuple[tuple[dt.datetime, Fraction], bool]:
    """Return the time, and whether it has an offset."""
    _require(isinstance(value, str) and not isinstance(value, Number))
    match = re.fullmatch(
        r"(\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2})(?:\.(\d+))?(Z|[+-]\d{2}:?\d{2})?",
        value,
        flags=re.ASCII,
    )
    if match is None:
        raise ValueError
    digits = match[2] or "0"
    moment = dt.datetime.strptime(match[1].replace("T", " "), "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007
    if match[3] is not None:
        moment -= offset_of(match[3])
    return (moment, Fraction(int(digits), 10 ** len(digits))), match[3] is not None


def offset_of(text: str) -> dt.timedelta:
    """Return by how much a clock is ahead of UTC: ``Z``, ``+02:00``, ``+0200``."""
    offset = dt.datetime.strptime(text, "%z").utcoffset()
    _require(offset is not None)
    return offset or dt.timedelta()


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
