"""Hypothesis strategies for what an event store holds: any history that its format allows."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from hypothesis import strategies as st

from events.bounds import NUMBER_MAX
from events.logs.extent import Fingerprint
from events.observations.interval import Finding, Interval
from events.observations.observed import Observed
from events.observations.parameters import IntervalParameters
from events.purchases.decision import Decision
from events.purchases.event import Befriend, Event, Purchase, Unfriend, line_of
from events.purchases.lines import flagged_line
from events.purchases.parameters import Parameters
from events.records.record import (
    Gap,
    Lines,
    LogEnd,
    Record,
    Rejected,
    StateDigest,
    StreamStart,
    Written,
)
from events.store.header import DetectorVersion, Header

if TYPE_CHECKING:
    from events.records.record import Source
    from events.times.timestamps import Zone

AMOUNT_MAX = 10**19 - 1  # 999999999999999.9999, the largest that SPEC.md section 2 allows

texts = st.text(max_size=12)
names = st.sampled_from(["1", "2", "3"]) | st.text(min_size=1, max_size=12)
amounts = st.one_of(st.integers(0, AMOUNT_MAX), st.sampled_from([0, 2**63, AMOUNT_MAX]))
source_lines = st.one_of(st.none(), st.binary(max_size=40))
_lines = st.binary(max_size=40).filter(lambda line: b"\n" not in line)
_counts = st.integers(0, NUMBER_MAX)
_few = st.integers(0, 3)
_chains = st.binary(min_size=32, max_size=32)
_seconds = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31)).map(  # noqa: DTZ001  no zone is known
    lambda time: time.replace(microsecond=0).isoformat(" ")
)
_digits = st.sampled_from([1, 2, 6, 7, 9, 18, 19, 30])
_fractions = _digits.flatmap(
    lambda digits: st.integers(1, 10**digits - 1).map(lambda part: f".{part:0{digits}}".rstrip("0"))
)
# Most events of a log have the time of the one before.
times = (
    st.sampled_from(["2017-06-13 11:33:01", "2017-06-13 11:33:02", "2017-06-13 11:33:01.5"])
    | _seconds
    | st.builds(str.__add__, _seconds, _fractions)
)

_numbers = st.integers(1, NUMBER_MAX)
purchases = st.builds(Purchase, times, _numbers, names, amounts, source_lines)
_pairs = st.tuples(names, names).filter(lambda pair: pair[0] != pair[1])
befriends = st.builds(
    lambda time, number, pair, line: Befriend(time, number, pair[0], pair[1], line),
    *(times, _numbers, _pairs, source_lines),
)
unfriends = befriends.map(lambda event: Unfriend(*msgspec.structs.astuple(event)))
events: st.SearchStrategy[Event] = st.one_of(purchases, befriends, unfriends)

fingerprints = st.builds(Fingerprint, texts, _counts, _chains)
_forms = st.sampled_from(["csv", "jsonl"])
searches = st.builds(
    IntervalParameters,
    *(_counts, st.booleans(), st.integers(1, 3), st.none() | _counts, texts, texts),
    *(st.none() | texts, _forms, _forms, st.none() | fingerprints),
    st.sampled_from([None, "s", "ms", "us", "ns"]),
    st.sampled_from(list(",;\t| /~")),
)
_zones: st.SearchStrategy[Zone] = st.sampled_from(["none", "utc"])
_detectors = st.none() | st.builds(DetectorVersion, names, names)
_purchase_headers = st.builds(
    Header,
    st.builds(Parameters, st.integers(1, NUMBER_MAX), st.integers(2, NUMBER_MAX)),
    st.none() | _lines,
    *(st.none() | fingerprints, st.none() | fingerprints, _counts, st.booleans()),
    detector=_detectors,
)
_interval_headers = st.builds(
    Header,
    *(*[st.none()] * 4, _counts, st.booleans(), searches),
    detector=_detectors,
    zone=st.none() | _zones,
)


class Stored(NamedTuple):
    """What a store holds."""

    header: Header
    frames: list[list[Record | Event]]


class _Purchases:
    """Draws the frames of a history of purchases, one after another."""

    def __init__(self, draw: st.DrawFn, header: Header) -> None:
        self.draw = draw
        self.header = header
        self.frames: list[list[Record | Event]] = []
        self.events = 0
        self.lines: dict[Source, int] = {"batch": 1, "stream": 0}
        self.undecided: list[Purchase] = []
        self.written = 0

    def history(self) -> list[list[Record | Event]]:
        self.log("batch")
        if self.draw(st.booleans()):
            end = LogEnd("batch", self.lines["batch"] + self.draw(_few), self.draw(st.booleans()))
            self.frames.append([end, StreamStart(self.events)])
            self.log("stream")
            if not self.undecided and self.draw(st.booleans()):
                lines = self.lines["stream"] + self.draw(_few)
                self.frames.append([LogEnd("stream", lines, self.draw(st.booleans()))])
                self.digest()
        return self.frames

    def log(self, source: Source) -> None:
        for _ in range(self.draw(_few)):
            self.block(source)
            if self.draw(st.booleans()):
                self.decide()
            if not self.undecided and self.draw(st.booleans()):
                self.digest()
            if self.header.incomplete and self.draw(st.booleans()):
                # Nothing that was decided behind it is expected to be there.
                self.frames.append([Gap(self.draw(_counts), self.draw(_counts))])

    def block(self, source: Source) -> None:
        records: list[Record | Event] = []
        for _ in range(self.draw(_few)):
            self.lines[source] += self.draw(_few)
            records.append(Lines(source, self.lines[source] + 1))
            for _ in range(self.draw(_few)):
                self.lines[source] += 1
                records.append(self.line(source))
        self.frames.append(records)

    def line(self, source: Source) -> Record | Event:
        if self.draw(st.booleans()):
            words = (self.draw(texts), self.draw(texts), self.draw(_lines))
            return Rejected(source, self.lines[source], *words)
        self.events += 1
        event = msgspec.structs.replace(self.draw(events), number=self.events)
        if source == "stream" and isinstance(event, Purchase):
            self.undecided.append(event)
        return event

    def decide(self) -> None:
        records: list[Record | Event] = [Written(self.written)] if self.draw(st.booleans()) else []
        for _ in range(self.draw(st.integers(0, len(self.undecided)))):
            event = self.undecided.pop(0)
            mean, sd = self.draw(st.tuples(_counts, _counts))
            decision = Decision(event.number, self.draw(st.booleans()), self.draw(_few), mean, sd)
            records.append(decision)
            if decision.flagged:
                self.written += len(flagged_line(line_of(event), mean, sd)) + 1
        self.frames.append(records)

    def digest(self) -> None:
        sums = tuple(self.draw(st.lists(st.integers(0, 2**64 - 1), min_size=8, max_size=8)))
        self.frames.append([StateDigest(self.events, self.draw(_chains), self.draw(_counts), sums)])


class _Observations:
    """Draws the frames of a search for intervals, one after another."""

    def __init__(self, draw: st.DrawFn, header: Header) -> None:
        self.draw = draw
        assert header.intervals is not None
        self.search = header.intervals
        self.incomplete = header.incomplete
        self.zone = header.zone or draw(_zones)
        self.frames: list[list[Record | Event]] = []
        self.events = self.line = 0
        self.latest = ""
        self.written = 0

    def history(self) -> list[list[Record | Event]]:
        for _ in range(self.draw(_few)):
            self.block()
            if self.draw(st.booleans()):
                self.settle()
            if self.incomplete and self.draw(st.booleans()):
                self.frames.append([Gap(self.draw(_counts), self.draw(_counts))])
        if self.draw(st.booleans()):
            lines = self.line + self.draw(_few)
            self.frames.append([LogEnd("observations", lines, self.draw(st.booleans()))])
            self.settle()
        return self.frames

    def block(self) -> None:
        records: list[Record | Event] = []
        for _ in range(self.draw(_few)):
            self.line += self.draw(_few)
            records.append(Lines("observations", self.line + 1))
            if self.draw(st.booleans()):
                self.line += 1
                words = (self.draw(texts), self.draw(texts), self.draw(source_lines) or b"")
                records.append(Rejected("observations", self.line, *words))
            seen = sorted(self.draw(st.lists(times, min_size=1, max_size=3)))
            if self.search.lateness == 0:
                seen = [time for time in seen if time >= self.latest] or [self.latest]
                self.latest = seen[-1]
            ids = self.draw(st.lists(names, min_size=len(seen), max_size=len(seen)))
            keys = None if self.search.key is None else tuple(reversed(ids))
            records.append(Observed(self.events + 1, tuple(seen), tuple(ids), keys, zone=self.zone))
            self.events += len(seen)
            self.line += len(seen)
        self.frames.append(records)

    def settle(self) -> None:
        self.written += self.draw(_few)
        records: list[Record | Event] = [Written(self.written)] if self.draw(st.booleans()) else []
        least = self.search.distinct_min
        for _ in range(self.draw(_few) if self.events >= least else 0):
            ids = self.draw(st.lists(names, min_size=least, max_size=least, unique=True))
            start = self.draw(st.integers(0, self.events - least))
            end = self.draw(st.integers(start + least - 1, self.events - 1))
            begin, finish = sorted(self.draw(st.tuples(times, times)))
            key = "" if self.search.key is None else self.draw(names)
            interval = Interval(start, end, begin, finish, least, tuple(ids), key)
            records.append(Finding(self.draw(st.integers(1, self.events)), interval))
        sums = tuple(self.draw(st.lists(st.integers(0, 2**64 - 1), min_size=6, max_size=6)))
        digest = StateDigest(self.events, self.draw(_chains), self.draw(_counts), sums)
        self.frames.append([*records, digest])


@st.composite
def purchase_stores(draw: st.DrawFn) -> Stored:
    """Draw what a store of purchases holds."""
    header = draw(_purchase_headers)
    return Stored(header, _Purchases(draw, header).history())


@st.composite
def interval_stores(draw: st.DrawFn) -> Stored:
    """Draw what a store of observations and intervals holds."""
    header = draw(_interval_headers)
    return Stored(header, _Observations(draw, header).history())


stores = purchase_stores() | interval_stores()
