"""Playing a search for intervals again, and comparing every finding with what comes out.

At each moment at which the run looked, the findings since the one before are compared one
by one, and then what the actors' states add up to.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from actors.urns import COORDINATOR, SINK, urn_of_key
from events.closing import Closing
from events.store.records import Finding, Gap, LogEnd, Observed, Record, StateDigest
from replay.engine.collector import collector_paused
from replay.engine.detectors import check_detector
from replay.engine.difference import Difference
from replay.engine.verify import Lost, Verification
from replay.intervals.resume import IntervalResumed
from replay.intervals.simulation import IntervalSimulation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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

    def record(self, findings: Sequence[Finding], digest: StateDigest) -> None:
        self.findings += findings
        self.digest = digest

    def write(self, intervals: Sequence[object]) -> None:
        """Drop ``intervals``, which are in the findings."""


def verify_intervals(store: EventStore) -> Verification:
    """Play the history in ``store`` again and compare.

    Raises:
        OtherDetectorError: another detector, or version, decided it.
        DamagedStoreError: a frame holds what this program does not write.

    """
    assert store.intervals is not None, "it is a store of intervals"
    check_detector(store, IntervalSimulation)
    # What was written is compared with what was found.
    IntervalResumed(store)
    with collector_paused(), _Replay(store, store.intervals) as replay:
        difference = next(replay.differences(), None)
        counts = (replay.position, replay.findings, replay.digests)
        return Verification(*counts, difference, tuple(replay.lost))


class _Replay(Closing):
    def __init__(self, store: EventStore, parameters: IntervalParameters) -> None:
        self.position = self.findings = self.digests = 0
        self.lost: list[Lost] = []
        self._store = store
        self._seen = _Seen()
        self._simulation = IntervalSimulation(parameters, self._seen)
        self._recorded: list[Finding] = []

    def close(self) -> None:
        self._simulation.close()

    def differences(self) -> Iterator[Difference]:
        for previous, records, _ in self._store.frames():
            for record in records:
                yield from self._take(record, previous)
        for finding in self._recorded:
            yield Difference(finding.number, SINK, "finding", finding, None)

    def _take(self, record: Record, previous: bytes) -> Iterator[Difference]:
        if isinstance(record, Observed):
            self._simulation.observe(record)
            self.position += len(record.times)
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
            if one != other:
                number = (one or other).number
                if one is None or other is None or one.number != other.number:
                    yield Difference(number, SINK, "finding", one, other)
                else:
                    yield from _fields(number, one, other)
            self.findings += 1
        self._recorded = []
        actual = self._seen.digest
        assert actual is not None, "a settling ends with a digest"
        at = self.position
        if recorded.events != actual.events:
            yield Difference(at, SINK, "digest events", recorded.events, actual.events)
        if recorded.users != actual.users:
            yield Difference(at, COORDINATOR, "keys", recorded.users, actual.users)
        for field, expected, other in zip(_SUMS, recorded.sums, actual.sums, strict=False):
            if expected != other:
                yield Difference(at, COORDINATOR, field, expected, other)
        if recorded.chain != previous:
            yield Difference(at, SINK, "history before", recorded.chain.hex(), previous.hex())
        self.digests += 1


def _fields(number: int, one: Finding, other: Finding) -> Iterator[Difference]:
    actor = urn_of_key(one.interval.key)
    for field in one.interval.__struct_fields__:
        expected, found = getattr(one.interval, field), getattr(other.interval, field)
        if expected != found:
            yield Difference(number, actor, field, expected, found)
