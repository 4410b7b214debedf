"""The search for intervals: observations in, an event store and the intervals out.

`replay.engine.run` is its way, and `replay.intervals.drive` what is done on it.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from events.disk import DISK, Disk
from events.errors import InputError
from events.observations.parameters import (
    IntervalParameters,
    check_distinct,
    check_duration,
    check_threshold,
)
from events.paths import is_output_stream
from replay.engine.files import check_outputs, store_beside
from replay.engine.logging_listener import LoggingListener
from replay.engine.notices import rebuild_cure
from replay.engine.output_streams import output_at
from replay.engine.rejected_file import rejected_file
from replay.engine.run import Run
from replay.intervals.drive import IntervalDrive
from replay.intervals.parquet import ParquetOutput
from replay.intervals.resume import IntervalSummary

if TYPE_CHECKING:
    from events.logs.file import Log
    from events.logs.live import LiveLog
    from events.observations.parser import FileFormat
    from events.observations.source import Observations
    from replay.engine.listener import RunListener
    from replay.engine.output import Output
    from replay.engine.run import ShouldStop


class SearchInputs(NamedTuple):
    """What a search reads."""

    logs: tuple[Log | LiveLog]
    """The observations."""
    parameters: IntervalParameters
    """What is looked for."""
    live: bool
    """Whether they are read while they are written."""


class Search(msgspec.Struct, frozen=True):
    """What is looked for (SPEC.md section 7).

    Raises:
        BadValueError: nothing can be found so; see `events.observations.parameters`.

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
    form: FileFormat | None = None,
    store: str | Path | None = None,
    overwrite: bool = False,
    strict: bool = False,
    resume: bool = False,
    rejected: str | Path | None = None,
    listener: RunListener | None = None,
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
        form: how intervals are written; by default what `form_of_output` says. Parquet is
            written at the end, where nothing stands or what stands there is to be overwritten.
        store: the event store to make, by default ``output`` with ``.events`` added.
        overwrite: start the output and the store afresh.
        strict: stop at the first row that is rejected.
        resume: go on with the history of observations that were live.
        rejected: a file for the rejected rows; see `replay.engine.rejected_file`.
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
    store = store_beside(output, store)
    inputs = [("observations", source.log.identity)]
    check_outputs(inputs, output, store, "file of intervals")
    form = form or form_of_output(output)
    file = _output_at(source, output, form, store, disk=disk, should_stop=should_stop)
    began = time.perf_counter()
    parameters = _parameters_of(source, search, form)
    summary = IntervalSummary(file.path, store)
    keeping = rejected_file(rejected, inputs, (file.path, store), disk, source.format.title)
    running = Run(
        SearchInputs(source.logs, parameters, source.live),
        file,
        summary,
        IntervalDrive(source, parameters, summary),
        strict=strict,
        listener=listener or LoggingListener(),
        should_stop=should_stop,
        disk=disk,
        began=began,
        rejected=keeping,
    )
    running.whole(overwrite=overwrite, resume=resume)
    return _completed(file, summary)


def _output_at(
    source: Observations,
    output: str | Path,
    form: FileFormat,
    store: Path,
    *,
    disk: Disk,
    should_stop: ShouldStop,
) -> Output:
    """Return the output of a search, into which intervals are written as ``form`` says."""
    cure = rebuild_cure(store, Path(output))
    if form != "parquet":
        return output_at(output, disk, IntervalDrive.output, cure, should_stop)
    if source.live or is_output_stream(output):
        raise InputError(
            f"{output}: expected CSV or JSON lines where rows are read as they come, or go to a "
            "pipe or a device, found Parquet, which is written at the end"
        )
    return ParquetOutput(Path(output), store, disk, cure)


def _completed(file: Output, summary: IntervalSummary) -> IntervalSummary:
    """Return what was done, once what is written at the end is there, too."""
    if isinstance(file, ParquetOutput):
        file.complete()
        summary.output_before = 0
    return summary


def form_of_output(output: str | Path) -> FileFormat:
    """Return how intervals are written to a file of such a name, by default as JSON lines."""
    forms: dict[str, FileFormat] = {".csv": "csv", ".parquet": "parquet"}
    return forms.get(Path(output).suffix.lower(), "jsonl")


def _parameters_of(source: Observations, search: Search, form: FileFormat) -> IntervalParameters:
    """Return the parameters of a search whose intervals are written in ``form``."""
    must_sort = not search.lateness and source.is_file and not source.in_order()
    fingerprint = source.log.fingerprint()
    return IntervalParameters(
        search.threshold,
        search.inclusive,
        search.distinct_min,
        None if must_sort else search.lateness,
        *source.format.columns,
        source.format.form,
        form,
        fingerprint,
        source.format.dialect.unit,
        source.format.dialect.delimiter or ",",
    )
