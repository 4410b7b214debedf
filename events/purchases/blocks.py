"""Turning blocks of a log's lines into columns of events and rejected lines.

Nearly all lines of a real log are written by the canonical templates or by some others,
and are looked at all at once. What else there is goes line by line, so that one odd line
costs only itself. What a block gives depends on nothing but the block, and on whether the
times of its history have an offset: not on how else the lines before it were written, so
that one history makes one store, resumed or not.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

import msgspec
import numpy as np

from events.journal.columns import CodeBook
from events.journal.names import texts_of_words
from events.journal.numbering import first_places
from events.journal.ticks import tick_of
from events.logs.parser import LineParser
from events.purchases.columns import KIND_OF, NOBODY, Columns
from events.purchases.event import EVENT_TYPES, Event, Purchase, line_of, type_name, users_of
from events.purchases.fitting import NEITHER, Fitting, Said
from events.purchases.lines import read_zoned
from events.purchases.styles import CANONICAL, Style, Template, template_of
from events.purchases.words import WORD, Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from events.journal.names import Words
    from events.logs.block import Block
    from events.purchases.columns import Codes
    from events.times.timestamps import Zone

# No chunk that is read is longer, so a longer block has a line that is mostly of something
# else; and this takes memory for some times as much.
_AT_ONCE_BYTES_MAX: Final = 1 << 22
# So many of the lines that are not canonical are looked at to find how they are written.
_TRIED_MAX: Final = 32
T = TypeVar("T")

_CANONICAL: Final = {
    kind: Template(kind, text)
    for kind, text in zip(KIND_OF.values(), msgspec.structs.astuple(CANONICAL), strict=True)
}


class BlockParser(LineParser):
    """Turns blocks of whole lines into purchases and friendships; see `LineParser`."""

    at_once_bytes_min: ClassVar[int] = 1 << 14
    """Looking at less all at once takes longer than at one line after the other."""

    @cached_property
    def _space(self) -> Workspace:
        return Workspace()

    def _at_once(self, data: bytes) -> Block | None:
        """Return the block of many lines, or None if few of them are written by one style."""
        if not self.at_once_bytes_min <= len(data) <= _AT_ONCE_BYTES_MAX:
            return None
        zone = self.zone or self.first_zone(data, self.line_number)
        if zone is None:
            # None of them is an event.
            return None
        self.zone = zone
        fitting = Fitting(data, self._space)
        style = _style_of(fitting, zone)
        said = fitting.said()
        lines = len(said.fits)
        odd_rows = np.flatnonzero(~said.fits).tolist()
        if 2 * len(odd_rows) > lines:
            return None
        odd = {row: self._line(fitting.line(row), row) for row in odd_rows}
        between = [(row, found) for row, found in odd.items() if not isinstance(found, EVENT_TYPES)]
        rows = _Rows(said, style)
        rows.put_in({row: found for row, found in odd.items() if isinstance(found, EVENT_TYPES)})
        columns = rows.columns([row for row, _ in between], self.next_number)
        return self._block(columns, between, lines)

    def _read(self, line: bytes) -> tuple[Event, Zone]:
        return read_zoned(line, 0, self.zone)

    def _columns(self, events: list[Event]) -> Columns:
        return Columns.of(events)


def _style_of(fitting: Fitting, zone: Zone) -> Style | None:
    """Find out how the lines with times of ``zone`` are written; return None if canonically."""
    if zone == "none":
        for template in _CANONICAL.values():
            fitting.look_for(template)
    others = np.flatnonzero(fitting.kinds == NEITHER)[:_TRIED_MAX].tolist()
    made = [template_of(fitting.line(row)) for row in others]
    found = [template for template in made if template is not None and template.zone == zone]
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

    def put_in(self, events: Mapping[int, Event]) -> None:
        """Put in events that were read one by one, by row."""
        if not events:
            return
        kinds, ticks, amounts = self._said.kinds, self._said.ticks, self._said.amounts
        for row, event in events.items():
            kinds[row] = KIND_OF[type_name(event)]
            ticks[row], digits = tick_of(event.time)
            if digits:
                self._finer[row] = digits
            amounts[row] = event.amount if isinstance(event, Purchase) else 0
            for place, name in zip((0, 1), (*users_of(event), ""), strict=False):
                self._put_name(row, place, name.encode())
            if not self._is_written(event):
                self._kept[row] = line_of(event)

    def columns(self, gone: list[int], number: int) -> Columns:
        """Return all rows but those that are ``gone`` as events from ``number`` on."""
        said = self._said
        if gone:
            stay = np.ones(len(said.kinds), np.bool_)
            stay[gone] = False
            said = said.where(stay)
        names, codes, words = self._numbered(said, gone)
        return Columns(
            number,
            names,
            said.kinds,
            codes[:, 0],
            codes[:, 1],
            said.amounts,
            said.ticks,
            _without(self._finer, gone),
            _without(self._kept, gone),
            self._style,
            words,
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

    def _numbered(
        self, said: Said, gone: list[int]
    ) -> tuple[list[str] | None, Codes, Words | None]:
        """Return the users in order of first appearance, those of each row as places, and words.

        There are names or words; see `Columns`.
        """
        codes = np.full(2 * len(said.kinds), NOBODY, np.int32)
        if self._names is not None:
            book = CodeBook()
            some = self._names
            if gone:
                left_out = set(gone)
                some = [name for at, name in enumerate(some) if at >> 1 not in left_out]
            meant = np.array([bool(name) for name in some], np.bool_)
            named = [name.decode() for name in some if name]
            codes[meant] = np.fromiter(map(book.__getitem__, named), np.int32, len(named))
            return list(book), codes.reshape(-1, 2), None
        users = said.users.reshape(len(codes), -1)
        meant = users[:, 0] != 0
        users = users[meant]
        first = first_places(users)
        is_first = first == np.arange(len(first))
        codes[meant] = (np.cumsum(is_first, dtype=np.int32) - 1)[first]
        users = users[is_first]
        if users.shape[1] == 1:
            return None, codes.reshape(-1, 2), users[:, 0]
        return texts_of_words(users), codes.reshape(-1, 2), None


def _without(values: dict[int, T], gone: list[int]) -> dict[int, T]:
    """Return ``values`` of rows by index among those that are not ``gone``, which are in order."""
    if not gone:
        return values
    return {row - bisect_left(gone, row): value for row, value in values.items()}
