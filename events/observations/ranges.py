"""The ranges of observations that are within a threshold, and the ids in them, many at a time.

Of observations of some keys, sorted by key and those of a key by time, the longest range up to
an observation is all that is within the threshold of it. A range that is wanted is one not
inside another: where the next one begins later. So an operation on columns finds them all.

Ids are looked for in runs of observations with one id. A run is the first of its id in a range
where the run with that id before it ended before the range; the others are counted in pairs of
such runs, each of which lies in consecutive ranges, since these begin and end one after another.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from events.times.exact import Whole

N = TypeVar("N")
T = TypeVar("T")

# From so much overlap of ranges on, up to so many ids, up to so many that moved; see `IdRuns.ids`.
_OVERLAP: Final = 24
_FEW: Final = 16
_MOVED_FEW: Final = 8
_WIDE: Final = 2**62
_SMALL_MAX: Final = 2**16 - 1


def order_of(numbers: NDArray[Any]) -> NDArray[np.int64]:
    """Return the order in which numbers from 0 on ascend; that of equal ones stays.

    Small ones are sorted by their digits, in a quarter of the time of others.
    """
    small = int(numbers.max(initial=0)) <= _SMALL_MAX
    order: NDArray[np.int64] = np.argsort(
        numbers.astype(np.uint16) if small else numbers, kind="stable"
    )
    return order


def first_within(groups: NDArray[np.int64] | None, values: Whole, apart: int) -> NDArray[np.int64]:
    """Return for each row the first row of its group that is not too far before it.

    Args:
        groups: the group of each row, from 0 without a gap; they ascend. None for one group.
        values: when each row is; ascending in a group.
        apart: how far two may be apart; less than 0 if not even one row is close enough.

    """
    count = len(values)
    if not count:
        return np.zeros(0, np.int64)
    if apart < 0:
        return np.arange(1, count + 1)
    least = values.min()
    span = int(values.max()) - int(least)
    since: Whole = values - least
    apart = min(apart, span)
    if groups is None:
        return _first_not_before(since, since - apart)
    last, width = int(groups[-1]), span + apart + 1
    if values.dtype == object:
        base = groups.astype(object) * width
    elif (last + 1) * width < _WIDE:
        base = groups * width
    else:
        # As ranks among all times they are small, and so is the first within reach of each.
        different, ranks = np.unique(since, return_inverse=True)
        earliest = np.searchsorted(different, different - apart)[ranks]
        base = groups * (len(different) + 1)
        return _first_not_before(base + ranks, base + earliest)
    return _first_not_before(base + since, base + since - apart)


def _first_not_before(ordered: Whole, wanted: Whole) -> NDArray[np.int64]:
    found: NDArray[np.int64] = np.searchsorted(ordered, wanted)
    return found


class IdRuns:
    """The runs of one id in rows that are sorted by group."""

    def __init__(self, groups: NDArray[np.int64] | None, adids: NDArray[np.int32]) -> None:
        """Look through rows; ``adids`` are the ids, as codes from 0 on."""
        begins = np.ones(len(adids), np.bool_)
        np.not_equal(adids[1:], adids[:-1], out=begins[1:])
        if groups is not None:
            begins[1:] |= groups[1:] != groups[:-1]
        # Half the time of searching for each range where its runs begin.
        self._run_of: Final = np.cumsum(begins) - 1
        rows = np.flatnonzero(begins)
        self._groups: Final = None if groups is None else groups[rows]
        self.adids: Final = adids[rows]
        """The id of each run."""

    def runs_of(
        self, starts: NDArray[np.int64], ends: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the first and the last run of each range from a start up to an end."""
        return self._run_of[starts], self._run_of[ends - 1]

    @cached_property
    def _before(self) -> NDArray[np.int64]:
        """For each run the one before it that has its id, in its group, or -1."""
        codes = self.adids.astype(np.int64)
        if self._groups is not None and len(codes):
            codes += self._groups * (int(codes.max()) + 1)
        order = np.argsort(codes, kind="stable")
        ordered = codes[order]
        same = ordered[1:] == ordered[:-1]
        before = np.full(len(codes), -1)
        before[order[1:][same]] = order[:-1][same]
        return before

    def counts(self, first: NDArray[np.int64], last: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many different ids each range of runs has; both ends ascend."""
        before = self._before
        again = np.flatnonzero(before >= 0)
        begin = np.searchsorted(last, again)
        end = np.searchsorted(first, before[again], side="right")
        inside = begin < end
        count = len(first)
        more = np.bincount(begin[inside], minlength=count + 1)
        more -= np.bincount(end[inside], minlength=count + 1)
        return last - first + 1 - np.cumsum(more[:count])

    def ids(
        self,
        first: NDArray[np.int64],
        last: NDArray[np.int64],
        names: Sequence[N],
        made: Callable[[Sequence[N]], T],
        *,
        overlap: int = _OVERLAP,
        few: int = _FEW,
        moved_few: int = _MOVED_FEW,
    ) -> list[T]:
        """Return what is made of the ids of ranges of runs, each in order of first appearance.

        Args:
            first: the first run of each; they ascend.
            last: the last run of each; they ascend.
            names: the ids by code.
            made: is given those of each.
            overlap: where ranges have so many times the runs that there are, ids are kept account
                of from range to range: to look through each took longer then.
            few: up to so many different ids are looked up for each range instead.
            moved_few: up to so many ids are put in their places one by one then.

        """
        if not len(first):
            return []
        widths = last - first + 1
        ends = np.cumsum(widths)
        if int(ends[-1]) > overlap * (int(last[-1]) - int(first[0]) + 1):
            among = self.adids[int(first[0]) : int(last[-1]) + 1]
            different, which = np.unique(among, return_inverse=True)
            if len(different) > few:
                return [*map(made, self._ids_in_turn(first, last, names, moved_few))]
            which, counts = _first_of_few(which, first - first[0], last - first[0])
            codes = different[which]
        else:
            runs = np.repeat(first - ends + widths, widths) + np.arange(ends[-1])
            are_first = self._before[runs] < np.repeat(first, widths)
            codes = self.adids[runs[are_first]]
            counts = np.add.reduceat(are_first, ends - widths, dtype=np.int64)
        found = list(map(names.__getitem__, codes.tolist()))
        stops = np.cumsum(counts)
        return [
            made(found[start:stop])
            for start, stop in zip((stops - counts).tolist(), stops.tolist(), strict=True)
        ]

    def _ids_in_turn(
        self,
        first: NDArray[np.int64],
        last: NDArray[np.int64],
        names: Sequence[N],
        moved_few: int,
    ) -> Iterator[list[N]]:
        """Iterate over the ids of ranges, of which one account is kept from one to the next."""
        low, high = int(first[0]), int(last[-1]) + 1
        before = self._before[low:high] - low
        after = np.full(high - low, high - low)
        again = np.flatnonzero(before >= 0)
        after[before[again]] = again
        earlier, later = before.tolist(), after.tolist()
        name_of = [names[code] for code in self.adids[low:high].tolist()]
        # The runs that are the first of their id, in order, and these ids.
        firsts: list[int] = []
        ids: list[N] = []
        start = end = 0
        for begin, stop in zip((first - low).tolist(), (last - low + 1).tolist(), strict=True):
            if begin >= end:
                start = end = begin
            if gone := bisect_left(firsts, begin):
                del firsts[:gone], ids[:gone]
            # Where the ids come again whose first run the range has left behind.
            moved = [run for run in later[start:begin] if begin <= run < end]
            if len(moved) <= moved_few:
                for run in moved:
                    index = bisect_left(firsts, run)
                    firsts.insert(index, run)
                    ids.insert(index, name_of[run])
            else:
                # The sort finds two runs.
                firsts = sorted(firsts + sorted(moved))
                ids = [name_of[run] for run in firsts]
            for run in range(end, stop):
                if earlier[run] < begin:
                    firsts.append(run)
                    ids.append(name_of[run])
            start, end = begin, stop
            yield ids


def _first_of_few(
    codes: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the codes of ranges, those of one behind those of another, and how many each has.

    Where each of a few codes comes next is looked up; the order of these places is theirs.
    """
    rows = np.arange(len(codes))
    following = np.full((int(codes.max()) + 1, len(codes)), len(codes))
    following[codes, rows] = rows
    following = np.minimum.accumulate(following[:, ::-1], axis=1)[:, ::-1]
    comes = following[:, first].T
    order = np.argsort(comes, axis=1)
    are_in = np.take_along_axis(comes, order, axis=1) <= last[:, None]
    return order[are_in], are_in.sum(axis=1)
