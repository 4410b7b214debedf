"""What a detector's own actors hold and say is shown alike in every process, whatever it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import replay
from replay.custom.values import value_fields, value_words
from tests.replay.custom.test_rings import line
from tests.rings import Transfer

ROOT = Path(replay.__file__).parents[1]


class Partners(msgspec.Struct, frozen=True, tag="partners"):
    """A question that holds a set."""

    besides: frozenset[str]


class Friendly(replay.SubjectActor):
    """Holds sets, and answers with what they stand in."""

    def begin(self) -> None:
        self.partners: set[str] = set()
        self.by_day: defaultdict[str, set[str]] = defaultdict(set)
        self.pairs: dict[tuple[str, int], frozenset[str]] = {("a", 1): frozenset("xyz")}

    def fold(self, event: Any) -> None:
        self.partners = self.partners | {event.sender, event.receiver, "a\nb"}
        self.by_day[event.time[:10]].add(event.receiver)

    def answer(self, question: Partners) -> Any:
        del question
        return {"told": self.partners, "by day": [self.by_day], "pairs": (1, self.pairs)}


class Coordinator(replay.FactCoordinator):
    """Asks the sender for all its partners."""

    def judging(self, event: Any) -> Any:
        answers = yield {event.sender: Partners(frozenset({"no", "body", "else"}))}
        told = answers[event.sender]["told"]
        return replay.Verdict(flagged=len(told) > 2)


class Partnerships(replay.Detector):
    """Flags whoever has dealt with several others."""

    name = "partnerships"
    version = 1
    event_types = (Transfer,)
    actor_type = Friendly
    coordinator_type = Coordinator

    @classmethod
    def subjects(cls, event: Any) -> tuple[str, ...]:
        return (event.sender,)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("values")
    (folder / "batch.json").touch()
    others = enumerate(["bob", "cy", "dé", "ed", "flo"])
    (folder / "stream.json").write_bytes(b"".join(line(at, "ada", each, 1) for at, each in others))
    with Partnerships.logs(folder / "batch.json", folder / "stream.json") as logs:
        replay.run(logs, folder / "flagged.json")
    return folder / "flagged.json.events"


def shown(store: Path, hash_seed: str, *words: str) -> str:
    """Return what a command prints in a process that hashes texts with a seed."""
    command = [sys.executable, "-m", "replay", words[0], str(store), *words[1:]]
    done = subprocess.run(
        [*command, "--detector", "tests.replay.custom.test_values:Partnerships"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("why", "4"),
        ("why", "4", "--json"),
        ("trace", "4"),
        ("trace", "4", "--json"),
        ("step", "-c", "goto 4; user ada; diff 2; message; message; message"),
    ],
    ids=" ".join,
)
def test_sets_are_shown_alike_whatever_the_hashes_of_texts_are(
    store: Path, words: tuple[str, ...]
) -> None:
    first = shown(store, "1", *words)
    assert first == shown(store, "2", *words)
    assert "bob" in first


def test_what_is_held_and_answered_is_told_in_words_and_as_json(store: Path) -> None:
    words = shown(store, "0", "why", "3").splitlines()
    by_day, pairs = "{'2017-06-13': {'bob', 'cy'}}", "{('a', 1): frozenset({'x', 'y', 'z'})}"
    partners = r"{'a\nb', 'ada', 'bob', 'cy'}"
    assert words[2] == (
        f"ada held before it: partners = {partners}, by_day = {by_day}, pairs = {pairs}"
    )
    told = f"{{'told': {partners}, 'by day': [{by_day}], 'pairs': (1, {pairs})}}"
    assert words[3] == f"ada answered: {told}"
    traced = [json.loads(told) for told in shown(store, "0", "trace", "3", "--json").splitlines()]
    assert traced[1]["question"] == {"type": "partners", "besides": ["body", "else", "no"]}
    assert traced[2]["answer"] == {
        "told": ["a\nb", "ada", "bob", "cy"],
        "by day": [{"2017-06-13": ["bob", "cy"]}],
        "pairs": [1, {"('a', 1)": ["x", "y", "z"]}],
    }


PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
HASHED = PLAIN | st.tuples(PLAIN, PLAIN) | st.frozensets(PLAIN, max_size=3)
VALUES = st.recursive(
    HASHED | st.sets(HASHED, max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(HASHED, inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_words_of_plain_values_are_python_that_gives_them_back(value: Any) -> None:
    assert eval(value_words(value), {}) == value  # noqa: S307  what was just written


@given(VALUES)
def test_any_value_has_a_word_in_json(value: Any) -> None:
    json.dumps(value_fields(value))


def test_what_is_made_of_a_dict_is_shown_as_one() -> None:
    for made in (Counter({"a": 1}), OrderedDict(a=1), defaultdict(int, a=1)):
        assert value_words(made) == "{'a': 1}"
    assert value_words(deque([{2, 10}])) == "deque([{2, 10}])"
