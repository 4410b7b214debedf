"""The journal of declared events is what lists say that it is, in parts of any size."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.declared.columns import FactColumns
from events.declared.journal import FactJournal
from tests.facts import TYPES, Login, Moved, Tick, facts, numbered


def subjects(event: Any) -> tuple[str, ...]:
    if isinstance(event, Moved):
        return tuple(dict.fromkeys([event.user, event.place]))
    return (event.user,) if isinstance(event, Login) else ("clock",)


@pytest.mark.slow
@given(st.lists(facts(), max_size=12), st.data())
def test_journal_is_what_lists_are(events: list[Any], data: st.DataObject) -> None:
    events = numbered(events)
    journal = FactJournal(TYPES, subjects)
    while len(journal) < len(events):
        rest = events[len(journal) :]
        count = data.draw(st.integers(0, len(rest)))
        if count == 1:
            journal.append(rest[0])
        else:
            journal.extend(FactColumns.of(TYPES, rest[:count], rest[0].number))
    names = list(dict.fromkeys(name for event in events for name in subjects(event)))
    assert journal.names == names
    assert journal.numbers == {name: number for number, name in enumerate(names)}
    for number in range(len(events) + 1):
        before = events[:number]
        known = {name for event in before for name in subjects(event)}
        assert journal.users(number) == len(known)
        for subject, name in enumerate(names):
            own = [event for event in before if name in subjects(event)]
            assert journal.own(subject, number) == own
            assert journal.rows_of(subject, number) == [event.number - 1 for event in own]
            assert journal.number_of(name, number) == (subject if name in known else None)
        assert journal.number_of("nobody has this", number) is None
        for last in range(number + 1, len(events) + 1):
            between = events[number:last]
            assert journal.events(number + 1, last) == between
            meant = {name for event in between for name in subjects(event)}
            among = data.draw(st.sets(st.sampled_from(range(len(names)))))
            found = journal.concerned(number + 1, last, sorted(among))
            assert found == [each for each in sorted(among) if names[each] in meant]
        if number:
            assert journal.event(number) == events[number - 1]
            assert journal.time(number - 1) == events[number - 1].time
            times = [(event.time, event.number) for event in before]
            assert journal.is_late(number) == (times != sorted(times))


def test_events_that_do_not_follow_are_refused() -> None:
    journal = FactJournal(TYPES, subjects)
    with pytest.raises(ValueError, match="expected event 1 next, found 2"):
        journal.append(Tick(time="2017-06-13 11:33:01", number=2))
    assert len(journal) == 0
