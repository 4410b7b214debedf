"""What must hold of every history and every store, as assertions for tests.

Each takes a detector, by default the program's own: a subclass of `replay.Simulation`,
or anything that makes one of the same arguments.

The kit raises `AssertionError` by itself: an assert statement would be left out under
PYTHONOPTIMIZE, and pytest adds its expression to the message where the kit is installed.
"""

from __future__ import annotations

from contextlib import ExitStack
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from actors.orders import LaneOrder, RandomOrder
from actors.sink import Nowhere
from events.store.store import EventStore
from replay.engine.branch import Edits, branch_off
from replay.engine.explore import Draw, Explorer
from replay.engine.files import STORE_SUFFIX
from replay.judging.run import run
from replay.judging.shrink import FLAGGED
from replay.judging.timeline import JudgedTimeline
from replay.judging.workers import Share
from replay.kinds import looks_of
from replay.purchases.logs import Logs
from replay.purchases.simulation import Simulation
from replay.testing import model
from replay.testing.disks import CountingDisk
from replay.testing.peer import trace_elsewhere, traced
from replay.testing.playing import play

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from actors.dispatcher import DeliveryOrder
    from replay.engine.failing import Failure
    from replay.engine.history import StoredHistory
    from replay.engine.looks import Looks
    from replay.purchases.simulation import Detector
    from replay.testing.logged import LoggedHistory
    from replay.testing.model import Rule

# Among how many systems a stream is shared, and how many events each judges at a time at most.
_SYSTEMS: Final = (2, 3, 16)
_SHARES: Final = (1, 4, 64)
# How many moments of a history are visited in reverse.
_VISITS: Final = 5
# How many bytes of a file that differs are shown.
_SHOWN: Final = 40


def assert_agrees_with_model(
    history: LoggedHistory,
    detector: Detector = Simulation,
    rule: Rule = model.anomalous,
) -> None:
    """Assert that each decision is the brute-force model's.

    Args:
        history: what happened.
        detector: what decides.
        rule: what it is to decide by; of an amount and its window.

    """
    expected = model.verdicts(*history, rule=rule)
    decisions, lines, _ = play(history, detector)
    accepted = [each is not None for each in model.happenings(history.lines)]
    events = [*history.past, *history.new]
    if len(events) != sum(accepted):
        raise AssertionError(f"expected {sum(accepted)} lines to be accepted, found {len(events)}")
    # An event's number is its place among the accepted lines.
    numbers = [sum(accepted[: verdict.place + 1]) for verdict in expected]
    for number, verdict, decision in zip_longest(numbers, expected, decisions):
        if verdict is None or decision is None:
            raise AssertionError(f"expected {len(expected)} decisions, found {len(decisions)}")
        right = (number, verdict.flagged, len(verdict.window), verdict.mean, verdict.sd)
        fields = ("number", "flagged", "purchases", "mean_cents", "sd_cents")
        found = tuple(getattr(decision, field) for field in fields)
        if found != right:
            expectation = dict(zip(fields, right, strict=True))
            raise AssertionError(f"event {number}: expected {expectation}, found {decision}")
    written = [verdict.line.removesuffix(b"\n") for verdict in expected if verdict.flagged]
    if lines != written:
        raise AssertionError(f"expected the flagged lines {written}, found {lines}")


def assert_deterministic(
    history: LoggedHistory,
    detector: Detector = Simulation,
    hash_seeds: Sequence[str] = ("0", "1"),
) -> None:
    """Assert that ``history`` gives the same messages, decisions and files every time.

    Args:
        history: what happened.
        detector: what decides; other processes must be able to import it.
        hash_seeds: the values of PYTHONHASHSEED under which other processes play it, too.

    """
    expected = traced(history, detector)
    _assert_same_trace(expected, traced(history, detector), "the second time")
    for seed in hash_seeds:
        elsewhere = trace_elsewhere(history, detector, seed)
        _assert_same_trace(expected, elsewhere, f"under PYTHONHASHSEED={seed}")
    outputs = []
    for _ in range(2):
        with TemporaryDirectory() as folder:
            written = run_in(folder, history, detector)
            outputs.append([(path.name, path.read_bytes()) for path in written])
    for (name, one), (_, other) in zip(*outputs, strict=True):
        pairs = enumerate(zip_longest(one, other))
        same = next((place for place, (byte, found) in pairs if byte != found), None)
        if same is not None:
            raise AssertionError(
                f"{name}: the second time from byte {same} on: expected "
                f"{one[same:][:_SHOWN]!r}, found {other[same:][:_SHOWN]!r}"
            )


def _assert_same_trace(expected: list[str], found: list[str], when: str) -> None:
    for place, (one, other) in enumerate(zip_longest(expected, found), 1):
        if one != other:
            raise AssertionError(f"{when}: message {place}: expected {one}, found {other}")


def assert_same_decisions(
    history: LoggedHistory,
    orders: int | LaneOrder | Iterable[DeliveryOrder] = 10,
    detector: Detector = Simulation,
    planned: Sequence[Failure] = (),
) -> None:
    """Assert that no order of delivery, nor a user that fails, changes what comes out.

    Args:
        history: what happened.
        orders: one order, several, or how many random ones, of the seeds from 0 on. Those of
            `actors.orders` are taken from their beginning, and may be given again.
        detector: what decides.
        planned: how user actors fail in each of the orders; they are restarted.

    """
    if isinstance(orders, int):
        orders = map(RandomOrder, range(orders))
    expected = play(history, detector)
    for order in [orders] if isinstance(orders, LaneOrder) else orders:
        # An order is used up where it is delivered by.
        taken = order.anew() if isinstance(order, LaneOrder) else order
        try:
            found = play(history, detector, taken, planned=planned)
        except Exception as error:
            error.add_note(f"delivered by {order}")
            raise
        difference = expected.difference(found)
        if difference is not None:
            raise AssertionError(f"{order}: {difference}")


def assert_same_in_any_order(
    store: EventStore | str | Path, orders: int = 10, detector: Any = None
) -> None:
    """Assert that no order of delivery, nor an actor that fails, changes what a history gives.

    What the store records of it `assert_replays` compares.

    Args:
        store: the store, or where it is; of any detector.
        orders: how many orders, of the seeds from 1 on; see `replay.engine.explore`.
        detector: what decided it; by default the program's own for such stores.

    """
    opened = store if isinstance(store, EventStore) else EventStore(store)
    with looks_of(opened, detector) as looks:
        explorer = Explorer(looks.explored())
    for seed in range(1, orders + 1):
        difference = explorer.explore(seed).difference
        if difference is not None:
            raise AssertionError(f"{opened.path}: seed {seed}: {difference}")


def assert_answers_as_of(
    store: EventStore | str | Path, seeds: int = 3, detector: Any = None
) -> None:
    """Assert that it makes no difference who judges which event of a stream.

    Several actor systems, each with all events in its journal from the beginning, judge shares of
    it, of sizes and under orders of delivery that are drawn, and are only told of the rest. That
    is what a detector declares with ``answers_as_of = True``, and what workers depend on.

    Args:
        store: the store, or where it is; of a detector that judges events one by one.
        seeds: how often it is shared, with the seeds from 0 on.
        detector: what decided it; by default the program's own for such stores.

    """
    opened = store if isinstance(store, EventStore) else EventStore(store)
    with looks_of(opened, detector) as looks:
        history: Any = looks.history
        for seed in range(seeds):
            found = {each.number: each for each in _shared(history, looks.detector, seed)}
            for number, recorded in history.recorded.items():
                if found.get(number) != recorded:
                    raise AssertionError(
                        f"{opened.path}: event {number}, shared by seed {seed}: expected "
                        f"{recorded}, found {found.get(number)}; a detector that declares "
                        "answers_as_of decides by the events before alone"
                    )


def _shared(history: Any, detector: Any, seed: int) -> Iterator[Any]:
    """Iterate over the decisions on the stream of ``history``, shared as ``seed`` says."""
    draw = Draw("shares", seed)
    with ExitStack() as stack:
        judges = []
        for place in range(draw.one_of(_SYSTEMS)):
            order = RandomOrder(seed * max(_SYSTEMS) + place)
            system = detector(history.parameters, Nowhere(), order, journal=history.journal)
            stack.enter_context(system)
            system.goto(history.past_events)
            judges.append(Share(system))
        numbers = range(history.past_events + 1, len(history) + 1)
        for share in draw.cut(numbers, draw.one_of(_SHARES)):
            yield from draw.one_of(judges)((share[0], share[-1])).decisions


def assert_replays(store: EventStore | str | Path, detector: Any = None) -> None:
    """Assert that a store is whole and that its history, played again, is what it records.

    Forward and back: every verdict and digest is compared, moments visited in reverse are
    what they were, and the logs that it gives back make the same history. The store may be of
    any detector.

    Args:
        store: the store, or where it is.
        detector: what decided it; by default the program's own for such stores.

    Raises:
        StoreError: it is damaged, or no store.

    """
    opened = store if isinstance(store, EventStore) else EventStore(store)
    tail = opened.tail
    if tail is not None:
        raise AssertionError(
            f"{opened.path}: its last {tail.length} bytes are torn: {tail.fault.value}"
        )
    with looks_of(opened, detector) as looks:
        found = looks.verify(iter)
        if found.difference is not None:
            raise AssertionError(f"{opened.path}: {found.difference}")
        _assert_goes_back(looks)
        _assert_logs_make_it_again(looks, detector)


def _assert_goes_back(looks: Looks[Any]) -> None:
    timeline: Any = looks.timeline
    moments = sorted({len(timeline) * part // _VISITS for part in range(_VISITS + 1)})
    states = {}
    for moment in moments:
        timeline.goto(moment)
        states[moment] = timeline.state()
    for moment in reversed(moments):
        timeline.goto(moment)
        _assert_same_state(states[moment], timeline.state(), f"gone back to event {moment}")
        if timeline.back() is None:
            continue
        if isinstance(timeline, JudgedTimeline):
            decision, recorded = timeline.judge(), looks.recorded.get(moment)
            if recorded not in (None, decision):
                raise AssertionError(f"event {moment}: {recorded} was recorded, {decision} decided")
        while timeline.position < moment:
            timeline.deliver()
        found, when = timeline.state(), f"back and forth over event {moment}"
        _assert_same_state(states[moment], found, when)


def _assert_same_state(expected: Sequence[Any], found: Sequence[Any], when: str) -> None:
    for one, other in zip_longest(expected, found):
        if one != other:
            raise AssertionError(f"{when}: expected {one}, found {other}")


def _assert_logs_make_it_again(looks: Looks[Any], detector: Any) -> None:
    branching, history = looks.branching(), looks.history
    with TemporaryDirectory() as folder:
        # Nothing here lasts, so nothing is waited for.
        branch = branch_off(branching, Path(folder) / FLAGGED, Edits(), disk=CountingDisk())
        with looks_of(EventStore(branch.summary.store_path), detector) as again:
            pairs: list[Any] = [*zip_longest(history.events, again.history.events)]
            if not branching.left_out:
                pairs += zip_longest(*map(_rejected, (history, again.history)))
            pairs += branching.decided_again(again)
    for one, other in pairs:
        if one != other:
            raise AssertionError(f"from its own logs: expected {one}, found {other}")


def _rejected(history: StoredHistory[Any, Any]) -> list[bytes]:
    """Return the rejected lines that the store keeps."""
    return [rejected.line for _, rejected in history.rejected if not rejected.is_cut]


def run_in(
    folder: str | Path, history: LoggedHistory, detector: Detector = Simulation
) -> tuple[Path, Path]:
    """Run on the two logs of ``history`` in ``folder``; return the flagged file and the store."""
    batch, stream = history.write(folder)
    flagged = Path(folder) / FLAGGED
    with Logs(batch, stream) as logs:
        run(logs, flagged, disk=CountingDisk(), detector=detector)
    return flagged, Path(f"{flagged}{STORE_SUFFIX}")
