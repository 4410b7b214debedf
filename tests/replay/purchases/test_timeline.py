"""Any moment of a history is the same by every way that leads there."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

import replay
from actors.purchases.recency import Walk
from actors.sink import Nowhere
from events.errors import PositionError, UnknownUserError
from events.purchases.event import line_of
from replay.engine.history import LinePlace
from replay.purchases.simulation import Simulation
from replay.purchases.timeline import Timeline, UserState
from replay.testing.strategies import histories
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE, run_in_process
from tests.walks import walking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from replay.testing.logged import LoggedHistory


def history(given_logs: LoggedHistory, folder: Path) -> replay.EventStore:
    run_in_process(given_logs, folder)
    return replay.EventStore(folder / "flagged.json.events")


@contextmanager
def in_timeline(given_logs: LoggedHistory) -> Iterator[Timeline]:
    """Give a timeline of a run on ``given_logs``."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Timeline(history(given_logs, Path(folder))) as timeline,
    ):
        yield timeline


def states_of(timeline: Timeline) -> list[list[UserState]]:
    """Return the state after 0, 1, 2, ... events, each from a run of its own."""
    states = []
    for count in range(len(timeline) + 1):
        with Simulation(timeline.parameters, Nowhere()) as simulation:
            for event in timeline.history.events[:count]:
                simulation.judge(event)
            names = simulation.journal.names
            actors = [simulation.user(number) for number in range(len(names))]
            states.append(
                [
                    UserState(
                        name,
                        tuple(names[friend] for friend in sorted(actor.friends)),
                        tuple(actor.purchases),
                    )
                    for name, actor in zip(names, actors, strict=True)
                ]
            )
    return states


class Traveller(RuleBasedStateMachine):
    """Walks a timeline at random, against a dumb list of states."""

    @initialize(given_logs=histories())
    def begin(self, given_logs: LoggedHistory) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.timeline = Timeline(history(given_logs, Path(self.folder.name)), walking(Walk(4)))
        self.states = states_of(self.timeline)
        self.position = 0

    def teardown(self) -> None:
        if hasattr(self, "timeline"):
            self.timeline.close()
            self.folder.cleanup()

    @rule(part=st.floats(0, 1))
    def goto(self, part: float) -> None:
        self.position = round(part * len(self.timeline))
        self.timeline.goto(self.position)

    @rule()
    def step_forward(self) -> None:
        event = self.timeline.next()
        assert (event is None) == (self.position == len(self.timeline))
        if event is not None:
            self.position += 1
            assert event.number == self.position

    @rule()
    def step_back(self) -> None:
        event = self.timeline.back()
        assert (event is None) == (self.position == 0)
        if event is not None:
            assert event.number == self.position
            self.position -= 1

    @rule(part=st.floats(0, 1))
    @precondition(lambda self: len(self.timeline) > 0)
    def decide(self, part: float) -> None:
        number = 1 + round(part * (len(self.timeline) - 1))
        decision = self.timeline.decision(number)
        self.position = number
        if self.timeline.history.judged(number):
            assert decision == self.timeline.history.recorded.get(number)

    @rule(count=st.integers(1, 12))
    @precondition(lambda self: self.position < len(self.timeline))
    def deliver_some_messages(self, count: int) -> None:
        expected = self.timeline.position + 1
        for _ in range(count):
            if self.timeline.position == self.position:
                waiting = self.timeline.waiting if self.timeline.inside else []
                delivered = self.timeline.deliver()
                assert waiting == [] or waiting[0] == delivered
        if self.timeline.inside:
            assert self.timeline.position == self.position
            assert self.timeline.next() is not None
        assert self.timeline.position == expected
        self.position = expected

    @rule(part=st.floats(0, 1), count=st.integers(1, 5))
    @precondition(lambda self: self.position < len(self.timeline))
    def leave_an_event_in_the_middle(self, part: float, count: int) -> None:
        for _ in range(count):
            if self.timeline.position == self.position:
                self.timeline.deliver()
        self.position = round(part * len(self.timeline))
        self.timeline.goto(self.position)
        assert not self.timeline.inside
        assert self.timeline.waiting == []

    @rule(user=st.sampled_from("1234"))
    def look_at_one_user(self, user: str) -> None:
        there = {state.user: state for state in self.states[self.position]}
        if user in there:
            assert self.timeline.user(user) == there[user]
        else:
            with pytest.raises(UnknownUserError, match="expected a user who has appeared by"):
                self.timeline.user(user)

    @rule(count=st.integers(1, 5), users=st.sets(st.sampled_from("1234")))
    @precondition(lambda self: self.position < len(self.timeline))
    def look_inside_an_event(self, count: int, users: set[str]) -> None:
        """See everyone as before the event or as after it, and never as at no time."""
        before, after = self.states[self.position : self.position + 2]
        for _ in range(count):
            if self.timeline.position == self.position:
                self.timeline.deliver()
            for state in [each for each in before if each.user in users]:
                then = next(each for each in after if each.user == state.user)
                assert self.timeline.user(state.user) in (state, then)
        if self.timeline.inside:
            self.timeline.next()
        self.position += 1
        assert self.timeline.state() == after

    @rule()
    def look_at_the_latest_purchases(self) -> None:
        made = [each for user in self.states[self.position] for each in user.purchases]
        assert self.timeline.recency(4) == sorted(made, reverse=True)[:4]

    @rule()
    def look(self) -> None:
        assert self.timeline.position == self.position
        assert self.timeline.state() == self.states[self.position]


TestTraveller = Traveller.TestCase
TestTraveller.pytestmark = [pytest.mark.slow]  # type: ignore[attr-defined]
TestTraveller.settings = settings(
    max_examples=settings().max_examples, stateful_step_count=25, deadline=None
)


@pytest.mark.slow
@given(histories())
def test_every_decision_of_the_run_is_decided_again_the_same_in_any_order(
    given_logs: LoggedHistory,
) -> None:
    with in_timeline(given_logs) as timeline:
        for number in reversed(range(1, len(timeline) + 1)):
            if timeline.history.judged(number):
                assert timeline.decision(number) == timeline.history.recorded.get(number)


@pytest.mark.slow
@given(histories())
def test_place_of_an_event_is_its_line_in_the_log(given_logs: LoggedHistory) -> None:
    lines = {source: log.split(b"\n") for source, log in given_logs._asdict().items()}
    with in_timeline(given_logs) as timeline:
        for event in timeline.history.events:
            place = timeline.history.place(event.number)
            assert lines[place.source][place.line - 1] == line_of(event)
            assert (place.source == "stream") == (timeline.history.judged(event.number))


@pytest.fixture
def example(tmp_path: Path) -> Iterator[Timeline]:
    """Return a timeline of the challenge's own example."""
    with Timeline(history(SPEC_EXAMPLE, tmp_path)) as timeline:
        yield timeline


def test_user_at_a_moment_has_the_friends_and_purchases_of_then(example: Timeline) -> None:
    example.goto(5)
    assert example.user("1").friends == ("2", "3")
    assert [purchase.number for purchase in example.user("1").purchases] == [1, 2, 5]
    example.goto(6)
    assert example.user("1").friends == ("2",)
    assert example.users == ["1", "2", "3"]
    assert example.history.place(7) == LinePlace("stream", 1)


@pytest.mark.parametrize("position", [-1, 8])
def test_position_outside_of_the_history_is_refused(example: Timeline, position: int) -> None:
    with pytest.raises(PositionError, match=f"expected a position from 0 to 7, found {position}"):
        example.goto(position)
    with pytest.raises(PositionError, match=f"expected an event from 1 to 7, found {position}"):
        example.decision(position)


def test_nothing_can_be_judged_after_the_end(example: Timeline) -> None:
    example.goto(7)
    with pytest.raises(PositionError, match="expected an event after position 7, found the end"):
        example.judge()


def test_user_who_has_not_appeared_is_refused(example: Timeline) -> None:
    example.goto(2)
    with pytest.raises(UnknownUserError, match="who has appeared by event 2, found '3'"):
        example.user("3")


def test_visiting_a_history_leaves_its_store_as_it_is(example: Timeline) -> None:
    before = example.history.store.path.read_bytes()
    example.goto(7)
    example.decision(3)
    example.back()
    assert example.history.store.path.read_bytes() == before
