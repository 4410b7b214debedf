"""One history gives one result, on every hash seed, order of delivery and runtime (section 6)."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pykka
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import replay
from actors.messages import Attest, Commit, Horizon, Include, Judge
from actors.orders import RandomOrder
from actors.purchases.coordinator import Coordinator
from actors.purchases.user import User
from actors.sink import ListOutlet, Sink
from events.logs.block import numbered
from events.logs.objects import BadLineError
from events.purchases.columns import Columns
from events.purchases.event import EVENT_TYPES
from events.purchases.journal import OwnEvents, PurchaseJournal
from events.purchases.lines import parse_line
from replay.purchases.simulation import Simulation
from replay.testing.strategies import lines
from tests.telling import pass_over

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from actors.activation import Ref
    from events.logs.block import Block

ROOT = Path(replay.__file__).parents[1]
# Of a past so many events are told at most.
PAST_TOLD_MAX = 300

TRACE = """
import sys
import replay
from actors.messages import Include
from events.logs.block import numbered
from events.purchases.columns import Columns
from events.records.record import Rejected
from replay.purchases.simulation import Simulation

class Outlet:
    def record(self, decisions): print(decisions)
    def write(self, lines): print(lines)
    def attest(self, digest): print(digest)

with replay.Logs("batch.json", "stream.json") as logs:
    simulation = Simulation(logs.parameters, Outlet(), attesting=True)
    simulation.dispatcher.observers.append(print)
    events = 0
    for log in (logs.batch, logs.stream):
        for block in log.blocks(events + 1):
            events += block.events
            for _, event in numbered(block.records):
                if isinstance(event, Rejected):
                    print(event)
                elif log is logs.batch:
                    simulation.extend(Columns.of([event]))
                    simulation.coordinator.actor_ref.tell(Include(event))
                    simulation.dispatcher.run()
                else:
                    simulation.judge(event)
    simulation.attest(events)
"""


def run_python(folder: Path, hash_seed: str, *arguments: str, root: Path = ROOT) -> bytes:
    finished = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(root), "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr.decode()
    return finished.stdout


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the beginning of the project's own sample."""
    folder = tmp_path_factory.mktemp("history")
    sample = ROOT / "scripts" / "sample"
    for name, count in (("batch", 10_000), ("stream", 300)):
        kept = (sample / f"{name}_log.json").read_bytes().split(b"\n")[:count]
        (folder / f"{name}.json").write_bytes(b"\n".join(kept) + b"\n")
    return folder


@pytest.mark.slow
def test_output_store_and_messages_are_the_same_under_every_hash_seed(history: Path) -> None:
    results = []
    for seed in ("0", "1", "random", "random"):
        for leftover in history.glob("flagged.json*"):
            leftover.unlink()
        command = ("-m", "replay", "-q", "batch.json", "stream.json", "flagged.json")
        run_python(history, seed, *command)
        trace = run_python(history, seed, "-c", TRACE)
        flagged = (history / "flagged.json").read_bytes()
        results.append((flagged, (history / "flagged.json.events").read_bytes(), trace))
    assert results == results[:1] * 4
    assert results[0][2].count(b"\n") > 5_000


def events_of(log: Sequence[bytes]) -> list[replay.Event]:
    events: list[replay.Event] = []
    for line in log:
        try:
            events.append(parse_line(line, len(events) + 1))
        except BadLineError:
            continue
    return events


def decide_in_order(
    parameters: replay.Parameters, past: list[replay.Event], new: list[replay.Event]
) -> ListOutlet:
    kept = ListOutlet()
    with Simulation(parameters, kept, attesting=True) as simulation:
        pass_over(simulation, past)
        for event in new:
            simulation.judge(event)
        simulation.attest(len(past) + len(new))
    return kept


def decide_at_random(
    parameters: replay.Parameters, past: list[replay.Event], new: list[replay.Event], seed: int
) -> ListOutlet:
    """Send everything at once and let a random order decide what is delivered when.

    Of the past the last few events are told, and those before are what users recover from.
    """
    kept = ListOutlet()
    told = past[seed % (len(past) + 1) :][-PAST_TOLD_MAX:]
    with Simulation(parameters, kept, RandomOrder(seed), attesting=True) as simulation:
        coordinator = simulation.coordinator.actor_ref
        simulation.extend(Columns.of([*past, *new]))
        coordinator.tell(Horizon(len(past) - len(told)))
        for event in told:
            coordinator.tell(Include(event))
        for event in new:
            coordinator.tell(Judge(event))
        coordinator.tell(Attest(len(past) + len(new)))
        coordinator.tell(Commit())
        simulation.dispatcher.run()
    return kept


class ThreadedUser(User, pykka.ThreadingActor):
    """A user with a thread of its own."""

    def __init__(self, coordinator: Ref, own: OwnEvents) -> None:
        super().__init__()
        self.own, self.active = own, False
        self.begin(own.user, coordinator)


class ThreadedCoordinator(Coordinator, pykka.ThreadingActor):
    """A coordinator with a thread of its own."""

    def __init__(self, parameters: replay.Parameters, sink: Ref, journal: PurchaseJournal) -> None:
        super().__init__()
        self.begin(parameters, sink, journal, self._spawn, attesting=True)

    def _spawn(self, number: int) -> Ref:
        return ThreadedUser.start(self.actor_ref, OwnEvents(self.journal, number))


class ThreadedSink(Sink, pykka.ThreadingActor):
    """A sink with a thread of its own, which says when it has committed."""

    def __init__(self, outlet: ListOutlet, committed: threading.Event) -> None:
        super().__init__()
        self.begin(outlet, Simulation.checked_line)
        self.committed = committed

    def on_receive(self, message: Any) -> None:
        super().on_receive(message)
        if isinstance(message, Commit):
            self.committed.set()


def decide_on_threads(
    parameters: replay.Parameters, past: list[replay.Event], new: list[replay.Event]
) -> ListOutlet:
    kept, committed = ListOutlet(), threading.Event()
    sink = ThreadedSink.start(kept, committed)
    journal = PurchaseJournal()
    journal.extend(Columns.of([*past, *new]))
    coordinator = ThreadedCoordinator.start(parameters, sink, journal)
    told = past[len(past) // 2 :]
    try:
        coordinator.tell(Horizon(len(past) - len(told)))
        for event in told:
            coordinator.tell(Include(event))
        for event in new:
            coordinator.tell(Judge(event))
        coordinator.tell(Attest(len(past) + len(new)))
        coordinator.tell(Commit())
        assert committed.wait(timeout=60)
    finally:
        pykka.ActorRegistry.stop_all()
    return kept


parameters_drawn = st.builds(replay.Parameters, st.integers(1, 3), st.sampled_from([2, 3, 5]))
histories = st.tuples(st.lists(lines(), max_size=20), st.lists(lines(), max_size=12))


@settings(max_examples=settings().max_examples // 4)
@given(parameters_drawn, histories, st.integers(0, 2**32))
def test_ten_random_orders_of_delivery_give_the_same_decisions(
    parameters: replay.Parameters, drawn: tuple[list[bytes], list[bytes]], seed: int
) -> None:
    events = events_of([*drawn[0], *drawn[1]])
    past = events_of(drawn[0])
    new = events[len(past) :]
    expected = decide_in_order(parameters, past, new)
    for order in range(10):
        found = decide_at_random(parameters, past, new, seed + order)
        assert vars(found) == vars(expected)


def accepted(blocks: Iterable[Block]) -> list[replay.Event]:
    return [
        each
        for block in blocks
        for _, each in numbered(block.records)
        if isinstance(each, EVENT_TYPES)
    ]


def sample_events(history: Path) -> tuple[list[replay.Event], list[replay.Event]]:
    with replay.Logs(history / "batch.json", history / "stream.json") as logs:
        past = accepted(logs.batch.blocks(1))
        return past, accepted(logs.stream.blocks(len(past) + 1))


@pytest.mark.slow
def test_two_hundred_random_orders_of_one_history_give_the_same_decisions(history: Path) -> None:
    parameters = replay.Parameters(2, 10)
    past, new = sample_events(history)
    new = new[:25]
    expected = decide_in_order(parameters, past, new)
    assert expected.decisions
    for seed in range(200):
        assert vars(decide_at_random(parameters, past, new, seed)) == vars(expected)


@settings(max_examples=settings().max_examples // 10)
@given(parameters_drawn, histories)
def test_threads_of_pykka_give_the_same_decisions(
    parameters: replay.Parameters, drawn: tuple[list[bytes], list[bytes]]
) -> None:
    events = events_of([*drawn[0], *drawn[1]])
    past = events_of(drawn[0])
    expected = decide_in_order(parameters, past, events[len(past) :])
    found = decide_on_threads(parameters, past, events[len(past) :])
    assert vars(found) == vars(expected)
