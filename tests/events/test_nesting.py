"""How deep a line nests is counted by the program, not by how deep some stack happens to be."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import structs

import replay
from events.errors import ParametersError
from events.logs.objects import BadLineError, Reason, decode_object
from events.nesting import LEVELS_MAX, are_shallow, too_deep_at
from events.observations.jsonrows import JsonRows
from events.observations.rows import ColumnNames
from events.purchases.lines import parse_line
from events.purchases.parameters import is_parameters_line, parse_parameters
from events.records.record import Rejected, StateDigest
from events.store.writer import StoreWriter
from replay.cli import main
from replay.testing import model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PURCHASE = (
    b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": "1", "amount": 5, "n":'
)
ROW = b'{"time": "2017-06-13 11:33:01", "adid": "a", "n":'
FAMILIES = (b"[]", b"{}")
DEEP = PURCHASE + b"[" * 101 + b"]" * 101 + b"}"


def nested(levels: int, core: str = "0") -> bytes:
    """Return a value of alternating arrays and objects, ``levels`` deep."""
    return "".join(
        ['[1, "]{", ' if level % 2 else '{"[\\"{": ' for level in range(levels)]
        + [core]
        + ["]" if level % 2 else "}" for level in reversed(range(levels))]
    ).encode()


def reason_of(line: bytes) -> Reason | None:
    """Return why a line is rejected, or None."""
    try:
        parse_line(line, 1)
    except BadLineError as error:
        return error.reason
    return None


def reasons_of_rows(data: bytes) -> list[str]:
    return [row.reason for row in JsonRows(ColumnNames()).parse(data).rejected]


def deep_in_a_stack(frames: int, call: Callable[[], Any]) -> Any:
    return call() if frames <= 0 else deep_in_a_stack(frames - 1, call)


def frames_left() -> int:
    frame, used = sys._getframe(), 0
    while (back := frame.f_back) is not None:
        frame, used = back, used + 1
    return sys.getrecursionlimit() - used


@pytest.mark.parametrize("levels", [0, 1, 99, 100, 101, 102, 983, 1490, 9991, 100_000])
def test_values_may_nest_100_levels_deep_and_no_deeper(levels: int) -> None:
    value = nested(levels)
    expected = None if levels <= LEVELS_MAX else Reason.NESTED_TOO_DEEP
    assert reason_of(PURCHASE + value + b"}") is expected
    assert reason_of(PURCHASE + value + b', "\\u00e9": "\\ud800"}') is expected
    assert reasons_of_rows(ROW + value + b"}\n") == ([] if expected is None else [expected])


@pytest.mark.parametrize("frames", [990, 900, 500, 150, 60])
@pytest.mark.parametrize("levels", [100, 101])
def test_fate_of_a_line_does_not_depend_on_who_calls(frames: int, levels: int) -> None:
    line, row = PURCHASE + nested(levels) + b"}", ROW + nested(levels) + b"}\n"
    for fate in (
        lambda: reason_of(line),
        lambda: reasons_of_rows(row),
        lambda: JsonRows(ColumnNames()).times(row),
        lambda: is_parameters_line(b'{"D": 1, "n":' + nested(levels) + b"}"),
    ):
        assert deep_in_a_stack(frames_left() - frames, fate) == fate()


values = st.recursive(
    st.one_of(st.none(), st.integers(), st.text('[]{}"\\a')),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text("[{"), inner)),
    max_leaves=8,
)


@given(st.integers(90, 105), values, st.booleans())
@example(100, [], False)
@example(100, [[]], False)
def test_levels_are_counted_as_the_json_module_sees_them(
    levels: int, core: Any, ascii_only: bool
) -> None:
    value = nested(levels, json.dumps(core, ensure_ascii=ascii_only))
    depth = depth_of(json.loads(value))
    assert (too_deep_at(b'{"n": ' + value + b"}") is None) == (depth <= LEVELS_MAX)
    line = PURCHASE + value + b"}"
    assert (reason_of(line) is None) == (depth <= LEVELS_MAX) == (model.read(line) is not None)


def depth_of(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(map(depth_of, inner), default=0) if isinstance(value, dict | list) else 0


@given(st.lists(st.sampled_from([b"[", b"{", b"]", b"}", b'"', b"\\", b",", b"1"]), max_size=300))
@example([b"["] * 150 + [b"]"] * 150)
@example([b"]"] * 150 + [b"["] * 101)
def test_lines_that_count_as_shallow_never_reach_the_bottom_of_a_stack(parts: list[bytes]) -> None:
    line = b'{"a":' + b"".join(parts)
    if are_shallow(line, 1):
        assert too_deep_at(line) is None
    try:
        fields = decode_object(line)
    except BadLineError as error:
        assert error.reason in {Reason.NOT_JSON, Reason.NESTED_TOO_DEEP}  # noqa: PT017
    else:
        assert [*fields] == ["a"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        # The first fault from the left counts.
        (PURCHASE + b"[" * 101, Reason.NESTED_TOO_DEEP),
        (PURCHASE + b"[" * 100, Reason.NOT_JSON),
        (PURCHASE + b"[1 " + b"[" * 101, Reason.NOT_JSON),
        (PURCHASE + b"[" * 101 + b"}" * 9, Reason.NESTED_TOO_DEEP),
        (PURCHASE + b"1}" + b"[" * 200, Reason.NOT_JSON),
        (PURCHASE + b"[}" * 300, Reason.NOT_JSON),
        (PURCHASE + b'"' + b"[" * 300, Reason.NOT_JSON),
        (PURCHASE + b'"\\"' + b"[" * 300 + b'"}', None),
        (b'{"a" ' + b"[" * 300, Reason.NOT_JSON),
        (b"{" + b"[" * 300, Reason.NOT_JSON),
        (b"]" * 300 + DEEP, Reason.NOT_JSON),
        (b"[" * 300, Reason.NOT_OBJECT),
        (b"nul" + DEEP, Reason.NOT_JSON),
        # But of all of it has to be UTF-8,
        (DEEP + b"\xff", Reason.NOT_UTF8),
        # and no key is looked at before.
        (b'{"event_type":"sell", "amount":' + b"[" * 101, Reason.NESTED_TOO_DEEP),
        (b'{"\\ud800":' + b"[" * 101, Reason.NESTED_TOO_DEEP),
    ],
)
def test_line_with_several_faults_is_rejected_for_the_first(
    line: bytes, reason: Reason | None
) -> None:
    assert reason_of(line) is reason
    assert reasons_of_rows(line + b"\n") == [reason or "key-missing"]


def test_parameters_line_may_nest_no_deeper_either() -> None:
    line = b'{"D":"2", "T":"50", "n":%b}'
    assert parse_parameters(line % nested(100), "batch.json:1").degrees == 2
    with pytest.raises(ParametersError, match=r"batch\.json:1: .*, found a line nested too deep: "):
        parse_parameters(line % nested(101), "batch.json:1")
    assert not is_parameters_line(line % nested(101))


@pytest.mark.parametrize("deep", [1, 98, 101, 5_000])
def test_rows_around_a_deep_one_are_read_as_ever(deep: int) -> None:
    rows = [
        ROW + nested(3) + b"}",
        ROW + b"[" + b"[1,2]," * 200 + b"0]}",
        ROW + nested(deep) + b"}",
    ]
    block = JsonRows(ColumnNames()).parse(b"".join(row + b"\n" for row in rows * 2))
    rejected = [3, 6] if deep > LEVELS_MAX else []
    assert [row.number for row in block.rejected] == rejected
    assert list(block.numbers) == [number for number in range(1, 7) if number not in rejected]


def test_rerun_says_what_an_earlier_release_decided_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bought = (
        b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": "%b", "amount": %b'
    )
    friends = (
        b'{"event_type":"befriend", "timestamp":"2017-06-13 11:33:01", "id1": "1", "id2": "2"}\n'
    )
    (tmp_path / "batch.json").write_bytes(
        b'{"D":"2", "T":"50"}\n' + friends + (bought % (b"1", b"5") + b"}\n") * 2
    )
    (tmp_path / "stream.json").write_bytes(
        bought % (b"2", b'99, "n": ') + nested(LEVELS_MAX + 1) + b"}\n" + bought % (b"2", b"98}\n")
    )
    with replay.Logs(tmp_path / "batch.json", tmp_path / "stream.json") as logs:
        assert replay.run(logs, tmp_path / "flagged.json").rejected == 1
    kept = replay.EventStore(tmp_path / "flagged.json.events")
    # As a release has it that took fewer levels.
    line = bought % (b"2", b'99, "n": ') + nested(7) + b"}"
    with StoreWriter.create(tmp_path / "earlier.events", kept.header) as writer:
        for frame in kept.frames():
            writer.append(
                [
                    structs.replace(each, line=line) if isinstance(each, Rejected) else each
                    for each in frame.records
                    if not isinstance(each, StateDigest)
                ],
                frame.events,
            )
    store = str(tmp_path / "earlier.events")
    assert main(["rerun", store, str(tmp_path / "branch.json"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["accepted"], found["refused"], found["inserted"]) == ([4], [], 0)
    whats = [(each["what"], each["event"], each["branch_event"]) for each in found["differences"]]
    assert whats == [("gained", None, 4)]
    assert main(["rerun", store, str(tmp_path / "another.json")]) == 0
    said = "1 line was rejected by an earlier release, and accepted now"
    assert said in capsys.readouterr().out


def test_object_over_many_lines_is_no_row_however_deep() -> None:
    data = (
        b'{"time": "2017-06-13 11:33:01", "adid": "a", "n": {"a": {}\n'
        + b', "a": {"b": {}\n' * 9**5
    )
    assert not JsonRows(ColumnNames()).times(data)
