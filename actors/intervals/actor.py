"""The shard: a fold of the observations of some keys that may still be in an interval.

As a user does (`actors.purchases.user`), it recovers before its first message, from few of its own
observations, and may be passivated when no message waits for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from actors.dispatcher import DispatchedActor, Dispatcher
from actors.intervals.messages import Extend, Finish, Found

if TYPE_CHECKING:
    from actors.activation import Ref
    from actors.intervals.finder import IntervalFinder
    from actors.intervals.past import Recovery


class IntervalKeeper:
    """What a shard is and does, on any of Pykka's runtimes."""

    recovers_on: ClassVar[tuple[type, ...]] = (Extend, Finish)
    """The messages before which it recovers."""
    number: int
    """Which of the shards it is."""
    finder: IntervalFinder
    """The observations that may still be part of an interval."""
    coordinator: Ref
    """Where answers go."""
    past: Recovery
    """Where its own observations are."""
    active: bool
    """Whether it has recovered, and is told of new observations."""

    def begin(self, number: int, coordinator: Ref, past: Recovery) -> None:
        """Begin as shard ``number``, which has yet to recover."""
        self.number = number
        self.coordinator = coordinator
        self.past = past
        self.active = False

    def recover(self, passed: int, ended: int = 0) -> None:
        """Hold what its own among the first ``passed`` observations come to.

        The first ``ended`` of them seemed to be all when there were no more.
        """
        self.finder = self.past.finder()
        if passed:
            self.finder.stand(self.past.own(self.number, passed, ended))
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
            self.recover(message.passed, message.ended)
        if kind is Extend:
            rows = message.rows
            # A shard counts its keys from 0.
            rows = rows.with_keys(rows.keys // self.past.shards)
            found, changes = self.finder.extend(rows, message.places)
        else:
            found, changes = self.finder.finish(message.passed), np.zeros(0, np.int64)
        self.coordinator.tell(Found(self.number, found, changes))


class IntervalActor(IntervalKeeper, DispatchedActor):
    """A shard on the dispatcher."""

    __slots__ = ("active", "coordinator", "finder", "number", "past")

    def __init__(
        self, dispatcher: Dispatcher, urn: str, number: int, coordinator: Ref, past: Recovery
    ) -> None:
        """Begin as shard ``number``, answering to ``coordinator``."""
        super().__init__(dispatcher, urn)
        self.begin(number, coordinator, past)
