"""Whole numbers come back from bytes as they were."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from events.journal.packing import pack, pack_ascending, unpack, unpack_ascending

# On both sides of where one more byte is needed.
EDGES = [2**bits + more for bits in (8, 16, 32, 63) for more in (-2, -1, 0)]
NUMBERS = st.one_of(st.sampled_from(EDGES), st.integers(0, 300), st.integers(0, 2**64 - 1))


@given(st.lists(NUMBERS))
def test_numbers_come_back(values: list[int]) -> None:
    packed = pack(np.array(values, np.uint64))
    assert unpack(packed).tolist() == values
    assert len(packed) <= 5 + 8 * len(values)


@given(st.sets(st.integers(0, 2**62)))
def test_ascending_numbers_come_back(values: set[int]) -> None:
    ascending = np.array(sorted(values), np.int64)
    assert unpack_ascending(pack_ascending(ascending)).tolist() == sorted(values)


def test_few_large_numbers_do_not_make_the_others_wide() -> None:
    assert len(pack(np.array([*range(200), 1 << 50]))) == 5 + 201 + 8
