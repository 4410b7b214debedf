"""The journal of events whose types a detector declares, with an index by subject."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from events.custom.columns import FactColumns, facts
from events.custom.fact import Fact
from events.journal.index import GROWTH, Column, Index
from events.journal.journal import Journal
from events.journal.names import Names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from events.custom.fact import FactTypes
    from events.journal.index import Growth, Owners, Rows

_DTYPES: Final = {"text": np.int32, "int": np.int64, "bool": np.bool_}


class FactJournal(Journal[Fact, FactColumns]):
    """All events of a history, with a column for each field that their types have."""

    def __init__(
        self,
        types: FactTypes,
        subjects: Callable[[Fact], Sequence[str]],
        growth: Growth = GROWTH,
    ) -> None:
        """Begin without events of ``types``; ``subjects`` tells whom one concerns, each once."""
        super().__init__(growth)
        self.types: Final = types
        """The types of the events."""
        self.subjects: Final = subjects
        """Tells whom an event concerns."""
        fields = types.fields.items()
        self._values: Final = {name: Column(_DTYPES[kind], growth) for name, kind in fields}
        self._texts: Final = {name: Names() for name, kind in fields if kind == "text"}
        # Each row as often as it has subjects, and these.
        self._rows: Final = Column(np.int64, growth)
        self._subjects: Final = Column(np.int32, growth)
        self._index: Final = Index(self, self._pairs, growth=growth)

    def _columns(self, event: Fact) -> FactColumns:
        return FactColumns.of(self.types, [event], event.number)

    def _take(self, columns: FactColumns) -> None:
        rows, whom = [], []
        births: dict[str, int] = {}
        for row, event in enumerate(columns.events(), self._count):
            for name in self.subjects(event):
                rows.append(row)
                whom.append(name)
                if name not in self.numbers:
                    births.setdefault(name, event.number)
        self.numbers.codes(list(births))
        self._appear(list(births.values()))
        self._rows.append(np.array(rows, np.int64))
        self._subjects.append(np.array([self.numbers[name] for name in whom], np.int32))
        for name, column in self._values.items():
            values: NDArray[Any] = columns.values[name]
            # Who has no such field has 0 there, whether or not there are texts.
            if texts := columns.texts.get(name):
                values = self._texts[name].codes(texts)[values]
            column.append(values)

    def _pairs(self, start: int, end: int) -> tuple[Rows, Owners]:
        places = slice(*np.searchsorted(self._rows.array, (start, end)).tolist())
        return self._rows.array[places], self._subjects.array[places]

    def _whom(self, rows: slice) -> Owners:
        return self._pairs(rows.start, rows.stop)[1]

    def rows_of(self, subject: int, number: int) -> list[int]:
        return self._index.rows_of(subject, number)

    def _made(self, places: slice | Rows, rows: Sequence[int]) -> list[Fact]:
        values = {name: column.array[places] for name, column in self._values.items()}
        return facts(
            self.types,
            [row + 1 for row in rows],
            self.kinds[places],
            self._times(places, rows),
            map(self._lines.get, rows),
            values,
            {name: texts.listed for name, texts in self._texts.items()},
        )
