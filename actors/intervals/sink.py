"""The sink of the second detector: records every finding, and writes the intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from actors.dispatcher import DispatchedActor, Dispatcher
from actors.intervals.messages import Findings
from actors.messages import Commit
from events.records.record import StateDigest

if TYPE_CHECKING:
    from events.observations.findings import FindingColumns


class IntervalOutlet(Protocol):
    """Where findings go: an event store and a file of intervals, or a list in a test."""

    def record(self, findings: FindingColumns, digest: StateDigest) -> None:
        """Keep these findings, and what the state adds up to then."""

    def write(self, findings: FindingColumns) -> None:
        """Append the intervals of these findings to the output."""


class IntervalSink:
    """What a sink of findings is and does, on any of Pykka's runtimes."""

    outlet: IntervalOutlet
    """Where findings go."""
    found: int
    """How many intervals were found in all."""
    settled: list[Findings]
    """What came since the last commit."""

    def begin(self, outlet: IntervalOutlet, found: int = 0) -> None:
        """Begin with nothing to record, when ``found`` intervals have been found."""
        self.outlet = outlet
        self.found = found
        self.settled = []

    def on_receive(self, message: Any) -> None:
        """Handle `Findings` or `Commit`.

        Raises:
            TypeError: it is some other message.

        """
        if type(message) is Findings:
            self.settled.append(message)
        elif type(message) is Commit:
            for settled in self.settled:
                self.found += len(settled.findings)
                waiting, *totals = settled.sums
                sums = (waiting, self.found, *totals)
                digest = StateDigest(settled.events, b"", settled.keys, sums)
                # An interval is never in the file before its finding is in the store.
                self.outlet.record(settled.findings, digest)
                self.outlet.write(settled.findings)
            self.settled = []
        else:
            raise TypeError(f"a sink of intervals understands no {type(message).__name__}")


class IntervalSinkActor(IntervalSink, DispatchedActor):
    """A sink of findings on the dispatcher."""

    __slots__ = ("found", "outlet", "settled")

    def __init__(
        self, dispatcher: Dispatcher, urn: str, outlet: IntervalOutlet, found: int
    ) -> None:
        """Send findings to ``outlet``, and count on from ``found``."""
        super().__init__(dispatcher, urn)
        self.begin(outlet, found)
