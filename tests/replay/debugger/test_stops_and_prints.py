"""Stops that are passed over, conditions, what is printed and displayed, files of commands."""

from __future__ import annotations

import json
import os
import re
import readline
import stat
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.store.store import EventStore
from replay.cli import main
from replay.debugger.commands import CommandError
from replay.debugger.expressions import Expression, MissingFieldError, value_text
from replay.debugger.shell import Shell
from replay.debugger.typed import TypedLines, history_path
from replay.purchases.looks import PurchaseLooks
from replay.testing.logged import LoggedHistory
from replay.testing.strategies import histories
from tests.interval_runs import as_csv
from tests.plain_lines import friendship, log_of, purchase
from tests.replay.custom.test_rings import sample
from tests.replay.custom.test_what_if import run_on
from tests.replay.debugger.test_debugger import (
    EXAMPLE,
    STORE,
    Debugger,
    Past,
    conditions,
    debugger_on,
    holds,
    past_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def debugger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Debugger]:
    """Return a session on the challenge's example, in the folder of its store."""
    with debugger_on(EXAMPLE) as opened, monkeypatch.context() as patch:
        patch.chdir(opened.folder)
        yield opened


# Expressions, against Python's own

FIELDS: dict[str, Fraction | str | bool] = {
    "amount": Fraction("187.94"),
    "n": Fraction(50),
    "user": "457",
    "kind": "a b",
    "flagged": True,
}
values = st.sampled_from(["amount", "n", "1", "0.5", "3", "10.25"])


def joined(left: str, sign: str, right: str) -> str:
    return f"{left} {sign} {right}"


numbers = st.recursive(
    values,
    lambda inner: st.one_of(
        st.builds(joined, inner, st.sampled_from(["+", "-", "*"]), inner),
        inner.map(lambda each: f"({each})"),
        inner.map(lambda each: f"-({each})"),
    ),
    max_leaves=8,
)
truths = st.recursive(
    st.builds(joined, numbers, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), numbers)
    | st.sampled_from(["flagged", "user == '457'", 'kind != "a b"', "true", "false"]),
    lambda inner: st.one_of(
        st.builds(joined, inner, st.sampled_from(["and", "or"]), inner),
        inner.map(lambda each: f"(not ({each}))"),
    ),
    max_leaves=6,
)


def by_python(text: str) -> Any:
    """Return what Python makes of an expression whose numbers are fractions."""
    exact = re.sub(r"(?<![\w.'\"])(\d+(?:\.\d+)?)(?![\w'\"])", r"F('\1')", text)
    names = {**FIELDS, "F": Fraction, "true": True, "false": False}
    return eval(exact, {"__builtins__": {}}, names)  # noqa: S307  of what is drawn here


@given(numbers | truths)
def test_expression_is_what_python_makes_of_it_exactly(text: str) -> None:
    assert Expression(text, FIELDS).of(FIELDS) == by_python(text)
    # Read again as it is shown, it is the same.
    assert Expression(Expression(text, FIELDS).text, FIELDS).of(FIELDS) == by_python(text)


@given(st.text(st.sampled_from("amount n12.+-*/()<>=!'\"andornot \\;#@x"), max_size=30))
def test_whatever_is_typed_is_an_expression_or_one_line(text: str) -> None:
    try:
        Expression(text, FIELDS).of(FIELDS)
    except CommandError as error:
        assert "\n" not in str(error)  # noqa: PT017  it need not be raised


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("amount", "187.94"),
        ("amount * 2", "375.88"),
        ("1 / 3", "0.333333..."),
        ("-1 / 3", "-0.333333..."),
        ("n / 4", "12.5"),
        ("n = 50", "true"),
        ("user = 457", "true"),
        ("user != 457", "false"),
        ("user = '0457'", "false"),
        ("kind = 'a b'", "true"),
        ("amount - 187.94", "0"),
    ],
)
def test_value_is_shown_exactly(text: str, shown: str) -> None:
    assert value_text(Expression(text, FIELDS).of(FIELDS)) == shown


def test_condition_on_a_field_that_an_event_has_not_does_not_hold_there() -> None:
    expression = Expression("n > 1 and amount > 1", FIELDS)
    assert expression.holds(FIELDS)
    assert not expression.holds({"amount": Fraction(5)})
    with pytest.raises(MissingFieldError, match="expected an event with n, found one with amount"):
        expression.of({"amount": Fraction(5)})


# Stops, against a scan over the lines of the logs


class Expected:
    """What a stop does, in the plainest way."""

    def __init__(self, all_of: list[tuple[str, ...]], *, once: bool) -> None:
        self.all_of = all_of
        self.once = once
        self.also: list[tuple[str, ...]] = []
        self.ignored = 0

    def holds(self, past: Past, position: int) -> bool:
        return all(holds(each, past, position) for each in self.all_of + self.also)


def scanned(
    stops: dict[int, Expected], past: Past, places: Iterator[int], count: int
) -> tuple[int | None, list[int]]:
    """Return where a search halts, and by which stops, and let them have been met."""
    for position in places:
        halting = []
        for number, stop in stops.items():
            if stop.holds(past, position):
                if stop.ignored:
                    stop.ignored -= 1
                else:
                    halting.append(number)
        count -= bool(halting)
        if halting and not count:
            for number in halting:
                if stops[number].once:
                    del stops[number]
            return position, halting
    return None, []


def words_of(all_of: list[tuple[str, ...]]) -> str:
    return " ".join(f"'{word}'" if word.isalnum() else word for each in all_of for word in each)


@pytest.mark.slow
@given(histories(), st.data())
def test_search_halts_where_a_scan_says_with_counts_conditions_and_stops_for_once(
    given_logs: LoggedHistory, data: st.DataObject
) -> None:
    with debugger_on(given_logs) as debugger:
        past = past_of(given_logs, debugger)
        if not past.happenings:
            return
        some = st.lists(
            conditions(past).filter(lambda each: each[0] != "user"), min_size=1, max_size=2
        )
        stops: dict[int, Expected] = {}
        for number in range(1, data.draw(st.integers(1, 3)) + 1):
            stops[number] = Expected(data.draw(some), once=data.draw(st.booleans()))
            stop = stops[number]
            debugger(f"{'tbreak' if stop.once else 'break'} {words_of(stop.all_of)}")
            if data.draw(st.booleans()):
                stop.also = data.draw(some)
                debugger(f"condition {number} {words_of(stop.also)}")
            if data.draw(st.booleans()):
                stop.ignored = data.draw(st.integers(0, 3))
                debugger(f"ignore {number} {stop.ignored}")
        last, here = len(past.happenings), 0
        for _ in range(data.draw(st.integers(1, 5))):
            count = data.draw(st.integers(1, 3))
            forward = data.draw(st.booleans())
            until = data.draw(st.integers(here + 1, last)) if forward and here < last else None
            if until is not None and data.draw(st.booleans()):
                found, hits = scanned(stops, past, iter(range(here + 1, until + 1)), 1)
                shown = debugger(f"until {until}")
                here = until if found is None else found
            elif forward:
                found, hits = scanned(stops, past, iter(range(here + 1, last + 1)), count)
                shown = debugger(f"continue {count}")
                here = last if found is None else found
            else:
                found, hits = scanned(stops, past, iter(range(here - 1, -1, -1)), count)
                shown = debugger(f"reverse-continue {count}")
                here = 0 if found is None else found
            stopped = [line.split(":")[0] for line in shown.splitlines() if line[:5] == "stop "]
            assert stopped == [f"stop {number}" for number in hits]
            assert debugger.position == here
            assert set(debugger.shell.session.stops) == set(stops)
            ignored = {n: stop.ignored for n, stop in debugger.shell.session.stops.items()}
            assert ignored == {number: stop.ignored for number, stop in stops.items()}


@pytest.mark.parametrize(
    ("line", "stop", "positions"),
    [
        ("break amount>16.83", "amount > 16.83", [2, 7]),
        ("break amount>=16.83 user 1", "amount >= 16.83 user 1", [1, 2]),
        ("break amount >16.83", "amount > 16.83", [2, 7]),
        ("break n>=3", "n >= 3", [7]),
        ("break mean = 29.1", "mean = 29.1", [7]),
        ("break user=2", "user = 2", [7]),
        ("break type=befriend", "type = befriend", [3, 4]),
        ("break flagged=true", "flagged = true", [7]),
        ("break event>5", "event > 5", [6, 7]),
        ("break stream:3", "event 7", [7]),
        ("break batch:3 amount<60", "event 2 amount < 60", [2]),
        ("break if amount > mean + 3 * sd", "if amount > mean + 3 * sd", [7]),
        ("break if 1 / (amount - 11.2) > 0", None, [1, 2, 7]),
        ("break user 1 if amount < 17 and not amount = 11.2", None, [1]),
        ("break if user = '2'", "if user = '2'", [7]),
        ('break if type = "purchase" and line = 3', None, [2, 7]),
    ],
)  # fmt: skip
def test_stop_is_read_with_or_without_spaces_and_stops_there(
    debugger: Debugger, line: str, stop: str | None, positions: list[int]
) -> None:
    shown = debugger(line)
    text = shown.removeprefix("stop 1: break ").removesuffix("\n")
    assert text == (stop or line.removeprefix("break "))
    found = []
    while not debugger("continue").startswith("no stop"):
        found.append(debugger.position)
    assert found == positions
    # Saved and loaded it is the same stop.
    debugger("save s; delete all; load s; first; back")
    assert debugger("info break") == shown
    assert debugger.shell.session.stops[1].holds(positions[0])


def test_session_is_saved_and_loaded_with_all_that_stops_have(debugger: Debugger) -> None:
    debugger("tbreak amount>5; break user 1 if amount < 15; ignore 1 3; condition 2 purchase")
    debugger("display amount * 2; display user = '1'; mark here; save s")
    before = debugger("info; where")
    debugger("delete all; undisplay; mark here; last; load s")
    assert debugger("info; where") == before
    assert debugger.shell.session.stops[1].once
    assert debugger.shell.session.stops[1].ignored == 3


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"stops": {"1": "break stream:2"}}, "stream line 2: expected an event"),
        ({"conditions": {"1": "break nonsense"}}, "expected a condition"),
        ({"conditions": {"1": ""}}, "s: expected a saved session, found: "),
        ({"displays": {"1": "amout"}}, "expected a field, found 'amout'"),
        ({"ignored": {"1": "x"}}, "s: expected a saved session, found: "),
    ],
)
def test_session_that_somebody_has_made_wrong_is_one_line(
    debugger: Debugger, changed: dict[str, Any], found: str
) -> None:
    debugger("break flagged; save s")
    saved = json.loads(Path("s").read_text())
    Path("s").write_text(json.dumps(saved | changed))
    before = debugger("info; where")
    out, err = debugger.obey("load s")
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("replay: s: expected a saved session")
    assert found in err
    debugger.shell.status = 0
    assert debugger("info; where") == before


def test_session_that_uses_nothing_new_is_saved_as_it_was(debugger: Debugger) -> None:
    debugger("break flagged; mark here; save s")
    text = Path("s").read_text()
    assert [name in text for name in ("conditions", "ignored", "displays")] == [False] * 3


# Whom a command is about, where nobody is named


@pytest.mark.parametrize("command", ["user", "network", "window", "history"])
def test_command_without_an_id_is_about_the_events_own_user(
    debugger: Debugger, command: str
) -> None:
    debugger("goto 7")
    assert debugger(command) == debugger(f"{command} 2")
    debugger("goto 5")
    assert debugger(command) == debugger(f"{command} 1")
    debugger("goto 4")
    out, err = debugger.obey(command)
    message = "expected a user, found that event 4 has 3 and 1; name one"
    assert (out, err) == ("", f"replay: {message}\n")
    debugger.shell.status = 0
    debugger("goto 0")
    message = "expected a user, found none, as no event has happened; name one"
    assert debugger.obey(command)[1] == f"replay: {message}\n"


def test_up_and_down_go_along_the_friend_path_that_why_shows() -> None:
    past = [friendship("1", "2"), friendship("2", "3"), purchase("2", "5"), purchase("3", "5")]
    batch = log_of([b'{"D":2,"T":5}', *past])
    stream = log_of([purchase("1", "9")])
    with debugger_on(LoggedHistory(batch, stream)) as debugger:
        debugger("last")
        assert "1 > 2 > 3" in debugger("why")
        assert debugger("up") == "#1 user 2, on 1 > 2 > 3 to event 4\n"
        assert debugger("user") == debugger("user 2")
        assert debugger("up; history").endswith(debugger("history 3"))
        assert debugger.obey("up")[1] == "replay: up: expected a friend behind 3, found none\n"
        debugger.shell.status = 0
        assert debugger("down; down") == (
            "#1 user 2, on 1 > 2 > 3 to event 4\n#0 user 1, on 1 > 2 > 3 to event 4\n"
        )
        assert debugger("network") == debugger("network 1")
        # Another purchase of the window, by its number or its line.
        assert debugger("up batch:4") == debugger("down; up 3").splitlines(keepends=True)[1]
        assert "found none" in debugger.obey("up")[1]
        debugger.shell.status = 0
        # Of another event it is about that one's own.
        debugger("goto 4")
        assert debugger("user") == debugger("user 3")


def test_finish_delivers_what_is_left_of_an_event(debugger: Debugger) -> None:
    debugger("goto 6; message; message")
    assert debugger.place == (6, True)
    debugger("finish")
    assert debugger.place == (7, False)
    assert "expected to be inside of an event" in debugger.obey("finish")[1]


# Files of commands


def test_file_of_commands_is_carried_out_to_its_first_error(debugger: Debugger) -> None:
    Path("good").write_text("# said\nfirst; next\n\nsource more\n")
    Path("more").write_text("goto 5\n")
    debugger("source good")
    assert debugger.position == 5
    Path("bad").write_text("first\nnonsense\nlast\n")
    out, err = debugger.obey("source bad; last")
    assert out.count("\n") == 1
    assert err.startswith("replay: bad:2: expected a command, found 'nonsense'")
    debugger.shell.status = 0
    assert debugger.position == 1
    Path("self").write_text("source self\n")
    assert "expected at most 10 files in one another" in debugger.obey("source self")[1]


def test_quit_in_a_file_ends_the_session(debugger: Debugger) -> None:
    Path("end").write_text("first; quit\nlast\n")
    assert debugger.shell.onecmd("source end; last")
    assert debugger.position == 1


def test_file_that_is_no_file_of_commands_is_one_line(debugger: Debugger) -> None:
    os.mkfifo("pipe")
    Path("long").write_bytes(b"#\n" * (1 << 20))
    for name, message in (
        ("pipe", "pipe: expected a file of commands, found none"),
        ("long", "long: expected a file of commands, found more than 1 MiB"),
    ):
        assert debugger.obey(f"source {name}")[1] == f"replay: {message}\n"
        debugger.shell.status = 0


# What was typed


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the user's state folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield tmp_path / "state"
    readline.clear_history()


def type_lines(*lines: str) -> list[str]:
    """Type lines in a session, and return what the arrows bring back in it."""
    kept = TypedLines()
    for line in lines:
        readline.add_history(line)
    kept.keep()
    return [
        readline.get_history_item(at) for at in range(1, readline.get_current_history_length() + 1)
    ]


def test_what_was_typed_comes_back_in_the_next_session_and_only_to_its_user(state: Path) -> None:
    assert type_lines("first", "break user ada") == ["first", "break user ada"]
    assert type_lines("last") == ["first", "break user ada", "last"]
    assert type_lines() == ["first", "break user ada", "last"]
    file = state / "replay" / "step_history"
    assert file == history_path()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_sessions_side_by_side_keep_the_lines_of_both(state: Path) -> None:
    type_lines("first")
    one = TypedLines()
    readline.add_history("of one")
    one.keep()
    other = TypedLines()
    readline.add_history("of the other")
    other.keep()
    lines = (state / "replay" / "step_history").read_text().splitlines()
    assert lines[-3:] == ["first", "of one", "of the other"]


def test_history_does_not_grow_for_ever(state: Path) -> None:
    type_lines(*map(str, range(1_500)))
    assert (state / "replay" / "step_history").read_text().count("\n") <= 1_001
    assert type_lines("last")[-2:] == ["1499", "last"]


@pytest.mark.parametrize("what", ["folder", "pipe", "nobody", "relative"])
def test_history_that_cannot_be_kept_costs_nothing(
    state: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = state / "replay" / "step_history"
    if what == "nobody":
        state.parent.joinpath("file").write_text("mine")
        monkeypatch.setenv("XDG_STATE_HOME", str(state.parent / "file"))
    elif what == "relative":
        monkeypatch.setenv("XDG_STATE_HOME", "here")
        monkeypatch.setenv("HOME", str(state))
        file = state / ".local" / "state" / "replay" / "step_history"
    elif what == "folder":
        file.mkdir(parents=True)
    else:
        file.parent.mkdir(parents=True)
        os.mkfifo(file)
    assert type_lines("first") == ["first"]
    assert (what == "relative") == file.is_file()


def test_history_is_kept_for_people_alone_and_can_be_switched_off(debugger: Debugger) -> None:
    looks = PurchaseLooks(EventStore(debugger.folder / STORE))
    kept = [
        Shell(looks, interactive=interactive, history=history)._history_kept
        for interactive in (False, True)
        for history in (False, True)
    ]
    assert kept == [False, False, False, True]


# Stores of other kinds


def stepped(capsys: pytest.CaptureFixture[str], store: Path, *words: str) -> list[str]:
    capsys.readouterr()
    assert main(["step", str(store), *words]) == 0
    return capsys.readouterr().out.splitlines()


def test_observations_have_fields_and_ids_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(f"2020-01-01 00:00:0{at}", "AB"[at % 2], "xy"[at // 2]) for at in range(4)]
    (tmp_path / "in.csv").write_bytes(as_csv(rows))
    words = [str(tmp_path / "in.csv"), str(tmp_path / "o.json"), "--threshold", "2s", "-q"]
    assert main(["intervals", *words, "--by", "address"]) == 0
    store = tmp_path / "o.json.events"
    commands = "goto observations:3; print adid; print key = 'x'; print intervals; history; window"
    _, *printed = stepped(capsys, store, "-c", commands)
    assert printed[:2] == ["B", "true"]
    assert (
        stepped(capsys, store, "-c", "goto 2; history")[1:]
        == stepped(capsys, store, "-c", "goto 2; history B")[1:]
    )
    assert (
        stepped(capsys, store, "-c", "goto 2; window")[1:]
        == stepped(capsys, store, "-c", "goto 2; window x")[1:]
    )
    *_, shown = stepped(capsys, store, "-c", "break adid=A key=y; continue")
    assert shown.startswith("event 3 of 4")


def test_detectors_own_fields_can_be_stopped_at_and_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = run_on(sample(80), tmp_path)
    given_detector = ("--detector", "tests.rings:Rings")
    events: list[Any] = list(EventStore(store).events_from(1))
    events = [each for each in events if hasattr(each, "amount")]
    largest = max(events, key=lambda each: each.amount)
    bound = str(largest.amount - 1)
    (stop, shown) = stepped(capsys, store, *given_detector, "-c", f"break amount>{bound}; c")[1:]
    assert stop == f"stop 1: break amount > {bound}"
    assert shown.startswith(f"event {largest.number} of ")
    goto = f"goto {largest.number}; print amount * 2"
    assert stepped(capsys, store, *given_detector, "-c", goto)[-1] == str(largest.amount * 2)
    # The last event concerns one, and a transfer two.
    own = stepped(capsys, store, *given_detector, "-c", "last; user")
    assert own == stepped(capsys, store, *given_detector, "-c", "last; user ada")
    assert main(["step", str(store), *given_detector, "-c", f"goto {largest.number}; user"]) == 2
    assert "; name one" in capsys.readouterr().err
