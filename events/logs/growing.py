"""A file that is read while it grows, and while others rotate, truncate or rewrite it.

A line that stood in the file when it was looked at is given once. The name is looked at
before each reading, at least every hundredth of a second while nothing comes; a file that
takes the name is opened at that moment, so that it cannot get lost behind the next one. One
that has lost the name is read until it gives nothing more *after* that was seen and the one
behind it has something, since whoever writes may need a moment to change over. Its inode
stays taken as long as it is open, so a new file never looks like an old one.

Which file it is says the name; whether its content is still what was read say the bytes
before the place that was read to, which are read again with what is new. Neither its size
nor its times can tell: a file that was truncated may be as long again by the next look, and
times change with each line that is appended. What nobody can know:

* what was written and was gone before a look: between the last one and a truncation (as with
  the option copytruncate of logrotate), or in a file that had the name for a moment only;
* what somebody writes to a file that has lost its name after others wrote to the new one;
* changes more than `COMPARED_BYTES` before the place that was read to;
* that a file is another one where its lines are, byte for byte and up to that place, the
  same. So an editor's copy, or one that a file system makes, is not read twice.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from typing import TYPE_CHECKING, Final

from events.disk import Identity
from events.logs.tap import READ_BYTES, Change, Tap, wait

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from events.logs.file import Portions
    from events.logs.tap import Wake

COMPARED_BYTES: Final = 4096
"""How much of what was read before is compared with what stands there now, in bytes."""
# Files that wait to be read: so many rotations while one is read are enough.
_FILES_MAX: Final = 32


class GrowingFile(Tap):
    """A file that grows."""

    def __init__(
        self,
        path: Path,
        descriptor: int,
        wake: Wake | None,
        portions: Portions,
        say: Callable[[str], None],
    ) -> None:
        """Read the file at ``path`` from its start; it is open as ``descriptor``.

        What happens to it is told to ``say``.
        """
        super().__init__(path, wake, portions)
        self._say: Final = say
        # The one that is read, and those that have taken its name since.
        self._files: Final = deque([descriptor])
        self._newest = Identity.of(descriptor)
        self.named = True
        """Whether the name leads to it, or to what has taken its place."""
        self._hindrance = ""
        # Where the line that is not finished begins.
        self._line = 0
        # The last bytes before that place, and before the offset.
        self._before_line = b""
        self._before = b""
        self._lacks_newline = False

    @property
    def descriptor(self) -> int:
        return self._files[0]

    @property
    def waiting(self) -> bool:
        return _size(self.descriptor) > self.offset

    def go_on_at(self, offset: int, before: bytes, *, lacks_newline: bool) -> None:
        """Read on at ``offset``.

        Args:
            offset: where a line begins.
            before: what stood before that, `COMPARED_BYTES` of it or all.
            lacks_newline: whether the newline of the line before may still come there.

        """
        self.offset = self._line = offset
        self._before = self._before_line = before
        self._lacks_newline = lacks_newline

    def next(self) -> bytes | Change:
        """Return what comes next; once it is to stop, what others could not read later."""
        waited = 0.0
        while True:
            stopping = self._stopping()
            self._look()
            if stopping and self.named and len(self._files) == 1:
                return Change.STOPPED
            # Asked before the reading: what was written until then is read.
            left = self._is_left(stopping=stopping)
            if found := self._read():
                return found
            if left:
                return self._turn()
            if stopping:
                return Change.STOPPED
            wait(self._wake, self._portions.look_seconds)
            waited += self._portions.look_seconds
            if waited >= self._portions.idle_seconds:
                return Change.NOTHING

    def close(self) -> None:
        while self._files:
            os.close(self._files.pop())

    def _look(self) -> None:
        """Open the file that has the name now, if it is another one."""
        if len(self._files) >= _FILES_MAX:
            return
        self.named = False
        try:
            found = os.stat(self._path)  # noqa: PTH116 - as all that is asked here, through one module
            if (found.st_dev, found.st_ino) == self._newest:
                self.named = True
                return
            if not stat.S_ISREG(found.st_mode):
                self._wait_for("something that is no file")
                return
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            # Moved away; what will take its place is not there yet.
            return
        except OSError as error:
            self._wait_for(error.strerror or str(error))
            return
        self.named = True
        self._hindrance = ""
        self._files.append(descriptor)
        self._newest = Identity.of(descriptor)
        between = list(self._files)[1:-1]
        if self._newest == Identity.of(self.descriptor) and not any(map(_size, between)):
            # The name has come back, and nothing was in what had it for a while.
            while len(self._files) > 1:
                os.close(self._files.pop())

    def _wait_for(self, found: str) -> None:
        if found != self._hindrance:
            self._hindrance = found
            self._say(f"expected a readable file in its place, found: {found}")

    def _is_left(self, *, stopping: bool) -> bool:
        """Tell whether nothing more is to be expected of the file that is read."""
        waiting = len(self._files) - 1
        return waiting > 1 or (waiting == 1 and (stopping or _size(self._files[1]) > 0))

    def _turn(self) -> Change:
        """Take the next file."""
        os.close(self._files.popleft())
        if self._is_copy():
            self._say(
                "replaced by a file that begins with the same lines, so it is read on behind them"
            )
            return self._again()
        return self._anew("rotated, so the new file is read from its start")

    def _read(self) -> bytes | Change:
        """Return what is new, if the file still is what was read of it."""
        before = self._before
        try:
            data = os.pread(self.descriptor, len(before) + READ_BYTES, self.offset - len(before))
        except OSError as error:
            raise self._unreadable(error) from None
        if data.startswith(before):
            return self._taken(data, len(before))
        if self._line < self.offset and self._begins_alike():
            return self._again()
        what = "truncated" if _size(self.descriptor) < self.offset else "rewritten"
        return self._anew(f"{what}, so it is read from its start")

    def _taken(self, data: bytes, start: int) -> bytes:
        """Return ``data`` from ``start`` on; the bytes before were read before."""
        if self._lacks_newline and len(data) > start:
            self._lacks_newline = False
            if data[start] == ord("\n"):
                self.offset += 1
                self._line = self.offset
                start += 1
        self.offset += len(data) - start
        self._before = data[-COMPARED_BYTES:]
        end = data.rfind(b"\n", start) + 1
        if end:
            self._line = self.offset - len(data) + end
            self._before_line = data[max(end - COMPARED_BYTES, 0) : end]
        return data[start:]

    def _begins_alike(self) -> bool:
        """Tell whether the lines that were finished stand in the file that is open."""
        return self._stands(self._before_line, self._line)

    def _is_copy(self) -> bool:
        """Tell whether the file that is open begins with what was read of the one before."""
        if self._line:
            return self._begins_alike()
        return bool(self._before) and self._stands(self._before, self.offset)

    def _stands(self, before: bytes, place: int) -> bool:
        return os.pread(self.descriptor, len(before), place - len(before)) == before

    def _again(self) -> Change:
        self.offset, self._before = self._line, self._before_line
        return Change.AGAIN

    def _anew(self, what: str) -> Change:
        self._say(what)
        self.offset = self._line = 0
        self._before = self._before_line = b""
        self._lacks_newline = False
        return Change.OTHER_FILE


def _size(descriptor: int) -> int:
    return os.fstat(descriptor).st_size
