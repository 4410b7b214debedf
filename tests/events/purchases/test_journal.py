"""The journal answers as of any event, however it has grown, as brute force does."""

from __future__ import annotations

import pickle
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.purchases.amounts import UNITS_PER_ONE, parse_amount
from events.purchases.columns import Columns
from events.purchases.event import Befriend, Event, Purchase, Unfriend, line_of, render, users_of
from events.purchases.journal import OwnEvents, PurchaseJournal
from events.purchases.styles import AMOUNT, CLOCK, DATE, OTHER, USER, Style
from replay.engine.history import Events

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence

    from events.journal.index import Growth

AMOUNTS = [parse_amount(text) for text in ("0", "5", "7.5", "7.5000", "999999999999999.9999")]
# Equal seconds, and fractions of any length that differ in what a tick tells and behind it.
FRACTIONS = ["", "", "", ".5", ".500001", ".5000001", ".500000100000000000000000001", ".50000012"]
USERS = "abcdef"


class Drawn(NamedTuple):
    """What happens, before it is known when."""

    kind: str
    users: tuple[str, str]
    second: int
    fraction: str
    amount: int
    line: bytes | None


drawn = st.builds(
    Drawn,
    st.sampled_from(["buy", "buy", "befriend", "unfriend"]),
    st.permutations(USERS).map(lambda users: (users[0], users[1])),
    st.integers(-3, 3),
    st.sampled_from(FRACTIONS),
    st.sampled_from(AMOUNTS) | st.integers(0, 10**19 - 1),
    st.sampled_from([None, None, None, b"as it was"]),
)


def happened(found: Sequence[Drawn], *, late: bool, fine: bool, first: int = 1) -> list[Event]:
    """Return events, each some seconds after the latest before it, or before that too."""
    events: list[Event] = []
    clock = 63_000_000
    for number, each in enumerate(found, first):
        clock += max(each.second, 0)
        second = clock + (min(each.second, 0) if late else 0)
        # As canonical times sort, a fraction later in the same second comes late as well.
        fraction = each.fraction if fine else ""
        minutes, seconds = divmod(second % 3600, 60)
        time = f"2017-06-13 {second // 3600 % 24:02}:{minutes:02}:{seconds:02}{fraction}"
        if each.kind == "buy":
            events.append(Purchase(time, number, each.users[0], each.amount, each.line))
        else:
            change = Befriend if each.kind == "befriend" else Unfriend
            events.append(change(time, number, *each.users, each.line))
    return events


histories = st.builds(
    happened, st.lists(drawn, max_size=40), late=st.booleans(), fine=st.booleans()
)


def in_blocks(events: Sequence[Event], sizes: Sequence[int]) -> Iterator[list[Event]]:
    """Cut ``events`` into blocks of ``sizes``, which are used again and again."""
    ends = accumulate(sizes[place % len(sizes)] for place in range(len(events)))
    start = 0
    for end in ends:
        if start < len(events):
            yield list(events[start:end])
        start = end


class Model:
    """Answers from a list of events, by looking at all of them."""

    def __init__(self, events: Sequence[Event], numbers: dict[str, int]) -> None:
        self.events = events
        self.numbers = numbers
        self.names = list(dict.fromkeys(user for each in events for user in users_of(each)))

    def friends(self, name: str) -> frozenset[int]:
        friends: set[int] = set()
        for event in self.events:
            if not isinstance(event, Purchase) and name in users_of(event):
                (other,) = {*users_of(event)} - {name}
                change = friends.add if isinstance(event, Befriend) else friends.discard
                change(self.numbers[other])
        return frozenset(friends)

    def purchases(self, name: str | None = None) -> list[Purchase]:
        return sorted(
            each for each in self.events if isinstance(each, Purchase) and name in (None, each.user)
        )


def check(journal: PurchaseJournal, events: Sequence[Event], number: int) -> None:
    """Compare all that ``journal`` answers as of ``number`` with the model."""
    model = Model(events[:number], dict(journal.numbers))
    assert journal.users(number) == len(model.names)
    assert journal.names[: len(model.names)] == model.names
    for name in journal.names:
        appeared = name in model.names
        assert journal.number_of(name, number) == (journal.numbers[name] if appeared else None)
    assert journal.number_of("nobody", number) is None
    in_order = [journal.event(int(row) + 1) for row in journal.in_order(number)]
    assert in_order == model.purchases()
    for user, name in enumerate(journal.names):
        own = OwnEvents(journal, user)
        bought = model.purchases(name)
        assert own.purchases(own.bought(number)) == bought
        assert own.friends(number) == model.friends(name)
        totals = own.totals(own.bought(number))
        expected = (sum(each.number for each in bought), sum(each.amount for each in bought))
        assert [value % 2**64 for value in totals] == [value % 2**64 for value in expected]
        assert own.events(number) == [each for each in model.events if name in users_of(each)]
        for other in range(len(journal.names)):
            if other != user:
                friends = other in own.friends(number)
                assert journal.are_friends(user, other, number) == friends


class TestAsOf:
    @given(histories, st.lists(st.integers(1, 12), min_size=1), st.randoms())
    def test_answers_are_those_of_brute_force_while_the_journal_grows(
        self, growth: Growth, events: list[Event], sizes: list[int], draw: random.Random
    ) -> None:
        journal = PurchaseJournal(growth)
        for block in in_blocks(events, sizes):
            journal.extend(Columns.of(block))
            for _ in range(2):
                check(journal, events, draw.randint(0, len(journal)))
        assert len(journal) == len(events)

    @given(histories, st.lists(st.integers(1, 12), min_size=1))
    def test_answers_as_of_every_event_are_the_same_once_all_have_come(
        self, growth: Growth, events: list[Event], sizes: list[int]
    ) -> None:
        journal = PurchaseJournal(growth)
        for block in in_blocks(events, sizes):
            journal.extend(Columns.of(block))
        for number in range(len(events) + 1):
            check(journal, events, number)

    @given(histories, st.lists(st.integers(1, 12), min_size=1), st.data())
    def test_events_come_back_as_they_were(
        self, growth: Growth, events: list[Event], sizes: list[int], data: st.DataObject
    ) -> None:
        journal = PurchaseJournal(growth)
        for block in in_blocks(events, sizes):
            journal.extend(Columns.of(block))
        everything = Events(journal, at_once=3)
        assert list(everything) == journal.events(1, len(journal)) == events
        assert len(everything) == len(events)
        assert everything == events
        cut = data.draw(st.slices(len(events)))
        assert everything[cut] == events[cut]
        if events:
            place = data.draw(st.integers(-len(events), len(events) - 1))
            assert everything[place] == events[place]
            assert [line_of(event) for event in everything] == [line_of(each) for each in events]
        for outside in (len(events), -len(events) - 1):
            with pytest.raises(IndexError, match=str(outside)):
                everything[outside]

    @given(histories, st.data())
    def test_whom_events_concern_is_told(
        self, growth: Growth, events: list[Event], data: st.DataObject
    ) -> None:
        journal = PurchaseJournal(growth)
        journal.extend(Columns.of(events))
        if events:
            first = data.draw(st.integers(1, len(events)))
            last = data.draw(st.integers(first, len(events)))
            among = data.draw(st.sets(st.integers(0, len(journal.names) - 1)))
            concerned = {
                journal.numbers[user]
                for each in events[first - 1 : last]
                for user in users_of(each)
            }
            assert {*journal.concerned(first, last, among)} == concerned & among

    @given(histories, st.integers(0, 40))
    def test_copy_for_another_process_answers_the_same_and_grows_on(
        self, growth: Growth, events: list[Event], cut: int
    ) -> None:
        journal = PurchaseJournal(growth)
        journal.extend(Columns.of(events[:cut]))
        journal.users(cut)
        # Its arrays are memory that others read, too.
        arrays: list[pickle.PickleBuffer] = []
        content = pickle.dumps(journal, 5, buffer_callback=arrays.append)
        copy: PurchaseJournal = pickle.loads(content, buffers=map(bytes, arrays))  # noqa: S301
        copy.extend(Columns.of(events[cut:]).numbered(len(copy) + 1))
        check(copy, events, len(events))


@pytest.mark.slow
@given(histories)
def test_order_of_a_log_in_reverse_is_that_of_its_times(
    growth: Growth, events: list[Event]
) -> None:
    by_time = sorted(events, key=lambda event: event.time)
    reverse = [
        msgspec.structs.replace(event, number=number)
        for number, event in enumerate(reversed(by_time), 1)
    ]
    journal = PurchaseJournal(growth)
    for each in reverse:
        journal.append(each)
    for number in range(len(reverse) + 1):
        check(journal, reverse, number)


@given(histories)
def test_columns_of_events_give_the_events(events: list[Event]) -> None:
    columns = Columns.of(events)
    assert columns.events() == events
    assert len(columns) == len(events)
    for start in range(len(events) + 1):
        assert columns.events(start) == events[start:]
        assert columns.events(start // 2, start) == events[start // 2 : start]


@given(st.lists(drawn, min_size=1, max_size=9), st.integers(1, 2**40))
def test_columns_can_begin_anywhere(found: list[Drawn], first: int) -> None:
    events = happened(found, late=True, fine=True, first=first)
    columns = Columns.of(events)
    assert columns.events() == events
    elsewhere = columns.numbered(first + 7).events()
    assert [event.number - 7 for event in elsewhere] == [event.number for event in events]


STYLE = Style(
    f'{{ "amount":"{AMOUNT}","id":"{USER}","timestamp":"{DATE}T{CLOCK}" }}',
    f'{{ "id2":"{OTHER}","id1":"{USER}","timestamp":"{DATE}T{CLOCK}" }}',
    f'{{ "id2":"{OTHER}","id1":"{USER}","timestamp":"{DATE}T{CLOCK}", "over": 1 }}',
)


@given(
    histories, st.lists(st.tuples(st.integers(1, 9), st.sampled_from([None, STYLE])), min_size=1)
)
def test_lines_are_those_of_the_style_in_which_their_block_is_written(
    growth: Growth, events: list[Event], blocks: list[tuple[int, Style | None]]
) -> None:
    journal = PurchaseJournal(growth)
    expected: list[bytes] = []
    for place, block in enumerate(in_blocks(events, [size for size, _ in blocks])):
        style = blocks[place % len(blocks)][1]
        columns = Columns.of(block)
        columns.style = style
        journal.extend(columns)
        for event in block:
            bare = render(event).encode() if style is None else style.line(event)
            expected.append(bare if event.line is None else event.line)
        assert [line_of(event) for event in columns.events()] == expected[-len(block) :]
    assert [line_of(event) for event in Events(journal, at_once=3)] == expected
    bought = [row for row, event in enumerate(events) if isinstance(event, Purchase)]
    made = journal.purchases(bought)
    assert [line_of(event) for event in made] == [expected[row] for row in bought]


def test_events_that_do_not_follow_are_refused() -> None:
    journal = PurchaseJournal()
    journal.append(Purchase("2017-06-13 11:33:01", 1, "a", 5))
    for number in (1, 3):
        with pytest.raises(ValueError, match=f"expected event 2 next, found {number}"):
            journal.append(Purchase("2017-06-13 11:33:01", number, "b", 5))
    assert journal.names == ["a"]
    assert len(journal) == 1


def test_second_user_of_an_event_is_numbered_after_the_first_and_neither_is_there_before() -> None:
    journal = PurchaseJournal()
    time = "2017-06-13 11:33:01"
    journal.extend(
        Columns.of(
            [
                Purchase(time, 1, "z", 5),
                Befriend(time, 2, "y", "z"),
                Unfriend(time, 3, "z", "x"),
                Befriend(time, 4, "w", "a"),
            ]
        )
    )
    assert journal.names == ["z", "y", "x", "w", "a"]
    assert [journal.users(number) for number in range(5)] == [0, 1, 2, 3, 5]
    assert [journal.number_of("a", number) for number in range(5)] == [None] * 4 + [4]


def test_amounts_of_more_than_63_bits_are_whole_numbers_of_python() -> None:
    largest = parse_amount("999999999999999.9999")
    assert largest == 10**19 - 1 > 2**63
    events = [Purchase("2017-06-13 11:33:01", n, "a", largest - n) for n in (1, 2, 3)]
    journal = PurchaseJournal()
    journal.extend(Columns.of(events))
    amounts = [event.amount for event in journal.purchases([0, 1, 2])]
    assert amounts == [largest - 1, largest - 2, largest - 3]
    assert {type(amount) for amount in amounts} == {int}
    assert amounts[0] % UNITS_PER_ONE == 9998
    numbers, total = OwnEvents(journal, 0).totals([0, 1, 2])
    assert (numbers, total % 2**64) == (6, (3 * largest - 6) % 2**64)
    assert type(total) is int
