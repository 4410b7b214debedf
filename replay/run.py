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

from events.blocks import Block, numbered
from events.columns import Columns
from events.disk import DISK, Disk
from events.errors import InterruptedRunError, ReplayError
from events.header import Header
from events.paths import is_output_stream
from events.records import Decision, Record, Rejected, StreamStart
from replay.detectors import detector_version
from replay.files import check_outputs, store_beside
from replay.kept_lines import KeptLines
from replay.listener import Listener, Summary
from replay.live import LiveLog
from replay.opening import bytes_before, open_history
from replay.output_streams import OutputStream
from replay.outputs import FLAGGED, FlaggedFile, Outputs
from replay.rejections import strict_error
from replay.resume import Resumed, is_finished, way_on
from replay.simulation import Simulation
from replay.supervision import Reactivation
from replay.tables import shell_word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from events.jsonlines import Log
    from events.store import EventStore
    from replay.logs import Logs
    from replay.output import Output

# The state's digest is recorded at least so often, to tell where a replay parts from it.
DIGEST_EVENTS: Final = 10_000
# The store of a live stream is on the disk so long after an event at the latest.
SYNC_SECONDS: Final = 1.0


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
    """Read both logs, keep their events, write the flagged purchases; return what was done.

    An unfinished run on the same inputs is continued where it stopped, and gives what it
    would have given without the stop; a finished one is left as it is. A store of another
    history, or of another detector, is moved to a numbered name, never overwritten.

    Args:
        logs: the two logs.
        flagged: the file to append flagged purchases to; or ``-`` for standard output, a
            pipe or a character device, to which lines are written once.
        store: the event store to make, by default ``flagged`` with ``.events`` added; there
            is none beside a pipe or a device.
        overwrite: start the flagged file and the store afresh.
        strict: stop at the first line that is rejected.
        resume: go on with the history of a stream that was live.
        listener: is told how the run goes.
        should_stop: asked between events; when it says True the run stops in good order.
        disk: does what is done to files that are written.
        detector: makes the actor system that decides; see `replay.detectors`.

    Raises:
        InputError: a log cannot be read, an output would overwrite a log or is no file, or
            the history went to a pipe and cannot be gone on with.
        OutputError: an output cannot be written, or was changed since it was written.
        StoreError: the store that stands there is damaged, or of a newer format.
        DetectorError: the detector has to declare its name or its version.
        LineRejectedError: a line was rejected and the run is strict.
        InterruptedRunError: ``should_stop`` said True.

    """
    store = store_beside(flagged, store)
    inputs = [(f"{log.source} log", log.identity) for log in (logs.batch, logs.stream)]
    check_outputs(inputs, flagged, store)
    stream = is_output_stream(flagged)
    running = Run(
        logs,
        Summary(Path(flagged), store),
        output=OutputStream(Path(flagged), FLAGGED, should_stop) if stream else None,
        strict=strict,
        listener=listener or Listener(),
        should_stop=should_stop,
        disk=disk,
        detector=detector,
    )
    with ExitStack() as stack:
        if not running.start(stack, overwrite=overwrite, resume=resume):
            return running.summary
        running.batch()
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
        output: Output | None = None,
    ) -> None:
        self.logs = logs
        self.summary = summary
        self.strict = strict
        self.listener = listener
        self.should_stop = should_stop
        self.disk = disk
        self.output = output or FlaggedFile(summary.flagged_path, disk, cure=_cure(summary))
        self.detector = detector
        self._digest_events = digest_events or DIGEST_EVENTS
        self._lap = time.perf_counter()
        self._attested = 0
        self._synced = time.monotonic()
        self._resumed: Resumed | None = None
        self._way_on: str

    def lap(self, phase: str) -> None:
        """Note that ``phase`` is done, and how long it took."""
        now = time.perf_counter()
        self.summary.seconds[phase] = now - self._lap
        self._lap = now

    def start(self, stack: ExitStack, *, overwrite: bool, resume: bool) -> bool:
        """Begin a new history or go on with the one that is there; False if that is finished."""
        logs, summary = self.logs, self.summary
        logs.look_ahead()
        header = Header(
            logs.parameters,
            logs.line,
            logs.batch.fingerprint(),
            logs.stream.fingerprint(),
            detector=detector_version(self.detector),
            zone=logs.batch.zone,
        )
        self._way_on = way_on(header, keeps=self.output.keeps, overwrite=overwrite, live=logs.live)
        self.lap("fingerprint")
        path = summary.store_path
        opened = open_history(
            stack,
            self.output,
            path,
            header,
            self.disk,
            overwrite=overwrite,
            resume=resume,
            finished=lambda kept: is_finished(kept) and not logs.live,
        )
        kept, summary.store_set_aside = opened.kept, opened.set_aside
        summary.store_rewritten = opened.rewritten
        if kept is not None and opened.store is None:
            self._finished(Resumed(kept))
            return False
        assert opened.store is not None, "what is not finished is written to"
        self.store = opened.store
        self.outputs = Outputs(self.store, self.output)
        self.simulation = stack.enter_context(
            self.detector(logs.parameters, self.outputs, attesting=True)
        )
        self.simulation.dispatcher.supervisor = Reactivation()
        if kept is None:
            self.output.begin(opened.start, overwrite=overwrite)
            summary.flagged_before = bytes_before(self.output)
            self.listener.on_start(logs, summary)
        else:
            self._resume(kept)
        return True

    def _finished(self, resumed: Resumed) -> None:
        """See that the flagged file holds what a finished history wrote to it."""
        summary = self.summary
        resumed.count_into(summary)
        summary.finished_before = True
        # First, as nobody is to be told that nothing is left to do where lines are missing.
        resumed.recover(self.output)
        self.listener.on_start(self.logs, summary)
        self._refuse_rejected(resumed)
        self.lap("check")

    def _resume(self, kept: EventStore) -> None:
        """Be where a run was when it stopped."""
        summary = self.summary
        resumed = Resumed(kept, self.simulation)
        self.logs.bind(kept.zone)
        if self.logs.live:
            # More may have come since the end that was seen.
            resumed.ended.discard("stream")
        resumed.count_into(summary)
        summary.users = self.simulation.users
        self.listener.on_start(self.logs, summary)
        summary.flagged_set_aside = resumed.recover(self.output)
        summary.flagged_before = bytes_before(self.output)
        self.outputs.told = resumed.written
        self._attested = max(resumed.attested, 0)
        self._refuse_rejected(resumed)
        self._resumed = resumed
        for log in (self.logs.batch, self.logs.stream):
            if log.source in resumed.ended:
                continue
            lines = resumed.lines[log.source]
            if isinstance(log, LiveLog):
                log.go_on(lines, KeptLines(kept, resumed.file_frame))
            else:
                log.skip(lines)
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
            raise strict_error(log.path, rejected)

    def batch(self) -> None:
        """Read the past, unless all of it has been read before."""
        log, simulation = self.logs.batch, self.simulation
        if self._ended(log):
            return
        journal = simulation.journal
        for block in log.blocks(self.store.events + 1):
            before = len(journal)
            self._append(block)
            self.summary.batch_events += len(journal) - before
            self.summary.users = len(journal.names)
            self._after_block(log, block)
        simulation.goto(len(journal))
        self.outputs.append([log.end(), StreamStart(self.store.events)])
        self._attest()
        self.lap("batch")

    def stream(self) -> Iterator[None]:
        """Judge the stream, and pause where a block has been dealt with."""
        log = self.logs.stream
        if self._ended(log):
            # All but the last digest was there.
            self.outputs.sync()
            return
        log.zone = log.zone or self.logs.batch.zone
        for block in log.blocks(self.store.events + 1):
            if not block.records and self.logs.live:
                self.outputs.sync()
                yield
                continue
            self._attest_before(block)
            records = self._append(block)
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
                self.outputs.sync()
                self._synced = time.monotonic()
            yield
        if not (isinstance(log, LiveLog) and log.stopped):
            self.outputs.append([log.end()])
            self._attest()
        self.outputs.sync()
        self.lap("stream")

    def _ended(self, log: Log | LiveLog) -> bool:
        return self._resumed is not None and log.source in self._resumed.ended

    def _attest_before(self, block: Block) -> None:
        """Record the state's digest if after ``block`` it would be too late."""
        if self.store.events + block.events > self._attested + self._digest_events:
            self._attest()

    def _attest(self) -> None:
        self._attested = self.store.events
        self.simulation.attest(self._attested)

    def _append(self, block: Block) -> list[Record]:
        """Append a block to the store, and then to the journal; return what of it is taken."""
        records, events = block.records, block.events
        if self.strict and block.rejected:
            records, events = block.up_to(block.rejected[0])
        if records:
            self.store.append(records, events)
        for record in records:
            if isinstance(record, Columns):
                self.simulation.extend(record)
        return records

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
            self.summary.stream_rejected += log.source == "stream"
            if self.strict:
                raise strict_error(log.path, rejected)
            self.listener.on_rejected(log, rejected)
        self.listener.on_block(log, self.summary)
        if self.should_stop() and not isinstance(log, LiveLog):
            self._stop()

    def _stop(self) -> None:
        raise InterruptedRunError(
            f"interrupted after {self.store.events:,} events; they are kept in "
            f"{self.summary.store_path}, {self._way_on}"
        )


def _cure(summary: Summary) -> str:
    """Return what writes the flagged file again where it was altered, for a person to copy."""
    store, flagged = shell_word(summary.store_path), shell_word(summary.flagged_path)
    return f"python -m replay rebuild {store} {flagged} writes it again"
