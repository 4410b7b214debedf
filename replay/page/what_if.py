"""What other D and T would have flagged: decided in a process of its own, one at a time."""

from __future__ import annotations

import multiprocessing
import signal
from argparse import Namespace
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from events.errors import ReplayError
from events.purchases.parameters import Parameters
from events.store.store import EventStore
from replay.loading import given_detector
from replay.purchases.history import History
from replay.purchases.redecide import decided_again
from replay.purchases.simulation import Simulation

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from replay.page.content import Setting

# How many times it is told how far a setting has come.
_TOLD: Final = 50


class Asked(NamedTuple):
    """What is to be decided again."""

    store: str
    """The path of the store."""
    detector: str | None
    """The detector that was given, as on the command line."""
    settings: tuple[Setting, ...]
    """At which D and T."""
    events: int
    """How many of its events."""


class Progress(NamedTuple):
    """How far it has come."""

    settings: int
    """How many settings are done."""
    events: int
    """How many events of the next one."""
    total: int
    """Of how many."""


class Work:
    """Decides again, in a process of its own."""

    def __init__(self, asked: Asked) -> None:
        """Begin."""
        self.asked: Final = asked
        """What was asked for."""
        self.progress = Progress(0, 0, 0)
        """How far it has come."""
        self.done: dict[Setting, frozenset[int]] = {}
        """Which events are flagged, by setting."""
        self.error: str | None = None
        """Why it has failed, if it has."""
        context = multiprocessing.get_context("spawn")
        self._receiver, sender = context.Pipe(duplex=False)
        self._process = context.Process(target=decide, args=(asked, sender), daemon=True)
        self._process.start()
        sender.close()
        self.running = True
        """Whether it is not over yet."""

    def look(self) -> None:
        """Take what the process has told."""
        try:
            while self.running and self._receiver.poll():
                told = self._receiver.recv()
                if isinstance(told, Progress):
                    self.progress = told
                elif isinstance(told, str):
                    self.error = told
                elif told is None:
                    self._end()
                else:
                    setting, flagged = told
                    self.done[setting] = flagged
        except EOFError:
            self.error = "expected an answer, found that the process has ended"
            self._end()

    def cancel(self) -> None:
        """Stop the process."""
        if self.running:
            self._process.terminate()
            self._end()

    def _end(self) -> None:
        self.running = False
        self._process.join()
        self._process.close()
        self._receiver.close()


def decide(asked: Asked, answers: Connection) -> None:
    """Decide what was ``asked``, and tell how far it has come, which events are flagged, and None.

    Ctrl-C, which goes to all processes of a terminal, is answered by who has asked.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(BrokenPipeError):  # Whoever asked is gone.
        _decide(asked, answers)


def _decide(asked: Asked, answers: Connection) -> None:
    try:
        detector: Any = given_detector(Namespace(detector=asked.detector)) or Simulation
        history = History(EventStore(asked.store))
        for place, setting in enumerate(asked.settings):
            flagged = _flagged(history, detector, asked, place, answers)
            answers.send((setting, flagged))
    except ReplayError as error:
        answers.send(str(error))
    answers.send(None)


def _flagged(
    history: History, detector: Any, asked: Asked, place: int, answers: Connection
) -> frozenset[int]:
    setting = asked.settings[place]
    total, flagged = asked.events - history.past_events, set()
    parameters = Parameters(setting.degrees, setting.tracked)
    answers.send(Progress(place, 0, total))
    decided = decided_again(history, parameters, detector, asked.events)
    for index, decision in enumerate(decided, 1):
        if index % (1 + total // _TOLD) == 0:
            answers.send(Progress(place, index, total))
        if decision is not None and decision.flagged:
            flagged.add(decision.number)
    return frozenset(flagged)
