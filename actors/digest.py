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

from events.columns import BEFRIEND, PURCHASE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from actors.user import OwnPurchases
    from events.journal import Journal

MODULUS: Final = 1 << 64

# Larger than any user's number, so that a friendship has one key; odd and irregular, so
# that keys differ in the low bits, by which sets tell them apart.
_KEY_FACTOR: Final = 0x19E3779B1
# To sum up a column takes 20 ns a row, to add an event 3 µs: one in so many rows, as a shift.
_ROWS_SHIFT: Final = 7


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

    def __init__(self, journal: Journal) -> None:
        """Stand before the first event of ``journal``."""
        self._journal: Final = journal
        self._number = 0
        self._sums: Sums | None = Sums()

    def stand(self, number: int) -> None:
        """Stand at the moment after event ``number``."""
        ahead = number - self._number
        if self._sums is not None and 0 < ahead <= 1 + (number >> _ROWS_SHIFT):
            for each in range(self._number + 1, number + 1):
                self._sums = self._sums.plus(self._of_event(each))
        elif ahead:
            self._sums = None
        self._number = number

    def now(self) -> Sums:
        """Return the sums of the state, modulo 2**64."""
        if self._sums is None:
            self._sums = _sums_of_columns(self._journal, self._number)
        return self._sums.reduced()

    def _of_event(self, number: int) -> Sums:
        """Return what event ``number`` adds."""
        journal, row = self._journal, number - 1
        user, kind = int(journal.buyers[row]), int(journal.kinds[row])
        if kind == PURCHASE:
            amount = int(journal.amounts[row])
            return Sums(1, number, (user + 1) * number, amount, (user + 1) * amount)
        other, begun = int(journal.others[row]), kind == BEFRIEND
        if journal.are_friends(user, other, row) == begun:
            return Sums()
        key = key_of(user, other)
        added = Sums(friends=2, friendships=2 * key, pairs=2 * key * key)
        return added if begun else Sums().minus(added)


def _sums_of_columns(journal: Journal, number: int) -> Sums:
    """Return what the first ``number`` events come to, modulo 2**64."""
    kinds, amounts = journal.kinds[:number], journal.amounts[:number]
    # Sums of 64 bits without a sign are modulo 2**64 by themselves.
    buyers, others = (each[:number].astype(np.uint64) for each in (journal.buyers, journal.others))
    bought = np.flatnonzero(kinds == PURCHASE)
    u, n, a = (
        buyers[bought] + np.uint64(1),
        bought.astype(np.uint64) + np.uint64(1),
        amounts[bought],
    )
    linked = np.flatnonzero(kinds != PURCHASE)
    keys = _last_begun(_keys_of(buyers[linked], others[linked]), kinds[linked] == BEFRIEND)
    return Sums(
        len(bought),
        _sum(n),
        _sum(u * n),
        _sum(a),
        _sum(u * a),
        2 * len(keys),
        2 * _sum(keys),
        2 * _sum(keys * keys),
    )


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
