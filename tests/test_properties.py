"""The program's own properties, as the test kit states them; `scripts/faults.py` runs these.

In the order in which they are run: the first that fails names a fault.
"""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.purchases.recency import Walk
from replay.testing import (
    LiveRun,
    LoggedHistory,
    assert_agrees_with_model,
    assert_deterministic,
    assert_replays,
    assert_same_decisions,
    failures,
    histories,
    orders,
    run_in,
)
from tests.walks import walking

if TYPE_CHECKING:
    from actors.orders import ChosenOrder
    from replay.engine.failing import Failure

more = settings(max_examples=settings().max_examples * 3)


@pytest.mark.slow
@more
@given(histories())
def test_every_decision_is_the_models(history: LoggedHistory) -> None:
    assert_agrees_with_model(history)


@pytest.mark.slow
@more
@given(histories(users=3, bad=0, past_max=40))
def test_every_decision_in_a_dense_network_is_the_models(history: LoggedHistory) -> None:
    assert_agrees_with_model(history)


@pytest.mark.slow
@given(histories())
def test_every_decision_by_sorting_latest_purchases_is_the_models(history: LoggedHistory) -> None:
    # So small histories are always walked; large ones, whose networks are small, are not.
    assert_agrees_with_model(history, detector=walking(Walk(0)))


@pytest.mark.slow
@given(histories(), orders())
def test_no_chosen_order_of_delivery_changes_a_decision(
    history: LoggedHistory, order: ChosenOrder
) -> None:
    assert_same_decisions(history, order)


@pytest.mark.slow
@given(histories())
def test_no_random_order_of_delivery_changes_a_decision(history: LoggedHistory) -> None:
    assert_same_decisions(history, orders=10)


@pytest.mark.slow
@given(histories(), orders(), st.lists(failures(), min_size=1, max_size=6))
def test_no_failure_of_a_user_changes_a_decision(
    history: LoggedHistory, order: ChosenOrder, planned: list[Failure]
) -> None:
    assert_same_decisions(history, order, planned=planned)


@pytest.mark.slow
@given(histories())
def test_messages_and_files_are_the_same_under_every_hash_seed(history: LoggedHistory) -> None:
    assert_deterministic(history)


@pytest.mark.slow
@given(histories())
def test_every_store_replays_forward_and_back(history: LoggedHistory) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _, store = run_in(folder, history)
        assert_replays(store)


@pytest.mark.slow
class TestLiveRun(LiveRun.TestCase):  # type: ignore[misc,valid-type]  # made by Hypothesis
    settings = settings(
        max_examples=settings().max_examples * 2, stateful_step_count=30, deadline=None
    )
