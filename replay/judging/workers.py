"""Sharing the events that are judged among workers.

A question carries the number of the event on whose behalf it is asked, and events are only
ever appended. So a system that has all events of a block can judge any of them as if they
came one by one, once those before are included. `Share` judges what it is asked so, wherever
it runs; `Judges` hands out shares, and takes what comes back in the order of the events.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from actors.sink import ListOutlet, Nowhere
from events.closing import Closing
from events.errors import DetectorError
from events.escapes import plain
from events.journal.columns import EventColumns
from replay.engine.detectors import answers_as_of, detector_version
from replay.engine.forks import CAN_FORK, LOST
from replay.engine.workers import pool_of, usable_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from events.store.header import DetectorVersion
    from replay.engine.workers import Pool, Workforce
    from replay.judging.system import ActorSystem

Following: TypeAlias = "Callable[[], EventColumns | None]"

# What is left to judge pays for workers from so much processor time on. A worker activates
# users that another one activates too, so two of them took, with the rest of the run at D=2,
# 0.90 of the time of one process for 2,500 events, 0.85 for 4,000 and 0.75 for 20,000. So much
# is expected of some 4,500: the first block takes longer an event than those behind it.
PAYS_SECONDS: Final = 1.0
# Shares become smaller where nothing is known to follow, so that all workers are done at the same
# time; not below this many events, since each is a message there and back.
_SHARE_MIN: Final = 8
# Nor above this many, so that a lost one is soon done again.
_SHARE_MAX: Final = 512


def why_alone(detector: Any, *, live: bool = False, each_event: bool = False) -> str:
    """Return why one process judges alone what ``detector`` decides, or nothing where none has to.

    Args:
        detector: makes the actor system.
        live: whether events come while they are judged.
        each_event: whether somebody wants to know how long each took.

    """
    if live:
        return "a live stream is judged event by event"
    if each_event:
        return "the time of each event is told"
    if not answers_as_of(detector):
        name = plain(getattr(detector, "__qualname__", type(detector).__qualname__))
        return f"{name} does not declare answers_as_of = True, as each detector does for itself"
    return "" if CAN_FORK else "no process can be forked on this system"


class Verdicts(NamedTuple):
    """What was decided on some events."""

    decisions: list[Any]
    """The decisions, in order."""
    lines: list[bytes]
    """The lines of what was flagged."""


class SameDetector:
    """Stands for a detector on its way to another process, where it is to be the same."""

    def __init__(self, detector: Any) -> None:
        """Stand for ``detector``, a class that can be imported there."""
        self._detector: Final = detector

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what gives the detector itself."""
        return _same, (self._detector, detector_version(self._detector))


def _same(detector: Any, version: DetectorVersion) -> Any:
    """Return ``detector``, which is to be of ``version``."""
    found = detector_version(detector)
    if found != version:
        raise DetectorError(f"{found}, not {version}; let it be the same file")
    return detector


class Share:
    """Judges some events of a block for somebody else.

    Whoever asks sends each block's columns before it asks about an event of them, and asks in
    ascending order.
    """

    def __init__(self, system: ActorSystem[Any, Any, Any]) -> None:
        """Judge with ``system``, whose sink is this one's from then on."""
        self._system: Final = system

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what gives a share of a system that stands where this one's does."""
        system = self._system
        detector = SameDetector(type(system))
        given = (system.parameters, system.journal, system.position, system.dispatcher.supervisor)
        return _share, (detector, *given)

    def __call__(self, asked: EventColumns | tuple[int, int]) -> Verdicts:
        """Take the columns of a block, or judge the events from one to another, both included."""
        system, kept = self._system, ListOutlet()
        # Not where it is made: a worker's is that of the process that it was forked from.
        system.sink.begin(kept, system.sink.line)
        if isinstance(asked, EventColumns):
            system.extend(asked)
        else:
            first, last = asked
            system.include(first - 1)
            for event in system.journal.events(first, last):
                system.judge(event)
            system.commit()
        return Verdicts(kept.decisions, kept.lines)


def _share(detector: Any, parameters: Any, journal: Any, position: int, supervisor: Any) -> Share:
    system = detector(parameters, Nowhere(), journal=journal)
    system.dispatcher.supervisor = supervisor
    system.goto(position)
    return Share(system)


class Shares:
    """Iterates over what each worker judges at a time, block by block.

    After its end it goes on where more has come.
    """

    def __init__(self, workers: int) -> None:
        """Begin without blocks, for so many workers."""
        self._workers: Final = workers
        self._blocks: Final[deque[tuple[int, int]]] = deque()
        self._events = 0

    def append(self, first: int, last: int) -> None:
        """Let the events from ``first`` to ``last``, both included, be judged, too."""
        if first <= last:
            self._blocks.append((first, last))
            self._events += last - first + 1

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Iterate over them."""
        return self

    def __next__(self) -> tuple[int, int]:
        """Return the first and the last event of the next share; it is of one block."""
        if not self._blocks:
            raise StopIteration
        first, last = self._blocks.popleft()
        size = min(self._events // (2 * self._workers), _SHARE_MAX)
        end = min(first + max(size, _SHARE_MIN) - 1, last)
        if end < last:
            self._blocks.appendleft((end + 1, last))
        self._events -= end - first + 1
        return first, end


class Judges(Closing):
    """Has the events of a history judged by workers, where that pays.

    A worker that is gone is replaced before the next block; its share is judged in this process.
    """

    def __init__(
        self,
        system: ActorSystem[Any, Any, Any],
        workers: int | Workforce | None,
        check: Callable[[], None],
        *,
        telling: bool = False,
    ) -> None:
        """Start no worker yet.

        Args:
            system: the one of this process.
            workers: how many, or who has them; None: one for each core, once it is known that
                they pay.
            check: called while workers are waited for, and between two events that are judged
                here instead; raises where the run is to stop.
            telling: whether the actors of this process are told of all events, too.

        """
        self._system: Final = system
        self._asked: Final = workers
        self._check: Final = check
        self._telling: Final = telling
        self._workers: Pool[Any] | None = None
        # What an event took of those that were judged here last.
        self._event_seconds = 0.0
        # What the workers are to be asked about, what they give, and the last event of all that.
        # None of these is before what is asked first, also where no event has come by then.
        self._shares = Shares(1)
        self._given: Generator[tuple[Any, Any], None, None] | None = None
        self._last = -1

    @property
    def workers(self) -> int:
        """How many workers judge; 0 while this process does."""
        return 0 if self._workers is None else self._workers.count

    def extend(self, columns: EventColumns) -> None:
        """Let the workers have a block, which the system of this process has already."""
        if self._workers is not None and columns.number > self._last:
            self._workers.tell(columns)

    def took(self, seconds: float, events: int) -> None:
        """Take note of how much processor time it took to judge ``events`` events here."""
        self._event_seconds = seconds / max(events, 1)

    def pay(self, events: int) -> bool:
        """Tell whether workers judge what comes next.

        Args:
            events: how many events are left, by estimate.

        """
        if self._workers is None:
            pays = self._asked is not None or events * self._event_seconds >= PAYS_SECONDS
            workers = self._asked or usable_cores()
            if workers == 1 or not pays:
                return False
            self._workers = pool_of(workers, Share(self._system), self._check)
        return True

    def judge(self, first: int, last: int, following: Following = lambda: None) -> Iterator[Any]:
        """Judge the events from ``first`` to ``last``, and iterate over the decisions, in order.

        The system of this process has them in its journal, stands before them, and takes what
        is decided as if it had decided it.

        Args:
            first: the first event.
            last: the last event.
            following: returns the events that come next, if there are any and they can be known
                by now, so that the workers need not wait for what is done here in between.

        """
        workers, system = self._workers, self._system
        assert workers is not None, "they pay"
        if self._last < last:
            if not len(workers) and first <= last:
                # What is worked out only once, such as the index, all of them have then.
                end = min(first + _SHARE_MIN - 1, last)
                yield from self._judge_here(first, end)
                first = end + 1
            self._shares = Shares(workers.count)
            self._ask(first, last)
            self._given = workers.answers(self._shares)
        if first <= last:
            workers.start()
        ahead = following()
        if ahead is not None:
            workers.tell(ahead)
            self._ask(ahead.number, ahead.number + len(ahead) - 1)
        while system.position < last:
            assert self._given is not None, "they were asked"
            (begin, end), found = next(self._given)
            if found is LOST:
                yield from self._judge_here(begin, end)
                continue
            system.accept(found.decisions, found.lines)
            if self._telling:
                system.include(end)
            else:
                system.goto(end)
            yield from found.decisions

    def _ask(self, first: int, last: int) -> None:
        self._shares.append(first, last)
        self._last = last

    def _judge_here(self, first: int, last: int) -> Iterator[Any]:
        for event in self._system.journal.events(first, last):
            self._check()
            decision = self._system.judge(event)
            if decision is not None:
                yield decision

    def close(self) -> None:
        """End all workers."""
        if self._given is not None:
            # Before they are let go: who is at work on what comes next would answer somebody else.
            self._given.close()
        if self._workers is not None:
            self._workers.close()
            self._workers = None
