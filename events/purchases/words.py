"""A text as words of eight bytes from any byte on, and numbers that are written in words.

An operation on many words takes half a nanosecond each, and so an eighth for each byte.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Places: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]
Words: TypeAlias = NDArray[np.uint64]

WORD: Final = 8
"""How many bytes a word has; the first one is the lowest."""
QUOTED_BYTES_MAX: Final = 64
"""The end of a longer value is not looked for."""
# So far behind the last line the end of a value may be looked for, and words be read.
_BEYOND: Final = QUOTED_BYTES_MAX + 4 * WORD

MASKS: Final = np.array([(1 << 8 * count) - 1 for count in range(WORD + 1)], np.uint64)
"""The low bytes of a word, by how many."""
_ONES: Final = np.uint64(0x0101010101010101)
_HIGHS: Final = np.uint64(0x8080808080808080)
_QUOTES: Final = np.uint64(0x2222222222222222)
_ZEROS: Final = np.uint64(0x3030303030303030)
# Added to a digit it leaves the highest bit alone, and sets it for any larger number.
_TO_HIGH: Final = np.uint64(0x7676767676767676)
# Times 256^n it has n in its highest byte.
_WHICH: Final = np.uint64(0x0001020304050607)


class Workspace:
    """Memory in which one block after the other is looked at: to get new takes as long."""

    def __init__(self) -> None:
        """Begin without any."""
        self._bytes = np.zeros(0, np.uint8)
        self._flags = np.zeros(0, np.bool_)

    def taken(self, data: bytes) -> NDArray[np.uint8]:
        """Return ``data`` and zeros behind it: there is read what begins in its last line."""
        size = len(data) + _BEYOND
        if size > len(self._bytes):
            self._bytes = np.zeros(size, np.uint8)
            self._flags = np.zeros(size, np.bool_)
        self._bytes[: len(data)] = np.frombuffer(data, np.uint8)
        self._bytes[len(data) : size] = 0
        return self._bytes[:size]

    def flags(self, count: int) -> Flags:
        """Return ``count`` flags for what was taken."""
        return self._flags[:count]


class Text:
    """Some lines, as bytes and words."""

    def __init__(self, data: bytes, space: Workspace) -> None:
        """Put ``data`` into ``space``, where it is until other data are."""
        self._space: Final = space
        self.size: Final = len(data)
        """How many bytes there are, without the zeros behind them."""
        self.bytes: Final = space.taken(data)
        """The bytes, and zeros behind them."""
        self._words: Final[Words] = np.ndarray(
            (len(self.bytes) - WORD + 1,), "<u8", self.bytes, strides=(1,)
        )

    def are(self, byte: int) -> Flags:
        """Return which bytes are ``byte``, until anything of the kind is asked for again."""
        return np.equal(self.bytes[: self.size], byte, out=self._space.flags(self.size))

    def are_below(self, byte: int) -> Flags:
        """Return which bytes are less than ``byte``, until anything of the kind is asked again."""
        return np.less(self.bytes[: self.size], byte, out=self._space.flags(self.size))

    def word(self, at: Places) -> Words:
        """Return the word from each of ``at`` on."""
        return self._words[at]

    def read(self, at: Places, count: int) -> Words:
        """Return ``count`` words from each of ``at`` on, which takes as long as to return one."""
        size = count * WORD
        windows: NDArray[np.void] = np.ndarray(
            (len(self.bytes) - size + 1,), f"V{size}", self.bytes, strides=(1,)
        )
        return windows[at].view("<u8").reshape(-1, count)

    def lengths(self, at: Places) -> Places:
        """Return how far the next quote is from each of ``at``, or more than is looked for."""
        lengths = np.full(len(at), QUOTED_BYTES_MAX + 1)
        rows = np.arange(len(at))
        for offset in range(0, QUOTED_BYTES_MAX + 1, WORD):
            # The lowest byte that is 0 is the lowest one with its high bit here.
            word = self._words[at + offset] ^ _QUOTES
            zeros = (word - _ONES) & ~word & _HIGHS
            found = zeros != 0
            lowest = zeros & (~zeros + np.uint64(1))
            far = offset + (((lowest >> np.uint64(7)) * _WHICH) >> np.uint64(56)).astype(np.int64)
            if found.all():
                lengths[rows] = far
                break
            lengths[rows[found]] = far[found]
            rows, at = rows[~found], at[~found]
        return lengths


def numbers_written(word: Words, length: Places) -> tuple[Words, Flags]:
    """Return the numbers that the last bytes of words write, and whether all are digits.

    Args:
        word: eight characters each, the first one in the lowest byte.
        length: how many of the last count; all where there are more than eight.

    """
    digits = (word ^ _ZEROS) & ~MASKS[np.clip(WORD - length, 0, WORD)]
    are_digits = (digits | (digits + _TO_HIGH)) & _HIGHS == 0
    # Two, four and eight digits at a time become one number.
    digits = digits * np.uint64(10) + (digits >> np.uint64(8)) & np.uint64(0x00FF00FF00FF00FF)
    digits = digits * np.uint64(100) + (digits >> np.uint64(16)) & np.uint64(0x0000FFFF0000FFFF)
    digits = digits * np.uint64(10_000) + (digits >> np.uint64(32)) & np.uint64(0xFFFFFFFF)
    return digits, are_digits
