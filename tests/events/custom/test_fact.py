"""Fields stand on one line so that none is taken for another, or for two."""

from __future__ import annotations

import shlex

from hypothesis import given
from hypothesis import strategies as st

from events.custom.fact import in_words

NAMES = st.sampled_from(["user", "count", "fresh", "room"])
# Of a text in bare words a backslash is doubled where it is shown, which is not done here.
TEXTS = st.text(max_size=6).filter(lambda text: "\\" not in text) | st.sampled_from([
    "", "b1 room=r9", "it's", 'so "called"', "in r11", "a=b",
])  # fmt: skip


@given(st.dictionaries(NAMES, TEXTS | st.integers(), min_size=1))
def test_fields_in_words_are_split_into_what_they_were(fields: dict[str, str | int]) -> None:
    told = [f"{name}={value}" for name, value in fields.items()]
    assert shlex.split(in_words(fields)) == told


def test_plain_texts_stand_bare_and_truth_is_written_as_a_command_takes_it() -> None:
    fields = {"user": "dé", "room": "r:9", "count": -3, "fresh": True, "old": False, "why": ""}
    assert in_words(fields) == "user=dé room=r:9 count=-3 fresh=true old=false why=''"
