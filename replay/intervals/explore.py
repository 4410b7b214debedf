"""What is explored of a search for intervals: its last observations told anew, and settled.

Where the run settled, an exploration does: what is found up to there, and what the state adds
up to, has to be the same. In between it settles as often as is drawn, which tells the actors
of the keys less at a time, and with less known of what comes.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from actors.intervals.messages import Conclude, Observe, Settle
from actors.intervals.recall import JournalRecovery
from actors.messages import Commit
from actors.urns import COORDINATOR, urn_of_key
from events.errors import counted
from events.observations.observed import Observed
from events.records.record import LogEnd, StateDigest
from replay.engine.explore import COMMITS, Subject
from replay.intervals.lines import interval_lines
from replay.intervals.verify import finding_differences

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from actors.dispatcher import DeliveryOrder
    from events.observations.findings import FindingColumns
    from events.observations.interval import Finding
    from events.observations.journal import ObservationJournal
    from events.observations.parameters import IntervalParameters
    from events.store.store import EventStore
    from replay.engine.difference import Difference
    from replay.engine.explore import Draw, Played, State

# So many of the last observations are told anew each time.
TOLD_MAX: Final = 4_000
# Observations are told in pieces of at most so many.
_PIECES: Final = (1, 16, 256)


class Settling(NamedTuple):
    """A moment at which the run settled."""

    events: int
    """How many observations there were."""
    remaining: int
    """How many of them were left for later."""
    ended: bool
    """Whether no more seemed to come."""


def settlings_of(store: EventStore) -> Iterator[Settling]:
    """Iterate over the moments at which the run in ``store`` settled."""
    ended = False
    for record in store.records():
        if isinstance(record, StateDigest):
            yield Settling(record.events, record.sums[0] if record.sums else 0, ended)
        elif isinstance(record, LogEnd | Observed):
            ended = isinstance(record, LogEnd)


class KeptFindings:
    """An outlet that keeps all that comes out, but digests only of where the run settled."""

    def __init__(
        self, parameters: IntervalParameters, settled: Collection[tuple[int, int]]
    ) -> None:
        """Keep the digests of moments with these observations, and so many of them left."""
        self.decisions: list[Finding] = []
        """What was found."""
        self.lines: list[bytes] = []
        """The intervals as lines."""
        self._parameters: Final = parameters
        self._settled: Final = settled
        self._digests: Final[dict[tuple[int, int], StateDigest]] = {}

    @property
    def digests(self) -> list[StateDigest]:
        """The digests, in order; of one moment the last."""
        return list(self._digests.values())

    def record(self, findings: FindingColumns, digest: StateDigest) -> None:
        """Keep these findings, and the digest if the run settled there."""
        self.decisions += findings
        moment = digest.events, digest.sums[0]
        if moment in self._settled:
            self._digests[moment] = digest

    def write(self, findings: FindingColumns) -> None:
        """Keep these lines."""
        self.lines += interval_lines([each.interval for each in findings], self._parameters, None)


class IntervalSubject(Subject):
    """A search for intervals."""

    verdict = "finding"
    line = "interval"
    actors = "keys"

    def __init__(
        self,
        detector: Any,
        parameters: IntervalParameters,
        journal: ObservationJournal,
        settlings: Sequence[Settling],
        told_max: int = TOLD_MAX,
    ) -> None:
        """Explore the last observations of ``journal`` up to the last of ``settlings``.

        What came behind that was not looked at. At most ``told_max`` are told anew.
        """
        self._told_max: Final = told_max
        self.detector = detector
        self.parameters: Final = parameters
        """What is looked for."""
        self.journal: Final = journal
        """All observations."""
        self._events: Final = settlings[-1].events if settlings else 0
        self.settlings: Final = [each for each in settlings if each.events > self.beginning]
        """Where it has to settle."""
        self._ended_before: Final = [
            each.events for each in settlings if each.ended and each.events <= self.beginning
        ]

    @property
    def events(self) -> int:
        return self._events

    @property
    def beginning(self) -> int:
        return max(0, self._events - self._told_max)

    def kept(self) -> KeptFindings:
        settled = {(each.events, each.remaining) for each in self.settlings}
        return KeptFindings(self.parameters, settled)

    def system(self, detector: Any, kept: Any, order: DeliveryOrder | None) -> Any:
        past = JournalRecovery(self.journal, self.parameters, self._ended_before)
        system = detector(self.parameters, kept, order, past=past)
        system.goto(self.beginning)
        return system

    def requests(self, draw: Draw | None) -> list[Any]:
        requests: list[Any] = []
        size_max, commits = (1, 1) if draw is None else (draw.one_of(_PIECES), draw.one_of(COMMITS))
        at, concluded = self.beginning, -1
        for settling in self.settlings:
            numbers = range(at, settling.events)
            pieces = [numbers] if draw is None else draw.cut(numbers, size_max)
            for piece in pieces:
                if piece:
                    requests.append(self._observe(piece))
                    if draw is not None and draw.below(2):
                        # No more is passed on by then than the run had passed on.
                        requests.append(Settle(settling.remaining))
            if settling.ended and settling.events != concluded:
                # It may seem so again, if the search was live.
                requests.append(Conclude())
                concluded = settling.events
            requests.append(Settle(settling.remaining))
            if draw is None or not draw.below(commits):
                requests.append(Commit())
            at = settling.events
        return [*requests, Commit()]

    def _observe(self, numbers: Sequence[int]) -> Observe:
        return Observe(self.journal.observed(numbers[0], numbers[-1] + 1))

    def state(self, system: Any) -> State:
        state: State = {}
        names = self.journal.names
        keys = self.journal.concerned(self.beginning + 1, self.events, range(len(names)))
        for name in map(names.__getitem__, keys):
            number = system.number_of(name)
            # What has not had its turn has none.
            if number is not None:
                key = system.key(number)
                state[urn_of_key(name), "observations"] = key.seen
                state[urn_of_key(name), "window"] = list(key.window)
        state[COORDINATOR, "keys"] = system.keys
        state[COORDINATOR, "observations that wait"] = system.rows_waiting
        return state

    def scope(self) -> dict[str, int]:
        return {"past": 0, "stream": self.events - self.beginning}

    def scope_text(self) -> str:
        told = self.events - self.beginning
        return f"{'' if told == self.events else 'the last '}{counted(told, 'observation')}"

    def nothing(self, reference: Played) -> str | None:
        return None if reference.verdicts else "nothing was found among them"

    def number_differing(self, recorded: Sequence[Finding], reference: Played) -> int | None:
        told = [each for each in recorded if each.number > self.beginning]
        for one, other in zip_longest(told, reference.verdicts):
            if one != other:
                number: int = min(each.number for each in (one, other) if each is not None)
                return number
        return None

    def differing_verdicts(
        self, expected: Sequence[Finding], found: Sequence[Finding]
    ) -> Iterator[Difference]:
        for one, other in zip_longest(expected, found):
            yield from finding_differences(one, other)
