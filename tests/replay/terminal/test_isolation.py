"""The program runs beside files that are called like modules, and says where it cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import replay
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE, SPEC_FLAGGED

ROOT = Path(replay.__file__).parents[1]
COMMAND = ("-m", "replay")


def python(*words: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def modules_of_python_itself() -> set[str]:
    """Return what Python has loaded by the time that it looks for the module of a ``-m``."""
    said = python("-c", "import runpy, sys; print(*sys.modules)", cwd=ROOT).stdout
    return {name.partition(".")[0] for name in said.split()}


@pytest.fixture(name="folder")
def folder_of_files_that_are_called_like_modules(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    others = {"actors", "events", "msgpack", "msgspec", "pykka", "rich", "scripts", "sitecustomize"}
    for name in (sys.stdlib_module_names | others) - modules_of_python_itself():
        (folder / f"{name}.py").write_text(f"raise SystemExit('{name} was run')\n")
    for name in ("actors", "rich", "msgspec"):
        (folder / f"{name}.py").rename(folder / "moved")
        (folder / name).mkdir()
        (folder / "moved").rename(folder / name / "__init__.py")
    SPEC_EXAMPLE.write(folder)
    return folder


LOGS = ("batch.json", "stream.json", "flagged.json")
STORE = "flagged.json.events"


@pytest.mark.slow
def test_every_command_starts_beside_files_that_are_called_like_modules(folder: Path) -> None:
    for words, printed in [
        (LOGS, ""),
        (("explore", STORE, "--orders", "2", "--jobs", "2"), "no difference"),
        (("step", STORE, "-c", "last; window 2"), "mean = "),
        (("log", STORE, "--json"), '"flagged": true'),
        (("sweep", STORE, "-D", "1", "-T", "2", "--svg", "map.svg"), ""),
    ]:
        done = python(*COMMAND, *words, cwd=folder)
        assert done.returncode == 0, done.stderr
        assert printed in done.stdout
    assert (folder / "flagged.json").read_bytes() == SPEC_FLAGGED


@pytest.mark.slow
def test_explorers_of_the_installed_command_start_there_as_well(
    folder: Path, tmp_path: Path
) -> None:
    # What pip makes of an entry point lies elsewhere.
    script = tmp_path / "replay"
    script.write_text(
        "if __name__ == '__main__':\n    import replay.__main__ as m\n    m.entry()\n"
    )
    for words in (LOGS, ("explore", STORE, "--orders", "2", "--jobs", "2")):
        done = python(script, *words, cwd=folder)
        assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr


@pytest.mark.parametrize("words", [("-mreplay",), ("-Bm", "replay"), ("-m", "replay.__main__")])
def test_current_folder_is_left_however_the_module_is_named(
    folder: Path, words: tuple[str, ...]
) -> None:
    done = python(*words, *LOGS, cwd=folder)
    assert done.returncode == 0, done.stderr


def test_program_starts_in_its_own_folder_and_in_one_that_is_gone(tmp_path: Path) -> None:
    done = python(*COMMAND, "--version", cwd=ROOT, PYTHONPATH="")
    assert done.stdout == f"replay {replay.__version__}\n"
    gone = tmp_path / "gone"
    gone.mkdir()
    leave = f"cd {gone} && rmdir {gone} && exec {sys.executable} -m replay --version"
    said = subprocess.run(
        ["sh", "-c", leave],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == f"replay {replay.__version__}\n"


@pytest.mark.slow
def test_programs_of_others_keep_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "rule.py").write_text("NAME = 'mine'\n")
    (tmp_path / "mine.py").write_text("import replay, rule\nprint(rule.NAME)\n")
    for words in (("-m", "mine"), ("-c", "import replay, mine"), ("mine.py",)):
        assert python(*words, cwd=tmp_path).stdout == "mine\n"


def test_module_in_the_place_of_a_package_of_ours_is_named(tmp_path: Path) -> None:
    (tmp_path / "events.py").touch()
    said = python("-c", "import replay", cwd=tmp_path).stderr
    assert said.endswith(
        f"ImportError: replay: expected its package events in {ROOT}, found {tmp_path}/events.py; "
        "rename that, or start Python where it is not found, or with -P\n"
    )
