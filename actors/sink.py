"""What a sink is: the actor that records every verdict, and writes the lines of some."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from actors.messages import Attested, Commit, Reached
from events.store.records import StateDigest

if TYPE_CHECKING:
    from collections.abc import Sequence


class Outlet(Protocol):
    """Where verdicts go: an event store and a flagged file, or a list in a test."""

    def record(self, decisions: Sequence[Any]) -> None:
        """Keep these decisions."""

    def write(self, lines: Sequence[bytes]) -> None:
        """Append these lines to the output; they have no newlines."""

    def attest(self, digest: StateDigest) -> None:
        """Keep this digest, and say which frame its own one follows."""


class Nowhere:
    """An outlet for those who look at each decision themselves."""

    def record(self, decisions: Sequence[Any]) -> None:
        """Drop ``decisions``."""

    def write(self, lines: Sequence[bytes]) -> None:
        """Drop ``lines``."""

    def attest(self, digest: StateDigest) -> None:
        """Drop ``digest``."""


class Kept:
    """An outlet that keeps all that a sink sends to it."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.decisions: list[Any] = []
        """All decisions, in order."""
        self.lines: list[bytes] = []
        """All flagged lines, in order."""
        self.digests: list[StateDigest] = []
        """All digests of the state, in order."""

    def record(self, decisions: Sequence[Any]) -> None:
        """Keep these decisions."""
        self.decisions += decisions

    def write(self, lines: Sequence[bytes]) -> None:
        """Keep these lines."""
        self.lines += lines

    def attest(self, digest: StateDigest) -> None:
        """Keep this digest."""
        self.digests.append(digest)


class Sink(ABC):
    """What the sink of a detector that judges events is and does, on any of Pykka's runtimes."""

    judged: ClassVar[type]
    """The message that tells of a verdict."""
    outlet: Outlet
    """Where verdicts go."""
    decisions: list[Any]
    """The decisions since the last commit, in the order of the stream."""
    lines: list[bytes]
    """The lines since the last commit."""
    digests: list[StateDigest]
    """The state's digests since the last commit."""

    def begin(self, outlet: Outlet) -> None:
        """Begin with nothing to record."""
        self.outlet = outlet
        self.decisions = []
        self.lines = []
        self.digests = []

    @abstractmethod
    def take(self, message: Any) -> None:
        """Take note of a verdict, and of its line if it has one."""

    def decision(self, number: int) -> Any | None:
        """Return the decision on event ``number``, if it is the last one and not committed yet."""
        last = self.decisions[-1] if self.decisions else None
        return last if last is not None and last.number == number else None

    def on_receive(self, message: Any) -> None:
        """Handle a verdict, `Reached`, `Attested` or `Commit`.

        Raises:
            TypeError: it is some other message.

        """
        kind = type(message)
        if kind is self.judged:
            self.take(message)
        elif kind is Commit:
            # A line is never in the file before its decision is in the store.
            self.outlet.record(self.decisions)
            self.outlet.write(self.lines)
            for digest in self.digests:
                self.outlet.attest(digest)
            self.decisions, self.lines, self.digests = [], [], []
        elif kind is Attested:
            self.digests.append(StateDigest(message.events, b"", message.subjects, message.sums))
        elif kind is Reached:
            self.decisions += message.decisions
            self.lines += message.lines
        else:
            raise TypeError(f"a sink understands no {kind.__name__}")
