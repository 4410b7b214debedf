"""A shell completes commands, options, choices and files, by the parsers themselves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import replay
from replay.cli import COMMANDS, main, parsers
from replay.completion import SHELLS, completion

ROOT = Path(replay.__file__).parents[1]


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("shtab")
    path = tmp_path_factory.mktemp("completion") / "script"
    path.write_text(completion(parsers(), "bash"))
    return path


def completed(script: Path, folder: Path, line: str) -> set[str]:
    """Return what bash makes of ``line`` when its last word is to be completed."""
    *before, last = line.split(" ")
    words = [*before, last]
    reader = (
        f'source "{script}"; COMP_WORDS=({" ".join(map(repr, words))}); '
        f"COMP_CWORD={len(words) - 1}; _shtab_replay; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    shell = shutil.which("bash")
    if shell is None:
        pytest.skip("there is no bash")
    finished = subprocess.run(
        [shell, "--norc", "-c", reader], cwd=folder, capture_output=True, text=True, check=False
    )
    return set(finished.stdout.split())


def test_bash_completes_commands(script: Path, tmp_path: Path) -> None:
    assert completed(script, tmp_path, "replay ") == set(COMMANDS)
    assert completed(script, tmp_path, "replay ver") == {"verify"}


@pytest.mark.parametrize("command", COMMANDS)
def test_bash_completes_all_options_of_a_command(
    script: Path, tmp_path: Path, command: str
) -> None:
    options = set(parsers()[command].actions)
    assert completed(script, tmp_path, f"replay {command} -") == options


def test_bash_completes_files_and_folders_and_choices(script: Path, tmp_path: Path) -> None:
    (tmp_path / "history.events").touch()
    (tmp_path / "hall").mkdir()
    both = {"history.events", "hall"}
    assert completed(script, tmp_path, "replay verify h") == both
    assert completed(script, tmp_path, "replay rerun history.events h") == both
    assert completed(script, tmp_path, "replay run --store h") == both
    assert completed(script, tmp_path, "replay verify --config h") == both
    assert completed(script, tmp_path, "replay shrink history.events 7 --output h") == {"hall"}
    assert completed(script, tmp_path, "replay intervals --format ") == {
        "csv",
        "jsonl",
        "parquet",
    }
    # Without the word run there are logs, which bash completes where nothing else fits.
    assert completed(script, tmp_path, "replay h") == set()
    assert completed(script, tmp_path, "replay history.events h") == set()
    assert script.read_text().endswith("-o default -F _shtab_replay replay")
    assert "--follow" in completed(script, tmp_path, "replay --")


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_has_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("shtab")
    with pytest.raises(SystemExit, match="0"):
        main(["--completion", shell])
    out, err = capsys.readouterr()
    assert err == ""
    assert all(command in out for command in COMMANDS)


def test_without_shtab_one_line_says_how_to_get_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["--completion", "bash"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "replay: expected shtab, which makes completions, found none; install it with "
        "python -m pip install shtab\n"
    )


def test_nothing_else_imports_shtab() -> None:
    code = "import sys, replay.cli; sys.exit('shtab' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert (
        subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
    )
