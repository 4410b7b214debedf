"""Whoever looks at what comes next changes nothing of what comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.errors import InputError, InterruptedRunError
from events.logs.block import Block
from replay.engine.read_ahead import ReadAhead

if TYPE_CHECKING:
    from collections.abc import Iterator


def blocks(count: int, error: Exception | None) -> Iterator[Block]:
    for number in range(count):
        yield Block([], number, [])
    if error is not None:
        raise error


@given(st.integers(0, 5), st.booleans(), st.lists(st.booleans(), min_size=8, max_size=8))
def test_blocks_and_what_ends_them_come_in_their_turn(
    count: int, fails: bool, looks: list[bool]
) -> None:
    error = InputError("no more") if fails else None
    ahead, came = ReadAhead(blocks(count, error)), 0
    for is_looking in looks:
        if is_looking:
            found = ahead.peek()
            assert found == ahead.peek()
            assert (None if found is None else found.events) == (came if came < count else None)
        elif came < count:
            assert next(ahead).events == came
            came += 1
        else:
            with pytest.raises(InputError if fails else StopIteration):
                next(ahead)
            fails = False


def test_who_is_interrupted_while_looking_is_told_at_once() -> None:
    ahead = ReadAhead(blocks(1, InterruptedRunError("stop")))
    next(ahead)
    with pytest.raises(InterruptedRunError, match="stop"):
        ahead.peek()
