"""Going on with a history of purchases that a store holds."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from actors.purchases.digest import RunningSums
from events.purchases.columns import PURCHASE, Columns
from events.purchases.decision import Decision
from events.purchases.event import Event, line_of
from events.purchases.journal import PurchaseJournal
from events.purchases.own_lines import OwnLines
from replay.judging.history import JudgedResumed
from replay.purchases.simulation import Simulation

if TYPE_CHECKING:
    from actors.purchases.digest import Sums
    from events.store.store import EventStore


class PurchasesResumed(JudgedResumed[Event, PurchaseJournal, Decision]):
    """How far a history of purchases has come."""

    def __init__(
        self, store: EventStore, journal: PurchaseJournal | None = None, *, own_state: bool = True
    ) -> None:
        """Read ``store``.

        Args:
            store: the store.
            journal: see `JudgedResumed`.
            own_state: whether its digests are of what users hold; of a state that another
                detector has nothing is known.

        """
        self._own_state: Final = own_state
        super().__init__(store, Simulation, journal)

    @cached_property
    def _own_lines(self) -> OwnLines:
        return OwnLines(self.store.path, self.store.zone)

    @cached_property
    def _sums(self) -> RunningSums:
        return RunningSums(self.journal)

    def check_columns(self, events: Columns) -> None:
        self._own_lines.check_columns(events)

    def check(self, event: Event) -> None:
        self._own_lines.check([event])

    def line_of(self, event: Event) -> bytes:
        return line_of(event)

    def next_judged(self, number: int) -> int | None:
        waiting = np.flatnonzero(self.journal.kinds[number:] == PURCHASE)
        return number + int(waiting[0]) + 1 if len(waiting) else None

    def sums(self) -> Sums | None:
        if not self._own_state:
            return None
        self._sums.stand(len(self.journal))
        return self._sums.now()
