"""An actor of a key that is activated now is what it would be had it been active all along."""

from __future__ import annotations

import random
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.dispatcher import ActorFailedError
from actors.intervals.actor import IntervalActor
from actors.intervals.messages import Advance, Conclude, Extend, Observe, Settle
from actors.intervals.recall import JournalRecovery
from actors.messages import Commit, Horizon
from actors.sink import Nowhere
from events.observations.journal import ObservationJournal
from events.observations.lateness import Watermark
from events.observations.observed import Observed
from events.observations.parameters import IntervalParameters
from events.records.record import StateDigest
from events.store.store import EventStore
from events.times.timestamps import parse_timestamp
from replay.intervals import drive as interval_drive
from replay.intervals.run import Search
from replay.intervals.simulation import IntervalSimulation
from replay.intervals.timeline import IntervalTimeline
from replay.testing.disks import CountingDisk, DiedError, DyingDisk
from tests.failures import Failures
from tests.interval_runs import SMALL, Row, as_csv, rows, search

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

THRESHOLDS = [0, 1, 500_000_000, 60 * 10**9, 60 * 10**9 - 1, 10**30]
LATENESS = [0, None, 40 * 10**9, 10**13]


class Trace:
    """What is delivered, but for a message that is given once more to an actor that failed."""

    def __init__(self, simulation: IntervalSimulation) -> None:
        self.delivered: list[tuple[str | None, str, Any]] = []
        simulation.dispatcher.observers.append(self._see)

    def _see(self, sender: str | None, receiver: str, message: Any) -> None:
        if not self.delivered or self.delivered[-1][2] is not message:
            self.delivered.append((sender, receiver, message))

    def take(self) -> list[tuple[str | None, str, Any]]:
        taken = [*self.delivered]
        self.delivered.clear()
        return taken


def admitted(drawn: Sequence[Row], lateness: int | None, ends: Collection[int]) -> list[Row]:
    """Return the rows that a search takes, with canonical times, in the order of arrival."""
    rows = [(parse_timestamp(time), adid, key) for time, adid, key in drawn]
    if lateness == 0:
        return sorted(rows, key=lambda row: row[0])
    watermark = Watermark(lateness or 0)
    found: list[Row] = []
    for row in rows:
        if lateness is None or not watermark.admit(row[:1]):
            found.append(row)
            if len(found) in ends:
                watermark.close()
    return found


def state_of(simulation: IntervalSimulation) -> tuple[Any, ...]:
    """Return what the coordinator and the actors hold, but for what was found."""
    coordinator = simulation.coordinator
    gathered = coordinator.gathered
    waiting, numbers = gathered._in_order()
    latest, closed = gathered._latest, gathered._closed
    return (
        (gathered.arrived, gathered.passed, gathered.concluded, coordinator.finished),
        (coordinator.ended, coordinator.past.names[: coordinator.keys]),
        [simulation.key(number) for number in range(coordinator.keys)],
        [each % 2**64 for each in coordinator.totals],
        (waiting.times.texts(), waiting.adids.tolist(), numbers.tolist()),
        # Where none may be late, or all, nobody keeps one.
        gathered._lateness and [each and each.texts() for each in (latest, closed)],
    )


def requests_of(found: Sequence[Row], *, keyed: bool, ends: Collection[int]) -> list[list[Any]]:
    """Return what is told from outside for each observation."""
    requests: list[list[Any]] = [
        [Observe(Observed(number, (time,), (adid,), (key,) if keyed else None)), Settle(), Commit()]
        for number, (time, adid, key) in enumerate(found, 1)
    ]
    for end in ends:
        requests[end - 1].insert(1, Conclude())
    return requests


def tell(simulation: IntervalSimulation, requests: Sequence[Any]) -> None:
    for request in requests:
        simulation.coordinator.actor_ref.tell(request)
        simulation.dispatcher.run()


@pytest.mark.slow
@settings(max_examples=settings().max_examples * 2)
@given(
    rows,
    st.sampled_from(LATENESS),
    st.sampled_from(THRESHOLDS),
    st.booleans(),
    st.booleans(),
    st.sets(st.integers(1, 14), max_size=4),
    st.randoms(use_true_random=False),
)
def test_whoever_is_activated_now_is_as_those_who_stayed(  # noqa: PLR0917
    drawn: list[Row],
    lateness: int | None,
    threshold: int,
    inclusive: bool,
    keyed: bool,
    ends: set[int],
    draw: random.Random,
) -> None:
    """The same history twice: told to actors who stay, and to actors who come and go."""
    found = admitted(drawn, lateness, ends)
    # Of what is put in order first nothing comes behind an end.
    ends = {min(end, len(found)) if lateness is not None else len(found) for end in ends} - {0}
    what = IntervalParameters(
        *(threshold, inclusive, 2, lateness, "time", "adid"),
        *("address" if keyed else None, "csv", "jsonl", None),
    )
    journal = ObservationJournal(keyed=keyed)
    for number, (time, adid, key) in enumerate(found, 1):
        journal.extend(Observed(number, (time,), (adid,), (key,) if keyed else None))
    past = JournalRecovery(journal, what, ends)
    with (
        IntervalSimulation(what, Nowhere(), portions=SMALL) as staying,
        IntervalSimulation(what, Nowhere(), past=past, portions=SMALL) as coming,
        IntervalSimulation(what, Nowhere(), past=past, portions=SMALL) as visiting,
    ):
        traces = Trace(staying), Trace(coming), Trace(visiting)
        states, told = [state_of(staying)], []
        for requests in requests_of(found, keyed=keyed, ends=ends):
            tell(staying, requests)
            tell(coming, requests)
            told.append((requests, traces[0].take()))
            assert traces[1].take() == told[-1][1]
            states.append(state_of(staying))
            if draw.random() < 0.3:
                assert state_of(coming) == states[-1]
            coming.passivate(draw.sample(coming.active, draw.randint(0, len(coming.active))))
        told.append(([], []))
        for number in draw.choices(range(len(states)), k=8):
            visiting.goto(number)
            if draw.random() < 0.5:
                visiting.passivate(visiting.active)
            if draw.random() < 0.5:
                assert state_of(visiting) == states[number]
            traces[2].take()
            tell(visiting, told[number][0])
            assert traces[2].take() == told[number][1]


keys = st.sampled_from([None, "address"])
lates = st.sampled_from([None, 40 * 10**9])


def outcome(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "in.csv"}


class Passivating(IntervalSimulation):
    """Passivates some actors at random, after each block and each settling."""

    decides_as = IntervalSimulation
    draw = random.Random(0)

    def advance(self) -> None:
        super().advance()
        self.passivate(self.draw.sample(self.active, self.draw.randint(0, len(self.active))))


@pytest.mark.slow
@given(rows, lates, keys, st.integers(0, 2**32))
def test_run_with_random_passivation_writes_the_same_files(
    drawn: list[Row], lateness: int | None, key: str | None, seed: int
) -> None:
    drawn *= 3
    what = Search(60 * 10**9, lateness=lateness or 0)
    outcomes = []
    for kind in (IntervalSimulation, Passivating):
        with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
            patch.setattr(interval_drive, "IntervalSimulation", kind)
            patch.setattr(Passivating, "draw", random.Random(seed))
            (Path(name) / "in.csv").write_bytes(as_csv(drawn))
            search(Path(name) / "in.csv", Path(name) / "out.json", what, key=key)
            outcomes.append(outcome(Path(name)))
    assert outcomes[0] == outcomes[1]


whens = st.sampled_from(["before", "within", "after"])


@pytest.mark.slow
@given(rows, lates, keys, st.dictionaries(st.integers(1, 40), whens, max_size=6))
def test_failures_of_actors_change_nothing(
    drawn: list[Row], lateness: int | None, key: str | None, failures: dict[int, str]
) -> None:
    drawn *= 2
    what = Search(60 * 10**9, lateness=lateness or 0)
    outcomes = []
    for messages in ({}, failures):
        with tempfile.TemporaryDirectory() as name:
            (Path(name) / "in.csv").write_bytes(as_csv(drawn))
            with Failures(IntervalActor, messages) as failing:
                search(Path(name) / "in.csv", Path(name) / "out.json", what, key=key)
            assert failing.failed == sum(message <= failing.seen for message in messages)
            outcomes.append(outcome(Path(name)))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("handled", ["Extend", "Finish"])
def test_actor_that_fails_twice_on_a_message_ends_the_run(handled: str, tmp_path: Path) -> None:
    drawn = [(f"2020-01-01 00:00:{second:02}", "AB"[second % 2], "x") for second in range(8)]
    (tmp_path / "in.csv").write_bytes(as_csv(drawn))
    with Failures(IntervalActor, {}) as counting:
        search(tmp_path / "in.csv", tmp_path / "other.json")
    last = counting.seen if handled == "Finish" else 1
    with (
        Failures(IntervalActor, {last: "before"}, times=2),
        pytest.raises(ActorFailedError, match=f"urn:interval failed on {handled}: RuntimeError"),
    ):
        search(tmp_path / "in.csv", tmp_path / "out.json")
    search(tmp_path / "in.csv", tmp_path / "out.json")
    assert (tmp_path / "out.json").read_bytes() == (tmp_path / "other.json").read_bytes()


class Traced(IntervalSimulation):
    """Keeps what is delivered in all runs."""

    decides_as = IntervalSimulation

    traces: list[Trace]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.traces.append(Trace(self))


def told_in(trace: Trace) -> list[tuple[str | None, str, Any]]:
    """Return what was delivered, but for what says where to stand, and to look once more."""
    return [each for each in trace.delivered if not isinstance(each[2], Advance | Horizon)]


@pytest.mark.slow
@given(rows, lates, keys, st.data())
def test_run_that_goes_on_gives_the_messages_of_one_that_was_never_stopped(
    drawn: list[Row], lateness: int | None, key: str | None, data: st.DataObject
) -> None:
    drawn *= 3
    what = Search(60 * 10**9, lateness=lateness or 0)
    traces: list[Trace] = []
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(interval_drive, "IntervalSimulation", Traced)
        patch.setattr(Traced, "traces", traces, raising=False)
        source, output = Path(name) / "in.csv", Path(name) / "out.json"
        source.write_bytes(as_csv(drawn))
        disk = CountingDisk()
        search(source, Path(name) / "whole.json", what, key=key, disk=disk)
        dying = DyingDisk(data.draw(st.integers(1, len(disk.operations))), "before")
        with suppress(DiedError):
            search(source, output, what, key=key, disk=dying)
        cut = output.with_name("out.json.events")
        records = list(EventStore(cut).records()) if cut.exists() else []
        digests = [each for each in records if isinstance(each, StateDigest)]
        traces[1:] = []
        summary = search(source, output, what, key=key)
    if len(traces) > 1:
        whole, resumed = map(told_in, traces)
        assert resumed == whole[len(whole) - len(resumed) :]
        # What was settled is not told again.
        seen = sum(len(each[2].rows) for each in resumed if isinstance(each[2], Extend))
        settled = digests[-1].events - digests[-1].sums[0] if digests else 0
        assert seen == summary.observations - settled


@pytest.mark.slow
@given(rows, lates, keys, st.data())
def test_timeline_of_a_store_that_is_not_finished_is_that_of_its_observations(
    drawn: list[Row], lateness: int | None, key: str | None, data: st.DataObject
) -> None:
    what = Search(60 * 10**9, lateness=lateness or 0)
    with tempfile.TemporaryDirectory() as name:
        source, output = Path(name) / "in.csv", Path(name) / "out.json"
        source.write_bytes(as_csv(drawn))
        disk = CountingDisk()
        store = search(source, Path(name) / "whole.json", what, key=key, disk=disk).store_path
        dying = DyingDisk(data.draw(st.integers(1, len(disk.operations))), "before")
        with suppress(DiedError):
            search(source, output, what, key=key, disk=dying)
        cut = output.with_name("out.json.events")
        if not cut.exists():
            return
        with IntervalTimeline(store) as whole, IntervalTimeline(cut) as part:
            ended = part.history.ended_after
            for number in (
                data.draw(st.lists(st.integers(1, len(part)), max_size=4)) if part else ()
            ):
                traced = part.trace(number)
                if ended or number < len(whole):
                    assert traced == whole.trace(number)
