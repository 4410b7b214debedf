"""What the README shows is what happens."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import replay.testing
from replay import cli
from replay.debugger import commands as debugger
from tests.test_cli import Shell

ROOT = Path(replay.__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def without_times(text: str) -> str:
    return re.sub(r"\d+\.\d+ s\b", "0.00 s", text)


@pytest.mark.parametrize("block", blocks("console"))
def test_transcript_is_what_the_commands_print(block: str) -> None:
    for transcript in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, expected = transcript.partition("\n")
        finished = subprocess.run(
            ["sh", "-c", command],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert finished.returncode == 0
        # On first use, a line about setting up comes before.
        printed = re.sub(r"\Asetup: .*\n", "", finished.stdout)
        assert without_times(printed) == without_times(expected)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the sample's logs, and a run on them."""
    for name in ("batch", "stream"):
        shutil.copy(ROOT / "scripts" / "sample" / f"{name}_log.json", tmp_path / f"{name}.json")
    with replay.Logs(tmp_path / "batch.json", tmp_path / "stream.json") as logs:
        replay.run(logs, tmp_path / "flagged.json")
    return tmp_path


def run_block(block: str, folder: Path) -> list[str]:
    finished = subprocess.run(
        [sys.executable, "-c", block],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.splitlines()


def test_reader_with_msgpack_alone_prints_every_record(folder: Path) -> None:
    reader, *_ = blocks("python")
    store = replay.EventStore(folder / "flagged.json.events")
    printed = run_block(reader, folder)
    assert len(printed) == len(list(store.records()))
    assert sum(line.startswith("['decision'") for line in printed) == len(list(store.decisions()))


def test_python_example_runs_and_prints_the_flags(folder: Path) -> None:
    _, example, *_ = blocks("python")
    flagged = (folder / "flagged.json").read_bytes()
    first, *others = run_block(example, folder)
    assert first.split()[0] == str(flagged.count(b"\n"))
    assert (folder / "flagged.json").read_bytes() == flagged
    assert sum(line.startswith("Purchase(") for line in others) == flagged.count(b"\n")


def run_pytest(test: str, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "test_detector.py").write_text(test, encoding="utf-8")
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "replay.testing.plugin",
            "--hypothesis-seed=1",
            "test_detector.py",
        ],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def test_property_test_of_a_detector_has_under_20_lines_and_passes(tmp_path: Path) -> None:
    _, _, example, live = blocks("python")
    assert sum(bool(line) for line in example.splitlines()) < 20
    few = "TestDetectorRun.settings = settings(max_examples=10, deadline=None)"
    finished = run_pytest(f"{example}\n\n{live}\n\n{few}", tmp_path)
    assert finished.returncode == 0, finished.stdout
    assert "2 passed" in finished.stdout


def test_property_test_of_a_wrong_detector_leaves_the_lines_that_are_shown(tmp_path: Path) -> None:
    _, _, example, _ = blocks("python")
    (text,) = blocks("text")
    shown = text.splitlines()
    finished = run_pytest(
        example.replace("amount > 3 * each.amount", "amount >= 3 * each.amount"), tmp_path
    )
    assert finished.returncode == 1
    printed = finished.stdout[finished.stdout.index(shown[0]) :].splitlines()
    # Which of two users is which, and what comes first, is for Hypothesis to say.
    lines = [sorted(re.sub(r"\d+", "0", line) for line in each[2:6]) for each in (printed, shown)]
    assert lines[0] == lines[1]
    assert printed[1] == shown[1]
    assert printed[6:9] == shown[6:9]


def test_every_name_of_the_test_kit_is_documented() -> None:
    names = replay.testing.__all__
    assert [name for name in names if not re.search(rf"`{name}\b", README)] == []


def test_every_option_is_documented(tmp_path: Path) -> None:
    shown = Shell(tmp_path)("--help").out
    options = set(re.findall(r"(?<![\w-])--?[A-Za-z]+", shown)) - {"-h", "-m"}
    assert [option for option in sorted(options) if f"`{option}" not in README] == []


def test_every_command_is_documented() -> None:
    names = [name for name in cli.COMMANDS if name != "run"]
    names += [command.name for command in debugger.COMMANDS]
    assert [name for name in names if not re.search(rf"`{name}\b", README)] == []


def test_every_file_and_folder_that_is_named_exists() -> None:
    links = re.findall(r"\]\((?!http)([^)]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_first_screen_has_one_sentence_two_commands_and_a_transcript() -> None:
    screen = "\n".join(README.splitlines()[:40])
    assert re.match(r"# .+\n\n[^.]+\.\n\n```console\n\$ sh scripts/run\.sh\n", screen)
    assert "sh scripts/test.sh" in screen
