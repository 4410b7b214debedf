"""The run, whatever the detector: logs in, an event store and lines out.

An event's way: its line is read in `LogReader.blocks`, it is appended to the store by
`StoreWriter.append`, and only then handed to the detector's `Drive`, whose actors send
what they decide through a `KeptOutput`: to the store first, and then a line to the output.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from events.errors import InterruptedRunError, ReplayError
from replay.engine.collector import collector_paused
from replay.engine.drive import StopAskedError
from replay.engine.opening import bytes_before, open_history, way_on
from replay.engine.rejections import strict_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from events.disk import Disk
    from events.logs.block import Block
    from events.logs.reader import LogReader
    from events.records.record import Rejected
    from events.store.store import EventStore
    from replay.engine.drive import Drive, Inputs, Resumed
    from replay.engine.listener import RunListener, RunSummary
    from replay.engine.output import Output
    from replay.engine.rejected_file import RejectedFile

ShouldStop: TypeAlias = "Callable[[], bool]"

# The store of a live stream is on the disk so long after an event at the latest.
SYNC_SECONDS: Final = 1.0


class Run:
    """A run that is taken step by step: `start`, and then the blocks of `read` of each log."""

    def __init__(
        self,
        inputs: Inputs,
        output: Output,
        summary: RunSummary,
        drive: Drive,
        *,
        strict: bool,
        listener: RunListener,
        should_stop: ShouldStop,
        disk: Disk,
        began: float | None = None,
        rejected: RejectedFile | None = None,
    ) -> None:
        """Read ``inputs``; ``rejected`` takes rejected lines besides the store.

        Whether to stop is asked between blocks. The first phase ``began`` when `time.perf_counter`
        said so, by default now.
        """
        self.inputs: Final = inputs
        self.output: Final = output
        self.summary: Final = summary
        self.drive: Final = drive
        self.strict: Final = strict
        self.listener: Final = listener
        self.should_stop: Final = should_stop
        self.disk: Final = disk
        self.rejected: Final = rejected
        if rejected is not None:
            summary.rejected_path = rejected.path
        self._lap = time.perf_counter() if began is None else began
        self._synced = time.monotonic()
        self._ended: set[str] = set()
        self._way_on = ""

    def whole(self, *, overwrite: bool, resume: bool) -> None:
        """Do all of it, unless it was done before; see `replay.run`."""
        with ExitStack() as stack:
            if not self.inputs.live:
                stack.enter_context(collector_paused())
            try:
                if self.start(stack, overwrite=overwrite, resume=resume):
                    for log in self.inputs.logs:
                        for _ in self.read(log):
                            pass
            except StopAskedError:
                # While others were waited for.
                self.stop()
        if not self.summary.finished_before:
            self.lap("close")
        self.listener.on_end(self.summary)

    def lap(self, phase: str) -> None:
        """Note that ``phase`` is done, and how long it took."""
        now = time.perf_counter()
        self.summary.seconds[phase] = now - self._lap
        self._lap = now

    def start(self, stack: ExitStack, *, overwrite: bool, resume: bool) -> bool:
        """Begin a new history or go on with the one that is there; False if that is finished."""
        drive, summary, output = self.drive, self.summary, self.output
        header = drive.header()
        if self.rejected is not None:
            stack.callback(self.rejected.close)
        self._way_on = way_on(header, keeps=output.keeps, overwrite=overwrite)
        self.lap("fingerprint")
        opened = open_history(
            stack,
            output,
            summary.store_path,
            header,
            self.disk,
            overwrite=overwrite,
            resume=resume,
            finished=lambda kept: not header.live and drive.is_finished(kept),
            check_start=partial(self._check_start, overwrite=overwrite),
        )
        kept, summary.store_set_aside = opened.kept, opened.set_aside
        summary.store_rewritten = opened.rewritten
        if opened.store is None:
            assert kept is not None, "what is not there is written to"
            self._finished(drive.resumed(kept, acting=False))
            return False
        self.store = opened.store
        self.outputs = drive.act(stack, opened.store, output)
        if kept is not None:
            self._resume(drive.resumed(kept, acting=True))
            return True
        if self.rejected is not None:
            self.rejected.begin(overwrite=overwrite)
        output.begin(opened.start, overwrite=overwrite)
        summary.output_before = bytes_before(output)
        if drive.title is not None and not opened.start:
            output.write([drive.title])
            output.sync()
        self.listener.on_start(self.inputs, summary)
        return True

    def _check_start(self, start: int, standing: EventStore | None, *, overwrite: bool) -> None:
        """Refuse to begin a history, before anything is changed."""
        self.drive.check_start(start, standing)
        if self.rejected is not None:
            self.rejected.check_new(overwrite=overwrite)

    def _count(self, resumed: Resumed) -> None:
        """Add what a history holds to what was done."""
        resumed.count_into(self.summary)
        self.summary.reasons.update(resumed.reasons)

    def _recover_rejected(self, resumed: Resumed, *, finished: bool) -> None:
        if self.rejected is not None:
            self.rejected.recover(resumed.store, finished=finished)
            self.summary.rejected_left_out = self.rejected.left_out

    def _finished(self, resumed: Resumed) -> None:
        """See that the output holds what a finished history wrote to it."""
        summary = self.summary
        self._count(resumed)
        summary.finished_before = True
        # First, as nobody is to be told that nothing is left to do where lines are missing.
        summary.output_set_aside = resumed.recover(self.output)
        self._recover_rejected(resumed, finished=True)
        summary.output_before = bytes_before(self.output)
        self.listener.on_start(self.inputs, summary)
        self._refuse_rejected(resumed)
        self.lap("check")

    def _resume(self, resumed: Resumed) -> None:
        """Be where a run was when it stopped."""
        summary = self.summary
        if resumed.store.header.live:
            # More may have come since the end that was seen.
            resumed.ended.discard(self.inputs.logs[-1].source)
        self._count(resumed)
        self.listener.on_start(self.inputs, summary)
        summary.output_set_aside = resumed.recover(self.output)
        self._recover_rejected(resumed, finished=False)
        summary.output_before = bytes_before(self.output)
        self.outputs.reported = resumed.written
        self._ended = {*resumed.ended}
        for log in self.inputs.logs:
            if log.source not in self._ended:
                log.go_on(resumed.lines[log.source], self.drive.kept(resumed))
        self.drive.go_on()
        # What comes before that line is decided as if nobody had stopped there.
        self._refuse_rejected(resumed)
        self.lap("resume")

    def _refuse_rejected(self, resumed: Resumed) -> None:
        rejected = resumed.rejected
        if self.strict and rejected is not None:
            (log,) = (log for log in self.inputs.logs if log.source == rejected.source)
            raise strict_error(log.path, rejected, self.drive.row)

    def read(self, log: LogReader) -> Iterator[None]:
        """Read ``log`` and act on it, and pause where a block has been dealt with.

        The logs are read one after the other; one that had been read to its end gives nothing.
        """
        if log.source not in self._ended:
            deal_with = self._deal_with_live if log.live else self._deal_with
            # What may have processes of its own ends with this, whoever else still holds it.
            with closing(log.blocks(self.store.events + 1, self.drive.ahead(log))) as found:
                blocks = _up_to_rejected(found) if self.strict else found
                for block in self.drive.reading(log, blocks):
                    deal_with(log, block)
                    yield
            if log.stopped:
                self.drive.commit()
            else:
                self.drive.ended(log)
            self.lap(log.source)
        if log is self.inputs.logs[-1]:
            self._sync()

    def _sync(self) -> None:
        self.outputs.sync()
        if self.rejected is not None:
            self.rejected.sync()

    def _deal_with_live(self, log: LogReader, block: Block) -> None:
        if block.records:
            self._take(log, block)
        else:
            self.drive.commit()
        if not block.records or time.monotonic() > self._synced + SYNC_SECONDS:
            self._sync()
            self._synced = time.monotonic()

    def _deal_with(self, log: LogReader, block: Block) -> None:
        self._take(log, block)
        if self.should_stop():
            self.stop()

    def _take(self, log: LogReader, block: Block) -> None:
        drive = self.drive
        drive.before(log, block)
        records, events = block.records, block.events
        if records:
            self.store.append(records, events, block.encoded)
        try:
            drive.take(log, records)
        except InterruptedRunError:
            # Nothing of this block is committed: the run that goes on decides it anew, and
            # its frames are those of a run that was never stopped.
            self.stop()
        except ReplayError:
            drive.abandon()
            raise
        accepted = self.summary.accepted
        accepted[log.source] = accepted.get(log.source, 0) + events
        drive.commit()
        self._tell(log, block)

    def _tell(self, log: LogReader, block: Block) -> None:
        """Tell of what was read, and end at a rejected line if the run is strict."""
        refused, reasons = self.summary.refused, self.summary.reasons
        self._keep_rejected(block.rejected)
        for rejected in block.rejected:
            refused[log.source] = refused.get(log.source, 0) + 1
            reasons[rejected.reason] = reasons.get(rejected.reason, 0) + 1
            if self.strict:
                raise strict_error(log.path, rejected, self.drive.row)
            self.listener.on_rejected(log, rejected)
        self.listener.on_block(log, self.summary)

    def _keep_rejected(self, rejected: Sequence[Rejected]) -> None:
        if self.rejected is not None and rejected:
            # What a power cut took from the store would be read again, and come here twice.
            self.store.sync()
            self.rejected.write(rejected)
            self.summary.rejected_left_out = self.rejected.left_out

    def stop(self) -> None:
        """End in good order.

        Raises:
            InterruptedRunError: always.

        """
        raise InterruptedRunError(
            f"interrupted after {self.store.events:,} {self.drive.events}; they are kept in "
            f"{self.summary.store_path}, {self._way_on}"
        )


def _up_to_rejected(blocks: Iterator[Block]) -> Iterator[Block]:
    """Iterate over ``blocks`` up to the first line that is rejected; nobody looks behind it."""
    for block in blocks:
        yield block.up_to_rejected()
        if block.rejected:
            return
