"""Deciding a history again, at other parameters or the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.sink import Nowhere
from replay.engine.detectors import check_detector
from replay.purchases.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from events.purchases.decision import Decision
    from events.purchases.parameters import Parameters
    from replay.purchases.history import History


def decide_again(history: History, parameters: Parameters) -> dict[int, Decision]:
    """Return the decision on each purchase of the stream at ``parameters``, by event number.

    Raises:
        OtherDetectorError: another detector than the built-in one decided the history.

    """
    check_detector(history.store, Simulation)
    decisions = decided_again(history, parameters)
    return {decision.number: decision for decision in decisions if decision is not None}


def decided_again(
    history: History,
    parameters: Parameters,
    detector: Callable[..., Simulation] = Simulation,
    last: int | None = None,
) -> Iterator[Decision | None]:
    """Decide the stream at ``parameters``, and yield for each event the decision if it has one."""
    start = history.past_events
    with detector(parameters, Nowhere(), journal=history.journal) as simulation:
        simulation.goto(start)
        yield from map(simulation.judge, history.events[start:last])
