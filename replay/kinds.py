"""Which detector's looks a store has: the only place that asks a store whose it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from replay.interval_looks import IntervalLooks
from replay.purchase_looks import PurchaseLooks

if TYPE_CHECKING:
    from events.header import Header
    from events.store import EventStore
    from replay.looks import Looks

KINDS: Final[tuple[type[Looks[Any]], ...]] = (PurchaseLooks, IntervalLooks)
"""The looks of all detectors that are the program's own."""


def kind_of(header: Header) -> type[Looks[Any]]:
    """Return the looks of stores with this header."""
    return PurchaseLooks if header.intervals is None else IntervalLooks


def looks_of(store: EventStore, *, of_another: bool = False) -> Looks[Any]:
    """Return the looks of ``store``; see `replay.looks.Looks`."""
    return kind_of(store.header)(store, of_another=of_another)
