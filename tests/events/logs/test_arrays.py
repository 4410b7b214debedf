"""A JSON array is read as the lines that its elements are, however it is written and cut."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.errors import InputError
from events.logs.arrays import ElementLines
from replay.cli import main

PATH = Path("a.json")
strings = st.one_of(st.text(), st.text('\\"[]{},\n /', max_size=5))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | strings,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(strings, inner, max_size=3),
    max_leaves=5,
)


def read(data: bytes, size: int) -> bytes:
    lines = ElementLines(io.BytesIO(data), PATH)
    return b"".join(iter(lambda: lines.read(size), b""))


@given(
    st.lists(values, max_size=4),
    st.sampled_from([None, 0, 2]),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " : ")]),
    st.sampled_from(["", "\ufeff", "\n", " \r\n"]),
    st.integers(4, 40),
)
def test_elements_are_lines_however_they_are_written_and_cut(
    found: list[Any], indent: int | None, separators: tuple[str, str], around: str, size: int
) -> None:
    text = json.dumps(found, indent=indent, separators=separators, ensure_ascii=not indent)
    data = f"{around}{text}{around.strip(chr(0xFEFF))}".encode("utf-8", "surrogatepass")
    lines = read(data, size)
    assert [json.loads(line.decode("utf-8", "surrogatepass")) for line in lines.splitlines()] == (
        found
    )
    assert lines.count(b"\n") == len(found)


@given(st.binary().filter(lambda data: not data.strip().startswith((b"[", b"\xef"))))
def test_what_is_no_array_is_read_as_it_is(data: bytes) -> None:
    assert read(data, 5) == data


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("[", 1, "] at the end of the array, found the end of the file"),
        ('[{"a":1},\n{"b":"]"', 2, "] at the end of the array, found the end of the file"),
        ("[1,,2]", 2, "an element, found none"),
        ("[,1]", 1, "an element, found none"),
        ("[1, 2, ]", 3, "an element, found none"),
        ('[{"a":1}}', 1, "] or a comma, found '}'"),
        ("[1, 2] [3]", 3, "nothing behind the array, found '['"),
    ],
)
@pytest.mark.parametrize("size", [2, 100])
def test_what_is_no_whole_array_is_one_error(text: str, place: int, what: str, size: int) -> None:
    # What is read at once decides how many of the elements were counted by then.
    with pytest.raises(InputError, match=rf"^a.json:[1-{place}]: expected {re.escape(what)}; the"):
        read(text.encode(), size)


def test_line_breaks_in_strings_stay_wrong() -> None:
    assert read(b'[{"a":"b\nc"}]', 100) == b'{"a":"b\rc"}\n'


def test_command_reads_an_array_as_the_lines_of_its_elements(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows: list[Any] = [
        {"time": "2020-01-01 00:00:01", "adid": "A"},
        {"time": "yesterday", "adid": "A"},
        {"time": "2020-01-01 00:00:00", "adid": 2},
    ]
    seen = {
        "array.json": json.dumps(rows, indent=1),
        "lines.json": "\n".join(map(json.dumps, rows)),
    }
    for name, text in seen.items():
        (tmp_path / name).write_text(text)
        words = ["intervals", str(tmp_path / name), str(tmp_path / f"{name}.csv")]
        assert main([*words, "--threshold", "1m"]) == 0
        assert f"{name}:2: rejected (timestamp-shape)" in capsys.readouterr().err
    assert (tmp_path / "array.json.csv").read_bytes() == (tmp_path / "lines.json.csv").read_bytes()
    words = ["intervals", str(tmp_path / "array.json"), str(tmp_path / "followed.csv")]
    assert main([*words, "--threshold", "1m", "--follow"]) == 2
    assert "array.json:1: expected JSON lines where rows are read as they come, found a JSON" in (
        capsys.readouterr().err
    )
