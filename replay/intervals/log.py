"""The observations as a log of a run: blocks of what the event store keeps of them."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Final

import msgspec

from actors.intervals.lateness import Watermark
from events.closing import Closing
from events.logs.block import Block
from events.logs.objects import Reason
from events.observations.rows import RejectedRow
from events.store.records import Lines, LogEnd, Observed, Record, Rejected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from events.observations.rows import ObservationBlock
    from events.observations.source import Observations
    from events.store.disk import Identity
    from events.store.records import Source


class ObservationLog(Closing):
    """A file or pipe of observations, of which what comes too late is rejected."""

    source: Final[Source] = "observations"
    live: Final = False
    """Whether it is read while it is written."""
    stopped: Final = False
    """Whether its reading was ended before its end."""

    def __init__(self, rows: Observations, lateness: int | None) -> None:
        """Read ``rows``.

        Args:
            rows: the observations; whoever opened them closes them.
            lateness: how late one may come, in nanoseconds; None where none is late, since
                all are put in order.

        """
        self.rows: Final = rows
        """What is read."""
        self.notify: Callable[[str], None] = lambda _: None
        """Is told of what happens to it; of a file nothing does."""
        self.advise: Callable[[str], None] = lambda _: None
        """Is told what a pipe has to begin with."""
        self._watermark = None if lateness is None else Watermark(lateness)
        # Rows that begin up to this line were read before.
        self._line = 0
        self._blocks: Iterator[ObservationBlock] = rows.blocks()

    @property
    def path(self) -> str:
        """What messages call it."""
        return self.rows.name

    @property
    def identity(self) -> Identity | None:
        """Which file it is, or None for a stream that is no file."""
        return self.rows.identity

    @property
    def bytes_read(self) -> int:
        """How far the file on the disk was read, in bytes; 0 for a pipe."""
        return self.rows.bytes_read

    @property
    def bytes_total(self) -> int:
        """The size of the file on the disk, in bytes; 0 for a pipe."""
        return self.rows.bytes_total

    def close(self) -> None:
        """Leave the observations to who opened them."""

    def peek(self) -> None:
        """Read the first rows: of what has no columns, or is none at all, no output is begun.

        Raises:
            InputError: it is such.

        """
        self._blocks = chain([*islice(self._blocks, 1)], self._blocks)

    def go_on(self, lines: int, _kept: object = None, latest: str = "") -> None:
        """Go on behind the row that begins on line ``lines``, after the time ``latest``."""
        self._line = max(lines, self._line)
        if self._watermark is not None and latest:
            self._watermark.admit((latest,))

    def blocks(self, first_number: int) -> Iterator[Block]:
        """Iterate over the rows, some at a time; the first accepted one gets ``first_number``.

        Raises:
            InputError: the file cannot be read any further, or lacks a column.

        """
        number = first_number
        for rows in self._blocks:
            firsts = [*rows.numbers[:1], *(row.number for row in rows.rejected[:1])]
            some = rows
            if any(first <= self._line for first in firsts):
                some = _after_line(some, self._line)
            if self._watermark is not None and (late := self._watermark.admit(some.times)):
                some = _without_late(some, late)
            records = _records_of(some, number)
            rejected = [record for record in records if isinstance(record, Rejected)]
            yield Block(records, len(some.times), rejected)
            number += len(some.times)

    def end(self) -> LogEnd:
        """Return the record of its end, once it was read to it."""
        return LogEnd("observations", self.rows.lines_read, self.rows.ends_with_newline)


def _after_line(block: ObservationBlock, line: int) -> ObservationBlock:
    """Return the rows of ``block`` that begin after ``line``."""
    places = [place for place, number in enumerate(block.numbers) if number > line]
    rejected = [row for row in block.rejected if row.number > line]
    return _chosen(block, places, rejected)


def _chosen(
    block: ObservationBlock, places: Sequence[int], rejected: list[RejectedRow]
) -> ObservationBlock:
    return block._replace(
        numbers=[block.numbers[place] for place in places],
        times=[block.times[place] for place in places],
        adids=[block.adids[place] for place in places],
        keys=None if block.keys is None else [block.keys[place] for place in places],
        rejected=rejected,
    )


def _without_late(block: ObservationBlock, late: dict[int, str]) -> ObservationBlock:
    """Return ``block`` with the observations at the places of ``late`` among the rejected."""
    numbers = [block.numbers[place] for place in late]
    rows = [
        RejectedRow(number, Reason.LATE, detail, line)
        for number, detail, line in zip(
            numbers, late.values(), block.source_rows(numbers), strict=True
        )
    ]
    places = [place for place in range(len(block.times)) if place not in late]
    rejected = sorted([*block.rejected, *rows], key=lambda row: row.number)
    return _chosen(block, places, rejected)


def _records_of(block: ObservationBlock, number: int) -> list[Record]:
    """Return what the event store keeps of a block, whose first observation has ``number``."""
    numbers, times, adids, keys = block.numbers, block.times, block.adids, block.keys
    if not block.rejected and numbers and numbers[-1] - numbers[0] == len(numbers) - 1:
        observed = Observed(
            number, tuple(times), tuple(adids), None if keys is None else tuple(keys)
        )
        return [Lines("observations", numbers[0]), observed]
    records: list[Record] = []
    rejected = {row.number: row for row in block.rejected}
    place_of = {line: place for place, line in enumerate(numbers)}
    run: list[int] = []

    def end_run() -> None:
        nonlocal number
        if run:
            records.append(
                Observed(
                    number,
                    tuple([times[place] for place in run]),
                    tuple([adids[place] for place in run]),
                    None if keys is None else tuple([keys[place] for place in run]),
                )
            )
            number += len(run)
            run.clear()

    following = 0
    for line in sorted([*rejected, *place_of]):
        if line != following:
            end_run()
            records.append(Lines("observations", line))
        if line in rejected:
            end_run()
            row = rejected[line]
            records.append(Rejected("observations", *msgspec.structs.astuple(row)))
        else:
            run.append(place_of[line])
        following = line + 1
    end_run()
    return records
