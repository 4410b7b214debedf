"""Starting actors when somebody speaks to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Ref(Protocol):
    """Where a message can be sent: a reference to an actor of any runtime."""

    def tell(self, message: Any) -> None:
        """Send ``message``, without waiting."""

    def stop(self) -> Any:
        """Stop the actor."""


class Active(dict[int, Ref]):
    """The actors that are active, by number; one that is not is activated when looked up."""

    def __init__(self, activate: Callable[[int], Ref]) -> None:
        """Activate actors with ``activate``, which is given their numbers."""
        super().__init__()
        self._activate = activate

    def __missing__(self, number: int) -> Ref:
        """Activate the actor of ``number``."""
        ref = self[number] = self._activate(number)
        return ref
