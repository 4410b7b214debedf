"""What commands and the debugger show of a store, and do with it, that its detector knows.

They ask the looks of a store (`replay.kinds`) and know no detector themselves. Whoever adds
one writes its looks, as `replay.purchases.looks` and `replay.intervals.looks` do.
"""

from __future__ import annotations

from abc import abstractmethod
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, NamedTuple, TypeVar

from events.closing import Closing
from events.errors import OtherKindError
from events.times.timestamps import in_zone
from replay.engine.detectors import detector_version, is_decided_by
from replay.engine.history import Happening
from replay.engine.references import number_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from events.records.record import Rejected, Source
    from events.store.header import Header
    from events.store.store import EventStore
    from replay.engine.branch import Branch, Branching, Rerun
    from replay.engine.console import RunWords
    from replay.engine.explore import Subject
    from replay.engine.history import LinePlace, StoredHistory
    from replay.engine.references import Reference
    from replay.engine.shrink import Shrinking
    from replay.engine.stepping import Stepping
    from replay.engine.verify import Verification
    from replay.engine.workers import Workforce

Fields = dict[str, Any]
"""What JSON tells of something, by name."""


E = TypeVar("E", bound=Happening)


class Exported(NamedTuple):
    """A log as `export` gives it back."""

    lines: int
    """How many lines or rows it has."""
    content: Callable[[Path], bytes]
    """Returns what a file of that name holds, before it is compressed."""
    fields: Fields
    """What JSON tells of it; the file comes second."""
    missing: Sequence[str]
    """What is said of what it does not hold."""


class ParameterOption(NamedTuple):
    """A parameter of a detector that `rerun` can change."""

    name: str
    """What the detector calls it."""
    flags: tuple[str, ...]
    """The option's names, the long one last."""
    help: str
    """What it is."""
    options: dict[str, Any]
    """What else argparse is told."""

    def add_to(self, group: argparse._ActionsContainer) -> None:
        """Declare the option."""
        help_text = f"{self.help} (default: the run's)"
        group.add_argument(
            *self.flags, dest=self.name, default=None, help=help_text, **self.options
        )


class LooksTools:
    """What of the debugger is a detector's own; the base class of `replay.debugger.tools.Tools`."""

    commands: ClassVar[Sequence[Any]] = ()
    """Commands that other detectors may not have."""

    def __init__(self, looks: Any) -> None:
        """Be what the debugger has for a store with these looks."""


class Looks(Closing, Generic[E]):
    """A store as its detector shows it."""

    kind: ClassVar[str]
    """What its events are, as in "a store of purchases"."""
    detectors: ClassVar[type]
    """What every detector of such stores is made of."""
    detector: Any
    """The detector by whose rule commands judge: the program's own, or one that was given."""
    sources: ClassVar[tuple[Source, ...]]
    """The logs that its histories are read from, in order."""
    types: tuple[str, ...]
    """The types of its events."""
    subject: ClassVar[str]
    """What an id names: "a user"."""
    line: ClassVar[str]
    """What of a log may be rejected: "line"."""
    exported: ClassVar[str]
    """What of a log is exported."""
    verdict: ClassVar[str]
    """What it records of an event: "decision"."""
    verdict_after: ClassVar[str] = ""
    """What is said before the number of the event of one."""
    output: ClassVar[str]
    """What is written, in errors."""
    output_file: ClassVar[str]
    """Where that goes, in errors."""
    output_line: ClassVar[str]
    """What each line of it tells."""
    tools: ClassVar[type[LooksTools]]
    """What its debugger has, which is made of looks."""
    amounts: ClassVar[frozenset[str]] = frozenset()
    """Which of its fields hold numbers as text."""
    parameter_options: ClassVar[tuple[ParameterOption, ...]] = ()
    """The parameters that it can be run again with."""

    @staticmethod
    def heading_lines(header: Header) -> int:  # noqa: ARG004
        """Return how many lines the log that is read last has before its first event."""
        return 0

    def __init__(
        self, store: EventStore, detector: Any = None, *, of_another: bool = False
    ) -> None:
        """Look at ``store``, of which no more is read than is asked for.

        Args:
            store: a store of this kind.
            detector: the detector that decides; by default the program's own.
            of_another: visit it, too, if another detector decided it, and where that can be.

        """
        self.store: Final = store
        """The store."""
        if detector is not None:
            self.detector = detector
        self.of_another: Final = of_another

    @property
    @abstractmethod
    def history(self) -> StoredHistory[E, Any]:
        """All that the store holds, read when it is first asked for."""

    @property
    @abstractmethod
    def timeline(self) -> Stepping[E, Any, Any]:
        """Its moments, made when they are first asked for."""

    def close(self) -> None:
        """Stop all actors."""
        if "timeline" in vars(self):
            self.timeline.close()

    @property
    def other(self) -> str | None:
        """Which detector decided, in words, if it is not the program's own."""
        if is_decided_by(self.store, self.detector):
            return None
        return (
            f"{self.store.detector} decided this history, and not {detector_version(self.detector)}"
        )

    @property
    @abstractmethod
    def setting(self) -> str:
        """What the run was told to look for, in words."""

    @property
    @abstractmethod
    def setting_fields(self) -> Fields:
        """The same for machines."""

    # Events

    @property
    def everyone(self) -> Collection[str]:
        """All ids of the history, also those that have not appeared yet."""
        return self.history.everyone

    def number_of(self, reference: Reference) -> int:
        """Return the number of the event that is meant.

        Raises:
            PositionError: no event is on that line of a log.

        """
        return number_of(self.history, self.sources, reference)

    @abstractmethod
    def numbers_of(self, subject: str) -> Sequence[int]:
        """Return the numbers of all events that ``subject`` is in, in order."""

    @abstractmethod
    def found(self, number: int) -> bool:
        """Tell whether the verdict on event ``number`` is what is looked for."""

    @abstractmethod
    def describe(self, event: E) -> str:
        """Return one line about an event and the verdict on it."""

    @abstractmethod
    def concerned(self, event: E) -> Sequence[str]:
        """Return whom an event concerns, by id."""

    @property
    @abstractmethod
    def field_names(self) -> Collection[str]:
        """What the fields of its events and verdicts are called, each with its place in a log."""

    def all_fields(self, number: int) -> Fields:
        """Return all that is known of event ``number`` and the verdict on it, by field."""
        event = self.history.event(number)
        place = self.history.place(number)._asdict()
        return {**place, **self.fields(event), **self.verdict_fields(number)}

    def values(self, number: int) -> dict[str, Fraction | str | bool]:
        """Return the same to be reckoned with: numbers exact, and of what is a list how many."""
        values: dict[str, Fraction | str | bool] = {}
        for name, value in self.all_fields(number).items():
            if isinstance(value, list):
                values[name] = Fraction(len(value))
            elif isinstance(value, int) and not isinstance(value, bool):
                values[name] = Fraction(value)
            elif value is not None:
                values[name] = Fraction(value) if name in self.amounts else value
        return values

    def log_lines(self, event: E) -> Iterator[str]:
        """Iterate over what `log` says of an event."""
        yield self.describe(event)

    @abstractmethod
    def fields(self, event: E) -> Fields:
        """Return what happened, for machines: its type, number and time, and more."""

    @abstractmethod
    def verdict_fields(self, number: int) -> Fields:
        """Return what the verdict on event ``number`` says, for machines."""

    def where(self, number: int) -> str:
        """Return where event ``number`` was read, in words."""
        return self.place_text(self.history.place(number))

    def place_text(self, place: LinePlace) -> str:
        """Return a place in words; of several logs it says which."""
        return (
            f"{place.source} line {place.line}" if len(self.sources) > 1 else f"line {place.line}"
        )

    def time(self, event: E) -> str:
        """Return when an event was, as it is shown."""
        return in_zone(event.time, self.store.zone)

    # Messages

    def message_fields(self, message: Any) -> Fields:
        """Return the fields of a message, with names for numbers and text for amounts."""
        return {field: getattr(message, field) for field in message.__struct_fields__}

    def value_fields(self, value: Any) -> Any:
        """Return a value of a message, or of a difference, for machines."""
        if isinstance(value, list | tuple):
            return [self.value_fields(each) for each in value]
        return value

    def part_fields(self, field: str, value: Any) -> Any:
        """Return what is called ``field`` of a verdict or a state for machines."""
        del field
        return self.value_fields(value)

    @abstractmethod
    def value_text(self, value: Any) -> str | None:
        """Return a value of a message in words, or None if it is not of this detector alone."""

    # What commands do

    def round_figures(self) -> None:
        """Let `rebuild` and `why` give figures rounded that are cut otherwise.

        Raises:
            OtherKindError: the verdicts have no such figures.

        """
        raise OtherKindError(
            f"{self.store.path}: expected a store of purchases, whose mean and sd can be rounded, "
            f"found one that {self.store.detector} decided"
        )

    @abstractmethod
    def show_why(self, number: int) -> None:
        """Print why the verdict on event ``number`` is what it is.

        Where it has to move for that, it does, and does not come back.
        """

    @abstractmethod
    def why_fields(self, number: int) -> Fields:
        """Return the same for machines."""

    @abstractmethod
    def verify(
        self,
        progress: Callable[[Sequence[int]], Iterable[int]],
        workers: int | Workforce | None = 1,
    ) -> Verification:
        """Play the history again and compare; see `replay.purchases.verify.verify`.

        Args:
            progress: passes on each moment up to which is played.
            workers: how many processes judge, or who has them; None: as many as pay. One, where
                `alone` says why.

        """

    @property
    @abstractmethod
    def alone(self) -> str:
        """Why one process judges its events alone, or nothing where none has to."""

    @property
    @abstractmethod
    def words(self) -> RunWords:
        """What its runs say of themselves."""

    branching_type: ClassVar[Callable[..., Branching[Any]]]
    """What decides a history again."""
    rerun_type: ClassVar[Callable[..., Rerun]]
    """What compares a branch with its original."""

    def branching(self) -> Branching[Any]:
        """Return what decides the history again."""
        return type(self).branching_type(self.history, self.detector)

    def rerun(self, branching: Branching[Any], branch: Branch) -> Rerun:
        """Compare a branch with its original."""
        return type(self).rerun_type(branching, branch)

    shrinking: ClassVar[type[Shrinking[Any]]]
    """What shrinks a history to what one of its verdicts needs; made of looks and a number."""

    @abstractmethod
    def explored(self) -> Subject:
        """Return what of the history is explored.

        Raises:
            OtherDetectorError: another detector decided it.

        """

    @property
    @abstractmethod
    def recorded(self) -> Any:
        """The verdicts that the run recorded, as `replay.engine.explore.Explorer` takes them."""

    @abstractmethod
    def audit(self) -> None:
        """Refuse a store with which a run would not go on; opening it has checked each record.

        What depends on the rule is compared where the program's own detector decided.

        Raises:
            DamagedStoreError: it would not.

        """

    @property
    def is_whole_file(self) -> bool:
        """Whether the output is no lines, and there only as a whole."""
        return False

    @abstractmethod
    def rebuild(self) -> tuple[int, Iterable[bytes]]:
        """Return how many lines the history wrote to its output, but titles, and all pieces."""

    @abstractmethod
    def export(self) -> dict[Source, Exported]:
        """Return the logs that the history was read from."""

    @property
    @abstractmethod
    def verdicts(self) -> int:
        """How many verdicts there are."""

    @abstractmethod
    def account(self, event: E) -> str:
        """Return an event as `diff` shows it."""

    def account_fields(self, event: E) -> Fields:
        """Return the same for machines."""
        return {**self.history.place(event.number)._asdict(), **self.fields(event)}

    @abstractmethod
    def first_verdict_other_than(self, other: Any) -> tuple[int, Any, Any] | None:
        """Compare with other looks of this kind.

        Returns:
            The number of the event of the first verdict that differs, and both verdicts; None
            for one that is not there; or None where none differs.

        """

    @abstractmethod
    def verdict_text(self, decision: Any) -> str:
        """Return a verdict in words."""


def rejected_text(rejected: Rejected) -> str:
    """Return in words why a line was rejected."""
    return f"rejected ({rejected.reason}): {rejected.detail}"
