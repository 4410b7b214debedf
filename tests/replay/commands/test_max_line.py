"""How long a line may be is said on the command line, and a store knows it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from events.store.store import EventStore
from replay.cli import main

if TYPE_CHECKING:
    from pathlib import Path

BATCH = b'{"D":"1", "T":"2"}\n'
EVENT = '{"event_type":"befriend", "timestamp":"2017-06-13 11:33:01", "id1": "1", "id2": "2"%s}'
LONG = 17 << 20


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    padded = EVENT % (', "x": "' + "y" * LONG + '"')
    (tmp_path / "batch.json").write_bytes(BATCH)
    (tmp_path / "stream.json").write_text(f"{EVENT % ''}\n{padded}\n")
    return tmp_path


def rejected(store: str) -> list[tuple[int, str]]:
    return [(each.number, each.detail) for each in EventStore(store).rejected()]


@pytest.mark.parametrize(
    ("words", "numbers", "most"),
    [
        ([], [2], None),
        (["--max-line", "20M"], [], 20 << 20),
        (["--max-line=80"], [1, 2], 80),
        (["--config", "settings.toml"], [], 18_000_000),
    ],
)
def test_run_takes_lines_up_to_what_was_said_and_a_branch_too(
    folder: Path, words: list[str], numbers: list[int], most: int | None
) -> None:
    (folder / "settings.toml").write_text("[tool.replay]\nmax-line = 18_000_000\n")
    run = ["batch.json", "stream.json", "flagged.json", "-q"]
    assert main([*run, *words]) == 0
    header = EventStore("flagged.json.events").header
    assert (header.line_bytes, [number for number, _ in rejected("flagged.json.events")]) == (
        most,
        numbers,
    )
    assert main(["verify", "flagged.json.events"]) == main(["check", "flagged.json.events"]) == 0
    assert main(["rerun", "flagged.json.events", "branch.json"]) == 0
    assert EventStore("branch.json.events").events == 2 - len(numbers)
    assert main([*run, *words]) == 0
    assert EventStore("flagged.json.events").header == header
    assert len(list(folder.glob("flagged.json.events*"))) == 1
    # Another limit is another history.
    assert main([*run, "--max-line", "18M"]) == 0
    assert len(list(folder.glob("flagged.json.events*"))) == 2


def test_intervals_reject_rows_that_are_longer(folder: Path) -> None:
    rows = [{"time": "2020-01-01", "adid": "A" * size} for size in (10, 100)]
    (folder / "seen.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    words = ["intervals", "seen.jsonl", "out.json", "--threshold", "1m", "--max-line", "100"]
    assert main(words) == 0
    (bad,) = rejected("out.json.events")
    assert bad == (2, "expected a line of at most 100 bytes, found 134")
    assert EventStore("out.json.events").header.line_bytes == 100
    assert main(["rerun", "out.json.events", "branch.json"]) == 0
    assert EventStore("branch.json.events").header.line_bytes == 100


@pytest.mark.parametrize("text", ["0", "61M", "1G", "M", "-1", "1.5M"])
def test_what_is_no_length_of_a_line_is_refused(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["batch.json", "stream.json", "flagged.json", f"--max-line={text}"])
    assert f"--max-line: expected 1 to 60M bytes, such as 64K, found '{text}'" in (
        capsys.readouterr().err
    )
