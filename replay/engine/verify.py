"""Playing a history again, and comparing all that the run recorded with what comes out."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from actors.urns import COORDINATOR, SINK
from events.closing import Closing
from replay.engine.collector import collector_paused
from replay.engine.difference import Difference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from events.records.record import StateDigest
    from replay.engine.history import Attestation


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
    """How many decisions, or other verdicts, were compared."""
    digests: int
    """How many digests of the state were compared."""
    difference: Difference | None
    """The first difference, or None where there is none."""
    lost: tuple[Lost, ...] = ()
    """What was not there to be compared."""


class Replayed(Closing):
    """A history that is played again to actors of its own."""

    def __init__(self, simulation: Any) -> None:
        """Begin before the first event, to be told to ``simulation``."""
        self._simulation: Final = simulation
        self.position = 0
        """How many events were played."""
        self.verdicts = 0
        """How many verdicts were compared."""
        self.digests = 0
        """How many digests of the state were compared."""
        self.lost: list[Lost] = []
        """What was not there to be compared."""

    def close(self) -> None:
        self._simulation.close()

    @abstractmethod
    def differences(self, moments: Iterable[int]) -> Iterator[Difference]:
        """Play up to one of ``moments`` after another, and iterate over what differs."""

    def verification(
        self, moments: Sequence[int], progress: Callable[[Sequence[int]], Iterable[int]]
    ) -> Verification:
        """Play up to the first difference, and stop the actors; ``progress`` passes moments on."""
        with collector_paused(), self:
            difference = next(self.differences(progress(moments)), None)
            counts = (self.position, self.verdicts, self.digests)
            return Verification(*counts, difference, tuple(self.lost))


def digest_differences(
    attestation: Attestation,
    found: StateDigest,
    sums: Sequence[str],
    counted: str,
    actors: str = COORDINATOR,
) -> Iterator[Difference]:
    """Iterate over what differs in a recorded digest and the one that a replay gives.

    Args:
        attestation: what was recorded, and where.
        found: the replay's; its chain does not matter.
        sums: what its sums are called.
        counted: what those are called whom it counts.
        actors: whose state has other sums, where it has.

    """
    recorded = attestation.digest
    for actor, field, expected, actual in (
        (SINK, "digest events", recorded.events, found.events),
        (COORDINATOR, counted, recorded.subjects, found.subjects),
        *((actors, *each) for each in zip(sums, recorded.sums, found.sums, strict=False)),
        (SINK, "history before", recorded.chain.hex(), attestation.previous.hex()),
    ):
        if expected != actual:
            yield Difference(attestation.events, actor, field, expected, actual)
