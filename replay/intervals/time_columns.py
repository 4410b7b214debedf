"""Columns of times as exact numbers, whoever's columns they are.

What a library holds as whole numbers is taken as such. Times that are of a time zone are
compared in UTC; which zone they are of is kept, for the answer.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from numbers import Real
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from events.data_frames import are_whole, library_of, text_cells
from events.errors import BadValueError, shown, shown_whole
from events.journal.ticks import PLACES, TICKS_END, ticks_and_finer
from events.observations.rows import column_of, times_in_cells
from events.times.columns import WORD, Cells, TimeColumn, iso_times_in
from events.times.durations import SECOND
from events.times.epoch import EXPONENTS, TimeUnit, parse_count
from events.times.exact import EPOCH, ExactTimes
from events.times.instants import Instant, instant_of, time_text
from events.times.timestamps import Timestamp, minutes_of, parse_any, parse_timestamp
from replay.intervals.values import check_column, is_missing, listed, shown_value, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

ColumnZone: TypeAlias = dt.tzinfo | None
"""The time zone of a column; None for one without."""

_MIDNIGHT: Final = "0000-00-00 00:00:00"
_SECONDS: Final = len(_MIDNIGHT)
_MICROSECONDS: Final = _SECONDS + 1 + PLACES
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_MINUTE: Final = dt.timedelta(minutes=1)
_OFFSET: Final = re.compile("[+-][0-9]{2}:[0-9]{2}")
# Of each unit of numpy's how many digits of a second hold it, and how many units of the last of
# them it is.
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
    "W": (6, 604_800 * 10**6),
}
# Years and months have no length. No more of them than that can be told in days.
_CALENDAR: Final = ("Y", "M")
_CALENDAR_MAX: Final = 10**6
_encode: Final = msgspec.json.Encoder().encode
_EXPECTED: Final = "expected text YYYY-MM-DD HH:MM:SS or a datetime"


class Times(NamedTuple):
    """A column of times."""

    exact: ExactTimes
    """The times, those of a zone in UTC; anything where one is missing."""
    present: NDArray[np.bool_] | None
    """Where none is missing; None if that is nowhere."""
    zone: ColumnZone
    """What the answer is in; UTC where the times are of several."""


def times_in(values: Iterable[Any], name: str, unit: TimeUnit | None) -> Times:
    """Return a column of times: texts, datetimes, dates or periods, or numbers of a ``unit``.

    Raises:
        BadValueError: ``values`` has no order, or one is no such time, or they have an offset
            only in part; the message has ``name`` and the place from 0.

    """
    if unit not in (None, *EXPONENTS):
        raise BadValueError(
            f"time_unit: expected 's', 'ms', 'us' or 'ns', found {shown_value(unit)}"
        )
    check_column(values, name)
    cells = text_cells(values)
    if cells is not None and (found := times_in_cells(cells, unit)) is not None:
        return _of_time_column(found)
    zone, column = _plain(values, name)
    if isinstance(column, np.ndarray):
        kind = column.dtype.kind
        if kind == "M" and unit is None:
            return _of_instants(column, name, zone)
        if kind in "iu" and unit is not None:
            return _of_counts(column, name, unit)
        if kind == "f" and unit is not None and (counts := _whole_counts(column)) is not None:
            return _of_counts(counts, name, unit)._replace(present=_unless_all(~np.isnan(column)))
        column = listed(column)
    return _of_values(column, name, unit)


def in_zone_of(time: str, zone: ColumnZone) -> str:
    """Return how a canonical time, of a column of ``zone`` in UTC, is written in that zone.

    Raises:
        BadValueError: it is outside of the years 1 to 9999 there.

    """
    if zone is None:
        return time
    if zone is dt.UTC:
        return f"{time}Z"
    micro, finer = time[_SECONDS + 1 : _MICROSECONDS], time[_MICROSECONDS:]
    try:
        # An offset may have a fraction of a second, too.
        local = (
            dt.datetime.fromisoformat(f"{time[:_SECONDS]}.{micro:0<{PLACES}}+00:00")
            .astimezone(zone)
            .isoformat(" ", "microseconds")
        )
    except OverflowError:
        raise BadValueError(
            f"expected a time of the years 1 to 9999 in {zone}, found {time}Z"
        ) from None
    written = f"{local[:_MICROSECONDS]}{finer}".rstrip("0").removesuffix(".")
    return f"{written}{local[_MICROSECONDS:]}"


def _plain(values: Any, name: str) -> tuple[ColumnZone, NDArray[Any] | list[Any]]:
    """Return the zone of a column, and what it holds: an array of numpy's where that is exact."""
    library = library_of(values)
    if library is not None:
        return _PLAIN[library](values, name)
    if isinstance(values, np.ma.MaskedArray):
        return None, values.filled() if values.dtype.kind == "M" else values.tolist()
    return None, values if isinstance(values, np.ndarray) else listed(values)


def _of_pandas(values: Any, name: str) -> tuple[ColumnZone, NDArray[Any] | list[Any]]:
    kind = type(values.dtype).__name__
    if kind == "ArrowDtype":
        return _of_pyarrow(getattr(values, "array", values).__arrow_array__(), name)
    if kind == "PeriodDtype":
        values = getattr(values, "dt", values).to_timestamp()
    elif kind == "CategoricalDtype":
        values = values.astype(values.dtype.categories.dtype)
    if (zone := getattr(values.dtype, "tz", None)) is not None:
        return _zone(zone, name), values.to_numpy(dtype=f"M8[{values.dtype.unit}]")
    return None, values.to_numpy() if isinstance(values.dtype, np.dtype) else listed(values)


def _of_polars(values: Any, name: str) -> tuple[ColumnZone, NDArray[Any] | list[Any]]:
    kind = str(values.dtype)
    if kind.startswith(("Date", "Float")) or (
        # There are none of 128 bits in numpy.
        kind.startswith(_WHOLE) and "128" not in kind and not values.null_count()
    ):
        return _zone(getattr(values.dtype, "time_zone", None), name), values.to_numpy()
    return None, listed(values)


def _of_pyarrow(values: Any, name: str) -> tuple[ColumnZone, NDArray[Any] | list[Any]]:
    if str(values.type).startswith("dictionary"):
        values = values.cast(values.type.value_type)
    kind = str(values.type)
    if kind.startswith(("timestamp", "date", "float", "double")) or (
        kind.startswith(_WHOLE) and not values.null_count
    ):
        zone = _zone(getattr(values.type, "tz", None), name)
        return zone, values.to_numpy(zero_copy_only=False)
    return None, listed(values)


_WHOLE: Final = ("int", "uint", "Int", "UInt")
_PLAIN: Final = {"pandas": _of_pandas, "polars": _of_polars, "pyarrow": _of_pyarrow}


def _zone(zone: Any, name: str) -> ColumnZone:
    """Return a zone that a column names."""
    if zone is None or str(zone) == "UTC":
        return None if zone is None else dt.UTC
    if isinstance(zone, dt.tzinfo):
        return zone
    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        minutes = minutes_of(zone) if _OFFSET.fullmatch(zone) else None
        if minutes is None:
            raise BadValueError(
                f"{name}: expected a time zone that this machine knows, found {shown(str(zone))}"
            ) from None
        return dt.timezone(dt.timedelta(minutes=minutes))


def _of_instants(column: NDArray[Any], name: str, zone: ColumnZone) -> Times:
    """Return datetimes of numpy's, in UTC if they are of a zone."""
    column = column.astype(column.dtype.newbyteorder("="), copy=False)
    present = _unless_all(~np.isnat(column))
    unit, count = np.datetime_data(column.dtype)
    counts = column.view(np.int64)
    if present is not None:
        counts = np.where(present, counts, 0)
    if unit in _CALENDAR:
        _check_within(counts, -_CALENDAR_MAX, _CALENDAR_MAX, name, column)
        counts, unit, count = counts.view(column.dtype).astype("M8[D]").view(np.int64), "D", 1
    if unit == "generic":
        # Such an array holds nothing that is a time.
        unit = "us"
    places, size = _UNITS[unit]
    return Times(_scaled(counts, places, size * count, name, column), present, zone)


def _unless_all(present: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    return None if present.all() else present


def _of_counts(counts: NDArray[Any], name: str, unit: TimeUnit) -> Times:
    """Return whole numbers of units since 1970."""
    exponent = EXPONENTS[unit]
    places = max(exponent, PLACES)
    exact = _scaled(counts, places, 10 ** (places - exponent), name, counts)
    return Times(exact, None, dt.UTC)


def _whole_counts(column: NDArray[Any]) -> NDArray[np.int64] | None:
    """Return floats as the whole numbers that they are, 0 for NaN; None if one is none."""
    counts: NDArray[Any] = np.where(np.isnan(column), 0, column)
    if not are_whole(counts).all():
        return None
    whole_ones: NDArray[np.int64] = counts.astype(np.int64)
    return whole_ones


def _scaled(
    counts: NDArray[Any], places: int, size: int, name: str, column: NDArray[Any]
) -> ExactTimes:
    """Return times of which ``size`` units are one of ``counts``, since 1970."""
    unit: int = 10 ** (places - PLACES)
    _check_within(
        counts, -(EPOCH * unit // size), -(-(TICKS_END - EPOCH) * unit // size), name, column
    )
    return ExactTimes(counts.astype(np.int64) * size, places)


def _check_within(
    counts: NDArray[Any], least: int, end: int, name: str, column: NDArray[Any]
) -> None:
    """Refuse the first of ``counts``, which are what ``column`` shows, that is out of bounds."""
    if not len(counts) or least <= int(counts.min()) <= int(counts.max()) < end:
        return
    place = next(row for row, count in enumerate(counts.tolist()) if not least <= count < end)
    raise BadValueError(
        f"{name}[{place}]: expected a time of the years 1 to 9999, found {column[place]}"
    )


def _of_values(values: list[Any], name: str, unit: TimeUnit | None) -> Times:
    """Return what Python's own values are, and whatever else a list may hold."""
    kinds = set(map(type, values))
    places: Sequence[int] = range(len(values))
    present = None
    if not kinds <= {str, dt.datetime, int} and kinds != {np.datetime64}:
        missing = list(map(is_missing, values))
        if any(missing):
            present = ~np.array(missing)
            places = np.flatnonzero(present).tolist()
            values = [values[place] for place in places]
            kinds = set(map(type, values))
    found = _at_once(values, kinds, unit)
    if found is None:
        found = _one_by_one(values, places, name, unit)
    exact, own, zone = found
    if present is None:
        present = own
    else:
        all_of_them = np.zeros(len(present), exact.values.dtype)
        all_of_them[places] = exact.values
        exact = ExactTimes(all_of_them, exact.places)
    return Times(exact, present, zone)


def _at_once(values: list[Any], kinds: set[type], unit: TimeUnit | None) -> Times | None:
    """Return values of one kind, or None where it takes a look at each."""
    if kinds == {str}:
        return _of_texts(values, unit)
    try:
        if unit is not None:
            return _of_counts(np.array(values, np.int64), "", unit) if kinds == {int} else None
        if kinds == {dt.datetime}:
            return _of_datetimes(values)
        if kinds == {dt.date}:
            return _of_instants(np.array(values, "M8[D]"), "", None)
        if kinds == {np.datetime64} and len({each.dtype for each in values}) == 1:
            return _of_instants(np.array(values), "", None)
    except (BadValueError, OverflowError):
        # Which one is not, has to be said.
        pass
    return None


def _of_texts(values: list[str], unit: TimeUnit | None) -> Times | None:
    """Return texts, or None where it takes a look at each."""
    column = column_of(values, unit)
    return None if column is None else _of_time_column(column)


def _of_time_column(column: TimeColumn) -> Times:
    zone = dt.UTC if column.zone == "utc" else None
    return Times(ExactTimes.of(column.ticks, column.finer), None, zone)


def _of_datetimes(values: list[dt.datetime]) -> Times | None:
    """Return datetimes of Python's, or None where some alone have an offset."""
    zones = set(map(attrgetter("tzinfo"), values))
    zone = _common(zones)
    column = _written(values) if all(map(_has_whole_minutes, zones)) else None
    if column is not None:
        return _of_time_column(column)._replace(zone=zone)
    epoch = _EPOCH.replace(tzinfo=None) if zone is None else _EPOCH
    try:
        # numpy's own conversion takes five times as long.
        since = [(value - epoch) // _MICROSECOND for value in values]
    except TypeError:
        return None
    exact = ExactTimes(np.array(since, np.int64), PLACES)
    # Which one is not, has to be said.
    return Times(exact, None, zone) if exact.are_of_years() else None


def _has_whole_minutes(zone: ColumnZone) -> bool:
    """Tell whether offsets of a zone are of whole minutes, as far as that is known."""
    return zone is None or (type(zone) is dt.timezone and not zone.utcoffset(None) % _MINUTE)


def _written(values: list[dt.datetime]) -> TimeColumn | None:
    """Return what datetimes say as texts of one length, or None where they are of several.

    To write them and to read that takes a third of the time that it takes to reckon with each.
    """
    data = _encode(values)
    width = (len(data) - 1) // len(values)
    begins = np.arange(len(values)) * width + len('["')
    ends = begins + width - len('","')
    text = np.frombuffer(data, np.uint8)
    if (
        len(data) - 1 != width * len(values)
        or not ((text[begins - 1] == ord('"')) & (text[ends] == ord('"'))).all()
    ):
        return None
    return iso_times_in(Cells(data + b"\0" * WORD, begins, ends))


def _common(zones: Iterable[ColumnZone]) -> ColumnZone:
    """Return the one zone of a column, or UTC where there are several."""
    different = set(zones)
    zone = different.pop() if len(different) == 1 else dt.UTC
    return dt.UTC if str(zone) == "UTC" else zone


def _one_by_one(
    values: list[Any], places: Sequence[int], name: str, unit: TimeUnit | None
) -> Times:
    texts: list[str] = []
    zones: list[ColumnZone] = []
    try:
        for value in values:
            text, zone = _reading(value) if unit is None else _reading_of_count(value, unit)
            _check_alike(zone, zones[0] if zones else zone, value)
            texts.append(text)
            zones.append(zone)
    except BadValueError as error:
        raise BadValueError(f"{name}[{places[len(texts)]}]: {error}") from None
    exact = ExactTimes.of(*ticks_and_finer(texts))
    return Times(exact, None, _common(zones) if zones else None)


def _reading(value: Any) -> tuple[str, ColumnZone]:
    """Return the canonical time that a value of any type is, in UTC if it is of a zone."""
    if isinstance(value, str):
        # A string of numpy's becomes a plain one.
        return _of_timestamp(parse_any(str(value)))
    if isinstance(value, dt.datetime):
        offset = value.utcoffset()
        # Not str, which pandas has shorten what is midnight.
        local = parse_timestamp(value.replace(tzinfo=None).isoformat())
        if offset is None:
            return local, None
        return _earlier(local, offset), value.tzinfo
    if isinstance(value, dt.date):
        return f"{value.isoformat()} 00:00:00", None
    if isinstance(value, np.datetime64):
        try:
            return _of_instants(np.array([value]), "", None).exact.texts()[0], None
        except BadValueError as error:
            raise BadValueError(str(error).removeprefix("[0]: ")) from None
    if type(value).__name__ == "Period":
        return _reading(value.to_timestamp())
    detail = f"{_EXPECTED}, found {shown_value(value)}"
    if isinstance(value, Real | Decimal) and not isinstance(value, np.timedelta64):
        detail += "; time_unit says what a number since 1970 counts"
    raise BadValueError(detail)


def _check_alike(zone: ColumnZone, first: ColumnZone, value: Any) -> None:
    """Refuse a time of which nobody knows whether it is before one with an offset."""
    if (zone is None) != (first is None):
        expected = "without an offset" if first is None else "with an offset such as Z or +02:00"
        raise BadValueError(
            f"expected a time {expected}, as the first has, found {shown(str(value))}"
        )


def _reading_of_count(value: Any, unit: TimeUnit) -> tuple[str, ColumnZone]:
    """Return the canonical time that is so many units after 1970, in UTC."""
    if isinstance(value, str | Decimal):
        return _of_timestamp(parse_count(str(value), unit))
    number = whole(value)
    if number is None:
        raise BadValueError(
            f"expected a whole number of {unit} since 1970, a decimal or a text, found "
            f"{shown_value(value)}"
        )
    if abs(number) > TICKS_END * SECOND:
        # Of no year in any unit, and Python may refuse to write it.
        raise BadValueError(
            f"expected an instant of the years 0001 to 9999 in UTC, found {shown_whole(number)}"
        )
    return _of_timestamp(parse_count(str(number), unit))


def _of_timestamp(found: Timestamp) -> tuple[str, ColumnZone]:
    return found.time, dt.UTC if found.zone == "utc" else None


def _earlier(local: str, offset: dt.timedelta) -> str:
    """Return the canonical time in UTC of a clock that is so far ahead of it."""
    instant = instant_of(local)
    ahead = offset // _MICROSECOND * (SECOND // 10**PLACES)
    try:
        return time_text(Instant(instant.nanoseconds - ahead, instant.digits))
    except OverflowError:
        raise BadValueError(
            f"expected an instant of the years 0001 to 9999 in UTC, found {shown(local)}"
        ) from None
