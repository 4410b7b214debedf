"""Tables are drawn as rich draws them, only faster."""

from __future__ import annotations

import contextlib
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from events.escapes import inert
from replay.terminal.tables import print_table

COLUMNS = ("event#", "time", "user")
cells = st.one_of(
    st.integers(-10, 10**9),
    st.text(max_size=6),
    st.sampled_from(["\u4e2d\u6587", "e\u0301", "\U0001f600", "[b]x", ""]),
)


def drawn_by_rich(rows: list[tuple[object, ...]]) -> list[str]:
    table = Table(box=None, pad_edge=False)
    for name in COLUMNS:
        justify = "right" if name.endswith("#") else "left"
        table.add_column(name.removesuffix("#"), justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*[inert(str(cell)) for cell in row])
    drawn = io.StringIO()
    console = Console(file=drawn, width=1_000, markup=False, highlight=False, emoji=False)
    console.print(table)
    return [line.rstrip(" ") for line in drawn.getvalue().removesuffix("\n").split("\n")]


@pytest.mark.slow
@given(st.lists(st.tuples(cells, cells, cells)))
@example([(1, "\u4e2d\u6587", "a"), (22, "b", "\u4e2d")])
def test_table_is_drawn_as_rich_would_draw_it(rows: list[tuple[object, ...]]) -> None:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        print_table(COLUMNS, rows)
    assert printed.getvalue().removesuffix("\n").split("\n") == drawn_by_rich(rows)
