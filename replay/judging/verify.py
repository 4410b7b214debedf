"""Playing a history again whose events are judged, and comparing each decision."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from actors.sink import Nowhere
from actors.urns import COORDINATOR, SINK
from events.records.record import StateDigest
from replay.engine.detectors import check_detector
from replay.engine.difference import Difference
from replay.engine.verify import Lost, Replayed, Verification, digest_differences
from replay.judging.workers import Judges, why_alone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from replay.engine.history import Attestation
    from replay.engine.workers import Workforce
    from replay.judging.history import JudgedHistory


# So many events are judged in this process before it is seen whether workers pay.
_AT_ONCE: Final = 512


def decision_differences(expected: Any, actual: Any) -> Iterator[Difference]:
    """Iterate over what differs in two decisions on the same event."""
    names = zip(expected.__struct_fields__, expected.__struct_encode_fields__, strict=True)
    for field, called in names:
        one, other = getattr(expected, field), getattr(actual, field)
        if one != other:
            yield Difference(expected.number, COORDINATOR, called, one, other)


class JudgedReplay(Replayed):
    """A history whose events are judged, played again."""

    def __init__(
        self,
        history: JudgedHistory[Any, Any, Any],
        detector: Any,
        workers: int | Workforce | None = 1,
    ) -> None:
        """Play ``history`` again with actors of ``detector``; ``workers`` are as in `replay.run`.

        Raises:
            OtherDetectorError: another detector decided the history.
            DamagedStoreError: the line of an event is another's.

        """
        check_detector(history.store, detector)
        history.check_own_lines()
        super().__init__(detector(history.parameters, Nowhere(), journal=history.journal))
        self.history: Final = history
        self.lost += [Lost(after, gap.events, gap.size) for after, gap in history.gaps]
        self._judges: Final = Judges(
            self._simulation, 1 if why_alone(detector) else workers, lambda: None, telling=True
        )
        self._last_judged = max(history.recorded, default=0)

    def compared(self, progress: Callable[[Sequence[int]], Iterable[int]] = iter) -> Verification:
        """Play all of it up to the first difference; ``progress`` passes on each moment."""
        moments = {each.events for each in self.history.digests} | {len(self.history)}
        return self.verification(sorted(moments), progress)

    def compare(self, attestation: Attestation, since: int | None) -> Iterator[Difference]:
        """Compare a digest; only what changed after event ``since`` is looked at again.

        What actors hold that were told is compared with what they recover from their events.
        """
        simulation = self._simulation
        found = StateDigest(attestation.events, b"", simulation.users, simulation.sums())
        yield from digest_differences(attestation, found, (), "subjects")
        for number in set(self.concerned(since)) & set(simulation.active):
            actor = simulation.user(number)
            held = actor.held()
            simulation.passivate([number])
            recovered = simulation.user(number).held()
            for name in sorted({*held, *recovered}):
                if held.get(name) != recovered.get(name):
                    values = (recovered.get(name), held.get(name))
                    yield Difference(attestation.events, actor.actor_urn, name, *values)

    def close(self) -> None:
        self._judges.close()
        super().close()

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
                yield from self.compare(attestation, None if whole else before)
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
            shared = self._judges.pay(len(history) - self.position)
            decisions = self._shared(moment) if shared else self._here(moment)
            for number, decision in decisions:
                self.position = number
                yield from self._decided(number, decision)
        simulation.commit()

    def _here(self, moment: int) -> Iterator[tuple[int, Any]]:
        """Judge some events up to event ``moment``; iterate over them, and the decision if any."""
        first, last = self.position + 1, min(self.position + _AT_ONCE, moment)
        began = time.process_time()
        for event in self.history.events[first - 1 : last]:
            yield event.number, self._simulation.judge(event)
        self._judges.took(time.process_time() - began, last - first + 1)

    def _shared(self, moment: int) -> Iterator[tuple[int, Any]]:
        """Let workers judge all events up to event ``moment``; iterate over them likewise."""
        given = self.position
        for decision in self._judges.judge(given + 1, moment):
            for number in range(given + 1, decision.number):
                yield number, None
            given = decision.number
            yield given, decision
        for number in range(given + 1, moment + 1):
            yield number, None

    def _decided(self, number: int, actual: Any) -> Iterator[Difference]:
        recorded = self.history.recorded.get(number)
        if recorded is None or actual is None:
            # A run that was stopped may not have judged all that it had read.
            stopped = number > self._last_judged and "stream" not in self.history.ends
            if recorded is not actual and not stopped:
                yield Difference(number, SINK, "decision", recorded, actual)
            return
        yield from decision_differences(recorded, actual)
        self.verdicts += 1

    def concerned(self, since: int | None) -> list[int]:
        """Return whom an event after event ``since`` was about; all, where that is None."""
        if since is None:
            return list(range(self._simulation.users))
        journal = self.history.journal
        found: list[int] = journal.concerned(
            since + 1, self.position, range(self._simulation.users)
        )
        return found
