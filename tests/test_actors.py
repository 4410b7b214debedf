"""User, coordinator and sink: what each does with each message."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import messages
from actors.dispatcher import ActorFailedError, DispatchedActor, Dispatcher
from actors.messages import (
    Apply,
    AskFriends,
    AskPurchases,
    Attest,
    Attested,
    Become,
    Commit,
    Friends,
    Judge,
    Judged,
    Purchases,
    Recall,
    Retract,
    Route,
    Settle,
)
from actors.sink import SinkActor
from actors.user import UserActor
from events.event import Befriend, Event, Purchase, Unfriend
from events.parameters import Parameters
from events.records import Decision, StateDigest
from replay.simulation import Simulation


def at(second: int, number: int, user: str = "1", amount: int = 100) -> Purchase:
    return Purchase(f"2017-06-13 11:33:0{second}", number, user, amount)


class Mailbox(DispatchedActor):
    """Keeps what it is told."""

    def __init__(self, dispatcher: Dispatcher, urn: str) -> None:
        super().__init__(dispatcher, urn)
        self.received: list[Any] = []

    def on_receive(self, message: Any) -> None:
        self.received.append(message)


class Outlet:
    """Keeps what it is given, in one list."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[Any]]] = []

    def record(self, decisions: Any) -> None:
        self.calls.append(("record", list(decisions)))

    def write(self, lines: Any) -> None:
        self.calls.append(("write", list(lines)))

    def attest(self, digest: Any) -> None:
        self.calls.append(("attest", [digest]))


def user_and_mailbox() -> tuple[UserActor, Mailbox]:
    dispatcher = Dispatcher()
    mailbox = dispatcher.spawn(Mailbox, "urn:mailbox")
    user = dispatcher.spawn(
        partial(UserActor, number=4, coordinator=mailbox.actor_ref), "urn:user:x"
    )
    return user, mailbox


def tell(actor: DispatchedActor, *told: Any) -> None:
    for message in told:
        actor.actor_ref.tell(message)
    actor.dispatcher.run()


purchases = st.lists(st.integers(0, 9), max_size=30).map(
    lambda seconds: [at(second, number) for number, second in enumerate(seconds, 1)]
)


@given(purchases, st.lists(st.integers(0, 30), max_size=5))
def test_user_keeps_purchases_sorted_however_they_are_told(
    made: list[Purchase], cuts: list[int]
) -> None:
    user, _ = user_and_mailbox()
    bounds = [0, *sorted(cuts), len(made)]
    for start, end in pairwise(bounds):
        tell(user, Apply(tuple(sorted(made[start:end]))))
    assert user.purchases == sorted(made)


@given(purchases, st.integers(1, 5), st.integers(0, 9), st.integers(0, 31))
def test_user_answers_with_its_latest_purchases_since_a_place_in_the_order(
    made: list[Purchase], latest: int, second: int, number: int
) -> None:
    user, mailbox = user_and_mailbox()
    since = (at(second, number).time, number)
    tell(user, Apply(tuple(sorted(made))), AskPurchases(7, latest, *since))
    expected = [each for each in sorted(made)[-latest:] if (each.time, each.number) >= since]
    assert mailbox.received == [Purchases(7, 4, tuple(expected))]


def test_user_answers_without_a_bound_with_its_latest_purchases() -> None:
    user, mailbox = user_and_mailbox()
    tell(user, Apply((at(1, 1), at(2, 2), at(3, 3))), AskPurchases(7, 2))
    assert mailbox.received == [Purchases(7, 4, (at(2, 2), at(3, 3)))]


def test_user_answers_with_the_friends_it_has_then() -> None:
    user, mailbox = user_and_mailbox()
    tell(user, Apply(befriended=(1, 2)), AskFriends(1), Apply(befriended=(2, 3), unfriended=(1,)))
    tell(user, AskFriends(2))
    assert mailbox.received == [Friends(1, 4, frozenset({1, 2})), Friends(2, 4, frozenset({2, 3}))]


def test_sink_records_decisions_before_it_writes_lines_and_only_on_commit() -> None:
    outlet = Outlet()
    sink = Dispatcher().spawn(partial(SinkActor, outlet=outlet), "urn:sink")
    tell(sink, Judged(at(1, 8), True, 3, 2910, 2146), Judged(at(1, 9), False, 1, 5, 0))
    assert outlet.calls == []
    tell(sink, Commit(), Commit())
    line = (
        b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": "1", '
        b'"amount": "0.01", "mean": "29.10", "sd": "21.46"}'
    )
    decisions = [Decision(8, True, 3, 2910, 2146), Decision(9, False, 1, 5, 0)]
    assert outlet.calls == [("record", decisions), ("write", [line]), ("record", []), ("write", [])]


def test_sink_keeps_a_digest_for_the_commit_after_the_decisions_before_it() -> None:
    outlet = Outlet()
    sink = Dispatcher().spawn(partial(SinkActor, outlet=outlet), "urn:sink")
    tell(sink, Judged(at(1, 8), False, 1, 5, 0), Attested(8, 2, (1, 2)))
    assert outlet.calls == []
    tell(sink, Commit(), Commit())
    assert outlet.calls == [
        ("record", [Decision(8, False, 1, 5, 0)]),
        ("write", []),
        ("attest", [StateDigest(8, b"", 2, (1, 2))]),
        ("record", []),
        ("write", []),
    ]


@pytest.mark.parametrize("name", ["user", "sink", "coordinator"])
def test_message_for_somebody_else_is_an_error_that_names_it(name: str) -> None:
    simulation = Simulation(Parameters(1, 2), Outlet())
    simulation.judge(at(1, 1))
    actor: DispatchedActor = {
        "sink": simulation.sink,
        "coordinator": simulation.coordinator,
        "user": user_and_mailbox()[0],
    }[name]
    actor.actor_ref.tell(Judged(at(1, 1), False, 0, 0, 0) if name != "sink" else AskFriends(1))
    with pytest.raises(ActorFailedError, match=f"a {name} understands no (Judged|AskFriends)"):
        actor.dispatcher.run()


def test_users_are_numbered_by_first_appearance_whatever_the_messages() -> None:
    happened: list[Event] = [
        at(1, 1, "c"),
        Befriend("2017-06-13 11:33:01", 2, "b", "d"),
        at(1, 3, "a"),
        Unfriend("2017-06-13 11:33:01", 4, "e", "c"),
    ]
    expected = {"c": 0, "b": 1, "d": 2, "a": 3, "e": 4}
    for cut in range(5):
        simulation = Simulation(Parameters(1, 2), Outlet())
        simulation.route(happened[:cut])
        for event in happened[cut:]:
            simulation.judge(event)
        assert simulation.coordinator.numbers == expected


state = st.lists(
    st.tuples(
        st.sampled_from(["buy", "buy", "befriend", "unfriend"]),
        st.sampled_from("abcd"),
        st.sampled_from("efgh"),
        st.integers(0, 9),
    ),
    max_size=30,
)


@given(state, st.integers(0, 30))
def test_routed_and_judged_events_leave_the_same_state(
    drawn: list[tuple[str, str, str, int]], cut: int
) -> None:
    happened: list[Event] = []
    for number, (kind, one, other, second) in enumerate(drawn, 1):
        time = f"2017-06-13 11:33:0{second}"
        if kind == "buy":
            happened.append(Purchase(time, number, one, number))
        else:
            happened.append(
                (Befriend if kind == "befriend" else Unfriend)(time, number, one, other)
            )

    def states(routed: int) -> list[tuple[str, frozenset[int], list[Purchase]]]:
        simulation = Simulation(Parameters(2, 5), Outlet())
        simulation.route(happened[:routed])
        for event in happened[routed:]:
            simulation.judge(event)
        simulation.settle()
        users = [ref._actor for ref in simulation.coordinator.users]  # type: ignore[attr-defined]
        return [(user.actor_urn, user.friends, user.purchases) for user in users]

    assert states(cut) == states(0)


def test_requests_wait_while_a_purchase_is_judged() -> None:
    simulation = Simulation(Parameters(1, 2), Outlet())
    coordinator = simulation.coordinator
    for request in (Judge(at(1, 1)), Judge(at(1, 2)), Route((at(1, 3),)), Commit()):
        coordinator.actor_ref.tell(request)
    for _ in range(4):
        simulation.dispatcher.step()
    assert isinstance(coordinator.event, Purchase)
    assert [type(request) for request in coordinator.waiting] == [Judge, Route, Commit]
    simulation.dispatcher.run()
    assert coordinator.event is None
    assert not coordinator.waiting


def test_many_routed_events_are_told_in_one_message_a_user() -> None:
    simulation = Simulation(Parameters(1, 2), Outlet())
    told: list[Any] = []
    simulation.dispatcher.observers.append(lambda _, receiver, sent: told.append((receiver, sent)))
    events: list[Event] = [at(3, 1), Befriend("2017-06-13 11:33:01", 2, "1", "2"), at(1, 3)]
    simulation.route(events[:2])
    simulation.route(events[2:])
    simulation.settle()
    assert told[2:] == [
        ("urn:coordinator", Settle()),
        ("urn:user:1", Apply((at(1, 3), at(3, 1)), (1,))),
        ("urn:user:2", Apply((), (0,))),
    ]


SAMPLES: list[Any] = [
    Route((at(1, 1), Befriend("2017-06-13 11:33:01", 2, "1", "2"))),
    Settle(),
    Judge(at(1, 1)),
    Commit(),
    Apply((at(1, 1),), (1,), (2,)),
    Become(frozenset({3}), (at(1, 1),)),
    Recall(("1",), (at(1, 1),), (at(1, 1),), 1, 1),
    Retract(at(1, 1), None, 0),
    AskFriends(1),
    Friends(1, 2, frozenset({3})),
    AskPurchases(1, 2, "2017-06-13 11:33:01", 3),
    Purchases(1, 2, (at(1, 1),)),
    Judged(at(1, 1), True, 3, 2910, 2146),
    Attest(4),
    Attested(4, 2, (1, 2, 3, 4, 5, 6, 7, 8)),
]


@pytest.mark.parametrize("message", SAMPLES, ids=lambda message: type(message).__name__)
def test_message_is_immutable_plain_data_that_msgpack_carries(message: Any) -> None:
    packed = msgspec.msgpack.encode(message)
    assert msgspec.msgpack.decode(packed, type=type(message)) == message
    for field in message.__struct_fields__:
        with pytest.raises(AttributeError, match="immutable"):
            setattr(message, field, None)


def test_every_message_type_is_among_the_samples() -> None:
    known = {
        value
        for value in vars(messages).values()
        if isinstance(value, type) and issubclass(value, msgspec.Struct)
        if value.__module__ == messages.__name__
    }
    assert {type(message) for message in SAMPLES} == known
