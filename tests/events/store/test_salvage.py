"""Damage is told to the byte, and all that is whole is saved."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import replay
from events.logs.file import Portions
from events.purchases.columns import Columns
from events.purchases.event import line_of
from events.records.record import Gap
from events.store.salvage import Salvage
from replay.cli import main
from replay.purchases.history import History
from replay.testing import model
from replay.testing.strategies import histories
from tests.events.store.test_store import pieces
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE, run_in_process

if TYPE_CHECKING:
    import random
    from pathlib import Path

    from events.records.record import Record
    from replay.testing.logged import LoggedHistory

STORE = "flagged.json.events"
in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


SMALL = Portions(300, 300, digest_events=4)
"""So histories of a few lines have several frames, with digests between them."""


def begin(folder: Path, given_logs: LoggedHistory) -> bytes:
    """Have a store in ``folder``, and nothing else of before; return its content."""
    for leftover in folder.iterdir():
        leftover.unlink()
    run_in_process(given_logs, folder, SMALL)
    return (folder / STORE).read_bytes()


def lines_of(records: list[Record]) -> list[bytes]:
    found = [record for record in records if isinstance(record, Columns)]
    return [line_of(event) for columns in found for event in columns.events()]


def plain(records: list[Record]) -> list[Any]:
    """Return ``records`` so that they can be compared."""
    return [each.events() if isinstance(each, Columns) else each for each in records]


@pytest.mark.slow
@in_one_folder
@given(histories(), st.randoms(use_true_random=False))
def test_frames_around_a_damaged_one_are_saved_and_the_loss_is_told(
    tmp_path: Path, given_logs: LoggedHistory, draw: random.Random
) -> None:
    content = begin(tmp_path, given_logs)
    parts = pieces(content)
    assume(len(parts) > 3)
    hurt = draw.randrange(1, len(parts) - 1)
    at = sum(map(len, parts[:hurt])) + draw.randrange(len(parts[hurt]))
    whole = list(replay.EventStore(tmp_path / STORE).frames())
    damaged = bytearray(content)
    damaged[at] ^= 1 << draw.randrange(8)
    (tmp_path / STORE).write_bytes(bytes(damaged))
    kept = [frame.records for index, frame in enumerate(whole, 1) if index != hurt]
    salvage = Salvage(tmp_path / STORE)
    assert [plain(part.records) for part in salvage.parts] == [plain(each) for each in kept]
    (damage,) = salvage.damages
    start = sum(map(len, parts[:hurt]))
    assert (damage.offset, damage.end) == (start, start + len(parts[hurt]))
    assert damage.events_lost == len(lines_of(whole[hurt - 1].records))
    with pytest.raises(replay.DamagedStoreError, match=f"bytes {start} to {damage.end}"):
        replay.EventStore(tmp_path / STORE)
    assert main(["check", str(tmp_path / STORE)]) == 1
    assert main(["repair", str(tmp_path / STORE), "--output", str(tmp_path / "saved")]) == 0
    assert (tmp_path / STORE).read_bytes() == bytes(damaged)
    saved = replay.EventStore(tmp_path / "saved")
    history = History(saved)
    assert [line_of(event) for event in history.events] == [
        line for records in kept for line in lines_of(records)
    ]
    assert [event.number for event in history.events] == list(range(1, len(history) + 1))
    assert saved.header.incomplete
    gaps = [record for record in saved.records() if isinstance(record, Gap)]
    assert gaps == [Gap(damage.events_lost, len(parts[hurt]))]
    for number, decision in history.recorded.items():
        assert isinstance(history.event(number), replay.Purchase)
        assert decision.number == number
    for command in (["log"], ["verify"], ["export"]):
        assert main([*command, str(tmp_path / "saved")]) in (0, 1)


@pytest.mark.slow
@in_one_folder
@given(histories())
def test_flagged_file_is_rebuilt_from_the_store_alone(
    tmp_path: Path, given_logs: LoggedHistory
) -> None:
    begin(tmp_path, given_logs)
    assert main(["rebuild", str(tmp_path / STORE), str(tmp_path / "again")]) == 0
    assert (tmp_path / "again").read_bytes() == model.flagged_purchases(*given_logs)


@pytest.mark.parametrize("earlier", [b"earlier\n", b"earlier"])
@pytest.mark.parametrize("left", [b"", b"e", b"earlier", b"earlier\nnonsense", None])
def test_rebuilt_file_is_what_a_run_goes_on_from(
    tmp_path: Path, earlier: bytes, left: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    flagged = tmp_path / "flagged.json"
    flagged.write_bytes(earlier)
    run_in_process(SPEC_EXAMPLE, tmp_path, SMALL)
    expected = flagged.read_bytes()
    if left is None:
        flagged.unlink()
    else:
        flagged.write_bytes(left)
    words = [str(tmp_path / name) for name in ("batch.json", "stream.json", "flagged.json")]
    assert main(words) == 1
    cure = ["rebuild", str(tmp_path / STORE), str(flagged)]
    assert capsys.readouterr().err.endswith(
        f"it was changed since it was written, and python -m replay {' '.join(cure)} writes it "
        "again\n"
    )
    assert main(cure) == 0
    aside = tmp_path / "flagged.json.~1~"
    assert (aside.read_bytes() if aside.exists() else None) == left
    restored = left is not None and len(left) >= len(b"earlier")
    assert flagged.read_bytes() == (expected if restored else expected.partition(b"\n")[2])
    assert main(words) == 0
    assert main(words) == 0


def test_check_tells_what_is_whole_and_what_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = begin(tmp_path, SPEC_EXAMPLE)
    first, second, *others = pieces(content)
    (tmp_path / STORE).write_bytes(first + second[:-1] + b"?" + b"".join(others)[:-1])
    assert main(["check", str(tmp_path / STORE), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    start, end = len(first), len(first) + len(second)
    size = len(content) - 1
    assert told["intact"] == start
    assert told["damaged"] == [
        {"from": start, "to": end, "fault": "body", "torn": False, "lost": [1, 3]},
        {
            "from": size + 1 - len(others[-1]),
            "to": size,
            "fault": "cut",
            "torn": True,
            "lost": None,
        },
    ]
    assert (told["frames"], told["events"]) == (len(others) - 1, 4)
    assert main(["check", str(tmp_path / STORE)]) == 1
    assert f"bytes {start} to {end} are damaged: the frame's body fails its checksum; " in (
        capsys.readouterr().out
    )


def test_whole_store_is_checked_and_copied(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = begin(tmp_path, SPEC_EXAMPLE)
    assert main(["check", str(tmp_path / STORE)]) == 0
    assert capsys.readouterr().out.endswith(
        f"whole up to byte {len(content)}\nnothing is damaged\n"
    )
    assert main(["repair", str(tmp_path / STORE), "--output", str(tmp_path / "copy")]) == 0
    assert (tmp_path / "copy").read_bytes() == content
    assert main(["repair", str(tmp_path / STORE), "--output", str(tmp_path / "copy")]) == 1
    assert "expected a new file for the saved store, found one there" in capsys.readouterr().err
