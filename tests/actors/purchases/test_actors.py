"""User, coordinator and sink: what each does with each message."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import actors.messages
from actors.dispatcher import ActorFailedError, DispatchedActor, Dispatcher
from actors.messages import Attest, Attested, Commit, Horizon, Include, Judge, Judged, Reached
from actors.purchases import messages
from actors.purchases.messages import Apply, AskFriends, AskPurchases, Friends, Purchases
from actors.purchases.user import UserActor, applied
from actors.sink import SinkActor
from events.purchases.columns import Columns
from events.purchases.decision import Decision
from events.purchases.event import Befriend, Event, Purchase, Unfriend, users_of
from events.purchases.journal import OwnEvents, PurchaseJournal
from events.purchases.parameters import Parameters
from events.records.record import StateDigest
from replay.purchases.simulation import Simulation
from tests.telling import pass_over, tell_past

if TYPE_CHECKING:
    from collections.abc import Sequence


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


APPEARANCES = [
    Unfriend("2017-06-13 11:33:00", number, str(number - 1), str(number)) for number in range(1, 5)
]
# The first event behind these, by which users 0 to 4 appear.
FIRST = len(APPEARANCES) + 1


def journal_of(happened: Sequence[Event] = ()) -> PurchaseJournal:
    """Return a journal in which users 0 to 4 appear, and of what ``happened`` then."""
    journal = PurchaseJournal()
    journal.extend(Columns.of([*APPEARANCES, *happened]))
    return journal


def user_and_mailbox(journal: PurchaseJournal | None = None) -> tuple[UserActor, Mailbox]:
    """Return user number 4 of ``journal``, who has not recovered, and whom it answers."""
    own = OwnEvents(journal or journal_of(), 4)
    dispatcher = Dispatcher()
    mailbox = dispatcher.spawn(Mailbox, "urn:mailbox")
    user = dispatcher.spawn(
        partial(UserActor, coordinator=mailbox.actor_ref, own=own), "urn:user:4"
    )
    return user, mailbox


def tell(actor: DispatchedActor, *told: Any) -> None:
    for message in told:
        actor.actor_ref.tell(message)
    actor.dispatcher.run()


purchases = st.lists(st.integers(0, 9), max_size=30).map(
    lambda seconds: [at(second, number, "4") for number, second in enumerate(seconds, FIRST)]
)
parts = st.floats(0, 1)


@given(purchases, st.lists(st.integers(0, 30), max_size=5))
def test_user_keeps_purchases_sorted_however_they_are_told(
    made: list[Purchase], cuts: list[int]
) -> None:
    user, _ = user_and_mailbox()
    bounds = [0, *sorted(cuts), len(made)]
    for start, end in pairwise(bounds):
        tell(user, Apply(tuple(sorted(made[start:end]))))
    assert user.purchases == sorted(made)


@given(purchases, parts, parts, st.integers(1, 5), st.integers(0, 9), st.integers(0, 31))
def test_user_answers_with_its_latest_purchases_since_a_place_in_the_order(  # noqa: PLR0917
    made: list[Purchase], recovered: float, told: float, latest: int, second: int, number: int
) -> None:
    """Part of them it recovers from, part of them it is told, and part of them is to come."""
    known = round(told * len(made))
    from_journal = round(recovered * known)
    user, mailbox = user_and_mailbox(journal_of(made))
    for event in made[from_journal:known]:
        tell(user, Apply((event,), since=event.number - 1))
    since = (at(second, number).time, number)
    asked = FIRST + known
    tell(user, AskPurchases(asked, latest, *since))
    there = sorted(made[:known])
    expected = [each for each in there[-latest:] if (each.time, each.number) >= since]
    assert mailbox.received == [Purchases(asked, 4, tuple(expected))]
    assert user.purchases == there
    assert len(user.purchases) == len(there)


def test_user_answers_without_a_bound_with_its_latest_purchases() -> None:
    user, mailbox = user_and_mailbox()
    tell(user, Apply((at(1, 1), at(2, 2), at(3, 3))), AskPurchases(7, 2))
    assert mailbox.received == [Purchases(7, 4, (at(2, 2), at(3, 3)))]


def test_user_answers_with_the_friends_it_has_then() -> None:
    user, mailbox = user_and_mailbox()
    tell(user, Apply(befriended=(1, 2)), AskFriends(1), Apply(befriended=(2, 3), unfriended=(1,)))
    tell(user, AskFriends(2))
    assert mailbox.received == [Friends(1, 4, frozenset({1, 2})), Friends(2, 4, frozenset({2, 3}))]


friendships = st.lists(
    st.tuples(st.sampled_from("0123"), st.booleans(), st.booleans()), max_size=30
)


@given(friendships, parts, parts)
def test_user_has_the_friends_whom_the_last_change_with_each_left_it(
    drawn: list[tuple[str, bool, bool]], recovered: float, told: float
) -> None:
    changes: list[Befriend | Unfriend] = []
    for number, (other, begun, first) in enumerate(drawn, FIRST):
        change = Befriend if begun else Unfriend
        pair = ("4", other) if first else (other, "4")
        changes.append(change("2017-06-13 11:33:01", number, *pair))
    known = round(told * len(changes))
    from_journal = round(recovered * known)
    journal = journal_of(changes)
    user, mailbox = user_and_mailbox(journal)
    for event in changes[from_journal:known]:
        tell(user, applied(event, OwnEvents(journal, 4)))
    asked = FIRST + known
    tell(user, AskFriends(asked))
    last = {int(other): begun for other, begun, _ in drawn[:known]}
    expected = frozenset(other for other, begun in last.items() if begun)
    assert mailbox.received == [Friends(asked, 4, expected)]


def sink_of(outlet: Outlet) -> SinkActor:
    made = partial(SinkActor, outlet=outlet, line=Simulation.checked_line)
    return Dispatcher().spawn(made, "urn:sink")


def test_sink_records_decisions_before_it_writes_lines_and_only_on_commit() -> None:
    outlet = Outlet()
    sink = Dispatcher().spawn(
        partial(SinkActor, outlet=outlet, line=Simulation.checked_line), "urn:sink"
    )
    tell(
        sink,
        Judged(at(1, 8), Decision(8, True, 3, 2910, 2146)),
        Judged(at(1, 9), Decision(9, False, 1, 5, 0)),
    )
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
    sink = Dispatcher().spawn(
        partial(SinkActor, outlet=outlet, line=Simulation.checked_line), "urn:sink"
    )
    tell(sink, Judged(at(1, 8), Decision(8, False, 1, 5, 0)), Attested(8, 2, (1, 2)))
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
    actor.actor_ref.tell(
        Judged(at(1, 1), Decision(1, False, 0, 0, 0)) if name != "sink" else AskFriends(1)
    )
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
        pass_over(simulation, happened[:cut])
        for event in happened[cut:]:
            simulation.judge(event)
        assert simulation.journal.numbers == expected
        told = [simulation.journal.names[number] for number in simulation.active]
        assert {*told} >= {name for event in happened[cut:] for name in users_of(event)}


def urns_of(happened: Sequence[Event]) -> list[str]:
    return [f"urn:user:{name}" for event in happened for name in users_of(event)]


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
def test_routed_told_and_judged_events_leave_the_same_state(
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

    def states(routed: int, told: int) -> list[tuple[str, frozenset[int], list[Purchase]]]:
        simulation = Simulation(Parameters(2, 5), Outlet())
        pass_over(simulation, happened[:routed])
        for event in happened[routed:told]:
            tell_past(simulation, event)
        for event in happened[told:]:
            simulation.judge(event)
        users = [simulation.user(number) for number in range(simulation.users)]
        return [(user.actor_urn, user.friends, [*user.purchases]) for user in users]

    judged = states(0, 0)
    assert [urn for urn, *_ in judged] == [*dict.fromkeys(urns_of(happened))]
    assert states(cut, cut) == judged
    assert states(0, cut) == judged
    assert states(cut // 2, cut) == judged


def test_requests_wait_while_a_purchase_is_judged() -> None:
    simulation = Simulation(Parameters(1, 2), Outlet())
    coordinator = simulation.coordinator
    simulation.extend(Columns.of([at(1, 1), at(1, 2), at(1, 3)]))
    for request in (Judge(at(1, 1)), Judge(at(1, 2)), Include(at(1, 3)), Commit()):
        coordinator.actor_ref.tell(request)
    for _ in range(4):
        simulation.dispatcher.step()
    assert isinstance(coordinator.event, Purchase)
    assert [type(request) for request in coordinator.waiting] == [Judge, Include, Commit]
    simulation.dispatcher.run()
    assert coordinator.event is None
    assert not coordinator.waiting


def test_each_event_is_told_to_those_whom_it_concerns_active_or_not() -> None:
    simulation = Simulation(Parameters(1, 2), Outlet())
    told: list[Any] = []
    simulation.dispatcher.observers.append(lambda _, receiver, sent: told.append((receiver, sent)))
    events: list[Event] = [at(3, 1), Befriend("2017-06-13 11:33:01", 2, "1", "2"), at(1, 3)]
    pass_over(simulation, events[:2])
    assert told == [("urn:coordinator", Horizon(2))]
    assert simulation.active == []
    tell_past(simulation, events[2])
    assert told[1:] == [
        ("urn:coordinator", Include(at(1, 3))),
        ("urn:user:1", Apply((at(1, 3),), since=2)),
    ]
    assert simulation.active == [0]
    parted = Unfriend("2017-06-13 11:33:01", 4, "2", "1")
    tell_past(simulation, parted)
    assert told[3:] == [
        ("urn:coordinator", Include(parted)),
        ("urn:user:2", Apply(unfriended=(0,), since=3)),
        ("urn:user:1", Apply(unfriended=(1,), since=3)),
    ]
    assert simulation.active == [0, 1]


SAMPLES: list[Any] = [
    Include(Befriend("2017-06-13 11:33:01", 2, "1", "2")),
    Horizon(7),
    Judge(at(1, 1)),
    Commit(),
    Apply((at(1, 1),), (1,), (2,), 7),
    AskFriends(1),
    Friends(1, 2, frozenset({3})),
    AskPurchases(1, 2, "2017-06-13 11:33:01", 3),
    Purchases(1, 2, (at(1, 1),)),
    Judged(at(1, 1), Decision(1, True, 3, 2910, 2146)),
    Reached((Decision(1, True, 3, 2910, 2146),), (b"{}",)),
    Attest(4),
    Attested(4, 2, (1, 2, 3, 4, 5, 6, 7, 8)),
]


@pytest.mark.parametrize("message", SAMPLES, ids=lambda message: type(message).__name__)
def test_message_is_immutable_plain_data_that_msgpack_carries(message: Any) -> None:
    packed = msgspec.msgpack.encode(message)
    of_event: dict[type, Any] = {
        Judge: Judge[Event],
        Include: Include[Event],
        Judged: Judged[Event, Decision],
        Reached: Reached[Decision],
    }
    kind = of_event.get(type(message), type(message))
    assert msgspec.msgpack.decode(packed, type=kind) == message
    for field in message.__struct_fields__:
        with pytest.raises(AttributeError, match="immutable"):
            setattr(message, field, None)


def test_every_message_type_is_among_the_samples() -> None:
    known = {
        value
        for module in (actors.messages, messages)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, msgspec.Struct)
        if value.__module__ == module.__name__
    }
    assert {type(message) for message in SAMPLES} == known
