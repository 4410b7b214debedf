"""What is explored of a history of a detector's own events."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from replay.judging.explore import JudgedSubject

if TYPE_CHECKING:
    from actors.declared.actor import SubjectActor


class FactSubject(JudgedSubject):
    """A history of a detector's own events."""

    actors = "subjects"

    def state_of(self, actor: SubjectActor) -> dict[str, Any]:
        # What is compared later must not change with the actor.
        return deepcopy(actor.held())
