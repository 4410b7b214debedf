"""The actors of the second detector: any order of delivery, any runtime, one result."""

from __future__ import annotations

import pickle
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pykka
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.intervals import messages as interval_messages
from actors.intervals.actor import IntervalKeeper
from actors.intervals.coordinator import IntervalCoordinator
from actors.intervals.messages import Advance, Conclude, Extend, Findings, Observe, Settle
from actors.intervals.past import Recovery
from actors.intervals.sink import IntervalSink
from actors.messages import Commit
from actors.orders import RandomOrder
from events.logs.file import Portions
from events.observations.observed import Observed
from events.observations.parameters import IntervalParameters
from replay.intervals.simulation import IntervalSimulation
from tests.interval_runs import SMALL, Row, rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.activation import Ref
    from events.observations.findings import FindingColumns
    from events.observations.interval import Finding, Interval
    from events.records.record import StateDigest


class Kept:
    """An outlet that keeps all that it is given."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.intervals: list[Interval] = []
        self.digests: list[StateDigest] = []

    def record(self, findings: FindingColumns, digest: StateDigest) -> None:
        self.findings += findings
        self.digests.append(digest)

    def write(self, findings: FindingColumns) -> None:
        self.intervals += [each.interval for each in findings]


def parameters(lateness: int | None, *, keyed: bool) -> IntervalParameters:
    key = "address" if keyed else None
    return IntervalParameters(
        60 * 10**9, False, 2, lateness, "time", "adid", key, "csv", "jsonl", None
    )


END = (Conclude(), Settle(), Commit())


def portions(drawn: Sequence[Row], size: int, *, keyed: bool) -> list[Observe]:
    """Return the rows in messages of ``size`` of them."""
    found = []
    for start in range(0, len(drawn), size):
        times, adids, keys = zip(*drawn[start : start + size], strict=True)
        found.append(Observe(Observed(start + 1, times, adids, keys if keyed else None)))
    return found


def requests(drawn: Sequence[Row], size: int, *, keyed: bool) -> list[Any]:
    told: list[Any] = []
    for number, observe in enumerate(portions(drawn, size, keyed=keyed)):
        told += [observe, Advance()]
        if number % 2:
            told += [Settle(), Commit()]
    return [*told, *END]


def find_in_order(what: IntervalParameters, told: Sequence[Any]) -> Kept:
    kept = Kept()
    with IntervalSimulation(what, kept, portions=SMALL) as simulation:
        for request in told:
            simulation.coordinator.actor_ref.tell(request)
            simulation.dispatcher.run()
    return kept


def find_at_random(what: IntervalParameters, told: Sequence[Any], seed: int) -> Kept:
    """Send everything at once and let a random order decide what is delivered when."""
    kept = Kept()
    with IntervalSimulation(what, kept, RandomOrder(seed), portions=SMALL) as simulation:
        for request in told:
            simulation.coordinator.actor_ref.tell(request)
        simulation.dispatcher.run()
    return kept


ordered_rows = rows.map(sorted)
modes = st.one_of(
    st.tuples(ordered_rows, st.just(0)),
    st.tuples(rows, st.none()),
    st.tuples(rows, st.just(10**13)),
)


@settings(max_examples=settings().max_examples // 2)
@given(modes, st.booleans(), st.integers(1, 4), st.integers(0, 2**32))
def test_ten_random_orders_of_delivery_give_the_same_findings(
    mode: tuple[list[Row], int | None],
    keyed: bool,
    size: int,
    seed: int,
) -> None:
    drawn, lateness = mode
    drawn = [(time.rstrip("0").ljust(19, "0"), adid, key) for time, adid, key in drawn]
    drawn = sorted(drawn) if lateness == 0 else drawn
    what, told = parameters(lateness, keyed=keyed), requests(drawn, size, keyed=keyed)
    expected = find_in_order(what, told)
    for order in range(10):
        assert vars(find_at_random(what, told, seed + order)) == vars(expected)


@given(modes, st.booleans(), st.integers(1, 4))
def test_findings_do_not_depend_on_how_observations_are_divided(
    mode: tuple[list[Row], int | None],
    keyed: bool,
    size: int,
) -> None:
    drawn, lateness = mode
    drawn = [(time.rstrip("0").ljust(19, "0"), adid, key) for time, adid, key in drawn]
    drawn = sorted(drawn) if lateness == 0 else drawn
    what = parameters(lateness, keyed=keyed)
    whole = find_in_order(what, requests(drawn, 100, keyed=keyed))
    parts = find_in_order(what, requests(drawn, size, keyed=keyed))
    assert parts.findings == whole.findings
    assert parts.digests[-1:] == whole.digests[-1:]


def search(simulation: IntervalSimulation, told: Sequence[Observe]) -> None:
    """Let it look through all that it is told, as a run does."""
    for message in told:
        simulation.observe(message.observed)
        simulation.advance()
        simulation.settle_due()
    simulation.conclude()
    simulation.settle_rest()


@pytest.mark.parametrize("keyed", [False, True])
@pytest.mark.parametrize("lateness", [0, None, 20 * 10**9])
@pytest.mark.parametrize("ids", [8, 3_000])
def test_what_is_found_at_once_is_bounded_however_much_it_is(
    lateness: int | None, ids: int, *, keyed: bool
) -> None:
    found_max, portion_max, weight = 2_000, 1_000, 32
    limits = Portions(settle_rows=100, found_max=found_max)
    drawn = [
        (f"2020-01-01 00:{second // 60:02}:{second % 60:02}", f"{row % ids}", f"{row % 7}")
        for row, second in enumerate(row // 2 for row in range(3_000))
    ]
    kept = Kept()
    most = 0

    def note(_: object, __: object, message: object) -> None:
        nonlocal most
        if isinstance(message, Findings):
            found = [finding.interval for finding in message.findings]
            most = max(most, sum(weight + interval.num_adid for interval in found))

    with IntervalSimulation(parameters(lateness, keyed=keyed), kept, portions=limits) as simulation:
        simulation.dispatcher.observers.append(note)
        search(simulation, portions(drawn, 50, keyed=keyed))
    at_once = find_in_order(
        parameters(lateness, keyed=keyed), [*portions(drawn, 3_000, keyed=keyed), *END]
    )
    assert kept.findings == at_once.findings
    assert kept.intervals == at_once.intervals
    assert kept.digests[-1] == at_once.digests[-1]
    # What was found before the last portion, and in it: each of its rows may be counted for
    # itself as well.
    assert most <= found_max + portion_max + weight * portion_max // 10
    assert most < sum(weight + each.num_adid for each in kept.intervals) / 5


@pytest.mark.parametrize("keyed", [False, True])
@pytest.mark.parametrize("lateness", [0, None, 5 * 10**9])
def test_a_window_of_all_rows_is_not_looked_through_anew_for_each_portion(
    lateness: int | None, *, keyed: bool
) -> None:
    drawn = [(f"2020-01-01 00:00:{row // 100:02}", f"{row}", f"{row % 3}") for row in range(3_200)]
    told: Counter[str] = Counter()

    def note(_: object, to: str, message: object) -> None:
        told[to] += isinstance(message, Extend)

    limits = Portions(settle_rows=100)
    what = parameters(lateness, keyed=keyed)
    with IntervalSimulation(what, Kept(), portions=limits) as simulation:
        simulation.dispatcher.observers.append(note)
        search(simulation, portions(drawn, 50, keyed=keyed))
    # As many rows as have come so far are taken at once: 100, 200, 400 and so on, and the rest.
    assert 2 <= max(told.values()) <= 8


class ThreadedKeeper(IntervalKeeper, pykka.ThreadingActor):
    """An interval actor with a thread of its own."""

    def __init__(self, number: int, past: Recovery, to: Ref) -> None:
        super().__init__()
        self.begin(number, to, past)


class ThreadedCoordinator(IntervalCoordinator, pykka.ThreadingActor):
    """A coordinator with a thread of its own."""

    def __init__(self, what: IntervalParameters, sink: Ref) -> None:
        super().__init__()
        self.begin(Recovery(what), sink, self._activate, SMALL)

    def _activate(self, number: int) -> Ref:
        return ThreadedKeeper.start(number, self.past, self.actor_ref)


class ThreadedSink(IntervalSink, pykka.ThreadingActor):
    """A sink with a thread of its own, which says when it has committed for the last time."""

    def __init__(self, outlet: Kept, commits: int, committed: threading.Event) -> None:
        super().__init__()
        self.begin(outlet)
        self.commits = commits
        self.committed = committed

    def on_receive(self, message: Any) -> None:
        super().on_receive(message)
        self.commits -= isinstance(message, Commit)
        if not self.commits:
            self.committed.set()


@settings(max_examples=settings().max_examples // 10)
@given(rows, st.integers(1, 4))
def test_threads_of_pykka_give_the_same_findings(drawn: list[Row], size: int) -> None:
    what, told = parameters(None, keyed=True), requests(drawn, size, keyed=True)
    kept, committed = Kept(), threading.Event()
    commits = sum(isinstance(request, Commit) for request in told)
    sink = ThreadedSink.start(kept, commits, committed)
    coordinator = ThreadedCoordinator.start(what, sink)
    try:
        for request in told:
            coordinator.tell(request)
        assert committed.wait(timeout=60)
    finally:
        pykka.ActorRegistry.stop_all()
    assert vars(kept) == vars(find_in_order(what, told))


@given(rows)
def test_every_message_is_data_that_is_the_same_elsewhere(drawn: list[Row]) -> None:
    seen: list[Any] = []
    with IntervalSimulation(parameters(None, keyed=True), Kept()) as simulation:
        simulation.dispatcher.observers.append(lambda *delivery: seen.append(delivery[2]))
        for request in requests(drawn, 3, keyed=True):
            simulation.coordinator.actor_ref.tell(request)
            simulation.dispatcher.run()
    for message in seen:
        assert pickle.loads(pickle.dumps(message)) == message  # noqa: S301  its own


@pytest.mark.parametrize("actor", ["coordinator", "sink"])
def test_message_that_is_not_understood_is_an_error(actor: str) -> None:
    with IntervalSimulation(parameters(0, keyed=False), Kept()) as simulation:
        getattr(simulation, actor).actor_ref.tell(interval_messages.Finish(0, 0))
        with pytest.raises(Exception, match="understands no Finish"):
            simulation.dispatcher.run()


def test_keys_are_numbered_in_the_order_of_time() -> None:
    what = parameters(None, keyed=True)
    with IntervalSimulation(what, Kept()) as simulation:
        times = ("2020-01-01 00:00:02", "2020-01-01 00:00:01")
        simulation.observe(Observed(1, times, ("A", "A"), ("later", "earlier")))
        simulation.conclude()
        simulation.settle()
        assert simulation.coordinator.past.names == ["earlier", "later"]
