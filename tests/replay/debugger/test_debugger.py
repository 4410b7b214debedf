"""The debugger in this process: what its commands do, against brute force."""

from __future__ import annotations

import io
import json
import pdb  # noqa: T100  to see what its commands are
import re
import shlex
import tempfile
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from fractions import Fraction
from operator import eq, ge, gt, le, lt
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from events.escapes import plain
from events.purchases.amounts import format_amount
from events.store.store import EventStore
from replay.cli import main
from replay.debugger.commands import CommandError
from replay.debugger.session import completions
from replay.debugger.shell import Shell
from replay.purchases.looks import PurchaseLooks
from replay.purchases.timeline import Timeline, UserState
from replay.testing import model
from replay.testing.logged import LoggedHistory
from replay.testing.strategies import BAD_LINES, histories
from tests.plain_lines import friendship, log_of, purchase
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE, run_in_process
from tests.replay.purchases.test_timeline import states_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from events.purchases.decision import Decision

STORE = "flagged.json.events"
EXAMPLE = LoggedHistory(SPEC_EXAMPLE.batch, b"\n" + BAD_LINES[0] + b"\n" + SPEC_EXAMPLE.stream)
fewer = settings(max_examples=settings().max_examples // 2)


class Debugger:
    """A session on the store in a folder, which says what it prints."""

    def __init__(self, folder: Path, *, interactive: bool = False) -> None:
        self.folder = folder
        looks = PurchaseLooks(EventStore(folder / STORE))
        self.timeline = looks.timeline
        self.shell = Shell(looks, interactive=interactive)
        self.commands = self.shell.session.commands

    def obey(self, line: str) -> tuple[str, str]:
        """Return the output and the errors of a line."""
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
            self.shell.onecmd(line)
        return out.getvalue(), err.getvalue()

    def __call__(self, line: str) -> str:
        """Return what a line prints, which must not go wrong."""
        out, err = self.obey(line)
        assert (err, self.shell.status) == ("", 0)
        return out

    @property
    def place(self) -> tuple[int, bool]:
        """Position, and whether it is inside of the event after it, as they are shown."""
        # What comes next besides events is on lines of its own.
        shown = self("where").splitlines()[0]
        if shown == "no events" or shown.startswith("before event 1 of "):
            return 0, False
        found = re.match(rf"(inside )?event (\d+)(?: of {len(self.timeline)})?: ", shown)
        assert found is not None
        return int(found[2]) - bool(found[1]), bool(found[1])

    @property
    def position(self) -> int:
        position, inside = self.place
        assert not inside
        return position

    def begin(self, position: int) -> None:
        self(f"goto {position}")


@pytest.fixture(autouse=True)
def rows_on_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tables have room for all of a row."""
    monkeypatch.setenv("COLUMNS", "9999")


@contextmanager
def debugger_on(given_logs: LoggedHistory, *, interactive: bool = False) -> Iterator[Debugger]:
    """Give a session on the store of a run on ``given_logs``."""
    with tempfile.TemporaryDirectory() as name:
        run_in_process(given_logs, Path(name))
        debugger = Debugger(Path(name), interactive=interactive)
        with debugger.timeline:
            yield debugger


@pytest.fixture
def debugger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Debugger]:
    """Return a session on the challenge's example, in the folder of its store."""
    with debugger_on(EXAMPLE) as opened, monkeypatch.context() as patch:
        patch.chdir(opened.folder)
        yield opened


# Stops, against a scan over the lines of the logs


class Past(NamedTuple):
    """What the lines of two logs say, read by the model."""

    happenings: list[model.AcceptedLine]
    """The accepted lines; event n has index n - 1."""
    before_rejected: set[int]
    """After which event a rejected line comes."""
    decisions: dict[int, Decision]
    """What was decided in the run."""

    @property
    def users(self) -> list[str]:
        return list(dict.fromkeys(user for each in self.happenings for user in each.users))


def past_of(given_logs: LoggedHistory, debugger: Debugger) -> Past:
    past = Past(
        [], set(), {each.number: each for each in debugger.timeline.history.store.decisions()}
    )
    lines = model.read_lines(given_logs.batch)[1:] + model.read_lines(given_logs.stream)
    for happening in model.happenings(lines):
        if happening is None:
            past.before_rejected.add(len(past.happenings))
        else:
            past.happenings.append(happening)
    return past


SIGNS = {">": gt, ">=": ge, "<": lt, "<=": le, "=": eq, "==": eq}


def holds(condition: tuple[str, ...], past: Past, position: int) -> bool:
    """Tell whether a condition, as words, holds at a position."""
    if not position or condition == ("rejected",):
        return condition == ("rejected",) and position in past.before_rejected
    if condition[0] in ("flagged", "near"):
        return decided(condition, past, position)
    happening = past.happenings[position - 1]
    match condition:
        case ("event", number):
            return position == int(number)
        case ("user", user):
            return user in happening.users
        case ("type", kind):
            return happening.kind == kind
    _, sign, amount = condition
    return happening.kind == "purchase" and SIGNS[sign](happening.amount, Fraction(amount))


def decided(condition: tuple[str, ...], past: Past, position: int) -> bool:
    """Tell whether a condition on a decision holds at a position."""
    decision = past.decisions.get(position)
    if decision is None or condition == ("flagged",):
        return decision is not None and decision.flagged
    mean, sd = Fraction(decision.mean_cents, 100), Fraction(decision.sd_cents, 100)
    distance = abs(past.happenings[position - 1].amount - (mean + 3 * sd))
    return decision.purchases >= 2 and distance <= Fraction(condition[1]) * sd


def conditions(past: Past) -> st.SearchStrategy[tuple[str, ...]]:
    """Draw a condition that can be put on a history of at least one event."""
    numbers = st.integers(1, len(past.happenings)).map(str)
    amounts = st.sampled_from(["10", "10.01", "0", "16.83", "400.00", "5"])
    return st.one_of(
        st.tuples(st.just("event"), numbers),
        st.tuples(st.just("user"), st.sampled_from(past.users)),
        st.tuples(st.just("type"), st.sampled_from(["purchase", "befriend", "unfriend"])),
        st.just(("flagged",)),
        st.just(("rejected",)),
        st.tuples(st.just("amount"), st.sampled_from(list(SIGNS)), amounts),
        st.tuples(st.just("near"), st.sampled_from(["0", "0.5", "1", "3.000000001", "40"])),
    )


def shorter(condition: tuple[str, ...]) -> tuple[str, ...]:
    """Return ``condition`` without the word that may be left out."""
    return condition[1:] if condition[0] in ("event", "type") else condition


Stops = dict[int, list[tuple[str, ...]]]


def draw_stops(debugger: Debugger, past: Past, data: st.DataObject) -> Stops:
    """Put up some breakpoints, take one away, and return which conditions each has."""
    drawn = data.draw(
        st.lists(st.lists(conditions(past), min_size=1, max_size=2), min_size=1, max_size=4)
    )
    stops = dict(enumerate(drawn, 1))
    for number, all_of in stops.items():
        words = [data.draw(st.sampled_from([each, shorter(each)])) for each in all_of]
        shown = debugger(f"break {' '.join(shlex.quote(w) for each in words for w in each)}")
        assert shown.startswith(f"stop {number}: break ")
    if len(stops) > 1:
        gone = data.draw(st.sampled_from(list(stops)))
        debugger(f"delete {gone}")
        del stops[gone]
    return stops


def hits_of(stops: Stops, past: Past, position: int) -> list[int]:
    return [
        number
        for number, all_of in stops.items()
        if all(holds(condition, past, position) for condition in all_of)
    ]


def check_search(debugger: Debugger, stops: Stops, past: Past, start: int) -> None:
    """Search from ``start`` both ways, beginning between events and inside of one."""
    count = len(past.happenings)
    for inside in (False, start < count):
        for command, ahead, end in (
            ("continue", range(start + 1, count + 1), count),
            ("reverse-continue", range(start + inside - 1, -1, -1), 0),
        ):
            debugger.begin(start)
            if inside:
                debugger("message")
            found = next((at for at in ahead if hits_of(stops, past, at)), None)
            shown = debugger(command)
            hits = hits_of(stops, past, found) if found is not None else []
            assert list(map(int, re.findall(r"^stop (\d+): break ", shown, re.MULTILINE))) == hits
            assert shown.startswith("no stop ") == (found is None)
            assert debugger.position == (end if found is None else found)


@pytest.mark.slow
@given(histories(), st.data())
def test_continue_stops_where_a_scan_over_the_lines_says_in_both_directions(
    given_logs: LoggedHistory, data: st.DataObject
) -> None:
    with debugger_on(given_logs) as debugger:
        past = past_of(given_logs, debugger)
        assert len(debugger.timeline) == len(past.happenings)
        if not past.happenings:
            return
        stops = draw_stops(debugger, past, data)
        starts = st.sets(st.integers(0, len(past.happenings)), min_size=1, max_size=5)
        for start in data.draw(starts):
            check_search(debugger, stops, past, start)


@pytest.mark.slow
@given(histories())
@fewer
def test_search_for_rejected_lines_finds_those_before_the_first_event_too(
    given_logs: LoggedHistory,
) -> None:
    with debugger_on(given_logs) as debugger:
        past = past_of(given_logs, debugger)
        debugger("break rejected; last")
        found = [debugger.position] if debugger.position in past.before_rejected else []
        while not debugger("reverse-continue").startswith("no stop"):
            found.append(debugger.position)
        assert found == sorted(past.before_rejected, reverse=True)


@pytest.mark.parametrize("amount", ["25.00", "35.00"])
def test_near_counts_the_distance_itself_on_either_side(amount: str) -> None:
    # Mean 15, standard deviation 5: the threshold is 30, one such deviation away.
    past = [b'{"D":1,"T":5}', friendship("1", "2"), purchase("1", "10"), purchase("1", "20")]
    with debugger_on(LoggedHistory(log_of(past), log_of([purchase("2", amount)]))) as debugger:
        debugger("break near 1")
        assert debugger("continue").startswith("stop 1: break near 1\nevent 4 of 4: ")
        debugger("delete; break near 0.999999999; first")
        assert debugger("continue").startswith("no stop ahead\n")


@pytest.mark.parametrize(
    ("sign", "expected"),
    [
        (">", [2, 7]),
        (">=", [1, 2, 7]),
        ("<", [5]),
        ("<=", [1, 5]),
        ("=", [1]),
        ("==", [1]),
    ],
)
def test_amount_is_compared_as_its_sign_says(
    debugger: Debugger, sign: str, expected: list[int]
) -> None:
    debugger(f"break amount {sign} 16.8300")
    found = []
    while not debugger("continue").startswith("no stop"):
        found.append(debugger.position)
    assert found == expected


def test_event_that_is_half_done_is_the_first_one_back_and_the_next_one_forward(
    debugger: Debugger,
) -> None:
    debugger("break 3; break 4")
    for command, position in (
        ("back", 3),
        ("back 2", 2),
        ("next", 4),
        ("next 2", 5),
        ("reverse-continue", 3),
        ("continue", 4),
        ("why; where", 4),
        ("diff 0", 4),
        ("goto 3", 3),
        ("mark half; goto half", 3),
        ("save half; load half", 3),
    ):
        debugger("goto 3; message")
        assert debugger.place == (3, True)
        debugger(command)
        assert debugger.place == (position, False), command


# Watches, against the states themselves


def known(states: list[list[UserState]]) -> list[dict[str, UserState]]:
    return [{each.user: each for each in state} for state in states]


def state_of(states: dict[str, UserState], user: str) -> UserState:
    """Return the state of ``user``; who has not appeared yet has no friend and no purchase."""
    return states.get(user, UserState(user, (), ()))


@pytest.mark.slow
@given(histories(past_max=12, new_max=6))
@fewer
def test_watch_stops_exactly_where_the_state_of_the_user_changes(given_logs: LoggedHistory) -> None:
    with debugger_on(given_logs) as debugger:
        count = len(debugger.timeline)
        states = known(states_of(debugger.timeline))
        for user in past_of(given_logs, debugger).users:
            debugger(f"delete; watch {shlex.quote(user)}")
            expected = [
                at
                for at in range(1, count + 1)
                if state_of(states[at], user) != state_of(states[at - 1], user)
            ]
            debugger.begin(0)
            found = []
            while debugger("continue").startswith("stop 1: watch "):
                found.append(debugger.position)
            assert (found, debugger.position) == (expected, count)
            # Where it starts from is no stop, on the way back as on the way forward.
            found = [count] if count in expected else []
            while debugger("reverse-continue").startswith("stop 1: watch "):
                found.append(debugger.position)
            assert (found, debugger.position) == (expected[::-1], 0)


# Walks, against arithmetic


class Walker:
    """Where a session is, by arithmetic."""

    def __init__(self, debugger: Debugger) -> None:
        self.debugger = debugger
        self.history = debugger.timeline.history
        with Timeline(debugger.folder / STORE) as timeline:
            self.count = len(timeline)
            self.messages = [len(timeline.trace(number + 1)) for number in range(self.count)]
        self.position = 0
        self.delivered = 0
        self.marks: dict[str, int] = {}

    def commands(self) -> list[str]:
        """Return what may be typed now, with weights."""
        moves = ["next", "back", "first", "last", "message", "message", "message", "goto"]
        looks = ["list", "info", "latest"] + (["why", "trace", "diff"] if self.count else [])
        stream = ["stream"] if (self.history.stream_start or 0) < self.count else []
        stream = [] if self.history.stream_start is None else stream
        return moves + looks + ["mark"] + stream

    def walk(self, command: str, number: int) -> None:
        """Carry out a command, and say where it leads."""
        name = f"m{number % 3}"
        if command == "message":
            self.message()
        elif command == "mark":
            self.debugger(f"mark {name}")
            self.marks[name] = self.position
        elif command == "goto" and name in self.marks:
            self.leave(f"goto {name}", self.marks[name])
        elif command in ("list", "info", "latest"):
            self.debugger(command)
        else:
            self.move(command, number)

    def move(self, command: str, number: int) -> None:
        where, steps = min(number, self.count), number % 4 + 1
        here = self.position + (self.delivered > 0)
        line, position = {
            "next": (f"next {steps}", min(self.position + steps, self.count)),
            "back": (f"back {steps}", max(here - steps, 0)),
            "first": ("first", min(1, self.count)),
            "last": ("last", self.count),
            "stream": ("stream", (self.history.stream_start or 0) + 1),
            "goto": (f"goto {where}", where),
            "why": (f"why {max(where, 1)}", here),
            "trace": (f"trace {max(where, 1)}", here),
            "diff": (f"diff {where}", here),
        }[command]
        self.leave(line, position)

    def leave(self, line: str, position: int) -> None:
        self.debugger(line)
        self.position, self.delivered = position, 0

    def message(self) -> None:
        shown = self.debugger("message")
        assert shown.startswith("no event is left\n") == (self.position == self.count)
        if self.position < self.count:
            self.delivered += 1
            if self.delivered == self.messages[self.position]:
                self.position, self.delivered = self.position + 1, 0


walks = st.lists(st.tuples(st.integers(0, 99), st.integers(0, 12)), min_size=15, max_size=25)


@pytest.mark.slow
@given(histories(past_max=8, new_max=8), walks)
def test_walk_ends_where_arithmetic_says(
    given_logs: LoggedHistory, walk: list[tuple[int, int]]
) -> None:
    with debugger_on(given_logs) as debugger:
        states = states_of(debugger.timeline)
        walker = Walker(debugger)
        for choice, number in walk:
            commands = walker.commands()
            walker.walk(commands[choice % len(commands)], number)
            assert debugger.place == (walker.position, walker.delivered > 0)
        debugger.begin(walker.position)
        assert debugger.timeline.state() == states[walker.position]


@pytest.mark.slow
@given(histories(past_max=4, new_max=4))
@fewer
def test_messages_one_by_one_are_those_of_trace_and_each_waited_first(
    given_logs: LoggedHistory,
) -> None:
    with debugger_on(given_logs) as debugger:
        for number in range(1, len(debugger.timeline) + 1):
            table = debugger(f"trace {number}").splitlines()[1:]
            debugger.begin(number - 1)
            waited = None
            for row in table:
                shown = debugger("message").splitlines()
                delivered = shown[0].removeprefix("delivered: ")
                assert (
                    delivered.replace(" > ", " ").replace(": ", " ", 1).split() == row.split()[1:]
                )
                assert waited in (None, f"waiting 1: {delivered}")
                waited = next((line for line in shown if line.startswith("waiting 1: ")), None)
            assert debugger.position == number


# What is shown, against the states and the lines


def cells_of(line: str, starts: list[int]) -> list[str]:
    """Return the cells of a line of a table, whose columns begin at ``starts``."""
    places: list[str] = []
    for character in line:
        if cell_len(character):
            places += [character] + [""] * (cell_len(character) - 1)
        else:
            places[-1] += character
    ends = [*starts[1:], len(places)]
    return ["".join(places[one:end]).strip() for one, end in zip(starts, ends, strict=True)]


def some(words: list[str]) -> str:
    more = f" and {len(words) - 20} more" if len(words) > 20 else ""
    return ", ".join(map(plain, words[:20])) + more


def change(before: UserState, after: UserState) -> list[str]:
    made = [each for each in after.purchases if each not in before.purchases]
    return [
        plain(after.user),
        some([friend for friend in after.friends if friend not in before.friends]),
        some([friend for friend in before.friends if friend not in after.friends]),
        some([f"{format_amount(each.amount)} (event {each.number})" for each in made]),
    ]


@pytest.mark.slow
@given(histories(), st.floats(0, 1), st.floats(0, 1))
def test_diff_is_the_difference_of_the_states(
    given_logs: LoggedHistory, one: float, other: float
) -> None:
    with debugger_on(given_logs) as debugger:
        count = len(debugger.timeline)
        first, last = sorted((round(one * count), round(other * count)))
        states = known(states_of(debugger.timeline))
        expected = [
            change(before, after)
            for user, after in states[last].items()
            if (before := state_of(states[first], user)) != after
        ]
        debugger.begin(count // 2)
        head, *table = debugger(f"diff {last} {first}").splitlines()
        moments = [f"event {at}" if at else "the beginning" for at in (first, last)]
        users = f"{len(expected)} user{'' if len(expected) == 1 else 's'}"
        assert head == f"between {moments[0]} and {moments[1]}: {users} changed"
        columns = table[0] if table else ""
        starts = [columns.index(name) for name in ("user", "new f", "lost", "new p") if columns]
        assert sorted(cells_of(line, starts) for line in table[1:]) == sorted(expected)
        assert debugger.position == count // 2


def test_diff_tells_of_lost_friends(debugger: Debugger) -> None:
    assert debugger("diff 5 6") == (
        "between event 5 and event 6: 2 users changed\n"
        "user  new friends  lost friends  new purchases\n"
        "1                  3\n"
        "3                  1\n"
    )


@pytest.mark.slow
@given(histories())
@fewer
def test_history_of_a_user_is_the_events_whose_lines_name_it(given_logs: LoggedHistory) -> None:
    with debugger_on(given_logs) as debugger:
        past = past_of(given_logs, debugger)
        debugger("last")
        for user in past.users:
            expected = [
                ("=>" if number == len(past.happenings) else "  ", str(number))
                for number, happening in enumerate(past.happenings, 1)
                if user in happening.users
            ]
            shown = debugger(f"history {shlex.quote(user)}")
            assert re.findall(r"^(=>|  ) +(\d+)  2017-", shown, re.MULTILINE) == expected


@pytest.mark.slow
@given(histories(), st.data())
@fewer
def test_what_is_saved_is_loaded_in_another_session(
    given_logs: LoggedHistory, data: st.DataObject
) -> None:
    with debugger_on(given_logs) as debugger:
        past = past_of(given_logs, debugger)
        stops = draw_stops(debugger, past, data) if past.happenings else {}
        for user in past.users[:2]:
            debugger(f"watch {shlex.quote(user)}")
        for name in data.draw(st.lists(st.sampled_from(["a", "b-2", "ü_"]))):
            debugger.begin(data.draw(st.integers(0, len(past.happenings))))
            debugger(f"mark {name}")
        debugger.begin(data.draw(st.integers(0, len(past.happenings))))
        path = shlex.quote(str(debugger.folder / "a session"))
        for _ in range(2):
            debugger(f"save {path}")
        other = Debugger(debugger.folder)
        with other.timeline:
            other("mark gone; last; break rejected; message")
            loaded = other(f"load {path}")
            assert loaded.endswith(debugger("where"))
            assert "deleted mark gone: event 0\n" in loaded
            assert other("info") == debugger("info")
            assert other.place == debugger.place
            if past.happenings and not past.users[:2]:
                check_search(other, stops, past, other.position)
            for command in ("continue", "reverse-continue"):
                assert other(command) == debugger(command)
        assert sorted(path.name for path in debugger.folder.iterdir()) == [
            "a session",
            "batch.json",
            "flagged.json",
            STORE,
            "stream.json",
        ]


# What goes wrong


def too_many(name: str, bounds: str, found: int, usage: str) -> str:
    return f"{name}: expected {bounds}, found {found}; usage: {name} {usage}".rstrip()


KINDS = (
    "N or one of amount, befriend, event, flagged, if, near, purchase, rejected, type, unfriend, "
    "user"
)
NO_USER = "expected a user of this history, found 'nobody'"
NOT_HERE = "expected a user who has appeared by event 2, found '3'"
NO_MOMENT = "expected a position from 0 to 7, found 8"
NO_EVENT = "expected an event from 1 to 7, found 0"
NO_COUNT = "expected a whole number from 1 on, found "
NO_NUMBER = "expected an event, its number or as stream:429, or a mark, found "
NO_STOP = "expected the number of a stop, found "
NO_NAME = "expected a name of letters, digits, - and _ after a letter, found "
ANY = "break amount: expected one of > >= < <= = == !=, found "
DEVIATIONS = "break near: expected a number of standard deviations, such as 0.5, found "

WRONG = {
    "next 0": NO_COUNT + "'0'",
    "next -1": NO_COUNT + "'-1'",
    "next x": NO_COUNT + "'x'",
    "next 1.5": NO_COUNT + "'1.5'",
    "next " + "9" * 19: NO_COUNT + "'9999999999999999999'",
    "next 1 2": too_many("next", "0 to 1 argument", 2, "[K]"),
    "back 0": NO_COUNT + "'0'",
    "back \u0663": NO_COUNT + "'\\u0663'",
    "back 1 2": too_many("back", "0 to 1 argument", 2, "[K]"),
    "goto": too_many("goto", "1 argument", 0, "N|NAME"),
    "goto 1 2": too_many("goto", "1 argument", 2, "N|NAME"),
    "goto 8": NO_MOMENT,
    "goto -9": "expected a position from 0 to 7, found -",
    "goto +9": "expected a position from 0 to 7, found 1",
    "goto +-1": NO_NUMBER + "'+-1'",
    "goto batch:1": "batch line 1: expected an event, found none; log lists those there are",
    "goto stream:2": "stream line 2: expected an event, found a line that was rejected (not-json)",
    "goto strem:2": "expected a line of batch or stream, found 'strem:2'",
    "goto there": NO_NUMBER + "'there'",
    "goto ''": NO_NUMBER + "''",
    "first 1": too_many("first", "0 arguments", 1, ""),
    "last 1": too_many("last", "0 arguments", 1, ""),
    "stream 1": too_many("stream", "0 arguments", 1, ""),
    "continue 0": NO_COUNT + "'0'",
    "continue 1 2": too_many("continue", "0 to 1 argument", 2, "[K]"),
    "reverse-continue x": NO_COUNT + "'x'",
    "reverse-continue 1 2": too_many("reverse-continue", "0 to 1 argument", 2, "[K]"),
    "until": too_many("until", "1 argument", 0, "N|NAME"),
    "until 1": "until: expected an event behind 2, found 1; goto goes back",
    "until x": NO_NUMBER + "'x'",
    "finish 1": too_many("finish", "0 arguments", 1, ""),
    "tbreak": f"expected a condition: {KINDS}; found none",
    "tbreak nonsense": f"expected a condition: {KINDS}; found 'nonsense'",
    "condition": "condition: expected 1 argument or more, found 0; usage: condition K [COND",
    "condition 2 flagged": NO_STOP + "'2'",
    "condition 1 nonsense": f"expected a condition: {KINDS}; found 'nonsense'",
    "ignore 1": too_many("ignore", "2 arguments", 1, "K COUNT"),
    "ignore 2 1": NO_STOP + "'2'",
    "ignore 1 x": NO_COUNT + "'x'",
    "display nothing": "expected a field, found 'nothing'; there are source, line, type, event",
    "undisplay 1": "expected the number of a display, found '1'; there is none yet",
    "undisplay 1 2": too_many("undisplay", "0 to 1 argument", 2, "[K]"),
    "print amout": "expected a field, found 'amout'; did you mean amount?",
    "print 1 +": "expected a value in the expression, found its end",
    "print (1": "expected a ) in the expression, found its end",
    "print 1 2": "expected an operator in the expression, found '2'",
    "print 1 / 0": "expected another divisor, found 0",
    "print 1 + 'a'": "expected numbers for +, found 'a'",
    "print 1 < 'a'": "expected two numbers or two texts for <, found the number 1 and 'a'",
    "print @": "expected an expression such as amount > mean + 2 * sd, found '@'",
    "print n + 1": "expected an event with n, found one with source, line, type, event, time",
    "print " + "(" * 60: "expected at most 50 levels in an expression, found more",
    "print " + "1" * 1_001: "expected an expression of at most 1000 characters",
    "up 1 2": too_many("up", "0 to 1 argument", 2, "[N]"),
    "up": "up: expected a ",
    "down": "down: expected a way that was gone up, found its beginning",
    "source": too_many("source", "1 argument", 0, "FILE"),
    "source none": "none: expected a file of commands, found none",
    "source .": ".: expected a file of commands, found none",
    "source ''": "source: expected the name of a file, found ''",
    "source stream.json": "stream.json:2: expected a command, found 'not'",
    "break": f"expected a condition: {KINDS}; found none",
    "break nonsense": f"expected a condition: {KINDS}; found 'nonsense'",
    "break flagged and rejected": f"expected a condition: {KINDS}; found 'and'",
    "break 0": "expected an event from 1 to 7, found '0'",
    "break 8": "expected an event from 1 to 7, found '8'",
    "break event": "break event: expected a number, found nothing",
    "break event x": "expected an event from 1 to 7, found 'x'",
    "break user": "break user: expected an id, found nothing",
    "break user nobody": NO_USER,
    "break type": "break type: expected one of purchase, befriend, unfriend, found nothing",
    "break type sale": "expected a type: purchase, befriend, unfriend; found 'sale'",
    "break amount": "break amount: expected a comparison: > >= < <= = == !=, found nothing",
    "break amount 5": ANY + "'5'",
    "break amount ! 5": ANY + "'!'",
    "break amount >>5": "break amount: expected digits such as",
    "break amount>": "break amount: expected an amount, found nothing",
    "break amount>x": "break amount: expected ",
    "break amount > mean + 3 * sd": 'break amount: expected digits such as "16.83", '
    "found 'mean'; an expression goes behind if, as in break if amount > ...",
    "break flaged": f"expected a condition: {KINDS}; found 'flaged'; did you mean flagged?",
    "break type sal": "expected a type: purchase, befriend, unfriend; found 'sal'",
    "break type purchse": "expected a type: purchase, befriend, unfriend; found 'purchse'; did you",
    "break if": "break if: expected an expression, found nothing",
    "break if amount >": "expected a value in the expression, found its end",
    "break n >": f"expected a condition: {KINDS}; found 'n'",
    "break n > > 1": "break n >: expected a value, found '>'",
    "break amount >": "break amount: expected an amount, found nothing",
    "break amount > -5": "break amount: expected no sign, found '-5'",
    "break amount > five": "break amount: expected ",
    "break amount > 1.00001": "break amount: expected at most 4 places after the point, ",
    "break near": DEVIATIONS + "nothing",
    "break near x": DEVIATIONS + "'x'",
    "break near -1": DEVIATIONS + "'-1'",
    "break near .5": DEVIATIONS + "'.5'",
    "break near 1/2": DEVIATIONS + "'1/2'",
    "watch": too_many("watch", "1 argument", 0, "ID"),
    "watch nobody": NO_USER,
    "watch 1 2": too_many("watch", "1 argument", 2, "ID"),
    "delete 2": NO_STOP + "'2'; there is 1",
    "delete 0": NO_STOP + "'0'",
    "delete -1": NO_STOP + "'-1'",
    "delete x": NO_STOP + "'x'",
    "delete 1 2": too_many("delete", "0 to 1 argument", 2, "[K|all]"),
    "info nothing": "expected break, marks or display, found 'nothing'",
    "info brek": "expected break, marks or display, found 'brek'; did you mean break?",
    "info break marks": too_many("info", "0 to 1 argument", 2, "[break|marks|display]"),
    "message 1": too_many("message", "0 arguments", 1, ""),
    "where 1": too_many("where", "0 arguments", 1, ""),
    "list x": NO_NUMBER + "'x'",
    "list 8": NO_MOMENT,
    "list 1 2": too_many("list", "0 to 1 argument", 2, "[N]"),
    "user 3": NOT_HERE,
    "user nobody": "expected a user who has appeared by event 2, found 'nobody'",
    "user ''": "expected a user who has appeared by event 2, found ''",
    "user " + "n" * 999: f"expected a user who has appeared by event 2, found '{'n' * 57}...'",
    "user 1 2": too_many("user", "0 to 1 argument", 2, "[ID]"),
    "network 3": NOT_HERE,
    "network 1 0": NO_COUNT + "'0'",
    "network 1 x": NO_COUNT + "'x'",
    "network 1 2 3": too_many("network", "0 to 2 arguments", 3, "[ID] [D]"),
    "window 3": NOT_HERE,
    "window 1 2": too_many("window", "0 to 1 argument", 2, "[ID]"),
    "latest 0": NO_COUNT + "'0'",
    "latest x": NO_COUNT + "'x'",
    "latest 1 2": too_many("latest", "0 to 1 argument", 2, "[K]"),
    "why 0": NO_EVENT,
    "why 8": NO_MOMENT,
    "why x": NO_NUMBER + "'x'",
    "why 1 2": too_many("why", "0 to 1 argument", 2, "[N]"),
    "trace 0": NO_EVENT,
    "trace 8": NO_MOMENT,
    "trace x": NO_NUMBER + "'x'",
    "trace 1 2": too_many("trace", "0 to 1 argument", 2, "[N]"),
    "diff": too_many("diff", "1 to 2 arguments", 0, "N [M]"),
    "diff 8": NO_MOMENT,
    "diff 1 8": NO_MOMENT,
    "diff x": NO_NUMBER + "'x'",
    "diff 1 2 3": too_many("diff", "1 to 2 arguments", 3, "N [M]"),
    "history nobody": NO_USER,
    "history 1 2": too_many("history", "0 to 1 argument", 2, "[ID]"),
    "mark": too_many("mark", "1 argument", 0, "NAME"),
    "mark 1": NO_NAME + "'1'",
    "mark 'a b'": NO_NAME + "'a b'",
    "mark ''": NO_NAME + "''",
    "mark a b": too_many("mark", "1 argument", 2, "NAME"),
    "save": too_many("save", "1 argument", 0, "FILE"),
    "save a b": too_many("save", "1 argument", 2, "FILE"),
    "save ''": "save: expected the name of a file, found ''",
    "save a\0b": "save: expected the name of a file, found 'a\\x00b'",
    "save .": ".: expected a new file or a saved session, found another file; name another one",
    f"save {STORE}": f"{STORE}: expected a new file or a saved session, found another file",
    "save stream.json": "stream.json: expected a new file or a saved session, found another file",
    "save no/where": "no/where: expected to write a session, found: No such file or directory",
    "save stream.json/x": "stream.json/x: expected to write a session, found: Not a directory",
    "save " + "x" * 300: f"{'x' * 300}: expected to write a session, found: File name too long",
    "save /dev/full": "/dev/full: expected a new file or a saved session, found another file",
    "load": too_many("load", "1 argument", 0, "FILE"),
    "load a b": too_many("load", "1 argument", 2, "FILE"),
    "load ''": "load: expected the name of a file, found ''",
    "load a\0b": "load: expected the name of a file, found 'a\\x00b'",
    "load none": "none: expected a saved session, found: No such file or directory",
    "load .": ".: expected a saved session, found no regular file",
    "load /dev/zero": "/dev/zero: expected a saved session, found no regular file",
    "load " + "x" * 300: f"{'x' * 300}: expected a saved session, found: File name too long",
    "load stream.json": "stream.json: expected a saved session, found: ",
    f"load {STORE}": f"{STORE}: expected a saved session, found: ",
    "help nothing": "expected a command, found 'nothing'; help lists them",
    "help next back": too_many("help", "0 to 1 argument", 2, "[COMMAND]"),
    "quit 1": too_many("quit", "0 arguments", 1, ""),
    "nonsense": "expected a command, found 'nonsense'; help lists them",
    "Next": "expected a command, found 'Next'; did you mean next?",
    "!ls": "expected a command, found '!ls'; help lists them",
    "wa 1 2": too_many("watch", "1 argument", 2, "ID"),
    "la": "expected one command, found 'la', which begins last, latest",
    "re 'x": "expected a command, found one with No closing quotation",
    'user "1': "expected a command, found one with No closing quotation",
    "user 1\\": "expected a command, found one with No escaped character",
}


def test_every_command_is_used_wrongly_here(debugger: Debugger) -> None:
    wrong = {line.split()[0] for line in WRONG}
    assert {command.name for command in debugger.commands.all} - wrong == set()


@pytest.mark.parametrize("inside", [False, True], ids=["between-events", "inside-an-event"])
def test_wrong_command_is_one_line_and_changes_nothing(debugger: Debugger, inside: bool) -> None:
    debugger("goto 2; mark here; break flagged; " + ("message" if inside else "where"))
    before = debugger("info"), debugger.place
    files = {path.name: path.read_bytes() for path in debugger.folder.iterdir()}
    for line, expected in WRONG.items():
        out, err = debugger.obey(line)
        assert (out, err.count("\n")) == ("", 1), line
        assert err.startswith(f"replay: {expected}"), line
        assert debugger.shell.status
        debugger.shell.status = 0
        assert (debugger("info"), debugger.place) == before, line
    assert {path.name: path.read_bytes() for path in debugger.folder.iterdir()} == files


def test_wrong_command_ends_its_line(debugger: Debugger) -> None:
    out, err = debugger.obey("first; goto 99; last")
    assert (out.count("\n"), err.count("\n")) == (1, 1)
    debugger.shell.status = 0
    assert debugger.position == 1


def test_stream_of_a_history_without_one_is_refused() -> None:
    with debugger_on(LoggedHistory(SPEC_EXAMPLE.batch, b"")) as debugger:
        out, err = debugger.obey("stream")
    assert out == ""
    assert err == "replay: expected a stream, found a history that has no event of one\n"


SESSION: dict[str, object] = {
    "format": "replay.session",
    "events": 7,
    "position": 5,
    "stops": {"1": "break flagged", "7": "watch 2"},
    "marks": {"here": 2},
}


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"events": 8}, "expected a session on a history of 7 events, found one on 8"),
        ({"format": "other"}, "found format 'other'"),
        ({"position": 8}, "expected positions from 0 to 7, found 8"),
        ({"position": -1}, "expected positions from 0 to 7, found -1"),
        ({"position": "3"}, "Expected `int`, got `str`"),
        ({"marks": {"here": 8}}, "expected positions from 0 to 7, found 8"),
        ({"stops": {"1": "break user nobody"}}, "expected a user of this history"),
        ({"stops": {"1": "break 'x"}}, "No closing quotation"),
        ({"stops": {"1": ""}}, "expected a saved session"),
        ({"stops": {"1": "watch 1 2"}}, "expected a saved session"),
        ({"stops": {"x": "watch 1"}}, "expected a saved session"),
        ({"more": 1}, "unknown field `more`"),
    ],
)
def test_file_that_is_no_session_of_this_history_is_refused_and_changes_nothing(
    debugger: Debugger, changed: dict[str, object], found: str
) -> None:
    path = debugger.folder / "s"
    path.write_text(json.dumps(SESSION))
    assert debugger("load s").startswith("event 5 of 7")
    assert debugger("info") == "stop 1: break flagged\nstop 7: watch 2\nmark here: event 2\n"
    stops = "stop 1: break flagged\nstop 7: watch 2\n"
    assert [debugger(f"info {word}") for word in ("b", "breakpoints", "m")] == [
        stops,
        stops,
        "mark here: event 2\n",
    ]
    path.write_text(json.dumps(SESSION | changed))
    debugger("delete 1; mark other; first")
    before = debugger("info; where")
    out, err = debugger.obey("load s")
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("replay: s: expected ")
    assert found in err
    debugger.shell.status = 0
    assert debugger("info; where") == before


def test_only_a_session_is_saved_over(debugger: Debugger) -> None:
    debugger("first; save s; last; save s; first; load s")
    assert debugger.position == 7
    Path("s").write_text("mine")
    Path("link").symlink_to("nowhere")
    for name in ("s", "link"):
        assert "found another file" in debugger.obey(f"save {name}")[1]
    assert Path("s").read_text() == "mine"


# Words


# What words mean to a hand that is used to pdb and gdb, in the words of this program.
MEANT = {
    "?": "help",
    "advance": "until",
    "b": "break",
    "bt": "where",
    "c": "continue",
    "cl": "delete",
    "clear": "delete",
    "cont": "continue",
    "continue": "continue",
    "condition": "condition",
    "disp": "display",
    "display": "display",
    "down": "down",
    "exit": "quit",
    "f": "where",
    "fin": "finish",
    "finish": "finish",
    "ignore": "ignore",
    "h": "help",
    "i": "info",
    "l": "list",
    "list": "list",
    "n": "next",
    "next": "next",
    "p": "print",
    "pp": "print",
    "print": "print",
    "source": "source",
    "tb": "tbreak",
    "tbreak": "tbreak",
    "undisplay": "undisplay",
    "unt": "until",
    "until": "until",
    "up": "up",
    "q": "quit",
    "rc": "reverse-continue",
    "rn": "back",
    "s": "message",
    "step": "message",
    "w": "where",
    "where": "where",
}
REFUSED = {
    "d": "delete K deletes a stop$",
    "disable": "ignore K COUNT passes over a stop, and delete K deletes it$",
    "j": "goto N moves there",
    "r": "finish delivers the rest of an event, and first begins again$",
    "rs": "back goes back by an event$",
    "run": "first begins again$",
    "u": "goto N moves there, and until N goes forward to it$",
    "x": "user, network, window and latest show the state$",
}


def test_words_of_other_debuggers_mean_the_same_or_are_answered(debugger: Debugger) -> None:
    command_of = debugger.commands.named
    assert {word: command_of(word).name for word in MEANT} == MEANT
    listed = " ".join(debugger("help").split())
    for word, hint in REFUSED.items():
        with pytest.raises(CommandError, match=rf"^expected a command, found '{word}'; .*{hint}"):
            command_of(word)
        assert f" {word}," in listed or f" {word}." in listed


def test_no_command_of_pdb_goes_somewhere_else(debugger: Debugger) -> None:
    for name in (name.removeprefix("do_") for name in dir(pdb.Pdb) if name.startswith("do_")):
        try:
            command = debugger.commands.named(name)
        except CommandError:
            continue
        assert MEANT.get(name, name) in (command.name, "break", "EOF", "quit")


def test_help_lists_words_beside_the_command_that_they_mean(debugger: Debugger) -> None:
    lines = [re.split(r" {2,}", line.strip()) for line in debugger("help").splitlines()]
    beside = {line[1].split()[0]: line[0].split(", ") for line in lines if len(line) == 3}
    for name, words in beside.items():
        assert [debugger.commands.named(word).name for word in words] == [name] * len(words)
    assert {"n", "c", "b", "l", "h", "q", "s", "w"} <= {
        each for row in beside.values() for each in row
    }
    assert "step" in debugger("help").partition("Words of pdb and gdb")[2]


def test_beginning_of_a_command_means_it_as_long_as_that_is_clear(debugger: Debugger) -> None:
    command_of = debugger.commands.named
    names = [command.name for command in debugger.commands.all]
    for name in names:
        assert command_of(name).name == name
        for end in range(2, len(name)):
            begun = [other for other in names if other.startswith(name[:end])]
            try:
                assert command_of(name[:end]).name in begun
            except CommandError as error:
                assert re.search(f"which begins {', '.join(begun)}(, |$)", str(error))  # noqa: PT017
    for word, begins in {
        "st": "stream, step",
        "re": "reverse-continue, .*return",
        "la": "last, ",
    }.items():
        with pytest.raises(
            CommandError, match=f"^expected one command, found '{word}', which begins {begins}"
        ):
            command_of(word)


def test_word_that_is_almost_a_command_is_answered_with_it(debugger: Debugger) -> None:
    for word, meant in {"nxt": "next", "contniue": "continue", "histroy": "history"}.items():
        message = f"^expected a command, found '{word}'; did you mean {meant}\\?$"
        with pytest.raises(CommandError, match=message):
            debugger.commands.named(word)


def test_help_says_usage_and_summary_of_every_command(debugger: Debugger) -> None:
    listed = debugger("help")
    for command in debugger.commands.all:
        assert f"{command.name} {command.usage}".rstrip() in listed
        usage, summary, *_ = debugger(f"help {command.name}").splitlines()
        assert usage == f"{command.name} {command.usage}".rstrip()
        assert summary.lower() == f"{command.summary}.".lower()


def test_example_in_the_help_of_break_is_one() -> None:
    batch = SPEC_EXAMPLE.batch.replace(b'"1"', b'"12"')
    with debugger_on(LoggedHistory(batch, b"")) as debugger:
        (line,) = re.findall("Example: (.*)", debugger("help break"))
        assert debugger(line) == f"stop 1: {line}\n"


def test_empty_line_of_a_script_does_nothing(debugger: Debugger) -> None:
    debugger("next; next")
    debugger("")
    debugger("   ")
    assert debugger.position == 2


def test_empty_line_of_a_person_repeats_the_last_line_if_it_moved_or_showed() -> None:
    with debugger_on(EXAMPLE, interactive=True) as debugger:
        assert debugger("") == ""
        debugger("next; next")
        debugger("")
        debugger("# a remark")
        debugger("   ")
        assert debugger("where").startswith("event 6 of 7")
        wrong = debugger.obey("goto 99")
        assert [debugger.obey("") for _ in range(3)] == [wrong] * 3
        session = shlex.quote(f"{debugger.folder}/s")
        for line in (
            "break 3",
            "first; mark here",
            f"save {session}",
            f"load {session}",
            "watch 1",
        ):
            debugger.obey(line)
            assert debugger.obey("") == ("", "")


def test_what_is_lost_is_listed(debugger: Debugger) -> None:
    assert debugger("delete") == "no stops\n"
    debugger("mark here; break 2; save s")
    debugger("break flagged; mark there; first; mark here")
    assert debugger("load s") == (
        "deleted stop 2: break flagged\ndeleted mark here: event 1\ndeleted mark there: event 0\n"
        "before event 1 of 7\n"
    )
    debugger("break 3")
    assert debugger("delete") == "deleted stop 1: break event 2\ndeleted stop 2: break event 3\n"
    debugger("break 3; break 4")
    assert debugger("delete 2") == "deleted stop 2: break event 4\n"
    assert debugger("delete all; info break") == "deleted stop 1: break event 3\nno stops\n"


ODD = ["Jo Ann", "it's", 'q"\\', "a;b", ";", "ü", "é\U0001f600", ":heart:", "[red]", "#1"]
ODD += ["L" * 5_000, "a\u2028b\u0085", "-c", "flagged", "$HOME", "*", "\u202e", "user 1"]


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Debugger]:
    """Return a session on a history whose users have odd ids, at its end."""
    folder = tmp_path_factory.mktemp("odd")
    batch = b"".join(log_of([purchase(user, "5"), friendship(user, "hub")]) for user in ODD)
    run_in_process(LoggedHistory(b'{"D":1,"T":5}\n' + batch, b""), folder)
    debugger = Debugger(folder)
    with debugger.timeline:
        debugger("last")
        yield debugger


@pytest.mark.parametrize("user", ODD, ids=range(len(ODD)))
def test_odd_id_can_be_named_everywhere(odd: Debugger, user: str, tmp_path: Path) -> None:
    word, number, seen = shlex.quote(user), ODD.index(user), plain(user)
    friend = 1 if number else 0
    appeared = number + friend
    head = f"user {seen}, number {appeared} in order of appearance\n1 friend: hub\n1 purchase\n"
    assert odd(f"user {word}; where").startswith(head)
    assert odd(f"network {word} 1;where").startswith(
        "network of degree 1: 1 user\n  1 away: 1: hub"
    )
    assert f" hub > {seen}\n" in odd("window hub") or number < len(ODD) - 5
    assert len(re.findall(r"^(?:=>|  ) {7}", odd(f"history {word}"), re.MULTILINE)) == 2
    assert odd(f"list {2 * number + 1}").count(f": {seen} bought for 5.00\n") == 1
    assert f"\n{seen} " in odd(f"diff {2 * number} {2 * number + 1}")
    odd(f"delete; watch {word}; break user {word} purchase; save {tmp_path}/s; load {tmp_path}/s")
    shown = odd("info break")
    assert shown.count("\n") == 2
    for line in shown.splitlines():
        assert seen in shlex.split(line.partition(": ")[2])
    assert odd(f"user {shlex.quote(seen)}").startswith(head)
    odd("goto 0")
    assert odd("continue").startswith("stop 1: watch ")
    assert odd.position == 2 * number + 1
    odd("last")


def test_option_keeps_an_id_together_that_unicode_would_break(odd: Debugger) -> None:
    assert "a\u2028b\u0085" in ODD
    with redirect_stdout(io.StringIO()) as out:
        status = main(["step", str(odd.folder / STORE), "-c", "last\nuser a\u2028b\u0085"])
    assert status == 0
    assert r"user a\u2028b\x85, number" in out.getvalue()


# Completion


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("re", ["reverse-continue"]),
        ("l", ["last", "latest", "list", "load"]),
        ("x", []),
        ("first; b", ["back", "break"]),
        (
            "break ",
            sorted(
                {
                    "amount",
                    "event",
                    "flagged",
                    "if",
                    "near",
                    "rejected",
                    "type",
                    "user",
                    *PurchaseLooks.types,
                }
            ),
        ),
        ("b fl", ["flagged"]),
        ("break flagged am", ["amount"]),
        ("break type ", ["befriend", "purchase", "unfriend"]),
        ("break user ", ["1", "2", "3"]),
        ("first; break user 1 type un", ["unfriend"]),
        ("user ", ["1", "2", "3"]),
        ("network 2", ["2"]),
        ("window 4", []),
        ("watch ", ["1", "2", "3"]),
        ("history 3", ["3"]),
        ("goto ", ["here", "then"]),
        ("diff 1 t", ["then"]),
        ("why h", ["here"]),
        ("trace h", ["here"]),
        ("list ", ["here", "then"]),
        ("info ", ["break", "display", "marks"]),
        ("print am", ["amount"]),
        ("display me", ["mean"]),
        ("break flagged if us", ["user", "user1", "user2"]),
        ("condition 1 fl", ["flagged"]),
        ("tbreak user ", ["1", "2", "3"]),
        ("until ", ["here", "then"]),
        ("source s", ["s", "stream.json"]),
        ("help re", ["reverse-continue"]),
        ("save s", ["s", "stream.json"]),
        ("load b", ["batch.json"]),
        ("next ", []),
        ("nonsense ", []),
        ("re x ", []),
    ],
)
def test_what_is_typed_is_completed(debugger: Debugger, line: str, expected: list[str]) -> None:
    debugger("mark here; mark then; save s")
    begin = max(line.rfind(" "), line.rfind(";")) + 1
    found = completions(debugger.shell.session, line[begin:], line[:begin])
    assert found == expected
    if begin:
        assert debugger.shell.completedefault(line[begin:], line, begin, len(line)) == expected
    else:
        assert debugger.shell.completenames(line, line, 0, len(line)) == expected


@pytest.mark.parametrize("user", ODD, ids=range(len(ODD)))
def test_completed_user_is_read_as_that_user(odd: Debugger, user: str) -> None:
    found = completions(odd.shell.session, "", "user ")
    assert [shlex.split(word) for word in found].count([plain(user)]) == 1
    assert sorted(word for (word,) in map(shlex.split, found)) == sorted([*map(plain, ODD), "hub"])
    (word,) = [word for word in found if shlex.split(word) == [plain(user)]]
    assert odd(f"user {word}").startswith(f"user {plain(user)}, number")


# Histories


def everything(debugger: Debugger) -> list[str]:
    """Obey all commands that a history without events or users has, and list what is shown."""
    lines = ["where", "next", "back", "first", "last", "goto 0", "message", "list", "latest"]
    lines += ["continue", "reverse-continue", "break flagged", "break rejected", "break near 1"]
    lines += ["break amount > 1", "break purchase", "info break", "mark m", "goto m", "diff 0"]
    return [debugger(line) for line in lines]


EMPTY = LoggedHistory(b'{"D":1,"T":5}\n', b"")


@pytest.mark.parametrize(
    "given_logs",
    [EMPTY, LoggedHistory(EMPTY.batch + b"\n" + BAD_LINES[1], b"\n".join(BAD_LINES))],
    ids=["empty", "rejected-only"],
)
def test_history_without_events_has_position_0_alone(given_logs: LoggedHistory) -> None:
    with debugger_on(given_logs) as debugger:
        shown = everything(debugger)
        lines = {line for part in shown for line in part.splitlines()}
        assert {line for line in lines if not line.startswith("then ")} == {
            "no events",
            "no event is left",
            "event  time  user  amount",
            "no stop ahead",
            "no stop before",
            "stop 1: break flagged",
            "stop 2: break rejected",
            "stop 3: break near 1",
            "stop 4: break amount > 1",
            "stop 5: break type purchase",
            "between the beginning and the beginning: 0 users changed",
        }
        for line in ("why", "trace", "stream", "goto 1", "break 1", "user 1", "watch 1"):
            assert debugger.obey(line)[1].count("\n") == 1


@pytest.mark.parametrize("cut", [1, 60, 120, 400, 600])
def test_store_that_was_cut_short_is_walked_to_where_it_ends(cut: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run_in_process(EXAMPLE, folder)
        path = folder / STORE
        path.write_bytes(path.read_bytes()[:-cut])
        whole = path.read_bytes()
        debugger = Debugger(folder)
        with debugger.timeline:
            count = len(debugger.timeline)
            debugger("break rejected; break flagged; last")
            for number in range(count, 0, -1):
                assert debugger.position == number
                debugger(f"why; trace; diff 0; list; user {count and 1}; message; back")
                debugger(f"goto {number - 1}")
            debugger("continue; reverse-continue")
            assert debugger.position == 0
        assert path.read_bytes() == whole


def test_past_without_a_stream_is_walked_as_any(debugger: Debugger) -> None:
    del debugger
    with debugger_on(LoggedHistory(SPEC_EXAMPLE.batch, b"")) as past_only:
        past_only("break flagged; break near 5; last")
        assert past_only.position == 6
        assert past_only("reverse-continue").startswith("no stop before\nbefore event 1 of 6")


def test_position_0_is_before_everything(debugger: Debugger) -> None:
    debugger("goto 0; mark m; break user 1")
    assert debugger("where; list m").splitlines()[0] == "before event 1 of 7"
    assert "=>" not in debugger("list; history 1")
    assert debugger("diff 0") == "between the beginning and the beginning: 0 users changed\n"
    assert debugger("latest").split() == ["event", "time", "user", "amount"]
    for line in ("user 1", "network 1", "window 1"):
        assert debugger.obey(line)[1] == (
            "replay: expected a user who has appeared by event 0, found '1'\n"
        )
    for line in ("why", "trace", "why m"):
        assert debugger.obey(line)[1] == f"replay: {NO_EVENT}\n"
    debugger.shell.status = 0
    assert debugger("back; reverse-continue").count("before event 1 of 7\n") == 2
    assert debugger("continue").startswith("stop 1: break user 1\nevent 1 of 7: ")
