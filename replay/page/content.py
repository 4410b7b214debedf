"""What stands on the page of an event, whatever its detector: a verdict, and sections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from events.errors import counted
from replay.page.markup import Markup, element, link, number, short_ident, table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from replay.engine.history import Happening
    from replay.engine.looks import Looks
    from replay.engine.stepping import Delivered

AROUND = 4
"""So many events before and behind an event are shown with it."""


class Setting(NamedTuple):
    """At which D and T a history of purchases is looked at."""

    degrees: int
    """D."""
    tracked: int
    """T."""

    def __str__(self) -> str:
        """Return both as commands print them."""
        return f"D={self.degrees} T={self.tracked}"


class Links:
    """Where links lead to; what stands alone, as a report does, leads nowhere."""

    def event(self, event: int, setting: Setting | None = None) -> str | None:
        """Return the address of an event, at the setting that is looked at or another.

        None where there is no page of it.
        """
        del event, setting
        return None


class Section(NamedTuple):
    """A part of a page, with a heading."""

    name: str
    """What it is called in the address of its heading."""
    heading: Markup
    """What stands above it."""
    body: Markup
    """All of it."""
    place: str = "wide"
    """Where it stands on a wide screen: "left", "right" or "wide"."""


class Content(NamedTuple):
    """All that is told of an event."""

    title: str
    """What the window or the tab is called."""
    badge: str
    """The verdict in a word or two."""
    flagged: bool
    """Whether it is what one looks for."""
    verdict: Markup
    """What happened."""
    detail: Markup
    """The verdict in a sentence."""
    sections: list[Section]
    """Everything else."""


class Teller(NamedTuple):
    """Tells of the events of one kind of store; each function takes the looks of a store first."""

    happened: Callable[[Any, Any], Markup]
    """Returns what happened in an event, and the recorded verdict, in a line."""
    content: Callable[[Any, int, Setting | None, Links], Content]
    """Returns all that is told of the event of a number, at some D and T where it has such."""
    subjects: Callable[[Any, int], Sequence[str]]
    """Returns whom the event of a number concerns."""


def around(
    looks: Looks[Any],
    event: int,
    happened: Callable[[Any, Any], Markup],
    links: Links,
    place: str = "right",
) -> Section:
    """Return the events before and behind an event, to stand at some place."""
    first, last = max(event - AROUND, 1), min(event + AROUND, len(looks.history))
    events = looks.history.events[first - 1 : last]
    rows: list[list[object]] = [
        [
            link(each.number, links.event(each.number) if each.number != event else None),
            moment_of(looks, each),
            happened(looks, each),
        ]
        for each in events
    ]
    body = table(("event#", "time", "what happened"), rows, marked=event - first)
    return Section("around", Markup("Around this event"), body, place)


def moment_of(looks: Looks[Any], event: Happening) -> Markup:
    """Return when an event was, which stays on one line."""
    return element("span", looks.time(event), class_="time")


def messages(delivered: Sequence[Delivered], event: int, subjects: Sequence[str]) -> Section:
    """Return the messages of an event as a drawing."""
    # Here, so that a page without messages needs no actors.
    from replay.page.sequence import arrows, sequence  # noqa: PLC0415

    own = list(dict.fromkeys(subjects))[:3]
    found = arrows(delivered, own)
    told = f"{counted(len(delivered), 'message')} of event {event}"
    if len(found) < len(delivered):
        told += f", as {counted(len(found), 'arrow')}: runs of like ones are one"
    body = element("div", sequence(found, own), class_="scroll", tabindex="0", role="group")
    return Section("messages", Markup(told), body)


def names(users: Sequence[str], shown_max: int = 12) -> Markup:
    """Return the first of some ids, and how many more there are."""
    parts: list[object] = []
    for user in users[:shown_max]:
        parts += [", " if parts else "", short_ident(user)]
    rest = len(users) - shown_max
    parts.append(f" and {number(rest)} more" if rest > 0 else "")
    return element("span", *parts)


def facts(pairs: Sequence[tuple[object, object]]) -> Markup:
    """Return what is known by name."""
    return element(
        "dl",
        *(part for name, value in pairs for part in (element("dt", name), element("dd", value))),
    )
