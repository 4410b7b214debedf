"""What the detector of intervals does in a run: all that comes is looked at, a block at a time.

An observation's way, from `replay.engine.run`: `take` tells it to the coordinator, which
gathers what the actors of the keys find and tells the sink, and the sink records the
findings in the store and then writes the lines to the file.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from events.errors import InputError, StoreError
from events.observations.lateness import Watermark
from events.observations.observed import Observed
from events.store.header import Header, line_bytes_of
from events.store.store import EventStore
from replay.engine.detectors import detector_version
from replay.engine.drive import Drive, Resumed
from replay.engine.files import STORE_SUFFIX
from replay.engine.supervision import Reactivation
from replay.intervals.kept import StoredRecovery
from replay.intervals.kept_rows import KeptObservations
from replay.intervals.lines import IntervalOutputs, title_of
from replay.intervals.resume import IntervalResumed
from replay.intervals.simulation import IntervalSimulation

if TYPE_CHECKING:
    from contextlib import ExitStack

    from events.logs.reader import LogReader
    from events.observations.parameters import IntervalParameters
    from events.observations.source import Observations
    from events.records.record import Record
    from events.store.writer import StoreWriter
    from events.times.timestamps import Zone
    from replay.engine.output import Output
    from replay.intervals.resume import IntervalSummary


class IntervalDrive(Drive):
    """Looks for the intervals of observations."""

    output = "the intervals"
    events = "observations"
    row = "row"

    def __init__(
        self,
        source: Observations,
        parameters: IntervalParameters,
        summary: IntervalSummary,
        detector: type[IntervalSimulation] | None = None,
    ) -> None:
        """Begin without actors; what is done is counted in ``summary``."""
        self._detector: Final = detector or IntervalSimulation
        self._source: Final = source
        self._log: Final = source.log
        self._format: Final = source.format
        if parameters.lateness is not None:
            self._format.watermark = Watermark(parameters.lateness)
        self._parameters: Final = parameters
        self._summary: Final = summary
        # What `is_finished` has read of a store, and what is gone on with.
        self._seen: IntervalResumed | None = None
        self._kept: IntervalResumed | None = None
        self._outputs: IntervalOutputs
        if parameters.output == "csv":
            self.title = title_of(parameters)

    def header(self) -> Header:
        decides = detector_version(self._detector)
        zone = self._source.zone
        return Header(
            *(None,) * 4,
            intervals=self._parameters,
            detector=decides,
            zone=zone,
            line_bytes=line_bytes_of(self._log.portions),
        )

    def is_finished(self, kept: EventStore) -> bool:
        self._seen = IntervalResumed(kept)
        return self._seen.finished

    def check_start(self, start: int, standing: EventStore | None) -> None:
        """Refuse to append rows that nothing would tell from those of another search."""
        zone = self._source.zone
        check_appending(self._parameters, zone, self._summary.output_path, start, standing)

    def act(self, stack: ExitStack, store: StoreWriter, output: Output) -> IntervalOutputs:
        self._outputs = IntervalOutputs(store, output, self._parameters)
        self._past = StoredRecovery(self._parameters, store.path)
        self._stack = stack
        return self._outputs

    @cached_property
    def simulation(self) -> IntervalSimulation:
        """The actors, which begin at the last settling of a run that is gone on with."""
        simulation = self._stack.enter_context(
            self._detector(
                self._parameters, self._outputs, past=self._past, portions=self._log.portions
            )
        )
        simulation.dispatcher.supervisor = Reactivation()
        return simulation

    def kept(self, resumed: Resumed) -> KeptObservations:
        return KeptObservations(resumed.store, resumed.file_frame, self._format)

    def resumed(self, kept: EventStore, *, acting: bool) -> IntervalResumed:
        """Read a history; with ``acting`` the actors are told of it in `go_on`."""
        seen = self._seen
        resumed = seen if seen is not None and seen.store is kept else IntervalResumed(kept)
        self._kept = resumed if acting else None
        self._log.zone = kept.zone
        return resumed

    def go_on(self) -> None:
        """Begin at the last settling, and do with what came behind it what the run did."""
        resumed, outputs = self._kept, self._outputs
        assert resumed is not None, "a history was read"
        frames = resumed.gather(self._past)
        outputs.reported, outputs.intervals = resumed.written, resumed.found
        outputs.breaks_quoted, outputs.zone = resumed.breaks_quoted, resumed.store.zone
        self.simulation.goto(self._past.events)
        self.simulation.advance()
        for records in frames:
            for each in records:
                if isinstance(each, Observed):
                    self.simulation.observe(each)
                else:
                    self.simulation.conclude()
            self.simulation.advance()
        if (watermark := self._format.watermark) is not None and resumed.latest:
            if resumed.latest_ended:
                watermark.admit((resumed.latest_ended,))
                watermark.close()
            watermark.admit((resumed.latest,))
        if resumed.concluded:
            self._settle_rest(settled=resumed.settled)
        else:
            self._settle_due()

    def take(self, log: LogReader, records: list[Record]) -> None:  # noqa: ARG002  there is one
        for record in records:
            if isinstance(record, Observed):
                self._outputs.zone = record.zone
                self.simulation.observe(record)

    def commit(self) -> None:
        """Look at what was told, and send what is found to the store and the output.

        While more is there to be read, that is done for many observations at once.
        """
        self.simulation.advance()
        self._settle_due()

    def _settle_due(self) -> None:
        self.simulation.settle_due()
        if not self._log.waiting:
            self.simulation.settle_ready()
        self._count()

    def abandon(self) -> None:
        """Drop what waits: what was found is sent with the block that it was found in."""

    def ended(self, log: LogReader) -> None:
        """Keep the end of ``log``, and send all that is found."""
        self._outputs.append([log.end()])
        self.simulation.conclude()
        self._settle_rest()

    def _settle_rest(self, *, settled: bool = False) -> None:
        if not settled:
            self.simulation.settle_rest()
        # The store tells how far the output has come.
        self._outputs.append([])
        self._count()

    def _count(self) -> None:
        self._summary.intervals = self._outputs.intervals
        self._summary.keys = self.simulation.keys


def check_appending(
    parameters: IntervalParameters,
    zone: Zone | None,
    output: Path,
    start: int,
    standing: EventStore | None,
) -> None:
    """Refuse to append rows that nothing would tell from those of another search.

    What is known of the rows that stand there is what two stores say: the one that a new one
    is to replace, ``standing``, and the one in the usual place; and the columns of a CSV file.

    Raises:
        InputError: there are rows of another search, or other columns.

    """
    if not start:
        return
    for store in (standing, _beside(output, standing)):
        if store is None or store.header.intervals is None:
            continue
        words = parameters.other_settings(store.intervals)
        if {zone, store.zone} == {"none", "utc"}:
            words.append("zone of its times")
        if words:
            raise InputError(
                f"{output}: expected rows of the same search there, found that {store.path} is "
                f"of one with another {' and '.join(words)}; nothing would tell their rows "
                "apart, so name another file or use --overwrite"
            )
    if parameters.output == "csv":
        _check_title(title_of(parameters), output)


def _beside(output: Path, standing: EventStore | None) -> EventStore | None:
    path = Path(f"{output}{STORE_SUFFIX}")
    if standing is not None and standing.path == path:
        return None
    try:
        return EventStore(path) if path.is_file() else None
    except StoreError:
        return None


def _check_title(title: bytes, output: Path) -> None:
    with output.open("rb") as file:
        found = file.readline(len(title) + 2).rstrip(b"\r\n")
    if found != title:
        raise InputError(
            f"{output}: expected a file that begins with the columns {title.decode()}, found "
            "another; name another file or use --overwrite"
        )
