"""What a debugger session needs of a timeline, of purchases or of intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from replay.stepping import Delivered


class Steps(Protocol):
    """A history that can be visited at any moment."""

    position: int
    """How many events have happened."""

    def __len__(self) -> int:
        """Return the number of events."""

    def goto(self, position: int) -> None:
        """Go to the moment after event ``position``; 0 is before everything."""

    def deliver(self) -> Delivered | None:
        """Deliver one message of the next event and return it, or None at the end."""

    def trace(self, number: int) -> list[Delivered]:
        """Return every message delivered for event ``number``; go to the moment after it."""

    @property
    def inside(self) -> bool:
        """Whether some but not all messages of the next event have been delivered."""

    @property
    def waiting(self) -> list[Delivered]:
        """The messages that wait for delivery, in order; none but inside an event."""

    @property
    def everyone(self) -> AbstractSet[str]:
        """All users, or keys and ids, of the history."""
