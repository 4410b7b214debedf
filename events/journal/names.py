"""Numbers for names, for all of a history.

A dictionary of a million names is larger than any cache: to look up each name of a block takes
three places in memory, one after the other. Names of at most eight bytes are words in a table of
NumPy's here, which looks in all of their places at once: a tenth of the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import compress
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from events.journal.numbering import FACTORS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Words: TypeAlias = NDArray[np.uint64]
"""Texts of at most eight bytes of UTF-8, the first one in the lowest byte, then zeros."""

_WORD: Final = 8
_BITS: Final = 64
_LOW_BITS: Final = (1 << _BITS) - 1
_FIRST, *_, _SECOND = FACTORS
_HALF: Final = 32
# How many places behind its own a word may be in. Few in a million find none there, unless
# somebody has chosen them so.
_STEPS: Final = 16
# A table begins with so many bits of places.
_BITS_MIN: Final = 10
# Of fewer names each is looked up by itself.
_MANY: Final = 64


class Names(Mapping[str, int]):
    """The numbers of names, from 0 in the order in which they come."""

    __slots__ = ("_apart", "_bits", "_numbers", "_words", "listed")

    def __init__(self) -> None:
        """Begin without names."""
        self.listed: Final[list[str]] = []
        """The names, by number."""
        # Those that are no words, that found no place, or that were looked up by themselves.
        self._apart: Final[dict[str, int]] = {}
        self._begin(_BITS_MIN)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.listed)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, by number."""
        return iter(self.listed)

    def __getitem__(self, name: str) -> int:
        """Return the number of ``name``; raise KeyError if it has none."""
        number = self._apart.get(name)
        if number is None:
            number = self._apart[name] = self._placed(name)
        return number

    def codes(self, names: Sequence[str]) -> NDArray[np.int32]:
        """Return the number of each of ``names``, all different; who has none gets the next."""
        if len(names) < _MANY:
            return np.array([self._code(name) for name in names], np.int32)
        return self._codes(
            _words(names), lambda places: [names[place] for place in places.tolist()]
        )

    def codes_of_words(self, words: Words) -> NDArray[np.int32]:
        """Return what `codes` does of the same names, of which those that are here are not made."""
        if len(words) < _MANY:
            return self.codes(texts_of_words(words[:, np.newaxis]))
        return self._codes(words, lambda places: texts_of_words(words[places, np.newaxis]))

    def _codes(
        self, words: Words, names_at: Callable[[NDArray[np.int64]], Sequence[str]]
    ) -> NDArray[np.int32]:
        """Return the number of each name, as a word; ``names_at`` gives those at some places."""
        numbers = self._found(words)
        unknown = np.flatnonzero(numbers < 0)
        if len(unknown):
            names = names_at(unknown)
            known = self._apart.get
            found = np.array([known(name, -1) for name in names], np.int32)
            is_new = found < 0
            first = len(self.listed)
            self.listed.extend(compress(names, is_new.tolist()))
            found[is_new] = np.arange(first, len(self.listed))
            numbers[unknown] = found
            self._add(words[unknown[is_new]], found[is_new])
        return numbers

    def _code(self, name: str) -> int:
        try:
            return self[name]
        except KeyError:
            number = self._apart[name] = len(self.listed)
            self.listed.append(name)
            return number

    # The table: a word, which is 0 where there is none, and its number

    def _begin(self, bits: int) -> None:
        self._bits = bits
        self._words = np.zeros(1 << bits, np.uint64)
        self._numbers = np.zeros(1 << bits, np.int32)

    def _slots(self, words: Words) -> NDArray[np.int64]:
        """Return the place of each word, if no other has it."""
        mixed = words * np.uint64(_FIRST)
        mixed ^= mixed >> np.uint64(_HALF)
        mixed *= np.uint64(_SECOND)
        mixed >>= np.uint64(_BITS - self._bits)
        return mixed.astype(np.int64)

    def _found(self, words: Words) -> NDArray[np.int32]:
        """Return the number of each word, or -1."""
        slots = self._slots(words)
        held = self._words[slots]
        are_words = words != 0
        numbers = np.where((held == words) & are_words, self._numbers[slots], np.int32(-1))
        left = np.flatnonzero((held != words) & (held != 0) & are_words)
        for _ in range(_STEPS - 1):
            if not len(left):
                break
            slots[left] = (slots[left] + 1) & (len(self._words) - 1)
            held, wanted = self._words[slots[left]], words[left]
            same = held == wanted
            numbers[left[same]] = self._numbers[slots[left[same]]]
            left = left[~same & (held != 0)]
        return numbers

    def _placed(self, name: str) -> int:
        """Return the number of a name that the table has; raise KeyError if it has not."""
        word = _word(name)
        mixed = word * _FIRST & _LOW_BITS
        slot = ((mixed ^ mixed >> _HALF) * _SECOND & _LOW_BITS) >> (_BITS - self._bits)
        for step in range(_STEPS if word else 0):
            place = slot + step & (len(self._words) - 1)
            if (held := int(self._words[place])) == word:
                return int(self._numbers[place])
            if not held:
                break
        raise KeyError(name)

    def _add(self, words: Words, numbers: NDArray[np.int32]) -> None:
        """Take new words, and names that are none, which are 0."""
        bits = self._bits
        while 2 * len(self.listed) > 1 << bits:
            bits += 1
        if bits != self._bits:
            full = self._words.nonzero()[0]
            words = np.append(self._words[full], words)
            numbers = np.append(self._numbers[full], numbers)
            self._begin(bits)
        if not self._words.flags.writeable:
            # It was unpickled from memory that others read, too.
            self._words, self._numbers = self._words.copy(), self._numbers.copy()
        slots = self._slots(words)
        apart = words == 0
        rest = numbers[apart]
        words, numbers, slots = words[~apart], numbers[~apart], slots[~apart]
        for _ in range(_STEPS):
            free = self._words[slots] == 0
            # Of several that want one place the last gets it.
            self._words[slots[free]] = words[free]
            has = self._words[slots] == words
            self._numbers[slots[has]] = numbers[has]
            words, numbers = words[~has], numbers[~has]
            slots = (slots[~has] + 1) & (len(self._words) - 1)
        for number in (*rest.tolist(), *numbers.tolist()):
            self._apart[self.listed[number]] = number


def _words(names: Sequence[str]) -> Words:
    """Return names as words, and as 0 those that are none."""
    together = "".join(names)
    if not together.isascii() or "\0" in together:
        return np.fromiter(map(_word, names), np.uint64, len(names))
    texts = np.array(names, f"S{_WORD}")
    words = texts.view("<u8")
    # Longer ones were cut.
    full = texts.view(np.uint8).reshape(-1, _WORD)[:, -1].nonzero()[0]
    words[[place for place in full.tolist() if len(names[place]) > _WORD]] = 0
    return words


def texts_of_words(words: NDArray[np.uint64]) -> list[str]:
    """Return names of which each row has the words, and which have no newline.

    That takes a third of the time of one by one.
    """
    size = _WORD * words.shape[1]
    text = np.full((len(words), size + 1), ord("\n"), np.uint8)
    text[:, :size] = words.view(np.uint8).reshape(-1, size)
    return text.tobytes().translate(None, b"\0").decode().split("\n")[:-1]


def _word(name: object) -> int:
    if not isinstance(name, str) or len(name) > _WORD:
        # What a detector asks for may be anything.
        return 0
    spelled = name.encode("utf-8", "surrogatepass")
    if len(spelled) > _WORD or spelled.endswith(b"\0"):
        return 0
    return int.from_bytes(spelled, "little")
