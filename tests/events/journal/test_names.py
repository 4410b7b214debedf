"""Names have the numbers that a dictionary gives them, however they are looked up."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.journal import names as module
from events.journal.names import Names

# Words, and what is none: too long, with NULs at its end, not ASCII, empty.
SOME = st.one_of(
    st.integers(0, 10**9).map(str),
    st.text(st.sampled_from("ab\0é\n"), max_size=10),
    st.text(max_size=12),
)
BLOCKS = st.lists(st.lists(SOME, unique=True, max_size=300), max_size=4)


def from_shared_memory(names: Names) -> Names:
    """Return a copy whose arrays are memory that others read, too."""
    arrays: list[pickle.PickleBuffer] = []
    content = pickle.dumps(names, 5, buffer_callback=arrays.append)
    copy: Names = pickle.loads(content, buffers=map(bytes, arrays))  # noqa: S301  our own
    return copy


def check(blocks: list[list[str]], *, sharing: bool = False) -> Names:
    names, model = Names(), dict[str, int]()
    for block in blocks:
        names = from_shared_memory(names) if sharing else names
        # To be asked for gives nobody a number.
        assert all((name in names) == (name in model) for name in block[:9])
        expected = [model.setdefault(name, len(model)) for name in block]
        assert names.codes(block).tolist() == expected
    assert names.listed == list(names) == list(model)
    assert names == model
    return names


@given(BLOCKS)
def test_names_have_the_numbers_of_a_dictionary(blocks: list[list[str]]) -> None:
    check(blocks)
    check([[name] for block in blocks for name in block])


@given(st.lists(st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=300), max_size=4))
def test_words_have_the_numbers_of_the_names_that_they_are(blocks: list[list[str]]) -> None:
    """However long a name is in characters: it is a word if it has at most eight bytes."""
    names, model = Names(), dict[str, int]()
    for place, block in enumerate(blocks):
        spelled = [name.encode() for name in block if "\0" not in name and "\n" not in name]
        told = [each for each in spelled if len(each) <= 8]
        expected = [model.setdefault(each.decode(), len(model)) for each in told]
        if place % 2:
            codes = names.codes([each.decode() for each in told])
        else:
            words = np.array([each.ljust(8, b"\0") for each in told], "S8").view("<u8")
            codes = names.codes_of_words(words)
        assert codes.tolist() == expected
        assert [names[each.decode()] for each in told] == expected
    assert names == model


def test_many_names_do_not_lose_theirs_where_the_table_grows() -> None:
    blocks = [[str(number * step) for number in range(3_000)] for step in (1, 7, 1_000, 77_777)]
    # What comes last has room in the table that is there.
    check([*blocks, [str(-number) for number in range(1, 100)]], sharing=True)
    names = Names()
    names.codes([str(number) for number in range(20_000)])
    # Or else the table would be of no use.
    assert len(names._apart) < 100


def colliding(count: int) -> list[str]:
    """Return names whose place is the same in a table of any size up to two to the 20th."""
    found: list[str] = []
    back = [pow(factor, -1, 1 << 64) for factor in (module._SECOND, module._FIRST)]
    low = 0
    while len(found) < count:
        mixed = low * back[0] % (1 << 64)
        word = (mixed ^ mixed >> 32) * back[1] % (1 << 64)
        name = word.to_bytes(8, "little")
        if name.isascii() and name[-1]:
            found.append(name.decode())
        low += 1
    return found


@pytest.mark.parametrize("size", [70, 7])
def test_names_chosen_to_fall_together_are_told_apart(size: int) -> None:
    chosen = colliding(140)
    blocks = [chosen[start : start + size] for start in range(0, len(chosen), size)]
    assert len(check([*blocks, chosen])) == 140
