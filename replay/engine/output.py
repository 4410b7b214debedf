"""What an output is to a run: the flagged file, the file of intervals, a pipe or a device."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from events.records.record import Written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from events.records.record import Record
    from events.store.writer import StoreWriter


class WrittenLines(NamedTuple):
    """The lines of a history, as they stand in its output."""

    pieces: Callable[[], Iterable[bytes]]
    """Gives all of them so far, some at a time."""
    size: int
    """How many bytes that is."""
    committed: int
    """How many of them are known to have been there."""


class Output(Protocol):
    """Where the lines of a history go: a file that keeps them, or a pipe that does not."""

    @property
    def path(self) -> Path:
        """Where it is."""

    @property
    def size(self) -> int:
        """How many bytes of this history's lines it holds for sure; 0 for what holds nothing."""

    @property
    def keeps(self) -> bool:
        """Whether lines stay in it, so that a history can be gone on with."""

    def hold(self) -> None:
        """Let no other run write to it; what is not there is not made."""

    def start(self, *, overwrite: bool) -> int:
        """Open it and return at which byte the lines of a new history begin."""

    def begin(self, start: int, *, overwrite: bool) -> None:
        """Let the lines of a new history begin at byte ``start``."""

    def recover(self, start: int, written: WrittenLines, *, finished: bool) -> Path | None:
        """Make sure that it holds the lines of a history; see `OutputFile.recover`."""

    def write(self, lines: Sequence[bytes]) -> None:
        """Append ``lines``, which have no newlines."""

    def sync(self) -> None:
        """Return only when what was written is as safe as it can be."""

    def close(self) -> None:
        """Let go of it."""


class KeptOutput:
    """A store, and the output of whose lines it tells how far they have come."""

    def __init__(self, store: StoreWriter, output: Output) -> None:
        """Keep a history in ``store`` and write its lines to ``output``."""
        self._store = store
        self._output = output
        self.reported = 0
        """How far the output had come when the store told it last, in bytes."""

    def append(self, records: Sequence[Record]) -> None:
        """Append ``records`` that are no events to the store, and how far the output has come."""
        if self._output.size != self.reported:
            self.reported = self._output.size
            records = [Written(self.reported), *records]
        if records:
            self._store.append(records, 0)

    def write_lines(self, lines: Sequence[bytes]) -> None:
        """Append ``lines`` to the output, when what they tell of is on the disk."""
        if lines:
            self._store.sync()
            self._output.write(lines)
            self._output.sync()

    def sync(self) -> None:
        """Return only when all is on the disk, and both outputs still have their names."""
        self._store.sync()
        self._output.sync()
