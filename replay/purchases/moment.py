"""A moment of a history of purchases, read off the journal: friends, networks and windows.

No actor is asked, so any number of moments share one journal, each as of an event of its own
and at whatever D and T. Tests hold them to what actors decide.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from actors.purchases.baseline import Baseline, baseline_of
from events.purchases.columns import PURCHASE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from numpy.typing import NDArray

    from events.purchases.event import Purchase
    from events.purchases.journal import PurchaseJournal

# So many rows are looked at first for the latest purchases, and then four times as many.
_ROWS_AT_FIRST: Final = 1 << 12
PAIRS_MAX: Final = 1 << 18
"""So many pairs of users are compared at most to tell whose networks changed."""
_NEAR_MAX: Final = 1 << 20
"""And so many users are looked up for that at most, where networks are deep."""


class Network(NamedTuple):
    """Who is within some friendships of a user."""

    user: int
    """Whose it is; never a member."""
    hops: tuple[dict[int, int], ...]
    """For each hop its members, ascending, each with a friend who is one hop nearer."""

    def within(self, degrees: int) -> Network:
        """Return the part of it within ``degrees`` friendships, at most as many as it has."""
        return Network(self.user, self.hops[:degrees])

    @property
    def members(self) -> list[int]:
        """All members, hop by hop."""
        return [member for hop in self.hops for member in hop]

    @property
    def hop_of(self) -> dict[int, int]:
        """How many friendships away each member is, from 1."""
        return {member: hop for hop, found in enumerate(self.hops, 1) for member in found}

    def path(self, member: int) -> list[int]:
        """Return a shortest chain of friends from the user to ``member``, both included."""
        chain = [member]
        for hop in reversed(self.hops):
            if chain[-1] in hop:
                chain.append(hop[chain[-1]])
        return chain[::-1]


def network_of(user: int, degrees: int, friends: Callable[[int], Collection[int]]) -> Network:
    """Return who is within ``degrees`` of ``user``, where all have these ``friends``."""
    hops: list[dict[int, int]] = []
    seen, frontier = {user}, [user]
    while frontier and len(hops) < degrees:
        found: dict[int, int] = {}
        # Of several friends who are nearer the one with the lowest number stays.
        for member in reversed(frontier):
            found.update(dict.fromkeys(friends(member), member))
        frontier = sorted(found.keys() - seen)
        seen.update(frontier)
        if frontier:
            hops.append({member: found[member] for member in frontier})
    return Network(user, tuple(hops))


class Moment:
    """What a journal says as of one event; later events change nothing of it."""

    def __init__(self, journal: PurchaseJournal, number: int) -> None:
        """Stand at the moment after event ``number``; 0 is before everything."""
        self.journal: Final = journal
        """All events."""
        self.number: Final = number
        """After which event it is."""
        self._friends: Final[dict[int, frozenset[int]]] = {}

    def friends(self, user: int) -> frozenset[int]:
        """Return the friends of ``user``, by number."""
        found = self._friends.get(user)
        if found is None:
            found = self._friends[user] = self.journal.friends(user, self.number)
        return found

    def network(self, user: int, degrees: int) -> Network:
        """Return who is within ``degrees`` friendships of ``user``."""
        return network_of(user, degrees, self.friends)

    def window(self, members: Collection[int], tracked: int) -> list[Purchase]:
        """Return the last ``tracked`` purchases that ``members`` made together, in order."""
        journal, number = self.journal, self.number
        among = np.zeros(len(journal.names), np.bool_)
        among[np.fromiter(members, np.int64, len(members))] = True
        order = journal.in_order(number) if journal.is_late(number) else None
        end, step, left = number if order is None else len(order), _ROWS_AT_FIRST, tracked
        parts: list[NDArray[np.int64]] = []
        while end and left > 0:
            start = max(end - step, 0)
            if order is None:
                bought = (journal.kinds[start:end] == PURCHASE) & among[journal.buyers[start:end]]
                rows = np.flatnonzero(bought) + start
            else:
                rows = order[start:end]
                rows = rows[among[journal.buyers[rows]]]
            parts.append(rows[-left:])
            end, step, left = start, 4 * step, left - len(rows)
        return journal.purchases([row for part in reversed(parts) for row in part.tolist()])

    def baseline(self, user: int, degrees: int, tracked: int) -> Baseline:
        """Return what a purchase of ``user`` is judged by at these D and T."""
        window = self.window(self.network(user, degrees).members, tracked)
        return baseline_of([purchase.amount for purchase in window])


class NetworkChanges(NamedTuple):
    """Whose networks a friendship changed."""

    begun: bool
    """Whether users came into them; else they dropped out."""
    members: dict[int, list[int]]
    """For each user whose network changed who came or dropped out, all ascending."""
    complete: bool
    """Whether these are all: there were few enough to be compared."""


def network_changes(journal: PurchaseJournal, number: int, degrees: int) -> NetworkChanges:
    """Return whose networks of degree ``degrees`` event ``number``, no purchase, changed."""
    one, other = int(journal.buyers[number - 1]), int(journal.others[number - 1])
    begun = other in journal.friends(one, number)
    if begun == (other in journal.friends(one, number - 1)):
        return NetworkChanges(begun, {}, complete=True)
    without = Moment(journal, number - 1 if begun else number)
    pairs, complete = _pairs(without, one, other, degrees)
    members: defaultdict[int, set[int]] = defaultdict(set)
    for user, member in pairs:
        members[user].add(member)
        members[member].add(user)
    found = {user: sorted(members[user]) for user in sorted(members)}
    return NetworkChanges(begun, found, complete=complete)


def _pairs(
    without: Moment, one: int, other: int, degrees: int
) -> tuple[list[tuple[int, int]], bool]:
    """Return who come within ``degrees`` of one another by the friendship of two users.

    Also whether these are all. A path by that friendship leads from a user near one end to one
    near the other; it counts where there is no other path as short.
    """
    ends = [_distances(without, end, degrees) for end in (one, other)]
    near: list[defaultdict[int, list[int]]] = [defaultdict(list), defaultdict(list)]
    for place, distances in enumerate(ends):
        for user, distance in distances.items():
            near[place][distance].append(user)
    balls = _Balls(without)
    pairs: list[tuple[int, int]] = []
    compared = 0
    for first, nearest in near[0].items():
        for second, others in near[1].items():
            if first + 1 + second > degrees:
                continue
            # Who is near the other end as well has a path that does without.
            users = _far(nearest, ends[1], degrees - second)
            members = _far(others, ends[0], degrees - first)
            for user in users:
                compared += len(members)
                if compared > PAIRS_MAX or balls.size > _NEAR_MAX:
                    return pairs, False
                pairs += [
                    (user, member)
                    for member in members
                    if user != member
                    and not (first and second and balls.meet(user, member, degrees))
                ]
    return pairs, True


def _distances(moment: Moment, user: int, degrees: int) -> dict[int, int]:
    return {user: 0} | moment.network(user, degrees).hop_of


def _far(users: Sequence[int], distances: dict[int, int], least: int) -> list[int]:
    return [user for user in users if distances.get(user, least + 1) > least]


class _Balls:
    """Who is within so many friendships of whom, looked up once."""

    def __init__(self, moment: Moment) -> None:
        self._moment: Final = moment
        self._found: Final[dict[tuple[int, int], frozenset[int]]] = {}
        self.size = 0
        """How many users all of them have."""

    def meet(self, user: int, member: int, degrees: int) -> bool:
        """Tell whether two users are within ``degrees`` friendships: whether half ways meet."""
        half = degrees // 2
        return not self._ball(user, half).isdisjoint(self._ball(member, degrees - half))

    def _ball(self, user: int, degrees: int) -> frozenset[int]:
        found = self._found.get((user, degrees))
        if found is None:
            found = frozenset((user, *self._moment.network(user, degrees).members))
            self._found[user, degrees] = found
            self.size += len(found)
        return found
