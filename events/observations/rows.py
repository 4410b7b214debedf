"""The rows of a file of observations: those that are accepted, and those that are rejected."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from events.errors import shown
from events.journal.ticks import time_of, times_of
from events.logs.objects import JSON_SPACE, TIME_REASONS, BadLineError, Reason
from events.logs.splitting import long_line_detail
from events.observations.bytewise import coded, ends_in_order
from events.observations.observed import Coded, Observation, Observed
from events.times.columns import Cells, iso_times_in, times_in_texts
from events.times.epoch import counts_in, parse_count
from events.times.timestamps import parse_any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.logs.splitting import CutLine
    from events.times.columns import TimeColumn
    from events.times.epoch import TimeUnit
    from events.times.timestamps import Timestamp, Zone


class RejectedRow(msgspec.Struct, tag="rejected-row", array_like=True, frozen=True, gc=False):
    """A row that is no observation."""

    number: int
    """The line of its file on which it begins, from 1."""
    reason: str
    """Which rule it breaks: one of `Reason`."""
    detail: str
    """What was expected and what was found."""
    line: bytes
    """The row, byte for byte, without the newline at its end, or the beginning of a long one."""
    length: int | None = None
    """How many bytes a line has that is not kept whole; see `events.records.record.Rejected`."""
    sha256: bytes | None = None


class ColumnNames(NamedTuple):
    """What the columns of the observations are called."""

    time: str = "time"
    adid: str = "adid"
    key: str | None = None
    """The column of the key, if there is one."""

    def names(self) -> tuple[str, ...]:
        """Return the names of those there are."""
        return tuple(name for name in self if name is not None)


class ObservationBlock(NamedTuple):
    """Some consecutive rows of a file: the observations as columns, and the rejected rows."""

    numbers: Sequence[int]
    """The line on which each observation begins."""
    observed: Observed
    """The observations, numbered from 0."""
    rejected: list[RejectedRow]
    text: str | bytes = b""
    """The rows as they stand in the file, and any blank lines between; whole lines."""
    first: int = 1
    """The line on which that begins."""

    def source_rows(self, numbers: Sequence[int]) -> list[bytes]:
        """Return the rows that begin on the lines ``numbers``, without the newline at their end."""
        text = self.text
        # Bytes that are no UTF-8 are kept in text in the way of `events.observations.csvrows`.
        data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
        lines = data.split(b"\n")
        begins = [*self.numbers, *(row.number for row in self.rejected), self.first + len(lines)]
        following = dict(pairwise(sorted(begins)))
        found = []
        for number in numbers:
            own = lines[number - self.first : following[number] - self.first]
            while not own[-1].strip(JSON_SPACE):
                # A blank line behind it.
                own.pop()
            found.append(b"\n".join(own))
        return found

    def observations(self) -> list[Observation]:
        """Return the observations one by one; the columns alone take less time."""
        found = self.observed
        columns = (found.times, self.numbers, found.adids)
        return list(map(Observation, *columns, *(() if found.keys is None else (found.keys,))))


def times_in_cells(cells: Cells, unit: TimeUnit | None) -> TimeColumn | None:
    """Return what cells say as times, or None where it takes a look at each to tell.

    Args:
        cells: the times.
        unit: of what they are numbers since 1970; None for texts of any form.

    """
    return iso_times_in(cells) if unit is None else counts_in(cells, unit)


def column_of(texts: Sequence[str], unit: TimeUnit | None) -> TimeColumn | None:
    """Return what `times_in_cells` does of texts."""
    if unit is None:
        return times_in_texts(texts)
    cells = Cells.of(texts)
    return None if cells is None else counts_in(cells, unit)


def ends_or_all(column: TimeColumn) -> Sequence[str]:
    """Return times, or only the first and the last of such as are in order."""
    ticks, finer, _ = column
    if finer or not len(ticks) or (ticks[1:] < ticks[:-1]).any():
        return times_of(ticks, finer) if len(ticks) else ()
    return time_of(int(ticks[0])), time_of(int(ticks[-1]))


def order_told_by(cells: Cells, unit: TimeUnit | None) -> Sequence[str] | None:
    """Return what `ends_or_all` does of what cells say as times, or None as `times_in_cells`."""
    if unit is None and (ends := ends_in_order(cells)):
        return ends
    column = times_in_cells(cells, unit)
    return None if column is None else ends_or_all(column)


def observed_in_cells(cells: Sequence[Cells], unit: TimeUnit | None) -> Observed | None:
    """Return what `observed_at_once` does of columns of cells, in a block that may not be UTF-8.

    Args:
        cells: the times, the ids and, if there are any, the keys.
        unit: of what the times are numbers since 1970; None for texts of any form.

    """
    times, *others = cells
    column = times_in_cells(times, unit)
    if column is None:
        return None
    try:
        if not times.data.isascii():
            times.data.decode()
        names = list(map(coded, others))
    except UnicodeDecodeError:
        return None
    return _observed(column, *names)


def observed_at_once(
    column: TimeColumn | None, adids: list[str], keys: list[str] | None = None
) -> Observed | None:
    """Return what rows say, numbered from 0, or None where it takes a look at each to tell."""
    if column is None:
        return None
    return _observed(column, Coded.of(adids), None if keys is None else Coded.of(keys))


def _observed(column: TimeColumn, adids: Coded, keys: Coded | None = None) -> Observed | None:
    if "" in adids.names or (keys is not None and "" in keys.names):
        return None
    return Observed.of(0, column.ticks, column.finer, adids, keys, zone=column.zone)


_CACHED_LENGTH_MAX: Final = 64
_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_parse_cached = lru_cache(1 << 14)(parse_any)


def checked_time(text: str, name: str, unit: TimeUnit | None) -> Timestamp:
    """Return what one time says from the column ``name``.

    Args:
        text: the time.
        name: of the column.
        unit: of what it is a number since 1970; None for a text of any form.

    Raises:
        BadLineError: it is none.

    """
    try:
        if unit is not None:
            return parse_count(text, unit)
        return (_parse_cached if len(text) <= _CACHED_LENGTH_MAX else parse_any)(text)
    except tuple(TIME_REASONS) as error:
        detail = f"{shown_name(name)}: {error}{unit_hint(text) if unit is None else ''}"
        raise BadLineError(TIME_REASONS[type(error)], detail) from None


def unit_hint(text: str) -> str:
    """Return what a message says where a number stands for a time and no unit is known."""
    is_number = _NUMBER.fullmatch(text) is not None
    return "; --time-unit says what numbers since 1970 count" if is_number else ""


def checked_id(text: str, name: str) -> str:
    """Return the id, or the key, that stands in the column ``name``.

    Raises:
        BadLineError: it is empty.

    """
    if not text:
        raise BadLineError(
            Reason.ID_EMPTY, f"{shown_name(name)}: expected an id, found an empty string"
        )
    return text


def shown_name(name: str) -> str:
    """Return the name of a column as messages begin with it: bare if it is a plain word."""
    return name if name.isidentifier() and name.isascii() else shown(name)


class BlockBuilder:
    """A block in the making, row by row."""

    def __init__(self, columns: ColumnNames, zone: Zone | None = None) -> None:
        """Begin with no rows; their times are of ``zone``, or where that is None of the first's."""
        self.zone = zone
        """Whether times have an offset; None where there are none."""
        self._name: Final = columns.time
        self._numbers: list[int] = []
        self._times: list[str] = []
        self._adids: list[str] = []
        self._keys: list[str] | None = None if columns.key is None else []
        self._rejected: list[RejectedRow] = []

    def accept(self, number: int, time: Timestamp, written: str, names: Sequence[str]) -> None:
        """Add an observation.

        Args:
            number: the line on which it begins.
            time: when it was.
            written: how that stands there.
            names: its id, and its key where there are keys.

        Raises:
            BadLineError: the time is of another zone than those before.

        """
        if self.zone not in {None, time.zone}:
            expected = "without" if self.zone == "none" else "with"
            raise BadLineError(
                Reason.TIMESTAMP_ZONE,
                f"{shown_name(self._name)}: expected a time {expected} an offset, as the first "
                f"observation has, found {shown(written)}",
            )
        self.zone = time.zone
        self._numbers.append(number)
        self._times.append(time.time)
        self._adids.append(names[0])
        if self._keys is not None:
            self._keys.append(names[1])

    def reject(self, number: int, error: BadLineError, line: bytes) -> None:
        """Add a row that is none."""
        self._rejected.append(RejectedRow(number, error.reason, error.detail, line))

    def cut(self, number: int, line: CutLine) -> None:
        """Add a row that is none, being too long."""
        detail = long_line_detail(line.length, line.most)
        self._rejected.append(RejectedRow(number, Reason.LINE_TOO_LONG, detail, *line[:3]))

    def block(self, text: str | bytes = b"", first: int = 1) -> ObservationBlock:
        """Return the block, read from ``text``, which begins on line ``first``."""
        observed = Observed(0, self._times, self._adids, self._keys, zone=self.zone)
        return ObservationBlock(self._numbers, observed, self._rejected, text, first)
