"""Turning blocks of a log's lines into columns of events and rejected lines.

Nearly all lines of a real log are written by the canonical templates or by some others,
and are looked at all at once. What else there is goes line by line, so that one odd line
costs only itself. What a block gives depends on nothing but the block: not on how the
lines before it were written, so that one history makes one store, resumed or not.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import msgspec
import numpy as np

from events.columns import BEFRIEND, NOBODY, PURCHASE, UNFRIEND, CodeBook, Columns
from events.event import EVENT_TYPES, Event, Purchase, kind_of, line_of, users_of
from events.fitting import NEITHER, Fitting
from events.lines import JSON_SPACE, BadLineError, Reason, read_line
from events.numbering import first_places
from events.records import Lines, Record, Rejected, Source
from events.splitting import CutLine, long_line_detail
from events.styles import CANONICAL, Style, Template, template_of
from events.ticks import tick_of
from events.words import WORD, Workspace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from events.columns import Codes
    from events.fitting import Said
    from events.splitting import WholeLines

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

# Looking at less all at once takes longer than at one line after the other.
_AT_ONCE_BYTES_MIN: Final = 1 << 14
# No chunk that is read is longer, so a longer block has a line that is mostly of something
# else; and this takes memory for some times as much.
_AT_ONCE_BYTES_MAX: Final = 1 << 22
# Likewise where more than one in so many lines is rejected or blank.
_LINES_BETWEEN: Final = 16
# So many of the lines that are not canonical are looked at to find how they are written.
_TRIED_MAX: Final = 32
T = TypeVar("T")

_KINDS: Final = {"purchase": PURCHASE, "befriend": BEFRIEND, "unfriend": UNFRIEND}
_CANONICAL: Final = {
    kind: Template(kind, text)
    for kind, text in zip(_KINDS.values(), msgspec.structs.astuple(CANONICAL), strict=True)
}


class Block(NamedTuple):
    """Some consecutive lines of a log."""

    records: list[Record]
    """What the event store keeps of them, in order: one `Columns` for each unbroken run of
    accepted lines."""
    events: int
    """How many lines were accepted."""
    rejected: list[Rejected]
    """The rejected lines among them."""


def numbered(records: Iterable[Record]) -> Iterator[tuple[int, Event | Rejected]]:
    """Iterate over the events and rejected lines of ``records``, each with its line number."""
    number = 0
    for record in records:
        if isinstance(record, Lines):
            number = record.number
        elif isinstance(record, Columns):
            yield from enumerate(record.events(), number)
            number += len(record)
        elif isinstance(record, Rejected):
            yield number, record
            number += 1


class BlockParser:
    """Turns blocks of whole lines into events, rejected lines and their positions."""

    def __init__(self, source: Source, first_number: int, line_number: int = 1) -> None:
        """Begin to number accepted events from ``first_number`` and lines from ``line_number``."""
        self.source: Final = source
        self.next_number = first_number
        self.line_number = line_number
        self._space: Final = Workspace()

    def parse(self, data: WholeLines) -> Block:
        """Return what stands in ``data``: a cut line, or whole ones that each end with a newline.

        None of the latter is longer than `events.splitting.LINE_BYTES_MAX`.
        """
        if isinstance(data, CutLine):
            return self._cut(data)
        block = None
        if _AT_ONCE_BYTES_MIN <= len(data) <= _AT_ONCE_BYTES_MAX:
            block = self._at_once(data)
        return self._one_by_one(data) if block is None else block

    def _at_once(self, data: bytes) -> Block | None:
        """Return the block of many lines, or None if few of them are written by one style."""
        fitting = Fitting(data, self._space)
        style = _style_of(fitting)
        said = fitting.said()
        lines = len(said.fits)
        odd_rows = np.flatnonzero(~said.fits).tolist()
        if 2 * len(odd_rows) > lines:
            return None
        odd = {row: self._line(fitting.line(row), row) for row in odd_rows}
        breaks = [row for row, found in odd.items() if not isinstance(found, EVENT_TYPES)]
        if len(breaks) * _LINES_BETWEEN > lines:
            return self._one_by_one(data, odd)
        rows = _Rows(said, style)
        rows.put_in({row: found for row, found in odd.items() if isinstance(found, EVENT_TYPES)})
        return self._block(self._runs(rows, breaks, odd), lines)

    def _runs(
        self, rows: _Rows, breaks: list[int], odd: Mapping[int, Event | Rejected | None]
    ) -> Iterator[tuple[int, Columns | Rejected]]:
        """Iterate over runs of accepted lines and the rejected lines between them."""
        number, start = self.next_number, 0
        for end in [*breaks, len(rows)]:
            if start < end:
                yield start, rows.columns(start, end, number)
                number += end - start
            found = odd.get(end)
            if isinstance(found, Rejected):
                yield end, found
            start = end + 1

    def _one_by_one(
        self, data: bytes, known: Mapping[int, Event | Rejected | None] | None = None
    ) -> Block:
        """Return the block of lines that are looked at one after the other.

        Args:
            data: the lines.
            known: what some of them are.

        """
        known = known or {}
        found: list[tuple[int, Columns | Rejected]] = []
        run: list[Event] = []
        number = self.next_number
        # Behind the last newline stands nothing, which ends the last run.
        lines = data.split(b"\n")
        for row, line in enumerate(lines):
            each = known[row] if row in known else self._line(line, row)
            if isinstance(each, EVENT_TYPES):
                run.append(each)
                continue
            if run:
                found.append((row - len(run), Columns.of(run).numbered_from(number)))
                number += len(run)
                run = []
            if each is not None:
                found.append((row, each))
        return self._block(found, len(lines) - 1)

    def _block(self, found: Iterable[tuple[int, Columns | Rejected]], lines: int) -> Block:
        """Return the block of what stands in some of its ``lines`` rows, and go on behind it."""
        records: list[Record] = []
        rejected: list[Rejected] = []
        events = next_row = 0
        for row, record in found:
            if row != next_row or not records:
                records.append(Lines(self.source, self.line_number + row))
            records.append(record)
            if isinstance(record, Rejected):
                rejected.append(record)
                next_row = row + 1
            else:
                events += len(record)
                next_row = row + len(record)
        self.line_number += lines
        self.next_number += events
        return Block(records, events, rejected)

    def _cut(self, line: CutLine) -> Block:
        reason, detail = Reason.LINE_TOO_LONG, long_line_detail(line.length)
        bad = Rejected(self.source, self.line_number, reason, detail, *line[:3])
        return self._block([(0, bad)], 1)

    def _line(self, line: bytes, row: int) -> Event | Rejected | None:
        """Return what ``line`` is, or None if it is blank; its event has no number yet."""
        number = self.line_number + row
        text = line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line
        if not text.strip(JSON_SPACE):
            return None
        try:
            event = read_line(text, 0)
        except BadLineError as error:
            return Rejected(self.source, number, error.reason, error.detail, line)
        return event if text is line else msgspec.structs.replace(event, line=line)


def _style_of(fitting: Fitting) -> Style | None:
    """Find out how the lines are written; return None if canonically."""
    for template in _CANONICAL.values():
        fitting.look_for(template)
    others = np.flatnonzero(fitting.kinds == NEITHER)[:_TRIED_MAX].tolist()
    found = [made for row in others if (made := template_of(fitting.line(row)))]
    texts: dict[int, str] = {}
    # Of each kind the commonest one, which comes first.
    for template, _ in Counter(found).most_common():
        if template.kind not in texts and fitting.look_for(template):
            texts[template.kind] = template.text
    if not texts:
        return None
    for kind, template in _CANONICAL.items():
        if kind not in texts and (fitting.kinds == kind).any():
            texts[kind] = template.text
    return Style(*map(texts.get, _CANONICAL))


class _Rows:
    """The accepted lines of a block, as one long run."""

    def __init__(self, said: Said, style: Style | None) -> None:
        self._said: Final = said
        self._style: Final = style
        self._finer: Final[dict[int, str]] = {}
        self._kept: Final[dict[int, bytes]] = {}
        # The users of all rows, where words cannot tell them.
        self._names: list[bytes] | None = None

    def __len__(self) -> int:
        return len(self._said.kinds)

    def put_in(self, events: Mapping[int, Event]) -> None:
        """Put in events that were read one by one, by row."""
        if not events:
            return
        kinds, ticks, amounts = self._said.kinds, self._said.ticks, self._said.amounts
        for row, event in events.items():
            kinds[row] = _KINDS[kind_of(event)]
            ticks[row], digits = tick_of(event.time)
            if digits:
                self._finer[row] = digits
            amounts[row] = event.amount if isinstance(event, Purchase) else 0
            for place, name in zip((0, 1), (*users_of(event), ""), strict=False):
                self._put_name(row, place, name.encode())
            if not self._is_written(event):
                self._kept[row] = line_of(event)

    def columns(self, start: int, end: int, number: int) -> Columns:
        """Return the rows from ``start`` up to ``end`` as events from ``number`` on."""
        names, codes = self._numbered(start, end)
        return Columns(
            number,
            names,
            self._said.kinds[start:end],
            codes[:, 0],
            codes[:, 1],
            self._said.amounts[start:end],
            self._said.ticks[start:end],
            _between(self._finer, start, end),
            _between(self._kept, start, end),
            self._style,
        )

    def _put_name(self, row: int, place: int, name: bytes) -> None:
        users = self._said.users
        size = WORD * users.shape[2]
        if self._names is None and (len(name) > size or b"\0" in name or b"\n" in name):
            self._names = users.view(f"S{size}").ravel().tolist()
        if self._names is None:
            users[row, place] = np.frombuffer(name.ljust(size, b"\0"), users.dtype)
        else:
            self._names[2 * row + place] = name

    def _is_written(self, event: Event) -> bool:
        """Tell whether columns without its line give ``event`` back."""
        if self._style is None:
            return event.line is None
        try:
            return self._style.styled(msgspec.structs.replace(event, line=None)) == event
        except ValueError:
            return False

    def _numbered(self, start: int, end: int) -> tuple[list[str], Codes]:
        """Return the users in order of first appearance, and those of each row as places."""
        codes = np.full(2 * (end - start), NOBODY, np.int32)
        if self._names is not None:
            book = CodeBook()
            some = self._names[2 * start : 2 * end]
            meant = np.array([bool(name) for name in some])
            named = [name.decode() for name in some if name]
            codes[meant] = np.fromiter(map(book.__getitem__, named), np.int32, len(named))
            return list(book), codes.reshape(-1, 2)
        users = self._said.users[start:end].reshape(2 * (end - start), -1)
        meant = users[:, 0] != 0
        users = users[meant]
        first = first_places(users)
        is_first = first == np.arange(len(first))
        codes[meant] = (np.cumsum(is_first, dtype=np.int32) - 1)[first]
        return _texts(users[is_first]), codes.reshape(-1, 2)


def _texts(names: NDArray[np.uint64]) -> list[str]:
    """Return names that were words, and have no newline: a third of the time of one by one."""
    size = WORD * names.shape[1]
    text = np.full((len(names), size + 1), ord("\n"), np.uint8)
    text[:, :size] = names.view(np.uint8).reshape(-1, size)
    return text.tobytes().translate(None, b"\0").decode().split("\n")[:-1]


def _between(values: dict[int, T], start: int, end: int) -> dict[int, T]:
    """Return those of ``values``, in order of their rows, that belong to some rows, by index."""
    rows = list(values)
    some = rows[bisect_left(rows, start) : bisect_left(rows, end)]
    return {row - start: values[row] for row in some}
