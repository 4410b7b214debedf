"""Tables are drawn as rich draws them, only faster."""

from __future__ import annotations

import contextlib
import io
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from events.escapes import inert
from replay.terminal.standard_streams import Colour, say
from replay.terminal.tables import print_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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


def drawn_at(
    width: int, rows: Sequence[tuple[object, ...]], names: tuple[str, ...] = COLUMNS
) -> list[str]:
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as out:
        patch.setenv("COLUMNS", str(width))
        print_table(names, rows)
    return out.getvalue().removesuffix("\n").split("\n")


word = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=12)
long_word = st.integers(25, 200).map(lambda size: "x" * size)
sentence = st.lists(word, max_size=12).map(" ".join)
time = st.just("2017-06-14 18:47:20.5")
wide = st.lists(
    st.tuples(st.integers(0, 10**9), time, sentence, sentence, sentence | long_word), max_size=5
)
WIDE = ("event#", "time", "user", "path", "content")


def words_of(row: tuple[object, ...]) -> list[str]:
    """Return what of a row may not be broken."""
    number, when, *texts = map(str, row)
    return sorted([number, when, *(each for text in texts for each in text.split())])


def words_in(lines: list[str]) -> list[str]:
    # A time has one space, and columns are two apart at least.
    when = re.compile(r"(?<=\d{4}-\d\d-\d\d) (?=\d\d:)")
    return sorted(
        each.replace("\0", " ") for line in lines for each in when.sub("\0", line).split()
    )


@given(wide)
def test_wide_table_fits_80_columns_with_every_word_number_and_time_whole(
    rows: list[tuple[object, ...]],
) -> None:
    head, *lines = drawn_at(80, rows, WIDE)
    assert head.split() == ["event", "time", "user", "path", "content"]
    # A row begins where there is a number in the first column.
    first = re.compile(rf" {{0,{len('event') + 5}}}\d+ ")
    lines = list(filter(None, lines))
    starts = [place for place, line in enumerate(lines) if first.match(line)]
    assert len(starts) == len(rows)
    for row, start, end in zip(rows, starts, [*starts[1:], len(lines)], strict=bool(rows)):
        assert words_in(lines[start:end]) == words_of(row)
    for line in [head, *lines]:
        # Nothing but a single word that is too long for any column runs over the edge.
        assert len(line) <= 80 or len(line.split()[-1]) > 24
        assert line == line.rstrip(" ")


@given(wide.filter(bool))
def test_one_long_word_moves_no_other_row(rows: list[tuple[object, ...]]) -> None:
    # What is 25 long runs over its column as well; no row is padded to what is 500 long.
    drawn = [
        drawn_at(80, [*rows, (1, "2017-06-14 18:47:20.5", "a", "b", "x" * size)] * 2, WIDE)
        for size in (90, 500)
    ]
    assert [len(line) - 410 * line.count("x" * 500) for line in drawn[1]] == list(
        map(len, drawn[0])
    )


def test_cells_go_on_below_their_column_and_rest_of_a_row_behind_a_long_word() -> None:
    rows = [(7, "12:00", "one two three four"), (8, "x" * 30, "five")]
    assert drawn_at(30, rows) == [
        f"event  time{'user':>18}",
        f"    7  12:00{'one':>16}",
        f"{'two':>28}",
        f"{'three':>30}",
        f"{'four':>29}",
        f"    8  {'x' * 30}",
        f"{'five':>29}",
    ]


def on_terminal(function: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what is printed where standard output is a terminal."""
    printed = io.StringIO()
    monkeypatch.setattr(printed, "isatty", lambda: True, raising=False)
    with contextlib.redirect_stdout(printed):
        function()
    return printed.getvalue()


@pytest.mark.parametrize(
    ("term", "no_color", "coloured"),
    [
        ("xterm", None, True),
        ("xterm", "", True),
        ("xterm", "1", False),
        ("xterm", "0", False),
        ("dumb", None, False),
    ],
)
def test_colours_are_for_terminals_that_have_them_and_for_who_wants_them(
    term: str, no_color: str | None, coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color is not None:
        monkeypatch.setenv("NO_COLOR", no_color)
    shown = on_terminal(lambda: say("flag\x1b", Colour.FLAG), monkeypatch)
    assert shown == ("\x1b[1;31mflag\\x1b\x1b[0m\n" if coloured else "flag\\x1b\n")
    table = on_terminal(lambda: print_table(("a", "b"), [(1, 2)]), monkeypatch)
    assert table == ("\x1b[1ma  b\x1b[0m\n1  2\n" if coloured else "a  b\n1  2\n")
    with contextlib.redirect_stdout(io.StringIO()) as piped:
        say("flag", Colour.FLAG)
    assert piped.getvalue() == "flag\n"
