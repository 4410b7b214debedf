"""A user that is activated now is what it would be had it been active all along."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import replay
from actors.messages import Commit
from actors.purchases.recency import Walk
from actors.purchases.user import OwnPurchases, UserActor
from actors.sink import ListOutlet
from events.journal.index import Growth
from events.logs.file import Portions
from events.purchases.columns import Columns
from events.purchases.event import Befriend, Event, Purchase, Unfriend, users_of
from events.purchases.journal import PurchaseJournal
from events.purchases.parameters import Parameters
from events.store.writer import StoreWriter
from replay.engine.failing import Failure, Failures, with_failures
from replay.engine.supervision import Reactivation
from replay.purchases.history import PurchasesResumed
from replay.purchases.simulation import Simulation
from replay.purchases.timeline import Timeline
from replay.testing.strategies import failures, histories
from tests.replay.purchases.test_against_model import run_in_process
from tests.telling import pass_over, tell_past
from tests.walks import walking

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Sequence

    from actors.purchases.messages import Apply
    from replay.testing.logged import LoggedHistory

STORE = "flagged.json.events"
USERS = "abcdefg"


class KeepingUser(UserActor):
    """Keeps something of its own: in which events it was told what, in order."""

    heard: list[tuple[int, int]]
    """For each event its number, and how many friends and purchases there were then."""

    def begin(self, *arguments: Any) -> None:
        super().begin(*arguments)
        self.heard = []

    def apply(self, message: Apply) -> None:
        super().apply(message)
        self.heard.append((message.since + 1, len(self.friends) + len(self.purchases)))


class Keeping(Simulation):
    """Decides as the built-in detector does, with users who keep something of their own."""

    decides_as = Simulation
    user_type = KeepingUser


class State(NamedTuple):
    """What an actor holds."""

    friends: frozenset[int]
    purchases: list[Purchase]
    heard: list[tuple[int, int]] | None


def state_of(simulation: Simulation, user: int) -> State:
    actor = simulation.user(user)
    return State(actor.friends, list(actor.purchases), getattr(actor, "heard", None))


def states_of(simulation: Simulation) -> list[State]:
    return [state_of(simulation, user) for user in range(simulation.users)]


class Trace:
    """What is delivered, but for a message that is given once more to a user who failed."""

    def __init__(self, simulation: Simulation) -> None:
        self.delivered: list[tuple[str | None, str, Any]] = []
        simulation.dispatcher.observers.append(self._see)

    def _see(self, sender: str | None, receiver: str, message: Any) -> None:
        if self.delivered:
            _, before, seen = self.delivered[-1]
            if before == receiver and seen is message:
                return
        self.delivered.append((sender, receiver, message))

    def take(self) -> list[tuple[str | None, str, Any]]:
        """Return what was delivered since it was last taken; commits are of no event."""
        taken = [each for each in self.delivered if not isinstance(each[2], Commit)]
        self.delivered.clear()
        return taken


happenings = st.tuples(
    st.sampled_from(["buy", "buy", "befriend", "unfriend"]),
    st.permutations(USERS),
    st.integers(0, 9),
    st.sampled_from([0, 1, 100, 50_000, 10**19 - 1]),
)


def events_of(happened: Iterable[tuple[str, Sequence[str], int, int]], first: int) -> list[Event]:
    """Return events from number ``first`` on; many are late, or change no friendship."""
    events: list[Event] = []
    for number, (kind, users, second, amount) in enumerate(happened, first):
        time = f"2017-06-13 11:33:0{second}"
        if kind == "buy":
            events.append(Purchase(time, number, users[0], amount))
        else:
            change = Befriend if kind == "befriend" else Unfriend
            events.append(change(time, number, users[0], users[1]))
    return events


class Activation(RuleBasedStateMachine):
    """The same history twice: told to users who stay, and to users who come and go.

    The journal of the latter is ahead: it holds events that are still to come.
    """

    detector: type[Simulation] = Simulation

    @initialize(
        parameters=st.builds(Parameters, st.integers(1, 3), st.sampled_from([2, 3, 5])),
        walk=st.sampled_from([0, 1, 16]),
    )
    def begin(self, parameters: Parameters, walk: int) -> None:
        self.parameters = parameters
        self.events: list[Event] = []
        self.position = 0
        self.failures = Failures()
        self.kept = ListOutlet(), ListOutlet()
        detector = walking(Walk(4, walk), self.detector)
        self.staying = detector(parameters, self.kept[0], attesting=True)
        failing = with_failures(detector, self.failures)
        journal = PurchaseJournal(Growth(listed_min=5))
        self.coming = failing(parameters, self.kept[1], attesting=True, journal=journal)
        self.supervisor = self.coming.dispatcher.supervisor = Reactivation()
        self.traces = Trace(self.staying), Trace(self.coming)

    def teardown(self) -> None:
        if hasattr(self, "coming"):
            self.staying.close()
            self.coming.close()

    @rule(happened=st.lists(happenings, min_size=1, max_size=8))
    def happen(self, happened: list[tuple[str, Sequence[str], int, int]]) -> None:
        """Let a block of events come into the journal of those who come and go."""
        block = events_of(happened, len(self.events) + 1)
        self.events += block
        self.coming.extend(Columns.of(block))

    @precondition(lambda self: self.position < len(self.events))
    @rule(count=st.integers(1, 4), judged=st.booleans())
    def deal_with(self, count: int, *, judged: bool) -> None:
        """Tell both of the next events, or let both judge them."""
        for event in self.events[self.position :][:count]:
            if judged:
                assert self.coming.judge(event) == self.staying.judge(event)
            else:
                tell_past(self.staying, event)
                tell_past(self.coming, event)
            staying, coming = (trace.take() for trace in self.traces)
            assert coming == staying
            self.position += 1

    @rule(draw=st.randoms())
    def passivate_some(self, draw: random.Random) -> None:
        active = self.coming.active
        self.coming.passivate(draw.sample(active, draw.randint(0, len(active))))

    @rule()
    def passivate_all(self) -> None:
        self.coming.passivate(self.coming.active)
        assert self.coming.active == []

    @rule(failure=failures(8))
    def fail_soon(self, failure: Failure) -> None:
        self.failures.plan(failure)

    @rule(user=st.integers(0, len(USERS) - 1))
    def look_at_one(self, user: int) -> None:
        if user < self.staying.users:
            assert state_of(self.coming, user) == state_of(self.staying, user)

    @rule(parts=st.lists(st.floats(0, 1), min_size=1, max_size=3), looking=st.booleans())
    def travel_and_come_back(self, parts: list[float], *, looking: bool) -> None:
        """Be elsewhere in between, also where what is known has not happened yet."""
        for part in parts:
            self.coming.goto(round(part * len(self.events)))
            if looking:
                states_of(self.coming)
        self.coming.goto(self.position)
        self.traces[1].take()

    @rule()
    def attest(self) -> None:
        """Let both sum up: the one from a journal that is ahead."""
        assert self.coming.sums() == self.staying.sums()

    @invariant()
    def whoever_is_activated_now_is_as_those_who_stayed(self) -> None:
        if not hasattr(self, "coming"):
            return
        states = states_of(self.staying)
        assert self.staying.active == list(range(len(states)))
        with self.detector(self.parameters, ListOutlet(), journal=self.coming.journal) as now:
            now.goto(self.position)
            assert now.active == []
            assert now.users == len(states)
            assert states_of(now) == states
        # Looked at without anybody being activated in the one that goes on.
        active = self.coming.active
        assert [state_of(self.coming, user) for user in active] == [states[u] for u in active]

    @invariant()
    def nobody_is_there_before_its_first_event(self) -> None:
        if hasattr(self, "coming"):
            appeared = {user for each in self.events[: self.position] for user in users_of(each)}
            journal = self.coming.journal
            assert {*journal.names[: self.coming.users]} == appeared
            for user in {*USERS} - appeared:
                assert journal.number_of(user, self.position) is None
            assert all(user < len(appeared) for user in self.coming.active)


class KeepingActivation(Activation):
    """With users who override how they take events."""

    detector = Keeping


TestActivation = Activation.TestCase
TestActivation.pytestmark = [pytest.mark.slow]  # type: ignore[attr-defined]
TestActivation.settings = settings(stateful_step_count=30, deadline=None)
TestKeepingActivation = KeepingActivation.TestCase
TestKeepingActivation.pytestmark = [pytest.mark.slow]  # type: ignore[attr-defined]
TestKeepingActivation.settings = settings(stateful_step_count=30, deadline=None)


class ForgetfulUser(UserActor):
    """Does not recover what it bought."""

    def recover(self, number: int) -> None:
        super().recover(number)
        self.purchases = OwnPurchases()


class HastyUser(UserActor):
    """Recovers from events that have not come to it yet."""

    def recover(self, number: int) -> None:
        super().recover(number + 1)


class LazyUser(UserActor):
    """Overrides how it takes events, and recovers past that."""

    def apply(self, message: Apply) -> None:
        super().apply(message)
        if message.befriended:
            self.friends |= {self.number}

    def recover(self, number: int) -> None:
        self.friends = self.own.friends(number)
        self.purchases = OwnPurchases(self.own, number)
        self.active = True


@pytest.mark.parametrize("users", [ForgetfulUser, HastyUser, LazyUser])
def test_user_that_recovers_wrongly_is_caught(users: type[UserActor]) -> None:
    class Wrong(Simulation):
        user_type = users

    class WrongActivation(Activation):
        detector = Wrong

    first_only = settings(
        max_examples=100, phases=[Phase.generate], report_multiple_bugs=False, deadline=None
    )
    with pytest.raises(AssertionError, match=r"assert .* == "):
        run_state_machine_as_test(WrongActivation, settings=first_only)


# The same messages, decisions and bytes by every way


SMALL = Portions(300, 300, digest_events=2)
"""So histories of a few lines have several frames, with digests between them."""


def passivating(draw: random.Random) -> type[Simulation]:
    """Return a detector that, behind each event, passivates some users at random."""

    class Passivating(Simulation):
        decides_as = Simulation

        def judge(self, event: Event) -> replay.Decision | None:
            decision = super().judge(event)
            self.passivate(draw.sample(self.active, draw.randint(0, len(self.active))))
            return decision

    return Passivating


@pytest.mark.slow
@given(histories(), st.randoms(use_true_random=False))
def test_run_with_random_passivation_writes_the_same_files(
    given_logs: LoggedHistory, draw: random.Random
) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        flagged = run_in_process(given_logs, Path(one), SMALL)
        batch, stream = given_logs.write(other)
        with replay.Logs(batch, stream, portions=SMALL) as logs:
            replay.run(logs, Path(other) / "flagged.json", detector=passivating(draw))
        assert (Path(other) / "flagged.json").read_bytes() == flagged
        stores = [(Path(folder) / STORE).read_bytes() for folder in (one, other)]
        assert stores[0] == stores[1]


Messages = list[tuple["str | None", str, Any]]


def messages_of(simulation: Simulation, events: Iterable[Event], past: int) -> dict[int, Messages]:
    """Tell ``simulation`` of ``events`` and return the messages of each, by number."""
    trace, found = Trace(simulation), {}
    for event in events:
        if event.number <= past:
            tell_past(simulation, event)
        else:
            simulation.judge(event)
        found[event.number] = trace.take()
    return found


def messages_of_resumed(
    store: replay.EventStore, frames: int, folder: Path, events: Sequence[Event]
) -> dict[int, Messages]:
    """Go on with what the first frames of ``store`` hold, and return the messages of the rest."""
    path = folder / "cut.events"
    path.unlink(missing_ok=True)
    with StoreWriter.create(path, store.header) as writer:
        for frame in list(store.frames())[:frames]:
            writer.append(frame.records, frame.events)
    with Simulation(store.parameters, ListOutlet(), attesting=True) as simulation:
        resumed = PurchasesResumed(replay.EventStore(path), simulation.journal)
        simulation.goto(resumed.settled)
        assert simulation.active == []
        new = [*resumed.undecided, *events[len(simulation.journal) :]]
        return messages_of(simulation, new, resumed.events["batch"])


@pytest.mark.slow
@given(histories(), st.randoms(use_true_random=False))
def test_messages_of_an_event_are_the_same_in_every_run_and_by_going_to_it(
    given_logs: LoggedHistory, draw: random.Random
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run_in_process(given_logs, folder, SMALL)
        store = replay.EventStore(folder / STORE)
        with Timeline(store) as timeline:
            events, past = list(timeline.history.events), timeline.history.past_events
            parameters = timeline.parameters
            with Simulation(parameters, ListOutlet()) as told:
                expected = messages_of(told, events, past)
            assert all(expected.values())
            with Simulation(parameters, ListOutlet()) as routed:
                pass_over(routed, events[:past])
                assert routed.active == []
                new = {number: expected[number] for number in expected if number > past}
                assert messages_of(routed, events[past:], past) == new
            with passivating(draw)(parameters, ListOutlet()) as passivated:
                pass_over(passivated, events[:past])
                assert messages_of(passivated, events[past:], past) == new
            # What is read of the past is always all of it, so a run goes on behind that.
            for frames in range(store.frames_count + 1):
                cut = messages_of_resumed(store, frames, folder, events)
                later = {number: each for number, each in cut.items() if number > past}
                assert later == {number: new[number] for number in later}
                assert not later or max(later) == len(events)
            for number in draw.sample(sorted(expected), len(expected)):
                traced = [tuple(each) for each in timeline.trace(number)]
                assert [each for each in traced if not isinstance(each[2], Commit)] == (
                    expected[number]
                )


@pytest.mark.slow
@given(histories(), st.randoms(use_true_random=False))
def test_what_a_user_keeps_of_its_own_is_right_wherever_it_is_activated(
    given_logs: LoggedHistory, draw: random.Random
) -> None:
    with tempfile.TemporaryDirectory() as name:
        run_in_process(given_logs, Path(name), SMALL)
        with Timeline(Path(name) / STORE, Keeping) as timeline:
            simulation, events = timeline._simulation, list(timeline.history.events)
            heard: dict[str, list[int]] = {}
            states: list[dict[str, list[int]]] = [{}]
            for event in events:
                for user in users_of(event):
                    heard.setdefault(user, []).append(event.number)
                states.append({user: list(numbers) for user, numbers in heard.items()})
            for position in draw.choices(range(len(states)), k=12):
                timeline.goto(position)
                if draw.random() < 0.5:
                    simulation.passivate(simulation.active)
                if position < len(events) and draw.random() < 0.5:
                    timeline.judge()
                for user, numbers in states[timeline.position].items():
                    actor: Any = simulation.user(timeline.number(user))
                    assert [number for number, _ in actor.heard] == numbers
                assert timeline.users == list(states[timeline.position])
