"""What a history of judged events has to be, record by record; see `events.records.validation`."""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect
from collections import deque
from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from events.custom.columns import FactColumns
from events.purchases.columns import PURCHASE, Columns
from events.purchases.decision import Decision
from events.purchases.event import line_of
from events.purchases.lines import flagged_line
from events.records.record import (
    EventRun,
    Gap,
    Lines,
    LogEnd,
    Record,
    Rejected,
    Source,
    StateDigest,
    StreamStart,
    Written,
)
from events.records.validation import Validator, WrongRecordError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from events.custom.fact import FactTypes
    from events.journal.columns import EventColumns, Kinds
    from events.purchases.event import Purchase
    from events.store.header import Header

_PURCHASE_SUMS: Final = 8


class JudgedValidator(Validator):
    """What was read so far of a history of which each event of the stream may have a verdict."""

    columns_type: ClassVar[type[EventColumns]]
    """What holds the events of a frame."""

    def __init__(self, header: Header, verdict: type, sums: int | None) -> None:
        """Begin before the first frame of a store with ``header``.

        A digest has so many ``sums``; None where that is the detector's own.
        """
        super().__init__(sums, incomplete=header.incomplete)
        # Of a stream that was live there may come more behind its end, and another file.
        self._live: Final = header.stream is None
        self._lines: Final[dict[Source, int]] = {"batch": int(header.line is not None), "stream": 0}
        self._source: Source | None = None
        # The events of the frame.
        self._columns: EventColumns | None = None
        self._ended: Final[set[Source]] = set()
        self._streaming = False
        # The purchases of the stream that have no decision.
        self._undecided: Final[deque[tuple[int, EventColumns]]] = deque()
        self._decided = 0
        # From which to which event was lost.
        self._lost: Final[list[tuple[int, int]]] = []
        # How long the flagged lines are together, up to each of them.
        self._lengths: Final = {0}
        self._length = 0
        takers: dict[type, Callable[[Any], None]] = {
            self.columns_type: self._take_columns,
            EventRun: self._take_run,
            Lines: self._take_lines,
            Rejected: self._take_rejected,
            LogEnd: self._take_end,
            StreamStart: self._take_start,
            verdict: self._take_decision,
            Written: self._take_written,
            Gap: self._take_gap,
            StateDigest: self._take_digest,
        }
        self._takers: Final = takers

    @abstractmethod
    def _judged(self, kinds: Kinds) -> NDArray[np.bool_]:
        """Tell of each kind whether events of it that are of the stream have a verdict."""

    @abstractmethod
    def _length_of(self, event: Any, verdict: Any) -> int:
        """Return how many bytes the line of a flagged event has, with its newline."""

    def take(self, records: Sequence[Record], events: int) -> None:
        """Take the records of a frame; see `Validator.take`."""
        self._source = self._columns = None
        before = self.events
        takers = self._takers
        for record in records:
            takers[type(record)](record)
        self._count(before, events)
        if "batch" in self._ended and not (self._streaming or self.gap):
            raise WrongRecordError("the beginning of the stream with the end of the batch", "none")

    def pass_over(self, events_before: int) -> None:
        """Take note that something was lost; see `Validator.pass_over`."""
        first = self.events + 1
        super().pass_over(events_before)
        self._lost.append((first, events_before))

    def _take_columns(self, columns: EventColumns) -> None:
        if columns.number != self.events + 1:
            raise WrongRecordError(f"event {self.events + 1}", f"event {columns.number}")
        self._columns = columns

    def _take_run(self, run: EventRun) -> None:
        first, columns = self.events + 1, self._columns
        if self._source is None or columns is None:
            raise WrongRecordError("lines before an event", f"event {first} first")
        self.events += run.events
        self._lines[self._source] += run.events
        if self._source == "stream":
            start = first - columns.number
            rows = np.flatnonzero(self._judged(columns.kinds[start : start + run.events]))
            self._undecided.extend([(first + row, columns) for row in rows.tolist()])

    def _take_lines(self, lines: Lines) -> None:
        source, number = lines.source, lines.number
        if source == "observations":
            raise WrongRecordError("lines of a batch or a stream", "some of observations")
        if source in self._ended and not (source == "stream" and self._live):
            raise WrongRecordError(f"no lines behind the end of the {source}", f"line {number}")
        if source == "batch" and self._streaming:
            raise WrongRecordError("lines of the stream", f"line {number} of the batch")
        if source == "stream" and not self._streaming:
            if not self.gap:
                raise WrongRecordError(
                    "the beginning of the stream", f"line {number} of it without one"
                )
            self._streaming = True
        last = self._lines[source]
        if number <= last and not (source == "stream" and self._live):
            raise WrongRecordError(f"lines behind line {last} of the {source}", f"line {number}")
        self._source = source
        self._lines[source] = number - 1

    def _take_rejected(self, rejected: Rejected) -> None:
        source, number = rejected.source, rejected.number
        if source != self._source:
            raise WrongRecordError(
                f"lines of the {source} before a rejected one", f"line {number} without them"
            )
        line = self._lines[source] + 1
        if number != line:
            raise WrongRecordError(f"line {line} of the {source}", f"line {number}, rejected")
        if b"\n" in rejected.line:
            raise WrongRecordError("one rejected line", "several lines in one")
        self._lines[source] = line

    def _take_end(self, end: LogEnd) -> None:
        source = end.source
        if source == "observations":
            raise WrongRecordError("the end of a batch or a stream", "that of observations")
        live = source == "stream" and self._live
        if (source in self._ended and not live) or (source == "batch" and self._streaming):
            raise WrongRecordError(f"one end of the {source}", "another one")
        if source == "stream" and not (self._streaming or self.gap):
            raise WrongRecordError("the beginning of the stream before its end", "none")
        if end.lines < self._lines[source]:
            raise WrongRecordError(
                f"{self._lines[source]} lines of the {source} or more", end.lines
            )
        if source == "stream" and self._undecided and not self.gap:
            raise WrongRecordError(
                f"a decision on event {self._undecided[0][0]}", "the end of the stream"
            )
        self._lines[source] = end.lines
        self._ended.add(source)

    def _take_start(self, start: StreamStart) -> None:
        if self._streaming:
            raise WrongRecordError("one beginning of the stream", "another one")
        if "batch" not in self._ended and not self.gap:
            raise WrongRecordError("the end of the batch", "the beginning of the stream")
        if start.events != self.events:
            raise WrongRecordError(
                f"a stream that begins behind event {self.events}", f"event {start.events}"
            )
        self._streaming = True

    def _take_digest(self, digest: StateDigest) -> None:
        super()._take_digest(digest)
        if self._undecided and not self.gap:
            raise WrongRecordError(
                f"a decision on event {self._undecided[0][0]}", "a digest before it"
            )

    def _take_decision(self, decision: Any) -> None:
        number, waiting = decision.number, self._undecided
        if self.gap:
            # Decisions may have been lost, and events that were decided on.
            while waiting and waiting[0][0] < number:
                waiting.popleft()
        if not waiting or waiting[0][0] != number:
            if number <= self._decided or not self._is_lost(number):
                expected = f"one on event {waiting[0][0]}" if waiting else "none"
                raise WrongRecordError(
                    f"decisions on the purchases of the stream in order, and {expected}",
                    f"one on event {number}",
                )
        else:
            _, columns = waiting.popleft()
            if decision.flagged:
                (event,) = columns.events(number - columns.number, number - columns.number + 1)
                self._length += self._length_of(event, decision)
                self._lengths.add(self._length)
        self._decided = number

    def _is_lost(self, number: int) -> bool:
        """Tell whether event ``number`` is one of those that were lost."""
        place = bisect(self._lost, number, key=itemgetter(0)) - 1
        return place >= 0 and number <= self._lost[place][1]

    def _take_written(self, written: Written) -> None:
        super()._take_written(written)
        if not (written.size in self._lengths or self.gap):
            raise WrongRecordError(
                f"whole lines of the {self._length} flagged bytes", f"{written.size} bytes written"
            )


class PurchaseValidator(JudgedValidator):
    """What was read so far of a history of purchases."""

    columns_type = Columns

    def __init__(self, header: Header) -> None:
        """Begin before the first frame of a store with ``header``."""
        super().__init__(header, Decision, _PURCHASE_SUMS)

    def _judged(self, kinds: Kinds) -> NDArray[np.bool_]:
        judged: NDArray[np.bool_] = kinds == PURCHASE
        return judged

    def _length_of(self, event: Purchase, verdict: Decision) -> int:
        return len(flagged_line(line_of(event), verdict.mean_cents, verdict.sd_cents)) + 1


class FactValidator(JudgedValidator):
    """What was read so far of a history of events of declared types."""

    columns_type = FactColumns

    def __init__(self, header: Header, types: FactTypes) -> None:
        """Begin before the first frame of a store with ``header`` and events of ``types``."""
        super().__init__(header, types.verdict, None)
        self._judged_kinds: Final = list(types.judged)

    def _judged(self, kinds: Kinds) -> NDArray[np.bool_]:
        return np.isin(kinds, self._judged_kinds)

    def _length_of(self, event: Any, verdict: Any) -> int:
        del event, verdict
        return 0

    def _take_written(self, written: Written) -> None:
        # How long a line is its detector knows, which need not be there.
        self._lengths.add(written.size)
        super()._take_written(written)
