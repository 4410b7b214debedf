"""Hypothesis strategies for what an event store holds: any record that its types allow."""

from __future__ import annotations

import msgspec
from hypothesis import strategies as st

from events.detector import DetectorVersion
from events.event import Befriend, Event, Purchase, Unfriend
from events.header import Header
from events.interval import Interval
from events.interval_parameters import IntervalParameters
from events.jsonlines import Fingerprint
from events.parameters import Parameters
from events.records import (
    Decision,
    Finding,
    Gap,
    Lines,
    LogEnd,
    Observed,
    Record,
    Rejected,
    StateDigest,
    StreamStart,
    Written,
)

AMOUNT_MAX = 10**19 - 1  # 999999999999999.9999, the largest that SPEC.md section 2 allows

texts = st.text(max_size=12)
amounts = st.one_of(st.integers(0, AMOUNT_MAX), st.sampled_from([0, AMOUNT_MAX]))
source_lines = st.one_of(st.none(), st.binary(max_size=40))
_counts = st.integers(0, 2**63 - 1)
_numbers = st.integers(1, 2**63 - 1)
_sums = st.lists(st.integers(0, 2**64 - 1), max_size=8).map(tuple)
_sources = st.sampled_from(["batch", "stream", "observations"])

purchases = st.builds(Purchase, texts, _numbers, texts, amounts, source_lines)
befriends = st.builds(Befriend, texts, _numbers, texts, texts, source_lines)
unfriends = st.builds(Unfriend, texts, _numbers, texts, texts, source_lines)
events: st.SearchStrategy[Event] = st.one_of(purchases, befriends, unfriends)
_ids = st.lists(texts, max_size=3).map(tuple)
intervals = st.builds(Interval, _counts, _counts, texts, texts, _counts, _ids, texts)
records: st.SearchStrategy[Record] = st.one_of(
    events,
    st.builds(Rejected, _sources, _numbers, texts, texts, st.binary(max_size=40)),
    st.builds(Lines, _sources, _numbers),
    st.builds(LogEnd, _sources, _counts, st.booleans()),
    st.builds(StreamStart, _counts),
    st.builds(Decision, _numbers, st.booleans(), _counts, amounts, amounts),
    st.builds(Written, _counts),
    st.builds(Gap, _counts, _counts),
    st.builds(Finding, _numbers, intervals),
    st.builds(Observed, _numbers, _ids, _ids, st.one_of(st.none(), _ids)),
    st.builds(StateDigest, _counts, st.binary(min_size=32, max_size=32), _counts, _sums),
)

fingerprints = st.builds(Fingerprint, texts, _counts, st.binary(min_size=32, max_size=32))
_forms = st.sampled_from(["csv", "jsonl"])
searches = st.builds(
    IntervalParameters,
    _counts,
    st.booleans(),
    _counts,
    st.one_of(st.none(), _counts),
    texts,
    texts,
    st.one_of(st.none(), texts),
    _forms,
    _forms,
    st.one_of(st.none(), fingerprints),
)
_names = st.text(min_size=1, max_size=12)
_detectors = st.none() | st.builds(DetectorVersion, _names, _names)
_purchase_headers = st.builds(
    Header,
    st.builds(Parameters, st.integers(1, 2**63 - 1), st.integers(2, 2**63 - 1)),
    source_lines,
    st.one_of(st.none(), fingerprints),
    st.one_of(st.none(), fingerprints),
    _counts,
    st.booleans(),
    detector=_detectors,
)
_interval_headers = st.builds(
    Header,
    *[st.none()] * 4,
    _counts,
    st.booleans(),
    searches,
    _detectors,
)
headers = st.one_of(_purchase_headers, _interval_headers)


@st.composite
def histories(draw: st.DrawFn) -> list[list[Record]]:
    """Draw the records of some frames; the events among them are numbered from 1."""
    number = 0
    frames: list[list[Record]] = []
    for drawn in draw(st.lists(st.lists(records, max_size=6), max_size=5)):
        frames.append([])
        for record in drawn:
            if isinstance(record, Purchase | Befriend | Unfriend):
                number += 1
                frames[-1].append(msgspec.structs.replace(record, number=number))
            else:
                frames[-1].append(record)
    return frames
