"""Turning blocks of a log's lines into columns of events and rejected lines.

A block of well-formed lines of one style, which is nearly every block of a real log, is
decoded at once, and one comparison of the block with what its values render to proves
both that each line was exactly one object and that no line need be kept. Any other block
is taken line by line, so that one bad line costs only itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import msgspec
import numpy as np

from events.columns import BEFRIEND, NOBODY, PURCHASE, UNFRIEND, Columns
from events.errors import BadValueError
from events.lines import (
    JSON_SPACE,
    BadLineError,
    BefriendLine,
    PurchaseLine,
    Reason,
    UnfriendLine,
    read_line,
)
from events.records import Lines, Record, Rejected, Source
from events.splitting import CutLine, long_line_detail
from events.styles import Style, Writer, style_of
from events.ticks import ticks_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from events.event import Event
    from events.splitting import WholeLines
    from events.ticks import Ticks

# Amounts as `events.amounts.format_amount` writes them when two places suffice.
_CANONICAL_AMOUNTS: Final = re.compile(r"(?:(?:0|[1-9][0-9]{0,14})\.[0-9]{2}(?: |\Z))*")

_CANONICAL_START: Final = b'{"event_type":"'
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

# At most so many blocks pass before a style is looked for again.
_PAUSE_MAX: Final = 63
_AnyLine: TypeAlias = PurchaseLine | BefriendLine | UnfriendLine

_decode_units = msgspec.json.Decoder(list[int]).decode
_decoder = msgspec.json.Decoder(PurchaseLine | BefriendLine | UnfriendLine)


class Block(NamedTuple):
    """Some consecutive lines of a log."""

    records: list[Record]
    """What the event store keeps of them, in order."""
    events: int
    """How many accepted lines are among them."""
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


def _units_of(amounts: list[str]) -> list[int]:
    """Return canonical amounts of two places in units of 1/10,000.

    All at once, as one JSON array of cents with "00" behind each, where none has a
    leading zero: converting them one by one took 1.3 times as long, and a cache more
    in a whole run, for it drives other things out of the processor's.

    Raises:
        BadValueError: one of them is not canonical, or has not two places.

    """
    if not amounts:
        return []
    joined = " ".join(amounts)
    # The count is for an amount such as "1.00 2.00".
    if not _CANONICAL_AMOUNTS.fullmatch(joined) or joined.count(" ") >= len(amounts):
        raise BadValueError("not canonical, or not of two places")
    cents = joined.replace(".", "")
    if joined.startswith("0") or " 0" in joined:
        return [int(amount) * 100 for amount in cents.split(" ")]
    return _decode_units(f"[{cents.replace(' ', '00,')}00]")


class BlockParser:
    """Turns blocks of whole lines into events, rejected lines and their positions."""

    def __init__(self, source: Source, first_number: int, line_number: int = 1) -> None:
        """Begin to number accepted events from ``first_number`` and lines from ``line_number``."""
        self.source: Final = source
        self.next_number = first_number
        self.line_number = line_number
        # What was last found of a style that is not the canonical one, and how many blocks are
        # to pass before another is looked for: in a log without any all would be in vain.
        self._style: Style | None = None
        self._pause = self._paused = 0

    def parse(self, data: WholeLines) -> Block:
        """Return what stands in ``data``: a cut line, or whole ones that each end with a newline.

        None of the latter is longer than `events.splitting.LINE_BYTES_MAX`.
        """
        if isinstance(data, CutLine):
            return self._cut(data)
        columns = self._in_one_style(data)
        if columns is None:
            return self._line_by_line(data)
        records: list[Record] = [Lines(self.source, self.line_number), columns]
        self.line_number += len(columns)
        self.next_number += len(columns)
        return Block(records, len(columns), [])

    def _in_one_style(self, data: bytes) -> Columns | None:
        """Return the events of a block of lines in one style, or None for any other block."""
        canonical = data.startswith(_CANONICAL_START) and b"\r" not in data
        if not data or (not canonical and self._paused):
            self._paused = max(0, self._paused - 1)
            return None
        try:
            lines = _decoder.decode_lines(data)
            if canonical and (columns := self._columns(lines, data, None)) is not None:
                return columns
            return self._in_other_style(lines, data)
        except (msgspec.MsgspecError, ValueError, BadValueError, RecursionError):
            if not canonical:
                self._look_later()
            return None

    def _in_other_style(self, lines: list[_AnyLine], data: bytes) -> Columns | None:
        if self._style is not None:
            columns = self._columns(lines, data, self._style)
            if columns is not None:
                return columns
        found = style_of(lines, data)
        columns = None
        if found is not None and found != self._style:
            columns = self._columns(lines, data, found)
        if columns is None:
            self._look_later()
        else:
            self._style, self._pause = found, 0
        return columns

    def _look_later(self) -> None:
        """Let some blocks pass before a style is looked for again."""
        self._pause = self._paused = min(2 * self._pause + 1, _PAUSE_MAX)

    def _columns(self, lines: list[_AnyLine], data: bytes, style: Style | None) -> Columns | None:
        """Return the events of ``lines`` if ``data`` is what ``style`` makes of them."""
        texts: list[str] = []
        names: list[str] = []
        kinds = bytearray()
        amounts: list[str] = []
        # The lines whose time is another than that of the line before.
        starts: list[int] = []
        times: list[str] = []
        add_text, add_name = texts.append, names.append
        add_kind, add_amount = kinds.append, amounts.append
        # No line has it: a text with it is written otherwise.
        time = date = clock = "\0"
        if style is None:
            # One flat loop: this is the hottest code of a run.
            for index, line in enumerate(lines):
                if line.timestamp != time:
                    time = line.timestamp
                    times.append(time)
                    starts.append(index)
                if type(line) is PurchaseLine:
                    user, amount = line.id, line.amount
                    add_kind(PURCHASE)
                    add_name(user)
                    add_amount(amount)
                    add_text(
                        f'{{"event_type":"purchase", "timestamp":"{time}", '
                        f'"id": "{user}", "amount": "{amount}"}}\n'
                    )
                else:
                    befriend = type(line) is BefriendLine
                    user1, user2 = line.id1, line.id2
                    add_kind(BEFRIEND if befriend else UNFRIEND)
                    add_name(user1)
                    add_name(user2)
                    add_text(
                        f'{{"event_type":"{"befriend" if befriend else "unfriend"}", '
                        f'"timestamp":"{time}", "id1": "{user1}", "id2": "{user2}"}}\n'
                    )
        else:
            write = Writer(style)
            for index, line in enumerate(lines):
                if line.timestamp != time:
                    time = line.timestamp
                    date, clock = time[:10], time[11:19]
                    times.append(f"{date} {clock}")
                    starts.append(index)
                if type(line) is PurchaseLine:
                    add_kind(PURCHASE)
                    add_name(line.id)
                    add_amount(line.amount)
                    add_text(write.purchase((date, clock, line.id, line.amount)))
                else:
                    befriend = type(line) is BefriendLine
                    add_kind(BEFRIEND if befriend else UNFRIEND)
                    add_name(line.id1)
                    add_name(line.id2)
                    make = write.befriend if befriend else write.unfriend
                    add_text(make((date, clock, line.id1, line.id2)))
        if "".join(texts).encode() != data:
            return None
        ticks = ticks_of(times)
        if ticks is None:
            return None
        ticks = np.repeat(ticks, np.diff([*starts, len(lines)]))
        return self._made(names, kinds, _units_of(amounts), ticks, style)

    def _made(
        self,
        names: list[str],
        kinds: bytearray,
        units: list[int],
        ticks: Ticks,
        style: Style | None,
    ) -> Columns | None:
        """Return the columns, or None if a user is none; ``names`` has one or two an event."""
        table = list(dict.fromkeys(names))
        if "" in table:
            return None
        code_of = dict(zip(table, range(len(table)), strict=True)).__getitem__
        codes = np.fromiter(map(code_of, names), np.int32, len(names))
        kind = np.frombuffer(kinds, np.int8)
        bought = kind == PURCHASE
        # Where the names of each event begin.
        first = np.arange(len(kind)) + np.cumsum(~bought) - ~bought
        users, others = codes[first], np.full(len(kind), NOBODY, np.int32)
        others[~bought] = codes[first[~bought] + 1]
        if (users == others).any():
            return None
        amounts = np.zeros(len(kind), np.uint64)
        amounts[bought] = np.array(units, np.uint64)
        return Columns(self.next_number, table, kind, users, others, amounts, ticks, style=style)

    def _line_by_line(self, data: bytes) -> Block:
        block = _Gathered(self.next_number)
        consecutive = False
        for line in data.split(b"\n")[:-1]:
            text = line.removeprefix(BYTE_ORDER_MARK) if self.line_number == 1 else line
            if not text.strip(JSON_SPACE):
                consecutive = False
            else:
                if not consecutive:
                    block.add(Lines(self.source, self.line_number))
                    consecutive = True
                block.add(self._line(line, text, block.next_number))
            self.line_number += 1
        self.next_number = block.next_number
        return block.done()

    def _cut(self, line: CutLine) -> Block:
        reason, detail = Reason.LINE_TOO_LONG, long_line_detail(line.length)
        bad = Rejected(self.source, self.line_number, reason, detail, *line[:3])
        records: list[Record] = [Lines(self.source, self.line_number), bad]
        self.line_number += 1
        return Block(records, 0, [bad])

    def _line(self, line: bytes, text: bytes, number: int) -> Event | Rejected:
        """Return what ``line`` is, which is ``text`` behind a byte-order mark or without one."""
        try:
            event = read_line(text, number)
        except BadLineError as error:
            return Rejected(self.source, self.line_number, error.reason, error.detail, line)
        return event if text is line else msgspec.structs.replace(event, line=line)


class _Gathered:
    """A block that is gathered line by line."""

    def __init__(self, next_number: int) -> None:
        self.next_number = next_number
        self._first = next_number
        self._records: list[Record] = []
        self._rejected: list[Rejected] = []
        # The events since the last other record.
        self._events: list[Event] = []

    def add(self, found: Event | Rejected | Lines) -> None:
        if isinstance(found, Rejected | Lines):
            self._close()
            self._records.append(found)
            if isinstance(found, Rejected):
                self._rejected.append(found)
        else:
            self._events.append(found)
            self.next_number += 1

    def done(self) -> Block:
        self._close()
        return Block(self._records, self.next_number - self._first, self._rejected)

    def _close(self) -> None:
        if self._events:
            self._records.append(Columns.of(self._events))
            self._events = []
