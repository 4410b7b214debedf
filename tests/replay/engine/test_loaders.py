"""What loaders give of a log is what one process makes of it, and most of it is done by them."""

from __future__ import annotations

import errno
import os
import signal
from mmap import mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import workload
from hypothesis import given, settings
from hypothesis import strategies as st

import replay
from events.logs.file import Log, Portions
from events.logs.reader import Piece
from events.logs.splitting import CutLine
from events.purchases.blocks import BlockParser
from events.store.stored import Encoder
from replay.engine.collector import collector_paused
from replay.engine.drive import StopAskedError
from replay.engine.listener import RunListener
from replay.engine.loaders import Loaders, paying_loaders
from replay.judging.drive import JudgingDrive
from replay.judging.history import Summary
from tests.processes import children_of
from tests.rings import Rings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from replay.judging.logs import TwoLogs

TOLD = workload.Workload(users=40, lines=600, bad=0.05, late=0.1, seed=4)
LINES = b"".join(workload.Generator(TOLD).batch()).splitlines()[1:]
CUT = CutLine(b"{", 1 << 30, bytes(32), newline=True)


def pieces(sizes: list[int]) -> Iterator[Piece]:
    """Cut the lines into pieces; of one of no size comes a line that was too long."""
    rest = iter(LINES)
    for size in sizes:
        lines = b"".join(line + b"\n" for _, line in zip(range(size), rest, strict=False))
        yield Piece(lines if size else CUT)
    yield Piece(b"".join(line + b"\n" for line in rest), last=True)


@settings(max_examples=12)
@given(
    st.lists(st.integers(0, 60), min_size=3, max_size=20),
    st.integers(0, 6),
    st.sampled_from([1_000, 1 << 16]),
)
def test_blocks_are_those_of_one_process_and_encoded_already(
    sizes: list[int], kill: int, batch_bytes: int
) -> None:
    one, shared = BlockParser("batch", 1), BlockParser("batch", 1)
    expected = [one.parse(piece.lines, last=piece.last) for piece in pieces(sizes)]
    encoded = here = 0
    others = children_of(os.getpid())
    portions = Portions(batch_bytes=batch_bytes)
    found = Loaders(2, portions, lambda: None)(shared, pieces(sizes))
    for place, (block, alone) in enumerate(zip(found, expected, strict=True)):
        told = Encoder().encode(alone.records)
        assert Encoder().encode(block.records) == told
        assert Encoder().encode(block.records, block.encoded) == told
        assert (block.events, block.rejected) == (alone.events, alone.rejected)
        encoded += block.encoded is not None
        here += bool(block.events) and block.encoded is None
        if place == kill:
            for worker in [each for each in children_of(os.getpid()) if each not in others][:1]:
                os.kill(worker, signal.SIGKILL)
    assert (shared.line_number, shared.next_number) == (one.line_number, one.next_number)
    if batch_bytes == 1 << 16:
        # The first ones are parsed here, and those that a worker had who was killed.
        first = next(place for place, block in enumerate(expected) if block.events)
        assert here <= 4 + first, (here, encoded)


def with_a_key_of_its_own(place: int, line: bytes) -> bytes:
    return line.removesuffix(b"}") + b', "note": "%d"}' % place


@pytest.mark.parametrize("kept", [False, True])
def test_nearly_all_of_a_log_that_is_read_is_parsed_by_workers(
    tmp_path: Path, *, kept: bool
) -> None:
    path = tmp_path / "batch.json"
    lines = LINES * 120
    if kept:
        lines = [with_a_key_of_its_own(place, line) for place, line in enumerate(lines)]
    path.write_bytes(b"\n".join([*lines, b""]))
    with Log(path, "batch", BlockParser) as log:
        here = [
            block.encoded is None for block in log.blocks(1, Loaders(2, log.portions, lambda: None))
        ]
    assert len(here) > 6
    # Of the first one the zone was not known yet.
    assert sum(here) == 1


@pytest.mark.parametrize(("size", "pay"), [(1 << 20, False), (1 << 26, True)])
def test_a_large_log_has_loaders_unless_they_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, *, pay: bool
) -> None:
    for cores in (1, 2, 64):
        monkeypatch.setattr("os.sched_getaffinity", lambda _, cores=cores: range(cores))
        path = tmp_path / "batch.json"
        with path.open("wb") as file:
            file.truncate(size)
        with Log(path, "batch", BlockParser) as log:
            assert paying_loaders(log) == (min(cores, 2) if pay else 1)


def test_memory_in_common_is_given_back_though_nobody_looks_for_circles() -> None:
    def shared() -> int:
        return Path("/proc/self/maps").read_text().count("/dev/zero")

    with collector_paused():
        before = shared()
        loaders = Loaders(2, Portions(), lambda: None)
        most = max(shared() for _ in loaders(BlockParser("batch", 1), pieces([40] * 10)))
        assert (most, shared()) == (before + 1, before)


def test_of_very_many_loaders_there_are_some() -> None:
    before = children_of(os.getpid())
    found = Loaders(4_096, Portions(batch_bytes=1 << 16), lambda: None)(
        BlockParser("batch", 1), pieces([40] * 10)
    )
    most = max(len(children_of(os.getpid())) - len(before) for _ in found)
    assert 2 < most <= 16


def test_without_memory_in_common_one_process_parses_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(_: int, size: int) -> mmap:
        if size > 1:
            raise OSError(errno.ENOMEM, "Cannot allocate memory")
        return mmap(-1, size)

    monkeypatch.setattr("replay.engine.loaders.mmap", refusing)
    before = children_of(os.getpid())
    alone = BlockParser("batch", 1)
    loaders = Loaders(2, Portions(), lambda: None)
    found, started = [], set[int]()
    for block in loaders(BlockParser("batch", 1), pieces([40] * 10)):
        found.append(block)
        started |= {*children_of(os.getpid())} - {*before}
    assert [block.events for block in found] == [
        alone.parse(piece.lines, last=piece.last).events for piece in pieces([40] * 10)
    ]
    assert not started


def test_a_run_is_stopped_while_a_long_line_is_read_over(tmp_path: Path) -> None:
    others = children_of(os.getpid())
    path = tmp_path / "batch.json"
    before = b"\n".join(LINES) + b"\n"
    path.write_bytes(before + b"x" * (4 << 20) + b"\n")
    portions = Portions(batch_bytes=len(before) // 2, line_bytes=1_000)
    with Log(path, "batch", BlockParser, portions=portions) as log:

        def check() -> None:
            if len(before) + (1 << 20) < log.bytes_read < log.bytes_total - (1 << 20):
                raise StopAskedError("interrupted")

        with pytest.raises(StopAskedError, match=r"^interrupted$"):
            list(log.blocks(1, Loaders(2, portions, check)))
    assert {*children_of(os.getpid())} <= {*others}


def test_events_of_a_detectors_own_are_loaded_by_one_process_unless_more_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("replay.judging.drive.paying_loaders", lambda _: 2)
    both = tmp_path / "batch.json", tmp_path / "stream.json"
    for path in both:
        path.write_text('{"D":"2", "T":"50"}\n' if path is both[0] else "")

    def has_loaders(logs: TwoLogs[Any], workers: int | None) -> bool:
        summary = Summary(tmp_path / "o", tmp_path / "s")
        drive = JudgingDrive(logs, summary, logs.detector, RunListener(), bool, workers=workers)
        return drive.ahead(logs.batch) is not None

    with replay.Logs(*both) as ours:
        assert [has_loaders(ours, count) for count in (None, 1, 2)] == [True, False, True]
    both[0].write_text("")
    with Rings.logs(*both) as own:
        assert [has_loaders(own, count) for count in (None, 1, 2)] == [False, False, True]
