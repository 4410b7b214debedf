"""The exact baseline of a window of purchases, and the verdict (SPEC.md section 3)."""

from __future__ import annotations

from math import isqrt
from operator import mul
from typing import TYPE_CHECKING, NamedTuple

from events.purchases.amounts import UNITS_PER_CENT

if TYPE_CHECKING:
    from collections.abc import Iterable

PURCHASES_MIN = 2
SD_FACTOR = 3


class Baseline(NamedTuple):
    """What is usual in a network: number, sum and sum of squares of the window's amounts.

    All whole numbers, in units of 1/10,000 and their squares, so nothing is ever
    rounded before the two figures that are written out.
    """

    n: int
    """How many purchases."""
    total: int
    """S, the sum of their amounts."""
    squares: int
    """Q, the sum of the squares of their amounts."""

    @property
    def v(self) -> int:
        """V = n*Q - S*S: the variance times n*n, never negative."""
        return self.n * self.squares - self.total * self.total

    @property
    def mean(self) -> int:
        """The mean in whole cents, cut; 0 for no purchases."""
        return self.total // (self.n * UNITS_PER_CENT) if self.n else 0

    @property
    def sd(self) -> int:
        """The population standard deviation in whole cents, cut; 0 for no purchases."""
        return isqrt(self.v) // (self.n * UNITS_PER_CENT) if self.n else 0

    @property
    def rounded(self) -> tuple[int, int]:
        """Mean and standard deviation in whole cents, rounded half up; 0 for no purchases.

        No run records or writes them: they are for comparing with programs that round.
        """
        cent = self.n * UNITS_PER_CENT
        if not cent:
            return 0, 0
        # The floor of x + 1/2; that of a root is exact, as 2n cents are whole.
        return (2 * self.total + cent) // (2 * cent), (isqrt(4 * self.v) + cent) // (2 * cent)

    @property
    def enough(self) -> bool:
        """Whether there are enough purchases to judge by."""
        return self.n >= PURCHASES_MIN

    @property
    def threshold(self) -> int:
        """Mean + 3 sd in units of 1/10,000, cut; an amount is flagged when above it."""
        return (self.total + isqrt(SD_FACTOR**2 * self.v)) // self.n if self.n else 0

    def flags(self, amount: int) -> bool:
        """Tell whether ``amount``, in units of 1/10,000, is more than mean + 3 sd.

        Fewer than 2 purchases never flag. Both sides of the inequality are
        multiplied by n and squared, which leaves only whole numbers.
        """
        if not self.enough:
            return False
        excess = self.n * amount - self.total
        return excess > 0 and excess * excess > SD_FACTOR * SD_FACTOR * self.v


def threshold_of(mean: int, sd: int) -> int:
    """Return the threshold in whole cents of a mean and a standard deviation in whole cents."""
    return mean + SD_FACTOR * sd


def baseline_of(amounts: Iterable[int]) -> Baseline:
    """Return the baseline of the given amounts, in units of 1/10,000."""
    values = list(amounts)
    return Baseline(len(values), sum(values), sum(map(mul, values, values)))
