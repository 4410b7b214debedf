"""A followed file whose writer does something between any two looks: every line is judged once.

The schedule is drawn from a seed: whenever the program asks the system about the file, the
writer may first append, rotate, truncate, rewrite or replace it, for real. In between the run
is stopped or killed, and goes on from its store.
"""

from __future__ import annotations

import itertools
import os
import random
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest

from events.disk import Identity, identity_of
from events.logs import growing
from events.logs.block import numbered
from events.logs.file import Portions
from events.logs.live import LiveLog
from events.purchases.blocks import BlockParser
from events.records.record import Rejected
from events.store.store import EventStore
from replay.engine import kept_lines
from replay.engine.listener import RunListener as Listener
from replay.engine.output_file import OutputFile
from replay.engine.run import Run
from replay.judging.drive import JudgingDrive
from replay.judging.history import Summary
from replay.purchases.history import History
from replay.purchases.logs import Logs
from replay.purchases.simulation import Simulation
from replay.testing.disks import DyingDisk
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from replay.engine.history import LogLine

SEEDS = 60
# Of the first so many it is counted what happens in them.
SEEDS_COUNTED = 20
ROUNDS = 40

TOLD = ("rotated", "truncated", "rewritten", "replaced", "expected", "stopped in the middle")

counts: Counter[str] = Counter()


class Line:
    """A line that was written, or as much of it as was."""

    def __init__(self, text: bytes, number: int, *, promised: bool) -> None:
        self.text = text
        self.number = number
        self.promised = promised


class File:
    """A file as its writer knows it."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.newlines = 0
        self.begun: tuple[Line, bytes] | None = None
        self.promised = True


class Writer:
    """Writes lines to a file, which others rotate, truncate, rewrite and replace."""

    def __init__(self, path: Path, dice: random.Random) -> None:
        self.path = path
        self.away = path
        # Whether a file has the name which this does not write to yet.
        self.lagging = False
        # Whether the program is to stop: it does not wait for a writer that lags then.
        self.leaving = False
        self.dice = dice
        self.file = File()
        self.left: list[File] = []
        self.written: list[Line] = []
        # What was written of lines before the rest of them.
        self.parts: set[bytes] = set()
        self.judged: Callable[[], set[bytes]] = set
        # The files that the program has opened.
        self.opened: set[Identity | None] = set()
        self.number = 0
        path.touch()

    @property
    def named(self) -> bool:
        return self.path.exists()

    def act(self) -> None:
        acts = [self.append] * 4 + [self.begin_line] * 2 + [self.blank, self.begin_anew]
        if self.lagging and self.leaving:
            acts = [self.change_over]
        elif self.lagging:
            acts += [self.change_over] * 4
        elif self.named:
            acts += [self.rotate, self.rotate, self.remove, self.copy, self.move_away]
            acts += [self.truncate, self.rewrite]
        else:
            acts += [self.make] * 4
        act = self.dice.choice(acts)
        counts[act.__name__] += 1
        act()

    # What is done with lines

    def append(self) -> None:
        """Append some lines; also to a file that has lost its name, while there is no other."""
        with self._opened() as file:
            self._finish_line(file)
            for _ in range(self.dice.choice((1, 1, 2, 5, 40))):
                file.write(self._line().text + b"\n")
                self.file.newlines += 1

    def begin_line(self) -> None:
        """Append a part of a line; maybe all of it but the newline."""
        with self._opened() as file:
            self._finish_line(file)
            line = self._line()
            cut = self.dice.randrange(18, len(line.text) + 1)
            self.file.begun = (line, line.text[cut:])
            line.text = line.text[:cut]
            self.parts.add(line.text)
            file.write(line.text)

    def blank(self) -> None:
        """Append blank lines."""
        with self._opened() as file:
            self._finish_line(file)
            blank = self.dice.choice((b"\n", b"  \r\n", b"\n\n\n"))
            file.write(blank)
            self.file.newlines += blank.count(b"\n")

    def begin_anew(self) -> None:
        """Cut off what was begun of a line, as a writer does that had died over it."""
        if self.file.begun is None:
            return
        line, _ = self.file.begun
        with self._opened() as file:
            file.truncate(file.tell() - len(line.text))
        self.file.begun = None
        self.file.lines.remove(line)
        self.written.remove(line)

    def _opened(self) -> BinaryIO:
        return (self.path if self.named and not self.lagging else self.away).open("ab")

    def _finish_line(self, file: BinaryIO) -> None:
        if self.file.begun is not None:
            line, rest = self.file.begun
            line.text += rest
            file.write(rest + b"\n")
            self.file.begun = None
            self.file.newlines += 1

    def _line(self) -> Line:
        self.number += 1
        text = b'{"n": "%08d", "event_type":"purchase", "timestamp":"2017-06-13 11:33:02", ' % (
            self.number
        )
        text += b'"id": "2", "amount": "%d.00"}' % self.number
        if self.dice.random() < 0.1:
            text = b"no JSON: %08d, whatever it is" % self.number
        line = Line(text, self.file.newlines + 1, promised=self.file.promised)
        self.file.lines.append(line)
        self.written.append(line)
        return line

    # What is done with files

    def rotate(self) -> None:
        """Move the file away and make another one, which may stay empty for a while."""
        self.move_away()
        self._create()
        if self.dice.random() < 0.5:
            self.change_over()
            if self.dice.random() < 0.5:
                self.append()

    def change_over(self) -> None:
        """Write to the file that has the name from now on."""
        self.lagging = False
        self.left.append(self.file)
        self.file = File()

    def move_away(self) -> None:
        """Move the file away; its writer goes on writing to it."""
        self._loses_name()
        self.away = self.path.with_name(f"old.{counts.total()}")
        self.path.rename(self.away)

    def make(self) -> None:
        """Make a file in the place of the one that has lost the name."""
        self._create()
        self.change_over()

    def remove(self) -> None:
        """Remove the file and make another one: it may get the same inode."""
        self._loses_name()
        self.path.unlink()
        self.make()

    def copy(self) -> None:
        """Put a copy in the place of the file, as editors do; it is the same log."""
        copy = self.path.with_name("copy")
        copy.write_bytes(self.path.read_bytes())
        copy.rename(self.path)
        self.opened.discard(identity_of(self.path))

    def truncate(self) -> None:
        """Truncate the file in place; what nobody has read until then is lost."""
        os.truncate(self.path, 0)
        self.expect_no_more_of(self.file)
        self.file = File()

    def rewrite(self) -> None:
        """Write something else in place that is as long or longer."""
        size = self.path.stat().st_size
        self.truncate()
        while self.path.stat().st_size < size:
            self.append()

    def _loses_name(self) -> None:
        if identity_of(self.path) not in self.opened:
            # Nobody has looked while it had the name.
            self.expect_no_more_of(self.file)

    def _create(self) -> None:
        self.path.touch()
        self.opened.discard(identity_of(self.path))
        self.lagging = True

    def expect_no_more_of(self, file: File) -> None:
        """Expect no other lines of ``file`` than those that were judged."""
        judged = self.judged()
        file.promised = False
        for line in file.lines:
            line.promised = line.text in judged


class System:
    """The module os, before each call of which the writer may do something."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self.chance = 0.0

    def __getattr__(self, name: str) -> Any:
        call = getattr(os, name)
        if name not in {"stat", "fstat", "open", "pread"}:
            return call

        def interrupted(*words: Any) -> Any:
            while self._writer.dice.random() < self.chance:
                self._writer.act()
            given = call(*words)
            if name == "open":
                self._writer.opened.add(Identity.of(given))
            return given

        return interrupted


class Wake:
    """Ends the run in good order."""

    def __init__(self) -> None:
        self.stopping = False
        self._ends = os.pipe()

    def __call__(self) -> bool:
        return self.stopping

    def fileno(self) -> int:
        return self._ends[0]

    def close(self) -> None:
        for end in self._ends:
            os.close(end)


QUICK = Portions(look_seconds=0, idle_seconds=0)
"""So a look that finds nothing is told at once."""


def run_of(logs: Logs, summary: Summary, listener: Listener) -> Run:
    disk = DyingDisk()
    return Run(
        logs,
        OutputFile(summary.output_path, disk),
        summary,
        JudgingDrive(logs, summary, Simulation, listener, bool),
        strict=False,
        listener=listener,
        should_stop=bool,
        disk=disk,
    )


class Told(Listener):
    """Counts what is told about the file."""

    def on_start(self, logs: Logs, _: Summary) -> None:
        logs.stream.notify = self.tell

    def tell(self, text: str) -> None:
        for words in TOLD:
            counts[words] += f"stream.json: {words}" in text


class Follower:
    """A run that follows the file."""

    def __init__(self, folder: Path, writer: Writer) -> None:
        self.folder = folder
        self.writer = writer
        self._known: tuple[int, set[bytes]] = (0, set())
        writer.judged = self.texts
        (folder / "batch.json").write_bytes(SPEC_EXAMPLE.batch)
        self.running = False

    def judged(self) -> list[LogLine]:
        if not (self.folder / "store").exists():
            return []
        history = History(EventStore(self.folder / "store"))
        return [line for line in history.log_lines() if line.place.source == "stream"]

    def texts(self) -> set[bytes]:
        store = self.folder / "store"
        size = store.stat().st_size if store.exists() else 0
        if size != self._known[0]:
            self._known = size, {line.text for line in self.judged()}
        return self._known[1]

    def start(self) -> None:
        """Give the command again; what has lost the name while it was down is not known."""
        if not self.writer.named:
            self.writer.make()
        if self.writer.lagging:
            self.writer.change_over()
        for file in self.writer.left:
            self.writer.expect_no_more_of(file)
        self.stack = ExitStack()
        self.wake = Wake()
        self.stack.callback(self.wake.close)
        paths = self.folder / "batch.json", self.folder / "stream.json"
        logs = self.stack.enter_context(Logs(*paths, follow=True, wake=self.wake, portions=QUICK))
        self.writer.opened.add(identity_of(paths[1]))
        summary = Summary(self.folder / "flagged.json", self.folder / "store")
        run = run_of(logs, summary, Told())
        assert run.start(self.stack, overwrite=False, resume=True)
        for _ in run.read(logs.batch):
            pass
        self.blocks: Iterator[None] = run.read(logs.stream)
        self.running = True

    def look(self) -> None:
        next(self.blocks)

    def kill(self) -> None:
        """Be as a process that is gone: nothing more is done."""
        self.running = False
        self.stack.close()
        counts["kill"] += 1

    def stop(self) -> None:
        """Ask for the end; whatever has lost the name by then is read before that."""
        dropped = counts["stopped in the middle"]
        self.wake.stopping = self.writer.leaving = True
        for _ in self.blocks:
            pass
        self.running = self.writer.leaving = False
        self.stack.close()
        counts["stop"] += 1
        left = [*self.writer.left]
        if self.writer.lagging or not self.writer.named:
            left.append(self.writer.file)
        judged = self.writer.judged()
        for file in left:
            if file.begun is not None and counts["stopped in the middle"] > dropped:
                # Whether anybody goes on with this line nobody knows, and so it was said.
                file.begun[0].promised = file.begun[0].text in judged
            assert [
                line.text for line in file.lines if line.promised and line.text not in judged
            ] == []

    def check(self) -> None:
        """See that each line was judged once, in order, and has its number."""
        judged = self.judged()
        times = Counter(re.findall(rb"[0-9]{8}", line.text)[0] for line in judged)
        promised = {line.text: line.number for line in self.writer.written if line.promised}
        assert [number for number, count in times.items() if count > 1] == []
        written = self.writer.parts | {line.text for line in self.writer.written}
        assert {line.text for line in judged} <= written
        assert [(line.text, line.place.line) for line in judged if line.text in promised] == list(
            promised.items()
        )
        counts["lines judged"] += len(judged)
        counts["lines promised"] += len(promised)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SEEDS_COUNTED, SEEDS))
def test_every_line_that_was_there_at_a_look_is_judged_once(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(seed, tmp_path, monkeypatch)


@pytest.mark.slow
def test_whatever_can_happen_to_a_file_happened_in_these_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts.clear()
    for seed in range(SEEDS_COUNTED):
        (tmp_path / str(seed)).mkdir()
        play(seed, tmp_path / str(seed), monkeypatch)
    done = ["append", "begin_line", "blank", "begin_anew", "change_over", "kill", "stop"]
    done += ["rotate", "move_away", "make", "remove", "copy", "truncate", "rewrite"]
    assert {words for words in (*TOLD, *done) if not counts[words]} == set()
    assert counts["lines promised"] > 0.9 * counts["lines judged"] > 1000


def play(seed: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(seed)
    writer = Writer(folder / "stream.json", dice)
    system = System(writer)
    for module in (growing, kept_lines):
        monkeypatch.setattr(module, "os", system)
    follower = Follower(folder, writer)
    for _ in range(ROUNDS):
        if not follower.running:
            while dice.random() < 0.7:
                writer.act()
            system.chance = dice.choice((0, 0.3))
            follower.start()
        system.chance = dice.choice((0, 0.1, 0.5))
        for _ in range(dice.randrange(6)):
            follower.look()
        system.chance = dice.choice((0, 0.1, 0.4))
        if dice.random() < 0.3:
            dice.choice((follower.kill, follower.stop))()
    system.chance = 0
    if not follower.running:
        follower.start()
    writer.append()
    for _ in range(ROUNDS):
        follower.look()
    follower.stop()
    follower.check()


# One thing at a time


class Follows:
    """A log that is followed, and what has come of it."""

    def __init__(self, path: Path) -> None:
        self.log = LiveLog(path, "stream", BlockParser, follow=True, portions=QUICK)
        self.told: list[str] = []
        self.log.notify = self.told.append
        self.blocks = self.log.blocks(1)
        self.lines: list[tuple[int, bytes]] = []

    def look(self) -> bool:
        """Look once; tell if anything came."""
        block = next(self.blocks)
        for number, record in numbered(block.records):
            assert isinstance(record, Rejected)
            self.lines.append((number, record.line))
        return bool(block.records)

    def catch_up(self) -> list[tuple[int, bytes]]:
        """Look until nothing comes; return the lines that have come since the last time."""
        seen = len(self.lines)
        while self.look():
            pass
        return self.lines[seen:]


@pytest.fixture
def follows(tmp_path: Path) -> Iterator[Follows]:
    path = tmp_path / "stream.json"
    path.touch()
    follows = Follows(path)
    yield follows
    follows.log.close()


def write(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


@pytest.mark.slow
def test_wherever_a_rotation_falls_between_the_looks_no_line_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tries all ways for two programs to get in between, of which one rotates and one writes."""
    path, old = tmp_path / "stream.json", tmp_path / "old"
    steps: list[Callable[[], object]] = [
        lambda: write(path, b"one\n"),
        lambda: path.rename(old),
        lambda: write(old, b"two\nthr"),
        path.touch,
        lambda: write(old, b"ee\n"),
        lambda: write(path, b"four\n"),
    ]
    expected = [(1, b"one"), (2, b"two"), (3, b"three"), (1, b"four")]
    asked = 0
    due: list[int] = []

    class Between:
        def __getattr__(self, name: str) -> Any:
            call = getattr(os, name)

            def interrupted(*words: Any) -> Any:
                nonlocal asked
                asked += 1
                while due and due[0] <= asked:
                    del due[0]
                    steps[-1 - len(due)]()
                return call(*words)

            return interrupted if name in {"stat", "fstat", "open", "pread"} else call

    monkeypatch.setattr(growing, "os", Between())
    for times in itertools.combinations_with_replacement(range(1, 10), len(steps)):
        path.write_bytes(b"")
        old.unlink(missing_ok=True)
        asked, due[:] = 0, times
        follows = Follows(path)
        while due or follows.catch_up():
            follows.look()
        follows.log.close()
        assert follows.lines == expected, times


def test_switched_link_is_followed_and_one_that_comes_back_at_once_is_not_read_twice(
    follows: Follows, tmp_path: Path
) -> None:
    def switch(target: str) -> None:
        (tmp_path / "link").symlink_to(target)
        (tmp_path / "link").rename(path)

    path = tmp_path / "stream.json"
    path.rename(tmp_path / "a")
    switch("a")
    write(path, b"one\n")
    assert follows.catch_up() == [(1, b"one")]
    (tmp_path / "b").touch()
    switch("b")
    assert follows.catch_up() == []
    switch("a")
    assert follows.catch_up() == []
    write(path, b"two\n")
    assert follows.catch_up() == [(2, b"two")]
    write(tmp_path / "b", b"three\n")
    switch("b")
    assert follows.catch_up() == [(1, b"three")]
    (tmp_path / "b").unlink()
    assert follows.catch_up() == []
    write(path, b"four\n")
    assert follows.catch_up() == [(1, b"four")]


def test_last_line_without_newline_is_a_line_when_its_file_is_left(
    follows: Follows, tmp_path: Path
) -> None:
    path = tmp_path / "stream.json"
    write(path, b"one\ntwo")
    assert follows.catch_up() == [(1, b"one")]
    path.rename(tmp_path / "old")
    assert follows.catch_up() == []
    write(path, b"three\n")
    assert follows.catch_up() == [(2, b"two"), (1, b"three")]
    assert follows.told == [f"{path}: rotated, so the new file is read from its start"]


def test_file_that_is_as_long_as_before_or_longer_is_seen_to_be_rewritten(
    follows: Follows, tmp_path: Path
) -> None:
    path = tmp_path / "stream.json"
    write(path, b"one\ntwo\n")
    follows.catch_up()
    for text in (b"ten\nsix\n", b"four\nfive\nseven\n"):
        path.write_bytes(text)
        assert [line for _, line in follows.catch_up()] == text.split()
    # A writer that does not append leaves a hole where the truncation was.
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(0)
        file.seek(size)
        file.write(b"eight\n")
    assert follows.catch_up() == [(1, bytes(size) + b"eight")]
    assert follows.told == [f"{path}: rewritten, so it is read from its start"] * 3


def test_writer_may_take_back_what_it_has_begun_of_a_line(follows: Follows, tmp_path: Path) -> None:
    path = tmp_path / "stream.json"
    write(path, b"one\ntw")
    assert follows.catch_up() == [(1, b"one")]
    os.truncate(path, 4)
    assert follows.catch_up() == []
    write(path, b"three\n")
    assert follows.catch_up() == [(2, b"three")]
    assert follows.told == []


def test_copy_in_the_place_of_a_file_is_read_on(follows: Follows, tmp_path: Path) -> None:
    path = tmp_path / "stream.json"
    write(path, b"one\ntw")
    follows.catch_up()
    (tmp_path / "copy").write_bytes(b"one\ntwo\nthree\n")
    (tmp_path / "copy").rename(path)
    assert follows.catch_up() == [(2, b"two"), (3, b"three")]
    assert follows.told == [
        f"{path}: replaced by a file that begins with the same lines, so it is read on behind them"
    ]


def test_what_cannot_be_read_in_the_place_of_a_file_is_waited_for(
    follows: Follows, tmp_path: Path
) -> None:
    path, old = tmp_path / "stream.json", tmp_path / "old"
    path.rename(old)
    path.mkdir()
    write(old, b"one\n")
    assert follows.catch_up() == [(1, b"one")]
    assert follows.catch_up() == []
    path.rmdir()
    path.write_bytes(b"two\n")
    assert follows.catch_up() == [(1, b"two")]
    assert follows.told == [
        f"{path}: expected a readable file in its place, found: something that is no file",
        f"{path}: rotated, so the new file is read from its start",
    ]


# Going on from a store


def follow(folder: Path, *, stop: bool = True, stream: str = "stream.json") -> list[str]:
    """Go on with the stream until nothing comes, and be stopped or killed; return what was told."""
    told: list[str] = []
    (folder / "batch.json").write_bytes(SPEC_EXAMPLE.batch)
    with ExitStack() as stack:
        wake = Wake()
        stack.callback(wake.close)
        live = stream == "stream.json"
        paths = folder / "batch.json", folder / stream
        portions = QUICK if live else None
        logs = stack.enter_context(Logs(*paths, follow=live, wake=wake, portions=portions))
        assert isinstance(logs.stream, LiveLog)
        logs.stream.notify = told.append
        summary = Summary(folder / "flagged.json", folder / "store")
        run = run_of(logs, summary, Listener())
        assert run.start(stack, overwrite=False, resume=True)
        for _ in run.read(logs.batch):
            pass
        blocks = run.read(logs.stream)
        for _ in range(8 if live else 1000):
            next(blocks, None)
        if stop:
            wake.stopping = True
            for _ in blocks:
                pass
    return [text.removeprefix(f"{paths[1]}: ") for text in told]


def lines_of(folder: Path) -> list[tuple[int, bytes]]:
    history = History(EventStore(folder / "store"))
    lines = [line for line in history.log_lines() if line.place.source == "stream"]
    return [(line.place.line, line.text) for line in lines]


@pytest.mark.parametrize("stop", [True, False])
@pytest.mark.parametrize(
    ("now", "found"),
    [
        (b"", "an empty file"),
        (b"two\n", "another line first"),
        (b"two\n\nthree\nfour\n", "another line first"),
        (b"one\n", "only the first 1, which are judged again, and then its end"),
        (b"one\n\n", "only the first 2, which are judged again, and then its end"),
        (b"one\n\n\ntwo", "only the first 2, which are judged again, and then another line"),
        (b"one\n\ntw", "only the first 2, which are judged again, and then its end"),
        (b"one\n\ntwo\nfive\n", "only the first 3, which are judged again, and then another line"),
    ],
)
def test_file_that_lacks_a_line_that_was_read_is_another_one(
    tmp_path: Path, now: bytes, found: str, *, stop: bool
) -> None:
    path = tmp_path / "stream.json"
    path.write_bytes(b"one\n\ntwo\nthree\n\n")
    assert follow(tmp_path, stop=stop) == []
    before = lines_of(tmp_path)
    assert before == [(1, b"one"), (3, b"two"), (4, b"three")]
    # As a rule another file; where it is the same one, that makes no difference.
    path.write_bytes(now)
    assert follow(tmp_path) == [
        f"expected the 4 lines read before, found {found}; it was rotated, rewritten "
        "or truncated since, so it is read from its start, and what came after line 4 before "
        "that is not read"
    ]
    whole = now[: now.rfind(b"\n") + 1].split(b"\n")
    assert lines_of(tmp_path) == before + [
        (number, line) for number, line in enumerate(whole, 1) if line
    ]


def test_lines_of_a_new_file_count_though_they_are_those_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "stream.json"
    path.write_bytes(b"one\ntwo\n")
    follow(tmp_path)
    path.write_bytes(b"")
    assert len(follow(tmp_path, stop=False)) == 1
    path.write_bytes(b"one\ntwo\nthree\n")
    assert follow(tmp_path, stop=False) == []
    assert follow(tmp_path) == []
    twice = [(1, b"one"), (2, b"two"), (1, b"one"), (2, b"two"), (3, b"three")]
    assert lines_of(tmp_path) == twice


ODD_LINES = [
    b"",
    b" \t\r",
    b"\xef\xbb\xbf",
    b"not json",
    b"\xff\xfe",
    b'{"event_type":"purchase", "timestamp":"2017-06-13 11:33:02", "id": "2", "amount": "7.00"}',
    b'\xef\xbb\xbf{"event_type":"befriend","timestamp":"2017-06-13 11:33:02","id1":3,"id2":"4"}\r',
    b'{"event_type":"unfriend", "timestamp":"2017-06-13 11:33:02", "id1": "1", "id2": "2"}',
    b'  {"amount": 7.5, "id": 1, "event_type":"purchase", "timestamp":"2017-06-13 11:33:02.50"}',
    b'{"event_type":"purchase", "timestamp":"2017-02-30 11:33:02", "id": "2", "amount": "7.00"}',
    bytes(70_000),
]


@pytest.mark.parametrize("seed", range(20))
def test_lines_of_every_kind_are_known_again(seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)
    path = tmp_path / "stream.json"
    lines = [dice.choice(ODD_LINES) for _ in range(dice.randrange(2, 30))]
    content = b"\n".join(lines) + b"\n"
    path.touch()
    while len(content) > path.stat().st_size:
        write(path, content[path.stat().st_size :][: dice.choice((1, 50, 200, 10**6))])
        assert follow(tmp_path, stop=dice.random() < 0.5) == []
    mark = b"\xef\xbb\xbf"
    kept = [
        (number, line)
        for number, line in enumerate(lines, 1)
        if (line.removeprefix(mark) if number == 1 else line).strip(b" \t\r")
    ]
    assert lines_of(tmp_path) == kept
    # A single byte that is another one, anywhere in a line that was read, tells.
    number, line = dice.choice(kept) if kept else (0, b"")
    if line:
        at = sum(len(before) + 1 for before in lines[: number - 1]) + dice.randrange(len(line))
        with path.open("r+b") as file:
            file.seek(at)
            file.write(bytes([content[at] ^ 1]))
        assert len(follow(tmp_path)) == 1
        assert len(lines_of(tmp_path)) > len(kept)


def test_file_that_came_through_a_pipe_can_be_followed_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "stream.json"
    path.write_bytes(b"one\ntwo")
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor() as pool:
        pool.submit((tmp_path / "pipe").write_bytes, path.read_bytes())
        follow(tmp_path, stream="pipe")
    for text in (b"", b"\nthree\n", b"four\n"):
        write(path, text)
        assert follow(tmp_path) == []
    expected = [(1, b"one"), (2, b"two"), (3, b"three"), (4, b"four")]
    assert lines_of(tmp_path) == expected
