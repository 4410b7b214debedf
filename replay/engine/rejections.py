"""What people are told of lines that are rejected: the first few of a reason, and how many more."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from events.errors import LineRejectedError, counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from events.records.record import Rejected

# So many of one reason are told each by itself.
TOLD_MAX: Final = 10
# In a run that may never end they are so again after this time.
AGAIN_SECONDS: Final = 60.0


class _Tally:
    """What was told of one reason in one log."""

    def __init__(self, since: float) -> None:
        self.since = since
        self.count = 0
        self.more = 0
        self.last = 0


class Rejections:
    """Tells of rejected lines, so that a log of a wrong kind does not bury what else is said.

    All of them are in the event store.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        noun: str = "line",
        *,
        all_of_them: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Tell by calling ``say``.

        Args:
            say: prints a line.
            noun: what is rejected.
            all_of_them: whether each is told by itself, however many there are.
            clock: tells the time in seconds.

        """
        self.live = False
        """Whether there may be no end at which to tell how many there were."""
        self._say: Final = say
        self._noun: Final = noun
        self._all: Final = all_of_them
        self._clock: Final = clock
        self._told: Final[dict[tuple[str, str], _Tally]] = {}

    def take(self, log: str, rejected: Rejected) -> None:
        """Tell of a line of ``log``, or count it."""
        told = self._told.get((log, rejected.reason))
        if told is None:
            told = self._told[log, rejected.reason] = _Tally(self._clock())
        self._renew(log, rejected.reason, told)
        if told.count < TOLD_MAX or self._all:
            told.count += 1
            self._say(_text(log, rejected))
        else:
            told.more += 1
            told.last = rejected.number

    def remind(self) -> None:
        """Tell of those that were counted, if it is time to."""
        for (log, reason), told in self._told.items():
            self._renew(log, reason, told)

    def sum_up(self) -> None:
        """Tell how many more there were than were told, by reason."""
        for (log, reason), told in self._told.items():
            self._tell_more(log, reason, told)

    def _renew(self, log: str, reason: str, told: _Tally) -> None:
        if self.live and self._clock() >= told.since + AGAIN_SECONDS:
            self._tell_more(log, reason, told)
            told.since, told.count = self._clock(), 0

    def _tell_more(self, log: str, reason: str, told: _Tally) -> None:
        if told.more:
            more = counted(told.more, f"more {self._noun}")
            self._say(f"{log}: {more} rejected ({reason}), the last of them line {told.last:,}")
            told.more = 0


def strict_error(log: object, rejected: Rejected, noun: str = "line") -> LineRejectedError:
    """Return the error that a line of ``log``, a ``noun``, was rejected and the run is strict."""
    return LineRejectedError(f"{_text(log, rejected)}; correct the {noun} or run without --strict")


def _text(log: object, rejected: Rejected) -> str:
    return f"{log}:{rejected.number}: rejected ({rejected.reason}): {rejected.detail}"
