"""The timeline: any moment of a history, from its event store alone.

Position n is the moment after event n; position 0 is before everything. Getting
somewhere applies events without judging them; only the event that is looked at is
judged. Forward and back by one is one event applied or retracted; farther jumps
start from the nearest checkpoint in memory. The state at a position is the same by
every way that leads there.
"""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from actors.messages import Apply, Become, Commit, Judge, Retract, Route, Settle
from actors.sink import Nowhere
from events.errors import PositionError, UnknownUserError, shown
from events.event import Befriend, Event, Purchase, Unfriend
from events.store import EventStore
from replay.checkpoint import Checkpoint, checkpoint_of, restore
from replay.collector import collector_paused
from replay.detectors import check_detector
from replay.history import History
from replay.simulation import Simulation
from replay.stepping import Stepping

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from actors.dispatcher import DispatchedActor
    from actors.user import UserActor
    from events.records import Decision
    from replay.stepping import Delivered

# A checkpoint is made where a jump crosses a multiple of this. It takes some pointers
# a purchase and user; the events after it are applied again.
CHECKPOINT_EVENTS: Final = 50_000
# Up to so many events are applied or retracted one by one, rather than from a checkpoint.
STEP_EVENTS_MAX: Final = 1_000


class UserState(NamedTuple):
    """One user at one moment."""

    user: str
    """The user's id."""
    friends: tuple[str, ...]
    """The ids of its friends, in order of their first appearance."""
    purchases: tuple[Purchase, ...]
    """Its purchases, sorted by time and number."""


class Timeline(Stepping):
    """A history that can be visited at any moment; the store is only read.

    Raises:
        StoreError: the store cannot be read.
        OtherDetectorError: another detector decided it.

    """

    def __init__(
        self,
        store: EventStore | str | Path,
        detector: Callable[..., Simulation] = Simulation,
        *,
        of_another: bool = False,
    ) -> None:
        """Begin at position 0 of the history in ``store``, which ``detector`` decides anew.

        Args:
            store: the store, or where it is.
            detector: makes the actor system; that which decided the store.
            of_another: take a store that another detector decided, too. Whoever asks for it
                says whose decisions are shown: the history's are recorded, and what
                is decided anew is this detector's.

        """
        super().__init__()
        opened = store if isinstance(store, EventStore) else EventStore(store)
        self.of_another: Final = of_another
        """Whether another detector may have decided the history."""
        self.history: Final = History(opened)
        """All that the store holds."""
        if not of_another:
            check_detector(opened, detector)
        self.parameters: Final = opened.parameters
        """D and T."""
        self._events: Final = self.history.events
        # What going back needs to know: for each event whether it changed a friendship,
        # and for each user the first event that it appears in.
        self._changed = bytearray()
        self._births: list[int] = []
        # All users in order of first appearance; those up to now are the first of them.
        self._names: list[str] = []
        self._users: set[str] = set()
        self._simulation = detector(self.parameters, Nowhere(), self._queue)
        self._checkpoints = [Checkpoint()]
        with collector_paused():
            self._look_through()

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self._events)

    def close(self) -> None:
        """Stop all actors."""
        self._simulation.close()

    # Moving

    def goto(self, position: int) -> None:
        """Go to the moment after event ``position``; 0 is before everything.

        Raises:
            PositionError: the history has no such moment.

        """
        if not 0 <= position <= len(self._events):
            raise PositionError(
                f"expected a position from 0 to {len(self._events)}, found {position}"
            )
        self._finish_event()
        if position < self.position <= position + STEP_EVENTS_MAX:
            with self.undisturbed():
                while self.position > position:
                    self._back()
            return
        checkpoint = self._checkpoint_before(position)
        if position < self.position or self.position < checkpoint.position:
            self._restore(checkpoint)
        self._forward(position)

    def next(self) -> Event | None:
        """Apply the next event, or the rest of it, and return it; None at the end."""
        if self.position == len(self._events):
            return None
        if not self._finish_event():
            self._forward(self.position + 1)
        return self._events[self.position - 1]

    def back(self) -> Event | None:
        """Retract the latest event and return it, or None at the beginning.

        Inside an event it is that one.
        """
        with self.undisturbed():
            self._finish_event()
            return self._back() if self.position else None

    def _back(self) -> Event:
        event = self._events[self.position - 1]
        last: Purchase | None = None
        if isinstance(event, Purchase):
            user = self._actor(event.user)
            purchases = tuple(made for made in user.purchases if made.number != event.number)
            last = purchases[-1] if purchases else None
            user.actor_ref.tell(Become(user.friends, purchases))
        elif self._changed[self.position - 1]:
            self._reverse(event)
        simulation = self._simulation
        born = bisect.bisect_left(self._births, self.position)
        simulation.coordinator.actor_ref.tell(Retract(event, last, born))
        simulation.dispatcher.run()
        self.position -= 1
        if not simulation.coordinator.recency.remembers_enough():
            position = self.position
            self._restore(self._checkpoint_before(position))
            self._forward(position)
        return event

    def judge(self) -> Decision | None:
        """Apply the next event as if it came in now; return the decision if it is a purchase.

        Raises:
            PositionError: there is no next event.

        """
        self._finish_event()
        if self.position == len(self._events):
            raise PositionError(f"expected an event after position {self.position}, found the end")
        with self.undisturbed():
            decision = self._simulation.judge(self._events[self.position])
            self._simulation.commit()
            self.position += 1
        return decision

    def trace(self, number: int) -> list[Delivered]:
        """Return every message delivered for event ``number``; go to the moment after it.

        Raises:
            PositionError: the history has no such event.

        """
        self.history.event(number)
        return self._trace(number)

    def decision(self, number: int) -> Decision | None:
        """Return the decision on event ``number``, decided anew; go to the moment after it.

        Raises:
            PositionError: the history has no such event.

        """
        self.history.event(number)
        self.goto(number - 1)
        return self.judge()

    # Looking

    @property
    def users(self) -> list[str]:
        """The users who have appeared, in order of first appearance."""
        return self._names[: self._simulation.users]

    def name(self, number: int) -> str:
        """Return the id of user ``number``, counted from 0 in order of first appearance."""
        return self._names[number]

    def number(self, user: str) -> int:
        """Return the number of ``user``, in order of first appearance.

        Raises:
            UnknownUserError: the user has not appeared yet.

        """
        number = self._simulation.coordinator.numbers.get(user)
        if number is None:
            raise UnknownUserError(
                f"expected a user who has appeared by event {self.position}, found {shown(user)}"
            )
        return number

    def user(self, user: str) -> UserState:
        """Return the state of ``user``.

        Raises:
            UnknownUserError: the user has not appeared yet.

        """
        actor = self._simulation.user(self.number(user))
        friends = tuple(map(self.name, sorted(actor.friends)))
        return UserState(user, friends, tuple(actor.purchases))

    def friends(self, number: int) -> frozenset[int]:
        """Return the friends of user ``number``, as numbers in order of first appearance."""
        return self._simulation.user(number).friends

    def state(self) -> list[UserState]:
        """Return the state of all users, in order of first appearance."""
        return [self.user(user) for user in self.users]

    def recency(self, count: int) -> list[Purchase]:
        """Return everyone's ``count`` latest purchases, or as many as there are, the last first."""
        return self._simulation.coordinator.recency.latest(count)

    @property
    def everyone(self) -> AbstractSet[str]:
        """All users of the history, also those who have not appeared yet."""
        return self._users

    def changed(self, number: int) -> bool:
        """Tell whether event ``number`` changed a state: all but vain changes of friendships.

        Raises:
            PositionError: the history has no such event.

        """
        return isinstance(self.history.event(number), Purchase) or bool(self._changed[number - 1])

    # How it is done

    def _look_through(self) -> None:
        friendships: set[tuple[str, str]] = set()
        users = self._users
        self._changed = bytearray(len(self._events))
        for number, event in enumerate(self._events, 1):
            if type(event) is Purchase:
                if event.user not in users:
                    users.add(event.user)
                    self._names.append(event.user)
                    self._births.append(number)
                continue
            one, other = event.user1, event.user2
            pair = (one, other) if one < other else (other, one)
            before = len(friendships)
            (friendships.add if type(event) is Befriend else friendships.discard)(pair)
            self._changed[number - 1] = len(friendships) != before
            for user in (one, other):
                if user not in users:
                    users.add(user)
                    self._names.append(user)
                    self._births.append(number)

    @property
    def _coordinator(self) -> DispatchedActor:
        return self._simulation.coordinator

    def _messages_of(self, number: int) -> list[Any]:
        event = self._events[number - 1]
        if self.history.judged(number):
            return [Judge(event), Commit()]
        return [Route((event,)), Settle()]

    def _actor(self, user: str) -> UserActor:
        return self._simulation.user(self._simulation.coordinator.numbers[user])

    def _reverse(self, event: Befriend | Unfriend) -> None:
        """Tell both users of ``event`` that it has not happened."""
        numbers = self._simulation.coordinator.numbers
        for user, other in ((event.user1, event.user2), (event.user2, event.user1)):
            friend = (numbers[other],)
            befriend = isinstance(event, Befriend)
            undone = Apply(unfriended=friend) if befriend else Apply(befriended=friend)
            self._actor(user).actor_ref.tell(undone)
        # Before they are forgotten, should they not have appeared yet.
        self._simulation.dispatcher.run()

    def _forward(self, position: int) -> None:
        """Apply the events up to ``position``, with a checkpoint at each round number."""
        while self.position < position:
            milestone = (self.position // CHECKPOINT_EVENTS + 1) * CHECKPOINT_EVENTS
            end = min(position, milestone)
            with self.undisturbed(), collector_paused():
                self._simulation.route(self._events[self.position : end])
                self._simulation.settle()
                self.position = end
                if end == milestone and end > self._checkpoints[-1].position:
                    self._checkpoints.append(checkpoint_of(self._simulation))

    def _checkpoint_before(self, position: int) -> Checkpoint:
        index = bisect.bisect(self._checkpoints, position, key=lambda each: each.position)
        return self._checkpoints[index - 1]

    def _restore(self, checkpoint: Checkpoint) -> None:
        with self.undisturbed(), collector_paused():
            restore(self._simulation, checkpoint)
            self.position = checkpoint.position
