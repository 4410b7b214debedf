"""The debugger on a detector's own events: conditions on their fields, watches, two moments."""

from __future__ import annotations

import io
import json
import shlex
from contextlib import redirect_stderr, redirect_stdout
from operator import eq, ge, gt, le, lt
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import replay
from replay.debugger.shell import Shell
from replay.kinds import looks_of
from tests.replay.declared.test_rings import sample
from tests.rings import Closed, Rings, Transfer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    ">": gt, ">=": ge, "<": lt, "<=": le, "=": eq, "==": eq,
}  # fmt: skip


class Session:
    """A session on the store of a run of `Rings`."""

    def __init__(self, folder: Path) -> None:
        batch, stream = sample(80)
        (folder / "batch.json").write_bytes(batch)
        (folder / "stream.json").write_bytes(stream)
        with Rings.logs(folder / "batch.json", folder / "stream.json") as logs:
            replay.run(logs, folder / "out.json")
        self.looks = looks_of(replay.EventStore(folder / "out.json.events"), Rings)
        self.timeline: Any = self.looks.timeline
        self.history: Any = self.looks.history
        self.shell = Shell(self.looks, interactive=False)

    def __call__(self, line: str) -> tuple[str, str]:
        """Return what a line prints, and what it says went wrong."""
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
            self.shell.onecmd(line)
        return out.getvalue(), err.getvalue()

    def stops(self, stop: str) -> list[int]:
        """Return where a stop is, by going on from the beginning, and back again."""
        assert self("delete all")[1] == ""
        assert self(stop)[1] == "", stop
        ahead: list[int] = []
        behind: list[int] = []
        for found, command in ((ahead, "continue"), (behind, "reverse-continue")):
            self("goto 0" if command == "continue" else f"goto {len(self.history)}")
            while True:
                before = self.timeline.position
                self(command)
                at = self.timeline.position
                if at == before or not self.is_at_a_stop():
                    break
                found.append(at)
        last = len(self.history)
        assert [each for each in ahead if each != last] == behind[::-1]
        return ahead

    def is_at_a_stop(self) -> bool:
        return any(stop.test(self.timeline.position) for stop in self.shell.session.stops.values())


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    opened = Session(tmp_path_factory.mktemp("stepping"))
    with opened.timeline:
        yield opened


COMPARED = st.one_of(
    st.tuples(st.sampled_from(["amount", "forth", "back"]), st.integers(0, 2_000)),
    st.tuples(
        st.sampled_from(["sender", "receiver", "account"]),
        st.sampled_from(["ada", "bob", "dé", "x"]),
    ),
)


@given(COMPARED, st.sampled_from([*SIGNS]), st.sampled_from(["{} {} {}", "{}{}{}", "{} {}{}"]))
def test_condition_on_a_field_holds_where_the_event_or_its_verdict_says_so(
    session: Session, compared: tuple[str, Any], sign: str, spelled: str
) -> None:
    name, value = compared
    stop = spelled.format(name, sign, value)
    session("delete all")
    assert session(f"break {stop}") == (f"stop 1: break {name} {sign} {value}\n", "")
    (kept,) = session.shell.session.stops.values()
    for number, event in enumerate(session.history.events, 1):
        said = session.history.recorded.get(number)
        held = getattr(event, name, getattr(said, name, None))
        expected = held is not None and SIGNS[sign](held, value)
        assert kept.test(number) == expected, number
    assert not kept.test(0)


def test_conditions_on_fields_are_gone_to_in_both_directions(session: Session) -> None:
    events = session.history.events
    large = [
        event.number
        for event in events
        if isinstance(event, Transfer) and event.amount > 300 and event.sender == "ada"
    ]
    assert len(large) > 2
    assert session.stops("break amount>300 sender = ada") == large
    closed = [event.number for event in events if isinstance(event, Closed)]
    assert session.stops("break closed account = ada") == closed


def test_watch_stops_where_what_the_actor_holds_is_another(session: Session) -> None:
    states = []
    for number in range(len(session.history) + 1):
        session.timeline.goto(number)
        known = "ada" in session.timeline.users
        states.append(session.timeline.held("ada") if known else {"sent": {}})
    changed = [at for at in range(1, len(states)) if states[at] != states[at - 1]]
    assert session.stops("watch ada") == changed
    # Whoever only gets is concerned, too, and holds nothing else.
    assert set(changed) < set(session.looks.numbers_of("ada"))


def test_diff_tells_what_each_subject_held_before_and_after(session: Session) -> None:
    start = session.history.stream_start
    session("goto 5")
    out, err = session(f"diff {start} {start + 1}")
    event = session.history.event(start + 1)
    head, columns, row = out.splitlines()
    assert err == ""
    assert head == f"between event {start} and event {start + 1}: 1 subject changed"
    assert columns.split() == ["subject", "name", "before", "after"]
    assert row.split()[:2] == [event.sender, "sent"]
    assert session.timeline.position == 5
    assert "2 subjects changed" not in out
    assert session(f"diff {start}")[0].startswith("between event 5 and event")


def test_stream_goes_to_its_first_event(session: Session) -> None:
    session("stream")
    assert session.timeline.position == session.history.stream_start + 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("break amount", "break amount: expected a comparison: > >= < <= = ==, found nothing"),
        ("break amount >", "break amount: expected a whole number of 64 bits, found nothing"),
        ("break amount ~ 5", "break amount: expected one of > >= < <= = ==, found '~'"),
        ("break amount > 1.5", "break amount: expected a whole number of 64 bits, found '1.5'"),
        ("break amount>" + "9" * 5000, "break amount: expected a whole number of 64 bits, found"),
        ("break amount>99999999999999999999", "break amount: expected a whole number of 64 bits"),
        ("break price > 5", "expected a condition: N or one of account, amount, back, closed, e"),
        ("watch nobody", "expected a subject of this history, found 'nobody'"),
        ("watch", "watch: expected 1 argument, found 0"),
        ("diff 1 2 3", "diff: expected 1 to 2 arguments, found 3"),
    ],
)
def test_wrong_condition_is_one_line(session: Session, line: str, said: str) -> None:
    out, err = session(line)
    assert (out, err.count("\n")) == ("", 1), (out, err)
    assert err.startswith(f"replay: {said}")


class Entry(replay.Fact, frozen=True):
    """Has fields that are called as conditions are."""

    user: str
    flagged_by: str
    fresh: bool


class Doubt(replay.SubjectActor):
    """Doubts whatever is fresh."""

    def answer(self, question: Any) -> replay.Verdict:
        return replay.Verdict(flagged=question.fresh)


class Entries(replay.Detector):
    """Flags what is fresh."""

    version = 1
    event_types = (Entry,)
    actor_type = Doubt

    @classmethod
    def subjects(cls, event: Any) -> tuple[str, ...]:
        return (f"of {event.user}",)


def test_field_that_is_called_as_a_condition_is_told_from_it_by_its_sign(tmp_path: Path) -> None:
    told = {"event_type": "entry", "timestamp": "2017-06-13 11:33:01", "flagged_by": "x"}
    lines = [{**told, "user": user, "fresh": user == "ada"} for user in ("ada", "bob")]
    (tmp_path / "batch.json").write_bytes(b"")
    (tmp_path / "stream.json").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    with Entries.logs(tmp_path / "batch.json", tmp_path / "stream.json") as logs:
        replay.run(logs, tmp_path / "out.json")
    with looks_of(replay.EventStore(tmp_path / "out.json.events"), Entries) as looks:
        shell = Shell(looks, interactive=False)
        for condition, expected in {
            "user = bob": {2},
            "user=bob": {2},
            "user 'of ada'": {1},
            "fresh = true": {1},
            "flagged": {1},
        }.items():
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as err:
                shell.onecmd("delete all")
                shell.onecmd(f"break {condition}")
            assert err.getvalue() == ""
            (stop,) = shell.session.stops.values()
            assert {at for at in (1, 2) if stop.test(at)} == expected, condition
            kind, *words = shlex.split(stop.text)
            assert shell.session.parse(kind, words).text == stop.text
