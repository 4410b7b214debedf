"""Nothing that is not the program's own is touched, and what has its name is complete."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import replay
from events.disk import NewFile, free_name
from replay.cli import main
from replay.engine.output_file import OutputFile
from tests.replay.commands.test_cli import Shell
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE, SPEC_FLAGGED, run_in_process

if TYPE_CHECKING:
    from collections.abc import Callable

STORE = "flagged.json.events"
DEADLINE_SECONDS = 30
RUN = ("batch.json", "stream.json")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, which has two logs."""
    (tmp_path / "batch.json").write_bytes(SPEC_EXAMPLE.batch)
    (tmp_path / "stream.json").write_bytes(SPEC_EXAMPLE.stream)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def shell(folder: Path) -> Shell:
    return Shell(folder)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def refused(
    capsys: pytest.CaptureFixture[str], *words: str, status: int = 2, message: str = ""
) -> None:
    capsys.readouterr()
    found = main([*words])
    out, err = capsys.readouterr()
    assert (found, out, err.count("\n")) == (status, "", 1), err
    assert message in err


def started(shell: Shell, *words: str, **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "replay", *words],
        cwd=shell.folder,
        env=shell.environment,
        stdin=options.get("stdin", subprocess.DEVNULL),
        stdout=options.get("stdout", subprocess.PIPE),
        stderr=options.get("stderr", subprocess.PIPE),
        preexec_fn=options.get("first"),  # noqa: PLW1509
    )


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "expected it within half a minute"
        time.sleep(0.01)


# Names of the program's own beside a named one


def test_new_file_takes_no_name_that_somebody_has(tmp_path: Path) -> None:
    path = tmp_path / "name"
    (tmp_path / "name.part.~1~").symlink_to(tmp_path / "elsewhere")
    with NewFile(path) as one, NewFile(path) as other:
        assert [one.file.path.name, other.file.path.name] == ["name.part.~2~", "name.part.~3~"]
        one.write(b"one")
        other.write(b"other")
        one.complete()
        with pytest.raises(FileExistsError, match="File exists"):
            other.complete()
    assert names(tmp_path) == {"name", "name.part.~1~"}
    assert path.read_bytes() == b"one"


def test_new_file_that_is_not_completed_leaves_nothing(tmp_path: Path) -> None:
    with NewFile(tmp_path / "name") as new:
        new.write(b"half")
        assert names(tmp_path) == {"name.part.~1~"}
    assert names(tmp_path) == set()


def test_new_file_that_replaces_another_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "name"
    path.write_bytes(b"old")
    path.chmod(0o640)
    with NewFile(path) as new:
        new.write(b"new")
        new.complete(replace=True)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o640)


@pytest.mark.parametrize("name", ["x" * 255, "ü" * 127, "a.events"])
def test_free_names_are_never_too_long_for_a_disk(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    for _ in range(11):
        free_name(path, "tail").write_bytes(b"")
    assert len(names(tmp_path)) == 11


@pytest.mark.parametrize("suffix", [".new", ".events.new", ".events.~1~", ".part.~1~", ".tail.~1~"])
@pytest.mark.parametrize("links", [False, True], ids=["file", "link"])
def test_files_of_others_beside_the_outputs_stay_as_they_are(
    folder: Path, suffix: str, *, links: bool
) -> None:
    theirs, target = folder / f"flagged.json{suffix}", folder / "target"
    target.write_bytes(b"of somebody else")
    if links:
        theirs.symlink_to(target)
    else:
        theirs.write_bytes(b"of somebody else")
    for words in (
        [*RUN, "flagged.json", "-q"],
        ["rebuild", STORE, "flagged.json"],
        [*RUN, "flagged.json", "-q", "--overwrite"],
        [*RUN, "flagged.json", "-q", "-T", "3"],
        ["repair", STORE, "--output", "flagged.json.saved"],
    ):
        assert main(words) == 0
    assert theirs.is_symlink() is links
    assert theirs.read_bytes() == target.read_bytes() == b"of somebody else"


def test_store_that_is_called_like_a_file_in_the_making_is_left_alone(folder: Path) -> None:
    assert main([*RUN, "f", "-q", "--store", "f.new"]) == 0
    store = (folder / "f.new").read_bytes()
    assert main(["rebuild", "f.new", "f"]) == 0
    assert (folder / "f.new").read_bytes() == store
    assert main(["repair", "f.new", "--output", "f"]) == 1
    assert main(["repair", "f.new", "--output", "copy"]) == 0
    assert (folder / "copy").read_bytes() == (folder / "f.new").read_bytes() == store


def test_log_that_is_called_like_a_file_in_the_making_is_left_alone(folder: Path) -> None:
    (folder / "batch.json").rename(folder / "st.new")
    assert main(["st.new", "stream.json", "f", "-q", "--store", "st"]) == 0
    assert (folder / "st.new").read_bytes() == SPEC_EXAMPLE.batch


# Two names for one file


@pytest.mark.parametrize("other", ["d/../x", "./d/./../x", "link", "d/link", "folder/x"])
def test_two_names_for_one_file_are_refused_where_neither_exists(
    folder: Path, other: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "d").mkdir()
    (folder / "link").symlink_to("x")
    (folder / "d/link").symlink_to("../x")
    (folder / "folder").symlink_to(".")
    before = names(folder)
    for pair in (("x", other), (other, "x")):
        flagged, store = pair
        refused(capsys, *RUN, flagged, "--store", store, message="expected two different files")
        assert names(folder) == before


@pytest.mark.parametrize("how", ["hard link", "link", "path"])
@pytest.mark.parametrize("log", RUN)
@pytest.mark.parametrize("output", ["flagged", "store"])
def test_outputs_that_are_an_input_under_another_name_are_refused(
    folder: Path, how: str, log: str, output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "d").mkdir()
    other = folder / "other"
    if how == "hard link":
        other.hardlink_to(folder / log)
    elif how == "link":
        other.symlink_to(log)
    name = "other" if how != "path" else f"d/../{log}"
    words = [name] if output == "flagged" else ["x", "--store", name]
    refused(capsys, *RUN, *words, message="which would be written to; name another file")
    assert (folder / log).read_bytes() in {SPEC_EXAMPLE.batch, SPEC_EXAMPLE.stream}
    assert not (folder / "x").exists()


@pytest.mark.parametrize(
    "words",
    [
        (*RUN, "other.events"),
        (*RUN, "other.events", "--overwrite"),
        ("rerun", STORE, "other.events", "--overwrite"),
        ("rebuild", STORE, "other.events"),
        ("intervals", "o.csv", "other.events", "--threshold", "5m"),
        ("intervals", "o.csv", "other.events", "--threshold", "5m", "--overwrite"),
    ],
)
def test_lines_are_not_written_to_a_store_of_another_history(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    (folder / "o.csv").write_text("time,adid\n2017-06-13 11:33:01,a\n", encoding="utf-8")
    assert main([*RUN, "flagged.json"]) == 0
    assert main([*RUN, "other", "-D", "1"]) == 0
    store, before = (folder / "other.events").read_bytes(), names(folder)
    refused(capsys, *words, message="found an event store, which lines would damage")
    assert (folder / "other.events").read_bytes() == store
    assert names(folder) == before


def test_standard_input_that_is_the_flagged_file_is_refused(shell: Shell) -> None:
    with (shell.folder / "stream.json").open("rb") as stream:
        process = started(shell, "batch.json", "-", "stream.json", stdin=stream)
        _, err = process.communicate()
    assert process.returncode == 2
    assert b"expected the flagged file, found the stream log" in err
    assert (shell.folder / "stream.json").read_bytes() == SPEC_EXAMPLE.stream


@pytest.mark.parametrize(
    "words",
    [
        ("export", STORE, "--batch", "new", "--stream", "d/../new"),
        ("export", STORE, "--batch", "new", "--stream", "new"),
        ("intervals", "in.csv", "new", "--threshold", "1s", "--svg", "new.events"),
        ("intervals", "in.csv", "d/../new", "--threshold", "1s", "--svg", "new"),
    ],
)
def test_outputs_of_one_command_are_different_files(
    folder: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "d").mkdir()
    (folder / "in.csv").write_bytes(b"time,adid\n2020-01-01 00:00:00,a\n")
    assert main([*RUN, "flagged.json", "-q"]) == 0
    before = names(folder)
    refused(capsys, *words, message="expected a file of its own for")
    assert names(folder) == before


# Pipes and devices


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_store_is_a_regular_file_or_refused(
    folder: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = folder / "store"
    if kind == "pipe":
        os.mkfifo(store)
    elif kind == "folder":
        store.mkdir()
    name = "/dev/null" if kind == "device" else "store"
    refused(
        capsys,
        *(*RUN, "x", "--store", name),
        message=f"{name}: expected a file for the event store, found a {kind}",
    )
    assert not (folder / "x").exists()
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("flagged", ["-", "pipe", "/dev/null", "/dev/stdout", "/proc/self/fd/1"])
def test_output_that_keeps_nothing_has_no_store_beside_it(
    folder: Path, flagged: str, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(folder / "pipe")
    refused(capsys, *RUN, flagged, message=f"{flagged}: expected a store named with --store")
    assert names(folder) == {*RUN, "pipe"}
    assert not Path("/dev/null.events").exists()


@pytest.mark.slow
def test_flagged_lines_go_to_standard_output_once(shell: Shell) -> None:
    words = (*RUN, "-", "--store", "store")
    process = started(shell, *words)
    out, err = process.communicate()
    assert (process.returncode, out) == (0, SPEC_FLAGGED)
    assert b"Traceback" not in err
    again = started(shell, *words)
    out, err = again.communicate()
    assert (again.returncode, out, err.count(b"\n")) == (2, b"", 1)
    assert b"python -m replay rebuild store FILE writes them to a file" in err
    rebuilt = started(shell, "rebuild", "store", "-")
    assert rebuilt.communicate() == (SPEC_FLAGGED, b"")
    # A file goes on from any store, since it shows what is in it.
    assert main([*RUN, "file", "-q", "--store", "store"]) == 0
    assert (shell.folder / "file").read_bytes() == SPEC_FLAGGED
    assert not (shell.folder / "-").exists()


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1"])
def test_lines_and_summary_may_share_one_file(shell: Shell, name: str) -> None:
    # As a shell does for `> both 2>&1`: both descriptors share one position.
    with (shell.folder / "both").open("wb") as both:
        process = started(
            shell, *RUN, name, "--store", "store", stdout=both, stderr=subprocess.STDOUT
        )
        assert process.wait() == 0
    content = (shell.folder / "both").read_bytes()
    assert content.startswith(SPEC_FLAGGED)
    assert content.removeprefix(SPEC_FLAGGED).startswith(b"7 events (6 past, 1 new)")


def test_ctrl_c_that_a_shell_ignores_stays_ignored(shell: Shell) -> None:
    os.mkfifo(shell.folder / "pipe")
    process = started(
        shell,
        *RUN,
        "pipe",
        "--store",
        "store",
        first=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    wait_for(lambda: catches(process, signal.SIGTERM))
    process.send_signal(signal.SIGINT)
    with (shell.folder / "pipe").open("rb") as reader:
        assert reader.read() == SPEC_FLAGGED
    process.communicate()
    assert process.returncode == 0


@pytest.mark.slow
def test_pipe_is_waited_for_until_somebody_reads_it(shell: Shell) -> None:
    pipe = shell.folder / "pipe"
    os.mkfifo(pipe)
    process = started(shell, *RUN, "pipe", "--store", "store")
    # Nothing is made before somebody reads.
    time.sleep(0.5)
    assert process.poll() is None
    assert names(shell.folder) == {*RUN, "pipe"}
    with pipe.open("rb") as reader:
        assert reader.read() == SPEC_FLAGGED
    process.communicate()
    assert process.returncode == 0


def catches(process: subprocess.Popen[bytes], number: signal.Signals) -> bool:
    """Tell whether ``process`` has come so far that it takes care of a signal."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    return bool(int(status.partition("SigCgt:")[2].split()[0], 16) >> (number - 1) & 1)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="nobody tells when to begin")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_waiting_for_a_reader_ends_with_a_signal(shell: Shell, number: signal.Signals) -> None:
    os.mkfifo(shell.folder / "pipe")
    process = started(shell, *RUN, "pipe", "--store", "store")
    wait_for(lambda: catches(process, signal.SIGTERM))
    process.send_signal(number)
    _, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 128 + number
    assert err == b"replay: interrupted while nobody read pipe\n"
    assert names(shell.folder) == {*RUN, "pipe"}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="nobody tells when to begin")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "words", [RUN, ("intervals", "seen.csv", "--threshold", "10m")], ids=["run", "intervals"]
)
def test_a_look_at_a_large_log_ends_with_a_signal(
    shell: Shell, words: tuple[str, ...], number: signal.Signals
) -> None:
    # A hole that takes no room on the disk, and many seconds to be looked through.
    with (shell.folder / "batch.json").open("ab") as log:
        log.truncate(12 << 30)
    shell.write("seen.csv", b"time,adid\n2020-01-01 00:00:00,a\n")
    with (shell.folder / "seen.csv").open("ab") as log:
        log.truncate(12 << 30)
    before = names(shell.folder)
    process = started(shell, *words, "out.json")
    wait_for(lambda: catches(process, signal.SIGTERM))
    process.send_signal(number)
    out, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert (process.returncode, out) == (128 + number, b"")
    said = b"interrupted halfway; what was done is kept, and the same command goes on with it"
    assert err == b"replay: %b\n" % said
    assert names(shell.folder) == before


def many_flags(count: int) -> tuple[bytes, bytes]:
    """Return two logs, of which as many purchases are flagged."""
    buy = (
        b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:02", "id": "2", "amount": "%d"}\n'
    )
    return SPEC_EXAMPLE.batch, b"".join(buy % (10_000 + each) for each in range(count))


@pytest.mark.slow
def test_reader_that_stalls_gets_every_line_and_ends_the_run_when_it_goes(shell: Shell) -> None:
    batch, stream = many_flags(3_000)
    shell.write("batch.json", batch)
    shell.write("stream.json", stream)
    process = started(shell, *RUN, "-", "--store", "store")
    time.sleep(0.5)
    out, _ = process.communicate()
    assert (process.returncode, out.count(b"\n")) == (0, 3_000)
    gone = started(shell, *RUN, "-", "--store", "other")
    assert gone.stdout is not None
    gone.stdout.close()
    gone.stdout = None
    _, err = gone.communicate()
    assert gone.returncode == 1
    assert b"-: expected to write the flagged purchases, found: Broken pipe" in err
    assert len(list(replay.EventStore(shell.folder / "other").decisions())) > 0
    assert main(["rebuild", "other", "lines"]) == 0
    assert out.startswith((shell.folder / "lines").read_bytes())


def test_full_device_ends_with_status_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*RUN, "/dev/full", "-q", "--store", "store"]) == 1
    assert "/dev/full: expected to write the flagged purchases, found: No space left" in (
        capsys.readouterr().err
    )
    assert [each.flagged for each in replay.EventStore(folder / "store").decisions()] == [True]


@pytest.mark.parametrize(
    "words",
    [
        (*RUN, "x", "--store", "-"),
        ("export", STORE, "--batch", "-"),
        ("repair", STORE, "--output", "-"),
        ("sweep", STORE, "--svg", "-"),
        ("rerun", STORE, "-"),
        ("shrink", STORE, "7", "--output", "-"),
        ("step", STORE, "-c", "save -"),
    ],
)
def test_dash_is_no_name_of_a_file(
    folder: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*RUN, "flagged.json", "-q"]) == 0
    before = names(folder)
    refused(capsys, *words, message="found")
    assert names(folder) == before


# One writer


@pytest.fixture
def live(shell: Shell) -> Callable[..., subprocess.Popen[bytes]]:
    """Return a function that starts a live run and waits until it has flagged a line."""

    def start(flagged: str = "flagged.json") -> subprocess.Popen[bytes]:
        process = started(shell, "batch.json", "-", flagged, "-q", stdin=subprocess.PIPE)
        assert process.stdin is not None
        process.stdin.write(SPEC_EXAMPLE.stream)
        process.stdin.flush()
        path = shell.folder / flagged
        wait_for(lambda: path.exists() and path.read_bytes() == SPEC_FLAGGED)
        return process

    return start


def test_what_a_run_writes_is_refused_to_all_others(
    shell: Shell,
    live: Callable[..., subprocess.Popen[bytes]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    process = live()
    before = names(shell.folder)
    locked = "expected a file that no other run is writing"
    refused(capsys, "rebuild", STORE, "flagged.json", status=1, message=locked)
    refused(capsys, *RUN, "flagged.json", "--store", "other", status=1, message=locked)
    refused(capsys, *RUN, "flagged.json", "--overwrite", status=1, message=locked)
    store = "expected a store that no other run is writing"
    refused(capsys, *RUN, "other.json", "--store", STORE, status=1, message=store)
    refused(capsys, *RUN, "other.json", "--overwrite", "--store", STORE, status=1, message=store)
    assert names(shell.folder) == before
    # Only read, a store is for everyone.
    assert main(["rebuild", STORE, "copy.json"]) == 0
    assert (shell.folder / "copy.json").read_bytes() == SPEC_FLAGGED
    process.communicate()
    assert process.returncode == 0
    assert main(["rebuild", STORE, "flagged.json"]) == 0


@pytest.mark.parametrize(
    ("misfortune", "lost"),
    [
        (lambda folder: (folder / "flagged.json").unlink(), "flagged.json"),
        (lambda folder: (folder / STORE).unlink(), STORE),
        (lambda folder: (folder / "flagged.json").replace(folder / "moved"), "flagged.json"),
        (
            lambda folder: shutil.copy(folder / "batch.json", folder / "n").replace(folder / STORE),
            STORE,
        ),
    ],
    ids=["removed", "store removed", "moved", "store replaced"],
)
@pytest.mark.parametrize("flags", [False, True], ids=["nothing more", "another flag"])
def test_output_that_is_gone_in_the_end_is_no_success(
    shell: Shell,
    live: Callable[..., subprocess.Popen[bytes]],
    misfortune: Callable[[Path], object],
    lost: str,
    *,
    flags: bool,
) -> None:
    process = live()
    misfortune(shell.folder)
    _, err = process.communicate(SPEC_EXAMPLE.stream if flags else b"")
    assert process.returncode == 1
    assert err.startswith(f"replay: {lost}: expected to write ".encode())
    assert b"found: it was removed or replaced while it was written" in err


@pytest.mark.parametrize("lost", ["flagged.json", STORE])
def test_output_that_somebody_cuts_is_no_success(
    shell: Shell, live: Callable[..., subprocess.Popen[bytes]], lost: str
) -> None:
    process = live()
    os.truncate(shell.folder / lost, 0)
    _, err = process.communicate(SPEC_EXAMPLE.stream)
    assert process.returncode == 1
    assert err.startswith(f"replay: {lost}: expected to write ".encode())
    assert b"found: somebody has cut it while it was written" in err


def test_folder_that_goes_away_is_no_success(
    shell: Shell, live: Callable[..., subprocess.Popen[bytes]]
) -> None:
    (shell.folder / "out").mkdir()
    process = live("out/flagged.json")
    shutil.rmtree(shell.folder / "out")
    _, err = process.communicate(b"")
    assert (process.returncode, b"removed or replaced while it was written" in err) == (1, True)


def test_flagged_file_that_was_made_in_vain_is_removed(tmp_path: Path) -> None:
    with OutputFile(tmp_path / "flagged.json") as flagged:
        assert flagged.start(overwrite=False) == 0
        assert names(tmp_path) == {"flagged.json"}
    assert names(tmp_path) == set()


# Permissions


def test_what_replaces_a_file_keeps_its_permissions(folder: Path) -> None:
    outputs = [folder / "flagged.json", folder / STORE]
    assert main([*RUN, "flagged.json", "-q"]) == 0
    for path in outputs:
        path.chmod(0o600)
    for words in (
        ["rebuild", STORE, "flagged.json"],
        [*RUN, "flagged.json", "-q", "--overwrite"],
        [*RUN, "flagged.json", "-q", "-T", "3"],
        ["repair", STORE, "--output", "saved"],
    ):
        assert main(words) == 0
    kept = [*outputs, folder / "saved", folder / f"{STORE}.~1~", folder / "flagged.json.~1~"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in kept] == [0o600] * 5


# Killed at any moment


COMMANDS = {
    "run": [*RUN, "new.json"],
    "run, overwriting": [*RUN, "flagged.json", "--overwrite"],
    "run, store in the way": [*RUN, "flagged.json", "-T", "3"],
    "intervals": ["intervals", "in.csv", "found.csv", "--threshold", "10m", "--svg", "d.svg"],
    "export": ["export", STORE, "--batch", "b.json", "--stream", "s.json"],
    "rebuild": ["rebuild", STORE, "flagged.json"],
    "repair": ["repair", STORE, "--output", "saved"],
    "rerun": ["rerun", STORE, "branch.json", "-T", "3"],
    "sweep": ["sweep", STORE, "-T", "2,3", "--svg", "drawing.svg"],
    "shrink": ["shrink", STORE, "7", "--output", "case"],
    "shrink among others": ["shrink", STORE, "7", "--output", "shared"],
    "shrink, overwriting": ["shrink", STORE, "7", "--output", "cases", "--exact", "--overwrite"],
    "step": ["step", STORE, "-c", "goto 3; save session"],
}
# Of these a second one refuses what the first has completed.
EXCLUSIVE = {"intervals", "repair", "rerun", "sweep", "shrink", "shrink among others"}


def killed(folder: Path, words: list[str]) -> list[dict[str, Any]]:
    """Return what a command has left that was killed at each of its operations, and the next."""
    asked = json.dumps({"folder": str(folder), "words": words})
    root = Path(replay.__file__).parents[1]
    done = subprocess.run(
        # Not from the folder of the tests, which has rooms of the packages' names.
        [sys.executable, "-P", str(root / "tests" / "killed.py")],
        input=asked,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    told: list[dict[str, Any]] = json.loads(done.stdout)
    return told


def looks_finished(files: dict[str, str]) -> dict[str, bytes]:
    return {
        name: base64.b64decode(content)
        for name, content in files.items()
        if not (name.endswith("~") or ".part.~" in name)
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_killed_command_leaves_what_is_complete_and_is_in_nobodys_way(
    tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "prepared"
    folder.mkdir()
    run_in_process(SPEC_EXAMPLE, folder)
    (folder / "in.csv").write_bytes(b"time,adid\n2020-01-01 00:00:00,a\n2020-01-01 00:01:00,b\n")
    (folder / "shared").mkdir()
    (folder / "shared/conftest.py").write_bytes(b"# of somebody else")
    assert main(["shrink", str(folder / STORE), "7", "--output", str(folder / "cases")]) == 0
    (folder / "cases/notes").write_bytes(b"of somebody else")
    before = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    *deaths, whole = killed(folder, COMMANDS[name])
    assert (whole["status"], len(deaths) > 2) == (0, True)
    expected = looks_finished(whole["left"])
    # Its two outputs grow, and what they hold is what a run goes on from.
    growing = (
        {"new.json", "found.csv", "flagged.json"} if "run" in name or name == "intervals" else set()
    )
    growing |= {f"{each}.events" for each in growing}
    for death in deaths:
        assert death["status"] == -signal.SIGKILL
        left = looks_finished(death["left"])
        for file, content in left.items():
            if file not in growing:
                assert content in {before.get(file), expected.get(file)}, file
        done = all(left.get(file) == content for file, content in expected.items())
        if name in EXCLUSIVE and done:
            assert death["again"] == 1
        else:
            assert (death["again"], looks_finished(death["then"])) == (0, expected), name


def test_shrink_replaces_nothing_but_an_earlier_shrunk_history(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "out").mkdir()
    assert main([*RUN, "out/f", "-q"]) == 0
    refused(
        capsys,
        *("shrink", "out/f.events", "7", "--output", ".", "--overwrite"),
        status=1,
        message="batch.json: expected an earlier shrunk history with its test, found a file",
    )
    assert (folder / "batch.json").read_bytes() == SPEC_EXAMPLE.batch
    assert names(folder) == {*RUN, "out"}


@pytest.mark.slow
def test_killed_rerun_leaves_nothing_in_the_temporary_folder(shell: Shell, tmp_path: Path) -> None:
    assert main([*RUN, "flagged.json", "-q"]) == 0
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    shell.environment["TMPDIR"] = str(temporary)
    statuses = set()
    for delay in range(20):
        process = started(shell, "rerun", STORE, "branch.json", "--overwrite")
        time.sleep(0.02 * delay)
        process.kill()
        process.communicate()
        statuses.add(process.returncode)
        assert names(temporary) == set()
    assert -signal.SIGKILL in statuses
