"""Sums kept event by event are those of the state, and tell whose part of it differs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.digest import (
    MODULUS,
    RunningSums,
    Sums,
    sums_of,
    total_of,
    users_of_difference,
)
from events.event import Befriend, Purchase, Unfriend

TIME = "2017-06-13 11:33:01"
users = st.integers(0, 5)
purchases = st.builds(Purchase, st.just(TIME), st.integers(1, 99), st.just("x"), st.integers(0, 9))
bought = st.lists(st.tuples(users, purchases), max_size=12)
changed = st.lists(
    st.tuples(users, users, st.booleans()).filter(lambda change: change[0] != change[1]),
    max_size=12,
)


def whole(purchased: list[tuple[int, Purchase]], friendships: set[frozenset[int]]) -> Sums:
    """Return the sums of a state, each user's part summed up by itself."""
    parts = []
    for user in range(6):
        friends = [other for other in range(6) if frozenset((user, other)) in friendships]
        own = [purchase for buyer, purchase in purchased if buyer == user]
        parts.append(sums_of(user, [other for other in friends if other != user], own))
    return total_of(parts)


def after(changes: list[tuple[int, int, bool]]) -> set[frozenset[int]]:
    friendships: set[frozenset[int]] = set()
    for one, other, begins in changes:
        pair = frozenset((one, other))
        (friendships.add if begins else friendships.discard)(pair)
    return friendships


def event_of(*, begins: bool) -> Befriend | Unfriend:
    return (Befriend if begins else Unfriend)(TIME, 1, "x", "y")


@given(bought, changed, st.integers(1, 12))
def test_running_sums_are_those_of_the_state_in_pieces_of_any_size(
    purchased: list[tuple[int, Purchase]], changes: list[tuple[int, int, bool]], size: int
) -> None:
    running = RunningSums()
    for start in range(0, 12, size):
        part = purchased[start : start + size]
        running.add_purchases([user for user, _ in part], [purchase for _, purchase in part])
        links = changes[start : start + size]
        events = [event_of(begins=begins) for *_, begins in links]
        running.change_friendships([(one, other) for one, other, _ in links], events)
    assert running.now() == whole(purchased, after(changes))


@given(bought, changed, users, purchases)
def test_a_purchase_too_many_is_of_its_buyer(
    purchased: list[tuple[int, Purchase]],
    changes: list[tuple[int, int, bool]],
    buyer: int,
    extra: Purchase,
) -> None:
    friendships = after(changes)
    one = whole(purchased, friendships).reduced()
    other = whole([*purchased, (buyer, extra)], friendships).reduced()
    assert users_of_difference(other.minus(one)) == (buyer,)
    assert users_of_difference(one.minus(other)) == (buyer,)


@given(changed, users, users)
def test_a_friendship_too_many_is_of_its_two_users(
    changes: list[tuple[int, int, bool]], one: int, other: int
) -> None:
    friendships = after(changes)
    pair = frozenset((one, other))
    if one != other and pair not in friendships:
        with_it = whole([], friendships | {pair}).reduced()
        difference = whole([], friendships).reduced().minus(with_it)
        assert users_of_difference(difference) == (min(pair), max(pair))


@given(bought.filter(bool), st.data())
def test_purchase_in_the_wrong_hands_or_of_another_amount_is_noticed(
    purchased: list[tuple[int, Purchase]], data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(purchased) - 1))
    buyer, purchase = purchased[index]
    other, amount = data.draw(st.tuples(users, st.integers(0, 9)))
    planted = Purchase(TIME, purchase.number, "x", amount)
    if (other, amount) != (buyer, purchase.amount):
        changed_state = [*purchased[:index], (other, planted), *purchased[index + 1 :]]
        assert whole(changed_state, set()) != whole(purchased, set())


def test_two_friendships_that_swap_ends_are_noticed() -> None:
    before = {frozenset((0, 3)), frozenset((1, 2))}
    swapped = {frozenset((0, 2)), frozenset((1, 3))}
    assert whole([], before).friendships == whole([], swapped).friendships
    assert whole([], before) != whole([], swapped)


def test_difference_of_several_users_is_of_nobody() -> None:
    one = sums_of(1, (), [Purchase(TIME, 7, "x", 5)])
    other = sums_of(4, (), [Purchase(TIME, 8, "x", 5)])
    assert users_of_difference(total_of([one, other])) == ()
    assert users_of_difference(Sums()) == ()


def test_sums_are_recorded_modulo_two_to_the_sixty_fourth() -> None:
    assert Sums(MODULUS, MODULUS + 1, -1).reduced()[:3] == (0, 1, MODULUS - 1)
