"""Reading a stream as it comes in: from standard input, a pipe, or a file that grows.

Lines are given out as soon as they are there, and no more is read before they have been
dealt with: whoever writes too fast has to wait.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from events.closing import Closing
from events.errors import InputError, counted, unreadable
from events.escapes import plain
from events.logs.block import Block
from events.logs.growing import GrowingFile
from events.logs.objects import JSON_SPACE
from events.logs.pipes import Pipe
from events.logs.splitting import CutLine, LineSplitter
from events.logs.tap import Change, Tap, Wake
from events.paths import STANDARD_STREAM, path_of, standard_input
from events.purchases.blocks import BlockParser
from events.store.disk import Identity
from events.store.records import Lines, LogEnd, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from events.logs.jsonlines import Fingerprint
    from events.logs.kept_lines import Compared, KeptLines
    from events.logs.splitting import WholeLines
    from events.times.timestamps import Zone


class LiveLog(Closing):
    """A stream that is read while it is written; it has no end that is known before.

    Raises:
        InputError: it cannot be opened, read or followed; also while iterating.

    """

    source: Final[Source] = "stream"
    live: Final = True
    """Whether it is read while it is written."""

    def __init__(self, path: str | Path, *, follow: bool = False, wake: Wake | None = None) -> None:
        """Open the stream.

        Args:
            path: ``-`` for standard input, a pipe, or a file.
            follow: whether its end is waited at: that of a file which grows, or a named
                pipe without writers.
            wake: ends the waiting.

        """
        self.path: Final = path_of(path, "a readable stream")
        self.lines_read = 0
        self.zone: Zone | None = None
        """Whether the times have an offset; None where nothing has decided that yet."""
        self.stopped = False
        """Whether the reading was ended by ``wake``, not by the end of the stream."""
        self.notify: Callable[[str], None] = lambda _: None
        """Is told of what happens to a stream that is followed or gone on with."""
        self.advise: Callable[[str], None] = lambda _: None
        """Is told what a pipe has to begin with."""
        self._ends_with_newline = True
        self._replaced = False
        # The last line that the store knows of: blank ones are not kept.
        self._last = 0
        self._tap: Final = self._open(path, wake, follow=follow)

    def close(self) -> None:
        """Close the stream, if it was opened here."""
        self._tap.close()

    @property
    def identity(self) -> Identity:
        """Which file it is."""
        return Identity.of(self._tap.descriptor)

    def fingerprint(self) -> Fingerprint | None:
        """Return None: what will come is not known."""

    @property
    def bytes_read(self) -> int:
        """How much was read, in bytes."""
        return self._tap.offset

    @property
    def bytes_total(self) -> int:
        """How much there is, in bytes; 0 where nobody knows."""
        return 0

    def end(self) -> LogEnd:
        """Return the record of the stream's end."""
        return LogEnd(self.source, self.lines_read, self._ends_with_newline)

    def go_on(self, lines: int, kept: KeptLines) -> None:
        """Go on after the first ``lines`` lines, which have been read before.

        A file is read on behind them if it has all of them. One that has not is another
        one, whatever it has, and read from its start. A pipe gives no line again, so only
        the count goes on; but a file may come through standard input once more.

        Args:
            lines: how many lines were read.
            kept: what these were.

        """
        if not lines:
            return
        tap = self._tap
        if isinstance(tap, GrowingFile):
            found = self._compared(kept, 0)
            if found.same:
                tap.go_on_at(found.offset, found.before, lacks_newline=found.lacks_newline)
                self.lines_read = found.lines
            else:
                self._replaced = True
                self._say(_difference(lines, found))
            return
        self.lines_read = self._last = lines
        if stat.S_ISREG(os.fstat(tap.descriptor).st_mode):
            found = self._compared(kept, os.lseek(tap.descriptor, 0, os.SEEK_CUR))
            if found.same:
                os.lseek(tap.descriptor, found.offset, os.SEEK_SET)
                self._say(f"begins with the {counted(lines, 'line')} read before")
                return
        self._advise("going on", "now")

    def blocks(self, first_number: int) -> Iterator[Block]:
        """Iterate over the lines as they come in; an empty block says that none came.

        Where the lines of another file begin, a record without lines says so: those that
        were read are then not taken for lines of that file, however soon the process dies.

        Args:
            first_number: the number that the first accepted event gets.

        Raises:
            InputError: the stream cannot be read any further.

        """
        parser = BlockParser(self.source, first_number, self.lines_read + 1, self.zone)
        other_file = Block([Lines(self.source, 1)], 0, [])
        if self._replaced:
            yield other_file
        for found in self._whole_lines():
            if isinstance(found, bytes | CutLine):
                block = parser.parse(found)
                self.zone = parser.zone
                self.lines_read = parser.line_number - 1
                if block.records:
                    self._last = self.lines_read - _blank_at_end(found)
                yield block
            elif found is Change.OTHER_FILE:
                parser.line_number = 1
                self.lines_read = 0
                yield other_file
            else:
                yield Block([], 0, [])

    def _whole_lines(self) -> Iterator[WholeLines | Change]:
        """Iterate over what comes: whole lines, each with a newline, or what else happens."""
        splitter = LineSplitter()
        while True:
            found = self._tap.next()
            if isinstance(found, bytes):
                yield from splitter.feed(found)
            elif found is Change.NOTHING:
                yield found
            elif found is Change.AGAIN:
                splitter.end()
            elif found is Change.STOPPED:
                self._stop(splitter.end())
                return
            else:
                for last in splitter.end():
                    self._ends_with_newline = False
                    yield last + b"\n" if isinstance(last, bytes) else last
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
        self.advise(
            f"{plain(self.path)}: {what} after line {self._last}; what is read {when} has to "
            f"begin with line {self._last + 1}, as tail -n +{self._last + 1} gives it"
        )

    def _compared(self, kept: KeptLines, start: int) -> Compared:
        try:
            return kept.compare(self._tap.descriptor, start)
        except OSError as error:
            raise unreadable(self.path, error, "a readable stream") from None

    def _open(self, path: str | Path, wake: Wake | None, *, follow: bool) -> Tap:
        if path == STANDARD_STREAM:
            if follow:
                raise self._not_followed("standard input, which ends when its writer ends")
            descriptor = standard_input("a stream of events").fileno()
            return Pipe(self.path, descriptor, wake, owned=False, follow=False)
        if follow and self.path.suffix == ".gz":
            raise self._not_followed("the name of a gzip file, which does not grow by lines")
        try:
            # A pipe is opened without waiting for who writes to it.
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise unreadable(self.path, error, "a readable stream") from None
        mode = os.fstat(descriptor).st_mode
        if follow and stat.S_ISREG(mode):
            return GrowingFile(self.path, descriptor, wake, self._say)
        if follow and not stat.S_ISFIFO(mode):
            os.close(descriptor)
            raise self._not_followed("a folder" if stat.S_ISDIR(mode) else "a device")
        return Pipe(self.path, descriptor, wake, owned=True, follow=follow)

    def _not_followed(self, found: str) -> InputError:
        return InputError(
            f"{self.path}: expected a file or a named pipe to follow, found {found}; leave out "
            "--follow, or name another"
        )


def _blank_at_end(lines: WholeLines) -> int:
    """Return how many of the last of ``lines`` are blank."""
    if isinstance(lines, CutLine):
        return 0
    return lines.count(b"\n", len(lines.rstrip(JSON_SPACE))) - 1


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
