"""Hypothesis strategies for what an event store holds: any history that its format allows."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
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
from tests.by_the_book import seconds_since

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
        self.lost = False
        # Those that are not settled, and those of each key that are; how many of these are not
        # held any more, since a coming one is too far behind them.
        self.waiting: list[tuple[str, str, str]] = []
        self.settled: dict[str, list[tuple[str, str]]] = {}
        self.passed: dict[str, int] = {}

    def history(self) -> list[list[Record | Event]]:
        for _ in range(self.draw(_few)):
            self.block()
            if self.draw(st.booleans()):
                self.settle()
            if self.incomplete and self.draw(st.booleans()):
                self.frames.append([Gap(self.draw(_counts), self.draw(_counts))])
                self.lost = True
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
            seen = [time for time in seen if time >= self.latest] or [self.latest]
            if self.search.lateness == 0:
                self.latest = seen[-1]
            ids = self.draw(st.lists(names, min_size=len(seen), max_size=len(seen)))
            keys = None if self.search.key is None else tuple(reversed(ids))
            records.append(Observed(self.events + 1, tuple(seen), tuple(ids), keys, zone=self.zone))
            self.waiting += zip(seen, ids, keys or [""] * len(seen), strict=True)
            self.events += len(seen)
            self.line += len(seen)
        self.frames.append(records)

    def settle(self) -> None:
        self.written += self.draw(_few)
        records: list[Record | Event] = [Written(self.written)] if self.draw(st.booleans()) else []
        if self.search.lateness != 0:
            self.waiting.sort(key=lambda row: row[0])
        count = self.draw(st.integers(0, len(self.waiting)))
        for time, adid, key in self.waiting[:count]:
            self.settled.setdefault(key, []).append((time, adid))
            self.latest = max(self.latest, time)
        del self.waiting[:count]
        keys = st.lists(st.sampled_from(sorted(self.settled)), unique=True, max_size=3)
        possible = self.settled and not self.lost and (self.search.threshold, self.search.inclusive)
        for key in self.draw(keys) if possible and any(possible) else ():
            rows = self.settled[key]
            passed = self.passed.get(key, 0)
            end = self.draw(st.integers(passed, len(rows) - 1))
            near = self._first_held([time for time, _ in rows[: end + 1]])
            start = self.draw(st.integers(max(passed, near), end))
            ids = tuple(dict.fromkeys(adid for _, adid in rows[start : end + 1]))
            if len(ids) >= self.search.distinct_min:
                found = Interval(start, end, rows[start][0], rows[end][0], len(ids), ids, key)
                records.append(Finding(self.draw(st.integers(1, self.events)), found))
        for key, rows in self.settled.items():
            self.passed[key] = self._first_held([time for time, _ in rows])
        rest = self.draw(st.lists(st.integers(0, 2**64 - 1), min_size=5, max_size=5))
        sums = (len(self.waiting), *rest)
        digest = StateDigest(self.events, self.draw(_chains), self.draw(_counts), sums)
        self.frames.append([*records, digest])

    def _first_held(self, rows: list[str]) -> int:
        """Return the first of some times that is within the threshold of the last."""
        apart, end = Fraction(self.search.threshold, 10**9), seconds_since(rows[-1])
        are = [end - seconds_since(time) for time in rows]
        return sum(each > apart or (each == apart and not self.search.inclusive) for each in are)


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
