"""Who bought last: what the coordinator looks up to ask few users for a window.

The T latest purchases of a network belong to at most T of its members, and those
are members whose own last purchase is among the T latest. All of this comes from the
journal's columns, as of the event before which is asked, and is owned by nobody: the
purchases in a window come from the users.
"""

from __future__ import annotations

import bisect
import heapq
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from events.purchases.columns import PURCHASE

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from numpy.typing import NDArray

    from events.purchases.event import Purchase
    from events.purchases.journal import PurchaseJournal

_NONE: Final = -1


class Walk(NamedTuple):
    """How far everyone's latest purchases are walked back through."""

    steps_max: int = 1 << 16
    """How many are looked at at most. Up to twice as many are remembered, but never looked at:
    whom to ask depends on the history alone, not on when what was forgotten."""
    steps_to_sort: int = 16
    """How many are walked past in the time in which one is sorted: 25 and 400 ns."""


WALK: Final = Walk()
"""What is the fastest."""


class Owners(NamedTuple):
    """Whom to ask for the purchases of a window, and for which."""

    latest: dict[int, int]
    """For each owner how many of its latest purchases at most; the order of the
    owners depends on the history alone."""
    since: tuple[str, int]
    """Time and number before which no purchase is asked for; ("", 0) for no bound."""


class Recency:
    """The order of everyone's latest purchases, by time and then by number, as of an event."""

    def __init__(self, journal: PurchaseJournal, walk: Walk = WALK) -> None:
        """Stand before the first event of ``journal``."""
        self._journal: Final = journal
        self._walks: Final = walk
        self._number = 0
        # Everyone's latest purchases as rows, in order, and beside them whose they are; and
        # for each user the row of its own latest purchase. None until asked for.
        self._recent: list[int] | None = None
        self._buyers: list[int] = []
        self._purchases = 0
        self._last: NDArray[np.int64] | None = None

    def stand(self, number: int) -> None:
        """Stand at the moment after event ``number``."""
        if number == self._number:
            return
        if number == self._number + 1:
            self._number = number
            self._add(number - 1)
        else:
            self._number = number
            self._recent = self._last = None

    def latest(self, count: int) -> list[Purchase]:
        """Return everyone's latest purchases, the last first: ``count``, or as many as there are.

        Never more than the walk looks at.
        """
        recent = self._remember()
        return self._journal.purchases(recent[: -min(count, self._walks.steps_max) - 1 : -1])

    def last(self, user: int) -> int | None:
        """Return the number of the latest purchase of ``user``, or None if it has none."""
        row = int(self._last_rows()[user])
        return None if row == _NONE else row + 1

    def owners(self, members: AbstractSet[int], tracked: int) -> Owners:
        """Return who owns the ``tracked`` latest purchases made by ``members``.

        When the members are a large part of everyone, walking back from the latest
        purchase of all meets enough of them soon; otherwise the members' own latest
        purchases are sorted. Both give all the owners and nobody's older purchases.
        """
        # What either way costs, in purchases walked past. The estimate of the walk takes
        # all users to buy alike. Fewer members than purchases tracked may all answer
        # with that many purchases, which have to be sorted too.
        steps = tracked * self._journal.users(self._number) // max(len(members), 1)
        answers = tracked * (2 if len(members) >= tracked else len(members))
        steps_max, steps_to_sort = self._walks
        if steps < min(steps_max, steps_to_sort * (len(members) + answers)):
            # Where the estimate is wrong, give up at four times of it.
            found = self._walk(members, tracked, min(4 * steps, steps_max))
            if found is not None:
                return found
        return self._sort(members, tracked)

    def _walk(self, members: AbstractSet[int], tracked: int, steps_max: int) -> Owners | None:
        """Count the owners of everyone's latest purchases; None if that takes too many steps."""
        self._remember()
        walk = filter(members.__contains__, islice(reversed(self._buyers), steps_max))
        found = list(islice(walk, tracked))
        if len(found) < tracked and steps_max < self._purchases:
            return None
        latest: dict[int, int] = {}
        for user in found:
            latest[user] = latest.get(user, 0) + 1
        return Owners(latest, ("", 0))

    def _sort(self, members: AbstractSet[int], tracked: int) -> Owners:
        journal = self._journal
        users = np.fromiter(members, np.int64, len(members))
        rows = self._last_rows()[users]
        bought = rows != _NONE
        users, rows = users[bought], rows[bought]
        if journal.is_late(self._number):
            places = zip(map(journal.place, rows.tolist()), users.tolist(), strict=True)
            latest = heapq.nlargest(tracked, places)
            owners = [user for _, user in latest]
            oldest = latest[-1][0].number - 1 if latest else _NONE
        else:
            order = np.argsort(rows)[: -tracked - 1 : -1]
            owners = journal.ones(users[order])
            oldest = int(rows[order[-1]]) if owners else _NONE
        since = (journal.time(oldest), oldest + 1) if len(owners) == tracked else ("", 0)
        return Owners(dict.fromkeys(owners, tracked), since)

    def _add(self, row: int) -> None:
        """Take the event in ``row`` for the latest that came, if it is a purchase."""
        journal = self._journal
        if journal.kinds[row] != PURCHASE:
            return
        (user,), late = journal.ones(journal.buyers[row : row + 1]), journal.is_late(self._number)
        if self._last is not None:
            last = self._last_rows()
            before = int(last[user])
            if not late or before == _NONE or journal.place(before) < journal.place(row):
                last[user] = row
        recent = self._recent
        if recent is None:
            return
        if not late or not recent or journal.place(recent[-1]) < journal.place(row):
            recent.append(row)
            self._buyers.append(user)
        else:
            place = bisect.bisect_left(recent, journal.place(row), key=journal.place)
            # What is older than all that is remembered would leave a gap.
            if place or len(recent) == self._purchases:
                recent.insert(place, row)
                self._buyers.insert(place, user)
        self._purchases += 1
        steps_max = self._walks.steps_max
        if len(recent) > 2 * steps_max:
            del recent[:-steps_max]
            del self._buyers[:-steps_max]

    def _remember(self) -> list[int]:
        if self._recent is None:
            rows = self._journal.in_order(self._number)
            self._purchases = len(rows)
            rows = rows[-self._walks.steps_max :]
            self._recent = rows.tolist()
            self._buyers = self._journal.ones(self._journal.buyers[rows])
        return self._recent

    def _last_rows(self) -> NDArray[np.int64]:
        """Return the row of each user's latest purchase, and `_NONE` where there is none."""
        journal, last = self._journal, self._last
        if last is None:
            rows = journal.in_order(self._number)
            places = np.full(len(journal.names), _NONE)
            np.maximum.at(places, journal.buyers[rows], np.arange(len(rows)))
            # The last place is for those who have none.
            last = np.append(rows, _NONE)[places]
            self._last = last
        elif len(last) < len(journal.names):
            more = np.full(len(journal.names) - len(last) + len(last) // 8, _NONE)
            last = self._last = np.concatenate((last, more))
        return last
