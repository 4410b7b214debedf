"""HTML and SVG as text, in which whatever came from outside is shown and not obeyed.

All of it is well-formed XML as well, so that any parser tells whether it is whole.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Final

from events.escapes import inert, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Of a longer id a table shows the beginning and the end; all of it is in the hint.
_BEGINNING: Final = 60
_END: Final = 12
_VOID: Final = frozenset({"br", "hr", "input", "link", "meta"})


class Markup(str):
    """Text that is HTML or SVG already; all other text is escaped."""

    __slots__ = ()


def escaped(content: object) -> Markup:
    """Return ``content`` as it may stand in markup; text that a reader cannot see is made seen."""
    if isinstance(content, Markup):
        return content
    return Markup(html.escape(inert(str(content))))


def joined(parts: Iterable[object]) -> Markup:
    """Return all ``parts`` behind one another."""
    return Markup("".join(map(escaped, parts)))


def element(name: str, /, *content: object, **attributes: object) -> Markup:
    """Return an element with some content.

    Args:
        name: what it is.
        content: text, or markup.
        attributes: by name, with ``_`` for ``-`` and behind words of Python; None and False are
            left out, and True is an attribute without a value.

    """
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{"" if value is True else escaped(value)}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID or (not content and name in _EMPTY):
        return Markup(f"<{name}{told}/>")
    return Markup(f"<{name}{told}>{joined(content)}</{name}>")


# Of SVG; in HTML only void elements may be closed so.
_EMPTY: Final = frozenset({"circle", "line", "path", "rect"})


def ident(name: str) -> Markup:
    """Return an id as it is shown everywhere, whatever direction its letters have."""
    return element("bdi", plain(name))


def short_ident(name: str) -> Markup:
    """Return an id for a table, where one of thousands of letters would hide all else."""
    text = plain(name)
    if len(text) <= _BEGINNING + _END:
        return ident(name)
    return element("bdi", f"{text[:_BEGINNING]}\u2026{text[-_END:]}", title=text)


def svg_ident(name: str, letters_max: int = 0) -> Markup:
    """Return an id for a drawing, cut where it has more than ``letters_max`` letters, if any."""
    text = plain(name)
    if letters_max and len(text) > letters_max:
        text = text[: letters_max - 1] + "\u2026"
    return element("tspan", text, class_="id")


def link(text: object, address: str | None, **attributes: object) -> Markup:
    """Return ``text`` as a link, or as it is where there is no address."""
    if address is None:
        return escaped(text)
    return element("a", text, href=address, **attributes)


def number(value: int) -> str:
    """Return a whole number as it is read most easily."""
    return f"{value:,}"


def table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], marked: int | None = None
) -> Markup:
    """Return a table that scrolls by itself where the page is too narrow.

    Args:
        columns: their names; one that ends in ``#`` holds numbers.
        rows: the cells of each row.
        marked: which row stands out.

    """
    numeric = ["num" if name.endswith("#") else None for name in columns]
    head = [
        element("th", name.removesuffix("#"), scope="col", class_=kind)
        for name, kind in zip(columns, numeric, strict=True)
    ]
    body = [
        element(
            "tr",
            *(element("td", cell, class_=kind) for cell, kind in zip(row, numeric, strict=True)),
            class_="here" if place == marked else None,
        )
        for place, row in enumerate(rows)
    ]
    inner = element("table", element("thead", element("tr", *head)), element("tbody", *body))
    return element("div", inner, class_="scroll", tabindex="0", role="group")
