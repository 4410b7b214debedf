"""A live run as a state machine: driven line by line, stopped in every way, and compared.

Hypothesis writes the lines of a stream that is followed, lets the process die at any
operation on a file, restarts it from the store, kills user actors, delivers messages in
odd orders, and looks back into the history; after every step all that the run holds and
has written is compared with the brute-force model.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, ClassVar, NamedTuple, NoReturn, TypeAlias

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
)

from actors.dispatcher import ActorFailedError
from actors.orders import ChosenOrder
from events.purchases.amounts import UNITS_PER_ONE
from events.store.store import EventStore
from replay.engine.failing import WHENS, Failure, Failures, PlannedError, with_failures
from replay.engine.files import STORE_SUFFIX
from replay.engine.judged import Summary
from replay.engine.judged_shrink import FLAGGED
from replay.engine.output_file import OutputFile
from replay.engine.run import Run
from replay.purchases.drive import PurchaseDrive
from replay.purchases.logs import Logs
from replay.purchases.simulation import Simulation
from replay.purchases.summary import Listener
from replay.purchases.timeline import Timeline
from replay.testing import model
from replay.testing.checks import assert_replays
from replay.testing.disks import DiedError, DyingDisk
from replay.testing.logged import LoggedHistory
from replay.testing.strategies import USERS, failures, lines, parameters

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from fractions import Fraction

    from actors.sink import Outlet
    from events.purchases.event import Purchase
    from events.purchases.parameters import Parameters

# Small, so that histories of a few lines have digests in between.
_DIGEST_EVENTS = 4
# Few users: what happens to one soon matters to another.
_lines = lines(USERS[:3])
# What is flagged has a way of its own to the disk, so much of it is.
_bought = (
    '{{"event_type":"purchase", "timestamp":"2017-06-13 11:33:00", "id": "{}", "amount": "{}"}}'
)
_spikes = st.builds(
    _bought.format,
    st.sampled_from(USERS[:3]),
    st.sampled_from(["90.00", "800.00", "7000.00", "60000.00"]),
).map(str.encode)
# A past in which everyone knows everyone, and has bought something.
_acquainted = [
    *(
        b'{"event_type":"befriend", "timestamp":"2017-06-13 11:33:00", "id1": "%d", "id2": "%d"}'
        % two
        for two in ((1, 2), (2, 3), (1, 3))
    ),
    *(_bought.format(user, "1.00").encode() for user in USERS[:3]),
]
# After how many operations on its files the process dies, or at which, and how.
_deaths = st.tuples(
    st.one_of(st.integers(0, 6), st.just(f"write {FLAGGED}")), st.sampled_from(WHENS)
)
_deaths_in_recovery = st.tuples(st.integers(0, 12), st.sampled_from(WHENS))


Death: TypeAlias = tuple[int | str, str]
"""After how many operations on its files, or at which, the process dies; and how."""


class Known(NamedTuple):
    """What is known of a user at one moment."""

    user: str
    """The user's id."""
    friends: frozenset[str]
    """The ids of its friends."""
    amounts: tuple[int, ...]
    """What it has paid, in order of time and arrival, in units of 1/10,000."""


class Snapshot(NamedTuple):
    """A timeline of the history so far."""

    timeline: Timeline
    """Opened on the store as it was; what the run has appended since is not in it."""


class _Wake:
    """Ends a live run in good order, as Ctrl-C does."""

    def __init__(self) -> None:
        self.stopping = False

    def __call__(self) -> bool:
        return self.stopping

    def fileno(self) -> NoReturn:
        raise NotImplementedError("nobody waits: a block is asked for when a line is there")


class LiveRun(RuleBasedStateMachine):
    """Drives a live run and compares it with the model after every step.

    For a detector of your own, subclass it, name the detector, override `anomalous`, and
    add rules and invariants where you like; `LiveRun.TestCase` is what a test runner runs.
    """

    detector: ClassVar[type[Simulation]] = Simulation
    """What decides."""

    snapshots = Bundle("snapshots")

    def anomalous(self, amount: Fraction, window: Sequence[Fraction]) -> bool:
        """Tell what ``detector`` is to decide; by default SPEC.md section 3."""
        return model.anomalous(amount, window)

    @property
    def begun(self) -> bool:
        """Whether there is a history yet."""
        return hasattr(self, "_stream")

    @property
    def history(self) -> LoggedHistory:
        """What has happened so far, as two logs."""
        return LoggedHistory(self._batch, b"".join(line + b"\n" for line in self._stream))

    @initialize(
        drawn=parameters(),
        past=st.lists(_lines, max_size=12) | st.just(_acquainted),
        planned=st.lists(failures(), max_size=6),
    )
    def begin(self, drawn: Parameters, past: list[bytes], planned: list[Failure]) -> None:
        """Start a run on a past of a few lines, with users that fail now and then."""
        self._folder = TemporaryDirectory()
        self._read = 0
        self._flagged = Path(self._folder.name) / FLAGGED
        self.store = Path(f"{self._flagged}{STORE_SUFFIX}")
        first = f'{{"D":"{drawn.degrees}", "T":"{drawn.tracked}"}}'.encode()
        self._batch = b"".join(line + b"\n" for line in [first, *past])
        self._stream: list[bytes] = []
        self._paths = self.history.write(self._folder.name)
        self.model = model.Model(drawn.degrees, drawn.tracked, self.anomalous)
        self._moments = [self._known()]
        self._lines = b""
        self._planned = planned
        self._failures = Failures()
        for line in past:
            self._tell_model(line, judged=False)
        self.running = False
        self.start()

    def teardown(self) -> None:
        """Let go of all that was opened."""
        if hasattr(self, "_folder"):
            self._let_go()
            self._folder.cleanup()

    # What happens

    @rule(written=st.lists(_lines | _spikes, min_size=1, max_size=6), death=st.none() | _deaths)
    def write_lines(self, written: list[bytes], death: Death | None = None) -> None:
        """Write lines of the stream at once, which are dealt with if the run is up."""
        if death is not None:
            self._let_die(*death)
        with self._paths[1].open("ab") as stream:
            stream.write(b"".join(line + b"\n" for line in written))
        for line in written:
            self._stream.append(line)
            self._tell_model(line, judged=True)
        self.deal_with_lines()

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
        self._wake = _Wake()
        self._stack = ExitStack()
        self._plan(*self._planned)
        detector = with_failures(self.detector, self._failures)
        self.order = order = ChosenOrder()

        class Ordered(detector):  # type: ignore[misc,valid-type]  # known only now
            decides_as = detector

            def __init__(self, setting: Parameters, outlet: Outlet, *, attesting: bool) -> None:
                super().__init__(setting, outlet, order, attesting=attesting)

        logs = self._stack.enter_context(Logs(*self._paths, follow=True, wake=self._wake))
        summary, listener = Summary(self._flagged, self.store), Listener()
        self._drive = PurchaseDrive(
            logs, summary, Ordered, listener, bool, digest_events=_DIGEST_EVENTS
        )
        self.live = Run(
            logs,
            OutputFile(self._flagged, self.disk),
            summary,
            self._drive,
            strict=False,
            listener=listener,
            should_stop=bool,
            disk=self.disk,
        )
        self.running = True
        try:
            if not self.live.start(self._stack, overwrite=False, resume=True):
                raise AssertionError("expected a run that goes on, found it finished")
            for _ in self.live.read(logs.batch):
                pass
        except DiedError:
            self._let_go()
            return
        self._logs = logs
        self._read = logs.stream.lines_read
        self._blocks: Iterator[None] = self.live.read(logs.stream)
        self.deal_with_lines()

    @precondition(lambda self: self.running)
    @rule(failure=failures(8))
    def kill_user_soon(self, failure: Failure) -> None:
        """Let a user actor fail at one of the next messages; it is to be restarted."""
        self._plan(failure)

    @precondition(lambda self: self.running)
    @rule(failure=failures(8))
    def kill_user_for_good(self, failure: Failure) -> None:
        """Let a user actor fail, and again when it was restarted, which ends the run."""
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
        return Snapshot(Timeline(self.store, self.detector))

    @rule(snapshot=snapshots, part=st.floats(0, 1))
    def look_back(self, snapshot: Snapshot, part: float) -> None:
        """See that any moment of a snapshot is what it was then."""
        timeline = snapshot.timeline
        moment = round(part * len(timeline))
        timeline.goto(moment)
        found = [
            Known(state.user, frozenset(state.friends), _paid(state.purchases))
            for state in timeline.state()
        ]
        if found != self._moments[moment]:
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
        """See that the flagged file holds each flagged line once, and the store every line."""
        written = self._flagged.read_bytes()
        if written != self._lines:
            raise AssertionError(
                f"expected the flagged file to hold {self._lines!r}, found {written!r}"
            )
        store = EventStore(self.store)
        found = (store.events, sum(1 for _ in store.rejected()))
        expected = (self.model.accepted, self.model.rejected)
        if found != expected:
            raise AssertionError(
                f"expected the store to hold events and rejected lines {expected}, found {found}"
            )

    @invariant()
    @precondition(lambda self: getattr(self, "running", False))
    def state_is_right(self) -> None:
        """See that every user has the friends and the purchases that the model says."""
        simulation = self._drive.simulation
        names = simulation.journal.names[: simulation.users]
        actors = [simulation.user(number) for number in range(len(names))]
        found = [
            Known(
                name, frozenset(names[friend] for friend in actor.friends), _paid(actor.purchases)
            )
            for name, actor in zip(names, actors, strict=True)
        ]
        if found != self._moments[-1]:
            raise AssertionError(f"expected {self._moments[-1]}, found {found}")

    # How it is done

    def deal_with_lines(self) -> None:
        """Let the run read what has been written; where it dies, it is down afterwards."""
        try:
            while self.running and self._read < len(self._stream):
                next(self._blocks)
                self._read = self._logs.stream.lines_read
        except DiedError:
            self._let_go()
        except ActorFailedError as error:
            if not (self._for_good and isinstance(error.__cause__, PlannedError)):
                raise
            self._let_go()

    def _let_die(self, operation: int | str, when: str) -> None:
        if isinstance(operation, int):
            self.disk.die_after(operation, when)
        else:
            self.disk.die_at(operation, when)

    def _plan(self, *failures: Failure) -> None:
        """Let users fail so, and not as was planned before."""
        self._failures.plan(*failures)
        self._for_good = any(failure.times > 1 for failure in failures)

    def _let_go(self) -> None:
        """Be as a process that is gone: nothing more is done, and its files are closed."""
        if self.running:
            self.running = False
            self._stack.close()

    def _tell_model(self, line: bytes, *, judged: bool) -> None:
        if not line.strip(model.SPACE):
            return
        accepted = self.model.accepted
        verdict = self.model.take(line, judged=judged)
        if verdict is not None:
            self._lines += verdict.line
        if self.model.accepted > accepted:
            self._moments.append(self._known())

    def _known(self) -> list[Known]:
        told = self.model
        return [
            Known(
                user,
                frozenset(told.friends(user)),
                tuple(int(amount * UNITS_PER_ONE) for amount in told.amounts(user)),
            )
            for user in told.users
        ]


def _paid(purchases: Sequence[Purchase]) -> tuple[int, ...]:
    return tuple(purchase.amount for purchase in purchases)
