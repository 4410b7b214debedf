"""Ctrl-C in the debugger: wherever it comes, what is left is a moment of the history."""

from __future__ import annotations

import functools
import gc
import io
import json
import os
import re
import signal
import sys
import tempfile
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.store.store import EventStore
from replay.debugger.interrupts import Interrupts
from replay.debugger.shell import Shell
from replay.kinds import looks_of
from replay.testing import LoggedHistory, histories, run_in
from tests.interval_runs import search
from tests.plain_lines import log_of, purchase
from tests.replay.debugger.test_debugger_terminal import PATIENCE_SECONDS, PROMPT, Terminal, start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from replay.engine.looks import Looks

# Signals that come at a random moment


class Interrupter:
    """Sends this process SIGINT before or after the n-th call of a function of the program.

    Not from a trace function, in which Python 3.11 does not survive that.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.at = -1
        self._wrapped: dict[FunctionType, Callable[..., Any]] = {}

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Look at all calls of functions and methods of the program, but of the handler."""
        loaded = [module for name, module in sys.modules.items() if self._is_ours(name)]
        for module in loaded:
            for name, value in list(vars(module).items()):
                if isinstance(value, FunctionType) and self._is_ours(value.__module__):
                    patch.setattr(module, name, self._around(value))
                elif isinstance(value, type) and value.__module__ == module.__name__:
                    self._install_in(value, patch)

    def _install_in(self, kind: type, patch: pytest.MonkeyPatch) -> None:
        for name, value in list(vars(kind).items()):
            if isinstance(value, FunctionType) and kind is not Interrupts:
                patch.setattr(kind, name, self._around(value))

    @staticmethod
    def _is_ours(name: str) -> bool:
        return name.startswith(("actors.", "replay.")) and not name.startswith("replay.testing")

    def _around(self, function: FunctionType) -> Callable[..., Any]:
        if function not in self._wrapped:

            @functools.wraps(function)
            def wrapped(*arguments: Any, **options: Any) -> Any:
                self._pass()
                result = function(*arguments, **options)
                self._pass()
                return result

            self._wrapped[function] = wrapped
        return self._wrapped[function]

    def _pass(self) -> None:
        self.calls += 1
        if self.calls == self.at:
            signal.raise_signal(signal.SIGINT)

    def count(self, do: Callable[[], object]) -> int:
        """Return how many times a signal could be sent during ``do``."""
        before = self.calls
        do()
        return self.calls - before

    def interrupt(self, do: Callable[[], object], after: int) -> None:
        """Send a signal when there were ``after`` occasions to."""
        self.at = self.calls + after + 1
        try:
            do()
        except KeyboardInterrupt:
            # Before the command has begun or after it: at the prompt.
            pass
        finally:
            self.at = -1


@pytest.fixture(scope="module")
def interrupter() -> Iterator[Interrupter]:
    with pytest.MonkeyPatch.context() as patch:
        made = Interrupter()
        made.install(patch)
        yield made


def obey(shell: Shell, line: str) -> None:
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), shell.interrupts.heard():
        shell.onecmd(line)


PARTS = 1_000


def check_interrupted(
    make: Callable[[], Looks[Any]],
    state_of: Callable[[Any], object],
    interrupter: Interrupter,
    data: Any,
) -> None:
    """Interrupt a command on ``make()`` somewhere, and compare with one that was not."""
    with make() as one, make() as two, make() as three:
        shell, other = (Shell(each, interactive=True) for each in (one, two))
        subject, expected = one.timeline, three.timeline
        here = data.draw(st.integers(0, len(subject)), label="position")
        there = data.draw(st.integers(0, len(subject)), label="argument")
        setting = f"goto {here}; {data.draw(st.sampled_from(['where', 'message']))}"
        line = data.draw(st.sampled_from(COMMANDS)).format(there)
        obey(other, setting)
        occasions = interrupter.count(lambda: obey(other, line))
        # How many there are depends on what was kept from before.
        part = data.draw(st.integers(0, PARTS - 1), label="interrupted after so much of it")
        obey(shell, setting)
        interrupter.interrupt(lambda: obey(shell, line), occasions * part // PARTS)
        assert gc.isenabled()
        if not subject.inside:
            expected.goto(subject.position)
            assert state_of(subject) == state_of(expected)
        # From there on all is as it always is.
        for position in (there, here):
            obey(shell, f"goto {position}")
            expected.goto(position)
            assert subject.position == position
            assert state_of(subject) == state_of(expected)


COMMANDS = [
    "goto {}",
    "continue",
    "reverse-continue",
    "next 3",
    "back 2",
    "break {}; continue",
    "break {}; break rejected; reverse-continue",
    "why",
    "trace",
    "message; message",
    "diff {}",
    "list",
]


@pytest.mark.slow
@settings(max_examples=settings().max_examples * 2, deadline=None)
@given(histories(past_max=12, new_max=6), st.data())
def test_ctrl_c_leaves_a_moment_of_a_history(
    interrupter: Interrupter, given_logs: LoggedHistory, data: Any
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _, store = run_in(folder, given_logs)
        opened = EventStore(store)
        check_interrupted(lambda: looks_of(opened), state_of_users, interrupter, data)


def state_of_users(each: Any) -> object:
    return each.state(), each.recency(99)


def keys_of(each: Any) -> object:
    return each.waiting_rows, {key: each.key(key) for key in each.keys}


@pytest.mark.slow
@settings(max_examples=settings().max_examples // 2, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from("abc")), max_size=15), st.data())
def test_ctrl_c_leaves_a_moment_of_a_search(
    interrupter: Interrupter, found: list[tuple[int, str]], data: Any
) -> None:
    rows = sorted(found)
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "observations.csv", Path(folder) / "intervals.csv"
        source.write_text(
            "time,adid\n" + "".join(f"2020-01-01 00:{at:02}:00,{adid}\n" for at, adid in rows)
        )
        search(source, output)
        opened = EventStore(f"{output}.events")
        check_interrupted(lambda: looks_of(opened), keys_of, interrupter, data)


@pytest.mark.parametrize("command", ["diff 6", "user 1", "network 2", "goto 6; where"])
def test_ctrl_c_anywhere_leaves_nobody_half_active(
    interrupter: Interrupter, command: str, tmp_path: Path
) -> None:
    bought = log_of([purchase("1", "2.00")] * 3)
    new = log_of([purchase("1", "2.00")] * 2 + [purchase("2", "2.00")])
    _, store = run_in(tmp_path, LoggedHistory(b'{"D":"1", "T":"2"}\n' + bought, new))
    opened = EventStore(store)
    with looks_of(opened) as looks:
        shell = Shell(looks, interactive=True)
        occasions = interrupter.count(lambda: obey(shell, command))
    for after in range(occasions):
        with looks_of(opened) as one, looks_of(opened) as other:
            shell, subject, expected = Shell(one, interactive=True), one.timeline, other.timeline
            interrupter.interrupt(functools.partial(obey, shell, command), after)
            for position in (subject.position, 6, 0):
                subject.goto(position)
                expected.goto(position)
                assert state_of_users(subject) == state_of_users(expected)


# Real terminals and pipes

EVENTS = 20_000
# Some minutes, should nobody stop it.
SLOW = "break" + " amount > 1" * EVENTS


@pytest.fixture(name="folder", scope="module")
def folder_with_a_search_that_takes_long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("long")
    batch = b'{"D":"1", "T":"50"}\n' + log_of([purchase("1", "2.00")] * EVENTS)
    run_in(folder, LoggedHistory(batch, log_of([purchase("1", "3.00")])))
    session = {
        "format": "replay.session",
        "events": EVENTS + 1,
        "position": 0,
        "stops": {"1": f"{SLOW} amount < 1"},
        "marks": {},
    }
    (folder / "slow").write_text(json.dumps(session))
    return folder


def wait_until_busy(process: int) -> None:
    """Return when the process has computed for a while."""
    stat = Path(f"/proc/{process}/stat")
    deadline = time.monotonic() + PATIENCE_SECONDS
    ticks = [int(field) for field in stat.read_text().rpartition(")")[2].split()[11:13]]
    enough = sum(ticks) + os.sysconf("SC_CLK_TCK") // 2
    while sum(map(int, stat.read_text().rpartition(")")[2].split()[11:13])) < enough:
        assert time.monotonic() < deadline, "expected the process to compute, found it waiting"
        time.sleep(0.05)


linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")


@pytest.mark.slow
@linux
def test_ctrl_c_stops_a_search_where_it_is_and_the_prompt_comes_back(folder: Path) -> None:
    opened = Terminal(folder)
    opened.read_until(PROMPT)
    assert opened("load slow") == f"before event 1 of {EVENTS + 1}\n"
    came: list[int] = []
    for typed, leads in (("continue", 1), ("continue", 1), ("reverse-continue", -1)):
        opened.type(f"{typed}\n")
        wait_until_busy(opened.process)
        opened.type("\x03")
        shown = opened.read_until(PROMPT)
        where = re.search(rf"\^C\ninterrupted\n(event (\d+) of {EVENTS + 1}: .*\n)$", shown)
        assert where is not None, shown
        assert opened("where") == where[1]
        came.append(leads * int(where[2]))
    assert 0 < came[0] < came[1] < EVENTS
    assert 0 < -came[2] < came[1]
    opened.type("quit\n")
    assert opened.status() == 0
    opened.close()


@pytest.mark.slow
@linux
def test_ctrl_c_during_a_command_of_a_script_ends_it_with_status_130(folder: Path) -> None:
    process = start(folder)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("load slow\ncontinue\nwhere\n")
    process.stdin.flush()
    assert process.stdout.readline() == f"before event 1 of {EVENTS + 1}\n"
    wait_until_busy(process.pid)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, err) == (130, "replay: interrupted\n")
    assert out == ""


# Questions


def test_person_is_asked_before_all_stops_are_deleted(folder: Path) -> None:
    opened = Terminal(folder)
    opened.read_until(PROMPT)
    opened("break 2")
    opened("break 3")
    for answer in ("n", "", "\x04", "\x03", "yes, but", "y"):
        opened.type("delete\n")
        opened.read_until("delete 2 stops? (y or n) ")
        if answer == "\x03":
            shown = opened.interrupt()
        else:
            opened.type(answer if answer == "\x04" else f"{answer}\n")
            shown = opened.read_until(PROMPT)
        left = opened("info break").count("stop ")
        assert left == (0 if answer == "y" else 2), (answer, shown)
    assert "deleted stop 1: break event 2\ndeleted stop 2: break event 3\n" in shown
    # The answers are not among the commands.
    opened.type("\x1b[A\x1b[A\n")
    assert "delete" in opened.read_until("no stops\r\n" + PROMPT)
    opened.type("quit\n")
    assert opened.status() == 0
    opened.close()


def test_person_is_asked_before_a_session_of_others_is_overwritten(folder: Path) -> None:
    (folder / "theirs").write_bytes((folder / "slow").read_bytes())
    opened = Terminal(folder)
    opened.read_until(PROMPT)
    assert opened("save mine; save mine") == ""
    for answer in ("n", "y"):
        before = (folder / "theirs").read_bytes()
        opened.type("save theirs\n")
        opened.read_until("overwrite the session in theirs? (y or n) ")
        opened.type(f"{answer}\n")
        opened.read_until(PROMPT)
        assert ((folder / "theirs").read_bytes() == before) == (answer == "n")
    assert opened("save theirs; load theirs") == f"before event 1 of {EVENTS + 1}\n"
    opened.type("quit\n")
    assert opened.status() == 0
    opened.close()
