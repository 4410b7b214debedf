"""A store gives its events and decisions as frames of whichever library the caller names."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest
from hypothesis import given, settings

import replay
from events.data_frames import Library, TableColumn, frame_of
from replay.testing import fact_logs, histories, observation_logs, run_in
from tests.interval_runs import read_back, search
from tests.rings import Rings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replay.testing import FactLog, LoggedHistory

ROOT = Path(replay.__file__).parents[1]
LIBRARIES: tuple[Library, ...] = get_args(Library)
VERDICT = ("flagged", "forth", "back")

for each in LIBRARIES:
    # The development extra brings them.
    pytest.importorskip(each)

HISTORY = """\
{"D":"2", "T":"50"}
{"event_type":"purchase", "timestamp":"2017-06-13 11:33:01", "id": "1", "amount": "16.83"}
{"event_type":"befriend", "timestamp":"2017-06-13 11:33:01.5", "id1": "1", "id2": "2"}
{"event_type":"purchase", "timestamp":"2017-06-13 11:33:02", "id": "1", "amount": "17.0001"}
"""
# A library that is not installed cannot be found.
WITHOUT_OTHERS = """
import sys, replay

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name in others:
            raise ModuleNotFoundError(name)

others = {"pandas", "polars", "pyarrow"} - {sys.argv[2]}
assert others.isdisjoint(sys.modules)
sys.meta_path.insert(0, Missing())
store = replay.EventStore(sys.argv[1])
print(len(store.to_frame(sys.argv[2]) if sys.argv[2] else store))
"""
STREAM = """\
{"event_type":"purchase","timestamp":"2017-06-13 11:33:03","id":"2","amount":"999999999999999.9999"}
{"event_type":"unfriend", "timestamp":"2017-06-13 11:33:04", "id1": "2", "id2": "1"}
"""


def rows_of(frame: Any) -> list[dict[str, Any]]:
    """Return the rows of a frame of any library in the values of Python."""
    if hasattr(frame, "to_pylist"):
        return plain(frame.to_pylist())
    if hasattr(frame, "to_dicts"):
        return plain(frame.to_dicts())
    return plain(frame.to_dict("records"))


def plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value_of(value) for name, value in row.items()} for row in rows]


def value_of(value: Any) -> Any:
    if value is None or type(value).__name__ == "NAType" or value != value:  # noqa: PLR0124  a NaN
        return None
    # Times of pandas are datetimes, too, but for their nanoseconds.
    return value.to_pydatetime(warn=False) if hasattr(value, "to_pydatetime") else value


def instant(text: str, zone: str | None = None) -> dt.datetime:
    when = dt.datetime.fromisoformat(text)
    return when.replace(tzinfo=dt.UTC) if zone == "utc" else when


def run(folder: Path, batch: str = HISTORY, stream: str = STREAM) -> replay.EventStore:
    (folder / "batch.json").write_text(batch, encoding="utf-8")
    (folder / "stream.json").write_text(stream, encoding="utf-8")
    with replay.Logs(folder / "batch.json", folder / "stream.json") as logs:
        replay.run(logs, folder / "flagged.json", overwrite=True)
    return replay.EventStore(folder / "flagged.json.events")


def is_told(texts: Sequence[str]) -> bool:
    """Tell whether 64 bits of micro- or nanoseconds can tell all of these times."""
    places = max((len(text[20:]) for text in texts), default=0)
    if places <= 6:
        return True
    return places <= 9 and all(1678 <= int(text[:4]) <= 2261 for text in texts)


@pytest.mark.slow
@settings(max_examples=50)
@given(history=histories())
def test_frames_hold_what_the_logs_tell(
    history: LoggedHistory, tmp_path_factory: pytest.TempPathFactory
) -> None:
    flagged, path = run_in(tmp_path_factory.mktemp("frames"), history)
    lines = [json.loads(line) for line in flagged.read_bytes().splitlines()]
    with replay.EventStore(path) as store:
        events = list(store)
        decisions = list(store.decisions())
        zone, past = store.zone, len(history.past)
        if not is_told([event.time for event in events]):
            with pytest.raises(replay.BadValueError, match="expected a time that 64 bits of nano"):
                store.to_frame("pandas")
            return
        frames = [
            (rows_of(store.to_frame(library)), rows_of(store.to_frame(library, "decisions")))
            for library in LIBRARIES
        ]
    for rows, judged in frames:
        assert [row["number"] for row in rows] == list(range(1, len(events) + 1))
        assert [row["source"] == "batch" for row in rows] == [row["number"] <= past for row in rows]
        for row, event in zip(rows, events, strict=True):
            line = json.loads(replay.line_of(event), parse_float=Decimal)
            assert row["event_type"] == line["event_type"]
            assert row["amount"] == (None if "amount" not in line else Decimal(line["amount"]))
            assert [row["user"], row["user1"], row["user2"]] == [
                None if name not in line else str(line[name]) for name in ("id", "id1", "id2")
            ]
            assert abs(row["time"] - instant(event.time, zone)) < dt.timedelta(microseconds=1)
        for row, decision in zip(judged, decisions, strict=True):
            same = ("number", "time", "user", "amount")
            assert [row[name] for name in same] == [
                rows[decision.number - 1][name] for name in same
            ]
            assert (row["flagged"], row["purchases"]) == (decision.flagged, decision.purchases)
        found = [row for row in judged if row["flagged"]]
        assert [(row["mean"], row["sd"]) for row in found] == [
            (Decimal(line["mean"]), Decimal(line["sd"])) for line in lines
        ]
        assert all(row["amount"] > row["mean"] + 3 * row["sd"] for row in found)


@pytest.mark.slow
@settings(max_examples=30)
@given(logs=fact_logs(Rings, {"at_least": 3}))
def test_frames_of_declared_events_have_the_declared_fields(
    logs: FactLog, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("frames")
    paths = (folder / "batch.json", folder / "stream.json")
    for path, content in zip(paths, logs, strict=True):
        path.write_bytes(content)
    with Rings.logs(*paths) as opened:
        replay.run(opened, folder / "rings.json")
    names = ("number", "account", "sender", "receiver", "amount")
    # The types are read from the store alone.
    with replay.EventStore(folder / "rings.json.events") as store:
        events, verdicts = list(store), list(store.decisions())
        for library in LIBRARIES:
            rows = rows_of(store.to_frame(library))
            assert [[row[name] for name in names] for row in rows] == [
                [getattr(event, name, None) for name in names] for event in events
            ]
            assert all(
                (row["event_type"] == "closed") == (row["account"] is not None) for row in rows
            )
            judged = rows_of(store.to_frame(library, "decisions"))
            assert [[row[name] for name in ("number", *VERDICT)] for row in judged] == [
                [getattr(each, name) for name in ("number", *VERDICT)] for each in verdicts
            ]


@pytest.mark.slow
@settings(max_examples=30)
@given(content=observation_logs(bad=0))
def test_frames_of_a_search_are_its_observations_and_intervals(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("frames")
    (folder / "seen.jsonl").write_bytes(content)
    search(folder / "seen.jsonl", folder / "found.jsonl", key="address")
    expected = read_back(folder / "found.jsonl")
    with replay.EventStore(folder / "found.jsonl.events") as store:
        events = list(store)
        assert len(events) == len(store)
        for library in LIBRARIES:
            assert [
                (row["number"], row["adid"], row["key"]) for row in rows_of(store.to_frame(library))
            ] == [(each.number, each.adid, each.key) for each in events]
            found = rows_of(store.to_frame(library, "decisions"))
            for row, interval in zip(found, expected, strict=True):
                assert [*row["adids"]] == interval["adids"]
                assert row["start_time"] == instant(interval["start_time"])
                assert row["end_index"] == interval["end_index"]


@pytest.mark.parametrize("library", LIBRARIES)
def test_columns_have_the_types_of_their_library(library: Library, tmp_path: Path) -> None:
    with run(tmp_path) as store:
        events, decisions = store.to_frame(library), store.to_frame(library, "decisions")
    types = {
        "pandas": ["int64", "datetime64[us]", "str", "str", "str", "str", "str", "object"],
        "polars": [
            *("Int64", "Datetime(time_unit='us', time_zone=None)"),
            *["String"] * 5,
            "Decimal(precision=19, scale=4)",
        ],
        "pyarrow": ["int64", "timestamp[us]", *["string"] * 5, "decimal128(19, 4)"],
    }
    assert types_of(events) == types[library]
    assert rows_of(decisions) == [
        {
            "number": 4,
            "time": instant("2017-06-13 11:33:03"),
            "user": "2",
            "amount": Decimal("999999999999999.9999"),
            "flagged": True,
            "purchases": 2,
            "mean": Decimal("16.91"),
            "sd": Decimal("0.08"),
        }
    ]


def types_of(frame: Any) -> list[str]:
    return [
        str(each) for each in (frame.schema.types if hasattr(frame, "to_pylist") else frame.dtypes)
    ]


@pytest.mark.parametrize("library", LIBRARIES)
def test_frame_without_rows_has_the_same_types(library: Library, tmp_path: Path) -> None:
    with run(tmp_path) as full:
        some = [types_of(full.to_frame(library, rows)) for rows in ("events", "decisions")]
    with run(tmp_path, '{"D":"2", "T":"50"}\n', "") as empty:
        none = [types_of(empty.to_frame(library, rows)) for rows in ("events", "decisions")]
        assert len(empty) == 0
    assert some == none


@pytest.mark.parametrize("library", LIBRARIES)
def test_times_are_exact_or_refused(library: Library) -> None:
    def first(*texts: str, zone: Any = None) -> Any:
        frame = frame_of(library, {"time": TableColumn("time", texts)}, zone)
        return (rows_of(frame)[0]["time"], types_of(frame)[0])

    for text in ("0001-01-01 00:00:00", "9999-12-31 23:59:59.999999"):
        assert first(text)[0] == instant(text)
    assert first("2020-01-01 00:00:00", zone="utc")[0] == instant("2020-01-01 00:00:00", "utc")
    assert "ns" in first("2020-01-01 00:00:00.000000001")[1]
    assert "us" in first("2020-01-01 00:00:00.000001")[1]
    for text in ("2020-01-01 00:00:00.0000000001", "1600-01-01 00:00:00"):
        with pytest.raises(
            replay.BadValueError, match=f"^row 0: expected a time .*, found {text};"
        ):
            first(text, "2020-01-01 00:00:00.000000001")


def test_nanoseconds_are_kept() -> None:
    columns = {"time": TableColumn("time", ["2020-01-01 00:00:00.000000001"])}
    since = 1_577_836_800_000_000_001
    assert frame_of("pandas", columns, None)["time"][0].value == since
    assert frame_of("polars", columns, None)["time"].to_physical()[0] == since
    assert frame_of("pyarrow", columns, None)["time"].cast("int64")[0].as_py() == since


def test_unknown_and_missing_libraries_are_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with run(tmp_path) as store:
        with pytest.raises(
            replay.BadValueError,
            match=r"^library: expected 'pandas', 'polars' or 'pyarrow', found \"'dask'\"$",
        ):
            store.to_frame("dask")  # type: ignore[arg-type]
        with pytest.raises(replay.BadValueError, match=r"^rows: expected 'events' or 'decisions'"):
            store.to_frame("pandas", "flags")  # type: ignore[arg-type]
        # What Python does where one is not installed.
        monkeypatch.setitem(sys.modules, "polars", None)
        with pytest.raises(
            replay.MissingLibraryError,
            match=r"^polars: expected an installed library, found none; python -m pip install pol",
        ):
            store.to_frame("polars")


@pytest.mark.parametrize("library", ["", *LIBRARIES])
def test_no_library_is_needed_that_was_not_named(library: str, tmp_path: Path) -> None:
    path = run(tmp_path).path
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_OTHERS, path, library],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "5\n"
