"""What a history of purchases has to be, record by record; see `events.store.judged`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from events.purchases.columns import PURCHASE, Columns
from events.purchases.event import line_of
from events.purchases.lines import flagged_line
from events.store.judged import JudgedValidator
from events.store.records import Decision

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from events.journal.columns import Kinds
    from events.purchases.event import Purchase
    from events.store.header import Header

_SUMS: Final = 8


class PurchaseValidator(JudgedValidator):
    """What was read so far of a history of purchases."""

    columns_type = Columns

    def __init__(self, header: Header) -> None:
        """Begin before the first frame of a store with ``header``."""
        super().__init__(header, Decision, _SUMS)

    def _judged(self, kinds: Kinds) -> NDArray[np.bool_]:
        judged: NDArray[np.bool_] = kinds == PURCHASE
        return judged

    def _length_of(self, event: Purchase, verdict: Decision) -> int:
        return len(flagged_line(line_of(event), verdict.mean, verdict.sd)) + 1
