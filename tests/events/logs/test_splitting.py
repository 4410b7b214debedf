"""A line that is too long costs itself only: no memory, and no line beside it."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import replay
from events.errors import InputError, InterruptedRunError, ParametersError
from events.logs import splitting
from events.logs.file import Log, Portions
from events.logs.objects import BadLineError, Reason
from events.logs.splitting import KEPT_BYTES, LINE_BYTES_MAX, CutLine, LineSplitter, whole_lines
from events.observations.source import Observations
from events.purchases.blocks import BlockParser
from events.purchases.event import Event, line_of
from events.purchases.lines import parse_line
from events.records.record import LogEnd, Rejected
from replay.cli import main
from replay.engine.listener import RunListener as Listener
from replay.purchases.history import History
from replay.testing import LoggedHistory, assert_replays, model
from tests.events.logs.test_jsonlines import GOOD, by_hand, contents, read
from tests.events.observations.test_observations import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from events.logs.live import LiveLog
    from events.observations.observed import Observation
    from replay.judging.history import Summary

LIMIT = 90
LONG = b'{"note": "' + b"x" * 2_000 + b'"}'
BATCH = b'{"D":"2", "T":"50"}\n' + GOOD + b"\n" + LONG + b"\n" + GOOD + b"\n"
STREAM = GOOD + b"\n" + LONG + b"\n" + LONG + b"\n" + GOOD.replace(b"16.83", b"99.00") + b"\n"
chunks = st.lists(
    st.sampled_from([b"\n", b"a", b"b" * 9, b"c\n\nd", b"e" * 11 + b"\nf", b"g" * 40])
)


SHORT = Portions(line_bytes=LIMIT)


def cut(line: bytes, limit: int = LINE_BYTES_MAX, *, newline: bool = True) -> CutLine:
    return CutLine(line[:KEPT_BYTES], len(line), hashlib.sha256(line).digest(), newline, limit)


def blocks_as_ever(read_chunks: list[bytes]) -> Iterator[bytes]:
    """Cut chunks into blocks in the way that decides where the frames of stores end."""
    pending = b""
    for chunk in read_chunks:
        pending += chunk
        if b"\n" in chunk:
            end = pending.rfind(b"\n") + 1
            yield pending[:end]
            pending = pending[end:]
    if pending:
        yield pending


@given(chunks)
def test_blocks_end_where_the_last_newline_of_a_chunk_is(read_chunks: list[bytes]) -> None:
    assert list(whole_lines(read_chunks)) == list(blocks_as_ever(read_chunks))


@given(chunks, st.sampled_from([0, 1, 9, 10, 11, 50]))
def test_each_long_line_is_a_block_and_the_others_are_as_they_were(
    read_chunks: list[bytes], limit: int
) -> None:
    found = [block for block in whole_lines(read_chunks, limit) if block]
    content = b"".join(read_chunks)
    expected: list[bytes | CutLine] = []
    for line in content.splitlines(keepends=True):
        bare = line.removesuffix(b"\n")
        long = len(bare) > limit
        expected.append(cut(bare, limit, newline=line != bare) if long else line)
    assert [
        line
        for block in found
        for line in ([block] if isinstance(block, CutLine) else block.splitlines(keepends=True))
    ] == expected
    if not any(isinstance(each, CutLine) for each in expected):
        assert found == list(blocks_as_ever(read_chunks))


def test_memory_of_a_splitter_does_not_grow_with_the_line() -> None:
    splitter, chunk = LineSplitter(), bytes(1 << 20)
    for _ in range(40):
        assert splitter.feed(chunk) == []
    held = sum(map(len, splitter._pieces))
    assert splitter.reading_over
    assert held == 0
    assert splitter.feed(b"\nrest\n") == [cut(bytes(40 << 20)), b"rest\n"]


@pytest.mark.slow
@pytest.mark.parametrize("length", [LINE_BYTES_MAX - 1, LINE_BYTES_MAX, LINE_BYTES_MAX + 1])
def test_16_mib_are_not_too_long_and_one_byte_more_is(tmp_path: Path, length: int) -> None:
    line = GOOD[:-1] + b', "n": "' + b"x" * (length - len(GOOD) - 9) + b'"}'
    assert len(line) == length
    path = tmp_path / "batch.json"
    path.write_bytes(GOOD + b"\n" + line + b"\n" + GOOD)
    reading = read(path)
    long = length > LINE_BYTES_MAX
    assert [bad.reason for bad in reading.rejected()] == ["line-too-long"] * long
    assert [number for number, _ in reading.items()] == [1, 2, 3]
    with_line = reading.items()[1][1]
    kept = with_line.line if isinstance(with_line, Rejected) else line_of(with_line)
    assert kept == (line[:KEPT_BYTES] if long else line)
    assert (model.read(line) is None) == long
    if long:
        with pytest.raises(BadLineError, match="at most 16,777,216 bytes, found 16,777,217"):
            parse_line(line, 1)


def by_hand_cut(content: bytes, limit: int) -> Iterator[tuple[int, Event | Rejected]]:
    whole = content.split(b"\n")
    places = {number for number, line in enumerate(whole, 1) if len(line) > limit}
    shortened = [b"?" if number in places else line for number, line in enumerate(whole, 1)]
    for number, item in by_hand(b"\n".join(shortened)):
        if number not in places:
            yield number, item
            continue
        line, reason = whole[number - 1], Reason.LINE_TOO_LONG
        detail = splitting.long_line_detail(len(line), limit)
        yield number, Rejected("batch", number, reason, detail, *cut(line)[:3])


@pytest.mark.slow
@given(contents(), st.sampled_from([1, 7, 100, 1 << 16]), st.sampled_from([20, 84, 85, 90, 200]))
def test_log_with_long_lines_means_what_its_lines_mean_one_by_one(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, block_bytes: int, limit: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "batch.json"
    path.write_bytes(content)
    reading = read(path, block_bytes, line_bytes=limit)
    expected = list(by_hand_cut(content, limit))
    assert reading.items() == expected
    whole = content.endswith(b"\n") or not content
    assert reading.end == LogEnd("batch", content.count(b"\n") + (not whole), whole)
    portions = Portions(batch_bytes=16 * block_bytes, line_bytes=limit)
    for skipped in range(reading.end.lines + 1):
        with Log(path, "batch", BlockParser, portions=portions) as log:
            log.go_on(skipped)
            items = [bad.number for block in log.blocks(1) for bad in block.rejected if bad.is_cut]
            assert log.end() == reading.end
        assert items == [
            number
            for number, item in expected
            if number > skipped and isinstance(item, Rejected) and item.is_cut
        ]


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("newline", [b"", b"\n"])
def test_long_line_is_cut_in_plain_and_zipped_logs(
    tmp_path: Path, newline: bytes, *, zipped: bool
) -> None:
    content = GOOD + b"\n" + LONG + newline
    path = tmp_path / ("batch.json.gz" if zipped else "batch.json")
    path.write_bytes(gzip.compress(content) if zipped else content)
    reading = read(path, line_bytes=LIMIT)
    assert [bad.number for bad in reading.rejected()] == [2]
    assert reading.end == LogEnd("batch", 2, newline=bool(newline))


def test_parameters_line_that_is_too_long_is_refused_or_passed_over(tmp_path: Path) -> None:
    batch, stream = tmp_path / "batch.json", tmp_path / "stream.json"
    batch.write_bytes(b"\n" + LONG + b"\n" + GOOD + b"\n")
    stream.write_bytes(b"")
    with pytest.raises(ParametersError, match=r"batch\.json:2: .* found a line of 2,012 bytes;"):
        replay.Logs(batch, stream, portions=SHORT)
    with Log(batch, "batch", BlockParser, portions=SHORT) as log:
        assert log.peek_line() == cut(LONG, LIMIT)
        with pytest.raises(InputError, match=r"batch\.json:2: expected a line of at most 90 bytes"):
            log.skip_line()
    with replay.Logs(batch, stream, 2, 50, portions=SHORT) as logs:
        found = [bad.number for block in logs.batch.blocks(1) for bad in block.rejected]
    assert found == [2]


# Observations


def observed(
    path: Path, portions: Portions | None = None
) -> tuple[list[Observation], list[Rejected], int]:
    with Observations(path, portions=portions) as source:
        return *rows_of(source), source.log.lines_read


ROWS = (
    b"2017-06-13 11:33:01,a",
    b"2017-06-13 11:33:02,b",
    b'2017-06-13 11:33:03,"c"',
    b"2017-06-13 11:33:04," + b"d" * 200,
    b"never",
)


@pytest.mark.parametrize("block_bytes", [1, 30, 300, 1 << 16])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_long_row_is_cut_and_the_others_are_read(
    tmp_path: Path, block_bytes: int, end: bytes
) -> None:
    portions = Portions(observation_bytes=block_bytes, line_bytes=LIMIT)
    as_json = [
        b'{"time": "%b", "adid": %b}' % (time, json.dumps(adid.decode().strip('"')).encode())
        for time, _, adid in (row.partition(b",") for row in ROWS)
    ]
    for name, rows in (("a.csv", [b"time,adid", *ROWS]), ("a.jsonl", [b"", *as_json])):
        (tmp_path / name).write_bytes(b"\n".join(rows) + end)
        good, bad, lines_read = observed(tmp_path / name, portions)
        assert [each.adid for each in good] == ["a", "b", "c"]
        reason = "columns" if name == "a.csv" else "timestamp-shape"
        assert [(row.number, row.reason) for row in bad] == [(5, "line-too-long"), (6, reason)]
        row, line = bad[0], rows[4]
        assert (row.line, row.length, row.sha256) == cut(line)[:3]
        assert lines_read == 6


def test_quoted_field_does_not_go_on_in_a_line_that_is_too_long(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    good = b"2017-06-13 11:33:01,a\n"
    path.write_bytes(b'time,adid\n2017-06-13 11:33:01,"b\n' + good + b"x" * 100 + b'"\n' + good)
    seen, bad, _ = observed(path, SHORT)
    rejected = [(row.number, row.reason) for row in bad]
    assert rejected == [(2, "quotes"), (4, "line-too-long")]
    assert [each.number for each in seen] == [3, 5]


@pytest.mark.parametrize("before", [0, 1, 60_000, 65_400])
@pytest.mark.parametrize(("length", "fits"), [(60_000, True), (65_400, True), (66_000, False)])
def test_fate_of_a_row_over_several_lines_depends_on_its_length_alone(
    tmp_path: Path, before: int, length: int, *, fits: bool
) -> None:
    path = tmp_path / "a.csv"
    row = b'2017-06-13 11:33:01,"' + b"x\n" * (length // 2) + b'"\n'
    path.write_bytes(b"time,adid\n" + b"y" * before + b"\n" + row + b"2017-06-13 11:33:01,a\n")
    good, bad, _ = observed(path)
    quotes = [row.number for row in bad if row.reason == "quotes"]
    # The quote that closes one that was too long opens one that nothing closes.
    assert quotes == ([] if fits else [3, 3 + length // 2])
    assert len(good) == 1 + fits


def test_long_field_is_read_alike_quoted_or_not_and_whatever_the_csv_module_was_told(
    tmp_path: Path,
) -> None:
    path, adid = tmp_path / "a.csv", b"x" * 200_000
    path.write_bytes(
        b"time,adid\n2017-06-13 11:33:01,%b\n" % adid
        + b'2017-06-13 11:33:01,"%b"\nnever\n2017-06-13 11:33:01,%b\n' % (adid, adid)
    )
    before = csv.field_size_limit(7)
    try:
        good, *_ = observed(path)
        assert csv.field_size_limit() == 7
    finally:
        csv.field_size_limit(before)
    assert [each.number for each in good] == [2, 3, 5]


# Runs and commands


def run_on(folder: Path, portions: Portions = SHORT, **options: Any) -> Path:
    (folder / "batch.json").write_bytes(BATCH)
    (folder / "stream.json").write_bytes(STREAM)
    paths = folder / "batch.json", folder / "stream.json"
    with replay.Logs(*paths, portions=portions) as logs:
        replay.run(logs, folder / "flagged.json", **options)
    return folder / "flagged.json.events"


def test_store_keeps_the_beginning_the_length_and_the_hash(tmp_path: Path) -> None:
    store = run_on(tmp_path)
    found = list(replay.EventStore(store).rejected())
    assert [(bad.source, bad.number, bad.reason) for bad in found] == [
        ("batch", 3, "line-too-long"),
        ("stream", 2, "line-too-long"),
        ("stream", 3, "line-too-long"),
    ]
    assert {(bad.line, bad.length, bad.sha256) for bad in found} == {cut(LONG)[:3]}
    assert {bad.detail for bad in found} == {"expected a line of at most 90 bytes, found 2,012"}
    assert_replays(store)


class Stopping(Listener):
    """Stops a run at the given report of a block."""

    def __init__(self, at: int) -> None:
        self.left = at

    def on_block(self, log: Log | LiveLog, summary: Summary) -> None:  # noqa: ARG002
        self.left -= 1

    def stop(self) -> bool:
        return self.left <= 0


@pytest.mark.parametrize("at", range(1, 60, 3))
def test_run_that_stops_within_a_long_line_goes_on_to_the_same_store(
    tmp_path: Path, at: int
) -> None:
    (tmp_path / "whole").mkdir()
    portions = Portions(100, 100, line_bytes=LIMIT)
    expected = run_on(tmp_path / "whole", portions).read_bytes()
    listener = Stopping(at)
    with pytest.raises(InterruptedRunError, match="interrupted after"):
        run_on(tmp_path, portions, listener=listener, should_stop=listener.stop)
    assert run_on(tmp_path, portions).read_bytes() == expected


def test_commands_say_what_they_cannot_give_back_and_keep_the_numbers_of_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = str(run_on(tmp_path))
    logs = [f"--{source}={tmp_path / 'again'}.{source}" for source in ("batch", "stream")]
    assert main(["export", store, *logs]) == 0
    said = capsys.readouterr().out
    for line in (3, 2):
        where = "batch" if line == 3 else "stream"
        assert f"line {line} of the {where} cannot be given back, an empty one stands" in said
    assert f"{tmp_path / 'again'}.batch: 3 lines of the batch" in said
    assert (tmp_path / "again.batch").read_bytes() == BATCH.replace(LONG, b"")
    assert (tmp_path / "again.stream").read_bytes() == STREAM.replace(LONG, b"")
    assert main(["export", store, "--json"]) == 0
    not_kept = json.loads(capsys.readouterr().out)["batch"]["not_kept"]
    digest = hashlib.sha256(LONG).hexdigest()
    assert not_kept == [{"line": 3, "bytes": len(LONG), "sha256": digest}]
    assert main(["log", store, "--json", "--rejected"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["line"] for each in found] == [3, 2, 3]
    assert {(each["bytes"], each["sha256"]) for each in found} == {(len(LONG), digest)}
    assert {each["text"] for each in found} == {LONG[:KEPT_BYTES].decode()}
    assert main(["rerun", store, str(tmp_path / "branch.json")]) == 0
    assert "3 lines were too long to be kept, and left out" in capsys.readouterr().out
    branch = History(replay.EventStore(tmp_path / "branch.json.events"))
    original = History(replay.EventStore(store))
    places = [[each.place(number) for number in (1, 2, 3, 4)] for each in (branch, original)]
    assert places[0] == places[1]


def test_kit_reads_a_history_with_long_lines_and_gives_it_back_without() -> None:
    long = LONG + b" " * LINE_BYTES_MAX
    history = LoggedHistory(BATCH.replace(LONG, long), STREAM.replace(LONG, long))
    assert [event.number for event in history.past + history.new] == [1, 2, 3, 4]
    assert sum(len(line) > LINE_BYTES_MAX for line in history.lines) == 3
    assert [model.read(line) is None for line in history.lines] == [
        len(line) > LINE_BYTES_MAX for line in history.lines
    ]


def test_history_of_a_store_has_an_empty_line_for_a_long_one(tmp_path: Path) -> None:
    store = replay.EventStore(run_on(tmp_path))
    expected = LoggedHistory(BATCH.replace(LONG, b""), STREAM.replace(LONG, b""))
    assert LoggedHistory.of(store) == expected


def peak_mib(*arguments: str | Path) -> int:
    """Return the most memory that the program took for a command."""
    process = subprocess.Popen(
        [sys.executable, "-m", "replay", *map(str, arguments)],
        cwd=Path(replay.__file__).parents[1],
        stderr=subprocess.DEVNULL,
    )
    _, process.returncode, usage = os.wait4(process.pid, 0)
    assert process.returncode == 0
    return usage.ru_maxrss // 1024


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="counts memory in other units")
@pytest.mark.parametrize("kind", ["batch", "stream", "csv", "jsonl", "gz"])
def test_hole_that_a_rotation_left_takes_no_memory(tmp_path: Path, kind: str) -> None:
    def write(name: str, first: bytes, last: bytes, hole: int) -> Path:
        path = tmp_path / name
        opener = gzip.open if name.endswith(".gz") else open
        with opener(path, "wb") as file:
            file.write(first)
            if hole and name.endswith(".gz"):
                for _ in range(hole >> 20):
                    file.write(bytes(1 << 20))
            elif hole:
                file.flush()
                os.truncate(path, len(first) + hole)
                file.seek(0, os.SEEK_END)
            file.write(b"\n" + last)
        return path

    def peak(hole: int) -> int:
        if kind in ("csv", "jsonl"):
            first = b"time,adid\n" if kind == "csv" else b""
            path = write(f"rows.{kind}", first, b"", hole)
            out = tmp_path / f"{hole}.json"
            return peak_mib("intervals", path, out, "-q", "--threshold", "1m")
        batch = write("batch.json", b'{"D":"2", "T":"50"}\n', GOOD, hole * (kind == "batch"))
        name = "stream.json.gz" if kind == "gz" else "stream.json"
        stream = write(name, GOOD + b"\n", GOOD, hole * (kind != "batch"))
        return peak_mib(batch, stream, tmp_path / f"{hole}.json", "-q")

    assert peak(200 << 20) < peak(0) + 80
