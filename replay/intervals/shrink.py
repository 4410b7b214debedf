"""The fewest observations in which intervals are still found that were final after one.

An interval is still found if one of its key begins and ends when it did. Its ids may be fewer,
unless they have to stay, too. What is tried first are the ends of the intervals and the first
observation of each id between them, which are enough unless there is a fault in this program.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import msgspec

from actors.intervals.finder import TextFinder
from events.errors import InputError, counted
from events.observations.csvrows import Dialect
from events.observations.rows import ColumnNames
from events.observations.source import Observations
from events.store.store import EventStore
from replay.engine.shrink import Shrinking, Shrunk
from replay.intervals.branch import place_of, row_fields, search_of, setting_fields
from replay.intervals.history import IntervalHistory
from replay.intervals.lines import interval_fields
from replay.intervals.regression import interval_regression
from replay.intervals.run import run_intervals
from replay.intervals.words import interval_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from events.observations.interval import Interval
    from events.observations.observed import Observation
    from events.records.record import Source
    from events.times.timestamps import Zone
    from replay.engine.looks import Fields
    from replay.intervals.looks import IntervalLooks

OBSERVATIONS: Final = "observations.jsonl"
FOUND: Final = "intervals.jsonl"
_SHOWN_MAX: Final = 3


class IntervalShrinking(Shrinking[IntervalHistory]):
    """The intervals that were final after an observation."""

    logs = {"observations": OBSERVATIONS}  # noqa: RUF012  it never changes
    output = ("intervals", FOUND)
    line = "row"

    def __init__(self, looks: IntervalLooks, number: int, **options: Any) -> None:
        """Shrink the history of ``looks``."""
        super().__init__(looks, number, **options)
        self.history.event(number)
        self._findings: Final = list(self.history.found(number))
        if not self._findings:
            raise InputError(
                f"{self.store}: event {number}: expected an observation after which intervals were "
                "final, found one after which none was, as is so without any observation; log "
                "--flagged lists the others"
            )
        self.recorded: Final = tuple(each.interval for each in self._findings)
        """What the original found."""

    def candidates(self) -> Iterator[list[int]]:
        history = self.history
        members = [history.members(each) for each in self._findings]
        yield sorted(set().union(*map(self._ends_and_ids, members)))
        yield sorted(set().union(*members))
        yield list(range(1, len(history) + 1))

    def _ends_and_ids(self, members: Sequence[int]) -> Iterable[int]:
        firsts: dict[str, int] = {}
        for number in members:
            firsts.setdefault(self.history.event(number).adid, number)
        return {members[0], members[-1], *firsts.values()}

    def decide(self, numbers: list[int], *, judging: bool) -> tuple[Interval, ...]:
        """Return the intervals that are among these observations."""
        del judging
        parameters = self.history.parameters
        rows: defaultdict[str, list[Observation]] = defaultdict(list)
        # Of one time the lower number comes first.
        events = sorted((self.history.event(each) for each in sorted(numbers)), key=_time_of)
        for event in events:
            rows[event.key].append(event)
        found: list[Interval] = []
        for key, own in rows.items():
            finder = TextFinder(
                parameters.threshold,
                inclusive=parameters.inclusive,
                distinct_min=parameters.distinct_min,
                key=key,
            )
            found += finder.observe(own)
            found += finder.finish()
        return tuple(found)

    def wants(self, decision: tuple[Interval, ...]) -> bool:
        return {*map(self._told, self.recorded)} <= {*map(self._told, decision)}

    def _told(self, interval: Interval) -> tuple[object, ...]:
        place = (interval.key, interval.start_time, interval.end_time)
        return (*place, interval.adids) if self.exact else place

    def shrunk_to(self, numbers: list[int]) -> Shrunk:
        ordered = sorted(numbers)
        found = sorted(self.decide(ordered, judging=True), key=place_of)
        return Shrunk(tuple(ordered), 0, self.exact, self.recorded, tuple(found), self.tried)

    # Files

    @property
    def lines_before(self) -> int:
        return len(self.history) + len(self.history.rejected)

    def lines(self, shrunk: Shrunk) -> dict[Source, list[bytes]]:
        encode = msgspec.json.Encoder().encode
        events = map(self.history.event, shrunk.numbers)
        return {"observations": [encode(row_fields(self.history, each)) for each in events]}

    def content(self, source: Source, lines: list[bytes]) -> bytes:
        del source
        return b"".join([line + b"\n" for line in lines])

    def run(self, folder: Path) -> tuple[Interval, ...]:
        parameters = self.history.parameters
        columns = ColumnNames(parameters.time, parameters.adid, parameters.key)
        dialect = Dialect(parameters.unit)
        portions = self.history.store.header.portions
        with Observations(
            folder / OBSERVATIONS, columns, dialect=dialect, portions=portions
        ) as source:
            summary = run_intervals(source, folder / FOUND, search_of(parameters))
        found = (
            each.interval for each in IntervalHistory(EventStore(summary.store_path)).findings()
        )
        return tuple(sorted(found, key=place_of))

    def regression_test(self, shrunk: Shrunk, folder: Path) -> bytes:
        del folder
        return interval_regression(
            self.store.name, shrunk, self.number, self.lines_before, self.history
        )

    # Words

    def texts(self, shrunk: Shrunk) -> tuple[str, str]:
        zone = self.history.zone
        return _text(shrunk.recorded, zone), _text(shrunk.decision, zone)

    def smallest_text(self, shrunk: Shrunk) -> str:
        lines = len(shrunk.numbers)
        which = "the row" if lines == 1 else f"any one of the {lines:,} rows"
        what = "it is" if len(shrunk.recorded) == 1 else "they are"
        return f"without {which}, {what} not found{' so' if shrunk.exact else ''}"

    def fields(self, shrunk: Shrunk) -> Fields:
        keyed = self.history.parameters.key is not None
        before, after = (
            [interval_fields(each, self.history.zone, keyed=keyed) for each in found]
            for found in (shrunk.recorded, shrunk.decision)
        )
        parameters = setting_fields(self.history.parameters)
        return {"parameters": parameters, "before": before, "after": after}


def _time_of(event: Observation) -> str:
    return event.time


def _text(found: tuple[Interval, ...], zone: Zone | None) -> str:
    shown = "; ".join(interval_text(each, zone) for each in found[:_SHOWN_MAX])
    rest = len(found) - _SHOWN_MAX
    return f"{shown}; and {counted(rest, 'interval')} more" if rest > 0 else shown
