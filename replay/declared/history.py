"""A history of a detector's own events: in memory, gone on with, and visited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from events.declared.fact import Fact, Verdict
from events.declared.journal import FactJournal
from events.declared.lines import FactLines, lines_of
from events.errors import BadValueError, DamagedStoreError, OtherDetectorError
from events.logs.objects import BYTE_ORDER_MARK
from replay.judging.history import JudgedHistory, JudgedResumed
from replay.judging.timeline import JudgedTimeline

if TYPE_CHECKING:
    from collections.abc import Iterable

    from events.declared.columns import FactColumns
    from events.store.store import EventStore
    from replay.declared.detector import Detector

    Decides = type[Detector]


def parameters_of(store: EventStore, detector: Decides) -> Any:
    """Return the parameters in the header of ``store``.

    Raises:
        OtherDetectorError: they are those of another detector.

    """
    declared = store.header.declared
    try:
        return msgspec.json.decode(
            declared.parameters if declared else b"", type=detector.parameters_type
        )
    except msgspec.MsgspecError as error:
        raise OtherDetectorError(
            f"{store.path}: expected the parameters of {detector.__qualname__}, found others: "
            f"{error}"
        ) from None


def bound(store: EventStore, detector: Decides) -> EventStore:
    """Return ``store``, whose events and verdicts are of the classes of ``detector`` from now on.

    Raises:
        OtherDetectorError: it declares others.

    """
    store.bind(detector.types())
    return store


class FactHistory(JudgedHistory[Fact, FactJournal, Verdict]):
    """The events of a store whose types a detector declares."""

    detector: Decides

    def __init__(self, store: EventStore, detector: Decides) -> None:
        """Read all of ``store``, which ``detector`` is given for."""
        self.parameters = parameters_of(store, detector)
        self.lines_of_events: Final = lines_of(detector.types())
        """Reads and writes their lines."""
        super().__init__(bound(store, detector), detector)

    def line_of(self, event: Fact) -> bytes:
        return self.lines_of_events.line_of(event)

    def own_line(self, event: Fact) -> bytes:
        check_lines(self.lines_of_events, [event], self.store)
        return self.line_of(event).removeprefix(BYTE_ORDER_MARK)

    def check_own_lines(self) -> None:
        check_lines(self.lines_of_events, self.events, self.store)


def check_lines(lines: FactLines, events: Iterable[Fact], store: EventStore) -> None:
    """Refuse an event of ``store`` whose line is another's.

    Raises:
        DamagedStoreError: there is one.

    """
    for event in events:
        try:
            lines.check_own(event, store.zone)
        except BadValueError as error:
            raise DamagedStoreError(
                f"{store.path}: event {event.number}: {error}; "
                "the store was not written by this program"
            ) from None


class FactResumed(JudgedResumed[Fact, FactJournal, Verdict]):
    """How far a history of a detector's own events has come."""

    detector: Decides

    def __init__(
        self, store: EventStore, detector: Decides, journal: FactJournal | None = None
    ) -> None:
        """Read ``store``; see `JudgedResumed`."""
        super().__init__(bound(store, detector), detector, journal)

    def check_columns(self, events: FactColumns) -> None:
        check_lines(lines_of(self.detector.types()), events.events(), self.store)

    def check(self, event: Fact) -> None:
        check_lines(lines_of(self.detector.types()), [event], self.store)

    def line_of(self, event: Fact) -> bytes:
        return lines_of(self.detector.types()).line_of(event)


class FactTimeline(JudgedTimeline[Fact, FactHistory, "Detector", Verdict]):
    """A history of a detector's own events that can be visited at any moment; see its base."""

    @staticmethod
    def read(store: EventStore, detector: Decides) -> FactHistory:
        return FactHistory(store, detector)
