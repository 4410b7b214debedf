"""SIGINT and SIGTERM as something that a run asks for, and can wait for."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Final

from events.closing import Closing
from events.errors import InterruptedRunError, TerminatedRunError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
# So long after a signal whoever was asked to stop is waited for.
_PATIENCE_SECONDS: Final = 1.0


class StopSignals(Closing):
    """Says whether the process was asked to stop; asked twice, it is interrupted at once.

    What does not ask in time, as a detector that never ends, or the hash of a large log, is
    interrupted where it may be.
    """

    def __init__(self, interruptible: Callable[[FrameType], bool] = lambda _frame: False) -> None:
        """Take the signals over, until closed.

        Args:
            interruptible: tells whether what runs in a frame, or is called there, may be
                left at any point.

        """
        self._interruptible: Final = interruptible
        self.received: signal.Signals | None = None
        """The signal that came, if one did."""
        self._readable, self._writable = os.pipe()
        os.set_blocking(self._writable, False)
        # Who started this process to ignore one, as a shell does behind `&`, means it.
        self._handlers = {
            each: signal.signal(each, self._on_signal)
            for each in _SIGNALS
            if signal.getsignal(each) is not signal.SIG_IGN
        }
        self._alarm = signal.signal(signal.SIGALRM, self._on_alarm)
        # Python writes to it when a signal comes, which ends a wait for something to read.
        self._wakeup = signal.set_wakeup_fd(self._writable, warn_on_full_buffer=False)

    def __call__(self) -> bool:
        """Tell whether a signal came."""
        return self.received is not None

    def fileno(self) -> int:
        """Return a file descriptor that becomes readable when a signal comes."""
        return self._readable

    def __exit__(self, kind: object, raised: BaseException | None, traceback: object) -> None:
        """Close, and let a run that was interrupted end as the signal says."""
        super().__exit__(kind, raised, traceback)
        if isinstance(raised, InterruptedRunError) and self.received is signal.SIGTERM:
            raise TerminatedRunError(str(raised)) from None

    def close(self) -> None:
        """Give the signals back."""
        signal.set_wakeup_fd(self._wakeup)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._alarm)
        for each, handler in self._handlers.items():
            signal.signal(each, handler)
        os.close(self._readable)
        os.close(self._writable)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = signal.Signals(number)
        # More than once, as what is interrupted may go on.
        signal.setitimer(signal.ITIMER_REAL, _PATIENCE_SECONDS, _PATIENCE_SECONDS)

    def _on_alarm(self, _number: int, frame: FrameType | None) -> None:
        while frame is not None:
            if self._interruptible(frame):
                raise InterruptedRunError(
                    "interrupted halfway; what was done is kept, and the same command goes on "
                    "with it"
                )
            frame = frame.f_back
