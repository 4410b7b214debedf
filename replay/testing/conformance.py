"""A test that a detector passes or fails: what the engine builds on when it drives one.

`run_conformance_test` draws histories of the detector's own events, and says in words what
of it is wrong.
"""

from __future__ import annotations

import json
from contextlib import ExitStack, suppress
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.custom.messages import Ask
from actors.sink import Nowhere
from events.errors import InterruptedRunError, ReplayError
from events.store.store import EventStore
from replay.custom.history import FactTimeline
from replay.engine.detectors import answers_as_of, detector_version
from replay.engine.explore import Explorer
from replay.engine.files import STORE_SUFFIX
from replay.judging.run import run
from replay.kinds import looks_of
from replay.testing.checks import assert_answers_as_of
from replay.testing.disks import CountingDisk

if TYPE_CHECKING:
    from replay.custom.detector import Detector

_TEXTS: Final = st.text("abc", min_size=1, max_size=1) | st.text(max_size=3)
_VALUES: Final = {
    "text": _TEXTS,
    # Not up to what 64 bits hold: sums of such would be none that a verdict can say.
    "int": st.integers(0, 4) | st.integers(-(10**9), 10**9),
    "bool": st.booleans(),
}
_DAY: Final = 86_400
_SEEDS: Final = 3


class FactLog(NamedTuple):
    """A batch and a stream of a detector's own events, byte for byte."""

    batch: bytes
    """The past, with the parameters on its first line."""
    stream: bytes
    """What comes in."""


@st.composite
def fact_logs(
    draw: st.DrawFn, detector: type[Detector], parameters: Any = None, size_max: int = 12
) -> FactLog:
    """Histories of a few events of the types that ``detector`` declares; some are late.

    Args:
        draw: from Hypothesis, not given.
        detector: whose events they are.
        parameters: what it looks for, by name; by default what its type has by default.
        size_max: how many lines each log has at most.

    """
    second = draw(st.integers(0, _DAY // 2))
    logs = []
    for _ in range(2):
        lines = []
        for _ in range(draw(st.integers(0, size_max))):
            second = max(0, second + draw(st.sampled_from((0, 0, 1, 5, 40, 90, -30))))
            lines.append(draw(_line(detector, second)))
        logs.append(b"".join(lines))
    first = json.dumps({} if parameters is None else parameters).encode()
    return FactLog(first + b"\n" + logs[0], logs[1])


@st.composite
def _line(draw: st.DrawFn, detector: type[Detector], second: int) -> bytes:
    described = draw(st.sampled_from(detector.types().types))
    hour, rest = divmod(second, 3600)
    time = f"2017-06-13 {hour:02}:{rest // 60:02}:{rest % 60:02}"
    values = {field.name: draw(_VALUES[field.kind]) for field in described.fields}
    return json.dumps({"event_type": described.tag, "timestamp": time, **values}).encode() + b"\n"


def run_conformance_test(detector: type[Detector], parameters: Any = None) -> None:
    """Assert that ``detector`` is one that the engine can drive.

    It declares what it has to; each event concerns somebody; what an actor holds follows from
    its own events alone, told one by one or recovered; answering changes nothing; no order of
    delivery and no failure changes a verdict; a run that is stopped anywhere and gone on with
    gives the same files; verify finds nothing; and where it declares so, it makes no difference
    who judges which event.

    Args:
        detector: a class made of `replay.Detector`.
        parameters: what it looks for, by name, as on the first line of a batch.

    Raises:
        AssertionError: it is not; the message says in what.

    """
    try:
        detector.types()
        detector_version(detector)
    except ReplayError as error:
        raise AssertionError(str(error)) from None

    # A history is run, killed, gone on with and explored: that takes its time.
    @settings(
        deadline=None, report_multiple_bugs=False, suppress_health_check=[HealthCheck.too_slow]
    )
    @given(fact_logs(detector, parameters))
    def conforms(logs: FactLog) -> None:
        try:
            _check(detector, logs)
        except ReplayError as error:
            raise AssertionError(f"a run fails: {error}") from None

    conforms()


def _check(detector: type[Detector], logs: FactLog) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        output, store = _run(detector, logs, folder)
        with FactTimeline(store, detector) as timeline:
            _check_actors(detector, timeline)
        looks = stack.enter_context(looks_of(EventStore(store), detector))
        found = looks.verify(iter).difference
        if found is not None:
            raise AssertionError(
                f"verify finds another {found.field} after event {found.event}: "
                f"expected {found.expected}, found {found.actual}"
            )
        explorer = Explorer(looks.explored())
        for seed in range(_SEEDS):
            different = explorer.explore(seed).difference
            if different is not None:
                raise AssertionError(
                    "another order of delivery, or a restart, changes what comes out: "
                    f"{different.field} of {different.actor}: expected {different.expected}, "
                    f"found {different.actual}"
                )
        if answers_as_of(detector):
            assert_answers_as_of(store, _SEEDS, detector)
        _check_stopped(detector, logs, output.read_bytes(), store.read_bytes())


def _run(
    detector: type[Detector], logs: FactLog, folder: Path, stop_after: int | None = None
) -> tuple[Path, Path]:
    paths = folder / "batch.json", folder / "stream.json"
    for path, content in zip(paths, logs, strict=True):
        path.write_bytes(content)
    output, asked = folder / "flagged.json", 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return stop_after is not None and asked > stop_after

    with detector.logs(*paths) as opened:
        run(opened, output, should_stop=should_stop, disk=CountingDisk())
    return output, Path(f"{output}{STORE_SUFFIX}")


def _check_actors(detector: type[Detector], timeline: FactTimeline) -> None:
    """Compare what actors hold that are told with what they recover, and let them answer twice."""
    history = timeline.history
    with detector(history.parameters, Nowhere(), journal=history.journal) as told:
        told.dispatcher.observers.append(_AnswersTwice(told))
        for number in range(1, len(history) + 1):
            told.judge(history.event(number))
            told.commit()
            timeline.goto(number)
            for active in told.active:
                actor = told.user(active)
                recovered = timeline.held(actor.subject)
                if actor.held() != recovered:
                    raise AssertionError(
                        f"after event {number} the actor of {actor.subject!r} holds "
                        f"{actor.held()}, and {recovered} when it recovers: expected that begin "
                        "sets all that fold changes, and fold depends on the events alone"
                    )


class _AnswersTwice:
    """Lets each actor that is asked answer before it does, and compares."""

    def __init__(self, system: Detector) -> None:
        self._system = system

    def __call__(self, _sender: str | None, receiver: str, message: Any) -> None:
        if not isinstance(message, Ask):
            return
        for number in self._system.active:
            actor = self._system.user(number)
            if actor.actor_urn != receiver:
                continue
            before = deepcopy(actor.held())
            answers = [actor.answer(message.question) for _ in range(2)]
            if actor.held() != before:
                raise AssertionError(
                    f"answer: expected that it changes nothing, found {actor.held()} after "
                    f"event {message.number} instead of {before}"
                )
            if answers[0] != answers[1]:
                raise AssertionError(
                    f"answer: expected the same answer twice, found {answers[0]} and {answers[1]}"
                )


def _check_stopped(detector: type[Detector], logs: FactLog, output: bytes, store: bytes) -> None:
    lines = logs.stream.count(b"\n")
    for stop_after in {0, 1, lines // 2, lines}:
        with TemporaryDirectory() as folder:
            with suppress(InterruptedRunError):
                _run(detector, logs, Path(folder), stop_after)
            again = [path.read_bytes() for path in _run(detector, logs, Path(folder))]
            if again != [output, store]:
                raise AssertionError(
                    f"a run that is stopped after {stop_after} steps and gone on with gives other "
                    "files"
                )
