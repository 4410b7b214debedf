"""What an event store holds besides events: a closed set of typed records.

Like the events they are msgpack arrays ``[tag, fields...]``; new fields come last
and have defaults, and the type of a field never changes.
"""

from __future__ import annotations

import warnings
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from events.bounds import Count, Hash, Number, Total
from events.custom.fact import Verdict
from events.journal.columns import EventColumns
from events.observations.findings import FindingColumns as FindingColumns  # noqa: PLC0414  so is
from events.observations.findings import FindingPlaces as FindingPlaces  # noqa: PLC0414
from events.observations.interval import Finding as Finding  # noqa: PLC0414  one of them
from events.observations.observed import Observed as Observed  # noqa: PLC0414  one of them
from events.purchases.amounts import cents_decimal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from decimal import Decimal

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


class Decision(msgspec.Struct, tag="decision", array_like=True, frozen=True, gc=False):
    """The verdict on one purchase of the stream (SPEC.md section 3)."""

    number: Number
    """The number of the purchase's event."""
    flagged: bool
    """Whether the purchase is anomalous."""
    purchases: Count
    """The number of purchases in the window; with fewer than 2 nothing is flagged."""
    mean_cents: Count = msgspec.field(name="mean")
    """Their mean in whole cents (1/100), cut and not rounded; 0 where there are none."""
    sd_cents: Count = msgspec.field(name="sd")
    """Their standard deviation in whole cents (1/100), cut and not rounded; 0 where none are."""

    @property
    def mean_decimal(self) -> Decimal:
        """The mean in the currency unit, as `Purchase.amount_decimal` is, cut to 2 places."""
        return cents_decimal(self.mean_cents)

    @property
    def sd_decimal(self) -> Decimal:
        """The standard deviation in the currency unit, cut to 2 places."""
        return cents_decimal(self.sd_cents)

    @property
    def mean(self) -> int:
        """The same as `mean_cents`, with a warning: amounts of events are in another unit."""
        return _of_another_unit("mean", self.mean_cents)

    @property
    def sd(self) -> int:
        """The same as `sd_cents`, with a warning: amounts of events are in another unit."""
        return _of_another_unit("sd", self.sd_cents)


def _of_another_unit(name: str, cents: int) -> int:
    """Return ``cents``, and warn whoever reads an attribute whose name does not say so."""
    warnings.warn(
        f"Decision.{name} is in cents (1/100), and Purchase.amount in 1/10,000: compare "
        f"{name}_decimal with amount_decimal; {name}_cents is the same as {name}",
        FutureWarning,
        stacklevel=3,
    )
    return cents


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


VERDICTS: Final = (Decision, Verdict)
"""The types of verdicts on single events."""

Record: TypeAlias = (
    EventColumns
    | EventRun
    | Rejected
    | Lines
    | LogEnd
    | StreamStart
    | Decision
    | Verdict
    | StateDigest
    | Written
    | Gap
    | Observed
    | Finding
    | FindingColumns
    | FindingPlaces
)
"""What a store holds: events as columns, of whatever detector."""


def events_in(records: Iterable[Record]) -> int:
    """Return how many events ``records`` hold; one record may hold several."""
    count = 0
    for record in records:
        if isinstance(record, EventColumns):
            count += len(record)
    return count


def last_line(records: Iterable[Record], before: int, source: Source | None = None) -> int:
    """Return the number of the last line that ``records`` tell of, or that there are.

    Args:
        records: what a store has of some lines.
        before: what to return where they tell of none.
        source: the log that is asked for; by default all are of one.

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
        elif counts and isinstance(record, Observed):
            line += len(record)
        elif counts and isinstance(record, Rejected):
            line += 1
    return line


def in_place(records: Iterable[Record]) -> Iterator[Any]:
    """Iterate over the records of a frame, with its events as objects where their runs are."""
    events: Iterator[Any] = iter(())
    for record in records:
        if isinstance(record, Observed):
            yield record
        elif isinstance(record, EventColumns):
            events = iter(record.events())
        elif isinstance(record, EventRun):
            yield from islice(events, record.events)
        else:
            yield record
