"""A history of purchases and friendships: in memory with its lines, and gone on with."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from actors.purchases.digest import RunningSums
from events.errors import ParametersError
from events.logs.objects import BYTE_ORDER_MARK, BadLineError
from events.purchases.columns import PURCHASE, Columns
from events.purchases.decision import Decision
from events.purchases.event import Event, line_of
from events.purchases.journal import PurchaseJournal
from events.purchases.lines import parse_line
from events.purchases.own_lines import OwnLines
from events.purchases.parameters import parse_parameters
from replay.engine.history import LinePlace, LogLine
from replay.judging.history import JudgedHistory, JudgedResumed
from replay.purchases.simulation import Simulation

if TYPE_CHECKING:
    from actors.purchases.digest import Sums
    from events.store.store import EventStore


class History(JudgedHistory[Event, PurchaseJournal, Decision]):
    """The events of a store, and what else it knows of them.

    Raises:
        OtherKindError: it is a store of observations and intervals.
        StoreError: a frame holds what this program does not write.

    """

    def __init__(self, store: EventStore) -> None:
        """Read all of ``store``."""
        self.parameters = store.parameters
        """D and T."""
        super().__init__(store, Simulation)

    def numbers_of(self, user: int) -> list[int]:
        """Return the numbers of all events that ``user``, by number, is in, in order."""
        # Of 500,000 events a look over all takes 0.6 ms; to make the index of the journal, 16 ms.
        rows = np.flatnonzero((self.journal.buyers == user) | (self.journal.others == user))
        numbers: list[int] = (rows + 1).tolist()
        return numbers

    def line_of(self, event: Event) -> bytes:
        return line_of(event)

    def own_line(self, event: Event) -> bytes:
        OwnLines(self.store.path, self.zone).check([event])
        return line_of(event)

    def check_own_lines(self) -> None:
        # A tenth of the time that objects of all would take.
        lines = OwnLines(self.store.path, self.zone)
        for frame in self.store.frames():
            for record in frame.records:
                if isinstance(record, Columns):
                    lines.check_columns(record)

    def refused(self, number: int) -> BadLineError | None:
        # An earlier release may have accepted what nests too deep, or is too long.
        line = self.event(number).line
        if line is not None:
            try:
                text, portions = line.removeprefix(BYTE_ORDER_MARK), self.store.header.portions
                parse_line(text, number, self.zone, line_bytes=portions.line_bytes)
            except BadLineError as error:
                return error
        return None

    def refused_before(self, number: int) -> list[int]:
        return [
            event.number
            for event in self.events[: number - 1]
            if event.line is not None and self.refused(event.number) is not None
        ]

    @property
    def parameters_line(self) -> LogLine:
        """A line that gives D and T: the batch's own one, if it does."""
        line = self.store.header.line
        try:
            given = line and parse_parameters(line.removeprefix(BYTE_ORDER_MARK), "batch")
        except ParametersError:
            given = None
        if line is not None and given == self.parameters:
            return LogLine(LinePlace("batch", 1), None, line)
        # The run was given others than stand there, or none stand there.
        text = f'{{"D":"{self.parameters.degrees}", "T":"{self.parameters.tracked}"}}'
        return LogLine(LinePlace("batch", 0), None, text.encode())


class PurchasesResumed(JudgedResumed[Event, PurchaseJournal, Decision]):
    """How far a history of purchases has come."""

    def __init__(
        self, store: EventStore, journal: PurchaseJournal | None = None, *, own_state: bool = True
    ) -> None:
        """Read ``store``, whose digests are of what users hold: of their ``own_state``.

        Of a state that another detector has nothing is known.
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
