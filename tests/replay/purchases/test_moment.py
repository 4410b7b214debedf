"""Moments read off the journal are what actors decide, at any D and T."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import replay
from events.purchases.event import Purchase
from events.purchases.parameters import Parameters
from replay.purchases.explain import WhyPurchase, explain
from replay.purchases.history import History
from replay.purchases.moment import Moment, network_changes
from replay.purchases.redecide import decide_again
from replay.testing import histories, run_in

if TYPE_CHECKING:
    from replay.testing import LoggedHistory

SAMPLE = Path(replay.__file__).parents[1] / "scripts" / "sample"


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    folder = tmp_path_factory.mktemp("sample")
    with replay.Logs(SAMPLE / "batch_log.json", SAMPLE / "stream_log.json") as logs:
        summary = replay.run(logs, folder / "flagged.json")
    return History(replay.EventStore(summary.store_path))


@pytest.mark.parametrize(("degrees", "tracked"), [(1, 50), (2, 500), (3, 20)])
def test_every_decision_of_the_sample_is_the_same(
    history: History, degrees: int, tracked: int
) -> None:
    decided = decide_again(history, Parameters(degrees, tracked))
    assert len(decided) == 472
    for number, decision in decided.items():
        event = history.event(number)
        assert isinstance(event, Purchase)
        journal = history.journal
        baseline = Moment(journal, number - 1).baseline(
            journal.numbers[event.user], degrees, tracked
        )
        assert (baseline.n, baseline.mean, baseline.sd, baseline.flags(event.amount)) == (
            decision.purchases, decision.mean_cents, decision.sd_cents, decision.flagged,
        )  # fmt: skip


@settings(max_examples=60)
@given(histories(density=0.5), st.data())
def test_a_moment_says_what_the_actors_explain(
    tmp_path_factory: pytest.TempPathFactory, history: LoggedHistory, data: st.DataObject
) -> None:
    _, store = run_in(tmp_path_factory.mktemp("run"), history)
    with replay.Timeline(store) as timeline:
        if not len(timeline):
            return
        number = data.draw(st.integers(1, len(timeline)))
        journal, degrees = timeline.history.journal, timeline.parameters.degrees
        name = timeline.name
        why = explain(timeline, number)
        if isinstance(why, WhyPurchase):
            moment = Moment(journal, number - 1)
            network = moment.network(journal.numbers[why.event.user], degrees)
            assert tuple(tuple(map(name, hop)) for hop in network.hops) == why.hops
            window = moment.window(network.members, timeline.parameters.tracked)
            assert window == [each.purchase for each in why.window]
            paths = [network.path(journal.numbers[each.user]) for each in window]
            assert [tuple(map(name, path)) for path in paths] == [each.path for each in why.window]
            return
        changes = network_changes(journal, number, degrees)
        assert changes.complete
        assert {
            name(user): (changes.begun, tuple(map(name, members)))
            for user, members in changes.members.items()
        } == {each.user: (bool(each.came), each.came or each.left) for each in why.changes}


def test_readers_of_one_journal_do_not_disturb_one_another(history: History) -> None:
    journal, length = history.journal, len(history)
    early, late = Moment(journal, 1_000), Moment(journal, length)
    before = early.network(3, 2)
    assert late.network(3, 2) != before
    assert early.network(3, 2) == before == Moment(journal, 1_000).network(3, 2)
    assert {each.number for each in early.window(before.members, 10)} <= set(range(1, 1_001))
