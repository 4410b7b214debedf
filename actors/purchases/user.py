"""The user actor: a fold of one user's own events.

A user is activated when the first message reaches it. Before it handles that, it
recovers: it folds its own events, as the journal has them, up to the last one before the
message. From then on it is told of new ones, until it is passivated. So every user holds,
at each message, what it would hold had it been active all along.
"""

from __future__ import annotations

import bisect
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, overload

from actors.dispatcher import DispatchedActor, Dispatcher
from actors.purchases.messages import Apply, AskFriends, AskPurchases, Friends, Purchases
from events.purchases.event import Befriend, Purchase, place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors.activation import Ref
    from events.purchases.event import Event
    from events.purchases.journal import OwnEvents


class OwnPurchases(Sequence[Purchase]):
    """A user's purchases, sorted by time and number; those of the journal are made when asked for.

    Most users are never asked for more than their last few.
    """

    __slots__ = ("_own", "made", "rows")

    def __init__(self, own: OwnEvents | None = None, number: int = 0) -> None:
        """Begin with those as of event ``number``, or with none."""
        self._own = own
        self.rows = array("q", () if own is None else own.bought(number))
        """The rows of the earlier ones, in the journal; a fifth of what a list would take."""
        self.made: list[Purchase] = []
        """The later ones themselves."""

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.rows) + len(self.made)

    @overload
    def __getitem__(self, place: int) -> Purchase: ...
    @overload
    def __getitem__(self, place: slice) -> list[Purchase]: ...
    def __getitem__(self, place: int | slice) -> Purchase | list[Purchase]:
        """Return what stands at ``place``."""
        return self._all()[place]

    def __iter__(self) -> Iterator[Purchase]:
        """Iterate over all of them."""
        return iter(self._all())

    def __eq__(self, other: object) -> bool:
        """Tell whether ``other`` holds the same purchases."""
        return self._all() == list(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Return how they look as a list."""
        return repr(self._all())

    @property
    def last(self) -> int | None:
        """The number of the last one, or None if there is none."""
        if self.made:
            return self.made[-1].number
        return self.rows[-1] + 1 if self.rows else None

    def latest(self, count: int) -> list[Purchase]:
        """Return the last ``count``, or all if there are fewer."""
        self.make(count)
        return self.made[-count:]

    def add(self, purchase: Purchase) -> None:
        """Put ``purchase`` in its place."""
        made = self.made
        if self.rows and not made:
            self.make(1)
        if not made or place_of(made[-1]) < place_of(purchase):
            made.append(purchase)
        else:
            bisect.insort(self._all(), purchase, key=place_of)

    def totals(self) -> tuple[int, int, int]:
        """Return how many there are, and the sums of their numbers and amounts, modulo 2**64."""
        numbers = sum([purchase.number for purchase in self.made])
        amounts = sum([purchase.amount for purchase in self.made])
        if self._own is not None and self.rows:
            more = self._own.totals(self.rows)
            return len(self), numbers + more[0], amounts + more[1]
        return len(self), numbers, amounts

    def make(self, count: int) -> None:
        """See that the last ``count`` are made, or all if there are fewer."""
        missing = min(count - len(self.made), len(self.rows))
        if missing > 0:
            assert self._own is not None, "without a journal there are no rows"
            self.made[:0] = self._own.purchases(self.rows[-missing:])
            del self.rows[-missing:]

    def _all(self) -> list[Purchase]:
        self.make(len(self))
        return self.made


class User:
    """What a user actor is and does, on any of Pykka's runtimes."""

    recovers_on: ClassVar[tuple[type, ...]] = (Apply, AskFriends, AskPurchases)
    """The messages before which it recovers."""
    number: int
    """The user's number, by which other actors address it."""
    friends: frozenset[int]
    """The user's friends now. Replaced, never changed: answers share it."""
    purchases: OwnPurchases
    """The user's purchases, sorted by time and number."""
    coordinator: Ref
    """Where answers go."""
    own: OwnEvents
    """What the journal holds of the user."""
    since: int
    """As of which event it was activated; what is told of later ones is on its way to it."""
    active: bool
    """Whether it has recovered, and is told of new events."""

    def begin(self, number: int, coordinator: Ref) -> None:
        """Begin as user ``number``, with no friends and no purchases."""
        self.number = number
        self.coordinator = coordinator
        self.friends = frozenset()
        self.purchases = OwnPurchases()

    def recover(self, number: int) -> None:
        """Hold what the user's own events up to event ``number`` come to.

        A class that overrides `apply` takes them one by one through that.
        """
        self.begin(self.number, self.coordinator)
        if type(self).apply is User.apply:
            self.friends = self.own.friends(number)
            self.purchases = OwnPurchases(self.own, number)
        else:
            for event in self.own.events(number):
                self.apply(applied(event, self.own))
        self.active = True

    def on_receive(self, message: Any) -> None:
        """Handle `Apply`, `AskFriends` or `AskPurchases`, and recover before the first one.

        Raises:
            TypeError: it is some other message.

        """
        kind = type(message)
        if kind is AskPurchases:
            if not self.active:
                self.recover(message.number - 1)
            purchases = self.purchases
            if purchases.rows and len(purchases.made) < message.latest:
                purchases.make(message.latest)
            latest = purchases.made[-message.latest :]
            if message.since_time:
                since = (message.since_time, message.since_number)
                first = bisect.bisect_left(latest, since, key=place_of)
                latest = latest[first:]
            self.coordinator.tell(Purchases(message.number, self.number, tuple(latest)))
        elif kind is AskFriends:
            if not self.active:
                self.recover(message.number - 1)
            self.coordinator.tell(Friends(message.number, self.number, self.friends))
        elif kind is Apply:
            if not self.active:
                self.recover(message.since)
            self.apply(message)
        else:
            raise TypeError(f"a user understands no {kind.__name__}")

    def held(self) -> dict[str, Any]:
        """Return what it holds, by name; none of it changes later."""
        return {"friends": self.friends, "purchases": tuple(self.purchases)}

    def apply(self, message: Apply) -> None:
        """Make an event part of the user's state."""
        if message.befriended:
            self.friends = self.friends.union(message.befriended)
        if message.unfriended:
            self.friends = self.friends.difference(message.unfriended)
        for purchase in message.purchases:
            self.purchases.add(purchase)


def applied(event: Event, own: OwnEvents) -> Apply:
    """Return the message by which the user of ``own`` is told of ``event``, one of its own."""
    since = event.number - 1
    if isinstance(event, Purchase):
        return Apply((event,), since=since)
    other = (own.other(event),)
    if isinstance(event, Befriend):
        return Apply((), other, (), since)
    return Apply((), (), other, since)


class UserActor(User, DispatchedActor):
    """A user on the dispatcher."""

    __slots__ = ("active", "coordinator", "friends", "number", "own", "purchases", "since")

    def __init__(self, dispatcher: Dispatcher, urn: str, coordinator: Ref, own: OwnEvents) -> None:
        """Begin as the user of ``own``, answering to ``coordinator``."""
        super().__init__(dispatcher, urn)
        self.own = own
        self.since = 0
        self.active = False
        self.begin(own.user, coordinator)
