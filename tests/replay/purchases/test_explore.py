"""Exploring a history finds no difference in this program, and every one that is planted."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import replay
from actors.messages import Commit, Horizon, Include, Judge
from actors.purchases.messages import Apply, AskFriends, AskPurchases
from actors.purchases.user import OwnPurchases, UserActor
from events.purchases.decision import Decision
from events.purchases.event import Purchase
from events.records.record import LogEnd, Record, StateDigest, StreamStart
from events.store.writer import StoreWriter
from replay.cli import main
from replay.engine.difference import Difference, text_beside
from replay.engine.explore import Explorer
from replay.engine.failing import WHENS, Failures
from replay.engine.supervision import Reactivation
from replay.purchases.explore import PurchaseSubject
from replay.purchases.history import History
from replay.purchases.looks import PurchaseLooks
from replay.testing import model
from replay.testing.logged import LoggedHistory
from replay.testing.strategies import histories
from tests.processes import children_of, eventually
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE, run_in_process
from tests.replay.purchases.test_determinism import run_python
from tests.replay.purchases.test_verify import rewritten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from actors.dispatcher import DispatchedActor
    from replay.engine.explore import Exploration, Played

ROOT = Path(replay.__file__).parents[1]
SAMPLE = ROOT / "scripts" / "sample"
STORE = "flagged.json.events"


def history_of(given_logs: LoggedHistory, folder: Path) -> History:
    run_in_process(given_logs, folder)
    return History(replay.EventStore(folder / STORE))


def subject_of(history: History) -> PurchaseSubject:
    subject = PurchaseLooks(history.store).explored()
    assert isinstance(subject, PurchaseSubject)
    return subject


def beginning_of_sample(past: int, new: int) -> LoggedHistory:
    counts = {"batch": past, "stream": new}
    kept = [
        b"".join((SAMPLE / f"{name}_log.json").read_bytes().splitlines(keepends=True)[:count])
        for name, count in counts.items()
    ]
    return LoggedHistory(*kept)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the store of a run on the beginning of the project's own sample."""
    folder = tmp_path_factory.mktemp("explored")
    history_of(beginning_of_sample(8_000, 60), folder)
    return folder


@pytest.fixture(scope="module")
def explorer(folder: Path) -> Explorer:
    return Explorer(subject_of(History(replay.EventStore(folder / STORE))))


# What is explored


@pytest.mark.slow
@given(histories(), st.integers(0, 2**64))
def test_no_seed_finds_a_difference_in_any_history(given_logs: LoggedHistory, seed: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        history = history_of(given_logs, Path(name))
        explorer = Explorer(subject_of(history))
        explorer.check(history.recorded)
        assert [each.number for each in explorer.reference.verdicts] == sorted(history.recorded)
        flagged = b"".join(line + b"\n" for line in explorer.reference.lines)
        assert flagged == model.flagged_purchases(*given_logs)
        found = explorer.explore(seed)
        assert (found.seed, found.difference) == (seed, None)


class Delivered(NamedTuple):
    """A message as an observer saw it."""

    sender: str | None
    receiver: str
    message: Any


def trace_of(explorer: Explorer, seed: int) -> tuple[list[Delivered], Exploration]:
    trace: list[Delivered] = []
    found = explorer.explore(seed, [lambda *seen: trace.append(Delivered(*seen))])
    return trace, found


@pytest.mark.slow
def test_seed_gives_the_same_messages_whatever_was_explored_before(
    explorer: Explorer, folder: Path
) -> None:
    first = {seed: trace_of(explorer, seed) for seed in (1, 2, 3)}
    again = {seed: trace_of(explorer, seed) for seed in (3, 2, 1)}
    assert again == first
    other = Explorer(subject_of(History(replay.EventStore(folder / STORE))))
    assert trace_of(other, 2) == first[2]
    for trace, found in first.values():
        # What made a user fail is shown once more.
        assert len(trace) == found.messages + found.restarts > 1_000
    traces = [trace for trace, _ in first.values()]
    assert traces[0] != traces[1] != traces[2] != traces[0]


TRACE = f"""
import replay
from replay.engine.explore import Explorer
from replay.kinds import looks_of

explorer = Explorer(looks_of(replay.EventStore({STORE!r})).explored())
for seed in (1, 2, 3):
    print(explorer.explore(seed, [print]))
"""


@pytest.mark.slow
def test_seed_gives_the_same_messages_under_every_hash_seed(folder: Path) -> None:
    traces = [run_python(folder, hash_seed, "-c", TRACE) for hash_seed in ("0", "1", "random")]
    assert traces == traces[:1] * 3
    assert traces[0].count(b"\n") > 3_000


@pytest.mark.slow
def test_requests_questions_and_answers_interleave(explorer: Explorer) -> None:
    early = late = 0
    for seed in range(1, 13):
        judged: set[int] = set()
        for delivered in trace_of(explorer, seed)[0]:
            message = delivered.message
            if isinstance(message, Judge):
                judged.add(message.event.number)
            elif isinstance(message, AskPurchases):
                # A purchase is still being judged, and later events have come in or not.
                early += max(judged) > message.number
                late += max(judged) == message.number
    assert early > 100
    assert late > 100


@pytest.mark.slow
def test_end_of_the_past_is_told_event_by_event_and_what_is_before_is_not(
    explorer: Explorer,
) -> None:
    subject: Any = explorer.subject
    journal, past = subject.journal, subject.past
    told = journal.events(past - 999, past)
    new = journal.events(past + 1, len(journal))
    furthest: set[int] = set()
    for seed in range(1, 13):
        trace = trace_of(explorer, seed)[0]
        requests = [delivered.message for delivered in trace if delivered.sender is None]
        assert [each.event for each in requests if isinstance(each, Include)] == told
        assert [each.event for each in requests if isinstance(each, Judge)] == new
        assert not any(isinstance(each, Horizon) for each in requests)
        # How many events the coordinator is ahead of a user who is told of one.
        ahead, latest = 0, subject.beginning
        for each in (delivered.message for delivered in trace):
            if isinstance(each, Include):
                latest = each.event.number
            elif isinstance(each, Apply):
                ahead = max(ahead, latest - each.since - 1)
        furthest.add(ahead)
    assert min(furthest) == 0
    assert max(furthest) > 8


@pytest.mark.slow
def test_some_explorations_commit_in_between_and_some_only_in_the_end(explorer: Explorer) -> None:
    commits = [
        sum(
            delivered.receiver == "urn:sink" and isinstance(delivered.message, Commit)
            for delivered in trace_of(explorer, seed)[0]
        )
        for seed in range(1, 13)
    ]
    assert min(commits) == 1
    assert max(commits) > 50


@pytest.mark.slow
def test_users_fail_in_every_way_and_at_every_message(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ways: list[object] = []
    failed_at: set[type] = set()

    class SeenFailures(Failures):
        def due(self) -> Any:
            when = super().due()
            ways.append(when)
            return when

    class SeeingReactivation(Reactivation):
        def restart(self, actor: DispatchedActor, message: Any) -> bool:
            failed_at.add(type(message))
            return super().restart(actor, message)

    monkeypatch.setattr("replay.engine.explore.Failures", SeenFailures)
    monkeypatch.setattr("replay.engine.explore.Reactivation", SeeingReactivation)
    found = [explorer.explore(seed) for seed in range(1, 25)]
    assert [each.difference for each in found] == [None] * 24
    restarts = [each.restarts for each in found]
    assert sum(restarts) == sum(way is not None for way in ways)
    assert {*ways} == {None, *WHENS}
    assert failed_at == {Apply, AskFriends, AskPurchases}
    # Sometimes nobody fails, and never does everybody all the time.
    assert min(restarts) == 0
    assert 4 < max(restarts) < 100


def test_what_an_exploration_does_to_users_is_gone_before_the_next(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = UserActor.on_receive

    def vandalize(user: UserActor, message: Any) -> None:
        handle(user, message)
        if isinstance(message, AskPurchases):
            user.purchases = OwnPurchases()

    before = explorer.explore(5)
    with monkeypatch.context() as vandalized:
        vandalized.setattr(UserActor, "on_receive", vandalize)
        smashed = explorer.explore(5)
    assert smashed.difference is not None
    assert explorer.explore(5) == before
    assert before.difference is None


# Histories that have no stream, or are not whole


NO_STREAM = "nothing was judged: there is no purchase in the stream\n"


def run(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    capsys.readouterr()
    status = main(["explore", str(folder / STORE), "--jobs", "1", *words])
    return (status, *capsys.readouterr())


@pytest.mark.parametrize(
    "dropped", [(), (LogEnd,), (StreamStart, LogEnd)], ids=["empty", "unfinished", "none"]
)
def test_history_without_a_stream_is_explored_and_nothing_is_judged(
    dropped: tuple[type, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history = history_of(SPEC_EXAMPLE._replace(stream=b""), tmp_path)

    def change(_: int, record: Record | replay.Event) -> Record | replay.Event | None:
        if isinstance(record, LogEnd) and record.source == "batch" and StreamStart not in dropped:
            return record
        return None if isinstance(record, dropped) else record

    rewritten(history.store, tmp_path / "new", change)
    (tmp_path / "new").replace(tmp_path / STORE)
    status, out, err = run(tmp_path, capsys, "--orders", "7")
    assert (status, err) == (0, "")
    first, *others = out.splitlines(keepends=True)
    assert first.startswith(
        "explored 7 orders (seeds 1 to 7) of 0 events of the stream and the last 6 of the past: "
    )
    assert others == [NO_STREAM, "no difference\n"]


def test_history_without_events_is_explored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history_of(LoggedHistory(b'{"D":"1", "T":"50"}\n', b""), tmp_path)
    # Of a coordinator that has nobody to talk to: two answers to the sink, and the requests.
    status, out, _ = run(tmp_path, capsys, "--orders", "1", "--seed", "0")
    assert (status, out) == (
        0,
        "explored 1 order (seed 0) of 0 events of the stream and the last 0 of the past: "
        f"0 restarts of users, 4 messages\n{NO_STREAM}no difference\n",
    )


@pytest.mark.slow
@given(histories(), st.data())
def test_store_of_a_run_that_was_stopped_gives_what_is_there(
    given_logs: LoggedHistory, data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as name:
        store = history_of(given_logs, Path(name)).store
        kept = data.draw(st.integers(0, store.frames_count))
        with StoreWriter.create(Path(name) / "new", store.header) as writer:
            for frame in list(store.frames())[:kept]:
                writer.append(frame.records, frame.events)
        history = History(replay.EventStore(Path(name) / "new"))
        explorer = Explorer(subject_of(history))
        explorer.check(history.recorded)
        assert explorer.explore(data.draw(st.integers(0, 99))).difference is None


# What is recorded otherwise


def test_store_that_does_not_hold_what_comes_out_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history = history_of(SPEC_EXAMPLE, tmp_path)

    def change(_: int, record: Record | replay.Event) -> Record | replay.Event:
        if isinstance(record, Decision):
            return msgspec.structs.replace(record, mean_cents=record.mean_cents + 1)
        return record

    rewritten(history.store, tmp_path / "new", change)
    (tmp_path / "new").replace(tmp_path / STORE)
    status, out, err = run(tmp_path, capsys)
    assert (status, out) == (1, "")
    store = tmp_path / STORE
    assert err == (
        f"replay: {store}: expected the decisions that were recorded, found another one on "
        "event 7 with messages delivered first in, first out; "
        f"see python -m replay verify {store}\n"
    )
    assert main(["verify", str(store)]) == 1


def test_decision_on_what_is_no_purchase_of_the_stream_is_refused(tmp_path: Path) -> None:
    history = history_of(SPEC_EXAMPLE, tmp_path)
    explorer = Explorer(subject_of(history))
    extra = {
        **history.recorded,
        1: Decision(1, flagged=False, purchases=0, mean_cents=0, sd_cents=0),
    }
    with pytest.raises(replay.ReplayError, match="found another one on event 1 with messages"):
        explorer.check(extra)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--orders", "0"), "orders: expected a whole number from 1 to 2^63 - 1, found 0"),
        (("--orders", "many"), "expected a whole number of at least 1, found 'many'"),
        (("--seed", "-1"), "expected a whole number of at least 0, found '-1'"),
        (("--seed", "1.5"), "expected a whole number of at least 0, found '1.5'"),
        (("--workers", "0"), "workers: expected a number from 1 to 4096, found 0"),
        (("--jobs", "0"), "workers: expected a number from 1 to 4096, found 0"),
        (("--workers", "-1"), "workers: expected a number from 1 to 4096, found '-1'"),
        (("--workers", "two"), "workers: expected a number from 1 to 4096, found 'two'"),
    ],
)
def test_wrong_use_is_answered_with_one_line(
    words: tuple[str, ...], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["explore", str(folder / STORE), *words])
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err


# Each difference is seen, and named


def with_decision(outcome: Played, index: int, **fields: int) -> Played:
    decisions = list(outcome.verdicts)
    decisions[index] = msgspec.structs.replace(decisions[index], **fields)
    return outcome._replace(verdicts=decisions)


def with_user(outcome: Played, urn: str, friends: set[int], purchases: int) -> Played:
    made = outcome.state[urn, "purchases"]
    found = with_state(outcome, urn, "friends", frozenset(friends))
    return with_state(found, urn, "purchases", made[:purchases])


def with_state(outcome: Played, urn: str, field: str, value: Any) -> Played:
    return outcome._replace(state={**outcome.state, (urn, field): value})


COORDINATOR, SINK = "urn:coordinator", "urn:sink"
FLAG = Decision(7, True, 3, 2910, 2146)
LINE = SPEC_EXAMPLE.stream.decode()[:-2] + ', "mean": "29.10", "sd": "21.46"}'


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda outcome: with_decision(outcome, 0, mean_cents=2911),
            Difference(7, COORDINATOR, "mean", 2910, 2911),
        ),
        (
            lambda outcome: outcome._replace(verdicts=[], lines=[]),
            Difference(7, SINK, "decision", FLAG, None),
        ),
        (
            lambda outcome: outcome._replace(verdicts=outcome.verdicts * 2),
            Difference(7, SINK, "next decided event", None, 7),
        ),
        (
            lambda outcome: outcome._replace(lines=[]),
            Difference(7, SINK, "flagged line", LINE, None),
        ),
        (
            lambda outcome: outcome._replace(lines=[b"x\xff"]),
            Difference(7, SINK, "flagged line", LINE, "x\\xff"),
        ),
        (
            lambda outcome: with_user(outcome, "urn:user:1", {1, 2}, 3),
            Difference(7, "urn:user:1", "friends", ["2"], ["2", "3"]),
        ),
        (
            lambda outcome: with_user(outcome, "urn:user:2", {0, 9}, 1),
            Difference(7, "urn:user:2", "friends", ["1"], ["1", 9]),
        ),
        (
            lambda outcome: with_user(outcome, "urn:user:1", {1}, 2),
            Difference(7, "urn:user:1", "purchases", [1, 2, 5], [1, 2]),
        ),
        (
            lambda outcome: with_state(outcome, COORDINATOR, "last purchase of 1", None),
            Difference(7, COORDINATOR, "last purchase of 1", 5, None),
        ),
        (
            lambda outcome: with_state(outcome, COORDINATOR, "latest purchases", [7, 5, 2]),
            Difference(7, COORDINATOR, "latest purchases", [7, 5, 2, 1], [7, 5, 2]),
        ),
        (
            lambda outcome: with_state(outcome, COORDINATOR, "events that users know of", 6),
            Difference(7, COORDINATOR, "events that users know of", 7, 6),
        ),
    ],
)
def test_first_difference_names_event_actor_and_field(
    change: Callable[[Played], Played], expected: Difference, tmp_path: Path
) -> None:
    explorer = Explorer(subject_of(history_of(SPEC_EXAMPLE, tmp_path)))
    assert list(explorer.differences(explorer.reference)) == []
    assert next(explorer.differences(change(explorer.reference))) == expected


def test_differing_digest_is_a_difference(tmp_path: Path) -> None:
    explorer = Explorer(subject_of(history_of(SPEC_EXAMPLE, tmp_path)))
    reference = explorer.reference
    (digest,) = reference.digests
    assert digest == StateDigest(7, b"", 3, digest.sums)
    (found,) = explorer.differences(reference._replace(digests=[]))
    assert found == Difference(7, COORDINATOR, "digests", [digest], [])


def test_lowest_event_comes_first_and_decisions_before_states(
    explorer: Explorer,
) -> None:
    reference = explorer.reference
    changed = with_decision(with_decision(reference, 9, sd_cents=-1), 5, sd_cents=-1)
    changed = with_user(changed, next(iter(reference.state))[0], {0}, 0)
    numbers = [reference.verdicts[index].number for index in (5, 9)]
    events = [each.event for each in explorer.differences(changed)]
    assert events[:2] == numbers
    assert {*events[2:]} == {explorer.subject.events}
    swapped = [*reference.verdicts[1::-1], *reference.verdicts[2:]]
    (one, other) = explorer.differences(reference._replace(verdicts=swapped))
    assert one.field == other.field == "next decided event"
    assert (one.expected, one.actual) == (other.actual, other.expected)


def test_long_lists_are_shown_by_what_only_one_of_them_holds() -> None:
    many = list(range(1_000))
    assert text_beside(None, many) == "none"
    assert text_beside([1, 2], many) == "[1, 2]"
    assert text_beside(many, many[:-2]) == "1000, and only here [998, 999]"
    assert text_beside(many[:-2], many) == "998, and only here []"
    assert text_beside(many, []).startswith("1000, and only here [0, 1, 2, ")
    assert len(text_beside(many, [])) == 303
    assert text_beside("x" * 301, None) == "x" * 300 + "..."


# In processes of their own


def hear_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Program:
    """The program in processes of their own, or a copy of it with faults."""

    def __init__(self, folder: Path, root: Path = ROOT) -> None:
        self.folder = folder
        self.environment = {**os.environ, "PYTHONPATH": str(root)}

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "replay", *words],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # Where the tests themselves run in the background, Ctrl-C is ignored.
            preexec_fn=hear_ctrl_c,  # noqa: PLW1509  the tests have no threads
        )

    def __call__(self, *words: str) -> tuple[int, str]:
        process = self.start(*words)
        out, err = process.communicate(timeout=300)
        assert err == ""
        return process.returncode, out


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a store that is explored in no time, in which much happens."""
    folder = tmp_path_factory.mktemp("small")
    purchase = '{"event_type":"purchase", "timestamp":"2017-06-13 11:33:%02d", "id": "%d", '
    friendship = '{"event_type":"%s", "timestamp":"2017-06-13 11:33:01", "id1": "%d", "id2": "%d"}'
    lines = [
        purchase % (n % 60, n % 6) + f'"amount": "{n % 7}.50"}}'
        if n % 3
        else friendship % (("befriend", "befriend", "unfriend")[n % 9 // 3], n % 5, 5)
        for n in range(1, 91)
    ]
    new = "\n".join(lines[60:]).encode()
    history_of(LoggedHistory("\n".join(['{"D":"2", "T":"5"}', *lines[:60]]).encode(), new), folder)
    return folder


FAULTS = {
    "judges a purchase while another one is judged": (
        "actors/purchases/coordinator.py",
        "        elif self.event is not None:\n            self.waiting.append(message)\n",
        "",
    ),
    "delivers the last message of a pair before the first": (
        "actors/orders.py", "lane.popleft()", "lane.pop()"
    ),
    "forgets the friends of a user that recovers": (
        "actors/purchases/user.py",
        "self.friends = self.own.friends(number)",
        "self.friends = frozenset()",
    ),
    "restarts a user without its last event": (
        "actors/purchases/user.py", "self.recover(message.since)", "self.recover(message.since - 1)"
    ),
    "restarts a user with the event that it is told of": (
        "actors/purchases/user.py", "self.recover(message.since)", "self.recover(message.since + 1)"
    ),
    "does not take back what a user sent before it failed": (
        "actors/dispatcher.py", "self._withdraw(waiting)\n        if ", "if "
    ),
    "takes a request that has to wait for a failure": (
        "actors/purchases/coordinator.py",
        "self.waiting.append(message)",
        "raise RuntimeError('busy')",
    ),
    "fails to restart a user": (
        "replay/engine/supervision.py", "actor.active = False", "raise KeyError(actor.actor_urn)"
    ),
}  # fmt: skip


def faulty(fault: str, root: Path, small: Path) -> Program:
    """Return a copy of the program with ``fault``."""
    for package in ("events", "actors", "replay"):
        shutil.copytree(ROOT / package, root / package)
    name, old, new = FAULTS[fault]
    text = (root / name).read_text(encoding="utf-8")
    assert text.count(old) == 1
    (root / name).write_text(text.replace(old, new), encoding="utf-8")
    return Program(small, root)


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_planted_fault_is_found_and_its_seed_alone_shows_it_again(
    fault: str, tmp_path: Path, small: Path
) -> None:
    program = faulty(fault, tmp_path, small)
    status, out = program("explore", STORE, "--orders", "200", "--jobs", "2", "--json")
    assert status == 1
    assert program("explore", STORE, "--orders", "200", "--jobs", "1", "--json") == (1, out)
    told = json.loads(out)
    difference = told["difference"]
    seed = difference["seed"]
    assert (told["orders"], told["seeds"]) == (seed, [1, seed])
    assert difference["expected"] != difference["actual"]
    command = f"python -m replay explore {STORE} --orders 1 --seed {seed}"
    assert difference["command"] == command
    if seed > 1:
        before = ("--orders", str(seed - 1))
        assert json.loads(program("explore", STORE, *before, "--json")[1])["difference"] is None
    status, out = program(*command.split()[3:])
    assert status == 1
    assert f"\nfirst difference: seed {seed}" in out
    assert f"  field:    {difference['field']}\n" in out
    assert f"  expected: {text_beside(difference['expected'], difference['actual'])}\n" in out
    assert f"  actual:   {text_beside(difference['actual'], difference['expected'])}\n" in out
    assert out.endswith(f"to see it again: {command}\n")


SHOWING = f"""
import replay
from replay.engine.explore import Explorer
from replay.kinds import looks_of

explorer = Explorer(looks_of(replay.EventStore({STORE!r})).explored())
print(*[seed for seed in range(1, 101) if explorer.explore(seed).difference])
"""


@pytest.mark.slow
def test_fault_that_few_seeds_show_is_named_by_the_lowest_of_them(
    tmp_path: Path, small: Path
) -> None:
    program = faulty("restarts a user without its last event", tmp_path, small)
    printed = run_python(small, "random", "-c", SHOWING, root=tmp_path)
    showing = [int(seed) for seed in printed.split()]
    assert 1 < len(showing) < 50
    for jobs in ("1", "2", "3"):
        for first in (1, showing[0] + 1):
            words = ("--orders", "100", "--seed", str(first), "--jobs", jobs, "--json")
            told = json.loads(program("explore", STORE, *words)[1])
            assert told["difference"]["seed"] == next(seed for seed in showing if seed >= first)


@pytest.mark.slow
def test_actor_that_raises_is_a_difference_that_names_it(tmp_path: Path, small: Path) -> None:
    program = faulty("takes a request that has to wait for a failure", tmp_path, small)
    status, out = program("explore", STORE, "--orders", "50")
    assert status == 1
    *_, first, field, expected, actual, _ = out.splitlines()
    assert first.startswith("first difference: seed ")
    assert (field, expected) == ("  field:    failure", "  expected: none")
    assert re.fullmatch(
        r"  actual:   urn:coordinator failed on (Judge of event \d+|Commit): RuntimeError: busy",
        actual,
    )


@pytest.mark.slow
def test_any_number_of_processes_tells_the_same(small: Path) -> None:
    program = Program(small)
    told = {program("explore", STORE, "--orders", "40", "--jobs", jobs) for jobs in "123"}
    assert len(told) == 1
    ((status, out),) = told
    assert status == 0
    assert out.startswith("explored 40 orders (seeds 1 to 40) of ")
    assert out.endswith(" messages\nno difference\n")


@pytest.mark.slow
def test_committed_sample_gives_the_same_under_every_order(tmp_path: Path) -> None:
    history_of(
        LoggedHistory(*[(SAMPLE / f"{n}_log.json").read_bytes() for n in ("batch", "stream")]),
        tmp_path,
    )
    status, out = Program(tmp_path)("explore", STORE, "--orders", "20", "--json")
    told = json.loads(out)
    assert (status, told["difference"]) == (0, None)
    assert (told["past"], told["stream"], told["judged"]) == (1_000, 600, 472)
    assert told["restarts"] > 20
    assert told["messages"] > 20 * 40_000


# Stopped


def is_gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture
def endless(small: Path) -> Iterator[subprocess.Popen[str]]:
    """Return a process that explores for years, with two others."""
    process = Program(small).start("explore", STORE, "--orders", str(10**12), "--jobs", "2")
    try:
        assert eventually(lambda: len(children_of(process.pid)) == 2)
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


by_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds children by /proc")


@pytest.mark.slow
@by_proc
@pytest.mark.parametrize("pause", [0.0, 0.2, 0.4])
def test_ctrl_c_ends_all_processes_with_status_130_and_one_line(
    endless: subprocess.Popen[str], pause: float
) -> None:
    # The processes may still be starting, and be at work.
    time.sleep(pause)
    os.killpg(endless.pid, signal.SIGINT)
    out, err = endless.communicate(timeout=60)
    assert (endless.returncode, out, err) == (130, "", "replay: interrupted\n")
    assert eventually(lambda: is_gone(endless.pid))


@pytest.mark.slow
@by_proc
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nobody_explores_for_a_process_that_is_gone(
    endless: subprocess.Popen[str], number: signal.Signals
) -> None:
    endless.send_signal(number)
    _, err = endless.communicate(timeout=60)
    assert (endless.returncode, err) == (-number, "")
    assert eventually(lambda: is_gone(endless.pid))


@pytest.mark.slow
@by_proc
def test_what_a_process_explored_that_was_killed_is_explored_again(small: Path) -> None:
    words = ("explore", STORE, "--orders", "30", "--json")
    status, alone = Program(small)(*words, "--workers", "1")
    assert status == 0
    process, killed = Program(small).start(*words, "--workers", "3"), 0
    while killed < 3 and process.poll() is None:
        for worker in children_of(process.pid):
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
                killed += 1
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, alone, "")
    assert killed >= 3


def test_without_processes_it_explores_alone(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fork() -> None:
        raise BlockingIOError

    words = ["explore", str(folder / STORE), "--orders", "3", "--workers"]
    assert main([*words, "1"]) == 0
    alone = capsys.readouterr()
    monkeypatch.setattr("replay.engine.forks._fork", fork)
    assert main([*words, "2"]) == 0
    assert capsys.readouterr() == alone


@pytest.mark.parametrize(
    "where", ["actors.purchases.coordinator.Coordinator", "actors.purchases.user.User"]
)
def test_lack_of_memory_is_no_difference(
    where: str, explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def on_receive(_: object, _message: object) -> None:
        raise MemoryError

    monkeypatch.setattr(f"{where}.on_receive", on_receive)
    with pytest.raises(MemoryError, match=r"^$"):
        explorer.explore(1)


def test_subject_without_a_past_explores_the_stream_alone(tmp_path: Path) -> None:
    history = history_of(LoggedHistory(b'{"D":"1", "T":"50"}\n', SPEC_EXAMPLE.stream), tmp_path)
    subject = subject_of(history)
    assert (subject.past, subject.beginning, subject.events) == (0, 0, len(history))
    assert isinstance(history.events[0], Purchase)
    found = Explorer(subject).explore(1)
    assert (found.difference, found.messages > 5) == (None, True)
