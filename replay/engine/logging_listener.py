"""What a run tells to `logging`, under the name ``replay``, where it is part of another program."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from events.errors import counted
from events.escapes import plain
from replay.engine.listener import RunListener, RunSummary
from replay.engine.notices import notice, rewritten_notice
from replay.engine.rejections import Rejections

if TYPE_CHECKING:
    from events.logs.reader import LogReader
    from events.records.record import Rejected
    from replay.engine.drive import Inputs

LOGGER: Final = logging.getLogger("replay")
"""The project's own; it has no handler that prints, as is right for a library."""
LOGGER.addHandler(logging.NullHandler())


class LoggingListener(RunListener):
    """Tells how a run goes to the logger ``replay`` of `logging`; `run` does so by default.

    As information how it begins and ends; as warnings lines that are rejected, of each reason
    the first 10 and how many more, and what was moved out of the way; for debugging how long
    each phase took.
    """

    def __init__(self) -> None:
        """Begin before a run."""
        self._rejections: Final = Rejections(LOGGER.warning)

    def on_start(self, inputs: Inputs, summary: RunSummary) -> None:
        """Tell what is read, or that it is gone on with."""
        self._rejections.live = inputs.live
        for log in inputs.logs:
            log.notify, log.advise = LOGGER.warning, LOGGER.info
        read = ", ".join(plain(log.path) for log in inputs.logs)
        if summary.finished_before:
            LOGGER.info("%s: this run was finished before; nothing is left to do", read)
        elif summary.events_before:
            LOGGER.info("%s: going on after %s", read, counted(summary.events_before, "event"))
        else:
            LOGGER.info("%s: reading", read)

    def on_block(self, log: LogReader, summary: RunSummary) -> None:
        """Tell of what was rejected if it is time to."""
        del log, summary
        self._rejections.remind()

    def on_rejected(self, log: LogReader, rejected: Rejected) -> None:
        """Tell of a rejected line, or count it."""
        self._rejections.take(plain(log.path), rejected)

    def on_end(self, summary: RunSummary) -> None:
        """Tell what was done."""
        self._rejections.sum_up()
        for phase, seconds in summary.seconds.items():
            LOGGER.debug("phase %s: %.3f s", phase, seconds)
        output, store = summary.output_path, summary.store_path
        if summary.store_rewritten is not None:
            LOGGER.warning(rewritten_notice(store, summary.store_rewritten))
        if summary.output_set_aside is not None:
            LOGGER.warning("moved what stood in the way to %s", plain(summary.output_set_aside))
        if not summary.finished_before:
            text = notice(output, summary.output_before, None, store, summary.store_set_aside)
            if text is not None:
                LOGGER.warning(text)
        events, rejected = counted(summary.events, "event"), counted(summary.rejected, "line")
        LOGGER.info("%s: %s, %s rejected", plain(output), events, rejected)
