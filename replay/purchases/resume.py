"""Going on with a history of purchases that a store holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from actors.purchases.digest import RunningSums
from events.purchases.columns import PURCHASE, Columns
from events.purchases.event import Event, line_of
from events.purchases.journal import PurchaseJournal
from events.purchases.lines import flagged_line
from events.purchases.own_lines import OwnLines
from events.store.records import Decision
from replay.judging.history import JudgedResumed

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
            journal: that of a run that goes on; None: see how far it has come.
            own_state: whether its digests are of what users hold; of a state that another
                detector has nothing is known.

        """
        found = PurchaseJournal() if journal is None else journal
        self._own_lines: Final = OwnLines(store.path, store.zone)
        self._sums: Final = RunningSums(found)
        self._own_state: Final = own_state
        super().__init__(store, found, Decision, acting=journal is not None)

    def check_columns(self, events: Columns) -> None:
        """Refuse events whose lines are another's."""
        self._own_lines.check_columns(events)

    def check(self, event: Event) -> None:
        """Refuse an event whose line is another's."""
        self._own_lines.check([event])

    def line_of(self, event: Event) -> bytes:
        """Return the source line of ``event``, byte for byte, without its newline."""
        return line_of(event)

    def next_judged(self, number: int) -> int | None:
        """Return the first purchase behind event ``number``."""
        waiting = np.flatnonzero(self.journal.kinds[number:] == PURCHASE)
        return number + int(waiting[0]) + 1 if len(waiting) else None

    def line(self, event: Event, decision: Decision) -> bytes:
        """Return the line of a flagged purchase (SPEC.md section 4)."""
        return flagged_line(line_of(event), decision.mean, decision.sd)

    def sums(self) -> Sums | None:
        """Return what users hold together after the events read so far; None: not known."""
        if not self._own_state:
            return None
        self._sums.stand(len(self.journal))
        return self._sums.now()
