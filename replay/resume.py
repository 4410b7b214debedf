"""Going on with a history that a store holds: what it is, and how far it has come."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import numpy as np

from actors.digest import RunningSums
from events.columns import PURCHASE, Columns
from events.disk import is_locked
from events.errors import (
    DamagedStoreError,
    InputError,
    NewerStoreError,
    OtherDetectorError,
    OutputError,
    StoreError,
    unwritable,
)
from events.event import Event, line_of
from events.journal import Journal
from events.jsonlines import flagged_line
from events.own_lines import OwnLines
from events.records import (
    Decision,
    Lines,
    LogEnd,
    Record,
    Rejected,
    Run,
    Source,
    StateDigest,
    StreamStart,
    Written,
)
from events.store import EventStore
from events.writer import set_aside
from replay.output import WrittenLines

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from events.disk import Disk
    from events.header import Header
    from replay.listener import Summary
    from replay.output import Output
    from replay.simulation import Simulation


def kept_history(
    path: Path,
    header: Header,
    disk: Disk,
    *,
    overwrite: bool,
    resume: bool,
    beginning: Callable[[EventStore | None], None] = lambda _standing: None,
) -> tuple[EventStore | None, Path | None]:
    """Return the store at ``path`` if it is of the history of ``header``, else make room for one.

    Args:
        path: where the store is, or is to be.
        header: what the inputs are.
        disk: does what is done to files.
        overwrite: remove the store that stands there.
        resume: take a store whose stream was live for this one's, if it is of the same past.
        beginning: is given the store of another history, if one stands there, before that
            is moved and a new one begins, and may refuse it.

    Returns:
        The store, or None where a new one is to be made; and where what stood in the way
        has been moved.

    Raises:
        StoreError: the store that stands there is damaged, or of a newer format.
        OutputError: what stands there cannot be moved or removed.
        OtherDetectorError: it is to be resumed, and another detector decided it.
        InputError: it is to be resumed and is not of the same past, or the stream is not live.

    """
    store: EventStore | None = None
    if not os.path.lexists(path):
        beginning(None)
        return None, None
    refuse_locked(path)
    try:
        store = EventStore(path)
    except (DamagedStoreError, NewerStoreError):
        if not overwrite:
            raise
    except StoreError:
        # It is something else, and not ours to remove.
        pass
    if store is not None and overwrite:
        _remove(path, disk)
        return None, None
    if store is not None and _continues(store, header, resume=resume):
        return store, None
    beginning(store)
    return None, set_aside(path, disk)


def refuse_locked(path: Path) -> None:
    """Refuse a store that another run is writing.

    Raises:
        OutputError: one is, or nobody can tell.

    """
    try:
        locked = is_locked(path)
    except OSError as error:
        raise unwritable(path, error, "the event store") from None
    if locked:
        raise OutputError(
            f"{path}: expected a store that no other run is writing, found one that is; "
            "wait for that run, or name another store"
        )


def refuse_kept(path: Path, header: Header, *, resume: bool) -> None:
    """Refuse a history that a store holds, where its lines go to what keeps none.

    Raises:
        InputError: the store at ``path`` is of the history of ``header``.

    """
    try:
        kept = EventStore(path) if path.is_file() else None
    except StoreError:
        # What becomes of it `kept_history` says.
        return
    if kept is not None and _continues(kept, header, resume=resume):
        cure = f"python -m replay rebuild {path} FILE writes them to a file"
        if kept.intervals is not None:
            cure = "name a file, or another store"
        raise InputError(
            f"{path}: expected no history of these inputs, since nobody can tell which of its "
            f"lines a pipe or a device has had, found one; {cure}"
        )


def _remove(path: Path, disk: Disk) -> None:
    try:
        disk.remove(path)
        disk.sync_folder(path.parent)
    except OSError as error:
        raise OutputError(
            f"{path}: expected to remove the event store, found: {error.strerror}"
        ) from None


def _continues(store: EventStore, header: Header, *, resume: bool) -> bool:
    if store.header.same_history(header):
        return True
    if not resume:
        return False
    if header.stream is not None:
        if store.header.stream is None and store.intervals is None:
            raise InputError(
                f"{store.path}: expected a live stream to go on with the store of one, found a "
                "log that is read to its end; add --follow, or run without --resume to begin anew"
            )
        return False
    if store.header.same_past(header) and store.detector != header.decided_by:
        raise OtherDetectorError(
            f"{store.path}: expected the store of a live run that {header.decided_by} decides, "
            f"found one of {store.detector}; go on with that detector, or run without --resume "
            "to begin anew"
        )
    if not store.header.same_past(header):
        raise InputError(
            f"{store.path}: expected the store of a live run on the same batch with the same "
            "parameters, found another; run without --resume to begin anew"
        )
    return True


def way_on(header: Header, *, keeps: bool, overwrite: bool, live: bool) -> str:
    """Return, for a person, how to go on with a history of ``header`` that was interrupted.

    Args:
        header: what its inputs are.
        keeps: whether the lines that were written stay where they went.
        overwrite: whether the command starts the history afresh.
        live: whether its stream is.

    """
    if not keeps:
        return "but nobody can tell which lines a pipe or a device has had, so no run goes on"
    read = header.batch if header.intervals is None else header.intervals.observations
    if read is None:
        return "but what was read of a pipe does not come again, so no run goes on"
    without = " without --overwrite" if overwrite else ""
    return f"and the same command{without}{' with --resume' if live else ''} goes on from there"


def is_finished(store: EventStore) -> bool:
    """Tell from its end alone whether nothing is left to do of the history in ``store``."""
    before, *last = store.last_frames(2) or [[]]
    ends = [record for record in before if isinstance(record, LogEnd)]
    digests = [record for records in last for record in records if isinstance(record, StateDigest)]
    return any(end.source == "stream" for end in ends) and bool(digests)


class Resumed:
    """How far the history in a store has come.

    Its events are in a journal then, and the simulation stands before the first purchase of
    the stream that has no decision. Nothing that was decided is decided again;
    `replay.verify` does that.
    """

    def __init__(self, store: EventStore, simulation: Simulation | None = None) -> None:
        """Read ``store``; without a simulation only see how far it has come.

        Raises:
            DamagedStoreError: a frame holds what this program does not write, or a digest of
                the state is not what the events add up to.

        """
        self.store: Final = store
        self.journal: Final = Journal() if simulation is None else simulation.journal
        """All events."""
        self.lines: Final[dict[Source, int]] = {"batch": 0, "stream": 0}
        """How many lines of each log were read."""
        self.events: Final[dict[Source, int]] = {"batch": 0, "stream": 0}
        """How many of these were accepted."""
        self.rejected: Final[list[Rejected]] = []
        """The lines that were rejected."""
        self.ended: Final[set[Source]] = set()
        """The logs that were read to their end."""
        self.judged = 0
        """How many purchases were decided on."""
        self.flagged: Final[list[bytes]] = []
        """The flagged lines, without newlines."""
        self.written = 0
        """How many bytes of them the flagged file is known to have held."""
        self.attested = -1
        """After how many events the last digest of the state was recorded; -1: none."""
        self.users = 0
        """How many users there were at that moment."""
        self.file_frame: int | None = None
        """The number of the frame in which the lines of the stream's last file begin, from 0."""
        self.digest_due = False
        """Whether the last thing recorded is something after which a digest comes."""
        self._source: Source = "batch"
        self._decided = 0
        self._simulation = simulation
        self._sums = None if simulation is None else RunningSums(self.journal)
        self._frame = 0
        self._own_lines = OwnLines(store.path, store.zone)
        for self._frame, frame in enumerate(store.frames()):
            for record in frame.records:
                if isinstance(record, Columns):
                    self._take(record)
                else:
                    self._note(record)
        self.settled: Final = self._settled()
        """The last event before the first purchase of the stream without a decision."""
        if simulation is not None:
            simulation.goto(self.settled)

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return "stream" in self.ended and not self.digest_due

    def count_into(self, summary: Summary) -> None:
        """Add what the history holds to what a run has done."""
        summary.events_before = len(self.journal)
        summary.batch_events += self.events["batch"]
        summary.stream_events += self.events["stream"]
        summary.rejected += len(self.rejected)
        summary.stream_rejected += sum(each.source == "stream" for each in self.rejected)
        summary.judged += self.judged
        summary.flagged += len(self.flagged)
        summary.users = self.users

    def recover(self, flagged: Output) -> Path | None:
        """Make sure that the flagged file holds the lines of this history, each once.

        Returns:
            Where bytes were moved to that stood in the way, or None.

        Raises:
            FlaggedFileError: the file is shorter than it was, or was altered.

        """
        lines = b"".join([line + b"\n" for line in self.flagged])
        start = self.store.header.flagged
        written = WrittenLines(lambda: [lines], len(lines), self.written)
        return flagged.recover(start, written, finished=self.finished)

    @property
    def undecided(self) -> list[Event]:
        """The events of the stream from the first purchase without a decision on."""
        return self.journal.events(self.settled + 1, len(self.journal))

    def _take(self, events: Columns) -> None:
        if self._simulation is not None:
            # Refused where they become part of a state.
            self._own_lines.check_columns(events)
        self.journal.extend(events)

    def _settled(self) -> int:
        """Return the last event that needs no decision any more."""
        settled = max(self.events["batch"], self._decided)
        waiting = np.flatnonzero(self.journal.kinds[settled:] == PURCHASE)
        return settled + int(waiting[0]) if len(waiting) else len(self.journal)

    def _note(self, record: Record) -> None:
        self.digest_due = False
        if isinstance(record, Lines):
            self._source = record.source
            continued = self.lines["stream"] < record.number > 1
            if record.source == "stream" and (not continued or self.file_frame is None):
                # The first lines, or a file that was followed was replaced.
                self.file_frame = self._frame
            self.lines[record.source] = record.number - 1
        elif isinstance(record, Run):
            self.events[self._source] += record.events
            self.lines[self._source] += record.events
        elif isinstance(record, Rejected):
            self.rejected.append(record)
            self.lines[record.source] += 1
        elif isinstance(record, LogEnd):
            self.lines[record.source] = record.lines
            self.ended.add(record.source)
            self.digest_due = True
        elif isinstance(record, StreamStart):
            self.digest_due = True
        elif isinstance(record, Decision):
            self._take_decision(record)
        elif isinstance(record, Written):
            self.written = record.size
        elif isinstance(record, StateDigest):
            self._attested(record)

    def _take_decision(self, decision: Decision) -> None:
        self._decided = decision.number
        self.judged += 1
        if decision.flagged:
            event = self.journal.event(decision.number)
            if self._simulation is None:
                self._own_lines.check([event])
            self.flagged.append(flagged_line(line_of(event), decision.mean, decision.sd))

    def _attested(self, digest: StateDigest) -> None:
        self.attested = digest.events
        self.users = digest.users
        if self._sums is not None:
            self._sums.stand(len(self.journal))
            found = self._sums.now()
            if digest.events != len(self.journal) or digest.sums != found:
                raise DamagedStoreError(
                    f"{self.store.path}: after event {len(self.journal)}: expected a state with "
                    f"the sums {digest.sums}, found {found}; verify says more"
                )
