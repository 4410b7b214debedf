"""The sink of a detector that declares its events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.declared.messages import Decided
from actors.dispatcher import DispatchedActor
from actors.sink import Sink

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.dispatcher import Dispatcher
    from actors.sink import Outlet
    from events.declared.fact import Fact, Verdict


class FactSink(Sink, DispatchedActor):
    """Records every verdict, and writes a line for each event that is flagged."""

    judged = Decided

    __slots__ = ("decisions", "digests", "line", "lines", "outlet")

    def __init__(
        self,
        dispatcher: Dispatcher,
        urn: str,
        outlet: Outlet,
        line: Callable[[Fact, Verdict], bytes],
    ) -> None:
        """Send verdicts to ``outlet``, and the lines that ``line`` makes of flagged events."""
        super().__init__(dispatcher, urn)
        self.line = line
        self.begin(outlet)

    def take(self, message: Decided) -> None:
        """Take note of a verdict, and of the line of a flagged event."""
        self.decisions.append(message.verdict)
        if message.verdict.flagged:
            self.lines.append(self.line(message.event, message.verdict))
