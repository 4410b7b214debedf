"""Activating an actor again that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from replay.engine.logging_listener import LOGGER

if TYPE_CHECKING:
    from actors.dispatcher import DispatchedActor


class Reactivation:
    """Lets actors that failed recover before they are given their message again.

    All events are in the journal, or the store, before any actor acts on them. A coordinator
    and a sink recover on no message, so they are not restarted: what they hold is of the moment.
    """

    def __init__(self) -> None:
        """Begin with no actor restarted."""
        self.restarts = 0
        """How often an actor was restarted."""

    def restart(self, actor: DispatchedActor, message: Any) -> bool:
        """Let ``actor`` recover up to ``message``; False if it is none that can."""
        if not isinstance(message, actor.recovers_on):
            return False
        actor.active = False
        self.restarts += 1
        LOGGER.warning(
            "%s failed on %s; it recovers from its events and gets it once more",
            actor.actor_urn,
            type(message).__name__,
            exc_info=True,
        )
        return True
