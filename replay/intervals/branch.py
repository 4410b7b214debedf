"""Branches of searches for intervals: other settings, fewer or more observations.

The branch's observations are JSON lines, whatever the original's were. Of its rejected rows those
stand among them that may be in time on the branch.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

import msgspec

from events.errors import InputError, counted
from events.escapes import plain
from events.logs.objects import BadLineError, Reason
from events.observations.csvrows import Dialect
from events.observations.observed import Observation
from events.observations.parser import RowFormat
from events.observations.rows import ColumnNames
from events.observations.source import Observations
from events.store.store import EventStore
from events.times.epoch import count_text
from events.times.timestamps import in_zone
from replay.engine.branch import Branch, Branching, Differing, Rerun
from replay.engine.detectors import check_detector
from replay.engine.history import LogLine
from replay.intervals.history import IntervalHistory
from replay.intervals.lines import interval_fields, interval_in_zone
from replay.intervals.run import Search, form_of_output, run_intervals
from replay.intervals.words import ids_text, setting_text
from replay.terminal.standard_streams import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from events.disk import Disk
    from events.logs.extent import Fingerprint
    from events.observations.interval import Finding, Interval
    from events.observations.parameters import IntervalParameters
    from events.observations.parser import FileFormat
    from events.records.record import Rejected, Source
    from replay.engine.branch import BranchLog, What
    from replay.engine.listener import RunListener
    from replay.engine.looks import Fields
    from replay.engine.workers import Workforce
    from replay.intervals.resume import IntervalSummary


class IntervalBranching(Branching[IntervalHistory]):
    """A search for intervals that is to be made again."""

    output = "file of intervals"

    def __init__(self, history: IntervalHistory, detector: Any) -> None:
        """Branch off ``history``, which ``detector`` decided."""
        super().__init__(history)
        self._detector: Final = detector
        parameters = history.parameters
        self._columns: Final = ColumnNames(parameters.time, parameters.adid, parameters.key)
        self._dialect: Final = Dialect(parameters.unit)

    @property
    def logs(self) -> dict[Source, Fingerprint | None]:
        return {"observations": None}

    @property
    def last(self) -> Source:
        return "observations"

    @property
    def left_out(self) -> int:
        return sum(not self._stays(rejected) for _, rejected in self.history.rejected)

    def decided_again(self, branch: Any) -> Iterator[tuple[Any, Any]]:
        history = self.history
        if history.ended_after == [len(history)]:
            # Otherwise what seemed to be final has grown, or more was found at the end.
            yield from zip_longest(history.findings(), branch.history.findings())

    def _stays(self, rejected: Rejected) -> bool:
        parameters = self.history.parameters
        late = rejected.reason != Reason.LATE or parameters.lateness
        return bool(late) and parameters.form == "jsonl" and not rejected.is_cut

    def check(self) -> None:
        check_detector(self.history.store, self._detector)

    def setting(self, changed: Mapping[str, Any], output: Path) -> tuple[Search, FileFormat]:
        search = search_of(self.history.parameters)
        form = form_of_output(output)
        if form == "parquet":
            raise InputError(
                f"{output}: expected CSV or JSON lines for the intervals of a branch, found Parquet"
            )
        return msgspec.structs.replace(search, **changed), form

    def lines(self) -> Iterator[LogLine]:
        encode = msgspec.json.Encoder().encode
        for place, record in self.history.lines():
            if isinstance(record, Observation):
                row = encode(row_fields(self.history, record))
                yield LogLine(place, record.number, row)
            elif self._stays(record):
                yield LogLine(place, None, record.line)

    def parsed(self, line: bytes, before: int) -> Observation:
        form = RowFormat("jsonl", self._columns, "", self._dialect)
        rows = form.rows(zone=self.history.zone).parse(line + b"\n", last=True)
        for row in rows.rejected:
            raise BadLineError(Reason(row.reason), row.detail)
        if not rows.numbers:
            raise BadLineError(Reason.NOT_JSON, "expected one JSON object, found an empty line")
        (event,) = rows.observations()
        return msgspec.structs.replace(event, number=before)

    def content(self, source: Source, texts: Sequence[bytes]) -> bytes:
        del source
        return b"".join([text + b"\n" for text in texts])

    def event_at(self, store: EventStore, number: int) -> Observation:
        return IntervalHistory(store).event(number)

    def run(
        self,
        logs: dict[Source, BranchLog],
        setting: tuple[Search, FileFormat],
        output: Path,
        store: Path,
        *,
        listener: RunListener | None,
        disk: Disk,
        workers: int | Workforce | None,
    ) -> tuple[IntervalSummary, set[tuple[Source, int]]]:
        del workers
        name, content = logs["observations"]
        with Observations(
            name,
            self._columns,
            form="jsonl",
            dialect=self._dialect,
            content=content,
            portions=self.history.store.header.portions,
        ) as source:
            search, form = setting
            summary = run_intervals(
                source, output, search, form=form, store=store, listener=listener, disk=disk
            )
        return summary, set()


def search_of(parameters: IntervalParameters) -> Search:
    """Return the search that looks for the same, in whatever observations."""
    late = parameters.lateness or 0
    return Search(parameters.threshold, parameters.inclusive, parameters.distinct_min, late)


def row_fields(history: IntervalHistory, event: Observation) -> Fields:
    """Return what a line of an observation holds: its time as the log has it, in UTC."""
    parameters = history.parameters
    keyed = {} if parameters.key is None else {parameters.key: event.key}
    time: Any = written_time(history, event.time)
    if parameters.unit is not None:
        time = msgspec.Raw(time.encode())
    return {parameters.time: time, parameters.adid: event.adid, **keyed}


def written_time(history: IntervalHistory, time: str) -> str:
    """Return a canonical time as a row of a history's log can have it."""
    unit = history.parameters.unit
    return in_zone(time, history.zone) if unit is None else count_text(time, unit)


def setting_fields(parameters: IntervalParameters) -> Fields:
    """Return what is looked for, for machines; durations in nanoseconds."""
    return {
        "threshold": parameters.threshold,
        "inclusive": parameters.inclusive,
        "min_distinct": parameters.distinct_min,
        "lateness": parameters.lateness,
    }


class IntervalRerun(Rerun):
    """Which intervals a branch finds and its original does not, or the other way round."""

    def __init__(self, branching: IntervalBranching, branch: Branch) -> None:
        """Compare ``branch`` with its original."""
        self._branching: Final = branching
        store = EventStore(branch.summary.store_path)
        self._history: Final = IntervalHistory(store)
        before, after = (_by_place(each) for each in (branching.history, self._history))
        differences = sorted(_differences(before, after), key=lambda each: place_of(each.about))
        super().__init__(branch, (len(before), len(after)), differences)
        keyed = ("key",) if self._keyed else ()
        self.columns = (*keyed, "start", "end", "ids")

    @property
    def settings(self) -> tuple[str, str]:
        before, after = map(setting_text, self._parameters)
        return before, after

    def setting_fields(self) -> tuple[Fields, Fields]:
        before, after = map(setting_fields, self._parameters)
        return before, after

    @property
    def _parameters(self) -> tuple[IntervalParameters, IntervalParameters]:
        return self._branching.history.parameters, self._history.parameters

    @property
    def _keyed(self) -> bool:
        return self._history.parameters.key is not None

    def show(self) -> None:
        original = self._branching.history
        if any(end < len(original) for end in original.ended_after):
            say("the original went on after its end, so what has grown since is lost as it was")
        if len(original) not in original.ended_after:
            say("the original was stopped before its end, so what was final later is gained")
        self.say_counts(counted(self.counts[0], "interval"))
        self.show_table()
        for line in self._not_the_same():
            say(line)

    def cells(self, difference: Differing) -> tuple[object, ...]:
        interval, pair = difference.about, (difference.before, difference.after)
        ids = [ids_text(each.interval) for each in pair if each is not None]
        keyed = (plain(interval.key),) if self._keyed else ()
        shown = interval_in_zone(interval, self._history.zone)
        times = (shown.start_time, shown.end_time)
        return (*keyed, *times, " -> ".join(dict.fromkeys(ids)))

    def difference_fields(self, difference: Differing) -> Fields:
        before, after = difference.before, difference.after
        return {
            "before": before and self._fields(before),
            "after": after and self._fields(after),
        }

    def _not_the_same(self) -> Iterator[str]:
        """Iterate over what a branch cannot have in common with its original, in words."""
        branch = self.branch
        for count, what in (
            (len(branch.refused), "in time for the original, and too late for the branch"),
            (len(branch.accepted), "too late for the original, and in time for the branch"),
            (branch.dropped, "to be inserted, and too late"),
            (self._branching.left_out, "rejected by the original, and not read again"),
        ):
            if count:
                yield f"{counted(count, 'row')} {'was' if count == 1 else 'were'} {what}"

    def fields(self) -> Fields:
        branch = self.branch
        return {
            "refused": sorted(branch.refused),
            "accepted": sorted(branch.accepted),
            "dropped": branch.dropped,
            "not_kept": self._branching.left_out,
            **self.counted_fields("intervals"),
            "differences": self.differences_fields(),
            "intervals_file": str(branch.summary.output_path),
        }

    def _fields(self, finding: Finding) -> Fields:
        return interval_fields(finding.interval, self._history.zone, keyed=self._keyed)


def place_of(interval: Interval) -> tuple[str, str, str]:
    """Return from when to when an interval is and of which key, which tells it from others."""
    return interval.start_time, interval.end_time, interval.key


def _by_place(history: IntervalHistory) -> dict[tuple[str, str, str], Finding]:
    return {place_of(each.interval): each for each in history.findings()}


def _differences(
    before: Mapping[tuple[str, str, str], Finding], after: Mapping[tuple[str, str, str], Finding]
) -> Iterator[Differing]:
    for place in before.keys() | after.keys():
        one, other = before.get(place), after.get(place)
        what: What | None = None
        if one is None or other is None:
            what = "gained" if one is None else "lost"
        elif one.interval.adids != other.interval.adids:
            what = "changed"
        found = one or other
        if what is not None and found is not None:
            original, branch = one.number if one else None, other.number if other else None
            yield Differing(what, original, branch, found.interval, one, other)
