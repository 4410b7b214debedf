"""Some of the names of columns are what the same names come to as texts."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from events.observations.observed import Coded


@given(st.lists(st.integers(0, 99).map(str), max_size=60), st.integers(0, 60), st.integers(0, 60))
@example([str(number) for number in range(60)], 5, 8)
def test_part_of_names_is_what_its_texts_come_to(names: list[str], start: int, end: int) -> None:
    coded = Coded.of(names)
    expected = Coded.of(names[start:end])
    for rows in (slice(start, end), np.arange(len(names))[start:end]):
        found = coded.part(rows)
        assert (found.names, found.codes.tolist()) == (expected.names, expected.codes.tolist())
        assert found.codes.dtype == expected.codes.dtype
