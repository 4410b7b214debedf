"""A third detector, `tests.rings`, has all that the others have: by the command line alone.

What it decides is compared with a model that knows no actors.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import given, settings

import replay
from actors.custom.messages import Answer
from events.logs.file import Portions
from replay.cli import main
from replay.custom.history import FactHistory, FactTimeline
from replay.custom.logs import FactLogs
from replay.kinds import looks_of
from replay.testing import DiedError, DyingDisk, FactLog, fact_logs, run_conformance_test
from tests.rings import Account, Closed, Ring, Rings

ROOT = Path(replay.__file__).parents[1]
DETECTOR = ("--detector", "tests.rings:Rings")


def line(second: int, sender: str, receiver: str, amount: int) -> bytes:
    time = f"2017-06-13 {second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
    fields = {"event_type": "transfer", "timestamp": time, "sender": sender}
    return json.dumps({**fields, "receiver": receiver, "amount": amount}).encode() + b"\n"


def sample(lines: int) -> tuple[bytes, bytes]:
    """Return a batch and a stream of transfers between a few accounts."""
    draw = random.Random(3)
    made = [
        line(second, one, other, draw.randrange(1, 400))
        for second in range(lines)
        for one, other in [draw.sample(["ada", "bob", "cy", "dé"], 2)]
    ]
    closed = b'{"event_type":"closed","timestamp":"2017-06-13 00:00:30","account":"ada"}\n'
    past = b'{"at_least": "900"}\n' + b"".join(made[: lines // 2])
    return past, b"".join([*made[lines // 2 :], closed, b"nothing\n"])


def expected(logs: tuple[bytes, bytes], at_least: int) -> list[tuple[int, bool]]:
    """Return the verdicts by brute force: the number of each event of the stream, and whether."""
    sent: Counter[tuple[str, str, str]] = Counter()
    found, number = [], 0
    for place, log in enumerate(logs):
        for text in log.splitlines():
            try:
                told: dict[str, Any] = json.loads(text)
            except ValueError:
                continue
            kind = told.get("event_type")
            if kind is None:
                continue
            number += 1
            if kind == "closed":
                for key in [key for key in sent if key[0] == told["account"]]:
                    del sent[key]
                continue
            day = told["timestamp"][:10]
            one, other, amount = told["sender"], told["receiver"], told["amount"]
            back = sent[other, one, day]
            forth = amount + sent[one, other, day]
            if place == 1:
                found.append((number, min(back, forth) >= at_least and back > 0))
            sent[one, other, day] += amount
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    batch, stream = sample(120)
    (tmp_path / "batch.json").write_bytes(batch)
    (tmp_path / "stream.json").write_bytes(stream)
    return tmp_path


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "replay", *words, *DETECTOR],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def done(folder: Path, *words: str) -> str:
    finished = command(folder, *words)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def ran(folder: Path) -> replay.EventStore:
    done(folder, "batch.json", "stream.json", "rings.json")
    return replay.EventStore(folder / "rings.json.events")


@pytest.mark.slow
def test_conformance() -> None:
    run_conformance_test(Rings, {"at_least": 3})


@given(fact_logs(Rings, {"at_least": 3}))
@settings(max_examples=40)
def test_verdicts_are_those_of_the_model(tmp_path_factory: Any, logs: FactLog) -> None:
    folder = tmp_path_factory.mktemp("rings")
    paths = [folder / "batch.json", folder / "stream.json"]
    for path, log in zip(paths, logs, strict=True):
        path.write_bytes(log)
    with Rings.logs(*paths) as opened:
        replay.run(opened, folder / "rings.json")
    store = replay.EventStore(folder / "rings.json.events")
    recorded = FactHistory(store, Rings).recorded.values()
    assert [(each.number, each.flagged) for each in recorded] == expected(logs, 3)


def test_run_writes_what_the_model_flags_with_what_the_verdict_says(folder: Path) -> None:
    store = ran(folder)
    recorded = FactHistory(store, Rings).recorded
    logs = ((folder / "batch.json").read_bytes(), (folder / "stream.json").read_bytes())
    assert [(number, each.flagged) for number, each in recorded.items()] == expected(logs, 900)
    flagged = [json.loads(each) for each in (folder / "rings.json").read_bytes().splitlines()]
    assert len(flagged) == sum(each.flagged for each in recorded.values()) > 3
    assert set(flagged[0]) == {
        *("event_type", "timestamp", "sender", "receiver", "amount", "forth", "back")
    }


@pytest.mark.slow
def test_run_that_dies_at_any_operation_is_gone_on_with(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = str(folder / "batch.json"), str(folder / "stream.json")
    output = str(folder / "rings.json")
    assert main([*logs, output, *DETECTOR]) == 0
    right = {path.name: path.read_bytes() for path in folder.glob("rings.json*")}
    for operations in range(0, 60, 3):
        for path in folder.glob("rings.json*"):
            path.unlink()
        disk = DyingDisk(operations)
        try:
            with Rings.logs(*logs) as opened:
                replay.run(opened, output, disk=disk)
        except DiedError:
            pass
        assert main([*logs, output, *DETECTOR]) == 0
        found = {path.name: path.read_bytes() for path in folder.glob("rings.json*")}
        assert found["rings.json"] == right["rings.json"]
        assert main(["verify", f"{output}.events", *DETECTOR]) == 0
        assert capsys.readouterr().out.endswith("no difference\n")


@pytest.mark.slow
def test_stream_that_is_killed_is_gone_on_with_where_it_was(folder: Path) -> None:
    ran(folder)
    right = (folder / "rings.json").read_bytes()
    stream = (folder / "stream.json").read_bytes().splitlines(keepends=True)
    words = ("batch.json", "growing.json", "live.json", "--follow", "--resume")
    growing = folder / "growing.json"
    growing.write_bytes(b"")
    for part in (stream[:20], stream[20:41], stream[41:]):
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "replay", *words, *DETECTOR],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.DEVNULL,
        )
        with growing.open("ab") as file:
            file.write(b"".join(part))
        wanted = len(expected(((folder / "batch.json").read_bytes(), growing.read_bytes()), 900))
        while True:
            store = folder / "live.json.events"
            if store.exists() and len(list(replay.EventStore(store).decisions())) >= wanted:
                break
            assert process.poll() is None, "it goes on until it is killed"
        process.send_signal(signal.SIGKILL)
        process.wait()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "replay", *words, *DETECTOR],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    assert b"going on after" in process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0
    process.stderr.close()
    assert (folder / "live.json").read_bytes() == right


@pytest.mark.slow
def test_every_moment_is_visited_by_steps_and_by_jumps(folder: Path) -> None:
    store = ran(folder)
    with FactTimeline(store, Rings) as steps, FactTimeline(store, Rings) as jumps:
        for number in range(1, len(steps) + 1):
            steps.next()
            jumps.goto(len(steps) - number)
            jumps.goto(number)
            for user in steps.users:
                assert steps.held(user) == jumps.held(user)
    shown = done(folder, "step", "rings.json.events", "-c", "break flagged; continue; user ada")
    assert "FLAGGED" in shown
    assert "sent" in shown


@pytest.mark.slow
def test_commands_show_and_explain(folder: Path) -> None:
    ran(folder)
    told = [json.loads(each) for each in done(folder, "log", "rings.json.events", "--json",
                                              "--flagged").splitlines()]  # fmt: skip
    number = str(told[0]["event"])
    why = done(folder, "why", "rings.json.events", number).splitlines()
    assert why[1].endswith(f"sent {told[0]['amount']} to {told[0]['receiver']}")
    assert why[-1] == f"verdict: FLAGGED (forth={told[0]['forth']} back={told[0]['back']})"
    assert f"{told[0]['receiver']} answered: {told[0]['back']}" in why
    reasons = json.loads(done(folder, "why", "rings.json.events", number, "--json"))
    assert [each["answer"] for each in reasons["answers"]] == [
        told[0]["back"], told[0]["forth"] - told[0]["amount"]
    ]  # fmt: skip
    traced = done(folder, "trace", "rings.json.events", number)
    assert [each.split()[3] for each in traced.splitlines()[1:]] == [
        *("Judge", "Ask", "Answer", "Ask", "Answer", "Judged", "Fold", "Fold", "Commit"),
        "Commit",
    ]
    assert done(folder, "diff", "rings.json.events", "rings.json.events").startswith(
        "no difference"
    )
    done(folder, "check", "rings.json.events")
    done(folder, "export", "rings.json.events", "--batch", "b.json", "--stream", "s.json")
    for name, path in (("batch.json", "b.json"), ("stream.json", "s.json")):
        assert (folder / name).read_bytes() == (folder / path).read_bytes()
    done(folder, "rebuild", "rings.json.events", "again.json")
    assert (folder / "again.json").read_bytes() == (folder / "rings.json").read_bytes()
    explored = done(folder, "explore", "rings.json.events", "--orders", "20")
    assert explored.endswith("no difference\n")


def test_verdicts_behind_a_gap_stay_with_their_events(folder: Path) -> None:
    whole, saved = folder / "rings.json.events", folder / "saved.events"
    with FactLogs(
        folder / "batch.json", folder / "stream.json", Rings, portions=Portions(600, 600)
    ) as logs:
        replay.run(logs, folder / "rings.json")
    store = replay.EventStore(whole)
    recorded = {
        event.time: verdict
        for event, verdict in zip(store.events_from(61), store.decisions(), strict=False)
    }
    frames = [frame for frame in store._frames if frame.events_before >= 60 and frame.events]
    content = bytearray(whole.read_bytes())
    content[frames[2].body + 5] ^= 0xFF
    whole.write_bytes(content)
    assert main(["repair", str(whole), "--output", str(saved)]) == 0
    mended = replay.EventStore(saved)
    left = {event.time: event.number for event in mended.events_from(61)}
    assert 30 < len(left) < len(recorded)
    assert [msgspec.structs.asdict(verdict) for verdict in mended.decisions()] == [
        {**msgspec.structs.asdict(verdict), "number": left[time]}
        for time, verdict in recorded.items()
        if time in left
    ]
    assert main(["check", str(saved), *DETECTOR]) == 0


@pytest.mark.slow
def test_store_is_read_without_the_detector_and_decides_nothing(folder: Path) -> None:
    ran(folder)
    words = [sys.executable, "-P", "-m", "replay"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def alone(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*words, *more],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    with_it = done(folder, "log", "rings.json.events", "--json")
    assert alone("log", "rings.json.events", "--json").stdout == with_it
    assert alone("check", "rings.json.events").returncode == 0
    assert alone("repair", "rings.json.events", "--output", "saved.events").returncode == 0
    for refused in ("verify", "step", "explore"):
        found = alone(refused, "rings.json.events")
        assert (found.returncode, found.stderr.count("\n")) == (2, 1)
        assert "found none; name it with --detector" in found.stderr


class Counting(Account):
    """Counts under a name that is the engine's."""

    def begin(self) -> None:
        super().begin()
        self.number = 0


class Giving(Account):
    """Answers with what it holds itself."""

    def answer(self, question: Any) -> Any:
        del question
        return self.sent


class Giver(replay.FactCoordinator):
    def judging(self, event: Any) -> Any:
        answers = yield {event.sender: event.receiver}
        held = answers[event.sender]
        return Ring(flagged=False, forth=sum(held.values()), back=len(held))


class Gifts(Rings):
    name = "gifts"
    version = 1
    actor_type = Giving
    coordinator_type: ClassVar[Any] = Giver


class Counts(Rings):
    name = "counts"
    version = 1
    actor_type = Counting


class Closing(Account):
    """Has stopped, as it calls that, once its account is closed."""

    def begin(self) -> None:
        super().begin()
        self.stopped = False

    def fold(self, event: Any) -> None:
        super().fold(event)
        self.stopped = isinstance(event, Closed)


class Closings(Rings):
    name = "closings"
    version = 1
    actor_type = Closing


class Shared(Account):
    """Keeps something beside its events."""

    asked = 0

    def answer(self, question: Any) -> int:
        del question
        Shared.asked += 1
        return Shared.asked


class Moody(Rings):
    name = "moody"
    version = 1
    actor_type = Shared


@pytest.mark.parametrize(("detector", "name"), [(Counts, "number"), (Closings, "stopped")])
def test_name_that_is_the_engines_is_refused_in_an_actor(
    folder: Path, detector: type[Rings], name: str
) -> None:
    with (
        detector.logs(folder / "batch.json", folder / "stream.json") as logs,
        pytest.raises(replay.DetectorError, match=f"found {name}, which is the engine's"),
    ):
        replay.run(logs, folder / "counts.json")


def test_answer_is_what_was_said_whatever_the_actor_holds_later(folder: Path) -> None:
    with Gifts.logs(folder / "batch.json", folder / "stream.json") as logs:
        replay.run(logs, folder / "gifts.json")
    store = replay.EventStore(folder / "gifts.json.events")
    recorded = FactHistory(store, Gifts).recorded
    with FactTimeline(store, Gifts) as timeline:
        for number in list(recorded)[:10]:
            messages = [each.message for each in timeline.trace(number)]
            (held,) = [each.answer for each in messages if isinstance(each, Answer)]
            verdict: Any = recorded[number]
            assert (sum(held.values()), len(held)) == (verdict.forth, verdict.back)


def test_logs_of_one_detector_are_not_read_by_another(folder: Path) -> None:
    for logs, detector in (
        (Rings.logs(folder / "batch.json", folder / "stream.json"), replay.Simulation),
        (replay.Logs(folder / "batch.json", folder / "stream.json", 1, 2), Rings),
    ):
        with logs, pytest.raises(replay.InputError, match="whose logs these are, found"):
            replay.run(logs, folder / "other.json", detector=detector)
    assert not list(folder.glob("other.json*"))


def test_why_says_where_what_is_decided_now_is_another_verdict(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Moody.logs(folder / "batch.json", folder / "stream.json") as logs:
        replay.run(logs, folder / "moody.json")
    store = replay.EventStore(folder / "moody.json.events")
    with looks_of(store, Moody) as looks:
        looks.show_why(max(FactHistory(store, Moody).recorded))
        assert looks.verify(iter).difference is not None
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == "decided now it is another, and verify tells where they part"


def test_run_that_forgets_its_detector_is_told_whose_the_store_is(folder: Path) -> None:
    ran(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    words = [sys.executable, "-m", "replay", "batch.json", "stream.json"]
    for output, hint in (
        ("rings.json", "; if you meant to go on with rings.json.events, name 'rings' (version 1) "
         "with --detector"),
        ("other.json", ""),
    ):  # fmt: skip
        done = subprocess.run(
            [*words, output],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        cure = f"correct the line or give both -D and -T{hint}\n"
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert done.stderr.endswith(cure)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_whose_an_event_is_nobody_knows_without_the_detector(folder: Path) -> None:
    ran(folder)
    with (
        looks_of(replay.EventStore(folder / "rings.json.events")) as looks,
        pytest.raises(replay.OtherDetectorError, match="name it with --detector"),
    ):
        looks.numbers_of("ada")


@pytest.mark.slow
def test_event_is_shrunk_and_rerun_by_the_command_line(folder: Path) -> None:
    ran(folder)
    flagged = json.loads(
        done(folder, "log", "rings.json.events", "--json", "--flagged").split("\n")[0]
    )
    number = str(flagged["event"])
    shrunk = done(folder, "shrink", "rings.json.events", number, "--output", "case")
    assert f"step case/flagged.json.events {' '.join(DETECTOR)}" in shrunk
    done(folder, "verify", "case/flagged.json.events")
    again = done(folder, "rerun", "rings.json.events", "branch.json", "--skip", number)
    assert "1 event skipped" in again
    done(folder, "verify", "branch.json.events")
