"""Intervals of observations that are already in memory, from any kind of columns.

import replay

for interval in replay.find_intervals(frame["time"], frame["adid"], "10m"):
    print(interval.start_time, interval.end_time, interval.adids)

ColumnNames are any sequences: lists, or columns of pandas, polars and numpy, none of which
is imported here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from operator import index
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from actors.intervals.finder import IntervalFinder, Rows
from events.errors import BadValueError, shown
from events.journal.columns import CodeBook
from events.journal.ticks import PLACES, TICKS_END, ticks_and_finer, ticks_of
from events.observations.parameters import check_distinct, check_threshold
from events.observations.rows import canonical_times
from events.times.durations import SECOND, parse_duration
from events.times.exact import ExactTimes
from events.times.instants import Instant, instant_of, time_text
from events.times.timestamps import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from events.observations.interval import Interval

_MIDNIGHT: Final = "0000-00-00 00:00:00"
# What any Python writes out, whatever its limit is set to.
_ID_BOUND: Final = 10**600
_EPOCH: Final = instant_of("1970-01-01 00:00:00").nanoseconds
_PER_UNIT: Final = {"ns": 1, "us": 1_000, "ms": 1_000_000}
# Of each unit of numpy's and polars' how many digits of a second hold it, and how many units of
# the last of them it is. A year and a month have no length.
_UNITS: Final = {
    "as": (18, 1),
    "fs": (15, 1),
    "ps": (12, 1),
    "ns": (9, 1),
    "us": (6, 1),
    "ms": (6, 1_000),
    "s": (6, 10**6),
    "m": (6, 60 * 10**6),
    "h": (6, 3_600 * 10**6),
    "D": (6, 86_400 * 10**6),
}
_DAY: Final = 86_400


def find_intervals(
    times: Iterable[Any],
    ids: Iterable[Any],
    threshold: str | dt.timedelta | int,
    *,
    inclusive: bool = False,
    min_distinct: int = 2,
    keys: Iterable[Any] | None = None,
) -> list[Interval]:
    """Return the intervals that hold several different ids (SPEC.md section 7).

    The observations need not be in order; of one time those listed first come first.
    The indexes in the intervals are places in time order, from 0.

    Args:
        times: text ``YYYY-MM-DD HH:MM:SS`` with any fraction, or datetimes of Python,
            numpy, pandas or polars, without a time zone; all exact to the last digit.
        ids: text or whole numbers, one for each time; ``1`` and ``"1"`` are the same.
        threshold: an interval is shorter than this: text such as ``"10m"`` or
            ``"1h30m"``, a timedelta, or whole seconds; at most 292 years, and more than
            0 unless inclusive.
        inclusive: an interval may be just as long as the threshold, too.
        min_distinct: how many different ids an interval has at least.
        keys: text or whole numbers; observations with different keys have nothing to
            do with each other. The intervals then have their key, and indexes among
            the observations of that key; the key that is listed first comes first.

    Raises:
        BadValueError: a value does not qualify, or the columns differ in length; the
            message gives its place from 0.

    """
    distinct_min = _whole(min_distinct)
    if distinct_min is None:
        raise BadValueError(
            f"min_distinct: expected a whole number from 1 on, found {shown(repr(min_distinct))}"
        )
    check_distinct(distinct_min)
    nanoseconds = check_threshold(_threshold(threshold), inclusive=inclusive)
    exact = _times(times)
    adids, codes = _coded(ids, "ids")
    names, own = ([""], None) if keys is None else _coded(keys, "keys")
    for name, column in (("ids", codes), ("keys", own)):
        if column is not None and len(column) != len(exact.values):
            raise BadValueError(
                f"{name}: expected as many as times, {len(exact.values)}, found {len(column)}"
            )
    numbers = np.zeros(len(codes), np.int64) if own is None else own
    # The sort keeps the order of equal times.
    order = np.argsort(exact.values, kind="stable")
    rows = Rows(numbers, exact, codes.astype(np.int32)).taken(order)
    finder = IntervalFinder(nanoseconds, inclusive=inclusive, distinct_min=distinct_min)
    final, last = finder.extend(rows, order)[0], finder.finish(len(order))
    found = final.intervals(adids, names) + last.intervals(adids, names)
    in_turn = np.argsort(np.concatenate([final.keys, last.keys]), kind="stable")
    return [found[place] for place in in_turn.tolist()]


def _coded(values: Iterable[Any], name: str) -> tuple[list[str], NDArray[np.int64]]:
    """Return different texts in the order in which they come first, and which each value is."""
    _check_order(values, name)
    if (known := _factorized(values)) is not None:
        different, codes = known
    else:
        listed = _listed(values)
        kinds = set(map(type, listed))
        if not kinds <= {str} and kinds != {int}:
            listed = _column(listed, name, _id)
        book = CodeBook()
        codes = np.fromiter(map(book.__getitem__, listed), np.int64, len(listed))
        different = list(book)
    try:
        return _column(different, name, _id), codes
    except BadValueError:
        # Where it stands among all, the message has to say.
        _column(values, name, _id)
        raise


def _factorized(values: Any) -> tuple[list[Any], NDArray[np.int64]] | None:
    """Return what pandas tells apart in a column of texts or of whole numbers, or None."""
    dtype = getattr(values, "dtype", None)
    whole = isinstance(dtype, np.dtype) and dtype.kind in "iu"
    if not hasattr(values, "factorize") or not (whole or str(dtype).startswith("str")):
        return None
    codes, different = values.factorize()
    # What is missing has no code.
    return None if (codes < 0).any() else (different.tolist(), codes)


def _threshold(threshold: Any) -> int:
    """Return a threshold in nanoseconds."""
    if isinstance(threshold, str):
        try:
            return parse_duration(threshold)
        except BadValueError as error:
            raise BadValueError(f"threshold: {error}") from None
    if isinstance(threshold, dt.timedelta):
        seconds = threshold.days * _DAY + threshold.seconds
        # The timedelta of pandas has nanoseconds besides.
        finer = threshold.microseconds * 1_000 + int(getattr(threshold, "nanoseconds", 0))
        nanoseconds = seconds * SECOND + finer
    else:
        number = _whole(threshold)
        if number is None:
            raise BadValueError(
                "threshold: expected text such as '10m', a timedelta or whole seconds, "
                f"found {shown(repr(threshold))}"
            )
        nanoseconds = number * SECOND
    return nanoseconds


def _times(times: Iterable[Any]) -> ExactTimes:
    """Return a column of times as numbers."""
    _check_order(times, "times")
    dtype = getattr(times, "dtype", None)
    if getattr(dtype, "time_zone", None) is not None:
        raise BadValueError(f"times: {_zone_detail(str(dtype))}")
    if (exact := _whole_column(times, dtype)) is not None and exact.are_of_years():
        return exact
    unit = getattr(dtype, "time_unit", None)
    if unit in _PER_UNIT and hasattr(times, "to_physical"):
        # Polars gives its times out as datetimes, without the nanoseconds.
        size = _PER_UNIT[unit]
        texts = _column(times.to_physical(), "times", lambda count: _since_epoch(count, size))
    else:
        values = (
            list(times) if isinstance(dtype, np.dtype) and dtype.kind == "M" else _listed(times)
        )
        kinds = set(map(type, values))
        if kinds == {str} and (ticks := ticks_of(values)) is not None:
            return ExactTimes.of(ticks, {})
        if kinds == {dt.datetime} and all(each.tzinfo is None for each in values):
            return ExactTimes(np.array(values, "M8[us]").view(np.int64), PLACES)
        canonical = canonical_times(values) if kinds == {str} else None
        texts = _column(values, "times", _time) if canonical is None else canonical
    return ExactTimes.of(*ticks_and_finer(texts))


def _whole_column(times: Any, dtype: Any) -> ExactTimes | None:
    """Return what numpy, pandas or polars hold as whole numbers, or None for another column."""
    if isinstance(dtype, np.dtype) and dtype.kind == "M":
        name, count = np.datetime_data(dtype)
        counts = np.asarray(times).view(np.int64)
    elif (name := getattr(dtype, "time_unit", None) or "") and hasattr(times, "to_physical"):
        if getattr(times, "null_count", lambda: 1)():
            return None
        count, counts = 1, times.to_physical().to_numpy()
    else:
        return None
    places, size = _UNITS.get(name, (0, 0))
    size *= count
    if not size:
        return None
    bound = TICKS_END * 10 ** (places - PLACES) // size
    if len(counts) and not -bound < int(counts.min()) <= int(counts.max()) < bound:
        return None
    return ExactTimes(counts.astype(np.int64) * size, places)


def _listed(values: Iterable[Any]) -> list[Any]:
    """Return the values of a column; those of a library's as Python's own, at once."""
    for name in ("tolist", "to_list"):
        if hasattr(values, name):
            listed: list[Any] = getattr(values, name)()
            return listed
    return list(values)


def _column(values: Iterable[Any], name: str, text_of: Callable[[Any], str]) -> list[str]:
    texts: list[str] = []
    try:
        for value in values:
            texts.append(text_of(value))  # noqa: PERF401  an error has to know how many there were
    except BadValueError as error:
        raise BadValueError(f"{name}[{len(texts)}]: {error}") from None
    return texts


def _check_order(values: Iterable[Any], name: str) -> None:
    """Refuse what has no order: which id belongs to which time would be left to chance."""
    if isinstance(values, AbstractSet | Mapping):
        raise BadValueError(f"{name}: expected a column, found a {type(values).__name__}")


def _time(value: Any) -> str:
    if isinstance(value, str):
        # A string of numpy's becomes a plain one.
        return parse_timestamp(str(value))
    if isinstance(value, dt.datetime):
        if value.tzinfo is not None:
            raise BadValueError(_zone_detail(value.isoformat(" ")))
        # Not str, which pandas has shorten what is midnight. Its NaT is a datetime too.
        text = value.isoformat()
    elif type(value).__name__ == "datetime64":
        # Only as long as its unit asks for, such as 2020-01-01 for a day.
        text = str(value)
        if len(text) in {len("YYYY"), len("YYYY-MM")}:
            text += "-01" * ((len("YYYY-MM-DD") - len(text)) // 3)
        text += _MIDNIGHT[len(text) :]
    else:
        raise BadValueError(
            f"expected text YYYY-MM-DD HH:MM:SS or a datetime, found {shown(repr(value))}"
        )
    if text.startswith("NaT"):
        raise BadValueError("expected a time, found NaT")
    return parse_timestamp(text.replace("T", " "))


def _since_epoch(count: Any, size: int) -> str:
    if count is None:
        raise BadValueError("expected a time, found null")
    try:
        return time_text(Instant(_EPOCH + count * size, ""))
    except OverflowError:
        raise BadValueError(f"expected a time of the years 1 to 9999, found {count}") from None


def _zone_detail(found: str) -> str:
    return (
        f"expected times without a time zone, found {shown(found)}; convert them to UTC, "
        "say, and then take the time zone off"
    )


def _id(value: Any) -> str:
    if isinstance(value, str):
        if not value:
            raise BadValueError("expected an id, found an empty string")
        return str(value)
    number = _whole(value)
    if number is None:
        raise BadValueError(f"expected text or a whole number, found {shown(repr(value))}")
    if abs(number) >= _ID_BOUND:
        raise BadValueError("expected text, or a whole number of at most 600 digits, found more")
    return str(number)


def _whole(value: Any) -> int | None:
    """Return a whole number of any type, or None for another value."""
    if isinstance(value, bool):
        return None
    try:
        return index(value)
    except TypeError:
        return None
