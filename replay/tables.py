"""Tables and JSON on standard output."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Where there is no terminal, a line is as long as it has to be.
_WIDTH_MAX: Final = 10_000


def print_json(value: Any) -> None:
    """Print ``value`` as one line of JSON."""
    json.dump(value, sys.stdout, ensure_ascii=False)
    sys.stdout.write("\n")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table: a line of column names, then a line for each row.

    A column whose name ends in ``#`` holds numbers and is aligned to the right.
    """
    # Imported only where a table is shown: it takes 0.1 s.
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        numbers = name.endswith("#")
        table.add_column(
            name.removesuffix("#"), justify="right" if numbers else "left", no_wrap=True
        )
    for row in rows:
        table.add_row(*[str(cell) for cell in row])
    if sys.stdout.isatty():
        Console(markup=False, highlight=False).print(table)
        return
    console = Console(width=_WIDTH_MAX, markup=False, highlight=False)
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        print(line.rstrip())
