"""The sink actor: records every verdict on a purchase, and writes the flagged ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.dispatcher import DispatchedActor, Dispatcher
from actors.purchases.messages import Judged
from actors.sink import Sink
from events.purchases.event import line_of
from events.purchases.lines import flagged_line
from events.store.records import Decision

if TYPE_CHECKING:
    from actors.sink import Outlet


class PurchaseSink(Sink):
    """What the sink of purchases is and does, on any of Pykka's runtimes."""

    judged = Judged

    def take(self, message: Judged) -> None:
        """Take note of a verdict, and of the line of a flagged purchase."""
        event = message.event
        self.decisions.append(
            Decision(event.number, message.flagged, message.purchases, message.mean, message.sd)
        )
        if message.flagged:
            self.lines.append(flagged_line(line_of(event), message.mean, message.sd))


class SinkActor(PurchaseSink, DispatchedActor):
    """A sink of purchases on the dispatcher."""

    __slots__ = ("decisions", "digests", "lines", "outlet")

    def __init__(self, dispatcher: Dispatcher, urn: str, outlet: Outlet) -> None:
        """Send verdicts to ``outlet``."""
        super().__init__(dispatcher, urn)
        self.begin(outlet)
