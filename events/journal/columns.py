"""Events as columns: what many of them are in a few arrays, instead of an object each.

An event takes some 20 bytes so, and what is asked of many is one operation on an array.
Objects are made only of those that somebody looks at.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from events.journal.ticks import times_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.journal.ticks import Ticks

Kinds: TypeAlias = NDArray[np.int8]


class CodeBook(dict[str, int]):
    """Gives each name that it is asked for a code, from 0 in the order of first asking."""

    def __missing__(self, name: str) -> int:
        """Give a name its code."""
        code = self[name] = len(self)
        return code


class EventColumns:
    """Some consecutive events of any detector, as arrays with one entry an event."""

    __slots__ = ("finer", "kinds", "lines", "number", "ticks")

    has_runs: ClassVar[bool] = True
    """Whether runs say where they stand in a frame; else they stand there themselves."""

    def __init__(
        self,
        number: int,
        kinds: Kinds,
        ticks: Ticks,
        finer: dict[int, str] | None = None,
        lines: dict[int, bytes] | None = None,
    ) -> None:
        """Take the columns of events from event ``number`` on."""
        self.number = number
        """The number of the first event."""
        self.kinds = kinds
        """What type each event is of, as its detector counts them."""
        self.ticks = ticks
        """When, as `events.journal.ticks` counts."""
        self.finer = {} if finer is None else finer
        """The digits of times that ticks cannot tell, by index; few have any."""
        self.lines = {} if lines is None else lines
        """The source lines that no template writes, by index."""

    def __len__(self) -> int:
        """Return how many events there are."""
        return len(self.kinds)

    def numbered(self, number: int) -> Self:
        """Return the same events, of which the first has ``number``."""
        found = copy(self)
        found.number = number
        return found

    def first(self, count: int) -> Self:
        """Return the first ``count`` of the events."""
        raise NotImplementedError

    def events(self, start: int = 0, end: int | None = None) -> Sequence[Any]:
        """Return the events with the indexes from ``start`` up to ``end``, as objects."""
        raise NotImplementedError

    def first_line(self) -> bytes | None:
        """Return the line of the first event; None where a canonical one says no more than it."""
        return self.lines.get(0)

    def times_between(self, start: int, end: int) -> list[str]:
        """Return the times of those with the indexes from ``start`` up to ``end``."""
        finer = {
            index - start: digits for index, digits in self.finer.items() if start <= index < end
        }
        return times_of(self.ticks[start:end], finer)
