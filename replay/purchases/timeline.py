"""The timeline of purchases: any moment of a history, from its event store alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from events.purchases.columns import BEFRIEND, PURCHASE
from events.purchases.decision import Decision
from events.purchases.event import Event
from events.store.store import EventStore
from replay.engine.detectors import detector_version
from replay.judging.timeline import JudgedTimeline
from replay.purchases.history import History
from replay.purchases.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from events.purchases.event import Purchase


class UserState(NamedTuple):
    """One user at one moment."""

    user: str
    """The user's id."""
    friends: tuple[str, ...]
    """The ids of its friends, in order of their first appearance."""
    purchases: tuple[Purchase, ...]
    """Its purchases, sorted by time and number."""


class Timeline(JudgedTimeline[Event, History, Simulation, Decision]):
    """A history of purchases that can be visited at any moment; see its base."""

    subject = "a user"

    def __init__(
        self,
        store: EventStore | str | Path,
        detector: Callable[..., Simulation] = Simulation,
        *,
        of_another: bool = False,
    ) -> None:
        """Begin at position 0 of the history in ``store``; see `JudgedTimeline`."""
        opened = store if isinstance(store, EventStore) else EventStore(store)
        self.parameters: Final = opened.parameters
        """D and T."""
        super().__init__(opened, detector, of_another=of_another)
        self.of_another: Final = of_another
        """Whether another detector may have decided the history."""
        self.decides: Final = detector_version(detector)
        """The detector that decides events anew."""
        self.by_built_in_rule: Final = self.decides == detector_version(Simulation)
        """Whether `decides` is the program's own detector."""

    @staticmethod
    def read(store: EventStore, detector: Any) -> History:
        del detector
        return History(store)

    # Looking

    def user(self, user: str) -> UserState:
        """Return the state of ``user``.

        Raises:
            UnknownUserError: the user has not appeared yet.

        """
        number = self.number(user)
        # To look at somebody may be to activate it.
        with self.undisturbed():
            actor = self._simulation.user(number)
            friends = tuple(map(self.name, sorted(actor.friends)))
            return UserState(user, friends, tuple(actor.purchases))

    def friends(self, number: int) -> frozenset[int]:
        """Return the friends of user ``number``, as numbers in order of first appearance."""
        with self.undisturbed():
            return self._simulation.user(number).friends

    def last_purchases(self, users: Collection[str], count: int) -> list[Purchase]:
        """Return the last ``count`` purchases that ``users`` made together, in order."""
        numbers = self.history.journal.numbers
        members = {numbers[user] for user in users}
        with self.undisturbed():
            return self._simulation.last_window(members, count)

    def state(self) -> list[UserState]:
        """Return the state of all users, in order of first appearance."""
        return [self.user(user) for user in self.users]

    def recency(self, count: int) -> list[Purchase]:
        """Return the ``count`` latest purchases of all users together, the latest first."""
        return self._simulation.latest_purchases(count)

    def changes_of(self, subject: str) -> Callable[[int], bool]:
        history = self.history
        concerned = frozenset(history.numbers_of(history.journal.numbers[subject]))
        return lambda at: at in concerned and self.changed(at)

    def changed(self, number: int) -> bool:
        """Tell whether event ``number`` changed a state: all but vain changes of friendships.

        Raises:
            PositionError: the history has no such event.

        """
        self.history.event(number)
        journal, row = self.history.journal, number - 1
        kind = int(journal.kinds[row])
        if kind == PURCHASE:
            return True
        user, other = int(journal.buyers[row]), int(journal.others[row])
        return journal.are_friends(user, other, row) != (kind == BEFRIEND)
