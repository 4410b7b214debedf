"""A search for intervals in memory: its observations, and what was found among them."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Final

from events.observations.findings import FindingPlaces
from events.observations.interval import Finding, Interval
from events.observations.journal import ObservationJournal
from events.observations.observed import Observation, Observed
from events.records.record import LogEnd, Record
from replay.engine.history import StoredHistory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from events.store.store import EventStore


class IntervalHistory(StoredHistory[Observation, ObservationJournal]):
    """The observations of a store, and what else it knows of them.

    Raises:
        OtherKindError: it is a store of purchases.
        StoreError: a frame holds what this program does not write.

    """

    def __init__(self, store: EventStore) -> None:
        """Read all of ``store``."""
        self.parameters: Final = store.intervals
        """What was looked for."""
        self.ended_after: Final[list[int]] = []
        """After which observations no more seemed to come; of a live search some may have."""
        self.found_counts: Final[dict[int, int]] = {}
        """After which observations intervals were final, in order, and how many."""
        # Findings can take many times the memory of all else, so they are read when asked for:
        # for each observation from which frame on, and the frame that was read last.
        self._found_from: Final[dict[int, int]] = {}
        self._read: tuple[int, dict[int, list[Finding]]] = (-1, {})
        journal = ObservationJournal(keyed=store.intervals.key is not None)
        super().__init__(store, journal)

    @property
    def everyone(self) -> AbstractSet[str]:
        """All ids and keys, also those that have not appeared yet at some moment."""
        keys = super().everyone if self.journal.keyed else set()
        return self.journal.adids.keys() | keys

    def observed(self, first: int = 0, last: int | None = None) -> Observed:
        """Return the observations after event ``first`` up to event ``last``, or all."""
        return self.journal.observed(first, len(self) if last is None else last)

    def findings(self) -> Iterator[Finding]:
        """Iterate over all findings, in order."""
        return (record for record in self.store.records() if isinstance(record, Finding))

    def found(self, number: int) -> Iterator[Finding]:
        """Iterate over what was final after observation ``number``."""
        left, frame = self.found_counts.get(number, 0), self._found_from.get(number, 0)
        while left:
            some = self._findings_in(frame).get(number, ())
            yield from some
            left -= len(some)
            frame += 1

    def _findings_in(self, frame: int) -> dict[int, list[Finding]]:
        if self._read[0] != frame:
            found: dict[int, list[Finding]] = {}
            for record in next(self.store.frames_from(frame)).records:
                if isinstance(record, Finding):
                    found.setdefault(record.number, []).append(record)
                elif isinstance(record, FindingPlaces):
                    for each in self._at(record):
                        found.setdefault(each.number, []).append(each)
            self._read = frame, found
        return self._read[1]

    def _at(self, places: FindingPlaces) -> Iterator[Finding]:
        """Iterate over findings that are told by their places."""
        numbers, keys, starts, ends, counts = places
        owners = repeat(0) if keys is None else keys.tolist()
        columns = (column.tolist() for column in (numbers, starts, ends, counts))
        for key, number, start, end, count in zip(owners, *columns, strict=False):
            rows = self.journal.own_in_order(key)[start : end + 1]
            times, adids, names = self.journal.texts(rows)
            ids = tuple(dict.fromkeys(adids))
            yield Finding(number, Interval(start, end, times[0], times[-1], count, ids, names[0]))

    def members(self, finding: Finding) -> Sequence[int]:
        """Return the numbers of the observations of an interval, in time order."""
        interval, journal = finding.interval, self.journal
        if interval.key not in journal.numbers:
            return []
        # No row that came later is before the end of what was final.
        rows = journal.own_in_order(journal.numbers[interval.key])
        numbers: list[int] = (rows[interval.start_index : interval.end_index + 1] + 1).tolist()
        return numbers

    def _take(self, record: Record, frame: int, previous: bytes) -> None:
        if isinstance(record, Observed):
            self._following += len(record)
        elif isinstance(record, LogEnd):
            self.ended_after.append(len(self))
        elif isinstance(record, Finding):
            self._found_from.setdefault(record.number, frame)
            self.found_counts[record.number] = self.found_counts.get(record.number, 0) + 1
        super()._take(record, frame, previous)
