"""A live search for intervals as a state machine, compared with a brute-force model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from events.observations.parameters import IntervalParameters
from events.observations.rows import ColumnNames
from events.observations.source import Observations
from replay.intervals.drive import IntervalDrive
from replay.intervals.run import SearchInputs
from replay.intervals.simulation import IntervalSimulation
from replay.intervals.summary import IntervalSummary
from replay.intervals.timeline import IntervalTimeline
from replay.testing.interval_model import IntervalModel, Sought
from replay.testing.machine import Death, LiveMachine, deaths
from replay.testing.observed import Draft, observations, searches, written
from replay.testing.strategies import failures

if TYPE_CHECKING:
    from pathlib import Path

    from replay.engine.failing import Failure
    from replay.intervals.run import Search

_LOG = "observations.jsonl"


class IntervalRun(LiveMachine):
    """Drives a live search and compares it with the model after every step.

    Rows are written to a file that is followed; the process dies at any operation on its
    files and goes on from the store, actors of keys fail, messages overtake others, and the
    history is looked back into. `IntervalRun.TestCase` is what a test runner runs.
    """

    detector: ClassVar[type[IntervalSimulation]] = IntervalSimulation
    """What looks for intervals."""

    @initialize(search=searches(), keyed=st.booleans(), planned=st.lists(failures(), max_size=6))
    def begin(self, search: Search, keyed: bool, planned: list[Failure]) -> None:  # noqa: FBT001
        """Start a search in a file without rows, with actors that fail now and then."""
        self._path = self.prepare(planned) / _LOG
        self._path.write_bytes(b"")
        self._search, self._keyed = search, keyed
        self.model = IntervalModel(Sought(*msgspec.structs.astuple(search)), keyed=keyed)
        self._moments = [{}]
        self._clock = 0
        self.start()

    @rule(seen=st.lists(observations(), min_size=1, max_size=6), death=st.none() | deaths)
    def write_rows(self, seen: list[Draft], death: Death | None = None) -> None:
        """Write rows at once, which are dealt with if the search is up."""
        lines, self._clock = written(seen, self._clock)
        self.write(lines, death)

    @invariant()
    @precondition(lambda self: getattr(self, "running", False))
    def state_is_right(self) -> None:
        """See that of each key as many observations had their turn as the model says."""
        system = self._drive.simulation
        names = [system.key(number) for number in range(system.keys)]
        found = {name: system.actor(number).finder.seen for number, name in enumerate(names)}
        if found != self._moments[-1]:
            raise AssertionError(f"expected {self._moments[-1]}, found {found}")

    # How it is done

    @property
    def stream_path(self) -> Path:
        return self._path

    @property
    def counts(self) -> tuple[int, int]:
        return self.model.accepted, self.model.rejected

    def open(self, detector: Any) -> tuple[SearchInputs, IntervalSummary, IntervalDrive]:
        columns = ColumnNames(key="address" if self._keyed else None)
        source = self._stack.enter_context(
            Observations(self._path, columns, follow=True, wake=self._wake)
        )
        search = self._search
        asked = (search.threshold, search.inclusive, search.distinct_min, search.lateness)
        parameters = IntervalParameters(*asked, *columns, "jsonl", "jsonl", None)
        summary = IntervalSummary(self._flagged, self.store)
        drive = IntervalDrive(source, parameters, summary, detector)
        return SearchInputs(source.logs, parameters, source.live), summary, drive

    def timeline(self) -> IntervalTimeline:
        return IntervalTimeline(self.store)

    def seen_at(self, timeline: IntervalTimeline) -> dict[str, int]:
        return {key: timeline.key(key).seen for key in timeline.keys}

    def tell_model(self, line: bytes) -> None:
        """Let the model take a row."""
        if self.model.take(line):
            self._moments.append(self.model.seen)
        self._lines = self.model.lines
