"""Times and names as format 3 of a store packs them: columns of few bytes an event.

A frame has few times that are not those of the event before, and names that come again.
So times are kept as steps, with how many events each has, and names once, with places
among them. Nothing here becomes longer than something that stands in
the file: as many counts as times, as many codes as names that are meant.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import msgspec
import numpy as np
from msgspec import Meta

from events.bounds import Count, Name, Signed
from events.journal.ticks import (
    PLACES,
    TICKS_END,
    TICKS_PER_SECOND,
    tick_of,
    ticks_of,
    time_of,
    times_of,
)
from events.records.validation import WrongRecordError, check_canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from events.journal.ticks import Ticks

_Times: TypeAlias = "tuple[Ticks, dict[int, str]]"
_Several = Annotated[int, Meta(ge=1, le=2**32 - 1)]

FRACTION_DIGITS_MAX: Final = 18
"""How fine steps may be: a second has 10^18 of the finest, which 64 bits can count."""
_INT64_MAX: Final = 2**63 - 1
_SAFE: Final = 2**62


class PackedTimes(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The times of the events of a frame: some different ones, each with how many have it."""

    texts: list[str]
    """The first time as a text, or all of them where there are no ``places``."""
    places: Annotated[int, Meta(ge=0, le=FRACTION_DIGITS_MAX)] | None
    """How many digits the finest fraction of the times has; None where the times are texts."""
    steps: list[Signed]
    """From each time to the next, in units of 10^-places seconds."""
    counts: list[_Several] | None
    """How many consecutive events have each of the times; None where one has each."""


class PackedNames(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The names that the events of a frame have, one after the other."""

    names: list[Name]
    """The different ones, in the order in which they come for the first time."""
    codes: list[Count]
    """0 for the next of ``names`` that has not come; n for the n-th of them."""


def whole_numbers(values: Iterable[int], count: int) -> NDArray[np.int64]:
    """Return ``values``, of which there are ``count`` and none has more than 63 bits.

    Raises:
        WrongRecordError: one has.

    """
    try:
        return np.fromiter(values, np.int64, count)
    except OverflowError:
        raise WrongRecordError("a place in the frame", "a number of 64 bits") from None


def pack_times(ticks: Ticks, finer: dict[int, str]) -> PackedTimes:
    """Return times as `events.journal.columns` has them, of one event at least, in few bytes.

    Seven bytes for a whole frame where all events have one time; one or two for each other
    time. Of a log with a time for each line the counts would all be 1, and are left out.
    """
    if finer:
        return _pack_finer(ticks, finer)
    steps = np.diff(ticks)
    counts = None
    moved = np.flatnonzero(steps)
    if _is_grouped(len(moved) + 1, len(ticks)):
        counts = np.diff(moved, prepend=-1, append=len(ticks) - 1).tolist()
        steps = steps[moved]
    places, unit = 0, TICKS_PER_SECOND
    while (ticks % unit).any():
        places, unit = places + 1, unit // 10
    return PackedTimes([time_of(int(ticks[0]))], places, (steps // unit).tolist(), counts)


def _is_grouped(groups: int, events: int) -> bool:
    """Tell whether times with counts take less than a step for each event."""
    return 2 * groups < events


def _pack_finer(ticks: Ticks, finer: dict[int, str]) -> PackedTimes:
    places = PLACES + max(map(len, finer.values()))
    # Times are compared by their number and the digits that it cannot tell.
    whole = ticks.tolist()
    pairs = [(tick, finer.get(index, "")) for index, tick in enumerate(whole)]
    begins = [0, *(index for index in range(1, len(pairs)) if pairs[index] != pairs[index - 1])]
    counts = None
    if _is_grouped(len(begins), len(pairs)):
        counts = [end - start for start, end in pairwise([*begins, len(pairs)])]
    else:
        begins = list(range(len(pairs)))
    texts = times_of(
        ticks[begins], {at: pairs[index][1] for at, index in enumerate(begins) if pairs[index][1]}
    )
    if places <= FRACTION_DIGITS_MAX:
        digits = places - PLACES
        values = [
            pairs[index][0] * 10**digits + int(pairs[index][1].ljust(digits, "0"))
            for index in begins
        ]
        steps = [after - before for before, after in pairwise(values)]
        if all(-_INT64_MAX <= step <= _INT64_MAX for step in steps):
            return PackedTimes(texts[:1], places, steps, counts)
    return PackedTimes(texts, None, [], counts)


def unpack_times(packed: PackedTimes, events: int) -> _Times:
    """Return the times of ``events`` events.

    Raises:
        WrongRecordError: they are those of another number of events, or none that a run
            packs so.

    """
    counts = packed.counts
    groups = len(packed.texts if packed.places is None else packed.steps)
    groups += packed.places is not None
    meant = groups if counts is None else sum(counts)
    if meant != events or (counts is not None and len(counts) != groups):
        raise WrongRecordError(f"the times of {events} events", "others")
    if packed.places is None:
        if packed.steps:
            raise WrongRecordError("times as texts or as steps", "both")
        times = _as_columns(packed.texts)
    else:
        if len(packed.texts) != 1:
            raise WrongRecordError("one time, and steps from it", f"{len(packed.texts)} times")
        times = _stepped(packed.texts[0], packed.places, packed.steps)
    return times if counts is None else _repeated(times, counts)


def _repeated(times: _Times, counts: list[int]) -> _Times:
    ticks, finer = times
    ends = list(accumulate(counts)) if finer else []
    return (
        np.repeat(ticks, np.array(counts)),
        {
            index: digits
            for group, digits in finer.items()
            for index in range(ends[group] - counts[group], ends[group])
        },
    )


def _as_columns(texts: Sequence[str]) -> _Times:
    """Return texts as columns.

    Raises:
        WrongRecordError: one is no canonical time.

    """
    whole = ticks_of(texts)
    if whole is not None:
        return (whole, {})
    ticks, finer = [], {}
    for index, text in enumerate(texts):
        check_canonical(text)
        tick, digits = tick_of(text)
        ticks.append(tick)
        if digits:
            finer[index] = digits
    return (np.array(ticks, np.int64), finer)


def _stepped(first: str, places: int, steps: list[int]) -> _Times:
    """Return the time ``first`` and those to which ``steps`` lead from it."""
    check_canonical(first)
    tick, beyond = tick_of(first)
    if places > PLACES or beyond:
        return _stepped_finely(tick, beyond, places, steps)
    if not steps:
        return (np.array([tick]), {})
    unit = 10 ** (PLACES - places)
    moves = whole_numbers(steps, len(steps))
    farthest = max(-int(moves.min()), int(moves.max())) * unit * len(steps)
    if farthest < _SAFE:
        ticks = np.empty(len(steps) + 1, np.int64)
        ticks[0] = tick
        np.cumsum(moves, out=ticks[1:])
        ticks[1:] *= unit
        ticks[1:] += tick
        _check_years(int(ticks.min()), int(ticks.max()))
        return (ticks, {})
    values = list(accumulate(steps, lambda value, step: value + step * unit, initial=tick))
    _check_years(min(values), max(values))
    return (np.array(values, np.int64), {})


def _stepped_finely(tick: int, beyond: str, places: int, steps: list[int]) -> _Times:
    digits = places - PLACES
    if digits < len(beyond):
        raise WrongRecordError("steps as fine as the time before them", f"{places} places")
    unit = 10**digits
    values = list(accumulate(steps, initial=tick * unit + int(beyond.ljust(digits, "0"))))
    _check_years(min(values) // unit, max(values) // unit)
    ticks, finer = [], {}
    for index, value in enumerate(values):
        whole, rest = divmod(value, unit)
        ticks.append(whole)
        if rest:
            finer[index] = f"{rest:0{digits}}".rstrip("0")
    return (np.array(ticks, np.int64), finer)


def _check_years(first: int, last: int) -> None:
    if first < 0 or last >= TICKS_END:
        raise WrongRecordError("times of the years 1 to 9999", "another one")


def pack_names(names: list[str], codes: NDArray[Any]) -> PackedNames:
    """Return the names that are meant one after the other, of which ``codes`` are the places.

    They are different, and in the order in which they are first meant.
    """
    packed = pack_codes(codes)
    if len(packed) - int(np.count_nonzero(packed)) != len(names):
        raise ValueError("expected names in the order in which they are met, found others")
    return PackedNames(names, packed.tolist())


def pack_codes(codes: NDArray[Any]) -> NDArray[np.int64]:
    """Return 0 for each thing that is meant for the first time, and its place + 1 for others.

    Args:
        codes: which things are meant, as their places in the order in which they first are.

    """
    # That is so where its place is behind all before it.
    largest = np.maximum.accumulate(codes)
    is_new = np.ones(len(codes), np.bool_)
    is_new[1:] = largest[1:] > largest[:-1]
    packed: NDArray[np.int64] = np.where(is_new, 0, codes + 1)
    return packed


def unpack_names(names: list[str], told: list[int], events: int) -> NDArray[np.int64]:
    """Return which of ``names`` ``events`` codes mean that a frame has ``told``, as their places.

    Raises:
        WrongRecordError: it is another number, or a name that there is not.

    """
    if len(told) != events:
        raise WrongRecordError(f"{events} names", f"{len(told)}")
    meant = unpack_codes(whole_numbers(told, events), len(names))
    if len(set(names)) != len(names):
        raise WrongRecordError("each name once in a frame", "one twice")
    return meant


def unpack_codes(codes: NDArray[np.int64], different: int) -> NDArray[np.int64]:
    """Return which of so many things are meant one after the other, as `pack_codes` took them.

    Raises:
        WrongRecordError: one is not there, or not all of them are meant.

    """
    is_new = codes == 0
    came = np.cumsum(is_new)
    if came[-1] != different or np.count_nonzero(codes > came):
        raise WrongRecordError("names that the frame has, each of them used", "others")
    meant = np.where(is_new, came, codes)
    meant -= 1
    return meant
