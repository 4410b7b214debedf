"""Writes observations of advertising ids that look like a real log's, from a seed."""

from __future__ import annotations

import argparse
import datetime as dt
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

START: Final = dt.datetime(2020, 1, 1)  # noqa: DTZ001  has no zone
# Seconds between two rows of a session, and between two sessions at one place.
ROW_SECONDS: Final = 20
GAP_SECONDS: Final = 2_400
SESSION_ROWS: Final = 10
IDS_PER_KEY: Final = 4
# In so many of the rows another id takes over, such as that of another member of a household.
OTHER_ID: Final = 0.01
BAD_TIMES: Final = ("2020-13-01 00:00:00", "yesterday", "", "2020-01")
EPILOG: Final = """\
Rows come in sessions of about 10 rows, mostly of one id, 20 seconds apart.

example, which makes the project's own sample:
  python scripts/observations.py scripts/sample/observations.csv --rows 400 --keys 6 \\
      --bad 0.01 --seed 2
"""

Row = tuple[str, str, str]


def rows(count: int, keys: int, bad: float, seed: int) -> Iterator[Row]:
    """Generate times, ids and keys; without keys the last is empty.

    Args:
        count: how many.
        keys: of how many addresses, or 0 for none.
        bad: the share of rows with a time that is none.
        seed: another one makes other rows of the same kind.

    """
    drawn = random.Random(seed)
    # Where there are more addresses, more sessions go on at the same time.
    sessions: list[list[int]] = [[0, 0, 0] for _ in range(max(1, keys // 20))]
    step = ROW_SECONDS / len(sessions)
    seconds = 0.0
    text, whole = str(START), 0
    for number in range(count):
        session = sessions[int(drawn.random() * len(sessions))]
        if not session[2]:
            session[0] = int(drawn.random() * keys) if keys else 0
            session[1] = int(drawn.random() * IDS_PER_KEY) if keys else int(drawn.random() * 200)
            session[2] = 1 + int(drawn.expovariate(1 / SESSION_ROWS))
            if len(sessions) == 1:
                seconds += drawn.expovariate(1 / GAP_SECONDS)
        session[2] -= 1
        seconds += drawn.expovariate(1 / step)
        if drawn.random() < OTHER_ID:
            session[1] += 1
        if int(seconds) != whole:
            whole = int(seconds)
            text = str(START + dt.timedelta(seconds=whole))
        time = text
        if bad and drawn.random() < bad:
            time = BAD_TIMES[number % len(BAD_TIMES)]
        key, adid = session[0], session[0] * IDS_PER_KEY + session[1]
        address = f"10.{key >> 16}.{key >> 8 & 255}.{key & 255}" if keys else ""
        yield time, f"{adid * 2654435761 % 2**32:08x}", address


def write(path: Path, count: int, keys: int, bad: float, seed: int) -> None:
    """Write rows to ``path``, as JSON lines if it ends in ``.jsonl``, else as CSV."""
    names = ["time", "adid"] + ["address"] * bool(keys)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        if path.suffix == ".jsonl":
            form = "{" + ", ".join(f'"{name}": "%s"' for name in names) + "}\n"
        else:
            form = ",".join(["%s"] * len(names)) + "\n"
            file.write(",".join(names) + "\n")
        file.writelines(form % row[: len(names)] for row in rows(count, keys, bad, seed))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("output", metavar="OUTPUT", type=Path, help="file, .csv or .jsonl")
    parser.add_argument("--rows", type=int, default=1_000, help="how many (default: 1,000)")
    parser.add_argument("--keys", type=int, default=0, help="addresses (default: 0, no column)")
    parser.add_argument("--bad", type=float, default=0.0, help="share of bad rows (default: 0)")
    parser.add_argument("--seed", type=int, default=1, help="another seed makes other rows")
    options = parser.parse_args(arguments)
    try:
        write(options.output, options.rows, options.keys, options.bad, options.seed)
    except OSError as error:
        print(f"observations: {options.output}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
