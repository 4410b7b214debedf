"""Telling a simulation of the past, event by event or all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.messages import Include
from events.purchases.columns import Columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.purchases.event import Event
    from replay.purchases.simulation import Simulation


def keep(simulation: Simulation, events: Sequence[Event]) -> None:
    """Append to the journal of ``simulation`` what it does not hold of ``events``."""
    new = [event for event in events if event.number > len(simulation.journal)]
    if new:
        simulation.extend(Columns.of(new))


def pass_over(simulation: Simulation, events: Sequence[Event]) -> None:
    """Make ``events`` part of the state, without messages to users."""
    keep(simulation, events)
    if events:
        simulation.goto(events[-1].number)


def tell_past(simulation: Simulation, event: Event) -> None:
    """Make ``event`` part of the state by messages."""
    keep(simulation, (event,))
    simulation.coordinator.actor_ref.tell(Include(event))
    simulation.dispatcher.run()
