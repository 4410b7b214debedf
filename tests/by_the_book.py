"""Bodies of frames from `events/store/FORMAT.md` alone, value by value, in plain Python."""

from __future__ import annotations

import datetime as dt
import itertools
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import msgspec

from events.observations.interval import Finding
from events.observations.observed import Observed
from events.purchases.event import Purchase, Unfriend, users_of
from events.records.record import LogEnd, Rejected, StateDigest, StreamStart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.purchases.event import Event
    from events.records.record import Record

_TAGS: dict[type, str] = {LogEnd: "end", StreamStart: "stream", StateDigest: "digest"}


def _names(names: Sequence[Any]) -> list[Any]:
    known: list[Any] = []
    codes = []
    for name in names:
        codes.append(known.index(name) + 1 if name in known else 0)
        if name not in known:
            known.append(name)
    return [known, codes]


def body_of(records: Sequence[Record | Event], keys: list[str] | None = None) -> list[Any]:
    """Return what the body of a frame with ``records`` is, purchases and friendships singly.

    Those that come for the first time are added to the ``keys`` of the frames before.
    """
    keys = [] if keys is None else keys
    body: list[Any] = []
    found: list[Finding] = []
    events: list[Any] = []
    observed: list[Observed] = []
    for is_run, group in itertools.groupby(records, lambda record: hasattr(record, "time")):
        if is_run:
            run = list(group)
            events += run
            body.append(["run", len(run)])
            continue
        for record in group:
            if isinstance(record, Observed):
                observed.append(record)
                body.append(["run", len(record.times)])
                keys += [key for key in dict.fromkeys(record.keys or ()) if key not in keys]
            elif isinstance(record, Finding):
                found.append(record)
                if len(found) == 1:
                    body.append([])
            else:
                body.append(_plain(record))
    if events:
        body.insert(0, _events(events))
    if observed:
        body.insert(0, _observed(observed))
    return [each or _findings(found, keys) for each in body]


def _observed(runs: list[Observed]) -> list[Any]:
    times = [time for run in runs for time in run.times]
    adids = [adid for run in runs for adid in run.adids]
    keys = [key for run in runs for key in run.keys or ()]
    zone = "utc" if runs[0].zone == "utc" else None
    if not keys:
        return ["observed", _times(times), _names(adids), None, zone, None]
    pairs, codes = _names(list(zip(adids, keys, strict=True)))
    adids, keys = ([pair[part] for pair in pairs] for part in (0, 1))
    return ["observed", _times(times), _names(adids), _names(keys), zone, codes]


def _findings(found: list[Finding], keys: list[str]) -> list[Any]:
    numbers = [0, *(each.number for each in found)]
    intervals, starts = [each.interval for each in found], []
    before: dict[str, int] = {}
    for each in intervals:
        starts.append(each.start_index - before.get(each.key, 0))
        before[each.key] = each.start_index
    return [
        "findings",
        [after - number for number, after in itertools.pairwise(numbers)],
        [keys.index(each.key) + 1 for each in intervals] if keys else None,
        starts,
        [each.end_index - each.start_index for each in intervals],
        [each.num_adid for each in intervals],
    ]


def _plain(record: Any) -> list[Any]:
    tag = _TAGS.get(type(record), type(record).__name__.lower())
    fields = list(msgspec.structs.astuple(record))
    if isinstance(record, Rejected):
        tag, fields = ("cut", fields) if record.is_cut else ("rejected", fields[:5])
    return [tag, *(list(field) if isinstance(field, tuple) else field for field in fields)]


def _events(events: list[Any]) -> list[Any]:
    friendships = [
        2 * gap + isinstance(events[place], Unfriend)
        for place, gap in _with_gaps(
            [place for place, event in enumerate(events) if not isinstance(event, Purchase)]
        )
    ]
    amounts = [event.amount for event in events if isinstance(event, Purchase)]
    unit = max(
        unit for unit in (1, 10, 100, 1_000, 10_000) if all(each % unit == 0 for each in amounts)
    )
    kept = [place for place, event in enumerate(events) if event.line is not None]
    return [
        "events",
        _times([event.time for event in events]),
        friendships,
        _names([user for event in events for user in users_of(event)]),
        unit,
        [amount // unit for amount in amounts],
        [gap for _, gap in _with_gaps(kept)],
        [events[place].line for place in kept],
        None,
    ]


def facts_of(events: Sequence[Any], declared: Sequence[tuple[Any, Any, Any]]) -> list[Any]:
    """Return the `facts` record of events whose types a header declares so."""
    tags = [tag for tag, _, _ in declared]
    kinds = [tags.index(type(event).__struct_config__.tag or type(event).__name__.lower())
             for event in events]  # fmt: skip
    texts: dict[str, list[str]] = {}
    numbers: dict[str, list[int]] = {}
    for _, _, fields in declared:
        for name, kind in fields:
            (texts if kind == "text" else numbers).setdefault(name, [])
    for event, kind in zip(events, kinds, strict=True):
        for name, field in declared[kind][2]:
            if field == "text":
                texts[name].append(getattr(event, name))
            else:
                numbers[name].append(int(getattr(event, name)))
    lines = [[place, event.line] for place, event in enumerate(events) if event.line is not None]
    times = _times([event.time for event in events])
    return ["facts", kinds, times, [*map(_names, texts.values())], [*numbers.values()], lines]


def _with_gaps(places: list[int]) -> list[tuple[int, int]]:
    return [(after, after - before - 1) for before, after in itertools.pairwise([-1, *places])]


def _times(times: Sequence[str]) -> list[Any]:
    grouped = [(time, len(list(group))) for time, group in itertools.groupby(times)]
    counts: list[int] | None = [count for _, count in grouped]
    texts = [time for time, _ in grouped]
    if 2 * len(grouped) >= len(times):
        counts, texts = None, list(times)
    places = max(len(text[20:]) for text in texts)
    seconds = [seconds_since(text) for text in texts]
    steps = [(after - before) * 10**places for before, after in itertools.pairwise(seconds)]
    if places > 18 or any(abs(step) >= 2**63 for step in steps):
        return [texts, None, [], counts]
    return [texts[:1], places, [int(step) for step in steps], counts]


def seconds_since(text: str) -> Fraction:
    """Return the seconds from the beginning of the year 1 to a canonical time."""
    whole = dt.datetime.fromisoformat(text[:19]) - dt.datetime(1, 1, 1)  # noqa: DTZ001  no zone
    return int(whole.total_seconds()) + Fraction(f"0{text[19:]}")
