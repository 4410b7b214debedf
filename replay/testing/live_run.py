"""A live run as a state machine: driven line by line, stopped in every way, and compared.

Hypothesis writes the lines of a stream that is followed, lets the process die at any
operation on a file, restarts it from the store, kills user actors, delivers messages in
odd orders, and looks back into the history; after every step all that the run holds and
has written is compared with the brute-force model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from events.logs.file import Portions
from events.purchases.amounts import UNITS_PER_ONE
from replay.engine.listener import RunListener
from replay.judging.drive import JudgingDrive
from replay.judging.history import Summary
from replay.purchases.logs import Logs
from replay.purchases.simulation import Simulation
from replay.purchases.timeline import Timeline
from replay.testing import model
from replay.testing.logged import LoggedHistory
from replay.testing.machine import Death, LiveMachine, deaths
from replay.testing.strategies import USERS, failures, lines, parameters

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction
    from pathlib import Path

    from events.purchases.event import Purchase
    from events.purchases.parameters import Parameters
    from replay.engine.failing import Failure

# Small, so that histories of a few lines have digests in between.
_PORTIONS = Portions(digest_events=4)
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


class Known(NamedTuple):
    """What is known of a user at one moment."""

    user: str
    """The user's id."""
    friends: frozenset[str]
    """The ids of its friends."""
    amounts: tuple[int, ...]
    """What it has paid, in order of time and arrival, in units of 1/10,000."""


class LiveRun(LiveMachine):
    """Drives a live run and compares it with the model after every step.

    For a detector of your own, subclass it, name the detector, override `anomalous`, and
    add rules and invariants where you like; `LiveRun.TestCase` is what a test runner runs.
    """

    detector: ClassVar[type[Simulation]] = Simulation
    """What decides."""

    def anomalous(self, amount: Fraction, window: Sequence[Fraction]) -> bool:
        """Tell what ``detector`` is to decide; by default SPEC.md section 3."""
        return model.anomalous(amount, window)

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
        folder = self.prepare(planned)
        first = f'{{"D":"{drawn.degrees}", "T":"{drawn.tracked}"}}'.encode()
        self._batch = b"".join(line + b"\n" for line in [first, *past])
        self._paths = self.history.write(folder)
        self.model = model.Model(drawn.degrees, drawn.tracked, self.anomalous)
        self._moments = [self._known()]
        for line in past:
            self._take(line, judged=False)
        self.start()

    @rule(written=st.lists(_lines | _spikes, min_size=1, max_size=6), death=st.none() | deaths)
    def write_lines(self, written: list[bytes], death: Death | None = None) -> None:
        """Write lines of the stream at once, which are dealt with if the run is up."""
        self.write(written, death)

    # What must hold

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

    @property
    def stream_path(self) -> Path:
        return self._paths[1]

    @property
    def counts(self) -> tuple[int, int]:
        return self.model.accepted, self.model.rejected

    def open(self, detector: Any) -> tuple[Logs, Summary, JudgingDrive]:
        logs = self._stack.enter_context(
            Logs(*self._paths, follow=True, wake=self._wake, portions=_PORTIONS)
        )
        summary = Summary(self._flagged, self.store)
        return logs, summary, JudgingDrive(logs, summary, detector, RunListener(), bool)

    def timeline(self) -> Timeline:
        return Timeline(self.store, self.detector)

    def seen_at(self, timeline: Timeline) -> list[Known]:
        return [
            Known(state.user, frozenset(state.friends), _paid(state.purchases))
            for state in timeline.state()
        ]

    def tell_model(self, line: bytes) -> None:
        """Let the model take a line of the stream."""
        self._take(line, judged=True)

    def _take(self, line: bytes, *, judged: bool) -> None:
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
