"""Branches of histories whose events are judged: what is flagged otherwise, and how it is told."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, NamedTuple, TypeVar

from events.errors import DamagedStoreError, counted
from events.times.timestamps import in_zone
from replay.engine.branch import Branch, Branching, Differing, Rerun
from replay.engine.detectors import check_detector
from replay.judging.history import JudgedHistory, said
from replay.judging.run import run
from replay.terminal.standard_streams import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from events.disk import Disk
    from events.logs.extent import Fingerprint
    from events.records.record import Source
    from events.store.store import EventStore
    from replay.engine.branch import BranchLog, What
    from replay.engine.history import LogLine
    from replay.engine.listener import RunListener
    from replay.engine.looks import Fields
    from replay.engine.workers import Workforce
    from replay.judging.history import Summary
    from replay.judging.logs import TwoLogs


H = TypeVar("H", bound=JudgedHistory[Any, Any, Any])


class Comparison(NamedTuple):
    """How the flags of a branch differ from those that its original recorded."""

    flagged_before: int
    """How many events the original flagged."""
    flagged_after: int
    """How many the branch flags, of those that the original judged or did not have."""
    differences: list[Differing]
    """What differs, in the order of the original."""
    unjudged: int
    """How many events of its stream the original had not judged when it ended."""
    unjudged_flagged: int
    """How many of these the branch flags; they are no differences."""


class JudgedBranching(Branching[H], Generic[H]):
    """A history of a batch and a stream that is to be decided again."""

    output = "flagged file"
    judged: ClassVar[str] = "event"
    """What is decided on."""

    def __init__(self, history: H, detector: Any) -> None:
        """Branch off ``history``, which ``detector`` decided and is to decide again."""
        super().__init__(history)
        self.detector: Final = detector
        """Makes the actor system."""
        self._portions: Final = history.store.header.portions

    @property
    def logs(self) -> dict[Source, Fingerprint | None]:
        header = self.history.store.header
        return {"batch": header.batch, "stream": header.stream}

    @property
    def last(self) -> Source:
        return "batch" if self.history.stream_start is None else "stream"

    def decided_again(self, branch: Any) -> Iterator[tuple[Any, Any]]:
        for number, decision in self.history.recorded.items():
            yield decision, branch.recorded.get(number)

    def check(self) -> None:
        check_detector(self.history.store, self.detector)

    def lines(self) -> Iterator[LogLine]:
        return self.history.log_lines()

    def content(self, source: Source, texts: Sequence[bytes]) -> bytes:
        return self.history.log_content(source, texts)

    def event_at(self, store: EventStore, number: int) -> Any:
        return next(store.events_from(number))

    @abstractmethod
    def opened(self, logs: dict[Source, BranchLog], setting: Any) -> TwoLogs[Any]:
        """Return the logs of a branch, open to be read with the parameters ``setting``."""

    def run(
        self,
        logs: dict[Source, BranchLog],
        setting: Any,
        output: Path,
        store: Path,
        *,
        listener: RunListener | None,
        disk: Disk,
        workers: int | Workforce | None,
    ) -> tuple[Summary, set[tuple[Source, int]]]:
        with self.opened(logs, setting) as opened:
            given: set[tuple[Source, int]] = set()
            if opened.line is not None:
                given.add(("batch", opened.batch.lines_read))
            summary = run(
                opened,
                output,
                store=store,
                listener=listener,
                disk=disk,
                detector=self.detector,
                workers=workers,
            )
            return summary, given

    def compare(self, branch: Branch) -> Comparison:
        """Return how the flags of ``branch`` differ from those that the history recorded."""
        history, recorded = self.history, self.history.recorded
        placed: list[tuple[tuple[int, bool, int], Differing]] = []
        flagged_after = unjudged_flagged = 0
        for number, after in self.decisions(branch).items():
            original = branch.originals[number - 1]
            before = None if original is None else recorded.get(original)
            if original is not None and before is None:
                unjudged_flagged += after.flagged
                continue
            flagged_after += after.flagged
            what = _what(before, after)
            if what is not None:
                event, place = self._event_of(branch, number)
                difference = Differing(what, original, number, event, before, after)
                placed.append((place, difference))
        for original in (branch.skipped | branch.refused) & recorded.keys():
            before = recorded[original]
            if before.flagged:
                event = self._judged(history.event(original))
                difference = Differing("lost", original, None, event, before, None)
                placed.append(((original, True, 0), difference))
        stream = history.events[history.stream_start :] if history.stream_start is not None else []
        unjudged = sum(map(self.detector.judges, stream)) - len(recorded)
        flagged_before = sum(decision.flagged for decision in recorded.values())
        placed.sort(key=lambda each: each[0])
        differences = [difference for _, difference in placed]
        return Comparison(flagged_before, flagged_after, differences, unjudged, unjudged_flagged)

    def decisions(self, branch: Branch) -> dict[int, Any]:
        """Return all decisions of a branch, by event number there."""
        # They come behind the past.
        records = self.store_of(branch.summary).records(branch.summary.accepted.get("batch", 0))
        verdict: Any = self.history.verdict
        return {record.number: record for record in records if isinstance(record, verdict)}

    def _event_of(self, branch: Branch, number: int) -> tuple[Any, tuple[int, bool, int]]:
        """Return event ``number`` of the branch, and its place in the order of the original."""
        original = branch.originals[number - 1]
        if original is not None:
            return self._judged(self.history.event(original)), (original, True, number)
        inserted = branch.inserted[number]
        return self._judged(inserted.event), (inserted.before, False, number)

    def _judged(self, event: Any) -> Any:
        if self.detector.judges(event):
            return event
        raise DamagedStoreError(
            f"event {event.number}: expected one that is judged, since it was decided on, found "
            "another event; verify says more"
        )


def _what(before: Any, after: Any) -> What | None:
    was_flagged = before is not None and before.flagged
    if after.flagged != was_flagged:
        return "gained" if after.flagged else "lost"
    return "changed" if was_flagged and said(before) != said(after) else None


class JudgedRerun(Rerun):
    """What a branch flags otherwise, for a person and for machines."""

    def __init__(self, branching: JudgedBranching[Any], branch: Branch) -> None:
        """Compare ``branch`` with its original."""
        found = branching.compare(branch)
        counts = (found.flagged_before, found.flagged_after)
        super().__init__(branch, counts, found.differences)
        self.branching: Final = branching
        self.found: Final = found
        """What differs."""

    def show(self) -> None:
        found = self.found
        if self.branching.history.stream_start is None:
            say("the original was stopped before its stream, so nothing was judged")
        self.say_counts(f"{found.flagged_before:,} flagged")
        if found.unjudged:
            say(
                f"{counted(found.unjudged, self.branching.judged)} not judged by the original, so "
                f"not compared; {found.unjudged_flagged:,} flagged in the branch"
            )
        self.show_table()
        for line in self._not_the_same():
            say(line)

    def time(self, difference: Differing) -> str:
        """Return when the event of a difference was, as it is shown."""
        return in_zone(difference.about.time, self.branching.history.zone)

    def _not_the_same(self) -> Iterator[str]:
        """Iterate over what a branch cannot have in common with its original, in words."""
        branch, history = self.branch, self.branching.history
        if refused := sorted(branch.refused):
            events = "event was" if len(refused) == 1 else "events were"
            error = history.refused(refused[0])
            why = "" if error is None else f": event {refused[0]} ({error.reason})"
            also = " and so on" if why and len(refused) > 1 else ""
            yield (
                f"{len(refused):,} {events} accepted by an earlier release, and rejected "
                f"now{why}{also}"
            )
        if branch.accepted:
            lines = "line was" if len(branch.accepted) == 1 else "lines were"
            yield (
                f"{len(branch.accepted):,} {lines} rejected by an earlier release, and accepted now"
            )
        if history.cut:
            lines = "line was" if len(history.cut) == 1 else "lines were"
            yield f"{len(history.cut):,} {lines} too long to be kept, and left out"

    def fields(self) -> Fields:
        branch = self.branch
        return {
            "refused": sorted(branch.refused),
            "accepted": sorted(branch.accepted),
            "not_kept": len(self.branching.history.cut),
            **self.counted_fields("flagged"),
            "unjudged": self.found.unjudged,
            "unjudged_flagged": self.found.unjudged_flagged,
            "differences": self.differences_fields(),
            "flagged_file": str(branch.summary.output_path),
        }
