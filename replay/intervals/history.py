"""A search for intervals in memory: all that its store holds, with the place of each row."""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING, Final

from events.errors import OtherKindError, PositionError
from events.journal.observation_journal import ObservationJournal
from events.store.records import (
    Finding,
    Lines,
    LogEnd,
    Observed,
    Record,
    Rejected,
    StateDigest,
)
from replay.engine.history import Attestation, LinePlace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from events.observations.rows import Observation
    from events.store.store import EventStore


class IntervalHistory:
    """The observations of a store, and what else it knows of them.

    Raises:
        StoreError: a frame holds what this program does not write, or the store is one
            of purchases.

    """

    def __init__(self, store: EventStore) -> None:
        """Read all of ``store``."""
        if store.intervals is None:
            raise OtherKindError(
                f"{store.path}: expected a store of intervals, found one of purchases"
            )
        self.store: Final = store
        self.parameters: Final = store.intervals
        """What was looked for."""
        self.journal: Final = ObservationJournal(keyed=store.intervals.key is not None)
        """All observations, in the order of arrival."""
        self.found_counts: Final[dict[int, int]] = {}
        """After which observations intervals were final, in order, and how many."""
        self.digests: Final[list[Attestation]] = []
        """What the state added up to when the run looked."""
        self.end: LogEnd | None = None
        """The end of the observations, if they were read to it."""
        self.rejected: Final[list[tuple[int, Rejected]]] = []
        """The rejected rows, each with the number of the event that follows it."""
        # From which event on lines are counted from which line.
        self._lines: list[tuple[int, int]] = []
        # Findings can take many times the memory of all else, so they are read when asked for:
        # for each observation from which frame on, and the frame that was read last.
        self._found_from: dict[int, int] = {}
        self._read: tuple[int, list[Finding]] = (-1, [])
        for frame, (previous, records, _) in enumerate(store.frames()):
            for record in records:
                if isinstance(record, Finding):
                    self._found_from.setdefault(record.number, frame)
                    count = self.found_counts.get(record.number, 0)
                    self.found_counts[record.number] = count + 1
                else:
                    self._take(record, previous)

    def __len__(self) -> int:
        """Return the number of observations."""
        return len(self.journal)

    @property
    def everyone(self) -> AbstractSet[str]:
        """All ids and keys."""
        keys = self.journal.keys.keys() if self.journal.keyed else set()
        return self.journal.adids.keys() | keys

    def event(self, number: int) -> Observation:
        """Return observation ``number``.

        Raises:
            PositionError: the history has no such event.

        """
        if not 1 <= number <= len(self):
            raise PositionError(f"expected an event from 1 to {len(self)}, found {number}")
        return self.journal.event(number)

    def observed(self, first: int = 0, last: int | None = None) -> Observed:
        """Return the observations after event ``first`` up to event ``last``, or all."""
        return self.journal.observed(first, len(self) if last is None else last)

    def place(self, number: int) -> LinePlace:
        """Return the line on which observation ``number`` begins."""
        self.event(number)
        index = bisect.bisect(self._lines, number, key=lambda each: each[0]) - 1
        first, line = self._lines[index]
        return LinePlace("observations", line + number - first)

    def findings(self) -> Iterator[Finding]:
        """Iterate over all findings, in order."""
        return (record for record in self.store.records() if isinstance(record, Finding))

    def found(self, number: int) -> Iterator[Finding]:
        """Iterate over what was final after observation ``number``."""
        left, frame = self.found_counts.get(number, 0), self._found_from.get(number, 0)
        while left:
            for finding in self._findings_in(frame):
                if finding.number == number:
                    left -= 1
                    yield finding
            frame += 1

    def _findings_in(self, frame: int) -> list[Finding]:
        if self._read[0] != frame:
            records = next(self.store.frames_from(frame)).records
            self._read = frame, [each for each in records if isinstance(each, Finding)]
        return self._read[1]

    def members(self, finding: Finding) -> Sequence[int]:
        """Return the numbers of the observations of an interval, in time order."""
        interval, journal = finding.interval, self.journal
        if interval.key not in journal.keys:
            return []
        # No row that came later is before the end of what was final.
        rows = journal.own(journal.keys[interval.key])
        numbers: list[int] = (rows[interval.start_index : interval.end_index + 1] + 1).tolist()
        return numbers

    def lines(self) -> Iterator[tuple[LinePlace, Observation | Rejected]]:
        """Iterate over the observations and rejected rows, in the order of the file."""
        rejected = iter(self.rejected)
        before, bad = next(rejected, (0, None))
        for number in range(1, len(self) + 2):
            while bad is not None and before <= number:
                yield LinePlace("observations", bad.number), bad
                before, bad = next(rejected, (0, None))
            if number <= len(self):
                yield self.place(number), self.event(number)

    def _take(self, record: Record, previous: bytes) -> None:
        following = len(self) + 1
        if isinstance(record, Lines):
            self._lines.append((following, record.number))
        elif isinstance(record, Observed):
            self.journal.extend(record)
        elif isinstance(record, Rejected):
            self.rejected.append((following, record))
            self._lines.append((following, record.number + 1))
        elif isinstance(record, LogEnd):
            self.end = record
        elif isinstance(record, StateDigest):
            self.digests.append(Attestation(len(self), previous, record))
