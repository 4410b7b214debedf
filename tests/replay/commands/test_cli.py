"""The command line: every option, every exit status, and what a person is told."""

from __future__ import annotations

import gzip
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

import replay
from replay.testing.strategies import BAD_LINES
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE, SPEC_FLAGGED

ROOT = Path(replay.__file__).parents[1]
LOGS = ("batch.json", "stream.json", "flagged.json")


class Result(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


class Shell:
    """Runs the command in a folder that holds the challenge's example."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.write("batch.json", SPEC_EXAMPLE.batch)
        self.write("stream.json", SPEC_EXAMPLE.stream)

    def write(self, name: str, content: bytes) -> None:
        (self.folder / name).write_bytes(content)

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def names(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "replay", *words],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *words: str) -> Result:
        process = self.start(*words)
        out, err = process.communicate(timeout=60)
        assert "Traceback" not in err
        return Result(process.returncode, out, err)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


# What it does


def test_flagged_lines_are_written_and_summed_up(shell: Shell) -> None:
    status, out, err = shell(*LOGS)
    assert (status, out) == (0, "")
    assert shell.read("flagged.json") == SPEC_FLAGGED
    assert re.fullmatch(
        r"7 events \(6 past, 1 new\), 0 lines rejected, 3 users\n"
        r"1 of 1 purchase flagged, \d+\.\d\d s\n"
        r"flagged purchases: flagged\.json\n"
        r"event store: flagged\.json\.events\n",
        err,
    )


def test_run_may_be_named_or_left_out(shell: Shell) -> None:
    shell(*LOGS)
    assert shell("run", "batch.json", "stream.json", "other.json").status == 0
    assert shell.read("other.json") == shell.read("flagged.json")
    assert shell.read("other.json.events") == shell.read("flagged.json.events")


def test_file_named_like_a_command_is_given_with_its_folder(shell: Shell) -> None:
    shell.write("run", SPEC_EXAMPLE.batch)
    assert shell("./run", *LOGS[1:]).status == 0
    assert shell.read("flagged.json") == SPEC_FLAGGED


def test_flagged_file_exists_even_when_nothing_is_flagged(shell: Shell) -> None:
    shell.write("stream.json", b"")
    assert shell(*LOGS).status == 0
    assert shell.read("flagged.json") == b""


@pytest.mark.parametrize("last", [b"", b"\n"])
def test_flags_are_appended_after_a_whole_line(shell: Shell, last: bytes) -> None:
    shell.write("flagged.json", b"what stood here" + last)
    shell(*LOGS)
    assert shell.read("flagged.json") == b"what stood here\n" + SPEC_FLAGGED


def test_overwrite_starts_the_flagged_file_afresh(shell: Shell) -> None:
    shell.write("flagged.json", b"what stood here")
    shell(*LOGS, "--overwrite")
    assert shell.read("flagged.json") == SPEC_FLAGGED


def test_store_of_another_history_is_moved_to_a_numbered_name(shell: Shell) -> None:
    shell.write("flagged.json.events", b"first")
    shell(*LOGS)
    second = shell.read("flagged.json.events")
    err = shell(*LOGS, "-v", "-T", "49").err
    assert "; what stood at flagged.json.events was moved to flagged.json.events.~2~; " in err
    assert shell.read("flagged.json.events.~1~") == b"first"
    assert shell.read("flagged.json.events.~2~") == second
    assert shell.read("flagged.json") == SPEC_FLAGGED * 2


def test_store_can_be_kept_elsewhere(shell: Shell) -> None:
    shell(*LOGS, "--store", "history")
    assert replay.EventStore(shell.folder / "history").events == 7
    assert "flagged.json.events" not in shell.names()


def test_degrees_and_tracked_take_the_place_of_the_first_line(shell: Shell) -> None:
    shell.write("batch.json", b"\n".join(SPEC_EXAMPLE.batch.split(b"\n")[1:]))
    assert shell(*LOGS, "-D", "3", "--tracked", "7").status == 0
    store = replay.EventStore(shell.folder / "flagged.json.events")
    assert (store.parameters, store.header.line) == (replay.Parameters(3, 7), None)
    assert shell.read("flagged.json") == SPEC_FLAGGED


def test_one_given_parameter_leaves_the_other_to_the_first_line(shell: Shell) -> None:
    shell(*LOGS, "--degrees", "2")
    store = replay.EventStore(shell.folder / "flagged.json.events")
    assert store.parameters == replay.Parameters(2, 50)
    assert store.header.line == b'{"D":"1", "T":"50"}'


def test_compressed_logs_are_read_as_they_are(shell: Shell) -> None:
    for name in ("batch", "stream"):
        shell.write(f"{name}.json.gz", gzip.compress(shell.read(f"{name}.json")))
    assert shell("batch.json.gz", "stream.json.gz", "flagged.json").status == 0
    assert shell.read("flagged.json") == SPEC_FLAGGED


def test_rejected_line_is_reported_with_place_and_reason_and_kept(shell: Shell) -> None:
    bad = b'{"event_type":"buy", "timestamp":"2017-06-13 11:33:02", "id": "2", "amount": "1"}'
    shell.write("stream.json", b"\n" + bad + b"\n" + SPEC_EXAMPLE.stream)
    status, _, err = shell(*LOGS, "-q")
    assert (status, shell.read("flagged.json")) == (0, SPEC_FLAGGED)
    assert err == (
        'stream.json:2: rejected (event-type): event_type: expected "purchase", "befriend" or '
        "\"unfriend\", found 'buy'\n"
    )
    (kept,) = replay.EventStore(shell.folder / "flagged.json.events").rejected()
    assert (kept.source, kept.number, kept.reason, kept.line) == ("stream", 2, "event-type", bad)


@pytest.mark.parametrize("line", BAD_LINES)
def test_every_bad_line_costs_only_itself(shell: Shell, line: bytes) -> None:
    shell.write("stream.json", line + b"\n" + SPEC_EXAMPLE.stream + line)
    status, _, err = shell(*LOGS)
    assert (status, shell.read("flagged.json")) == (0, SPEC_FLAGGED)
    assert "stream.json:1: rejected (" in err
    assert "stream.json:3: rejected (" in err
    assert "2 lines rejected" in err


def test_strict_stops_at_the_first_rejected_line_and_keeps_what_came_before(shell: Shell) -> None:
    shell.write("stream.json", SPEC_EXAMPLE.stream + b"bad\n" + SPEC_EXAMPLE.stream)
    status, _, err = shell(*LOGS, "--strict")
    assert status == 1
    assert err == (
        "replay: stream.json:2: rejected (not-json): expected one JSON object, found no JSON: "
        "'bad'; correct the line or run without --strict\n"
    )
    assert shell.read("flagged.json") == SPEC_FLAGGED
    store = replay.EventStore(shell.folder / "flagged.json.events")
    assert (store.events, [bad.line for bad in store.rejected()]) == (7, [b"bad"])


def test_verbose_says_what_is_read_and_how_long_each_phase_took(shell: Shell) -> None:
    err = shell(*LOGS, "-v").err
    assert err.startswith("D=1 T=50\nbatch: batch.json, 548 bytes\nstream: stream.json, 93 bytes\n")
    phases = re.findall(r"^phase (\w+): \d+\.\d{3} s$", err, re.MULTILINE)
    assert phases == ["fingerprint", "batch", "stream", "close"]
    assert "event 7" not in err


def test_very_verbose_says_each_event_of_the_stream_with_verdict_and_time(shell: Shell) -> None:
    friendship = b'{"event_type":"unfriend","timestamp":"2017-06-13 11:33:02","id1":"1","id2":"3"}'
    shell.write("stream.json", b"\n" + SPEC_EXAMPLE.stream + friendship + SPEC_EXAMPLE.stream[:0])
    err = shell(*LOGS, "-vv").err
    assert re.search(
        r"^stream\.json:2: event 7: 2 bought for 1601\.83: "
        r"FLAGGED \(n=3 mean=29\.10 sd=21\.46\), [\d,]+ µs\n"
        r"stream\.json:3: event 8: 1 unfriended 3, [\d,]+ µs$",
        err,
        re.MULTILINE,
    )


def test_quiet_says_nothing(shell: Shell) -> None:
    assert shell(*LOGS, "-q") == (0, "", "")


def test_version_is_the_packages(shell: Shell) -> None:
    assert shell("--version") == (0, f"replay {replay.__version__}\n", "")


def test_help_names_every_option_and_its_example_runs(shell: Shell) -> None:
    status, out, _ = shell("--help")
    assert status == 0
    options = "-D -T --degrees --tracked --store --overwrite --strict -v -q --version --help"
    assert [option for option in options.split() if option not in out] == []
    example = re.findall(r"^  python -m replay (.*)$", out, re.MULTILINE)[-1].split()
    words = [str(ROOT / word) if "/" in word else word for word in example]
    assert shell(*words).status == 0
    assert shell.read(example[-1])


def test_help_of_run_is_the_same(shell: Shell) -> None:
    assert shell("run", "--help") == shell("--help")


# What it refuses


def refused(result: Result, *parts: str) -> None:
    """Check that a command ended with status 2 and one line that holds ``parts``."""
    assert result.status == 2
    (line,) = result.err.splitlines()
    assert [part for part in parts if part not in line] == []


@pytest.mark.parametrize(
    ("first", "found"),
    [
        (b"", "found an empty file"),
        (b"\n\n", "found an empty file"),
        (b"hello\n", "found 'hello'"),
        (b"\x00\x01\xff", "found '\\x00"),
        (SPEC_EXAMPLE.stream, "found no D"),
        (b'{"D":"1"}', "found no T"),
        (b'{"D":"0", "T":"50"}', "D: expected a whole number of at least 1, found '\"0\"'"),
        (b'{"D":"1", "T":1}', "T: expected a whole number of at least 2, found '1'"),
        (b'{"D":"1.5", "T":"5"}', "D: expected a whole number"),
    ],
)
def test_wrong_parameters_end_the_run_with_nothing_written(
    shell: Shell, first: bytes, found: str
) -> None:
    shell.write("batch.json", first)
    before = shell.names()
    refused(shell(*LOGS), "batch.json", "expected", found, "give both -D and -T")
    assert shell.names() == before


@pytest.mark.parametrize("options", [("-D", "0"), ("-T", "1"), ("-D", "x"), ("-T", "9" * 40)])
def test_wrong_parameter_option_is_refused(shell: Shell, options: tuple[str, str]) -> None:
    refused(shell(*LOGS, *options), "expected a whole number")


def test_missing_log_is_refused_with_nothing_written(shell: Shell) -> None:
    refused(shell("batch.json", "none.json", "flagged.json"), "none.json", "No such file")
    refused(shell("none.json", "stream.json", "flagged.json"), "none.json", "No such file")
    assert shell.names() == {"batch.json", "stream.json"}


def test_folder_as_a_log_is_refused(shell: Shell) -> None:
    refused(shell(".", "stream.json", "flagged.json"), "Is a directory")


def test_folder_as_an_output_is_refused(shell: Shell) -> None:
    refused(shell("batch.json", "stream.json", "."), "expected a file", "found a folder")


def test_output_in_a_missing_folder_is_refused(shell: Shell) -> None:
    refused(shell("batch.json", "stream.json", "no/flagged.json"), "found no no", "make it first")


@pytest.mark.parametrize("log", ["batch.json", "stream.json"])
def test_log_is_never_taken_for_an_output(shell: Shell, log: str) -> None:
    before = shell.read(log)
    refused(shell("batch.json", "stream.json", f"./{log}"), "which would be written to")
    refused(shell(*LOGS, "--store", log), "which would be written to")
    assert shell.read(log) == before


def test_flagged_file_and_store_must_differ(shell: Shell) -> None:
    refused(shell(*LOGS, "--store", "flagged.json"), "expected two different files")


def test_torn_compressed_log_is_refused(shell: Shell) -> None:
    torn = gzip.compress(SPEC_EXAMPLE.batch * 100)[:-20]
    shell.write("batch.json.gz", torn)
    refused(shell("batch.json.gz", *LOGS[1:]), "batch.json.gz", "end-of-stream")


@pytest.mark.parametrize(
    "content",
    [b"no gzip file", gzip.compress(SPEC_EXAMPLE.stream)[:-9]],
    ids=["no gzip", "cut short"],
)
def test_stream_that_cannot_be_read_leaves_no_outputs_behind(shell: Shell, content: bytes) -> None:
    shell.write("stream.json.gz", content)
    refused(shell("batch.json", "stream.json.gz", "flagged.json"), "expected a readable stream log")
    assert not {"flagged.json", "flagged.json.events"} & shell.names()


@pytest.mark.parametrize("words", [(), ("one",), (*LOGS, "more"), (*LOGS, "--nonsense")])
def test_wrong_usage_is_refused(shell: Shell, words: tuple[str, ...]) -> None:
    refused(shell(*words), "replay: ", "; see python -m replay --help")


def test_output_that_cannot_be_written_is_one_clear_error(shell: Shell) -> None:
    status, _, err = shell("batch.json", "stream.json", "flagged.json", "--store", "/dev/full/x")
    assert status == 2
    status, _, err = shell("batch.json", "stream.json", "/dev/full", "--store", "history")
    assert status == 1
    assert err == (
        "replay: /dev/full: expected to write the flagged purchases, "
        "found: No space left on device\n"
    )


# How it is interrupted and watched


def long_batch(lines: int) -> bytes:
    first, *rest = SPEC_EXAMPLE.batch.split(b"\n")
    return first + b"\n" + b"\n".join(rest) * (lines // len(rest))


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_ends_the_run_in_good_order_and_the_same_command_goes_on(
    shell: Shell, number: signal.Signals, status: int
) -> None:
    shell.write("batch.json", long_batch(600_000))
    process = shell.start(*LOGS)
    store_path = shell.folder / "flagged.json.events"
    deadline = time.monotonic() + 30
    while not (store_path.exists() and store_path.stat().st_size > 10**6):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    store = replay.EventStore(store_path)
    assert process.returncode == status
    assert err == (
        f"replay: interrupted after {store.events:,} events; they are kept in "
        "flagged.json.events, and the same command goes on from there\n"
    )
    assert store.tail is None
    assert 0 < store.events < 500_000
    assert shell.read("flagged.json") == b""
    assert shell(*LOGS).status == 0
    assert shell(*LOGS[:2], "undisturbed.json").status == 0
    for name in ("flagged.json", "flagged.json.events"):
        assert shell.read(name) == shell.read(name.replace("flagged", "undisturbed"))


def run_on_a_terminal(shell: Shell, *words: str) -> str:
    """Return what a run prints on a terminal of its own."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "replay", *words],
        cwd=shell.folder,
        env={**shell.environment, "TERM": "xterm", "COLUMNS": "100"},
        stderr=follower,
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            chunk = os.read(leader, 65536)
        except OSError:
            # How Linux says that nobody holds the other end any more.
            break
        if not chunk:
            break
        shown += chunk
    os.close(leader)
    assert process.wait(timeout=60) == 0
    return shown.decode()


def test_terminal_gets_a_progress_bar_with_rate_and_time_left(shell: Shell) -> None:
    shell.write("batch.json", long_batch(60_000))
    shell.write("stream.json", b"bad\n" + SPEC_EXAMPLE.stream * 500)
    shown = run_on_a_terminal(shell, *LOGS)
    assert "events/s" in shown
    assert re.search(r"batch\W.*\d+%", shown)
    # The time left is a guess, and dashes until there is anything to guess from.
    assert re.search(r"\d:\d\d:\d\d|-:--:--", shown)
    assert "stream.json:1: rejected (not-json)" in shown
    assert "of 500 purchases flagged" in shown


def test_quiet_terminal_gets_no_bar(shell: Shell) -> None:
    assert run_on_a_terminal(shell, "-q", *LOGS) == ""


def test_without_a_terminal_there_is_no_bar(shell: Shell) -> None:
    shell.write("batch.json", long_batch(60_000))
    assert "events/s" not in shell(*LOGS).err
