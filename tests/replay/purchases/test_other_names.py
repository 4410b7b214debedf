"""Who is called what changes nothing but the names: one by one, many at once, however written."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import workload
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.cli import main

USERS = 300
# The past is read in one block of all these users, and of the stream each block has few.
TOLD = workload.Workload(
    users=USERS, lines=2_000, stream_lines=150, tracked=10, seed=7, spikes=0.2, late=0.05, rate=100
)
ID = re.compile(rb'("id[12]?": ?)"(\d+)"')
# Short ASCII, which most are, and all that may be looked up in another way.
NAMES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4),
    st.text(st.sampled_from('aé日\U0001f642\0\n"\\'), min_size=1, max_size=9),
    st.text(st.characters(exclude_categories=["Cs"], min_codepoint=128), min_size=1, max_size=12),
)


@cache
def logs() -> tuple[bytes, bytes]:
    generator = workload.Generator(TOLD)
    return b"".join(generator.batch()), b"".join(generator.stream())


def flagged(names: dict[int, str], *, ascii_only: bool, options: tuple[str, ...] = ()) -> Any:
    """Return what is flagged where users are called so, by the names that they had before."""

    def named(found: re.Match[bytes]) -> bytes:
        number = int(found[2])
        name = names.get(number, f"u{number}")
        return found[1] + json.dumps(name, ensure_ascii=ascii_only).encode()

    with TemporaryDirectory() as kept:
        paths = [Path(kept, name) for name in ("batch.json", "stream.json", "flagged.json")]
        for path, log in zip(paths, logs(), strict=False):
            path.write_bytes(ID.sub(named, log))
        assert main(["-q", *options, *map(str, paths)]) == 0
        lines = [json.loads(line) for line in paths[2].read_bytes().splitlines()]
    known = {name: f"u{number}" for number, name in names.items()}
    return [{**line, "id": known.get(line["id"], line["id"])} for line in lines]


@settings(max_examples=40)
@given(
    st.lists(NAMES.filter(lambda name: name[0] != "u"), max_size=USERS // 2, unique=True),
    st.booleans(),
)
def test_names_change_nothing_else(names: list[str], ascii_only: bool) -> None:
    expected = flagged({}, ascii_only=True)
    assert len(expected) > 10
    assert flagged(dict(enumerate(names)), ascii_only=ascii_only) == expected


@pytest.mark.parametrize("options", [("--workers", "2"), ("--shards", "2")])
def test_names_change_nothing_else_among_several_processes(options: tuple[str, ...]) -> None:
    names = {number: f"é{number}" for number in range(0, USERS, 3)}
    assert flagged(names, ascii_only=False, options=options) == flagged({}, ascii_only=True)
