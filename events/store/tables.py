"""What a store holds as the columns of a frame: a row for each event, or for each decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from events.data_frames import TableColumn
from events.errors import BadValueError, shown
from events.purchases.event import Purchase, type_name
from events.records.record import StreamStart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.custom.fact import Fact, FactTypes
    from events.data_frames import Kind
    from events.observations.interval import Finding
    from events.purchases.event import Event
    from events.store.store import EventStore

Table: TypeAlias = dict[str, TableColumn]
"""The columns of a frame, by name."""
Rows: TypeAlias = Literal["events", "decisions"]
"""What a row of a frame is."""

_INTERVAL: Final[dict[str, Kind]] = {
    "start_index": "int",
    "end_index": "int",
    "start_time": "time",
    "end_time": "time",
    "num_adid": "int",
    "adids": "texts",
}


def table_of(store: EventStore, rows: Rows) -> Table:
    """Return the events of ``store``, or its decisions, as `EventStore.to_frame` says.

    Raises:
        BadValueError: ``rows`` is neither.
        DamagedStoreError: a frame of the store holds what this program does not write.

    """
    if rows not in {"events", "decisions"}:
        raise BadValueError(f"rows: expected 'events' or 'decisions', found {shown(repr(rows))}")
    of_events = rows == "events"
    if store.header.intervals is not None:
        return _observations(store) if of_events else _findings(store)
    if store.types is not None:
        return _facts(store, store.types) if of_events else _verdicts(store, store.types)
    return _purchases_and_friendships(store) if of_events else _decisions(store)


def _column(kind: Kind, rows: Sequence[Any], name: str, *, gaps: bool = False) -> TableColumn:
    """Return what ``rows`` have as the attribute ``name``; None where one has none."""
    return TableColumn(kind, [getattr(row, name, None) for row in rows], gaps)


def _times(rows: Sequence[Any]) -> Table:
    return {"number": _column("int", rows, "number"), "time": _column("time", rows, "time")}


def _sources(store: EventStore, rows: Sequence[Any]) -> Table:
    records = (record for frame in store.frames() for record in frame.records)
    begun = next((each.events for each in records if isinstance(each, StreamStart)), len(store))
    sources = ["batch" if row.number <= begun else "stream" for row in rows]
    return {"source": TableColumn("text", sources)}


def _judged(store: EventStore) -> tuple[list[Any], list[Any]]:
    """Return the decisions, and the event of each."""
    decisions = list(store.decisions())
    numbers = {each.number for each in decisions}
    events = {
        each.number: each
        for each in store.events_from(min(numbers, default=len(store) + 1))
        if each.number in numbers
    }
    return decisions, [events[each.number] for each in decisions]


def _purchases_and_friendships(store: EventStore) -> Table:
    events: list[Event] = list(store)
    return {
        **_times(events),
        **_sources(store, events),
        "event_type": TableColumn("text", list(map(type_name, events))),
        **{name: _column("text", events, name, gaps=True) for name in ("user", "user1", "user2")},
        "amount": TableColumn(
            "amount",
            [each.amount_decimal if isinstance(each, Purchase) else None for each in events],
            gaps=True,
        ),
    }


def _decisions(store: EventStore) -> Table:
    decisions, purchases = _judged(store)
    return {
        **_times(purchases),
        "user": _column("text", purchases, "user"),
        "amount": TableColumn("amount", [each.amount_decimal for each in purchases]),
        "flagged": _column("bool", decisions, "flagged"),
        "purchases": _column("int", decisions, "purchases"),
        "mean": TableColumn("cents", [each.mean_decimal for each in decisions]),
        "sd": TableColumn("cents", [each.sd_decimal for each in decisions]),
    }


def _facts(store: EventStore, types: FactTypes) -> Table:
    events: list[Fact] = list(store)
    everywhere = len(types.events)
    return {
        **_times(events),
        **_sources(store, events),
        "event_type": TableColumn("text", [types.type_of(each).tag for each in events]),
        **{
            name: _column(kind, events, name, gaps=len(types.having[name]) < everywhere)
            for name, kind in types.fields.items()
        },
    }


def _verdicts(store: EventStore, types: FactTypes) -> Table:
    verdicts, events = _judged(store)
    return {
        **_times(events),
        "event_type": TableColumn("text", [types.type_of(each).tag for each in events]),
        "flagged": _column("bool", verdicts, "flagged"),
        **{field.name: _column(field.kind, verdicts, field.name) for field in types.verdict_fields},
    }


def _observations(store: EventStore) -> Table:
    seen = list(store)
    keyed = ("adid",) if store.intervals.key is None else ("adid", "key")
    return {**_times(seen), **{name: _column("text", seen, name) for name in keyed}}


def _findings(store: EventStore) -> Table:
    found: list[Finding] = list(store.decisions())
    intervals = [each.interval for each in found]
    kinds = _INTERVAL if store.intervals.key is None else {**_INTERVAL, "key": "text"}
    columns = {name: _column(kind, intervals, name) for name, kind in kinds.items()}
    return {"number": _column("int", found, "number"), **columns}
