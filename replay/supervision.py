"""Activating a user actor again that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.messages import Apply, AskFriends, AskPurchases
from actors.user import UserActor

if TYPE_CHECKING:
    from actors.dispatcher import DispatchedActor


class Reactivation:
    """Lets user actors that failed recover before they are given their message again.

    All events are in the journal before any actor acts on them. The coordinator and the
    sink are not restarted: what they hold is of the moment.
    """

    def __init__(self) -> None:
        """Begin with no actor restarted."""
        self.restarts = 0
        """How often a user was restarted."""

    def restart(self, actor: DispatchedActor, message: Any) -> bool:
        """Let ``actor`` recover up to ``message``; False if it is no user."""
        if not (
            isinstance(actor, UserActor) and isinstance(message, Apply | AskFriends | AskPurchases)
        ):
            return False
        actor.active = False
        self.restarts += 1
        return True
