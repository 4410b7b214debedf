"""The purchases and changes of friendships of a frame as one record of columns.

Of the benchmark's log an event takes 8.1 bytes so, of which names are 3.2, amounts 2.4 and codes
of names 2.2, where each event by itself took 45.8. Amounts in 1/10,000 would take 1.6 bytes more,
a kind for each event 0.8, places for names that come for the first time 1.3.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import msgspec
import numpy as np

from events.bounds import Count, Total
from events.errors import shown
from events.journal.ticks import TICKS_END, TICKS_PER_MINUTE
from events.purchases.amounts import UNITS_MAX
from events.purchases.columns import BEFRIEND, NOBODY, PURCHASE, UNFRIEND, Columns
from events.purchases.styles import AMOUNT, CLOCK, DATE, OTHER, USER, Style, ahead
from events.records.packed import (
    PackedNames,
    PackedTimes,
    pack_names,
    pack_times,
    unpack_names,
    unpack_times,
    whole_numbers,
)
from events.records.validation import WrongRecordError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_Unit: TypeAlias = Literal[1, 10, 100, 1_000, 10_000]
_UNITS: Final[tuple[_Unit, ...]] = (10_000, 1_000, 100, 10, 1)

TEXT_MAX: Final = 1 << 26
"""How long the lines of a frame's events are together at most, in characters.

Names and templates stand in a frame once, so a small one could stand for lines that no
memory holds. A block of a log is at most a quarter as long.
"""
# What stands in a template for a value, and what no line holds.
_MARKS: Final = re.compile(r"[\x00-\x08\n]")
# By kind.
_MARKS_OF: Final = (
    (DATE, CLOCK, USER, AMOUNT),
    (DATE, CLOCK, USER, OTHER),
    (DATE, CLOCK, USER, OTHER),
)
# What a line has besides its names and its time, and what its style adds.
_LINE_LENGTH: Final = 128


class PackedEvents(msgspec.Struct, tag="events", array_like=True, frozen=True, gc=False):
    """Some consecutive purchases and changes of friendships, numbered one by one."""

    times: PackedTimes
    """When."""
    friendships: list[Count]
    """Where the friendships are: twice how many purchases come before it since the one
    before, and 1 more where it ended."""
    users: PackedNames
    """The users of each event: the buyer, or both friends."""
    unit: _Unit
    """In what the amounts are, in 1/10,000."""
    amounts: list[Total]
    """The amount of each purchase."""
    kept: list[Count]
    """Where the lines that are kept are: how many events come before it since the one before."""
    lines: list[bytes]
    """These lines."""
    style: Style | None
    """How the other lines are written, or None where they are canonical."""

    @property
    def events(self) -> int:
        """How many events they are."""
        return len(self.amounts) + len(self.friendships)


def pack_events(columns: Columns) -> PackedEvents:
    """Return ``columns``, of one event at least, in few bytes."""
    kinds = columns.kinds
    rows = np.flatnonzero(kinds != PURCHASE)
    codes = columns.users
    amounts = columns.amounts
    if len(rows):
        codes = np.insert(codes, rows + 1, columns.others[rows])
        amounts = amounts[kinds == PURCHASE]
    unit = next(unit for unit in _UNITS if not (amounts % np.uint64(unit)).any())
    kept = sorted(columns.lines)
    return PackedEvents(
        pack_times(columns.ticks, columns.finer),
        (2 * _gaps(rows) + (kinds[rows] == UNFRIEND)).tolist(),
        pack_names(columns.names, codes),
        unit,
        (amounts // np.uint64(unit)).tolist(),
        _gaps(np.array(kept, np.int64)).tolist(),
        [columns.lines[index] for index in kept],
        columns.style,
    )


def unpack_events(packed: PackedEvents, number: int) -> Columns:
    """Return the events from event ``number`` on.

    Raises:
        WrongRecordError: they are none that a run packs so.

    """
    changes, events = len(packed.friendships), packed.events
    ticks, finer = unpack_times(packed.times, events)
    codes = unpack_names(packed.users.names, packed.users.codes, events + changes)
    amounts = _unpack_amounts(packed)
    kinds = np.zeros(events, np.int8)
    others = np.full(events, NOBODY, np.int32)
    if changes:
        told = whole_numbers(packed.friendships, changes)
        rows = _places(told >> 1, events)
        kinds[rows] = BEFRIEND + (told & 1)
        second = rows + np.arange(1, changes + 1)
        friends = codes[second]
        others[rows] = friends
        is_first = np.ones(len(codes), np.bool_)
        is_first[second] = False
        users = codes[is_first]
        if np.count_nonzero(users[rows] == friends):
            raise WrongRecordError("two different users of a friendship", "one twice")
        of_all = np.zeros(events, np.uint64)
        of_all[kinds == PURCHASE] = amounts
        amounts = of_all
    else:
        users = codes
    columns = Columns(
        number,
        packed.users.names,
        kinds,
        users.astype(np.int32),
        others,
        amounts,
        ticks,
        finer,
        _unpack_lines(packed, events),
    )
    if packed.style is not None:
        columns.style = packed.style
        _check_style(columns, packed.style)
    return columns


def _unpack_amounts(packed: PackedEvents) -> NDArray[np.uint64]:
    amounts = np.array(packed.amounts, np.uint64)
    if len(amounts) and int(amounts.max()) > UNITS_MAX // packed.unit:
        raise WrongRecordError(
            f"amounts of at most {UNITS_MAX} units", int(amounts.max()) * packed.unit
        )
    return amounts * np.uint64(packed.unit)


def _unpack_lines(packed: PackedEvents, events: int) -> dict[int, bytes]:
    lines = packed.lines
    if len(packed.kept) != len(lines):
        raise WrongRecordError(f"{len(packed.kept)} kept lines", f"{len(lines)}")
    if not lines:
        return {}
    places = _places(whole_numbers(packed.kept, len(lines)), events)
    return dict(zip(places.tolist(), lines, strict=True))


def _gaps(places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many others are before each of ``places`` since the one before it."""
    gaps = places.copy()
    gaps[1:] -= places[:-1] + 1
    return gaps


def _places(gaps: NDArray[np.int64], events: int) -> NDArray[np.int64]:
    """Return the places, among ``events`` of them, before which there are ``gaps``.

    Raises:
        WrongRecordError: they lead beyond the last one.

    """
    if int(gaps.max()) < events:
        places = np.cumsum(gaps + 1) - 1
        if int(places[-1]) < events:
            return places
    raise WrongRecordError(f"places among {events} events", "one behind them")


def _check_style(columns: Columns, style: Style) -> None:
    """Refuse templates that are none, and events whose lines have none."""
    kinds, ticks = columns.kinds, columns.ticks
    if columns.lines:
        kept = list(columns.lines)
        kinds, ticks = np.delete(kinds, kept), np.delete(ticks, kept)
    for kind, template in enumerate(msgspec.structs.astuple(style)):
        if template is None:
            if np.count_nonzero(kinds == kind):
                raise WrongRecordError("a template for each line that is not kept", "none for one")
        elif sorted(_MARKS.findall(template)) != sorted(_MARKS_OF[kind]):
            raise WrongRecordError("each value of a line once in a template", shown(template))
        elif minutes := ahead(template):
            local = ticks[kinds == kind] + minutes * TICKS_PER_MINUTE
            if np.count_nonzero((local < 0) | (local >= TICKS_END)):
                raise WrongRecordError("times that a template's clock can show", shown(template))


def text_length(columns: Columns, size: int) -> int:
    """Return how many characters the lines of a frame have at most; roughly if that will do.

    Its body has ``size`` bytes.
    """
    names = columns.names
    fixed = len(columns) * _LINE_LENGTH + sum(map(len, columns.finer.values()))
    if columns.style is not None:
        # One line that is long says nothing of the others.
        written = np.bincount(np.delete(columns.kinds, list(columns.lines))).tolist()
        templates = msgspec.structs.astuple(columns.style)
        fixed += sum(
            count * len(template or "") for count, template in zip(written, templates, strict=False)
        )
    # No name is longer than all of them; each is there once, and most for the first time.
    again = len(columns) + int(np.count_nonzero(columns.kinds)) - len(names)
    rough = fixed + (again + 1) * size
    if rough <= TEXT_MAX:
        return rough
    # NOBODY, which is -1, is the last.
    lengths = np.fromiter([*map(len, names), 0], np.int64)
    return fixed + int(lengths[columns.users].sum() + lengths[columns.others].sum())
