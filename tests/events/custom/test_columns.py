"""The events of a frame come out of columns, and out of a store, as they went in."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.custom.columns import FactColumns, PackedFacts
from events.records.validation import WrongRecordError
from events.store.stored import Encoder, decode_facts
from tests.by_the_book import facts_of
from tests.facts import TYPES, Tick, facts, numbered

# Of all types, or of one only.
frames = st.one_of(
    [st.lists(facts(), min_size=1, max_size=8)]
    + [st.lists(facts([kind]), min_size=1, max_size=4) for kind in range(3)]
)
firsts = st.sampled_from([1, 2, 1_000])


@given(frames, firsts, st.data())
def test_events_come_out_as_they_went_in(
    events: list[Any], first: int, data: st.DataObject
) -> None:
    expected = numbered(events, first)
    columns = FactColumns.of(TYPES, expected, first)
    assert columns.events() == expected
    start = data.draw(st.integers(0, len(events)))
    end = data.draw(st.integers(start, len(events)))
    assert columns.events(start, end) == expected[start:end]
    assert columns.times_between(start, end) == [event.time for event in expected[start:end]]
    cut = columns.first(end)
    assert (len(cut), cut.number, cut.events()) == (end, first, expected[:end])
    assert columns.numbered(7).events() == numbered(events, 7)


@given(frames, firsts)
def test_events_come_out_of_a_frame_as_they_went_in(events: list[Any], first: int) -> None:
    expected = numbered(events, first)
    body = Encoder().encode([FactColumns.of(TYPES, expected, first)])
    (packed,) = decode_facts(body)
    assert isinstance(packed, PackedFacts)
    unpacked = FactColumns.unpack(packed, TYPES, first)
    assert unpacked.events() == expected
    assert Encoder().encode([unpacked]) == body
    for count in range(1, len(events)):
        part = unpacked.first(count)
        assert FactColumns.unpack(part.packed(), TYPES, first).events() == expected[:count]


@given(frames)
def test_frame_is_what_the_format_says(events: list[Any]) -> None:
    columns = FactColumns.of(TYPES, numbered(events), 1)
    declared = msgspec.msgpack.decode(msgspec.msgpack.encode(TYPES.declared(b"{}")))
    body = msgspec.msgpack.decode(Encoder().encode([columns]))
    assert body == [facts_of(events, declared["types"])]


@given(frames)
def test_length_of_texts_is_that_of_all_of_them(events: list[Any]) -> None:
    columns = FactColumns.of(TYPES, events, 1)
    texts = [getattr(event, name, "") for event in events for name in ("user", "place")]
    finer = [event.time.partition(".")[2][6:] for event in events]
    assert columns.text_length() == sum(map(len, texts + finer))


def test_no_events_are_columns_too() -> None:
    columns = FactColumns.of(TYPES, [], 5)
    assert (len(columns), columns.events(), columns.first(0).events()) == (0, [], [])


def test_more_values_than_a_run_writes_are_refused_before_room_is_made() -> None:
    events = (1 << 23) // 4 + 1
    times = FactColumns.of(TYPES, [Tick(time="2017-06-13 11:33:01")], 1).packed().times
    many = msgspec.structs.replace(times, counts=[events])
    packed = PackedFacts([2] * events, many, [], [], [])
    with pytest.raises(WrongRecordError, match="expected a column for each field, found 0 columns"):
        FactColumns.unpack(packed, TYPES, 1)
    empty = FactColumns.of(TYPES, [Tick(time="2017-06-13 11:33:01")], 1).packed()
    packed = PackedFacts([2] * events, many, empty.texts, empty.numbers, [])
    with pytest.raises(WrongRecordError, match="expected 8388608 values in a frame at most, found"):
        FactColumns.unpack(packed, TYPES, 1)
