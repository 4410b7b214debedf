"""What an event store holds besides events, whatever the detector: typed records.

Like the events they are msgpack arrays ``[tag, fields...]``; new fields come last
and have defaults, and the type of a field never changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta

from events.bounds import Count, Hash, Number, Total
from events.journal.columns import EventColumns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Source: TypeAlias = Literal["batch", "stream", "observations"]
"""A log of the purchases' detector, or the one file of the intervals'."""


class EventRun(msgspec.Struct, tag="run", array_like=True, frozen=True, gc=False):
    """Here stand the next events of the frame, each a line.

    The events themselves are one `EventColumns` at the beginning of the frame: an operation on
    a column takes some microseconds however short it is, and where each tenth line of a log
    is rejected a frame has hundreds of runs.
    """

    events: Annotated[int, Meta(ge=1, le=2**32 - 1)]
    """How many."""


class Lines(msgspec.Struct, tag="lines", array_like=True, frozen=True, gc=False):
    """The events and rejected lines after this record are consecutive lines of a log.

    One stands before all runs and rejected lines of a frame, so that a frame can be
    understood by itself; blank lines make for another.
    """

    source: Source
    """Which log."""
    number: Number
    """The line number of the next event or rejected line, from 1."""


class Rejected(msgspec.Struct, tag="rejected", array_like=True, frozen=True, gc=False):
    """A line that breaks the rules of SPEC.md section 2, or a row that is no observation."""

    source: Source
    """The log."""
    number: Number
    """The line's number in the log, from 1."""
    reason: str
    """The rule that is broken, such as ``amount-sign``."""
    detail: str
    """The explanation: what was expected and what was found."""
    line: bytes
    """The line, byte for byte, without its newline; of a line that is too long the beginning."""
    length: Count | None = None
    """The length in bytes of a line that is too long; else None."""
    sha256: Hash | None = None
    """The SHA-256 of a line that is too long, 32 bytes; else None."""

    @property
    def is_cut(self) -> bool:
        """Whether ``line`` is only the beginning of the line."""
        return self.length is not None


class LogEnd(msgspec.Struct, tag="end", array_like=True, frozen=True, gc=False):
    """A log was read to its end."""

    source: Source
    lines: Count
    """How many lines it has, blank ones included."""
    newline: bool
    """Whether its last line ends with a newline."""


class StreamStart(msgspec.Struct, tag="stream", array_like=True, frozen=True, gc=False):
    """The batch is complete; every purchase from here on is judged."""

    events: Count
    """How many events came before."""


class StateDigest(msgspec.Struct, tag="digest", array_like=True, frozen=True, gc=False):
    """What the state of all users adds up to at one moment, for comparison with a replay."""

    events: Count
    """The moment: after how many events."""
    chain: Hash
    """The hash by which this record's frame refers to the frame before it, 32 bytes."""
    subjects: Count
    """How many users, or keys, have appeared."""
    sums: tuple[Total, ...]
    """Sums over their purchases and friends: see `actors.purchases.digest.Sums`."""


class Gap(msgspec.Struct, tag="gap", array_like=True, frozen=True, gc=False):
    """Something was lost here; only stores that were saved from damage hold one."""

    events: Count
    """How many events, as far as is known; those behind are numbered as if they had not been."""
    size: Count
    """How many bytes."""


class Written(msgspec.Struct, tag="written", array_like=True, frozen=True, gc=False):
    """The output file held so much of this history, and it was on the disk."""

    size: Count
    """How many bytes of its lines, from where this history's begin."""


Record: TypeAlias = EventColumns | msgspec.Struct | Sequence[Any]
"""What a store holds: events as columns, the records above, verdicts of detectors, and what they
find, as columns."""


def events_in(records: Iterable[Record]) -> int:
    """Return how many events ``records`` hold; one record may hold several."""
    return sum(len(record) for record in records if isinstance(record, EventColumns))


def last_line(records: Iterable[Record], before: int, source: Source | None = None) -> int:
    """Return the number of the last line that ``records`` tell of, of one log or the only one.

    It is ``before`` where they tell of none.
    """
    line, counts = before, source is None
    for record in records:
        if isinstance(record, Lines):
            counts = source in (None, record.source)
            line = record.number - 1 if counts else line
        elif isinstance(record, LogEnd):
            line = record.lines if source in (None, record.source) else line
        elif counts and isinstance(record, EventRun):
            line += record.events
        elif counts and isinstance(record, EventColumns) and not record.has_runs:
            line += len(record)
        elif counts and isinstance(record, Rejected):
            line += 1
    return line


def in_place(records: Iterable[Record]) -> Iterator[Any]:
    """Iterate over the records of a frame, with its events as objects where their runs are."""
    events: Iterator[Any] = iter(())
    for record in records:
        if isinstance(record, EventColumns) and record.has_runs:
            events = iter(record.events())
        elif isinstance(record, EventRun):
            yield from islice(events, record.events)
        else:
            yield record
