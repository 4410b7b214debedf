"""Which detector's looks a store has: the only place that asks a store whose it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from replay.intervals.looks import IntervalLooks
from replay.purchases.looks import PurchaseLooks

if TYPE_CHECKING:
    from events.store.header import Header
    from events.store.store import EventStore
    from replay.engine.looks import Looks

KINDS: Final[tuple[type[Looks[Any]], ...]] = (PurchaseLooks, IntervalLooks)
"""The looks of all detectors that are the program's own."""


def kind_of(header: Header) -> type[Looks[Any]]:
    """Return the looks of stores with this header."""
    return PurchaseLooks if header.intervals is None else IntervalLooks


def looks_of(store: EventStore, *, of_another: bool = False) -> Looks[Any]:
    """Return the looks of ``store``; see `replay.engine.looks.Looks`."""
    return kind_of(store.header)(store, of_another=of_another)
