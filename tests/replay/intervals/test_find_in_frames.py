"""What is found in frames of any library is what looking at all pairs finds, in their own types."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest

import replay
from events.data_frames import Library
from events.errors import BadValueError
from replay import find_intervals
from tests.replay.intervals.test_against_all_pairs import a_search, drawn_rows, expected_of

if TYPE_CHECKING:
    from tests.interval_runs import Row

# The development extra brings them.
pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

LIBRARIES: tuple[Library, ...] = get_args(Library)
COLUMNS = ["start_index", "end_index", "start_time", "end_time", "num_adid", "adids"]
TIMES = ["naive", "Europe/Berlin", "text", "text with offsets", "counts"]
IDS = ["text", "category", "int", "float"]


def frame_in(library: Library, columns: Any) -> Any:
    frame = pd.DataFrame(columns)
    if library == "pandas":
        return frame
    if library == "polars":
        return pl.from_pandas(frame)
    return pa.Table.from_pandas(frame, preserve_index=False)


def type_of(frame: Any, name: str) -> Any:
    return frame.schema.field(name).type if isinstance(frame, pa.Table) else frame[name].dtype


def drawn_column_of_times(draw: random.Random, kind: str, times: list[str | None]) -> Any:
    if kind == "text":
        return pd.Series(times)
    if kind == "text with offsets":
        # The first hour of the day in UTC is the second in the winter of Berlin.
        ahead = [draw.choice([("T00", "Z"), (" 00", "+00:00"), ("T01", "+01:00")]) for _ in times]
        return pd.Series(
            [
                time and time.replace(" 00", clock, 1) + offset
                for time, (clock, offset) in zip(times, ahead, strict=True)
            ]
        )
    column = pd.Series(np.array([time or "NaT" for time in times], "M8[ns]"))
    if kind == "counts":
        return column.astype("int64").astype("Int64").mask(column.isna())
    if not any(
        time and "." in time and len(time) > len("2020-01-01 00:00:00.000000") for time in times
    ):
        column = column.astype(f"M8[{draw.choice(['us', 'ns'])}]")
    return column if kind == "naive" else column.dt.tz_localize("UTC").dt.tz_convert(kind)


def drawn_column_of_ids(kind: str, ids: list[str | None]) -> Any:
    if kind in {"text", "category"}:
        return pd.Series(ids, dtype="str").astype("category" if kind == "category" else "str")
    numbers = [adid and ord(adid[-1]) for adid in ids]
    return pd.Series(numbers, dtype="Int64" if kind == "int" else "float64")


def found_rows(frame: Any, key: str | None) -> list[tuple[Any, ...]]:
    """Return the rows of an answer; times as nanoseconds in UTC, ids and keys as texts."""
    plain = frame if isinstance(frame, pd.DataFrame) else frame.to_pandas()
    columns = [plain[name].tolist() for name in ("start_index", "end_index")]
    for name in ("start_time", "end_time"):
        index = pd.DatetimeIndex(plain[name])
        utc = index.tz_convert(None) if index.tz is not None else index
        columns.append(utc.as_unit("ns").astype("int64").tolist())
    columns.append(plain["num_adid"].tolist())
    columns.append([tuple(map(text_of, ids)) for ids in plain["adids"].tolist()])
    columns.append(list(map(text_of, plain[key].tolist())) if key else [""] * len(plain))
    return list(zip(*columns, strict=True))


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else str(int(value))


@pytest.mark.parametrize("library", LIBRARIES)
def test_frame_finds_what_all_pairs_have(library: Library) -> None:
    draw = random.Random(library)
    for _ in range(120):
        rows: list[Row] = drawn_rows(draw, draw.choice([0, 6, 9]), draw.randrange(1, 16), 3)
        of_times, of_ids, of_keys = draw.choice(TIMES), draw.choice(IDS), draw.choice(IDS)
        key = draw.choice([None, "of"])
        gaps = [draw.random() < 0.1 for _ in range(3)]
        columns = [
            [None if gap and draw.random() < 0.3 else value for value in column]
            for column, gap in zip(zip(*rows, strict=True), gaps, strict=True)
        ]
        frame = frame_in(
            library,
            {
                "by": drawn_column_of_ids(of_ids, columns[1]),
                "at": drawn_column_of_times(draw, of_times, columns[0]),
                "of": drawn_column_of_ids(of_keys, columns[2]),
            },
        )
        what = a_search(draw)
        asked: dict[str, Any] = {
            "min_distinct": what.distinct_min,
            "closed": "both" if what.inclusive else "left",
            "time_unit": "ns" if of_times == "counts" else None,
        }
        found = find_intervals(
            frame, f"{what.threshold}ns", time="at", id="by", by=key, dropna=True, **asked
        )
        kept = [
            (
                time,
                adid if of_ids in {"text", "category"} else str(ord(adid)),
                (of if of_keys in {"text", "category"} else str(ord(of[-1]))) if key else "",
            )
            for time, adid, of in zip(*columns, strict=True)
            if None not in (time, adid) and (key is None or of is not None)
        ]
        assert found_rows(found, key) == [
            (
                each.start_index,
                each.end_index,
                *(
                    int(np.datetime64(time, "ns").astype(int))
                    for time in (each.start_time, each.end_time)
                ),
                each.num_adid,
                each.adids,
                each.key,
            )
            for each in expected_of(kept, what)
        ]
        assert type(found) is type(frame)
        names = found.column_names if isinstance(found, pa.Table) else list(found.columns)
        assert names == [key] * (key is not None) + COLUMNS
        if of_times in {"naive", "Europe/Berlin"}:
            assert (
                type_of(found, "start_time") == type_of(frame, "at") == type_of(found, "end_time")
            )
        if key:
            assert type_of(found, key) == type_of(frame, key)
        if library == "polars":
            assert found["adids"].dtype == pl.List(frame["by"].dtype)


FRAME = {"time": ["2020-01-01", "2020-01-01T00:00:01"], "adid": ["A", "B"]}


@pytest.mark.parametrize("library", LIBRARIES)
def test_texts_become_datetimes_of_the_library(library: Library) -> None:
    frame = frame_in(library, FRAME)
    zoned = frame_in(library, {**FRAME, "time": ["2020-01-01T00:00Z", "2020-01-01 01:00+01:00"]})
    found = find_intervals(frame, "2s", time="time", id="adid")
    aware = find_intervals(zoned, "2s", time="time", id="adid")
    assert "UTC" not in str(type_of(found, "start_time"))
    assert "UTC" in str(type_of(aware, "start_time"))
    assert "date" in str(type_of(found, "start_time")).lower() or library == "pyarrow"
    # Where nothing is found the types are the same.
    nothing = find_intervals(zoned, "2s", time="time", id="adid", min_distinct=3)
    assert [type_of(nothing, name) for name in COLUMNS] == [
        type_of(aware, name) for name in COLUMNS
    ]


def test_zone_of_datetimes_among_objects_is_given_back() -> None:
    times = pd.Series(["2020-07-01", "2020-07-01 00:00:01"], dtype="M8[us]").dt.tz_localize(
        "Asia/Tokyo"
    )
    frame = pd.DataFrame({"time": times.astype(object), "adid": FRAME["adid"]})
    found = find_intervals(frame, "2s", time="time", id="adid")
    assert found["end_time"].tolist() == [times[1]]
    assert str(found["end_time"][0]) == "2020-07-01 00:00:01+09:00"


def test_columns_of_a_frame_of_pandas_may_have_any_names() -> None:
    frame = pd.DataFrame({0: FRAME["time"], ("a", 1): FRAME["adid"], None: ["x", "x"]})
    frame.index = [7, 7]
    found = find_intervals(frame, "2s", time=0, id=("a", 1))
    assert found["adids"].tolist() == [["A", "B"]]
    assert found.index.tolist() == [0]


@pytest.mark.parametrize("library", LIBRARIES)
def test_value_in_a_frame_is_refused_with_its_column_and_place(library: Library) -> None:
    frame = frame_in(library, {"time": ["2020-01-01", None], "adid": ["A", ""]})
    for names, message in (
        ({"time": "time", "id": "time"}, "time[1]: expected a time, found none; dropna=True leav"),
        ({"time": "time", "id": "adid"}, "adid[1]: expected an id, found an empty string"),
        ({"time": "adid", "id": "time"}, "adid[0]: expected YYYY-MM-DD HH:MM:SS, found 'A'"),
        ({"time": "at", "id": "adid"}, "time: expected the name of one column of the frame, found "
         "'at', which none of its columns have: 'time, adid'"),
        ({"time": ["time"], "id": "adid"}, "time: expected the name of one column of the frame"),
    ):  # fmt: skip
        with pytest.raises(BadValueError, match=f"^{re.escape(message)}"):
            find_intervals(frame, "2s", **names)


UNNAMED = "expected a frame, a threshold, and the names of its columns as time, id and"
UNKNOWN = "expected times, ids and a threshold, and keys if there are any; or a frame"


@pytest.mark.parametrize(
    ("arguments", "names", "message"),
    [
        ((pd.DataFrame(FRAME), "2s"), {}, UNNAMED),
        ((pd.DataFrame(FRAME),), {"time": "time", "id": "adid"}, UNNAMED),
        ((pd.DataFrame(FRAME), "2s"), {"time": "time", "id": "adid", "keys": ["x", "x"]}, UNNAMED),
        ((pl.LazyFrame(FRAME), "2s"), {"time": "time", "id": "adid"}, UNKNOWN),
        ((FRAME, "2s"), {"time": "time", "id": "adid"}, UNKNOWN),
        ((["2020-01-01"], "2s"), {}, UNKNOWN),
        ((pd.DataFrame(FRAME), ["A", "B"], "2s"), {}, UNNAMED),
        (
            (pd.DataFrame([["A", "2020-01-01", "B"]], columns=["id", "time", "id"]), "2s"),
            {"time": "time", "id": "id"},
            "id: expected the name of one column of the frame, found 'id', which 2 of its columns",
        ),
        (
            (pd.DataFrame({**FRAME, "adids": ["x", "x"]}), "2s"),
            {"time": "time", "id": "adid", "by": "adids"},
            "by: expected a name that the answer has not for another column, found 'adids'",
        ),
    ],
)
def test_call_that_is_none_is_refused(
    arguments: tuple[Any, ...], names: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadValueError, match=f"^{re.escape(message)}"):
        find_intervals(*arguments, **names)


# What Python finds where the others are not installed.
ALONE = """
import sys
import polars
sys.modules["pandas"] = sys.modules["pyarrow"] = None
import replay
columns = {"time": ["2020-01-01", "2020-01-01T00:00:01"], "adid": ["A", "B"]}
found = replay.find_intervals(polars.DataFrame(columns), "2s", time="time", id="adid", by="adid")
assert found.shape == (0, 7), found
assert len(replay.find_intervals(*columns.values(), "2s")) == 1
"""


def test_no_other_library_is_needed() -> None:
    root = Path(replay.__file__).parents[1]
    subprocess.run([sys.executable, "-c", ALONE], cwd=root, check=True)
