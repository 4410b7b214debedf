"""Events are immutable facts with one canonical line, one order and one stored form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgpack
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.purchases.event import Befriend, Event, Purchase, Unfriend, line_of, place_of, render
from events.purchases.lines import parse_line
from tests.record_strategies import AMOUNT_MAX, amounts, befriends, events, purchases, unfriends

if TYPE_CHECKING:
    from random import Random

SPEC_EXAMPLES = [
    (
        Purchase("2017-06-13 11:33:01", 1, "1", 168_300),
        (
            b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", '
            b'"id": "1", "amount": "16.83"}'
        ),
    ),
    (
        Befriend("2017-06-13 11:33:01", 1, "1", "2"),
        b'{"event_type":"befriend", "timestamp":"2017-06-13 11:33:01", "id1": "1", "id2": "2"}',
    ),
    (
        Unfriend("2017-06-13 11:33:01", 1, "1", "3"),
        b'{"event_type":"unfriend", "timestamp":"2017-06-13 11:33:01", "id1": "1", "id2": "3"}',
    ),
]

# Names that JSON writes as they are, so that their events have a canonical line.
plain_users = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters='"\\', min_codepoint=0x20),
    min_size=1,
)
pairs = st.lists(plain_users, min_size=2, max_size=2, unique=True)
times = st.sampled_from(["2017-06-13 11:33:01", "2016-02-29 00:00:00.000000000001"])


def field_values(event: Event) -> list[object]:
    return list(msgspec.structs.astuple(event))


@given(times, plain_users, amounts, st.integers(1, 10**9))
def test_canonical_line_of_a_purchase_reads_back_as_the_same_event(
    time: str, user: str, amount: int, number: int
) -> None:
    event = Purchase(time, number, user, amount)
    assert parse_line(line_of(event), number) == event


@given(st.sampled_from([Befriend, Unfriend]), times, pairs, st.integers(1, 10**9))
def test_canonical_line_of_a_friendship_reads_back_as_the_same_event(
    kind: type[Befriend | Unfriend], time: str, users: list[str], number: int
) -> None:
    event = kind(time, number, users[0], users[1])
    assert parse_line(line_of(event), number) == event


@given(events)
def test_line_of_an_event_is_the_kept_line_or_else_the_canonical_one(event: Event) -> None:
    expected = render(event).encode() if event.line is None else event.line
    assert line_of(event) == expected


@given(st.lists(st.tuples(times, st.text(), amounts)), st.randoms())
def test_purchases_sort_by_time_and_then_by_number(
    bought: list[tuple[str, str, int]], random: Random
) -> None:
    numbered = enumerate(bought, 1)
    purchases = [Purchase(time, number, user, units) for number, (time, user, units) in numbered]
    expected = sorted(purchases, key=lambda purchase: (purchase.time, purchase.number))
    random.shuffle(purchases)
    assert sorted(purchases) == sorted(purchases, key=place_of) == expected


@given(events)
def test_stored_form_is_an_array_of_the_tag_and_the_fields(event: Event) -> None:
    stored = msgpack.unpackb(msgspec.msgpack.encode(event))
    assert stored == [type(event).__name__.lower(), *field_values(event)]


@given(events)
def test_stored_form_reads_back_as_the_same_event(event: Event) -> None:
    decoded = msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=Event)
    assert decoded == event
    assert type(decoded) is type(event)


@given(purchases, befriends, unfriends)
def test_stored_form_without_the_last_field_reads_as_an_event_with_a_canonical_line(
    purchase: Purchase, befriend: Befriend, unfriend: Unfriend
) -> None:
    for event in (purchase, befriend, unfriend):
        older = [type(event).__name__.lower(), *field_values(event)[:-1]]
        assert msgspec.convert(older, Event) == msgspec.structs.replace(event, line=None)


@given(events)
def test_stored_form_with_fields_from_the_future_reads_as_the_event_known_today(
    event: Event,
) -> None:
    newer = [type(event).__name__.lower(), *field_values(event), "a later field"]
    assert msgspec.convert(newer, Event) == event


@pytest.mark.parametrize(("event", "line"), SPEC_EXAMPLES)
def test_canonical_line_is_the_specs_own(event: Event, line: bytes) -> None:
    assert render(event).encode() == line


def test_canonical_line_shows_the_largest_and_the_smallest_amount_in_full() -> None:
    largest = Purchase("2017-06-13 11:33:01", 1, "1", AMOUNT_MAX)
    smallest = Purchase("2017-06-13 11:33:01", 1, "1", 1)
    assert render(largest).endswith('"amount": "999999999999999.9999"}')
    assert render(smallest).endswith('"amount": "0.0001"}')


def test_late_purchase_sorts_before_an_earlier_listed_one() -> None:
    listed_first = Purchase("2017-06-13 11:33:02", 1, "1", 5)
    late = Purchase("2017-06-13 11:33:01.999", 2, "1", 5)
    tied = Purchase("2017-06-13 11:33:02", 3, "1", 1)
    assert sorted([tied, listed_first, late]) == [late, listed_first, tied]


@pytest.mark.parametrize("event", [event for event, _ in SPEC_EXAMPLES])
def test_event_cannot_be_changed(event: Event) -> None:
    with pytest.raises(AttributeError, match=f"immutable type: '{type(event).__name__}'"):
        event.time = "2017-06-13 11:33:02"  # type: ignore[misc]


def test_befriend_and_unfriend_of_the_same_users_are_different_events() -> None:
    befriend: Event = Befriend("2017-06-13 11:33:01", 1, "1", "2")
    unfriend: Event = Unfriend("2017-06-13 11:33:01", 1, "1", "2")
    assert befriend != unfriend
    assert render(befriend) != render(unfriend)
