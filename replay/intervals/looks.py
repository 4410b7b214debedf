"""What commands and the debugger show of a store of intervals, and do with it."""

from __future__ import annotations

from argparse import BooleanOptionalAction
from functools import cached_property
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from actors.intervals.messages import Extend, Findings, Found, Observe
from events.errors import DamagedStoreError, counted
from events.observations.csvrows import csv_line
from events.observations.interval import Finding, Interval
from events.observations.observed import Observation
from events.observations.source import format_of
from events.times.timestamps import in_zone
from replay.arguments import distinct, duration
from replay.engine.detectors import check_detector
from replay.engine.looks import Exported, Fields, Looks, ParameterOption
from replay.intervals.branch import IntervalBranching, IntervalRerun, setting_fields, written_time
from replay.intervals.drive import IntervalDrive
from replay.intervals.explore import IntervalSubject, settlings_of
from replay.intervals.history import IntervalHistory
from replay.intervals.lines import interval_fields
from replay.intervals.parquet import as_parquet
from replay.intervals.resume import IntervalResumed
from replay.intervals.shrink import IntervalShrinking
from replay.intervals.simulation import IntervalSimulation
from replay.intervals.timeline import IntervalTimeline
from replay.intervals.tools import IntervalTools
from replay.intervals.verify import verify_intervals
from replay.intervals.why import show_why, why_fields
from replay.intervals.words import (
    IntervalWords,
    interval_text,
    observation_text,
    setting_text,
    span_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from events.observations.parameters import IntervalParameters
    from events.records.record import Source
    from events.store.header import Header
    from replay.engine.verify import Verification
    from replay.engine.workers import Workforce


class IntervalLooks(Looks[Observation]):
    """A store of observations, in which intervals were looked for."""

    kind = "intervals"
    detectors = IntervalSimulation
    detector = IntervalSimulation
    sources = ("observations",)
    types = ("observation",)
    subject = "an id or a key"
    line = "row"
    exported = "observation"
    verdict = "finding"
    verdict_after = "after event "
    output = IntervalDrive.output
    output_file = "file of intervals"
    output_line = "interval"
    tools = IntervalTools
    branching_type: ClassVar = IntervalBranching
    rerun_type: ClassVar = IntervalRerun
    shrinking: ClassVar = IntervalShrinking
    parameter_options = (
        ParameterOption(
            "threshold",
            ("--threshold",),
            "an interval is shorter than this, such as 90s, 10m (minutes), 1h30m or 500ms",
            {"metavar": "TIME", "type": duration},
        ),
        ParameterOption(
            "inclusive",
            ("--inclusive",),
            "an interval may be just as long",
            {"action": BooleanOptionalAction},
        ),
        ParameterOption(
            "distinct_min",
            ("--min-distinct",),
            "how many different ids an interval has at least",
            {"metavar": "N", "type": distinct},
        ),
    )

    @staticmethod
    def heading_lines(header: Header) -> int:
        return int(header.intervals is not None and header.intervals.form == "csv")

    @cached_property
    def history(self) -> IntervalHistory:
        return self.timeline.history if "timeline" in vars(self) else IntervalHistory(self.store)

    @cached_property
    def timeline(self) -> IntervalTimeline:
        return IntervalTimeline(self.store)

    @property
    def parameters(self) -> IntervalParameters:
        return self.store.intervals

    @property
    def setting(self) -> str:
        return setting_text(self.parameters)

    @property
    def setting_fields(self) -> Fields:
        return setting_fields(self.parameters)

    def numbers_of(self, subject: str) -> Sequence[int]:
        return self.history.journal.numbers_of(subject)

    def found(self, number: int) -> bool:
        return number in self.history.found_counts

    def describe(self, event: Observation) -> str:
        count = self.history.found_counts.get(event.number, 0)
        found = f": {counted(count, 'interval')} FOUND" if count else ""
        return f"{observation_text(event)}{found}"

    def log_lines(self, event: Observation) -> Iterator[str]:
        yield observation_text(event)
        history = self.history
        at_end = event.number in history.ended_after
        found = "INTERVAL, final then or at the end" if at_end else "INTERVAL, final now"
        for finding in history.found(event.number):
            yield f"{found}: {interval_text(finding.interval, self.store.zone)}"

    def fields(self, event: Observation) -> Fields:
        keyed = {} if self.parameters.key is None else {"key": event.key}
        told = {"type": "observation", "event": event.number, "time": self.time(event)}
        return {**told, "adid": event.adid, **keyed}

    def concerned(self, event: Observation) -> Sequence[str]:
        return (event.adid,)

    @property
    def field_names(self) -> Sequence[str]:
        keyed = () if self.parameters.key is None else ("key",)
        return ("source", "line", "type", "event", "time", "adid", *keyed, "intervals")

    def verdict_fields(self, number: int) -> Fields:
        found = self.history.found(number)
        keyed, zone = self.parameters.key is not None, self.store.zone
        return {"intervals": [interval_fields(each.interval, zone, keyed=keyed) for each in found]}

    def message_fields(self, message: Any) -> Fields:
        past, keyed = self.timeline.past, self.parameters.key is not None
        if isinstance(message, Observe):
            observed = message.observed
            columns: Fields = {"times": self._times(observed.times), "adids": observed.adids}
            keys = {"keys": observed.keys} if keyed else {}
            return {"number": observed.number, **columns, **keys}
        fields = super().message_fields(message)
        if isinstance(message, Extend):
            rows = fields.pop("rows")
            adids = tuple(map(past.adids.listed.__getitem__, rows.adids.tolist()))
            columns = {"times": self._times(rows.times.texts()), "adids": adids}
            keys = {"keys": tuple(map(past.names.__getitem__, rows.keys.tolist()))} if keyed else {}
            fields = {**columns, **keys, **fields, "places": tuple(message.places.tolist())}
        elif isinstance(message, Found):
            names = past.names[message.shard :: past.shards]
            found = fields.pop("ranges").intervals(past.adids.listed, names)
            fields |= {"intervals": tuple(found), "changes": tuple(message.changes.tolist())}
        elif isinstance(message, Findings):
            fields["findings"] = tuple(message.findings)
        return fields

    def _times(self, times: Iterable[str]) -> tuple[str, ...]:
        return tuple([in_zone(time, self.store.zone) for time in times])

    def value_fields(self, value: Any) -> Any:
        if isinstance(value, Finding):
            return {"event": value.number, **self.value_fields(value.interval)}
        if isinstance(value, Interval):
            return interval_fields(value, self.store.zone, keyed=bool(value.key))
        return super().value_fields(value)

    def value_text(self, value: Any) -> str | None:
        if isinstance(value, Interval):
            return span_text(value, self.store.zone)
        return f"event {value.number}" if isinstance(value, Finding) else None

    # What commands do

    def show_why(self, number: int) -> None:
        show_why(self.timeline, number)

    def why_fields(self, number: int) -> Fields:
        history = self.timeline.history
        fields = self.fields(history.event(number))
        place = {"source": "observations", "line": history.place(number).line}
        del fields["type"]
        return {
            "event": fields.pop("event"),
            **place,
            **fields,
            **why_fields(self.timeline, number),
        }

    def verify(
        self,
        progress: Callable[[Sequence[int]], Iterable[int]],
        workers: int | Workforce | None = 1,
    ) -> Verification:
        del workers
        return verify_intervals(self.store, progress)

    @property
    def alone(self) -> str:
        return "intervals are found in portions, one after the other"

    @property
    def words(self) -> IntervalWords:
        return IntervalWords(keyed=self.parameters.key is not None)

    def explored(self) -> IntervalSubject:
        check_detector(self.store, self.detector)
        settlings = list(settlings_of(self.store))
        return IntervalSubject(self.detector, self.parameters, self.history.journal, settlings)

    @property
    def recorded(self) -> Sequence[Finding]:
        return list(self.history.findings())

    def audit(self) -> None:
        if self.other is None and verify_intervals(self.store).difference is not None:
            raise DamagedStoreError(
                f"{self.store.path}: expected what the observations come to, found something "
                "else; verify says more"
            )

    @property
    def is_whole_file(self) -> bool:
        return self.parameters.output == "parquet"

    def rebuild(self) -> tuple[int, Iterable[bytes]]:
        """Return how many intervals there are, and their file as the release spelled it."""
        resumed = IntervalResumed(self.store)
        if self.parameters.output == "parquet":
            return resumed.found, [as_parquet(self.store)]
        return resumed.found, filter(None, resumed.pieces())

    def export(self) -> dict[Source, Exported]:
        """Return the observations, as CSV or JSON lines by the name of the file."""
        count, rejected = len(self.history), len(self.history.rejected)
        missing = [f"not among them: {counted(rejected, 'rejected row')}"] if rejected else []
        fields = {"rows": count, "file": None, "rejected": rejected}
        return {"observations": Exported(count, self._content, fields, missing)}

    def _content(self, path: Path) -> bytes:
        parameters, observed = self.parameters, self.history.observed()
        times = [written_time(self.history, time) for time in observed.times]
        columns: dict[str, Sequence[Any]] = {parameters.time: times}
        columns[parameters.adid] = observed.adids
        if parameters.key is not None:
            columns[parameters.key] = observed.keys or ()
        rows = zip(*columns.values(), strict=True)
        if format_of(path) == "csv":
            return b"".join([csv_line(row) + b"\n" for row in (tuple(columns), *rows)])
        if parameters.unit is not None:
            columns[parameters.time] = [msgspec.Raw(time.encode()) for time in times]
            rows = zip(*columns.values(), strict=True)
        encode = msgspec.json.Encoder().encode_lines
        return encode([dict(zip(columns, row, strict=True)) for row in rows])

    @property
    def verdicts(self) -> int:
        return sum(self.history.found_counts.values())

    def account(self, event: Observation) -> str:
        return f"{self.time(event)} {observation_text(event)}"

    def verdict_text(self, decision: Finding) -> str:
        return f"after event {decision.number}: {interval_text(decision.interval, self.store.zone)}"

    def first_verdict_other_than(self, other: IntervalLooks) -> tuple[int, Any, Any] | None:
        for pair in zip_longest(self.history.findings(), other.history.findings()):
            if pair[0] != pair[1]:
                return min(each.number for each in pair if each is not None), *pair
        return None
