"""Friendships of some users as spans of events: who was whose friend, as of any of the latest.

The index of a journal (`events.journal.index`) is asked for one user at a time. This one is
asked for many at once, each as of an event of its own, and answers with one operation on
arrays for all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from events.journal.index import GROWTH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from events.journal.index import Growth

_NUMBER_BITS: Final = 32
_NUMBER_MASK: Final = (1 << _NUMBER_BITS) - 1
NEVER: Final = _NUMBER_MASK
"""The end of a friendship that has not ended."""
# As an index of a journal does: what came since is put into the base where it is more than this
# share of it.
_NEW_SHARE: Final = 8


class Answers(NamedTuple):
    """Who is a friend of whom."""

    which: NDArray[np.int64]
    """The place of the question that is answered."""
    friends: NDArray[np.int64]
    """A friend, by number."""


class _Spans:
    """Spans in the order of their owners, and then of their first event."""

    def __init__(
        self,
        keys: NDArray[np.int64],
        friends: NDArray[np.int32],
        until: NDArray[np.uint32],
        owners: int | None,
    ) -> None:
        """Take spans.

        Args:
            keys: the owner, and in the low bits the number of the first event.
            friends: whose friendship it is with.
            until: the number of the event that ended it, or `NEVER`.
            owners: make a table of where the spans of each of so many owners begin, or none.

        """
        self.keys: Final = keys
        self.friends: Final = friends
        self.until: Final = until
        self.since: Final = (keys & _NUMBER_MASK).astype(np.uint32)
        self.last: Final = int(self.since.max(initial=0))
        self.any_ended = bool((until != NEVER).any())
        counts = None if owners is None else np.bincount(keys >> _NUMBER_BITS, minlength=owners)
        self.starts: Final = None if counts is None else np.append(0, np.cumsum(counts))

    def bounds(self, owners: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where the spans of each of ``owners`` begin and end."""
        if self.starts is None:
            low = owners << _NUMBER_BITS
            return np.searchsorted(self.keys, low), np.searchsorted(
                self.keys, low + (1 << _NUMBER_BITS)
            )
        known = np.minimum(owners, len(self.starts) - 2)
        starts, ends = self.starts[known], self.starts[known + 1]
        return starts, np.where(known == owners, ends, starts)

    def spread(self, owners: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return all spans of ``owners``: the place of the owner, and that of the span."""
        starts, ends = self.bounds(owners)
        counts = ends - starts
        which = np.repeat(np.arange(len(owners)), counts)
        firsts = np.repeat(starts - np.cumsum(counts) + counts, counts)
        return which, firsts + np.arange(len(which))

    def end(self, owners: NDArray[np.int64], ranks: _Ranks) -> None:
        """End the spans of ``owners``, each with the first end behind its beginning."""
        which, spans = self.spread(owners)
        pairs = owners[which] << _NUMBER_BITS | self.friends[spans]
        ends = ranks.first_behind(pairs, self.since[spans])
        self.until[spans] = np.minimum(self.until[spans], ends)
        self.any_ended = self.any_ended or bool((ends != NEVER).any())


class _Ranks:
    """When friendships end, by pair of owner and friend."""

    def __init__(self, pairs: NDArray[np.int64], numbers: NDArray[np.int64]) -> None:
        self._pairs, ranks = np.unique(pairs, return_inverse=True)
        self._ends = np.sort(ranks << _NUMBER_BITS | numbers)

    def first_behind(
        self, pairs: NDArray[np.int64], numbers: NDArray[np.uint32]
    ) -> NDArray[np.uint32]:
        """Return for each of ``pairs`` its first end behind an event, or `NEVER`."""
        ranks = np.minimum(np.searchsorted(self._pairs, pairs), len(self._pairs) - 1)
        places = np.searchsorted(self._ends, ranks << _NUMBER_BITS | numbers, side="right")
        found = self._ends[np.minimum(places, len(self._ends) - 1)]
        ends = (places < len(self._ends)) & (found >> _NUMBER_BITS == ranks)
        ends &= self._pairs[ranks] == pairs
        return np.where(ends, found & _NUMBER_MASK, NEVER).astype(np.uint32)


def _nothing(owners: int | None = None) -> _Spans:
    return _Spans(np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.uint32), owners)


class Links:
    """All friendships of some users, the owners."""

    def __init__(self, growth: Growth = GROWTH) -> None:
        """Begin without any."""
        self._least: Final = growth.listed_min
        self._base, self._recent = _nothing(0), _nothing()
        self._owners = 0
        # What is not known yet: owners, friends, numbers, and which begin.
        self._new: list[tuple[NDArray[np.int64], ...]] = []
        # The owners of changes that somebody may ask about, each with its number, ascending.
        self._changed = np.zeros(0, np.int64)

    def add(
        self,
        owners: NDArray[np.int64],
        friends: NDArray[np.int64],
        numbers: NDArray[np.int64],
        begun: NDArray[np.int64],
    ) -> None:
        """Take changes: with whom whose friendship begins, or ends, and with which event."""
        self._owners = max(self._owners, int(owners.max(initial=-1)) + 1)
        self._new.append((owners, friends, numbers, begun))

    def versions(self, owners: NDArray[np.int64], numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return a number for each of ``owners`` as of the event before one each.

        An owner has the same friends where it has the same number. Events are asked about from
        the one that `catch_up` was told on.
        """
        return np.searchsorted(self._changed, owners << _NUMBER_BITS | numbers)

    def friends(self, owners: NDArray[np.int64], numbers: NDArray[np.int64]) -> Answers:
        """Return the friends of each of ``owners`` as they were before an event each.

        The answers stand in the order of the questions. One who became a friend twice may be there
        twice. What came since `catch_up` is not known.
        """
        parts = [self._of(spans, owners, numbers) for spans in (self._base, self._recent)]
        whole = [part for part in parts if len(part.which)]
        if len(whole) == 1:
            return whole[0]
        which, friends = map(np.concatenate, zip(*parts, strict=True))
        order = np.argsort(which, kind="stable")
        return Answers(which[order], friends[order])

    def degrees(self, owners: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many friends each of ``owners`` has at most."""
        counts = np.zeros(len(owners), np.int64)
        for spans in (self._base, self._recent):
            starts, ends = spans.bounds(owners)
            counts += ends - starts
        return counts

    def now(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return all friendships that there are now: owner and friend of each, once."""
        self.catch_up(0)
        pairs = [
            (spans.keys >> _NUMBER_BITS << _NUMBER_BITS | spans.friends)[spans.until == NEVER]
            for spans in (self._base, self._recent)
        ]
        found = np.unique(np.concatenate(pairs))
        return found >> _NUMBER_BITS, found & _NUMBER_MASK

    @staticmethod
    def _of(spans: _Spans, owners: NDArray[np.int64], numbers: NDArray[np.int64]) -> Answers:
        which, places = spans.spread(owners)
        asked: NDArray[np.int64] | None = None
        if len(numbers) and spans.last >= int(numbers.min()):
            asked = numbers[which]
            begun = spans.since[places] < asked
            which, places, asked = which[begun], places[begun], asked[begun]
        if spans.any_ended:
            lasting = spans.until[places] >= (numbers[which] if asked is None else asked)
            which, places = which[lasting], places[lasting]
        return Answers(which, spans.friends[places].astype(np.int64))

    def catch_up(self, number: int) -> None:
        """Know all changes; nobody asks any more for a moment before event ``number``."""
        if not self._new:
            return
        owners, friends, numbers, begun = map(np.concatenate, zip(*self._new, strict=True))
        self._new = []
        asked = self._changed[self._changed & _NUMBER_MASK >= number]
        self._changed = np.sort(np.append(asked, owners << _NUMBER_BITS | numbers))
        begins = begun.astype(np.bool_)
        keys = owners[begins] << _NUMBER_BITS | numbers[begins]
        self._put(keys, friends[begins].astype(np.int32), number)
        if not begins.all():
            owners = owners[~begins]
            ranks = _Ranks(owners << _NUMBER_BITS | friends[~begins], numbers[~begins])
            for spans in (self._base, self._recent):
                spans.end(np.unique(owners), ranks)

    def _put(self, keys: NDArray[np.int64], friends: NDArray[np.int32], number: int) -> None:
        """Put spans among those that came since the base was made, or make that anew."""
        until = np.full(len(keys), NEVER, np.uint32)
        parts = [(self._recent.keys, self._recent.friends, self._recent.until)]
        parts.append((keys, friends, until))
        base = self._base
        whole = len(keys) + len(self._recent.keys) > max(self._least, len(base.keys) // _NEW_SHARE)
        if whole:
            asked = base.until >= number
            parts.insert(0, (base.keys[asked], base.friends[asked], base.until[asked]))
        keys, friends, until = map(np.concatenate, zip(*parts, strict=True))
        # Of parts that are in order it is a merge.
        order = np.argsort(keys, kind="stable")
        spans = _Spans(keys[order], friends[order], until[order], self._owners if whole else None)
        if whole:
            self._base, self._recent = spans, _nothing()
        else:
            self._recent = spans
