"""Orders of delivery deliver everything, keep each pair in sequence, and can be had again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.dispatcher import DispatchedActor, Dispatcher
from actors.orders import ChosenOrder, LaneOrder, RandomOrder
from replay.testing.strategies import orders

if TYPE_CHECKING:
    from collections.abc import Sequence

Send: TypeAlias = tuple[int, int]
"""From which actor to which one; the message is how many were sent before it."""

sends = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=40)
any_orders = st.one_of(orders(), st.integers().map(RandomOrder))


class Silent(DispatchedActor):
    """Sends nothing."""

    def on_receive(self, message: Any) -> None:
        """Take ``message``."""


def sent(order: LaneOrder, given_sends: Sequence[Send]) -> Dispatcher:
    """Return a dispatcher on which all of ``given_sends`` wait."""
    dispatcher = Dispatcher(order)
    actors = [dispatcher.spawn(Silent, f"urn:{n}") for n in range(6)]
    for serial, (sender, receiver) in enumerate(given_sends):
        dispatcher.current = actors[sender]
        actors[receiver].actor_ref.tell(serial)
    dispatcher.current = None
    return dispatcher


def delivered(order: LaneOrder, given_sends: Sequence[Send]) -> list[int]:
    """Return in what order ``given_sends`` are delivered."""
    dispatcher = sent(order, given_sends)
    seen: list[int] = []
    dispatcher.observers.append(lambda _sender, _receiver, message: seen.append(message))
    dispatcher.run()
    return seen


@given(any_orders, sends)
def test_all_is_delivered_and_each_pair_in_sequence(
    order: LaneOrder, given_sends: list[Send]
) -> None:
    serials = delivered(order, given_sends)
    assert sorted(serials) == list(range(len(given_sends)))
    for pair in given_sends:
        of_pair = [serial for serial in serials if given_sends[serial] == pair]
        assert of_pair == sorted(of_pair)


@given(any_orders, sends)
def test_as_many_wait_as_were_sent_and_not_delivered(
    order: LaneOrder, given_sends: list[Send]
) -> None:
    dispatcher = sent(order, given_sends)
    for left in range(len(given_sends), 0, -1):
        assert len(order) == left
        assert dispatcher.step()
    assert len(order) == 0


@given(any_orders, sends)
def test_same_seed_or_choices_give_the_same_order(
    order: LaneOrder, given_sends: list[Send]
) -> None:
    again = eval(repr(order), {"ChosenOrder": ChosenOrder, "RandomOrder": RandomOrder})  # noqa: S307
    first = delivered(order, given_sends)
    assert delivered(again, given_sends) == first
    # One that was used up is as new.
    assert delivered(order.anew(), given_sends) == first


TO_THREE = [(0, 1), (0, 2), (0, 3)] * 3


def test_seeds_and_choices_make_a_difference() -> None:
    assert len({str(delivered(RandomOrder(seed), TO_THREE)) for seed in range(10)}) > 5
    assert len({str(delivered(ChosenOrder([choice]), TO_THREE)) for choice in range(9)}) == 3


def test_chosen_order_without_choices_serves_lanes_in_turn() -> None:
    mixed = [(0, 1), (0, 1), (0, 1), (0, 2), (0, 3), (0, 3)]
    assert delivered(ChosenOrder(), mixed) == [0, 3, 4, 1, 5, 2]
    assert delivered(ChosenOrder([0, 0]), mixed) == [0, 3, 4, 1, 5, 2]


def test_choice_lets_a_lane_overtake_those_that_wait_longer() -> None:
    lanes = [(0, 1), (0, 2), (0, 3)]
    assert delivered(ChosenOrder([2]), lanes) == [2, 0, 1]
    assert delivered(ChosenOrder([1, 1]), lanes) == [1, 2, 0]
    # Of three lanes the fourth is the first.
    assert delivered(ChosenOrder([3]), lanes) == [0, 1, 2]


def test_choice_is_kept_until_there_is_one_to_be_made() -> None:
    order = ChosenOrder([1])
    assert delivered(order, [(0, 1), (0, 1)]) == [0, 1]
    assert delivered(order, [(0, 1), (0, 2)]) == [1, 0]


def test_choices_can_come_later_and_follow_those_before() -> None:
    order = ChosenOrder([2])
    order.extend([1])
    assert delivered(order, [(0, 1), (0, 2), (0, 3)]) == [2, 1, 0]
    order.extend(iter([1]))
    assert delivered(order, [(0, 1), (0, 2)]) == [1, 0]
    assert repr(order) == "ChosenOrder([2, 1, 1])"


@given(any_orders, st.integers(0, 20), st.lists(st.integers(1, 5), min_size=1, max_size=30))
def test_what_was_appended_last_can_be_taken_back(
    order: LaneOrder, given_before: int, receivers: list[int]
) -> None:
    before = [(0, 1 + count % 3) for count in range(given_before)]
    dispatcher = sent(order, before)
    while given_before and len(order) > given_before // 2:
        dispatcher.step()
    kept = len(order)
    actors = [dispatcher.spawn(Silent, f"urn:new:{n}") for n in range(6)]
    for serial, receiver in enumerate(receivers):
        actors[receiver].actor_ref.tell(serial)
    taken = [order.pop()[2] for _ in receivers]
    assert taken == list(range(len(receivers)))[::-1]
    assert len(order) == kept
    dispatcher.run()
    assert len(order) == 0


@pytest.mark.parametrize("order", [RandomOrder(1), ChosenOrder([1])], ids=repr)
def test_order_without_deliveries_has_none_to_give_or_take_back(order: LaneOrder) -> None:
    with pytest.raises(IndexError, match="no delivery waits"):
        order.popleft()
    with pytest.raises(IndexError, match="pop from empty list"):
        order.pop()
