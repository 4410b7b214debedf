"""A shard whose users answer themselves, for a detector with users or a rule of its own."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
import numpy as np

from actors.dispatcher import DispatchedActor, Dispatcher
from actors.messages import UnaskedError
from actors.purchases.messages import AskFriends, AskPurchases, Friends, Purchases
from actors.purchases.shard import Shard
from actors.purchases.user import applied
from actors.urns import COORDINATOR, urn_of_user
from events.journal.packing import pack, unpack
from events.purchases.columns import Columns
from events.purchases.event import Purchase
from events.purchases.journal import OwnEvents, PurchaseJournal
from events.purchases.links import Answers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from actors.dispatcher import Supervisor
    from actors.purchases.user import UserActor
    from events.journal.index import Rows
    from events.purchases.event import Befriend, Event, Unfriend
    from events.purchases.part import Packed

E = TypeVar("E", bound=msgspec.Struct)

# How many users are active at most; where there would be more, all are passivated first.
_ACTIVE_MAX: Final = 1 << 14


class Asked(msgspec.Struct, array_like=True, frozen=True):
    """Whose purchases are asked for."""

    numbers: bytes
    """The number of the purchase that is judged, one for each question."""
    users: bytes
    """Who is asked, by number in the history."""
    counts: bytes
    """How many of the latest purchases."""


class _PartEvents(OwnEvents):
    """What a journal of some of a history's events holds of one user, as that history has it."""

    __slots__ = ("_local", "_numbers", "_users")

    def __init__(
        self,
        journal: PurchaseJournal,
        local: int,
        users: Sequence[int],
        numbers: Sequence[int],
    ) -> None:
        super().__init__(journal, users[local])
        self._local = local
        self._users = users
        self._numbers = numbers

    def other(self, event: Befriend | Unfriend) -> int:
        numbers = self._journal.numbers
        one, other = numbers[event.user1], numbers[event.user2]
        return self._users[other if one == self._local else one]

    def friends(self, number: int) -> frozenset[int]:
        friends = self._journal.friends(self._local, self._rows(number))
        return frozenset(map(self._users.__getitem__, friends))

    def bought(self, number: int) -> list[int]:
        return [
            self._numbers[row] - 1 for row in self._journal.bought(self._local, self._rows(number))
        ]

    def purchases(self, rows: Sequence[int]) -> list[Purchase]:
        found = self._journal.purchases([self._rows(row + 1) - 1 for row in rows])
        return [_numbered(each, row + 1) for each, row in zip(found, rows, strict=True)]

    def totals(self, rows: Sequence[int]) -> tuple[int, int]:
        places = [self._rows(row + 1) - 1 for row in rows]
        return sum(rows) + len(rows), super().totals(places)[1]

    def events(self, number: int) -> list[Event]:
        found = self._journal.own(self._local, self._rows(number))
        return [_numbered(each, self._numbers[each.number - 1]) for each in found]

    def _rows(self, number: int) -> int:
        """Return how many events of the journal come up to event ``number`` of the history."""
        return bisect_right(self._numbers, number)


def _numbered(event: E, number: int) -> E:
    return msgspec.structs.replace(event, number=number)


class _Mailbox(DispatchedActor):
    """Keeps what users answer."""

    def __init__(self, dispatcher: Dispatcher, urn: str) -> None:
        super().__init__(dispatcher, urn)
        self.answers: dict[tuple[int, int], Friends | Purchases] = {}

    def on_receive(self, message: Any) -> None:
        self.answers[message.number, message.user] = message


class ActingShard(Shard):
    """A shard with the actors of its users: told what they are told in one process.

    A user is activated as of the event before the one on whose behalf it is asked, from the
    same events. While none of its own lies between two questions it stays active.
    """

    def __init__(
        self,
        place: int,
        shards: int,
        count: int,
        user_type: type[UserActor],
        *,
        supervisor: Supervisor | None = None,
    ) -> None:
        """Begin without events.

        Args:
            place: which shard it is, from 0.
            shards: how many there are.
            count: how many latest purchases of a network are asked for at first.
            user_type: what a user is.
            supervisor: restarts users that fail.

        """
        super().__init__(place, shards, count)
        self._user_type: Final = user_type
        self._dispatcher: Final = Dispatcher()
        self._dispatcher.supervisor = supervisor
        self._mailbox: Final = self._dispatcher.spawn(_Mailbox, COORDINATOR)
        self._journal: Final = PurchaseJournal()
        # The numbers in the history of the journal's users and events.
        self._users: Final[list[int]] = []
        self._events: Final[list[int]] = []
        self._local: Final[dict[int, int]] = {}
        # Who is active, and how many events of its own had happened then.
        self._active: Final[dict[int, tuple[UserActor, int]]] = {}

    def _take(self, block: Packed) -> None:
        super()._take(block)
        first = len(self._journal) + 1
        whole = [_numbered(each, first + index) for index, each in enumerate(block.whole)]
        if not whole:
            return
        self._journal.extend(Columns.of(whole))
        self._events.extend([each.number for each in block.whole])
        for name in self._journal.names[len(self._users) :]:
            self._local[block.known[name]] = len(self._users)
            self._users.append(block.known[name])

    def answers(self, asked: bytes) -> bytes:
        """Ask users for their latest purchases; return their answers, a list of `Purchases`."""
        given = msgspec.msgpack.decode(asked, type=Asked)
        columns = [unpack(each).tolist() for each in (given.numbers, given.users, given.counts)]
        numbers, users, counts = columns
        questions = list(map(AskPurchases, numbers, counts))
        return msgspec.msgpack.encode(self._answers(users, questions))

    def tell(self, asked: bytes) -> bytes:
        """Tell users of events of their own, as a coordinator does, each with its number.

        Args:
            asked: the number of the first event and of the last. Of one that a user has been told
                of it is not told again.

        """
        first, last = msgspec.msgpack.decode(asked, type=tuple[int, int])
        row, end = (bisect_right(self._events, number) for number in (first - 1, last))
        for event in self._journal.events(row + 1, end):
            number = self._events[event.number - 1]
            names = (event.user,) if isinstance(event, Purchase) else (event.user1, event.user2)
            for user in [self._users[self._journal.numbers[name]] for name in names]:
                if user % self._shards == self._place:
                    self._tell(user, _numbered(event, number))
        self._dispatcher.run()
        return b""

    def _tell(self, user: int, event: Event) -> None:
        # Of what comes later nobody has been asked by then.
        happened = self._happened(user, event.number)
        if user not in self._active or self._active[user][1] < happened:
            actor = self._actor(user, event.number - 1)
            actor.actor_ref.tell(applied(event, actor.own))
            self._active[user] = actor, happened

    def _versions(self, users: NDArray[np.int64], numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        # What one answers may depend on the number that it is asked with.
        del numbers
        return np.arange(len(users))

    def _friends(self, users: NDArray[np.int64], numbers: NDArray[np.int64]) -> Answers:
        whom = (users * self._shards + self._place).tolist()
        answers = self._answers(whom, list(map(AskFriends, numbers.tolist())))
        friends = [sorted(answer.friends) for answer in answers]
        counts = np.array(list(map(len, friends)), np.int64)
        together = [friend for each in friends for friend in each]
        return Answers(np.repeat(np.arange(len(friends)), counts), np.array(together, np.int64))

    def _named(self, rows: Rows) -> bytes:
        return pack(self._part.buyers[rows].astype(np.int64) * self._shards + self._place)

    def _answers(self, users: Sequence[int], questions: Sequence[Any]) -> list[Any]:
        """Return what each of ``users`` answers."""
        for user, question in zip(users, questions, strict=True):
            self._actor(user, question.number - 1).actor_ref.tell(question)
        self._dispatcher.run()
        found, self._mailbox.answers = self._mailbox.answers, {}
        try:
            return [
                found[question.number, user]
                for user, question in zip(users, questions, strict=True)
            ]
        except KeyError as missing:
            number, user = missing.args[0]
            raise UnaskedError(
                f"event {number}: expected an answer of user {self._name(user)}, found none"
            ) from None

    def _actor(self, user: int, number: int) -> UserActor:
        """Return the actor of ``user`` as of event ``number``."""
        happened = self._happened(user, number)
        actor, when = self._active.get(user, (None, 0))
        if actor is None or when != happened:
            if actor is not None:
                self._passivate([user])
            if len(self._active) >= _ACTIVE_MAX:
                self._passivate(list(self._active))
            own = _PartEvents(self._journal, self._local[user], self._users, self._events)
            actor = self._dispatcher.spawn(
                lambda dispatcher, urn: self._user_type(
                    dispatcher, urn, self._mailbox.actor_ref, own
                ),
                urn_of_user(self._name(user)),
            )
            actor.since = number
            self._active[user] = actor, happened
        return actor

    def _happened(self, user: int, number: int) -> int:
        """Return how many events of ``user`` come up to event ``number``."""
        rows = bisect_right(self._events, number)
        return len(self._journal.rows_of(self._local[user], rows))

    def _passivate(self, users: Iterable[int]) -> None:
        """Stop users, once they have answered."""
        self._dispatcher.run()
        for user in users:
            self._active.pop(user)[0].actor_ref.stop()

    def _name(self, user: int) -> str:
        return self._journal.names[self._local[user]]
