"""The network query: everyone reachable over 1 to D friendships, hop by hop.

A pure state machine. Whoever drives it asks the users in `NetworkQuery.frontier`
for their friends and hands in each answer, in any order; when the last answer of a
hop is in, the frontier is the next hop's, and empty when the network is complete.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet


class NetworkQuery:
    """Finds the network of one user at a given degree (SPEC.md section 3)."""

    __slots__ = ("_answers", "frontier", "hops_left", "members", "user")

    def __init__(self, user: int, degrees: int) -> None:
        """Begin at ``user``; ``degrees`` is D, at least 1."""
        self.user = user
        """Whose network it is; never a member of it."""
        self.hops_left = degrees
        """How many hops have not been completed."""
        self.members: set[int] = set()
        """The members found so far."""
        self.frontier = [user]
        """Who has to be asked for this hop, ascending; empty when the network is complete."""
        self._answers: list[AbstractSet[int]] = []

    def answer(self, friends: AbstractSet[int]) -> bool:
        """Take the friends of one user of the frontier; return True when the hop is complete."""
        self._answers.append(friends)
        if len(self._answers) < len(self.frontier):
            return False
        reached = set().union(*self._answers)
        reached -= self.members
        reached.discard(self.user)
        self.members |= reached
        self.hops_left -= 1
        # Sorted, so that whom we ask in which order depends on the network alone
        # and not on how the sets came to be.
        self.frontier = sorted(reached) if self.hops_left else []
        self._answers = []
        return True
