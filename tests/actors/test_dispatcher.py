"""The dispatcher delivers one message at a time, in a given order, in sight of observers."""

from __future__ import annotations

from functools import partial
from typing import Any

import pykka
import pytest

from actors.dispatcher import ActorFailedError, DispatchedActor, Dispatcher


class Recorder(DispatchedActor):
    """Keeps what it receives, and passes pairs (receiver, message) on."""

    def __init__(self, dispatcher: Dispatcher, urn: str) -> None:
        super().__init__(dispatcher, urn)
        self.received: list[Any] = []
        self.stops = 0
        self.failures: list[BaseException | None] = []

    def on_receive(self, message: Any) -> None:
        self.received.append(message)
        if isinstance(message, BaseException):
            raise message
        if isinstance(message, tuple):
            receiver, passed = message
            receiver.tell(passed)

    def on_stop(self) -> None:
        self.stops += 1

    def on_failure(self, *failure: Any) -> None:
        self.failures.append(failure[1])


def test_step_delivers_exactly_one_message() -> None:
    dispatcher = Dispatcher()
    actor = dispatcher.spawn(Recorder, "urn:a")
    actor.actor_ref.tell(1)
    actor.actor_ref.tell(2)
    assert [dispatcher.step(), actor.received] == [True, [1]]
    assert [dispatcher.step(), actor.received] == [True, [1, 2]]
    assert [dispatcher.step(), actor.received] == [False, [1, 2]]


def test_run_is_step_repeated_until_no_message_waits() -> None:
    traces = []
    for drive in (Dispatcher.run, _step_to_the_end):
        dispatcher = Dispatcher()
        trace: list[Any] = []
        one, other = (dispatcher.spawn(Recorder, urn) for urn in ("urn:1", "urn:2"))
        dispatcher.observers.append(lambda *seen, trace=trace: trace.append(seen[:2]))
        one.actor_ref.tell((other.actor_ref, (one.actor_ref, "end")))
        other.actor_ref.tell("hello")
        drive(dispatcher)
        traces.append(trace)
        assert one.received[-1] == "end"
    assert traces[0] == traces[1]
    assert traces[0] == [
        (None, "urn:1"),
        (None, "urn:2"),
        ("urn:1", "urn:2"),
        ("urn:2", "urn:1"),
    ]


def _step_to_the_end(dispatcher: Dispatcher) -> None:
    while dispatcher.step():
        pass


def test_failing_actor_stops_and_the_error_names_actor_message_and_cause() -> None:
    dispatcher = Dispatcher()
    actor = dispatcher.spawn(Recorder, "urn:a")
    actor.actor_ref.tell(ValueError("broken"))
    with pytest.raises(
        ActorFailedError, match=r"urn:a failed on ValueError: ValueError: broken"
    ) as raised:
        dispatcher.run()
    assert isinstance(raised.value.__cause__, ValueError)
    assert not actor.actor_ref.is_alive()
    assert actor.failures == [raised.value.__cause__]
    assert actor.stops == 0


def test_keyboard_interrupt_in_a_handler_reaches_the_caller_and_stops_nobody() -> None:
    dispatcher = Dispatcher()
    actor = dispatcher.spawn(Recorder, "urn:a")
    actor.actor_ref.tell(KeyboardInterrupt("Ctrl-C"))
    actor.actor_ref.tell("after")
    with pytest.raises(KeyboardInterrupt, match="Ctrl-C"):
        dispatcher.run()
    dispatcher.run()
    assert actor.received[1:] == ["after"]


def test_stopped_actor_takes_no_messages() -> None:
    dispatcher = Dispatcher()
    actor = dispatcher.spawn(Recorder, "urn:a")
    assert actor.actor_ref.stop()
    assert not actor.actor_ref.stop()
    assert actor.stops == 1
    with pytest.raises(pykka.ActorDeadError, match="urn:a"):
        actor.actor_ref.tell("late")


def test_stop_stops_all_actors_oldest_first() -> None:
    stopped: list[str] = []

    class Witness(Recorder):
        def on_stop(self) -> None:
            stopped.append(self.actor_urn)

    dispatcher = Dispatcher()
    for name in "abc":
        dispatcher.spawn(Witness, f"urn:{name}")
    dispatcher.stop()
    assert stopped == ["urn:a", "urn:b", "urn:c"]
    assert isinstance(dispatcher.spawn(Witness, "urn:a"), Witness)


def test_urn_of_a_running_actor_cannot_be_taken() -> None:
    dispatcher = Dispatcher()
    dispatcher.spawn(Recorder, "urn:a")
    with pytest.raises(ValueError, match="expected a new urn, found urn:a running"):
        dispatcher.spawn(Recorder, "urn:a")


def test_dispatched_actor_is_a_pykka_actor_outside_the_registry() -> None:
    dispatcher = Dispatcher()
    actor = dispatcher.spawn(partial(Recorder), "urn:a")
    ref = actor.actor_ref
    assert isinstance(actor, pykka.Actor)
    assert isinstance(ref, pykka.ActorRef)
    assert (ref.actor_urn, ref.actor_class, ref.is_alive()) == ("urn:a", Recorder, True)
    assert str(ref) == "Recorder (urn:a)"
    assert pykka.ActorRegistry.get_all() == []


def test_pykkas_own_tell_reaches_a_dispatched_actor() -> None:
    dispatcher = Dispatcher()
    actor = dispatcher.spawn(Recorder, "urn:a")
    pykka.ActorRef.tell(actor.actor_ref, "hello")
    dispatcher.run()
    assert actor.received == ["hello"]
    assert actor.actor_inbox.empty()


@pytest.mark.parametrize("how", ["ask", "_create_future", "get"])
def test_waiting_inside_the_one_loop_is_refused(how: str) -> None:
    actor = Dispatcher().spawn(Recorder, "urn:a")
    wait = {
        "ask": lambda: actor.actor_ref.ask("hello"),
        "_create_future": actor._create_future,
        "get": actor.actor_inbox.get,
    }[how]
    with pytest.raises(NotImplementedError, match=r"tell|handed"):
        wait()
