"""The journal: all events of a history as growing columns, with an index by subject.

It is derived from the store alone, and an event is in the store before it is here. An
event of number n has row n - 1. A subject is whoever, or whatever, an event concerns. It has a
number, from 0 in the order of first appearance, and is one from where its name is first met.

Whatever is asked *as of* n is answered from the events up to n, whether or not later ones
have come. Where it is in order of time and number, a late line is where it was, and not before
it came.

What all events have stands here. What those of one detector have besides are columns of its own
journal, one for each field: a user's purchases, for instance, are asked for a million times, and
as attributes of fixed types they are found without a look at what types there are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import numpy as np

from events.journal.columns import EventColumns
from events.journal.index import GROWTH, Column
from events.journal.names import Names
from events.journal.timed import Timed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from numpy.typing import NDArray

    from events.journal.columns import Kinds
    from events.journal.index import Growth, Owners, Rows

E = TypeVar("E")
C = TypeVar("C", bound=EventColumns)

_NEVER: Final = np.iinfo(np.int64).max


class Journal(Timed, ABC, Generic[E, C]):
    """All events of a history; they are only ever appended."""

    def __init__(self, growth: Growth = GROWTH) -> None:
        """Begin without events."""
        super().__init__(growth)
        self.numbers: Final = Names()
        """The number of each subject."""
        self.names: Final = self.numbers.listed
        """The subjects' names, by number."""
        # These numbers, each one object: a dictionary finds the same object in two thirds of
        # the time that it takes for an equal one.
        self._one: Final[list[int]] = []
        # For each subject the number of the event with which it appeared, ascending.
        self._births: Final = Column(np.int64, growth)
        self._kinds: Final = Column(np.int8, growth)
        self._lines: Final[dict[int, bytes]] = {}

    # What the events of a detector have besides

    @abstractmethod
    def _columns(self, event: E) -> C:
        """Return the columns of one event."""

    @abstractmethod
    def _take(self, columns: C) -> None:
        """Append what is this detector's of ``columns``, which hold an event or more."""

    @abstractmethod
    def _whom(self, rows: slice) -> Owners:
        """Return all subjects that the events of ``rows`` concern, in any order."""

    @abstractmethod
    def rows_of(self, subject: int, number: int) -> list[int]:
        """Return the rows of all events of ``subject`` as of event ``number``, ascending."""

    @abstractmethod
    def _made(self, places: slice | Rows, rows: Sequence[int]) -> list[E]:
        """Return the events of ``rows``, which ``places`` are as well."""

    # Growing

    def extend(self, columns: C) -> None:
        """Append events, which are numbered on from those that are here.

        Raises:
            ValueError: they are not.

        """
        if columns.number != self._count + 1:
            raise ValueError(f"expected event {self._count + 1} next, found {columns.number}")
        if not len(columns):
            return
        self._take(columns)
        self._kinds.append(columns.kinds)
        for index, line in columns.lines.items():
            self._lines[self._count + index] = line
        self._extend_times(columns.ticks, columns.finer)

    def append(self, event: E) -> None:
        """Append one event.

        Raises:
            ValueError: it is not numbered on from those that are here.

        """
        self.extend(self._columns(event))

    def _appear_in(self, numbers: Owners, *standing: Owners) -> None:
        """Take note of the subjects that appear with the events that come next.

        Args:
            numbers: those of all subjects of these events, all different.
            standing: has an entry for each of these events: at which place of ``numbers`` its
                subject is, or -1 for nobody.

        """
        known = len(self._one)
        if len(self.names) > known:
            # The first event in which each stands.
            born = np.full(len(numbers), _NEVER)
            for places in standing:
                events = np.flatnonzero(places >= 0)
                np.minimum.at(born, places[events], events + self._count + 1)
            self._appear(born[numbers >= known])

    def _appear(self, births: Sequence[int] | Rows) -> None:
        """Take note that the last subjects appear with the events of the numbers ``births``."""
        self._one.extend(range(len(self._one), len(self.names)))
        self._births.append(np.asarray(births, np.int64))

    # Subjects

    def users(self, number: int) -> int:
        """Return how many subjects have appeared as of event ``number``."""
        if number >= self._count:
            return len(self.names)
        return int(np.searchsorted(self._births.array, number, side="right"))

    def number_of(self, name: str, number: int) -> int | None:
        """Return the number of subject ``name``, or None if it has not appeared as of an event."""
        subject = self.numbers.get(name)
        return None if subject is None or subject >= self.users(number) else subject

    def concerned(self, first: int, last: int, among: Collection[int]) -> list[int]:
        """Return who of ``among`` is in an event from ``first`` to ``last``, both included."""
        are = np.zeros(len(self.names), np.bool_)
        are[self._whom(slice(first - 1, last))] = True
        subjects = np.fromiter(among, np.int64, len(among))
        found: list[int] = subjects[are[subjects]].tolist()
        return found

    def ones(self, subjects: NDArray[np.integer[Any]]) -> list[int]:
        """Return some numbers of subjects; the same number is always the same object."""
        return list(map(self._one.__getitem__, subjects.tolist()))

    # Looking

    @property
    def kinds(self) -> Kinds:
        """What type each event is of, as its detector counts them; a view."""
        return self._kinds.array

    def event(self, number: int) -> E:
        """Return event ``number``."""
        return self.events(number, number)[0]

    def events(self, first: int, last: int) -> list[E]:
        """Return the events from ``first`` to ``last``, both included."""
        return self._made(slice(first - 1, last), range(first - 1, last))

    def own(self, subject: int, number: int) -> list[E]:
        """Return the events of ``subject`` as of event ``number``, in the order they came."""
        rows = self.rows_of(subject, number)
        return self._made(np.array(rows, np.int64), rows)

    def _lines_of(self, rows: Sequence[int]) -> Iterable[bytes | None]:
        return map(self._lines.get, rows) if self._lines else repeat(None)
