"""What whoever spreads a history over parts has of it: who its users are, and its latest events."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from events.journal.names import Names
from events.purchases.columns import Columns

if TYPE_CHECKING:
    from collections.abc import Callable

    from events.purchases.columns import Codes
    from events.purchases.event import Event


class Ledger:
    """The users of a history, numbered as in its journal, and the events not yet forgotten."""

    def __init__(self, spread: Callable[[Columns, Codes], None]) -> None:
        """Begin without events.

        Args:
            spread: takes each block, with the number of each user in its ``names``.

        """
        self._spread: Final = spread
        self.numbers: Final = Names()
        """The number of each user."""
        self.names: Final = self.numbers.listed
        """The users' names, by number."""
        self._events = 0
        self._kept: Final[deque[Columns]] = deque()

    def __len__(self) -> int:
        """Return how many events there are, forgotten ones too."""
        return self._events

    def extend(self, columns: Columns) -> None:
        """Append events, which are numbered on from those that are here.

        Raises:
            ValueError: they are not.

        """
        if columns.number != self._events + 1:
            raise ValueError(f"expected event {self._events + 1} next, found {columns.number}")
        if not len(columns):
            return
        self._events += len(columns)
        self._kept.append(columns)
        self._spread(columns, self.users_of(columns))

    def users_of(self, columns: Columns) -> Codes:
        """Return the number of each user in ``columns.names``."""
        return columns.codes_in(self.numbers)

    def append(self, event: Event) -> None:
        """Append one event."""
        self.extend(Columns.of([event]))

    def forget(self, number: int) -> None:
        """Forget blocks whose events are all among those up to event ``number``."""
        while self._kept and self._kept[0].number + len(self._kept[0]) - 1 <= number:
            self._kept.popleft()

    def events(self, first: int, last: int) -> list[Event]:
        """Return the events from ``first`` to ``last``, both included and not forgotten."""
        found: list[Event] = []
        for columns in self._kept:
            start, end = first - columns.number, last + 1 - columns.number
            found += columns.events(max(start, 0), min(end, len(columns))) if end > 0 else []
        return found
