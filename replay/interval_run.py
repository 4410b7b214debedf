"""The search for intervals: observations in, an event store and the intervals out.

An observation's way: its row is read in `Observations.blocks`, it is appended to the
store by `StoreWriter.append`, and only then told to the coordinator by
`IntervalSimulation.observe`; the coordinator tells the actor of its key, gathers what the
actors find, and tells the sink, and the sink records the findings in the store and then
writes the lines to the file.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from actors.lateness import Watermark
from events.disk import DISK, Disk
from events.errors import InterruptedRunError
from events.header import Header
from events.interval_parameters import (
    IntervalParameters,
    check_distinct,
    check_duration,
    check_threshold,
)
from events.paths import is_output_stream
from events.records import LogEnd, Observed, Record, Rejected
from replay.collector import collector_paused
from replay.detectors import detector_version
from replay.files import check_outputs, store_beside
from replay.interval_appending import check_appending
from replay.interval_blocks import after_line, records_of, without_late
from replay.interval_kept import StoredPast
from replay.interval_outputs import IntervalOutputs, title_of
from replay.interval_resume import IntervalResumed
from replay.interval_simulation import IntervalSimulation
from replay.opening import bytes_before, open_history
from replay.output_streams import OutputStream
from replay.outputs import INTERVALS, FlaggedFile
from replay.rejections import strict_error
from replay.resume import way_on
from replay.supervision import Reactivation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from events.observation import ObservationBlock
    from events.observations import Format, Observations
    from events.store import EventStore
    from events.writer import StoreWriter
    from replay.output import Output
    from replay.run import ShouldStop


class IntervalSummary(msgspec.Struct):
    """What a search has done so far, and in the end."""

    output_path: Path
    """Where the intervals are."""
    store_path: Path
    """Where the event store is."""
    store_set_aside: Path | None = None
    """Where a store that stood there before has been moved."""
    store_rewritten: Path | None = None
    """Where the store is kept as it was in the format of an earlier release, if it was."""
    output_set_aside: Path | None = None
    """Where bytes have been moved that stood in the output in the way."""
    output_before: int = 0
    """How many bytes of other lines stand in the output before those of this history."""
    finished_before: bool = False
    """Whether the search had been finished before, so that nothing was left to do."""
    events_before: int = 0
    """How many observations the store held before."""
    observations: int = 0
    """How many rows were accepted."""
    rejected: int = 0
    """How many rows were rejected."""
    keys: int = 0
    """How many keys appeared; 1 where there is no column of keys and any observation."""
    intervals: int = 0
    """How many intervals were found."""
    sorted: bool = False
    """Whether the observations had to be put in order first."""
    seconds: float = 0.0
    """How long it took, with what was read to know the file and its order."""


class IntervalListener:
    """Is told how a search goes; subclass it and override what is of interest."""

    def on_start(self, source: Observations, summary: IntervalSummary) -> None:
        """Take the observations and the summary, which changes as the search goes."""

    def on_block(self, source: Observations, summary: IntervalSummary) -> None:
        """Take note that some more has been read."""

    def on_rejected(self, source: Observations, rejected: Rejected) -> None:
        """Take a row that was rejected."""


class Search(msgspec.Struct, frozen=True):
    """What is looked for (SPEC.md section 7).

    Raises:
        BadValueError: nothing can be found so; see `events.interval_parameters`.

    """

    threshold: int
    """In nanoseconds; an interval is shorter than that."""
    inclusive: bool = False
    """Whether it may be just as long, too."""
    distinct_min: int = 2
    """How many different ids an interval has at least."""
    lateness: int = 0
    """How late an observation may come, in nanoseconds. With 0, a file that is not in order
    is put in order first."""

    def __post_init__(self) -> None:
        check_threshold(self.threshold, inclusive=self.inclusive)
        check_distinct(self.distinct_min)
        check_duration("lateness", self.lateness)


def run_intervals(
    source: Observations,
    output: str | Path,
    search: Search,
    *,
    form: Format | None = None,
    store: str | Path | None = None,
    overwrite: bool = False,
    strict: bool = False,
    listener: IntervalListener | None = None,
    should_stop: ShouldStop = bool,
    disk: Disk = DISK,
) -> IntervalSummary:
    """Keep observations in a store, and write the intervals with several ids among them.

    An unfinished search on the same file is continued where it stopped, and gives what it
    would have given without the stop; a finished one is left as it is.

    Args:
        source: the observations.
        output: the file to append intervals to.
        search: what is looked for.
        form: how intervals are written; by default as CSV if the name ends in ``.csv``,
            else as JSON lines.
        store: the event store to make, by default ``output`` with ``.events`` added.
        overwrite: start the output and the store afresh.
        strict: stop at the first row that is rejected.
        listener: is told how the search goes.
        should_stop: asked between blocks; when it says True the search stops in good order.
        disk: does what is done to files that are written.

    Returns:
        What was done.

    Raises:
        InputError: the observations cannot be read, or an output would overwrite them.
        OutputError: an output cannot be written, or was changed since it was written.
        StoreError: the store that stands there is damaged, or of a newer format.
        LineRejectedError: a row was rejected and the search is strict.
        InterruptedRunError: ``should_stop`` said True.

    """
    began = time.perf_counter()
    store = store_beside(output, store)
    check_outputs([("observations", source.identity)], output, store, "file of intervals")
    file: Output = FlaggedFile(output, disk, INTERVALS, "--overwrite writes it afresh")
    if is_output_stream(output):
        file = OutputStream(Path(output), INTERVALS, should_stop)
    form = form or ("csv" if file.path.suffix.lower() == ".csv" else "jsonl")
    parameters = _parameters_of(source, search, form)
    summary = IntervalSummary(file.path, store, sorted=parameters.lateness is None)
    running = _Run(
        source, parameters, summary, listener or IntervalListener(), should_stop, file=file
    )
    with ExitStack() as stack:
        stack.enter_context(collector_paused())
        if running.start(stack, disk, overwrite=overwrite, strict=strict):
            running.read(strict=strict)
            running.finish()
    summary.seconds = time.perf_counter() - began
    return summary


def _parameters_of(source: Observations, search: Search, form: Format) -> IntervalParameters:
    """Return the parameters of a search whose intervals are written in ``form``."""
    # First the hash: what is found by looking is checked against it in the end.
    fingerprint = source.fingerprint()
    must_sort = not search.lateness and source.regular and not source.in_order()
    return IntervalParameters(
        search.threshold,
        search.inclusive,
        search.distinct_min,
        None if must_sort else search.lateness,
        *source.columns,
        source.form,
        form,
        fingerprint,
    )


class _Run:
    def __init__(
        self,
        source: Observations,
        parameters: IntervalParameters,
        summary: IntervalSummary,
        listener: IntervalListener,
        should_stop: ShouldStop,
        *,
        file: Output,
    ) -> None:
        self.source = source
        self.file = file
        self.parameters = parameters
        self.summary = summary
        self.listener = listener
        self.should_stop = should_stop
        # In a file that will be put in order nothing is late.
        sorting = parameters.lateness is None
        self._watermark = None if sorting else Watermark(parameters.lateness or 0)
        # Rows that begin up to this line were read before.
        self._line = 0
        self._ended = False
        self._store: StoreWriter
        self._blocks: Iterator[ObservationBlock] = source.blocks()

    def start(self, stack: ExitStack, disk: Disk, *, overwrite: bool, strict: bool) -> bool:
        """Begin a new history or go on with the one that is there; False if that is finished."""
        summary = self.summary
        decides = detector_version(IntervalSimulation)
        header = Header(None, None, None, None, intervals=self.parameters, detector=decides)
        file = self.file
        found: list[IntervalResumed] = []

        def is_finished(kept: EventStore) -> bool:
            found.append(IntervalResumed(kept))
            return found[-1].finished

        self._way_on = way_on(header, keeps=file.keeps, overwrite=overwrite, live=False)
        # What has no columns, or is no observations at all, shall leave no outputs behind.
        self._blocks = chain([*islice(self._blocks, 1)], self._blocks)
        opened = open_history(
            stack,
            file,
            summary.store_path,
            header,
            disk,
            overwrite=overwrite,
            resume=False,
            finished=is_finished,
            check_start=partial(check_appending, self.parameters, summary.output_path),
        )
        summary.store_set_aside = opened.set_aside
        summary.store_rewritten = opened.rewritten
        if opened.store is not None:
            self._store = opened.store
        if opened.kept is None:
            self._act(stack, StoredPast(self.parameters, self._store.path))
            file.begin(opened.start, overwrite=overwrite)
            summary.output_before = bytes_before(file)
            if opened.start == 0 and self.parameters.output == "csv":
                file.write([title_of(self.parameters)])
                file.sync()
            self.listener.on_start(self.source, summary)
            return True
        (resumed,) = found
        self._count(resumed)
        self.listener.on_start(self.source, summary)
        summary.output_set_aside = resumed.recover(file)
        summary.output_before = bytes_before(file)
        if strict and resumed.first_rejected is not None:
            raise strict_error(self.source.name, resumed.first_rejected, "row")
        if not resumed.finished:
            self._resume(stack, resumed)
        return not resumed.finished

    def _act(self, stack: ExitStack, past: StoredPast) -> None:
        self._outputs = IntervalOutputs(self._store, self.file, self.parameters)
        self._simulation = stack.enter_context(
            IntervalSimulation(self.parameters, self._outputs, past=past)
        )
        self._simulation.dispatcher.supervisor = Reactivation()

    def _count(self, resumed: IntervalResumed) -> None:
        summary = self.summary
        summary.finished_before = resumed.finished
        summary.events_before = summary.observations = resumed.observations
        summary.rejected = resumed.rejected
        summary.intervals = resumed.found
        summary.keys = resumed.keys

    def _resume(self, stack: ExitStack, resumed: IntervalResumed) -> None:
        """Begin at the last settling, and do with what came behind it what the run did."""
        past = StoredPast(self.parameters, self._store.path)
        frames = resumed.gather(past)
        self._act(stack, past)
        outputs, simulation = self._outputs, self._simulation
        outputs.told, outputs.intervals = resumed.written, resumed.found
        outputs.breaks_quoted = resumed.breaks_quoted
        simulation.goto(past.events)
        for records in frames:
            for each in records:
                if isinstance(each, Observed):
                    simulation.observe(each)
                else:
                    simulation.conclude()
            simulation.advance()
        self._line, self._ended = resumed.line, resumed.ended
        if self._watermark is not None and resumed.latest:
            self._watermark.admit((resumed.latest,))
        if not resumed.ended:
            self._settle_due()
        elif not resumed.settled:
            self._simulation.settle_rest()

    def read(self, *, strict: bool) -> None:
        """Read the observations that are left."""
        if self._ended:
            return
        for block in self._blocks:
            records = self._records(block)
            rejected = [record for record in records if isinstance(record, Rejected)]
            if strict and rejected:
                del records[records.index(rejected[0]) + 1 :]
            self._observe(records)
            for each in rejected:
                self.summary.rejected += 1
                if strict:
                    raise strict_error(self.source.name, each, "row")
                self.listener.on_rejected(self.source, each)
            self.listener.on_block(self.source, self.summary)
            self._simulation.advance()
            self._settle_due()
            if self.should_stop():
                self._stop()
        self._outputs.append(
            [LogEnd("observations", self.source.lines_read, self.source.ends_with_newline)]
        )
        self._simulation.conclude()
        self._simulation.settle_rest()

    def finish(self) -> None:
        """See that the store tells how far the output has come, and all is on the disk."""
        self._outputs.append([])
        self._outputs.sync()
        self.summary.intervals = self._outputs.intervals
        self.summary.keys = self._simulation.keys

    def _records(self, block: ObservationBlock) -> list[Record]:
        firsts = [*block.numbers[:1], *(row.number for row in block.rejected[:1])]
        if any(first <= self._line for first in firsts):
            block = after_line(block, self._line)
        if self._watermark is not None and (late := self._watermark.admit(block.times)):
            block = without_late(block, late)
        return records_of(block, self._store.events + 1)

    def _observe(self, records: list[Record]) -> None:
        if not records:
            return
        observed = [record for record in records if isinstance(record, Observed)]
        count = sum(len(each.times) for each in observed)
        self._store.append(records, count)
        for each in observed:
            self._simulation.observe(each)
        self.summary.observations += count

    def _settle_due(self) -> None:
        self._simulation.settle_due()
        self.summary.intervals = self._outputs.intervals
        self.summary.keys = self._simulation.keys

    def _stop(self) -> None:
        raise InterruptedRunError(
            f"interrupted after {self._store.events:,} observations; they are kept in "
            f"{self.summary.store_path}, {self._way_on}"
        )
