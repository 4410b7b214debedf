"""What is whole in a store that may be damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from events.store.header import decode_header
from events.store.reading import Reader
from events.store.scan import Damage
from events.store.store import read_content, scanned

if TYPE_CHECKING:
    from pathlib import Path

    from events.records.record import Record
    from events.store.header import Header


class Part(NamedTuple):
    """A frame that is whole."""

    events_before: int
    """How many events stood before it."""
    records: list[Record]
    """What it holds."""


class Salvage:
    """All of a store that can be read, and all of it that cannot.

    Raises:
        StoreError: the file cannot be read, or is no event store, or of a newer format,
            or its header is damaged, without which nothing else has a meaning.

    """

    def __init__(self, path: Path) -> None:
        """Read the store at ``path``; it is not changed."""
        data = read_content(path)
        self.size: Final = len(data)
        """How many bytes the file has."""
        self.header: Header
        self.version: int
        """The version of its format."""
        self.header, self.version, start = decode_header(data, path)
        self.found: list[Part | Damage] = []
        """Frames and damage, in order."""
        self.intact_bytes = start
        """How many bytes there are before the first damage."""
        damaged = False
        view = memoryview(data)
        reader = Reader(self.header, self.version, path)
        for each in scanned(view, start, path):
            if isinstance(each, Damage):
                self.found.append(each)
                damaged = True
                if each.events_after is not None:
                    reader.pass_over(each.offset, each.events_after)
                continue
            body, events = view[each.body : each.end], each.frame.events
            records = reader.next_records(body, each.body, events)
            self.found.append(Part(each.frame.events_before, records))
            if not damaged:
                self.intact_bytes = each.end

    @property
    def parts(self) -> list[Part]:
        """The frames that are whole."""
        return [each for each in self.found if isinstance(each, Part)]

    @property
    def damages(self) -> list[Damage]:
        """What is damaged, the torn tail too."""
        return [each for each in self.found if isinstance(each, Damage)]

    @property
    def records(self) -> list[Record]:
        """The records of all frames that are whole."""
        return [record for part in self.parts for record in part.records]
