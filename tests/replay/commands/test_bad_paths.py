"""Names of files that are no good get their right reason, in one line, from every command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import replay
from events.errors import InputError, StoreError
from replay.cli import main
from tests.interval_runs import as_csv
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE, run_in_process

ROOT = Path(replay.__file__).parents[1]
STORE = "flagged.json.events"
SEARCH = ("--threshold", "5s")

INPUTS = {
    "batch": ("{}", "stream.json", "new.json"),
    "stream": ("batch.json", "{}", "new.json"),
    "followed": ("batch.json", "{}", "new.json", "--follow"),
    "observations": ("intervals", "{}", "new.csv", *SEARCH, "--format", "csv"),
    **{name: (name, "{}") for name in ("verify", "log", "check", "explore", "export")},
    "diff": ("diff", STORE, "{}"),
    "rebuild from": ("rebuild", "{}", "new.json"),
    "repair from": ("repair", "{}", "--output", "new.json"),
    "step": ("step", "{}", "-c", "where"),
    "trace": ("trace", "{}", "1"),
    "why": ("why", "{}", "1"),
    "load": ("step", STORE, "-c", "load '{}'"),
}
OUTPUTS = {
    "flagged": ("batch.json", "stream.json", "{}"),
    "store": ("batch.json", "stream.json", "new.json", "--store", "{}"),
    "export": ("export", STORE, "--batch", "{}"),
    "intervals": ("intervals", "observations.csv", "{}", *SEARCH),
    "picture": ("intervals", "observations.csv", "new.csv", *SEARCH, "--svg", "{}"),
    "repair": ("repair", STORE, "--output", "{}"),
    "rebuild": ("rebuild", STORE, "{}"),
    "rerun": ("rerun", STORE, "{}", "-T", "3"),
    "save": ("step", STORE, "-c", "save '{}'"),
    "shrink": ("shrink", STORE, "7", "--output", "{}"),
    "sweep": ("sweep", STORE, "-D", "1", "-T", "2", "--svg", "{}"),
}
LONG = "x" * 300
DEEP = "y/" * 3_000 + "z"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    run_in_process(SPEC_EXAMPLE, tmp_path)
    (tmp_path / "observations.csv").write_bytes(as_csv([]))
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def one_line(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line that a command answers with; it must have touched nothing."""
    before = {path.name for path in Path().iterdir()}
    assert main(words) in (1, 2)
    err = capsys.readouterr().err
    assert err.startswith("replay: ")
    assert (err.count("\n"), "Errno" in err) == (1, False), err
    assert {path.name for path in Path().iterdir()} == before
    return err.removesuffix("\n")


@pytest.mark.parametrize("command", [*INPUTS, *OUTPUTS])
@pytest.mark.parametrize("name", [LONG, DEEP, "loop", "loop/x", "batch.json/x", "no/such", ""])
def test_reason_is_the_right_one(
    command: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # That something stands there is enough for a file that has to be new.
    words = tuple(word.format(name) for word in {**INPUTS, **OUTPUTS}[command])
    said = one_line(words, capsys)
    try:
        Path(name or "sub").read_bytes()
    except OSError as error:
        reasons = {f"found: {error.strerror}"}
    if not name:
        reasons = {"found an empty name", "expected the name of a file, found ''"}
    elif name == "batch.json/x" and command in OUTPUTS:
        reasons |= {"found batch.json, which is none"}
    elif name == "no/such" and command in OUTPUTS:
        reasons |= {"found no no; make it first"}
    elif name == "loop" and command in OUTPUTS:
        reasons |= {"found one there; name another file", "name another file or give --overwrite"}
        reasons |= {"found another file; name another one", "found a file"}
    assert any(said.endswith(reason) for reason in reasons), said


def test_name_with_a_nul_or_none_is_refused_in_python() -> None:
    for name, found in (("", "an empty name"), ("a\0b", "a name with a NUL")):
        with pytest.raises(StoreError, match=f"^expected an event store, found {found}$"):
            replay.EventStore(name)
        with pytest.raises(InputError, match=f"^expected a readable batch log, found {found}$"):
            replay.Logs(name, "stream.json")
        with replay.Logs("batch.json", "stream.json") as logs:
            expected = "a file for the (output|event store|flagged file)"
            with pytest.raises(InputError, match=f"^expected {expected}, found {found}$"):
                replay.run(logs, name)
            with pytest.raises(InputError, match=f"^expected {expected}, found {found}$"):
                replay.run(logs, "new.json", store=name)


# Permissions, which root does not need: it gives up what lets it do without.
POWERLESS = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
without_power = pytest.mark.skipif(
    bool(POWERLESS) and shutil.which("setpriv") is None, reason="root needs no permission"
)


def powerless(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*POWERLESS, sys.executable, "-m", "replay", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@without_power
@pytest.mark.parametrize("command", [*INPUTS, *OUTPUTS])
def test_what_may_not_be_looked_at_is_not_called_missing(folder: Path, command: str) -> None:
    (folder / "closed").mkdir()
    (folder / "closed" / "x").write_bytes(b"")
    (folder / "closed").chmod(0)
    words = (word.format("closed/x") for word in {**INPUTS, **OUTPUTS}[command])
    done = powerless(*words)
    (folder / "closed").chmod(0o700)
    assert (done.returncode in (1, 2), done.stderr.count("\n")) == (True, 1), done.stderr
    assert done.stderr.startswith("replay: closed/x: ")
    assert done.stderr.endswith("found: Permission denied\n")


@without_power
@pytest.mark.parametrize("command", ["export", "picture", "repair", "sweep"])
def test_folder_that_may_not_be_written_to_is_found_before_any_work(
    folder: Path, command: str
) -> None:
    (folder / "read").mkdir(mode=0o500)
    # Where root has no power, it is the others who may write the rest.
    before = sorted(folder.iterdir())
    done = powerless(*(word.format("read/x") for word in OUTPUTS[command]))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert done.stderr.endswith("that can be written to, found another\n")
    assert sorted(folder.iterdir()) == before


def test_store_that_is_a_link_to_nothing_is_refused_and_left_as_it_is(folder: Path) -> None:
    (folder / "link").symlink_to("nowhere")
    assert main(["batch.json", "stream.json", "new.json", "--store", "link"]) == 2
    words = ("intervals", "observations.csv", "new.csv", *SEARCH, "--store", "link")
    assert main(words) == 2
    assert (folder / "link").is_symlink()
    names = {path.name for path in folder.iterdir()}
    assert names.isdisjoint({"nowhere", "new.json", "new.csv", "link.~1~"})


@without_power
@pytest.mark.parametrize("command", [*INPUTS, "flagged", "store", "intervals", "rebuild"])
def test_file_that_may_not_be_read_is_not_called_something_else(folder: Path, command: str) -> None:
    (folder / "secret").write_bytes(b"x")
    (folder / "secret").chmod(0)
    words = (word.format("secret") for word in {**INPUTS, **OUTPUTS}[command])
    done = powerless(*words)
    assert (done.returncode in (1, 2), done.stderr.count("\n")) == (True, 1), done.stderr
    assert done.stderr.startswith("replay: secret: ")
    assert done.stderr.endswith("found: Permission denied\n")
