"""Flagged lines with mean and sd rounded, to compare with programs that do not cut them.

A run writes and records both cut (SPEC.md section 3). They are worked out anew here, so that
neither its store nor its flagged file has to know of another spelling.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.errors import DamagedStoreError
from events.purchases.event import Purchase, line_of
from events.purchases.lines import flagged_line
from replay.purchases.explain import window_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from replay.purchases.timeline import Timeline


def rounded_lines(timeline: Timeline) -> Iterator[bytes]:
    """Yield the line of each flagged purchase, in order, without its newline.

    The timeline moves to the moments before them.

    Raises:
        DamagedStoreError: what the store records of one is not what its events come to.

    """
    history = timeline.history
    for number, decision in history.recorded.items():
        if not decision.flagged:
            continue
        event = history.event(number)
        assert isinstance(event, Purchase), "nothing else is judged"
        timeline.goto(number - 1)
        *_, baseline = window_of(timeline, event.user)
        recorded = (decision.purchases, decision.mean_cents, decision.sd_cents)
        if recorded != (baseline.n, baseline.mean, baseline.sd):
            raise DamagedStoreError(
                f"{history.store.path}: event {number}: expected the window, mean and sd that "
                "its events come to, found others; verify says more"
            )
        yield flagged_line(line_of(event), *baseline.rounded)
