"""A line is an event or is rejected for exactly one reason (SPEC.md section 2)."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from events.logs.objects import BadLineError, Reason
from events.purchases.event import Befriend, Purchase, Unfriend, line_of, render
from events.purchases.lines import parse_line
from replay.testing.strategies import BAD_LINES, event_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from events.purchases.event import Event
    from events.times.timestamps import Zone

TIME = "2017-06-13 11:33:01"


def purchase(**values: str) -> bytes:
    """Return the line of a purchase; ``values`` are JSON texts that replace or follow its own."""
    own = {"timestamp": f'"{TIME}"', "id": '"1"', "amount": '"16.83"'}
    return written({"event_type": '"purchase"'} | own | values)


def befriend(**values: str) -> bytes:
    """Return the line of a new friendship, with ``values`` as in `purchase`."""
    own = {"timestamp": f'"{TIME}"', "id1": '"1"', "id2": '"2"'}
    return written({"event_type": '"befriend"'} | own | values)


def written(values: dict[str, str]) -> bytes:
    tight = ("event_type", "timestamp")  # the challenge's logs have no space after these
    pairs = (f'"{name}":{"" if name in tight else " "}{values[name]}' for name in values)
    return f"{{{', '.join(pairs)}}}".encode()


def without(line: bytes, name: str) -> bytes:
    return re.sub(rb'"%b": ?"[^"]*"(, )?' % name.encode(), b"", line).replace(b", }", b"}")


def outcome(line: bytes) -> Event | BadLineError:
    """Return the event in ``line``, or the error with which it is rejected."""
    try:
        return parse_line(line, 1)
    except BadLineError as error:
        return error


NO_JSON = "expected one JSON object, found no JSON: '"
EXAMPLES = [
    (Reason.NOT_UTF8, b"\xff\xfe", "expected UTF-8, found byte 0xff at column 1"),
    (Reason.NOT_UTF8, purchase(note='"?"').replace(b"?", b"\xe2\x98"), "found byte 0xe2 at column"),
    (Reason.NOT_UTF8, purchase(note='"?"').replace(b"?", b"\xed\xa0\x80"), "found byte 0xed"),
    (Reason.NOT_JSON, b"not json", NO_JSON),
    (Reason.NOT_JSON, b"", NO_JSON),
    (Reason.NOT_JSON, purchase()[:-1], NO_JSON),
    (Reason.NOT_JSON, purchase() + b" {}", NO_JSON),
    (Reason.NOT_JSON, purchase() + purchase(), NO_JSON),
    (Reason.NOT_JSON, purchase() + b"\x00", NO_JSON),
    (Reason.NOT_JSON, b"\xef\xbb\xbf" + purchase(), NO_JSON),
    (Reason.NOT_JSON, purchase(amount="NaN"), NO_JSON),
    (Reason.NOT_JSON, purchase(amount="016.83"), NO_JSON),
    (Reason.NOT_JSON, purchase(id='"a\tb"'), NO_JSON),
    (Reason.NOT_JSON, purchase(note='"\\x"'), NO_JSON),
    (Reason.NOT_JSON, purchase(note="[1,]"), NO_JSON),
    (Reason.NOT_JSON, purchase(note="\\ud800"), NO_JSON),
    (Reason.NOT_JSON, purchase(amount="5\\ud800"), NO_JSON),
    (Reason.NOT_JSON, purchase(note='"\\ud8zz"'), NO_JSON),
    (Reason.NOT_JSON, purchase(note='"\\ud8"'), NO_JSON),
    (Reason.NESTED_TOO_DEEP, purchase(note="[" * 10**5), "at most 100 levels deep, found another"),
    (Reason.NOT_OBJECT, b"[]", "expected one JSON object, found '[]'"),
    (Reason.NOT_OBJECT, b"16.83", "expected one JSON object, found '16.83'"),
    (Reason.NOT_OBJECT, b"null", "expected one JSON object, found 'null'"),
    (Reason.NOT_OBJECT, b'"purchase"', "expected one JSON object, found '\"purchase\"'"),
    (Reason.KEY_MISSING, b"{}", "expected the key 'event_type', found none"),
    (Reason.KEY_MISSING, without(purchase(), "timestamp"), "expected the key 'timestamp'"),
    (Reason.KEY_MISSING, without(purchase(), "id"), "expected the key 'id'"),
    (Reason.KEY_MISSING, without(purchase(), "amount"), "expected the key 'amount'"),
    (Reason.KEY_MISSING, without(befriend(), "id1"), "expected the key 'id1'"),
    (Reason.KEY_MISSING, without(befriend(), "id2"), "expected the key 'id2'"),
    (Reason.EVENT_TYPE, purchase(event_type='"sell"'), 'event_type: expected "purchase", '),
    (Reason.EVENT_TYPE, purchase(event_type='"Purchase"'), "found 'Purchase'"),
    (Reason.EVENT_TYPE, purchase(event_type="null"), "found 'null'"),
    (Reason.EVENT_TYPE, purchase(event_type='["purchase"]'), "found '[\"purchase\"]'"),
    (Reason.TIMESTAMP_SHAPE, purchase(timestamp='"2017-06-13"'), "timestamp: expected YYYY-MM-DD"),
    (Reason.TIMESTAMP_SHAPE, befriend(timestamp='""'), "HH:MM:SS, found ''"),
    (Reason.TIMESTAMP_SHAPE, purchase(timestamp="1497353581"), "found '1497353581'"),
    (Reason.TIMESTAMP_DATE, purchase(timestamp='"2017-02-29 11:33:01"'), "timestamp: expected a"),
    (Reason.TIMESTAMP_DATE, befriend(timestamp='"2017-06-13 24:00:00"'), "real date and time"),
    (Reason.ID_TYPE, purchase(id="1.0"), "id: expected a string or an integer, found '1.0'"),
    (Reason.ID_TYPE, purchase(id="1e2"), "id: expected a string or an integer, found '1e2'"),
    (Reason.ID_TYPE, purchase(id="null"), "id: expected a string or an integer, found 'null'"),
    (Reason.ID_TYPE, befriend(id1="true"), "id1: expected a string or an integer, found 'true'"),
    (
        Reason.ID_TYPE,
        befriend(id2='["2"]'),
        "id2: expected a string or an integer, found '[\"2\"]'",
    ),
    (Reason.ID_EMPTY, purchase(id='""'), "id: expected a user, found an empty string"),
    (Reason.ID_EMPTY, befriend(id1='""', id2='""'), "id1: expected a user, found an empty"),
    (Reason.ID_EMPTY, befriend(id2='""'), "id2: expected a user, found an empty string"),
    (Reason.ID_NOT_TEXT, purchase(id='"\\ud800"'), "id: expected text of whole characters"),
    (Reason.ID_NOT_TEXT, befriend(id2='"\\udc00x"'), "id2: expected text of whole characters"),
    (Reason.SELF_FRIEND, befriend(id2='"1"'), "expected two different users, found '1' twice"),
    (Reason.SELF_FRIEND, befriend(id2="1"), "expected two different users, found '1' twice"),
    (Reason.SELF_FRIEND, befriend(id2='"\\u0031"', event_type='"unfriend"'), "found '1' twice"),
    (Reason.AMOUNT_TYPE, purchase(amount="null"), "amount: expected a number or a string, found"),
    (Reason.AMOUNT_TYPE, purchase(amount="true"), "amount: expected a number or a string, found"),
    (Reason.AMOUNT_TYPE, purchase(amount="[16.83]"), "found '[16.83]'"),
    (Reason.AMOUNT_SIGN, purchase(amount="-16.83"), "amount: expected no sign, found '-16.83'"),
    (Reason.AMOUNT_SIGN, purchase(amount="-0"), "amount: expected no sign, found '-0'"),
    (Reason.AMOUNT_SIGN, purchase(amount='"+16.83"'), "amount: expected no sign, found '+16.83'"),
    (Reason.AMOUNT_TEXT, purchase(amount='""'), 'amount: expected digits such as "16.83"'),
    (Reason.AMOUNT_TEXT, purchase(amount='"1e3"'), "found '1e3'"),
    (Reason.AMOUNT_TEXT, purchase(amount='"NaN"'), "found 'NaN'"),
    (Reason.AMOUNT_TEXT, purchase(amount='"1.00 2.00"'), "found '1.00 2.00'"),
    (Reason.AMOUNT_PLACES, purchase(amount="0.00001"), "amount: expected at most 4 places after"),
    (Reason.AMOUNT_PLACES, purchase(amount='"0.00001"'), "amount: expected at most 4 places"),
    (Reason.AMOUNT_PLACES, purchase(amount="1e-999999999"), "found '1e-999999999'"),
    (Reason.AMOUNT_DIGITS, purchase(amount="1e15"), "amount: expected at most 15 digits before"),
    (Reason.AMOUNT_DIGITS, purchase(amount='"1000000000000000"'), "at most 15 digits before"),
    (Reason.AMOUNT_DIGITS, purchase(amount="1e999999999"), "found '1e999999999'"),
    (Reason.AMOUNT_DIGITS, purchase(amount="9" * 5_000), "found '99999"),
]


@st.composite
def near_misses(draw: st.DrawFn) -> bytes:
    """Draw a line with a few bytes changed, doubled or taken out."""
    line = draw(st.one_of(event_lines(), st.sampled_from(BAD_LINES)))
    keys = [b'"id": 7, ', b'"timestamp":"", ', b'"event_type":"unfriend", ']
    escapes = [b"\\u00", b"\\ud8", b"\\udc00"]
    tokens = [b"", b"e9", *keys, *escapes, *(bytes([byte]) for byte in b'"\\{}0-,\xc3')]
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(line)))
        end = start + draw(st.sampled_from([0, 0, 1, 5]))
        line = line[:start] + draw(st.sampled_from(tokens)) + line[end:]
    return line


any_lines = st.one_of(st.binary(), st.text().map(str.encode), near_misses())


@given(any_lines)
@example(purchase(amount=f"1e{'0' * 5_000}1"))
@example(purchase(id="1" * 5_000))
@example(b'{"a":' * 100_000)
def test_any_bytes_are_an_event_or_are_rejected_with_a_short_reason(line: bytes) -> None:
    found = outcome(line)
    if isinstance(found, BadLineError):
        assert isinstance(found.reason, Reason)
        assert found.detail.isascii()
        assert 0 < len(found.detail) < 300
    else:
        assert line_of(found) == line


@given(any_lines)
@example(purchase(id="-0", amount="1683e-2"))
@example(befriend(id1='"\\u0031"', event_type='"unfriend"'))
def test_accepted_line_says_what_the_json_module_reads_in_it(line: bytes) -> None:
    event = outcome(line)
    if isinstance(event, BadLineError):
        return
    values = json.loads(line, parse_int=str, parse_float=str)
    assert values["event_type"] == type(event).__name__.lower()
    assert values["timestamp"].startswith(event.time)
    if isinstance(event, Purchase):
        assert event.user == values["id"] or (event.user, values["id"]) == ("0", "-0")
        assert Fraction(event.amount, 10_000) == Fraction(values["amount"])
    else:
        assert [event.user1, event.user2] == [values["id1"], values["id2"]]


@given(near_misses())
@example(purchase(note='"event_type"'))
@example(purchase(id1='"2"', id2='"3"')[:-1] + b', "event_type":"befriend"}')
@example(purchase(timestamp='"never"', event_type='"sell"'))
def test_escape_in_an_unknown_key_changes_neither_the_event_nor_the_reason(line: bytes) -> None:
    # Lines with an escape are read the careful way, and most others in a faster one.
    body = line.removesuffix(b"}")
    assume(body != line and body.startswith(b'{"'))
    fast, careful = outcome(line), outcome(body + b', "an unknown key": "\\n"}')
    if isinstance(fast, BadLineError):
        assert isinstance(careful, BadLineError)
        assert careful.reason is fast.reason
    else:
        assert not isinstance(careful, BadLineError)
        assert msgspec.structs.replace(careful, line=fast.line) == fast


@given(event_lines(), st.data(), st.dictionaries(st.text(min_size=12), st.text(), max_size=3))
def test_order_of_the_keys_and_unknown_keys_change_nothing_but_the_kept_line(
    text: bytes, data: st.DataObject, unknown: dict[str, str]
) -> None:
    fields = json.loads(text) | unknown
    names = data.draw(st.permutations(list(fields)))
    line = json.dumps({name: fields[name] for name in names}).encode()
    shuffled, plain = parse_line(line, 7), parse_line(text, 7)
    assert msgspec.structs.replace(shuffled, line=None) == msgspec.structs.replace(plain, line=None)
    assert line_of(shuffled) == line


@given(event_lines(), st.integers(1, 10**9))
def test_line_is_kept_exactly_where_the_canonical_one_differs(text: bytes, number: int) -> None:
    event = parse_line(text, number)
    is_canonical = render(event).encode() == text
    assert event.line == (None if is_canonical else text)
    assert event.number == number


@given(st.one_of(st.integers(), st.integers(10**4_000, 10**4_001)))
@example(0)
@example(-7)
def test_integer_id_and_the_same_digits_in_a_string_are_one_user(user: int) -> None:
    as_number, as_string = (
        parse_line(purchase(id=f"{user}"), 1),
        parse_line(purchase(id=f'"{user}"'), 1),
    )
    assert isinstance(as_number, Purchase)
    assert isinstance(as_string, Purchase)
    assert as_number.user == as_string.user == f"{user}"


@pytest.mark.parametrize(
    ("reason", "line", "detail"),
    EXAMPLES,
    ids=[f"{reason}-{number}" for number, (reason, *_) in enumerate(EXAMPLES)],
)
def test_bad_line_is_rejected_for_its_own_reason(reason: Reason, line: bytes, detail: str) -> None:
    with pytest.raises(BadLineError, match=re.escape(detail)) as caught:
        parse_line(line, 1)
    assert caught.value.reason is reason
    assert caught.value.detail == str(caught.value)


def test_every_reason_has_an_example() -> None:
    # A line that is too long is never parsed; tests/events/logs/test_splitting.py has examples.
    elsewhere = {Reason.LINE_TOO_LONG, Reason.TIMESTAMP_ZONE, Reason.FIELD_TYPE}
    # Those that rows of observations alone have.
    elsewhere |= {Reason.QUOTES, Reason.COLUMNS, Reason.LATE}
    assert {reason for reason, _, _ in EXAMPLES} == set(Reason) - elsewhere


@pytest.mark.parametrize(
    ("zone", "timestamp", "detail"),
    [
        ("none", "2017-06-13 11:33:01Z", "without an offset, as the first event has, found '2017"),
        ("none", "2017-06-13T11:33:01+02:00", "without an offset, as the first event has, found"),
        ("utc", "2017-06-13 11:33:01", "with an offset such as Z or +02:00, as the first event"),
    ],
)
@pytest.mark.parametrize("write", [purchase, befriend])
def test_time_of_the_other_kind_is_rejected(
    zone: Zone, timestamp: str, detail: str, write: Callable[..., bytes]
) -> None:
    line = write(timestamp=f'"{timestamp}"')
    other: Zone = "utc" if zone == "none" else "none"
    assert parse_line(line, 1, other) == parse_line(line, 1)
    with pytest.raises(BadLineError, match=re.escape(detail)) as caught:
        parse_line(line, 1, zone)
    assert caught.value.reason is Reason.TIMESTAMP_ZONE
    assert caught.value.detail.startswith("timestamp: expected a time ")


@pytest.mark.parametrize("zone", ["none", "utc"])
@pytest.mark.parametrize(
    ("reason", "line"),
    [(reason, line) for reason, line, _ in EXAMPLES if reason != Reason.TIMESTAMP_SHAPE],
)
@pytest.mark.parametrize("offset", [b"", b"Z"])
def test_all_else_that_is_wrong_with_a_line_counts_before_its_zone(
    zone: Zone, reason: Reason, line: bytes, offset: bytes
) -> None:
    zoned = re.sub(rb'("[0-9-]{10} [0-9:]{8})"', rb'\g<1>%b"' % offset, line)
    with pytest.raises(BadLineError, match="expected") as caught:
        parse_line(zoned, 1, zone)
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (purchase(), Purchase(TIME, 3, "1", 168_300)),
        (befriend(), Befriend(TIME, 3, "1", "2")),
        (befriend(event_type='"unfriend"'), Unfriend(TIME, 3, "1", "2")),
        (purchase(amount='"0.0001"'), Purchase(TIME, 3, "1", 1)),
        (purchase(id='"\N{SNOWMAN} 1"'), Purchase(TIME, 3, "\N{SNOWMAN} 1", 168_300)),
        (befriend(id1='" "', id2='"  "'), Befriend(TIME, 3, " ", "  ")),
    ],
)
def test_canonical_line_is_not_kept(line: bytes, event: Event) -> None:
    assert parse_line(line, 3) == event


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (purchase(id="1"), Purchase(TIME, 1, "1", 168_300)),
        (befriend(**{"id\\ud800": '"3"'}), Befriend(TIME, 1, "1", "2")),
        (purchase(note='"\\ud800 is half a character"'), Purchase(TIME, 1, "1", 168_300)),
        (purchase(id="-0"), Purchase(TIME, 1, "0", 168_300)),
        (purchase(id='"-0"', amount="0"), Purchase(TIME, 1, "-0", 0)),
        (purchase(id='"007"', amount='"5"'), Purchase(TIME, 1, "007", 50_000)),
        (purchase(id='"\\u0031"', amount='"7.5000"'), Purchase(TIME, 1, "1", 75_000)),
        (purchase(id='"\\ud83d\\ude00"'), Purchase(TIME, 1, "\U0001f600", 168_300)),
        (purchase(id='"\\u0000\\n\\""', amount="1e14"), Purchase(TIME, 1, '\0\n"', 10**18)),
        (purchase(amount="16.83"), Purchase(TIME, 1, "1", 168_300)),
        (purchase(amount="0e999999999999"), Purchase(TIME, 1, "1", 0)),
        (purchase(timestamp=f'"{TIME}.50"'), Purchase(f"{TIME}.5", 1, "1", 168_300)),
        (purchase(note="null"), Purchase(TIME, 1, "1", 168_300)),
        (purchase(note="[" * 100 + "]" * 100), Purchase(TIME, 1, "1", 168_300)),
        (b" \t" + purchase() + b" \r", Purchase(TIME, 1, "1", 168_300)),
        (purchase().replace(b": ", b":"), Purchase(TIME, 1, "1", 168_300)),
        (purchase().replace(b'"id"', b'"\\u0069d"'), Purchase(TIME, 1, "1", 168_300)),
        (befriend(id1="2", id2='"1"'), Befriend(TIME, 1, "2", "1")),
        (befriend(id="3", amount="-1"), Befriend(TIME, 1, "1", "2")),
    ],
)
def test_other_spelling_is_understood_and_kept_byte_for_byte(line: bytes, event: Event) -> None:
    assert parse_line(line, 1) == msgspec.structs.replace(event, line=line)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("event_type", '"sell"'), ("timestamp", '"never"'), ("id", "null"), ("amount", '"-1"')],
)
def test_of_a_key_that_stands_twice_the_last_value_counts(name: str, wrong: str) -> None:
    wrong_then_right = purchase().replace(b"{", f'{{"{name}": {wrong}, '.encode())
    right_then_wrong = purchase().replace(b"}", f', "{name}": {wrong}}}'.encode())
    assert parse_line(wrong_then_right, 1) == Purchase(TIME, 1, "1", 168_300, wrong_then_right)
    with pytest.raises(BadLineError, match=f"{name}: expected"):
        parse_line(right_then_wrong, 1)
