"""The interval actor: owns the observations of one key that may still be in an interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.dispatcher import DispatchedActor, Dispatcher
from actors.interval_messages import Extend, Finish, Found, Resume
from actors.intervals import IntervalFinder, Memory

if TYPE_CHECKING:
    from actors.user import Ref
    from events.interval import Interval
    from events.interval_parameters import IntervalParameters


class IntervalKeeper:
    """What an interval actor is and does, on any of Pykka's runtimes."""

    number: int
    """The number of its key, by which other actors address it."""
    finder: IntervalFinder
    """The observations that may still be part of an interval."""
    coordinator: Ref
    """Where answers go."""

    def begin(
        self, number: int, key: str, parameters: IntervalParameters, coordinator: Ref
    ) -> None:
        """Begin as the actor of ``key``, with no observations."""
        self.number = number
        self.coordinator = coordinator
        self.finder = IntervalFinder(
            parameters.threshold,
            inclusive=parameters.inclusive,
            distinct_min=parameters.distinct_min,
            key=key,
        )

    def on_receive(self, message: Any) -> None:
        """Handle `Extend`, `Finish` or `Resume`.

        Raises:
            TypeError: it is some other message.

        """
        kind, finder = type(message), self.finder
        if kind is Extend:
            before = finder.seen
            found = finder.extend(message.times, message.adids)
            # An interval is final when the first observation behind it comes.
            places = [message.places[each.end_index + 1 - before] for each in found]
            self._answer(places, found)
        elif kind is Finish:
            found = finder.finish()
            self._answer([message.place] * len(found), found)
        elif kind is Resume:
            finder.recall(
                Memory(message.first, message.given, message.latest, message.times, message.adids)
            )
        else:
            raise TypeError(f"an interval actor understands no {kind.__name__}")

    def _answer(self, places: list[int], found: list[Interval]) -> None:
        seen, ids = self.finder.seen, self.finder.ids_max
        still_open = seen - self.finder.window_start
        self.coordinator.tell(
            Found(self.number, tuple(places), tuple(found), seen, still_open, ids)
        )


class IntervalActor(IntervalKeeper, DispatchedActor):
    """An interval actor on the dispatcher."""

    __slots__ = ("coordinator", "finder", "number")

    def __init__(  # noqa: PLR0917  all of them are parts of the actor
        self,
        dispatcher: Dispatcher,
        urn: str,
        number: int,
        key: str,
        parameters: IntervalParameters,
        coordinator: Ref,
    ) -> None:
        """Begin as the actor of ``key``, answering to ``coordinator``."""
        super().__init__(dispatcher, urn)
        self.begin(number, key, parameters, coordinator)
