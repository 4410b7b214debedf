"""A moment of an actor system, kept in memory to be gone back to by messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from actors.messages import Become, Recall

if TYPE_CHECKING:
    from replay.simulation import Simulation


class Checkpoint(NamedTuple):
    """What all actors hold at one moment, as the messages that give it back to them."""

    users: tuple[Become, ...] = ()
    """The users' states, by number."""
    recall: Recall = Recall((), (), (), 0, 0)
    """What the coordinator knows."""

    @property
    def position(self) -> int:
        """How many events have happened."""
        return self.recall.events


def checkpoint_of(simulation: Simulation) -> Checkpoint:
    """Return what the actors of ``simulation`` hold; no message waits, and all is settled.

    It takes a few pointers a user and purchase: the purchases themselves are shared.
    """
    coordinator = simulation.coordinator
    actors = map(simulation.user, range(simulation.users))
    users = tuple(Become(actor.friends, tuple(actor.purchases)) for actor in actors)
    recency = coordinator.recency.dump()
    return Checkpoint(users, Recall(tuple(coordinator.numbers), *recency, coordinator.told))


def restore(simulation: Simulation, checkpoint: Checkpoint) -> None:
    """Let the actors of ``simulation`` hold what they held at ``checkpoint``.

    What the coordinator sums up for digests of the state is not part of it.
    """
    simulation.coordinator.actor_ref.tell(checkpoint.recall)
    simulation.dispatcher.run()
    for number, become in enumerate(checkpoint.users):
        simulation.user(number).actor_ref.tell(become)
    simulation.dispatcher.run()
