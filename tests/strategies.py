"""Hypothesis strategies for logs: small dense networks with all that can go wrong."""

from __future__ import annotations

import json
from typing import NamedTuple

from hypothesis import strategies as st

USERS = ("1", "2", "3", "4", "5", "ü", 'q"\\', "é\U0001f600")

_seconds = st.sampled_from(["00", "00", "01", "02", "59"])
_fractions = st.sampled_from(["", "", "", ".5", ".50", ".000", ".123456789012345"])
times = st.builds("2017-06-13 11:33:{}{}".format, _seconds, _fractions)

_plain_amounts = st.sampled_from(["10.00", "10.01", "0.00", "0.01", "16.83", "1601.83", "400.00"])
_odd_amounts = st.sampled_from(
    ["5", "7.5000", "16.8301", "0.0001", "999999999999999.9999", "000000000000007", "12.340000000"]
)
_digits = st.integers(0, 10**8).map(lambda units: f"{units // 10_000}.{units % 10_000:04}")
amounts = st.one_of(_plain_amounts, _plain_amounts, _odd_amounts, _digits)
_numbers = st.sampled_from(["16.83", "5", "1e3", "1683E-2", "0.5e+1", "0", "0e999999"])


class Logs(NamedTuple):
    """A batch log and a stream log."""

    batch: bytes
    stream: bytes


def _canonical(fields: dict[str, str]) -> str:
    kind = fields["event_type"]
    names = ("id", "amount") if kind == "purchase" else ("id1", "id2")
    first, second = (json.dumps(fields[name], ensure_ascii=False) for name in names)
    head = f'{{"event_type":"{kind}", "timestamp":"{fields["timestamp"]}"'
    return f'{head}, "{names[0]}": {first}, "{names[1]}": {second}}}'


@st.composite
def events(draw: st.DrawFn, users: tuple[str, ...] = USERS) -> str:
    """Draw the canonical text of an event."""
    kind = draw(st.sampled_from(["purchase"] * 4 + ["befriend"] * 3 + ["unfriend"]))
    fields = {"event_type": kind, "timestamp": draw(times)}
    if kind == "purchase":
        fields |= {"id": draw(st.sampled_from(users)), "amount": draw(amounts)}
    else:
        user1, user2 = draw(st.lists(st.sampled_from(users), min_size=2, max_size=2, unique=True))
        fields |= {"id1": user1, "id2": user2}
    return _canonical(fields)


@st.composite
def spellings(draw: st.DrawFn, text: str) -> bytes:
    """Draw another way to write the event ``text``, mostly the way it is."""
    how = draw(st.integers(0, 11))
    fields = json.loads(text)
    if how == 0:
        return json.dumps(fields).encode()
    if how == 1:
        return json.dumps(dict(reversed(fields.items())), separators=(",", ":")).encode()
    if how == 2:
        return json.dumps(fields | {"note": draw(st.text(max_size=5)), "n": 1}).encode("utf-8")
    if how == 3:
        space = draw(st.sampled_from([" ", "\t", " \r", "\r"]))
        return (draw(st.sampled_from(["", " ", "\t"])) + text[:-1] + " }" + space).encode()
    if how == 4:
        numbers = {k: v for k, v in fields.items() if k.startswith("id") and v.isdecimal()}
        spelled = json.dumps(fields | {k: int(v) for k, v in numbers.items()})
        if "amount" in fields:
            spelled = spelled.replace(
                f'"amount": {json.dumps(fields["amount"])}', f'"amount": {draw(_numbers)}'
            )
        return spelled.encode()
    return text.encode()


BAD_LINES = (
    b"not json",
    b"[]",
    b"{}",
    b"\xff\xfe",
    b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": "1"}',
    b'{"event_type":"sell", "timestamp":"2017-06-13 11:33:01", "id": "1", "amount": "1.00"}',
    b'{"event_type":"purchase", "timestamp":"2017-02-30 11:33:01", "id": "1", "amount": "1.00"}',
    b'{"event_type":"purchase", "timestamp":"2017-06-13", "id": "1", "amount": "1.00"}',
    b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": "", "amount": "1.00"}',
    b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": 1.5, "amount": "1.00"}',
    b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": "1", "amount": "-1.00"}',
    b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": "1", "amount": "1e3"}',
    b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": "1", "amount": NaN}',
    b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": "1", "amount": 1.00001}',
    b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": "1", "amount": 1e15}',
    b'{"event_type":"befriend", "timestamp":"2017-06-13 11:33:01", "id1": "1", "id2": 1}',
    b'{"event_type":"befriend", "timestamp":"2017-06-13 11:33:01", "id1": "1", "id2": "2"',
)


@st.composite
def lines(draw: st.DrawFn, users: tuple[str, ...] = USERS) -> bytes:
    """Draw a line: mostly an event, now and then a bad or a blank one."""
    how = draw(st.integers(0, 19))
    if how == 0:
        return draw(st.sampled_from(BAD_LINES))
    if how == 1:
        return draw(st.sampled_from([b"", b"  ", b"\t\r"]))
    return draw(spellings(draw(events(users))))


@st.composite
def logs(draw: st.DrawFn, past_max: int = 25, new_max: int = 12) -> Logs:
    """Draw a batch and a stream of a few users who know one another well."""
    users = USERS[: draw(st.integers(2, len(USERS)))]
    parameters = draw(
        st.sampled_from(
            ['{{"D":"{}", "T":"{}"}}', '{{"D": {}, "T": {}}}', ' {{"T":"{1}","D":{0}, "x":[]}} ']
        )
    ).format(draw(st.integers(1, 4)), draw(st.sampled_from([2, 2, 3, 5, 50])))
    past = draw(st.lists(lines(users), max_size=past_max))
    new = draw(st.lists(lines(users), max_size=new_max))
    last = draw(st.sampled_from([b"\n", b"\n", b""]))
    return Logs(
        b"\n".join([parameters.encode(), *past]) + last, b"\n".join(new) + (last if new else b"")
    )
