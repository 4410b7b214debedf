"""Intervals of observations that are already in memory, in a frame or in columns of any kind.

import replay

found = replay.find_intervals(frame, "10m", time="time", id="adid", by="household")

for interval in replay.find_intervals(times, ids, "10m"):
    print(interval.start_time, interval.end_time, interval.adids)

Frames and columns are those of pandas, polars and pyarrow, of which none is imported here, and
columns also numpy's, or any sequences.
"""

from __future__ import annotations

import datetime as dt
from itertools import chain
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Literal,
    NamedTuple,
    Protocol,
    TypeAlias,
    TypeVar,
    overload,
)

import msgspec
import numpy as np

from actors.intervals.finder import IntervalFinder
from events.data_frames import (
    Frame,
    TableColumn,
    are_datetimes,
    frame_of,
    gathered,
    is_frame,
    library_of,
    names_of,
    taken,
)
from events.errors import BadValueError, shown
from events.observations.interval import FIELDS
from events.observations.parameters import check_distinct, check_threshold
from events.observations.windows import Ranges, Rows
from events.times.durations import SECOND, parse_duration
from replay.engine.collector import collector_paused
from replay.intervals.id_columns import Ids, first_rows, ids_in
from replay.intervals.time_columns import Times, in_zone_of, times_in
from replay.intervals.values import shown_value, whole

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from numpy.typing import NDArray

    from events.observations.interval import Interval
    from events.times.epoch import TimeUnit

FrameT = TypeVar("FrameT", bound=Frame)


class Offset(Protocol):
    """An offset of pandas of a fixed length, such as `pandas.offsets.Minute(10)`."""

    @property
    def n(self) -> int:
        """How many units it is."""


Threshold: TypeAlias = str | dt.timedelta | np.timedelta64 | int | Offset
"""How long an interval may be."""
Closed: TypeAlias = Literal["left", "both"]
"""Which ends of the window that slides over the times belong to it."""

_DAY: Final = 86_400


@overload
def find_intervals(
    frame: FrameT,
    threshold: Threshold,
    /,
    *,
    time: Hashable,
    id: Hashable,
    by: Hashable | None = None,
    inclusive: bool | None = None,
    closed: Closed | None = None,
    min_distinct: int = 2,
    time_unit: TimeUnit | None = None,
    dropna: bool = False,
) -> FrameT: ...
@overload
def find_intervals(
    times: Iterable[Any],
    ids: Iterable[Any],
    threshold: Threshold,
    *,
    keys: Iterable[Any] | None = None,
    inclusive: bool | None = None,
    closed: Closed | None = None,
    min_distinct: int = 2,
    time_unit: TimeUnit | None = None,
    dropna: bool = False,
) -> list[Interval]: ...
def find_intervals(
    times: Any,
    ids: Any = None,
    threshold: Any = None,
    *,
    keys: Any = None,
    time: Hashable = None,
    id: Hashable = None,  # noqa: A002
    by: Hashable = None,
    inclusive: bool | None = None,
    closed: Closed | None = None,
    min_distinct: int = 2,
    time_unit: TimeUnit | None = None,
    dropna: bool = False,
) -> Any:
    """Return the intervals that hold several different ids (SPEC.md section 7).

    The observations need not be in order; of one time those listed first come first. The
    indexes in the intervals are places in time order, from 0; with keys, among those of the key.

    Of a frame of pandas, polars or pyarrow the answer is such a frame, a row for each interval:
    the key under the name of its column, ``start_index``, ``end_index``, ``start_time``,
    ``end_time``, ``num_adid`` and ``adids``, a list. Keys, ids and datetimes are of the types of
    their columns; other times become datetimes, in UTC where they have an offset. Of columns it
    is a list of `Interval`, whose times are texts.

    Args:
        times: text in ISO 8601 with fractions of up to 600 digits, such as
            ``2020-01-01 10:05:00.5``; datetimes, dates or periods, which count from their
            beginning; numbers with a ``time_unit``. They are exact, and of a zone, or with an
            offset, all or none. Those are compared in UTC and given back in their zone; texts,
            and times of several zones, in UTC.
        ids: text, whole numbers or UUIDs, one for each time; floats that are whole, as a gap
            makes them, and categories, too. ``1``, ``1.0`` and ``"1"`` are the same.
        threshold: an interval is shorter than this: text such as ``"10m"`` (minutes), ``"2D"``
            or ``"1h30m"``, a timedelta, an offset of pandas, or whole seconds; at most 292
            years, and more than 0 unless inclusive. Months, say, have no fixed length.
        keys: what ids may be; observations with different keys have nothing to do with each
            other. The key that is listed first comes first.
        time: of a frame the name of the column of times; then the threshold comes second.
        id: of a frame the name of the column of ids.
        by: of a frame the name of the column of keys, if there is one.
        inclusive: an interval may be just as long as the threshold, too.
        closed: the same as pandas and polars call it: ``"both"``, or ``"left"`` if not so.
        min_distinct: how many different ids an interval has at least.
        time_unit: what numbers count, since 1970 in UTC: ``"s"``, ``"ms"``, ``"us"`` or
            ``"ns"``. They are whole, or exact: decimals or texts; floats have to be whole.
        dropna: rows in which something is missing (None, NaN, NaT or null) count as if they
            were not there; otherwise they are refused.

    Raises:
        BadValueError: a value does not qualify, or is missing, or the columns differ in
            length; the message gives its place from 0.

    """
    settings = (inclusive, closed, min_distinct, time_unit, dropna)
    if is_frame(times):
        if keys is not None or time is None or id is None or (ids is None) == (threshold is None):
            raise BadValueError(
                "expected a frame, a threshold, and the names of its columns as time, id and, if "
                "there are keys, by"
            )
        asked = _asked(ids if threshold is None else threshold, settings)
        return _in_frame(times, _ColumnNames(time, id, by), asked)
    if ids is None or threshold is None or any(name is not None for name in (time, id, by)):
        raise BadValueError(
            "expected times, ids and a threshold, and keys if there are any; or a frame, a "
            "threshold and the names time and id of its columns"
        )
    return _in_columns(times, ids, keys, _asked(threshold, settings))


class _ColumnNames(NamedTuple):
    """What the columns of a frame are called."""

    time: Hashable
    id: Hashable
    by: Hashable


class _Asked(NamedTuple):
    """What is looked for, and in what."""

    nanoseconds: int
    inclusive: bool
    distinct_min: int
    time_unit: TimeUnit | None
    dropna: bool


class _Observations(NamedTuple):
    """Columns of one length."""

    times: Times
    ids: Ids
    keys: Ids | None


class _Intervals(NamedTuple):
    """Intervals as columns: those that were final early, and those of the ends."""

    parts: tuple[Ranges, ...]
    in_turn: NDArray[np.int64]
    """Which of both, one behind the other, comes next."""
    rows: NDArray[np.int64]
    """The rows of the observations, by key and in time order."""
    begins: NDArray[np.int64]
    """Where those of each key begin."""

    def column(self, *values: Any) -> NDArray[np.int64]:
        """Return what both have, in turn."""
        joined: NDArray[np.int64] = np.concatenate(values)[self.in_turn]
        return joined


def _asked(threshold: Any, settings: tuple[Any, ...]) -> _Asked:
    """Return what a threshold and the other settings of `find_intervals` say together."""
    inclusive, closed, min_distinct, unit, dropna = settings
    distinct_min = whole(min_distinct)
    if distinct_min is None or isinstance(min_distinct, float):
        raise BadValueError(
            f"min_distinct: expected a whole number from 1 on, found {shown_value(min_distinct)}"
        )
    if not isinstance(inclusive, bool | None):
        raise BadValueError(f"inclusive: expected True or False, found {shown_value(inclusive)}")
    if not isinstance(dropna, bool):
        raise BadValueError(f"dropna: expected True or False, found {shown_value(dropna)}")
    if not (closed is None or (isinstance(closed, str) and closed in {"left", "both"})):
        raise BadValueError(f"closed: expected 'left' or 'both', found {shown_value(closed)}")
    if None not in (inclusive, closed) and inclusive != (closed == "both"):
        raise BadValueError(
            f"closed: expected what inclusive={inclusive} says, or only one of the two, found "
            f"{closed!r}"
        )
    reached = bool(inclusive) or closed == "both"
    nanoseconds = check_threshold(_nanoseconds(threshold), inclusive=reached)
    return _Asked(nanoseconds, reached, check_distinct(distinct_min), unit, dropna)


def _nanoseconds(threshold: Any) -> int:
    """Return a threshold in nanoseconds."""
    text = threshold
    if isinstance(threshold, np.timedelta64):
        unit, count = np.datetime_data(threshold.dtype)
        if unit != "generic" and not np.isnat(threshold):
            text = f"{int(threshold.astype(np.int64)) * count}{unit}"
    elif hasattr(type(threshold), "rule_code"):
        # An offset of pandas; one of several parts has no code.
        try:
            text = f"{threshold.n}{threshold.rule_code}"
        except NotImplementedError:
            text = str(threshold)
    if isinstance(text, str):
        try:
            return parse_duration(text)
        except BadValueError as error:
            raise BadValueError(f"threshold: {error}") from None
    if isinstance(threshold, dt.timedelta):
        seconds = threshold.days * _DAY + threshold.seconds
        # The timedelta of pandas has nanoseconds besides.
        finer = threshold.microseconds * 1_000 + int(getattr(threshold, "nanoseconds", 0))
        return seconds * SECOND + finer
    number = None if isinstance(threshold, float) else whole(threshold)
    if number is None:
        raise BadValueError(
            "threshold: expected text such as '10m', a timedelta or whole seconds, "
            f"found {shown_value(threshold)}"
        )
    return number * SECOND


# Lists by the ten thousand are made, for which it would look at all that the program has.
@collector_paused()
def _in_columns(times: Any, ids: Any, keys: Any, asked: _Asked) -> list[Interval]:
    given = _Observations(
        times_in(times, "times", asked.time_unit),
        ids_in(ids, "ids"),
        None if keys is None else ids_in(keys, "keys"),
    )
    found = _found(given, ("times", "ids", "keys"), asked)
    names = [""] if given.keys is None else given.keys.names
    listed = [each for part in found.parts for each in part.intervals(given.ids.names, names)]
    zone = given.times.zone
    if zone is not None:
        listed = [
            msgspec.structs.replace(
                each,
                start_time=in_zone_of(each.start_time, zone),
                end_time=in_zone_of(each.end_time, zone),
            )
            for each in listed
        ]
    if given.keys is None:
        return listed
    return [listed[place] for place in found.in_turn.tolist()]


@collector_paused()
def _in_frame(frame: Any, names: _ColumnNames, asked: _Asked) -> Any:
    library = library_of(frame)
    assert library is not None
    time, adid = _column_of(frame, names.time, "time"), _column_of(frame, names.id, "id")
    key = None if names.by is None else _column_of(frame, names.by, "by")
    if names.by in FIELDS:
        raise BadValueError(
            f"by: expected a name that the answer has not for another column, found {names.by!r}"
        )
    if library == "pandas" and time.dtype == object:
        # Datetimes among objects, say, or a column that was made of rows.
        time = time.infer_objects()
    shown_names = tuple(map(str, names))
    given = _Observations(
        times_in(time, shown_names[0], asked.time_unit),
        ids_in(adid, shown_names[1]),
        None if key is None else ids_in(key, shown_names[2]),
    )
    found = _found(given, shown_names, asked)
    keys = found.column(*(part.keys for part in found.parts))
    first, last = (found.column(*(part.indexes[end] for part in found.parts)) for end in (0, 1))
    counts = found.column(*(part.counts for part in found.parts))
    begins, ends = (found.rows[found.begins[keys] + index] for index in (first, last))
    columns = {} if key is None else {names.by: TableColumn("own", taken(key, begins))}
    columns["start_index"] = TableColumn("int", first)
    columns["end_index"] = TableColumn("int", last)
    for name, rows in (("start_time", begins), ("end_time", ends)):
        columns[name] = (
            TableColumn("own", taken(time, rows))
            if are_datetimes(time)
            else TableColumn("time", given.times.exact.taken(rows).texts())
        )
    columns["num_adid"] = TableColumn("int", counts)
    codes = range(len(given.ids.names))
    lists = [ids for part in found.parts for ids in part.ids(codes, list)]
    gathered_codes = chain.from_iterable(lists[place] for place in found.in_turn.tolist())
    firsts = first_rows(given.ids.codes, len(given.ids.names))
    rows = firsts[np.fromiter(gathered_codes, np.int64, int(counts.sum()))]
    columns["adids"] = TableColumn("own", gathered(taken(adid, rows), counts))
    return frame_of(library, columns, None if given.times.zone is None else "utc")


def _column_of(frame: Any, name: Hashable, what: str) -> Any:
    names = names_of(frame)
    count = names.count(name)
    if count != 1:
        raise BadValueError(
            f"{what}: expected the name of one column of the frame, found {shown(str(name))}, "
            f"which {count or 'none'} of its columns have: {shown(', '.join(map(str, names)))}"
        )
    return frame[name]


def _found(given: _Observations, names: tuple[str, ...], asked: _Asked) -> _Intervals:
    """Return the intervals of observations, whose columns messages call ``names``."""
    times, ids, keys = given
    exact, adids = times.exact, ids.codes
    columns = [("a time", times.present), ("an id", _present(ids)), ("a key", _present(keys))]
    for name, column in zip(names[1:], (ids, keys), strict=True):
        if column is not None and len(column.codes) != len(exact.values):
            raise BadValueError(
                f"{name}: expected as many as times, {len(exact.values)}, found {len(column.codes)}"
            )
    kept = None
    for name, (what, present) in zip(names, columns, strict=True):
        if present is None:
            continue
        if not asked.dropna:
            raise BadValueError(
                f"{name}[{int(np.argmin(present))}]: expected {what}, found none; dropna=True "
                "leaves out the rows in which something is missing"
            )
        kept = present if kept is None else kept & present
    rows = np.arange(len(adids)) if kept is None else np.flatnonzero(kept)
    numbers = np.zeros(len(adids), np.int64) if keys is None else keys.codes
    if kept is not None:
        exact, adids, numbers = exact.taken(rows), adids[rows], numbers[rows]
    observed = Rows(numbers, exact, adids.astype(np.int32))
    if (exact.values[1:] < exact.values[:-1]).any():
        # The sort keeps the order of equal times.
        order = np.argsort(exact.values, kind="stable")
        observed, rows = observed.taken(order), rows[order]
    finder = IntervalFinder(
        asked.nanoseconds, inclusive=asked.inclusive, distinct_min=asked.distinct_min
    )
    final = finder.find(observed, rows)
    parts = (final, finder.finish(len(rows)))
    of_keys = np.concatenate([part.keys for part in parts])
    begins = np.zeros(1, np.int64)
    if keys is None:
        in_turn = np.arange(len(of_keys))
    else:
        in_turn = np.argsort(first_rows(numbers, len(keys.names))[of_keys], kind="stable")
        rows = rows[np.argsort(observed.keys, kind="stable")]
        begins = np.cumsum(np.bincount(numbers, minlength=len(keys.names) + 1))
        begins = np.append(0, begins)
    return _Intervals(parts, in_turn, rows, begins)


def _present(ids: Ids | None) -> NDArray[np.bool_] | None:
    """Return where none is missing, or None if that is nowhere."""
    if ids is None:
        return None
    present = ids.codes >= 0
    return None if present.all() else present
