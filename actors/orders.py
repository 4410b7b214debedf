"""Orders of delivery, under all of which a history must give the same result.

SPEC.md section 6: only what one actor sends to another one keeps its sequence. Both
orders here keep it, and both can be had again: one from its seed, one from its choices.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actors.dispatcher import Delivery


class LaneOrder(ABC):
    """Keeps each sender to receiver pair in a lane of its own, and chooses among the lanes.

    `Dispatcher` takes it as its order of delivery.
    """

    def __init__(self) -> None:
        """Begin with nothing to deliver."""
        self._lanes: dict[tuple[int, int], deque[Delivery]] = {}
        # The lanes that are not empty.
        self._busy: list[deque[Delivery]] = []
        self._waiting = 0
        # The lanes of what was appended since a delivery was given last.
        self._appended: list[deque[Delivery]] = []

    @abstractmethod
    def choose(self, lanes: int) -> int:
        """Return which lane delivers next, from 0; there are ``lanes``, at least 1.

        Lane 0 has been waiting longest to deliver something.
        """

    @abstractmethod
    def anew(self) -> Self:
        """Return the same order at its beginning: one serves a single run."""

    def append(self, delivery: Delivery) -> None:
        """Put ``delivery`` behind those of the same pair."""
        sender, receiver, _ = delivery
        pair = (id(sender), id(receiver))
        # Not setdefault, which would make an empty lane for every delivery.
        lane = self._lanes.get(pair)
        if lane is None:
            lane = self._lanes[pair] = deque()
        if not lane:
            self._busy.append(lane)
        lane.append(delivery)
        self._appended.append(lane)
        self._waiting += 1

    def popleft(self) -> Delivery:
        """Give the first delivery of the lane that is chosen; raise IndexError if none waits."""
        busy = self._busy
        if not busy:
            raise IndexError("no delivery waits")
        self._appended.clear()
        lane = busy.pop(self.choose(len(busy)))
        delivery = lane.popleft()
        if lane:
            busy.append(lane)
        self._waiting -= 1
        return delivery

    def pop(self) -> Delivery:
        """Take back the delivery that was appended last; it has not been given."""
        lane = self._appended.pop()
        delivery = lane.pop()
        if not lane:
            # The one lane among them that is empty, so no other one equals it.
            self._busy.remove(lane)
        self._waiting -= 1
        return delivery

    def __len__(self) -> int:
        """Tell how many deliveries wait."""
        return self._waiting


class RandomOrder(LaneOrder):
    """A random order of delivery; its seed alone gives it again, on any machine."""

    def __init__(self, seed: int) -> None:
        """Draw with ``seed``."""
        super().__init__()
        self.seed = seed
        """The seed."""
        self._draw = random.Random(seed).getrandbits  # noqa: S311  not for secrets

    def choose(self, lanes: int) -> int:
        """Draw a lane."""
        # Half as long as randrange, of whose evenness nobody here has need.
        return self._draw(32) % lanes

    def anew(self) -> Self:
        """Return the order of the same seed."""
        return type(self)(self.seed)

    def __repr__(self) -> str:
        """Return how to make it again."""
        return f"RandomOrder({self.seed})"


class ChosenOrder(LaneOrder):
    """An order of delivery by a list of choices, and then by how long each lane has waited.

    Without choices, and wherever a choice is 0, a lane delivers when its turn has come;
    so a failing order that is shrunk to few choices shows what has to overtake what.
    """

    def __init__(self, choices: Iterable[int] = ()) -> None:
        """Take these ``choices`` first, each at least 0 and modulo the number of lanes."""
        super().__init__()
        self.choices = tuple(choices)
        """The choices, one for each delivery before which several lanes wait."""
        self._left = deque(self.choices)

    def extend(self, choices: Iterable[int]) -> None:
        """Take these ``choices`` after those before."""
        choices = tuple(choices)
        self.choices += choices
        self._left.extend(choices)

    def choose(self, lanes: int) -> int:
        """Take the next choice if there is one to be made."""
        return self._left.popleft() % lanes if self._left and lanes > 1 else 0

    def anew(self) -> Self:
        """Return the order of the same choices."""
        return type(self)(self.choices)

    def __repr__(self) -> str:
        """Return how to make it again."""
        return f"ChosenOrder({list(self.choices)})"
