"""Rows that are read as columns of bytes say what the same rows say one by one."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from events.journal.numbering import first_places
from events.observations import bytewise, jsonrows
from events.observations.bytewise import cells_of, coded, values_of
from events.observations.csvrows import CsvRows
from events.observations.jsonrows import JsonRows
from events.observations.observed import Coded
from events.observations.rows import ColumnNames

if TYPE_CHECKING:
    from events.observations.rows import ObservationBlock

COLUMNS = ColumnNames(key="key")
dates = st.sampled_from(["2020-01-01", "2020-01-02", "2020-02-30", "0001-01-01", "2020-1-01", "x"])
clocks = st.sampled_from(["00:00:00", "23:59:59", "24:00:00", "12:60:00", "1a:00:00", "00:00:60"])
ends = st.sampled_from(["", "", ".5", ".50", ".000000001", "Z"])
times = st.builds(lambda date, mark, clock, end: date + mark + clock + end, dates, st.sampled_from(
    [" ", " ", "T", "_"]), clocks, ends)  # fmt: skip
good_times = st.builds("2020-01-0{} 0{}:00:00".format, st.integers(1, 9), st.integers(0, 9))
words = st.one_of(
    st.sampled_from(["", "a", "b", "\0", "a\0", "é", "漢字", "10.0.0.1", "x" * 33, "x" * 32]),
    st.text(st.characters(codec="utf-8", exclude_characters=',"\r\n'), max_size=40),
)
lines = st.lists(st.tuples(st.one_of(good_times, good_times, times), words, words), max_size=12)


def told(block: ObservationBlock) -> tuple[object, ...]:
    seen = block.observed
    return [*block.numbers], seen.times, seen.adids, seen.keys, block.rejected


def read(data: bytes, *, one_by_one: bool) -> tuple[object, ...]:
    rows = CsvRows(COLUMNS, "a.csv")
    rows.parse(b"time,adid,key\n", last=False)
    if one_by_one:
        assert rows.heading is not None
        text = data.decode("utf-8", "surrogateescape")
        return told(rows._row_by_row(text, rows.heading, last=True))
    return told(rows.parse(data, last=True))


@given(lines, st.sampled_from(["\n", "\r\n"]))
@example([("2020-01-01 00:00:00", "a", "k"), ("2020-01-01 00:00:0", "0a", "k")], "\n")
def test_block_says_what_its_rows_say_one_by_one(
    rows: list[tuple[str, str, str]], newline: str
) -> None:
    data = "".join(f"{','.join(row)}{newline}" for row in rows).encode()
    assert read(data, one_by_one=False) == read(data, one_by_one=True)


@pytest.mark.parametrize("factor", ["all", 0])
@given(st.lists(words, min_size=1, max_size=30))
def test_names_are_told_apart_even_where_numbers_mix_them_up(
    factor: object, names: list[str]
) -> None:
    data = "".join(f"{name}\n" for name in names).encode()
    with pytest.MonkeyPatch.context() as patch:
        if factor == 0:
            mixing = partial(first_places, factors=(0,) * 4)
            patch.setattr(bytewise, "first_places", mixing)
        cells = cells_of(data, 1, (0,), ",")
        assert cells is not None
        found = coded(cells[0])
    expected = Coded.of(names)
    assert (found.names, found.codes.tolist()) == (expected.names, expected.codes.tolist())


@given(st.lists(times | good_times, min_size=1, max_size=12), st.booleans())
def test_order_is_told_as_texts_have_it(drawn: list[str], in_order: bool) -> None:
    listed = sorted(drawn) if in_order else drawn
    rows = CsvRows(COLUMNS, "a.csv")
    rows.parse(b"time,adid,key\n", last=False)
    data = "".join(f"{time},a,k\n" for time in listed).encode()
    found = list(rows.times(data, last=True))
    accepted = list(read(data, one_by_one=True)[1])  # type: ignore[call-overload]
    # Where all are in order the first and the last tell that; bad rows may be among them.
    assert found in (accepted, [found[0], found[-1]] if found else [])
    assert (found == sorted(found)) <= (accepted == sorted(accepted))
    if len(accepted) == len(listed):
        assert (found == sorted(found)) == (accepted == sorted(accepted))


texts = st.one_of(
    st.sampled_from(["", "a", "b", "a,", "é", "漢字", ": ", "{", "}", "x" * 33, "\x7f"]),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters='"\\')),
)
spelt = st.sampled_from(
    [
        '{"time": "%s", "adid": "%s", "key": "%s"}\n',
        '{"adid":"%s","key":"%s","time":"%s"}\n',
        ' {"key":"%s" ,"a":"%s", "adid":"%s","time": "%s" } \n',
    ]
)


@st.composite
def alike(draw: st.DrawFn) -> bytes:
    """JSON lines that differ in nothing but texts."""
    form = draw(spelt)
    names = [part.rpartition('"')[2] for part in re.split(r'" ?: ?', form)[:-1]]
    of = [st.one_of(good_times, good_times, times) if name == "time" else texts for name in names]
    rows = draw(st.lists(st.tuples(*of), min_size=1, max_size=8))
    return "".join(form % row for row in rows).encode()


def in_cells(columns: ColumnNames, data: bytes) -> tuple[tuple[object, ...], list[str]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonrows, "_CELLS_BYTES_MIN", 0)
        return told(JsonRows(columns).parse(data)), list(JsonRows(columns).times(data))


@given(alike())
def test_json_lines_that_are_alike_say_in_cells_what_each_says_by_itself(data: bytes) -> None:
    found = values_of(data, COLUMNS.names())
    assert found is not None
    rows = [json.loads(line) for line in data.decode().split("\n")[:-1]]
    for name, cells in zip(COLUMNS.names(), found, strict=True):
        assert bytewise.texts_of(cells) == [row[name] for row in rows]
    block, seen = in_cells(COLUMNS, data)
    assert block == told(JsonRows(COLUMNS)._line_by_line(data))
    accepted = list(block[1])  # type: ignore[call-overload]
    assert (seen == sorted(seen)) <= (accepted == sorted(accepted))
    if len(accepted) == len(rows):
        assert (seen == sorted(seen)) == (accepted == sorted(accepted))


def test_json_lines_with_a_fault_anywhere_say_what_each_says_by_itself() -> None:
    columns = ColumnNames("t", "i")
    one, two = b'{"t":"2020-01-01","i":"a"}\n', b'{"t":"2020-01-02","i":"bc"}\n'
    data = one + two
    assert values_of(data, columns.names()) is not None
    spoilt = [one[:-2] + b',"i":"b"}\n' + two]
    # As many quotes as there should be, and a line without any.
    long = one.replace(b"01-01", b"01-01 00:00:00.000000000000000000")
    spoilt.append(long + long.replace(b"a", b"ab") + long[:-1] + long + b"{}\n")
    for at in range(len(data)):
        less = data[:at] + data[at + 1 :]
        spoilt += [data[:at] + bytes([odd]) + data[at:] for odd in b'"\\\n\r\t\0 {,\xff']
        moved = data[at : at + 1]
        places = range(len(data)) if moved in b'{"":,}\n' else [at]
        spoilt += [less[:to] + moved + less[to:] for to in places]
        spoilt.append(less)
    for each in spoilt:
        lines = each if each.endswith(b"\n") else each + b"\n"
        expected = told(JsonRows(columns)._line_by_line(lines))
        block, seen = in_cells(columns, lines)
        accepted = list(expected[1])  # type: ignore[call-overload]
        assert block == expected, lines
        assert (seen == sorted(seen)) <= (accepted == sorted(accepted)), lines
