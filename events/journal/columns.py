"""Events as columns: what many of them are in a few arrays, instead of an object each.

An event takes some 20 bytes so, and what is asked of many is one operation on an array.
`Event` objects are made only of those that somebody looks at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from events.journal.ticks import Ticks, ticks_and_finer, times_of
from events.purchases.event import Befriend, Event, Purchase, Unfriend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.purchases.styles import Style

Kinds: TypeAlias = NDArray[np.int8]
Codes: TypeAlias = NDArray[np.int32]
Amounts: TypeAlias = NDArray[np.uint64]

PURCHASE: Final = 0
"""The kind of a purchase in a column of kinds."""
BEFRIEND: Final = 1
"""That of a friendship that began."""
UNFRIEND: Final = 2
"""That of a friendship that ended."""
KIND_OF: Final = {"purchase": PURCHASE, "befriend": BEFRIEND, "unfriend": UNFRIEND}
"""All kinds, by what a log calls them."""

NOBODY: Final = -1
"""What stands for the second user of a purchase."""


class CodeBook(dict[str, int]):
    """Gives each name that it is asked for a code, from 0 in the order of first asking."""

    def __missing__(self, name: str) -> int:
        """Give a name its code."""
        code = self[name] = len(self)
        return code


class EventColumns:
    """Some consecutive events of any detector, as arrays with one entry an event."""

    __slots__ = ("finer", "kinds", "lines", "number", "ticks")

    def __init__(
        self,
        number: int,
        kinds: Kinds,
        ticks: Ticks,
        finer: dict[int, str] | None = None,
        lines: dict[int, bytes] | None = None,
    ) -> None:
        """Take the columns of events from event ``number`` on."""
        self.number = number
        """The number of the first event."""
        self.kinds = kinds
        """What type each event is of, as its detector counts them."""
        self.ticks = ticks
        """When, as `events.journal.ticks` counts."""
        self.finer = {} if finer is None else finer
        """The digits of times that ticks cannot tell, by index; few have any."""
        self.lines = {} if lines is None else lines
        """The source lines that no template writes, by index."""

    def __len__(self) -> int:
        """Return how many events there are."""
        return len(self.kinds)

    def numbered_from(self, number: int) -> Self:
        """Return the same events, of which the first has ``number``."""
        raise NotImplementedError

    def first(self, count: int) -> Self:
        """Return the first ``count`` of the events."""
        raise NotImplementedError

    def events(self, start: int = 0, end: int | None = None) -> Sequence[Any]:
        """Return the events with the indexes from ``start`` up to ``end``, as objects."""
        raise NotImplementedError

    def times(self, start: int, end: int) -> list[str]:
        """Return the times of these."""
        finer = {
            index - start: digits for index, digits in self.finer.items() if start <= index < end
        }
        return times_of(self.ticks[start:end], finer)


class Columns(EventColumns):
    """Some consecutive purchases and changes of friendships.

    Amounts are indexed, compared and summed modulo
    2**64 only: numpy would turn sums with signed numbers into floats.
    """

    __slots__ = ("amounts", "names", "others", "style", "users")

    def __init__(  # noqa: PLR0917  they are the columns
        self,
        number: int,
        names: list[str],
        kinds: Kinds,
        users: Codes,
        others: Codes,
        amounts: Amounts,
        ticks: Ticks,
        finer: dict[int, str] | None = None,
        lines: dict[int, bytes] | None = None,
        style: Style | None = None,
    ) -> None:
        """Take the columns of events from event ``number`` on."""
        super().__init__(number, kinds, ticks, finer, lines)
        self.names = names
        """The users that appear, in order of first appearance, of a friendship ``user1`` first."""
        self.users = users
        """Whose purchase it is, or ``user1``, as places in ``names``."""
        self.others = others
        """``user2`` as a place in ``names``, or `NOBODY` for a purchase."""
        self.amounts = amounts
        """The purchases' amounts in units of 1/10,000; 0 for friendships."""
        self.style = style
        """How source lines are written that were not kept, or None where canonically."""

    @classmethod
    def of(cls, events: Sequence[Event]) -> Self:
        """Return the columns of ``events``, which are numbered one by one."""
        codes = CodeBook()
        kinds, users, others, amounts, lines = [], [], [], [], {}
        ticks, finer = ticks_and_finer([event.time for event in events])
        for index, event in enumerate(events):
            if event.line is not None:
                lines[index] = event.line
            if isinstance(event, Purchase):
                kinds.append(PURCHASE)
                users.append(codes[event.user])
                others.append(NOBODY)
                amounts.append(event.amount)
            else:
                kinds.append(BEFRIEND if isinstance(event, Befriend) else UNFRIEND)
                users.append(codes[event.user1])
                others.append(codes[event.user2])
                amounts.append(0)
        return cls(
            events[0].number if events else 1,
            list(codes),
            np.array(kinds, np.int8),
            np.array(users, np.int32),
            np.array(others, np.int32),
            np.array(amounts, np.uint64),
            ticks,
            finer,
            lines,
        )

    def numbered_from(self, number: int) -> Self:
        """Return the same events, of which the first has ``number``."""
        return type(self)(
            number,
            self.names,
            self.kinds,
            self.users,
            self.others,
            self.amounts,
            self.ticks,
            self.finer,
            self.lines,
            self.style,
        )

    def first(self, count: int) -> Self:
        """Return the first ``count`` of the events."""
        last = int(max(self.users[:count].max(initial=-1), self.others[:count].max(initial=-1)))
        return type(self)(
            self.number,
            self.names[: last + 1],
            self.kinds[:count],
            self.users[:count],
            self.others[:count],
            self.amounts[:count],
            self.ticks[:count],
            {row: digits for row, digits in self.finer.items() if row < count},
            {row: line for row, line in self.lines.items() if row < count},
            self.style,
        )

    def events(self, start: int = 0, end: int | None = None) -> list[Event]:
        """Return the events with the indexes from ``start`` up to ``end``, as objects."""
        end = len(self) if end is None else end
        names, lines, style = self.names, self.lines, self.style
        made: list[Event] = []
        rows = zip(
            range(start, end),
            self.kinds[start:end].tolist(),
            self.users[start:end].tolist(),
            self.others[start:end].tolist(),
            self.amounts[start:end].tolist(),
            self.times(start, end),
            strict=True,
        )
        number = self.number
        for index, kind, user, other, amount, time in rows:
            line = lines.get(index)
            if kind == PURCHASE:
                made.append(Purchase(time, number + index, names[user], amount, line))
            else:
                change = Befriend if kind == BEFRIEND else Unfriend
                made.append(change(time, number + index, names[user], names[other], line))
        return made if style is None else [style.styled(event) for event in made]
