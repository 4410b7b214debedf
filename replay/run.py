"""The run: two logs in, an event store and the flagged purchases out.

A purchase's way: its line is read in `Log.blocks`, its event is appended to the
store by `StoreWriter.append`, and only then told to the coordinator by
`Simulation.judge`; the coordinator asks the network and tells the sink, and the
sink records the decision in the store and then writes the line to the file.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from events.blocks import Block, numbered
from events.disk import DISK, Disk, alone_in
from events.errors import InputError, LineRejectedError, ReplayError
from events.event import EVENT_TYPES, Event
from events.header import Header
from events.records import Decision, Record, Rejected, StreamStart
from events.writer import StoreWriter
from replay.collector import collector_paused, history_frozen
from replay.listener import Listener, Summary
from replay.live import LiveLog
from replay.outputs import FlaggedFile, Outputs
from replay.resume import Resumed, is_finished, kept_history
from replay.simulation import Simulation
from replay.supervision import EventSupervisor, events_kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from events.jsonlines import Log
    from events.store import EventStore
    from replay.logs import Logs

STORE_SUFFIX: Final = ".events"
# The state's digest is recorded at least so often, to tell where a replay parts from it.
DIGEST_EVENTS: Final = 10_000
# The store of a live stream is on the disk so long after an event at the latest.
SYNC_SECONDS: Final = 1.0


class InterruptedRunError(ReplayError):
    """The run was asked to stop; what was done is kept."""

    exit_status = 130


ShouldStop: TypeAlias = "Callable[[], bool]"
Detector: TypeAlias = "Callable[..., Simulation]"
"""Makes an actor system of the arguments of `Simulation`; mostly a subclass of it."""


def run(
    logs: Logs,
    flagged: str | Path,
    *,
    store: str | Path | None = None,
    overwrite: bool = False,
    strict: bool = False,
    resume: bool = False,
    listener: Listener | None = None,
    should_stop: ShouldStop = bool,
    disk: Disk = DISK,
    detector: Detector = Simulation,
) -> Summary:
    """Read both logs, keep their events in a store, and write the flagged purchases.

    An unfinished run on the same inputs is continued where it stopped, however it
    stopped, and gives what it would have given without the stop; a finished one is
    left as it is. A store of another history is moved to a numbered name, never
    overwritten.

    Args:
        logs: the two logs.
        flagged: the file to append flagged purchases to.
        store: the event store to make, by default ``flagged`` with ``.events`` added.
        overwrite: start the flagged file and the store afresh.
        strict: stop at the first line that is rejected.
        resume: go on with the history of a stream that was live.
        listener: is told how the run goes.
        should_stop: asked between events; when it says True the run stops in good order.
        disk: does what is done to files that are written.
        detector: makes the actor system that decides.

    Returns:
        What was done.

    Raises:
        InputError: a log cannot be read, or an output would overwrite a log.
        OutputError: an output cannot be written, or was changed since it was written.
        StoreError: the store that stands there is damaged, or of a newer format.
        LineRejectedError: a line was rejected and the run is strict.
        InterruptedRunError: ``should_stop`` said True.

    """
    flagged = Path(flagged)
    store = Path(f"{flagged}{STORE_SUFFIX}" if store is None else store)
    opened = (logs.batch, logs.stream)
    inputs = [(f"{log.source} log", log.path) for log in opened if log.path.exists()]
    check_outputs(inputs, flagged, store)
    running = Run(
        logs,
        Summary(flagged, store),
        strict=strict,
        listener=listener or Listener(),
        should_stop=should_stop,
        disk=disk,
        detector=detector,
    )
    with ExitStack() as stack:
        freeze = stack.enter_context(history_frozen())
        with collector_paused():
            if not running.start(stack, overwrite=overwrite, resume=resume):
                return running.summary
            running.batch()
            # Before the collector wakes up: its first look would be at everything.
            freeze()
        for _ in running.stream():
            pass
    running.lap("close")
    return running.summary


class Run:
    """A run that is taken step by step: `start`, `batch`, then the blocks of `stream`.

    The arguments are those of `run`, which is these steps in a row; and how often the
    state's digest is recorded.
    """

    def __init__(
        self,
        logs: Logs,
        summary: Summary,
        *,
        strict: bool = False,
        listener: Listener,
        should_stop: ShouldStop = bool,
        disk: Disk = DISK,
        detector: Detector = Simulation,
        digest_events: int | None = None,
    ) -> None:
        self.logs = logs
        self.summary = summary
        self.strict = strict
        self.listener = listener
        self.should_stop = should_stop
        self.disk = disk
        self.detector = detector
        self._digest_events = digest_events or DIGEST_EVENTS
        self._lap = time.perf_counter()
        self._attested = 0
        self._synced = time.monotonic()
        self._resumed: Resumed | None = None

    def lap(self, phase: str) -> None:
        """Note that ``phase`` is done, and how long it took."""
        now = time.perf_counter()
        self.summary.seconds[phase] = now - self._lap
        self._lap = now

    def start(self, stack: ExitStack, *, overwrite: bool, resume: bool) -> bool:
        """Begin a new history or go on with the one that is there; False if that is finished."""
        logs, summary = self.logs, self.summary
        header = Header(
            logs.parameters, logs.line, logs.batch.fingerprint(), logs.stream.fingerprint()
        )
        self.lap("fingerprint")
        path = summary.store_path
        with alone_in(path.parent):
            kept, summary.store_set_aside = kept_history(
                path, header, self.disk, overwrite=overwrite, resume=resume
            )
            if kept is not None and is_finished(kept) and not logs.live:
                self._finished(Resumed(kept), stack)
                return False
            if kept is None:
                start = 0 if overwrite else FlaggedFile.start_of(summary.flagged_path)
                header = msgspec.structs.replace(header, flagged=start)
                self.store = stack.enter_context(StoreWriter.create(path, header, self.disk))
            else:
                self.store = stack.enter_context(StoreWriter.resume(kept, self.disk))
        flagged = stack.enter_context(FlaggedFile(summary.flagged_path, self.disk))
        self.outputs = Outputs(self.store, flagged)
        self.simulation = stack.enter_context(
            self.detector(logs.parameters, self.outputs, attesting=True)
        )
        supervisor = EventSupervisor(partial(events_kept, path), self.simulation.coordinator)
        self.simulation.dispatcher.supervisor = supervisor
        if kept is None:
            flagged.begin(header.flagged, overwrite=overwrite)
            self.listener.on_start(logs, summary)
        else:
            self._resume(kept, flagged)
        return True

    def _finished(self, resumed: Resumed, stack: ExitStack) -> None:
        """See that the flagged file holds what a finished history wrote to it."""
        summary = self.summary
        resumed.count_into(summary)
        summary.finished_before = True
        self.listener.on_start(self.logs, summary)
        flagged = stack.enter_context(FlaggedFile(summary.flagged_path, self.disk))
        resumed.recover(flagged)
        self._refuse_rejected(resumed)
        self.lap("check")

    def _resume(self, kept: EventStore, flagged: FlaggedFile) -> None:
        """Be where a run was when it stopped."""
        summary = self.summary
        resumed = Resumed(kept, self.simulation)
        if self.logs.live:
            # More may have come since the end that was seen.
            resumed.ended.discard("stream")
        resumed.count_into(summary)
        summary.users = self.simulation.users
        self.listener.on_start(self.logs, summary)
        summary.flagged_set_aside = resumed.recover(flagged)
        self.outputs.told = resumed.written
        self._attested = max(resumed.attested, 0)
        self._refuse_rejected(resumed)
        self._resumed = resumed
        for log in (self.logs.batch, self.logs.stream):
            if log.source not in resumed.ended:
                log.skip(resumed.lines[log.source])
        for event in resumed.undecided:
            self._judged(self.simulation.judge(event))
        self.simulation.commit()
        if resumed.digest_due:
            self._attest()
        self.lap("resume")

    def _refuse_rejected(self, resumed: Resumed) -> None:
        if self.strict and resumed.rejected:
            rejected = resumed.rejected[0]
            log = self.logs.batch if rejected.source == "batch" else self.logs.stream
            raise _strict_error(log, rejected)

    def batch(self) -> None:
        """Read the past, unless all of it has been read before."""
        log, simulation = self.logs.batch, self.simulation
        if self._ended(log):
            return
        for block in log.blocks(self.store.events + 1):
            self._attest_before(block)
            events, _ = self._append(block)
            simulation.route(events)
            self.summary.batch_events += len(events)
            self.summary.users = simulation.users
            self._after_block(log, block)
        simulation.settle()
        self.outputs.append([log.end(), StreamStart(self.store.events)])
        self._attest()
        self.lap("batch")

    def stream(self) -> Iterator[None]:
        """Judge the stream, and pause where a block has been dealt with."""
        log = self.logs.stream
        if self._ended(log):
            # All but the last digest was there.
            self.store.sync()
            return
        for block in log.blocks(self.store.events + 1):
            if not block.records and self.logs.live:
                self.store.sync()
                yield
                continue
            self._attest_before(block)
            _, records = self._append(block)
            try:
                self._judge(log, records)
            except InterruptedRunError:
                # Nothing of this block is committed: the run that goes on decides it
                # anew, and its frames are those of a run that was never stopped.
                raise
            except ReplayError:
                self.simulation.abandon()
                raise
            self.simulation.commit()
            self.summary.users = self.simulation.users
            self._after_block(log, block)
            if self.logs.live and time.monotonic() > self._synced + SYNC_SECONDS:
                self.store.sync()
                self._synced = time.monotonic()
            yield
        if not (isinstance(log, LiveLog) and log.stopped):
            self.outputs.append([log.end()])
            self._attest()
        self.store.sync()
        self.lap("stream")

    def _ended(self, log: Log | LiveLog) -> bool:
        return self._resumed is not None and log.source in self._resumed.ended

    def _attest_before(self, block: Block) -> None:
        """Record the state's digest if after ``block`` it would be too late."""
        if self.store.events + len(block.events) > self._attested + self._digest_events:
            self._attest()

    def _attest(self) -> None:
        self._attested = self.store.events
        self.simulation.attest(self._attested)

    def _append(self, block: Block) -> tuple[list[Event], list[Record]]:
        """Append a block to the store; return what of it is to be acted on."""
        events, records = block.events, block.records
        if self.strict and block.rejected:
            first = records.index(block.rejected[0])
            records = records[: first + 1]
            events = [record for record in records if isinstance(record, EVENT_TYPES)]
        if records:
            self.store.append(records, len(events))
        return events, records

    def _judge(self, log: Log | LiveLog, records: list[Record]) -> None:
        simulation, summary, listener = self.simulation, self.summary, self.listener
        each_event, clock = listener.each_event, time.perf_counter
        for line_number, record in numbered(records):
            if isinstance(record, Rejected):
                continue
            if self.should_stop() and not self.logs.live:
                self._stop()
            began = clock() if each_event else 0.0
            decision = simulation.judge(record)
            self._judged(decision)
            summary.stream_events += 1
            if each_event:
                listener.on_event(log, line_number, record, decision, clock() - began)

    def _judged(self, decision: Decision | None) -> None:
        if decision is not None:
            self.summary.judged += 1
            self.summary.flagged += decision.flagged

    def _after_block(self, log: Log | LiveLog, block: Block) -> None:
        for rejected in block.rejected:
            self.summary.rejected += 1
            if self.strict:
                raise _strict_error(log, rejected)
            self.listener.on_rejected(log, rejected)
        self.listener.on_block(log, self.summary)
        if self.should_stop() and not isinstance(log, LiveLog):
            self._stop()

    def _stop(self) -> None:
        raise InterruptedRunError(
            f"interrupted after {self.store.events:,} events; they are kept in "
            f"{self.summary.store_path}, and the same command goes on from there"
        )


def _strict_error(log: Log | LiveLog, rejected: Rejected) -> LineRejectedError:
    return LineRejectedError(
        f"{log.path}:{rejected.number}: rejected ({rejected.reason}): "
        f"{rejected.detail}; correct the line or run without --strict"
    )


def check_outputs(
    inputs: Sequence[tuple[str, Path]], flagged: Path, store: Path, what: str = "flagged file"
) -> None:
    """Refuse outputs that cannot be made or that would overwrite an input.

    Args:
        inputs: what is read, each with its name in errors.
        flagged: where the flagged purchases are to be.
        store: where the event store is to be.
        what: what the first is called in errors.

    Raises:
        InputError: an output is one of the inputs or a folder, its folder is missing,
            or both outputs are one file.

    """
    for name, path in ((what, flagged), ("event store", store)):
        for read_as, read in inputs:
            if path.exists() and path.samefile(read):
                raise InputError(
                    f"{path}: expected the {name}, found the {read_as}, which would "
                    "be written to; name another file"
                )
        if path.is_dir():
            raise InputError(f"{path}: expected a file for the {name}, found a folder")
        if not path.parent.is_dir():
            raise InputError(
                f"{path}: expected a folder for the {name}, found no {path.parent}; make it first"
            )
    if flagged.absolute() == store.absolute() or (
        flagged.exists() and store.exists() and flagged.samefile(store)
    ):
        raise InputError(f"{store}: expected two different files for flagged purchases and store")
