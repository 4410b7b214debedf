"""The actor system of the detector of purchases: a coordinator, a sink and the users."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from actors.purchases.coordinator import CoordinatorActor
from actors.purchases.user import UserActor
from actors.urns import urn_of_user
from events.errors import DetectorError
from events.purchases.decision import Decision
from events.purchases.event import Event, Purchase, line_of, place_of
from events.purchases.journal import OwnEvents, PurchaseJournal
from events.purchases.lines import flagged_line
from replay.judging.system import ActorSystem

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from actors.purchases.digest import Sums

    Detector = Callable[..., "Simulation"]


class Simulation(ActorSystem[Event, Decision, UserActor]):
    """The program's own detector as an actor system; other rules are subclasses with other actors.

    A user becomes an actor when the first message to it is told.
    """

    name = "purchases"
    version: ClassVar[int | str] = 1
    answers_as_of = True

    verdict_type: ClassVar[type[Decision]] = Decision
    """What a verdict says."""
    coordinator_type: ClassVar[type[CoordinatorActor]] = CoordinatorActor
    """The type of its coordinator."""
    user_type: ClassVar[type[UserActor]] = UserActor
    """The type of its users."""

    journal: PurchaseJournal
    coordinator: CoordinatorActor

    def last_purchase(self, user: int) -> int | None:
        """Return the number of the latest purchase of ``user`` that the coordinator knows of."""
        return self.coordinator.recency.last(user)

    def latest_purchases(self, count: int) -> list[Purchase]:
        """Return the ``count`` latest purchases of all users together, the latest first."""
        return self.coordinator.recency.latest(count)

    def last_window(self, members: AbstractSet[int], count: int) -> list[Purchase]:
        """Return the last ``count`` purchases that ``members`` made together, in order."""
        owners = self.coordinator.recency.owners(members, count)
        bought = [
            purchase
            for owner, latest in owners.latest.items()
            for purchase in self.user(owner).purchases.latest(latest)
        ]
        return sorted(bought, key=place_of)[-count:]

    @classmethod
    def new_journal(cls) -> PurchaseJournal:
        return PurchaseJournal()

    @classmethod
    def checked_line(cls, event: Event, verdict: Decision) -> bytes:
        """Return the line of a flagged purchase (SPEC.md section 4), without its newline."""
        return flagged_line(line_of(event), verdict.mean_cents, verdict.sd_cents)

    @classmethod
    def parts(cls) -> tuple[type, ...]:
        return cls.coordinator_type, cls.user_type

    @classmethod
    def judges(cls, event: Event) -> bool:
        return isinstance(event, Purchase)

    def sums(self) -> Sums:
        """Return what the state adds up to, as the next digest would say.

        Raises:
            DetectorError: it was made without ``attesting``.

        """
        sums = self.coordinator.sums
        if sums is None:
            raise DetectorError(
                "expected a simulation that attests, found one made without attesting=True; a "
                "detector has to pass on all that it is given"
            )
        return sums.now()

    def _spawn(self, number: int) -> UserActor:
        coordinator, own = self.coordinator.actor_ref, OwnEvents(self.journal, number)
        return self.dispatcher.spawn(
            lambda dispatcher, urn: self.user_type(dispatcher, urn, coordinator, own),
            urn_of_user(self.journal.names[number]),
        )
