"""Playing a search for intervals again, and comparing every finding with what comes out.

At each moment at which the run looked, the findings since the one before are compared one
by one, and then what the actors' states add up to.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from actors.urns import SINK, urn_of_key
from events.observations.interval import Finding
from events.observations.observed import Observed
from events.records.record import Gap, LogEnd, Record, StateDigest
from replay.engine.detectors import check_detector
from replay.engine.difference import Difference
from replay.engine.history import Attestation
from replay.engine.verify import Lost, Replayed, Verification, digest_differences
from replay.intervals.resume import IntervalResumed
from replay.intervals.simulation import IntervalSimulation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from events.observations.findings import FindingColumns
    from events.observations.parameters import IntervalParameters
    from events.store.store import EventStore

_SUMS: Final = (
    "waiting",
    "intervals",
    "observations",
    "window",
    "observations by key",
    "windows by key",
)


class _Seen:
    """An outlet that keeps what comes out between two moments."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.digest: StateDigest | None = None

    def record(self, findings: FindingColumns, digest: StateDigest) -> None:
        self.findings += findings
        self.digest = digest

    def write(self, findings: FindingColumns) -> None:
        """Drop ``findings``, which are recorded."""


def verify_intervals(
    store: EventStore, progress: Callable[[Sequence[int]], Iterable[int]] = iter
) -> Verification:
    """Play the history in ``store`` again and compare; ``progress`` passes on the moments.

    Raises:
        OtherDetectorError: another detector, or version, decided it.
        DamagedStoreError: a frame holds what this program does not write.

    """
    check_detector(store, IntervalSimulation)
    # What was written is compared with what was found.
    IntervalResumed(store)
    return _Replay(store, store.intervals).verification(store.frame_ends, progress)


class _Replay(Replayed):
    def __init__(self, store: EventStore, parameters: IntervalParameters) -> None:
        self._store = store
        self._seen = _Seen()
        super().__init__(IntervalSimulation(parameters, self._seen))
        self._recorded: list[Finding] = []

    def differences(self, moments: Iterable[int]) -> Iterator[Difference]:
        for _, frame in zip(moments, self._store.frames(), strict=True):
            for record in frame.records:
                yield from self._take(record, frame.previous)
        for finding in self._recorded:
            yield Difference(finding.number, SINK, "finding", finding, None)

    def _take(self, record: Record, previous: bytes) -> Iterator[Difference]:
        if isinstance(record, Observed):
            self._simulation.observe(record)
            self.position += len(record)
        elif isinstance(record, Gap):
            self.lost.append(Lost(self.position, record.events, record.size))
        elif isinstance(record, LogEnd):
            self._simulation.conclude()
        elif isinstance(record, Finding):
            self._recorded.append(record)
        elif isinstance(record, StateDigest):
            self._simulation.settle_as(record)
            yield from self._compare(record, previous)

    def _compare(self, recorded: StateDigest, previous: bytes) -> Iterator[Difference]:
        found, self._seen.findings = self._seen.findings, []
        for one, other in zip_longest(self._recorded, found):
            yield from finding_differences(one, other)
            self.verdicts += 1
        self._recorded = []
        actual = self._seen.digest
        assert actual is not None, "a settling ends with a digest"
        attestation = Attestation(self.position, previous, recorded)
        yield from digest_differences(attestation, actual, _SUMS, "keys")
        self.digests += 1


def finding_differences(one: Finding | None, other: Finding | None) -> Iterator[Difference]:
    """Iterate over what differs in a finding and the one that is there instead."""
    if one is None or other is None or one.number != other.number:
        if one != other:
            (number, *_) = [each.number for each in (one, other) if each is not None]
            yield Difference(number, SINK, "finding", one, other)
        return
    for field in one.interval.__struct_fields__:
        expected, found = getattr(one.interval, field), getattr(other.interval, field)
        if expected != found:
            yield Difference(one.number, urn_of_key(one.interval.key), field, expected, found)
