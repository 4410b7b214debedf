"""Types of events that declare all that there is, and strategies for events of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from hypothesis import strategies as st

import replay
from events.custom.fact import FactTypes
from tests.record_strategies import times

if TYPE_CHECKING:
    from collections.abc import Sequence


class Login(replay.Fact, frozen=True):
    """Shares a text and a number with another type, each in another place."""

    user: str
    count: int
    fresh: bool


class Moved(replay.Fact, frozen=True, tag="moved on"):
    """Has a text of its own."""

    count: int
    place: str
    user: str


class Tick(replay.Fact, frozen=True):
    """Has no fields."""


class Seen(replay.Verdict, frozen=True):
    """Says something of each kind."""

    why: str
    score: int
    sure: bool


TYPES = FactTypes((Login, Moved, Tick), Seen, (Login, Moved))

numbers = st.sampled_from([0, 1, -1, 2**63 - 1, -(2**63)]) | st.integers(-(2**63), 2**63 - 1)
texts = st.sampled_from(["", "a", "b", 'é"\\\n\x00\u2028😀']) | st.text(max_size=3)
_lines = st.none() | st.binary(max_size=8).filter(lambda line: b"\n" not in line)


def facts(
    kinds: Sequence[int] = (0, 1, 2), lines: st.SearchStrategy[Any] = _lines
) -> st.SearchStrategy[Any]:
    """Events of some of the types."""
    values: dict[str, st.SearchStrategy[Any]] = {
        "text": texts,
        "int": numbers,
        "bool": st.booleans(),
    }
    each: list[st.SearchStrategy[Any]] = [
        st.builds(
            TYPES.events[kind],
            time=times,
            line=lines,
            **{field.name: values[field.kind] for field in TYPES.types[kind].fields},
        )
        for kind in kinds
    ]
    return st.one_of(each)


def numbered(events: Sequence[Any], first: int = 1) -> list[Any]:
    """Return ``events`` with numbers from ``first`` on."""
    return [
        msgspec.structs.replace(event, number=number) for number, event in enumerate(events, first)
    ]
