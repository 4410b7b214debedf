"""What the command line says while a search for intervals goes on, all on standard error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from events.escapes import plain
from replay.interval_run import IntervalListener, IntervalSummary
from replay.notices import notice, rewritten_notice
from replay.rejections import Rejections
from replay.standard_streams import error_console, is_watched, report, report_above
from replay.tables import counted

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from events.observations import Observations
    from events.records import Rejected


class IntervalConsole(IntervalListener):
    """Reports a search to a person; how much depends on ``verbosity``.

    -1: rejected rows only; 0: also a progress bar on a terminal; 1: also what is read.
    """

    def __init__(self, verbosity: int) -> None:
        """Report as much as ``verbosity`` says."""
        self.verbosity: Final = verbosity
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._summary: IntervalSummary | None = None
        self._rejections: Final = Rejections(self.say, "row")

    def on_start(self, source: Observations, summary: IntervalSummary) -> None:
        """Say what is read, and draw the bar if there is a terminal to draw it on."""
        self._summary = summary
        self._rejections.live = not source.regular
        if self.verbosity > 0:
            self.say(f"observations: {plain(source.name)}, {source.form}")
            if summary.sorted:
                self.say("they are not in order, so they are put in order first")
        if self.verbosity >= 0 and is_watched():
            # Imported only where it is shown: it takes 0.1 s.
            from rich.progress import Progress

            self._progress = Progress(console=error_console(), transient=True)
            self._task = self._progress.add_task("observations", total=source.bytes_total or None)
            self._progress.start()

    def on_block(self, source: Observations, summary: IntervalSummary) -> None:  # noqa: ARG002
        """Move the bar, and tell of what was rejected if it is time to."""
        self._rejections.remind()
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=source.bytes_read)

    def on_rejected(self, source: Observations, rejected: Rejected) -> None:
        """Report a rejected row with its place and its reason, or count it."""
        self._rejections.take(plain(source.name), rejected)

    def finish(self) -> None:
        """Take the bar away, and tell how many more rows were rejected."""
        self._rejections.sum_up()
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def summarize(self, summary: IntervalSummary, *, keyed: bool) -> None:
        """Report what the search has done."""
        if summary.rejected and not summary.observations:
            rows = counted(summary.rejected, "row")
            self.say(f"nothing was usable: {rows} rejected, none accepted")
        if self.verbosity < 0:
            return
        if not summary.finished_before:
            self._say_earlier(summary, summary.intervals)
        if summary.output_set_aside is not None:
            self.say(f"moved what stood in the way to {plain(summary.output_set_aside)}")
        if summary.finished_before:
            self.say("this search was finished before; nothing is left to do")
        elif summary.events_before:
            self.say(f"went on after {counted(summary.events_before, 'observation')}")
        of_keys = f", {counted(summary.keys, 'key')}" if keyed else ""
        self.say(
            f"{counted(summary.observations, 'observation')}, "
            f"{counted(summary.rejected, 'row')} rejected{of_keys}"
        )
        self.say(f"{counted(summary.intervals, 'interval')} found, {summary.seconds:.2f} s")
        self.say(f"intervals: {plain(summary.output_path)}")
        self.say(f"event store: {plain(summary.store_path)}")

    def say_moved(self) -> None:
        """Say what was moved by a search that ends without a summary."""
        if self._summary is not None:
            self._say_earlier(self._summary, 0)

    def _say_earlier(self, summary: IntervalSummary, lines: int) -> None:
        """Say what stood where this search writes, before ``lines`` lines."""
        if summary.store_rewritten is not None and self.verbosity >= 0:
            self.say(rewritten_notice(summary.store_path, summary.store_rewritten))
        text = notice(
            summary.output_path,
            summary.output_before,
            lines,
            summary.store_path,
            summary.store_set_aside,
        )
        if text is not None and self.verbosity >= 0:
            self.say(text)

    def say(self, text: str) -> None:
        """Print a line on standard error, above the bar if there is one."""
        if self._progress is not None:
            report_above(self._progress.console, text)
        else:
            report(text)
