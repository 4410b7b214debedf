"""The run: two logs in, an event store and the flagged purchases out.

A purchase's way: its line is read in `Log.blocks`, its event is appended to the
store by `StoreWriter.append`, and only then told to the coordinator by
`Simulation.judge`; the coordinator asks the network and tells the sink, and the
sink records the decision in the store and then writes the line to the file.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from events.errors import InputError, LineRejectedError, ReplayError
from events.event import EVENT_TYPES, Event
from events.jsonlines import Block, Log, numbered
from events.records import Decision, Record, Rejected, StreamStart
from events.store import Header, StoreWriter, set_aside
from replay.collector import collector_paused, history_frozen
from replay.outputs import FlaggedFile, Outputs
from replay.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from replay.logs import Logs

STORE_SUFFIX: Final = ".events"
# The state's digest is recorded at least so often, to tell where a replay parts from it.
DIGEST_EVENTS: Final = 10_000


class InterruptedRunError(ReplayError):
    """The run was asked to stop; what was done is kept."""

    exit_status = 130


class Summary(msgspec.Struct):
    """What a run has done so far, and in the end."""

    flagged_path: Path
    """Where the flagged purchases are."""
    store_path: Path
    """Where the event store is."""
    store_set_aside: Path | None = None
    """Where a store that stood there before has been moved."""
    batch_events: int = 0
    """How many lines of the batch were accepted."""
    stream_events: int = 0
    """How many lines of the stream were accepted."""
    rejected: int = 0
    """How many lines were rejected."""
    users: int = 0
    """How many users appeared."""
    judged: int = 0
    """How many purchases were judged."""
    flagged: int = 0
    """How many of them were flagged."""
    seconds: dict[str, float] = {}
    """How long each phase took, by name."""

    @property
    def events(self) -> int:
        """How many lines were accepted."""
        return self.batch_events + self.stream_events


class Listener:
    """Is told how a run goes; subclass it and override what is of interest."""

    each_event: bool = False
    """Whether `on_event` is to be called."""

    def on_start(self, logs: Logs, summary: Summary) -> None:
        """Take the logs of the run and its summary, which changes as it goes."""

    def on_block(self, log: Log, summary: Summary) -> None:
        """Take note that some more of ``log`` has been read."""

    def on_rejected(self, log: Log, rejected: Rejected) -> None:
        """Take a line of ``log`` that was rejected."""

    def on_event(
        self, log: Log, line_number: int, event: Event, decision: Decision | None, seconds: float
    ) -> None:
        """Take an event of the stream, its decision if it is a purchase, and how long it took."""


ShouldStop: TypeAlias = "Callable[[], bool]"


def run(
    logs: Logs,
    flagged: str | Path,
    *,
    store: str | Path | None = None,
    overwrite: bool = False,
    strict: bool = False,
    listener: Listener | None = None,
    should_stop: ShouldStop = bool,
) -> Summary:
    """Read both logs, keep their events in a store, and write the flagged purchases.

    A store that stands in the way is moved to a numbered name, never overwritten.

    Args:
        logs: the two logs.
        flagged: the file to append flagged purchases to.
        store: the event store to make, by default ``flagged`` with ``.events`` added.
        overwrite: start the flagged file afresh.
        strict: stop at the first line that is rejected.
        listener: is told how the run goes.
        should_stop: asked between events; when it says True the run stops in good order.

    Returns:
        What was done.

    Raises:
        InputError: a log cannot be read, or an output would overwrite a log.
        OutputError: an output cannot be written.
        LineRejectedError: a line was rejected and the run is strict.
        InterruptedRunError: ``should_stop`` said True.

    """
    flagged = Path(flagged)
    store = Path(f"{flagged}{STORE_SUFFIX}" if store is None else store)
    inputs = [(f"{log.source} log", log.path) for log in (logs.batch, logs.stream)]
    check_outputs(inputs, flagged, store)
    running = _Run(
        logs,
        Summary(flagged, store),
        strict=strict,
        listener=listener or Listener(),
        should_stop=should_stop,
    )
    with ExitStack() as stack:
        freeze = stack.enter_context(history_frozen())
        with collector_paused():
            running.start(stack, overwrite=overwrite)
            running.batch()
            # Before the collector wakes up: its first look would be at everything.
            freeze()
        running.stream()
    running.lap("close")
    return running.summary


class _Run:
    def __init__(
        self,
        logs: Logs,
        summary: Summary,
        *,
        strict: bool,
        listener: Listener,
        should_stop: ShouldStop,
    ) -> None:
        self.logs = logs
        self.summary = summary
        self.strict = strict
        self.listener = listener
        self.should_stop = should_stop
        self._lap = time.perf_counter()
        self._attested = 0

    def lap(self, phase: str) -> None:
        now = time.perf_counter()
        self.summary.seconds[phase] = now - self._lap
        self._lap = now

    def start(self, stack: ExitStack, *, overwrite: bool) -> None:
        logs, summary = self.logs, self.summary
        header = Header(
            logs.parameters, logs.line, logs.batch.fingerprint(), logs.stream.fingerprint()
        )
        self.lap("fingerprint")
        summary.store_set_aside = set_aside(summary.store_path)
        self.store = stack.enter_context(StoreWriter(summary.store_path, header))
        flagged = stack.enter_context(FlaggedFile(summary.flagged_path, overwrite=overwrite))
        outputs = Outputs(self.store, flagged)
        self.simulation = stack.enter_context(Simulation(logs.parameters, outputs, attesting=True))
        self.listener.on_start(logs, summary)

    def batch(self) -> None:
        log, simulation = self.logs.batch, self.simulation
        for block in log.blocks(1):
            self._attest_before(block)
            events, _ = self._append(block)
            simulation.route(events)
            self.summary.batch_events += len(events)
            self.summary.users = simulation.users
            self._after_block(log, block)
        simulation.settle()
        self.store.append([log.end(), StreamStart(self.store.events)], 0)
        self._attest()
        self.lap("batch")

    def stream(self) -> None:
        log = self.logs.stream
        for block in log.blocks(self.store.events + 1):
            self._attest_before(block)
            _, records = self._append(block)
            try:
                self._judge(log, records)
            finally:
                # Also when interrupted: what was judged is recorded and written.
                self.simulation.commit()
                self.summary.users = self.simulation.users
            self._after_block(log, block)
        self.store.append([log.end()], 0)
        self._attest()
        self.lap("stream")

    def _attest_before(self, block: Block) -> None:
        """Record the state's digest if after ``block`` it would be too late."""
        if self.store.events + len(block.events) > self._attested + DIGEST_EVENTS:
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
        self.store.append(records, len(events))
        return events, records

    def _judge(self, log: Log, records: list[Record]) -> None:
        simulation, summary, listener = self.simulation, self.summary, self.listener
        each_event, clock = listener.each_event, time.perf_counter
        for line_number, record in numbered(records):
            if isinstance(record, Rejected):
                continue
            if self.should_stop():
                self._stop()
            began = clock() if each_event else 0.0
            decision = simulation.judge(record)
            if decision is not None:
                summary.judged += 1
                summary.flagged += decision.flagged
            summary.stream_events += 1
            if each_event:
                listener.on_event(log, line_number, record, decision, clock() - began)

    def _after_block(self, log: Log, block: Block) -> None:
        for rejected in block.rejected:
            self.summary.rejected += 1
            if self.strict:
                raise LineRejectedError(
                    f"{log.path}:{rejected.number}: rejected ({rejected.reason}): "
                    f"{rejected.detail}; correct the line or run without --strict"
                )
            self.listener.on_rejected(log, rejected)
        self.listener.on_block(log, self.summary)
        if self.should_stop():
            self._stop()

    def _stop(self) -> None:
        raise InterruptedRunError(
            f"interrupted after {self.store.events:,} events; they are kept in "
            f"{self.summary.store_path}, and what was flagged in {self.summary.flagged_path}"
        )


def check_outputs(inputs: Sequence[tuple[str, Path]], flagged: Path, store: Path) -> None:
    """Refuse outputs that cannot be made or that would overwrite an input.

    Args:
        inputs: what is read, each with its name in errors.
        flagged: where the flagged purchases are to be.
        store: where the event store is to be.

    Raises:
        InputError: an output is one of the inputs or a folder, its folder is missing,
            or both outputs are one file.

    """
    for name, path in (("flagged file", flagged), ("event store", store)):
        for what, read in inputs:
            if path.exists() and path.samefile(read):
                raise InputError(
                    f"{path}: expected the {name}, found the {what}, which would "
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
