"""What comes of playing a history again, whatever its detector."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from replay.engine.difference import Difference


class Lost(NamedTuple):
    """What is not in a store that was saved from a damaged one."""

    after: int
    """Behind which event it was."""
    events: int
    """How many events, as far as is known."""
    size: int
    """How many bytes."""


class Verification(NamedTuple):
    """What was compared, up to the first difference."""

    events: int
    """How many events were played again."""
    decisions: int
    """How many decisions were compared."""
    digests: int
    """How many digests of the state were compared."""
    difference: Difference | None
    """The first difference, or None where there is none."""
    lost: tuple[Lost, ...] = ()
    """What was not there to be compared."""
