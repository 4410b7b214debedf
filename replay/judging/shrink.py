"""Shrinking histories whose events are judged: what the verdict on one of the stream needs."""

from __future__ import annotations

import bisect
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar

import msgspec

from actors.dispatcher import ActorFailedError
from actors.sink import Nowhere
from events.errors import InputError
from events.store.store import EventStore
from replay.engine.files import STORE_SUFFIX
from replay.engine.history import LogLine, texts_by_log
from replay.engine.shrink import Shrinking, Shrunk
from replay.judging.history import JudgedHistory, said
from replay.judging.regression import Spoken, judged_regression
from replay.judging.run import run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from events.records.record import Source
    from replay.engine.looks import Fields
    from replay.judging.logs import TwoLogs
    from replay.judging.looks import JudgedLooks

H = TypeVar("H", bound=JudgedHistory[Any, Any, Any])

BATCH: Final = "batch.json"
STREAM: Final = "stream.json"
FLAGGED: Final = "flagged.json"


class JudgedShrinking(Shrinking[H], Generic[H]):
    """The verdict on an event of a stream."""

    logs: ClassVar = {"batch": BATCH, "stream": STREAM}
    output = ("flagged", FLAGGED)
    judged: ClassVar[str] = "an event that the run judged"
    """What there is a verdict on."""
    other: ClassVar[str] = "one that is not judged"
    """What there is none on."""
    measures: ClassVar[str] = "all that the verdict says"
    """What a verdict says besides whether the event is flagged."""

    def __init__(self, looks: JudgedLooks[Any], number: int, **options: Any) -> None:
        """Shrink the history of ``looks``; see `Shrinking`."""
        super().__init__(looks, number, **options)
        self.recorded: Final = self._recorded()
        """What the original recorded."""
        self._refused: Final = frozenset(self.history.refused_before(number))
        # Not by `History.stream_start`, which may be among what a saved store has lost.
        self._stream: Final = 1 + bisect.bisect_left(
            range(1, number), True, key=lambda each: self.history.place(each).source == "stream"
        )

    @property
    def stays(self) -> int:
        return 1

    # What lines a run takes now

    def accepted(self, numbers: Iterable[int]) -> list[int]:
        """Return those of ``numbers`` whose lines a run accepts; an earlier one took others, too.

        The shrunk history is logs, and a run on them has to decide what is decided here.
        """
        return [number for number in numbers if number not in self._refused]

    def _recorded(self) -> Any:
        """Return what was recorded of the event."""
        history, number = self.history, self.number
        event = history.event(number)
        where = f"{history.store.path}: event {number}: expected {self.judged}, found"
        if not self.looks.detector.judges(event):
            raise InputError(f"{where} {self.other}")
        if history.place(number).source == "batch":
            raise InputError(f"{where} one of the past; name one of the stream")
        if (error := history.refused(number)) is not None:
            reason = f"({error.reason}): {error.detail}"
            raise InputError(f"{where} one that a run rejects now {reason}")
        recorded = history.recorded.get(number)
        if recorded is None:
            raise InputError(
                f"{where} one before whose verdict it stopped; let the run go on first"
            )
        return recorded

    # What is tried

    def shrunk(self) -> Shrunk:
        # The timeline judges the event alone. That gives the same state, unless there is a
        # fault in it; so what it finds wrong is decided as the run did before it is said.
        replayed = self.looks.timeline.decision(self.number)
        everything = self.accepted(range(1, self.number))
        if not self.wants(replayed) and not self.holds(everything):
            raise self.failure()
        return super().shrunk()

    def not_replayed(self) -> str:
        gaps = [event for event, _ in self.history.gaps if event < self.number]
        lost = f" (something was lost after event {gaps[-1]})" if gaps else ""
        if self._refused:
            first = min(self._refused)
            return (
                f"found another without event {first}, which an earlier release accepted{lost}; "
                f"rerun {self.store} FLAGGED tells what a run decides now"
            )
        return f"found another{lost}; verify {self.store} tells where they part"

    def wants(self, decision: Any) -> bool:
        if decision is None:
            return False
        if self.exact:
            return said(decision) == said(self.recorded)
        flagged: bool = decision.flagged == self.recorded.flagged
        return flagged

    def decide(self, numbers: list[int], *, judging: bool) -> Any:
        """Return the verdict that these events give, in any order, or None.

        Without ``judging`` the stream is folded. With a window of 20,000, 16,000 of them of the
        stream, one candidate took 4.5 s to judge and 0.26 s otherwise.
        """
        ordered = [*sorted(numbers), self.number]
        past = bisect.bisect_left(ordered, self._stream) if judging else len(numbers)
        # Numbered as a run on these lines alone would number them.
        events = [
            msgspec.structs.replace(self.history.events[each - 1], number=place)
            for place, each in enumerate(ordered, 1)
        ]
        detector, decision = self.looks.detector, None
        with detector(self.looks.history.parameters, Nowhere()) as simulation:
            try:
                simulation.extend(self.columns(events))
                simulation.goto(past)
                for event in events[past:]:
                    decision = simulation.judge(event)
            except ActorFailedError:
                return None
        return decision

    @abstractmethod
    def columns(self, events: list[Any]) -> Any:
        """Return ``events`` as a journal takes them."""

    def shrunk_to(self, numbers: list[int]) -> Shrunk:
        self.tried += 1
        decision = self.decide(numbers, judging=True)
        ordered = (*sorted(numbers), self.number)
        past = bisect.bisect_left(ordered, self._stream)
        return Shrunk(ordered, past, self.exact, self.recorded, decision, self.tried)

    # Files

    @property
    def lines_before(self) -> int:
        history = self.history
        return len(history) + len(history.rejected) + (history.store.header.line is not None)

    @abstractmethod
    def parameters_line(self) -> LogLine | None:
        """Return the line that gives the parameters, if there is to be one."""

    @abstractmethod
    def opened(self, batch: Path, stream: Path) -> TwoLogs[Any]:
        """Return two logs, open to be read."""

    def lines(self, shrunk: Shrunk) -> dict[Source, list[bytes]]:
        return texts_by_log(self._lines(shrunk))

    def _lines(self, shrunk: Shrunk) -> Iterator[LogLine]:
        """Iterate over the lines that are left, each as it was, behind one for the parameters."""
        history, given = self.history, self.parameters_line()
        if given is not None:
            yield given
        for number in shrunk.numbers:
            yield LogLine(history.place(number), number, history.own_line(history.event(number)))

    def content(self, source: Source, lines: list[bytes]) -> bytes:
        return self.history.log_content(source, lines)

    def run(self, folder: Path) -> Any:
        with self.opened(folder / BATCH, folder / STREAM) as logs:
            run(logs, folder / FLAGGED, detector=self.looks.detector)
        store = EventStore(folder / f"{FLAGGED}{STORE_SUFFIX}")
        *_, decision = self.looks.read(store).recorded.values()
        return decision

    def regression_test(self, shrunk: Shrunk, folder: Path) -> bytes:
        what = (self.store.name, shrunk, self.lines_before, self.spoken(), folder)
        return judged_regression(*what, headed=self.parameters_line() is not None)

    @abstractmethod
    def spoken(self) -> Spoken:
        """Return how the detector is named in a test."""

    # Words

    def texts(self, shrunk: Shrunk) -> tuple[str, str]:
        event = self.history.event(self.number)
        before, after = (self.text(event, each) for each in (shrunk.recorded, shrunk.decision))
        return before, after

    def text(self, event: Any, decision: Any) -> str:
        """Return an event and a decision on it in words."""
        text: str = self.looks.words.event(event, decision)
        return text

    def smallest_text(self, shrunk: Shrunk) -> str:
        before = len(shrunk.numbers) - 1
        if not before:
            also = "" if shrunk.exact else f"; --exact keeps {self.measures} too"
            verdict = "flagged" if shrunk.decision.flagged else "not flagged"
            return f"it is {verdict} without any other line{also}"
        what = "the decision" if shrunk.exact else "the verdict"
        lines = "the line" if before == 1 else f"any one of the {before:,} lines"
        return f"without {lines} before it, {what} is another"

    def fields(self, shrunk: Shrunk) -> Fields:
        return {
            "parameters": self.parameter_fields(),
            "before": self.looks.value_fields(shrunk.recorded),
            "after": self.looks.value_fields(shrunk.decision),
        }

    @abstractmethod
    def parameter_fields(self) -> Fields:
        """Return the parameters for machines."""
