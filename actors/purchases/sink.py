"""The sink actor: records every verdict, and writes the flagged purchases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from actors.dispatcher import DispatchedActor, Dispatcher
from actors.messages import Commit
from actors.purchases.messages import Attested, Judged
from events.logs.jsonlines import flagged_line
from events.purchases.event import line_of
from events.store.records import Decision, StateDigest

if TYPE_CHECKING:
    from collections.abc import Sequence


class Outlet(Protocol):
    """Where verdicts go: an event store and a flagged file, or a list in a test."""

    def record(self, decisions: Sequence[Decision]) -> None:
        """Keep these decisions."""

    def write(self, lines: Sequence[bytes]) -> None:
        """Append these lines to the flagged purchases; they have no newlines."""

    def attest(self, digest: StateDigest) -> None:
        """Keep this digest, and say which frame its own one follows."""


class Nowhere:
    """An outlet for those who look at each decision themselves."""

    def record(self, decisions: Sequence[Decision]) -> None:
        """Drop ``decisions``."""

    def write(self, lines: Sequence[bytes]) -> None:
        """Drop ``lines``."""

    def attest(self, digest: StateDigest) -> None:
        """Drop ``digest``."""


class Kept:
    """An outlet that keeps all that a sink sends to it."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.decisions: list[Decision] = []
        """All decisions, in order."""
        self.lines: list[bytes] = []
        """All flagged lines, in order."""
        self.digests: list[StateDigest] = []
        """All digests of the state, in order."""

    def record(self, decisions: Sequence[Decision]) -> None:
        """Keep these decisions."""
        self.decisions += decisions

    def write(self, lines: Sequence[bytes]) -> None:
        """Keep these lines."""
        self.lines += lines

    def attest(self, digest: StateDigest) -> None:
        """Keep this digest."""
        self.digests.append(digest)


class Sink:
    """What a sink actor is and does, on any of Pykka's runtimes."""

    outlet: Outlet
    """Where verdicts go."""
    decisions: list[Decision]
    """The decisions since the last commit, in the order of the stream."""
    lines: list[bytes]
    """The flagged lines since the last commit."""
    digests: list[StateDigest]
    """The state's digests since the last commit."""

    def begin(self, outlet: Outlet) -> None:
        """Begin with nothing to record."""
        self.outlet = outlet
        self.decisions = []
        self.lines = []
        self.digests = []

    def on_receive(self, message: Any) -> None:
        """Handle `Judged`, `Attested` or `Commit`.

        Raises:
            TypeError: it is some other message.

        """
        if type(message) is Judged:
            event = message.event
            self.decisions.append(
                Decision(event.number, message.flagged, message.purchases, message.mean, message.sd)
            )
            if message.flagged:
                self.lines.append(flagged_line(line_of(event), message.mean, message.sd))
        elif type(message) is Commit:
            # A flagged line is never in the file before its decision is in the store.
            self.outlet.record(self.decisions)
            self.outlet.write(self.lines)
            for digest in self.digests:
                self.outlet.attest(digest)
            self.decisions, self.lines, self.digests = [], [], []
        elif type(message) is Attested:
            self.digests.append(StateDigest(message.events, b"", message.users, message.sums))
        else:
            raise TypeError(f"a sink understands no {type(message).__name__}")


class SinkActor(Sink, DispatchedActor):
    """A sink on the dispatcher."""

    __slots__ = ("decisions", "digests", "lines", "outlet")

    def __init__(self, dispatcher: Dispatcher, urn: str, outlet: Outlet) -> None:
        """Send verdicts to ``outlet``."""
        super().__init__(dispatcher, urn)
        self.begin(outlet)
