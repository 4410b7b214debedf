"""Whatever stands in logs, stores and names, no command lets a terminal or a reader obey it."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import pytest

import replay
from events.escapes import inert, plain
from events.purchases.event import users_of
from replay import cli
from replay.cli import main
from replay.debugger.session import completions
from replay.debugger.shell import Shell
from replay.kinds import looks_of
from tests.replay.terminal.test_standard_streams import ENVIRONMENT, PATIENCE_SECONDS, PROGRAM

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

# Each would do something to a terminal, or deceive a reader, were it printed as it is.
DOES: Final = (
    "\x1b[2J", "\x1b]0;title\x07", "\x9b2J", "\nFAKE", "\rFAKE", "\t", "\x00", "\x7f", "\x85FAKE",
    "\u202egnp", "\u2066", "\u200b", "\ufeff", "\u2028FAKE", "\u2029FAKE", "\xa0", "\xad",
    "\U000e0041", "[red]x[/red]", ":heart:",
)  # fmt: skip
# One that looks as the first of them is shown, one whose backslash has to be doubled always,
# and one that is harmless.
LIKE: Final = r"a0\x1b[2Jz"
LITERAL: Final = r"literal\x1b[2Jz"
HARMLESS: Final = "Zoë東🙂"
IDS: Final = (*(f"a{number}{does}z" for number, does in enumerate(DOES)), LIKE, LITERAL, HARMLESS)
NAME: Final = "f\x1b[2J\u202e\nFAKE\udcff"
TIME: Final = "2017-06-13 11:33:01"


def purchase(user: str, amount: str) -> dict[str, str]:
    return {"event_type": "purchase", "timestamp": TIME, "id": user, "amount": amount}


def friends(user1: str, user2: str) -> dict[str, str]:
    return {"event_type": "befriend", "timestamp": TIME, "id1": user1, "id2": user2}


def written(path: Path, rows: Sequence[object], *more: bytes) -> str:
    lines = [json.dumps(row, ensure_ascii=False).encode() for row in rows]
    path.write_bytes(b"".join([line + b"\n" for line in [*lines, *more]]))
    return str(path)


BAD: Final = (
    *(f'{{"event_type":"re{does}fund"}}'.encode() for does in DOES),
    b'{"event_type":"\xff\x1b[2J"}',
    b"\x1b[2J\xff",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with stores that nobody would like to look at."""
    folder = tmp_path_factory.mktemp("nasty")
    past: list[object] = [{"D": "2", "T": "50"}]
    past += [friends(*pair) for pair in pairwise(IDS)]
    past += [purchase(user, amount) for user in IDS for amount in ("10.00", "11.00")]
    batch = written(folder / f"b{NAME}", past, *BAD)
    stream = written(folder / f"s{NAME}", [purchase(user, "1601.83") for user in IDS], *BAD[:3])
    assert main([batch, stream, str(folder / NAME), "-q"]) == 0
    rows: list[object] = [
        {"t\x1b[2J": f"{TIME}.{n:09}", "adid": each, "k\u202e": IDS[n % 3]}
        for n, each in enumerate(IDS)
    ]
    rows += [{"t\x1b[2J": f"\x1b[2J{each}", "adid": each, "k\u202e": each} for each in IDS]
    found = written(folder / f"o{NAME}.jsonl", rows)
    words = ["--threshold", "1s", "--by", "k\u202e", "--time-column", "t\x1b[2J", "-q"]
    words += ["--svg", str(folder / f"p{NAME}.svg")]
    assert main(["intervals", found, str(folder / f"i{NAME}.csv"), *words]) == 0
    words[1] = "2s"
    assert main(["intervals", found, str(folder / f"j{NAME}.jsonl"), *words[:-2]]) == 0
    words = ["-T", "2", "--skip", "2", "--overwrite"]
    assert main(["rerun", str(folder / f"{NAME}.events"), str(folder / f"r{NAME}"), *words]) == 0
    return folder


STORE: Final = f"{NAME}.events"
BRANCH: Final = f"r{NAME}.events"
FOUND: Final = f"i{NAME}.csv.events"
LOGS: Final = (f"b{NAME}", f"s{NAME}")
LAST: Final = str(len(IDS) * 4 - 1)
FIRST: Final = str(len(IDS) * 3)
LOOKS: Final = "; ".join(
    f"{look} {user}"
    for user in (r"'a0\x1b[2Jz'", r"a3\nFAKEz", r"'a0\\x1b[2Jz'")
    for look in ("user", "network", "window", "history", "watch", "break user")
)
SESSION: Final = (
    f"goto {FIRST}; {LOOKS}; info; list; latest 99; why; trace; diff 0 {FIRST}; back; message; "
    "message; where; continue; reverse-continue; help; last; where"
)
COMMANDS: Final[tuple[tuple[str, ...], ...]] = (
    (*LOGS, "new"),
    (*LOGS, "new", "-vv"),
    (*LOGS, NAME),
    (*LOGS, "new", "--strict"),
    (f"missing{NAME}", *LOGS),
    (*LOGS, NAME, "--store", LOGS[0]),
    ("log", STORE),
    ("log", STORE, "--user", r"a3\nFAKEz"),
    ("log", STORE, "--json"),
    ("log", STORE, "--rejected", "--json"),
    ("why", STORE, FIRST),
    ("why", STORE, "3"),
    ("why", STORE, FIRST, "--json"),
    ("why", STORE, "3", "--json"),
    ("trace", STORE, FIRST),
    ("trace", STORE, "3"),
    ("trace", STORE, FIRST, "--json"),
    ("trace", STORE, FIRST, "--mermaid"),
    ("verify", STORE),
    ("check", STORE),
    ("diff", STORE, BRANCH),
    ("diff", STORE, BRANCH, "--json"),
    ("diff", FOUND, f"j{NAME}.jsonl.events"),
    ("diff", FOUND, f"j{NAME}.jsonl.events", "--json"),
    ("diff", STORE, FOUND),
    ("rerun", STORE, f"new{NAME}", "-T", "2"),
    ("rerun", STORE, f"new{NAME}", "-T", "2", "--json"),
    ("rerun", STORE, f"new{NAME}", "--insert", "\x1b[2J{@3"),
    ("rerun", STORE, f"new{NAME}", "--skip", "\x1b[2J"),
    ("sweep", STORE, "-T", "2", "--svg", f"new{NAME}.svg"),
    ("report", STORE, FIRST, "--output", f"new{NAME}"),
    ("report", STORE, "--flagged", "--output", f"new{NAME}"),
    ("report", FOUND, FIRST, "--output", f"new{NAME}"),
    ("view", f"missing{NAME}"),
    ("shrink", STORE, FIRST, "--output", f"new{NAME}"),
    ("shrink", STORE, FIRST, "--output", f"new{NAME}", "--json"),
    ("explore", STORE, "--orders", "1"),
    ("export", STORE, "--batch", f"new{NAME}"),
    ("export", STORE, "--batch", f"new{NAME}", "--json"),
    ("export", STORE, "--batch", LOGS[0]),
    ("export", FOUND, "--observations", f"new{NAME}.csv"),
    ("export", FOUND, "--observations", f"new{NAME}"),
    ("repair", STORE, "--output", f"new{NAME}"),
    ("rebuild", STORE, NAME),
    ("rebuild", FOUND, f"new{NAME}.csv"),
    ("step", STORE, "-c", SESSION),
    ("step", STORE, "-c", "user nobody\x1b[2J\u202e"),
    ("step", STORE, "-c", "\x1b[2J"),
    ("step", STORE, "-c", f"load 'missing{NAME}'"),
    ("step", FOUND, "-c", r"last; window 'a0\x1b[2Jz'; user 'a0\x1b[2Jz'; why; list; trace; info"),
    ("step", FOUND, "-c", r"break found user 'a0\x1b[2Jz'; info; first; back; message; where"),
    ("step", FOUND, "-c", r"history 'a0\x1b[2Jz'; user nobody" + "\x1b[2J"),
    ("log", FOUND),
    ("log", FOUND, "--json"),
    ("trace", FOUND, LAST[:1]),
    ("trace", FOUND, LAST[:1], "--json"),
    ("trace", FOUND, LAST[:1], "--mermaid"),
    ("verify", FOUND),
    ("why", FOUND, "1"),
    ("why", FOUND, LAST[:1], "--json"),
    ("log", f"missing{NAME}"),
    ("log", f"b{NAME}"),
    ("log", STORE, "--from", "\x1b[2J"),
    ("log", STORE, "--type", "\x1b[2J"),
    ("log", STORE, "\x1b[2J\nFAKE\udcff"),
    ("\x1b[2J\nFAKE", "--\u202e"),
    ("intervals", f"o{NAME}.jsonl", f"new{NAME}.csv", "--threshold", "\x1b[2J"),
    ("intervals", f"o{NAME}.jsonl", f"new{NAME}.csv", "--threshold", "1s", "-v"),
    (*("intervals", f"o{NAME}.jsonl", f"new{NAME}.csv", "--threshold", "1s"),
     *("--by", "k\u202e", "--time-column", "t\x1b[2J")),
    (*("intervals", f"i{NAME}.csv", f"new{NAME}.csv", "--threshold", "1s"),
     *("--by", "k\u202e", "--time-column", "t\x1b[2J")),
    ("intervals", f"o{NAME}.jsonl", f"new{NAME}.csv", "--threshold", "1s", "--by", "adid"),
    ("intervals", f"o{NAME}", f"new{NAME}.csv", "--threshold", "1s"),
)  # fmt: skip


def is_shown(text: str) -> bool:
    """Tell whether nothing in ``text`` acts, and nothing looks like what it is not."""
    lines = text.split("\n")
    acts = [line for line in lines if inert(line) != line or line.lstrip().startswith("FAKE")]
    lies = [line for line in lines if LITERAL in line]
    assert (acts, lies) == ([], [])
    return True


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a folder of its own with the same stores."""
    own = shutil.copytree(made, tmp_path / "own")
    monkeypatch.chdir(own)
    return own


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: ascii(" ".join(words))[1:60])
def test_no_command_prints_what_acts(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = main(words)
    except SystemExit as end:
        status = int(str(end.code))
    out, err = capsys.readouterr()
    assert out or err
    assert is_shown(out)
    assert is_shown(err)
    assert "Traceback" not in err
    if status == 2:
        assert err.startswith("replay: ")
        assert "\n" not in err.strip("\n") or "step" in words
    if "--json" in words:
        for line in out.splitlines():
            json.loads(line)


def strings_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from strings_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings_in(each)


@pytest.mark.usefixtures("folder")
def test_json_tells_each_text_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    told: list[object] = []
    for words in (("log", STORE), ("why", STORE, FIRST), ("rerun", STORE, NAME + "2", "-T", "2")):
        assert main([*words, "--json"]) == 0
        told += map(json.loads, capsys.readouterr().out.splitlines())
    strings = set(strings_in(told))
    assert {*IDS} <= strings
    assert NAME + "2" in strings
    assert main(["log", FOUND, "--json"]) == 0
    strings = set(strings_in([*map(json.loads, capsys.readouterr().out.splitlines())]))
    assert {*IDS} <= strings


@pytest.mark.usefixtures("folder")
def test_each_id_is_shown_so_that_it_can_be_told_and_typed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = [plain(user) for user in IDS]
    assert len({*shown}) == len(IDS)
    for user in IDS:
        assert main(["log", STORE, "--user", plain(user)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines
        assert all(plain(user) in line for line in lines)
        # Two friends, but for those at the ends, two purchases of the past and one that is new.
        assert len(lines) == (4 if user in (IDS[0], IDS[-1]) else 5)


@pytest.mark.parametrize("store", [STORE, FOUND])
def test_completion_offers_what_is_shown_and_is_read_again(
    folder: Path, store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with looks_of(replay.EventStore(folder / store)) as looks:
        session = Shell(looks, interactive=False)
        offered = completions(session.session, "", "history ")
        assert len(offered) == len(IDS)
        for word in offered:
            assert inert(word) == word
            session.onecmd(f"history {word}")
            assert session.status == 0
        assert is_shown(capsys.readouterr().out)
        files = completions(session.session, "", "load ")
        assert all(inert(word) == word for word in files)
        (word,) = [word for word in files if word.startswith("'f") and ".events" not in word]
        # It is no saved session; that it was found is what matters.
        session.onecmd(f"load {word}")
        assert "expected a saved session, found: " in capsys.readouterr().err


def test_pictures_hold_nothing_that_acts(folder: Path) -> None:
    assert is_shown((folder / f"p{NAME}.svg").read_text(encoding="utf-8"))


def on_a_terminal(folder: Path, words: Sequence[str], typed: str = "") -> str:
    """Return all that the program prints on a terminal, also to move about on it."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, *words],
        cwd=folder,
        env={**ENVIRONMENT, "TERM": "xterm-256color"},
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
    )
    os.close(follower)
    os.write(leader, typed.encode())
    seen = b""
    while True:
        try:
            chunk = os.read(leader, 1 << 16)
        except OSError:
            # How Linux says that nobody holds the other end any more.
            break
        if not chunk:
            break
        seen += chunk
    os.close(leader)
    process.wait(timeout=PATIENCE_SECONDS)
    return seen.decode()


@pytest.mark.parametrize(
    ("words", "typed"),
    [
        ((*LOGS, "new", "-vv"), ""),
        (("why", STORE, FIRST), ""),
        (("rerun", STORE, "new", "-T", "2"), ""),
        (("intervals", f"o{NAME}.jsonl", "new.csv", "--threshold", "1s"), ""),
        (("shrink", STORE, FIRST, "--output", "new"), ""),
        (("step", STORE), f"goto {FIRST}\nwhy\nuser 'a\t\t\nquit\n"),
    ],
    ids=lambda given: given[0][:8] if isinstance(given, tuple) else "",
)
def test_bars_tables_and_completions_on_a_terminal_obey_nothing(
    folder: Path, words: tuple[str, ...], typed: str
) -> None:
    seen = on_a_terminal(folder, words, typed)
    assert r"\x1b[2J" in seen or words[0] == "shrink"
    # Colours, bars and line editing have sequences of their own, but none of these.
    assert [does for does in DOES[:-2] if does in seen] in ([], ["\t"])
    assert [char for char in seen if inert(char) != char and char not in "\x1b\r\n\x07\x08\t"] == []
    assert "\nFAKE" not in seen.replace("\r", "\n")


def test_every_command_is_walked() -> None:
    assert {*cli.COMMANDS} - {"run"} <= {words[0] for words in COMMANDS}


def test_users_of_the_history_are_the_ids(folder: Path) -> None:
    events = replay.EventStore(folder / STORE).events_from(1)
    assert {user for event in events for user in users_of(event)} == {*IDS}
    assert sys.getfilesystemencoding() == "utf-8"
