"""Exploring a history: many orders of delivery and failures of actors, one result.

SPEC.md section 6 allows any order in which each sender's messages reach a receiver in
sequence, and actors may fail and be restarted at any message. An exploration plays the
history under one such order, drawn with a seed, and compares everything that comes out
with the reference: first in, first out, and nobody fails. The seed alone gives the same
exploration again, message for message, on any machine.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple, TypeAlias, TypeVar

from actors.orders import RandomOrder
from actors.urns import COORDINATOR, SINK
from events.errors import ReplayError
from replay.engine.difference import Difference
from replay.engine.failing import WHENS, Failure, Failures, with_failures
from replay.engine.supervision import Reactivation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from actors.dispatcher import DeliveryOrder, Observer
    from events.records.record import StateDigest

T = TypeVar("T")

State: TypeAlias = "dict[tuple[str, str], Any]"
"""What actors hold, by the urn of the actor and what it is called."""

# About so many actors fail in an exploration, one drawn from these.
_FAILURES: Final = (0, 1, 4, 16)
# How many requests wait for the coordinator at most; None: all are there from the
# beginning. With all of them there, most of a stream is judged after the last request came
# in, and nothing comes between.
_REQUESTS_MAX: Final = (1, 8, 64, None)
# Behind one verdict of the stream in so many there is a Commit.
COMMITS: Final = (1, 16, 256)


class RecordedOtherwiseError(ReplayError):
    """What was recorded is not what the history gives; there is nothing to explore."""

    exit_status = 1


class Exploration(NamedTuple):
    """What one seed gave."""

    seed: int
    """What it was drawn with."""
    messages: int
    """How many messages were delivered; 0 where an actor failed for good."""
    restarts: int
    """How often an actor failed and was restarted."""
    difference: Difference | None
    """The first difference from the reference, or None where there is none."""


class Played(NamedTuple):
    """All that an actor system makes of a history."""

    verdicts: list[Any]
    """What was decided or found, in the order in which it was recorded."""
    lines: list[bytes]
    """The lines of the output."""
    digests: list[StateDigest]
    """The digests of the state."""
    state: State
    """What the actors hold in the end that an exploration tells something."""
    messages: int
    """How many messages were delivered."""


class Draw:
    """Draws one aspect of an exploration; no aspect depends on how another was drawn."""

    def __init__(self, aspect: str, seed: int) -> None:
        """Draw with ``seed``."""
        # Text is hashed by random itself, not by Python's seeded hash. Of its methods only
        # the bits are sure to be the same in later versions.
        self._bits = random.Random(f"{aspect} {seed}").getrandbits  # noqa: S311  no secret

    def below(self, bound: int) -> int:
        """Draw a number from 0 to ``bound`` - 1."""
        return self._bits(32) % bound

    def one_of(self, choices: Sequence[T]) -> T:
        """Draw one of ``choices``."""
        return choices[self.below(len(choices))]

    def cut(self, items: Sequence[T], size_max: int) -> Iterator[Sequence[T]]:
        """Cut ``items`` into pieces of 1 to ``size_max``."""
        first = 0
        while first < len(items):
            last = first + 1 + self.below(size_max)
            yield items[first:last]
            first = last


class Subject(ABC):
    """A history as it is explored; plain data, so that it can be sent to another process."""

    detector: Any
    """Makes its actors; a class."""
    verdict: ClassVar[str]
    """What comes out, in errors: "decision"."""
    line: ClassVar[str]
    """What a line of the output is, in errors: "flagged line"."""
    actors: ClassVar[str]
    """The actors that recover, in words: "users"."""

    @property
    @abstractmethod
    def events(self) -> int:
        """How many events there are."""

    @property
    @abstractmethod
    def beginning(self) -> int:
        """After how many events each exploration begins."""

    @abstractmethod
    def kept(self) -> Any:
        """Return an outlet that keeps what comes out, as `actors.sink.ListOutlet` does."""

    @abstractmethod
    def system(self, detector: Any, kept: Any, order: DeliveryOrder | None) -> Any:
        """Return an actor system of ``detector`` that stands where each exploration begins."""

    @abstractmethod
    def requests(self, draw: Draw | None) -> list[Any]:
        """Return what the coordinator is told, drawn by ``draw``, or the plainest there is."""

    @abstractmethod
    def state(self, system: Any) -> State:
        """Return what the actors hold that were told something, and the coordinator."""

    @abstractmethod
    def scope(self) -> dict[str, int]:
        """Return how much is explored, for machines."""

    @abstractmethod
    def scope_text(self) -> str:
        """Return the same in words."""

    @abstractmethod
    def nothing(self, reference: Played) -> str | None:
        """Return why nothing came out, or None if something did."""

    def text(self, field: str, value: Any) -> Any:
        """Return what is called ``field`` of a state as a difference tells it."""
        del field
        return value

    @abstractmethod
    def number_differing(self, recorded: Any, reference: Played) -> int | None:
        """Return the event whose verdict the reference gives otherwise than was ``recorded``.

        A run that was stopped need not have recorded all of them.
        """

    @abstractmethod
    def differing_verdicts(
        self, expected: Sequence[Any], found: Sequence[Any]
    ) -> Iterator[Difference]:
        """Iterate over what differs in verdicts, by event."""


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

    def check(self, recorded: Any) -> None:
        """Compare the reference with the verdicts that a run ``recorded``.

        Raises:
            RecordedOtherwiseError: it recorded something else.

        """
        number = self.subject.number_differing(recorded, self.reference)
        if number is not None:
            raise RecordedOtherwiseError(
                f"expected the {self.subject.verdict}s that were recorded, found another one on "
                f"event {number} with messages delivered first in, first out"
            )

    def explore(self, seed: int, observers: Sequence[Observer] = ()) -> Exploration:
        """Play the history as ``seed`` says and compare.

        Args:
            seed: draws the order of delivery, the requests and the failures; at least 0.
            observers: called before each delivery after the beginning.

        Raises:
            MemoryError: there is not enough memory for it.

        """
        subject, kept, failures = self.subject, self.subject.kept(), Failures(self._failures(seed))
        failing = with_failures(subject.detector, failures)
        supervisor, messages = Reactivation(), 0
        try:
            with subject.system(failing, kept, RandomOrder(seed)) as system:
                system.dispatcher.supervisor = supervisor
                system.dispatcher.observers.extend(observers)
                found = self._play(system, kept, self._requests(seed))
                messages = found.messages
                difference = next(self.differences(found), None)
        except Exception as error:  # noqa: BLE001  whatever an actor or its restart raises
            difference = _failure(error)
        return Exploration(seed, messages, supervisor.restarts, difference)

    def differences(self, found: Played) -> Iterator[Difference]:
        """Iterate over what differs from the reference: verdicts by event, lines, actors."""
        expected, subject = self.reference, self.subject
        if expected.verdicts != found.verdicts:
            yield from subject.differing_verdicts(expected.verdicts, found.verdicts)
        for line, actual in zip_longest(expected.lines, found.lines):
            if line != actual:
                yield Difference(subject.events, SINK, subject.line, _text(line), _text(actual))
        for actor, field in expected.state:
            one, other = (each.state.get((actor, field)) for each in (expected, found))
            if one != other:
                texts = (subject.text(field, each) for each in (one, other))
                yield Difference(subject.events, actor, field, *texts)
        if expected.digests != found.digests:
            yield Difference(
                subject.events, COORDINATOR, "digests", expected.digests, found.digests
            )

    def _reference(self) -> Played:
        kept = self.subject.kept()
        with self.subject.system(self.subject.detector, kept, None) as system:
            return self._play(system, kept, [[each] for each in self.subject.requests(None)])

    def _requests(self, seed: int) -> Iterator[Sequence[Any]]:
        """Draw the requests to the coordinator: what waits for it together, and then what."""
        draw = Draw("requests", seed)
        requests = self.subject.requests(draw)
        waiting_max = draw.one_of(_REQUESTS_MAX)
        return iter([requests]) if waiting_max is None else draw.cut(requests, waiting_max)

    def _failures(self, seed: int) -> Iterator[Failure]:
        draw = Draw("failures", seed)
        count = draw.one_of(_FAILURES)
        if not count:
            return
        # Every other message is to an actor that recovers, and a gap is half of the longest
        # on average.
        told = self.subject.events - self.subject.beginning
        gap_max = max(self.reference.messages, told) // count + 1
        while True:
            yield Failure(draw.below(gap_max), draw.one_of(WHENS))

    def _play(self, system: Any, kept: Any, requests: Iterable[Sequence[Any]]) -> Played:
        """Return what comes out of ``requests``, of which those in one sequence wait together."""
        messages = 0
        for together in requests:
            for request in together:
                system.coordinator.actor_ref.tell(request)
            messages += system.dispatcher.run()
        state = self.subject.state(system)
        return Played(kept.decisions, kept.lines, kept.digests, state, messages)


def _failure(error: Exception) -> Difference:
    """Return a failure for good as a difference, unless it says nothing about the history."""
    for each in (error, error.__cause__):
        if isinstance(each, MemoryError):
            raise each
    said = str(error) if isinstance(error, ReplayError) else repr(error)
    return Difference(None, None, "failure", None, said)


def _text(line: bytes | None) -> str | None:
    return None if line is None else line.decode(errors="backslashreplace")
