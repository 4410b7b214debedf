"""Columns of text as they stand in bytes, many cells at once, without a text for each cell.

Eight bytes are one number, wherever they stand: so cells are compared and told apart by operations
on arrays. To split the same bytes to texts, and look each up, took three times as long.
"""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from events.journal.numbering import first_places
from events.journal.ticks import SECONDS, TICKS_PER_SECOND, ticks_of
from events.observations.observed import Coded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from events.journal.ticks import Ticks

_WORD: Final = 8
# Cells of more words are told apart as texts.
_WORDS_MAX: Final = 4
# What is behind the last byte of a block, so that eight bytes can be read from each.
PADDING: Final = b"\0" * (_WORD * _WORDS_MAX)
_MASKS: Final = np.array([(1 << 8 * count) - 1 for count in range(_WORD + 1)], np.uint64)
_DAY: Final = re.compile(rb"([0-9]{4})-([0-9]{2})-([0-9]{2}) ")
_DAY_TICKS: Final = 86_400 * TICKS_PER_SECOND
_DATE: Final = len("YYYY-MM-DD ")
_CLOCK: Final = np.uint64(int.from_bytes(b"00:00:00", "little"))
_COLONS: Final = np.uint64(0x0000FF0000FF0000)
_NO_DIGIT: Final = np.uint64(0x7676767676767676)
_HIGH: Final = np.uint64(0x8080808080808080)
_LOW: Final = np.uint64(0xFF)
# Where dates change more often, each time is looked at by itself.
_ROWS_PER_DATE: Final = 8


class Cells:
    """Cells of one column: each is some bytes of a block."""

    def __init__(self, data: bytes, begins: NDArray[np.int64], ends: NDArray[np.int64]) -> None:
        """Look at cells of ``data``, which ends with `PADDING`, from begins up to ends."""
        self._data: Final = data
        self._begins: Final = begins
        self._ends: Final = ends
        self._words: Final[NDArray[np.uint64]] = np.ndarray(
            (len(data) - _WORD + 1,), "<u8", buffer=data, strides=(1,)
        )

    def are_as_long_as(self, length: int) -> bool:
        """Tell whether all have so many bytes."""
        return bool((self._ends - self._begins == length).all())

    def ticks(self) -> Ticks | None:
        """Return the ticks of cells that are times of whole seconds, or None if one is none."""
        if not self.are_as_long_as(SECONDS):
            return None
        words, begins = self._words, self._begins
        clock = words[begins + _DATE] ^ _CLOCK
        wrong = (clock & _COLONS) | ((clock | (clock + _NO_DIGIT)) & _HIGH)
        if wrong.any():
            return None
        hours, minutes, seconds = (
            ((clock >> np.uint64(at)) & _LOW) * np.uint64(10)
            + ((clock >> np.uint64(at + 8)) & _LOW)
            for at in (0, 24, 48)
        )
        if (hours > 23).any() or (minutes > 59).any() or (seconds > 59).any():  # noqa: PLR2004
            return None
        # The date, and the space behind it.
        one, two = words[begins], words[begins + _DATE - _WORD]
        changes = np.flatnonzero((one[1:] != one[:-1]) | (two[1:] != two[:-1])) + 1
        if len(changes) * _ROWS_PER_DATE > len(begins):
            return ticks_of([text.decode("latin-1") for text in self._texts(begins, SECONDS)])
        firsts = np.append(0, changes)
        days = list(map(_day_of, self._texts(begins[firsts], _DATE)))
        if None in days:
            return None
        clocks = (hours * np.uint64(60) + minutes) * np.uint64(60) + seconds
        ticks = clocks.astype(np.int64) * TICKS_PER_SECOND
        ticks += np.repeat(np.array(days, np.int64), np.diff(firsts, append=len(begins)))
        return ticks

    def _texts(self, begins: NDArray[np.int64], length: int) -> list[bytes]:
        return [self._data[begin : begin + length] for begin in begins.tolist()]

    def ends_in_order(self) -> tuple[str, str] | None:
        """Return the first and the last of cells as long as whole seconds that are in order.

        None where they are not, or one is of another length.
        """
        if not self.are_as_long_as(SECONDS):
            return None
        # Numbers whose first byte is the highest compare as texts do.
        words = self._words.view(">u8")
        one, two, three = (words[self._begins + at] for at in (0, _WORD, SECONDS - _WORD))
        later = (one[1:] > one[:-1]) | (
            (one[1:] == one[:-1])
            & ((two[1:] > two[:-1]) | ((two[1:] == two[:-1]) & (three[1:] >= three[:-1])))
        )
        if not later.all():
            return None
        first, last = self._texts(self._begins[[0, -1]], SECONDS)
        return first.decode("latin-1"), last.decode("latin-1")

    def texts(self) -> list[str]:
        """Return the cells one by one.

        Raises:
            UnicodeDecodeError: they are no UTF-8.

        """
        ends = zip(self._begins.tolist(), self._ends.tolist(), strict=True)
        return [self._data[begin:end].decode() for begin, end in ends]

    def coded(self) -> Coded:
        """Return the cells as names.

        Raises:
            UnicodeDecodeError: they are no UTF-8.

        """
        begins, ends, data = self._begins, self._ends, self._data
        sizes = ends - begins
        longest = int(sizes.max())
        if longest > _WORD * _WORDS_MAX:
            return Coded.of(self.texts())
        parts = [
            self._words[begins + at] & _MASKS[np.clip(sizes - at, 0, _WORD)]
            for at in range(0, max(longest, 1), _WORD)
        ]
        # Cells that are alike but for a zero byte at the end differ in their sizes.
        first = first_places(np.stack([*parts, sizes.astype(np.uint64)], axis=1))
        is_first = first == np.arange(len(first))
        firsts = np.flatnonzero(is_first)
        names = [
            data[begin:end].decode()
            for begin, end in zip(begins[firsts].tolist(), ends[firsts].tolist(), strict=True)
        ]
        return Coded(names, (np.cumsum(is_first) - 1)[first])


@lru_cache(1 << 10)
def _day_of(text: bytes) -> int | None:
    """Return the tick at which a date begins that has a space behind it, or None."""
    match = _DAY.fullmatch(text)
    if match is None:
        return None
    try:
        return (dt.date(*map(int, match.groups())).toordinal() - 1) * _DAY_TICKS
    except ValueError:
        return None


def first_cells(data: bytes) -> list[Cells] | None:
    """Return the first cell of each row of CSV without quotes, or None.

    That is where one of them is not as long as a time of whole seconds.
    """
    found = np.frombuffer(data, np.uint8)
    lines = np.flatnonzero(found == ord("\n"))
    begins = np.append(0, lines[:-1] + 1)
    ends = begins + SECONDS
    if int(ends[-1]) >= len(data) or not (found[ends] == ord(",")).all():
        return None
    return [Cells(data + PADDING, begins, ends)]


def cells_of(data: bytes, width: int, places: tuple[int, ...]) -> list[Cells] | None:
    """Return the wanted columns of rows of CSV without quotes, or None if one has another width.

    Args:
        data: rows that each end with a newline.
        width: how many cells each has.
        places: which of them are wanted.

    """
    found = np.frombuffer(data, np.uint8)
    is_end = found == ord("\n")
    ends = np.flatnonzero(is_end | (found == ord(",")))
    rows = int(np.count_nonzero(is_end))
    if len(ends) != rows * width or not is_end[ends[width - 1 :: width]].all():
        return None
    begins = np.empty_like(ends)
    begins[:1] = 0
    begins[1:] = ends[:-1] + 1
    padded = data + PADDING
    return [Cells(padded, begins[place::width], ends[place::width]) for place in places]
