"""The commands that look at a history; of rerun, what all of them do."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

import replay
from actors.purchases.coordinator import CoordinatorActor
from actors.sink import ListOutlet
from events.purchases.amounts import format_amount, format_cents
from events.purchases.event import Befriend, Purchase, users_of
from replay.cli import COMMANDS, main
from replay.purchases.simulation import Simulation
from replay.purchases.timeline import Timeline
from replay.testing import model
from replay.testing.checks import run_in
from replay.testing.logged import LoggedHistory
from replay.testing.strategies import BAD_LINES, histories
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE, run_in_process
from tests.replay.purchases.test_verify import rewritten
from tests.telling import pass_over

if TYPE_CHECKING:
    from pathlib import Path

STORE = "flagged.json.events"
shared_folder = settings(
    max_examples=settings().max_examples // 2,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


class Commands:
    """Runs commands in this process, in a folder that has a store."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capture = capture

    def begin(self, given_logs: LoggedHistory) -> None:
        """Have the store of a run on ``given_logs``, and nothing of an earlier one."""
        for leftover in self.folder.iterdir():
            leftover.unlink()
        run_in_process(given_logs, self.folder)

    def __call__(self, *words: str) -> str:
        """Return what a command prints, which must end with status 0."""
        status, out, err = self.result(*words)
        assert (status, err) == (0, "")
        return out

    def result(self, *words: str) -> tuple[int, str, str]:
        self.capture.readouterr()
        name, *others = words
        status = main([name, *[str(self.folder / w) if "." in w else w for w in others]])
        return (status, *self.capture.readouterr())

    def objects(self, *words: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self(*words, "--json").splitlines()]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(tmp_path, capsys)


@pytest.fixture
def example(run: Commands) -> Commands:
    """Return commands on the challenge's example, with a bad line between."""
    stream = b"\n" + BAD_LINES[0] + b"\n" + SPEC_EXAMPLE.stream
    run_in_process(LoggedHistory(SPEC_EXAMPLE.batch, stream), run.folder)
    return run


# why


def network_of(events: list[replay.Event], user: str, degrees: int) -> list[set[str]]:
    """Return who is exactly 1, 2, ... friendships away after ``events``, by walking."""
    friendships: set[frozenset[str]] = set()
    for event in events:
        if not isinstance(event, Purchase):
            pair = frozenset((event.user1, event.user2))
            (friendships.add if isinstance(event, Befriend) else friendships.discard)(pair)
    hops: list[set[str]] = [{user}]
    for _ in range(degrees):
        reached = set[str]().union(*hops)
        hops.append(set[str]().union(*[pair for pair in friendships if pair & reached]) - reached)
    return [hop for hop in hops[1:] if hop]


def check_purchase(told: dict[str, Any], events: list[replay.Event], degrees: int) -> None:
    """Check that an explanation is right, and that it alone gives its own verdict."""
    before = events[: told["event"] - 1]
    hops = network_of(before, told["user"], degrees)
    assert [set(hop) for hop in told["network"]] == hops
    for counted in told["window"]:
        path = counted["path"]
        assert (path[0], path[-1]) == (told["user"], counted["user"])
        assert counted["user"] in hops[len(path) - 2]
        for one, other in pairwise(path):
            assert other in network_of(before, one, 1)[0]
    amounts = [Fraction(counted["amount"]) for counted in told["window"]]
    assert told["n"] == len(amounts)
    flagged = False
    if len(amounts) >= 2:
        mean = sum(amounts, Fraction(0)) / len(amounts)
        variance = sum(((each - mean) ** 2 for each in amounts), Fraction(0)) / len(amounts)
        excess = Fraction(told["amount"]) - mean
        flagged = excess > 0 and excess**2 > 9 * variance
        assert flagged == (Fraction(told["amount"]) > Fraction(told["threshold"]))
    assert told["flagged"] == flagged


@pytest.mark.slow
@shared_folder
@given(histories())
def test_explanation_alone_gives_the_verdict_that_was_recorded(
    run: Commands, given_logs: LoggedHistory
) -> None:
    run.begin(given_logs)
    store = replay.EventStore(run.folder / STORE)
    events = list(store.events_from(1))
    decisions = {decision.number: decision for decision in store.decisions()}
    for event in events:
        (told,) = run.objects("why", STORE, str(event.number))
        if isinstance(event, Purchase):
            check_purchase(told, events, store.parameters.degrees)
            if event.number in decisions:
                assert told["flagged"] == decisions[event.number].flagged
                assert told["n"] == decisions[event.number].purchases
        else:
            check_friendship(told, events, store.parameters.degrees)


def check_friendship(told: dict[str, Any], events: list[replay.Event], degrees: int) -> None:
    users = {user for event in events for user in users_of(event)}
    expected = {}
    for user in users:
        before, after = (
            set[str]().union(*network_of(events[:count], user, degrees))
            for count in (told["event"] - 1, told["event"])
        )
        if before != after:
            expected[user] = (after - before, before - after)
    found = {each["user"]: (set(each["came"]), set(each["left"])) for each in told["changes"]}
    assert found == expected


def test_why_shows_a_person_each_step_to_the_verdict(example: Commands) -> None:
    assert example("why", STORE, "7") == (
        "event 7 (stream line 3, 2017-06-13 11:33:02)\n"
        "user 2 bought for 1601.83\n"
        "network of degree 1: 1 user\n"
        "  1 away: 1: 1\n"
        "window: 3 purchases, the last in it, of at most 50\n"
        "event  time                 user  amount  friend path\n"
        "    1  2017-06-13 11:33:01  1      16.83  2 > 1\n"
        "    2  2017-06-13 11:33:01  1      59.28  2 > 1\n"
        "    5  2017-06-13 11:33:01  1      11.20  2 > 1\n"
        "n = 3\n"
        "mean = 29.10, sd = 21.46\n"
        "threshold = mean + 3 sd = 93.488; the amount is above it, by 1508.342\n"
        "verdict: FLAGGED\n"
    )


def test_why_says_when_fewer_than_two_purchases_are_no_basis(example: Commands) -> None:
    shown = example("why", STORE, "1")
    assert "verdict: not flagged, because fewer than 2 purchases are no basis\n" in shown
    assert shown.endswith("(an event of the past, which the run did not judge)\n")


def test_why_says_when_the_run_recorded_another_verdict(run: Commands) -> None:
    class Never(CoordinatorActor):
        def flags(self, *_: object) -> bool:
            return False

    class Detector(replay.Simulation):
        coordinator_type = Never

    _, path = run_in(run.folder, SPEC_EXAMPLE, Detector)
    store = replay.EventStore(path)
    # As a release left it that named no detector: it counts as the built-in one's.
    header = msgspec.structs.replace(store.header, detector=None)
    rewritten(store, run.folder / "old.events", lambda _, record: record, header)
    *_, verdict, recorded = run("why", "old.events", "7").splitlines()
    assert verdict == "verdict: FLAGGED"
    expected = "(the run recorded not flagged, by another rule or version; verify says more)"
    assert recorded == expected


def test_why_of_a_friendship_shows_whose_network_changed(example: Commands) -> None:
    assert example("why", STORE, "6") == (
        "event 6: 1 is no friend any more of 3\n"
        "2 networks changed\n"
        "network of  came in  dropped out\n"
        "1                    3\n"
        "3                    1\n"
    )


# log


def test_log_lists_every_line_with_its_place_and_verdict(example: Commands) -> None:
    *_, friendship, rejected, last = example("log", STORE).splitlines()
    assert friendship == "       6  batch         7  2017-06-13 11:33:01  1 unfriended 3"
    assert rejected == (
        "       -  stream        2  rejected (not-json): expected one JSON object, "
        "found no JSON: 'not json'"
    )
    assert last == (
        "       7  stream        3  2017-06-13 11:33:02  2 bought for 1601.83: "
        "FLAGGED (n=3 mean=29.10 sd=21.46)"
    )


@pytest.mark.parametrize(
    ("options", "events"),
    [
        ((), [1, 2, 3, 4, 5, 6, None, 7]),
        (("--from", "3", "--to", "5"), [3, 4, 5]),
        (("--user", "3"), [4, 6]),
        (("--type", "purchase"), [1, 2, 5, 7]),
        (("--type", "unfriend", "--user", "1"), [6]),
        (("--flagged",), [7]),
        (("--rejected",), [None]),
    ],
)
def test_log_is_filtered(
    example: Commands, options: tuple[str, ...], events: list[int | None]
) -> None:
    found = [line.get("event") for line in example.objects("log", STORE, *options)]
    assert found == events


# trace


@pytest.mark.slow
@shared_folder
@given(histories(past_max=12, new_max=6))
def test_trace_of_an_event_is_what_the_run_delivered_for_it(
    run: Commands, given_logs: LoggedHistory
) -> None:
    run.begin(given_logs)
    with Timeline(run.folder / STORE) as timeline:
        past = timeline.history.stream_start
        with Simulation(timeline.parameters, ListOutlet()) as simulation:
            pass_over(simulation, timeline.history.events[:past])
            delivered: list[Any] = []
            simulation.dispatcher.observers.append(lambda *seen: delivered.append(seen))
            for event in timeline.history.events[past:]:
                delivered.clear()
                simulation.judge(event)
                assert timeline.trace(event.number)[: len(delivered)] == delivered


@pytest.mark.slow
@shared_folder
@given(histories(past_max=12, new_max=6))
def test_trace_calls_users_by_their_ids_and_tells_amounts_as_text(
    run: Commands, given_logs: LoggedHistory
) -> None:
    run.begin(given_logs)
    with Timeline(run.folder / STORE) as timeline:
        for event in timeline.history.events:
            timeline.goto(event.number - 1)
            there = [*timeline.users, *users_of(event)]
            friends = {user: {*timeline.user(user).friends} for user in timeline.users}
            for message in run.objects("trace", STORE, str(event.number)):
                answers = message["message"] in ("friends", "purchases")
                if answers:
                    assert message["sender"] == f"urn:user:{message['user']}"
                if message["message"] == "friends":
                    assert {*message["friends"]} == friends.get(message["user"], set())
                if message["message"] == "apply":
                    assert {*message["befriended"], *message["unfriended"]} <= {*there}
                if message["message"] == "judged":
                    decision = timeline.history.recorded[event.number]
                    assert (message["mean"], message["sd"]) == (
                        format_cents(decision.mean), format_cents(decision.sd)
                    )  # fmt: skip
                # A verdict has their number only.
                bought_then = message.get("purchases", ())
                for purchase in bought_then if isinstance(bought_then, list) else ():
                    bought = timeline.history.event(purchase["event"])
                    assert isinstance(bought, Purchase)
                    assert purchase["amount"] == format_amount(bought.amount)
                    assert purchase["user"] == bought.user


def test_trace_shows_messages_in_order(example: Commands) -> None:
    shown = example.objects("trace", STORE, "7")
    assert [(each["sender"], each["receiver"], each["message"]) for each in shown] == [
        (None, "urn:coordinator", "judge"),
        ("urn:coordinator", "urn:user:2", "ask-friends"),
        ("urn:user:2", "urn:coordinator", "friends"),
        ("urn:coordinator", "urn:user:1", "ask-purchases"),
        ("urn:user:1", "urn:coordinator", "purchases"),
        ("urn:coordinator", "urn:sink", "judged"),
        ("urn:coordinator", "urn:user:2", "apply"),
        (None, "urn:coordinator", "commit"),
        ("urn:coordinator", "urn:sink", "commit"),
    ]
    assert example("trace", STORE, "7").splitlines()[2] == (
        "   2  urn:coordinator  urn:user:2       AskFriends    number=7"
    )


@pytest.mark.slow
@given(histories(past_max=6, new_max=6))
@shared_folder
def test_diagram_has_a_line_for_each_message_and_nothing_that_mermaid_would_misread(
    run: Commands, given_logs: LoggedHistory
) -> None:
    run.begin(given_logs)
    for event in replay.EventStore(run.folder / STORE).events_from(1):
        head, *drawn = run("trace", STORE, str(event.number), "--mermaid").splitlines()
        messages = run.objects("trace", STORE, str(event.number))
        arrows = [line for line in drawn if "->>" in line]
        assert head == "sequenceDiagram"
        assert len(arrows) == len(messages)
        text = r"[\w ,.=()_:/#;-]+"
        for line in drawn:
            assert re.fullmatch(rf"    (participant \w+ as {text}|\w+->>\w+: {text})", line)


# diff and export


@pytest.mark.slow
@shared_folder
@given(histories())
def test_exported_logs_are_the_given_ones_but_for_blank_lines(
    run: Commands, given_logs: LoggedHistory
) -> None:
    run.begin(given_logs)
    run("export", STORE, "--batch", "b.out", "--stream", "s.out")
    for name, given_log in (("b.out", given_logs.batch), ("s.out", given_logs.stream)):
        exported = (run.folder / name).read_bytes()
        expected = model.read_lines(given_log)
        assert exported.split(b"\n")[: len(expected)] == expected
        assert exported.endswith(b"\n") == (given_log.endswith(b"\n") and bool(expected))


def test_export_tells_machines_what_it_wrote(example: Commands) -> None:
    (told,) = example.objects("export", STORE, "--stream", "s.out")
    stream = str(example.folder / "s.out")
    assert told == {
        "batch": {"lines": 7, "file": None, "not_kept": []},
        "stream": {"lines": 2, "file": stream, "not_kept": []},
    }
    assert (example.folder / "s.out").read_bytes().count(b"\n") == 2


def test_export_of_observations_from_purchases_is_refused(example: Commands) -> None:
    status, out, err = example.result("export", STORE, "--observations", "o.csv")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "expected --batch or --stream for a store of purchases, found --observations" in err


def test_export_leaves_a_file_that_exists_alone(example: Commands) -> None:
    path = example.folder / "batch.json"
    path.write_bytes(b"of somebody else")
    status, _, err = example.result(
        "export", STORE, "--batch", "batch.json", "--stream", "new.json"
    )
    assert status == 1
    assert err.endswith(
        "batch.json: expected a new file for a log, found one there; name another file\n"
    )
    assert path.read_bytes() == b"of somebody else"
    assert not (example.folder / "new.json").exists()


def test_export_that_is_there_already_is_enough(example: Commands) -> None:
    words = ("export", STORE, "--batch", "again.json", "--stream", "new.json")
    first = example(*words)
    written = (example.folder / "new.json").read_bytes()
    (example.folder / "new.json").unlink()
    before = (example.folder / "again.json").stat()
    assert example(*words) == first
    assert (example.folder / "again.json").stat() == before
    assert (example.folder / "new.json").read_bytes() == written


def test_diff_of_a_store_with_itself_finds_nothing(example: Commands) -> None:
    assert example("diff", STORE, STORE) == "no difference in 7 events and 1 decision\n"


def test_diff_names_the_first_event_and_the_first_decision_that_differ(example: Commands) -> None:
    other = example.folder / "other"
    other.mkdir()
    batch = SPEC_EXAMPLE.batch.replace(b"59.28", b"69.28").replace(b'"50"', b'"51"')
    run_in_process(LoggedHistory(batch, SPEC_EXAMPLE.stream), other)
    status, out, _ = example.result("diff", STORE, f"other/{STORE}", "--json")
    found = json.loads(out)
    assert status == 1
    assert [found["event"]["at"], found["decision"]["at"]] == ["2", "7"]
    assert (found["parameters"]["one"], found["parameters"]["other"]) == ("D=1 T=50", "D=1 T=51")
    assert '"69.28"' in found["event"]["other"]
    shown = example.result("diff", STORE, f"other/{STORE}")[1].splitlines()
    assert [line for line in shown if not line.startswith("  ")] == [
        "parameters: different",
        "event 2: different",
        "decision 7: different",
    ]


# sweep


@pytest.mark.slow
@shared_folder
@given(histories())
def test_sweep_counts_what_a_run_at_each_setting_flags(
    run: Commands, given_logs: LoggedHistory
) -> None:
    run.begin(given_logs)
    found = run.objects("sweep", STORE, "-D", "3,1", "-T", "2,3")
    assert [(row["D"], row["T"]) for row in found] == [(1, 2), (1, 3), (3, 2), (3, 3)]
    recorded = model.flagged_purchases(*given_logs).count(b"\n")
    for row in found:
        expected = model.flagged_purchases(*given_logs, degrees=row["D"], tracked=row["T"])
        assert row["flagged"] == expected.count(b"\n") == row["both"] + row["gained"]
        assert recorded == row["both"] + row["lost"]


def test_sweep_at_the_runs_own_setting_agrees_with_it(example: Commands) -> None:
    assert example("sweep", STORE) == (
        "1 purchase judged; the run had D=1 T=50\n"
        "D   T  flagged  both  gained  lost  agreement\n"
        "1  50        1     1       0     0      100 %\n"
    )
    assert example("sweep", STORE, "-T", "2,50", "--csv") == (
        "D,T,flagged,both,gained,lost,agreement\n1,2,1,1,0,0,100\n1,50,1,1,0,0,100\n"
    )


def test_heat_map_has_a_cell_for_each_setting_and_frames_the_runs(example: Commands) -> None:
    example("sweep", STORE, "-D", "1,2", "-T", "2,3,50", "--svg", "map.svg")
    drawing = ET.parse(example.folder / "map.svg").getroot()
    cells = [each for each in drawing.iter() if each.get("class") == "cell"]
    assert len(cells) == 6
    framed = [cell for cell in cells if cell.get("stroke") == "black"]
    assert [(cell.get("x"), cell.get("y")) for cell in framed] == [("252", "72")]
    texts = [each.text for each in drawing.iter() if each.text and each.text.strip()]
    assert {"D = 1", "D = 2", "T = 2", "T = 3", "T = 50", "1"} <= set(texts)


@pytest.mark.parametrize("options", [("-D", "0"), ("-T", "5,1"), ("-D", "1,,2"), ("-T", "x")])
def test_setting_that_is_none_is_refused(example: Commands, options: tuple[str, str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        example.result("sweep", STORE, *options)
    assert "expected" in example.capture.readouterr().err


# What all of them do

LOOKING = [
    ("verify", STORE),
    ("explore", STORE, "--jobs", "1"),
    ("step", STORE, "-c", "last; why; trace; back; message; continue"),
    ("log", STORE),
    ("why", STORE, "7"),
    ("trace", STORE, "7"),
    ("diff", STORE, STORE),
    ("export", STORE),
    ("sweep", STORE),
    ("rerun", STORE, "branch.json"),
    ("shrink", STORE, "7", "--output", "folder.case"),
    ("rebuild", STORE, "again.json"),
]
SALVAGING = [("check", STORE), ("repair", STORE, "--output", "saved.events")]
ADDED = {
    "rerun": {"branch.json", "branch.json.events"},
    "rebuild": {"again.json"},
    "repair": {"saved.events"},
}


def test_every_command_is_tried_here() -> None:
    assert {words[0] for words in LOOKING + SALVAGING} == set(COMMANDS) - {"run", "intervals"}


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("words", LOOKING + SALVAGING, ids=lambda words: words[0])
def test_store_is_only_read(example: Commands, words: tuple[str, ...]) -> None:
    before = files_in(example.folder)
    assert example(*words) != ""
    after = files_in(example.folder)
    assert after.keys() - before.keys() == ADDED.get(words[0], set())
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize("words", LOOKING + SALVAGING, ids=lambda words: words[0])
@pytest.mark.parametrize(
    ("content", "found"),
    [
        (None, "found: No such file or directory"),
        (b"", "found an empty file"),
        (b'{"D":"1"}', 'found \'{"D":"1"}\''),
        (b"\x94\xadreplay.events\x01", "found one whose header is damaged or cut short"),
    ],
    ids=["missing", "empty", "foreign", "torn"],
)
def test_what_is_no_store_is_refused(
    example: Commands, words: tuple[str, ...], content: bytes | None, found: str
) -> None:
    (example.folder / STORE).unlink()
    if content is not None:
        (example.folder / STORE).write_bytes(content)
    status, out, err = example.result(*words)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "expected an event store" in err
    assert found in err


@pytest.mark.parametrize("number", ["0", "-1", "8"])
@pytest.mark.parametrize("name", ["why", "trace"])
def test_number_outside_of_the_history_is_refused(
    example: Commands, name: str, number: str
) -> None:
    status, out, err = example.result(name, STORE, number)
    assert (status, out) == (2, "")
    assert err == f"replay: expected an event from 1 to 7, found {number}\n"


def test_range_that_is_none_is_refused(example: Commands) -> None:
    status, _, err = example.result("log", STORE, "--from", "5", "--to", "2")
    assert status == 2
    assert err == "replay: expected a range of events from 1 on, found 5 to 2\n"


@pytest.mark.parametrize("words", LOOKING, ids=lambda words: words[0])
def test_store_that_was_cut_short_gives_what_is_whole(
    example: Commands, words: tuple[str, ...]
) -> None:
    path = example.folder / STORE
    path.write_bytes(path.read_bytes()[:-3])
    status, out, err = example.result(*words)
    assert status == 0
    assert out != ""
    assert "the frame is cut short; its" in err
    assert "left aside, and 7 events before it are shown" in err


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_that_names_the_command(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([name, "--help"])
    shown = capsys.readouterr().out
    assert re.search(r"^example:\n  python -m replay ", shown, re.MULTILINE)
    assert name == "run" or f"python -m replay {name} " in shown
