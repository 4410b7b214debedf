"""The verdict on a purchase, as a store keeps it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import msgspec

from events.bounds import Count, Number
from events.purchases.amounts import cents_decimal

if TYPE_CHECKING:
    from decimal import Decimal


class Decision(msgspec.Struct, tag="decision", array_like=True, frozen=True, gc=False):
    """The verdict on one purchase of the stream (SPEC.md section 3)."""

    number: Number
    """The number of the purchase's event."""
    flagged: bool
    """Whether the purchase is anomalous."""
    purchases: Count
    """The number of purchases in the window; with fewer than 2 nothing is flagged."""
    mean_cents: Count = msgspec.field(name="mean")
    """Their mean in whole cents (1/100), cut and not rounded; 0 where there are none."""
    sd_cents: Count = msgspec.field(name="sd")
    """Their standard deviation in whole cents (1/100), cut and not rounded; 0 where none are."""

    @property
    def mean_decimal(self) -> Decimal:
        """The mean in the currency unit, as `Purchase.amount_decimal` is, cut to 2 places."""
        return cents_decimal(self.mean_cents)

    @property
    def sd_decimal(self) -> Decimal:
        """The standard deviation in the currency unit, cut to 2 places."""
        return cents_decimal(self.sd_cents)

    @property
    def mean(self) -> int:
        """The same as `mean_cents`, with a warning: amounts of events are in another unit."""
        return _of_another_unit("mean", self.mean_cents)

    @property
    def sd(self) -> int:
        """The same as `sd_cents`, with a warning: amounts of events are in another unit."""
        return _of_another_unit("sd", self.sd_cents)


def _of_another_unit(name: str, cents: int) -> int:
    """Return ``cents``, and warn whoever reads an attribute whose name does not say so."""
    warnings.warn(
        f"Decision.{name} is in cents (1/100), and Purchase.amount in 1/10,000: compare "
        f"{name}_decimal with amount_decimal; {name}_cents is the same as {name}",
        FutureWarning,
        stacklevel=3,
    )
    return cents
