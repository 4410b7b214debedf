"""What a search for intervals has to be, record by record; see `events.records.validation`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from events.errors import shown
from events.journal.ticks import PLACES
from events.observations.findings import FindingPlaces
from events.observations.interval import Finding
from events.observations.observed import Observed
from events.records.record import Gap, Lines, LogEnd, Record, Rejected, StateDigest, Written
from events.records.validation import CanonicalTimes, Validator, WrongRecordError
from events.times.timestamps import FRACTION_MAX

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from events.observations.interval import Interval
    from events.observations.parameters import IntervalParameters
    from events.times.timestamps import Zone

_SUMS: Final = 6


class IntervalValidator(Validator):
    """What was read so far of a search for intervals."""

    def __init__(
        self, parameters: IntervalParameters, zone: Zone | None, *, incomplete: bool
    ) -> None:
        """Begin before the first frame of a search for ``parameters``, with times of ``zone``."""
        super().__init__(_SUMS, incomplete=incomplete)
        self._parameters: Final = parameters
        self._zone = zone
        self._keyed: Final = parameters.key is not None
        # Of observations that were live there may come more behind their end, and another file.
        self._live: Final = parameters.live
        self._line = 0
        self._placed = False
        self._ended = False
        self._latest = self._floor = ""
        self._unsettled = 0
        self._times: Final = CanonicalTimes()
        takers: dict[type, Callable[[Any], None]] = {
            Lines: self._take_lines,
            Observed: self._take_observed,
            Rejected: self._take_rejected,
            LogEnd: self._take_end,
            Finding: self._take_finding,
            FindingPlaces: self._take_places,
            Written: self._take_written,
            Gap: self._take_gap,
            StateDigest: self._take_digest,
        }
        self._takers: Final = takers

    def take(self, records: Sequence[Record], events: int) -> None:
        """Take the records of a frame; see `Validator.take`."""
        before = self.events
        self._placed = False
        for record in records:
            self._takers[type(record)](record)
        self._count(before, events)
        if self._unsettled:
            raise WrongRecordError("a digest behind findings in a frame", "none")

    def _take_lines(self, lines: Lines) -> None:
        self._check_source(lines.source)
        if lines.number <= self._line and not self._live:
            raise WrongRecordError(f"rows behind line {self._line}", f"line {lines.number}")
        if self._ended and not self._live:
            raise WrongRecordError("no rows behind the end", f"line {lines.number}")
        self._line = lines.number - 1
        self._placed = True

    def _take_observed(self, observed: Observed) -> None:
        if not self._placed:
            raise WrongRecordError("lines before an observation", "none in the frame")
        if observed.number != self.events + 1:
            raise WrongRecordError(f"event {self.events + 1}", f"event {observed.number}")
        if (observed.coded_keys is not None) != self._keyed:
            raise WrongRecordError(
                f"{'keys' if self._keyed else 'no keys'}, as the header says",
                "none" if self._keyed else "keys",
            )
        if self._zone not in {None, observed.zone}:
            raise WrongRecordError(f"times of zone {self._zone}", f"of zone {observed.zone}")
        self._zone = observed.zone
        finest = PLACES + max(map(len, observed.finer.values()), default=0)
        if finest > FRACTION_MAX:
            raise WrongRecordError(
                f"fractions of a second of at most {FRACTION_MAX} digits", f"one of {finest}"
            )
        self._check_order(observed)
        self.events += len(observed)
        self._line += len(observed)

    def _check_order(self, observed: Observed) -> None:
        lateness = self._parameters.lateness
        if lateness == 0 and not self.gap:
            if observed.time_at(0) < self._latest or not observed.in_order:
                raise WrongRecordError("times in order, as none may be late", "some that are not")
            self._latest = observed.time_at(-1)
        elif lateness and self._live:
            earliest = observed.earliest
            if earliest < self._floor and not self.gap:
                raise WrongRecordError(
                    "no times before those that came before an end", shown(earliest)
                )
            self._latest = max(self._latest, observed.latest)

    def _take_rejected(self, rejected: Rejected) -> None:
        self._check_source(rejected.source)
        if not self._placed or rejected.number != self._line + 1:
            raise WrongRecordError(f"line {self._line + 1}", f"line {rejected.number}, rejected")
        self._line = rejected.number

    def _take_end(self, end: LogEnd) -> None:
        self._check_source(end.source)
        if self._ended and not self._live:
            raise WrongRecordError("one end of the observations", "another one")
        if end.lines < self._line:
            raise WrongRecordError(f"{self._line} lines or more", end.lines)
        self._ended = True
        self._floor = self._latest

    def _take_finding(self, finding: Finding) -> None:
        if finding.number > self.events:
            raise WrongRecordError(
                f"findings after one of {self.events} observations", f"one after {finding.number}"
            )
        self._check_interval(finding.interval)
        self._unsettled += 1

    def _take_places(self, places: FindingPlaces) -> None:
        if self._unsettled:
            raise WrongRecordError("the findings of a frame as one", "several")
        largest = int(places.numbers.max())
        if largest > self.events:
            raise WrongRecordError(
                f"findings after one of {self.events} observations", f"one after {largest}"
            )
        if (places.keys is not None) != self._keyed:
            raise WrongRecordError(
                f"{'' if self._keyed else 'no '}keys of findings, as the header says", "others"
            )
        self._unsettled += 1

    def _check_interval(self, interval: Interval) -> None:
        ids = interval.adids
        begin, end = interval.start_index, interval.end_index
        if not begin <= end < self.events:
            raise WrongRecordError(
                f"an interval among {self.events} observations", f"{begin} to {end}"
            )
        for time in (interval.start_time, interval.end_time):
            self._times.check(time)
        if interval.start_time > interval.end_time:
            raise WrongRecordError(
                "an interval that ends behind its start",
                f"{shown(interval.start_time)} to {shown(interval.end_time)}",
            )
        right = self._parameters.distinct_min <= len(ids) <= end - begin + 1
        if not right or interval.num_adid != len(ids) or len(set(ids)) != len(ids):
            raise WrongRecordError(
                f"{self._parameters.distinct_min} or more different ids, and their number",
                f"{len(ids)} of {interval.num_adid}",
            )
        if bool(interval.key) != self._keyed:
            raise WrongRecordError(
                f"{'a' if self._keyed else 'no'} key, as the header says", shown(interval.key)
            )

    def _take_digest(self, digest: StateDigest) -> None:
        super()._take_digest(digest)
        self._unsettled = 0

    @staticmethod
    def _check_source(source: str) -> None:
        if source != "observations":
            raise WrongRecordError("lines of observations", f"some of a {source}")
