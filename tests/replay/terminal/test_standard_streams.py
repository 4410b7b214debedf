"""Standard streams that are closed, full, narrow or not read cost what was to be said there."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

import replay
from replay.cli import main
from replay.terminal import standard_streams

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PATIENCE_SECONDS: Final = 60
ENVIRONMENT: Final = {
    **{name: value for name, value in os.environ.items() if not name.startswith("LC_")},
    "PYTHONPATH": str(Path(replay.__file__).parents[1]),
    "PYTHONUTF8": "1",
}
PROGRAM: Final = [sys.executable, "-P", "-m", "replay"]
USER: Final = "Zoë東🙂"
BATCH: Final = f"""\
{{"D":"2", "T":"50"}}
{{"event_type":"befriend", "timestamp":"2017-06-13 11:33:01", "id1": "1", "id2": "{USER}"}}
{{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": "1", "amount": "16.83"}}
{{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": "1", "amount": "59.28"}}
a line that is rejected
"""
STREAM: Final = f"""\
{{"event_type":"purchase", "timestamp":"2017-06-13 11:33:02", "id": "{USER}", "amount": "1601.83"}}
"""
OBSERVATIONS: Final = "time,adid\n2020-01-01 00:00:00,a\n2020-01-01 00:00:01,b\n"
STORE: Final = "flagged.json.events"


class Ended(NamedTuple):
    """How a process ended."""

    status: int
    out: bytes
    err: str


def ended(
    folder: Path,
    words: Sequence[str],
    redirected: str = "",
    settings: Mapping[str, str] = MappingProxyType({}),
    given: bytes = b"",
) -> Ended:
    """Run the program, its streams ``redirected`` as a shell does it."""
    script = f"exec {shlex.join([*PROGRAM, *words])} {redirected}"
    process = subprocess.run(
        ["sh", "-c", script],
        check=False,
        cwd=folder,
        env={**ENVIRONMENT, **settings},
        input=given,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
    )
    return Ended(process.returncode, process.stdout, process.stderr.decode(errors="replace"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with logs and observations, and what came of them."""
    folder = tmp_path_factory.mktemp("streams")
    (folder / "batch.json").write_text(BATCH, encoding="utf-8")
    (folder / "stream.json").write_text(STREAM, encoding="utf-8")
    (folder / "o.csv").write_text(OBSERVATIONS)
    logs = [str(folder / name) for name in ("batch.json", "stream.json")]
    assert main([*logs, str(folder / "flagged.json"), "-q"]) == 0
    words = ["--threshold", "10m", "-q"]
    assert main(["intervals", str(folder / "o.csv"), str(folder / "i.csv"), *words]) == 0
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """Return a folder of its own with the same."""
    return shutil.copytree(made, tmp_path / "own")


RUN: Final = ("batch.json", "stream.json", "again.json")
FIND: Final = ("intervals", "o.csv", "again.csv", "--threshold", "10m")
# Whoever uses one of these wants what is printed.
PRINTED: Final = (
    ("--help",),
    ("--version",),
    ("log", "--help"),
    ("log", STORE),
    ("log", STORE, "--json"),
    ("log", "i.csv.events"),
    ("why", STORE, "4"),
    ("why", STORE, "4", "--json"),
    ("trace", STORE, "4"),
    ("trace", STORE, "4", "--mermaid"),
    ("verify", STORE),
    ("check", STORE),
    ("check", STORE, "--json"),
    ("diff", STORE, STORE),
    ("export", STORE),
    ("export", STORE, "--json"),
    ("sweep", STORE, "--csv"),
    ("rerun", STORE, "branch.json"),
    ("explore", STORE, "--orders", "1"),
    ("step", STORE, "-c", "last; why"),
    ("shrink", STORE, "4", "--output", "case", "--json"),
)
# These make a file; what they print is about it.
MAKING: Final = (
    (("export", STORE, "--batch", "new"), "batch.json"),
    (("rebuild", STORE, "new"), "flagged.json"),
    (("rebuild", "i.csv.events", "new"), "i.csv"),
    (("repair", STORE, "--output", "new"), STORE),
    (("export", "i.csv.events", "--observations", "new.csv"), "o.csv"),
)


@pytest.mark.parametrize("redirected", ["2>&-", "2>/dev/full", "2>&- <&- >&-", ">&-", ">/dev/full"])
@pytest.mark.parametrize("words", [RUN, FIND], ids=["run", "intervals"])
def test_outputs_of_a_run_are_right_whatever_the_streams_are(
    folder: Path, words: tuple[str, ...], redirected: str
) -> None:
    found = ended(folder, words, redirected)
    assert (found.status, found.out) == (0, b"")
    made, again = ("flagged.json", "again.json") if words == RUN else ("i.csv", "again.csv")
    assert (folder / again).read_bytes() == (folder / made).read_bytes()
    store = folder / f"{again}.events"
    assert store.read_bytes() == (folder / f"{made}.events").read_bytes()
    if "2>" not in redirected:
        assert f"event store: {again}.events" in found.err


@pytest.mark.parametrize("loud", ["-v", "-vv", "-q"])
def test_loudness_that_nobody_hears_changes_nothing(folder: Path, loud: str) -> None:
    assert ended(folder, [*RUN, loud], "2>/dev/full").status == 0
    assert ended(folder, [*RUN, loud, "--overwrite", "--strict"], "2>&-").status == 1


@pytest.mark.parametrize(
    ("redirected", "reason"), [(">&-", "it closed"), (">/dev/full", "No space left on device")]
)
@pytest.mark.parametrize("words", PRINTED, ids=" ".join)
def test_what_is_asked_for_and_cannot_be_printed_is_an_error(
    folder: Path, words: tuple[str, ...], redirected: str, reason: str
) -> None:
    found = ended(folder, words, redirected)
    answer = f"replay: standard output: expected to print the answer, found: {reason}\n"
    assert found == (1, b"", answer)


@pytest.mark.slow
def test_what_cannot_be_printed_or_said_still_has_a_status(folder: Path) -> None:
    assert ended(folder, ("log", STORE), ">&- 2>&-").status == 1
    assert ended(folder, ("log", "missing"), ">/dev/full 2>/dev/full").status == 2
    assert ended(folder, ("log", "--wrong"), "2>&-").status == 2
    assert ended(folder, ("diff", STORE, STORE), "2>/dev/full").status == 0


@pytest.mark.parametrize("redirected", [">&-", ">/dev/full", "2>&- >&-"])
@pytest.mark.parametrize(("words", "like"), MAKING, ids=[words[0] for words, _ in MAKING])
def test_file_that_is_right_is_a_success_without_a_word_about_it(
    folder: Path, words: tuple[str, ...], like: str, redirected: str
) -> None:
    assert ended(folder, words, redirected) == (0, b"", "")
    made = next(path for path in folder.iterdir() if path.name.startswith("new"))
    assert made.read_bytes() == (folder / like).read_bytes()


@pytest.mark.parametrize("redirected", [">&-", ">/dev/full"])
def test_shrunk_history_is_right_without_a_word_about_it(folder: Path, redirected: str) -> None:
    words = ("shrink", STORE, "4", "--output", "case")
    assert ended(folder, words, redirected) == (0, b"", "")
    assert (folder / "case" / STORE).is_file()


@pytest.mark.parametrize(
    "words",
    [("log", STORE), ("log", STORE, "--json"), ("export", STORE, "--batch", "new"), ("--help",)],
    ids=" ".join,
)
def test_reader_that_has_had_enough_is_no_error(folder: Path, words: tuple[str, ...]) -> None:
    found = ended(folder, words, "| true; exit 0")
    assert found == (0, b"", "")
    # The status of the program itself, with a pipe that nobody reads from the beginning on.
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb", closefd=True) as pipe:
        process = subprocess.run(
            [*PROGRAM, *words],
            check=False,
            cwd=folder,
            env=ENVIRONMENT,
            stdout=pipe,
            stderr=subprocess.PIPE,
            timeout=PATIENCE_SECONDS,
        )
    assert (process.returncode, process.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("batch.json", "-", "live.json"), "a stream of events"),
        (("intervals", "-", "live.csv", "--threshold", "10m"), "observations"),
        (("step", STORE), "commands (or use -c)"),
    ],
)
def test_standard_input_that_is_closed_is_one_line_and_no_output(
    folder: Path, words: tuple[str, ...], expected: str
) -> None:
    found = ended(folder, words, "<&-")
    message = f"replay: standard input: expected {expected}, found it closed\n"
    assert found == (2, b"", message)
    assert [*folder.glob("live*")] == []


NARROW: Final = (
    ({"PYTHONIOENCODING": "latin-1"}, b"Zo\xeb\\u6771\\U0001f642"),
    ({"PYTHONIOENCODING": "ascii"}, b"Zo\\xeb\\u6771\\U0001f642"),
    ({"PYTHONIOENCODING": "utf-8"}, USER.encode()),
    (
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        b"Zo\\xeb\\u6771\\U0001f642",
    ),
    ({"LC_ALL": "C", "PYTHONUTF8": ""}, USER.encode()),
)


@pytest.mark.parametrize(("settings", "shown"), NARROW)
def test_text_that_an_encoding_does_not_have_is_escaped(
    folder: Path, settings: dict[str, str], shown: bytes
) -> None:
    found = ended(folder, ("log", STORE, "--user", USER), settings=settings)
    assert (found.status, found.err) == (0, "")
    assert [line.count(shown) for line in found.out.splitlines()] == [1, 1]
    said = ended(folder, [*RUN, "-vv"], settings=settings)
    assert (said.status, "Traceback" in said.err) == (0, False)


@pytest.mark.parametrize(("settings", "shown"), NARROW)
def test_json_reads_back_in_any_encoding(
    folder: Path, settings: dict[str, str], shown: bytes
) -> None:
    del shown
    found = ended(folder, ("log", STORE, "--json", "--user", USER), settings=settings)
    told = [json.loads(line.decode("latin-1")) for line in found.out.splitlines()]
    if not found.out.isascii():
        told = [json.loads(line) for line in found.out.splitlines()]
    assert [each.get("user") or each["user2"] for each in told] == [USER] * 2


@pytest.mark.parametrize(("settings", "shown"), NARROW)
def test_user_is_named_by_its_id_or_by_what_is_shown(
    folder: Path, settings: dict[str, str], shown: bytes
) -> None:
    escaped = rf"user 'Zo\xeb\u6771\U0001f642'; user Zo\xeb\u6771\U0001f642; user {USER}".encode()
    if settings.get("PYTHONIOENCODING") == "latin-1":
        escaped = escaped.rpartition(b";")[0]
    found = ended(folder, ("step", STORE), given=b"last\n" + escaped, settings=settings)
    assert (found.status, found.err) == (0, "")
    assert found.out.count(b"user " + shown + b", number 1 ") == escaped.count(b"user")
    typed = ended(folder, ("log", STORE, "--user", r"Zo\xeb\u6771\U0001f642"), settings=settings)
    assert typed.out.count(shown) == 2


# Ctrl-C before there is a command line


def interrupted_after(words: Sequence[str], module: str, folder: Path) -> Ended:
    """Press Ctrl-C when ``module`` has been imported, which ``-X importtime`` tells."""
    # Of one that there is not, nothing would be told for ever.
    assert find_spec(module) is not None
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", *words],
        cwd=folder,
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.split()[-1:] == [module.encode()]:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    said = [line for line in err.decode().splitlines() if not line.startswith("import time:")]
    return Ended(process.returncode, out, "\n".join(said))


@pytest.mark.parametrize(
    "module",
    [
        "events.errors",
        "msgspec",
        "pykka",
        "replay.judging.run",
        "replay.purchases.timeline",
        "replay.purchases.logs",
    ],
)
@pytest.mark.parametrize("installed", [False, True], ids=["module", "script"])
def test_ctrl_c_while_it_is_still_imported_says_nothing(
    folder: Path, module: str, *, installed: bool
) -> None:
    script = folder / "bin" / "replay"
    script.parent.mkdir()
    # What pip makes of the entry point.
    script.write_text(
        "import sys\nfrom replay.__main__ import entry\n"
        "if __name__ == '__main__':\n    sys.exit(entry())\n"
    )
    words = [str(script)] if installed else ["-P", "-m", "replay"]
    assert interrupted_after([*words, "step", STORE], module, folder) == (130, b"", "")


def test_ctrl_c_in_a_program_that_imports_it_is_that_programs(folder: Path) -> None:
    script = "try:\n    import replay\nexcept KeyboardInterrupt:\n    print('caught')\n"
    found = interrupted_after(["-c", script], "msgspec", folder)
    assert found == (0, b"caught\n", "")


def test_ctrl_c_that_is_ignored_stays_ignored(folder: Path) -> None:
    # As a shell does it for what is started in the background.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        found = interrupted_after(
            ["-P", "-m", "replay", "step", STORE], "replay.judging.run", folder
        )
    finally:
        signal.signal(signal.SIGINT, before)
    assert found == (0, b"", "")


# In the process of whoever calls


def test_streams_that_are_not_there_are_no_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    standard_streams.report("lost")
    assert not standard_streams.is_watched()
