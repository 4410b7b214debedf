"""The campaigns bite: a program with a fault fails them, and this one does not."""

from __future__ import annotations

import re
import tempfile
from typing import TYPE_CHECKING, Any

import campaign
import pytest
from campaigns import program
from campaigns.cases import small_frames, spread

import replay.purchases.history
from events.errors import DamagedStoreError
from events.logs.file import Log
from events.purchases.own_lines import OwnLines
from events.records.record import StateDigest
from events.store.frames import Frame, decode_frame
from events.store.reading import Reader
from events.store.store import EventStore
from events.store.writer import StoreWriter
from replay.cli import main
from replay.judging.drive import Outputs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from events.records.record import Record
    from events.store.frames import Fault

Patch = pytest.MonkeyPatch


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: Patch) -> Path:
    """Let campaigns keep their cases where tests are tidied up."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def nothing(*_: object) -> None:
    """Do nothing, in place of something that should be done."""


def no_sync(patch: Patch) -> None:
    patch.setattr(StoreWriter, "sync", nothing)


def lines_before_decisions(patch: Patch) -> None:
    """Write flagged lines to their file before their decisions are in the store."""
    waiting: list[replay.Decision] = []
    record, write = Outputs.record, Outputs.write

    def record_later(_: Outputs, decisions: Sequence[replay.Decision]) -> None:
        waiting.extend(decisions)

    def write_first(outputs: Outputs, lines: Sequence[bytes]) -> None:
        write(outputs, lines)
        record(outputs, waiting[:])
        waiting.clear()

    patch.setattr(Outputs, "record", record_later)
    patch.setattr(Outputs, "write", write_first)


def no_skipping(patch: Patch) -> None:
    patch.setattr(Log, "go_on", nothing)


def no_recovery(patch: Patch) -> None:
    patch.setattr(replay.purchases.history.PurchasesResumed, "recover", nothing)


def failures_unseen(patch: Patch) -> None:
    """Let a store that cannot be written go on as if nothing had been."""

    def do(_: StoreWriter, operation: Callable[[], None]) -> None:
        try:
            operation()
        except OSError:
            return

    patch.setattr(StoreWriter, "_do", do)


def end_unrecorded(patch: Patch) -> None:
    """Let a run fail before anything happens to it."""
    patch.setattr(Log, "end", nothing)


def bodies_unchecked(patch: Patch) -> None:
    patch.setattr("events.store.frames.zlib.crc32", lambda _: 0)


def order_unchecked(patch: Patch) -> None:
    def decode(data: memoryview, offset: int, _: Frame | None) -> tuple[Frame, int] | Fault:
        return decode_frame(data, offset, None)

    patch.setattr("events.store.scan.decode_frame", decode)


def unvalidated(patch: Patch) -> None:
    """Let what records say of one another be what it is."""

    def next_records(reader: Reader, body: memoryview, offset: int, events: int) -> list[Record]:
        reader.validator.events += events
        return reader.records(body, offset, reader.validator.events - events, events)

    patch.setattr(Reader, "next_records", next_records)


def texts_unread(patch: Patch) -> None:
    """Let texts that are no UTF-8 be a surprise."""
    decode = Reader.records

    def records(reader: Reader, *frame: Any) -> list[Record]:
        try:
            return decode(reader, *frame)
        except DamagedStoreError as error:
            if "codec can't decode" in str(error):
                raise ValueError from None
            raise

    patch.setattr(Reader, "records", records)


def depth_unbounded(patch: Patch) -> None:
    """Let what nests too deep in a header be a surprise."""

    def decode(function: Callable[[bytes], object], data: bytes) -> object:
        try:
            return function(data)
        except RecursionError as error:
            raise AttributeError from error

    patch.setattr("events.store.header.decoded", decode)
    patch.setattr("events.store.reading.decoded", decode)


def lines_of_others(patch: Patch) -> None:
    patch.setattr(OwnLines, "check", nothing)
    patch.setattr(OwnLines, "check_columns", nothing)


def in_process(code: str) -> Callable[[Patch], None]:
    """Return a fault that ``code`` makes in the processes that a campaign starts."""
    words = ["-c", f"{code}\nfrom replay.__main__ import entry\nentry()"]
    return lambda patch: patch.setattr(program, "python_words", words)


STARTING_OVER = in_process(
    "import importlib\n"
    "from events.store.writer import set_aside\n"
    "def kept(path, header, disk, **how): return None, set_aside(path, disk)\n"
    "importlib.import_module('replay.engine.opening').kept_history = kept"
)
RAISING = in_process(
    "from events.purchases import blocks\n"
    "def parse(line, *_): return float(line)\n"
    "blocks.read_zoned = parse"
)
LOSING = in_process(
    "from events.purchases.blocks import BlockParser\n"
    "kept = BlockParser._line\n"
    "def line(self, line, row): return None if line[:1] == b'[' else kept(self, line, row)\n"
    "BlockParser._line = line"
)


@pytest.mark.parametrize("fault", [STARTING_OVER, RAISING, LOSING])
def test_program_with_a_fault_of_its_own_starts(
    fault: Callable[[Patch], None], monkeypatch: Patch, tmp_path: Path
) -> None:
    fault(monkeypatch)
    assert program.finished(["--version"], tmp_path / "said").startswith("replay ")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "cases", "fault"),
    # Those of a fault that few cases meet begin shortly before one that does.
    [
        ("power", range(1, 41), no_sync),
        ("power", range(1, 41), no_recovery),
        ("power", range(1, 41), lines_before_decisions),
        ("die", range(1, 4), no_skipping),
        ("die", range(1, 9), lines_before_decisions),
        ("die", range(1, 9), no_recovery),
        ("io", range(1, 11), failures_unseen),
        ("io", range(1, 11), no_skipping),
        ("flips", range(1, 2), bodies_unchecked),
        ("flips", range(1, 2), end_unrecorded),
        ("flips", range(1, 2), order_unchecked),
        ("kill", range(1, 2), STARTING_OVER),
        ("hostile", range(29, 32), unvalidated),
        ("hostile", range(136, 139), texts_unread),
        ("hostile", range(196, 199), depth_unbounded),
        ("hostile", range(117, 120), lines_of_others),
        ("fuzz", range(1, 2), RAISING),
        ("fuzz", range(1, 2), LOSING),
    ],
)
def test_fault_is_found_and_the_same_case_finds_it_again(
    name: str,
    cases: range,
    fault: Callable[[Patch], None],
    monkeypatch: Patch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fault(monkeypatch)
    assert campaign.main([name, "--seed", str(cases[0]), "--count", str(len(cases))]) == 1
    said = capsys.readouterr().out
    commands = re.findall(r"^  python scripts/campaign\.py (.*)$", said, re.MULTILINE)
    kept = re.findall(r"^left in (.*); the same again:$", said, re.MULTILINE)
    assert len(commands) == len(kept) > 0
    assert campaign.main(commands[0].split()) == 1
    assert f"\n{name} {commands[0].split()[2]}: " in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("first", [29, 117, 136, 196])
def test_hostile_cases_in_which_faults_are_found_have_none_of_their_own(first: int) -> None:
    assert campaign.main(["hostile", "--seed", str(first), "--count", "3"]) == 0


@pytest.mark.slow
def test_without_a_fault_nothing_is_found_and_nothing_left(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert campaign.main(["die", "io", "power", "--count", "2"]) == 0
    rows = [line.split()[:4] for line in capsys.readouterr().out.splitlines()[1:]]
    assert rows == [
        ["campaign", "cases", "seed", "failures"],
        *(["die", "2", "1", "0"], ["io", "2", "1", "0"], ["power", "2", "1", "0"]),
    ]
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("words", [["none"], ["--count", "0"], ["--seed", "x"], ["--size", "huge"]])
def test_wrong_use_is_answered_with_what_is_expected(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        campaign.main(words)
    assert "usage: campaign.py" in capsys.readouterr().err


@pytest.mark.parametrize("total", [1, 2, 7, 12, 100, 117])
def test_consecutive_cases_visit_all_there_are(total: int) -> None:
    assert {spread(number, total) for number in range(5, 5 + total)} == set(range(total))


def test_histories_that_commands_make_have_small_frames_too(folder: Path) -> None:
    rows = [f"2020-01-01 00:00:{second:02},{second % 3}" for second in range(60)]
    (folder / "seen.csv").write_text("\n".join(["time,adid", *rows]))
    found, branch = str(folder / "found.json"), str(folder / "branch.json")
    with small_frames():
        words = ["intervals", str(folder / "seen.csv"), found, "--threshold", "5s", "-q"]
        assert main(words) == main(["rerun", f"{found}.events", branch]) == 0
    for output in (found, branch):
        digests = [
            each
            for each in EventStore(f"{output}.events").records()
            if isinstance(each, StateDigest)
        ]
        assert len(digests) >= 4
