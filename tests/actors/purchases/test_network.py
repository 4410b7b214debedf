"""The network query finds everyone within D friendships, in any order of answers."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from actors.purchases.network import NetworkQuery

friendships = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda pair: pair[0] != pair[1]),
    max_size=25,
)


def friends_by_user(pairs: list[tuple[int, int]]) -> dict[int, set[int]]:
    friends: dict[int, set[int]] = {user: set() for user in range(10)}
    for one, other in pairs:
        friends[one].add(other)
        friends[other].add(one)
    return friends


def distances(friends: dict[int, set[int]], user: int) -> dict[int, int]:
    """Return how many friendships away each reachable user is, by relaxation."""
    away = {user: 0}
    for _ in range(len(friends)):
        for one, hops in list(away.items()):
            for other in friends[one]:
                away[other] = min(away.get(other, len(friends)), hops + 1)
    return away


@given(friendships, st.integers(0, 9), st.integers(1, 12), st.integers())
def test_members_are_all_within_d_hops_whatever_the_order_of_answers(
    pairs: list[tuple[int, int]], user: int, degrees: int, seed: int
) -> None:
    friends = friends_by_user(pairs)
    query = NetworkQuery(user, degrees)
    asked: list[int] = []
    while query.frontier:
        frontier = list(query.frontier)
        assert frontier == sorted(frontier)
        asked += frontier
        random.Random(seed).shuffle(frontier)
        complete = [query.answer(frozenset(friends[member])) for member in frontier]
        assert complete == [False] * (len(frontier) - 1) + [True]
    away = distances(friends, user)
    assert query.members == {other for other, hops in away.items() if 1 <= hops <= degrees}
    # Nobody is asked twice, and nobody whose answer could add no member.
    assert sorted(asked) == sorted(other for other, hops in away.items() if hops < degrees)


def test_user_is_never_a_member_of_its_own_network() -> None:
    query = NetworkQuery(0, 3)
    query.answer(frozenset({1}))
    query.answer(frozenset({0}))
    assert query.members == {1}
    assert query.frontier == []
