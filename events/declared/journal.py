"""The journal of events whose types a detector declares, with an index by subject."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from events.declared.columns import FactColumns
from events.journal.timed import Timed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from events.declared.fact import Fact, FactTypes

_number: Final = attrgetter("number")


class FactJournal(Timed):
    """All events of a history, and those of each subject; they are only ever appended.

    A subject is what an event concerns, as its detector says. It has a number, from 0 in the
    order of first appearance.
    """

    def __init__(self, types: FactTypes, subjects: Callable[[Fact], Sequence[str]]) -> None:
        """Begin without events of ``types``; ``subjects`` tells whom one concerns, each once."""
        super().__init__()
        self.types: Final = types
        self.subjects: Final = subjects
        """Tells whom an event concerns."""
        self.numbers: Final[dict[str, int]] = {}
        """The number of each subject."""
        self.names: Final[list[str]] = []
        """The subjects' names, by number."""
        self._born: Final = array("q")
        self._own: Final[list[array[int]]] = []
        self._parts: Final[list[FactColumns]] = []

    def extend(self, columns: FactColumns) -> None:
        """Append events, which are numbered on from those that are here.

        Raises:
            ValueError: they are not.

        """
        if columns.number != self._count + 1:
            raise ValueError(f"expected event {self._count + 1} next, found {columns.number}")
        if not len(columns):
            return
        self._parts.append(columns)
        for event in columns.events():
            for name in self.subjects(event):
                number = self.numbers.setdefault(name, len(self.names))
                if number == len(self.names):
                    self.names.append(name)
                    self._born.append(event.number)
                    self._own.append(array("q"))
                self._own[number].append(event.number)
        self._extend_times(columns.ticks, columns.finer)

    def append(self, event: Fact) -> None:
        """Append one event.

        Raises:
            ValueError: it is not numbered on from those that are here.

        """
        self.extend(FactColumns.of(self.types, [event], event.number))

    def users(self, number: int) -> int:
        """Return how many subjects have appeared as of event ``number``."""
        return bisect_right(self._born, number)

    def number_of(self, name: str, number: int) -> int | None:
        """Return the number of subject ``name``, or None if it has not appeared as of an event."""
        subject = self.numbers.get(name)
        return None if subject is None or subject >= self.users(number) else subject

    def concerned(self, first: int, last: int, among: Collection[int]) -> list[int]:
        """Return who of ``among`` is in an event from ``first`` to ``last``, both included."""
        return [
            subject
            for subject in among
            if bisect_left(self._own[subject], first) < bisect_right(self._own[subject], last)
        ]

    def numbers_of(self, subject: int, number: int) -> list[int]:
        """Return the numbers of the events of ``subject`` as of event ``number``."""
        own = self._own[subject]
        return own[: bisect_right(own, number)].tolist()

    def own(self, subject: int, number: int) -> list[Fact]:
        """Return the events of ``subject`` as of event ``number``, in the order they came."""
        return [self.event(each) for each in self.numbers_of(subject, number)]

    def event(self, number: int) -> Fact:
        """Return event ``number``."""
        return self.events(number, number)[0]

    def events(self, first: int, last: int) -> list[Fact]:
        """Return the events from ``first`` to ``last``, both included."""
        found: list[Fact] = []
        for part in self._parts[bisect_right(self._parts, first, key=_number) - 1 :]:
            if part.number > last:
                break
            start = max(first - part.number, 0)
            found += part.events(start, min(last + 1 - part.number, len(part)))
        return found
