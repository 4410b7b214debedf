"""Stores with right checksums and wrong content, and every command on each of them.

A store is data from outside (SPEC.md section 5): whatever stands in one, each command
answers with its result or with one clear line and status 2. What `check` and `verify` call
good, a run goes on with, and `rebuild` writes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import random
import resource
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Final
from unittest import mock

import observations

from campaigns.bounded import Outcome, outcome
from campaigns.cases import FLAGGED, STORE, Campaign, expect, small_frames
from campaigns.histories import BATCH, STREAM, prepared
from campaigns.program import ROOT, python_words
from campaigns.remade import Remade
from campaigns.spoiling import spoil
from replay import cli

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_ORIGINALS: Final = 40
_PROCESS_CASES: Final = 25
_PROCESS_SECONDS_MAX: Final = 120
_PROCESS_BYTES_MAX: Final = 2 << 30
_ROWS: Final = "observations.csv"
_UNCHANGED: Final = " in the branch: no difference\n"


@dataclasses.dataclass(frozen=True)
class Original:
    """A store as a run left it, or as it might have been stopped or saved."""

    path: Path
    """Where the store is; the folders of inputs and outputs are beside it."""
    events: int
    """How many events it has."""
    words: Callable[[Path], list[str]]
    """The command that goes on with it in a folder."""
    intervals: bool
    """Of which kind it is."""
    finished: bool
    """Whether nothing is left to do."""
    repaired: bool
    """Whether it was saved from a damaged one."""

    def begin(self, folder: Path) -> Path:
        """Put inputs and outputs into ``folder``, and return where the store is to be."""
        for name in ("in", "out"):
            shutil.copytree(self.path.parent / name, folder / name)
        return folder / "out" / STORE


class Hostile(Campaign):
    """Each case is a store that is spoiled in one to three ways."""

    name = "hostile"
    title = "stores with right checksums and wrong content, and every command on each"
    small = 12
    full = 5_000

    def case(self, number: int, folder: Path) -> None:
        """Spoil a store, and run every command on it."""
        drawn = random.Random(f"hostile {number}")
        kind = drawn.random() < 0.4
        original = self._original(drawn.randrange(_ORIGINALS), intervals=kind)
        other = self._original(drawn.randrange(_ORIGINALS), intervals=not kind)
        store = original.begin(folder)
        remade = Remade(original.path)
        done = spoil(remade, drawn, Remade(other.path))
        told = "\n".join(change.told for change in done)
        (folder / "spoiled").write_text(told, encoding="utf-8", errors="backslashreplace")
        store.write_bytes(remade.data())
        with small_frames(), on_any_worker():
            commands = _Commands(self, original, folder, store, drawn)
            check = commands.run(processes=number % _PROCESS_CASES == 0)
        self.done["stores"] += 1
        # Of a repaired store nobody knows what was there.
        if len(done) == 1 and done[0].certain and not original.repaired:
            expect(check.status != 0, f"{told}\nbut {check}")
            self.done["certain to be wrong"] += 1

    @functools.lru_cache(maxsize=2 * _ORIGINALS)  # noqa: B019  one campaign is all there is
    def _original(self, number: int, *, intervals: bool) -> Original:
        """Return an original store, made when it is first asked for."""
        folder = self.folder / f"{'intervals' if intervals else 'purchases'}-{number}"
        drawn = random.Random(f"original {intervals} {number}")
        with small_frames():
            words = (_observed if intervals else _purchases)(folder, number, drawn)
        path = folder / "out" / STORE
        how = drawn.choice(["finished", "finished", "unfinished", "repaired"])
        remade = Remade(path)
        if how == "unfinished":
            del remade.pieces[drawn.randrange(len(remade.pieces) + 1) :]
        data = remade.data() if how == "unfinished" else path.read_bytes()
        if how == "repaired" and len(remade.pieces) > 2:
            data = _repaired(folder, data, drawn)
        (folder / "store").write_bytes(data)
        events = _events(folder / "store")
        return Original(
            folder / "store", events, words, intervals, how == "finished", how == "repaired"
        )


def _purchases(folder: Path, number: int, _: random.Random) -> Callable[[Path], list[str]]:
    prepared(number, folder)

    def words(within: Path) -> list[str]:
        logs = [str(within / "in" / name) for name in (BATCH, STREAM)]
        return [*logs, str(within / "out" / FLAGGED), "-q"]

    return words


def _observed(folder: Path, number: int, drawn: random.Random) -> Callable[[Path], list[str]]:
    for name in ("in", "out"):
        (folder / name).mkdir(parents=True)
    keyed = drawn.random() < 0.6
    rows = list(observations.rows(drawn.randrange(60), 3 if keyed else 0, 0.1, number))
    if drawn.random() < 0.5:
        drawn.shuffle(rows)
    lines = [",".join(row if keyed else row[:2]) for row in rows]
    title = "time,adid,address" if keyed else "time,adid"
    (folder / "in" / _ROWS).write_text("\n".join([title, *lines]), encoding="utf-8")
    lateness = drawn.choice(["0s", "0s", "5m", "2h"])
    options = ["--threshold", drawn.choice(["1m", "10m", "1h"]), "--lateness", lateness, "-q"]
    options += ["--by", "address"] * keyed
    options += ["--min-distinct", "1"] * (drawn.random() < 0.3)

    def words(within: Path) -> list[str]:
        files = [str(within / "in" / _ROWS), str(within / "out" / FLAGGED)]
        return ["intervals", *files, *options]

    found = outcome(words(folder))
    expect(found.status == 0, f"expected a search, found {found}")
    return words


def _repaired(folder: Path, data: bytes, drawn: random.Random) -> bytes:
    """Return a store saved from ``data`` with a byte behind the header altered."""
    damaged = bytearray(data)
    damaged[drawn.randrange(len(data) // 2, len(data))] ^= 1 << drawn.randrange(8)
    (folder / "damaged").write_bytes(damaged)
    found = outcome(["repair", str(folder / "damaged"), "--output", str(folder / "saved")])
    expect(found.status == 0, f"expected a store that was saved, found {found}")
    return (folder / "saved").read_bytes()


def _events(path: Path) -> int:
    found = outcome(["check", str(path)])
    expect(found.status == 0, f"expected a good store, found {found}")
    line = next(line for line in found.out.splitlines() if line.endswith((" event", " events")))
    return int(line.split()[0].replace(",", ""))


@contextlib.contextmanager
def on_any_worker() -> Iterator[None]:
    """Let the program be found by what it starts, wherever this process runs."""
    with mock.patch.object(sys, "argv", [str(ROOT / "replay")]):
        yield


class _Commands:
    """Runs all commands on a store, and compares what they say of it."""

    def __init__(
        self, campaign: Hostile, original: Original, folder: Path, store: Path, drawn: random.Random
    ) -> None:
        self._done = campaign.done
        self._original = original
        self._folder = folder
        self._store = store
        self._drawn = drawn
        self._made = 0

    def run(self, *, processes: bool) -> Outcome:
        """Run those that read, then those that write, and last the run that goes on.

        Returns:
            What `check` said of the store.

        """
        told = {name: self._read(name) for name in ("check", "verify")}
        for words in self._looking():
            self._outcome(words)
        self._expect_same(told)
        if processes:
            self._in_processes(told)
        again = self._outcome(["rerun", self._store, self._new()])
        good = all(each.status == 0 for each in (*told.values(), again))
        if good and self._original.finished:
            # Its lines read again give the same history.
            expect(_UNCHANGED in again.out, f"{told['verify']}\nbut {again}{again.out}")
        rebuilt = self._outcome(["rebuild", *map(str, (self._store, self._new()))])
        saved = self._new()
        if self._outcome(["repair", self._store, "--output", saved]).status == 0:
            # What it holds may be wrong as it was before.
            for name, good in (("log", True), ("check", told["check"].status == 0)):
                found = self._outcome([name, saved])
                right = not good or found.status == 0
                expect(right, f"expected a saved store to be good, found {found}")
        went_on = self._outcome(self._original.words(self._folder))
        refused = went_on.status == 2 and f"{self._store}: " in went_on.err
        for each in told.values():
            good = each.status == 0
            expect(not (good and refused), f"{each}\nbut {went_on}")
            expect(not (good and rebuilt.status == 2), f"{each}\nbut {rebuilt}")
        # What a run that is finished holds is not looked at again.
        if went_on.status == 0 and told["check"].status != 2:
            after = self._read("check")
            expect(after.status == 0, f"after {went_on}\n{after}")
        self._done["called good"] += told["check"].status == 0
        return told["check"]

    def _expect_same(self, told: dict[str, Outcome]) -> None:
        """See that `check` and `verify` agree on whether it is a store at all."""
        check, verify = told["check"], told["verify"]
        other = "detector" in verify.err or "decided" in verify.err
        expect(not (verify.status == 0 and check.status == 2), f"{verify}\nbut {check}")
        expect(other or not (check.status == 0 and verify.status == 2), f"{check}\nbut {verify}")

    def _looking(self) -> Iterator[list[str | Path]]:
        """Iterate over commands that change nothing of the store."""
        store, drawn = self._store, self._drawn
        number = str(drawn.randint(1, self._original.events + 1))
        middle = self._original.events // 2
        yield ["log", store]
        yield ["log", store, "--json"]
        yield ["why", store, number]
        yield ["trace", store, number]
        yield ["report", store, number, "--output", self._new()]
        yield ["report", store, "--flagged", "--output", self._new()]
        yield ["step", store, "-c", f"goto {middle}; next; back; last; list; where; why {number}"]
        yield ["step", store, "-c", "break flagged; continue; message; reverse-continue; latest"]
        yield ["diff", store, self._original.path]
        yield ["export", store]
        logs = [self._new() for _ in range(3)]
        if self._original.intervals:
            yield ["export", store, "--observations", logs[0]]
        else:
            yield ["export", store, "--batch", logs[0], "--stream", logs[1]]
        yield ["rerun", store, self._new(), "-T", "3"]
        yield ["rerun", store, self._new(), "--skip", number]
        yield ["sweep", store, "-D", "1,2", "-T", "2,5"]
        yield ["shrink", store, number, "--output", self._new()]
        yield ["explore", store, "--orders", "1", "--jobs", "1"]

    def _new(self) -> Path:
        self._made += 1
        return self._folder / f"made-{self._made}"

    def _read(self, name: str) -> Outcome:
        return self._outcome([name, self._store])

    def _outcome(self, words: Sequence[str | Path]) -> Outcome:
        found = outcome(words)
        self._done["commands"] += 1
        self._done["refused"] += found.status == 2
        _expect_clear(found)
        return found

    def _in_processes(self, told: dict[str, Outcome]) -> None:
        """See that real processes say the same."""
        for name, expected in told.items():
            words = [sys.executable, *python_words, name, str(self._store)]
            process = subprocess.Popen(
                words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            resource.prlimit(process.pid, resource.RLIMIT_AS, (_PROCESS_BYTES_MAX,) * 2)
            try:
                out, err = process.communicate(timeout=_PROCESS_SECONDS_MAX)
            finally:
                process.kill()
            found = Outcome(words, process.returncode, out, err)
            expect(found[1:3] == expected[1:3], f"{expected}\nbut {found}")
            self._done["processes"] += 1


def _expect_clear(found: Outcome) -> None:
    """Let the case fail unless the status is a documented one, and an error is one line."""
    expect(found.status in (cli.EXIT_OK, cli.EXIT_FAILED, cli.EXIT_USAGE), f"{found}")
    expect("Traceback" not in found.err + found.out, f"{found}")
    if found.status == cli.EXIT_USAGE:
        lines = found.err.splitlines()
        errors = [line for line in lines if line.startswith(("replay: ", "python -m replay"))]
        # Those before it may say of two stores what is left aside, what was lost, what decided.
        expect(errors and len(errors) <= 5 and lines[-1] == errors[-1], f"{found}")
