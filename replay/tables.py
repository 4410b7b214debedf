"""What the commands that look at a store have in common: opening it, tables and JSON."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

from events.amounts import format_cents
from events.store import EventStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from events.records import Decision

T = TypeVar("T")

# A line is as long as it has to be.
_WIDTH_MAX: Final = 10_000


def open_store(path: str) -> EventStore:
    """Open the store at ``path``, and say so if it was cut short.

    Raises:
        StoreError: the store cannot be read.

    """
    store = EventStore(path)
    if store.tail is not None:
        print(
            f"replay: {path}: from byte {store.tail.offset} on, {store.tail.fault.value}; "
            f"its {counted(store.tail.length, 'byte')} are left aside, "
            f"and {counted(store.events, 'event')} before it are shown",
            file=sys.stderr,
        )
    return store


def counted(number: int, noun: str) -> str:
    """Return how many of a thing there are, in words."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def progress(items: Sequence[T], what: str) -> Iterator[T]:
    """Iterate over ``items``, with a bar on standard error if that is a terminal."""
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    yield from track(items, description=what, console=console, transient=True)


@contextmanager
def status(what: str) -> Iterator[Callable[[str], None]]:
    """Give a function that shows how far ``what`` has come, on standard error if a terminal."""
    if not sys.stderr.isatty():
        yield lambda _text: None
        return
    from rich.console import Console

    with Console(stderr=True, highlight=False).status(what) as shown:
        yield lambda text: shown.update(f"{what}: {text}")


def print_json(value: Any) -> None:
    """Print ``value`` as one line of JSON."""
    json.dump(value, sys.stdout, ensure_ascii=False)
    sys.stdout.write("\n")


def decision_fields(decision: Decision) -> dict[str, object]:
    """Return what a decision says, as JSON has it: amounts with two decimals."""
    return {
        "flagged": decision.flagged,
        "n": decision.purchases,
        "mean": format_cents(decision.mean),
        "sd": format_cents(decision.sd),
    }


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table: a line of column names, then a line for each row.

    A column whose name ends in ``#`` holds numbers and is aligned to the right. Where
    a terminal is too narrow, lines run over its edge, and nothing is cut short.
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
        Console(width=_WIDTH_MAX, markup=False, highlight=False, emoji=False).print(table)
        return
    console = Console(width=_WIDTH_MAX, markup=False, highlight=False, emoji=False)
    with console.capture() as captured:
        console.print(table)
    # Not by splitlines: an id may hold what Unicode calls the end of a line.
    for line in captured.get().removesuffix("\n").split("\n"):
        print(line.rstrip(" "))
