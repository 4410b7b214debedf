"""The journal of purchases and changes of friendships, with indexes by user."""

from __future__ import annotations

from bisect import bisect_right
from operator import itemgetter
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from events.journal.index import GROWTH, Column, Index
from events.journal.journal import Journal
from events.purchases.columns import BEFRIEND, NOBODY, PURCHASE, Columns, events_of
from events.purchases.event import Befriend, Event, Purchase, Unfriend

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from events.journal.index import Growth, Owners, Rows
    from events.purchases.columns import Amounts, Codes
    from events.purchases.styles import Style

E = TypeVar("E", Purchase, Event)

# So many purchases are made one by one in the time that it takes to begin with all at once.
_FEW: Final = 2


class PurchaseJournal(Journal[Event, Columns]):
    """All events of a history of purchases; they are only ever appended."""

    def __init__(self, growth: Growth = GROWTH) -> None:
        """Begin without events."""
        super().__init__(growth)
        self._users: Final = Column(np.int32, growth)
        self._others: Final = Column(np.int32, growth)
        self._amounts: Final = Column(np.uint64, growth)
        # From which event on lines have which style; empty while all are canonical.
        self._styles: Final[list[tuple[int, Style | None]]] = []
        # What each user bought, and the changes of its friendships.
        self._bought: Final = Index(self, self._buyings, growth=growth)
        self._linked: Final = Index(self, self._changes, self._friends, growth)
        # All purchases in order, where that is not the order of their numbers.
        self._order: Rows | None = None

    # Growing

    def _columns(self, event: Event) -> Columns:
        return Columns.of([event])

    def _take(self, columns: Columns) -> None:
        numbers = columns.codes_in(self.numbers)
        self._appear_in(numbers, columns.users, columns.others)
        self._users.append(numbers[columns.users])
        # NOBODY, which is -1, gives the last place.
        self._others.append(np.append(numbers, np.int32(NOBODY))[columns.others])
        self._amounts.append(columns.amounts)
        if columns.style != (self._styles[-1][1] if self._styles else None):
            self._styles.append((columns.number, columns.style))
        self._order = None

    # Whose rows are whose

    def _buyings(self, start: int, end: int) -> tuple[Rows, Owners]:
        rows = (self._kinds.array[start:end] == PURCHASE).nonzero()[0] + start
        return rows, self._users.array[rows]

    def _changes(self, start: int, end: int) -> tuple[Rows, Owners]:
        rows = (self._kinds.array[start:end] != PURCHASE).nonzero()[0]
        if not len(rows):
            return rows, self._users.array[:0]
        rows = (rows + start).repeat(2)
        owners = self._users.array[rows]
        owners[1::2] = self._others.array[rows[::2]]
        return rows, owners

    def _friends(self, rows: Rows, owners: Owners) -> Rows:
        """Return twice the friend, and one more if it began, of changes of friendships."""
        # Of the two users of a change the one who is not the owner.
        friends = self._users.array[rows] ^ self._others.array[rows] ^ owners
        values: Rows = friends.astype(np.int64) << 1 | (self._kinds.array[rows] == BEFRIEND)
        return values

    def _whom(self, rows: slice) -> Owners:
        others = self.others[rows]
        return np.append(self.buyers[rows], others[others != NOBODY])

    # Users

    def are_friends(self, user: int, other: int, number: int) -> bool:
        """Tell whether two users are friends as of event ``number``."""
        for value in reversed(self._linked.values_of(user, number)):
            if value >> 1 == other:
                return bool(value & 1)
        return False

    def friends(self, user: int, number: int) -> frozenset[int]:
        """Return the friends of ``user`` as of event ``number``, by number."""
        values = self._linked.values_of(user, number)
        one = self._one
        begun = [one[value >> 1] for value in values if value & 1]
        if len(begun) == len(values):
            return frozenset(begun)
        last = {value >> 1: value & 1 for value in values}
        return frozenset([one[other] for other, begun in last.items() if begun])

    def bought(self, user: int, number: int) -> list[int]:
        """Return the rows of what ``user`` bought as of event ``number``, in order."""
        rows = self._bought.rows_of(user, number)
        if self.is_late(number):
            rows.sort(key=self.place)
        return rows

    def rows_of(self, user: int, number: int) -> list[int]:
        return sorted([*self._bought.rows_of(user, number), *self._linked.rows_of(user, number)])

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
    def buyers(self) -> Codes:
        """Whose purchase each event is, or the first of the two users, by number; a view."""
        return self._users.array

    @property
    def others(self) -> Codes:
        """The second of the two users of each event, by number, or `NOBODY`; a view."""
        return self._others.array

    @property
    def amounts(self) -> Amounts:
        """The amount of each purchase in units of 1/10,000, and 0 of other events; a view."""
        return self._amounts.array

    def _made(self, places: slice | Rows, rows: Sequence[int]) -> list[Event]:
        made = events_of(
            [row + 1 for row in rows],
            self.names,
            self.kinds[places],
            self.buyers[places],
            self.others[places],
            self.amounts[places],
            self._times(places, rows),
            self._lines_of(rows),
        )
        return made if not self._styles else self._styled(made)

    def purchases(self, rows: Sequence[int]) -> list[Purchase]:
        """Return the purchases in ``rows``."""
        names = self.names
        values: Iterable[tuple[int, int, int, str, bytes | None]]
        if len(rows) <= _FEW:
            buyers, amounts, lines = self.buyers, self.amounts, self._lines
            values = [
                (row, buyers.item(row), amounts.item(row), self.time(row), lines.get(row))
                for row in rows
            ]
        else:
            places = np.array(rows, np.int64)
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

    def _styled(self, events: list[E]) -> list[E]:
        """Return ``events`` with the lines that their style gives them."""
        return [self._with_style(event) for event in events]

    def _with_style(self, event: E) -> E:
        place = bisect_right(self._styles, event.number, key=itemgetter(0)) - 1
        style = self._styles[place][1] if place >= 0 else None
        return event if style is None else style.styled(event)


class OwnEvents:
    """What the journal holds of one user: all that an actor may read there."""

    __slots__ = ("_journal", "user")

    def __init__(self, journal: PurchaseJournal, user: int) -> None:
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
        return self._journal.own(self.user, number)
