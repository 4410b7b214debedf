"""Where two accounts of the same history part: what is compared, and how it is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from actors.urns import COORDINATOR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from events.records import Decision

# All that a decision says of its event.
DECISION_FIELDS: Final = ("flagged", "purchases", "mean", "sd")


class Difference(NamedTuple):
    """Where one account parts from the one that it is compared with."""

    event: int | None
    """The event after which it shows; None for a failure, which names it where it can."""
    actor: str | None
    """The actor, or actors, whose doing or state it is; None for a failure, likewise."""
    field: str
    """What of it differs."""
    expected: object
    """What was recorded, or a reference gives."""
    actual: object
    """What is there instead."""


def decision_differences(expected: Decision, actual: Decision) -> Iterator[Difference]:
    """Iterate over what differs in two decisions on the same event."""
    for field in DECISION_FIELDS:
        one, other = getattr(expected, field), getattr(actual, field)
        if one != other:
            yield Difference(expected.number, COORDINATOR, field, one, other)
