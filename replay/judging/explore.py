"""What is explored of a history whose stream is judged event by event."""

from __future__ import annotations

from copy import deepcopy
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from actors.messages import Attest, Commit, Include, Judge
from actors.sink import ListOutlet
from actors.urns import COORDINATOR, SINK
from events.errors import counted
from replay.engine.difference import Difference
from replay.engine.explore import COMMITS, Subject
from replay.judging.verify import decision_differences

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from actors.dispatcher import DeliveryOrder
    from replay.engine.explore import Draw, Played, State

# So many events of the past are told anew each time; those before them are what actors
# recover from.
PAST_EVENTS_MAX: Final = 1_000


class JudgedSubject(Subject):
    """A history whose stream is judged event by event."""

    verdict = "decision"
    line = "flagged line"
    actors = "subjects"

    def __init__(self, detector: Any, setting: Any, journal: Any, past: int) -> None:
        """Explore all events of ``journal``, of which the first ``past`` are not of the stream."""
        self.detector = detector
        self.setting: Final = setting
        """What the detector was told."""
        self.journal: Final = journal
        """All events."""
        self.past: Final = past
        """How many of them are the past; the others are of the stream."""

    @property
    def events(self) -> int:
        return len(self.journal)

    @property
    def told(self) -> int:
        """How many events of the past are told anew in each exploration."""
        return min(self.past, PAST_EVENTS_MAX)

    @property
    def beginning(self) -> int:
        return self.past - self.told

    def kept(self) -> ListOutlet:
        return ListOutlet()

    def system(self, detector: Any, kept: ListOutlet, order: DeliveryOrder | None) -> Any:
        system = detector(self.setting, kept, order, attesting=True, journal=self.journal)
        system.goto(self.beginning)
        return system

    def requests(self, draw: Draw | None) -> list[Any]:
        requests: list[Any] = []
        commits = 0 if draw is None else draw.one_of(COMMITS)
        for event in self.journal.events(self.beginning + 1, len(self.journal)):
            judging = event.number > self.past
            requests.append(Judge(event) if judging else Include(event))
            if judging and draw is not None and not draw.below(commits):
                requests.append(Commit())
        return [*requests, Attest(len(self.journal)), Commit()]

    def state(self, system: Any) -> State:
        state: State = {}
        for number in self.told_since():
            actor = system.user(number)
            for field, value in self.state_of(actor).items():
                state[actor.actor_urn, field] = value
        state[COORDINATOR, f"events that {self.actors} know of"] = system.position
        return state

    def told_since(self) -> Sequence[int]:
        """Return the subjects, by number, whom an event since the beginning was about."""
        journal = self.journal
        found: list[int] = journal.concerned(
            self.beginning + 1, len(journal), range(len(journal.names))
        )
        return found

    def state_of(self, actor: Any) -> dict[str, Any]:
        """Return what ``actor`` holds, by what it is called, to be compared."""
        # What is compared later must not change with the actor.
        return deepcopy(actor.held())

    def scope(self) -> dict[str, int]:
        return {"past": self.told, "stream": self.events - self.past}

    def scope_text(self) -> str:
        stream = counted(self.events - self.past, "event")
        return f"{stream} of the stream and the last {self.told:,} of the past"

    def nothing(self, reference: Played) -> str | None:
        return None if reference.verdicts else "nothing was judged: nothing in the stream is"

    def number_differing(self, recorded: Mapping[int, Any], reference: Played) -> int | None:
        decided = {verdict.number: verdict for verdict in reference.verdicts}
        numbers = sorted(recorded)
        return next((each for each in numbers if recorded[each] != decided.get(each)), None)

    def differing_verdicts(
        self, expected: Sequence[Any], found: Sequence[Any]
    ) -> Iterator[Difference]:
        wanted, given = ({each.number: each for each in every} for every in (expected, found))
        for number in sorted(wanted.keys() | given.keys()):
            one, other = wanted.get(number), given.get(number)
            if one is None or other is None:
                yield Difference(number, SINK, self.verdict, one, other)
            else:
                yield from decision_differences(one, other)
        numbers = ([each.number for each in every] for every in (expected, found))
        for one_number, other_number in zip_longest(*numbers):
            if one_number != other_number:
                event = one_number or other_number
                yield Difference(event, SINK, "next decided event", one_number, other_number)
