"""Intervals as people find them with libraries for columns, to be timed beside the program.

Each reads a file, writes the intervals as the program does, and keeps nothing else.
"""

from __future__ import annotations

import argparse
import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

THRESHOLD: Final = 600
"""In seconds."""
_MICROSECONDS: Final = 1_000_000


def windows(times: Any, threshold: int) -> tuple[Any, Any]:
    """Return where the longest windows begin and end that are inside no other.

    Times are sorted, and they and the threshold are in microseconds.
    """
    first = np.searchsorted(times, times - threshold, side="right")
    ends = np.flatnonzero(np.append(first[1:] > first[:-1], True))
    return first[ends], ends


def lines(times: Any, texts: Any, adids: Any, key: str | None, threshold: int) -> Iterator[str]:
    """Iterate over the intervals of one key, as lines of JSON."""
    changes = np.cumsum(np.append(0, adids[1:] != adids[:-1]))
    starts, ends = windows(times, threshold)
    several = changes[ends] > changes[starts]
    for start, end in zip(starts[several].tolist(), ends[several].tolist(), strict=True):
        ids = list(dict.fromkeys(adids[start : end + 1].tolist()))
        found: dict[str, Any] = {} if key is None else {"key": key}
        found |= {"start_index": start, "end_index": end}
        found |= {"start_time": texts(start), "end_time": texts(end), "num_adid": len(ids)}
        yield json.dumps({**found, "adids": ids}, separators=(",", ":"))


def write(columns: dict[str, Any], output: Path, threshold: int) -> None:
    """Write the intervals of columns: times as microseconds, and ids and keys as arrays."""
    times, adids, keys = columns["time"], columns["adid"], columns.get("address")

    def text(row: int) -> str:
        return str(times[row].astype("M8[us]")).replace("T", " ").removesuffix(".000000")

    with output.open("w", encoding="utf-8") as file:
        if keys is None:
            file.writelines(line + "\n" for line in lines(times, text, adids, None, threshold))
            return
        order = np.argsort(keys, kind="stable")
        begins = np.flatnonzero(np.append(True, keys[order][1:] != keys[order][:-1]))
        for begin, end in zip(begins, np.append(begins[1:], len(order)), strict=True):
            own = order[begin:end]
            key = str(keys[own[0]])
            found = lines(
                times[own], lambda row, own=own: text(own[row]), adids[own], key, threshold
            )
            file.writelines(line + "\n" for line in found)


def with_pyarrow(source: Path, output: Path, threshold: int) -> None:
    """Read with pyarrow, look with numpy."""
    import pyarrow as pa  # noqa: PLC0415  only where it is installed
    from pyarrow import csv  # noqa: PLC0415

    kinds = {"time": pa.timestamp("us"), "adid": pa.string(), "address": pa.string()}
    table = csv.read_csv(source, convert_options=csv.ConvertOptions(column_types=kinds))
    columns = {"time": table["time"].to_numpy().astype("M8[us]").view(np.int64)}
    for name in table.column_names[1:]:
        coded = table[name].combine_chunks().dictionary_encode()
        columns[name] = np.array(coded.dictionary.to_pylist())[coded.indices.to_numpy()]
    write(columns, output, threshold)


def with_polars(source: Path, output: Path, threshold: int) -> None:
    """Read with polars, look with numpy."""
    import polars as pl  # noqa: PLC0415  only where it is installed

    frame = pl.read_csv(source, try_parse_dates=True)
    columns = {"time": frame["time"].cast(pl.Datetime("us")).to_physical().to_numpy()}
    for name in frame.columns[1:]:
        columns[name] = frame[name].to_numpy().astype(str)
    write(columns, output, threshold)


PEERS: Final[dict[str, Callable[[Path, Path, int], None]]] = {
    "pyarrow": with_pyarrow,
    "polars": with_polars,
}


def installed() -> list[str]:
    """Return which of the libraries are there."""
    return [name for name in PEERS if find_spec(name) is not None]


def main() -> int:
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("source", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--threshold", type=int, default=THRESHOLD, help="in seconds")
    options = parser.parse_args()
    PEERS[options.peer](options.source, options.output, options.threshold * _MICROSECONDS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
