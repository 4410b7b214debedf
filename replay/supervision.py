"""Restarting a user actor that failed, from its events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from actors.messages import Apply, AskFriends, AskPurchases
from actors.user import UserActor
from events.event import Befriend, Purchase, place_of, users_of
from events.store import EventStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from actors.coordinator import Coordinator
    from actors.dispatcher import DispatchedActor
    from events.event import Event


def events_kept(store: Path, user: str) -> Iterator[Event]:
    """Iterate over the events in ``store`` that ``user`` is in."""
    return (event for event in EventStore(store).events_from(1) if user in users_of(event))


class EventSupervisor:
    """Gives user actors that failed the state back that the events say they had.

    All events are in the store before any actor acts on them, so it can say. The
    coordinator and the sink are not restarted: what they hold is of the moment.
    """

    def __init__(
        self, events_of: Callable[[str], Iterable[Event]], coordinator: Coordinator
    ) -> None:
        """Restart the users of ``coordinator``.

        Args:
            events_of: gives all events so far that a user is in, in order.
            coordinator: whose users fail.

        """
        self.restarts = 0
        """How often a user was restarted."""
        self._events_of: Final = events_of
        self._coordinator: Final = coordinator

    def restart(self, actor: DispatchedActor, message: Any) -> bool:
        """Give ``actor`` the state that it had before ``message``; False if it is no user."""
        if not isinstance(actor, UserActor):
            return False
        if isinstance(message, Apply):
            last = message.since
        elif isinstance(message, AskFriends | AskPurchases):
            last = message.number - 1
        else:
            return False
        numbers = self._coordinator.numbers
        user = next(name for name, number in numbers.items() if number == actor.number)
        friends: set[int] = set()
        purchases: list[Purchase] = []
        for event in self._events_of(user):
            if event.number > last:
                break
            if isinstance(event, Purchase):
                purchases.append(event)
            else:
                other = event.user2 if event.user1 == user else event.user1
                (friends.add if isinstance(event, Befriend) else friends.discard)(numbers[other])
        actor.begin(actor.number, actor.coordinator)
        actor.friends = frozenset(friends)
        actor.purchases = sorted(purchases, key=place_of)
        self.restarts += 1
        return True
