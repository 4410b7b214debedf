"""Columns come out of a frame as they went in, and nothing that stands there becomes long."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import msgpack
import msgspec
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from events.errors import BadValueError
from events.journal.ticks import TICKS_END, time_of, times_of
from events.observations.observed import Observed
from events.purchases.columns import Columns
from events.purchases.event import Befriend, Purchase, Unfriend
from events.purchases.packed import TEXT_MAX
from events.purchases.styles import CANONICAL, Style
from events.records.record import EventRun, Lines, Record, events_in, in_place
from events.store.earlier import with_runs
from events.store.stored import (
    Encoder,
    decode_purchases,
    decode_searches,
    unpack_records,
)
from tests.by_the_book import body_of
from tests.record_strategies import events, names, times

if TYPE_CHECKING:
    from events.purchases.event import Event

CRLF = Style(
    '{"event_type":"purchase", "timestamp":"\x01T\x02Z", "id":"\x03", "amount":"\x05"}\r',
    '{"event_type":"befriend", "timestamp":"\x01T\x02Z", "id1":"\x03", "id2":"\x04"}\r',
)


def unpacked(body: bytes, events: int, before: int = 0) -> list[Record]:
    decode: Any = decode_searches if b"observed" in body else decode_purchases
    return unpack_records(decode(body), before, events, len(body))


def numbered(given_events: list[Event], first: int) -> list[Event]:
    return [
        msgspec.structs.replace(event, number=number)
        for number, event in enumerate(given_events, first)
    ]


runs = st.lists(st.lists(events, min_size=1, max_size=12), max_size=4)


@pytest.mark.slow
@given(runs, st.integers(0, 2**40))
def test_events_come_out_of_a_frame_as_they_went_in(given_runs: list[Any], before: int) -> None:
    number = before + 1
    expected: list[Event] = []
    records: list[Record | Event] = []
    for run in given_runs:
        these = numbered(run, number)
        number += len(these)
        expected += these
        records += [Lines("batch", 1), *these]
    given_records = with_runs(records)
    body = Encoder().encode(given_records)
    found = unpacked(body, len(expected), before)
    assert list(in_place(found)) == records
    assert Encoder().encode(found) == body
    assert msgpack.unpackb(body) == body_of(records)
    if expected:
        # Whoever reads them finds them as `Columns.of` makes them, to the type.
        one, other = found[0], given_records[0]
        assert isinstance(one, Columns)
        assert isinstance(other, Columns)
        assert (one.number, one.names) == (other.number, other.names)
        for name in ("kinds", "users", "others", "amounts", "ticks"):
            column, expected_column = getattr(one, name), getattr(other, name)
            assert column.dtype == expected_column.dtype
            assert column.tolist() == expected_column.tolist()


@pytest.mark.slow
@given(runs, st.data())
def test_first_events_of_columns_are_columns_of_the_first_events(
    given_runs: list[Any], data: st.DataObject
) -> None:
    these = numbered([event for run in given_runs for event in run], 1)
    count = data.draw(st.integers(0, len(these)))
    found, expected = Columns.of(these).first(count), Columns.of(these[:count])
    assert found.names == expected.names
    assert found.events() == expected.events() == these[:count]


@given(st.lists(times, min_size=1, max_size=12), st.data())
def test_observations_come_out_of_a_frame_as_they_went_in(
    seen: list[str], data: st.DataObject
) -> None:
    column = st.lists(names, min_size=len(seen), max_size=len(seen)).map(tuple)
    keys = data.draw(st.none() | column)
    one = Observed(8, tuple(seen), data.draw(column), keys)
    other = Observed(8 + len(seen), tuple(seen), data.draw(column), keys)
    body = Encoder().encode([one, other])
    assert unpacked(body, 2 * len(seen), 7) == [one, other]
    assert msgpack.unpackb(body) == body_of([one, other])


@given(
    st.lists(st.integers(0, TICKS_END - 1) | st.integers(0, TICKS_END // 10**6 - 1).map(
        lambda second: second * 10**6), max_size=9),
    st.dictionaries(st.integers(0, 8), st.sampled_from(["1", "05", "123456789012345"])),
)  # fmt: skip
@example([0, TICKS_END - 1], {1: "9"})
@example([], {})
def test_many_times_are_written_as_each_by_itself(ticks: list[int], finer: dict[int, str]) -> None:
    finer = {index: digits for index, digits in finer.items() if index < len(ticks)}
    expected = [time_of(tick, finer.get(index, "")) for index, tick in enumerate(ticks)]
    assert times_of(np.array(ticks, np.int64), finer) == expected


def test_style_is_kept_once_for_all_lines_of_a_frame() -> None:
    time = "2017-06-13 11:33:01"
    columns = Columns.of([Purchase(time, 1, "1", 5), Befriend(time, 2, "1", "2"),
                          Unfriend(time, 3, "1", "2", b"{ }")])  # fmt: skip
    columns.style = CRLF
    body = Encoder().encode([columns, EventRun(3)])
    first, *rest = msgpack.unpackb(body)
    assert first[-1] == [*msgspec.structs.astuple(CRLF)]
    assert rest == [["run", 3]]
    found, run = unpacked(body, 3)
    assert run == EventRun(3)
    assert isinstance(found, Columns)
    assert (found.lines, found.style) == ({2: b"{ }"}, CRLF)


def test_events_of_a_frame_are_given_as_one() -> None:
    one = Columns.of([Purchase("2017-06-13 11:33:01", 1, "1", 5)])
    with pytest.raises(ValueError, match="expected the events of a frame as one, found several"):
        Encoder().encode([one, EventRun(1), one.numbered(2), EventRun(1)])


# What no run writes


def body(**changed: Any) -> bytes:
    """Return a frame of a purchase, a friendship and a purchase, with some fields changed."""
    fields: dict[str, Any] = {
        "times": [["2017-06-13 11:33:01"], 0, [0, 1], None],
        "friendships": [2],
        "users": [["1", "2"], [0, 1, 0, 2]],
        "unit": 100,
        "amounts": [1683, 5],
        "kept": [],
        "lines": [],
        "style": None,
        **changed,
    }
    events = len(fields["amounts"]) + len(fields["friendships"])
    runs = [["run", events]] if events else []
    return bytes(msgpack.packb([["events", *fields.values()], *runs]))


def test_frame_of_the_tests_is_right() -> None:
    found, _ = unpacked(body(), 3)
    assert isinstance(found, Columns)
    assert found.events() == [
        Purchase("2017-06-13 11:33:01", 1, "1", 168_300),
        Befriend("2017-06-13 11:33:01", 2, "1", "2"),
        Purchase("2017-06-13 11:33:02", 3, "2", 500),
    ]


FIRST = "2017-06-13 11:33:01"
WRONG = [
    ({"amounts": []}, "expected 3 events, as the frame's head says, found 1 in runs of 1"),
    ({"amounts": [], "friendships": []}, "expected 3 events, as the frame's head says, found 0"),
    ({"amounts": [1, 2, 3]}, "expected 3 events, as the frame's head says, found 4 in runs of 4"),
    ({"amounts": [1], "friendships": [0, 1]}, "expected 5 names, found 4"),
    ({"amounts": [10**17 - 1, 10**17]}, "expected amounts of at most 9999999999999999999 units"),
    ({"amounts": [2**64 - 1, 1], "unit": 1}, "expected amounts of at most 9999999999999999999"),
    ({"amounts": [-1, 1]}, "Expected `int` >= 0"),
    ({"unit": 7}, "Invalid enum value 7"),
    ({"friendships": [6]}, "expected places among 3 events, found one behind them"),
    ({"friendships": [2**63 - 1]}, "expected places among 3 events, found one behind them"),
    ({"users": [["1", "2"], [0, 1, 0]]}, "expected 4 names, found 3"),
    ({"users": [["1", "2"], [0, 1, 1, 2]]}, "expected names that the frame has, each of them"),
    ({"users": [["1", "2"], [0, 1, 0, 3]]}, "expected names that the frame has, each of them"),
    ({"users": [["1", "2"], [1, 0, 0, 1]]}, "expected names that the frame has, each of them"),
    ({"users": [["1", "2"], [0, 2, 0, 1]]}, "expected names that the frame has, each of them"),
    ({"users": [["1", "2"], [0, 1, 0, 2**63 - 1]]}, "expected names that the frame has"),
    ({"users": [["1", "1"], [0, 1, 0, 2]]}, "expected each name once in a frame, found one twice"),
    ({"users": [["1", ""], [0, 1, 0, 2]]}, "Expected `str` of length >= 1"),
    ({"users": [["1", "2"], [0, 0, 2, 1]]}, "expected two different users of a friendship"),
    ({"times": [[], 0, [0, 1], None]}, "expected one time, and steps from it, found 0 times"),
    ({"times": [[FIRST, FIRST], 0, [0, 1], None]}, "expected one time, and steps from it, found 2"),
    ({"times": [[FIRST], None, [0, 1], None]}, "expected the times of 3 events, found others"),
    ({"times": [[FIRST] * 3, None, [1], None]}, "expected times as texts or as steps, found both"),
    ({"times": [[FIRST], 0, [0], None]}, "expected the times of 3 events, found others"),
    ({"times": [[FIRST], 0, [1], [1, 1]]}, "expected the times of 3 events, found others"),
    ({"times": [[FIRST], 0, [1], [2**32 - 1] * 2]}, "expected the times of 3 events, found others"),
    ({"times": [[FIRST], 0, [1], [0, 3]]}, "Expected `int` >= 1"),
    ({"times": [[FIRST], 19, [0, 1], None]}, "Expected `int` <= 18"),
    ({"times": [[FIRST], 0, [0, 2**63], None]}, "Expected `int` <= 9223372036854775807"),
    ({"times": [[FIRST], 0, [0, 2**63 - 1], None]}, "expected times of the years 1 to 9999"),
    ({"times": [[FIRST], 0, [2**62, 2**62], None]}, "expected times of the years 1 to 9999"),
    ({"times": [[FIRST], 0, [-(2**63), 2**63 - 1], None]}, "expected times of the years 1 to"),
    ({"times": [[FIRST], 0, [0, -(10**11)], None]}, "expected times of the years 1 to 9999"),
    ({"times": [[FIRST], 18, [2**63 - 1, -(2**63)], None]}, None),
    ({"times": [[FIRST + ".1234567"], 6, [0, 1], None]}, "expected steps as fine as the time"),
    ({"times": [[FIRST + ".50"], 2, [0, 1], None]}, "expected a time with a space in it"),
    ({"times": [["yesterday"], 0, [0, 1], None]}, "expected YYYY-MM-DD HH:MM:SS"),
    ({"times": [["0000-01-01 00:00:00"], 0, [0, 1], None]}, "expected a real date and time"),
    ({"times": [["2017-06-13T11:33:01"] * 3, None, [], None]}, "expected a time with a space"),
    ({"kept": [0]}, "expected 1 kept lines, found 0"),
    ({"kept": [3], "lines": [b"x"]}, "expected places among 3 events, found one behind them"),
    ({"kept": [0, 2], "lines": [b"x", b"y"]}, "expected places among 3 events"),
    ({"style": [None, None, None]}, "expected a template for each line that is not kept"),
    ({"style": ["\x01\x02\x03\x05", None, None]}, "expected a template for each line that is not"),
    ({"style": ["\x01\x02\x03", "\x01\x02\x03\x04", None]}, "expected each value of a line once"),
    ({"style": ["\x01\x02\x03\x05\n", "\x01\x02\x03\x04", None]}, "expected each value of a line"),
    ({"style": ["\x01\x01\x02\x03\x05", "\x01\x02\x03\x04", None]}, "expected each value of a"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "said"), WRONG)
def test_columns_that_no_run_packs_are_refused(changed: dict[str, Any], said: str | None) -> None:
    if said is None:
        assert events_in(unpacked(body(**changed), 3)) == 3
        return
    with pytest.raises((BadValueError, msgspec.ValidationError), match=said):
        unpacked(body(**changed), 3)


ONE = ["events", [[FIRST], 0, [], None], [], [["1"], [0]], 1, [5], [], [], None]
SEEN = ["observed", [[FIRST], 0, [], None], [["1"], [0]], None]


@pytest.mark.parametrize(
    ("records", "events", "said"),
    [
        ([ONE], 1, "expected 1 events, as the frame's head says, found 1 in runs of 0"),
        ([["run", 1], ONE], 1, "expected 1 events, as the frame's head says, found 0 in runs of 1"),
        ([ONE, ["run", 2]], 1, "expected 1 events, as the frame's head says, found 1 in runs of 2"),
        ([ONE, ["run", 1]], 2, "expected 2 events, as the frame's head says, found 1 in runs of 1"),
        ([ONE, ["run", 1], ONE], 1, "expected columns at the beginning of a frame, found some"),
        ([["run", 1]], 0, "expected 0 events, as the frame's head says, found 0 in runs of 1"),
        ([["run", 2**32 - 1]] * 3, 2**32 - 1, "found 0 in runs of 12884901885"),
        ([["run", 0]], 0, "Expected `int` >= 1"),
        ([SEEN], 1, "expected 1 events, as the frame's head says, found 1 in runs of 0"),
        ([SEEN, ["run", 1], SEEN], 1, "expected columns at the beginning of a frame, found some"),
        ([SEEN, ["run", 1], ["run", 1]], 1, "found 1 in runs of 2"),
    ],
)
def test_runs_that_do_not_add_up_to_the_frame_are_refused(
    records: list[Any], events: int, said: str
) -> None:
    with pytest.raises((BadValueError, msgspec.ValidationError), match=said):
        unpacked(bytes(msgpack.packb(records)), events)


@pytest.mark.parametrize(
    "empty",
    [
        ["events", [[], None, [], None], [], [[], []], 1, [], [], [], None],
        ["observed", [[], None, [], None], [[], []], None],
    ],
)
def test_columns_without_events_are_refused(empty: list[Any]) -> None:
    with pytest.raises(BadValueError, match="expected 0 events, as the frame's head says, found 0"):
        unpacked(bytes(msgpack.packb([empty])), 0)


EVENTS = 300_000
LONG = [
    # Names, a template and a time that stand there once, for a line of each event.
    f"body(users=[['x' * {EVENTS}], [0] + [1] * {EVENTS - 1}], times=[[FIRST], 0, [], ALL])",
    f"body(style=['\\1\\2\\3\\5' + ' ' * {EVENTS}, None, None], times=[[FIRST], 0, [], ALL])",
    f"body(times=[[FIRST + '.' + '7' * {EVENTS}], None, [], ALL])",
    f"observed([[FIRST + '.' + '7' * {EVENTS}], None, [], ALL])",
]


@pytest.mark.parametrize("made", LONG)
def test_nothing_small_stands_for_what_no_memory_holds(made: str) -> None:
    code = f"""
import msgpack, resource
from tests.events.store import test_packed
from tests.events.store.test_packed import FIRST, unpacked
from events.errors import BadValueError
ALL = [{EVENTS}]
def body(**changed):
    names = [['1'], [0] + [1] * {EVENTS - 1}]
    columns = dict(friendships=[], users=names, amounts=[5] * {EVENTS}) | changed
    return test_packed.body(**columns)
def observed(times):
    columns = ["observed", times, [["1"], [0] + [1] * {EVENTS - 1}], None]
    return msgpack.packb([columns, ["run", {EVENTS}]])
data = {made}
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
try:
    unpacked(data, {EVENTS})
except BadValueError as error:
    print(error)
"""
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=_paths()
    )
    assert (finished.returncode, finished.stderr) == (0, "")
    assert (
        finished.stdout
        == f"expected texts of {TEXT_MAX} characters in a frame at most, found more\n"
    )


def _paths() -> dict[str, str]:
    return {"PYTHONPATH": ":".join(sys.path), "OPENBLAS_NUM_THREADS": "1"}


MANY = [Befriend(FIRST, number, "1", "2") for number in range(1, TEXT_MAX // 30_000)]
LONG = [f"{template}{'x' * 30_000}" for template in msgspec.structs.astuple(CANONICAL)]


@pytest.mark.parametrize(
    ("time", "line", "style"),
    [
        (f"{FIRST}.{'1' * 30_000}", None, None),
        (FIRST, None, msgspec.structs.replace(CANONICAL, purchase=LONG[0])),
        (FIRST, b"kept", Style(*LONG)),
    ],
)
def test_one_long_line_keeps_no_frame_from_being_written(
    time: str, line: bytes | None, style: Style | None
) -> None:
    number = len(MANY) + 1
    given_events = [msgspec.structs.replace(event, line=line) for event in MANY]
    columns = Columns.of([*given_events, Purchase(time, number, "1", 5)])
    columns.style = style
    body = Encoder().encode([columns, EventRun(number)])
    found, _ = unpacked(body, number)
    assert isinstance(found, Columns)
    assert (found.style, found.finer) == (style, columns.finer)


def test_frame_that_nobody_could_read_is_not_written() -> None:
    name = "x" * (TEXT_MAX // 1_000)
    events = [Purchase(FIRST, number, name, 5) for number in range(1, 1_002)]
    with pytest.raises(ValueError, match="characters of lines at most, found"):
        Encoder().encode(with_runs(events))


@given(st.data())
def test_any_change_of_a_column_is_refused_or_gives_as_many_events(data: st.DataObject) -> None:
    """One value of a frame becomes another: what comes out can be written again."""
    frame = msgpack.unpackb(body())
    place = frame[0]
    while isinstance(place, list) and place:
        index = data.draw(st.integers(place is frame[0], len(place) - 1))
        if not isinstance(place[index], list) or data.draw(st.booleans()):
            break
        place = place[index]
    others = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=3)
    if isinstance(place, list) and place:
        place[index] = data.draw(others | st.lists(st.integers(0, 3) | st.just("1"), max_size=4))
    try:
        found = unpacked(bytes(msgpack.packb(frame)), 3)
    except (BadValueError, msgspec.ValidationError):
        return
    assert events_in(found) <= 3
    again = unpacked(Encoder().encode(found), events_in(found))
    assert list(in_place(again)) == list(in_place(found))
