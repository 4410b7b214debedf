"""Branches: a history decided again with other parameters or events ("what if").

A branch is a run of its own. Its logs are the original's lines without those of
skipped events and with inserted ones; they go through the ordinary `replay.run.run`,
so nothing that decides here is written twice, and the branch has an event store that
every command can look at. The original store is only read.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from events.errors import DamagedStoreError, InputError, OutputError, PositionError, ReplayError
from events.logs.file import Log
from events.logs.objects import BYTE_ORDER_MARK, BadLineError
from events.paths import is_output_stream, path_of
from events.purchases.blocks import BlockParser
from events.purchases.event import Event, Purchase
from events.purchases.lines import parse_line
from events.purchases.parameters import Parameters, is_parameters_line
from events.store.disk import DISK, Disk, Identity, identity_of
from events.store.records import Decision, Rejected
from events.store.store import EventStore
from replay.engine.detectors import check_detector
from replay.engine.files import STORE_SUFFIX, check_outputs
from replay.engine.history import LinePlace
from replay.engine.judged import LogLine, texts_by_log
from replay.purchases.branch_files import branch_files, unnamed_log
from replay.purchases.branch_lines import Inserted, identified
from replay.purchases.logs import Logs
from replay.purchases.simulation import Simulation
from replay.run import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from events.logs.extent import Fingerprint
    from events.store.records import Source
    from replay.engine.judged import Summary
    from replay.engine.listener import RunListener
    from replay.purchases.branch_lines import Meaning
    from replay.purchases.drive import Detector
    from replay.purchases.history import History

_NAME_BYTES_MAX: Final = 255

What: TypeAlias = Literal["gained", "lost", "changed"]


class Insertion(NamedTuple):
    """A line that is to become an event."""

    line: bytes
    """The line, without a newline."""
    before: int
    """The event that it comes just before, in the same log; one more than there are: the end."""


class Edits(NamedTuple):
    """What of a history is to be otherwise on a branch."""

    degrees: int | None = None
    """D, or None to keep it."""
    tracked: int | None = None
    """T, or None to keep it."""
    skipped: Sequence[range] = ()
    """The numbers of the events to leave out, in ranges of step 1."""
    inserted: Sequence[Insertion] = ()
    """The lines to put in; those before one event keep their order."""


class Branch(NamedTuple):
    """A branch that has been decided."""

    parameters: Parameters
    """Its D and T."""
    summary: Summary
    """What its run has done, and where its outputs are."""
    originals: Sequence[int | None]
    """For each of its events the number in the original, or None where it was inserted."""
    skipped: frozenset[int]
    """The events of the original that it was not to have."""
    refused: frozenset[int]
    """Those that an earlier release accepted and that were rejected now."""
    accepted: frozenset[int]
    """Its events, inserted ones in all else, that an earlier release rejected."""
    inserted: dict[int, Inserted]
    """The inserted events, by their number on the branch."""
    decisions: dict[int, Decision]
    """All its decisions, by event number on the branch."""


class Difference(NamedTuple):
    """A purchase that is flagged otherwise on the branch."""

    what: What
    """Whether its flag was gained, was lost, or is measured otherwise."""
    original: int | None
    """Its event number in the original, or None where it was inserted."""
    branch: int | None
    """Its event number on the branch, or None where it was skipped."""
    purchase: Purchase
    """The purchase itself."""
    before: Decision | None
    """What the original recorded."""
    after: Decision | None
    """What the branch decided."""


class Comparison(NamedTuple):
    """How the flags of a branch differ from those that its original recorded."""

    flagged_before: int
    """How many purchases the original flagged."""
    flagged_after: int
    """How many the branch flags, of those that the original judged or did not have."""
    differences: list[Difference]
    """What differs, in the order of the original."""
    unjudged: int
    """How many purchases of its stream the original had not judged when it ended."""
    unjudged_flagged: int
    """How many of these the branch flags; they are no differences."""

    def count(self, what: What) -> int:
        """Return how many differences are of this kind."""
        return sum(difference.what == what for difference in self.differences)


def branch_off(
    history: History,
    flagged: str | Path,
    edits: Edits,
    *,
    overwrite: bool = False,
    listener: RunListener | None = None,
    detector: Detector = Simulation,
    disk: Disk = DISK,
) -> Branch:
    """Decide ``history`` again with ``edits``, as a run with outputs of its own.

    Nothing is written before all of ``edits`` and both outputs have been checked.

    Args:
        history: the original, whose store is only read.
        flagged: the branch's flagged file; its store is ``flagged`` with ``.events`` added.
        edits: what is to be otherwise.
        overwrite: remove the flagged file and the event store that stand there.
        listener: is told how the run goes.
        detector: makes the actor system that decides, as it did the original.
        disk: does what is done to files that are written.

    Raises:
        OtherDetectorError: another detector decided the original.
        PositionError: the history has no such event.
        ParametersError: D or T is out of bounds.
        InputError: a line to insert is rejected, or an output is one of the original's
            or cannot be made.
        OutputError: the flagged file exists, or an output cannot be written.

    """
    if is_output_stream(flagged):
        raise InputError(f"{flagged}: expected a file for the branch, found a pipe or a device")
    check_detector(history.store, detector)
    flagged = path_of(flagged, "a file for the flagged file")
    store = Path(f"{flagged}{STORE_SUFFIX}")
    recorded = history.store.parameters
    parameters = Parameters(
        recorded.degrees if edits.degrees is None else edits.degrees,
        recorded.tracked if edits.tracked is None else edits.tracked,
    )
    editor = _Editor(history, edits)
    check_outputs(_originals(history.store.path), flagged, store)
    if flagged.exists() and not overwrite:
        raise OutputError(
            f"{flagged}: expected no file, found one; name another file or give --overwrite"
        )
    texts = texts_by_log(editor.lines())
    batch, stream = _logs(history, texts)
    no_events: set[tuple[Source, int]] = set()
    with branch_files(flagged, store, disk, overwrite=overwrite) as files:
        # Also where what is skipped was the first event: its times are those of the original.
        zone = history.zone
        with Logs(batch, stream, parameters.degrees, parameters.tracked, zone=zone) as opened:
            if opened.line is not None:
                no_events.add(("batch", opened.batch.lines_read))
            summary = run(
                opened,
                files.flagged,
                store=files.store,
                listener=listener,
                detector=detector,
                disk=disk,
            )
        branch = _branch(parameters, summary, editor, texts, no_events)
        files.complete(summary)
        return branch


def _branch(
    parameters: Parameters,
    summary: Summary,
    editor: _Editor,
    texts: dict[Source, list[bytes]],
    no_events: set[tuple[Source, int]],
) -> Branch:
    """Return what a run on the ``texts`` decided, and which of its events is which."""
    store = EventStore(summary.store_path)
    decisions: dict[int, Decision] = {}
    # The decisions come after the past, whose frames are decoded for what was rejected only.
    for record in store.records(0 if summary.rejected else summary.batch_events):
        if isinstance(record, Decision):
            decisions[record.number] = record
        elif isinstance(record, Rejected):
            no_events.add((record.source, record.number))
    found = identified(editor.meanings, texts, no_events)
    if summary.events != len(found.originals):
        raise ReplayError(
            f"{store.path}: expected {len(found.originals):,} events, found {summary.events:,}; "
            "which is which cannot be told, so nothing is compared"
        )
    for number, before in found.accepted.items():
        found.inserted[number] = Inserted(next(store.events_from(number)), before)
    refused, accepted = frozenset(found.refused), frozenset(found.accepted)
    which = (found.originals, editor.skipped, refused, accepted, found.inserted)
    return Branch(parameters, summary, *which, decisions)


def compare(history: History, branch: Branch) -> Comparison:
    """Return how the flags of ``branch`` differ from those that ``history`` recorded."""
    recorded = history.recorded
    placed: list[tuple[tuple[int, bool, int], Difference]] = []
    flagged_after = unjudged_flagged = 0
    for number, after in branch.decisions.items():
        original = branch.originals[number - 1]
        before = None if original is None else recorded.get(original)
        if original is not None and before is None:
            unjudged_flagged += after.flagged
            continue
        flagged_after += after.flagged
        what = _what(before, after)
        if what is not None:
            event, place = _event_of(history, branch, number)
            difference = Difference(what, original, number, event, before, after)
            placed.append((place, difference))
    for original in (branch.skipped | branch.refused) & recorded.keys():
        before = recorded[original]
        if before.flagged:
            event = _purchase(history.event(original))
            difference = Difference("lost", original, None, event, before, None)
            placed.append(((original, True, 0), difference))
    stream = history.events[history.stream_start :] if history.stream_start is not None else []
    unjudged = sum(isinstance(event, Purchase) for event in stream) - len(recorded)
    flagged_before = sum(decision.flagged for decision in recorded.values())
    placed.sort(key=lambda each: each[0])
    differences = [difference for _, difference in placed]
    return Comparison(flagged_before, flagged_after, differences, unjudged, unjudged_flagged)


def _what(before: Decision | None, after: Decision) -> What | None:
    was_flagged = before is not None and before.flagged
    if after.flagged != was_flagged:
        return "gained" if after.flagged else "lost"
    return "changed" if was_flagged and _measures(before) != _measures(after) else None


def _measures(decision: Decision | None) -> tuple[int, int, int] | None:
    return None if decision is None else (decision.purchases, decision.mean, decision.sd)


def _event_of(
    history: History, branch: Branch, number: int
) -> tuple[Purchase, tuple[int, bool, int]]:
    """Return purchase ``number`` of the branch, and its place in the order of the original."""
    original = branch.originals[number - 1]
    if original is not None:
        return _purchase(history.event(original)), (original, True, number)
    inserted = branch.inserted[number]
    return _purchase(inserted.event), (inserted.before, False, number)


def _purchase(event: Event) -> Purchase:
    if isinstance(event, Purchase):
        return event
    raise DamagedStoreError(
        f"event {event.number}: expected a purchase, since it was decided on, found a change of a "
        "friendship; verify says more"
    )


class _Editor:
    """Applies edits to the lines of a history, and keeps which event is which.

    Raises:
        PositionError: the history has no such event.
        InputError: a line to insert is rejected.

    """

    def __init__(self, history: History, edits: Edits) -> None:
        self.history = history
        self.skipped = _skipped(history, edits.skipped)
        self._waiting = _parsed(history, edits.inserted)
        self.meanings: Final[dict[Source, list[Meaning]]] = {"batch": [], "stream": []}
        """What the lines of each log are to be."""

    def lines(self) -> Iterator[LogLine]:
        """Iterate over the lines of the branch's logs; to be called once."""
        for line, meaning in self._lines():
            self.meanings[line.place.source].append(meaning)
            yield line

    def _lines(self) -> Iterator[tuple[LogLine, Meaning]]:
        lines = self.history.log_lines()
        header = self.history.store.header.line
        if header is not None and not is_parameters_line(header.removeprefix(BYTE_ORDER_MARK)):
            # It has an event type too, and where D and T are given it would be an event.
            next(lines)
        for line in lines:
            if line.event is not None:
                yield from self._inserted_before(line.event, line.place.source)
                if line.event in self.skipped:
                    continue
            yield line, line.event
        source: Source = "batch" if self.history.stream_start is None else "stream"
        yield from self._inserted_before(len(self.history) + 1, source)

    def _inserted_before(self, before: int, source: Source) -> Iterator[tuple[LogLine, Meaning]]:
        for line, event in self._waiting.get(before, ()):
            # It has no line number yet, and needs none.
            yield LogLine(LinePlace(source, 0), None, line), Inserted(event, before)


def _skipped(history: History, ranges: Sequence[range]) -> frozenset[int]:
    last = len(history)
    for skipped in ranges:
        if not 1 <= skipped.start < skipped.stop <= last + 1:
            one = skipped.stop == skipped.start + 1
            found = skipped.start if one else f"{skipped.start}-{skipped.stop - 1}"
            raise PositionError(f"expected events to skip from 1 to {last}, found {found}")
    return frozenset[int]().union(*ranges)


def _parsed(
    history: History, insertions: Sequence[Insertion]
) -> dict[int, list[tuple[bytes, Event]]]:
    """Return the lines to insert and their events, by the event that they come before."""
    parsed: dict[int, list[tuple[bytes, Event]]] = {}
    zone = history.zone
    for line, before in insertions:
        if not 1 <= before <= len(history) + 1:
            raise PositionError(
                f"expected to insert before an event from 1 to {len(history)}, "
                f"or before {len(history) + 1} for the end, found {before}"
            )
        where = f"line to insert before event {before}"
        if b"\n" in line:
            raise InputError(f"{where}: expected one line, found a newline in it")
        try:
            event = parse_line(line, before, zone)
        except BadLineError as error:
            raise InputError(f"{where}: rejected ({error.reason}): {error.detail}") from None
        parsed.setdefault(before, []).append((line, event))
    return parsed


def _originals(store: Path) -> list[tuple[str, Identity | None]]:
    """Return the outputs of the original, which are not to be written to."""
    files = [("original's event store", identity_of(store))]
    flagged = Path(str(store).removesuffix(STORE_SUFFIX))
    if flagged != store:
        files.append(("original's flagged file", identity_of(flagged)))
    return files


def _logs(history: History, texts: dict[Source, list[bytes]]) -> list[Log]:
    """Return the branch's batch and stream, in files without a name that nobody finds."""
    header = history.store.header
    fingerprints = {"batch": header.batch, "stream": header.stream}
    logs: list[Log] = []
    for source, lines in texts.items():
        file = unnamed_log(history.log_content(source, lines), source)
        logs.append(Log(_name(fingerprints[source], source), source, BlockParser, file))
    return logs


def _name(fingerprint: Fingerprint | None, source: Source) -> str:
    """Return the name that the original's log had, if a plain file here can have it."""
    name = "" if fingerprint is None else fingerprint.name
    while name.endswith(".gz"):
        name = name.removesuffix(".gz")
    plain = name == Path(name).name and name not in {"", ".."} and "\0" not in name
    return name if plain and len(name.encode()) <= _NAME_BYTES_MAX else f"{source}.json"
