"""Numbers for names, for all of a history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Names(dict[str, int]):
    """The numbers of names, from 0 in the order in which they come."""

    def __init__(self) -> None:
        """Begin without names."""
        super().__init__()
        self.listed: Final[list[str]] = []
        """The names, by number."""

    def codes(self, names: Sequence[str]) -> NDArray[np.int32]:
        """Return the number of each of ``names``, all different; who has none gets the next."""
        try:
            return np.fromiter(map(self.__getitem__, names), np.int32, len(names))
        except KeyError:
            new = [name for name in names if name not in self]
        self.update(zip(new, range(len(self), len(self) + len(new)), strict=True))
        self.listed.extend(new)
        return np.fromiter(map(self.__getitem__, names), np.int32, len(names))
