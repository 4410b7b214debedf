"""Playing a history again, and comparing all that the run recorded with what comes out.

The events are told to new actors. Each decision is compared, and at each recorded digest
of the state (`actors.purchases.digest`) what the actors then hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actors.purchases.digest import Sums, sums_of, total_of, users_of_difference
from actors.sink import Nowhere
from actors.urns import COORDINATOR, SINK
from events.purchases.own_lines import check_own_lines
from events.store.records import StateDigest
from replay.engine.detectors import check_detector
from replay.engine.difference import Difference
from replay.engine.verify import Lost, Replayed, Verification, digest_differences
from replay.purchases.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from events.store.records import Decision
    from replay.engine.history import Attestation
    from replay.purchases.history import History


# All that a decision says of its event.
_DECISION_FIELDS: Final = ("flagged", "purchases", "mean", "sd")


def decision_differences(expected: Decision, actual: Decision) -> Iterator[Difference]:
    """Iterate over what differs in two decisions on the same event."""
    for field in _DECISION_FIELDS:
        one, other = getattr(expected, field), getattr(actual, field)
        if one != other:
            yield Difference(expected.number, COORDINATOR, field, one, other)


def verify(
    history: History,
    progress: Callable[[Sequence[int]], Iterable[int]] = iter,
    detector: Callable[..., Simulation] = Simulation,
) -> Verification:
    """Play ``history`` again and compare.

    Args:
        history: what the run recorded.
        progress: passes on the moments up to which is played, one after another.
        detector: makes the actor system that decides again, of parameters and an outlet.

    Raises:
        OtherDetectorError: another detector decided the history.
        DamagedStoreError: the line of an event is another's.

    """
    check_detector(history.store, detector)
    check_own_lines(history.store)
    moments = sorted({each.events for each in history.digests} | {len(history)})
    return _Replay(history, detector).verification(moments, progress)


class _Replay(Replayed):
    def __init__(self, history: History, detector: Callable[..., Simulation]) -> None:
        super().__init__()
        self.history: Final = history
        self.lost += [Lost(after, gap.events, gap.size) for after, gap in history.gaps]
        self._simulation = detector(history.store.parameters, Nowhere(), journal=history.journal)
        self._last_judged = max(history.recorded, default=0)
        # What each user's state adds up to, and all of them together.
        self._sums: list[Sums] = []
        self._total = Sums()

    def close(self) -> None:
        self._simulation.close()

    def differences(self, moments: Iterable[int]) -> Iterator[Difference]:
        history = self.history
        attested: dict[int, list[Attestation]] = {}
        for each in history.digests:
            attested.setdefault(each.events, []).append(each)
        for moment in moments:
            before = self.position
            yield from self._play(moment)
            for attestation in attested.get(moment, ()):
                # The whole state is summed up where the batch and the stream end; in
                # between only the users whom an event since then was about.
                whole = moment in (history.past_events, len(history)) and before < moment
                yield from self._compare(attestation, None if whole else before)
                # Of another digest of this moment nothing needs to be summed up again.
                before = moment
                self.digests += 1
        for number in sorted(history.recorded):
            if number > len(history):
                yield Difference(number, SINK, "decision", history.recorded[number], None)

    def _play(self, moment: int) -> Iterator[Difference]:
        history, simulation = self.history, self._simulation
        past = min(moment, history.past_events)
        if self.position < past:
            simulation.goto(past)
            for number in range(self.position + 1, past + 1):
                if number in history.recorded:
                    recorded = history.recorded[number]
                    yield Difference(number, SINK, "decision", recorded, None)
            self.position = past
        while self.position < moment:
            event = history.events[self.position]
            decision = simulation.judge(event)
            self.position += 1
            yield from self._decided(self.position, decision)
        simulation.commit()

    def _decided(self, number: int, actual: Decision | None) -> Iterator[Difference]:
        recorded = self.history.recorded.get(number)
        if recorded is None or actual is None:
            # A run that was stopped may not have judged all that it had read.
            stopped = number > self._last_judged and "stream" not in self.history.ends
            if recorded is not actual and not stopped:
                yield Difference(number, SINK, "decision", recorded, actual)
            return
        yield from decision_differences(recorded, actual)
        self.verdicts += 1

    def _compare(self, attestation: Attestation, since: int | None) -> Iterator[Difference]:
        """Compare a digest; only what changed after event ``since`` is summed up again."""
        users = self._concerned(since)
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

    def _concerned(self, since: int | None) -> list[int]:
        if since is None:
            return list(range(self._simulation.users))
        journal = self.history.journal
        return journal.concerned(since + 1, self.position, range(self._simulation.users))

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
