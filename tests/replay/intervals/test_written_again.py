"""What is written reads back as it was, whatever stands in a cell or a line."""

from __future__ import annotations

import csv
import gzip
import io
import json
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import partial
from itertools import chain, repeat
from pathlib import Path
from typing import Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import replay
from events.errors import OutputError
from events.logs.file import Portions
from events.observations.csvrows import csv_line
from events.observations.interval import Interval
from events.observations.parameters import IntervalParameters
from replay.cli import main
from replay.intervals import drive as interval_drive
from replay.intervals import lines as interval_outputs
from replay.intervals.history import IntervalHistory
from replay.intervals.lines import interval_lines, title_of
from tests.interval_runs import search

# What CSV, JSON, spreadsheets and readers of lines make something of.
texts = st.text(
    st.one_of(
        st.sampled_from("\r\n,;\"'\t =+-@\\x0\ufeff\x00\x1b\x85\u2028\u202eé東🙂"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=8,
)
ids = texts.filter(bool)
TIMES: Final = ("2020-01-01 00:00:00", "2020-01-01 00:00:30", "2020-01-01 00:02:00.5")
observations = st.lists(
    st.fixed_dictionaries({"time": st.sampled_from(TIMES), "adid": ids, "k": ids}),
    min_size=1,
    max_size=8,
)
KEYED: Final = IntervalParameters(
    60 * 10**9, False, 2, None, "time", "adid", "k", "jsonl", "csv", None
)


def rows_of(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))


@given(st.lists(st.lists(texts, min_size=2), min_size=1), st.sampled_from([b"\n", b"\r\n"]))
def test_a_row_of_csv_reads_back_with_either_newline(rows: list[list[str]], newline: bytes) -> None:
    assert rows_of(b"".join([csv_line(row) + newline for row in rows])) == rows


@pytest.mark.parametrize("cell", ["=1+1", "-2", "+3", "@x", " a ", "'", "1e5", "\x00", "\x0b"])
def test_a_cell_that_needs_no_quotes_stays_as_it_is(cell: str) -> None:
    assert csv_line(["a", cell]) == f"a,{cell}".encode()


@pytest.mark.parametrize("cell", ["a\rb", "a\nb", "\r", 'say "x"', "a,b", "\ufeffa"])
def test_a_cell_that_would_break_its_row_is_quoted(cell: str) -> None:
    assert csv_line([cell, "b"]) == b'"%s",b' % cell.replace('"', '""').encode()


intervals = st.builds(
    lambda key, adids: Interval(0, 1, TIMES[0], TIMES[1], len(adids), tuple(adids), key),
    ids,
    st.lists(ids, min_size=1),
)


@given(st.lists(intervals))
def test_csv_of_intervals_reads_back(found: list[Interval]) -> None:
    lines = [title_of(KEYED), *interval_lines(found, KEYED, None)]
    title, *rows = rows_of(b"".join([line + b"\n" for line in lines]))
    assert title == [
        "key", "start_index", "end_index", "start_time", "end_time", "num_adid", "adids"
    ]  # fmt: skip
    assert [(row[0], *json.loads(row[-1])) for row in rows] == [
        (each.key, *each.adids) for each in found
    ]


@given(st.lists(intervals))
def test_json_of_intervals_reads_back_line_by_line(found: list[Interval]) -> None:
    lines = interval_lines(found, msgspec.structs.replace(KEYED, output="jsonl"), None)
    # Also for those who take other characters for the end of a line than a newline.
    assert all(len(line.splitlines()) == 1 for line in lines)
    told = [json.loads(line) for line in lines]
    assert [(each["key"], *each["adids"]) for each in told] == [
        (each.key, *each.adids) for each in found
    ]


@pytest.mark.slow
@given(observations, st.sampled_from(["e.csv", "e.jsonl", "e.csv.gz", "e.jsonl.gz"]))
def test_exported_observations_give_the_same_history_and_intervals(
    rows: list[dict[str, str]], name: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        given_rows, exported = Path(folder, "o.jsonl"), Path(folder, name)
        given_rows.write_text("".join(json.dumps(row) + "\n" for row in rows))
        search(given_rows, Path(folder, "a.csv"), key="k")
        assert main(["export", f"{folder}/a.csv.events", "--observations", str(exported)]) == 0
        search(exported, Path(folder, "b.csv"), key="k")
        one, other = (
            IntervalHistory(replay.EventStore(Path(folder, f"{which}.csv.events")))
            for which in "ab"
        )
        assert one.observed() == other.observed()
        found = list(one.findings())
        assert (found, other.rejected) == (list(other.findings()), [])
        outputs = [Path(folder, f"{which}.csv").read_bytes() for which in "ab"]
        assert outputs[0] == outputs[1]
        assert len(rows_of(outputs[0])) == 1 + len(found)


@pytest.mark.parametrize("column", ["a\rb", "a\nb", "\ufefft", 'a"b', "a,b"])
def test_names_of_columns_are_exported_so_that_they_are_found_again(
    column: str, tmp_path: Path
) -> None:
    given_rows = tmp_path / "o.jsonl"
    given_rows.write_text(json.dumps({column: TIMES[0], "adid": "x"}) + "\n")
    words = ["--threshold", "1m", "--time-column", column, "-q"]
    assert main(["intervals", str(given_rows), str(tmp_path / "a.csv"), *words]) == 0
    exported = str(tmp_path / "e.csv")
    assert main(["export", str(tmp_path / "a.csv.events"), "--observations", exported]) == 0
    assert main(["intervals", exported, str(tmp_path / "b.csv"), "--strict", *words]) == 0


def test_exported_logs_are_compressed_where_their_names_say_so(tmp_path: Path) -> None:
    batch, stream = tmp_path / "b.json", tmp_path / "s.json"
    batch.write_bytes(b'{"D":"1", "T":"2"}\n')
    stream.write_bytes(b"bad\n")
    flagged = str(tmp_path / "f.json")
    assert main([str(batch), str(stream), flagged, "-q"]) == 0
    again = [str(tmp_path / "again.json.gz"), str(tmp_path / "stream.json.gz")]
    words = ["--batch", again[0], "--stream", again[1]]
    assert main(["export", f"{flagged}.events", *words]) == 0
    assert gzip.decompress(Path(again[0]).read_bytes()) == batch.read_bytes()
    assert main([*again, str(tmp_path / "g.json"), "-q"]) == 0


# Stores of releases that left line breaks in keys without quotes

BREAKS: Final = ("k\rk", "k\nk", "k,k", "kk")
ROWS: Final = "".join(
    f'{{"time":"2020-01-01 00:{minute:02}:{second}","adid":"{second}","k":{json.dumps(key)}}}\n'
    for minute in range(0, 40, 4)
    for second in (10, 20)
    for key in BREAKS
)


BLOCKS = Portions(observation_bytes=512, settle_rows=8)


def searched_as_before(output: Path, patch: pytest.MonkeyPatch, blocks: int) -> None:
    """Search the first ``blocks`` blocks as a release did that named no detector."""
    stops = chain(repeat(False, blocks - 1), repeat(True))
    lines = partial(interval_lines, breaks_quoted=False)
    patch.setattr(interval_outputs, "interval_lines", lambda *given, **_: lines(*given))
    patch.setattr(interval_drive, "detector_version", lambda _: None)
    with suppress(replay.InterruptedRunError):
        search(
            output.with_name("o.jsonl"),
            output,
            key="k",
            portions=BLOCKS,
            should_stop=lambda: next(stops),
        )


@pytest.mark.parametrize("blocks", [5, 9, 99])
def test_output_of_an_earlier_release_is_gone_on_with_as_it_was_begun(
    blocks: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "o.jsonl").write_text(ROWS)
    output, whole = tmp_path / "f.csv", tmp_path / "whole.csv"
    for path, limit in ((whole, 99), (output, blocks)):
        with monkeypatch.context() as patch:
            searched_as_before(path, patch, limit)
    begun = output.read_bytes()
    assert b"\nk\rk," in begun
    assert (begun == whole.read_bytes()) == (blocks == 99)
    # Gone on with, and then found finished.
    for finished_before in (blocks == 99, True):
        found = search(tmp_path / "o.jsonl", output, key="k", portions=BLOCKS)
        assert found.finished_before == finished_before
        assert output.read_bytes() == whole.read_bytes()
    # Written again, it is spelled as the release did that wrote it; to a stream, too.
    again = tmp_path / "again.csv"
    assert main(["rebuild", f"{output}.events", str(again)]) == 0
    assert again.read_bytes() == whole.read_bytes()
    words = [sys.executable, "-m", "replay", "rebuild", f"{output}.events", "-"]
    assert subprocess.run(words, capture_output=True, check=True).stdout == whole.read_bytes()


def test_output_of_this_release_that_was_spelled_otherwise_was_altered(tmp_path: Path) -> None:
    (tmp_path / "o.jsonl").write_text(ROWS)
    output = tmp_path / "f.csv"
    search(tmp_path / "o.jsonl", output, key="k")
    output.write_bytes(output.read_bytes().replace(b'"k\rk"', b"k\rk"))
    with pytest.raises(OutputError, match="changed since it was written"):
        search(tmp_path / "o.jsonl", output, key="k")
