"""How far a search for intervals has come, in a run and in a store that it goes on with."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

from events.errors import DamagedStoreError
from events.observations.interval import Finding
from events.observations.observed import Observed
from events.records.record import LogEnd, Record, StateDigest, Written
from replay.engine.drive import Resumed
from replay.engine.listener import RunSummary
from replay.engine.output import WrittenLines
from replay.engine.output_file import OutputFileError
from replay.intervals.lines import interval_lines, title_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from events.store.store import EventStore
    from replay.engine.output import Output
    from replay.intervals.kept import StoredRecovery


class IntervalSummary(RunSummary):
    """What a search has done so far, and in the end."""

    keys: int = 0
    """How many keys appeared; 1 where there is no column of keys and any observation."""
    intervals: int = 0
    """How many intervals were found."""

    @property
    def observations(self) -> int:
        """How many rows were accepted."""
        return self.events


class IntervalResumed(Resumed):
    """How far the search in a store has come."""

    def __init__(self, store: EventStore) -> None:
        """Read ``store``.

        Raises:
            DamagedStoreError: a frame holds what this program does not write.

        """
        super().__init__(store, ("observations",))
        self.parameters: Final = store.intervals
        self.latest = ""
        """The latest time of all observations."""
        self.latest_ended = ""
        """The latest time of those that came before no more seemed to come."""
        self.concluded = False
        """Whether no observation came behind that."""
        self.settled = False
        """Whether, after that, all was found."""
        self.keys = 0
        self.found = 0
        """How many intervals were found."""
        self.breaks_quoted = True
        """How the output is spelled; see `interval_lines`."""
        # How many bytes it has, spelled as it is now, and as earlier releases may have.
        spellings = (True, False) if store.header.detector is None else (True,)
        self._sizes: Final = dict.fromkeys(spellings, len(self._title()))
        for frame, (_, records, _) in enumerate(store.frames()):
            for record in records:
                self.note(record, frame)
                if isinstance(record, Written):
                    self._check_written(record)
            for quoted in spellings:
                self._sizes[quoted] += len(self._lines(records, quoted=quoted))
        if not self.finished and self._spell_otherwise() and not self.finished:
            # Which of the two it is, the output itself will tell.
            self._spell_otherwise()

    def _check_written(self, written: Written) -> None:
        """Refuse what was written unless it is all that was found before, or nobody can tell."""
        sizes = self._sizes.values()
        if written.size not in sizes and not self.store.header.incomplete:
            raise DamagedStoreError(
                f"{self.store.path}: expected the {max(sizes)} bytes of what was found so far "
                f"to be written, found {written.size}; the store was not written by this program"
            )

    @property
    def finished(self) -> bool:
        return self.settled and self.written == self._sizes[self.breaks_quoted]

    def count_into(self, summary: RunSummary) -> None:
        super().count_into(summary)
        assert isinstance(summary, IntervalSummary), "it is that of a run of this detector"
        summary.intervals = self.found
        summary.keys = self.keys

    def recover(self, file: Output) -> Path | None:
        try:
            return self._recover(file)
        except OutputFileError:
            if not self._spell_otherwise():
                raise
            return self._recover(file)

    def _recover(self, file: Output) -> Path | None:
        start = self.store.header.output_start
        written = WrittenLines(self.pieces, self._sizes[self.breaks_quoted], self.written)
        return file.recover(start, written, finished=self.finished)

    def pieces(self) -> Iterator[bytes]:
        """Iterate over the lines of the history, those of a frame at a time."""
        yield self._title()
        for _, records, _ in self.store.frames():
            yield self._lines(records, quoted=self.breaks_quoted)

    def _title(self) -> bytes:
        titled = self.store.header.output_start == 0 and self.parameters.output == "csv"
        return title_of(self.parameters) + b"\n" if titled else b""

    def _lines(self, records: list[Record], *, quoted: bool) -> bytes:
        found = [record.interval for record in records if isinstance(record, Finding)]
        lines = interval_lines(found, self.parameters, self.store.zone, breaks_quoted=quoted)
        return b"".join([line + b"\n" for line in lines])

    def _spell_otherwise(self) -> bool:
        """Spell the output as an earlier release may have, and tell whether that differs."""
        # Quotes make it longer.
        if len(set(self._sizes.values())) == 1:
            return False
        self.breaks_quoted = not self.breaks_quoted
        return True

    def gather(self, past: StoredRecovery) -> list[list[Observed | LogEnd]]:
        """Let ``past`` be that of the last settling, and return what came behind it, by frame.

        Raises:
            DamagedStoreError: the observations do not come to what was recorded.

        """
        frames: list[list[Observed | LogEnd]] = []
        found = 0
        for _, records, _ in self.store.frames():
            frames.append([])
            for record in records:
                if isinstance(record, Observed | LogEnd):
                    frames[-1].append(record)
                elif isinstance(record, Finding):
                    found += 1
                elif isinstance(record, StateDigest):
                    for each in chain(*frames):
                        past.gather(each)
                    actual = past.settle(record.sums[0], found)
                    self._check((record.events, record.subjects, record.sums), actual)
                    found = 0
                    frames = [[]]
        return frames

    def _check(self, recorded: tuple[object, ...], actual: tuple[object, ...]) -> None:
        if recorded != actual:
            raise DamagedStoreError(
                f"{self.store.path}: after event {actual[0]}: expected observations, keys and sums "
                f"of {recorded}, found {actual}; verify says more"
            )

    def note(self, record: Record, frame: int) -> None:
        super().note(record, frame)
        if isinstance(record, Observed):
            self.accept(len(record))
            self.latest = max(self.latest, record.latest)
            self.concluded = self.settled = False
        elif isinstance(record, LogEnd):
            self.concluded, self.latest_ended = True, self.latest
        elif isinstance(record, Finding):
            self.found += 1
        elif isinstance(record, StateDigest):
            self.settled = self.concluded and not (record.sums and record.sums[0])
            self.keys = record.subjects
