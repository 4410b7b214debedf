"""The pages that the server draws. All of their controls are links and forms."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any, NamedTuple

from events.errors import counted
from replay.page.addresses import Addresses
from replay.page.content import Setting, moment_of
from replay.page.document import body_of
from replay.page.markup import Markup, element, ident, joined, link, number, table
from replay.page.strip import WIDTH, strip_drawing
from replay.terminal.tables import shell_word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from replay.page.content import Content, Section
    from replay.page.opened import Opened
    from replay.page.what_if import Work

_LISTED_MAX = 300
_FLAGS_MAX = 500


class View(NamedTuple):
    """Where somebody looks: an event of a store, at some setting."""

    opened: Opened
    event: int
    setting: Setting | None
    addresses: Addresses
    store: str
    """The store as it was named on the command line."""
    detector: str | None
    """The detector as it was named there."""

    @property
    def command(self) -> str:
        """The command that tells the same."""
        words = ["python -m replay"]
        other = self.setting is not None and self.setting != self.opened.setting
        words += ["report" if other else "why", shell_word(self.store), str(self.event)]
        if other and self.setting is not None:
            words += [f"-D {self.setting.degrees} -T {self.setting.tracked}"]
            words += ["--output report.html"]
        if self.detector is not None:
            words += ["--detector", shell_word(self.detector)]
        return " ".join(words)


class Decided(NamedTuple):
    """What other settings flag of the first events of a store, which may have more by now."""

    events: int
    """How many events were looked at."""
    flagged: dict[Setting, frozenset[int]]
    """The numbers of the flagged ones, by setting."""


def event_page(view: View, content: Content, *, live: bool) -> str:
    """Return the page of an event; ``live`` says whether a run is writing the store."""
    main = element(
        "main",
        body_of(content),
        _foot(view),
        id="main",
        data_part="main",
        tabindex="-1",
    )
    return _page(content.title, joined((_top(view, live=live), _strip(view), main)))


def messages_page(view: View, section: Section) -> str:
    """Return the page of an event's messages."""
    body = element("section", element("h2", section.heading), section.body, class_="card")
    back = link("Back to the event", view.addresses.event(view.event))
    main = element("main", element("p", back), body, id="main")
    return _page(f"Messages of event {view.event}", joined((_heading(view.opened), main)))


def subject_page(opened: Opened, subject: str, events: Sequence[int], to: Addresses) -> str:
    """Return the page of all events of a user, key or subject, the latest first."""
    looks, teller = opened.looks, opened.teller
    rows: list[list[object]] = []
    for event in sorted(events, reverse=True)[:_LISTED_MAX]:
        found = looks.history.event(event)
        told = teller.happened(looks, found)
        rows.append([link(event, to.event(event)), moment_of(looks, found), told])
    note = f"{counted(len(events), 'event')}"
    if len(events) > _LISTED_MAX:
        note += f", of which these are the last {_LISTED_MAX}"
    body = element("p", f"No event of {looks.subject} that is called so.")
    if rows:
        columns = ("event#", "time", "what happened")
        body = joined((element("p", f"{note}.", class_="note"), table(columns, rows)))
    card = element("section", element("h2", "Events of ", ident(subject)), body, class_="card")
    main = element("main", card, id="main")
    return _page(f"Events in {opened.name}", joined((_heading(opened), main)))


def what_if_page(
    view: View,
    decided: Decided,
    work: Work | None,
    *,
    mine: bool,
) -> str:
    """Return the page of what other settings would have flagged.

    Args:
        view: where one came from, at the setting that is compared with the run.
        decided: what is flagged at each other setting that was decided.
        work: what is being decided, if anything is.
        mine: whether that is of this store.

    """
    to, own, shown = view.addresses, view.opened.setting, view.setting
    assert own is not None, "there are D and T"
    run = frozenset(each for each in view.opened.flagged if each <= decided.events)
    flagged = decided.flagged | {own: run}
    parts: list[object] = [_asking(view)]
    running = work is not None and work.running
    if work is not None and running:
        parts.append(_running(work, to, mine=mine))
    elif work is not None and mine and work.error is not None:
        parts.append(element("p", "It has failed: ", work.error, class_="problem"))
    if decided.events < len(view.opened):
        told = f"The store has grown: this is what its first {number(decided.events)} events give."
        parts.append(element("p", told, class_="note"))
    parts.append(_grid(view, flagged))
    cards = [element("section", element("h2", "What if"), *parts, class_="card")]
    if shown is not None and shown in flagged and shown != own:
        cards.append(_compared(view, run, flagged[shown], shown))
    back = element("p", link("Back to the event", to.event(view.event, own)))
    main = element("main", back, *cards, id="main")
    page = joined((_heading(view.opened), main))
    return _page(f"What if: {view.opened.name}", page, refresh=1 if running else None)


def _asking(view: View) -> Markup:
    own, to = view.opened.setting, view.addresses
    assert own is not None, "there are D and T"
    shown = view.setting or own
    form = element(
        "form",
        *_inputs(shown),
        element("input", type="hidden", name="event", value=view.event),
        element("button", "Decide the history again", type="submit"),
        action=to.of("what-if/run", own),
        method="get",
        class_="asking",
    )
    sweep = element(
        "form",
        element("input", type="hidden", name="event", value=view.event),
        element("input", type="hidden", name="sweep", value="yes"),
        element("button", "Decide it at D = 1, 2, 3 and T = 10, 20, 50, 200", type="submit"),
        action=to.of("what-if/run", own),
        method="get",
        class_="asking",
    )
    return joined((form, sweep))


def _inputs(shown: Setting) -> list[Markup]:
    return [
        element(
            "label",
            f"{name.upper()} ",
            element(
                "input", type="number", name=name, min=least, max=10**9, value=value, required=True
            ),
        )
        for name, least, value in (("d", 1, shown.degrees), ("t", 2, shown.tracked))
    ]


def _running(work: Work, to: Addresses, *, mine: bool) -> Markup:
    count, progress = len(work.asked.settings), work.progress
    told = (
        "Another store is being decided again."
        if not mine
        else (f"Deciding: {counted(count, 'setting')}, {progress.settings} done")
    )
    if mine and progress.total:
        percent = 100 * progress.events // progress.total
        told += f", the next one {percent} %"
    whole = max(count * 100, 1)
    value = progress.settings * 100 + 100 * progress.events // max(progress.total, 1)
    return joined(
        (
            element("p", told, role="status"),
            element("progress", max=whole, value=min(value, whole), aria_label="Progress"),
            element("p", link("Cancel", to.of("what-if/cancel"), class_="button")),
        )
    )


def _grid(view: View, decided: Mapping[Setting, frozenset[int]]) -> Markup:
    """Return how many each setting flags, the more the darker."""
    degrees = sorted({each.degrees for each in decided})
    tracked = sorted({each.tracked for each in decided})
    most = max(map(len, decided.values())) or 1
    rows: list[list[object]] = []
    for depth in degrees:
        row: list[object] = [element("b", f"D = {depth}")]
        for count in tracked:
            here = Setting(depth, count)
            if here not in decided:
                row.append("")
                continue
            found = len(decided[here])
            marks = [
                "the run's" if here == view.opened.setting else "",
                "compared below" if here == view.setting != view.opened.setting else "",
            ]
            address = view.addresses.of("what-if", here, event=view.event)
            row.append(
                element(
                    "div",
                    link(number(found), address),
                    element("small", ", ".join(filter(None, marks)), class_="mark"),
                    class_=f"cell heat heat{4 * found // most}",
                )
            )
        rows.append(row)
    columns = ("", *(f"T = {count}" for count in tracked))
    heading = element("h2", "How many each setting flags")
    return element("div", heading, table(columns, rows), id="settings")


def _compared(view: View, run: frozenset[int], flagged: frozenset[int], shown: Setting) -> Markup:
    gained, lost = sorted(flagged - run), sorted(run - flagged)
    told = (
        f"The run, at {view.opened.setting}, flags {number(len(run))}; at {shown} "
        f"{number(len(flagged))} are flagged: {number(len(gained))} gained, "
        f"{number(len(lost))} lost."
    )
    lists = []
    for what, events in (("Gained", gained), ("Lost", lost)):
        if events:
            heading = element("h2", f"{what}: {number(len(events))}")
            lists.append(joined((heading, _listed(view, events))))
    heading = element("h2", f"{shown} beside the run")
    return element("section", heading, element("p", told), *lists, class_="card", id="compared")


def _listed(view: View, events: Sequence[int]) -> Markup:
    looks = view.opened.looks
    rows: list[list[object]] = []
    for event in events[:_FLAGS_MAX]:
        found = looks.history.event(event)
        told = view.opened.teller.happened(looks, found)
        address = view.addresses.event(event, view.setting)
        rows.append([link(event, address), moment_of(looks, found), told])
    drawn = table(("event#", "time", "what happened, and what the run said"), rows)
    rest = len(events) - _FLAGS_MAX
    return joined((drawn, element("p", f"And {number(rest)} more.") if rest > 0 else ""))


def stores_page(opened: Sequence[Opened]) -> str:
    """Return the page that leads to each store."""
    rows: list[list[object]] = []
    for each in opened:
        state = "is being read"
        if each.error is not None:
            state = each.error
        elif each.ready:
            state = f"{counted(len(each), 'event')}, {number(len(each.flagged))} flagged"
        rows.append([link(ident(each.name), f"{Addresses.base(each.name)}/"), state])
    body = element("section", table(("store", "what is in it"), rows), class_="card")
    top = element("header", element("h1", "Stores"), class_="top")
    return _page("Stores", joined((top, element("main", body, id="main"))))


def problem_page(heading: str, text: str, refresh: int | None = None) -> str:
    """Return a page that says why there is no other."""
    card = element("section", element("p", text), class_="card", role="status")
    top = element("header", element("h1", heading), class_="top")
    back = element("p", link("All stores", "/"))
    page = joined((top, element("main", card, back, id="main")))
    return _page(heading, page, refresh=refresh)


# Parts of the page of an event


def _heading(opened: Opened) -> Markup:
    name = link(ident(opened.name), f"{Addresses.base(opened.name)}/", class_="plain")
    return element("header", element("h1", name), class_="top")


def _top(view: View, *, live: bool) -> Markup:
    opened, to = view.opened, view.addresses
    counts = f"{counted(len(opened), 'event')} · {number(len(opened.flagged))} flagged"
    # Where the store is kept its name is a link to all of it.
    form = element(
        "form",
        element("label", "go to ", for_="goto"),
        element(
            "input",
            type="search",
            name="q",
            id="goto",
            placeholder=f"event or {opened.looks.subject.split()[1]} ( / )",
            autocomplete="off",
        ),
        *_kept(view),
        element("button", "Go", type="submit"),
        action=to.of("go", opened.setting),
        method="get",
        role="search",
        class_="goto",
    )
    controls = []
    if opened.setting is not None:
        address = to.of("what-if", event=view.event)
        controls.append(link("What if", address, class_="button", id="what-if"))
    last = to.event(max(len(opened), 1))
    controls.append(
        link(
            "Live",
            last,
            class_="button",
            id="live",
            data_stream=to.of("live", opened.setting, known=len(opened)),
            data_on="yes" if live else None,
        )
    )
    save = to.of(f"event/{view.event}/report.html")
    controls.append(link("Save as one file", save, class_="button", id="save", download=True))
    return element(
        "header",
        element("h1", link(ident(opened.name), "/", class_="plain"), id="store"),
        element("span", counts, class_="soft", id="counts"),
        form,
        *controls,
        class_="top",
        data_part="top",
    )


def _kept(view: View) -> list[Markup]:
    """Return the setting as fields that a form sends along."""
    shown, own = view.setting, view.opened.setting
    if shown is None or shown == own:
        return []
    return [
        element("input", type="hidden", name="d", value=shown.degrees),
        element("input", type="hidden", name="t", value=shown.tracked),
    ]


def _strip(view: View) -> Markup:
    opened, to, event = view.opened, view.addresses, view.event
    scale, flagged = opened.scale, opened.flagged
    before, behind = bisect_left(flagged, event) - 1, bisect_right(flagged, event)
    total = len(opened)
    ways: list[tuple[str, str, str, int | None, str]] = [
        ("first", "|◀", "First event", 1 if event > 1 else None, "Home"),
        ("flag-back", "⚑◀", "Flag before", flagged[before] if before >= 0 else None, "["),
        ("back", "◀", "Step back", event - 1 if event > 1 else None, "ArrowLeft"),
        ("next", "▶", "Step on", event + 1 if event < total else None, "ArrowRight"),
        (
            "flag-next",
            "▶⚑",
            "Flag behind",
            flagged[behind] if behind < len(flagged) else None,
            "]",
        ),
        ("last", "▶|", "Last event", total if event < total else None, "End"),
    ]
    steps = [_step(to, way) for way in ways]
    slider = element(
        "form",
        element(
            "input",
            type="range",
            name="x",
            min=0,
            max=WIDTH,
            value=scale.x(event),
            id="slider",
            aria_label="Where in the history",
            data_past=scale.past,
            data_total=scale.total,
            data_split=scale.split,
            data_address=to.event(0),
        ),
        *_kept(view),
        element("noscript", element("button", "Go there", type="submit")),
        action=to.of("at", opened.setting),
        method="get",
        class_="slider",
    )
    drawing = strip_drawing(opened.strip(to.event), scale.x(event))
    return element(
        "nav",
        element("div", drawing, data_part="drawing", id="drawing"),
        element(
            "div",
            element("span", *steps[:3], data_part="before", class_="steps"),
            slider,
            element("span", *steps[3:], data_part="behind", class_="steps"),
            class_="ways",
        ),
        class_="strip",
        aria_label="Where in the history",
    )


def _step(to: Addresses, way: tuple[str, str, str, int | None, str]) -> Markup:
    name, text, label, event, key = way
    if event is None:
        return element("span", text, class_="button off", aria_hidden="true")
    return element(
        "a",
        text,
        href=to.event(event),
        class_="button",
        id=name,
        aria_label=f"{label}: event {event}",
        title=f"{label} ({key})",
        data_key=key,
    )


def _foot(view: View) -> Markup:
    to, opened = view.addresses, view.opened
    parts: list[object] = []
    if view.setting is not None:
        own = opened.setting
        back = ""
        if view.setting != own:
            back = link(f"back to the run's {own}", to.event(view.event, own))
        parts.append(
            element(
                "form",
                element("span", "Explain this event at "),
                *_inputs(view.setting),
                element("button", "Explain", type="submit"),
                back,
                action=to.event(view.event, own),
                method="get",
                class_="asking",
                id="setting",
            )
        )
    address = to.of(f"event/{view.event}/messages", opened.setting)
    parts.append(
        element("p", link("Messages of this event", address, class_="button", id="messages-link"))
    )
    parts.append(element("p", "The same in a terminal: ", element("code", view.command)))
    keys = (
        ("←", "→", "step"), ("[", "]", "flags"), ("Home", "End", "first and last"),
        ("/", "", "go to"), ("t", "", "theme"),
    )  # fmt: skip
    shown: list[object] = []
    for one, two, what in keys:
        shown += [" · " if shown else "", element("kbd", one), " " if two else ""]
        shown += [element("kbd", two) if two else "", f" {what}"]
    parts.append(element("p", *shown, class_="note keys-note"))
    return element("section", *parts, class_="card screen", aria_label="More of this event")


def _page(title: str, body: Markup, refresh: int | None = None) -> str:
    reload = [element("meta", http_equiv="refresh", content=refresh)] if refresh else []
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        *reload,
        element("title", title),
        element("link", rel="stylesheet", href="/style.css"),
        element("link", rel="icon", href="/icon.svg", type="image/svg+xml"),
        element("script", src="/page.js", defer=True),
    )
    skip = element("a", "To the content", href="#main", class_="skip")
    status = element("div", id="news", role="status", aria_label="New flags")
    page = element("html", head, element("body", skip, body, status), lang="en")
    return f"<!DOCTYPE html>\n{page}\n"


def news(opened: Opened, to: Addresses, known: int) -> dict[str, Any]:
    """Return what a page that follows a store is told: counts, and flags behind event ``known``."""
    looks = opened.looks
    new = opened.flagged[bisect_right(opened.flagged, known) :][-5:]
    return {
        "counts": f"{counted(len(opened), 'event')} · {number(len(opened.flagged))} flagged",
        "flags": [
            {
                "event": event,
                "text": f"event {event}: {looks.describe(looks.history.event(event))}",
                "address": to.event(event),
            }
            for event in new
        ],
        "scale": opened.scale._asdict() | {"split": opened.scale.split},
    }
