"""Columns of text as they stand in bytes, many cells at once, without a text for each cell.

Eight bytes are one number, wherever they stand: so cells are compared and told apart by operations
on arrays. To split the same bytes to texts, and look each up, took three times as long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec
import numpy as np

from events.journal.numbering import first_places
from events.journal.ticks import SECONDS
from events.nesting import decoded
from events.observations.observed import Coded
from events.times.columns import WORD, Cells, words_behind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_Spans: TypeAlias = "tuple[NDArray[np.int64], NDArray[np.int64]]"
_decode_texts = msgspec.json.Decoder(dict[str, str]).decode
# A key and its value have so many.
_QUOTES: Final = 4
# To decode lines of more keys takes no longer.
_WIDTH_MAX: Final = 4

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
    one, two, three = (
        words.view(">u8") for words in words_behind(data, begins, (0, WORD, SECONDS - WORD))
    )
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
    sizes = ends - begins
    longest = int(sizes.max())
    if longest > WORD * _WORDS_MAX:
        return Coded.of(texts_of(cells))
    offsets = range(0, max(longest, 1), WORD)
    parts = [
        words & _MASKS[np.clip(sizes - at, 0, WORD)]
        for at, words in zip(offsets, words_behind(data, begins, offsets), strict=True)
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


def values_of(lines: bytes, names: Sequence[str]) -> list[Cells] | None:
    """Return the values of wanted keys in JSON lines that differ in nothing but texts, or None.

    The first line is decoded. Where the others are the same but for what stands in the texts that
    are values, and no text has an escape, they are JSON if they are UTF-8.

    Args:
        lines: lines that each end with a newline.
        names: the wanted keys.

    """
    first = lines[: lines.find(b"\n") + 1]
    try:
        keys = [] if b"\\" in lines else [*decoded(_decode_texts, first)]
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    parts = first.split(b'"')
    width = len(keys)
    # Of a key that stands there twice nothing is told here.
    if width > _WIDTH_MAX or not {*names} <= {*keys} or len(parts) != width * _QUOTES + 1:
        return None
    found = np.frombuffer(lines, np.uint8)
    stops = np.flatnonzero(found == ord("\n"))
    is_quote = found == ord('"')
    # There is no control character but the newlines, and no quote but those looked at below.
    if np.count_nonzero(found < ord(" ")) != len(stops) or (
        np.count_nonzero(is_quote) != len(stops) * width * _QUOTES
    ):
        return None
    padded = lines + PADDING
    spans = _spans_by_length(lines, stops, parts)
    if spans is None or not _stand_between(padded, spans, parts):
        quotes = np.flatnonzero(is_quote).reshape(-1, width, _QUOTES)
        spans = [(quotes[:, place, 2] + 1, quotes[:, place, 3]) for place in range(width)]
        if not _stand_between(padded, spans, parts):
            return None
    return [Cells(padded, *spans[keys.index(name)]) for name in names]


def _spans_by_length(
    lines: bytes, stops: NDArray[np.int64], parts: Sequence[bytes]
) -> list[_Spans] | None:
    """Return where values begin and end if at most one of them is not as long in each line.

    To look for their quotes takes twice as long. Whether they stand there is not looked at.

    Args:
        lines: the lines.
        stops: where each ends.
        parts: what stands between the quotes of the first.

    """
    begins = np.append(0, stops[:-1] + 1)
    sizes = stops - begins
    values = parts[3::_QUOTES]
    varying = len(values) - 1
    other = int((sizes != sizes[0]).argmax())
    if other:
        found = lines[begins[other] : stops[other]].split(b'"')[3::_QUOTES]
        differ = [len(one) != len(two) for one, two in zip(values, found, strict=False)]
        if len(found) != len(values) or differ.count(True) != 1:
            return None
        varying = differ.index(True)
    if int(sizes.min()) < int(sizes[0]) - len(values[varying]):
        return None
    spans = []
    at = 0
    for place, value in enumerate(values):
        at += sum(map(len, parts[place * _QUOTES : place * _QUOTES + 3])) + 3
        before = (begins if place <= varying else stops - sizes[0]) + at
        at += len(value) + 1
        spans.append((before, (begins if place < varying else stops - sizes[0]) + at - 1))
    return spans


def _stand_between(padded: bytes, spans: Sequence[_Spans], parts: Sequence[bytes]) -> bool:
    """Tell whether between values, and behind the last, stands in each line what is in the first.

    Args:
        padded: the lines, and what is behind them.
        spans: where the first, the second and so on of the values begin and end.
        parts: what stands between the quotes of the first line.

    """
    following = [*parts[_QUOTES:-1], parts[-1] + parts[0], *parts[1:3]]
    for place, (_, ends) in enumerate(spans):
        between = following[place * _QUOTES : place * _QUOTES + 3]
        behind = ends[:-1] if place == len(spans) - 1 else ends
        if not _stands_at(padded, behind, b'"'.join([b"", *between, b""])):
            return False
    return padded[int(spans[-1][1][-1]) : -len(PADDING)] == b'"' + parts[-1]


def _stands_at(padded: bytes, places: NDArray[np.int64], text: bytes) -> bool:
    """Tell whether ``text`` stands at each of the places."""
    offsets = range(0, len(text), WORD)
    # Where one part stands, the next begins before the end.
    return all(
        bool((words & _MASKS[len(part)] == int.from_bytes(part, "little")).all())
        for at, words in zip(offsets, words_behind(padded, places, offsets), strict=True)
        for part in [text[at : at + WORD]]
    )
