"""Whom to ask for a window: the owners' answers hold the network's T latest purchases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.purchases.recency import WALK, Recency, Walk
from events.purchases.columns import Columns
from events.purchases.event import Befriend, Purchase, Unfriend
from events.purchases.journal import PurchaseJournal

if TYPE_CHECKING:
    from collections.abc import Callable

USERS = 8
# For each purchase its user and its second: late ones and ties abound.
buys = st.lists(st.tuples(st.integers(0, USERS - 1), st.integers(0, 9)), max_size=60)


def purchases_of(pairs: list[tuple[int, int]]) -> list[tuple[int, Purchase]]:
    """Return the buyer of each purchase, and the purchase, which has an event number to itself."""
    return [
        (user, Purchase(f"2017-06-13 11:33:0{second}", number, str(user), 100))
        for number, (user, second) in enumerate(pairs, USERS + 1)
    ]


def journal_of(made: list[tuple[int, Purchase]]) -> PurchaseJournal:
    """Return a journal in which users 0 to 7 appear in this order, and then buy."""
    journal = PurchaseJournal()
    met = [Befriend("2017-06-13 11:33:00", number, "0", str(number)) for number in range(1, USERS)]
    parted = Unfriend("2017-06-13 11:33:00", USERS, "0", "1")
    journal.extend(Columns.of([*met, parted, *(purchase for _, purchase in made)]))
    return journal


def remember(
    made: list[tuple[int, Purchase]], split: int, later: int = 0, walk: Walk = WALK
) -> Recency:
    """Take the first ``split`` purchases at once and the others but ``later`` one by one."""
    recency, end = Recency(journal_of(made), walk), USERS + len(made) - later
    recency.stand(min(USERS + split, end))
    # As if somebody had asked: what is remembered is kept up with, what is not is not.
    recency.owners({0, 1}, 2)
    recency.last(0)
    for number in range(USERS + split + 1, end + 1):
        recency.stand(number)
    return recency


def window(
    recency: Recency, made: list[tuple[int, Purchase]], members: set[int], tracked: int
) -> list[Purchase]:
    """Ask the owners as the coordinator does and return the window."""
    owners = recency.owners(members, tracked)
    answers: list[Purchase] = []
    for user, latest in owners.latest.items():
        assert user in members
        own = sorted(purchase for buyer, purchase in made if buyer == user)[-latest:]
        answers += [each for each in own if (each.time, each.number) >= owners.since]
    return sorted(answers)[-tracked:]


# All windows are found by walking, by sorting, or by a walk that forgets a lot.
WALKS = [Walk(steps_to_sort=10**6), Walk(steps_to_sort=0), Walk(3, 10**6)]
by = pytest.mark.parametrize("walk", WALKS, ids=["walk", "sort", "short walk"])


@by
class TestOwners:
    @given(
        buys, st.integers(0, 60), st.sets(st.integers(0, USERS - 1)), st.sampled_from([2, 3, 7, 50])
    )
    def test_owners_have_the_latest_purchases_of_the_network(
        self, walk: Walk, pairs: list[tuple[int, int]], split: int, members: set[int], tracked: int
    ) -> None:
        made = purchases_of(pairs)
        expected = sorted(purchase for user, purchase in made if user in members)[-tracked:]
        assert window(remember(made, split, walk=walk), made, members, tracked) == expected

    @given(buys, st.sets(st.integers(0, USERS - 1)), st.sampled_from([2, 3, 7]))
    def test_no_more_users_are_asked_than_purchases_are_tracked(
        self, walk: Walk, pairs: list[tuple[int, int]], members: set[int], tracked: int
    ) -> None:
        owners = remember(purchases_of(pairs), 30, walk=walk).owners(members, tracked)
        assert len(owners.latest) <= tracked


@by
class TestHistoryAlone:
    @given(buys, st.integers(0, 60), st.integers(0, 60), st.sets(st.integers(0, USERS - 1)))
    def test_whom_to_ask_does_not_depend_on_how_the_purchases_came(
        self, walk: Walk, pairs: list[tuple[int, int]], split: int, other: int, members: set[int]
    ) -> None:
        made = purchases_of(pairs)
        one, two = (remember(made, cut, walk=walk).owners(members, 3) for cut in (split, other))
        assert one == two
        assert list(one.latest) == list(two.latest)


@given(buys, st.integers(0, 60), st.integers(0, 60))
def test_later_purchases_in_the_journal_change_nothing(
    pairs: list[tuple[int, int]], split: int, later: int
) -> None:
    made = purchases_of(pairs)
    there = made[: max(len(made) - later, 0)]
    ahead, alone = remember(made, split, len(made) - len(there)), remember(there, split)
    everyone = set(range(USERS))
    assert ahead.owners(everyone, 3) == alone.owners(everyone, 3)
    assert ahead.latest(60) == alone.latest(60) == sorted([made for _, made in there])[::-1]
    for user in everyone:
        own = [purchase for buyer, purchase in there if buyer == user]
        last = max(own).number if own else None
        assert ahead.last(user) == alone.last(user) == last


@given(buys, st.sets(st.integers(0, USERS - 1)), st.sampled_from([2, 3, 7]))
def test_users_who_appear_later_do_not_change_whom_to_ask(
    pairs: list[tuple[int, int]], members: set[int], tracked: int
) -> None:
    """How to find the owners is chosen by how many users there are: as of the moment."""
    made = purchases_of(pairs)
    alone, ahead = Recency(journal_of(made)), journal_of(made)
    first = len(ahead) + 1
    later = [
        Purchase("2017-06-13 11:33:09", number, f"new{number}", 100)
        for number in range(first, first + 2_000)
    ]
    ahead.extend(Columns.of(later))
    alone.stand(first - 1)
    before = Recency(ahead)
    before.stand(first - 1)
    assert before.owners(members, tracked) == alone.owners(members, tracked)


@given(buys, st.lists(st.integers(0, 60), max_size=8))
def test_every_moment_is_the_same_by_any_way_that_leads_there(
    pairs: list[tuple[int, int]], visits: list[int]
) -> None:
    made = purchases_of(pairs)
    travelling = Recency(journal_of(made))
    for visit in visits:
        number = USERS + min(visit, len(made))
        travelling.stand(number)
        straight = Recency(journal_of(made))
        straight.stand(number)
        everyone = set(range(USERS))
        assert travelling.owners(everyone, 3) == straight.owners(everyone, 3)
        assert travelling.latest(60) == straight.latest(60)
        assert [*map(travelling.last, everyone)] == [*map(straight.last, everyone)]


@pytest.fixture
def in_seconds() -> Callable[..., int | None]:
    """Return a function that gives the latest of one user's purchases, in given seconds."""

    def last(*seconds: int) -> int | None:
        recency = remember(purchases_of([(0, second) for second in seconds]), 0)
        number = recency.last(0)
        return None if number is None else number - USERS

    return last


def test_late_purchase_is_not_a_users_last(in_seconds: Callable[..., int | None]) -> None:
    assert in_seconds(5, 3) == 1


def test_of_two_purchases_in_one_second_the_later_line_is_the_last(
    in_seconds: Callable[..., int | None],
) -> None:
    assert in_seconds(5, 5) == 2
