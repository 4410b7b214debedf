"""The part of a history that concerns some of its users, as columns.

Users are spread over a number of parts: that of user u is u modulo their number, and there it
is known by the quotient. What is asked of a part is asked for many users, and as of many
events, at once.
"""

from __future__ import annotations

from bisect import bisect_left
from math import isqrt
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np

from events.journal.index import GROWTH, Column
from events.journal.packing import pack, unpack
from events.journal.timed import Timed
from events.purchases.columns import BEFRIEND, NOBODY, PURCHASE
from events.purchases.event import Event, users_of
from events.purchases.links import Links

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from events.journal.index import Growth, Rows
    from events.purchases.columns import Codes, Columns

WALK_MAX: Final = 1 << 16
"""How many of the latest purchases are looked at, one after the other, at most."""
# To look at one in the walk takes 1 ns, to sort one of those of chosen users 10.
_SORT_TO_WALK: Final = 10
# The purchases by user are put in order anew where more than this share came since.
_NEW_SHARE: Final = 64


class Packed(msgspec.Struct, array_like=True, frozen=True):
    """The events of a block that concern the users of one part; columns as bytes."""

    first: int
    """The number of the block's first event."""
    events: int
    """How many events the block has, for all parts."""
    users: int
    """How many users there are after it, of all parts."""
    numbers: bytes
    """Of each purchase by how much its number is above the first one's."""
    buyers: bytes
    """Whose it is, as this part knows them."""
    amounts: bytes
    tick: int
    """The least time of a purchase, as `events.journal.ticks` counts."""
    unit: int
    """How many ticks there are from a time to the next, or a multiple of that many."""
    ticks: bytes
    """How many units after that each purchase is."""
    finer: dict[int, str]
    """The digits of times that ticks cannot tell, by index."""
    changes: bytes
    """By how much the number of each change of a friendship is above the first one's."""
    owners: bytes
    """Whose friendship it is; one of two users of a part is there twice."""
    friends: bytes
    """With whom, by number in the history."""
    begun: bytes
    """1 where it begins, 0 where it ends."""
    whole: list[Event] = []
    """The events themselves, for those who want them."""
    known: dict[str, int] = {}
    """The numbers of the users in these."""


class _Tail(NamedTuple):
    """The last purchases, in the order of time and number."""

    rows: Rows
    buyers: Codes
    numbers: NDArray[np.uint32]


def cut(
    columns: Columns,
    numbers: Codes,
    users: int,
    parts: int,
    wanted: Iterable[int],
    *,
    whole: bool,
) -> Iterator[Packed]:
    """Iterate over what of ``columns`` some of the parts get.

    Args:
        columns: some consecutive events.
        numbers: the number of each user in ``columns.names``.
        users: how many users there are after them.
        parts: how many parts there are.
        wanted: which of them, from 0.
        whole: whether they get the events themselves, too.

    """
    buyers = numbers[columns.users].astype(np.int64)
    others = np.append(numbers, np.int32(NOBODY))[columns.others].astype(np.int64)
    bought = np.flatnonzero(columns.kinds == PURCHASE)
    changed = np.flatnonzero(columns.kinds != PURCHASE).repeat(2)
    owners, friends = buyers[changed], others[changed]
    owners[1::2], friends[1::2] = others[changed[1::2]], buyers[changed[1::2]]
    events = columns.events() if whole else []
    for part in wanted:
        rows = bought[buyers[bought] % parts == part]
        mine = owners % parts == part
        ticks = columns.ticks[rows]
        least = int(ticks.min()) if len(rows) else 0
        unit = max(int(np.gcd.reduce(ticks - least)) if len(rows) else 1, 1)
        places = {row: index for index, row in enumerate(rows.tolist())} if columns.finer else {}
        finer = {places[row]: text for row, text in columns.finer.items() if row in places}
        yield Packed(
            columns.number,
            len(columns),
            users,
            pack(rows),
            pack(buyers[rows] // parts),
            pack(columns.amounts[rows]),
            least,
            unit,
            pack((ticks - least) // unit),
            finer,
            pack(changed[mine]),
            pack(owners[mine] // parts),
            pack(friends[mine]),
            pack(columns.kinds[changed[mine]] == BEFRIEND),
            *(
                _whole(events, np.append(rows, changed[mine]), columns.names, numbers)
                if whole
                else ()
            ),
        )


def _whole(
    events: Sequence[Event], rows: Rows, names: Sequence[str], numbers: Codes
) -> tuple[list[Event], dict[str, int]]:
    mine = [events[row] for row in np.unique(rows).tolist()]
    among = {name for event in mine for name in users_of(event)}
    known = zip(names, numbers.tolist(), strict=True)
    return mine, {name: number for name, number in known if name in among}


class Part(Timed):
    """What a part knows: its users' purchases, a row each, and their friendships."""

    def __init__(self, growth: Growth = GROWTH) -> None:
        """Begin without events."""
        super().__init__(growth)
        self._least: Final = growth.listed_min
        self._numbers: Final = Column(np.uint32, growth)
        self._buyers: Final = Column(np.int32, growth)
        self._amounts: Final = Column(np.uint64, growth)
        self.links: Final = Links(growth)
        """The users' friendships."""
        self.events = 0
        """How many events have come, of all parts."""
        self.users = 0
        """How many users have appeared, of all parts."""
        # How many purchases each user has made, and a place for each to be marked in.
        self._counts = np.zeros(0, np.int64)
        self._marks = np.zeros(0, np.bool_)
        # The rows in order, where that is not their own, and the last of them.
        self._order: NDArray[np.int32] | None = None
        self._tail: _Tail | None = None
        # The rows by user, as far as they were put in order, and where each user's begin.
        self._by_user = np.zeros(0, np.int32)
        self._starts = np.zeros(1, np.int64)

    def take(self, block: Packed) -> None:
        """Take the events of the next block.

        Raises:
            ValueError: it is another one.

        """
        if block.first != self.events + 1:
            raise ValueError(f"expected event {self.events + 1} next, found {block.first}")
        self.events += block.events
        self.users = block.users
        buyers = unpack(block.buyers).astype(np.int32)
        if len(buyers):
            self._numbers.append(unpack(block.numbers) + np.uint64(block.first))
            self._buyers.append(buyers)
            self._amounts.append(unpack(block.amounts))
            self._count_purchases(buyers)
            ticks = unpack(block.ticks).astype(np.int64) * block.unit + block.tick
            self._extend_times(ticks, block.finer)
            self._tail = None
        if block.owners:
            owners, friends, numbers, begun = (
                unpack(each).astype(np.int64)
                for each in (block.owners, block.friends, block.changes, block.begun)
            )
            self.links.add(owners, friends, numbers + block.first, begun)

    def _count_purchases(self, buyers: Codes) -> None:
        missing = int(buyers.max()) + 1 - len(self._counts)
        if missing > 0:
            room = np.zeros(missing + len(self._counts) // 8, np.int64)
            self._counts = np.append(self._counts, room)
            self._marks = np.zeros(len(self._counts), np.bool_)
        np.add.at(self._counts, buyers, 1)

    # Looking

    @property
    def numbers(self) -> NDArray[np.uint32]:
        """The number of each purchase; a view."""
        return self._numbers.array

    @property
    def buyers(self) -> Codes:
        """Whose each purchase is; a view."""
        return self._buyers.array

    @property
    def amounts(self) -> NDArray[np.uint64]:
        """The amount of each purchase in units of 1/10,000; a view."""
        return self._amounts.array

    @property
    def ticks(self) -> NDArray[np.int64]:
        """When each purchase was, as `events.journal.ticks` counts; a view."""
        return self._ticks.array

    @property
    def finer(self) -> dict[int, str]:
        """The digits of times that ticks cannot tell, by row."""
        return self._finer

    def latest(self, members: NDArray[np.int64], number: int, count: int) -> Rows:
        """Return the ``count`` latest purchases of ``members``, or all, before event ``number``.

        They are rows, in the order of time and number.

        Where the members buy much of what is bought, walking back from the latest purchase of
        all meets enough of theirs soon; otherwise their own are sorted. So
        `actors.purchases.recency` looks for them in a whole history.
        """
        members = members[members < len(self._counts)]
        total = int(self._counts[members].sum())
        if not total:
            return np.zeros(0, np.int64)
        self._marks[members] = True
        wanted = min(count, total)
        steps = (wanted + 3 * isqrt(wanted) + 4) * len(self) // total + 16
        rows = None
        while rows is None and steps < min(_SORT_TO_WALK * total, WALK_MAX):
            rows, steps = self._walk(number, count, steps), 4 * steps
        if rows is None:
            rows = self._sort(members, number)
        self._marks[members] = False
        return rows[-count:]

    def _walk(self, number: int, count: int, steps: int) -> Rows | None:
        """Look at the last purchases; None where ``steps`` of them are too few."""
        tail = self._tail
        if tail is None:
            rows = self._last_in_order()
            tail = self._tail = _Tail(rows, self.buyers[rows], self.numbers[rows])
        if self._first_late is None:
            end = int(np.searchsorted(tail.numbers, number))
            start = max(end - steps, 0)
            found = tail.rows[start:end][self._marks[tail.buyers[start:end]]]
        else:
            found = tail.rows[-steps:][self._marks[tail.buyers[-steps:]]]
            found = found[self.numbers[found] < number]
        return found if len(found) >= count or steps >= len(self) else None

    def _sort(self, members: NDArray[np.int64], number: int) -> Rows:
        base = len(self._by_user)
        if len(self) - base > max(self._least, base // _NEW_SHARE):
            keys = self.buyers.astype(np.int64) << 32 | np.arange(len(self))
            keys.sort()
            self._starts = np.append(0, np.cumsum(np.bincount(self.buyers)))
            self._by_user = (keys & 0xFFFFFFFF).astype(np.int32)
            base = len(self)
        known = members[members < len(self._starts) - 1]
        starts, ends = self._starts[known], self._starts[known + 1]
        counts = ends - starts
        places = np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        since = np.flatnonzero(self._marks[self.buyers[base:]]) + base
        rows = np.sort(np.append(self._by_user[places].astype(np.int64), since))
        rows = rows[self.numbers[rows] < number]
        return rows if self._first_late is None else self._sorted(rows)

    def _last_in_order(self) -> Rows:
        """Return the last rows in the order of time and number."""
        if self._first_late is None:
            return np.arange(max(len(self) - WALK_MAX, 0), len(self))
        order = self._order
        if order is None or self._finer:
            order = self._sorted(np.arange(len(self))).astype(np.int32)
        elif len(order) < len(self):
            new = np.arange(len(order), len(self))
            oldest = int(new[np.argmin(self.ticks[new])])
            place = bisect_left(order, self.place(oldest), key=self.place)
            tail = self._sorted(np.sort(np.append(order[place:].astype(np.int64), new)))
            order = np.append(order[:place], tail.astype(np.int32))
        self._order = order
        return order[-WALK_MAX:].astype(np.int64)
