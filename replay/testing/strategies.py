"""Hypothesis strategies: events, lines, histories, parameters and orders of delivery.

What they draw looks like what goes wrong in practice: few users who know one another
well, equal times, late events, amounts just on the threshold, lines written in odd ways.
All of it shrinks to the log's own lines, in their plain spelling, of as few users as
matter: the simplest line is a purchase of user 1.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from hypothesis import strategies as st

from actors.orders import ChosenOrder
from events.purchases.amounts import UNITS_PER_ONE, format_amount
from events.purchases.lines import parse_line
from events.purchases.parameters import Parameters
from replay.engine.failing import WHENS, Failure
from replay.testing import model
from replay.testing.logged import LoggedHistory
from replay.testing.spelling import SPELLINGS, canonical, spelled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.purchases.event import Event

USERS: Final = ("1", "2", "3", "4", "5", "ü", 'q"\\', "é\U0001f600")
"""The ids of the users that are drawn: some need an escape, or more than a byte a letter."""

# What a history has between date and clock, and for an offset; the first is that of the
# canonical line, and of all that are written in no special way.
_STAMPS: Final = (
    *[(" ",)] * 6,
    *(("T", " "), (" Z",), ("T+02:00",), ("TZ", " Z", "T-00:00", " +23:59", "T-2359")),
)
# Those of other lines than the first event's are of the other kind, and rejected.
_MIXED_STAMPS: Final = ((" ", " ", "T", " Z"), (" +02:00", " +01:00", "T"))
_START: Final = dt.datetime(2017, 6, 13, 11, 33, tzinfo=dt.UTC)
_AHEAD: Final = (1, 2, 59)
_BEHIND: Final = (-1, -2, -61)
_FRACTIONS: Final = ("", "", "", ".5", ".50", ".000", ".123456789012345")
# Small whole amounts stand just on the threshold of one another's baseline often.
_SMALL: Final = ("0.00", "1.00", "2.00", "3.00", "4.00", "5.00")
_PLAIN: Final = ("10.01", "0.01", "16.83", "12.34", "400.00", "1601.83")
_ODD: Final = ("5", "7.5000", "16.8301", "0.0001", "999999999999999.9999", "000000000000007")
_AMOUNTS: Final = _SMALL * 5 + _PLAIN + _ODD
_amounts = st.sampled_from(_AMOUNTS)
_digits = st.integers(0, 10**8).map(lambda units: f"{units // 10_000}.{units % 10_000:04}")

BAD_LINES: Final = (
    b"not json",
    b"[]",
    b"{}",
    b"\xff\xfe",
    b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": "1"}',
    b'{"event_type":"sell", "timestamp":"2017-06-13 11:33:01", "id": "1", "amount": "1.00"}',
    b'{"event_type":"purchase", "timestamp":"2017-02-30 11:33:01", "id": "1", "amount": "1.00"}',
    b'{"event_type":"purchase", "timestamp":"2017-06-13", "id": "1", "amount": "1.00"}',
    b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01+24:00", "id": "1", "amount": "1"}',
    b'{"event_type":"purchase", "timestamp":"0001-01-01 00:30:00+01:00", "id": "1", "amount": "1"}',
    b'{"event_type":"purchase", "timestamp":"9999-12-31 23:30:00-01:00", "id": "1", "amount": "1"}',
    b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": "", "amount": "1.00"}',
    b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": 1.5, "amount": "1.00"}',
    b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": "1", "amount": "-1.00"}',
    b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": "1", "amount": "1e3"}',
    b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": "1", "amount": NaN}',
    b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": "1", "amount": 1.00001}',
    b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": "1", "amount": 1e15}',
    b'{"event_type":"befriend", "timestamp":"2017-06-13 11:33:01", "id1": "1", "id2": 1}',
    b'{"event_type":"befriend", "timestamp":"2017-06-13 11:33:01", "id1": "1", "id2": "2"',
    b'{"event_type":"befriend", "timestamp":"2017-06-13 11:33:01", "id1": "1", "id2": "2", "n": '
    + b"[" * 101
    + b"]" * 101
    + b"}",
)
"""Lines that are rejected, one for each rule of SPEC.md section 2."""


class Mix(NamedTuple):
    """What a phase of a history is made of."""

    befriending: float
    """The share of lines that begin a friendship."""
    unfriending: float
    """The share of lines that end one; the others are purchases."""


class _Line(NamedTuple):
    """A line before it is known when it happens."""

    step: int
    """By how many seconds it is after the line before."""
    fields: dict[str, str]
    """All but its timestamp."""
    fraction: str = ""
    """The fraction of a second."""
    spelling: str = "plain"
    """How it is written."""
    extra: int = 0
    """Chooses what that needs."""
    instead: bytes | None = None
    """A bad or blank line in its place."""
    close: int | None = None
    """Chooses what of its window the amount is close to, and whether it is just above."""
    vain: bool = False
    """Whether a friendship that ends need not be one that there is."""

    def at(self, clock: int, stamps: Sequence[str] = (" ",)) -> dict[str, str]:
        """Return all fields, given the seconds since the start and how times are written."""
        mark, offset = (stamp := stamps[self.extra % len(stamps)])[0], stamp[1:]
        moment = _START + dt.timedelta(seconds=clock)
        if offset:
            moment += model.offset_of(offset)
        kind, *others = self.fields.items()
        time = f"{moment:%Y-%m-%d}{mark}{moment:%H:%M:%S}{self.fraction}{offset}"
        return dict([kind, ("timestamp", time), *others])

    @property
    def plain(self) -> bytes:
        """The line as an event by itself, in its plain spelling."""
        return canonical(self.at(self.step)).encode()


# Made once: to make a strategy for each line took a quarter of the time of drawing a history.
_shares = st.integers(0, 999)
_which = st.integers(0, len(_AMOUNTS) - 1)
_moments = st.integers(0, 9_999)
_instead = st.sampled_from([*BAD_LINES, b"", b"  ", b"\t\r"])
_fractions = st.sampled_from(_FRACTIONS)
_spellings = st.sampled_from(SPELLINGS)
_extras = st.integers(0, 99)


@cache
def _places(count: int) -> st.SearchStrategy[int]:
    return st.integers(0, count - 1)


# How many thresholds an amount may be close to; the most that an amount may be.
_TARGETS: Final = 8
_UNITS_MAX: Final = 10**19 - 1

# Of a thousand lines so many are written in another way, or have a long amount.
_SPELLED: Final = 300
_LONG: Final = 40
# Of the purchases so many are on the threshold, where they are judged.
_CLOSE: Final = 150


@st.composite
def _drafts(
    draw: st.DrawFn, users: Sequence[str], mix: Mix, *, ties: float, late: float, bad: float
) -> _Line:
    """Draw a line, a plain one in four choices: so few can be deleted at once when shrinking."""
    share = draw(_shares)
    first = draw(_places(len(users)))
    buying = 1 - mix.befriending - mix.unfriending if len(users) > 1 else 1.0
    which = 0
    if share < 1000 * buying:
        which = draw(_which)
        fields = {"event_type": "purchase", "id": users[first], "amount": _AMOUNTS[which]}
    else:
        # By itself as other lines have it, for then a user is renamed in all lines at once
        # when they are shrunk.
        other = draw(_places(len(users)))
        if other == first:
            other = 0 if first else 1
        kind = "befriend" if share < 1000 * (1 - mix.unfriending) else "unfriend"
        fields = {"event_type": kind, "id1": users[first], "id2": users[other]}
    # One choice decides when it is and what is special about it, and the prime spreads the
    # latter. What comes last is rare, and all that it draws is gone when it is shrunk.
    moment = draw(_moments)
    step, left = _step(moment // 10, ties, late), (moment * 7919) % 1000
    if left >= 1000 - 1000 * bad:
        return _Line(step, fields, instead=draw(_instead))
    if left < 1000 - 1000 * bad - _SPELLED:
        return _Line(step, fields, vain=moment % 4 == 1)
    if "amount" in fields and left < 1000 - 1000 * bad - _SPELLED + _LONG:
        return _Line(step, fields | {"amount": draw(_digits)})
    if "amount" in fields and left < 1000 - 1000 * bad - _SPELLED + _LONG + _CLOSE:
        # No choice of its own: where an amount like that matters only by being more, the line
        # shrinks to a plain one.
        return _Line(step, fields, close=which % (2 * _TARGETS))
    return _Line(step, fields, draw(_fractions), draw(_spellings), draw(_extras))


def _step(share: int, ties: float, late: float) -> int:
    """Return the seconds since the line before, given a place among a thousand."""
    if share < 1000 * ties:
        return 0
    return (_BEHIND if share >= 1000 - 1000 * late else _AHEAD)[share % 3]


def amounts() -> st.SearchStrategy[str]:
    """Amounts as the logs have them: mostly small whole ones, some long, odd or in between."""
    return st.one_of(_amounts, _digits)


def parameters(
    degrees_max: int = 4, tracked: Sequence[int] = (2, 3, 5, 50)
) -> st.SearchStrategy[Parameters]:
    """D from 1 to ``degrees_max``, and T one of ``tracked``."""
    return st.builds(Parameters, st.integers(1, degrees_max), st.sampled_from(tracked))


def event_lines(users: Sequence[str] = USERS, density: float = 0.4) -> st.SearchStrategy[bytes]:
    """Lines that are accepted, in their plain spelling.

    Args:
        users: the ids that appear.
        density: the share of lines that begin or end a friendship.

    """
    mix = Mix(density * 0.75, density * 0.25)
    return _drafts(users, mix, ties=0.4, late=0.1, bad=0).map(lambda draft: draft.plain)


def events(users: Sequence[str] = USERS, density: float = 0.4) -> st.SearchStrategy[Event]:
    """Single events, with number 1; the arguments are those of `event_lines`."""
    return event_lines(users, density).map(lambda line: parse_line(line, 1))


def spellings(line: bytes) -> st.SearchStrategy[bytes]:
    """Other ways to write an accepted line: often the way it is."""
    fields = json.loads(line)
    how = st.tuples(st.sampled_from(("plain", *SPELLINGS)), st.integers(0, 99))
    return how.map(lambda spelling: spelled(fields, *spelling))


def lines(
    users: Sequence[str] = USERS, density: float = 0.4, bad: float = 0.1
) -> st.SearchStrategy[bytes]:
    """Lines of a log without newlines: written in any way, and some of them bad or blank.

    Args:
        users: the ids that appear.
        density: the share of lines that begin or end a friendship.
        bad: the share of lines that are rejected or blank.

    """
    mix = Mix(density * 0.75, density * 0.25)
    drafts = _drafts(users, mix, ties=0.4, late=0.1, bad=bad)
    return drafts.map(lambda draft: _Writer().write(draft))


@st.composite
def histories(
    draw: st.DrawFn,
    *,
    users: int | Sequence[str] = USERS,
    density: float = 0.4,
    ties: float = 0.5,
    late: float = 0.15,
    bad: float = 0.1,
    phases: int = 2,
    past_max: int = 25,
    new_max: int = 12,
    zoned: bool = True,
    drawn_parameters: st.SearchStrategy[Parameters] | None = None,
) -> LoggedHistory:
    """Whole histories of up to a few dozen lines.

    A share is what a fair die would give. Hypothesis likes what is simple and draws more
    purchases than that: of density 0.4 about a quarter of the lines are of a friendship.
    Shares of 0 and 1 are kept exactly.

    Args:
        draw: from Hypothesis, not given.
        users: how many users there are at most, or their ids.
        density: the share of lines that begin or end a friendship; a quarter end one.
        ties: the share of lines with the time of the line before.
        late: the share of lines that are older than the line before.
        bad: the share of lines that are rejected or blank.
        phases: of how many phases the past and the stream consist at most: in the first
            all is mixed, and others mostly buy, befriend or unfriend, unless ``density``
            is 0 or 1.
        past_max: how many lines the past has at most.
        new_max: how many lines the stream has at most.
        zoned: whether the times of some histories have offsets.
        drawn_parameters: D and T, by default `parameters()`.

    """
    ids = tuple(map(str, range(1, users + 1))) if isinstance(users, int) else tuple(users)
    # Mostly few, who have to do with one another.
    few = st.integers(min(2, len(ids)), min(4, len(ids)))
    ids = ids[: draw(st.one_of(few, st.integers(min(2, len(ids)), len(ids))))]
    setting = draw(parameters() if drawn_parameters is None else drawn_parameters)
    given = draw(
        st.sampled_from(
            ['{{"D":"{}", "T":"{}"}}', '{{"D": {}, "T": {}}}', ' {{"T":"{1}","D":{0}, "x":[]}} ']
        )
    )
    logs = []
    stamps = draw(_stamps(mixed=bad > 0)) if zoned else _STAMPS[0]
    writer = _Writer(model.Model(setting.degrees, setting.tracked), stamps)
    for lines_max in (past_max, new_max):
        drafts: list[_Line] = []
        mixed = Mix(density * 0.75, density * 0.25)
        others = [mixed]
        if 0 < density < 1:
            others += [Mix(density / 4, 0), Mix(0.9, 0), Mix(0.1, 0.6)]
        count = draw(st.integers(1, phases)) if phases > 1 else 1
        for phase in range(count):
            mix = draw(st.sampled_from(others)) if phase else mixed
            part = _drafts(ids, mix, ties=ties, late=late, bad=bad)
            # By itself a list is short, and what goes wrong needs several lines.
            least = draw(st.integers(0, lines_max // count // 2))
            drafts += draw(st.lists(part, min_size=least, max_size=lines_max // count))
        logs.append([writer.write(draft) for draft in drafts])
        writer.judged = True
    last = draw(st.sampled_from([b"\n", b"\n", b""]))
    past, new = logs
    first = given.format(setting.degrees, setting.tracked).encode()
    return LoggedHistory(
        b"\n".join([first, *past]) + last, b"\n".join(new) + (last if new else b"")
    )


def _stamps(*, mixed: bool) -> st.SearchStrategy[tuple[str, ...]]:
    return st.sampled_from((*_STAMPS, *_MIXED_STAMPS) if mixed else _STAMPS)


def orders(choices_max: int = 60) -> st.SearchStrategy[ChosenOrder]:
    """Orders of delivery, of up to ``choices_max`` choices that let a message overtake others.

    They shrink to few choices that are not 0; see `actors.orders.ChosenOrder`.
    """
    return st.lists(st.integers(0, 9), max_size=choices_max).map(ChosenOrder)


def failures(messages_max: int = 30) -> st.SearchStrategy[Failure]:
    """Failures of a user actor, up to ``messages_max`` messages from now on."""
    return st.builds(Failure, st.integers(0, messages_max), st.sampled_from(WHENS), st.just(1))


class _Writer:
    """Writes lines one after another, when it is known when they happen and what came before."""

    def __init__(self, told: model.Model | None = None, stamps: Sequence[str] = _STAMPS[0]) -> None:
        """Begin a history, of which ``told`` is to know, with times in one of some ways."""
        self.judged = False
        """Whether what is written is of the stream."""
        self._clock = 0
        self._fraction: str | None = None
        self._told = told
        self._stamps = stamps

    def write(self, draft: _Line) -> bytes:
        self._clock += draft.step
        if not draft.step and self._fraction is not None:
            # The same second is the same time, which may be spelled in another way.
            tied = Fraction(f"0{draft.fraction}") == Fraction(f"0{self._fraction}")
            draft = draft if tied else draft._replace(fraction=self._fraction)
        self._fraction = draft.fraction
        if draft.close is not None and self._told is not None and self.judged:
            amount = format_amount(_close_to(self._told.window(draft.fields["id"]), draft.close))
            draft = draft._replace(fields=draft.fields | {"amount": amount})
        if draft.fields["event_type"] == "unfriend" and self._told is not None and not draft.vain:
            friends = sorted(self._told.friends(draft.fields["id1"]))
            if friends and draft.fields["id2"] not in friends:
                draft = draft._replace(fields=draft.fields | {"id2": friends[0]})
        line = draft.instead
        if line is None:
            line = spelled(draft.at(self._clock, self._stamps), draft.spelling, draft.extra)
        if self._told is not None and line.strip(model.SPACE):
            self._told.take(line, judged=False)
        return line


def _close_to(window: Sequence[Fraction], which: int) -> int:
    """Return an amount that some rule may have its threshold at, or 1/10,000 more, in units.

    The first is that of SPEC.md section 3: mean + 3 sd, cut.
    """
    units = [int(amount * UNITS_PER_ONE) for amount in window] or [0]
    n, total, most, least = len(units), sum(units), max(units), min(units)
    squares = sum(unit * unit for unit in units)
    target = (
        (total + math.isqrt(9 * (n * squares - total * total))) // n,
        total // n,
        total,
        most,
        least,
        2 * most,
        3 * most,
        3 * least,
    )[which // 2]
    return min(target + which % 2, _UNITS_MAX)
