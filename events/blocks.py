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

from events.columns import BEFRIEND, NOBODY, PURCHASE, UNFRIEND, Columns
from events.event import EVENT_TYPES, Event, Purchase, kind_of, line_of, users_of
from events.fitting import NEITHER, Fitting
from events.lines import JSON_SPACE, BadLineError, Reason, read_line
from events.records import Lines, Record, Rejected, Source
from events.splitting import CutLine, long_line_detail
from events.styles import CANONICAL, Style, Template, template_of
from events.ticks import tick_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from events.columns import Codes
    from events.fitting import Said
    from events.splitting import WholeLines

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

# Looking at fewer lines all at once takes longer than at one after the other.
_LINES_MIN: Final = 32
# Likewise where more than one in so many lines is rejected or blank.
_LINES_BETWEEN: Final = 16
# So many of the lines that are not canonical are looked at to find how they are written.
_TRIED_MAX: Final = 32
_WORD: Final = 8
T = TypeVar("T")

_KINDS: Final = {"purchase": PURCHASE, "befriend": BEFRIEND, "unfriend": UNFRIEND}
_CANONICAL: Final = {
    kind: Template(kind, text, zoned=False)
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

    def parse(self, data: WholeLines) -> Block:
        """Return what stands in ``data``: a cut line, or whole ones that each end with a newline.

        None of the latter is longer than `events.splitting.LINE_BYTES_MAX`.
        """
        if isinstance(data, CutLine):
            return self._cut(data)
        lines = data.count(b"\n")
        block = self._at_once(data) if lines >= _LINES_MIN else None
        if block is None:
            block = self._one_by_one(data)
        self.line_number += lines
        self.next_number += block.events
        return block

    def _at_once(self, data: bytes) -> Block | None:
        """Return the block of many lines, or None if few of them are written by one style."""
        fitting = Fitting(data)
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
        return self._block(self._runs(rows, breaks, odd))

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
        lines = data.split(b"\n")
        # Behind the last newline stands nothing, which ends the last run.
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
        return self._block(found)

    def _block(self, found: Iterable[tuple[int, Columns | Rejected]]) -> Block:
        """Return the block of what stands in some rows, one after the other."""
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
        return Block(records, events, rejected)

    def _cut(self, line: CutLine) -> Block:
        reason, detail = Reason.LINE_TOO_LONG, long_line_detail(line.length)
        bad = Rejected(self.source, self.line_number, reason, detail, *line[:3])
        block = self._block([(0, bad)])
        self.line_number += 1
        return block

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
        # The users of all rows, where numbers cannot tell them.
        self._names: list[bytes] | None = None
        if said.users.shape[2] > 1:
            self._names = self._listed()

    def __len__(self) -> int:
        return len(self._said.kinds)

    def put_in(self, events: Mapping[int, Event]) -> None:
        """Put in events that were read one by one, by row."""
        if not events:
            return
        kinds, ticks, amounts = self._said.kinds, self._said.ticks, self._said.amounts
        names = self._names = self._listed() if self._names is None else self._names
        for row, event in events.items():
            kinds[row] = _KINDS[kind_of(event)]
            ticks[row], digits = tick_of(event.time)
            if digits:
                self._finer[row] = digits
            amounts[row] = event.amount if isinstance(event, Purchase) else 0
            user, *other = users_of(event)
            names[2 * row] = user.encode()
            names[2 * row + 1] = other[0].encode() if other else b""
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

    def _listed(self) -> list[bytes]:
        users = self._said.users
        listed: list[bytes] = users.view(f"S{_WORD * users.shape[2]}").ravel().tolist()
        return listed

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
        if self._names is not None:
            book = _Book()
            some = self._names[2 * start : 2 * end]
            codes = np.fromiter(map(book.__getitem__, some), np.int32, len(some))
            del book[b""]
            return [name.decode() for name in book], codes.reshape(-1, 2)
        words, first, places = np.unique(
            self._said.users[start:end].ravel(), return_index=True, return_inverse=True
        )
        if not words[0]:
            # That which stands for nobody does not count.
            first[0] = -1
        order = np.argsort(first)
        code_of = np.empty(len(words), np.int32)
        code_of[order] = np.arange(len(words))
        words = words[order]
        if not words[0]:
            code_of -= 1
            words = words[1:]
        names = [name.decode() for name in words.astype("<u8").view(f"S{_WORD}").tolist()]
        return names, code_of[places].reshape(-1, 2)


class _Book(dict[bytes, int]):
    """Gives each name a code, as `events.columns.CodeBook` does, and `NOBODY` to none."""

    def __init__(self) -> None:
        super().__init__({b"": NOBODY})

    def __missing__(self, name: bytes) -> int:
        code = self[name] = len(self) - 1
        return code


def _between(values: dict[int, T], start: int, end: int) -> dict[int, T]:
    """Return those of ``values``, in order of their rows, that belong to some rows, by index."""
    rows = list(values)
    some = rows[bisect_left(rows, start) : bisect_left(rows, end)]
    return {row - start: values[row] for row in some}
