"""The regression test that is written beside the observations that intervals need.

It is a file for pytest, and gives the command that anybody would.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from events.times.durations import format_duration
from replay.engine.shrink import plain_name
from replay.intervals.lines import interval_in_zone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.observations.interval import Interval
    from events.observations.parameters import IntervalParameters
    from replay.engine.shrink import Shrunk
    from replay.intervals.history import IntervalHistory

_TEST: Final = '''\
"""Intervals that were final after event {event} of {store}.

Written by "python -m replay shrink", which left {after:,} of {before:,} rows. The files
beside this one are all that it needs.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from replay.cli import main

HERE = Path(__file__).parent
ROWS = (HERE / "observations.jsonl").read_bytes()
OPTIONS = {options}
FOUND = {found}
NAMES = {names}


def found(rows: bytes, folder: Path) -> list[list[object]]:
    """Return what is found in ``rows``: the key, the start, the end{ids}."""
    (folder / "observations.jsonl").write_bytes(rows)
    paths = [str(folder / "observations.jsonl"), str(folder / "intervals.jsonl")]
    assert main(["intervals", *paths, *OPTIONS]) == 0
    lines = (folder / "intervals.jsonl").read_bytes().splitlines()
    return [[each.get(name) for name in NAMES] for each in map(json.loads, lines)]


def test_intervals_are_found(tmp_path: Path) -> None:
    """Those that were recorded are."""
    assert [each for each in FOUND if each not in found(ROWS, tmp_path)] == []


def test_file_of_intervals_is_what_it_was(tmp_path: Path) -> None:
    """Each byte of it is."""
    found(ROWS, tmp_path)
    assert (tmp_path / "intervals.jsonl").read_bytes() == (HERE / "intervals.jsonl").read_bytes()


@pytest.mark.parametrize("row", range({after}))
def test_each_row_matters(row: int, tmp_path: Path) -> None:
    """Without a row, one of them is not found."""
    rows = ROWS.splitlines(keepends=True)
    del rows[row]
    left = found(b"".join(rows), tmp_path)
    assert [each for each in FOUND if each not in left] != []
'''


def interval_regression(
    store: str, shrunk: Shrunk, event: int, before: int, history: IntervalHistory
) -> bytes:
    """Return the source of the test, for what is left of ``history`` in ``store``, a name alone.

    It has ``before`` rows, and the intervals were final after ``event``.
    """
    parameters = history.parameters
    recorded = [interval_in_zone(each, history.zone) for each in shrunk.recorded]
    names = ["key", "start_time", "end_time", *(["adids"] if shrunk.exact else [])]
    return _TEST.format(
        event=event,
        store=plain_name(store),
        after=len(shrunk.numbers),
        before=before,
        options=_listed(options_of(parameters)),
        found=_listed([_found(each, parameters, exact=shrunk.exact) for each in recorded]),
        names=names,
        ids=" and the ids" if shrunk.exact else "",
    ).encode()


def _listed(values: Sequence[object]) -> str:
    return "".join(["[\n", *(f"    {value!r},\n" for value in values), "]"])


def _found(interval: Interval, parameters: IntervalParameters, *, exact: bool) -> list[object]:
    key = None if parameters.key is None else interval.key
    place: list[object] = [key, interval.start_time, interval.end_time]
    return [*place, list(interval.adids)] if exact else place


def options_of(parameters: IntervalParameters) -> list[str]:
    """Return the options of the command line that ask for such a search."""
    return [
        *("--threshold", format_duration(parameters.threshold)),
        *(["--inclusive"] if parameters.inclusive else []),
        *("--min-distinct", str(parameters.distinct_min)),
        *("--lateness", format_duration(parameters.lateness or 0)),
        *("--time-column", parameters.time, "--id-column", parameters.adid),
        *([] if parameters.unit is None else ["--time-unit", parameters.unit]),
        *([] if parameters.key is None else ["--by", parameters.key]),
    ]
