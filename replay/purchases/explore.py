"""Exploring a history: many orders of delivery and failures of users, one result.

SPEC.md section 6 allows any order in which each sender's messages reach a receiver in
sequence, and users may fail and be restarted at any message. An exploration plays the
history under one such order, drawn with a seed, and compares everything that comes out
with the reference: first in, first out, and nobody fails. The seed alone gives the same
exploration again, message for message, on any machine.
"""

from __future__ import annotations

import random
from itertools import zip_longest
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from actors.messages import Attest, Commit, Include, Judge
from actors.orders import RandomOrder
from actors.purchases.recency import WALK_MAX
from actors.sink import Kept
from actors.urns import COORDINATOR, SINK, urn_of_user
from events.errors import ReplayError
from replay.engine.detectors import check_detector
from replay.engine.difference import Difference
from replay.engine.judged_replay import decision_differences
from replay.engine.supervision import Reactivation
from replay.purchases.failing import WHENS, Failure, Failures, with_failures
from replay.purchases.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from actors.dispatcher import Observer
    from events.journal.journal import Journal
    from events.purchases.event import Event, Purchase
    from events.purchases.parameters import Parameters
    from events.store.records import Decision, StateDigest
    from replay.purchases.history import History

T = TypeVar("T")

# So many events of the past are told anew each time; those before them are what users
# recover from.
PAST_EVENTS_MAX: Final = 1_000
# About so many users fail in an exploration, one drawn from these.
_FAILURES: Final = (0, 1, 4, 16)
# How many requests wait for the coordinator at most; None: all are there from the
# beginning. With all of them there, most of a stream is judged after the last request came
# in, and nothing comes between.
_REQUESTS_MAX: Final = (1, 8, 64, None)
# Behind one event of the stream in so many there is a Commit.
_COMMITS: Final = (1, 16, 256)


class RecordedOtherwiseError(ReplayError):
    """What was recorded is not what the history gives; there is nothing to explore."""

    exit_status = 1


class Subject(NamedTuple):
    """What is explored; plain data, so that it can be sent to another process."""

    parameters: Parameters
    """D and T."""
    journal: Journal
    """All events."""
    past: int
    """How many of them are the past; the others are of the stream."""

    @property
    def told(self) -> int:
        """How many events of the past are told anew in each exploration."""
        return min(self.past, PAST_EVENTS_MAX)

    @property
    def beginning(self) -> int:
        """After how many events each exploration begins."""
        return self.past - self.told


class Exploration(NamedTuple):
    """What one seed gave."""

    seed: int
    """What it was drawn with."""
    messages: int
    """How many messages were delivered; 0 where an actor failed for good."""
    restarts: int
    """How often a user failed and was restarted."""
    difference: Difference | None
    """The first difference from the reference, or None where there is none."""


class UserState(NamedTuple):
    """What a user's actor holds."""

    friends: frozenset[int]
    """Its friends, by number."""
    purchases: tuple[Purchase, ...]
    """Its purchases, in order."""


class State(NamedTuple):
    """What the actors hold that an exploration tells something, and the coordinator."""

    position: int
    """How many events the users know of."""
    users: dict[str, UserState]
    """Those whom an event since the beginning was about."""
    last: dict[str, int | None]
    """The number of the latest purchase of each of them, as the coordinator knows it."""
    latest: list[int]
    """The numbers of everyone's latest purchases, as it knows them, the last first."""


class Outcome(NamedTuple):
    """All that an actor system makes of a history."""

    decisions: list[Decision]
    """What was decided, in the order in which it was recorded."""
    lines: list[bytes]
    """The flagged lines."""
    digests: list[StateDigest]
    """The digests of the state."""
    state: State
    """What the actors hold in the end."""
    messages: int
    """How many messages were delivered."""


class _Draw:
    """Draws one aspect of an exploration; no aspect depends on how another was drawn."""

    def __init__(self, aspect: str, seed: int) -> None:
        # Text is hashed by random itself, not by Python's seeded hash. Of its methods only
        # the bits are sure to be the same in later versions.
        self._bits = random.Random(f"{aspect} {seed}").getrandbits  # noqa: S311  no secret

    def below(self, bound: int) -> int:
        return self._bits(32) % bound

    def one_of(self, choices: Sequence[T]) -> T:
        return choices[self.below(len(choices))]

    def cut(self, items: Sequence[T], size_max: int) -> Iterator[Sequence[T]]:
        """Cut ``items`` into pieces of 1 to ``size_max``."""
        first = 0
        while first < len(items):
            last = first + 1 + self.below(size_max)
            yield items[first:last]
            first = last


def subject_of(history: History) -> Subject:
    """Return what of ``history`` is explored; without a stream all of it is the past.

    Raises:
        OtherDetectorError: another detector than the built-in one decided the history.

    """
    check_detector(history.store, Simulation)
    return Subject(history.parameters, history.journal, history.past_events)


class Explorer:
    """Plays one history under any seed, from the same beginning each time."""

    def __init__(self, subject: Subject) -> None:
        """Play the reference.

        Raises:
            ActorFailedError: an actor fails already in the reference.

        """
        self.subject: Final = subject
        """What is explored."""
        self.reference: Final = self._reference()
        """What has to come out."""

    def check(self, recorded: Mapping[int, Decision]) -> None:
        """Compare the reference with the decisions that a run ``recorded``, by event number.

        A run that was stopped need not have recorded all of them.

        Raises:
            RecordedOtherwiseError: it recorded something else.

        """
        decided = {decision.number: decision for decision in self.reference.decisions}
        for number in sorted(recorded):
            if recorded[number] != decided.get(number):
                raise RecordedOtherwiseError(
                    "expected the decisions that were recorded, found another one on event "
                    f"{number} with messages delivered first in, first out"
                )

    def explore(self, seed: int, observers: Sequence[Observer] = ()) -> Exploration:
        """Play the history as ``seed`` says and compare.

        Args:
            seed: draws the order of delivery, the requests and the failures; at least 0.
            observers: called before each delivery after the beginning.

        Raises:
            MemoryError: there is not enough memory for it.

        """
        kept, failures = Kept(), Failures(self._failures(seed))
        failing = with_failures(Simulation, failures)
        subject, order = self.subject, RandomOrder(seed)
        with failing(
            subject.parameters, kept, order, attesting=True, journal=subject.journal
        ) as simulation:
            supervisor = simulation.dispatcher.supervisor = Reactivation()
            messages = 0
            try:
                simulation.goto(subject.beginning)
                simulation.dispatcher.observers.extend(observers)
                found = self._play(simulation, kept, self._requests(seed))
                messages = found.messages
                difference = next(differences(self.reference, found, subject.journal.names), None)
            except Exception as error:  # noqa: BLE001  whatever an actor or its restart raises
                difference = _failure(error)
            return Exploration(seed, messages, supervisor.restarts, difference)

    def _reference(self) -> Outcome:
        subject, kept = self.subject, Kept()
        requests = [*self._events(), Attest(len(subject.journal)), Commit()]
        with Simulation(
            subject.parameters, kept, attesting=True, journal=subject.journal
        ) as simulation:
            simulation.goto(subject.beginning)
            return self._play(simulation, kept, [[request] for request in requests])

    def _events(self) -> Iterator[Include[Event] | Judge[Event]]:
        """Iterate over the requests that tell of the events since the beginning."""
        subject = self.subject
        for event in subject.journal.events(subject.beginning + 1, len(subject.journal)):
            yield Judge(event) if event.number > subject.past else Include(event)

    def _requests(self, seed: int) -> Iterator[Sequence[object]]:
        """Draw the requests to the coordinator: what waits for it together, and then what."""
        draw = _Draw("requests", seed)
        requests: list[object] = []
        commits = draw.one_of(_COMMITS)
        for request in self._events():
            requests.append(request)
            if isinstance(request, Judge) and not draw.below(commits):
                requests.append(Commit())
        requests += [Attest(len(self.subject.journal)), Commit()]
        waiting_max = draw.one_of(_REQUESTS_MAX)
        return iter([requests]) if waiting_max is None else draw.cut(requests, waiting_max)

    def _failures(self, seed: int) -> Iterator[Failure]:
        draw = _Draw("failures", seed)
        count = draw.one_of(_FAILURES)
        if not count:
            return
        # Every other message is to a user, and a gap is half of the longest on average.
        gap_max = self.reference.messages // count + 1
        while True:
            yield Failure(draw.below(gap_max), draw.one_of(WHENS))

    def _play(
        self, simulation: Simulation, kept: Kept, requests: Iterable[Sequence[object]]
    ) -> Outcome:
        """Return what comes out of ``requests``, of which those in one sequence wait together."""
        messages = 0
        for together in requests:
            for request in together:
                simulation.coordinator.actor_ref.tell(request)
            messages += simulation.dispatcher.run()
        state = self._state(simulation)
        return Outcome(kept.decisions, kept.lines, kept.digests, state, messages)

    def _state(self, simulation: Simulation) -> State:
        journal, beginning = self.subject.journal, self.subject.beginning
        told = journal.concerned(beginning + 1, len(journal), range(len(journal.names)))
        users: dict[str, UserState] = {}
        last: dict[str, int | None] = {}
        for number in told:
            actor, name = simulation.user(number), journal.names[number]
            users[name] = UserState(actor.friends, tuple(actor.purchases))
            last[name] = simulation.last_purchase(number)
        latest = [purchase.number for purchase in simulation.latest_purchases(WALK_MAX)]
        return State(simulation.position, users, last, latest)


def _failure(error: Exception) -> Difference:
    """Return a failure for good as a difference, unless it says nothing about the history."""
    for each in (error, error.__cause__):
        if isinstance(each, MemoryError):
            raise each
    said = str(error) if isinstance(error, ReplayError) else repr(error)
    return Difference(None, None, "failure", None, said)


def differences(expected: Outcome, found: Outcome, names: Sequence[str]) -> Iterator[Difference]:
    """Iterate over what differs: decisions by event, flagged lines, users, the coordinator."""
    if expected.decisions != found.decisions:
        yield from _differing_decisions(expected.decisions, found.decisions)
    at = expected.state.position
    for line, actual in zip_longest(expected.lines, found.lines):
        if line != actual:
            yield Difference(at, SINK, "flagged line", _text(line), _text(actual))
    if expected.state != found.state:
        yield from _differing_states(expected.state, found.state, names)
    if expected.digests != found.digests:
        yield Difference(at, COORDINATOR, "digests", expected.digests, found.digests)


def _differing_decisions(
    expected: Sequence[Decision], found: Sequence[Decision]
) -> Iterator[Difference]:
    wanted = {decision.number: decision for decision in expected}
    given = {decision.number: decision for decision in found}
    for number in sorted(wanted.keys() | given.keys()):
        one, other = wanted.get(number), given.get(number)
        if one is None or other is None:
            yield Difference(number, SINK, "decision", one, other)
            continue
        yield from decision_differences(one, other)
    numbers = ([each.number for each in expected], [each.number for each in found])
    for one_number, other_number in zip_longest(*numbers):
        if one_number != other_number:
            event = one_number or other_number
            yield Difference(event, SINK, "next decided event", one_number, other_number)


def _differing_states(expected: State, found: State, names: Sequence[str]) -> Iterator[Difference]:
    at = expected.position
    for name, one in expected.users.items():
        other = found.users[name]
        if one.friends != other.friends:
            friends = [_friends(each, names) for each in (one, other)]
            yield Difference(at, urn_of_user(name), "friends", *friends)
        if one.purchases != other.purchases:
            numbers = [[made.number for made in each.purchases] for each in (one, other)]
            yield Difference(at, urn_of_user(name), "purchases", *numbers)
    if found.position != at:
        yield Difference(at, COORDINATOR, "events that users know of", at, found.position)
    for name, last in expected.last.items():
        if last != found.last[name]:
            yield Difference(at, COORDINATOR, f"last purchase of {name}", last, found.last[name])
    if expected.latest != found.latest:
        yield Difference(at, COORDINATOR, "latest purchases", expected.latest, found.latest)


def _friends(user: UserState, names: Sequence[str]) -> list[str | int]:
    return [names[n] if n < len(names) else n for n in sorted(user.friends)]


def _text(line: bytes | None) -> str | None:
    return None if line is None else line.decode(errors="backslashreplace")
