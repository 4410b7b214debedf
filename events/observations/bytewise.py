"""Columns of text as they stand in bytes, many cells at once, without a text for each cell.

Eight bytes are one number, wherever they stand: so cells are compared and told apart by operations
on arrays. To split the same bytes to texts, and look each up, took three times as long.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from events.journal.numbering import first_places
from events.journal.ticks import SECONDS
from events.observations.observed import Coded
from events.times.columns import WORD, Cells, words_of

# Cells of more words are told apart as texts.
_WORDS_MAX: Final = 4
# What is behind the last byte of a block, so that eight bytes can be read from each.
PADDING: Final = b"\0" * (WORD * _WORDS_MAX)
_MASKS: Final = np.array([(1 << 8 * count) - 1 for count in range(WORD + 1)], np.uint64)
# Between the date and the clock, as the second of three words has it whose first byte is highest.
_MARK: Final = np.uint64(0xFF << 40)
_SPACE: Final = np.uint64(ord(" ") << 40)


def are_as_long_as(cells: Cells, length: int) -> bool:
    """Tell whether all have so many bytes."""
    return bool((cells.ends - cells.begins == length).all())


def ends_in_order(cells: Cells) -> tuple[str, str] | None:
    """Return the first and the last of times of whole seconds with a space that are in order.

    None where they are not, or one is of another length.
    """
    data, begins, _ = cells
    if not are_as_long_as(cells, SECONDS):
        return None
    # Numbers whose first byte is the highest compare as texts do.
    words = words_of(data).view(">u8")
    one, two, three = (words[begins + at] for at in (0, WORD, SECONDS - WORD))
    later = (one[1:] > one[:-1]) | (
        (one[1:] == one[:-1])
        & ((two[1:] > two[:-1]) | ((two[1:] == two[:-1]) & (three[1:] >= three[:-1])))
    )
    if not (later.all() and (two & _MARK == _SPACE).all()):
        return None
    first, last = (data[begin : begin + SECONDS] for begin in begins[[0, -1]].tolist())
    return first.decode("latin-1"), last.decode("latin-1")


def texts_of(cells: Cells) -> list[str]:
    """Return the cells one by one.

    Raises:
        UnicodeDecodeError: they are no UTF-8.

    """
    ends = zip(cells.begins.tolist(), cells.ends.tolist(), strict=True)
    return [cells.data[begin:end].decode() for begin, end in ends]


def coded(cells: Cells) -> Coded:
    """Return the cells as names.

    Raises:
        UnicodeDecodeError: they are no UTF-8.

    """
    data, begins, ends = cells
    words = words_of(data)
    sizes = ends - begins
    longest = int(sizes.max())
    if longest > WORD * _WORDS_MAX:
        return Coded.of(texts_of(cells))
    parts = [
        words[begins + at] & _MASKS[np.clip(sizes - at, 0, WORD)]
        for at in range(0, max(longest, 1), WORD)
    ]
    # Cells that are alike but for a zero byte at the end differ in their sizes.
    first = first_places(np.stack([*parts, sizes.astype(np.uint64)], axis=1))
    is_first = first == np.arange(len(first))
    firsts = np.flatnonzero(is_first)
    names = texts_of(Cells(data, begins[firsts], ends[firsts]))
    return Coded(names, (np.cumsum(is_first) - 1)[first])


def first_cells(data: bytes, delimiter: str) -> Cells | None:
    """Return the first cell of each row of CSV without quotes, or None.

    That is where one of them is not as long as a time of whole seconds.
    """
    found = np.frombuffer(data, np.uint8)
    lines = np.flatnonzero(found == ord("\n"))
    begins = np.append(0, lines[:-1] + 1)
    ends = begins + SECONDS
    if int(ends[-1]) >= len(data) or not (found[ends] == ord(delimiter)).all():
        return None
    return Cells(data + PADDING, begins, ends)


def cells_of(
    data: bytes, width: int, places: tuple[int, ...], delimiter: str
) -> list[Cells] | None:
    """Return the wanted columns of rows of CSV without quotes, or None if one has another width.

    Args:
        data: rows that each end with a newline.
        width: how many cells each has.
        places: which of them are wanted.
        delimiter: what stands between the cells, one character of ASCII.

    """
    found = np.frombuffer(data, np.uint8)
    is_end = found == ord("\n")
    ends = np.flatnonzero(is_end | (found == ord(delimiter)))
    rows = int(np.count_nonzero(is_end))
    if len(ends) != rows * width or not is_end[ends[width - 1 :: width]].all():
        return None
    begins = np.empty_like(ends)
    begins[:1] = 0
    begins[1:] = ends[:-1] + 1
    padded = data + PADDING
    return [Cells(padded, begins[place::width], ends[place::width]) for place in places]
