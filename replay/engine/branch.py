"""Branches: a history decided again with other parameters or events ("what if").

A branch is a run of its own. Its logs are the original's lines without those of
skipped events and with inserted ones; they go through the ordinary run of their detector,
so nothing that decides here is written twice, and the branch has an event store that
every command can look at. The original store is only read.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Final,
    Generic,
    Literal,
    NamedTuple,
    TypeAlias,
    TypeVar,
)

from events.disk import DISK, Disk, Identity, identity_of
from events.errors import InputError, OutputError, PositionError, ReplayError
from events.logs.objects import BadLineError
from events.paths import is_output_stream, path_of
from events.store.store import EventStore
from replay.engine.branch_files import branch_files, unnamed_log
from replay.engine.branch_lines import Inserted, identified
from replay.engine.files import STORE_SUFFIX, check_outputs
from replay.engine.history import LinePlace, LogLine, texts_by_log
from replay.terminal.standard_streams import say
from replay.terminal.tables import print_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from io import BufferedReader

    from events.logs.extent import Fingerprint
    from events.records.record import Source
    from replay.engine.branch_lines import Meaning
    from replay.engine.listener import RunListener, RunSummary
    from replay.engine.looks import Fields
    from replay.engine.workers import Workforce

_NAME_BYTES_MAX: Final = 255

What: TypeAlias = Literal["gained", "lost", "changed"]
H = TypeVar("H", bound=Any)


class Insertion(NamedTuple):
    """A line that is to become an event."""

    line: bytes
    """The line, without a newline."""
    before: int
    """The event that it comes just before, in the same log; one more than there are: the end."""


class Edits(NamedTuple):
    """What of a history is to be otherwise on a branch."""

    changed: Mapping[str, Any] = {}
    """What of its parameters, by the detector's names for them."""
    skipped: Sequence[range] = ()
    """The numbers of the events to leave out, in ranges of step 1."""
    inserted: Sequence[Insertion] = ()
    """The lines to put in; those before one event keep their order."""


class BranchLog(NamedTuple):
    """A log of a branch, in a file without a name that nobody finds."""

    name: str
    """What it is called."""
    content: BufferedReader
    """What it holds, open at its start."""


class Branch(NamedTuple):
    """A branch that has been decided."""

    setting: Any
    """Its parameters."""
    summary: RunSummary
    """What its run has done, and where its outputs are."""
    originals: Sequence[int | None]
    """For each of its events the number in the original, or None where it was inserted."""
    skipped: frozenset[int]
    """The events of the original that it was not to have."""
    refused: frozenset[int]
    """Those that an earlier release accepted and that were rejected now."""
    accepted: frozenset[int]
    """Its events, inserted ones in all else, that were rejected in the original."""
    inserted: dict[int, Inserted]
    """The inserted events, by their number on the branch."""
    dropped: int
    """How many of the lines to insert were rejected among the others."""


class Branching(ABC, Generic[H]):
    """A history that is to be decided again, and what its detector knows of that."""

    output: ClassVar[str]
    """Where its lines go, in errors: "flagged file"."""

    def __init__(self, history: H) -> None:
        """Branch off ``history``."""
        self.history: Final[H] = history
        """The original, whose store is only read."""

    @property
    @abstractmethod
    def logs(self) -> dict[Source, Fingerprint | None]:
        """What it was read from, in order; None for a pipe."""

    @property
    @abstractmethod
    def last(self) -> Source:
        """The log that its last event stands in, or would."""

    @property
    def left_out(self) -> int:
        """How many rejected lines are not read again."""
        return 0

    @abstractmethod
    def decided_again(self, branch: Any) -> Iterable[tuple[Any, Any]]:
        """Iterate over recorded verdicts and those of a ``branch`` without edits, by its looks.

        Each two have to be the same.
        """

    @abstractmethod
    def check(self) -> None:
        """Refuse a history of another detector.

        Raises:
            OtherDetectorError: another one decided it.

        """

    @abstractmethod
    def setting(self, changed: Mapping[str, Any], output: Path) -> Any:
        """Return its parameters with what is ``changed`` of them, for lines in ``output``.

        Raises:
            ReplayError: these cannot be.

        """

    @abstractmethod
    def lines(self) -> Iterator[LogLine]:
        """Iterate over the lines of its logs, in order."""

    @abstractmethod
    def parsed(self, line: bytes, before: int) -> Any:
        """Return the event of a line that is to stand before event ``before``.

        Raises:
            BadLineError: it would be rejected.

        """

    @abstractmethod
    def content(self, source: Source, texts: Sequence[bytes]) -> bytes:
        """Return what a log of these lines holds, ended as the original's."""

    def store_of(self, branch: RunSummary) -> EventStore:
        """Return the store of a branch that was run."""
        return EventStore(branch.store_path)

    @abstractmethod
    def event_at(self, store: EventStore, number: int) -> Any:
        """Return event ``number`` of the branch in ``store``."""

    @abstractmethod
    def run(
        self,
        logs: dict[Source, BranchLog],
        setting: Any,
        output: Path,
        store: Path,
        *,
        listener: RunListener | None,
        disk: Disk,
        workers: int | Workforce | None,
    ) -> tuple[RunSummary, set[tuple[Source, int]]]:
        """Run on ``logs``; return what was done, and which lines are parameters."""


class Differing(NamedTuple):
    """Something whose verdict is another on the branch."""

    what: What
    """Whether it was gained, was lost, or says something else."""
    original: int | None
    """The event's number in the original, or None where there is none."""
    branch: int | None
    """The event's number on the branch, or None where there is none."""
    about: Any
    """What the verdict is on: an event, or an interval."""
    before: Any
    """The verdict that the original recorded, or None."""
    after: Any
    """What the branch decided, or None."""


class Rerun(ABC):
    """A branch as it is told of, compared with its original."""

    columns: tuple[str, ...]
    """What of a difference stands in a table, besides what it is and where."""

    def __init__(
        self, branch: Branch, counts: tuple[int, int], differences: list[Differing]
    ) -> None:
        """Tell of ``branch``, and of what differs, in order."""
        self.branch: Final = branch
        """The branch."""
        self.counts: Final = counts
        """How much was found in the original, and on the branch."""
        self.differences: Final = differences
        """What differs, in order."""

    @property
    @abstractmethod
    def settings(self) -> tuple[str, str]:
        """The parameters of the original and of the branch, in words."""

    @abstractmethod
    def setting_fields(self) -> tuple[Fields, Fields]:
        """Return both for machines."""

    @abstractmethod
    def cells(self, difference: Differing) -> tuple[object, ...]:
        """Return what stands in the columns of a difference."""

    @abstractmethod
    def difference_fields(self, difference: Differing) -> Fields:
        """Return the same for machines."""

    @abstractmethod
    def show(self) -> None:
        """Print what differs."""

    @abstractmethod
    def fields(self) -> Fields:
        """Return what differs, for machines."""

    def say_counts(self, found: str) -> None:
        """Print how much differs; ``found`` says how much was found in the original."""
        counts = ", ".join(f"{count:,} {what}" for what, count in self._kinds().items())
        said = counts if self.differences else "no difference"
        say(f"{found} in the original, {self.counts[1]:,} in the branch: {said}")

    def show_table(self) -> None:
        """Print what differs, if anything does."""
        rows = (
            (each.what, each.original or "-", each.branch or "-", *self.cells(each))
            for each in self.differences
        )
        if self.differences:
            print_table(("what", "event#", "branch#", *self.columns), rows)

    def counted_fields(self, found: str) -> Fields:
        """Return how much was ``found`` and how much differs, for machines."""
        return {found: dict(zip(("original", "branch"), self.counts, strict=True)), **self._kinds()}

    def differences_fields(self) -> list[Fields]:
        """Return all that differs, for machines."""
        return [
            {
                "what": each.what,
                "event": each.original,
                "branch_event": each.branch,
                **self.difference_fields(each),
            }
            for each in self.differences
        ]

    def _kinds(self) -> dict[str, int]:
        """Return how many differences there are of each kind."""
        kinds: tuple[What, ...] = ("gained", "lost", "changed")
        return {kind: sum(each.what == kind for each in self.differences) for kind in kinds}


def branch_off(
    branching: Branching[Any],
    output: str | Path,
    edits: Edits,
    *,
    overwrite: bool = False,
    listener: RunListener | None = None,
    disk: Disk = DISK,
    workers: int | Workforce | None = 1,
) -> Branch:
    """Decide a history again with ``edits``, as a run with outputs of its own.

    Nothing is written before all of ``edits`` and both outputs have been checked.

    Args:
        branching: the original.
        output: where the branch's lines go; its store is that with ``.events`` added.
        edits: what is to be otherwise.
        overwrite: remove the output and the event store that stand there.
        listener: is told how the run goes.
        disk: does what is done to files that are written.
        workers: how many processes judge, as in `replay.run`.

    Raises:
        OtherDetectorError: another detector decided the original.
        PositionError: the history has no such event.
        ParametersError: a parameter is out of bounds.
        InputError: a line to insert is rejected, or an output is one of the original's
            or cannot be made.
        OutputError: the output exists, or one cannot be written.

    """
    if is_output_stream(output):
        raise InputError(f"{output}: expected a file for the branch, found a pipe or a device")
    branching.check()
    output = path_of(output, f"a file for the {branching.output}")
    store = Path(f"{output}{STORE_SUFFIX}")
    setting = branching.setting(edits.changed, output)
    editor = _Editor(branching, edits)
    original = branching.history.store.path
    check_outputs(_originals(original, branching.output), output, store, branching.output)
    if output.exists() and not overwrite:
        raise OutputError(
            f"{output}: expected no file, found one; name another file or give --overwrite"
        )
    texts = texts_by_log(editor.lines(), branching.logs)
    logs: dict[Source, BranchLog] = {}
    for source, fingerprint in branching.logs.items():
        file = unnamed_log(branching.content(source, texts[source]), source)
        logs[source] = BranchLog(_name(fingerprint, source), file)
    with branch_files(output, store, disk, overwrite=overwrite) as files:
        outputs = (files.output, files.store)
        summary, no_events = branching.run(
            logs, setting, *outputs, listener=listener, disk=disk, workers=workers
        )
        branch = _branch(setting, summary, editor, texts, no_events)
        files.complete(summary)
        return branch


def _branch(
    setting: Any,
    summary: RunSummary,
    editor: _Editor,
    texts: dict[Source, list[bytes]],
    no_events: set[tuple[Source, int]],
) -> Branch:
    """Return which event is which of a run on the ``texts``."""
    store = editor.branching.store_of(summary)
    if summary.rejected:
        no_events |= {(each.source, each.number) for each in store.rejected()}
    found = identified(editor.meanings, texts, no_events)
    if summary.events != len(found.originals):
        raise ReplayError(
            f"{store.path}: expected {len(found.originals):,} events, found {summary.events:,}; "
            "which is which cannot be told, so nothing is compared"
        )
    for number, before in found.accepted.items():
        event = editor.branching.event_at(store, number)
        found.inserted[number] = Inserted(event, before)
    refused, accepted = frozenset(found.refused), frozenset(found.accepted)
    which = (found.originals, editor.skipped, refused, accepted, found.inserted, found.dropped)
    return Branch(setting, summary, *which)


class _Editor:
    """Applies edits to the lines of a history, and keeps which event is which.

    Raises:
        PositionError: the history has no such event.
        InputError: a line to insert is rejected.

    """

    def __init__(self, branching: Branching[Any], edits: Edits) -> None:
        self.branching: Final = branching
        self._count: Final = len(branching.history)
        self.skipped: Final = _skipped(self._count, edits.skipped)
        self._waiting: Final = self._parsed(edits.inserted)
        self.meanings: Final[dict[Source, list[Meaning]]] = {each: [] for each in branching.logs}
        """What the lines of each log are to be."""

    def lines(self) -> Iterator[LogLine]:
        """Iterate over the lines of the branch's logs; to be called once."""
        for line, meaning in self._lines():
            self.meanings[line.place.source].append(meaning)
            yield line

    def _lines(self) -> Iterator[tuple[LogLine, Meaning]]:
        for line in self.branching.lines():
            if line.event is not None:
                yield from self._inserted_before(line.event, line.place.source)
                if line.event in self.skipped:
                    continue
            yield line, line.event
        yield from self._inserted_before(self._count + 1, self.branching.last)

    def _inserted_before(self, before: int, source: Source) -> Iterator[tuple[LogLine, Meaning]]:
        for line, event in self._waiting.get(before, ()):
            # It has no line number yet, and needs none.
            yield LogLine(LinePlace(source, 0), None, line), Inserted(event, before)

    def _parsed(self, insertions: Sequence[Insertion]) -> dict[int, list[tuple[bytes, Any]]]:
        """Return the lines to insert and their events, by the event that they come before."""
        parsed: dict[int, list[tuple[bytes, Any]]] = {}
        for line, before in insertions:
            if not 1 <= before <= self._count + 1:
                raise PositionError(
                    f"expected to insert before an event from 1 to {self._count}, "
                    f"or before {self._count + 1} for the end, found {before}"
                )
            where = f"line to insert before event {before}"
            if b"\n" in line:
                raise InputError(f"{where}: expected one line, found a newline in it")
            try:
                event = self.branching.parsed(line, before)
            except BadLineError as error:
                raise InputError(f"{where}: rejected ({error.reason}): {error.detail}") from None
            parsed.setdefault(before, []).append((line, event))
        return parsed


def _skipped(last: int, ranges: Sequence[range]) -> frozenset[int]:
    for skipped in ranges:
        if not 1 <= skipped.start < skipped.stop <= last + 1:
            one = skipped.stop == skipped.start + 1
            found = skipped.start if one else f"{skipped.start}-{skipped.stop - 1}"
            raise PositionError(f"expected events to skip from 1 to {last}, found {found}")
    return frozenset[int]().union(*ranges)


def _originals(store: Path, output: str) -> list[tuple[str, Identity | None]]:
    """Return the outputs of the original, which are not to be written to."""
    files = [("original's event store", identity_of(store))]
    beside = Path(str(store).removesuffix(STORE_SUFFIX))
    if beside != store:
        files.append((f"original's {output}", identity_of(beside)))
    return files


def _name(fingerprint: Fingerprint | None, source: Source) -> str:
    """Return the name that the original's log had, if a plain file here can have it."""
    name = "" if fingerprint is None else fingerprint.name
    while name.endswith(".gz"):
        name = name.removesuffix(".gz")
    plain = name == Path(name).name and name not in {"", ".."} and "\0" not in name
    return name if plain and len(name.encode()) <= _NAME_BYTES_MAX else f"{source}.json"
