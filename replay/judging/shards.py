"""Runs whose subjects are spread over shards, each of which may be another process or machine.

One process reads the logs and writes store and output. A shard is an object whose methods take
and return bytes, so whatever carries bytes can lie between: it is a `Transport`.
"""

from __future__ import annotations

import pickle
from abc import ABC, abstractmethod
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from events.closing import Closing
from events.errors import InputError, ReplayError
from events.journal.columns import EventColumns
from events.store.store import EventStore
from replay.engine.forks import CAN_FORK, LOST, Fork, check_processes, first_ready, message
from replay.engine.workers import are_several
from replay.judging.drive import JudgingDrive, Outputs
from replay.judging.workers import SameDetector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import ExitStack

    from events.logs.reader import LogReader
    from events.records.record import Record
    from events.store.writer import StoreWriter
    from replay.engine.output import Output
    from replay.judging.history import JudgedResumed

NO_WORKERS: Final = (
    "shards: expected no workers beside them, since each shard is a process that judges for its "
    "own users, found both; leave out one of them"
)
"""What refuses workers and shards together."""
TRIES_MAX: Final = 8
"""How often something is tried with shards of which some are lost, before a run gives up."""


class LostShardError(Exception):
    """Some shards are gone."""

    def __init__(self, places: Sequence[int]) -> None:
        """Tell of the shards at ``places``."""
        super().__init__(f"shards {places}")
        self.places: Final = places
        """Which, from 0."""


class ShardsLostError(ReplayError):
    """Shards were lost again and again, or for good; what was done before that block is kept."""

    exit_status = 1


class Shard(Protocol):
    """Some subjects of a history, answered for; see `actors.purchases.shard`.

    What else a system asks of its shards it names; see `Transport.query`.
    """

    def take(self, block: bytes, /) -> None:
        """Take what concerns its subjects of the next block."""

    def start(self, asked: bytes, /) -> list[bytes]:
        """Begin a round; return what goes to each shard, and something if any is to go on."""

    def hop(self, parts: list[bytes], /) -> list[bytes]:
        """Go on with what comes from each shard; return the same."""

    def latest(self, parts: list[bytes], /) -> bytes:
        """End a round with what comes from each shard."""


class Transport(Closing, ABC):
    """Carries bytes to shards, and from one to another.

    Each operation raises `LostShardError` where shards are gone, and leaves the others as they
    are after all or a part of it. Of a lost one nothing remains; `renew` starts it anew.
    """

    def __init__(self, count: int) -> None:
        """Carry bytes between ``count`` shards.

        Raises:
            InputError: it is not from 1 to `replay.engine.forks.PROCESSES_MAX`.

        """
        self.count: Final = check_processes("shards", count)
        """How many shards there are."""

    def prepare(self, detector: Any, check: Callable[[], None]) -> None:
        """Get ready for shards of a detector, before anything is written.

        Args:
            detector: stands for it on its way to other processes.
            check: called while shards are waited for; raises where the run is to stop.

        Raises:
            ReplayError: there can be no such shards.

        """
        del detector
        self._check = check

    @abstractmethod
    def start(self, make: Callable[[int], Shard]) -> None:
        """Start all shards: ``make`` returns that of a place, without events."""

    @abstractmethod
    def renew(self, place: int) -> None:
        """Start the shard at ``place`` anew."""

    @abstractmethod
    def take(self, blocks: Mapping[int, bytes]) -> None:
        """Let shards `Shard.take` a block each, by place."""

    @abstractmethod
    def judge(self, asked: Sequence[bytes], hops: int) -> list[bytes]:
        """Do a round: start it, go on for ``hops`` hops or to the end; return what it ends with."""

    @abstractmethod
    def query(self, name: str, asked: Mapping[int, bytes]) -> dict[int, bytes]:
        """Call method ``name`` of shards, by place, with bytes that it answers with bytes."""


class Relay(Transport):
    """Carries bytes from each shard to this process, and from here to another."""

    @abstractmethod
    def _call(self, name: str, given: Mapping[int, Any]) -> dict[int, Any]:
        """Call method ``name`` of shards, by place, each with its own of ``given``."""

    def start(self, make: Callable[[int], Shard]) -> None:
        self._make = make
        for place in range(self.count):
            self.renew(place)

    def take(self, blocks: Mapping[int, bytes]) -> None:
        self._call("take", blocks)

    def judge(self, asked: Sequence[bytes], hops: int) -> list[bytes]:
        parts = self._each("start", asked)
        while hops and any(part[-1] for part in parts):
            parts = self._each("hop", _exchanged(parts))
            hops -= 1
        return self._each("latest", _exchanged(parts))

    def query(self, name: str, asked: Mapping[int, bytes]) -> dict[int, bytes]:
        return self._call(name, asked)

    def _each(self, name: str, given: Sequence[Any]) -> list[Any]:
        found = self._call(name, dict(enumerate(given)))
        return [found[place] for place in range(self.count)]


def _exchanged(parts: Sequence[Sequence[bytes]]) -> list[list[bytes]]:
    """Return what each shard gets from each, of what each has for each."""
    return [[part[place] for part in parts] for place in range(len(parts))]


class InProcess(Relay):
    """Shards in this process, one after the other."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.shards: Final[list[Shard | None]] = [None] * count
        """The shards; None where one is lost."""

    def renew(self, place: int) -> None:
        self.shards[place] = self._make(place)

    def _call(self, name: str, given: Mapping[int, Any]) -> dict[int, Any]:
        return {place: self.call(place, name, given[place]) for place in self.order(given)}

    def call(self, place: int, name: str, given: Any) -> Any:
        """Call method ``name`` of the shard at ``place``.

        Raises:
            LostShardError: it is lost.

        """
        if self.shards[place] is None:
            raise LostShardError([each for each in range(self.count) if self.shards[each] is None])
        return getattr(self.shards[place], name)(given)

    def order(self, places: Iterable[int]) -> Sequence[int]:
        """Return in which order shards are called that do something at the same time."""
        return list(places)

    def close(self) -> None:
        self.shards[:] = [None] * self.count


class Forked(Relay):
    """Shards that are processes, forked from this one; see `replay.engine.forks`."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self._forks: Final[list[Fork | None]] = [None] * count

    def renew(self, place: int) -> None:
        self._end(place)
        # Where there is no room for one it is lost again.
        self._forks[place] = Fork.of(_Served(partial(self._make, place)), self._look)

    def _look(self) -> None:
        # As it is by then.
        self._check()

    def take(self, blocks: Mapping[int, bytes]) -> None:
        # Nobody waits: what comes next comes behind it.
        lost = blocks.keys() - self._sent("take", blocks, is_request=False).values()
        if lost:
            raise LostShardError(sorted(lost))

    def _call(self, name: str, given: Mapping[int, Any]) -> dict[int, Any]:
        found, waiting = {}, self._sent(name, given)
        try:
            while waiting:
                for fork in first_ready(waiting, self._check):
                    answer, place = fork.answer(), waiting.pop(fork)
                    if answer is LOST:
                        self._end(place)
                    else:
                        found[place] = answer
        finally:
            # What nobody waits for any more would be taken for the next answer.
            for place in waiting.values():
                self._end(place)
        for answer in found.values():
            if isinstance(answer, ReplayError):
                raise answer
        if lost := given.keys() - found.keys():
            raise LostShardError(sorted(lost))
        return found

    def _sent(
        self, name: str, given: Mapping[int, Any], *, is_request: bool = True
    ) -> dict[Fork, int]:
        """Send shards, by place, something to do; return those who are there to do it."""
        there = {}
        for place, each in given.items():
            fork = self._forks[place]
            sent = message((name, each), is_request=is_request)
            if fork is not None and (fork.request if is_request else fork.tell)(sent):
                there[fork] = place
            else:
                self._end(place)
        return there

    def _end(self, place: int) -> None:
        fork, self._forks[place] = self._forks[place], None
        if fork is not None:
            fork.end()

    def close(self) -> None:
        for place in range(self.count):
            self._end(place)


def shards_here(count: int) -> Transport:
    """Return what has ``count`` shards on this machine: processes, where it can fork them."""
    return Forked(count) if CAN_FORK else InProcess(count)


class _Served:
    """A shard where it is asked: what fails is its answer, and that to all that follows."""

    def __init__(self, make: Callable[[], Shard]) -> None:
        self._make: Final = make
        self._failure: ReplayError | None = None

    @cached_property
    def _shard(self) -> Shard:
        return self._make()

    def __call__(self, asked: tuple[str, Any]) -> Any:
        """Call the shard's method of a name with something."""
        name, given = asked
        try:
            return self._failure or getattr(self._shard, name)(given)
        except ReplayError as error:
            self._failure = _sendable(error)
            return self._failure


def _sendable(error: ReplayError) -> ReplayError:
    """Return an error that another process can have, and that says the same."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  of our own
    except Exception:  # noqa: BLE001  a detector's own may need any arguments
        found = ReplayError(str(error))
        found.exit_status = error.exit_status  # type: ignore[misc]  # of this one alone
        return found
    return error


class ShardedSystem(Closing, ABC):
    """An actor system whose subjects are in shards, and which judges many events at once.

    It also has what a drive uses of an `ActorSystem` that does not judge: `journal`, `users`,
    `judges`, `extend`, `goto`, `commit`, `abandon` and `attest`.
    """

    position: int
    """The number of the last event that has happened."""

    @abstractmethod
    def connect(self, blocks: Callable[[], Iterator[Any]], check: Callable[[], None]) -> None:
        """Set what a run gives.

        Args:
            blocks: returns all events that were recorded, for shards that were lost.
            check: called between rounds; raises where the run is to stop.

        """

    @abstractmethod
    def decide(self, first: int, last: int) -> Iterator[Any]:
        """Judge events, both included, which come next; iterate over the decisions, in order."""

    @abstractmethod
    def resumed(self, kept: EventStore) -> JudgedResumed[Any, Any, Any]:
        """Read a history; the shards have its events then."""


class ShardedDrive(JudgingDrive):
    """Judges the events of a stream, all of a block at once, by subjects in shards."""

    def __init__(self, *arguments: Any, shards: int | Transport, **options: Any) -> None:
        """Begin without shards.

        Args:
            arguments: those of a drive of one process.
            shards: how many processes of this machine, or who carries what shards are told.
            options: those of a drive of one process.

        Raises:
            InputError: somebody wants to know how long each event took, or there can be no such
                shards.
            DetectorError: the detector cannot be spread over shards.

        """
        super().__init__(*arguments, **options)
        self._shards: Final = shards_here(shards) if isinstance(shards, int) else shards
        self._lost = False
        if are_several(options.get("workers")):
            raise InputError(NO_WORKERS)
        if self._listener.times_events:
            raise InputError(
                "shards: expected that nobody asks for the time of each event, as -vv does, since "
                "all of a block are judged at once; leave out one of them"
            )
        self.logs.check_sharded(self.detector)
        self._shards.prepare(SameDetector(self.detector), self._check_stop)

    def act(self, stack: ExitStack, store: StoreWriter, output: Output) -> Outputs:
        self._store = store
        self._outputs = Outputs(store, output)
        stack.enter_context(self._shards)
        self._summary.shards = self._shards.count
        system = self.logs.sharded(self.detector, self._outputs, self._shards)
        self.simulation = stack.enter_context(system)
        system.connect(self._recorded, self._check_stop)
        return self._outputs

    def _recorded(self) -> Iterator[EventColumns]:
        with EventStore(self._store.path) as kept:
            for frame in kept.frames():
                yield from (each for each in frame.records if isinstance(each, EventColumns))

    def resumed(self, kept: EventStore, *, acting: bool) -> JudgedResumed[Any, Any, Any]:
        if not acting:
            return super().resumed(kept, acting=False)
        return self._stand(self.simulation.resumed(kept), kept)

    def _undecided(self, resumed: JudgedResumed[Any, Any, Any]) -> Iterator[Any]:
        system = self.simulation
        found: Iterator[Any] = system.decide(resumed.settled + 1, len(system.journal))
        return found

    def take(self, log: LogReader, records: list[Record]) -> None:
        try:
            self._take(log, records)
        except ShardsLostError:
            self._lost = True
            raise

    def abandon(self) -> None:
        # Of a block in which shards are lost for good nothing is committed, as where a run is
        # stopped: the run that goes on decides it anew, and its frames are those of one process.
        if not self._lost:
            super().abandon()

    def _take(self, log: LogReader, records: list[Record]) -> None:
        system = self.simulation
        for record in records:
            if isinstance(record, EventColumns):
                system.extend(record)
        if log is self.logs.batch:
            system.goto(len(system.journal))
        else:
            decisions = system.decide(system.position + 1, len(system.journal))
            self._take_decisions(log, records, decisions)
        self._summary.users = len(system.journal.names)
