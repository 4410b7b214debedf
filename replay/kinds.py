"""Which detector's looks a store has: the only place that asks a store whose it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from events.errors import InputError
from replay.declared.looks import FactLooks
from replay.intervals.looks import IntervalLooks
from replay.loading import given_detector
from replay.purchases.looks import PurchaseLooks
from replay.terminal.tables import open_store

if TYPE_CHECKING:
    import argparse

    from events.store.header import Header
    from events.store.store import EventStore
    from replay.engine.looks import Looks

KINDS: Final[tuple[type[Looks[Any]], ...]] = (PurchaseLooks, IntervalLooks)
"""The looks of all detectors that are the program's own."""
ALL_KINDS: Final[tuple[type[Looks[Any]], ...]] = (*KINDS, FactLooks)
"""Those and the looks of detectors that declare their events."""


def kind_of(header: Header) -> type[Looks[Any]]:
    """Return the looks of stores with this header."""
    if header.declared is not None:
        return FactLooks
    return PurchaseLooks if header.intervals is None else IntervalLooks


def looks_of(store: EventStore, detector: Any = None, *, of_another: bool = False) -> Looks[Any]:
    """Return the looks of ``store``; see `replay.engine.looks.Looks`.

    Raises:
        InputError: the ``detector`` is none for stores of its kind.

    """
    kind = kind_of(store.header)
    if isinstance(detector, type) and not issubclass(detector, kind.detectors):
        raise InputError(
            f"{store.path}: expected a detector made of {kind.detectors.__name__}, as it is a "
            f"store of {kind.kind}, found {detector.__qualname__}"
        )
    return kind(store, detector, of_another=of_another)


def looks_at(options: argparse.Namespace, *, of_another: bool = False) -> Looks[Any]:
    """Return the looks of the store that a command was given, with the detector it was given.

    Raises:
        StoreError: the store cannot be read.
        InputError: the detector is none, or none for this store.

    """
    store = open_store(options.store)
    return looks_of(store, given_detector(options), of_another=of_another)
