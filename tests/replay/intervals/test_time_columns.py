"""Times that are read at once, of a library or of Python's, are what each of them is."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from events.data_frames import text_cells
from events.errors import BadValueError
from events.times.timestamps import parse_any
from replay.intervals.time_columns import in_zone_of, times_in

# The development extra brings them.
pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

FORMS = st.sampled_from(
    ["%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S.%f"]
)
OFFSETS = st.sampled_from(["", "", "Z", "+02:00", "-05:45"])
# Years of four digits, which all systems write alike.
MOMENTS = st.datetimes(dt.datetime(1000, 1, 1), dt.datetime(9999, 12, 31))  # noqa: DTZ001
ODD = st.sampled_from(
    ["", "12:00", "2020-02-30", "2020-01-01 00:00:00é", "é020-01-01", "2020-01-01 "]
)


@st.composite
def columns_of_texts(draw: st.DrawFn) -> list[str]:
    """Return texts, most of them times of one form."""
    form, offset = draw(FORMS), draw(OFFSETS)
    texts = [each.strftime(form) + offset for each in draw(st.lists(MOMENTS, min_size=1))]
    if draw(st.booleans()):
        place = draw(st.integers(0, len(texts)))
        texts.insert(place, draw(ODD | st.builds(dt.datetime.strftime, MOMENTS, FORMS)))
    return texts


def sliced(texts: list[str], kind: Any) -> Any:
    """Return a slice of a column of pyarrow, which shares its bytes with what is around it."""
    return pa.array(["2020-01-01", *texts, "é"], kind)[1:-1]


COLUMNS = {
    "pandas": pd.Series,
    "pandas index": pd.Index,
    "pandas without pyarrow": lambda texts: pd.Series(texts, dtype="string[python]"),
    "polars": pl.Series,
    "polars slice": lambda texts: pl.Series(["2020", *texts, "é"])[1:-1],
    "pyarrow": lambda texts: sliced(texts, pa.string()),
    "pyarrow, large": lambda texts: sliced(texts, pa.large_string()),
    "pyarrow, views": lambda texts: pa.array(texts, pa.string_view()),
    "pyarrow, in parts": lambda texts: pa.chunked_array([[], texts[:1], texts[1:]], pa.string()),
}


def read(column: Any) -> Any:
    try:
        found = times_in(column, "times", None)
    except BadValueError as error:
        return str(error)
    return found.exact.texts(), found.present, found.zone


@settings(max_examples=60)
@given(columns_of_texts())
@pytest.mark.parametrize("make", COLUMNS.values(), ids=COLUMNS.keys())
def test_texts_of_a_library_are_those_of_a_list(make: Any, texts: list[str]) -> None:
    assert read(make(texts)) == read(texts)


@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_they_are_not_made_one_by_one(name: str) -> None:
    cells = text_cells(COLUMNS[name](["2020-01-01", "2020-01-01 00:05"]))
    if name in {"pandas without pyarrow", "pyarrow, views"}:
        assert cells is None
    else:
        assert cells is not None
        assert [cells.data[a:b] for a, b in zip(cells.begins, cells.ends, strict=True)] == [
            b"2020-01-01",
            b"2020-01-01 00:05",
        ]


@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_column_of_nothing_is_read_as_a_list_is(name: str) -> None:
    assert read(COLUMNS[name]([])) == read([])


ZONES = st.one_of(
    st.none(),
    st.just(dt.UTC),
    st.integers(-1_400, 1_400).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes))),
    st.integers(-80_000, 80_000).map(lambda seconds: dt.timezone(dt.timedelta(seconds=seconds))),
    # Its offset had seconds once.
    st.just(ZoneInfo("Europe/Berlin")),
)


@given(
    st.lists(st.datetimes(), min_size=1),
    st.lists(ZONES, min_size=1, max_size=2),
    st.sampled_from([1, 1_000, 10**6]),
)
@example([dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999_999)], [None], 1)  # noqa: DTZ001
@example([dt.datetime(1800, 1, 1)], [ZoneInfo("Europe/Berlin")], 1)  # noqa: DTZ001
def test_datetimes_are_exact(
    moments: list[dt.datetime], zones: list[dt.tzinfo | None], step: int
) -> None:
    values = [
        each.replace(microsecond=each.microsecond // step * step, tzinfo=zones[place % len(zones)])
        for place, each in enumerate(moments)
    ]
    found = read(values)
    if len({value.tzinfo is None for value in values}) > 1:
        assert "expected a time with" in found
        return
    try:
        utc = [
            value if value.tzinfo is None else value.astimezone(dt.UTC).replace(tzinfo=None)
            for value in values
        ]
    except OverflowError:
        assert isinstance(found, str)
        return
    expected = [parse_any(value.isoformat(" ")).time for value in utc]
    zone = values[0].tzinfo if len({value.tzinfo for value in values}) == 1 else dt.UTC
    assert found[0] == expected
    assert found[2] == zone


@pytest.mark.parametrize(
    ("time", "written"),
    [
        ("2020-01-01 10:00:00", "2020-01-01 10:00:00.000001+00:00:00.000001"),
        ("2020-01-01 09:59:59.999999", "2020-01-01 10:00:00+00:00:00.000001"),
        ("2020-01-01 10:00:00.1234567", "2020-01-01 10:00:00.1234577+00:00:00.000001"),
    ],
)
def test_fraction_of_an_offset_is_part_of_the_time(time: str, written: str) -> None:
    assert in_zone_of(time, dt.timezone(dt.timedelta(microseconds=1))) == written
