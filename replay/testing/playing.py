"""Playing a history through a detector, and what comes out of it."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from actors.messages import Attest, Commit, Horizon, Judge
from actors.sink import ListOutlet
from events.purchases.columns import Columns
from replay.engine.failing import Failure, Failures, with_failures
from replay.engine.supervision import Reactivation
from replay.purchases.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.dispatcher import DeliveryOrder
    from events.purchases.decision import Decision
    from events.records.record import StateDigest
    from replay.purchases.simulation import Detector
    from replay.testing.logged import LoggedHistory


class Outcome(NamedTuple):
    """The result of a history that was played."""

    decisions: list[Decision]
    """The decisions on the purchases of the stream, in order."""
    lines: list[bytes]
    """The flagged lines, without newlines."""
    digests: list[StateDigest]
    """The digest of the users' states at the end."""

    def difference(self, other: Outcome) -> str | None:
        """Return the first thing that is otherwise in ``other``, or None."""
        for what in self._fields:
            pairs = zip_longest(getattr(self, what), getattr(other, what))
            for place, (one, another) in enumerate(pairs):
                if one != another:
                    return f"{what}[{place}]: expected {one}, found {another}"
        return None


def play(
    history: LoggedHistory,
    detector: Detector = Simulation,
    order: DeliveryOrder | None = None,
    trace: list[str] | None = None,
    planned: Sequence[Failure] = (),
) -> Outcome:
    """Return what comes out of ``history``.

    Args:
        history: what happened.
        detector: makes the actor system that decides: `replay.Simulation` or a subclass.
        order: in which everything is delivered, all of it being sent at once; None: each
            event is judged when the one before it has been dealt with.
        trace: takes every message, in order of delivery.
        planned: how user actors fail; they are restarted from the events.

    Raises:
        TypeError: users are to fail, but ``detector`` is no class.

    """
    kept = ListOutlet()
    past, new = history.past, history.new
    if planned:
        if not isinstance(detector, type):
            raise TypeError(f"expected a class, whose users can be made to fail, found {detector}")
        detector = with_failures(detector, Failures(planned))

    with detector(history.parameters, kept, order, attesting=True) as simulation:
        if trace is not None:
            simulation.dispatcher.observers.append(
                lambda sender, receiver, message: trace.append(
                    f"{sender} > {receiver}: {type(message).__name__} {_text(message)}"
                )
            )
        simulation.dispatcher.supervisor = Reactivation()
        coordinator, deliver = simulation.coordinator.actor_ref, simulation.dispatcher.run
        simulation.extend(Columns.of([*past, *new]))
        for message in [
            Horizon(len(past)),
            *map(Judge, new),
            Attest(len(past) + len(new)),
            Commit(),
        ]:
            coordinator.tell(message)
            if order is None:
                deliver()
        deliver()
    return Outcome(kept.decisions, kept.lines, kept.digests)


def decide(
    history: LoggedHistory,
    detector: Detector = Simulation,
    order: DeliveryOrder | None = None,
) -> list[Decision]:
    """Return the decision on each purchase of the stream; the arguments are those of `play`."""
    return play(history, detector, order).decisions


def _text(message: Any) -> str:
    """Return ``message`` as text; equal ones have the same, also with sets of strings."""
    try:
        return msgspec.json.encode(message, order="sorted").decode()
    except (TypeError, ValueError):
        return repr(message)
