"""What the command line says while a run goes on, all of it on standard error."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from events.amounts import format_amount, format_cents
from events.escapes import plain
from events.event import Befriend, Event, Purchase
from replay.listener import Listener, Summary
from replay.live import LiveLog
from replay.notices import notice, rewritten_notice
from replay.rejections import Rejections
from replay.standard_streams import error_console, is_watched, report, report_above
from replay.tables import counted

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from events.jsonlines import Log
    from events.records import Decision, Rejected
    from replay.logs import Logs

# The bar is drawn at most so often.
_REDRAW_SECONDS: Final = 0.1


class Console(Listener):
    """Reports a run to a person; how much depends on ``verbosity``.

    -1: rejected lines only; 0: also a progress bar on a terminal; 1: also what is
    read and how long each phase took; 2: also each event of the stream.
    """

    def __init__(self, verbosity: int) -> None:
        """Report as much as ``verbosity`` says."""
        self.verbosity: Final = verbosity
        self.each_event = verbosity > 1
        self._bar: _Bar | None = None
        self._summary: Summary | None = None
        self._rejections: Final = Rejections(self.say, all_of_them=verbosity > 1)

    def on_start(self, logs: Logs, summary: Summary) -> None:
        """Say what is read, and draw the bar if there is a terminal to draw it on."""
        if self.verbosity >= 0:
            if summary.finished_before:
                self.say("this run was finished before; nothing is left to do")
            elif summary.events_before:
                self.say(f"going on after {counted(summary.events_before, 'event')}")
        self._summary = summary
        self._rejections.live = logs.live
        if logs.live and not summary.events_before:
            # Its end, where a summary says so, may be far away.
            self._say_earlier(summary, None)
        if isinstance(logs.stream, LiveLog):
            logs.stream.notify = self.say
            if self.verbosity >= 0:
                logs.stream.advise = self.say
        if self.verbosity > 0:
            self.say(f"D={logs.parameters.degrees} T={logs.parameters.tracked}")
            self.say(f"batch: {plain(logs.batch.path)}, {_size(logs.batch.bytes_total)}")
            size = "live" if logs.live else _size(logs.stream.bytes_total)
            self.say(f"stream: {plain(logs.stream.path)}, {size}")
        if self.verbosity >= 0 and is_watched() and not (summary.finished_before or logs.live):
            self._bar = _Bar(logs)
            self.each_event = True

    def on_block(self, log: Log | LiveLog, summary: Summary) -> None:
        """Move the bar, and tell of what was rejected if it is time to."""
        self._rejections.remind()
        if self._bar is not None:
            self._bar.move(log, summary.events)

    def on_rejected(self, log: Log | LiveLog, rejected: Rejected) -> None:
        """Report a rejected line with its place and its reason, or count it."""
        self._rejections.take(plain(log.path), rejected)

    def on_event(
        self,
        log: Log | LiveLog,
        line_number: int,
        event: Event,
        decision: Decision | None,
        seconds: float,
    ) -> None:
        """Report an event of the stream with its verdict and the time it took."""
        if self._bar is not None:
            self._bar.count_event(log)
        if self.verbosity > 1:
            took = f"{seconds * 1e6:,.0f} µs"
            what = f"event {event.number}: {describe(event, decision)}"
            self.say(f"{plain(log.path)}:{line_number}: {what}, {took}")

    def finish(self) -> None:
        """Take the bar away, and tell how many more lines were rejected."""
        self._rejections.sum_up()
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def summarize(self, summary: Summary) -> None:
        """Report what the run has done."""
        if self.verbosity > 0:
            for phase, seconds in summary.seconds.items():
                self.say(f"phase {phase}: {seconds:.3f} s")
        for source, usable, rejected in (
            ("batch", summary.batch_events, summary.rejected - summary.stream_rejected),
            ("stream", summary.stream_events, summary.stream_rejected),
        ):
            if rejected and not usable:
                lines = counted(rejected, "line")
                self.say(f"nothing of the {source} was usable: {lines} rejected, none accepted")
        if self.verbosity < 0:
            return
        goes_on = self._rejections.live and summary.events_before
        if not (summary.finished_before or goes_on):
            # Of a live history that goes on, the run that began it has said so.
            self._say_earlier(summary, summary.flagged)
        if summary.flagged_set_aside is not None:
            self.say(f"moved what stood in the flagged file to {plain(summary.flagged_set_aside)}")
        seconds = sum(summary.seconds.values())
        self.say(
            f"{counted(summary.events, 'event')} ({summary.batch_events:,} past, "
            f"{summary.stream_events:,} new), {counted(summary.rejected, 'line')} rejected, "
            f"{counted(summary.users, 'user')}"
        )
        judged = counted(summary.judged, "purchase")
        self.say(f"{summary.flagged:,} of {judged} flagged, {seconds:.2f} s")
        self.say(f"flagged purchases: {plain(summary.flagged_path)}")
        self.say(f"event store: {plain(summary.store_path)}")

    def say_moved(self) -> None:
        """Say what was moved by a run that ends without a summary."""
        if self._summary is not None and not self._rejections.live:
            self._say_earlier(self._summary, 0)

    def _say_earlier(self, summary: Summary, lines: int | None) -> None:
        """Say what stood where this run writes, before ``lines`` lines, or those to come."""
        if summary.store_rewritten is not None and self.verbosity >= 0:
            self.say(rewritten_notice(summary.store_path, summary.store_rewritten))
        text = notice(
            summary.flagged_path,
            summary.flagged_before,
            lines,
            summary.store_path,
            summary.store_set_aside,
            live=self._rejections.live,
        )
        if text is not None and self.verbosity >= 0:
            self.say(text)

    def say(self, text: str) -> None:
        """Print a line on standard error, above the bar if there is one."""
        if self._bar is not None:
            self._bar.say(text)
        else:
            report(text)


class _Bar:
    """A progress bar with rate and time left, one for each log."""

    def __init__(self, logs: Logs) -> None:
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
            log.source: self._progress.add_task(log.source, total=log.bytes_total, rate=0.0)
            for log in (logs.batch, logs.stream)
        }
        self._progress.start()
        self._began: dict[str, tuple[float, int]] = {}
        self._drawn = 0.0
        self._events = 0

    def move(self, log: Log | LiveLog, events: int) -> None:
        self._events = events
        self._draw(log)

    def count_event(self, log: Log | LiveLog) -> None:
        self._events += 1
        self._draw(log)

    def _draw(self, log: Log | LiveLog) -> None:
        now = time.monotonic()
        began, before = self._began.setdefault(log.source, (now, self._events))
        if now - self._drawn < _REDRAW_SECONDS:
            return
        self._drawn = now
        rate = (self._events - before) / (now - began) if now > began else 0.0
        self._progress.update(self._tasks[log.source], completed=log.bytes_read, rate=rate)
        self._progress.refresh()

    def say(self, text: str) -> None:
        report_above(self._progress.console, text)

    def stop(self) -> None:
        self._progress.stop()


def describe(event: Event, decision: Decision | None) -> str:
    """Return one line about an event and the decision on it."""
    if not isinstance(event, Purchase):
        verb = "befriended" if isinstance(event, Befriend) else "unfriended"
        return f"{plain(event.user1)} {verb} {plain(event.user2)}"
    text = f"{plain(event.user)} bought for {format_amount(event.amount)}"
    return text if decision is None else f"{text}: {verdict_text(decision)}"


def verdict_text(decision: Decision) -> str:
    """Return a decision in words."""
    return (
        f"{'FLAGGED' if decision.flagged else 'not flagged'} (n={decision.purchases} "
        f"mean={format_cents(decision.mean)} sd={format_cents(decision.sd)})"
    )


def _size(size: int) -> str:
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= factor:
            return f"{size / factor:,.1f} {unit}"
    return f"{size} bytes"
