"""What of a history of purchases a verdict may need: the window, and the paths to its buyers.

What is tried first is what an explanation names: the purchases of the window, and the
friendships of the paths to their buyers. Only where that does not give the verdict, which takes a
fault in this program, more of the history is tried.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from events.purchases.columns import Columns
from events.purchases.event import Befriend, users_of
from replay.judging.regression import Spoken, imported
from replay.judging.shrink import JudgedShrinking
from replay.purchases.explain import WhyPurchase, explain
from replay.purchases.history import History
from replay.purchases.logs import Logs
from replay.purchases.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from events.purchases.event import Event
    from replay.engine.history import LogLine
    from replay.engine.looks import Fields
    from replay.purchases.timeline import Timeline


class PurchaseShrinking(JudgedShrinking[History]):
    """The verdict on a purchase.

    Where n, mean and sd have to stay, too, hardly anything can go, and the time grows with the
    square of the window: 6 s for 200 purchases, 35 s for 1,000.
    """

    judged = "a purchase that the run judged"
    other = "a change of a friendship; log --type purchase lists purchases"
    measures = "n, mean and sd"

    def candidates(self) -> Iterator[list[int]]:
        timeline: Timeline = self.looks.timeline
        why = explain(timeline, self.number)
        assert isinstance(why, WhyPurchase), "nothing else is judged"
        yield self.accepted(_explained(timeline, why))
        events = self.history.events[: self.number - 1]
        network = {why.event.user}.union(*why.hops)
        near = (event.number for event in events if not network.isdisjoint(users_of(event)))
        yield self.accepted(near)
        yield self.accepted(range(1, self.number))

    def columns(self, events: list[Event]) -> Columns:
        return Columns.of(events)

    def parameters_line(self) -> LogLine:
        return self.history.parameters_line

    def opened(self, batch: Path, stream: Path) -> Logs:
        return Logs(batch, stream, portions=self.history.store.header.portions)

    def spoken(self) -> Spoken:
        detector = self.looks.detector
        return Spoken(
            "replay.Logs",
            "replay.Decision",
            '    *_, last = replay.EventStore(folder / "flagged.json.events").decisions()',
            None if detector is Simulation else imported(detector),
            "; mean and sd are in cents",
        )

    def parameter_fields(self) -> Fields:
        parameters = self.history.parameters
        return {"D": parameters.degrees, "T": parameters.tracked}


def _explained(timeline: Timeline, why: WhyPurchase) -> list[int]:
    """Return the friendships and purchases that an explanation names, the nearest member first.

    Who is far away needs more friendships than who is near, so is to be let go first: of
    the 10 flags of a run on 501,000 events 5.5 lines were left, and 6.6 with the latest
    event let go first.
    """
    bought: dict[str, list[int]] = {}
    friend: dict[str, str] = {}
    for counted in why.window:
        bought.setdefault(counted.purchase.user, []).append(counted.purchase.number)
        friend.update((member, before) for before, member in pairwise(counted.path))
    made = _befriended(timeline, why.event.number, set(map(_pair, friend.items())))
    found: list[int] = []
    for member in (member for hop in why.hops for member in hop if member in friend):
        befriended = made.get(_pair((member, friend[member])))
        found += [] if befriended is None else [befriended]
        found += bought.get(member, ())
    return found


def _befriended(
    timeline: Timeline, before: int, pairs: set[tuple[str, str]]
) -> dict[tuple[str, str], int]:
    """Return for each pair the last event that made them friends, of those ``before`` an event."""
    return {
        pair: event.number
        for event in timeline.history.events[: before - 1]
        if type(event) is Befriend
        and (pair := _pair(users_of(event))) in pairs
        and timeline.changed(event.number)
    }


def _pair(users: tuple[str, ...]) -> tuple[str, str]:
    one, other = users
    return (one, other) if one < other else (other, one)
