"""Some thousands of small cases, drawn at random: the search finds what looking at all pairs does.

Of each case the model looks at every two times that occur. A command looks at many cases at once,
each the observations of one key; the interface at one, from columns of each kind.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import random
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from replay import find_intervals
from replay.intervals.run import Search
from tests.interval_cases import all_pairs
from tests.interval_runs import as_csv, as_jsonl, search

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from events.observations.interval import Interval
    from tests.interval_runs import Row

KEYS = 40
FRACTIONS = {0: ("",), 6: ("", ".5", ".000001"), 9: ("", ".5", ".000000001", ".999999999")}
THRESHOLDS = (1, 10**9 - 1, 10**9, 5 * 10**9, 5 * 10**9 + 1, 12 * 10**9)


def drawn_rows(draw: random.Random, places: int, count: int, keys: int) -> list[Row]:
    """Return rows in any order: times tie, and are the thresholds apart; some come twice."""
    rows = []
    for _ in range(count):
        time = f"2020-01-01 00:00:{draw.randrange(30):02}{draw.choice(FRACTIONS[places])}"
        rows.append((time, draw.choice("ABCD"), f"k{draw.randrange(keys)}"))
    return rows + draw.choices(rows, k=count // 10) if rows else rows


def expected_of(rows: Iterable[Row], what: Search) -> list[Interval]:
    """Return what the model finds, by key in the order of the rows."""
    own: dict[str, list[tuple[str, str]]] = {}
    for time, adid, key in rows:
        own.setdefault(key, []).append((time, adid))
    asked: dict[str, Any] = {"inclusive": what.inclusive, "distinct_min": what.distinct_min}
    return [
        msgspec.structs.replace(each, key=key)
        for key, listed in own.items()
        for each in all_pairs(listed, what.threshold, **asked)
    ]


def a_search(draw: random.Random, lateness: int = 0) -> Search:
    return Search(draw.choice(THRESHOLDS), draw.random() < 0.5, draw.randint(1, 4), lateness)


def read_back(path: Path) -> list[dict[str, Any]]:
    if path.suffix != ".csv":
        return [json.loads(line) for line in path.read_bytes().splitlines()]
    with path.open(encoding="utf-8", newline="") as file:
        return [{**row, "adids": json.loads(row["adids"])} for row in csv.DictReader(file)]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("mode", ["in order", "put in order", "late"])
@pytest.mark.parametrize("places", FRACTIONS)
def test_command_finds_of_many_keys_what_all_pairs_have(
    tmp_path: Path, form: str, mode: str, places: int
) -> None:
    draw = random.Random(f"{form} {mode} {places}")
    for number in range(4):
        rows = drawn_rows(draw, places, 8 * KEYS, KEYS)
        if mode == "in order":
            rows.sort(key=lambda row: row[0])
        what = a_search(draw, 10**11 if mode == "late" else 0)
        source = tmp_path / f"{number}.{form}"
        source.write_bytes(as_csv(rows) if form == "csv" else as_jsonl(rows))
        output = tmp_path / f"{number}-out.{draw.choice(['csv', 'jsonl'])}"
        search(source, output, what, key="address")
        found = sorted(
            (each["key"], int(each["start_index"]), each["end_time"], each["adids"])
            for each in read_back(output)
        )
        assert found == sorted(
            (each.key, each.start_index, each.end_time, list(each.adids))
            for each in expected_of(rows, what)
        )


def columns_of(rows: list[Row], places: int, draw: random.Random) -> tuple[Any, Any, Any]:
    """Return columns of rows in any of the ways in which they may be given."""
    times: Any = [time for time, _, _ in rows]
    ids: Any = [adid for _, adid, _ in rows]
    keys: Any = [key for _, _, key in rows]
    as_times = draw.randrange(4)
    if as_times == 1:
        times = np.array(times, f"M8[{'ns' if places > 6 else 'us'}]")
    elif as_times == 2 and places <= 6:
        times = [dt.datetime.fromisoformat(time) for time in times]
    elif as_times == 3:
        times = np.array(times, object)
    if draw.random() < 0.5:
        ids, keys = np.array(ids, object), tuple(keys)
    return times, ids, keys


@pytest.mark.parametrize("places", FRACTIONS)
def test_interface_finds_what_all_pairs_have(places: int) -> None:
    draw = random.Random(places)
    for _ in range(700):
        rows = drawn_rows(draw, places, draw.randrange(16), draw.choice([1, 3]))
        what = a_search(draw)
        times, ids, keys = columns_of(rows, places, draw)
        found = find_intervals(
            times,
            ids,
            dt.timedelta(microseconds=what.threshold // 1000)
            if not what.threshold % 1000
            else f"{what.threshold // 10**9}.{what.threshold % 10**9:09}s",
            inclusive=what.inclusive,
            min_distinct=what.distinct_min,
            keys=keys,
        )
        assert found == expected_of(rows, what)
