"""CSV as people have it: other delimiters, and column names that are written otherwise."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from events.errors import InputError
from events.observations.csvrows import DELIMITERS, CsvRows, Dialect
from events.observations.rows import ColumnNames
from replay.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    from events.observations.rows import ObservationBlock

COLUMNS = ColumnNames("time", "ad id", "key")
ROWS = [("2020-01-01 00:00:00", "A"), ("2020-01-01 00:00:01", "B"), ("yesterday", "B")]
cells = st.one_of(st.sampled_from(["a", "a,b", "c;d", "e\tf", "g|h", '"', " i "]), st.text())
names = cells.filter(lambda name: name.strip().casefold() not in COLUMNS.names())


def dialect_of(rows: list[list[str]], delimiter: str, quoting: int) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator="\n", quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    return text.getvalue().encode("utf-8", "replace")


def said(block: ObservationBlock) -> object:
    return (
        block.observed,
        [*block.numbers],
        [(row.number, row.reason, row.detail) for row in block.rejected],
    )


@given(
    st.sampled_from(DELIMITERS),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.lists(st.tuples(cells, cells, st.sampled_from(["2020-01-01", "x"])), max_size=5),
    st.permutations([*COLUMNS.names(), "more"]),
    st.booleans(),
)
@example(";", csv.QUOTE_MINIMAL, [("a,b", "c|d", "2020-01-01")], [*COLUMNS.names(), "a,b"], False)
def test_rows_say_the_same_whatever_stands_between_cells(
    delimiter: str,
    quoting: int,
    found: list[tuple[str, str, str]],
    order: list[str],
    given_: bool,
) -> None:
    by_name = [dict(zip(("ad id", "key", "time"), each, strict=True)) for each in found]
    table = [order, *([row.get(name, "more") for name in order] for row in by_name)]
    dialect = Dialect(delimiter=delimiter if given_ else None)
    rows = CsvRows(COLUMNS, "a.csv", dialect=dialect)
    plain = CsvRows(COLUMNS, "a.csv", dialect=Dialect(delimiter=","))
    block = rows.parse(dialect_of(table, delimiter, quoting), last=True)
    expected = plain.parse(dialect_of(table, ",", quoting), last=True)
    assert rows.heading is not None
    assert rows.heading.delimiter == delimiter
    assert said(block) == said(expected)


@pytest.mark.parametrize(
    ("heading", "places"),
    [
        ("key,TIME, Ad ID ", (1, 2, 0)),
        ("KEY,key,time,ad id", (2, 3, 1)),
        ("Key;Time;AD ID", (1, 2, 0)),
        ('"ad id"|" time"|"Key "', (1, 0, 2)),
    ],
)
def test_columns_are_found_by_their_name_or_one_that_is_written_otherwise(
    heading: str, places: tuple[int, ...]
) -> None:
    rows = CsvRows(COLUMNS, "a.csv")
    rows.parse(f"{heading}\n".encode(), last=False)
    assert rows.heading is not None
    assert rows.heading.places == places


@pytest.mark.parametrize(
    ("heading", "columns", "found"),
    [
        ("Time,TIME,ad id,key", COLUMNS, "several called 'time': 'Time', 'TIME', 'ad id', 'key'"),
        ("time,time,ad id,key", COLUMNS, "several called 'time'"),
        ("Time,key,ad id", ColumnNames("time", "TIME", "key"), "one column for two of them"),
        ("time;ad id", COLUMNS, "none called 'time': 'time;ad id'"),
    ],
)
def test_columns_that_are_not_there_once_are_one_error(
    heading: str, columns: ColumnNames, found: str
) -> None:
    with pytest.raises(InputError, match=f"^a.csv:1: expected a first row .* found {found}"):
        CsvRows(columns, "a.csv").parse(f"{heading}\n".encode(), last=False)


def test_command_says_what_it_took_and_goes_on_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = tmp_path / "seen.csv", tmp_path / "out.csv"
    source.write_text("Time;AdId\n2020-01-01;A\n2020-01-01;B\n")
    words = ["intervals", str(source), str(output), "--threshold", "1m"]
    assert main([*words, "--id-column", "adid", "--delimiter", ";"]) == 0
    once = output.read_bytes()
    assert main([*words]) == 0
    said = capsys.readouterr().err
    assert f"{source}: took the column 'Time' for 'time'\n" in said
    assert f"{source}: took ';' for what stands between columns\n" in said
    assert "this run was finished before" in said
    assert output.read_bytes() == once
    assert main([*words, "--delimiter", ","]) == 2
    with pytest.raises(SystemExit, match="2"):
        main([*words, "--delimiter", "::"])
    assert "expected tab or one character of ASCII that is no letter, digit or quote" in (
        capsys.readouterr().err
    )
