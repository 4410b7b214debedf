"""Sums that stand for the state of all users, to compare a run with its replay.

A hash of every user's state takes 0.1 s with 10,000 users, too long to take every
10,000 events. Sums of whole numbers are kept up to date as events are routed, do not
depend on any order, and a difference tells which user it is about. The coordinator
keeps them from what it routes; `sums_of` makes the same ones from what the actors
hold, so that comparing checks the one against the other. This finds faults, not forgers.
"""

from __future__ import annotations

from operator import mul
from typing import TYPE_CHECKING, Final, NamedTuple

from events.event import Befriend, Unfriend

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from events.event import Purchase

MODULUS: Final = 1 << 64

# Larger than any user's number, so that a friendship has one key; odd and irregular, so
# that keys differ in the low bits, by which sets tell them apart.
_KEY_FACTOR: Final = 0x19E3779B1


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

    def minus(self, part: Sums) -> Sums:
        """Return the sums without ``part``."""
        return Sums(*[one - other for one, other in zip(self, part, strict=True)])


def key_of(user1: int, user2: int) -> int:
    """Return the key of the friendship of two users, given by number in any order."""
    return user1 * _KEY_FACTOR + user2 if user1 < user2 else user2 * _KEY_FACTOR + user1


def sums_of(user: int, friends: Iterable[int], purchases: Sequence[Purchase]) -> Sums:
    """Return the sums of the state that the actor of user number ``user`` holds."""
    u = user + 1
    numbers = sum([purchase.number for purchase in purchases])
    amounts = sum([purchase.amount for purchase in purchases])
    keys = [key_of(user, friend) for friend in friends]
    squares = sum(map(mul, keys, keys))
    return Sums(
        len(purchases), numbers, u * numbers, amounts, u * amounts, len(keys), sum(keys), squares
    )


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
    """The sums of a state, kept up to date from the events that make it."""

    def __init__(self) -> None:
        """Begin with no purchases and no friendships."""
        self._purchases = self._numbers = self._buyers = self._amounts = self._spent = 0
        self._key_sum = self._key_squares = 0
        # Whether an event changes a friendship depends on whether it is there.
        self._keys: set[int] = set()

    def add_purchases(self, users: Sequence[int], purchases: Sequence[Purchase]) -> None:
        """Take purchases, each by the user whose number stands at its place."""
        numbers = [purchase.number for purchase in purchases]
        amounts = [purchase.amount for purchase in purchases]
        number_sum, amount_sum = sum(numbers), sum(amounts)
        self._purchases += len(purchases)
        self._numbers += number_sum
        self._buyers += sum(map(mul, users, numbers)) + number_sum
        self._amounts += amount_sum
        self._spent += sum(map(mul, users, amounts)) + amount_sum

    def change_friendships(
        self, pairs: Sequence[tuple[int, int]], changes: Sequence[Befriend | Unfriend]
    ) -> None:
        """Take changes of friendships, each between the users whose numbers stand at its place."""
        # As `key_of` does; a call a change took twice as long.
        keys = [u * _KEY_FACTOR + v if u < v else v * _KEY_FACTOR + u for u, v in pairs]
        # Of several changes to one friendship the last one counts.
        last = dict(zip(keys, [type(change) is Befriend for change in changes], strict=True))
        begun = {key for key, is_there in last.items() if is_there}
        ended = last.keys() - begun
        ended &= self._keys
        begun -= self._keys
        self._keys |= begun
        self._keys -= ended
        self._key_sum += sum(begun) - sum(ended)
        self._key_squares += sum(map(mul, begun, begun)) - sum(map(mul, ended, ended))

    def now(self) -> Sums:
        """Return the sums of all that was taken."""
        sums = (self._purchases, self._numbers, self._buyers, self._amounts, self._spent)
        return Sums(*sums, 2 * len(self._keys), 2 * self._key_sum, 2 * self._key_squares)
