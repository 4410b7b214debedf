"""A history of purchases and friendships in memory, and the logs that it was read from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.errors import ParametersError
from events.logs.objects import BYTE_ORDER_MARK, BadLineError
from events.purchases.event import Event, line_of
from events.purchases.journal import PurchaseJournal
from events.purchases.lines import parse_line
from events.purchases.own_lines import check_own_lines
from events.purchases.parameters import parse_parameters
from events.store.records import Decision
from replay.engine.history import Events, LinePlace, LogLine
from replay.judging.history import JudgedHistory

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

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
        journal = PurchaseJournal()
        super().__init__(store, journal, Events(journal), Decision)

    def line_of(self, event: Event) -> bytes:
        """Return the source line of ``event``, byte for byte, without its newline."""
        return line_of(event)

    def check_own_lines(self) -> None:
        """Refuse lines that are another event's; see `events.purchases.own_lines`."""
        check_own_lines(self.store)

    @property
    def everyone(self) -> AbstractSet[str]:
        """All users, also those who have not appeared yet at some moment."""
        return self.journal.numbers.keys()

    def refused(self, number: int) -> BadLineError | None:
        """Return why a run would reject the line of event ``number`` now, or None.

        An earlier release may have accepted what nests too deep, or is too long.
        """
        line = self.event(number).line
        if line is not None:
            try:
                parse_line(line.removeprefix(BYTE_ORDER_MARK), number, self.zone)
            except BadLineError as error:
                return error
        return None

    def refused_before(self, number: int) -> list[int]:
        """Return the events before ``number`` whose lines a run would reject now."""
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
