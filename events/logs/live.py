"""Reading a stream as it comes in: from standard input, a pipe, or a file that grows.

Lines are given out as soon as they are there, and no more is read before they have been
dealt with: whoever writes too fast has to wait.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple, Protocol

from events.errors import InputError, counted, unreadable
from events.escapes import plain
from events.logs.block import Block
from events.logs.file import PORTIONS, Portions
from events.logs.growing import GrowingFile
from events.logs.pipes import Pipe
from events.logs.reader import LogReader, Piece
from events.logs.splitting import LineSplitter
from events.logs.tap import STREAM_EXPECTED, Change, Tap, Wake
from events.paths import STANDARD_STREAM, path_of, standard_input
from events.records.record import Lines, Source, last_line

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from events.logs.extent import Fingerprint
    from events.logs.parser import ParserType
    from events.logs.reader import ParseAhead
    from events.logs.splitting import WholeLines


class Compared(NamedTuple):
    """How far a file holds the lines that were read before."""

    same: bool
    """Whether it has all of them, in their places."""
    lines: int
    """The number of the last that it has, from the first on; 0: none."""
    offset: int
    """Where the line behind that one begins, in bytes."""
    ended: bool
    """Whether the file ends before the next one."""
    lacks_newline: bool
    """Whether it ends behind the last one that it has, without a newline."""
    before: bytes
    """The last bytes before ``offset`` that were compared, at most `COMPARED_BYTES`."""


class Kept(Protocol):
    """What was read before of a log that is live, as a store has it."""

    def compare(self, descriptor: int, start: int = 0) -> Compared:
        """Compare it with the file that is open as ``descriptor``, from byte ``start`` on.

        Raises:
            OSError: it cannot be read.

        """


class LiveLog(LogReader):
    """A stream that is read while it is written; it has no end that is known before.

    Raises:
        InputError: it cannot be opened, read or followed; also while iterating.

    """

    live: ClassVar[bool] = True

    def __init__(
        self,
        path: str | Path,
        source: Source,
        parser: ParserType,
        *,
        follow: bool = False,
        wake: Wake | None = None,
        portions: Portions | None = None,
    ) -> None:
        """Open the stream: ``-`` for standard input, a pipe, or a file; ``wake`` ends the waiting.

        If it is to be followed its end is waited at: that of a file which grows, or a named pipe
        without writers.
        """
        super().__init__(path_of(path, STREAM_EXPECTED), source, parser, portions or PORTIONS)
        self._replaced = False
        # Whether somebody was told that more can be read.
        self._waited_for = False
        # The last line that the store knows of: blank ones are not kept.
        self._last = 0
        # Where what comes through standard input begins, if that is a file.
        self._start = 0
        self._tap: Final = self._open(path, wake, self.portions, follow=follow)

    def close(self) -> None:
        """Close the stream, if it was opened here."""
        self._tap.close()

    @property
    def descriptor(self) -> int:
        return self._tap.descriptor

    def fingerprint(self) -> Fingerprint | None:
        """Return None: what will come is not known."""

    @property
    def bytes_read(self) -> int:
        return self._tap.offset

    @property
    def bytes_total(self) -> int:
        return 0

    @property
    def waiting(self) -> bool:
        self._waited_for = not self.stopped and self._tap.waiting
        return self._waited_for

    def go_on(self, lines: int, kept: Kept) -> None:
        """Go on after the first ``lines`` lines, which have been read before.

        A file is read on behind them if it has all of them. One that has not is another
        one, whatever it has, and read from its start. A pipe gives no line again, so only
        the count goes on; but a file may come through standard input once more.
        """
        if not lines:
            return
        tap = self._tap
        if isinstance(tap, GrowingFile):
            found = self._compared(kept, 0)
            if found.same:
                tap.go_on_at(found.offset, found.before, lacks_newline=found.lacks_newline)
                self._read_anew(found.lines)
            else:
                tap.go_on_at(0, b"", lacks_newline=False)
                self._read_anew(0)
                self._replaced = True
                self._say(_difference(lines, found))
            return
        self.lines_read = self._last = lines
        if stat.S_ISREG(os.fstat(tap.descriptor).st_mode):
            found = self._compared(kept, self._start)
            if found.same:
                os.lseek(tap.descriptor, found.offset, os.SEEK_SET)
                self._read_anew(lines)
                self._say(f"begins with the {counted(lines, 'line')} read before")
                return
        self._advise("going on", "now")

    def _read_anew(self, lines: int) -> None:
        """Forget what was read ahead; ``lines`` come before what is read next."""
        self.lines_read = lines
        self._pending, self._found = None, self._whole_lines()

    def blocks(
        self, first_number: int, ahead: ParseAhead | None = None
    ) -> Generator[Block, None, None]:
        """Iterate over the lines as they come in; see `LogReader.blocks`.

        Raises:
            ValueError: they are to be parsed ahead.

        """
        if ahead is not None:
            raise ValueError("expected lines that are parsed as they come, found some ahead")
        if self._replaced:
            yield Block([Lines(self.source, 1)], 0, [])
        self._last = self._last or self.lines_read
        for block in super().blocks(first_number):
            self._last = last_line(block.records, self._last)
            yield block

    def _whole_lines(self) -> Iterator[Piece | Change]:
        """Iterate over what comes: whole lines, or what else happens."""
        splitter = LineSplitter(self.portions.line_bytes)
        while True:
            found = self._tap.next()
            if isinstance(found, bytes):
                pieces = splitter.feed(found)
                if self._waited_for and not pieces:
                    # It is no line yet.
                    yield Change.NOTHING
                yield from map(Piece, pieces)
            elif found is Change.NOTHING:
                yield found
            elif found is Change.AGAIN:
                splitter.end()
            elif found is Change.STOPPED:
                self._stop(splitter.end())
                return
            else:
                (rest,) = splitter.end() or [b""]
                yield Piece(self._whole(rest), last=True)
                if found is Change.END:
                    return
                yield found

    def _stop(self, unfinished: list[WholeLines]) -> None:
        self.stopped = True
        if not isinstance(self._tap, GrowingFile):
            self._advise("stopped", "next")
        elif self._tap.named:
            # It will be read again.
            return
        if unfinished:
            self._say("stopped in the middle of a line; what was read of it is not kept")

    def _say(self, what: str) -> None:
        self.notify(f"{plain(self.path)}: {what}")

    def _advise(self, what: str, when: str) -> None:
        line = self._last + 1
        how = f"as tail -n +{line} gives it"
        if self.heading:
            how = f"as head -n 1 and tail -n +{line} give them"
        self.advise(
            f"{plain(self.path)}: {what} after line {self._last}; what is read {when} has to "
            f"begin with {self.heading}line {line}, {how}"
        )

    def _compared(self, kept: Kept, start: int) -> Compared:
        try:
            return kept.compare(self._tap.descriptor, start)
        except OSError as error:
            raise unreadable(self.path, error, STREAM_EXPECTED) from None

    def _open(
        self, path: str | Path, wake: Wake | None, portions: Portions, *, follow: bool
    ) -> Tap:
        if path == STANDARD_STREAM:
            if follow:
                raise self._not_followed("standard input, which ends when its writer ends")
            events = "observations" if self.source == "observations" else "a stream of events"
            descriptor = standard_input(events).fileno()
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                self._start = os.lseek(descriptor, 0, os.SEEK_CUR)
            return Pipe(self.path, descriptor, wake, portions, owned=False, follow=False)
        if follow and self.path.suffix == ".gz":
            raise self._not_followed("the name of a gzip file, which does not grow by lines")
        try:
            # A pipe is opened without waiting for who writes to it.
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise unreadable(self.path, error, STREAM_EXPECTED) from None
        mode = os.fstat(descriptor).st_mode
        if follow and stat.S_ISREG(mode):
            return GrowingFile(self.path, descriptor, wake, portions, self._say)
        if follow and not stat.S_ISFIFO(mode):
            os.close(descriptor)
            raise self._not_followed("a folder" if stat.S_ISDIR(mode) else "a device")
        return Pipe(self.path, descriptor, wake, portions, owned=True, follow=follow)

    def _not_followed(self, found: str) -> InputError:
        return InputError(
            f"{self.path}: expected a file or a named pipe to follow, found {found}; leave out "
            "--follow, or name another"
        )


def _difference(lines: int, found: Compared) -> str:
    """Return what a file is that lacks some of the ``lines`` that were read before."""
    if found.lines:
        what = f"only the first {found.lines}, which are judged again, and then "
        what += "its end" if found.ended else "another line"
    else:
        what = "an empty file" if found.ended else "another line first"
    return (
        f"expected the {counted(lines, 'line')} read before, found {what}; it was rotated, "
        "rewritten or truncated since, so it is read from its start, and what came after line "
        f"{lines} before that is not read"
    )
