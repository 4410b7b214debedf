"""The journal of observations answers as brute force does, however it has grown."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from events.observations.journal import ObservationJournal
from events.observations.observed import Observed

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from events.journal.index import Growth

Row = tuple[str, str, str]

fractions = st.sampled_from(["", "", ".5", ".500001", ".5000001", ".500000100000000000001"])
rows = st.lists(
    st.tuples(
        st.builds("2017-06-13 11:33:{:02}{}".format, st.integers(0, 12), fractions),
        st.sampled_from("ABC"),
        st.sampled_from(["x", "y", "z", "A"]),
    ),
    max_size=40,
)


def check(journal: ObservationJournal, found: Sequence[Row], number: int) -> None:
    """Compare all that ``journal`` answers with ``found``, some of it as of ``number``."""
    numbers = range(len(found))
    order = sorted(numbers, key=lambda row: (found[row][0], row))
    assert journal.in_order().tolist() == order
    times, adids, keys = zip(*found, strict=True) if found else ((), (), ())
    keys = keys if journal.keyed else ("",) * len(found)
    assert journal.texts(journal.in_order()) == tuple(
        [column[row] for row in order] for column in (times, adids, keys)
    )
    names = list(dict.fromkeys(keys))
    before = {*keys[:number]}
    assert journal.names == names
    assert journal.users(number) == len(before)
    meant = [code for code, key in enumerate(names) if key in {*keys[number // 2 : number]}]
    assert journal.concerned(number // 2 + 1, number, range(len(names))) == meant
    for code, key in enumerate(names):
        assert journal.number_of(key, number) == (code if key in before else None)
        own = [row for row in order if keys[row] == key]
        assert journal.own_in_order(code).tolist() == own
        arrived = [row for row in sorted(own) if row < number]
        assert journal.rows_of(code, number) == arrived
        assert [event.number for event in journal.own(code, number)] == [row + 1 for row in arrived]
    for name in ["nobody", "A", "x"]:
        having = [row + 1 for row in numbers if name in (adids[row], keys[row])]
        assert journal.numbers_of(name) == having
    assert journal.is_late(number) == ([*times[:number]] != sorted(times[:number]))
    if number:
        latest = max(range(number), key=lambda row: (times[row], row))
        assert journal.latest(number) == journal.place(latest)
        event = journal.event(number)
        assert (event.time, event.adid, event.key) == (*found[number - 1][:2], keys[number - 1])
    expected = Observed(
        number // 2 + 1,
        *(times[number // 2 : number], adids[number // 2 : number]),
        keys[number // 2 : number] if journal.keyed else None,
    )
    assert journal.observed(number // 2, number) == expected
    assert expected.events(1) == journal.events(number // 2 + 2, number)


@given(rows, st.booleans(), st.booleans(), st.lists(st.integers(1, 12), min_size=1), st.randoms())
def test_answers_are_those_of_brute_force_while_the_journal_grows(  # noqa: PLR0917  what is drawn
    growth: Growth,
    found: list[Row],
    keyed: bool,
    late: bool,
    sizes: list[int],
    draw: random.Random,
) -> None:
    found = found if late else sorted(found, key=lambda row: row[0])
    journal = ObservationJournal(keyed=keyed, growth=growth)
    check(journal, [], 0)
    block = 0
    while len(journal) < len(found):
        first = len(journal)
        times, adids, keys = zip(*found[first:][: sizes[block % len(sizes)]], strict=True)
        observed = Observed(first + 1, times, adids, keys if keyed else None)
        if len(observed) == 1:
            journal.append(*observed.events())
        else:
            journal.extend(observed)
        block += 1
        check(journal, found[: len(journal)], draw.randint(0, len(journal)))
    check(pickle.loads(pickle.dumps(journal)), found, len(found))  # noqa: S301
