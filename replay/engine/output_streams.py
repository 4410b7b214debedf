"""Outputs that keep nothing: standard output, a pipe, a character device.

Lines are written to them once, in order (SPEC.md section 8). What has become of them
nobody can tell afterwards, so a history that wrote to one is not gone on with.
"""

from __future__ import annotations

import errno
import os
import select
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from events.closing import Closing
from events.errors import InterruptedRunError, OutputError, unwritable
from events.paths import STANDARD_STREAM, descriptor_of, is_output_stream, is_stream
from replay.engine.output_file import OutputFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from events.disk import Disk
    from replay.engine.output import Output, WrittenLines

# How often a pipe that nobody reads is looked at, and whether to stop is asked.
_LOOK_SECONDS: Final = 0.02


def output_at(
    path: str | Path, disk: Disk, what: str, cure: str, should_stop: Callable[[], bool]
) -> Output:
    """Return the output at ``path``: a file that keeps its lines, or a stream.

    Args:
        path: where it is.
        disk: does what is done to a file.
        what: what errors call its content.
        cure: what to do, in errors, where a file was altered.
        should_stop: asked while nobody reads a stream.

    """
    if is_output_stream(path):
        return OutputStream(Path(path), what, should_stop)
    return OutputFile(path, disk, what, cure)


class OutputStream(Closing):
    """A stream that lines are written to; an `replay.engine.output.Output`.

    Raises:
        OutputError: it cannot be opened or written to; also while writing.
        InterruptedRunError: the run was asked to stop while nobody read.

    """

    keeps = False
    size = 0

    def __init__(self, path: Path, what: str, should_stop: Callable[[], bool]) -> None:
        """Take the stream at ``path``, or standard output where that is ``-``.

        Whether to stop is asked while nobody reads; errors say ``what`` is written.
        """
        self.path: Final = path
        self._what: Final = what
        self._should_stop: Final = should_stop
        self._descriptor = -1

    def hold(self) -> None:
        """Open the stream; a pipe is waited for until somebody reads it."""
        if self._descriptor >= 0:
            return
        try:
            self._descriptor = self._open()
        except OSError as error:
            raise self._unwritable(error) from None

    def start(self, *, overwrite: bool) -> int:
        """Return 0: a stream has no beginning."""
        del overwrite
        self.hold()
        return 0

    def begin(self, start: int, *, overwrite: bool) -> None:
        """Do nothing: what was written before is gone."""

    def recover(self, start: int, written: WrittenLines, *, finished: bool) -> Path | None:
        """Refuse: nobody knows which of the lines have been written."""
        del start, written, finished
        raise OutputError(
            f"{self.path}: expected a file, to see which lines are in it, found a pipe or a device"
        )

    def write(self, lines: Sequence[bytes]) -> None:
        """Write ``lines``, which have no newlines, as fast as they are read."""
        view = memoryview(b"\n".join((*lines, b"")))
        try:
            while view:
                try:
                    view = view[os.write(self._descriptor, view) :]
                except BlockingIOError:
                    self._wait()
        except OSError as error:
            raise self._unwritable(error) from None

    def sync(self) -> None:
        """Do nothing: there is no disk."""

    def close(self) -> None:
        """Close the stream; of standard output only what was opened here."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _open(self) -> int:
        if str(self.path) == STANDARD_STREAM:
            if sys.__stdout__ is None:
                raise OSError(errno.EBADF, "standard output closed")
            return os.dup(1)
        opened = descriptor_of(self.path)
        if opened is not None and not is_stream(self.path):
            # Of a file opened again it would not be known how far others have come in it.
            return os.dup(opened)
        while True:
            try:
                descriptor = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError as error:
                if error.errno != errno.ENXIO or not stat.S_ISFIFO(self.path.stat().st_mode):
                    raise
            else:
                # A terminal that is to be waited for waits by itself.
                os.set_blocking(descriptor, not stat.S_ISFIFO(os.fstat(descriptor).st_mode))
                return descriptor
            self._refuse_stopped()
            select.select([], [], [], _LOOK_SECONDS)

    def _wait(self) -> None:
        while not select.select([], [self._descriptor], [], _LOOK_SECONDS)[1]:
            self._refuse_stopped()

    def _refuse_stopped(self) -> None:
        if self._should_stop():
            raise InterruptedRunError(f"interrupted while nobody read {self.path}")

    def _unwritable(self, error: OSError) -> OutputError:
        return unwritable(self.path, error, self._what)
