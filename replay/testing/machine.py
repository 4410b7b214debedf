"""A live run as a state machine, whatever the detector: stopped in every way, and gone on with."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, NoReturn, TypeAlias

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    precondition,
    rule,
)

from actors.dispatcher import ActorFailedError
from actors.orders import ChosenOrder
from events.store.store import EventStore
from replay.engine.failing import WHENS, Failure, Failures, PlannedError, with_failures
from replay.engine.files import STORE_SUFFIX
from replay.engine.listener import RunListener
from replay.engine.output_file import OutputFile
from replay.engine.run import Run
from replay.judging.shrink import FLAGGED
from replay.testing.checks import assert_replays
from replay.testing.disks import DiedError, DyingDisk
from replay.testing.strategies import failures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from replay.engine.drive import Inputs
    from replay.engine.listener import RunSummary

# After how many operations on its files the process dies, or at which, and how.
deaths = st.tuples(
    st.one_of(st.integers(0, 6), st.just(f"write {FLAGGED}")), st.sampled_from(WHENS)
)
_deaths_in_recovery = st.tuples(st.integers(0, 12), st.sampled_from(WHENS))


Death: TypeAlias = tuple[int | str, str]
"""After how many operations on its files, or at which, the process dies; and how."""


class Snapshot(NamedTuple):
    """A timeline of the history so far."""

    timeline: Any
    """Opened on the store as it was; what the run has appended since is not in it."""


class StopRequest:
    """Ends a live run in good order, as Ctrl-C does."""

    def __init__(self) -> None:
        """Let it run."""
        self.stopping = False
        """Whether it is to end."""

    def __call__(self) -> bool:
        """Tell whether it is to end."""
        return self.stopping

    def fileno(self) -> NoReturn:
        """Refuse: nobody waits, for a block is asked for when a line is there."""
        raise NotImplementedError("nobody waits: a block is asked for when a line is there")


class LiveMachine(RuleBasedStateMachine):
    """Drives a live run, and compares it after every step with what a subclass knows."""

    detector: ClassVar[Any]
    """The detector under test."""
    model: Any
    """What a brute-force model has seen, with the numbers `accepted` and `rejected` of lines."""

    _log: Any
    snapshots = Bundle("snapshots")

    @property
    def begun(self) -> bool:
        """Whether there is a history yet."""
        return hasattr(self, "_stream")

    # What a detector knows

    @abstractmethod
    def open(self, detector: Any) -> tuple[Inputs, RunSummary, Any]:
        """Return what is read, its summary, and the drive of ``detector``; `_stack` closes it."""

    @abstractmethod
    def tell_model(self, line: bytes) -> None:
        """Let the model take a line of the stream."""

    @abstractmethod
    def timeline(self) -> Any:
        """Return a timeline of the store."""

    @abstractmethod
    def seen_at(self, timeline: Any) -> Any:
        """Return what a timeline shows at its moment, as `_moments` has it."""

    # What happens

    def prepare(self, planned: Sequence[Failure]) -> Path:
        """Make a folder for a history with actors that fail as ``planned``, and return it."""
        self._folder = TemporaryDirectory()
        folder = Path(self._folder.name)
        self._read = 0
        self._flagged = folder / FLAGGED
        self.store = Path(f"{self._flagged}{STORE_SUFFIX}")
        self._stream: list[bytes] = []
        self._lines = b""
        self._planned = planned
        self._failures = Failures()
        self._moments: list[Any] = []
        self.running = False
        return folder

    def teardown(self) -> None:
        """Let go of all that was opened."""
        if hasattr(self, "_folder"):
            self._let_go()
            self._folder.cleanup()

    def write(self, written: list[bytes], death: Death | None) -> None:
        """Write lines of the stream at once, which are dealt with if the run is up."""
        if death is not None:
            self._let_die(*death)
        with self.stream_path.open("ab") as stream:
            stream.write(b"".join(line + b"\n" for line in written))
        for line in written:
            self._stream.append(line)
            self.tell_model(line)
        self.deal_with_lines()

    @property
    @abstractmethod
    def stream_path(self) -> Path:
        """The file that is followed."""

    @precondition(lambda self: self.running)
    @rule()
    def die(self) -> None:
        """Let the process die between two events."""
        self._let_go()

    @precondition(lambda self: self.running)
    @rule()
    def stop(self) -> None:
        """Ask the run to stop, as Ctrl-C does."""
        self._wake.stopping = True
        try:
            for _ in self._blocks:
                pass
            self.files_are_right()
        except DiedError:
            pass
        finally:
            self._let_go()

    @precondition(lambda self: not self.running)
    @rule(death=st.none() | _deaths_in_recovery)
    def start(self, death: Death | None = None) -> None:
        """Give the same command again, which goes on from the store; it may die early."""
        self.disk = DyingDisk()
        if death is not None:
            self._let_die(*death)
        self._wake = StopRequest()
        self._stack = ExitStack()
        self._plan(*self._planned)
        inputs, summary, self._drive = self.open(self._ordered())
        self.live = Run(
            inputs,
            OutputFile(self._flagged, self.disk),
            summary,
            self._drive,
            strict=False,
            listener=RunListener(),
            should_stop=bool,
            disk=self.disk,
        )
        self.running = True
        *past, self._log = inputs.logs
        try:
            if not self.live.start(self._stack, overwrite=False, resume=True):
                raise AssertionError("expected a run that goes on, found it finished")
            for log in past:
                for _ in self.live.read(log):
                    pass
        except DiedError:
            self._let_go()
            return
        self._read = self._log.lines_read
        self._blocks: Iterator[None] = self.live.read(self._log)
        self.deal_with_lines()

    @precondition(lambda self: self.running)
    @rule(failure=failures(8))
    def kill_user_soon(self, failure: Failure) -> None:
        """Let an actor fail at one of the next messages; it is to be restarted."""
        self._plan(failure)

    @precondition(lambda self: self.running)
    @rule(failure=failures(8))
    def kill_user_for_good(self, failure: Failure) -> None:
        """Let an actor fail, and again when it was restarted, which ends the run."""
        self._plan(failure._replace(times=2))

    @precondition(lambda self: self.running)
    @rule(choices=st.lists(st.integers(0, 9), min_size=1, max_size=30))
    def reorder(self, choices: list[int]) -> None:
        """Let some of the next messages overtake others."""
        self.order.extend(choices)

    @precondition(lambda self: self.store.exists())
    @rule(target=snapshots)
    def take_snapshot(self) -> Snapshot:
        """Open the history so far."""
        return Snapshot(self.timeline())

    @rule(snapshot=snapshots, part=st.floats(0, 1))
    def look_back(self, snapshot: Snapshot, part: float) -> None:
        """See that any moment of a snapshot is what it was then."""
        timeline = snapshot.timeline
        moment = round(part * len(timeline))
        timeline.goto(moment)
        if self.seen_at(timeline) != self._moments[moment]:
            raise AssertionError(f"event {moment}: another state than it had then")

    @rule(snapshot=consumes(snapshots))
    def throw_snapshot_away(self, snapshot: Snapshot) -> None:
        """Throw a snapshot away, on which nothing depends."""
        snapshot.timeline.close()

    @precondition(lambda self: self.running)
    @rule()
    def replay_store(self) -> None:
        """Play the history so far again, forward and back."""
        assert_replays(self.store, self.detector)

    # What must hold

    @invariant()
    @precondition(lambda self: getattr(self, "running", False))
    def files_are_right(self) -> None:
        """See that the output holds each line once, and the store every line that was read."""
        written = self._flagged.read_bytes()
        if written != self._lines:
            raise AssertionError(
                f"expected the flagged file to hold {self._lines!r}, found {written!r}"
            )
        store = EventStore(self.store)
        counts = (self.model.accepted, self.model.rejected)
        found = (store.events, sum(1 for _ in store.rejected()))
        if found != counts:
            raise AssertionError(
                f"expected the store to hold events and rejected lines {counts}, found {found}"
            )

    # How it is done

    def deal_with_lines(self) -> None:
        """Let the run read what has been written; where it dies, it is down afterwards."""
        try:
            while self.running and self._read < len(self._stream):
                next(self._blocks)
                self._read = self._log.lines_read
        except DiedError:
            self._let_go()
        except ActorFailedError as error:
            if not (self._for_good and isinstance(error.__cause__, PlannedError)):
                raise
            self._let_go()

    def _ordered(self) -> Callable[..., Any]:
        """Return the detector, whose actors fail as planned and whose messages overtake others."""
        detector = with_failures(self.detector, self._failures)
        self.order = order = ChosenOrder()

        class Ordered(detector):  # type: ignore[misc,valid-type]  # known only now
            decides_as = detector

            def __init__(self, setting: Any, outlet: Any, **options: Any) -> None:
                super().__init__(setting, outlet, order, **options)

        return Ordered

    def _let_die(self, operation: int | str, when: str) -> None:
        if isinstance(operation, int):
            self.disk.die_after(operation, when)
        else:
            self.disk.die_at(operation, when)

    def _plan(self, *failures: Failure) -> None:
        """Let actors fail so, and not as was planned before."""
        self._failures.plan(*failures)
        self._for_good = any(failure.times > 1 for failure in failures)

    def _let_go(self) -> None:
        """Be as a process that is gone: nothing more is done, and its files are closed."""
        if self.running:
            self.running = False
            self._stack.close()
