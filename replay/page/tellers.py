"""Which functions tell of a store's events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from replay.custom.looks import FactLooks
from replay.intervals.looks import IntervalLooks
from replay.page import custom, intervals, purchases
from replay.purchases.looks import PurchaseLooks

if TYPE_CHECKING:
    from replay.engine.looks import Looks
    from replay.page.content import Teller

_TELLERS: Final[dict[type[Looks[Any]], Teller]] = {
    PurchaseLooks: purchases.TELLER,
    IntervalLooks: intervals.TELLER,
    FactLooks: custom.TELLER,
}


def teller_of(looks: Looks[Any]) -> Teller:
    """Return what tells of the store with these looks."""
    return _TELLERS[type(looks)]
