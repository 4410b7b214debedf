"""The journal: all events of a history as growing columns, with an index by user.

It is derived from the store alone, and an event is in the store before it is here. An
event of number n has row n - 1. A user has a number, from 0 in the order of first
appearance, and is one from where its name is first met.

Whatever is asked *as of* n is answered from the events up to n, in order of time and
number, whether or not later ones have come: a late line is where it was, and not before
it came.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from events.journal.columns import BEFRIEND, NOBODY, PURCHASE, Columns
from events.journal.index import Column, GrowingIndex, OwnRows, Sorted
from events.journal.timed import Timed
from events.purchases.event import Befriend, Event, Purchase, Unfriend

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from numpy.typing import NDArray

    from events.journal.index import Rows
    from events.purchases.styles import Style

E = TypeVar("E", Purchase, Event)

_NEVER: Final = np.iinfo(np.int64).max


class Journal(Timed):
    """All events of a history; they are only ever appended."""

    def __init__(self) -> None:
        """Begin without events."""
        super().__init__()
        self.numbers: Final[dict[str, int]] = {}
        """The number of each user."""
        self.names: Final[list[str]] = []
        """The users' names, by number."""
        # These numbers, each one object: a dictionary finds the same object in two thirds of
        # the time that it takes for an equal one.
        self._one: Final[list[int]] = []
        self._kinds = Column(np.int8)
        self._users = Column(np.int32)
        self._others = Column(np.int32)
        self._amounts = Column(np.uint64)
        self._lines: Final[dict[int, bytes]] = {}
        # From which event on lines have which style; empty while all are canonical.
        self._styles: Final[list[tuple[int, Style | None]]] = []
        # For each user the number of the event with which it appeared, ascending.
        self._births = Column(np.int64)
        self._index = _Index(self)
        # All purchases in order, where that is not the order of their numbers.
        self._order: Rows | None = None

    # Growing

    def extend(self, columns: Columns) -> None:
        """Append events, which are numbered on from those that are here.

        Raises:
            ValueError: they are not.

        """
        if columns.number != self._count + 1:
            raise ValueError(f"expected event {self._count + 1} next, found {columns.number}")
        if not len(columns):
            return
        first = self._count
        numbers = self._number(columns)
        self._kinds.append(columns.kinds)
        self._users.append(numbers[columns.users])
        # NOBODY, which is -1, gives the last place.
        self._others.append(np.append(numbers, np.int32(NOBODY))[columns.others])
        self._amounts.append(columns.amounts)
        for index, line in columns.lines.items():
            self._lines[first + index] = line
        if columns.style != (self._styles[-1][1] if self._styles else None):
            self._styles.append((columns.number, columns.style))
        self._extend_times(columns.ticks, columns.finer)
        self._order = None

    def append(self, event: Event) -> None:
        """Append one event.

        Raises:
            ValueError: it is not numbered on from those that are here.

        """
        self.extend(Columns.of([event]))

    def _number(self, columns: Columns) -> NDArray[np.int32]:
        """Return the number of each name of ``columns``; those who have none get one."""
        known, names = self.numbers, columns.names
        try:
            return np.fromiter(map(known.__getitem__, names), np.int32, len(names))
        except KeyError:
            new = [code for code, name in enumerate(names) if name not in known]
        first = len(self.names)
        self._one.extend(range(first, first + len(new)))
        for code, number in zip(new, self._one[first:], strict=True):
            known[names[code]] = number
            self.names.append(names[code])
        # The first event in which each name stands.
        born = np.full(len(names), _NEVER)
        events = np.arange(columns.number, columns.number + len(columns))
        np.minimum.at(born, columns.users, events)
        friends = columns.others != NOBODY
        np.minimum.at(born, columns.others[friends], events[friends])
        self._births.append(born[new])
        return np.fromiter(map(known.__getitem__, names), np.int32, len(names))

    # Users

    def users(self, number: int) -> int:
        """Return how many users have appeared as of event ``number``."""
        if number >= self._count:
            return len(self.names)
        return int(np.searchsorted(self._births.array, number, side="right"))

    def number_of(self, name: str, number: int) -> int | None:
        """Return the number of user ``name``, or None if it has not appeared as of an event."""
        user = self.numbers.get(name)
        return None if user is None or user >= self.users(number) else user

    def concerned(self, first: int, last: int, among: Collection[int]) -> list[int]:
        """Return who of ``among`` is in an event from ``first`` to ``last``, both included."""
        rows = slice(first - 1, last)
        others = self.others[rows]
        are = np.zeros(len(self.names), np.bool_)
        are[self.buyers[rows]] = True
        are[others[others != NOBODY]] = True
        users = np.fromiter(among, np.int64, len(among))
        found: list[int] = users[are[users]].tolist()
        return found

    def are_friends(self, user: int, other: int, number: int) -> bool:
        """Tell whether two users are friends as of event ``number``."""
        for value in reversed(self._index.links(user, number)):
            if value >> 1 == other:
                return bool(value & 1)
        return False

    def friends(self, user: int, number: int) -> frozenset[int]:
        """Return the friends of ``user`` as of event ``number``, by number."""
        values = self._index.links(user, number)
        one = self._one
        begun = [one[value >> 1] for value in values if value & 1]
        if len(begun) == len(values):
            return frozenset(begun)
        last = {value >> 1: value & 1 for value in values}
        return frozenset([one[other] for other, begun in last.items() if begun])

    def ones(self, users: NDArray[np.integer[Any]]) -> list[int]:
        """Return some numbers of users; the same number is always the same object."""
        return list(map(self._one.__getitem__, users.tolist()))

    def bought(self, user: int, number: int) -> list[int]:
        """Return the rows of what ``user`` bought as of event ``number``, in order."""
        rows = self._index.purchases(user, number)
        if self.is_late(number):
            rows.sort(key=self.place)
        return rows

    def linked(self, user: int, number: int) -> list[int]:
        """Return the rows of the changes of the friendships of ``user`` as of event ``number``."""
        return self._index.linked(user, number)

    # Order

    def in_order(self, number: int) -> Rows:
        """Return the rows of all purchases as of event ``number``, in order."""
        if not self.is_late(number):
            return np.flatnonzero(self.kinds[:number] == PURCHASE)
        if self._order is None:
            self._order = self._sorted(np.flatnonzero(self.kinds == PURCHASE))
        return self._order[self._order < number]

    # Looking

    @property
    def kinds(self) -> NDArray[np.int8]:
        """What each event is, as `events.journal.columns` says; a view."""
        return self._kinds.array

    @property
    def buyers(self) -> NDArray[np.int32]:
        """Whose purchase each event is, or the first of the two users, by number; a view."""
        return self._users.array

    @property
    def others(self) -> NDArray[np.int32]:
        """The second of the two users of each event, by number, or `NOBODY`; a view."""
        return self._others.array

    @property
    def amounts(self) -> NDArray[np.uint64]:
        """The amount of each purchase in units of 1/10,000, and 0 of other events; a view."""
        return self._amounts.array

    def event(self, number: int) -> Event:
        """Return event ``number``."""
        return self.events(number, number)[0]

    def events(self, first: int, last: int) -> list[Event]:
        """Return the events from ``first`` to ``last``, both included."""
        rows = slice(first - 1, last)
        names = self.names
        values = zip(
            range(first, last + 1),
            self.kinds[rows].tolist(),
            self.buyers[rows].tolist(),
            self.others[rows].tolist(),
            self.amounts[rows].tolist(),
            self._times(rows, range(first - 1, last)),
            self._lines_of(range(first - 1, last)),
            strict=False,
        )
        made: list[Event] = []
        for number, kind, user, other, amount, time, line in values:
            if kind == PURCHASE:
                made.append(Purchase(time, number, names[user], amount, line))
            else:
                change = Befriend if kind == BEFRIEND else Unfriend
                made.append(change(time, number, names[user], names[other], line))
        return made if not self._styles else self._styled(made)

    def purchases(self, rows: Sequence[int]) -> list[Purchase]:
        """Return the purchases in ``rows``."""
        names, places = self.names, np.array(rows, np.int64)
        values = zip(
            rows,
            self.buyers[places].tolist(),
            self.amounts[places].tolist(),
            self._times(places, rows),
            self._lines_of(rows),
            strict=False,
        )
        made = [
            Purchase(time, row + 1, names[user], amount, line)
            for row, user, amount, time, line in values
        ]
        return made if not self._styles else self._styled(made)

    def _lines_of(self, rows: Sequence[int]) -> Iterable[bytes | None]:
        return map(self._lines.get, rows) if self._lines else repeat(None)

    def _styled(self, events: list[E]) -> list[E]:
        """Return ``events`` with the lines that their style gives them."""
        return [self._with_style(event) for event in events]

    def _with_style(self, event: E) -> E:
        place = bisect_right(self._styles, event.number, key=itemgetter(0)) - 1
        style = self._styles[place][1] if place >= 0 else None
        return event if style is None else style.styled(event)


class _Index(GrowingIndex):
    """The rows of what each user bought, and of the changes of its friendships."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal: Final = journal
        self._bought: Final = OwnRows()
        self._linked: Final = OwnRows()

    def purchases(self, user: int, number: int) -> list[int]:
        """Return the rows of what ``user`` bought as of event ``number``, ascending."""
        self.catch_up(len(self._journal))
        return self._bought.rows_of(user, number)

    def links(self, user: int, number: int) -> list[int]:
        """Return twice the friend, and one more if it began, of each change as of ``number``."""
        self.catch_up(len(self._journal))
        return self._linked.values_of(user, number)

    def linked(self, user: int, number: int) -> list[int]:
        """Return the rows of the changes of the friendships of ``user``, ascending."""
        self.catch_up(len(self._journal))
        return self._linked.rows_of(user, number)

    def _add(self, first: int, count: int) -> None:
        journal = self._journal
        rows = zip(
            range(first, count),
            journal.kinds[first:].tolist(),
            journal.buyers[first:].tolist(),
            journal.others[first:].tolist(),
            strict=True,
        )
        bought, linked = self._bought, self._linked
        for row, kind, user, other in rows:
            if kind == PURCHASE:
                bought.add(user, row)
            else:
                begun = kind == BEFRIEND
                linked.add(user, row, other << 1 | begun)
                linked.add(other, row, user << 1 | begun)

    def _sort(self, count: int) -> None:
        journal = self._journal
        kinds, users, others = journal.kinds, journal.buyers, journal.others
        bought = np.flatnonzero(kinds == PURCHASE)
        self._bought.sort(Sorted.of(users[bought], bought, len(journal.names)), count)
        changes = np.flatnonzero(kinds != PURCHASE)
        owners = np.concatenate((users[changes], others[changes]))
        base = Sorted.of(owners, np.concatenate((changes, changes)), len(journal.names))
        rows = base.rows
        # Of the two users of a change the one who is not the owner.
        owner = np.repeat(np.arange(len(journal.names)), np.diff(base.starts))
        friend = users[rows].astype(np.int64) + others[rows] - owner
        base.values = friend << 1 | (kinds[rows] == BEFRIEND)
        self._linked.sort(base, count)


class OwnEvents:
    """What the journal holds of one user: all that an actor may read there."""

    __slots__ = ("_journal", "user")

    def __init__(self, journal: Journal, user: int) -> None:
        """Read what ``journal`` holds of ``user``, by number."""
        self._journal = journal
        self.user = user
        """Whose they are."""

    def other(self, event: Befriend | Unfriend) -> int:
        """Return the number of the other user of ``event``, one of the user's own."""
        numbers = self._journal.numbers
        one, other = numbers[event.user1], numbers[event.user2]
        return other if one == self.user else one

    def friends(self, number: int) -> frozenset[int]:
        """Return the user's friends as of event ``number``, by number."""
        return self._journal.friends(self.user, number)

    def bought(self, number: int) -> list[int]:
        """Return the rows of the user's purchases as of event ``number``, in order."""
        return self._journal.bought(self.user, number)

    def purchases(self, rows: Sequence[int]) -> list[Purchase]:
        """Return the purchases in ``rows``."""
        return self._journal.purchases(rows)

    def totals(self, rows: Sequence[int]) -> tuple[int, int]:
        """Return the sums of the numbers and of the amounts of ``rows``, modulo 2**64."""
        places = np.array(rows, np.int64)
        numbers = int(places.sum()) + len(places)
        return numbers, int(self._journal.amounts[places].sum())

    def events(self, number: int) -> list[Event]:
        """Return the user's events as of event ``number``, in the order in which they came."""
        journal = self._journal
        rows = sorted([*journal.bought(self.user, number), *journal.linked(self.user, number)])
        return [journal.event(row + 1) for row in rows]
