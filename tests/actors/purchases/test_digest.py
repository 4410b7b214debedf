"""Sums of columns are those of the state, and tell whose part of it differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from actors.purchases.digest import (
    MODULUS,
    RunningSums,
    Sums,
    sums_of,
    total_of,
    users_of_difference,
)
from actors.purchases.user import OwnPurchases
from events.purchases.columns import Columns
from events.purchases.event import Befriend, Purchase, Unfriend
from events.purchases.journal import OwnEvents, PurchaseJournal

if TYPE_CHECKING:
    from events.purchases.event import Event

TIME = "2017-06-13 11:33:01"
users = st.integers(0, 5)
purchases = st.builds(Purchase, st.just(TIME), st.integers(1, 99), st.just("x"), st.integers(0, 9))
bought = st.lists(st.tuples(users, purchases), max_size=12)
changed = st.lists(
    st.tuples(users, users, st.booleans()).filter(lambda change: change[0] != change[1]),
    max_size=12,
)


def own(*made: Purchase) -> OwnPurchases:
    """Return purchases as a user actor holds them."""
    purchases = OwnPurchases()
    for purchase in made:
        purchases.add(purchase)
    return purchases


def whole(purchased: list[tuple[int, Purchase]], friendships: set[frozenset[int]]) -> Sums:
    """Return the sums of a state, each user's part summed up by itself."""
    parts = []
    for user in range(6):
        friends = [other for other in range(6) if frozenset((user, other)) in friendships]
        made = [purchase for buyer, purchase in purchased if buyer == user]
        others = [other for other in friends if other != user]
        parts.append(sums_of(user, others, own(*made)))
    return total_of(parts)


def after(changes: list[tuple[int, int, bool]]) -> set[frozenset[int]]:
    friendships: set[frozenset[int]] = set()
    for one, other, begins in changes:
        pair = frozenset((one, other))
        (friendships.add if begins else friendships.discard)(pair)
    return friendships


# What happens: a purchase of a user, or a change of a friendship.
bought_by = st.tuples(users, st.integers(0, 10**19 - 1))
happening = st.lists(bought_by | changed.filter(bool).map(lambda found: found[0]), max_size=25)


def events_of(happened: list[Any]) -> list[Event]:
    """Return what ``happened`` as events 4 and following of a journal in which 0 to 5 appear."""
    met = [
        Unfriend(TIME, number, str(2 * number - 2), str(2 * number - 1)) for number in range(1, 4)
    ]
    events: list[Event] = [*met]
    for number, each in enumerate(happened, 4):
        if len(each) == 2:
            events.append(Purchase(TIME, number, str(each[0]), each[1]))
        else:
            one, other, begins = each
            change = Befriend if begins else Unfriend
            events.append(change(TIME, number, str(one), str(other)))
    return events


def states_of(happened: list[Any]) -> list[Sums]:
    """Return the sums after 0, 1, 2, ... of ``events_of(happened)``."""
    found = [whole([], set())] * 4
    for count in range(1, len(happened) + 1):
        then = happened[:count]
        made = [
            (each[0], Purchase(TIME, number, "x", each[1]))
            for number, each in enumerate(then, 4)
            if len(each) == 2
        ]
        found.append(whole(made, after([each for each in then if len(each) == 3])))
    return [each.reduced() for each in found]


@given(happening, st.lists(st.integers(0, 28), max_size=12), st.sampled_from([0, 2, 20]))
def test_sums_of_columns_are_those_of_the_state_by_steps_of_any_size_and_direction(
    happened: list[Any], visits: list[int], shift: int
) -> None:
    journal = PurchaseJournal()
    journal.extend(Columns.of(events_of(happened)))
    states = states_of(happened)
    # Up to which distance events are added one by one.
    running = RunningSums(journal, shift)
    for visit in [*visits, *range(len(states))]:
        number = min(visit, len(journal))
        running.stand(number)
        assert running.now() == states[number]


@given(happening, st.integers(0, 28))
def test_sums_of_what_a_recovered_user_holds_are_those_of_the_state(
    happened: list[Any], number: int
) -> None:
    journal = PurchaseJournal()
    journal.extend(Columns.of(events_of(happened)))
    number = min(number, len(journal))
    parts = [
        sums_of(user, journal.friends(user, number), OwnPurchases(OwnEvents(journal, user), number))
        for user in range(journal.users(number))
    ]
    assert total_of([Sums(), *parts]).reduced() == states_of(happened)[number]


def test_sums_of_amounts_beyond_64_bits_are_the_same_by_either_way() -> None:
    largest = 10**19 - 1
    journal = PurchaseJournal()
    journal.extend(Columns.of([Purchase(TIME, number, "x", largest) for number in (1, 2, 3)]))
    held = OwnPurchases(OwnEvents(journal, 0), 3)
    expected = Sums(3, 6, 6, 3 * largest, 3 * largest).reduced()
    assert sums_of(0, (), held).reduced() == expected
    held.latest(1)
    assert sums_of(0, (), held).reduced() == expected
    running = RunningSums(journal)
    running.stand(3)
    assert running.now() == expected


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
    one = sums_of(1, (), own(Purchase(TIME, 7, "x", 5)))
    other = sums_of(4, (), own(Purchase(TIME, 8, "x", 5)))
    assert users_of_difference(total_of([one, other])) == ()
    assert users_of_difference(Sums()) == ()


def test_sums_are_recorded_modulo_two_to_the_sixty_fourth() -> None:
    assert Sums(MODULUS, MODULUS + 1, -1).reduced()[:3] == (0, 1, MODULUS - 1)
