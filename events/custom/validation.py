"""What a history of declared events has to be, record by record; see `events.store.judged`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from events.custom.columns import FactColumns
from events.store.judged import JudgedValidator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from events.custom.fact import FactTypes
    from events.journal.columns import Kinds
    from events.store.header import Header
    from events.store.records import Written


class FactValidator(JudgedValidator):
    """What was read so far of a history of events of declared types."""

    columns_type = FactColumns

    def __init__(self, header: Header, types: FactTypes) -> None:
        """Begin before the first frame of a store with ``header`` and events of ``types``."""
        super().__init__(header, types.verdict, None)
        self._judged_kinds: Final = list(types.judged)

    def _judged(self, kinds: Kinds) -> NDArray[np.bool_]:
        return np.isin(kinds, self._judged_kinds)

    def _length_of(self, event: Any, verdict: Any) -> int:
        del event, verdict
        return 0

    def _take_written(self, written: Written) -> None:
        # How long a line is its detector knows, which need not be there.
        self._lengths.add(written.size)
        super()._take_written(written)
