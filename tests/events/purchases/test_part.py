"""What a part of a history answers about many users is what its journal says of each."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.journal.index import Growth
from events.purchases.columns import Columns
from events.purchases.journal import PurchaseJournal
from events.purchases.ledger import Ledger
from events.purchases.links import Links
from events.purchases.part import Part, cut
from replay.testing import LoggedHistory, histories

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.purchases.columns import Codes
    from events.purchases.event import Event


def parts_of(
    events: Sequence[Event], starts: Sequence[int], asked: int, count: int, growth: Growth
) -> list[Part]:
    """Return all ``events`` in parts, taken in blocks that begin after some of them.

    From event ``asked`` on something will be asked about each.
    """
    parts = [Part(growth) for _ in range(count)]

    def spread(columns: Columns, users: Codes) -> None:
        found = cut(columns, users, len(ledger.names), count, range(count), whole=False)
        for part, block in zip(parts, found, strict=True):
            part.take(block)
            part.links.catch_up(min(block.first, asked))
            # From now on it has an order to put later ones into.
            part.latest(np.arange(len(ledger.names)), len(ledger), 1)

    ledger = Ledger(spread)
    for start, end in pairwise([*starts, len(events)]):
        if start < end:
            ledger.extend(Columns.of(events[start:end]))
    return parts


@settings(max_examples=60)
@given(
    histories(past_max=60, new_max=1, bad=0),
    st.sampled_from([1, 2, 3, 16]),
    st.lists(st.integers(0, 60), min_size=1, max_size=4),
    st.sampled_from([Growth(1, 0), Growth(1, 3), Growth()]),
    st.booleans(),
)
def test_part_answers_as_the_journal_does(
    history: LoggedHistory, count: int, cuts: list[int], growth: Growth, walks: bool
) -> None:
    events = [*history.past, *history.new]
    starts = sorted({0, *(min(place, len(events) - 1) for place in cuts if events)})
    # Those of the last two blocks.
    asked = starts[-2:][0] + 1
    parts = parts_of(events, starts, asked, count, growth)
    journal = PurchaseJournal()
    journal.extend(Columns.of(events))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("events.purchases.part._SORT_TO_WALK", 1_000 if walks else 0)
        for number in range(asked, len(events) + 2):
            for place, part in enumerate(parts):
                mine = list(range(place, len(journal.names), count))
                check_friends(part, journal, mine, number)
                for members in (mine, mine[::2]):
                    check_latest(part, journal, members, count, number)


def check_friends(part: Part, journal: PurchaseJournal, mine: list[int], number: int) -> None:
    users = np.arange(len(mine))
    numbers = np.full(len(mine), number)
    found = part.links.friends(users, numbers)
    assert found.which.tolist() == sorted(found.which.tolist())
    for index, user in enumerate(mine):
        friends = set(found.friends[found.which == index].tolist())
        assert friends == journal.friends(user, number - 1)
    later = part.links.friends(users, numbers + 1)
    same = part.links.versions(users, numbers) == part.links.versions(users, numbers + 1)
    for index in np.flatnonzero(same).tolist():
        assert set(later.friends[later.which == index].tolist()) == set(
            found.friends[found.which == index].tolist()
        )


def check_latest(
    part: Part, journal: PurchaseJournal, members: list[int], count: int, number: int
) -> None:
    rows = [row for user in members for row in journal.bought(user, number - 1)]
    rows = sorted(rows, key=journal.place)[-3:]
    found = part.latest(np.array(members, np.int64) // count, number, 3)
    assert part.numbers[found].tolist() == [row + 1 for row in rows]
    amounts = journal.amounts[np.array(rows, np.int64)]
    assert part.amounts[found].tolist() == amounts.tolist()


def test_friendship_that_has_ended_is_known_while_somebody_may_ask_as_of_before() -> None:
    links = Links(Growth(1, 0))
    for friend, number, begun in ((1, 1, 1), (1, 3, 0), (2, 5, 1)):
        links.add(*(np.array([value]) for value in (0, friend, number, begun)))
        links.catch_up(2)
    found = links.friends(np.zeros(3, np.int64), np.array([2, 4, 6]))
    assert [*zip(found.which.tolist(), found.friends.tolist(), strict=True)] == [(0, 1), (2, 2)]
