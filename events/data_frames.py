"""Columns as a frame of pandas, polars or pyarrow, whichever the caller names.

None of them is needed to use this project: the one that is named is imported then.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol, TypeAlias

import numpy as np

from events.errors import BadValueError, shown
from events.journal.ticks import ticks_and_finer
from events.libraries import imported
from events.times.columns import Cells
from events.times.exact import EPOCH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from events.times.timestamps import Zone

Library: TypeAlias = Literal["pandas", "polars", "pyarrow"]
"""Whose frames there are."""
Kind: TypeAlias = Literal["int", "text", "bool", "amount", "cents", "time", "texts", "own"]
"""What a column holds; of amounts and cents `decimal.Decimal`, of times canonical texts.

A column of the library's own stays as it is."""

# Digits and places of decimals: all that a store can hold.
_DECIMALS: Final = {"amount": (19, 4), "cents": (19, 2)}
_PLAIN: Final = {"int": "int64", "bool": "bool"}
# Nullable types of pandas, for columns in which values are missing.
_MISSING: Final = {"int": "Int64", "bool": "boolean"}
_PER_TICK: Final = 1_000
_NANOSECOND_PLACES: Final = 3
_NANOSECONDS_MAX: Final = 2**63 - 1


_FRAMES: Final = {"pandas": "DataFrame", "polars": "DataFrame", "pyarrow": "Table"}


class Frame(Protocol):
    """A `pandas.DataFrame`, `polars.DataFrame` or `pyarrow.Table`."""

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows and columns it has."""

    def __getitem__(self, name: Any, /) -> Any:
        """Return a column."""


class TableColumn(NamedTuple):
    """A column of a frame."""

    kind: Kind
    """What it holds."""
    values: Any
    """A sequence of a value a row, None where it is missing; or a column of the library's."""
    gaps: bool = False
    """Whether values may be missing."""


def frame_of(library: Library, columns: Mapping[Any, TableColumn], zone: Zone | None) -> Any:
    """Return ``columns`` as a frame.

    Args:
        library: whose frame: a `pandas.DataFrame`, `polars.DataFrame` or `pyarrow.Table`.
        columns: the columns by name, all of one length.
        zone: that of the times; with ``utc`` they are aware of it, else of none.

    Raises:
        BadValueError: it is no such library, or a time is too fine or too far off for it.
        MissingLibraryError: it is not installed.

    """
    if library not in _MAKERS:
        raise BadValueError(
            f"library: expected 'pandas', 'polars' or 'pyarrow', found {shown(repr(library))}"
        )
    module = imported(library, f"{library}: expected an installed library")
    return _MAKERS[library](module, columns, "UTC" if zone == "utc" else None)


def library_of(value: Any) -> Library | None:
    """Return whose a column or a frame is; None if it is of none of the libraries."""
    for each in type(value).__mro__:
        for library in _MAKERS:
            if each.__module__.partition(".")[0] == library:
                return library
    return None


def is_frame(value: Any) -> bool:
    """Tell whether that is a frame of one of the libraries."""
    name = _FRAMES.get(library_of(value) or "")
    return any(each.__name__ == name for each in type(value).__mro__)


def names_of(frame: Any) -> list[Any]:
    """Return the names of the columns of a frame."""
    return list(getattr(frame, "column_names", None) or frame.columns)


def are_datetimes(column: Any) -> bool:
    """Tell whether a column of one of the libraries is one of its datetimes."""
    if library_of(column) == "pandas":
        return str(column.dtype.kind) == "M"
    kind = str(column.type if library_of(column) == "pyarrow" else column.dtype)
    return kind.startswith(("timestamp", "Datetime"))


def taken(column: Any, rows: NDArray[np.int64]) -> Any:
    """Return some rows of a column of one of the libraries, as a column of the same type."""
    library = library_of(column)
    if library == "pandas":
        return column.take(rows).reset_index(drop=True)
    if library == "polars":
        return column.gather(rows)
    try:
        return column.take(rows)
    except NotImplementedError:
        # Of some types pyarrow takes nothing, such as views of texts.
        values = column.to_pylist()
        kind = getattr(column.type, "value_type", column.type)
        taken_rows = [values[row] for row in rows.tolist()]
        pyarrow = import_module("pyarrow")
        return pyarrow.chunked_array([pyarrow.array(taken_rows, kind)])


def text_cells(column: Any) -> Cells | None:
    """Return a column of texts of one of the libraries as cells, without making them texts.

    None where it is none, or has none, where one is missing, or where it takes a look at each.
    """
    library = library_of(column)
    if library == "polars":
        # An earlier polars calls both otherwise.
        is_text = str(column.dtype) == "String" and hasattr(column.str, "join")
        if not is_text or column.null_count() or not len(column):
            return None
        joined = column.str.join("").item()
        ends = np.cumsum(column.str.len_bytes().to_numpy(), dtype=np.int64)
        return Cells.between(joined.encode(), np.append(0, ends)) if joined.isascii() else None
    if library == "pandas" and getattr(column.dtype, "storage", "") == "pyarrow":
        column = getattr(column, "array", column).__arrow_array__()
    elif library != "pyarrow":
        return None
    kind = {"string": np.int32, "large_string": np.int64}.get(str(column.type))
    if kind is None or column.null_count or not len(column):
        return None
    if hasattr(column, "combine_chunks"):
        column = column.combine_chunks()
    _, places, data = column.buffers()
    bounds = np.frombuffer(places, kind)[column.offset : column.offset + len(column) + 1]
    first, last = int(bounds[0]), int(bounds[-1])
    return Cells.between(memoryview(data)[first:last], bounds.astype(np.int64) - first)


def gathered(column: Any, counts: NDArray[np.int64]) -> Any:
    """Return a column of lists, of which each has so many of the rows of ``column`` in turn."""
    library = library_of(column)
    polars: Any = import_module("polars") if library == "polars" else None
    if polars is not None and column.dtype != polars.Object:
        numbers = np.repeat(np.arange(len(counts)), counts)
        pairs = polars.DataFrame({"number": numbers, "value": column})
        return pairs.group_by("number", maintain_order=True).agg("value")["value"]
    ends = np.cumsum(counts)
    if library == "pyarrow":
        pyarrow = import_module("pyarrow")
        offsets = pyarrow.array(np.append(0, ends).astype(np.int32))
        return pyarrow.ListArray.from_arrays(offsets, column.combine_chunks())
    values = column.to_list()
    bounds = zip((ends - counts).tolist(), ends.tolist(), strict=True)
    lists = [values[begin:end] for begin, end in bounds]
    if polars is not None:
        # Its lists hold no objects of Python's, but lists are such objects as well.
        return polars.Series(lists, dtype=polars.Object)
    return import_module("pandas").Series(lists, dtype="object")


def whole_bound(kind: type[Any]) -> int:
    """Return from which number on a float of a type may stand for several whole numbers."""
    return 1 << (int(np.finfo(kind).nmant) + 1)


def are_whole(column: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell of each float whether it is a whole number, and can be no other."""
    found: NDArray[np.bool_] = np.floor(column) == column
    found &= np.abs(column) < whole_bound(column.dtype.type)
    return found


def instants(texts: Sequence[str]) -> NDArray[np.datetime64]:
    """Return canonical times exactly, in microseconds, or nanoseconds where one is finer.

    Raises:
        BadValueError: one is finer than a nanosecond, or where some have nanoseconds not
            of the years that 64 bits of these can tell, 1677 to 2262.

    """
    ticks, finer = ticks_and_finer(texts)
    since = ticks - EPOCH
    if not finer:
        return np.array(since, "datetime64[us]")
    far = np.flatnonzero(np.abs(since) >= _NANOSECONDS_MAX // _PER_TICK).tolist()
    for place in (
        *far,
        *(row for row, digits in finer.items() if len(digits) > _NANOSECOND_PLACES),
    ):
        raise BadValueError(
            f"row {place}: expected a time that 64 bits of nanoseconds can tell, found "
            f"{texts[place]}; the text of a time is exact"
        )
    nanoseconds = since * _PER_TICK
    for place, digits in finer.items():
        nanoseconds[place] += int(digits.ljust(_NANOSECOND_PLACES, "0"))
    return np.array(nanoseconds, "datetime64[ns]")


def _pandas(pandas: Any, columns: Mapping[str, TableColumn], zone: str | None) -> Any:
    def series(column: TableColumn) -> Any:
        if column.kind == "own":
            return column.values
        if column.kind == "time":
            times = pandas.Series(instants(column.values))
            return times.dt.tz_localize(zone) if zone else times
        if column.kind == "text":
            return pandas.Series(column.values, dtype=pandas.StringDtype(na_value=np.nan))
        types = _MISSING if column.gaps else _PLAIN
        return pandas.Series(column.values, dtype=types.get(column.kind, "object"))

    return pandas.DataFrame({name: series(column) for name, column in columns.items()})


def _polars(polars: Any, columns: Mapping[str, TableColumn], zone: str | None) -> Any:
    types = {"int": polars.Int64, "bool": polars.Boolean, "text": polars.String}
    types |= {kind: polars.Decimal(*digits) for kind, digits in _DECIMALS.items()}
    types |= {"texts": polars.List(polars.String)}

    def series(column: TableColumn) -> Any:
        if column.kind == "own":
            return column.values
        if column.kind != "time":
            return polars.Series(column.values, dtype=types[column.kind])
        times = instants(column.values)
        unit = np.datetime_data(times.dtype)[0]
        return polars.Series(times.astype(np.int64)).cast(polars.Datetime(unit, zone))

    return polars.DataFrame({name: series(column) for name, column in columns.items()})


def _pyarrow(pyarrow: Any, columns: Mapping[str, TableColumn], zone: str | None) -> Any:
    types = {"int": pyarrow.int64(), "bool": pyarrow.bool_(), "text": pyarrow.string()}
    types |= {kind: pyarrow.decimal128(*digits) for kind, digits in _DECIMALS.items()}
    types |= {"texts": pyarrow.list_(pyarrow.string())}

    def array(column: TableColumn) -> Any:
        if column.kind == "own":
            return column.values
        if column.kind != "time":
            return pyarrow.array(column.values, types[column.kind])
        times = instants(column.values)
        return pyarrow.array(times, pyarrow.timestamp(np.datetime_data(times.dtype)[0], zone))

    return pyarrow.table({name: array(column) for name, column in columns.items()})


_MAKERS: Final[dict[Library, Callable[..., Any]]] = {
    "pandas": _pandas,
    "polars": _polars,
    "pyarrow": _pyarrow,
}
