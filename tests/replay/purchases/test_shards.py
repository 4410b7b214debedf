"""However many shards hold the users, and whatever becomes of them, all is as in one process."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import replay
from actors.dispatcher import ActorFailedError, Dispatcher
from actors.orders import RandomOrder
from actors.purchases.coordinator import CoordinatorActor
from actors.purchases.messages import Apply, AskFriends, AskPurchases, Friends
from actors.purchases.user import UserActor
from events.errors import DetectorError, InputError, InterruptedRunError, ReplayError
from events.logs.file import Portions
from replay.cli import main
from replay.engine.listener import RunListener
from replay.judging.drive import may_be_left
from replay.judging.shards import Forked, InProcess, LostShardError, ShardsLostError
from replay.terminal.signals import StopSignals
from replay.testing import LoggedHistory, histories
from replay.testing.disks import CountingDisk
from tests import late_logs
from tests.replay.custom.test_rings import sample
from tests.rings import Rings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from replay.judging.shards import Transport

GOLDEN = Path(__file__).parents[2] / "golden"
OUTPUTS = ("flagged.json", "flagged.json.events")


class Unreliable(InProcess):
    """Shards that are lost at some of their calls, before or after, and are called in any order."""

    def __init__(self, count: int, draw: random.Random, losses: float) -> None:
        super().__init__(count)
        self.draw = draw
        self.losses = losses
        self.lost = 0

    def order(self, places: Iterable[int]) -> Sequence[int]:
        return self.draw.sample([*places], len([*places]))

    def call(self, place: int, name: str, given: Any) -> Any:
        loses = self.draw.random() < self.losses
        before = self.draw.random() < 0.5
        found = None if loses and before else super().call(place, name, given)
        if loses:
            self.shards[place] = None
            self.lost += 1
            raise LostShardError([place])
        return found


class _OwnCoordinator(CoordinatorActor):
    """Looks at more of a window than its amounts."""

    def flags(self, purchase: Any, window: Any, baseline: Any) -> bool:
        last = window[-1] if window else None
        return last is not None and (
            super().flags(purchase, window, baseline)
            or last.time == purchase.time
            or (last.user < purchase.user and (last.line or b"") < purchase.amount.to_bytes(9))
        )


class OwnRule(replay.Simulation):
    name = "own rule"
    version = 1
    answers_as_of = True
    coordinator_type = _OwnCoordinator


class _LoyalUser(UserActor):
    """Loses no friend, and has no friends where the number of the question ends with 7."""

    def apply(self, message: Apply) -> None:
        super().apply(msgspec.structs.replace(message, unfriended=()))

    def on_receive(self, message: Any) -> None:
        if isinstance(message, AskFriends) and message.number % 10 == 7:
            self.coordinator.tell(Friends(message.number, self.number, frozenset()))
        else:
            super().on_receive(message)


class OwnUsers(replay.Simulation):
    name = "own users"
    version = 1
    answers_as_of = True
    user_type = _LoyalUser


DETECTORS = [replay.Simulation, replay.Simulation, OwnRule, OwnUsers]


@settings(max_examples=60)
@given(histories(), st.integers(0, 1 << 32), st.sampled_from(DETECTORS))
def test_store_and_flagged_file_are_those_of_one_process(
    history: LoggedHistory, seed: int, detector: type[replay.Simulation]
) -> None:
    draw = random.Random(seed)
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        portions = Portions(draw.choice([300, 5_000]))
        # Each way to do it, which another size of history would choose.
        patch.setattr("actors.purchases.shard._PLACES_TO_SORT", draw.choice([0, 8, 10_000]))
        patch.setattr("actors.purchases.shard._PLACES_TO_MARK", draw.choice([0, 64, 10_000]))
        patch.setattr("actors.purchases.shard._ROOM", draw.choice([1, 100, 1 << 23]))
        patch.setattr("events.purchases.part._SORT_TO_WALK", draw.choice([0, 10]))
        patch.setattr("replay.purchases.sharded._PURCHASES_FIRST", draw.choice([1, 3, 32]))
        patch.setattr("replay.purchases.sharded._ASKED_MORE", draw.choice([0, 8]))

        def dispatcher() -> Dispatcher:
            return Dispatcher(RandomOrder(draw.randrange(1 << 32)))

        patch.setattr("actors.purchases.acting_shard.Dispatcher", dispatcher)
        alone, out = (Path(folder) / name for name in ("alone.json", "shared.json"))
        logs = history.write(folder)
        with replay.Logs(*logs, portions=portions) as both:
            replay.run(both, alone, disk=CountingDisk(), detector=detector)
        expected = [alone.read_bytes(), Path(f"{alone}.events").read_bytes()]
        stop_after = draw.randrange(12)
        asked = 0

        def should_stop() -> bool:
            nonlocal asked
            asked += 1
            return asked > stop_after

        for stop in (should_stop, bool):
            shards = Unreliable(draw.choice([1, 2, 3, 16]), draw, draw.choice([0, 0, 0.02]))
            with replay.Logs(*logs, portions=portions) as both:
                try:
                    replay.run(
                        both,
                        out,
                        detector=detector,
                        shards=shards,
                        should_stop=stop,
                        disk=CountingDisk(),
                    )
                except InterruptedRunError:
                    assert stop is should_stop
        assert [path.read_bytes() for path in (out, Path(f"{out}.events"))] == expected


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two logs: late lines, bad lines, hubs, anomalies."""
    return late_logs.write(tmp_path_factory.mktemp("logs"), 600)


def ran(logs: Sequence[Path], folder: Path, *words: str) -> list[bytes]:
    folder.mkdir()
    assert main(["-q", *words, *map(str, logs), str(folder / OUTPUTS[0])]) == 0
    return [(folder / name).read_bytes() for name in OUTPUTS]


@pytest.mark.parametrize("degrees", [1, 2, 3, 4])
def test_so_they_are_with_late_lines_and_hubs_at_any_degree(
    logs: Path, tmp_path: Path, degrees: int
) -> None:
    def outputs(count: int) -> list[bytes]:
        folder = tmp_path / str(count)
        folder.mkdir()
        paths, portions = (logs / "batch_log.json", logs / "stream_log.json"), Portions(1 << 13)
        with replay.Logs(*paths, degrees, 7, portions=portions) as both:
            replay.run(both, folder / OUTPUTS[0], shards=InProcess(count) if count else None)
        return [(folder / name).read_bytes() for name in OUTPUTS]

    expected = outputs(0)
    assert expected[0].count(b"\n") > 10
    for count in (1, 2, 3, 16):
        assert outputs(count) == expected


def test_golden_decisions_are_those_of_shards(tmp_path: Path) -> None:
    both = [GOLDEN / "three-batch.json", GOLDEN / "three-stream.json"]
    flagged, store = ran(both, tmp_path / "out", "--shards", "3")
    assert b"earlier\n" + flagged == (GOLDEN / "three.json").read_bytes()
    (tmp_path / "found").write_bytes(store)
    expected, found = (
        replay.EventStore(GOLDEN / "three.json.events"),
        replay.EventStore(tmp_path / "found"),
    )
    kept = [[*each.decisions()] for each in (expected, found)]
    assert kept[0] == kept[1] != []


def opened(logs: Path) -> replay.Logs:
    return replay.Logs(logs / "batch_log.json", logs / "stream_log.json")


@pytest.mark.parametrize("rounds", [0, 1, 3])
def test_shards_that_are_lost_again_and_again_end_the_run_which_then_goes_on(
    logs: Path, tmp_path: Path, rounds: int
) -> None:
    draw, out = random.Random(1), tmp_path / OUTPUTS[0]
    expected = ran([logs / "batch_log.json", logs / "stream_log.json"], tmp_path / "one")

    class Dying(Unreliable):
        left = rounds

        def judge(self, asked: Sequence[bytes], hops: int) -> list[bytes]:
            # Before that some purchases of the block may have been decided.
            self.left -= 1
            self.losses = float(self.left < 0)
            return super().judge(asked, hops)

    with opened(logs) as both, pytest.raises(ShardsLostError, match="lost 8 times"):
        replay.run(both, out, shards=Dying(2, draw, 0))
    with opened(logs) as both:
        replay.run(both, out, shards=InProcess(3))
    assert [(tmp_path / name).read_bytes() for name in OUTPUTS] == expected


class _EndlessRule(CoordinatorActor):
    def flags(self, purchase: Any, window: Any, baseline: Any) -> bool:
        Endless.come("flags")
        return super().flags(purchase, window, baseline)


class Endless(replay.Simulation):
    """Is asked to stop where a test says so, and does not."""

    name = "endless"
    version = 1
    answers_as_of = True
    coordinator_type = _EndlessRule
    where = ""

    @classmethod
    def checked_line(cls, event: Any, verdict: Any) -> bytes:
        cls.come("line")
        return super().checked_line(event, verdict)

    @classmethod
    def come(cls, where: str) -> None:
        if where == cls.where:
            os.kill(os.getpid(), signal.SIGINT)
            until = time.monotonic() + 20
            while time.monotonic() < until:
                pass
            raise AssertionError("nobody has interrupted it")


@pytest.mark.parametrize("where", ["flags", "line"])
def test_rule_that_never_ends_is_stopped_by_the_first_signal_and_the_run_goes_on(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    outs = [tmp_path / name for name in ("one", "shards")]
    with opened(logs) as both:
        replay.run(both, outs[0], detector=Endless)
    for asked in (where, ""):
        monkeypatch.setattr(Endless, "where", asked)
        with opened(logs) as both, StopSignals(may_be_left) as stop, suppress(InterruptedRunError):
            replay.run(both, outs[1], detector=Endless, shards=2, should_stop=stop)
        assert (outs[0].read_bytes() == outs[1].read_bytes()) == (not asked)
    assert Path(f"{outs[0]}.events").read_bytes() == Path(f"{outs[1]}.events").read_bytes()


def test_run_stops_between_two_rounds(logs: Path, tmp_path: Path) -> None:
    rounds = 0

    class Counting(InProcess):
        def judge(self, asked: Sequence[bytes], hops: int) -> list[bytes]:
            nonlocal rounds
            rounds += 1
            return super().judge(asked, hops)

    with opened(logs) as both, pytest.raises(InterruptedRunError):
        replay.run(both, tmp_path / "out", shards=Counting(2), should_stop=lambda: rounds == 2)
    assert rounds == 2


class _FailingRule(CoordinatorActor):
    def flags(self, purchase: Any, window: Any, baseline: Any) -> bool:
        found = super().flags(purchase, window, baseline)
        Failing.count("flags", found=found)
        return found


class Failing(replay.Simulation):
    """Fails when it has found some anomalies."""

    name = "failing"
    version = 1
    answers_as_of = True
    coordinator_type = _FailingRule
    where, left = "", 0

    @classmethod
    def checked_line(cls, event: Any, verdict: Any) -> bytes:
        cls.count("line", found=verdict.flagged)
        return super().checked_line(event, verdict)

    @classmethod
    def count(cls, where: str, *, found: bool) -> None:
        if found and where == cls.where:
            cls.left -= 1
            if cls.left < 0:
                raise ValueError(f"no {where}")


@pytest.mark.parametrize(("where", "who"), [("flags", "coordinator"), ("line", "sink")])
def test_detector_that_fails_leaves_what_it_leaves_with_one_process(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, who: str
) -> None:
    found = []
    for out, shards in ((tmp_path / "one", None), (tmp_path / "shards", 2)):
        monkeypatch.setattr(Failing, "where", where)
        monkeypatch.setattr(Failing, "left", 5)
        said = rf"{who} failed on .*\d: ValueError: no {where}"
        batch, stream = logs / "batch_log.json", logs / "stream_log.json"
        with (
            replay.Logs(batch, stream, portions=Portions(1 << 13)) as both,
            pytest.raises(ActorFailedError, match=said),
        ):
            replay.run(both, out, detector=Failing, shards=shards)
        found.append([out.read_bytes(), Path(f"{out}.events").read_bytes()])
    assert found[0] == found[1]
    assert found[0][0].count(b"\n") > 0


class _FailingUser(UserActor):
    def on_receive(self, message: Any) -> None:
        number = message.since + 1 if isinstance(message, Apply) else message.number
        fails = number >= FailingUsers.number and (
            not FailingUsers.once or number == FailingUsers.number
        )
        if type(message) is FailingUsers.message and fails:
            raise ValueError(f"no {type(message).__name__}")
        super().on_receive(message)


class FailingUsers(replay.Simulation):
    """Has users who do not take one kind of message from some event on."""

    name = "failing users"
    version = 1
    answers_as_of = True
    user_type = _FailingUser
    message: type = Apply
    number = 0
    once = False


@pytest.mark.parametrize("make", [InProcess, Forked])
@pytest.mark.parametrize(
    ("message", "number"),
    [(each, number) for each in (Apply, AskFriends, AskPurchases) for number in (1_501, 1_777)],
)
def test_user_that_fails_leaves_what_it_leaves_with_one_process(
    logs: Path, tmp_path: Path, make: type[Transport], message: type, number: int
) -> None:
    FailingUsers.message, FailingUsers.number = message, number
    # Of one event alone nobody is told twice.
    FailingUsers.once = message is Apply
    said = rf"^urn:user:.* failed on {message.__name__}.*: ValueError: no {message.__name__}$"
    found: list[Any] = []
    for count in (None, 3):
        out = tmp_path / f"{count}"
        with opened(logs) as both, pytest.raises(ReplayError, match=said):
            replay.run(both, out, detector=FailingUsers, shards=count and make(count))
        found.append([out.read_bytes(), Path(f"{out}.events").read_bytes()])
    assert found[0] == found[1]


class Undeclared(replay.Simulation):
    pass


class _Deciding(CoordinatorActor):
    def _decide(self) -> None:
        super()._decide()


class OwnDecisions(replay.Simulation):
    answers_as_of = True
    coordinator_type = _Deciding


@pytest.mark.parametrize(
    ("detector", "reason"),
    [
        (Undeclared, "Undeclared: expected a detector that declares answers_as_of"),
        (OwnDecisions, "OwnDecisions: expected a detector with users .* found _Deciding._decide"),
    ],
)
def test_detector_that_shards_cannot_take_is_refused_before_anything_is_written(
    logs: Path, tmp_path: Path, detector: Any, reason: str
) -> None:
    with opened(logs) as both, pytest.raises(DetectorError, match=reason):
        replay.run(both, tmp_path / OUTPUTS[0], detector=detector, shards=InProcess(2))
    assert list(tmp_path.iterdir()) == []


def test_so_is_one_with_events_of_its_own(tmp_path: Path) -> None:
    for name, content in zip(("batch", "stream"), sample(10), strict=True):
        (tmp_path / name).write_bytes(content)
    with (
        Rings.logs(tmp_path / "batch", tmp_path / "stream") as both,
        pytest.raises(DetectorError, match="rings: expected a detector of purchases"),
    ):
        replay.run(both, tmp_path / OUTPUTS[0], shards=InProcess(2))


def test_so_are_workers(logs: Path, tmp_path: Path) -> None:
    with opened(logs) as both, pytest.raises(InputError, match="expected no workers beside them"):
        replay.run(both, tmp_path / OUTPUTS[0], workers=2, shards=2)
    assert list(tmp_path.iterdir()) == []


def test_so_is_the_time_of_each_event(logs: Path, tmp_path: Path) -> None:
    class Timing(RunListener):
        times_events = True

    with opened(logs) as both, pytest.raises(InputError, match="nobody asks for the time"):
        replay.run(both, tmp_path / OUTPUTS[0], listener=Timing(), shards=InProcess(2))


def test_so_are_workers_beside_them(
    logs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    both = [str(logs / "batch_log.json"), str(logs / "stream_log.json")]
    words = ["--shards", "2", "--workers", "1", *both, str(tmp_path / OUTPUTS[0])]
    assert main(words) == 2
    assert "expected no workers beside them" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("count", [0, 5_000])
def test_number_of_shards_has_bounds(count: int) -> None:
    with pytest.raises(InputError, match="expected a number from 1 to 4096, found"):
        InProcess(count)
