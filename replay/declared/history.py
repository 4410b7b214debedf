"""A history of a detector's own events: in memory, gone on with, and played again."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

import msgspec

from actors.sink import Nowhere
from events.declared.fact import Fact, Verdict
from events.declared.journal import FactJournal
from events.declared.lines import FactLines, lines_of
from events.errors import BadValueError, DamagedStoreError, OtherDetectorError
from events.store.records import StateDigest
from events.store.store import EventStore
from replay.engine.detectors import check_detector
from replay.engine.difference import Difference
from replay.engine.history import Events
from replay.engine.verify import digest_differences
from replay.judging.history import JudgedHistory, JudgedResumed
from replay.judging.timeline import JudgedTimeline
from replay.judging.verify import JudgedReplay

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from events.declared.columns import FactColumns
    from replay.declared.detector import Detector
    from replay.engine.history import Attestation

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

    def __init__(self, store: EventStore, detector: Decides) -> None:
        """Read all of ``store``, which ``detector`` is given for."""
        self.parameters = parameters_of(store, detector)
        """What the detector looks for."""
        self.detector: Final = detector
        """Whose events they are."""
        self.lines_of_events: Final = lines_of(detector.types())
        """Reads and writes their lines."""
        journal = detector.new_journal()
        super().__init__(bound(store, detector), journal, Events(journal), detector.verdict_type)

    @property
    def everyone(self) -> AbstractSet[str]:
        """All subjects, also those that have not appeared yet at some moment."""
        return self.journal.numbers.keys()

    def line_of(self, event: Fact) -> bytes:
        """Return the source line of ``event``, byte for byte, without its newline."""
        return self.lines_of_events.line_of(event)

    def check_own_lines(self) -> None:
        """Refuse lines that are another event's."""
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

    def __init__(
        self, store: EventStore, detector: Decides, journal: FactJournal | None = None
    ) -> None:
        """Read ``store`` into the ``journal`` of a run that goes on, or see how far it has come."""
        self._detector: Final = detector
        self._own_lines: Final = lines_of(detector.types())
        found = detector.new_journal() if journal is None else journal
        store = bound(store, detector)
        super().__init__(store, found, detector.verdict_type, acting=journal is not None)

    def check_columns(self, events: FactColumns) -> None:
        """Refuse events whose lines are another's."""
        check_lines(self._own_lines, events.events(), self.store)

    def check(self, event: Fact) -> None:
        """Refuse an event whose line is another's."""
        check_lines(self._own_lines, [event], self.store)

    def line_of(self, event: Fact) -> bytes:
        """Return the source line of ``event``, byte for byte, without its newline."""
        return self._own_lines.line_of(event)

    def next_judged(self, number: int) -> int | None:
        """Return the first event behind event ``number`` whose type is judged."""
        following = self.journal.events(number + 1, len(self.journal))
        return next((each.number for each in following if self._detector.judges(each)), None)

    def line(self, event: Fact, decision: Verdict) -> bytes:
        """Return the line of a flagged event, as the detector writes it."""
        return self._detector.checked_line(event, decision)

    def sums(self) -> None:
        """Return None: what the state adds up to nobody says."""


class FactTimeline(JudgedTimeline[Fact, FactHistory, "Detector", Verdict]):
    """A history of a detector's own events that can be visited at any moment.

    Raises:
        StoreError: the store cannot be read.
        OtherDetectorError: another detector decided it.

    """

    subject = "a subject"

    def __init__(
        self, store: EventStore | str | Path, detector: Decides, *, of_another: bool = False
    ) -> None:
        """Begin at position 0 of the history in ``store``, which ``detector`` decides anew.

        Args:
            store: the store, or where it is.
            detector: the detector that decided it.
            of_another: take a store that another one of these types of events decided, too.

        """
        opened = store if isinstance(store, EventStore) else EventStore(store)
        if not of_another:
            check_detector(opened, detector)
        history = FactHistory(opened, detector)
        super().__init__(
            history,
            lambda queue: detector(history.parameters, Nowhere(), queue, journal=history.journal),
        )

    def held(self, subject: str) -> dict[str, Any]:
        """Return what the actor of ``subject`` holds, by name.

        Raises:
            UnknownUserError: it has not appeared yet.

        """
        number = self.number(subject)
        # To look at somebody may be to activate it.
        with self.undisturbed():
            return deepcopy(self._simulation.user(number).held())

    def state(self) -> list[tuple[str, dict[str, Any]]]:
        """Return what the actors of all subjects hold, in order of first appearance."""
        return [(subject, self.held(subject)) for subject in self.users]


class FactReplay(JudgedReplay):
    """A history of a detector's own events, played again."""

    def compare(self, attestation: Attestation, since: int | None) -> Iterator[Difference]:
        """Compare a digest, and what actors hold with what they recover from their events."""
        simulation = self._simulation
        found = StateDigest(attestation.events, b"", simulation.users, simulation.sums())
        yield from digest_differences(attestation, found, (), "subjects")
        for number in set(self.concerned(since)) & set(simulation.active):
            actor = simulation.user(number)
            held = actor.held()
            simulation.passivate([number])
            recovered = simulation.user(number).held()
            for name in sorted({*held, *recovered}):
                if held.get(name) != recovered.get(name):
                    values = (recovered.get(name), held.get(name))
                    yield Difference(attestation.events, actor.actor_urn, name, *values)
