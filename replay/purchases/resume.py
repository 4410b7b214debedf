"""Going on with a history that a store holds: what it is, and how far it has come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from actors.purchases.digest import RunningSums
from events.errors import (
    DamagedStoreError,
)
from events.journal.columns import PURCHASE, Columns
from events.journal.journal import Journal
from events.logs.jsonlines import flagged_line
from events.purchases.event import Event, line_of
from events.purchases.own_lines import OwnLines
from events.store.records import (
    Decision,
    EventRun,
    Lines,
    LogEnd,
    Record,
    Rejected,
    Source,
    StateDigest,
    StreamStart,
    Written,
)
from replay.engine.drive import Resumed
from replay.engine.output import WrittenLines
from replay.purchases.summary import Summary

if TYPE_CHECKING:
    from pathlib import Path

    from events.store.store import EventStore
    from replay.engine.listener import RunSummary
    from replay.engine.output import Output
    from replay.purchases.simulation import Simulation


def is_finished(store: EventStore) -> bool:
    """Tell from its end alone whether nothing is left to do of the history in ``store``."""
    before, *last = store.last_frames(2) or [[]]
    ends = [record for record in before if isinstance(record, LogEnd)]
    digests = [record for records in last for record in records if isinstance(record, StateDigest)]
    return any(end.source == "stream" for end in ends) and bool(digests)


class PurchasesResumed(Resumed):
    """How far the history in a store has come.

    Its events are in a journal then, and the simulation stands before the first purchase of
    the stream that has no decision. Nothing that was decided is decided again;
    `replay.purchases.verify` does that.
    """

    def __init__(self, store: EventStore, simulation: Simulation | None = None) -> None:
        """Read ``store``; without a simulation only see how far it has come.

        Raises:
            DamagedStoreError: a frame holds what this program does not write, or a digest of
                the state is not what the events add up to.

        """
        super().__init__(store)
        self.journal: Final = Journal() if simulation is None else simulation.journal
        """All events."""
        self.lines["batch"] = self.lines["stream"] = 0
        self.events: Final[dict[Source, int]] = {"batch": 0, "stream": 0}
        """How many lines of each log were accepted."""
        self.judged = 0
        """How many purchases were decided on."""
        self.flagged: Final[list[bytes]] = []
        """The flagged lines, without newlines."""
        self.attested = -1
        """After how many events the last digest of the state was recorded; -1: none."""
        self.users = 0
        """How many users there were at that moment."""
        self.digest_due = False
        """Whether the last thing recorded is something after which a digest comes."""
        self._source: Source = "batch"
        self._decided = 0
        self._simulation = simulation
        self._sums = None if simulation is None else RunningSums(self.journal)
        self._frame = 0
        self._own_lines = OwnLines(store.path, store.zone)
        for self._frame, frame in enumerate(store.frames()):
            for record in frame.records:
                if isinstance(record, Columns):
                    self._take(record)
                else:
                    self._note(record)
        self.settled: Final = self._settled()
        """The last event before the first purchase of the stream without a decision."""
        if simulation is not None:
            simulation.goto(self.settled)

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return "stream" in self.ended and not self.digest_due

    def count_into(self, summary: RunSummary) -> None:
        """Add what the history holds to what a run has done."""
        summary.events_before = len(self.journal)
        summary.accepted.update(self.events)
        for source in self.events:
            summary.refused[source] = sum(each.source == source for each in self.rejected)
        assert isinstance(summary, Summary), "it is that of a run of this detector"
        summary.judged += self.judged
        summary.flagged += len(self.flagged)
        summary.users = self.users

    def recover(self, flagged: Output) -> Path | None:
        """Make sure that the flagged file holds the lines of this history, each once.

        Returns:
            Where bytes were moved to that stood in the way, or None.

        Raises:
            OutputFileError: the file is shorter than it was, or was altered.

        """
        lines = b"".join([line + b"\n" for line in self.flagged])
        start = self.store.header.output_start
        written = WrittenLines(lambda: [lines], len(lines), self.written)
        return flagged.recover(start, written, finished=self.finished)

    @property
    def undecided(self) -> list[Event]:
        """The events of the stream from the first purchase without a decision on."""
        return self.journal.events(self.settled + 1, len(self.journal))

    def _take(self, events: Columns) -> None:
        if self._simulation is not None:
            # Refused where they become part of a state.
            self._own_lines.check_columns(events)
        self.journal.extend(events)

    def _settled(self) -> int:
        """Return the last event that needs no decision any more."""
        settled = max(self.events["batch"], self._decided)
        waiting = np.flatnonzero(self.journal.kinds[settled:] == PURCHASE)
        return settled + int(waiting[0]) if len(waiting) else len(self.journal)

    def _note(self, record: Record) -> None:
        self.digest_due = False
        if isinstance(record, Lines):
            self._source = record.source
            continued = self.lines["stream"] < record.number > 1
            if record.source == "stream" and (not continued or self.file_frame is None):
                # The first lines, or a file that was followed was replaced.
                self.file_frame = self._frame
            self.lines[record.source] = record.number - 1
        elif isinstance(record, EventRun):
            self.events[self._source] += record.events
            self.lines[self._source] += record.events
        elif isinstance(record, Rejected):
            self.rejected.append(record)
            self.lines[record.source] += 1
        elif isinstance(record, LogEnd):
            self.lines[record.source] = record.lines
            self.ended.add(record.source)
            self.digest_due = True
        elif isinstance(record, StreamStart):
            self.digest_due = True
        elif isinstance(record, Decision):
            self._take_decision(record)
        elif isinstance(record, Written):
            self.written = record.size
        elif isinstance(record, StateDigest):
            self._attested(record)

    def _take_decision(self, decision: Decision) -> None:
        self._decided = decision.number
        self.judged += 1
        if decision.flagged:
            event = self.journal.event(decision.number)
            if self._simulation is None:
                self._own_lines.check([event])
            self.flagged.append(flagged_line(line_of(event), decision.mean, decision.sd))

    def _attested(self, digest: StateDigest) -> None:
        self.attested = digest.events
        self.users = digest.users
        if self._sums is not None:
            self._sums.stand(len(self.journal))
            found = self._sums.now()
            if digest.events != len(self.journal) or digest.sums != found:
                raise DamagedStoreError(
                    f"{self.store.path}: after event {len(self.journal)}: expected a state with "
                    f"the sums {digest.sums}, found {found}; verify says more"
                )
