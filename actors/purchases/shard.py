"""A shard: some of the users of a history, and the judging of purchases hop by hop with others.

All events of a block are taken before its purchases are judged, all of these at once, each as
of the event before it. A question carries the number of the event on whose behalf it is asked,
so the answers are those of one by one. A round is some purchases:

    outside  start    the purchases                          to each shard
    shard    hop      whom its users reach over a friendship to each shard, D - 1 times
    shard    latest   those who are reached at last          to each shard
    shard             their latest purchases                 to the outside

What goes from one to another in a hop is one packed blob: of each purchase the users that it
reaches there, each once, as gaps in ascending order. A shard asks nobody and waits for nobody:
whoever carries the blobs calls it when all of a hop are there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from actors.purchases.digest import Sums, linked_sums, purchase_sums
from events.journal.packing import pack, pack_ascending, unpack, unpack_ascending
from events.purchases.part import Packed, Part

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from events.journal.index import Rows
    from events.purchases.links import Answers

    Keys = NDArray[np.int64]

# So many bytes are marked at a time, or so many bytes of answers sorted: what does not fit a cache
# is slow.
_ROOM: Final = 1 << 23
# To look at so many marks takes as long as to sort one answer, and to take over so many of what
# another has marked as long as to mark one answer.
_PLACES_TO_SORT: Final = 8
_PLACES_TO_MARK: Final = 64

REACHED: Final = b"\1"
"""What tells that a hop has reached somebody; nothing where it has not."""


class Round(msgspec.Struct, array_like=True, frozen=True):
    """Some purchases of a block that are judged at once, as a shard is told of them."""

    numbers: bytes
    """Their numbers, ascending."""
    places: bytes
    """Which of them are of users of this shard."""
    buyers: bytes
    """Of which user each of these is."""


class Again(msgspec.Struct, array_like=True, frozen=True):
    """What is asked of a shard about the networks of the round, once they are known."""

    places: bytes
    """Of which purchases."""
    count: int
    """How many latest purchases."""


class Bought(msgspec.Struct, array_like=True, frozen=True):
    """The latest purchases of the networks of some purchases; columns as bytes."""

    counts: bytes
    """How many there are of each network; those of one stand in the order of time and number."""
    numbers: bytes
    """By how much the number of each is below that of the purchase that is judged."""
    amounts: bytes
    tick: int
    """The latest time."""
    unit: int
    """How many ticks there are from a time to the next, or a multiple of that many."""
    ticks: bytes
    """How many units before that each is."""
    finer: dict[int, str]
    """The digits of times that ticks cannot tell, by index."""
    reached: int
    """How many users of this shard the round has reached."""
    buyers: bytes = b""
    """Whose each is, by number in the history, where the users answer themselves."""


_decode_packed: Final = msgspec.msgpack.Decoder(Packed).decode
_decode_round: Final = msgspec.msgpack.Decoder(Round).decode
_decode_again: Final = msgspec.msgpack.Decoder(Again).decode
_encode: Final = msgspec.msgpack.Encoder().encode


class Shard:
    """The users u of a history with u modulo ``shards`` = ``place``, answered for by columns."""

    def __init__(self, place: int, shards: int, count: int) -> None:
        """Begin without events.

        Args:
            place: which shard it is, from 0.
            shards: how many there are.
            count: how many latest purchases of a network are asked for at first.

        """
        self._place: Final = place
        self._shards: Final = shards
        self._count: Final = count
        self._part: Final = Part()
        self._purchases = Sums()
        # Of the round: the numbers of its purchases; for how many users there is room in a key,
        # which is the place of a purchase, times that, and a user; the buyers, all who were
        # reached, and whom this shard's users have reached here.
        self._numbers: Keys = np.zeros(0, np.int64)
        self._width = 1
        self._buyers = self._seen = self._own = self._numbers

    def take(self, block: bytes) -> None:
        """Take the events of the next block, a `Packed`; one that it has taken changes nothing.

        Raises:
            ValueError: it is another one.

        """
        given = _decode_packed(block)
        if given.first > self._part.events or not given.events:
            self._take(given)

    def _take(self, block: Packed) -> None:
        part, rows = self._part, len(self._part)
        part.take(block)
        users = part.buyers[rows:].astype(np.uint64) * np.uint64(self._shards)
        users += np.uint64(self._place)
        self._purchases = self._purchases.plus(
            purchase_sums(users, part.numbers[rows:].astype(np.uint64), part.amounts[rows:])
        )

    def sums(self, asked: bytes) -> bytes:
        """Return this shard's part of the sums of the state, `Sums`; ``asked`` is nothing."""
        del asked
        owners, friends = self._part.links.now()
        owners = owners * self._shards + self._place
        return _encode(self._purchases.plus(linked_sums(owners, friends)).reduced())

    # A round

    def start(self, asked: bytes) -> list[bytes]:
        """Begin a `Round`; return for each shard whom its purchases' buyers have there as friends.

        The last entry is `REACHED`, or nothing where they have no friends.
        """
        given = _decode_round(asked)
        self._numbers = unpack_ascending(given.numbers)
        self._width = self._part.users // self._shards + 1
        places, buyers = (unpack(each).astype(np.int64) for each in (given.places, given.buyers))
        self._buyers = self._seen = places * self._width + buyers
        self._part.links.catch_up(int(self._numbers[0]))
        return self._reach(self._buyers)

    def hop(self, parts: Sequence[bytes]) -> list[bytes]:
        """Go on with whom all shards have reached here; return what `start` does."""
        return self._reach(self._new(parts))

    def latest(self, parts: Sequence[bytes]) -> bytes:
        """End with whom all shards have reached here; return their latest purchases, `Bought`."""
        self._new(parts)
        self._seen = _without(self._seen, self._buyers)
        return self._bought(np.arange(len(self._numbers)), self._count)

    def again(self, asked: bytes) -> bytes:
        """Return more of the latest purchases, as `Again` asks for them."""
        given = _decode_again(asked)
        return self._bought(unpack_ascending(given.places), given.count)

    def _new(self, parts: Sequence[bytes]) -> Keys:
        """Return who is reached for the first time, and remember them."""
        keys = np.concatenate([self._own, *[unpack_ascending(part) for part in parts if part]])
        size = len(self._numbers) * self._width
        if size < _PLACES_TO_SORT * len(keys):
            marks = np.zeros(size, np.bool_)
            marks[keys] = True
            marks[self._seen] = False
            new = np.flatnonzero(marks)
            marks[self._seen] = True
            self._seen = np.flatnonzero(marks)
        else:
            new = _without(_sorted(keys), self._seen)
            self._seen = np.sort(np.concatenate((self._seen, new)))
        return new

    def _reach(self, keys: Keys) -> list[bytes]:
        """Return for each shard whom the users in ``keys`` have there as friends."""
        places, users = np.divmod(keys, self._width)
        found = [
            self._reached(places[some], users[some], self._numbers[places[some]])
            for some in self._portions(places, users)
        ]
        blobs = []
        for home in range(self._shards):
            there = np.concatenate([keys[:0], *[each[home] for each in found]])
            if home == self._place:
                self._own = there
            blobs.append(pack_ascending(there) if home != self._place else b"")
        return [*blobs, REACHED if any(blobs) or len(self._own) else b""]

    def _portions(self, places: Keys, users: Keys) -> Iterator[slice]:
        """Cut users into portions with not too many friends, each of whole places."""
        if not len(users):
            return
        starts = np.flatnonzero(np.diff(places, prepend=-1))
        friends = np.add.reduceat(self._part.links.degrees(users), starts)
        room = np.cumsum(np.minimum(_PLACES_TO_SORT * friends, self._width * self._shards))
        first = np.flatnonzero(np.diff(room // _ROOM, prepend=-1))
        cuts = [*starts[first].tolist(), len(users)]
        yield from map(slice, cuts, cuts[1:])

    def _reached(self, places: Keys, users: Keys, numbers: Keys) -> list[Keys]:
        """Return for each shard whom ``users`` have there as friends, as keys.

        What a user answers as of several events is asked for once, if it is the same.
        """
        versions = self._versions(users, numbers)
        # Where there was no change a version is that of several users.
        _, asked, which = np.unique(
            versions * self._width + users, return_index=True, return_inverse=True
        )
        answers = self._friends(users[asked], numbers[asked])
        counts = np.bincount(answers.which, minlength=len(asked))
        first, width = int(places[0]), self._width * self._shards
        rows = int(places[-1]) - first + 1
        if rows * width >= _PLACES_TO_SORT * int(counts[which].sum()):
            among, friends = _spread(answers.friends, counts, which)
            found = _sorted(places[among] * width + friends)
            places, friends = np.divmod(found, width)
            homes = friends % self._shards
            keys = places * self._width + friends // self._shards
            return [keys[homes == home] for home in range(self._shards)]
        marks = np.zeros((rows, width), np.bool_)
        many = counts * _PLACES_TO_MARK >= width
        ends = np.cumsum(counts)
        for one in np.flatnonzero(many).tolist():
            row = np.zeros(width, np.bool_)
            row[answers.friends[ends[one] - counts[one] : ends[one]]] = True
            for place in (places[which == one] - first).tolist():
                marks[place] |= row
        few = np.flatnonzero(~many[which])
        among, friends = _spread(answers.friends, counts, which[few])
        marks.reshape(-1)[(places[few][among] - first) * width + friends] = True
        by_home = marks.reshape(rows, self._width, self._shards)
        return [
            np.flatnonzero(by_home[:, :, home]) + first * self._width
            for home in range(self._shards)
        ]

    def _versions(self, users: Keys, numbers: Keys) -> Keys:
        """Return a number for each of ``users``: who has the same gives the same answer."""
        return self._part.links.versions(users, numbers)

    def _friends(self, users: Keys, numbers: Keys) -> Answers:
        """Return the friends of each of ``users`` as they were before an event each."""
        return self._part.links.friends(users, numbers)

    def _bought(self, places: Keys, count: int) -> bytes:
        """Return the latest purchases, ``count`` at most each, of the networks at ``places``."""
        part, seen, width = self._part, self._seen, self._width
        found: list[Rows] = [
            part.latest(seen[start:end] - place * width, number, count)
            for place, start, end, number in zip(
                places.tolist(),
                np.searchsorted(seen, places * width).tolist(),
                np.searchsorted(seen, (places + 1) * width).tolist(),
                self._numbers[places].tolist(),
                strict=True,
            )
        ]
        counts = np.array(list(map(len, found)), np.int64)
        rows = np.concatenate((np.zeros(0, np.int64), *found))
        ticks = part.ticks[rows]
        latest = int(ticks.max()) if len(rows) else 0
        unit = max(int(np.gcd.reduce(latest - ticks)) if len(rows) else 1, 1)
        finer = part.finer and {
            index: part.finer[row] for index, row in enumerate(rows.tolist()) if row in part.finer
        }
        below = np.repeat(self._numbers[places], counts) - part.numbers[rows]
        return _encode(
            Bought(
                pack(counts),
                pack(below),
                pack(part.amounts[rows]),
                latest,
                unit,
                pack((latest - ticks) // unit),
                finer,
                len(self._seen),
                self._named(rows),
            )
        )

    def _named(self, rows: Rows) -> bytes:
        """Return whose purchases ``rows`` are, where somebody has to know."""
        del rows
        return b""


def _spread(values: Keys, counts: Keys, which: Keys) -> tuple[Keys, Keys]:
    """Return some runs of ``values``, and in which of them each is.

    Args:
        values: runs, one behind the other.
        counts: how many values each run has.
        which: the runs, one by one.

    """
    ends, sizes = np.cumsum(counts)[which], counts[which]
    among = np.repeat(np.arange(len(which)), sizes)
    places = np.repeat(ends - np.cumsum(sizes), sizes) + np.arange(len(among))
    return among, values[places]


def _sorted(keys: Keys) -> Keys:
    """Return all of ``keys``, each once, ascending."""
    keys = np.sort(keys)
    found: Keys = keys[np.append(keys[1:] != keys[:-1], np.ones(min(len(keys), 1), np.bool_))]
    return found


def _without(keys: Keys, others: Keys) -> Keys:
    """Return ``keys`` without ``others``; both ascend."""
    if not len(others):
        return keys
    places = np.minimum(np.searchsorted(others, keys), len(others) - 1)
    found: Keys = keys[others[places] != keys]
    return found
