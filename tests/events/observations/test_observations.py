"""However a file of observations is written and cut into blocks, its rows mean the same."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from events.errors import BadValueError, InputError
from events.logs.file import Log, Portions
from events.observations.csvrows import CsvRows
from events.observations.observed import Observation, Observed
from events.observations.rows import ColumnNames
from events.observations.source import Observations, format_of
from events.records.record import Lines, Rejected
from events.records.validation import CanonicalTimes
from events.store.earlier import _Observed, in_columns
from events.times.timestamps import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from events.logs.reader import Piece
    from events.observations.parser import Format

MARK = b"\xef\xbb\xbf"
T = "2020-01-01 00:00:00"
PLAIN = ColumnNames()
KEYED = ColumnNames(key="address")


def read(
    data: bytes, form: Format = "csv", columns: ColumnNames = PLAIN, block_bytes: int = 1 << 19
) -> tuple[list[Observation], list[Rejected]]:
    """Return what a file holds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "seen")
        path.write_bytes(data)
        portions = Portions(observation_bytes=block_bytes)
        with Observations(path, columns, form=form, portions=portions) as source:
            return rows_of(source)


def rows_of(source: Observations) -> tuple[list[Observation], list[Rejected]]:
    """Return what is read, each with its line."""
    good: list[Observation] = []
    bad: list[Rejected] = []
    for block in source.log.blocks(1):
        line = 0
        for record in block.records:
            if isinstance(record, Lines):
                line = record.number
            elif isinstance(record, Observed):
                lines = range(line, line + len(record.times))
                keys = record.keys or [""] * len(record.times)
                good += map(Observation, record.times, lines, record.adids, keys)
                line = lines.stop
            else:
                assert isinstance(record, Rejected)
                assert record.number == line
                bad.append(record)
                line += 1
        assert [each for each in block.records if isinstance(each, Rejected)] == block.rejected
    return good, bad


def csv_of(rows: list[tuple[str, ...]], header: str = "time,adid") -> bytes:
    return "\n".join([header, *(",".join(row) for row in rows), ""]).encode()


def reasons(bad: list[Rejected]) -> list[tuple[int, str]]:
    return [(row.number, row.reason) for row in bad]


def test_csv_rows_become_observations() -> None:
    good, bad = read(csv_of([(T, "A"), (f"{T}.50", "B")]))
    assert good == [Observation(T, 2, "A"), Observation(f"{T}.5", 3, "B")]
    assert bad == []


def test_json_lines_become_observations() -> None:
    data = f'{{"time":"{T}","adid":"A"}}\n{{"adid": 7, "x": [1], "time": "{T}"}}'.encode()
    good, bad = read(data, "jsonl")
    assert good == [Observation(T, 1, "A"), Observation(T, 2, "7")]
    assert bad == []


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_number_and_text_are_the_same_id(form: Format) -> None:
    data = {"csv": csv_of([(T, "1"), (T, '"1"')]), "jsonl": json_rows([1, "1", 0, "0"])}[form]
    good, _ = read(data, form)
    assert {each.adid for each in good} <= {"0", "1"}
    assert len(good) == len(data.splitlines()) - (form == "csv")


def json_rows(ids: list[object]) -> bytes:
    return "".join(json.dumps({"time": T, "adid": each}) + "\n" for each in ids).encode()


def test_minus_nought_is_nought_and_long_numbers_stay_whole() -> None:
    lines = b"".join(
        b'{"time":"%s","adid":%s}\n' % (T.encode(), each) for each in (b"-0", b"1" * 40)
    )
    for data in (lines, lines + b"x\n"):
        good, _ = read(data, "jsonl")
        assert [each.adid for each in good] == ["0", "1" * 40]


def test_columns_are_found_by_name_among_others() -> None:
    data = b'when,note,who,where\n%s,"a, b",A,here\n' % T.encode()
    good, _ = read(data, columns=ColumnNames("when", "who", "where"))
    assert good == [Observation(T, 2, "A", "here")]
    line = json.dumps({"who": "A", "note": {}, "when": T, "where": 3}).encode()
    good, _ = read(line, "jsonl", ColumnNames("when", "who", "where"))
    assert good == [Observation(T, 1, "A", "3")]


def test_quoted_fields_may_span_lines_and_numbers_count_lines() -> None:
    data = csv_of([(T, '"A\n""b"",\nc"'), (T, "B"), ("x", "C")])
    good, bad = read(data)
    assert good == [Observation(T, 2, 'A\n"b",\nc'), Observation(T, 5, "B")]
    assert bad == [
        Rejected(
            "observations",
            6,
            "timestamp-shape",
            "time: expected YYYY-MM-DD HH:MM:SS, found 'x'",
            b"x,C",
        )
    ]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("change", ["mark", "crlf", "no newline", "blank lines"])
def test_same_file_written_otherwise_means_the_same(form: Format, change: str) -> None:
    data = csv_of([(T, "A"), (T, "\xe9")]) if form == "csv" else json_rows(["A", "\xe9"])
    expected, _ = read(data, form)
    changed = {
        "mark": MARK + data,
        "crlf": data.replace(b"\n", b"\r\n"),
        "no newline": data[:-1],
        "blank lines": b"\n" + data.replace(b"\n", b"\n\n"),
    }[change]
    good, bad = read(changed, form)
    assert [(each.time, each.adid) for each in good] == [(e.time, e.adid) for e in expected]
    assert bad == []
    if change != "blank lines":
        assert good == expected


# Rejected rows

BAD_CSV = [
    (T, "columns", "expected 2 columns, found 1"),
    (f"{T},A,B", "columns", "expected 2 columns, found 3"),
    (f"{T},", "id-empty", "adid: expected an id, found an empty string"),
    (",A", "timestamp-shape", "time: expected YYYY-MM-DD HH:MM:SS, found ''"),
    (
        "2020-02-30 00:00:00,A",
        "timestamp-date",
        "time: expected a real date and time, found '2020-02-30 00:00:00'",
    ),
    (
        "2020-01-01 24:00:00,A",
        "timestamp-date",
        "time: expected a real date and time, found '2020-01-01 24:00:00'",
    ),
    (
        f"{T}.{'1' * 5_000},A",
        "timestamp-shape",
        f"time: expected at most 600 digits of a fraction of a second, found 5000 in "
        f"'{T}.{'1' * 37}...'",
    ),
    (f"{T},\udcff", "not-utf8", "expected UTF-8, found byte 0xff at column 21"),
    (
        f'{T},"A"b',
        "quotes",
        f"expected quotes that enclose a whole field, found '{T},\"A\"b'",
    ),
    (
        f"{T}\r,A",
        "quotes",
        f"expected no carriage return outside of quotes, found '{T}\\r,A'",
    ),
]


@pytest.mark.parametrize(("row", "reason", "detail"), BAD_CSV)
def test_bad_csv_row_costs_only_itself(row: str, reason: str, detail: str) -> None:
    line = row.encode("utf-8", "surrogateescape")
    good, bad = read(csv_of([(T, "A")]) + line + csv_of([(T, "B")], header=""))
    assert [(each.number, each.adid) for each in good] == [(2, "A"), (4, "B")]
    assert bad == [Rejected("observations", 3, reason, detail, line)]


@pytest.mark.parametrize(
    ("line", "reason", "detail"),
    [
        (b"{", "not-json", "expected one JSON object, found no JSON: '{'"),
        (b"[]", "not-object", "expected one JSON object, found '[]'"),
        (b'{"time":"T"}{}', "not-json", "expected one JSON object, found no JSON"),
        (b'{"adid":"A"}', "key-missing", "expected the key 'time', found none"),
        (b'{"time":"T"}', "key-missing", "expected the key 'adid', found none"),
        (
            b'{"time":1,"adid":"A"}',
            "timestamp-shape",
            "time: expected a string YYYY-MM-DD HH:MM:SS, found '1'",
        ),
        (b'{"time":"T","adid":""}', "id-empty", "adid: expected an id, found an empty string"),
        (
            b'{"time":"T","adid":1.0}',
            "id-type",
            "adid: expected a string or an integer, found '1.0'",
        ),
        (
            b'{"time":"T","adid":null}',
            "id-type",
            "adid: expected a string or an integer, found 'null'",
        ),
        (
            b'{"time":"T","adid":"\\ud800"}',
            "id-not-text",
            "adid: expected text of whole characters, found",
        ),
        (
            b'{"time":"T","adid":"A","x":"\xff"}',
            "not-utf8",
            "expected UTF-8, found byte 0xff at column",
        ),
    ],
)
def test_bad_json_line_costs_only_itself(line: bytes, reason: str, detail: str) -> None:
    line = line.replace(b'"T"', f'"{T}"'.encode())
    good, bad = read(json_rows(["A"]) + line + b"\n" + json_rows(["B"]), "jsonl")
    assert [(each.number, each.adid) for each in good] == [(1, "A"), (3, "B")]
    assert [(row.number, row.reason, row.line) for row in bad] == [(2, reason, line)]
    assert bad[0].detail.startswith(detail)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_observation_without_its_key_is_rejected(form: Format) -> None:
    data = {
        "csv": csv_of([(T, "A", ""), (T, "A", "here")], header="time,adid,address"),
        "jsonl": json_rows(["A"]) + b'{"time":"%s","adid":"A","address":"here"}\n' % T.encode(),
    }[form]
    good, bad = read(data, form, KEYED)
    assert [each.key for each in good] == ["here"]
    assert [row.reason for row in bad] == ["id-empty" if form == "csv" else "key-missing"]


def test_two_objects_and_one_over_two_lines_are_not_two_lines() -> None:
    one = f'{{"time":"{T}","adid":"A"}}'.encode()
    half = len(one) // 2
    _, bad = read(one + one + b"\n" + one[:half] + b"\n" + one[half:] + b"\n", "jsonl")
    assert reasons(bad) == [(1, "not-json"), (2, "not-json"), (3, "not-json")]


def test_lost_closing_quote_costs_one_row() -> None:
    rows = [(T, f"A{number}") for number in range(300)]
    lines = csv_of([(T, '"lost'), *rows]).splitlines(keepends=True)
    reader = CsvRows(PLAIN, "seen", row_bytes_max=1_000)
    parts = [b"".join(lines[start : start + 20]) for start in range(0, len(lines), 20)]
    blocks = [reader.parse(part, last=part is parts[-1]) for part in parts]
    assert [adid for block in blocks for adid in block.observed.adids] == [adid for _, adid in rows]
    # It is given up as soon as it is too long, in the third part of some 500 bytes.
    assert [len(block.rejected) for block in blocks[:4]] == [0, 0, 1, 0]
    (bad,) = [row for block in blocks for row in block.rejected]
    assert (bad.number, bad.reason, bad.line) == (2, "quotes", f'{T},"lost'.encode())


def test_lost_closing_quote_in_the_last_row_costs_one_row() -> None:
    good, bad = read(csv_of([(T, "A"), (T, '"lost'), (T, "B")]))
    assert [(each.number, each.adid) for each in good] == [(2, "A"), (4, "B")]
    assert reasons(bad) == [(3, "quotes")]


# Blocks

cells = st.one_of(
    st.sampled_from(
        [T, f"{T}.5", f"{T}.50", "2020-13-01 00:00:00", "", "A", "\xe9", "B\nC", '"', ","]
    ),
    st.text(st.characters(codec="utf-8"), max_size=4),
)
table = st.lists(
    st.one_of(st.tuples(st.just(T), cells), st.tuples(cells, cells, cells)), max_size=12
)


@pytest.mark.slow
@given(table, st.integers(1, 60))
def test_csv_agrees_with_the_csv_module_however_it_is_cut(
    rows: list[tuple[str, ...]], block_bytes: int
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerows([("time", "adid"), *rows])
    expected = []
    for row in csv.reader(io.StringIO(text.getvalue(), newline="")):
        try:
            if len(row) == 2 and row[1]:
                expected.append((parse_timestamp(row[0]), row[1]))
        except BadValueError:
            pass
    good, bad = read(text.getvalue().encode(), block_bytes=block_bytes)
    assert [(each.time, each.adid) for each in good] == expected
    assert len(good) + len(bad) == len([row for row in rows if row])


@given(st.lists(st.sampled_from(["good", "number", "fraction", "bad", "blank", "\xe9"])), st.data())
def test_json_lines_mean_the_same_however_they_are_cut(
    kinds: list[str], data: st.DataObject
) -> None:
    lines = {
        "good": f'{{"time":"{T}","adid":"A"}}',
        "number": f'{{"time":"{T}","adid":5}}',
        "fraction": f'{{"time":"{T}.500","adid":"A"}}',
        "bad": f'{{"time":"{T}","adid":""}}',
        "blank": "",
        "\xe9": f'{{"time":"{T}","adid":"\xe9"}}',
    }
    text = "".join(lines[kind] + "\n" for kind in kinds).encode()
    good, bad = read(text, "jsonl", block_bytes=data.draw(st.integers(1, 200)))
    numbers = {kind: [n for n, each in enumerate(kinds, 1) if each == kind] for kind in kinds}
    assert [row.number for row in bad] == numbers.get("bad", [])
    assert [each.number for each in good] == sorted(
        number
        for kind, found in numbers.items()
        if kind not in {"bad", "blank"}
        for number in found
    )


@given(
    st.lists(
        st.one_of(
            st.datetimes().map(lambda time: time.isoformat(" ")),
            st.sampled_from(
                [T, f"{T}.", f"{T}.0", f"{T}\n", "2020-02-30 00:00:00", "", f"{T}.5\n"]
            ),
            st.sampled_from(
                ["2020-01-01 24:00:00", "2020-01-01T00:00:00", "\u0662020-01-01 00:00:00"]
            ),
        ),
        max_size=4,
    )
)
def test_times_at_once_are_the_times_one_by_one(times: list[str]) -> None:
    try:
        expected = [parse_timestamp(time) for time in times]
    except BadValueError:
        expected = []
    records = [_Observed(1, tuple(times), ("A",) * len(times))]
    if times and expected == times:
        (found,) = in_columns(records, 0, CanonicalTimes())
        assert isinstance(found, Observed)
        assert list(found.times) == expected
    else:
        with pytest.raises(BadValueError):
            in_columns(records, 0, CanonicalTimes())


# Files


def test_gzip_file_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "seen.csv.gz"
    path.write_bytes(gzip.compress(csv_of([(T, "A")])))
    with Observations(path) as source:
        assert seen_in(source) == ["A"]
    assert source.log.lines_read == 2


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.csv", "csv"),
        ("a.CSV", "csv"),
        ("a.jsonl.gz", "jsonl"),
        ("a.ndjson", "jsonl"),
        ("a.json", "jsonl"),
    ],
)
def test_name_tells_the_format(name: str, form: str) -> None:
    assert format_of(name) == form


def test_name_that_tells_no_format_is_refused() -> None:
    with pytest.raises(InputError, match=r"a\.txt: .*; say with --format which"):
        Observations("a.txt")


def test_file_cut_short_or_missing_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv: expected readable observations, found: No"):
        Observations(tmp_path / "none.csv")
    with pytest.raises(InputError, match="expected readable observations, found: Is a directory"):
        Observations(tmp_path, form="csv")
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(gzip.compress(csv_of([(T, "A")]))[:-9])
    with pytest.raises(InputError, match="found: Compressed file"):
        Observations(path)
    path.write_bytes(b"")
    with pytest.raises(InputError, match="found: an empty file, which is no gzip file"):
        Observations(path)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "seen:1: expected a first row .* 'time' and 'adid' among them, found an empty file"),
        (b"\n\n", "found an empty file"),
        (b"time,id\n", "found none called 'adid': 'time', 'id'"),
        (b"Time;id\n", "found none called 'adid': 'Time', 'id'"),
        (b"when\tid\n", "found none called 'time': 'when', 'id'"),
        (b"\ntime,adid,time\n", "seen:2: .* found several called 'time': 'time', 'adid', 'time'"),
        (b'"time,adid\n', "seen:1: .* found no CSV: unexpected end of data"),
        (b"time,adid\rA,B\r", "seen:1: .* found no CSV: a carriage return outside of quotes"),
    ],
)
def test_csv_without_its_columns_is_one_clear_error(data: bytes, found: str) -> None:
    with pytest.raises(InputError, match=found):
        read(data)


def test_row_is_given_back_without_the_open_one_behind_it() -> None:
    rows = CsvRows(ColumnNames(), "seen")
    block = rows.parse(f'time,adid\n{T},A\n\n{T},"B\n'.encode(), last=False)
    assert block.source_rows([2]) == [f"{T},A".encode()]


def test_empty_json_file_holds_no_observations() -> None:
    assert read(b"", "jsonl") == ([], [])


# Order

odd_rows = st.lists(
    st.tuples(
        st.sampled_from(
            [T, f"{T}.5", f"{T}.50", f"{T[:-1]}1", f"{T}Z", "2020-13-01 00:00:00", "none"]
        ),
        st.sampled_from(["A", "B", "", '"', "one\ntwo", "\xe9"]),
    ),
    max_size=6,
)


@given(
    odd_rows,
    st.sampled_from(["csv", "jsonl"]),
    st.sampled_from([b"\n", b"\r\n", b"\n\n"]),
    st.sampled_from([b"", MARK]),
    st.booleans(),
    st.booleans(),
    st.integers(len(MARK) + 1, 60),
)
# The first time of a block is of another zone than the first of all.
@example(
    [*[(T, "A")] * 3, (f"{T}Z", "A"), (f"{T[:-1]}1", "A"), (T, "A")],
    *("jsonl", b"\n", b"", True, False, 140),
)
def test_order_is_that_of_the_rows_that_are_read_however_the_file_is_written(  # noqa: PLR0917
    rows: list[tuple[str, str]],
    form: Format,
    newline: bytes,
    mark: bytes,
    ended: bool,
    zipped: bool,
    block_bytes: int,
) -> None:
    if form == "csv":
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows([("time", "adid"), *rows])
        lines = text.getvalue().encode().split(b"\n")[:-1]
    else:
        lines = [json.dumps({"time": time, "adid": adid}).encode() for time, adid in rows]
    data = mark + newline.join([*lines, b""] if ended else lines)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"seen.{form}{'.gz' if zipped else ''}")
        path.write_bytes(gzip.compress(data) if zipped else data)
        portions = Portions(observation_bytes=block_bytes)
        with Observations(path, portions=portions) as source:
            found = source.in_order()
            times = [each.time for each in rows_of(source)[0]]
    assert found == (times == sorted(times))


def change(path: Path, content: bytes) -> None:
    """Change a file where it is, at another time than it was made at."""
    with path.open("r+b") as file:
        file.truncate(0)
        file.write(content)
    os.utime(path, (1, 1))


def seen_in(source: Observations) -> list[str]:
    return [each.adid for each in rows_of(source)[0]]


@pytest.mark.parametrize("zipped", [False, True])
def test_file_that_grows_is_read_as_it_was_when_it_was_opened(
    tmp_path: Path,
    *,
    zipped: bool,
) -> None:
    path = tmp_path / ("seen.csv.gz" if zipped else "seen.csv")
    before, more = csv_of([(T, "A"), (T, "B")]), f"{T},C\n".encode()
    if zipped:
        before, more = gzip.compress(before), gzip.compress(more)
    path.write_bytes(before)
    with Observations(path) as source:
        change(path, before + more)
        taken = source.log.fingerprint()
        assert taken is not None
        assert taken.size == len(before)
        assert source.in_order()
        assert seen_in(source) == ["A", "B"]


def test_file_that_takes_the_name_is_not_mixed_with_the_one_that_was_opened(tmp_path: Path) -> None:
    path = tmp_path / "seen.csv"
    path.write_bytes(csv_of([(T, "A")]))
    with Observations(path) as source:
        taken = source.log.fingerprint()
        path.rename(tmp_path / "seen.csv.1")
        path.write_bytes(csv_of([("2020-01-02 00:00:00", "B"), (T, "B")]))
        assert source.in_order()
        assert seen_in(source) == ["A"]
        assert source.log.fingerprint() == taken


@pytest.mark.parametrize("content", [csv_of([(T, "B"), (T, "A")]), csv_of([(T, "A")])])
def test_file_that_is_changed_while_it_is_read_is_an_error(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "seen.csv"
    path.write_bytes(csv_of([(T, "A"), (T, "B")]))
    with Observations(path) as source:
        source.log.fingerprint()
        change(path, content)
        with pytest.raises(InputError, match=r"seen\.csv: expected a file that nobody changes"):
            seen_in(source)


def test_file_that_is_changed_while_its_order_is_looked_at_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a first look has seen counts, though a second one is needed to tell the order."""
    path = tmp_path / "seen.csv"
    lines = csv_of([*[(T, "A")] * 9_000, ("2010-01-01 00:00:00", "")])
    path.write_bytes(lines)
    looks = 0

    def changing(log: Log) -> Iterator[Piece]:
        nonlocal looks
        looks += 1
        for place, piece in enumerate(again(log)):
            yield piece
            if (looks, place) == (1, 0):
                change(path, lines.replace(b"A", b"B", 1))

    again = Log.again
    monkeypatch.setattr(Log, "again", changing)
    with Observations(path, portions=Portions(observation_bytes=1 << 12)) as source:
        assert source.in_order()
        assert looks == 2
        with pytest.raises(InputError, match=r"seen\.csv: expected a file that nobody changes"):
            seen_in(source)


def test_one_column_cannot_be_two() -> None:
    message = "expected different columns, found 'time', 'adid', 'adid'"
    with pytest.raises(BadValueError, match=re.escape(message)):
        read(b"", columns=ColumnNames(key="adid"))
