"""Histories of which each event of the stream may be judged: what is kept, and how far one came."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from events.errors import DamagedStoreError
from events.journal.columns import EventColumns
from events.records.record import LogEnd, Record, Rejected, Source, StateDigest, StreamStart
from replay.engine.drive import Resumed
from replay.engine.history import LinePlace, LogLine, StoredHistory
from replay.engine.listener import RunSummary
from replay.engine.output import WrittenLines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from events.logs.objects import BadLineError
    from events.store.store import EventStore
    from replay.engine.output import Output

E = TypeVar("E", bound=Any)
J = TypeVar("J", bound=Any)
V = TypeVar("V")


class Summary(RunSummary):
    """What a run has done so far, and in the end."""

    users: int = 0
    """The number of users, or other subjects, that appeared."""
    judged: int = 0
    """The number of events that were judged."""
    flagged: int = 0
    """The number of events that were flagged."""

    @property
    def flagged_path(self) -> Path:
        """The path of the flagged file."""
        return self.output_path

    @property
    def flagged_before(self) -> int:
        """The length in bytes of what stood in the flagged file before this run."""
        return self.output_before

    @property
    def flagged_set_aside(self) -> Path | None:
        """The path of foreign bytes that were moved out of the flagged file, if there were any."""
        return self.output_set_aside

    @property
    def batch_events(self) -> int:
        """The number of events of the batch."""
        return self.accepted.get("batch", 0)

    @property
    def stream_events(self) -> int:
        """The number of events of the stream."""
        return self.accepted.get("stream", 0)

    @property
    def stream_rejected(self) -> int:
        """The number of rejected lines of the stream."""
        return self.refused.get("stream", 0)


def said(decision: Any) -> list[Any]:
    """Return all that a decision says of its event."""
    names = decision.__struct_fields__
    return [getattr(decision, name) for name in names if name != "number"]


class JudgedHistory(StoredHistory[E, J], Generic[E, J, V]):
    """A history of two logs: the batch, which is the past, and the stream, which is judged."""

    parameters: Any
    """What the detector was told."""
    detector: Any
    """Whose events they are."""

    def __init__(self, store: EventStore, detector: Any) -> None:
        """Read all of ``store``, whose events and verdicts are those of ``detector``."""
        self.detector = detector
        self.recorded: Final[dict[int, V]] = {}
        """The decisions that the run recorded, by event number."""
        self.stream_start: int | None = None
        """How many events the past has; None where the run was stopped before its end."""
        self.verdict: Final[type[V]] = detector.verdict_type
        """What a decision is."""
        journal: J = detector.new_journal()
        super().__init__(store, journal)

    @abstractmethod
    def line_of(self, event: E) -> bytes:
        """Return the source line of ``event``, byte for byte, without its newline."""

    @abstractmethod
    def own_line(self, event: E) -> bytes:
        """Return the same as a log of other lines has it.

        Raises:
            DamagedStoreError: it is another event's.

        """

    def refused(self, number: int) -> BadLineError | None:
        """Return why a run would reject the line of event ``number`` now, or None."""
        del number
        return None

    def refused_before(self, number: int) -> list[int]:
        """Return the events before ``number`` whose lines a run would reject now."""
        del number
        return []

    @abstractmethod
    def check_own_lines(self) -> None:
        """Refuse lines that are another event's.

        Raises:
            DamagedStoreError: one is.

        """

    @property
    def past_events(self) -> int:
        """How many events are not of the stream: all of them where none has begun."""
        if self.stream_start is None:
            return len(self)
        # A store that was saved from damage may have lost events of the past.
        return min(self.stream_start, len(self))

    def judged(self, number: int) -> bool:
        """Tell whether event ``number`` is of the stream, which is judged."""
        return self.stream_start is not None and number > self.stream_start

    @property
    def cut(self) -> list[Rejected]:
        """The lines that were too long to be kept as a whole."""
        return [rejected for _, rejected in self.rejected if rejected.is_cut]

    def log_lines(self) -> Iterator[LogLine]:
        """Iterate over the lines of both logs, that of the parameters first.

        For a line that was too long to be kept an empty one comes, so that those behind it
        keep their numbers.

        Raises:
            DamagedStoreError: the line of an event is another's.

        """
        self.check_own_lines()
        line = self.store.header.line
        if line is not None:
            yield LogLine(LinePlace("batch", 1), None, line)
        for place, record in self.lines():
            if isinstance(record, Rejected):
                yield LogLine(place, None, b"" if record.is_cut else record.line)
            else:
                yield LogLine(place, record.number, self.line_of(record))

    def log_content(self, source: Source, texts: Sequence[bytes]) -> bytes:
        """Return the content of a log of the lines ``texts`` that ends as the ``source`` did."""
        end = self.ends.get(source)
        newline = b"\n" if texts and (end is None or end.newline) else b""
        return b"\n".join(texts) + newline

    def _take(self, record: Record, frame: int, previous: bytes) -> None:
        if isinstance(record, self.verdict):
            decision: Any = record
            self.recorded[decision.number] = decision
        elif isinstance(record, StreamStart):
            self.stream_start = record.events
        else:
            super()._take(record, frame, previous)


def is_finished(store: EventStore) -> bool:
    """Tell from its end alone whether nothing is left to do of the history in ``store``."""
    before, *last = store.last_frames(2) or [[]]
    ends = [record for record in before if isinstance(record, LogEnd)]
    digests = [record for records in last for record in records if isinstance(record, StateDigest)]
    return any(end.source == "stream" for end in ends) and bool(digests)


class JudgedResumed(Resumed, Generic[E, J, V]):
    """How far the history in a store has come whose events are judged one by one.

    Its events are in a journal then. Nothing that was decided is decided again;
    `replay.engine.verify` does that.
    """

    detector: Any
    """Whose events and verdicts they are."""

    def __init__(self, store: EventStore, detector: Any, journal: J | None = None) -> None:
        """Read ``store``, with the events and verdicts of ``detector``.

        The ``journal`` is that of a run that goes on, or one by which it is to be seen whether one
        could; None: it is only seen how far it has come.

        Raises:
            DamagedStoreError: a frame holds what this program does not write, or a digest of
                the state is not what the events add up to.

        """
        super().__init__(store, ("batch", "stream"))
        self.detector = detector
        self.journal: Final[J] = detector.new_journal() if journal is None else journal
        """All events."""
        self.judged = 0
        """How many events were decided on."""
        self.flagged: Final[list[bytes]] = []
        """The flagged lines, without newlines."""
        self.attested = -1
        """After how many events the last digest of the state was recorded; -1: none."""
        self.users = 0
        """How many users there were at that moment."""
        self.digest_due = False
        """Whether the end of a log was recorded, and not yet the digest behind it."""
        self._decided = 0
        self._acting: Final = journal is not None
        self._previous = b""
        for number, frame in enumerate(store.frames()):
            self._previous = frame.previous
            for record in frame.records:
                self.note(record, number)
        self.settled: Final = self._settled()
        """The last event before the first that has yet to be decided on."""

    @abstractmethod
    def check_columns(self, events: Any) -> None:
        """Refuse events whose lines are another's; before they are part of a state."""

    @abstractmethod
    def check(self, event: E) -> None:
        """Refuse an event whose line is another's."""

    def next_judged(self, number: int) -> int | None:
        """Return the first event behind event ``number`` that is judged, or None."""
        following = self.journal.events(number + 1, len(self.journal))
        return next((each.number for each in following if self.detector.judges(each)), None)

    def sums(self) -> tuple[int, ...] | None:
        """Return what the state adds up to after the events read so far; None: nobody knows."""
        return None

    @property
    def finished(self) -> bool:
        return "stream" in self.ended and not self.digest_due

    def count_into(self, summary: RunSummary) -> None:
        super().count_into(summary)
        assert isinstance(summary, Summary), "it is that of a run of this detector"
        summary.judged += self.judged
        summary.flagged += len(self.flagged)
        summary.users = self.users

    def recover(self, flagged: Output) -> Path | None:
        lines = b"".join([line + b"\n" for line in self.flagged])
        start = self.store.header.output_start
        written = WrittenLines(lambda: [lines], len(lines), self.written)
        return flagged.recover(start, written, finished=self.finished)

    @property
    def undecided(self) -> list[E]:
        """The events of the stream from the first that has no decision on."""
        events: list[E] = self.journal.events(self.settled + 1, len(self.journal))
        return events

    def _take(self, events: EventColumns) -> None:
        if self._acting:
            self.check_columns(events)
        self.journal.extend(events)

    def _settled(self) -> int:
        """Return the last event that needs no decision any more."""
        waiting = self.next_judged(max(self.events["batch"], self._decided))
        return len(self.journal) if waiting is None else waiting - 1

    def note(self, record: Record, frame: int) -> None:
        if isinstance(record, EventColumns):
            self._take(record)
            return
        self.digest_due = isinstance(record, LogEnd | StreamStart)
        if isinstance(record, self.detector.verdict_type):
            self._take_decision(record)
        elif isinstance(record, StateDigest):
            self._attested(record)
        else:
            super().note(record, frame)

    def _take_decision(self, decision: Any) -> None:
        self._decided = decision.number
        self.judged += 1
        if decision.flagged:
            (event,) = self.journal.events(decision.number, decision.number)
            if not self._acting:
                self.check(event)
            self.flagged.append(self.detector.checked_line(event, decision))

    def _attested(self, digest: StateDigest) -> None:
        self.attested = digest.events
        self.users = digest.subjects
        sums = self.sums() if self._acting else None
        events, subjects = len(self.journal), len(self.journal.names)
        if sums is not None and digest != StateDigest(events, self._previous, subjects, sums):
            raise DamagedStoreError(
                f"{self.store.path}: after event {events}: expected a digest of the events before "
                "it, found another one; verify says more"
            )
