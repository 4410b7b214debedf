"""Ctrl-C while the debugger works: it stops at once where nothing is half done."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


class Interrupts:
    """What Ctrl-C does: it raises `KeyboardInterrupt`, or waits for the end of a change."""

    def __init__(self) -> None:
        """Begin outside of any change."""
        self._depth = 0
        self._pressed = False

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Take Ctrl-C in this block, and give it back afterwards to who had it before.

        It is that of a whole session: entered for each command, it could be interrupted itself.
        """
        before = signal.getsignal(signal.SIGINT)
        # A process in the background may have been told to ignore it.
        if before is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, self._press)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let Ctrl-C wait until the block is done: half of an event would be no moment."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if self._pressed and not self._depth:
                self._pressed = False
                raise KeyboardInterrupt

    def _press(self, _number: int, _frame: FrameType | None) -> None:
        self._pressed = bool(self._depth)
        if not self._pressed:
            raise KeyboardInterrupt
