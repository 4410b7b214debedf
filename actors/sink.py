"""The sink actor: records every verdict, and writes a line for each event that is flagged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from actors.dispatcher import DispatchedActor, Dispatcher
from actors.messages import Attested, Commit, Judged, Reached
from events.records.record import StateDigest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Outlet(Protocol):
    """Where verdicts go: an event store and a flagged file, or a list in a test."""

    def record(self, decisions: Sequence[Any]) -> None:
        """Keep these decisions."""

    def write(self, lines: Sequence[bytes]) -> None:
        """Append these lines to the output; they have no newlines."""

    def attest(self, digest: StateDigest) -> None:
        """Keep this digest, and say which frame its own one follows."""


class Nowhere:
    """An outlet for those who look at each verdict themselves, whatever the detector."""

    def record(self, verdicts: Sequence[Any], digest: StateDigest | None = None) -> None:
        """Drop ``verdicts`` and ``digest``."""

    def write(self, lines: Sequence[Any]) -> None:
        """Drop ``lines``."""

    def attest(self, digest: StateDigest) -> None:
        """Drop ``digest``."""


class ListOutlet:
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


class Sink:
    """What a sink is and does, on any of Pykka's runtimes."""

    outlet: Outlet
    """Where verdicts go."""
    line: Callable[[Any, Any], bytes]
    """Makes a line of a flagged event and its verdict."""
    decisions: list[Any]
    """The decisions since the last commit, in the order of the stream."""
    lines: list[bytes]
    """The lines since the last commit."""
    digests: list[StateDigest]
    """The state's digests since the last commit."""

    def begin(self, outlet: Outlet, line: Callable[[Any, Any], bytes]) -> None:
        """Begin with nothing to record."""
        self.outlet = outlet
        self.line = line
        self.decisions = []
        self.lines = []
        self.digests = []

    def decision(self, number: int) -> Any | None:
        """Return the decision on event ``number``, if it is the last one and not committed yet."""
        last = self.decisions[-1] if self.decisions else None
        return last if last is not None and last.number == number else None

    def on_receive(self, message: Any) -> None:
        """Handle `Judged`, `Reached`, `Attested` or `Commit`.

        Raises:
            TypeError: it is some other message.

        """
        kind = type(message)
        if kind is Judged:
            verdict = message.verdict
            self.decisions.append(verdict)
            if verdict.flagged:
                self.lines.append(self.line(message.event, verdict))
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


class SinkActor(Sink, DispatchedActor):
    """A sink on the dispatcher."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        urn: str,
        outlet: Outlet,
        line: Callable[[Any, Any], bytes],
    ) -> None:
        """Send verdicts to ``outlet``, and the lines that ``line`` makes of flagged events."""
        super().__init__(dispatcher, urn)
        self.begin(outlet, line)
