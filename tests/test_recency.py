"""Whom to ask for a window: the owners' answers hold the network's T latest purchases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

import actors.recency
from actors.recency import Recency
from events.event import Purchase

if TYPE_CHECKING:
    from collections.abc import Callable

USERS = 8
NUMBERS = {str(number): number for number in range(USERS)}
# For each purchase its user and its second: late ones and ties abound.
buys = st.lists(st.tuples(st.integers(0, USERS - 1), st.integers(0, 9)), max_size=60)


def purchases_of(pairs: list[tuple[int, int]]) -> list[tuple[int, Purchase]]:
    return [
        (user, Purchase(f"2017-06-13 11:33:0{second}", number, str(user), 100))
        for number, (user, second) in enumerate(pairs, 1)
    ]


def remember(made: list[tuple[int, Purchase]], split: int) -> Recency:
    """Take the first ``split`` purchases at once and the others one by one."""
    recency = Recency()
    for _ in range(USERS):
        recency.add_user()
    recency.extend([purchase for _, purchase in made[:split]])
    for user, purchase in made[:split]:
        recency.note_last(user, purchase)
    for user, purchase in made[split:]:
        recency.add(user, purchase, NUMBERS)
    return recency


def window(
    recency: Recency, made: list[tuple[int, Purchase]], members: set[int], tracked: int
) -> list[Purchase]:
    """Ask the owners as the coordinator does and return the window."""
    owners = recency.owners(members, tracked, NUMBERS)
    answers: list[Purchase] = []
    for user, latest in owners.latest.items():
        assert user in members
        own = sorted(purchase for buyer, purchase in made if buyer == user)[-latest:]
        answers += [each for each in own if (each.time, each.number) >= owners.since]
    return sorted(answers)[-tracked:]


@pytest.fixture(params=["walk", "sort", "short walk"])
def by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have all windows found by walking, by sorting, or by a walk that forgets a lot."""
    way = str(request.param)
    monkeypatch.setattr(actors.recency, "_SORT_TO_WALK", 0 if way == "sort" else 10**6)
    if way == "short walk":
        monkeypatch.setattr(actors.recency, "WALK_MAX", 3)
    return way


@pytest.mark.usefixtures("by")
class TestOwners:
    @given(
        buys, st.integers(0, 60), st.sets(st.integers(0, USERS - 1)), st.sampled_from([2, 3, 7, 50])
    )
    def test_owners_have_the_latest_purchases_of_the_network(
        self, pairs: list[tuple[int, int]], split: int, members: set[int], tracked: int
    ) -> None:
        made = purchases_of(pairs)
        expected = sorted(purchase for user, purchase in made if user in members)[-tracked:]
        assert window(remember(made, split), made, members, tracked) == expected

    @given(buys, st.sets(st.integers(0, USERS - 1)), st.sampled_from([2, 3, 7]))
    def test_no_more_users_are_asked_than_purchases_are_tracked(
        self, pairs: list[tuple[int, int]], members: set[int], tracked: int
    ) -> None:
        owners = remember(purchases_of(pairs), 30).owners(members, tracked, NUMBERS)
        assert len(owners.latest) <= tracked


@pytest.mark.usefixtures("by")
class TestHistoryAlone:
    @given(buys, st.integers(0, 60), st.integers(0, 60), st.sets(st.integers(0, USERS - 1)))
    def test_whom_to_ask_does_not_depend_on_how_the_purchases_came(
        self, pairs: list[tuple[int, int]], split: int, other: int, members: set[int]
    ) -> None:
        made = purchases_of(pairs)
        one, two = (remember(made, cut).owners(members, 3, NUMBERS) for cut in (split, other))
        assert one == two
        assert list(one.latest) == list(two.latest)


@pytest.fixture
def in_seconds() -> Callable[..., Recency]:
    """Return a function that makes a recency of one user's purchases in given seconds."""

    def make(*seconds: int) -> Recency:
        return remember(purchases_of([(0, second) for second in seconds]), 0)

    return make


def test_late_purchase_is_not_a_users_last(in_seconds: Callable[..., Recency]) -> None:
    last = in_seconds(5, 3).last[0]
    assert last is not None
    assert last.number == 1


def test_of_two_purchases_in_one_second_the_later_line_is_the_last(
    in_seconds: Callable[..., Recency],
) -> None:
    last = in_seconds(5, 5).last[0]
    assert last is not None
    assert last.number == 2
