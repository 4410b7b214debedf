"""Observations: at some time some advertising id was seen (SPEC.md section 7).

Consecutive ones are columns: what a log gives at a time, and what a frame holds.

Texts are made of them where somebody asks for texts: to search takes none but those of the
intervals.
"""

from __future__ import annotations

from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, NamedTuple, final

import msgspec
import numpy as np

from events.journal.columns import CodeBook, EventColumns
from events.journal.ticks import ticks_and_finer, time_of, times_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from events.journal.names import Names
    from events.journal.ticks import Ticks
    from events.times.timestamps import Zone

# Of fewer rows than one for so many names, texts are looked at and not all the names.
_FEW: Final = 8


@final
class Observation(msgspec.Struct, tag="observation", array_like=True, frozen=True, gc=False):
    """An id was seen."""

    time: str
    """When, as `events.times.timestamps.parse_timestamp` gives it."""
    number: int
    """Its place in the order of arrival: the line of its file, or the number of its event."""
    adid: str
    """The id."""
    key: str = ""
    """Where or by whom, if the observations have such a column."""
    line: bytes | None = None
    """The row itself, where it is to be kept."""


class Coded(NamedTuple):
    """Names, one after the other."""

    names: list[str]
    """The different ones, in the order in which they come for the first time."""
    codes: NDArray[Any]
    """Which of them each is."""

    @staticmethod
    def of(texts: Sequence[str]) -> Coded:
        """Return texts as such."""
        names = list(dict.fromkeys(texts))
        place = dict(zip(names, range(len(names)), strict=True))
        return Coded(names, np.fromiter(map(place.__getitem__, texts), np.int32, len(texts)))

    def texts(self) -> tuple[str, ...]:
        """Return the names as texts."""
        return tuple(map(self.names.__getitem__, self.codes.tolist()))

    def by(self, book: Names) -> NDArray[np.int32]:
        """Return the code that each name has in ``book``."""
        codes: NDArray[np.int32] = book.codes(self.names)[self.codes]
        return codes

    def part(self, rows: Any) -> Coded:
        """Return some of them."""
        codes = self.codes[rows]
        if len(codes) * _FEW < len(self.names):
            return Coded.of(Coded(self.names, codes).texts())
        first = np.full(len(self.names), len(self.codes))
        np.minimum.at(first, codes, np.arange(len(codes)))
        order = np.argsort(first, kind="stable")[: int((first < len(self.codes)).sum())]
        place = np.empty(len(self.names), np.int32)
        place[order] = np.arange(len(order))
        return Coded([self.names[code] for code in order.tolist()], place[codes])


class Observed(EventColumns):
    """Some consecutive observations, each an event with a number of its own.

    In a frame they stand where they were read, between what else is there; there may be several.
    """

    has_runs = False

    def __init__(
        self,
        number: int,
        times: Sequence[str],
        adids: Sequence[str],
        keys: Sequence[str] | None = None,
        *,
        zone: Zone | None = None,
    ) -> None:
        """Take observations as texts; see `of` for the columns.

        Args:
            number: the number of the first, from 1; the others follow one by one.
            times: when, as `events.times.timestamps.parse_timestamp` gives it; not always in
                order.
            adids: the ids, one for each time.
            keys: where or by whom, one for each time; None where there is no such column.
            zone: whether the times had an offset.

        """
        coded = None if keys is None else Coded.of(keys)
        self._take(number, *ticks_and_finer(times), Coded.of(adids), coded, zone=zone)

    @classmethod
    def of(
        cls,
        number: int,
        ticks: Ticks,
        finer: dict[int, str],
        adids: Coded,
        keys: Coded | None,
        *,
        zone: Zone | None = None,
    ) -> Observed:
        """Return observations whose times are ticks, and by index the digits beyond them."""
        observed = cls.__new__(cls)
        observed._take(  # noqa: SLF001  its own
            number, ticks, finer, adids, keys, zone=zone
        )
        return observed

    def _take(
        self,
        number: int,
        ticks: Ticks,
        finer: dict[int, str],
        adids: Coded,
        keys: Coded | None,
        *,
        zone: Zone | None,
    ) -> None:
        super().__init__(number, np.zeros(len(ticks), np.int8), ticks, finer)
        self.coded_adids = adids
        """The ids."""
        self.coded_keys = keys
        """Where or by whom; None where there is no such column."""
        self.zone = zone
        """Whether the times had an offset and are in UTC; None where that is not known."""

    @cached_property
    def times(self) -> tuple[str, ...]:
        """When, as texts."""
        return tuple(times_of(self.ticks, self.finer)) if len(self) else ()

    @cached_property
    def adids(self) -> tuple[str, ...]:
        """The ids as texts."""
        return self.coded_adids.texts()

    @cached_property
    def keys(self) -> tuple[str, ...] | None:
        """The keys as texts; None where there is no such column."""
        return None if self.coded_keys is None else self.coded_keys.texts()

    def time_at(self, row: int) -> str:
        """Return when the one at ``row`` was, counted from the last if that is negative."""
        row %= len(self)
        return time_of(int(self.ticks[row]), self.finer.get(row, ""))

    @property
    def earliest(self) -> str:
        """The earliest of the times."""
        if self.finer:
            return min(self.times)
        return time_of(int(self.ticks.min()))

    @property
    def latest(self) -> str:
        """The latest of the times."""
        if self.finer:
            return max(self.times)
        return time_of(int(self.ticks.max()))

    @property
    def in_order(self) -> bool:
        """Whether the times stand in order."""
        ticks = self.ticks
        if (ticks[1:] < ticks[:-1]).any():
            return False
        return not self.finer or sorted(self.times) == list(self.times)

    def first(self, count: int) -> Observed:
        """Return the first ``count`` of them."""
        return self.part(slice(count), self.number)

    def events(self, start: int = 0, end: int | None = None) -> list[Observation]:
        """Return those with the indexes from ``start`` up to ``end``, as objects."""
        end = len(self) if end is None else end
        coded = [self.coded_adids, *([self.coded_keys] if self.coded_keys else [])]
        texts = (Coded(names, codes[start:end]).texts() for names, codes in coded)
        numbers = range(self.number + start, self.number + end)
        return list(map(Observation, self.times_between(start, end), numbers, *texts))

    def part(self, rows: slice | Sequence[int], number: int) -> Observed:
        """Return some of them, of which the first has ``number``."""
        finer: dict[int, str] = {}
        if self.finer:
            kept: Iterable[int] = np.arange(len(self))[rows].tolist()
            finer = {at: self.finer[row] for at, row in enumerate(kept) if row in self.finer}
        keys = self.coded_keys
        return Observed.of(
            number,
            self.ticks[rows],
            finer,
            self.coded_adids.part(rows),
            None if keys is None else keys.part(rows),
            zone=self.zone,
        )

    def _texts(self) -> tuple[object, ...]:
        return self.number, self.times, self.adids, self.keys, self.zone == "utc"

    def __eq__(self, other: object) -> bool:
        """Tell whether ``other`` are the same observations."""
        return isinstance(other, Observed) and self._texts() == other._texts()

    def __hash__(self) -> int:
        """Return a number that the same observations have, too."""
        return hash(self._texts())

    def __repr__(self) -> str:
        """Return what they are, for people."""
        return f"Observed{self._texts()!r}"


def together(parts: Sequence[Observed]) -> Observed:
    """Return consecutive observations one behind the other."""
    if len(parts) == 1:
        return parts[0]
    begins = accumulate(map(len, parts), initial=0)
    finer = {
        begin + row: digits
        for begin, part in zip(begins, parts, strict=False)
        for row, digits in part.finer.items()
    }
    keys = [part.coded_keys for part in parts if part.coded_keys is not None]
    return Observed.of(
        parts[0].number,
        np.concatenate([part.ticks for part in parts]),
        finer,
        _together([part.coded_adids for part in parts]),
        _together(keys) if keys else None,
        zone=parts[0].zone,
    )


def _together(parts: Sequence[Coded]) -> Coded:
    book = CodeBook()
    codes = [np.fromiter(map(book.__getitem__, part.names), np.int64)[part.codes] for part in parts]
    return Coded(list(book), np.concatenate(codes))
