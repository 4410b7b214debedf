"""What a history has to be, record by record, beyond what the types of records say.

A validator follows a store from its first frame on and refuses what `events/store/FORMAT.md`
does not allow. Behind a gap, where something was lost, it expects less of what depends on
what came before.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

from events.errors import BadValueError, shown
from events.times.timestamps import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.records.record import Gap, Record, StateDigest, Written

_SECONDS: Final = len("YYYY-MM-DD HH:MM:SS")
_DATE: Final = len("YYYY-MM-DD")


class WrongRecordError(BadValueError):
    """A record is not what a run writes there."""

    def __init__(self, expected: object, found: object) -> None:
        """Say what was expected, and what was found."""
        super().__init__(f"expected {expected}, found {found}")


class Validator(ABC):
    """What was read so far of a history, as far as what follows depends on it."""

    def __init__(self, sums: int | None, *, incomplete: bool) -> None:
        """Begin before the first frame; a digest has so many ``sums``, or any number."""
        self.events = 0
        """How many events there were."""
        self.gap = False
        """Whether something was lost."""
        self._sums: Final = sums
        self._incomplete: Final = incomplete
        self._written = 0

    @abstractmethod
    def take(self, records: Sequence[Record], events: int) -> None:
        """Take the records of a frame, of which its head says that ``events`` are events.

        Raises:
            BadValueError: they are not what a run writes.

        """

    def pass_over(self, events_before: int) -> None:
        """Take note that something was lost, and that ``events_before`` were before what follows.

        Raises:
            BadValueError: those are fewer than there were before.

        """
        if events_before < self.events:
            raise WrongRecordError(
                f"a frame behind {self.events} events", f"one that says {events_before}"
            )
        self.events = events_before
        self.gap = True

    def _count(self, before: int, events: int) -> None:
        """Refuse a frame before which there were ``before`` events, unless it has ``events``."""
        found = self.events - before
        if found != events:
            raise WrongRecordError(f"{events} events, as the frame's head says", found)

    def _take_gap(self, _gap: Gap) -> None:
        if not self._incomplete:
            raise WrongRecordError("a complete store, as its header says", "a gap")
        self.gap = True

    def _take_digest(self, digest: StateDigest) -> None:
        if self._sums is not None and len(digest.sums) != self._sums:
            raise WrongRecordError(f"a digest of {self._sums} sums", f"{len(digest.sums)} sums")
        if digest.events > self.events:
            raise WrongRecordError(f"a digest of {self.events} events at most", digest.events)

    def _take_written(self, written: Written) -> None:
        if written.size < self._written:
            raise WrongRecordError(
                f"{self._written} bytes written or more, as before", written.size
            )
        self._written = written.size


def check_canonical(time: str) -> None:
    """Refuse a time that is not written as a store keeps it.

    Raises:
        BadValueError: it is not, or is none.

    """
    if parse_timestamp(time) != time:
        raise WrongRecordError("a time with a space in it and no zeros at its end", shown(time))


class CanonicalTimes:
    """Tells canonical times from others; of halves that it has seen before at once."""

    def __init__(self) -> None:
        """Begin with none seen."""
        self._dates: set[str] = set()
        self._clocks: set[str] = set()

    def check(self, time: str) -> str:
        """Return ``time``.

        Raises:
            BadValueError: it is not a canonical time.

        """
        date, clock = time[:_DATE], time[_DATE:]
        if date in self._dates and clock in self._clocks:
            return time
        check_canonical(time)
        if len(time) == _SECONDS:
            self._dates.add(date)
            self._clocks.add(clock)
        return time
