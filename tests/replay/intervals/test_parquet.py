"""Observations and intervals as Parquet: the same is found, and a file that is there is whole."""

from __future__ import annotations

import datetime as dt
import random
import sys
from typing import TYPE_CHECKING, Any

import pytest

from events.store.store import EventStore
from replay.cli import main
from replay.intervals.parquet import ParquetOutput
from tests.interval_runs import as_csv, read_back
from tests.replay.intervals.test_against_all_pairs import drawn_rows

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

if TYPE_CHECKING:
    from pathlib import Path

    from tests.interval_runs import Row

WORDS = ("--threshold", "5s", "--by", "address")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows_of(count: int = 60) -> list[Row]:
    return drawn_rows(random.Random(count), 6, count, 3)


def write(rows: list[Row], times: Any, name: str = "seen.parquet") -> None:
    columns = {"Time": times, "more": [None] * len(rows), "address": [row[2] for row in rows]}
    table = pa.table({**columns, "adid": pa.array([row[1] for row in rows]).dictionary_encode()})
    parquet.write_table(table, name, row_group_size=17)


def moments(rows: list[Row]) -> list[dt.datetime]:
    return [dt.datetime.fromisoformat(row[0]) for row in rows]


def numbers(rows: list[Row]) -> list[int]:
    return [round(each.replace(tzinfo=dt.UTC).timestamp() * 10**6) for each in moments(rows)]


@pytest.mark.parametrize(
    ("kind", "words", "zone"),
    [
        ("text", [], ""),
        ("us", [], ""),
        ("ns", [], ""),
        ("zoned", [], "Z"),
        ("int", ["--time-unit", "us"], "Z"),
    ],
)
def test_same_is_found_as_in_csv(folder: Path, kind: str, words: list[str], zone: str) -> None:
    rows = rows_of()
    (folder / "seen.csv").write_bytes(as_csv([(f"{row[0]}{zone}", *row[1:]) for row in rows]))
    types = {
        "text": lambda: pa.array([row[0] for row in rows]),
        "us": lambda: pa.array(moments(rows), pa.timestamp("us")),
        "ns": lambda: pa.array(moments(rows), pa.timestamp("ns")),
        "zoned": lambda: pa.array(numbers(rows), pa.timestamp("us", "Asia/Tokyo")),
        "int": lambda: pa.array(numbers(rows)),
    }
    write(rows, types[kind]())
    assert main(["intervals", "seen.csv", "csv.csv", *WORDS]) == 0
    assert main(["intervals", "seen.parquet", "same.csv", *WORDS, *words]) == 0
    assert (folder / "same.csv").read_bytes() == (folder / "csv.csv").read_bytes()
    assert main(["intervals", "seen.parquet", "out.parquet", *WORDS, *words]) == 0
    found = parquet.read_table("out.parquet")
    assert found.schema.field("start_time").type.tz == ("UTC" if zone else None)
    expected = read_back(folder / "csv.csv")
    assert found.column_names == ["start_index", "end_index", "start_time", "end_time",
                                  "num_adid", "adids", "key"]  # fmt: skip
    assert [{**each, "start_time": str(each["start_time"])[:19]} for each in (
        found.drop_columns(["end_time"]).to_pylist())] == [
        {**each, "start_time": each["start_time"][:19]}
        for each in ({name: row[name] for name in row if name != "end_time"} for row in expected)
    ]  # fmt: skip
    assert main(["verify", "out.parquet.events"]) == 0


def test_rows_that_are_none_are_rejected_with_their_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [("2020-01-01", "A", "x"), ("2020-01-01", '"b",', "x"), ("2020-01-01", "C", "x")]
    write(rows, pa.array([rows[0][0], None, "never"]))
    assert main(["intervals", "seen.parquet", "out.csv", *WORDS]) == 0
    said = capsys.readouterr().err
    assert "seen.parquet: took the column 'Time' for 'time'" in said
    assert "seen.parquet:3: rejected (timestamp-shape): Time: expected" in said
    assert "seen.parquet:4: rejected (timestamp-shape): Time: expected" in said
    assert EventStore("out.csv.events").events == 1


@pytest.mark.parametrize(
    ("times", "words", "said"),
    [
        (
            pa.array([1]),
            [],
            "column 'Time': expected timestamps, dates or texts, found int64; ",
        ),
        (pa.array([1.5]), ["--time-unit=s"], "whole or decimal numbers of s, found double"),
        (pa.array(["x"]), ["--time-column=when"], "none called 'when': 'Time', 'more', 'address'"),
        (pa.array(["x"]), ["--id-column=more"], "column 'more': expected texts or whole numbers"),
        (pa.array(["x"]), ["--follow"], "expected a file that is not followed and not zipped"),
        (None, [], "seen.parquet: expected a Parquet file, found: "),
    ],
)
def test_what_is_none_is_one_error(
    folder: Path, times: Any, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if times is None:
        (folder / "seen.parquet").write_bytes(b"time,adid\n")
    else:
        write([("", "A", "x")], times)
    assert main(["intervals", "seen.parquet", "out.csv", *WORDS, *words]) == 2
    assert said in capsys.readouterr().err
    assert not (folder / "out.csv").exists()


def test_file_is_there_when_it_is_whole_and_never_appended_to(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "seen.csv").write_bytes(as_csv(rows_of()))
    words = ["intervals", "seen.csv", "out.parquet", *WORDS]
    with monkeypatch.context() as patch:
        # As where the process died before its end.
        patch.setattr(ParquetOutput, "complete", lambda _: None)
        assert main(words) == 0
    assert not (folder / "out.parquet").exists()
    assert main(words) == 0
    written = (folder / "out.parquet").read_bytes()
    assert main(words) == 0
    assert main(["rebuild", "out.parquet.events", "again.parquet"]) == 0
    assert (folder / "again.parquet").read_bytes() == written
    assert main([*words, "--inclusive"]) == 1
    assert "expected no file, as nothing is appended to Parquet, found one; name anoth" in (
        capsys.readouterr().err
    )
    assert (folder / "out.parquet").read_bytes() == written
    assert main([*words, "--inclusive", "--overwrite"]) == 0
    assert (folder / "out.parquet").read_bytes() != written
    (folder / "out.parquet").write_bytes(written)
    assert main([*words, "--inclusive"]) == 1
    assert "rebuild out.parquet.events out.parquet writes it again" in capsys.readouterr().err
    assert main([*words, "--follow"]) == 2
    assert main(["rebuild", "out.parquet.events", "-"]) == 2
    assert main(["rerun", "out.parquet.events", "branch.parquet"]) == 2
    assert main(["rerun", "out.parquet.events", "branch.csv"]) == 0


def test_missing_library_is_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write([("2020-01-01", "A", "x")], pa.array(["2020-01-01"]))
    (folder / "seen.csv").write_bytes(as_csv(rows_of()))
    for name in ("pyarrow", "pyarrow.parquet", "pyarrow.csv"):
        monkeypatch.setitem(sys.modules, name, None)
    for source, output in (("seen.parquet", "out.csv"), ("seen.csv", "out.parquet")):
        assert main(["intervals", source, output, *WORDS]) == 2
        assert "expected pyarrow, to read and write Parquet, found" in capsys.readouterr().err
        assert not (folder / f"{output}.events").exists()
