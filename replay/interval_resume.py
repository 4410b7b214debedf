"""Going on with a search for intervals that a store holds: how far it has come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from events.errors import DamagedStoreError
from events.records import (
    Finding,
    Lines,
    LogEnd,
    Observed,
    Record,
    Rejected,
    StateDigest,
    Written,
)
from replay.interval_outputs import interval_lines
from replay.outputs import FlaggedFileError

if TYPE_CHECKING:
    from pathlib import Path

    from events.store import EventStore
    from replay.interval_outputs import IntervalOutputs
    from replay.interval_simulation import IntervalSimulation
    from replay.outputs import Output


class IntervalResumed:
    """How far the search in a store has come."""

    def __init__(self, store: EventStore) -> None:
        """Read ``store``."""
        assert store.intervals is not None, "it is a store of intervals"
        self.store: Final = store
        self.parameters: Final = store.intervals
        self.line = 0
        """The line on which the last row begins that was read."""
        self.latest = ""
        """The latest time of all observations."""
        self.observations = 0
        self.rejected: Final[list[Rejected]] = []
        """The rows that were rejected."""
        self.ended = False
        """Whether the observations were read to their end."""
        self.settled = False
        """Whether, after that, all was found."""
        self.pending = 0
        """How many observations came after what was found last."""
        self.written = 0
        """How many bytes of lines the output is known to have held."""
        self.keys = 0
        self.findings: Final[list[Finding]] = []
        for record in store.records():
            self._take(record)
        self.breaks_quoted = True
        """How the output is spelled; see `interval_lines`."""
        self._lines = self._spelled()
        if not self.finished and self._spell_otherwise() and not self.finished:
            # Which of the two it is, the output itself will tell.
            self._spell_otherwise()

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.settled and self.written == len(self._lines)

    def recover(self, file: Output) -> Path | None:
        """Make sure that the output holds the lines of this history; see `Output.recover`."""
        try:
            return self._recover(file)
        except FlaggedFileError:
            if not self._spell_otherwise():
                raise
            return self._recover(file)

    def _recover(self, file: Output) -> Path | None:
        start = self.store.header.flagged
        return file.recover(start, self._lines, self.written, finished=self.finished)

    def _spelled(self) -> bytes:
        titled = self.store.header.flagged == 0 and self.parameters.output == "csv"
        found = [finding.interval for finding in self.findings]
        quoted = self.breaks_quoted
        lines = interval_lines(found, self.parameters, titled=titled, breaks_quoted=quoted)
        return b"".join([line + b"\n" for line in lines])

    def _spell_otherwise(self) -> bool:
        """Spell the output as an earlier release may have, and tell whether that differs."""
        if self.store.header.detector is not None:
            return False
        before, self.breaks_quoted = self._lines, not self.breaks_quoted
        self._lines = self._spelled()
        if self._lines == before:
            self.breaks_quoted, self._lines = not self.breaks_quoted, before
            return False
        return True

    def tell(self, simulation: IntervalSimulation, outputs: IntervalOutputs) -> None:
        """Tell all observations to a simulation, which must find what was found.

        Raises:
            DamagedStoreError: it finds something else.

        """
        findings: list[Finding] = []
        for record in self.store.records():
            if isinstance(record, Observed):
                simulation.observe(record)
            elif isinstance(record, Finding):
                findings.append(record)
            elif isinstance(record, LogEnd):
                simulation.conclude()
            elif isinstance(record, StateDigest):
                outputs.expected = (findings, record)
                simulation.settle()
                findings = []
                if outputs.differs:
                    raise DamagedStoreError(
                        f"{self.store.path}: after event {record.events}: expected what the "
                        "observations come to, found something else; verify says more"
                    )
        outputs.expected = None
        outputs.told = self.written
        outputs.breaks_quoted = self.breaks_quoted
        outputs.intervals = len(self.findings)

    def _take(self, record: Record) -> None:
        if isinstance(record, Lines):
            self.line = record.number - 1
        elif isinstance(record, Observed):
            self.line += len(record.times)
            self.observations += len(record.times)
            self.pending += len(record.times)
            self.latest = max(self.latest, *record.times)
        elif isinstance(record, Rejected):
            self.rejected.append(record)
            self.line = record.number
        elif isinstance(record, LogEnd):
            self.ended = True
        elif isinstance(record, Finding):
            self.findings.append(record)
        elif isinstance(record, StateDigest):
            self.settled = self.ended
            self.pending = 0
            self.keys = record.users
        elif isinstance(record, Written):
            self.written = record.size
