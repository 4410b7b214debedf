"""What a detector does in a run that judges events: the batch is the past, the stream is judged.

An event's way, from `replay.engine.run`: `take` makes its block part of the journal and
passes each event to `ActorSystem.judge`; the coordinator asks the actors and tells the
sink, and the sink records the decision in the store and then writes the line to the file.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from events.journal.columns import EventColumns
from events.logs.block import numbered
from events.logs.extent import HashedExtent
from events.records.record import Rejected, StreamStart
from events.store.header import Header, line_bytes_of
from replay.engine.detectors import detector_version
from replay.engine.drive import Drive, StopAskedError
from replay.engine.forks import CAN_FORK, check_processes
from replay.engine.loaders import Loaders, paying_loaders
from replay.engine.output import KeptOutput
from replay.engine.read_ahead import ReadAhead
from replay.engine.supervision import Reactivation
from replay.engine.workers import are_several
from replay.judging.history import JudgedResumed, is_finished
from replay.judging.system import ActorSystem
from replay.judging.workers import Judges, SameDetector, why_alone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import ExitStack
    from types import FrameType

    from events.logs.block import Block
    from events.logs.reader import LogReader, ParseAhead
    from events.records.record import Record, StateDigest
    from events.store.store import EventStore
    from events.store.writer import StoreWriter
    from replay.engine.listener import RunListener
    from replay.engine.output import Output
    from replay.engine.run import ShouldStop
    from replay.engine.workers import Workforce
    from replay.judging.history import Summary
    from replay.judging.logs import TwoLogs

A = TypeVar("A")


def call_own(do: Callable[..., A], *given: Any) -> A:
    """Call what a detector has of its own, or what calls it, where no actor system is asked."""
    return do(*given)


# Where detectors of others are called, or a log is hashed, and nothing is written.
_LEAVABLE: Final = frozenset(
    each.__code__
    for each in (
        HashedExtent.digest,
        ActorSystem.extend,
        ActorSystem.judge,
        JudgedResumed._take,  # noqa: SLF001
        call_own,
    )
)


class Outputs(KeptOutput):
    """Sends decisions to a store and flagged lines to a file; an outlet of the sink actor.

    A line is written only when its event and its decision are on the disk, and the
    store then tells, with what comes next, how far the file had come.
    """

    def record(self, decisions: Sequence[Any]) -> None:
        """Append ``decisions`` to the store."""
        if decisions:
            self.append(decisions)

    def attest(self, digest: StateDigest) -> None:
        """Append ``digest`` to the store."""
        self._store.append([msgspec.structs.replace(digest, chain=self._store.chain)], 0)

    def write(self, lines: Sequence[bytes]) -> None:
        """Append ``lines`` to the flagged file."""
        self.write_lines(lines)


class JudgingDrive(Drive):
    """Judges the events of a stream against the past."""

    def __init__(
        self,
        logs: TwoLogs[Any],
        summary: Summary,
        detector: Callable[..., ActorSystem[Any, Any, Any]],
        listener: RunListener,
        should_stop: ShouldStop,
        *,
        workers: int | Workforce | None = 1,
    ) -> None:
        """Begin without actors.

        Args:
            logs: what is read.
            summary: where it is counted.
            detector: makes the actor system.
            listener: is told of each event that is judged.
            should_stop: asked between events.
            workers: how many processes load the past, and then judge, or who has workers that
                judge, while as many load as pay; None: so many do both.

        Raises:
            InputError: there cannot be so many workers.

        """
        self.logs: Final = logs
        self._summary: Final = summary
        self.detector: Final = detector
        self._listener: Final = listener
        self._should_stop: Final = should_stop
        alone = why_alone(detector, live=logs.live, each_event=listener.times_events)
        if isinstance(workers, int):
            check_processes("workers", workers)
        # The logs are on this machine, and so are those who read them.
        self._loaders: Final = workers if isinstance(workers, int) else None
        self._workers: Final = 1 if alone else workers
        if are_several(workers):
            summary.alone = alone
        if not (alone or workers is None or isinstance(workers, int)):
            # Before anything is written.
            workers.check(SameDetector(detector))
        self._events_read = 0
        self._attested = 0
        self._resumed: JudgedResumed[Any, Any, Any] | None = None
        self.simulation: Any
        self._judges: Judges

    def header(self) -> Header:
        logs = self.logs
        logs.look_ahead()
        return Header(
            line=logs.line,
            batch=logs.batch.fingerprint(),
            stream=logs.stream.fingerprint(),
            detector=detector_version(self.detector),
            zone=logs.batch.zone,
            line_bytes=line_bytes_of(logs.batch.portions),
            **logs.setting(),
        )

    def is_finished(self, kept: EventStore) -> bool:
        return is_finished(kept)

    def act(self, stack: ExitStack, store: StoreWriter, output: Output) -> Outputs:
        self._store = store
        self._outputs = Outputs(store, output)
        self.simulation = self.detector(self.logs.parameters, self._outputs, attesting=True)
        stack.enter_context(self.simulation)
        self.simulation.dispatcher.supervisor = Reactivation()
        judges = Judges(self.simulation, self._workers, self._check_stop)
        self._judges = stack.enter_context(judges)
        return self._outputs

    def resumed(self, kept: EventStore, *, acting: bool) -> JudgedResumed[Any, Any, Any]:
        """Read a history; with ``acting`` the actors stand before what has no decision."""
        resumed = self.logs.resumed(kept, self.simulation.journal if acting else None)
        return self._stand(resumed, kept) if acting else resumed

    def _stand(
        self, resumed: JudgedResumed[Any, Any, Any], kept: EventStore
    ) -> JudgedResumed[Any, Any, Any]:
        """Stand before what has no decision of a history that was read."""
        self.simulation.goto(resumed.settled)
        self.logs.bind(kept.zone)
        self._resumed = resumed
        self._attested = max(resumed.attested, 0)
        return resumed

    def go_on(self) -> None:
        resumed = self._resumed
        assert resumed is not None, "a history was read"
        for decision in self._undecided(resumed):
            self._judged(decision)
        self.simulation.commit()
        self._summary.users = self.simulation.users
        if resumed.digest_due:
            self._attest()

    def _undecided(self, resumed: JudgedResumed[Any, Any, Any]) -> Iterator[Any]:
        """Decide what a history that was read has left undecided."""
        return map(self.simulation.judge, resumed.undecided)

    def reading(self, log: LogReader, blocks: Iterator[Block]) -> Iterator[Block]:
        if log.live:
            return blocks
        self._blocks = ReadAhead(blocks)
        return self._blocks

    def before(self, log: LogReader, block: Block) -> None:
        """Record the state's digest if after ``block`` it would be too late."""
        batch = self.logs.batch
        due = self._attested + batch.portions.digest_events
        if log is not batch and self._store.events + block.events > due:
            self._attest()

    def ahead(self, log: LogReader) -> ParseAhead | None:
        """Have the past parsed by as many processes as are asked for, or pay."""
        if log is not self.logs.batch or not CAN_FORK:
            return None
        count = self._loaders or (1 if self.logs.own_events else paying_loaders(log))
        return Loaders(count, log.portions, self._check_stop) if count > 1 else None

    def take(self, log: LogReader, records: list[Record]) -> None:
        """Make what was kept part of the journal, and judge what is of the stream."""
        simulation = self.simulation
        for record in records:
            if isinstance(record, EventColumns):
                simulation.extend(record)
                self._judges.extend(record)
        if log is not self.logs.batch:
            events = len(simulation.journal) - simulation.position
            self._events_read += events
            if self._judges.pay(events + self._events_ahead(log)):
                self._summary.workers = self._judges.workers
                found = self._judges.judge(
                    simulation.position + 1, len(simulation.journal), self._following
                )
                self._take_decisions(log, records, found)
            else:
                began = time.process_time()
                self._judge(log, records)
                self._judges.took(time.process_time() - began, events)
        self._summary.users = len(self.simulation.journal.names)

    def _following(self) -> EventColumns | None:
        """Return the events of the block that comes next, if there are any."""
        block = self._blocks.peek()
        columns = block.records[0] if block is not None and block.events else None
        return columns if isinstance(columns, EventColumns) else None

    def _judge(self, log: LogReader, records: list[Record]) -> None:
        simulation, listener, clock = self.simulation, self._listener, time.perf_counter
        each_event = listener.each_event
        for line_number, record in numbered(records):
            if isinstance(record, Rejected):
                continue
            if not log.live:
                self._check_stop()
            began = clock() if each_event else 0.0
            decision = simulation.judge(record)
            self._judged(decision)
            if each_event:
                listener.on_event(log, line_number, record, decision, clock() - began)

    def _take_decisions(
        self, log: LogReader, records: list[Record], decisions: Iterator[Any]
    ) -> None:
        """Tell of a block whose events are decided at once, or by others."""
        simulation, listener = self.simulation, self._listener
        if not listener.each_event:
            for decision in decisions:
                self._judged(decision)
            return
        found = iter(list(decisions))
        for line_number, record in numbered(records):
            if isinstance(record, Rejected):
                continue
            decision = next(found) if simulation.judges(record) else None
            self._judged(decision)
            listener.on_event(log, line_number, record, decision, 0.0)

    def _events_ahead(self, log: LogReader) -> int:
        """Return how many events come after what was read of ``log``, by estimate."""
        ahead = max(log.bytes_total - log.bytes_read, 0)
        return self._events_read * ahead // max(log.bytes_read, 1)

    def _check_stop(self) -> None:
        if self._should_stop():
            raise StopAskedError("interrupted")

    def _judged(self, decision: Any) -> None:
        if decision is not None:
            self._summary.judged += 1
            self._summary.flagged += decision.flagged

    def commit(self) -> None:
        self.simulation.commit()

    def abandon(self) -> None:
        self.simulation.abandon()

    def ended(self, log: LogReader) -> None:
        """Keep the end of ``log``, and the digest of the state at it."""
        simulation = self.simulation
        batch: Any = self.logs.batch
        stream: Any = self.logs.stream
        if log.source == "batch":
            stream.zone = stream.zone or batch.zone
            simulation.goto(len(simulation.journal))
            self._outputs.append([log.end(), StreamStart(self._store.events)])
        else:
            self._outputs.append([log.end()])
        self._attest()

    def _attest(self) -> None:
        self._attested = self._store.events
        self.simulation.attest(self._attested)


def may_be_left(frame: FrameType) -> bool:
    """Tell whether a run may be left at any point of what is done in ``frame``, as its end is."""
    return frame.f_code in _LEAVABLE
