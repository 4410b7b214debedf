"""Turning blocks of a log's lines into columns of events of declared types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from events.custom.columns import FactColumns
from events.logs.parser import LineParser

if TYPE_CHECKING:
    from events.custom.fact import Fact
    from events.custom.lines import FactLines
    from events.records.record import Source
    from events.times.timestamps import Zone


class FactParser(LineParser):
    """Turns blocks of whole lines into events of declared types; see `LineParser`."""

    def __init__(
        self,
        lines: FactLines,
        source: Source,
        first_number: int,
        line_number: int = 1,
        zone: Zone | None = None,
    ) -> None:
        """Begin as every parser of lines does, which are read as ``lines`` says."""
        super().__init__(source, first_number, line_number, zone)
        self._lines: Final = lines

    def _read(self, line: bytes) -> tuple[Fact, Zone]:
        return self._lines.read(line, self.zone)

    def _columns(self, events: list[Fact]) -> FactColumns:
        return FactColumns.of(self._lines.types, events, 1)
