"""A live stream: each line is judged as it comes, and the run ends in good order."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

import replay
from events.logs.splitting import LINE_BYTES_MAX
from replay.purchases.history import History
from replay.testing import model
from tests.replay.commands.test_cli import Shell
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE, SPEC_FLAGGED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# A purchase that the example's network makes anomalous, and one that it does not.
FLAGGED_LINE = SPEC_EXAMPLE.stream.strip()
OTHER_LINE = FLAGGED_LINE.replace(b"1601.83", b"16.83").replace(b'"2"', b'"3"')
DEADLINE_SECONDS = 30


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell.write("batch.json", SPEC_EXAMPLE.batch)
    return shell


class Live:
    """The program, reading a live stream."""

    def __init__(self, shell: Shell, *words: str, stdin: int | IO[bytes] = subprocess.PIPE) -> None:
        self.folder = shell.folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "replay", *words],
            cwd=shell.folder,
            env=shell.environment,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def flagged(self) -> bytes:
        path = self.folder / "flagged.json"
        return path.read_bytes() if path.exists() else b""

    def wait_for(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not condition():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def end(self, number: signal.Signals | None = None) -> tuple[int, str]:
        """Send a signal, or end the input; return status and what was said."""
        if number is not None:
            self.process.send_signal(number)
        _, err = self.process.communicate(timeout=DEADLINE_SECONDS)
        return self.process.returncode, err.decode()


@pytest.fixture
def start(shell: Shell) -> Iterator[Callable[..., Live]]:
    started: list[Live] = []

    def begin(*words: str, stdin: int | IO[bytes] = subprocess.PIPE) -> Live:
        started.append(Live(shell, "batch.json", *words, stdin=stdin))
        return started[-1]

    yield begin
    for live in started:
        live.process.kill()
        live.process.communicate()


def test_flag_is_written_while_the_writer_still_writes(start: Callable[..., Live]) -> None:
    live = start("-", "flagged.json")
    live.write(OTHER_LINE + b"\n" + FLAGGED_LINE[:30])
    time.sleep(0.1)
    assert live.flagged() == b""
    live.write(FLAGGED_LINE[30:] + b"\n")
    live.wait_for(lambda: live.flagged() == SPEC_FLAGGED)
    status, err = live.end()
    assert status == 0
    assert err.startswith("8 events (6 past, 2 new), 0 lines rejected, 3 users\n1 of 2 purchases")


def history_of(folder: Path) -> list[bytes]:
    store = replay.EventStore(folder / "flagged.json.events")
    return [replay.line_of(event) for event in store.events_from(7)]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_a_live_run_in_good_order_and_resume_goes_on(
    shell: Shell, start: Callable[..., Live], number: signal.Signals
) -> None:
    live = start("-", "flagged.json")
    live.write(OTHER_LINE + b"\n" + FLAGGED_LINE + b"\n")
    live.wait_for(lambda: live.flagged() == SPEC_FLAGGED)
    status, err = live.end(number)
    assert (status, "2 new" in err) == (0, True)
    again = start("-", "flagged.json", "--resume")
    again.write(b"not json\n" + FLAGGED_LINE + b"\n" + OTHER_LINE)
    status, err = again.end()
    assert status == 0
    assert "going on after 8 events\n" in err
    assert "-:3: rejected (not-json)" in err
    stream = b"\n".join([OTHER_LINE, FLAGGED_LINE, b"not json", FLAGGED_LINE, OTHER_LINE])
    assert shell.read("flagged.json") == model.flagged_purchases(SPEC_EXAMPLE.batch, stream)
    assert history_of(shell.folder) == [OTHER_LINE, FLAGGED_LINE, FLAGGED_LINE, OTHER_LINE]
    assert shell("verify", "flagged.json.events").status == 0


def test_resumed_stream_that_had_ended_moves_aside_what_stands_behind_its_flags(
    shell: Shell, start: Callable[..., Live]
) -> None:
    live = start("-", "flagged.json")
    live.write(FLAGGED_LINE + b"\n")
    assert live.end()[0] == 0
    shell.write("flagged.json", SPEC_FLAGGED + b"of somebody else\n")
    again = start("-", "flagged.json", "--resume")
    again.write(FLAGGED_LINE + b"\n")
    assert again.end()[0] == 0
    stream = FLAGGED_LINE + b"\n" + FLAGGED_LINE
    assert shell.read("flagged.json") == model.flagged_purchases(SPEC_EXAMPLE.batch, stream)
    assert shell.read("flagged.json.tail.~1~") == b"of somebody else\n"


@pytest.mark.slow
def test_live_run_that_is_killed_anywhere_is_resumed(
    shell: Shell, start: Callable[..., Live]
) -> None:
    expected = b""
    for count in range(1, 6):
        live = start("-", "flagged.json", "--resume")
        live.write(FLAGGED_LINE + b"\n")
        stream = b"\n".join([FLAGGED_LINE] * count)
        expected = model.flagged_purchases(SPEC_EXAMPLE.batch, stream)
        live.wait_for(lambda: len(history_or_nothing(shell.folder)) == count)  # noqa: B023
        live.process.kill()
        live.process.communicate()
    live = start("-", "flagged.json", "--resume")
    assert live.end()[0] == 0
    assert shell.read("flagged.json") == expected
    assert shell("verify", "flagged.json.events").status == 0


def history_or_nothing(folder: Path) -> list[bytes]:
    try:
        return history_of(folder)
    except replay.StoreError:
        return []


def test_named_pipe_is_read_until_its_writer_has_gone(
    shell: Shell, start: Callable[..., Live]
) -> None:
    os.mkfifo(shell.folder / "pipe")
    live = start("pipe", "flagged.json")
    with (shell.folder / "pipe").open("wb", buffering=0) as pipe:
        pipe.write(FLAGGED_LINE + b"\n")
        live.wait_for(lambda: live.flagged() == SPEC_FLAGGED)
    assert live.end()[0] == 0
    assert replay.EventStore(shell.folder / "flagged.json.events").events == 7


@pytest.mark.slow
def test_growing_file_is_followed_over_rotation_and_truncation(
    shell: Shell, start: Callable[..., Live]
) -> None:
    path = shell.folder / "stream.json"
    path.write_bytes(OTHER_LINE + b"\n")
    live = start("stream.json", "flagged.json", "--follow")

    def events() -> int:
        return len(history_or_nothing(shell.folder))

    live.wait_for(lambda: events() == 1)
    with path.open("ab") as file:
        file.write(FLAGGED_LINE[:9])
        file.flush()
        time.sleep(0.05)
        file.write(FLAGGED_LINE[9:] + b"\n")
    live.wait_for(lambda: events() == 2)
    path.rename(shell.folder / "stream.json.1")
    time.sleep(0.05)
    path.write_bytes(OTHER_LINE + b"\n" + OTHER_LINE + b"\n")
    live.wait_for(lambda: events() == 4)
    os.truncate(path, 0)
    # So that the program sees that it is short before it is longer again.
    time.sleep(0.2)
    with path.open("ab") as file:
        file.write(FLAGGED_LINE + b"\n")
    live.wait_for(lambda: events() == 5)
    status, err = live.end(signal.SIGTERM)
    assert status == 0
    assert "stream.json: rotated, so the new file is read from its start\n" in err
    assert "stream.json: truncated, so it is read from its start\n" in err
    expected = [OTHER_LINE, FLAGGED_LINE, OTHER_LINE, OTHER_LINE, FLAGGED_LINE]
    assert history_of(shell.folder) == expected


def follow(start: Callable[..., Live], ending: signal.Signals = signal.SIGINT) -> None:
    """Follow the stream until the first purchase was flagged."""
    live = start("stream.json", "flagged.json", "--follow")
    live.wait_for(lambda: live.flagged() == SPEC_FLAGGED)
    live.end(ending)


def resume(shell: Shell, start: Callable[..., Live], events: int) -> Live:
    """Go on to follow the stream, until there are so many events of it."""
    live = start("stream.json", "flagged.json", "--follow", "--resume")
    live.wait_for(lambda: len(history_of(shell.folder)) == events)
    return live


@pytest.mark.slow
def test_followed_file_is_resumed_behind_the_last_line_that_was_read(
    shell: Shell, start: Callable[..., Live]
) -> None:
    path = shell.folder / "stream.json"
    path.write_bytes(OTHER_LINE + b"\n" + FLAGGED_LINE + b"\n")
    follow(start)
    with path.open("ab") as file:
        file.write(OTHER_LINE + b"\n")
    assert resume(shell, start, 3).end(signal.SIGINT)[0] == 0
    assert history_of(shell.folder) == [OTHER_LINE, FLAGGED_LINE, OTHER_LINE]
    path.write_bytes(b"")
    store = shell.folder / "flagged.json.events"
    size = store.stat().st_size
    third = start("stream.json", "flagged.json", "--follow", "--resume")
    # That it is another file is in the store before any line of it.
    third.wait_for(lambda: store.stat().st_size > size)
    with path.open("ab") as file:
        file.write(FLAGGED_LINE + b"\n")
    third.wait_for(lambda: len(history_of(shell.folder)) == 4)
    assert (
        "stream.json: expected the 3 lines read before, found an empty file; it was "
        "rotated, rewritten or truncated since, so it is read from its start, and what came "
        "after line 3 before that is not read\n"
    ) in third.end(signal.SIGINT)[1]


def test_live_stream_that_is_not_followed_any_more_is_not_taken_for_another(
    shell: Shell, start: Callable[..., Live]
) -> None:
    path = shell.folder / "stream.json"
    path.write_bytes(FLAGGED_LINE + b"\n")

    def stopped(*words: str) -> str:
        live = start("stream.json", "flagged.json", "--follow", *words)
        live.wait_for(lambda: live.flagged() == SPEC_FLAGGED)
        return live.end(signal.SIGINT)[1]

    stopped()
    status, err = start("stream.json", "flagged.json", "--resume").end()
    assert (status, err) == (
        2,
        "replay: flagged.json.events: expected a live stream to go on with the store of one, "
        "found a log that is read to its end; add --follow, or run without --resume to begin "
        "anew\n",
    )
    assert "moved" not in stopped("--resume")


def test_resume_refuses_the_store_of_another_past(start: Callable[..., Live]) -> None:
    live = start("-", "flagged.json")
    assert live.end()[0] == 0
    other = start("-", "flagged.json", "--resume", "-T", "49")
    status, err = other.end()
    assert status == 2
    assert err == (
        "replay: flagged.json.events: expected the store of a live run on the same batch with "
        "the same parameters, found another; run without --resume to begin anew\n"
    )


def test_writer_who_is_too_fast_has_to_wait(shell: Shell, start: Callable[..., Live]) -> None:
    """Sends more than pipe and program hold, while the program is stopped."""
    live = start("-", "flagged.json", "-q")
    live.write(FLAGGED_LINE + b"\n")
    live.wait_for(lambda: live.flagged() == SPEC_FLAGGED)
    live.process.send_signal(signal.SIGSTOP)
    assert live.process.stdin is not None
    os.set_blocking(live.process.stdin.fileno(), False)
    data = (OTHER_LINE + b"\n") * 20_000
    assert len(data) > 2**20
    # A pipe that is full takes a part.
    assert os.write(live.process.stdin.fileno(), data) < 2**20
    live.process.send_signal(signal.SIGCONT)
    os.set_blocking(live.process.stdin.fileno(), True)
    assert live.end(signal.SIGTERM)[0] == 0
    assert shell.read("flagged.json").startswith(SPEC_FLAGGED)


HOLE = b"\0" * (LINE_BYTES_MAX + 1)


def rejected_in(folder: Path) -> list[tuple[int, str, int | None]]:
    store = replay.EventStore(folder / "flagged.json.events")
    return [(each.number, each.reason, each.length) for each in store.rejected()]


@pytest.mark.parametrize("newline", [b"", b"\n"])
def test_long_line_of_a_live_stream_is_read_over(
    shell: Shell, start: Callable[..., Live], newline: bytes
) -> None:
    live = start("-", "flagged.json")
    live.write(OTHER_LINE + b"\n" + HOLE + b"\n" + FLAGGED_LINE + b"\n" + HOLE + newline)
    assert live.end()[0] == 0
    assert history_of(shell.folder) == [OTHER_LINE, FLAGGED_LINE]
    long = ("line-too-long", len(HOLE))
    assert rejected_in(shell.folder) == [(2, *long), (4, *long)]


@pytest.mark.slow
@pytest.mark.parametrize("part", [100, len(HOLE) - 1, len(HOLE)])
def test_followed_file_is_resumed_in_the_middle_of_a_long_line_and_behind_one(
    shell: Shell, start: Callable[..., Live], part: int
) -> None:
    path = shell.folder / "stream.json"
    path.write_bytes(OTHER_LINE + b"\n\n" + HOLE + b"\n" + FLAGGED_LINE + b"\n" + HOLE[:part])
    follow(start, signal.SIGKILL)
    with path.open("ab") as file:
        file.write(HOLE[part:] + b"\n" + OTHER_LINE + b"\n")
    again = resume(shell, start, 3)
    status, err = again.end(signal.SIGINT)
    assert (status, "from its start" in err) == (0, False)
    assert history_of(shell.folder) == [OTHER_LINE, FLAGGED_LINE, OTHER_LINE]
    long = ("line-too-long", len(HOLE))
    assert rejected_in(shell.folder) == [(3, *long), (5, *long)]


@pytest.mark.slow
def test_followed_file_with_another_long_line_is_another_file(
    shell: Shell, start: Callable[..., Live]
) -> None:
    path = shell.folder / "stream.json"
    path.write_bytes(HOLE + b"\n" + FLAGGED_LINE + b"\n")
    follow(start)
    path.write_bytes(HOLE[1:] + b"\1\n" + OTHER_LINE + b"\n")
    again = resume(shell, start, 2)
    _, err = again.end(signal.SIGINT)
    assert "expected the 2 lines read before, found another line first" in err
    assert len(rejected_in(shell.folder)) == 2


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="counts memory in other units")
@pytest.mark.parametrize("words", [["-"], ["stream.json", "--follow"]])
def test_memory_of_a_live_run_does_not_grow_with_a_line(
    shell: Shell, start: Callable[..., Live], words: list[str]
) -> None:
    path = shell.folder / "stream.json"
    path.write_bytes(b"")
    os.truncate(path, 300 << 20)
    with path.open("ab") as file:
        file.write(b"\n" + FLAGGED_LINE + b"\n")
    with path.open("rb") as stream:
        live = start(words[0], "flagged.json", *words[1:], stdin=stream)
        peak = 0

        def flagged() -> bool:
            nonlocal peak
            status = Path(f"/proc/{live.process.pid}/status").read_text(encoding="ascii")
            found = re.search(r"VmHWM:\s+(\d+) kB", status)
            peak = peak if found is None else int(found[1]) >> 10
            return live.flagged() == SPEC_FLAGGED

        live.wait_for(flagged)
        live.end(signal.SIGTERM)
    assert 0 < peak < 120
    assert rejected_in(shell.folder) == [(1, "line-too-long", 300 << 20)]


def lines_of(folder: Path) -> list[tuple[int, bytes]]:
    """Return the lines of the stream that the store has, with their numbers."""
    try:
        history = History(replay.EventStore(folder / "flagged.json.events"))
    except replay.StoreError:
        return []
    lines = [line for line in history.log_lines() if line.place.source == "stream"]
    return [(line.place.line, line.text) for line in lines]


def test_followed_pipe_outlives_its_writers(shell: Shell, start: Callable[..., Live]) -> None:
    path = shell.folder / "pipe"
    os.mkfifo(path)
    live = start("pipe", "flagged.json", "--follow")
    expected: list[tuple[int, bytes]] = []
    # Each opens it, writes and goes; the second leaves a line without its newline.
    for text in (b"one\n", b"two", b"three\n\n", FLAGGED_LINE + b"\n"):
        path.write_bytes(text)
        number = 5 if text.startswith(FLAGGED_LINE) else len(expected) + 1
        expected.append((number, text.strip()))
        live.wait_for(lambda: lines_of(shell.folder) == expected)
    status, err = live.end(signal.SIGTERM)
    assert status == 0
    assert err.splitlines()[:4] == [
        "pipe:1: rejected (not-json): expected one JSON object, found no JSON: 'one'",
        "pipe:2: rejected (not-json): expected one JSON object, found no JSON: 'two'",
        "pipe:3: rejected (not-json): expected one JSON object, found no JSON: 'three'",
        "pipe: stopped after line 5; what is read next has to begin with line 6, as tail -n +6 "
        "gives it",
    ]
    assert shell.read("flagged.json") == SPEC_FLAGGED
    again = start("pipe", "flagged.json", "--follow", "--resume")
    path.write_bytes(b"six\n")
    again.wait_for(lambda: lines_of(shell.folder) == [*expected, (6, b"six")])
    assert "pipe: going on after line 5;" in again.end(signal.SIGINT)[1]


def test_what_a_named_pipe_holds_when_the_run_is_stopped_is_judged(
    shell: Shell, start: Callable[..., Live]
) -> None:
    os.mkfifo(shell.folder / "pipe")
    live = start("pipe", "flagged.json", "--follow")
    with (shell.folder / "pipe").open("wb", buffering=0) as pipe:
        pipe.write(OTHER_LINE + b"\n")
        live.wait_for(lambda: len(lines_of(shell.folder)) == 1)
        live.process.send_signal(signal.SIGSTOP)
        pipe.write((FLAGGED_LINE + b"\n") * 300 + b"and a par")
        live.process.send_signal(signal.SIGTERM)
        live.process.send_signal(signal.SIGCONT)
        status, err = live.end()
    assert status == 0
    assert len(lines_of(shell.folder)) == 301
    assert "pipe: stopped after line 301; what is read next has to begin with line 302" in err
    assert "pipe: stopped in the middle of a line; what was read of it is not kept\n" in err


@pytest.mark.slow
def test_pipe_that_is_made_anew_is_followed(shell: Shell, start: Callable[..., Live]) -> None:
    path = shell.folder / "pipe"
    os.mkfifo(path)
    live = start("pipe", "flagged.json", "--follow")
    path.write_bytes(b"one\n")
    live.wait_for(lambda: len(lines_of(shell.folder)) == 1)
    path.unlink()
    os.mkfifo(path)
    path.write_bytes(b"two\n")
    live.wait_for(lambda: len(lines_of(shell.folder)) == 2)
    assert live.end(signal.SIGTERM)[0] == 0
    assert lines_of(shell.folder) == [(1, b"one"), (2, b"two")]


@pytest.mark.parametrize(
    ("stream", "found"),
    [
        ("-", "found standard input, which ends when its writer ends; leave out --follow"),
        (".", "found a folder; leave out --follow"),
        ("/dev/null", "found a device; leave out --follow"),
        ("log.gz", "found the name of a gzip file, which does not grow by lines"),
        ("missing", "expected a readable stream, found: No such file or directory"),
    ],
)
def test_what_cannot_be_followed_is_refused_before_anything_is_written(
    shell: Shell, stream: str, found: str
) -> None:
    shell.write("log.gz", b"")
    before = shell.names()
    status, _, err = shell("batch.json", stream, "flagged.json", "--follow")
    assert (status, err.count("\n")) == (2, 1)
    assert found in err
    assert shell.names() == before


def test_rejected_lines_are_numbered_anew_after_a_rotation(
    shell: Shell, start: Callable[..., Live]
) -> None:
    path = shell.folder / "stream.json"
    path.write_bytes(b"one\n\nthree\n")
    live = start("stream.json", "flagged.json", "--follow")
    live.wait_for(lambda: len(lines_of(shell.folder)) == 2)
    path.rename(shell.folder / "old")
    path.write_bytes(b"\nnew\n")
    live.wait_for(lambda: len(lines_of(shell.folder)) == 3)
    _, err = live.end(signal.SIGTERM)
    assert re.findall(r"^stream.json:(\d):.*found no JSON: '(\w+)'$", err, re.MULTILINE) == [
        ("1", "one"),
        ("3", "three"),
        ("2", "new"),
    ]


@pytest.mark.slow
def test_file_given_once_more_on_standard_input_is_gone_on_with_behind_what_was_read(
    shell: Shell, start: Callable[..., Live]
) -> None:
    path = shell.folder / "log"
    path.write_bytes(b"one\ntwo\n")
    for more in (b"", b"three\n"):
        with path.open("ab+") as file:
            file.write(more)
            file.flush()
            file.seek(0)
            live = start("-", "flagged.json", "--resume", stdin=file)
            status, err = live.end()
        assert status == 0
    assert lines_of(shell.folder) == [(1, b"one"), (2, b"two"), (3, b"three")]
    assert "-: begins with the 2 lines read before\n" in err
    # Lines that are not those are what comes next.
    path.write_bytes(b"four\n")
    with path.open("rb") as file:
        live = start("-", "flagged.json", "--resume", stdin=file)
        assert (
            "-: going on after line 3; what is read now has to begin with line 4" in (live.end()[1])
        )
    assert lines_of(shell.folder)[3:] == [(4, b"four")]


@pytest.mark.slow
def test_check_says_with_which_line_a_live_stream_goes_on(
    shell: Shell, start: Callable[..., Live]
) -> None:
    live = start("-", "flagged.json")
    live.write(FLAGGED_LINE + b"\n\nno JSON\n" + OTHER_LINE + b"\n\n{")
    live.wait_for(lambda: len(lines_of(shell.folder)) == 3)
    live.process.kill()
    live.process.communicate()
    assert "the stream goes on with line 5\n" in shell("check", "flagged.json.events").out
    told = json.loads(shell("check", "flagged.json.events", "--json").out)
    assert told["next_line"] == 5
    # A run on files goes on by itself.
    assert "goes on" not in shell("batch.json", "stream.json", "other.json").err
    assert "goes on" not in shell("check", "other.json.events").out


@pytest.mark.slow
def test_lines_are_judged_once_while_files_are_rotated_and_the_program_is_killed(
    shell: Shell, start: Callable[..., Live]
) -> None:
    """All of it with real processes, in real time; `test_following` tries more, and faster."""
    dice = random.Random(1)
    path = shell.folder / "stream.json"
    path.write_bytes(b"")
    live = start("stream.json", "flagged.json", "--follow", "--resume")
    written: list[bytes] = []

    def write(lines: int) -> None:
        new = [b"line %d" % number for number in range(len(written), len(written) + lines)]
        written.extend(new)
        with path.open("ab") as file:
            for line in new:
                cut = dice.randrange(len(line) + 1)
                file.write(line[:cut])
                file.flush()
                file.write(line[cut:] + b"\n")

    first = 0
    for number in range(30):
        write(dice.randrange(1, 40))
        if dice.random() < 0.6:
            # Once it has the file open, the program may be anywhere in it.
            live.wait_for(lambda: len(lines_of(shell.folder)) > first)  # noqa: B023
            write(dice.randrange(40))
            path.rename(shell.folder / f"old.{number}")
            first = len(written)
            write(dice.randrange(1, 40))
        if dice.random() < 0.2:
            live.wait_for(lambda: len(lines_of(shell.folder)) == len(written))
            if dice.random() < 0.5:
                live.process.kill()
                live.process.communicate()
            else:
                assert live.end(signal.SIGTERM)[0] == 0
            first = len(written)
            write(dice.randrange(1, 4))
            live = start("stream.json", "flagged.json", "--follow", "--resume")
    live.wait_for(lambda: len(lines_of(shell.folder)) == len(written))
    assert live.end(signal.SIGTERM)[0] == 0
    assert [line for _, line in lines_of(shell.folder)] == written
    for command in ("check", "verify"):
        assert shell(command, "flagged.json.events").status == 0
