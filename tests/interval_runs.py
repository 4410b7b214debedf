"""Files of observations and searches in them, for the tests of the second detector."""

from __future__ import annotations

import csv
import io
import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from events.disk import DISK
from events.logs.file import Portions
from events.observations.rows import ColumnNames
from events.observations.source import Observations
from replay.intervals.run import Search, run_intervals

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from events.disk import Disk
    from replay.intervals.resume import IntervalSummary

Row = tuple[str, str, str]

# Times collide, and lie at, just below and just above a threshold of 60 s apart.
seconds = st.sampled_from([0, 1, 29, 30, 59, 60, 61, 90, 119, 120, 121, 200, 3_000])
fractions = st.sampled_from(["", ".5", ".50", ".000000001"])
rows = st.lists(
    st.tuples(
        st.builds(
            lambda second, fraction: (
                f"2020-01-01 {second // 3_600:02}:{second // 60 % 60:02}:{second % 60:02}{fraction}"
            ),
            seconds,
            fractions,
        ),
        st.sampled_from("ABCD"),
        st.sampled_from(["x", "y", "z"]),
    ),
    max_size=14,
)
BAD_ROWS = (
    "yesterday,A,x",
    "2020-02-30 00:00:00,A,x",
    "2020-01-01 00:00:00,,x",
    "1,2,3,4",
    '1,"A"B,x',
)
MINUTE = Search(60 * 10**9)
SMALL = Portions(observation_bytes=90, settle_rows=4, found_max=70)
"""Let a few observations be several blocks and frames, and settled in several portions."""


def as_csv(found: Sequence[Row], bad: Sequence[tuple[int, str]] = ()) -> bytes:
    """Return a CSV file of rows, with bad ones before the rows at the places given."""
    lines = [",".join(row) for row in found]
    for place, line in sorted(bad, reverse=True):
        lines.insert(place, line)
    return "".join(f"{line}\n" for line in ["time,adid,address", *lines]).encode()


def as_jsonl(found: Sequence[Row]) -> bytes:
    names = ("time", "adid", "address")
    lines = [json.dumps(dict(zip(names, row, strict=True))) for row in found]
    return "".join(f"{line}\n" for line in lines).encode()


def search(
    path: Path,
    output: Path,
    what: Search = MINUTE,
    *,
    key: str | None = None,
    disk: Disk = DISK,
    portions: Portions = SMALL,
    **options: Any,
) -> IntervalSummary:
    """Find the intervals of the observations at ``path``."""
    with Observations(path, ColumnNames(key=key), portions=portions) as source:
        return run_intervals(source, output, what, disk=disk, **options)


@contextmanager
def piped(content: bytes, columns: ColumnNames = ColumnNames()) -> Iterator[Observations]:  # noqa: B008
    """Return CSV that comes through a pipe, small enough for that to hold all of it."""
    readable, writable = os.pipe()
    os.write(writable, content)
    os.close(writable)
    try:
        with Observations(f"/dev/fd/{readable}", columns, form="csv", portions=SMALL) as source:
            yield source
    finally:
        os.close(readable)


def read_back(output: Path) -> list[dict[str, Any]]:
    """Return the intervals in a file of either format, as they would stand in JSON."""
    if output.suffix != ".csv":
        return [json.loads(line) for line in output.read_bytes().splitlines()]
    found: list[dict[str, Any]] = []
    for row in csv.DictReader(io.StringIO(output.read_text(encoding="utf-8"), newline="")):
        fields: dict[str, Any] = dict(row)
        for name in ("start_index", "end_index", "num_adid"):
            fields[name] = int(fields[name])
        found.append({**fields, "adids": json.loads(fields["adids"])})
    return found
