"""A history has times with an offset or times without, as its first event decides."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import replay
from events.errors import InputError
from events.logs.file import PORTIONS, Log, Portions
from events.purchases.blocks import BlockParser
from replay.cli import main
from replay.engine.branch import Edits, Insertion, branch_off
from replay.purchases.branch import PurchaseBranching
from replay.purchases.history import History
from replay.purchases.simulation import Simulation
from replay.testing import model
from replay.testing.logged import LoggedHistory
from replay.testing.strategies import histories
from tests.plain_lines import friendship, log_of, purchase
from tests.replay.commands.test_cli import ROOT
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE, SPEC_FLAGGED, run_in_process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from events.times.timestamps import Zone

FLAGGED = "flagged.json"
STORE = "flagged.json.events"
FIRST = b'{"D":"1", "T":"50"}'
BAD = b"not json"


def with_offset(log: bytes, offset: str = "Z") -> bytes:
    """Return a log whose times have an offset; they are other instants then, if it is not Z."""
    return re.sub(rb'("timestamp":"[^"]*)"', rb'\1%b"' % offset.encode(), log)


def outcome(store: replay.EventStore) -> list[Any]:
    """Return all that a store holds but how its frames begin, and its digests' hashes."""
    records = list(store.records())
    return [each for each in records if type(each).__name__ != "StateDigest"]


ZONED = LoggedHistory(with_offset(SPEC_EXAMPLE.batch), with_offset(SPEC_EXAMPLE.stream))


# What decides


@pytest.mark.slow
@given(histories())
@example(ZONED)
@example(LoggedHistory(FIRST + b"\n" + BAD + b"\n", with_offset(purchase("1"))))
def test_store_says_of_what_kind_the_times_are(given_logs: LoggedHistory) -> None:
    found = [each.zoned for each in model.happenings(given_logs.lines) if each is not None]
    expected: Zone | None = None if not found else "utc" if found[0] else "none"
    with tempfile.TemporaryDirectory() as name:
        run_in_process(given_logs, Path(name))
        store = replay.EventStore(Path(name) / STORE)
    assert (store.header.zone, store.zone) == (expected, expected)
    assert len({each.zoned for each in map(model.read, lines_of(store)) if each is not None}) <= 1


def lines_of(store: replay.EventStore) -> Iterator[bytes]:
    return map(replay.line_of, store.events_from())


@pytest.mark.slow
@given(histories(), st.integers(0, 2_000))
def test_history_whose_first_event_was_not_looked_for_is_the_same(
    given_logs: LoggedHistory, ahead: int
) -> None:
    found = []
    for size in (PORTIONS.ahead_bytes, ahead):
        with tempfile.TemporaryDirectory() as name:
            flagged = run_in_process(given_logs, Path(name), Portions(300, 300, size))
            store = replay.EventStore(Path(name) / STORE)
        found.append((outcome(store), flagged, store.zone))
    assert found[0] == found[1]


@pytest.mark.parametrize("size", [1, 300, 1 << 16])
def test_looking_ahead_takes_nothing_out_of_a_log(tmp_path: Path, size: int) -> None:
    portions = Portions(size, 16 * size)
    content = log_of([BAD] * 50 + [with_offset(purchase("1"))] + [purchase("2")] * 3 + [BAD])[:-1]
    (tmp_path / "batch.json").write_bytes(content)
    read = []
    for looks in (False, True):
        with Log(tmp_path / "batch.json", "batch", BlockParser, portions=portions) as log:
            if looks:
                assert log.look_ahead() == ("utc", False)
            blocks = list(log.blocks(1))
            records = [record for block in blocks for record in block.rejected]
            read.append((records, sum(block.events for block in blocks), log.end(), log.zone))
    assert read[0] == read[1]
    assert read[0][1:] == (1, read[0][2], "utc")


@pytest.mark.parametrize("size", [1, 300, 1 << 16])
@pytest.mark.parametrize("lines", [0, 1, 49, 50])
def test_lines_that_were_read_before_are_skipped_behind_a_look_ahead(
    tmp_path: Path, size: int, lines: int
) -> None:
    portions = Portions(size, 16 * size)
    (tmp_path / "batch.json").write_bytes(log_of([BAD] * 50 + [purchase("1")] * 5))
    with Log(tmp_path / "batch.json", "batch", BlockParser, portions=portions) as log:
        assert log.peek_line() == BAD
        assert log.look_ahead() == ("none", False)
        log.go_on(lines)
        blocks = list(log.blocks(1))
    assert sum(block.events for block in blocks) == 5
    assert sum(len(block.rejected) for block in blocks) == 50 - lines


def test_looking_ahead_ends_where_too_much_would_be_held(tmp_path: Path) -> None:
    ahead = 1 << 16
    portions = Portions(1 << 12, 1 << 12, ahead, line_bytes=1 << 13)
    # A line that is read over, and many that are rejected.
    for bad in (b"x" * ahead * 2 + b"\n", (BAD + b"\n") * (2 * ahead // len(BAD))):
        lines = log_of([purchase("1"), friendship("1", "2"), purchase("2")])
        (tmp_path / "batch.json").write_bytes(bad + with_offset(lines))
        with Log(tmp_path / "batch.json", "batch", BlockParser, portions=portions) as log:
            assert log.look_ahead() == (None, False)
            assert log.bytes_read <= ahead + (1 << 14)
            assert sum(block.events for block in log.blocks(1)) == 3
            assert log.zone == "utc"
    with replay.Logs(tmp_path / "batch.json", os.devnull, 1, 2, portions=portions) as logs:
        replay.run(logs, tmp_path / FLAGGED, store=tmp_path / STORE)
    store = replay.EventStore(tmp_path / STORE)
    assert (store.header.zone, store.zone, store.events) == (None, "utc", 3)
    assert main(["check", str(tmp_path / STORE)]) == main(["verify", str(tmp_path / STORE)]) == 0


def test_batch_of_a_pipe_is_looked_at_and_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "batch.json")
    (tmp_path / "stream.json").write_bytes(ZONED.stream + SPEC_EXAMPLE.stream)
    writer = threading.Thread(
        target=lambda: (tmp_path / "batch.json").write_bytes(ZONED.batch), daemon=True
    )
    writer.start()
    with replay.Logs(tmp_path / "batch.json", tmp_path / "stream.json") as logs:
        summary = replay.run(logs, tmp_path / FLAGGED)
    writer.join()
    assert (summary.events, summary.rejected) == (7, 1)
    assert replay.EventStore(tmp_path / STORE).header.zone == "utc"
    assert (tmp_path / FLAGGED).read_bytes() == with_offset(SPEC_FLAGGED)


def test_first_event_of_the_stream_decides_where_the_batch_has_none(tmp_path: Path) -> None:
    history = LoggedHistory(
        log_of([FIRST, BAD]), log_of([BAD, with_offset(purchase("1")), purchase("2")])
    )
    run_in_process(history, tmp_path)
    store = replay.EventStore(tmp_path / STORE)
    assert (store.header.zone, store.events) == ("utc", 1)
    assert [bad.reason for bad in store.rejected()] == ["not-json", "not-json", "timestamp-zone"]


# What it decides


def test_late_event_takes_its_place_by_the_instant(tmp_path: Path) -> None:
    def at(time: str, user: str, amount: str) -> bytes:
        return purchase(user, amount).replace(b"2017-06-13 11:33:01", time.encode())

    # With T = 2 the window of 2 is the last two purchases of 1: of 10.00 and 12.00.
    batch = log_of(
        [
            b'{"D":"1", "T":"2"}',
            friendship("1", "2").replace(b':01"', b':01Z"'),
            at("2017-06-13T13:00:00+02:00", "1", "10.00"),
            at("2017-06-13T06:00:00.5-05:00", "1", "12.00"),
            at("2017-06-13T12:30:00+02:00", "1", "500.00"),
            at("2017-06-13T23:59:59+23:00", "1", "700.00"),
        ]
    )
    flag = at("2017-06-13T11:30:00Z", "2", "14.01")
    run_in_process(LoggedHistory(batch, flag), tmp_path)
    (decision,) = replay.EventStore(tmp_path / STORE).decisions()
    assert decision == replay.Decision(6, True, 2, 1100, 100)
    assert (tmp_path / FLAGGED).read_bytes() == model.flagged_purchases(batch, flag)


def test_flagged_line_is_the_source_line_with_its_own_offset(tmp_path: Path) -> None:
    assert run_in_process(ZONED, tmp_path) == with_offset(SPEC_FLAGGED)


def test_line_of_the_other_kind_is_reported_with_what_was_expected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batch, stream = tmp_path / "batch.json", tmp_path / "stream.json"
    batch.write_bytes(ZONED.batch)
    stream.write_bytes(SPEC_EXAMPLE.stream)
    assert main([str(batch), str(stream), str(tmp_path / FLAGGED)]) == 0
    assert (
        f"{stream}:1: rejected (timestamp-zone): timestamp: expected a time with an offset such as "
        "Z or +02:00, as the first event has, found '2017-06-13 11:33:02'\n"
    ) in capsys.readouterr().err
    assert main(["--strict", "--overwrite", str(batch), str(stream), str(tmp_path / FLAGGED)]) == 1


def test_flagged_purchases_are_given_by_the_same_rule(tmp_path: Path) -> None:
    mixed = LoggedHistory(ZONED.batch, SPEC_EXAMPLE.stream + ZONED.stream)
    batch, stream = mixed.write(tmp_path)
    (flagged,) = replay.flagged_purchases(batch, stream)
    assert (flagged.event.number, flagged.event.time) == (7, "2017-06-13 11:33:02")


# Live streams


def live(folder: Path, stream: bytes, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "replay", "batch.json", "-", FLAGGED, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input=stream.decode(),
        capture_output=True,
        check=True,
        text=True,
    )


def test_batch_binds_a_live_stream(tmp_path: Path) -> None:
    (tmp_path / "batch.json").write_bytes(ZONED.batch)
    live(tmp_path, (SPEC_EXAMPLE.stream + ZONED.stream).decode().encode())
    store = replay.EventStore(tmp_path / STORE)
    assert [(bad.source, bad.number, bad.reason) for bad in store.rejected()] == [
        ("stream", 1, "timestamp-zone")
    ]
    assert (tmp_path / FLAGGED).read_bytes() == with_offset(SPEC_FLAGGED)


@pytest.mark.slow
@pytest.mark.parametrize("zone", ["none", "utc"])
def test_first_event_of_a_live_stream_decides_behind_an_empty_batch(
    tmp_path: Path, zone: Zone
) -> None:
    (tmp_path / "batch.json").write_bytes(FIRST + b"\n")
    one, other = [purchase("1")] * 2, [with_offset(purchase("2"))] * 2
    first, second = (other, one) if zone == "utc" else (one, other)
    live(tmp_path, log_of([BAD]))
    store = replay.EventStore(tmp_path / STORE)
    assert (store.header.zone, store.zone) == (None, None)
    for number, lines in enumerate((first, second, first), 1):
        live(tmp_path, log_of(lines), "--resume")
        store = replay.EventStore(tmp_path / STORE)
        # The header was written before anybody knew.
        assert (store.header.zone, store.zone) == (None, zone)
        assert store.events == (2, 2, 4)[number - 1]
    assert [bad.reason for bad in store.rejected()] == ["not-json"] + ["timestamp-zone"] * 2


# Going on


@pytest.mark.slow
@given(histories(), st.data())
def test_run_that_was_killed_goes_on_with_times_of_the_same_kind(
    given_logs: LoggedHistory, data: st.DataObject
) -> None:
    portions = Portions(300, 300, data.draw(st.sampled_from([0, PORTIONS.ahead_bytes])))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        flagged = run_in_process(given_logs, folder, portions)
        whole = (folder / STORE).read_bytes()
        ends = [place.end for place in replay.EventStore(folder / STORE)._frames]
        (folder / STORE).write_bytes(whole[: data.draw(st.sampled_from(ends))])
        paths = folder / "batch.json", folder / "stream.json"
        with replay.Logs(*paths, portions=portions) as logs:
            replay.run(logs, folder / FLAGGED)
        assert (folder / STORE).read_bytes() == whole
        if not flagged:
            assert (folder / FLAGGED).read_bytes() == b""


# Branches


MIXED = LoggedHistory(
    log_of([FIRST, with_offset(friendship("1", "2")), purchase("1"), with_offset(purchase("1"))]),
    log_of([with_offset(purchase("1")), purchase("2"), with_offset(purchase("2", "5.00"))]),
)


@pytest.mark.parametrize("skipped", [range(1, 2), range(1, 3), range(1, 5)])
def test_branch_has_times_of_the_kind_of_its_original(tmp_path: Path, skipped: range) -> None:
    run_in_process(MIXED, tmp_path)
    history = History(replay.EventStore(tmp_path / STORE))
    assert len(history) == 4
    branch = branch_off(
        PurchaseBranching(history, Simulation), tmp_path / "branch.json", Edits(skipped=[skipped])
    )
    assert branch.summary.events == 4 - len(skipped)
    assert (branch.accepted, branch.refused) == (frozenset(), frozenset())
    store = replay.EventStore(branch.summary.store_path)
    assert store.header.zone == "utc"
    assert [bad.reason for bad in store.rejected()] == ["timestamp-zone"] * 2


def test_line_of_the_other_kind_is_not_inserted(tmp_path: Path) -> None:
    run_in_process(MIXED, tmp_path)
    history = History(replay.EventStore(tmp_path / STORE))
    edits = Edits(inserted=[Insertion(purchase("1"), 1)])
    with pytest.raises(InputError, match=r"before event 1: rejected \(timestamp-zone\): timest"):
        branch_off(PurchaseBranching(history, Simulation), tmp_path / "branch.json", edits)
    edits = Edits(inserted=[Insertion(with_offset(purchase("1"), "+02:00"), 1)])
    branch = branch_off(PurchaseBranching(history, Simulation), tmp_path / "branch.json", edits)
    assert branch.inserted[1].event.time == "2017-06-13 09:33:01"


# Showing


SHOWN = [
    ["log", STORE],
    ["log", STORE, "--json"],
    ["why", STORE, "7"],
    ["why", STORE, "7", "--json"],
    ["trace", STORE, "7", "--json"],
    ["step", STORE, "-c", "goto 7; list; user 2; latest; window 2; history 2; why; message"],
    ["rerun", STORE, "branch.json", "-D", "2", "--skip", "7", "--overwrite"],
    ["rerun", STORE, "branch.json", "-D", "2", "--skip", "7", "--overwrite", "--json"],
]


@pytest.mark.parametrize("words", SHOWN, ids=" ".join)
def test_instants_are_shown_with_a_z_wherever_others_are_without(
    tmp_path: Path,
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    texts = []
    for name, history in (("plain", SPEC_EXAMPLE), ("zoned", ZONED)):
        (tmp_path / name).mkdir()
        run_in_process(history, tmp_path / name)
        monkeypatch.chdir(tmp_path / name)
        capsys.readouterr()
        assert main(words) == 0
        texts.append(capsys.readouterr().out.replace(name, ""))
    plain, zoned = texts
    assert "2017-06-13 11:33:0" in plain
    assert "Z" not in plain
    # A table's columns are wider by that letter.
    times = re.compile(r"(2017-06-13 [0-9:]{8})(Z?)")
    assert {found[2] for found in times.finditer(zoned)} == {"Z"}
    assert times.sub(r"\1", zoned).split() == plain.split()


def test_times_are_shown_as_those_of_utc(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = SPEC_EXAMPLE.batch.replace(b" 11:33", b"T13:33")
    history = LoggedHistory(with_offset(batch, "+02:00"), ZONED.stream)
    run_in_process(history, tmp_path)
    assert main(["log", str(tmp_path / STORE), "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["time"] for each in told] == ["2017-06-13 11:33:01Z"] * 6 + [
        "2017-06-13 11:33:02Z"
    ]
    written = tmp_path / "exported.json"
    assert main(["export", str(tmp_path / STORE), "--batch", str(written)]) == 0
    assert written.read_bytes() == history.batch


def test_parser_that_is_given_a_kind_takes_no_other() -> None:
    block = log_of([purchase("1"), with_offset(purchase("1"))])
    kinds: list[tuple[Zone, int]] = [("none", 2), ("utc", 1)]
    for zone, number in kinds:
        parsed = BlockParser("batch", 1, zone=zone).parse(block)
        assert [bad.number for bad in parsed.rejected] == [number]
