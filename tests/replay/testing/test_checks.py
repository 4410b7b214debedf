"""Each check of the kit holds of the program, and says what is wrong with a detector that is not.

The detectors are in `tests.detectors`, each with one fault.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings

import replay
from events.errors import DamagedStoreError, ForeignStoreError
from events.purchases.decision import Decision
from events.purchases.event import EVENT_TYPES
from events.store.writer import StoreWriter
from replay.purchases.timeline import Timeline
from replay.testing import (
    ChosenOrder,
    LoggedHistory,
    RandomOrder,
    assert_agrees_with_model,
    assert_deterministic,
    assert_replays,
    assert_same_decisions,
    decide,
    histories,
    play,
    run_in,
)
from replay.testing.disks import CountingDisk
from tests import detectors
from tests.interval_runs import as_csv, search
from tests.plain_lines import friendship, log_of, purchase
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE
from tests.replay.purchases.test_verify import rewritten

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from fractions import Fraction

    from events.purchases.event import Event
    from events.records.record import Record

ROOT = Path(replay.__file__).parents[1]

few = settings(max_examples=10)


def history(past: Sequence[bytes], new: Sequence[bytes]) -> LoggedHistory:
    return LoggedHistory(b'{"D":"1", "T":"5"}\n' + log_of(past), log_of(new))


FRIENDS = friendship("1", "2")
PAST = [FRIENDS, purchase("1", "1.00"), purchase("1", "3.00")]
# What is more than twice the mean, and not more than three deviations above it.
BETWEEN = history(PAST, [purchase("2", "4.50")])
ANOMALOUS = history(PAST, [purchase("2", "9.00")])
PARTED = history(PAST, [friendship("2", "1", "unfriend"), purchase("2", "9.00")])
# Two are judged at once where all is sent at once.
AT_ONCE = history(PAST, [purchase("2", "9.00"), purchase("1", "9.00"), purchase("2", "9.00")])
PAIRS = history([], [friendship(f"one{n}", f"other{n}") for n in range(12)])


# The program


@pytest.mark.slow
@few
@given(histories())
def test_all_checks_hold_of_the_program(given_logs: LoggedHistory) -> None:
    assert_agrees_with_model(given_logs)
    assert_same_decisions(given_logs, orders=2)
    assert_deterministic(given_logs)
    with tempfile.TemporaryDirectory() as folder:
        _, store = run_in(folder, given_logs)
        assert_replays(store)


def twice(amount: Fraction, window: Sequence[Fraction]) -> bool:
    return len(window) > 1 and amount * len(window) > 2 * sum(window)


@few
@given(histories())
def test_all_checks_hold_of_another_detector_with_its_rule(given_logs: LoggedHistory) -> None:
    assert_agrees_with_model(given_logs, detectors.Twice, twice)
    assert_same_decisions(given_logs, 2, detectors.Twice)
    assert_deterministic(given_logs, detectors.Twice)
    with tempfile.TemporaryDirectory() as folder:
        _, store = run_in(folder, given_logs, detectors.Twice)
        assert_replays(store, detectors.Twice)


# The model


def test_another_rule_than_the_models_is_told() -> None:
    assert_agrees_with_model(ANOMALOUS, detectors.Twice)
    message = (
        r"^event 4: expected \{'number': 4, 'flagged': False, 'purchases': 2, 'mean_cents': 200, "
        r"'sd_cents': 100\}, found Decision\(number=4, flagged=True, purchases=2, mean_cents=200, "
        r"sd_cents=100\)$"
    )
    with pytest.raises(AssertionError, match=message):
        assert_agrees_with_model(BETWEEN, detectors.Twice)
    with pytest.raises(AssertionError, match=r"^event 4: expected .*'flagged': True"):
        assert_agrees_with_model(BETWEEN, rule=twice)


def test_lost_unfriend_is_told() -> None:
    assert_agrees_with_model(ANOMALOUS, detectors.Loyal)
    with pytest.raises(AssertionError, match=r"event 5: expected .*'purchases': 0.*purchases=2"):
        assert_agrees_with_model(PARTED, detectors.Loyal)


def test_missing_decision_is_told() -> None:
    with pytest.raises(AssertionError, match=r"^expected 1 decisions, found 0$"):
        assert_agrees_with_model(ANOMALOUS, detectors.Deaf)


def test_flagged_line_that_is_another_is_told() -> None:
    assert_agrees_with_model(BETWEEN, detectors.Scribbling)
    with pytest.raises(AssertionError, match=r"^expected the flagged lines .*, found .*lost"):
        assert_agrees_with_model(ANOMALOUS, detectors.Scribbling)


def test_line_that_the_program_alone_accepts_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replay.testing.model.read", lambda _: None)
    with pytest.raises(AssertionError, match=r"^expected 0 lines to be accepted, found 4$"):
        assert_agrees_with_model(ANOMALOUS)


# Determinism


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (1, r"^the second time: message \d+: expected urn:coordinator > urn:sink: Judged .*true"),
        (2, r"^the second time: message \d+: expected urn:coordinator > urn:sink: Judged .*false"),
        (3, r"^flagged\.json: the second time from byte 0 on: expected b'\{.*, found b''$"),
        (4, r"^flagged\.json: the second time from byte 0 on: expected b'', found b'\{"),
    ],
)
def test_state_that_is_kept_between_runs_is_told(run: int, message: str) -> None:
    detectors.Remembering.flag_in_run(run)
    with pytest.raises(AssertionError, match=message):
        assert_deterministic(ANOMALOUS, detectors.Remembering, hash_seeds=())


def test_state_of_another_process_is_another() -> None:
    detectors.Remembering.flag_in_run(0)
    assert_deterministic(ANOMALOUS, detectors.Remembering)


def test_order_of_a_set_of_strings_shows_under_other_hash_seeds_only() -> None:
    assert_deterministic(PAIRS, detectors.Unordered, hash_seeds=())
    message = (
        r"^under PYTHONHASHSEED=[01]: message \d+: "
        r"expected urn:coordinator > urn:user:(one|other)\d+: Apply .*, found urn:coordinator > "
    )
    with pytest.raises(AssertionError, match=message):
        assert_deterministic(PAIRS, detectors.Unordered)


def test_detector_that_no_other_process_can_import_is_refused() -> None:
    class Local(replay.Simulation):
        """Defined in a function."""

    message = (
        r"^expected a detector that another process can import, found "
        r"tests\.replay\.testing\.test_checks:"
        r"test_detector.*<locals>\.Local; define it at the top of a module, or give hash_seeds=\(\)"
    )
    with pytest.raises(ValueError, match=message):
        assert_deterministic(ANOMALOUS, Local)
    assert_deterministic(ANOMALOUS, Local, hash_seeds=())


@pytest.mark.parametrize(
    ("module", "name", "found"),
    [
        ("__main__", "Local", "__main__:Local;"),
        ("no.such", "Local", "no.such:Local, on which it has ModuleNotFoundError: No module"),
        ("tests.detectors", "Lost", "tests.detectors:Lost, on which it has AttributeError: "),
    ],
)
def test_detector_that_is_not_where_it_says_is_refused(module: str, name: str, found: str) -> None:
    lost: Any = type(name, (replay.Simulation,), {"__module__": module, "__qualname__": name})
    with pytest.raises(ValueError, match=f"another process can import, found {re.escape(found)}"):
        assert_deterministic(ANOMALOUS, lost)


def test_error_in_the_other_process_is_told_and_it_goes_on() -> None:
    message = r"^under PYTHONHASHSEED=411: ZeroDivisionError: no rule$"
    for _ in range(2):
        with pytest.raises(AssertionError, match=message):
            assert_deterministic(ANOMALOUS, detectors.BrokenElsewhere, ["411"])
    assert_deterministic(ANOMALOUS, hash_seeds=["411"])


@pytest.mark.slow
def test_other_process_that_ends_is_told_and_started_again() -> None:
    message = r"^under PYTHONHASHSEED=412: the process ended with exit status 7$"
    for _ in range(2):
        with pytest.raises(AssertionError, match=message):
            assert_deterministic(ANOMALOUS, detectors.BrokenElsewhere, ["412"])
    assert_deterministic(ANOMALOUS, hash_seeds=["412"])


SCRIPT = """
from replay.testing import assert_deterministic, peer
from tests import detectors
from tests.replay.testing.test_checks import ANOMALOUS
assert_deterministic(ANOMALOUS, detectors.BrokenElsewhere, ["413", "5"])
from pathlib import Path
children = Path("/proc/self/task").glob("*/children")
print(*[child for each in children for child in each.read_text().split()])
raise SystemExit(3)
"""


EVERY_CHECK = """
import sys
from hypothesis import settings
from replay.testing import *
from tests import detectors
from tests.replay.testing.test_checks import ANOMALOUS
checks = [
    lambda: assert_agrees_with_model(ANOMALOUS, detectors.Deaf),
    lambda: assert_agrees_with_model(ANOMALOUS, detectors.Scribbling),
    lambda: assert_deterministic(ANOMALOUS, detectors.BrokenElsewhere, ["411"]),
    lambda: assert_replays(sys.argv[1]),
]
for check in checks:
    try:
        check()
    except AssertionError as error:
        print(error)
assert_agrees_with_model(ANOMALOUS)
assert_replays(sys.argv[2], detectors.Twice)
LiveRunTestCase.settings = settings(max_examples=3, deadline=None)
LiveRunTestCase().runTest()
"""


@pytest.mark.slow
def test_checks_say_the_same_where_python_leaves_asserts_out(tmp_path: Path) -> None:
    def raised(record: Record | Event) -> Record | Event:
        changed = msgspec.structs.replace
        return (
            changed(record, mean_cents=record.mean_cents + 1)
            if isinstance(record, Decision)
            else record
        )

    _, store = run_in(tmp_path, BETWEEN, detectors.Twice)
    (tmp_path / "other").mkdir()
    wrong = altered(stored(ANOMALOUS, tmp_path / "other"), raised)
    said = [
        subprocess.run(
            [sys.executable, "-c", EVERY_CHECK, wrong, store],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONOPTIMIZE": optimize},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for optimize in ("", "1")
    ]
    assert said[0] == said[1]
    assert len(said[1].splitlines()) == 4, said[1]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="lists processes by /proc")
def test_other_processes_end_with_the_process_and_keep_to_standard_error() -> None:
    finished = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.stderr == "a detector prints\n"
    assert finished.returncode == 3
    children = finished.stdout.split()
    assert len(children) == 2
    assert [child for child in children if Path("/proc", child).exists()] == []


# Orders


def test_judging_while_judging_is_told_with_the_order() -> None:
    assert_agrees_with_model(AT_ONCE, detectors.Impatient)
    with pytest.raises((AssertionError, replay.ReplayError)) as raised:
        assert_same_decisions(AT_ONCE, 10, detectors.Impatient)
    told = [str(raised.value), *getattr(raised.value, "__notes__", [])]
    assert re.search(r"RandomOrder\(\d\)", "\n".join(told))


def test_difference_under_an_order_is_told_with_the_order() -> None:
    paid = [purchase("1", "1.00"), purchase("3", "1.00")]
    two = history([FRIENDS, friendship("3", "2"), *paid], [purchase("2", "9.00")])
    assert_same_decisions(two, ChosenOrder(), detectors.Partial)
    message = (
        r"^RandomOrder\(\d\): decisions\[0\]: expected Decision\(number=5, flagged=False, "
        r".*\), found Decision\(number=5, flagged=True, "
    )
    with pytest.raises(AssertionError, match=message):
        assert_same_decisions(two, 10, detectors.Partial)


def test_orders_are_one_or_several_or_a_number() -> None:
    played: list[str] = []

    class Noting(replay.Simulation):
        """Notes by what order it is delivered."""

        def __init__(self, parameters: Any, outlet: Any, order: Any, **options: Any) -> None:
            played.append(repr(order))
            super().__init__(parameters, outlet, order, **options)

    assert_same_decisions(ANOMALOUS, 3, Noting)
    assert_same_decisions(ANOMALOUS, RandomOrder(9), Noting)
    assert_same_decisions(ANOMALOUS, [ChosenOrder([1]), RandomOrder(4)], Noting)
    assert [order for order in played if order != "None"] == [
        "RandomOrder(0)",
        "RandomOrder(1)",
        "RandomOrder(2)",
        "RandomOrder(9)",
        "ChosenOrder([1])",
        "RandomOrder(4)",
    ]


def test_orders_can_be_given_again() -> None:
    traces: list[list[str]] = []

    class Traced(replay.Simulation):
        """Keeps what is delivered."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            trace: list[str] = []
            traces.append(trace)
            self.dispatcher.observers.append(lambda *delivery: trace.append(str(delivery)))

    orders = [ChosenOrder([2, 1, 2, 1, 1]), RandomOrder(3)]
    assert_same_decisions(AT_ONCE, orders, Traced)
    assert_same_decisions(AT_ONCE, orders, Traced)
    assert traces[:3] == traces[3:]
    assert traces[0] != traces[1]


def test_play_and_decide_take_an_order_and_a_trace() -> None:
    trace: list[str] = []
    outcome = play(ANOMALOUS, order=ChosenOrder([1]), trace=trace)
    assert outcome == play(ANOMALOUS)
    assert decide(ANOMALOUS) == outcome.decisions
    assert trace[0] == 'None > urn:coordinator: Horizon ["horizon",3]'
    assert trace[-1] == 'urn:coordinator > urn:sink: Commit ["commit"]'


# Stores


def stored(given_logs: LoggedHistory, folder: Path) -> Path:
    _, store = run_in(folder, given_logs)
    return store


def test_store_of_an_unfinished_run_replays(tmp_path: Path) -> None:
    store = replay.EventStore(stored(AT_ONCE, tmp_path))
    frames = list(store.frames())
    for kept in range(len(frames)):
        path = tmp_path / f"{kept}.events"
        with StoreWriter.create(path, store.header) as writer:
            for frame in frames[:kept]:
                writer.append(frame.records, frame.events)
        assert_replays(path)
        assert_replays(str(path))


def test_any_changed_byte_is_told(tmp_path: Path) -> None:
    path = stored(ANOMALOUS, tmp_path)
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises((replay.StoreError, AssertionError), match=re.escape(str(path))):
            assert_replays(path)


def test_torn_tail_is_told(tmp_path: Path) -> None:
    path = stored(ANOMALOUS, tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    with pytest.raises(
        AssertionError, match=r"events: its last \d+ bytes are torn: the frame is cut"
    ):
        assert_replays(path)


def altered(path: Path, change: Callable[[Record | Event], Record | Event | None]) -> Path:
    """Return a store like that at ``path``, whole and well-formed, of other records."""
    changed = path.with_name("altered.events")
    rewritten(replay.EventStore(path), changed, lambda _, record: change(record))
    return changed


def test_altered_decision_is_told(tmp_path: Path) -> None:
    def unflag(record: Record | Event) -> Record | Event:
        if isinstance(record, Decision):
            return msgspec.structs.replace(record, mean_cents=record.mean_cents + 1)
        return record

    path = altered(stored(ANOMALOUS, tmp_path), unflag)
    message = (
        r"altered\.events: Difference\(event=4, actor='urn:coordinator', field='mean', "
        r"expected=201, actual=200\)$"
    )
    with pytest.raises(AssertionError, match=message):
        assert_replays(path)


def test_lost_event_is_told(tmp_path: Path) -> None:
    def lose(record: Record | Event) -> Record | Event | None:
        return None if isinstance(record, EVENT_TYPES) and record.number == 2 else record

    with pytest.raises((AssertionError, replay.StoreError), match=r"altered\.events: "):
        assert_replays(altered(stored(ANOMALOUS, tmp_path), lose))


def test_store_of_another_detector_is_told(tmp_path: Path) -> None:
    _, store = run_in(tmp_path, BETWEEN, detectors.Twice)
    assert_replays(store, detectors.Twice)
    message = r"expected a history that 'purchases' \(version 1\) decided, found one of 'Twice' "
    with pytest.raises(replay.OtherDetectorError, match=message):
        assert_replays(store)


def test_users_who_forget_going_back_are_told(tmp_path: Path) -> None:
    _, store = run_in(tmp_path, ANOMALOUS, detectors.Forgetful)
    message = (
        r"^back and forth over event 3: expected UserState\(user='1', .*number=2, .*number=3, .*, "
        r"found UserState\(user='1', friends=\('2',\), purchases=\(Purchase\([^(]*number=3, [^(]*$"
    )
    with pytest.raises(AssertionError, match=message):
        assert_replays(store, detectors.Forgetful)


class Careless(Timeline):
    """Goes back, and leaves the friendships as they are."""

    def _stand(self, position: int) -> None:
        back = position < self.position
        friends = {user: self.friends(user) for user in self._simulation.active} if back else {}
        super()._stand(position)
        for user, kept in friends.items():
            if user < self._simulation.users:
                self._simulation.user(user).friends = kept


def test_timeline_that_goes_back_wrong_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = stored(PARTED, tmp_path)
    assert_replays(store)
    monkeypatch.setattr("replay.purchases.looks.PurchaseLooks.timeline_type", Careless)
    message = r"^gone back to event 3: expected UserState\(.*friends=\('2',\).*friends=\(\)"
    with pytest.raises(AssertionError, match=message):
        assert_replays(store)


class Forgiving(Timeline):
    """Goes back right, and judges otherwise then."""

    def back(self) -> Event | None:
        """Go back, and flag nothing from now on."""
        self._simulation.coordinator.flags = lambda *_: False  # type: ignore[method-assign]
        return super().back()


def test_timeline_that_judges_otherwise_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = stored(ANOMALOUS, tmp_path)
    monkeypatch.setattr("replay.purchases.looks.PurchaseLooks.timeline_type", Forgiving)
    message = r"^event 4: Decision\(.*flagged=True.*\) was recorded, Decision\(.*flagged=False"
    with pytest.raises(AssertionError, match=message):
        assert_replays(store)


def test_logs_that_make_another_history_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = stored(ANOMALOUS, tmp_path)
    monkeypatch.setattr("replay.purchases.branch.line_of", lambda _: FRIENDS.strip(), raising=False)
    monkeypatch.setattr("replay.purchases.history.line_of", lambda _: FRIENDS.strip())
    with pytest.raises(AssertionError, match=r"^from its own logs: expected "):
        assert_replays(store)


def test_what_is_no_store_is_told(tmp_path: Path) -> None:
    path = tmp_path / "some.events"
    path.write_bytes(SPEC_EXAMPLE.batch)
    with pytest.raises(ForeignStoreError, match=r"some\.events: "):
        assert_replays(path)


def test_store_of_intervals_is_whole_and_replays_or_not(tmp_path: Path) -> None:
    rows = [(f"2020-01-01 00:00:0{n}", "ABC"[n % 3], "x") for n in range(6)]
    log = tmp_path / "observations.csv"
    log.write_bytes(as_csv(rows))
    path = search(log, tmp_path / "found.json", disk=CountingDisk()).store_path
    assert_replays(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    with pytest.raises(AssertionError, match=r"its last \d+ bytes are torn: the frame is cut"):
        assert_replays(path)
    path.write_bytes(whole.replace(b"A", b"B", 1))
    with pytest.raises(DamagedStoreError, match=re.escape(str(path))):
        assert_replays(path)
