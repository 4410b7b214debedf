"""What is explored of a history of purchases: the past's end told anew, and its stream judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.urns import COORDINATOR
from replay.judging.explore import JudgedSubject

if TYPE_CHECKING:
    from actors.purchases.user import UserActor
    from replay.engine.explore import Played, State


class PurchaseSubject(JudgedSubject):
    """A history of purchases and friendships."""

    actors = "users"

    def state_of(self, actor: UserActor) -> dict[str, Any]:
        return actor.held()

    def state(self, system: Any) -> State:
        state = super().state(system)
        for number in self.told_since():
            name = self.journal.names[number]
            state[COORDINATOR, f"last purchase of {name}"] = system.last_purchase(number)
        latest = [purchase.number for purchase in system.latest_purchases(self.events)]
        state[COORDINATOR, "latest purchases"] = latest
        return state

    def text(self, field: str, value: Any) -> Any:
        """Return friends by their names, and purchases by their numbers."""
        if value is None:
            return None
        if field == "friends":
            names = self.journal.names
            return [names[n] if n < len(names) else n for n in sorted(value)]
        return [made.number for made in value] if field == "purchases" else value

    def nothing(self, reference: Played) -> str | None:
        missing = "nothing was judged: there is no purchase in the stream"
        return None if reference.verdicts else missing
