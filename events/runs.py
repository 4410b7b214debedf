"""Runs of events that one frame holds, as one: a column is cheap where it is long.

An operation on an array takes some microseconds however short it is. In a log of which each
tenth line is rejected a frame has hundreds of runs; packing and reading each of them by
itself took ten times as long.
"""

from __future__ import annotations

from itertools import accumulate, chain
from typing import TYPE_CHECKING

import numpy as np

from events.columns import NOBODY, CodeBook, Columns
from events.event import line_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def joined(runs: Sequence[Columns]) -> Columns:
    """Return the events of ``runs``, of which there is one at least, one behind the other.

    What differs in style from the first that has one has its lines kept.
    """
    if len(runs) == 1:
        return runs[0]
    style = next((run.style for run in runs if run.style is not None), None)
    starts = [0, *accumulate(map(len, runs))]
    book = CodeBook()
    places = np.fromiter(
        map(book.__getitem__, chain.from_iterable(run.names for run in runs)), np.int32
    )
    # Where the names of each run begin among those of all.
    named = np.array([0, *accumulate(len(run.names) for run in runs)][:-1])
    offsets = np.repeat(named, list(map(len, runs)))
    others = np.concatenate([run.others for run in runs])
    second = places[np.where(others == NOBODY, 0, others + offsets)]
    lines: dict[int, bytes] = {}
    finer: dict[int, str] = {}
    for start, run in zip(starts, runs, strict=False):
        finer.update({start + index: digits for index, digits in run.finer.items()})
        lines.update({start + index: line for index, line in run.lines.items()})
        if run.style != style:
            lines.update({start + at: line_of(event) for at, event in enumerate(run.events())})
    return Columns(
        runs[0].number,
        list(book),
        np.concatenate([run.kinds for run in runs]),
        places[np.concatenate([run.users for run in runs]) + offsets],
        np.where(others == NOBODY, np.int32(NOBODY), second),
        np.concatenate([run.amounts for run in runs]),
        np.concatenate([run.ticks for run in runs]),
        finer,
        lines,
        style,
    )


def split(columns: Columns, counts: Sequence[int]) -> Iterator[Columns]:
    """Iterate over the runs of ``columns``, of which each has so many events."""
    if len(counts) == 1:
        yield columns
        return
    finer, lines = sorted(columns.finer.items()), sorted(columns.lines.items())
    fine = kept = 0
    all_names = columns.names
    # The users of each event, as one: NOBODY for no second one.
    pairs = np.stack((columns.users, columns.others), axis=1).ravel().tolist()
    starts = accumulate(counts, initial=0)
    for start, count in zip(starts, counts, strict=False):
        end = start + count
        # What is met for the first time gets the next place; NOBODY stays what it is.
        met: dict[int, int] = {NOBODY: NOBODY}
        places = [met.setdefault(code, len(met) - 1) for code in pairs[2 * start : 2 * end]]
        del met[NOBODY]
        some_finer: dict[int, str] = {}
        while fine < len(finer) and finer[fine][0] < end:
            some_finer[finer[fine][0] - start] = finer[fine][1]
            fine += 1
        some_lines: dict[int, bytes] = {}
        while kept < len(lines) and lines[kept][0] < end:
            some_lines[lines[kept][0] - start] = lines[kept][1]
            kept += 1
        run = slice(start, end)
        yield Columns(
            columns.number + start,
            [all_names[code] for code in met],
            columns.kinds[run],
            np.array(places[0::2], np.int32),
            np.array(places[1::2], np.int32),
            columns.amounts[run],
            columns.ticks[run],
            some_finer,
            some_lines,
            columns.style,
        )
