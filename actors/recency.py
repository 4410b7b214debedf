"""Who bought last: what the coordinator remembers to ask few users for a window.

The T latest purchases of a network belong to at most T of its members, and those
are members whose own last purchase is among the T latest. The coordinator routes
every purchase, so it can know who they are. All of this is derived from the events
and owned by nobody: the purchases in a window come from the users.
"""

from __future__ import annotations

import bisect
import heapq
from itertools import compress, count, islice
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from events.event import Purchase

# The walk looks at this many of everyone's latest purchases at most.
WALK_MAX: Final = 1 << 16
# Looking at one purchase in the walk took 20 ns, sorting one member's last 250 ns.
_SORT_TO_WALK: Final = 12


class Owners(NamedTuple):
    """Who owns the purchases of a window, and since when."""

    users: list[int]
    """Whom to ask, in an order that depends on the history alone."""
    since: tuple[str, int]
    """Time and number of the earliest purchase to ask for."""


class Recency:
    """The order of everyone's latest purchases, by time and then by number."""

    def __init__(self) -> None:
        """Begin before the first purchase."""
        self.last: list[Purchase | None] = []
        """For each user, its own latest purchase."""
        self._recent: list[Purchase] = []
        # Parallel to the last entries of _recent: the buyers' numbers. Filled when
        # first needed, for while the past is read nobody asks.
        self._buyers: list[int] = []
        self._complete = True

    def add_user(self) -> None:
        """Make room for the next user number."""
        self.last.append(None)

    def note_last(self, user: int, purchase: Purchase) -> None:
        """Take ``purchase`` for the latest of ``user``, unless it comes late."""
        last = self.last[user]
        if last is None or last < purchase:
            self.last[user] = purchase

    def extend(self, purchases: Sequence[Purchase]) -> None:
        """Take many purchases, sorted; call `note_last` for their buyers as well."""
        self._buyers.clear()
        recent = self._recent
        if recent and purchases and purchases[0] < recent[-1]:
            # Late: merge with those not older. The sort finds the runs. What is
            # older than all that is remembered would leave a gap.
            if not self._complete:
                purchases = purchases[bisect.bisect_left(purchases, recent[0]) :]
            if purchases:
                start = bisect.bisect_left(recent, purchases[0])
                recent[start:] = sorted([*recent[start:], *purchases])
        else:
            recent.extend(purchases)
        self._trim()

    def add(self, user: int, purchase: Purchase, numbers: dict[str, int]) -> None:
        """Take one purchase of ``user``; ``numbers`` gives the number of each user."""
        self.note_last(user, purchase)
        self._number_buyers(numbers)
        if not self._recent or self._recent[-1] < purchase:
            self._recent.append(purchase)
            self._buyers.append(user)
        else:
            place = bisect.bisect_left(self._recent, purchase)
            if place or self._complete:
                self._recent.insert(place, purchase)
                self._buyers.insert(place, user)
        self._trim()

    def owners(self, members: AbstractSet[int], tracked: int, numbers: dict[str, int]) -> Owners:
        """Return who owns the ``tracked`` latest purchases made by ``members``.

        When the members are a large part of everyone, walking back from the latest
        purchase of all meets enough of them soon; otherwise the members' own latest
        purchases are sorted. Both give all the owners and nobody's older purchases.
        """
        steps = tracked * len(self.last) // max(len(members), 1)
        if steps < min(WALK_MAX, _SORT_TO_WALK * len(members)):
            self._number_buyers(numbers)
            # The estimate takes all users to buy alike; where they do not, give up
            # when the walk has cost four times that.
            found = self._walk(members, tracked, 4 * steps)
            if found is not None:
                return found
        return self._sort(members, tracked)

    def _walk(self, members: AbstractSet[int], tracked: int, steps_max: int) -> Owners | None:
        hits = map(members.__contains__, islice(reversed(self._buyers), steps_max))
        places = list(islice(compress(count(1), hits), tracked))
        if len(places) < tracked and not (self._complete and steps_max >= len(self._buyers)):
            return None
        if not places:
            return Owners([], ("", 0))
        buyers = self._buyers
        earliest = self._recent[-places[-1]]
        users = list(dict.fromkeys([buyers[-place] for place in places]))
        return Owners(users, (earliest.time, earliest.number))

    def _sort(self, members: AbstractSet[int], tracked: int) -> Owners:
        last = self.last
        owners = [
            ((purchase.time, purchase.number), user)
            for user in members
            if (purchase := last[user]) is not None
        ]
        if not owners:
            return Owners([], ("", 0))
        if len(owners) <= tracked:
            return Owners([user for _, user in sorted(owners, reverse=True)], ("", 0))
        latest = heapq.nlargest(tracked, owners)
        return Owners([user for _, user in latest], latest[-1][0])

    def _number_buyers(self, numbers: dict[str, int]) -> None:
        if len(self._buyers) < len(self._recent):
            self._buyers = [numbers[purchase.user] for purchase in self._recent]

    def _trim(self) -> None:
        excess = len(self._recent) - 2 * WALK_MAX
        if excess > 0:
            del self._recent[: excess + WALK_MAX]
            del self._buyers[: excess + WALK_MAX]
            self._complete = False
