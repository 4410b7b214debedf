"""Playing a history again, and comparing all that the run recorded with what comes out.

The events are told to new actors. Each decision is compared, and at each recorded digest
of the state (`actors.purchases.digest`) what the actors then hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.purchases.digest import Sums, sums_of, total_of, users_of_difference
from actors.urns import COORDINATOR
from events.records.record import StateDigest
from replay.engine.difference import Difference
from replay.engine.verify import digest_differences
from replay.judging.verify import JudgedReplay
from replay.purchases.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from replay.engine.history import Attestation
    from replay.engine.workers import Workforce
    from replay.purchases.history import History


class PurchaseReplay(JudgedReplay):
    """A history of purchases, played again."""

    def __init__(
        self,
        history: History,
        detector: Callable[..., Simulation] = Simulation,
        workers: int | Workforce | None = 1,
    ) -> None:
        """Play ``history`` again; see `JudgedReplay`."""
        super().__init__(history, detector, workers)
        # What each user's state adds up to, and all of them together.
        self._sums: list[Sums] = []
        self._total = Sums()

    def compare(self, attestation: Attestation, since: int | None) -> Iterator[Difference]:
        users = self.concerned(since)
        self._sum_up(users)
        recorded, total = Sums(*attestation.digest.sums), self._total.reduced()
        actors = ", ".join(
            self._simulation.user(user).actor_urn
            for user in users_of_difference(recorded.minus(total))
            if user < len(self._sums)
        )
        found = StateDigest(attestation.events, b"", len(self._sums), total)
        names = Sums._fields
        yield from digest_differences(attestation, found, names, "users", actors or COORDINATOR)
        yield from self._compare_recency(users)

    def _sum_up(self, users: Sequence[int]) -> None:
        self._sums += [Sums()] * (self._simulation.users - len(self._sums))
        before = total_of([Sums(), *(self._sums[user] for user in users)])
        for user in users:
            actor = self._simulation.user(user)
            self._sums[user] = sums_of(user, actor.friends, actor.purchases)
        after = total_of([Sums(), *(self._sums[user] for user in users)])
        self._total = self._total.minus(before.minus(after))

    def _compare_recency(self, users: Sequence[int]) -> Iterator[Difference]:
        """Compare who the coordinator takes for the latest buyers with what the users hold."""
        latest = self._simulation.last_purchase
        for user in users:
            last = self._simulation.user(user).purchases.last
            if latest(user) != last:
                yield Difference(self.position, COORDINATOR, "recency", last, latest(user))
