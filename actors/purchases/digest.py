"""Sums that stand for the state of all users, to compare a run with its replay.

A hash of every user's state takes 0.1 s with 10,000 users, too long to take every
10,000 events. Sums of whole numbers do not depend on any order, and a difference tells
which user it is about. The coordinator takes them from the journal's columns; `sums_of`
makes the same ones from what the actors hold, so that comparing checks the one against
the other. This finds faults, not forgers.
"""

from __future__ import annotations

from operator import mul
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from events.purchases.columns import BEFRIEND, PURCHASE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from actors.purchases.user import OwnPurchases
    from events.purchases.journal import PurchaseJournal

MODULUS: Final = 1 << 64

# Larger than any user's number, so that a friendship has one key; odd and irregular, so
# that keys differ in the low bits, by which sets tell them apart.
_KEY_FACTOR: Final = 0x19E3779B1
_ONE: Final = np.uint64(1)
# So many rows fit a cache, and what is made of them is memory that was there already: of 5 million
# all at once took six times as long in a run.
_AT_ONCE: Final = 1 << 15


class Sums(NamedTuple):
    """The sums of a state, or of one user's part of it; recorded modulo 2**64.

    u is a user's number + 1, n the number of a purchase's event, a its amount in units of
    1/10,000, and k the key of a friendship, as `key_of` gives it.
    """

    purchases: int = 0
    """How many purchases there are."""
    numbers: int = 0
    """The sum of n over the purchases."""
    buyers: int = 0
    """The sum of u * n over the purchases."""
    amounts: int = 0
    """The sum of a over the purchases."""
    spent: int = 0
    """The sum of u * a over the purchases."""
    friends: int = 0
    """How many friends the users have together, which is two a friendship."""
    friendships: int = 0
    """The sum of k over them."""
    pairs: int = 0
    """The sum of k * k over them."""

    def reduced(self) -> Sums:
        """Return the sums modulo 2**64."""
        return Sums(*[value % MODULUS for value in self])

    def plus(self, part: Sums) -> Sums:
        """Return the sums with ``part``."""
        return Sums(*map(sum, zip(self, part, strict=True)))

    def minus(self, part: Sums) -> Sums:
        """Return the sums without ``part``."""
        return Sums(*[one - other for one, other in zip(self, part, strict=True)])


def key_of(user1: int, user2: int) -> int:
    """Return the key of the friendship of two users, given by number in any order."""
    return user1 * _KEY_FACTOR + user2 if user1 < user2 else user2 * _KEY_FACTOR + user1


def sums_of(user: int, friends: Iterable[int], purchases: OwnPurchases) -> Sums:
    """Return the sums of the state that the actor of user number ``user`` holds."""
    u = user + 1
    count, numbers, amounts = purchases.totals()
    keys = [key_of(user, friend) for friend in friends]
    squares = sum(map(mul, keys, keys))
    return Sums(count, numbers, u * numbers, amounts, u * amounts, len(keys), sum(keys), squares)


def total_of(parts: Iterable[Sums]) -> Sums:
    """Return the sums of all ``parts`` together."""
    return Sums(*map(sum, zip(*parts, strict=True)))


def users_of_difference(difference: Sums) -> tuple[int, ...]:
    """Return the numbers of the users whose states explain ``difference``.

    One user whose purchases differ, or the two of a friendship that differs; nobody
    where the difference is of more than that.
    """
    half = MODULUS >> 1
    signed = [(value + half) % MODULUS - half for value in difference]
    _, numbers, buyers, amounts, spent, friends, friendships, _ = signed
    weighted, plain = (buyers, numbers) if numbers else (spent, amounts)
    if plain:
        u, rest = divmod(weighted, plain)
        return () if rest or u < 1 else (u - 1,)
    if friends:
        key, rest = divmod(friendships, friends)
        return () if rest or key < 0 else divmod(key, _KEY_FACTOR)
    return ()


class RunningSums:
    """The sums of the state as of an event, from the columns of a journal."""

    def __init__(self, journal: PurchaseJournal, rows_shift: int = 7) -> None:
        """Stand before the first event of ``journal``.

        To sum up a column takes 20 ns a row, to add an event 3 µs: so it is done for one in so
        many rows, as a shift.
        """
        self._journal: Final = journal
        self._rows_shift: Final = rows_shift
        self._number = 0
        # The sums that were asked for last, and as of which event.
        self._sums = Sums()
        self._summed = 0

    def stand(self, number: int) -> None:
        """Stand at the moment after event ``number``; nothing is summed up before it is asked."""
        self._number = number

    def now(self) -> Sums:
        """Return the sums of the state, modulo 2**64."""
        number, ahead = self._number, self._number - self._summed
        if 0 < ahead <= 1 + (number >> self._rows_shift):
            self._sums = self._sums.plus(self._since(self._summed))
        elif ahead:
            self._sums = _bought(self._journal, 0, number).plus(_linked(self._journal, number))
        self._summed = number
        return self._sums.reduced()

    def _since(self, first: int) -> Sums:
        """Return what the events after event ``first`` add."""
        journal, last = self._journal, self._number
        added = _bought(journal, first, last)
        for row in (np.flatnonzero(journal.kinds[first:last] != PURCHASE) + first).tolist():
            user, other = int(journal.buyers[row]), int(journal.others[row])
            begun = int(journal.kinds[row]) == BEFRIEND
            if journal.are_friends(user, other, row) != begun:
                key = key_of(user, other)
                change = Sums(friends=2, friendships=2 * key, pairs=2 * key * key)
                added = added.plus(change) if begun else added.minus(change)
        return added


def _bought(journal: PurchaseJournal, first: int, last: int) -> Sums:
    """Return what the purchases after event ``first`` up to event ``last`` come to."""
    sums = Sums()
    for start in range(first, last, _AT_ONCE):
        kinds = journal.kinds[start : min(start + _AT_ONCE, last)]
        rows = np.flatnonzero(kinds == PURCHASE) + start
        buyers, numbers = journal.buyers[rows].astype(np.uint64), rows.astype(np.uint64) + _ONE
        sums = sums.plus(purchase_sums(buyers, numbers, journal.amounts[rows]))
    return sums


def purchase_sums(
    users: NDArray[np.uint64], numbers: NDArray[np.uint64], amounts: NDArray[np.uint64]
) -> Sums:
    """Return what purchases come to, modulo 2**64: whose they are, their numbers and amounts."""
    # Sums of 64 bits without a sign are modulo 2**64 by themselves.
    u = users + _ONE
    return Sums(len(u), _sum(numbers), _sum(u * numbers), _sum(amounts), _sum(u * amounts))


def linked_sums(users: NDArray[np.int64], friends: NDArray[np.int64]) -> Sums:
    """Return what friendships come to, modulo 2**64, each as one of its two users has it."""
    keys = _keys_of(users.astype(np.uint64), friends.astype(np.uint64))
    return Sums(friends=len(keys), friendships=_sum(keys), pairs=_sum(keys * keys))


def _linked(journal: PurchaseJournal, number: int) -> Sums:
    """Return what the friendships as of event ``number`` come to."""
    rows = np.flatnonzero(journal.kinds[:number] != PURCHASE)
    users, others = (each[rows].astype(np.uint64) for each in (journal.buyers, journal.others))
    keys = _last_begun(_keys_of(users, others), journal.kinds[rows] == BEFRIEND)
    return Sums(friends=2 * len(keys), friendships=2 * _sum(keys), pairs=2 * _sum(keys * keys))


def _keys_of(users: NDArray[np.uint64], others: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the key of each friendship, as `key_of` does."""
    return np.minimum(users, others) * np.uint64(_KEY_FACTOR) + np.maximum(users, others)


def _last_begun(keys: NDArray[np.uint64], begun: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Return the keys whose last change is that the friendship began."""
    order = np.argsort(keys, kind="stable")
    keys, begun = keys[order], begun[order]
    last = np.append(keys[1:] != keys[:-1], np.ones(min(len(keys), 1), np.bool_))
    return keys[last & begun]


def _sum(values: NDArray[np.uint64]) -> int:
    return int(values.sum(dtype=np.uint64))
