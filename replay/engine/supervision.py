"""Activating an actor again that failed: one of a user, or of the observations of a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.intervals.actor import IntervalActor
from actors.intervals.messages import Extend, Finish
from actors.purchases.messages import Apply, AskFriends, AskPurchases
from actors.purchases.user import UserActor

if TYPE_CHECKING:
    from actors.dispatcher import DispatchedActor


class Reactivation:
    """Lets actors that failed recover before they are given their message again.

    All events are in the journal, or the store, before any actor acts on them. The
    coordinator and the sink are not restarted: what they hold is of the moment.
    """

    def __init__(self) -> None:
        """Begin with no actor restarted."""
        self.restarts = 0
        """How often an actor was restarted."""

    def restart(self, actor: DispatchedActor, message: Any) -> bool:
        """Let ``actor`` recover up to ``message``; False if it is none that can."""
        if isinstance(actor, UserActor):
            understood = isinstance(message, Apply | AskFriends | AskPurchases)
        elif isinstance(actor, IntervalActor):
            understood = isinstance(message, Extend | Finish)
        else:
            return False
        if understood:
            actor.active = False
            self.restarts += 1
        return understood
