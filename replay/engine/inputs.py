"""What a run reads: one log after the other, each of which gives blocks of lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from events.disk import Identity
    from events.logs.block import Block
    from events.logs.live import Kept
    from events.logs.reader import ParseAhead
    from events.records.record import LogEnd, Source


class SourceLog(Protocol):
    """A log that is read line by line, from its start or from where a run stopped."""

    @property
    def source(self) -> Source:
        """Which log it is."""

    @property
    def path(self) -> Path | str:
        """What messages call it."""

    @property
    def identity(self) -> Identity | None:
        """Which file it is, or None for what is none."""

    @property
    def bytes_read(self) -> int:
        """How far it was read, in bytes as they lie on disk; 0 where nobody knows."""

    @property
    def bytes_total(self) -> int:
        """How large it is, in bytes as they lie on disk; 0 where nobody knows."""

    @property
    def live(self) -> bool:
        """Whether it is read while it is written."""

    @property
    def stopped(self) -> bool:
        """Whether its reading was ended before its end."""

    notify: Callable[[str], None]
    """Is told of what happens to a log that is followed or gone on with."""
    advise: Callable[[str], None]
    """Is told what a pipe has to begin with."""

    def go_on(self, lines: int, kept: Kept) -> None:
        """Go on after the first ``lines`` lines, which have been read before: ``kept``."""

    def blocks(self, first_number: int, ahead: ParseAhead | None = None) -> Iterator[Block]:
        """Iterate over its lines, some at a time; the first event gets ``first_number``.

        ``ahead`` parses them, some blocks ahead, where they are not live.

        Of a log that is live an empty block says that no line came.
        """

    def end(self) -> LogEnd:
        """Return the record of its end, once it was read to it."""


class Inputs(Protocol):
    """The logs of a run, open."""

    @property
    def logs(self) -> Sequence[SourceLog]:
        """The logs, in the order in which they are read."""

    @property
    def live(self) -> bool:
        """Whether the last of them is read while it is written."""
