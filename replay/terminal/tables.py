"""What the commands that look at a store have in common: opening it, tables and JSON."""

from __future__ import annotations

import base64
import bisect
import json
import os
import re
import shlex
import shutil
import sys
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, TypeVar

from events.errors import counted
from events.escapes import inert, json_escaped, plain, unescaped
from events.store.store import EventStore
from replay.terminal.standard_streams import (
    Colour,
    error_console,
    is_watched,
    painted,
    report,
    say_rendered,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from events.records.record import Rejected

T = TypeVar("T")

_COLUMNS_APART: Final = "  "
# What is one though it has a space in it: a time, which no line breaks.
_TIME: Final = re.compile(r"(?<=\d{4}-\d\d-\d\d) (?=\d\d:)")
_NO_BREAK: Final = "\0"
# A single word that is longer makes no column wider where there is no room.
_WORD_MAX: Final = 24


def open_store(path: str) -> EventStore:
    """Open the store at ``path``, and say so if it was cut short, or saved from damage.

    Raises:
        StoreError: the store cannot be read.

    """
    store = EventStore(path)
    if store.tail is not None:
        report(
            f"replay: {plain(path)}: from byte {store.tail.offset} on, {store.tail.fault.value}; "
            f"its {counted(store.tail.length, 'byte')} are left aside, "
            f"and {counted(store.events, 'event')} before it are shown"
        )
    if store.header.incomplete:
        report(
            f"replay: {plain(path)}: saved from a damaged store, and incomplete; "
            "verify says what was lost"
        )
    return store


def some(words: Sequence[str], shown_max: int = 20) -> str:
    """Return the first ``words``, and how many more there are."""
    rest = len(words) - shown_max
    return ", ".join(map(plain, words[:shown_max])) + (f" and {rest} more" if rest > 0 else "")


def progress(items: Sequence[T], what: str) -> Iterator[T]:
    """Iterate over ``items``, with a bar on standard error if that is a terminal."""
    if not is_watched():
        yield from items
        return
    from rich.progress import track

    yield from track(items, description=what, console=error_console(), transient=True)


@contextmanager
def status(what: str) -> Iterator[Callable[[str], None]]:
    """Give a function that shows how far ``what`` has come, on standard error if a terminal."""
    if not is_watched():
        yield lambda _text: None
        return
    with error_console().status(what) as shown:
        yield lambda text: shown.update(f"{what}: {text}")


def named(word: str, known: Collection[str]) -> str:
    """Return which of the ``known`` names ``word`` is as `plain` shows it, or is itself.

    What is shown comes first, so that each can be named, whatever the others are. Where
    it is none of them, ``word`` itself.
    """
    meant = unescaped(word)
    return word if meant is None or meant not in known else meant


def shell_word(word: object) -> str:
    """Return the text of ``word`` as a shell takes it, which can also be looked at."""
    text = str(word)
    if inert(text) == text:
        return shlex.quote(text)
    # The quotes of bash, zsh and POSIX 2024, in which a byte stands for itself.
    taken = (os.fsencode(c) if inert(c) != c or c in "\\'" else c for c in text)
    escaped = (c if isinstance(c, str) else "".join(f"\\x{b:02x}" for b in c) for c in taken)
    return f"$'{''.join(escaped)}'"


# Kept: to make one for each line took longer than all else.
_encode: Final = json.JSONEncoder(ensure_ascii=False).encode


def print_json(value: Any) -> None:
    """Print ``value`` as one line of JSON, which reads back as it was in any encoding."""
    line = json_escaped(_encode(value))
    try:
        line.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        line = json_escaped(json.dumps(value))
    say_rendered(line)


def rejected_fields(rejected: Rejected) -> dict[str, object]:
    """Return what is known of a rejected line, as JSON has it.

    A line that is no UTF-8 has all its bytes in ``base64``, too; in ``text`` those that
    are no character are escaped, and cannot be told from such escapes. Of a line that was
    too long these are its beginning.
    """
    line = rejected.line
    text = line.decode("utf-8", "backslashreplace")
    exact = {} if text.encode() == line else {"base64": base64.b64encode(line).decode()}
    cut = cut_fields(rejected) if rejected.is_cut else {}
    return {"reason": rejected.reason, "detail": rejected.detail, "text": text, **exact, **cut}


def cut_fields(rejected: Rejected) -> dict[str, object]:
    """Return what JSON says of a line that was too long: how long it is, and its SHA-256."""
    digest = rejected.sha256
    return {"bytes": rejected.length, "sha256": None if digest is None else digest.hex()}


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table: a line of column names, then a line for each row.

    A column whose name ends in ``#`` holds numbers and is aligned to the right. A table that
    is wider than the terminal, or than 80 columns where that is none, has narrower columns of
    words, whose cells go on below; nothing is cut, and no number, time or name is broken. A
    word that is longer than its column runs over it, and the rest of its row goes on below.
    """
    # Drawn here: rich, which draws what moves, took 5 s for 20,000 rows.
    numeric = [name.endswith("#") for name in columns]
    head = [name.removesuffix("#") for name in columns]
    cells = [head, *([inert(str(cell)) for cell in row] for row in rows)]
    widths = [max(map(_cells_of, column)) for column in zip(*cells, strict=True)]
    room = shutil.get_terminal_size().columns - len(_COLUMNS_APART) * (len(widths) - 1)
    fits = sum(widths) <= room
    if not fits:
        widths = _narrowed(cells, widths, numeric, room)
    for place, row in enumerate(cells):
        lines = [row] if fits else _lines_of(row, widths)
        for cells_of_line in lines:
            line = _COLUMNS_APART.join(map(_padded, cells_of_line, widths, numeric)).rstrip(" ")
            say_rendered(line if place else painted(line, Colour.HEADING))


def _narrowed(
    cells: Sequence[Sequence[str]], widths: Sequence[int], numeric: Sequence[bool], room: int
) -> list[int]:
    """Return ``widths`` of columns made to fit into ``room``, if they can; numbers keep theirs.

    The widest columns of words give way first, until all of them are as wide. A column is as
    wide as its longest word, unless that would be padding for the sake of a few rows.
    """
    words = [max(map(_cells_of, chain(*map(_words, each)))) for each in zip(*cells, strict=True)]
    numbers = [width if each else 0 for width, each in zip(widths, numeric, strict=True)]
    least = _within(room, numbers, [min(width, _WORD_MAX) for width in words])
    return _within(room, least, widths)


def _within(room: int, least: Sequence[int], widths: Sequence[int]) -> list[int]:
    """Return ``widths``, those above some limit cut down to it, that fit into ``room``.

    None is below its ``least`` width; where these do not fit, they stay.
    """

    def at_most(limit: int) -> list[int]:
        return [max(low, min(width, limit)) for low, width in zip(least, widths, strict=True)]

    limits = range(1, room + 1)
    return at_most(bisect.bisect_right(limits, room, key=lambda limit: sum(at_most(limit))))


def _lines_of(row: Sequence[str], widths: Sequence[int]) -> Iterator[list[str]]:
    """Iterate over the lines of a row: the cells of each, some of them empty."""
    waiting = [_wrapped(cell, width) for cell, width in zip(row, widths, strict=True)]
    while any(waiting):
        line = [""] * len(row)
        for place, pieces in enumerate(waiting):
            if pieces:
                line[place] = pieces.pop(0)
                if _cells_of(line[place]) > widths[place] and any(waiting[place + 1 :]):
                    break
        yield line


def _wrapped(cell: str, width: int) -> list[str]:
    """Return the pieces of a cell, broken at spaces; only a single word is longer than ``width``.

    What stood before a space that is broken at has none behind it.
    """
    if _cells_of(cell) <= width:
        return [cell]
    pieces: list[str] = []
    for word in _words(cell):
        if pieces and _cells_of(pieces[-1]) + 1 + _cells_of(word) <= width:
            pieces[-1] += f" {word}"
        else:
            pieces.append(word)
    return pieces


def _words(cell: str) -> list[str]:
    """Return what of a cell is not to be broken."""
    words = _TIME.sub(_NO_BREAK, cell).split(" ")
    return [word.replace(_NO_BREAK, " ") for word in words]


def _padded(text: str, width: int, right: bool) -> str:  # noqa: FBT001
    space = " " * (width - _cells_of(text))
    return space + text if right else text + space


def _cells_of(text: str) -> int:
    """Return how many cells of a terminal ``text`` takes."""
    if text.isascii():
        return len(text)
    # Imported only where it is needed.
    from rich.cells import cell_len

    return cell_len(text)
