"""The interval actor: a fold of the observations of one key that may still be in an interval.

As a user does (`actors.purchases.user`), it recovers before its first message, from few of its own
observations, and may be passivated when no message waits for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from actors.dispatcher import DispatchedActor, Dispatcher
from actors.intervals.finder import IntervalFinder
from actors.intervals.messages import Extend, Finish, Found

if TYPE_CHECKING:
    from actors.activation import Ref
    from actors.intervals.past import Recovery
    from events.observations.interval import Interval
    from events.observations.parameters import IntervalParameters


class IntervalKeeper:
    """What an interval actor is and does, on any of Pykka's runtimes."""

    recovers_on: ClassVar[tuple[type, ...]] = (Extend, Finish)
    """The messages before which it recovers."""
    number: int
    """The number of its key, by which other actors address it."""
    finder: IntervalFinder
    """The observations that may still be part of an interval."""
    coordinator: Ref
    """Where answers go."""
    past: Recovery
    """Where its own observations are."""
    active: bool
    """Whether it has recovered, and is told of new observations."""

    def begin(
        self,
        number: int,
        key: str,
        parameters: IntervalParameters,
        coordinator: Ref,
        past: Recovery,
    ) -> None:
        """Begin as the actor of ``key``, which has yet to recover."""
        self.number = number
        self.coordinator = coordinator
        self.past = past
        self.active = False
        self._key = key
        self._parameters = parameters

    def recover(self, seen: int, ended: int = 0) -> None:
        """Hold what the first ``seen`` observations of the key come to.

        The first ``ended`` of them seemed to be all when there were no more.
        """
        parameters = self._parameters
        self.finder = IntervalFinder(
            parameters.threshold,
            inclusive=parameters.inclusive,
            distinct_min=parameters.distinct_min,
            key=self._key,
        )
        if seen:
            self.finder.recover(self.past.own(self.number, seen, ended), seen, ended)
        self.active = True

    def on_receive(self, message: Any) -> None:
        """Handle `Extend` or `Finish`, and recover before the first one.

        Raises:
            TypeError: it is some other message.

        """
        kind = type(message)
        if kind is not Extend and kind is not Finish:
            raise TypeError(f"an interval actor understands no {kind.__name__}")
        if not self.active:
            self.recover(message.seen, message.ended)
        finder = self.finder
        if kind is Extend:
            found = finder.extend(message.times, message.adids)
            # An interval is final when the first observation behind it comes.
            places = [message.places[each.end_index + 1 - message.seen] for each in found]
        else:
            found = finder.finish()
            places = [message.place] * len(found)
        self._answer(places, found)

    def _answer(self, places: list[int], found: list[Interval]) -> None:
        seen, ids = self.finder.seen, self.finder.ids_max
        still_open = seen - self.finder.window_start
        self.coordinator.tell(
            Found(self.number, tuple(places), tuple(found), seen, still_open, ids)
        )


class IntervalActor(IntervalKeeper, DispatchedActor):
    """An interval actor on the dispatcher."""

    __slots__ = (
        "_key",
        "_parameters",
        "active",
        "coordinator",
        "ended",
        "finder",
        "number",
        "past",
        "since",
    )

    def __init__(  # noqa: PLR0917  all of them are parts of the actor
        self,
        dispatcher: Dispatcher,
        urn: str,
        number: int,
        key: str,
        parameters: IntervalParameters,
        coordinator: Ref,
        past: Recovery,
    ) -> None:
        """Begin as the actor of ``key``, answering to ``coordinator``."""
        super().__init__(dispatcher, urn)
        self.since = 0
        """How many observations of the key had been passed on when it was activated."""
        self.ended = 0
        """How many of them had been when no more seemed to come."""
        self.begin(number, key, parameters, coordinator, past)

    def look(self) -> IntervalFinder:
        """Return what it holds, as it is or would be when the first message reaches it."""
        if not self.active:
            self.recover(self.since, self.ended)
        return self.finder
