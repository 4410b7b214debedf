"""The rows of observations that a store has, compared with a file that may still hold them.

A store keeps what a row says, and not how it is written, so what is compared are times, ids
and keys, in their lines; of rejected rows, which are kept as they are, every byte. A file
that was written anew with the same values, say with other spaces or quotes, or with other
values in columns that were not asked for, is taken for the one that was read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias, TypeGuard

from events.disk import read_at
from events.logs.growing import COMPARED_BYTES
from events.logs.live import Compared
from events.logs.objects import Reason
from events.logs.splitting import LineSplitter
from events.observations.observed import Observed
from events.records.record import Lines, Rejected

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from events.logs.splitting import WholeLines
    from events.observations.parser import RowFormat
    from events.records.record import Record
    from events.store.store import EventStore

_READ_BYTES: Final = 1 << 16


class _Values(NamedTuple):
    """What an observation says."""

    time: str
    adid: str
    key: str


def _values_of(observed: Observed) -> Iterator[_Values]:
    keys = observed.keys or ("",) * len(observed)
    return map(_Values, observed.times, observed.adids, keys)


_Bad: TypeAlias = tuple[bytes, "bytes | None"]
"""A rejected row: what is kept of it, and the hash of all of it if that is not all."""


class _Row(NamedTuple):
    """A row and the line on which it begins."""

    line: int
    says: _Values | _Bad


class KeptObservations:
    """The rows of the file that was read last, as a store has them."""

    def __init__(self, store: EventStore, frame: int | None, form: RowFormat) -> None:
        """Look for them in ``store``.

        Args:
            store: the store.
            frame: the number of the frame in which they begin, from 0; None for no rows.
            form: how the rows of the file are written.

        """
        self._store: Final = store
        self._frame: Final = frame
        self._form: Final = form

    def compare(self, descriptor: int, start: int = 0) -> Compared:
        """Compare them with the file that is open as ``descriptor``, from byte ``start`` on.

        Raises:
            InputError: it lacks a column.
            OSError: it cannot be read.

        """
        file = _Rows(descriptor, start, self._form, self._store)
        found = iter(file)
        lines, same, ended = 0, True, False
        for kept in self._kept():
            row = next(found, None)
            if row != kept:
                same, ended = False, row is None
                break
            lines = row.line
        else:
            # The last row ends where the next one begins, or the lines that were read do.
            row = next(found, None)
            lines = max(lines, row.line - 1 if row is not None else file.lines_read)
        offset, lacks_newline = _behind(descriptor, start, lines)
        before = max(start, offset - COMPARED_BYTES)
        text = read_at(descriptor, before, offset - before)
        return Compared(same, lines, offset, ended, lacks_newline, text)

    def _kept(self) -> Iterator[_Row]:
        if self._frame is None:
            return
        for _, records, _ in self._store.frames_from(self._frame):
            line = 0
            late = iter(self._said([each for each in records if _is_late(each)]))
            for record in records:
                if isinstance(record, Lines):
                    line = record.number
                elif isinstance(record, Observed):
                    for values in _values_of(record):
                        yield _Row(line, values)
                        line += 1
                elif isinstance(record, Rejected):
                    said = next(late) if _is_late(record) else None
                    yield _Row(line, said or (record.line, record.sha256))
                    line += 1

    def _said(self, late: Sequence[Rejected]) -> list[_Values | None]:
        """Return what each of some rows says that were rejected for being late alone."""
        rows = self._form.rows(1, self._store.zone)
        text = b"".join(each.line + b"\n" for each in late)
        found: list[_Values | None] = [*_values_of(rows.parse(text, last=True).observed)]
        if len(found) == len(late):
            return found
        # One that cannot be read by itself, as behind an open quote, has taken others with it.
        return [value for each in late for value in self._said([each])] if late[1:] else [None]


def _is_late(record: Record) -> TypeGuard[Rejected]:
    return isinstance(record, Rejected) and record.reason == Reason.LATE


class _Rows:
    """The rows of a file, in their order."""

    def __init__(self, descriptor: int, start: int, form: RowFormat, store: EventStore) -> None:
        self._descriptor: Final = descriptor
        self._at = start
        self._rows: Final = form.rows(zone=store.zone)
        self._newline = True
        self._most: Final = store.header.portions.line_bytes

    @property
    def lines_read(self) -> int:
        """How many lines were read that end with a newline, and in which no row is open."""
        return self._rows.lines_read - (not self._newline)

    def __iter__(self) -> Iterator[_Row]:
        splitter = LineSplitter(self._most)
        while chunk := read_at(self._descriptor, self._at, _READ_BYTES):
            self._at += len(chunk)
            for piece in splitter.feed(chunk):
                yield from self._parsed(piece, last=False)
        # What may be the beginning of a line or of a row.
        for piece in splitter.end():
            self._newline = False
            yield from self._parsed(piece + b"\n" if isinstance(piece, bytes) else piece, last=True)

    def _parsed(self, piece: WholeLines, *, last: bool) -> list[_Row]:
        block = self._rows.parse(piece, last=last)
        rows = list(map(_Row, block.numbers, _values_of(block.observed)))
        rows += [_Row(row.number, (row.line, row.sha256)) for row in block.rejected]
        return sorted(rows, key=lambda row: row.line) if block.rejected else rows


def _behind(descriptor: int, start: int, lines: int) -> tuple[int, bool]:
    """Return where the line begins behind so many, and whether the last of them has no newline."""
    at = start
    while lines:
        chunk = read_at(descriptor, at, _READ_BYTES)
        if not chunk:
            return at, True
        count = chunk.count(b"\n")
        if count >= lines:
            return at + len(chunk) - len(chunk.split(b"\n", lines)[-1]), False
        lines -= count
        at += len(chunk)
    return at, False
