"""Numbers for names, in the order in which they come, for many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# Of each round another: what falls together in one does not in the next. They are odd,
# and have as many bits that are set as not.
FACTORS: Final = (
    0x9E3779B97F4A7C15,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0xD6E8FEB86659FD93,
)
_STEP: Final = np.uint64(0xFF51AFD7ED558CCD)
# So many places for each name let few of them fall together.
_ROOM: Final = 4
_BITS: Final = 64


def first_places(
    names: NDArray[np.uint64], factors: Sequence[int] = FACTORS, room: int = _ROOM
) -> NDArray[np.int64]:
    """Return for each of ``names`` where it comes first: a tenth of the time of a dictionary.

    Args:
        names: one name in each row, in as many words as the longest needs.
        factors: one for each round.
        room: how many places there are for each name.

    """
    first = np.arange(len(names))
    if not len(names):
        return first
    bits = (room * len(names)).bit_length()
    table = np.empty(1 << bits, np.int64)
    left, rest = first.copy(), names
    for factor in factors:
        mixed = rest[:, 0] * np.uint64(factor)
        for column in rest.T[1:]:
            mixed = ((mixed ^ mixed >> np.uint64(29)) + column) * _STEP * np.uint64(factor)
        slots = (mixed >> np.uint64(_BITS - bits)).astype(np.int64)
        # Of several that fall together the last one is kept, so the first is put there last.
        table[slots[::-1]] = left[::-1]
        met = table[slots]
        same = names[met, 0] == rest[:, 0]
        for column in range(1, names.shape[1]):
            same &= names[met, column] == rest[:, column]
        first[left] = met
        if same.all():
            return first
        left = left[~same]
        rest = names[left]
    # Names that somebody has chosen so that they fall together.
    known: dict[tuple[int, ...], int] = {}
    for place, name in zip(left.tolist(), map(tuple, rest.tolist()), strict=True):
        first[place] = known.setdefault(name, place)
    return first
