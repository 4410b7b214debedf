"""Whole documents: a report that stands alone, and the index of several."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from replay.page.markup import Markup, element, ident, joined, link, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replay.page.content import Content, Section

# Nothing is asked for, nothing is run: whoever opens a report need not trust it for that.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@cache
def asset(name: str) -> str:
    """Return the text of a file of this room."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


class Origin(NamedTuple):
    """Where a report comes from."""

    store: str
    """The name of the store."""
    decided: str
    """Which detector decided."""
    setting: str
    """What the run was told to look for."""
    command: str
    """The command that tells the same."""


class Listed(NamedTuple):
    """A report among several."""

    event: int
    """The number of its event."""
    time: str
    """When that was."""
    happened: Markup
    """What happened, and the verdict."""
    file: str
    """The name of the report."""


def body_of(content: Content) -> Markup:
    """Return the verdict and the sections of an event, the same in a report and on a page."""
    badge = element("span", content.badge, class_="badge flagged" if content.flagged else "badge")
    verdict = element(
        "section",
        badge,
        element("p", content.verdict, class_="what"),
        element("p", content.detail, class_="detail"),
        class_="card verdict",
        aria_label="The verdict",
    )
    sections = {
        place: [_card(each) for each in content.sections if each.place == place]
        for place in ("left", "right", "wide")
    }
    sides = [element("div", *sections[place]) for place in ("left", "right") if sections[place]]
    columns = element("div", *sides, class_="columns two" if len(sides) > 1 else "columns")
    return joined((verdict, columns, *sections["wide"]))


def _card(section: Section) -> Markup:
    heading = element("h2", section.heading, id=f"{section.name}-heading")
    labelled = f"{section.name}-heading"
    return element(
        "section",
        heading,
        section.body,
        id=section.name,
        class_="card",
        aria_labelledby=labelled,
    )


def report(content: Content, origin: Origin, index: str | None = None) -> str:
    """Return a report in one file, which asks for nothing and runs nothing."""
    top = element(
        "header",
        element("h1", "Report on ", ident(content.title.partition(":")[0])),
        _whence(origin),
        link("All reports", index, class_="screen") if index else "",
        class_="top",
    )
    foot = element(
        "footer", element("p", "The same in a terminal: ", element("code", origin.command))
    )
    return _document(content.title, joined((top, element("main", body_of(content)), foot)))


def index_of(reports: Sequence[Listed], origin: Origin) -> str:
    """Return a page that leads to ``reports``."""
    rows: list[list[object]] = [
        [link(each.event, each.file), each.time, each.happened] for each in reports
    ]
    top = element(
        "header",
        element("h1", f"What was flagged: {len(reports):,}"),
        _whence(origin),
        class_="top",
    )
    body = element("p", "Nothing.", class_="note")
    if rows:
        body = table(("event#", "time", "what happened"), rows)
    main = element("main", element("section", body, class_="card", aria_label="Reports"))
    return _document(f"Reports on {origin.store}", joined((top, main)))


def _whence(origin: Origin) -> Markup:
    """Return which store it is, who decided, and how."""
    decided = f", decided by {origin.decided}, "
    return element("span", ident(origin.store), decided, origin.setting, class_="soft")


def _document(title: str, body: Markup) -> str:
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", Markup(asset("style.css"))),
    )
    page = element("html", head, element("body", body), lang="en")
    return f"<!DOCTYPE html>\n{page}\n"
