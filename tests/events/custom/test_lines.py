"""A line is read as SPEC.md section 2 says, and given back byte for byte."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from events.custom.columns import FactColumns
from events.custom.lines import FactLines, FactParser
from events.errors import BadValueError
from events.logs.objects import BadLineError
from events.records.record import EventRun, Lines, Rejected
from tests.facts import TYPES, Login, Moved, Tick, facts

if TYPE_CHECKING:
    from events.times.timestamps import Zone

LINES = FactLines(TYPES)
TIME = "2017-06-13 11:33:01"
LOGIN = {"event_type": "login", "timestamp": TIME, "user": "a", "count": 3, "fresh": True}
canonical_facts = facts(lines=st.none())


def line(**changed: Any) -> bytes:
    return json.dumps({**LOGIN, **changed}).encode()


@given(canonical_facts)
def test_canonical_line_is_not_kept_and_given_back(event: Any) -> None:
    text = LINES.canonical(event)
    fields = json.loads(text)
    assert list(fields) == ["event_type", "timestamp", *asdict(event)][: len(fields)]
    assert LINES.read(text) == (event, "none")
    assert LINES.line_of(event) == text
    LINES.check_own(event, "none")


@given(canonical_facts, st.randoms(), st.booleans(), st.sampled_from([None, 1]))
def test_line_in_other_words_is_kept_and_given_back(
    event: Any, draw: Any, ascii_only: bool, indent: int | None
) -> None:
    fields = list(json.loads(LINES.canonical(event)).items())
    draw.shuffle(fields)
    quoted = {
        name: value if isinstance(value, str) or draw.random() < 0.5 else json.dumps(value)
        for name, value in fields
    }
    text = json.dumps({**quoted, "extra": [1, {"x": None}]}, ensure_ascii=ascii_only, indent=indent)
    written = text.replace("\n", " \t").encode()
    found, zone = LINES.read(written)
    assert (found, zone) == (replace(event, line=written), "none")
    assert LINES.line_of(found) == written
    LINES.check_own(found, "none")
    with pytest.raises(BadValueError, match="expected the line that it was read from, found"):
        LINES.check_own(replace(found, time="0001-01-01 00:00:00.125"), "none")


@pytest.mark.parametrize(
    ("text", "reason", "said"),
    [
        (line(user=1), "field-type", "user: expected a string, found '1'"),
        (line(user=None), "field-type", "user: expected a string, found 'null'"),
        (line(count="1.0"), "field-type", "count: expected a whole number of 64 bits, found"),
        (line(count=1.0), "field-type", "count: expected a whole number of 64 bits, found '1.0'"),
        (line(count="9007199254740993e0"), "field-type", "count: expected a whole number of 64 bi"),
        (line(count=""), "field-type", "count: expected a whole number of 64 bits, found '\"\"'"),
        (line(count="1").replace(b'"1"', b'"1'), "not-json", "expected one JSON object, found no"),
        (line(count=1.5), "field-type", "count: expected a whole number of 64 bits, found '1.5'"),
        (line(count=2**63), "field-type", "count: expected a whole number of 64 bits, found"),
        (line(count=-(2**63) - 1), "field-type", "count: expected a whole number of 64 bits, fou"),
        (line(count=10**400), "field-type", "count: expected a whole number of 64 bits, found"),
        (line(count=True), "field-type", "count: expected a whole number of 64 bits, found 'true'"),
        (line(count=[3]), "field-type", "count: expected a whole number of 64 bits, found"),
        (line(fresh="yes"), "field-type", "fresh: expected true or false, found '\"yes\"'"),
        (line(fresh=2), "field-type", "fresh: expected true or false, found '2'"),
        (line(fresh=None), "field-type", "fresh: expected true or false, found 'null'"),
        (
            line(event_type="logout"),
            "event-type",
            'event_type: expected "login", "moved on", "tick',
        ),
        (line(event_type=3), "event-type", 'event_type: expected "login", "moved on", "tick", f'),
        (line(event_type="moved on"), "key-missing", "expected the key 'place', found none"),
        (
            b'{"timestamp": "2017-06-13 11:33:01"}',
            "key-missing",
            "the key 'event_type', found none",
        ),
        (b'{"event_type": "tick"}', "key-missing", "expected the key 'timestamp', found none"),
        (
            line(timestamp="2017-06-13"),
            "timestamp-shape",
            "timestamp: expected YYYY-MM-DD HH:MM:SS",
        ),
        (line(timestamp=5), "timestamp-shape", "timestamp: expected a string YYYY-MM-DD HH:MM:SS"),
        (
            line(timestamp="2017-02-30 11:33:01"),
            "timestamp-date",
            "timestamp: expected a real date",
        ),
        (
            line(timestamp=f"{TIME}Z"),
            "timestamp-zone",
            "timestamp: expected a time without an offs",
        ),
        (line(user="\ud800"), "field-type", "user: expected a string, found"),
        (
            line(user="\xff").decode().encode("latin-1").replace(b"\\u00ff", b"\xff"),
            "not-utf8",
            "fo",
        ),
        (b"[]", "not-object", "expected one JSON object, found '\\[\\]'"),
        (b"{", "not-json", "expected one JSON object, found no JSON: '{'"),
        (
            line()[:-1] + b', "x": ' + b"[" * 101 + b"]" * 101 + b"}",
            "nested-too-deep",
            "at most 100",
        ),
    ],
)
def test_line_that_breaks_a_rule_is_rejected_for_its_reason(
    text: bytes, reason: str, said: str
) -> None:
    with pytest.raises(BadLineError, match=said) as caught:
        LINES.read(text, "none")
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("7", 7),
        ('"7"', 7),
        ("-9223372036854775808", -(2**63)),
        ('"9223372036854775807"', 2**63 - 1),
    ],
)
def test_number_may_stand_in_quotes(written: str, value: int) -> None:
    found, _ = LINES.read(line(count=0).replace(b'"count": 0', b'"count": ' + written.encode()))
    assert isinstance(found, Login)
    assert found.count == value


@pytest.mark.parametrize(
    ("written", "value"), [("true", True), ('"true"', True), ('"false"', False), ('"1"', True)]
)
def test_truth_value_may_stand_in_quotes(written: str, value: bool) -> None:
    found, _ = LINES.read(line().replace(b"true", written.encode()))
    assert isinstance(found, Login)
    assert found.fresh is value


def test_of_a_key_that_stands_twice_the_last_counts() -> None:
    text = line()[:-1] + b', "count": 4, "user": "b"}'
    assert LINES.read(text)[0] == Login(user="b", count=4, fresh=True, time=TIME, line=text)


def test_time_with_an_offset_is_kept_in_utc_and_its_line_as_it_is() -> None:
    for written, time in (
        ("2017-06-13T11:33:01.50+02:00", "2017-06-13 09:33:01.5"),
        (f"{TIME}Z", TIME),
        ("2017-06-13 11:33:01.123456789012-23:59", "2017-06-14 11:32:01.123456789012"),
    ):
        text = line(timestamp=written)
        found, zone = LINES.read(text)
        assert (found.time, found.line, zone) == (time, text, "utc")
        LINES.check_own(found, "utc")
        with pytest.raises(BadValueError, match="expected its own line, found one that is none"):
            LINES.check_own(found, "none")
        with pytest.raises(BadValueError, match="expected its own line, found one that is none"):
            LINES.check_own(replace(found, line=None), "utc")


@pytest.mark.parametrize(
    "kept",
    [
        LINES.canonical(Tick(time=TIME)),
        b'{"event_type":\n"tick","timestamp":"2017-06-13 11:33:01"}',
        b'{"event_type": "tick", "timestamp": "2017-06-13 11:33:02"} ',
        line(),
    ],
)
def test_line_that_no_run_keeps_is_not_its_events_own(kept: bytes) -> None:
    with pytest.raises(BadValueError, match="expected the line that it was read from, found"):
        LINES.check_own(Tick(time=TIME, number=1, line=kept), "none")


# Whole logs


_others = st.sampled_from([b"", b" \t", b"nothing", b'{"event_type": "login"}', b"\xff"])
_canonical = canonical_facts.map(LINES.canonical)
_logs = st.lists(_canonical | _canonical.map(lambda text: text + b" ") | _others, max_size=8)

Read = tuple[int, Any]


def one_by_one(lines: list[bytes]) -> tuple[list[Read], Zone | None]:
    """Return by number the events of a log and its rejected lines, and its zone."""
    found: list[Read] = []
    zone: Zone | None = None
    for number, each in enumerate(lines, 1):
        text = each.removeprefix(b"\xef\xbb\xbf") if number == 1 else each
        if not text.strip(b" \t\r"):
            continue
        try:
            event, zone = LINES.read(text, zone)
        except BadLineError as error:
            found.append((number, Rejected("batch", number, error.reason, error.detail, each)))
            continue
        found.append((number, event if each == text else replace(event, line=each)))
    return found, zone


def in_block(parser: FactParser, lines: list[bytes]) -> list[Read]:
    """Return what the next lines of a log are, read at once."""
    found: list[Read] = []
    events, number = iter(list[Any]()), 0
    for record in parser.parse(b"".join(each + b"\n" for each in lines)).records:
        if isinstance(record, FactColumns):
            events = iter(record.events())
        elif isinstance(record, Lines):
            number = record.number
        elif isinstance(record, EventRun):
            found += [(number + row, next(events)) for row in range(record.events)]
            number += record.events
        else:
            found.append((number, record))
            number += 1
    return found


@given(_logs, st.booleans(), st.booleans(), st.integers(0, 8))
def test_log_is_read_in_blocks_as_its_lines_are_one_by_one(
    lines: list[bytes], marked: bool, zoned: bool, cut: int
) -> None:
    if zoned:
        lines = [re.sub(rb'("timestamp": "[^"]*)', rb"\1Z", each) for each in lines]
    if marked and lines:
        lines[0] = b"\xef\xbb\xbf" + lines[0]
    expected, zone = one_by_one(lines)
    parser = FactParser(LINES, "batch", 1)
    found = in_block(parser, lines[:cut]) + in_block(parser, lines[cut:])
    events = [each for _, each in found if not isinstance(each, Rejected)]
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    assert parser.zone == zone
    assert [
        (number, each if isinstance(each, Rejected) else replace(each, number=0))
        for number, each in found
    ] == expected
    for number, each in found:
        kept = each.line if isinstance(each, Rejected) else LINES.line_of(each)
        assert kept == lines[number - 1]
    for event in events:
        LINES.check_own(event, zone)


def test_types_of_one_line_are_told_apart() -> None:
    moved = Moved(count=1, place="x", user="a", time=TIME)
    assert LINES.read(LINES.canonical(moved))[0] == moved
