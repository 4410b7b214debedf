"""The events of a frame as columns, one for each field that a detector declares.

In memory a column has an entry for each event; in a store only for those whose type has
the field. Texts are places among the different ones of the column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

import msgspec
import numpy as np

from events.bounds import Count, Signed
from events.journal.columns import CodeBook, EventColumns
from events.journal.ticks import ticks_and_finer
from events.records.packed import (
    PackedTimes,
    pack_names,
    pack_times,
    unpack_names,
    unpack_times,
)
from events.records.validation import WrongRecordError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from events.custom.fact import Fact, FactTypes, FieldKind
    from events.journal.columns import Kinds
    from events.journal.ticks import Ticks

VALUES_MAX: Final = 1 << 23
"""How many events times fields a frame has at most; the largest that runs write have fewer."""


class PackedTexts(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The texts of a column, one for each event that has the field."""

    names: list[str]
    """The different ones, in the order in which they come for the first time."""
    codes: list[Count]
    """0 for the next of ``names`` that has not come; n for the n-th of them."""


class PackedFacts(msgspec.Struct, tag="facts", array_like=True, frozen=True, gc=False):
    """The events of a frame, of a detector that declares their types."""

    kinds: list[Count]
    """The type of each event, as its place in the header."""
    times: PackedTimes
    """When."""
    texts: list[PackedTexts]
    """The fields that are texts, in the order in which the header has them for the first time."""
    numbers: list[list[Signed]]
    """The other fields, in that order."""
    lines: list[tuple[Count, bytes]]
    """The places of the events whose lines are not canonical, and these."""

    @property
    def events(self) -> int:
        """How many events they are."""
        return len(self.kinds)


class FactColumns(EventColumns):
    """Some consecutive events whose types a detector declares."""

    __slots__ = ("texts", "types", "values")

    def __init__(  # noqa: PLR0917  they are the columns
        self,
        types: FactTypes,
        number: int,
        kinds: Kinds,
        ticks: Ticks,
        finer: dict[int, str],
        lines: dict[int, bytes],
        values: dict[str, NDArray[np.int64]],
        texts: dict[str, list[str]],
    ) -> None:
        """Take the columns of events from event ``number`` on; 0 where one has no such field."""
        super().__init__(number, kinds, ticks, finer, lines)
        self.types = types
        """The types of the events."""
        self.values = values
        """Of each field the numbers, or the places of its texts."""
        self.texts = texts
        """The different texts of each field that has some."""

    def _having(self, name: str) -> NDArray[np.bool_]:
        """Tell of each event whether it has the field ``name``."""
        return np.isin(self.kinds, list(self.types.having[name]))

    @classmethod
    def of(cls, types: FactTypes, events: Sequence[Fact], number: int) -> Self:
        """Return the columns of ``events``, numbered from ``number`` on."""
        kinds = [types.kind_of[type(event)] for event in events]
        ticks, finer = ticks_and_finer([event.time for event in events])
        lines = {place: each.line for place, each in enumerate(events) if each.line is not None}
        values: dict[str, NDArray[np.int64]] = {}
        texts: dict[str, list[str]] = {}
        for name, kind in types.fields.items():
            having = types.having[name]
            book = CodeBook()
            column = [
                0
                if each not in having
                else book[getattr(event, name)]
                if kind == "text"
                else int(getattr(event, name))
                for each, event in zip(kinds, events, strict=True)
            ]
            values[name] = np.array(column, np.int64)
            if kind == "text":
                texts[name] = list(book)
        return cls(types, number, np.array(kinds, np.int8), ticks, finer, lines, values, texts)

    def first(self, count: int) -> Self:
        return self.of(self.types, self.events(0, count), self.number)

    def events(self, start: int = 0, end: int | None = None) -> list[Fact]:
        end = len(self) if end is None else end
        return facts(
            self.types,
            range(self.number + start, self.number + end),
            self.kinds[start:end],
            self.times_between(start, end),
            map(self.lines.get, range(start, end)),
            {name: values[start:end] for name, values in self.values.items()},
            self.texts,
        )

    def packed(self) -> PackedFacts:
        """Return the events as a store keeps them."""
        texts, numbers = [], []
        for name, kind in self.types.fields.items():
            values = self.values[name][self._having(name)]
            if kind != "text":
                numbers.append(values.tolist())
            elif len(values):
                packed = pack_names(self.texts[name], values)
                texts.append(PackedTexts(packed.names, packed.codes))
            else:
                texts.append(PackedTexts([], []))
        times = pack_times(self.ticks, self.finer)
        return PackedFacts(self.kinds.tolist(), times, texts, numbers, sorted(self.lines.items()))

    def text_length(self) -> int:
        """Return how many characters the texts have, with the digits that ticks cannot tell."""
        lengths = (
            np.fromiter(map(len, texts), np.int64)[self.values[name][self._having(name)]]
            for name, texts in self.texts.items()
        )
        return sum(map(len, self.finer.values())) + sum(int(each.sum()) for each in lengths)

    @classmethod
    def unpack(cls, packed: PackedFacts, types: FactTypes, number: int) -> Self:
        """Return the events that a store keeps, from event ``number`` on.

        Raises:
            WrongRecordError: they are none that a run packs so.

        """
        events = packed.events
        if max(packed.kinds) >= len(types.events):
            raise WrongRecordError(f"{len(types.events)} types of events", max(packed.kinds) + 1)
        kinds = np.array(packed.kinds, np.int8)
        ticks, finer = unpack_times(packed.times, events)
        columns = len(packed.texts) + len(packed.numbers)
        named = list(types.fields.values()).count("text")
        if columns != len(types.fields) or len(packed.texts) != named:
            raise WrongRecordError("a column for each field", f"{columns} columns")
        if events * columns > VALUES_MAX:
            raise WrongRecordError(f"{VALUES_MAX} values in a frame at most", "more")
        values: dict[str, NDArray[np.int64]] = {}
        texts: dict[str, list[str]] = {}
        all_texts, all_numbers = iter(packed.texts), iter(packed.numbers)
        for name, kind in types.fields.items():
            having = np.flatnonzero(np.isin(kinds, list(types.having[name])))
            values[name] = np.zeros(events, np.int64)
            if kind == "text":
                column = next(all_texts)
                texts[name] = column.names
                values[name][having] = _codes(column, len(having))
            else:
                values[name][having] = _numbers(next(all_numbers), kind, len(having))
        lines = dict(packed.lines)
        places = [place for place, _ in packed.lines]
        if places != sorted(lines) or any(place >= events for place in places[-1:]):
            raise WrongRecordError("lines of the frame's events in order, each once", "others")
        return cls(types, number, kinds, ticks, finer, lines, values, texts)


def facts(  # noqa: PLR0917  they are the columns
    types: FactTypes,
    numbers: Iterable[int],
    kinds: Kinds,
    times: Iterable[str],
    lines: Iterable[bytes | None],
    values: Mapping[str, NDArray[Any]],
    texts: Mapping[str, Sequence[str]],
) -> list[Fact]:
    """Return events as objects, of columns as `FactColumns` has them."""
    columns: dict[str, list[Any]] = {}
    for name, kind in types.fields.items():
        column: list[Any] = values[name].tolist()
        if kind == "text":
            of = texts[name]
            column = [of[code] if of else "" for code in column]
        columns[name] = list(map(bool, column)) if kind == "bool" else column
    names_of = [[field.name for field in each.fields] for each in types.types]
    found = []
    rows = zip(kinds.tolist(), numbers, times, lines, strict=True)
    for place, (kind, number, time, line) in enumerate(rows):
        own = {name: columns[name][place] for name in names_of[kind]}
        found.append(types.events[kind](**own, time=time, number=number, line=line))
    return found


def _codes(column: PackedTexts, count: int) -> NDArray[np.int64]:
    """Return which texts ``count`` events have, as their places."""
    if count:
        return unpack_names(column.names, column.codes, count)
    if column.names or column.codes:
        raise WrongRecordError("no texts, as no event has one", "some")
    return np.zeros(0, np.int64)


def _numbers(column: list[int], kind: FieldKind, count: int) -> NDArray[np.int64]:
    """Return the numbers, or truth values, that ``count`` events have."""
    if len(column) != count:
        raise WrongRecordError(f"the values of {count} events", len(column))
    values = np.array(column, np.int64)
    if kind == "bool" and count and not 0 <= int(values.min()) <= int(values.max()) <= 1:
        raise WrongRecordError("truth values as 0 or 1", "another number")
    return values
