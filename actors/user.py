"""The user actor: owns one user's purchases and friends."""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING, Any, Protocol

from actors.dispatcher import DispatchedActor, Dispatcher
from actors.messages import Apply, AskFriends, AskPurchases, Become, Friends, Purchases
from events.event import place_of

if TYPE_CHECKING:
    from events.event import Purchase


class Ref(Protocol):
    """Where a message can be sent: a reference to an actor of any runtime."""

    def tell(self, message: Any) -> None:
        """Send ``message``, without waiting."""

    def stop(self) -> Any:
        """Stop the actor."""


class User:
    """What a user actor is and does, on any of Pykka's runtimes."""

    number: int
    """The user's number, by which other actors address it."""
    friends: frozenset[int]
    """The user's friends now. Replaced, never changed: answers share it."""
    purchases: list[Purchase]
    """The user's purchases, sorted by time and number."""
    coordinator: Ref
    """Where answers go."""

    def begin(self, number: int, coordinator: Ref) -> None:
        """Begin as user ``number``, with no friends and no purchases."""
        self.number = number
        self.coordinator = coordinator
        self.friends = frozenset()
        self.purchases = []

    def on_receive(self, message: Any) -> None:
        """Handle `Apply`, `AskFriends`, `AskPurchases` or `Become`.

        Raises:
            TypeError: it is some other message.

        """
        kind = type(message)
        if kind is AskPurchases:
            latest = self.purchases[-message.latest :]
            if message.since_time:
                since = (message.since_time, message.since_number)
                first = bisect.bisect_left(latest, since, key=place_of)
                latest = latest[first:]
            self.coordinator.tell(Purchases(message.number, self.number, tuple(latest)))
        elif kind is AskFriends:
            self.coordinator.tell(Friends(message.number, self.number, self.friends))
        elif kind is Apply:
            self._apply(message)
        elif kind is Become:
            self.friends = message.friends
            self.purchases = list(message.purchases)
        else:
            raise TypeError(f"a user understands no {kind.__name__}")

    def _apply(self, message: Apply) -> None:
        if message.befriended:
            self.friends = self.friends.union(message.befriended)
        if message.unfriended:
            self.friends = self.friends.difference(message.unfriended)
        if message.purchases:
            self._add(message.purchases)

    def _add(self, new: tuple[Purchase, ...]) -> None:
        purchases = self.purchases
        if not purchases or place_of(purchases[-1]) < place_of(new[0]):
            purchases.extend(new)
        elif len(new) == 1:
            bisect.insort(purchases, new[0], key=place_of)
        else:
            purchases.extend(new)
            purchases.sort(key=place_of)


class UserActor(User, DispatchedActor):
    """A user on the dispatcher."""

    __slots__ = ("coordinator", "friends", "number", "purchases")

    def __init__(self, dispatcher: Dispatcher, urn: str, number: int, coordinator: Ref) -> None:
        """Begin as user ``number``, answering to ``coordinator``."""
        super().__init__(dispatcher, urn)
        self.begin(number, coordinator)
