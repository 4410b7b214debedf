"""Who bought last: what the coordinator remembers to ask few users for a window.

The T latest purchases of a network belong to at most T of its members, and those
are members whose own last purchase is among the T latest. The coordinator routes
every purchase, so it can know who they are. All of this is derived from the events
and owned by nobody: the purchases in a window come from the users.
"""

from __future__ import annotations

import bisect
import heapq
from itertools import islice
from operator import gt
from typing import TYPE_CHECKING, Final, NamedTuple

from events.event import place_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from events.event import Purchase

# The walk looks at this many of everyone's latest purchases at most. Up to twice as
# many are remembered, but never looked at: whom to ask depends on the history alone,
# not on when what was forgotten.
WALK_MAX: Final = 1 << 16
# Looking at one purchase in the walk took 25 ns, sorting one purchase 400 ns.
_SORT_TO_WALK: Final = 16


class Owners(NamedTuple):
    """Whom to ask for the purchases of a window, and for which."""

    latest: dict[int, int]
    """For each owner how many of its latest purchases at most; the order of the
    owners depends on the history alone."""
    since: tuple[str, int]
    """Time and number before which no purchase is asked for; ("", 0) for no bound."""


class Recency:
    """The order of everyone's latest purchases, by time and then by number."""

    def __init__(self) -> None:
        """Begin before the first purchase."""
        self.last: list[Purchase | None] = []
        """For each user, its own latest purchase."""
        self._recent: list[Purchase] = []
        # Parallel to it the buyers' numbers; empty until asked for, since while the past
        # is read nobody asks.
        self._buyers: list[int] = []
        self._total = 0

    def add_user(self) -> None:
        """Make room for the next user number."""
        self.last.append(None)

    def note_last(self, user: int, purchase: Purchase) -> None:
        """Take ``purchase`` for the latest of ``user``, unless it comes late."""
        last = self.last[user]
        if last is None or place_of(last) < place_of(purchase):
            self.last[user] = purchase

    def extend(self, purchases: list[Purchase]) -> bool:
        """Take many purchases, in the order in which they came.

        `note_last` is for the caller to call.

        Returns:
            Whether one of them is older than one that came before it.

        """
        if not purchases:
            return False
        self._total += len(purchases)
        times = [purchase.time for purchase in self._recent[-1:] + purchases]
        late = any(map(gt, times, islice(times, 1, None)))
        self._buyers.clear()
        if late:
            self._merge(sorted(purchases, key=place_of))
        else:
            self._recent += purchases
        self._trim()
        return late

    def add(self, user: int, purchase: Purchase, numbers: Mapping[str, int]) -> None:
        """Take one purchase of ``user``; ``numbers`` gives the number of each user."""
        self.note_last(user, purchase)
        self._number_buyers(numbers)
        self._total += 1
        if not self._recent or place_of(self._recent[-1]) < place_of(purchase):
            self._recent.append(purchase)
            self._buyers.append(user)
        elif place := self._merge([purchase]):
            self._buyers.insert(place - 1, user)
        self._trim()

    def _merge(self, late: list[Purchase]) -> int:
        """Put sorted purchases in their places; return the first place from 1, or 0 for none."""
        recent = self._recent
        if len(recent) + len(late) < self._total:
            # What is older than all that is remembered would leave a gap.
            late = late[bisect.bisect_left(late, place_of(recent[0]), key=place_of) :]
        if not late:
            return 0
        start = bisect.bisect_left(recent, place_of(late[0]), key=place_of)
        if len(late) == 1:
            recent.insert(start, late[0])
        else:
            # The sort finds that these are two sorted runs.
            recent[start:] = sorted([*recent[start:], *late], key=place_of)
        return start + 1

    def remove(self, user: int, purchase: Purchase, last: Purchase | None) -> None:
        """Forget a purchase of ``user``, whose latest one is now ``last``."""
        self.last[user] = last
        self._total -= 1
        place = bisect.bisect_left(self._recent, place_of(purchase), key=place_of)
        if place < len(self._recent) and self._recent[place].number == purchase.number:
            del self._recent[place]
            del self._buyers[place : place + 1]

    def remembers_enough(self) -> bool:
        """Tell whether all purchases are there that the walk may look at; `remove` takes some."""
        return len(self._recent) >= min(self._total, WALK_MAX)

    def latest(self, count: int) -> list[Purchase]:
        """Return everyone's latest purchases, the last first: ``count``, or all remembered."""
        return list(islice(reversed(self._recent), count))

    def dump(self) -> tuple[tuple[Purchase | None, ...], tuple[Purchase, ...], int]:
        """Return what `load` takes: each user's latest purchase, everyone's, and how many."""
        return tuple(self.last), tuple(self._recent), self._total

    def load(self, last: Sequence[Purchase | None], recent: Sequence[Purchase], total: int) -> None:
        """Be as the recency was that `dump` was called on."""
        self.last = list(last)
        self._recent = list(recent)
        self._buyers = []
        self._total = total

    def owners(self, members: AbstractSet[int], tracked: int, numbers: Mapping[str, int]) -> Owners:
        """Return who owns the ``tracked`` latest purchases made by ``members``.

        When the members are a large part of everyone, walking back from the latest
        purchase of all meets enough of them soon; otherwise the members' own latest
        purchases are sorted. Both give all the owners and nobody's older purchases.
        """
        # What either way costs, in purchases walked past. The estimate of the walk takes
        # all users to buy alike. Fewer members than purchases tracked may all answer
        # with that many purchases, which have to be sorted too.
        steps = tracked * len(self.last) // max(len(members), 1)
        answers = tracked * (2 if len(members) >= tracked else len(members))
        if steps < min(WALK_MAX, _SORT_TO_WALK * (len(members) + answers)):
            self._number_buyers(numbers)
            # Where the estimate is wrong, give up at four times of it.
            found = self._walk(members, tracked, min(4 * steps, WALK_MAX))
            if found is not None:
                return found
        return self._sort(members, tracked)

    def _walk(self, members: AbstractSet[int], tracked: int, steps_max: int) -> Owners | None:
        """Count the owners of everyone's latest purchases; None if that takes too many steps."""
        buyers = self._buyers
        walk = filter(members.__contains__, islice(reversed(buyers), steps_max))
        found = list(islice(walk, tracked))
        if len(found) < tracked and steps_max < self._total:
            return None
        latest: dict[int, int] = {}
        for user in found:
            latest[user] = latest.get(user, 0) + 1
        return Owners(latest, ("", 0))

    def _sort(self, members: AbstractSet[int], tracked: int) -> Owners:
        last = self.last
        owners = [
            ((purchase.time, purchase.number), user)
            for user in members
            if (purchase := last[user]) is not None
        ]
        latest = heapq.nlargest(tracked, owners)
        since = latest[-1][0] if len(latest) == tracked else ("", 0)
        return Owners({user: tracked for _, user in latest}, since)

    def _number_buyers(self, numbers: Mapping[str, int]) -> None:
        if len(self._buyers) < len(self._recent):
            self._buyers = [numbers[purchase.user] for purchase in self._recent]

    def _trim(self) -> None:
        excess = len(self._recent) - 2 * WALK_MAX
        if excess > 0:
            del self._recent[: excess + WALK_MAX]
            del self._buyers[: excess + WALK_MAX]
