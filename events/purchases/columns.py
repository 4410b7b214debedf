"""Purchases and changes of friendships as columns; see `events.journal.columns`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from events.journal.columns import CodeBook, EventColumns
from events.journal.names import texts_of_words
from events.journal.ticks import ticks_and_finer
from events.purchases.event import Befriend, Event, Purchase, Unfriend, line_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from events.journal.columns import Kinds
    from events.journal.names import Names, Words
    from events.journal.ticks import Ticks
    from events.purchases.styles import Style

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


class Columns(EventColumns):
    """Some consecutive purchases and changes of friendships.

    Amounts are indexed, compared and summed modulo
    2**64 only: numpy would turn sums with signed numbers into floats.
    """

    __slots__ = ("_names", "amounts", "others", "style", "users", "words")

    def __init__(  # noqa: PLR0917  they are the columns
        self,
        number: int,
        names: list[str] | None,
        kinds: Kinds,
        users: Codes,
        others: Codes,
        amounts: Amounts,
        ticks: Ticks,
        finer: dict[int, str] | None = None,
        lines: dict[int, bytes] | None = None,
        style: Style | None = None,
        words: Words | None = None,
    ) -> None:
        """Take the columns of events from event ``number`` on, with names or their words."""
        super().__init__(number, kinds, ticks, finer, lines)
        self._names = names
        self.users = users
        """Whose purchase it is, or ``user1``, as places in ``names``."""
        self.others = others
        """``user2`` as a place in ``names``, or `NOBODY` for a purchase."""
        self.amounts = amounts
        """The purchases' amounts in units of 1/10,000; 0 for friendships."""
        self.style = style
        """How source lines are written that were not kept, or None where canonically."""
        self.words = words
        """The names as `events.journal.names` has them, where each is a word and they were read
        as such."""

    @property
    def names(self) -> list[str]:
        """The users that appear, in order of first appearance, of a friendship ``user1`` first."""
        if self._names is None:
            assert self.words is not None, "they have names or words"
            self._names = texts_of_words(self.words[:, np.newaxis])
        return self._names

    def __getstate__(self) -> tuple[None, dict[str, Any]]:
        """Return what is copied or sent: no names of which there are words."""
        state: Any = super().__getstate__()
        slots = state[1]
        return None, slots if self.words is None else {**slots, "_names": None}

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

    def codes_in(self, numbers: Names) -> Codes:
        """Return the number of each user of ``names``; see `Names.codes`."""
        if self.words is None:
            return numbers.codes(self.names)
        return numbers.codes_of_words(self.words)

    def first(self, count: int) -> Self:
        last = int(max(self.users[:count].max(initial=-1), self.others[:count].max(initial=-1)))
        return type(self)(
            self.number,
            None if self._names is None else self._names[: last + 1],
            self.kinds[:count],
            self.users[:count],
            self.others[:count],
            self.amounts[:count],
            self.ticks[:count],
            {row: digits for row, digits in self.finer.items() if row < count},
            {row: line for row, line in self.lines.items() if row < count},
            self.style,
            None if self.words is None else self.words[: last + 1],
        )

    def first_line(self) -> bytes:
        """Return the line of the first event."""
        return line_of(self.events(0, 1)[0])

    def events(self, start: int = 0, end: int | None = None) -> list[Event]:
        end = len(self) if end is None else end
        rows = slice(start, end)
        made = events_of(
            range(self.number + start, self.number + end),
            self.names,
            self.kinds[rows],
            self.users[rows],
            self.others[rows],
            self.amounts[rows],
            self.times_between(start, end),
            map(self.lines.get, range(start, end)),
        )
        style = self.style
        return made if style is None else [style.styled(event) for event in made]


def events_of(  # noqa: PLR0917  they are the columns
    numbers: Iterable[int],
    names: Sequence[str],
    kinds: Kinds,
    users: Codes,
    others: Codes,
    amounts: Amounts,
    times: Iterable[str],
    lines: Iterable[bytes | None],
) -> list[Event]:
    """Return events as objects; all but ``names`` has one entry an event, as in `Columns`."""
    values = zip(
        numbers,
        kinds.tolist(),
        users.tolist(),
        others.tolist(),
        amounts.tolist(),
        times,
        lines,
        strict=False,
    )
    made: list[Event] = []
    for number, kind, user, other, amount, time, line in values:
        if kind == PURCHASE:
            made.append(Purchase(time, number, names[user], amount, line))
        else:
            change = Befriend if kind == BEFRIEND else Unfriend
            made.append(change(time, number, names[user], names[other], line))
    return made
