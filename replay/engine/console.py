"""What the command line says while a run goes on, all of it on standard error."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar, Final

from events.closing import Closing
from events.errors import ReplayError, counted
from events.escapes import plain
from replay.engine.listener import RunListener, RunSummary
from replay.engine.notices import notice, rewritten_notice
from replay.engine.rejections import Rejections
from replay.terminal.standard_streams import (
    Colour,
    error_console,
    is_watched,
    report,
    report_above,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.progress import Progress, TaskID

    from events.logs.reader import LogReader
    from events.records.record import Rejected
    from replay.engine.drive import Inputs

# The bar is drawn at most so often.
_REDRAW_SECONDS: Final = 0.1


class RunWords(ABC):
    """What a detector's runs say of themselves."""

    events: ClassVar[str] = "event"
    """What an event is called."""
    row: ClassVar[str] = "line"
    """What holds one in a log is called."""
    output: ClassVar[str]
    """What the lines are that are written."""

    @abstractmethod
    def setting(self, inputs: Any) -> list[str]:
        """Return lines about what is looked for."""

    @abstractmethod
    def event(self, event: Any, decision: Any) -> str:
        """Return an event and the decision on it in words."""

    @abstractmethod
    def totals(self, summary: Any, seconds: float) -> list[str]:
        """Return lines about what was read and found."""

    @abstractmethod
    def found(self, summary: Any) -> int:
        """Return how many lines were written."""

    @abstractmethod
    def found_fields(self, summary: Any) -> dict[str, int]:
        """Return what was found, for machines."""

    def fields(self, summary: RunSummary) -> dict[str, Any]:
        """Return what a run has done, for machines; times are in seconds."""
        paths = {
            "output": summary.output_path,
            "output_set_aside": summary.output_set_aside,
            "store": summary.store_path,
            "store_set_aside": summary.store_set_aside,
            "store_rewritten": summary.store_rewritten,
            "rejected_lines": summary.rejected_path,
        }
        return {
            "events": summary.events,
            "accepted": summary.accepted,
            "rejected": summary.refused,
            "reasons": summary.reasons,
            **self.found_fields(summary),
            "finished_before": summary.finished_before,
            "events_before": summary.events_before,
            "output_before": summary.output_before,
            **{name: None if path is None else str(path) for name, path in paths.items()},
            "seconds": summary.seconds,
        }


class Console(RunListener, Closing):
    """Reports a run to a person; how much depends on ``verbosity``.

    In the end, or where the run fails, it tells what is still to be told.

    -1: rejected lines only; 0: also a progress bar on a terminal; 1: also what is
    read and how long each phase took; 2: also each event that is judged.
    """

    def __init__(self, verbosity: int, words: RunWords) -> None:
        """Report as much as ``verbosity`` says, in ``words``."""
        self.verbosity: Final = verbosity
        self.each_event = self.times_events = verbosity > 1
        self.words: Final = words
        """What is said in."""
        self._bar: _Bar | None = None
        self._summary: RunSummary | None = None
        say_rejected = partial(self.say, colour=Colour.REJECTION)
        self._rejections: Final = Rejections(say_rejected, words.row, all_of_them=verbosity > 1)

    def on_start(self, inputs: Inputs, summary: RunSummary) -> None:
        """Say what is read, and draw the bar if there is a terminal to draw it on."""
        if self.verbosity >= 0:
            if summary.finished_before:
                self.say("this run was finished before; nothing is left to do")
            elif summary.events_before:
                before = counted(summary.events_before, self.words.events)
                self.say(f"going on after {before}")
            if summary.alone:
                self.say(f"one process judges: {summary.alone}")
        self._summary = summary
        live = self._rejections.live = inputs.live
        if live and not summary.events_before:
            # Its end, where a summary says so, may be far away.
            self._say_earlier(summary, None)
        for log in inputs.logs:
            log.notify = self.say
            if self.verbosity >= 0:
                log.advise = self.say
        if self.verbosity > 0:
            self._say_inputs(inputs)
        if self.verbosity >= 0 and is_watched() and not (summary.finished_before or live):
            self._bar = _Bar(inputs.logs)
            self.each_event = True

    def _say_inputs(self, inputs: Inputs) -> None:
        for text in self.words.setting(inputs):
            self.say(text)
        for log in inputs.logs:
            size = "live" if log.live else _size(log.bytes_total)
            self.say(f"{log.source}: {plain(log.path)}, {size}")

    def on_block(self, log: LogReader, summary: RunSummary) -> None:
        """Move the bar, and tell of what was rejected if it is time to."""
        self._rejections.remind()
        if self._bar is not None:
            self._bar.move(log, summary.events)

    def on_rejected(self, log: LogReader, rejected: Rejected) -> None:
        """Report a rejected line with its place and its reason, or count it."""
        self._rejections.take(plain(log.path), rejected)

    def on_event(
        self, log: LogReader, line_number: int, event: Any, decision: Any, seconds: float
    ) -> None:
        """Report an event of the stream with its verdict and the time it took."""
        if self._bar is not None:
            self._bar.count_event(log)
        if self.verbosity > 1:
            took = f"{seconds * 1e6:,.0f} µs"
            what = f"event {event.number}: {self.words.event(event, decision)}"
            flagged = decision is not None and decision.flagged
            text = f"{plain(log.path)}:{line_number}: {what}, {took}"
            self.say(text, Colour.FLAG if flagged else None)

    def __exit__(self, kind: object, raised: BaseException | None, traceback: object) -> None:
        """Close; of a run that ends without a summary say what it has moved."""
        if isinstance(raised, ReplayError) and self._summary and not self._rejections.live:
            self._say_earlier(self._summary, 0)
        super().__exit__(kind, raised, traceback)

    def close(self) -> None:
        """Take the bar away, and tell how many more lines were rejected."""
        self._rejections.sum_up()
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def summarize(self, summary: RunSummary, *, machine: bool = False) -> None:
        """Report what the run has done; of what a ``machine`` is told nothing more is said."""
        words = self.words
        if self.verbosity > 0:
            for phase, seconds in summary.seconds.items():
                self.say(f"phase {phase}: {seconds:.3f} s")
            who = [(summary.workers, "worker"), (summary.shards, "shard")]
            for count, each in filter(itemgetter(0), who):
                self.say(f"judged by {counted(count, each)}")
        for source, refused in summary.refused.items():
            if refused and not summary.accepted.get(source):
                rows = counted(refused, words.row)
                self.say(f"nothing of the {source} was usable: {rows} rejected, none accepted")
        if self.verbosity < 0:
            return
        goes_on = self._rejections.live and summary.events_before
        if not (summary.finished_before or goes_on):
            # Of a live history that goes on, the run that began it has said so.
            self._say_earlier(summary, words.found(summary))
        if summary.output_set_aside is not None:
            self.say(f"moved what stood in the way to {plain(summary.output_set_aside)}")
        if not machine:
            self._say_totals(summary)

    def _say_totals(self, summary: RunSummary) -> None:
        words = self.words
        for text in words.totals(summary, sum(summary.seconds.values())):
            self.say(text)
        if summary.reasons:
            self.say(f"rejected by reason: {_by_reason(summary.reasons)}", Colour.REJECTION)
        if summary.rejected_path is not None:
            left_out = counted(summary.rejected_left_out, words.row)
            but = f", without {left_out} too long to be kept" if summary.rejected_left_out else ""
            self.say(f"rejected {words.row}s: {plain(summary.rejected_path)}{but}")
        self.say(f"{words.output}: {plain(summary.output_path)}")
        self.say(f"event store: {plain(summary.store_path)}")

    def _say_earlier(self, summary: RunSummary, lines: int | None) -> None:
        """Say what stood where this run writes, before ``lines`` lines, or those to come."""
        if summary.store_rewritten is not None and self.verbosity >= 0:
            self.say(rewritten_notice(summary.store_path, summary.store_rewritten))
        text = notice(
            summary.output_path,
            summary.output_before,
            lines,
            summary.store_path,
            summary.store_set_aside,
            live=self._rejections.live,
        )
        if text is not None and self.verbosity >= 0:
            self.say(text)

    def say(self, text: str, colour: Colour | None = None) -> None:
        """Print a line on standard error, above the bar if there is one."""
        if self._bar is not None:
            self._bar.say(text, colour)
        else:
            report(text, colour)


class _Bar:
    """A progress bar with rate and time left, one for each log."""

    def __init__(self, logs: Sequence[LogReader]) -> None:
        # Imported only where it is shown: it takes 0.1 s.
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[rate]:>9,.0f} events/s"),
            TimeRemainingColumn(),
        )
        self._progress: Progress = Progress(
            *columns, console=error_console(), auto_refresh=False, transient=True
        )
        self._tasks: dict[str, TaskID] = {
            log.source: self._progress.add_task(log.source, total=log.bytes_total or None, rate=0.0)
            for log in logs
        }
        self._progress.start()
        self._began: dict[str, tuple[float, int]] = {}
        self._drawn = 0.0
        self._events = 0

    def move(self, log: LogReader, events: int) -> None:
        self._events = events
        self._draw(log)

    def count_event(self, log: LogReader) -> None:
        self._events += 1
        self._draw(log)

    def _draw(self, log: LogReader) -> None:
        now = time.monotonic()
        began, before = self._began.setdefault(log.source, (now, self._events))
        if now - self._drawn < _REDRAW_SECONDS:
            return
        self._drawn = now
        rate = (self._events - before) / (now - began) if now > began else 0.0
        self._progress.update(self._tasks[log.source], completed=log.bytes_read, rate=rate)
        self._progress.refresh()

    def say(self, text: str, colour: Colour | None) -> None:
        report_above(self._progress.console, text, colour)

    def stop(self) -> None:
        self._progress.stop()


def _by_reason(reasons: Mapping[str, int]) -> str:
    """Return how many there were of each reason, the most frequent first."""
    ordered = sorted(reasons.items(), key=lambda each: (-each[1], each[0]))
    return ", ".join(f"{count:,} {reason}" for reason, count in ordered)


def _size(size: int) -> str:
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= factor:
            return f"{size / factor:,.1f} {unit}"
    return f"{size} bytes"
