"""What is told of a purchase, and of a friendship."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from actors.purchases.baseline import Baseline, baseline_of
from actors.sink import Nowhere
from events.errors import counted
from events.escapes import plain
from events.purchases.amounts import format_amount, format_cents
from events.purchases.event import Befriend, Purchase, users_of
from events.purchases.parameters import Parameters
from replay.engine.detectors import check_detector, detector_version
from replay.page.chart import Bar, chart
from replay.page.content import Content, Links, Section, Setting, Teller, around, moment_of, names
from replay.page.markup import Markup, element, ident, joined, link, number, short_ident, table
from replay.page.rings import hop_class, rings
from replay.purchases.console import verdict_text
from replay.purchases.moment import Moment, Network, network_changes
from replay.purchases.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.purchases.event import Event
    from replay.purchases.looks import PurchaseLooks

_DEGREES: Final = (1, 2, 3)
_TRACKED: Final = (10, 20, 50, 100, 200)
_CHANGES_MAX: Final = 200
_WINDOW_MAX: Final = 1_000


class _Judged(NamedTuple):
    """A purchase at one setting."""

    setting: Setting
    network: Network
    window: list[Purchase]
    baseline: Baseline
    flagged: bool


def subjects(looks: PurchaseLooks, event: int) -> Sequence[str]:
    """Return the users of an event."""
    return users_of(looks.history.event(event))


def happened(looks: PurchaseLooks, event: Event) -> Markup:
    """Return what happened, and the recorded verdict, in a line."""
    if not isinstance(event, Purchase):
        verb = " befriended " if isinstance(event, Befriend) else " unfriended "
        return joined((short_ident(event.user1), verb, short_ident(event.user2)))
    decision = looks.history.recorded.get(event.number)
    told = joined((short_ident(event.user), f" bought for {format_amount(event.amount)}"))
    if decision is None:
        return told
    verdict, _, figures = verdict_text(decision).partition(" (")
    return joined((told, f": {verdict} ", element("small", f"({figures}", class_="soft")))


def content(looks: PurchaseLooks, event: int, setting: Setting | None, links: Links) -> Content:
    """Return all that is told of an event, by default at the D and T of the run.

    Raises:
        PositionError: the history has no such event.
        OtherDetectorError: another detector decided it.

    """
    check_detector(looks.store, looks.detector)
    parameters = looks.history.parameters
    setting = setting or Setting(parameters.degrees, parameters.tracked)
    found = looks.history.event(event)
    if isinstance(found, Purchase):
        return _purchase(looks, found, setting, links)
    return _friendship(looks, found, setting, links)


def _purchase(looks: PurchaseLooks, event: Purchase, setting: Setting, links: Links) -> Content:
    moment = Moment(looks.history.journal, event.number - 1)
    user = looks.history.journal.numbers[event.user]
    settings = _settings(looks, setting)
    widest = moment.network(user, max(each.degrees for each in settings))
    judged = _judged(looks, event, moment, widest, setting)
    name = looks.history.journal.names.__getitem__
    bought = Counter(looks.history.journal.numbers[each.user] for each in judged.window)
    members = sum(map(len, judged.network.hops))
    told = joined((ident(event.user), f" bought for {format_amount(event.amount)}"))
    sections = [
        Section(
            "network",
            joined(
                (
                    "Network of ",
                    short_ident(event.user),
                    f", {counted(setting.degrees, 'friendship')} deep: {counted(members, 'user')}",
                )
            ),
            joined(
                (
                    rings(event.user, judged.network.hops, bought, name) if members else "",
                    _legend(judged.network, bought),
                )
            ),
            "left",
        ),
        Section("window", Markup(_window_heading(judged)), _chart(looks, event, judged), "right"),
        around(looks, event.number, happened, links),
        _others(looks, event, widest, setting, links),
        _table(looks, judged, links),
    ]
    return Content(
        f"event {event.number}: {plain(event.user)} bought for {format_amount(event.amount)}",
        "FLAGGED" if judged.flagged else "not flagged",
        judged.flagged,
        told,
        _sentence(looks, event, judged),
        sections,
    )


def _judged(
    looks: PurchaseLooks, event: Purchase, moment: Moment, widest: Network, setting: Setting
) -> _Judged:
    network = widest.within(setting.degrees)
    window = moment.window(network.members, setting.tracked)
    baseline = baseline_of([each.amount for each in window])
    flagged = baseline.flags(event.amount)
    if not _is_built_in(looks):
        flagged = _decided(looks, event, setting)
    return _Judged(setting, network, window, baseline, flagged)


def _is_built_in(looks: PurchaseLooks) -> bool:
    return detector_version(looks.detector) == detector_version(Simulation)


def _decided(looks: PurchaseLooks, event: Purchase, setting: Setting) -> bool:
    """Return what a detector of a user's own says, at some setting, of a purchase."""
    detector, journal = looks.detector, looks.history.journal
    with detector(Parameters(*setting), Nowhere(), journal=journal) as simulation:
        simulation.goto(event.number - 1)
        decision = simulation.judge(event)
    return decision is not None and decision.flagged


def _sentence(looks: PurchaseLooks, event: Purchase, judged: _Judged) -> Markup:
    """Return the verdict in a sentence, with the exact margin, and what else is to be known."""
    baseline = judged.baseline
    if not _is_built_in(looks):
        said = f"By the rule of {detector_version(looks.detector)}."
    elif not baseline.enough:
        said = "Fewer than 2 purchases in the network are no basis to judge by."
    else:
        margin = event.amount - baseline.threshold
        side = f"{format_amount(abs(margin))} {'above' if judged.flagged else 'below'}"
        if not margin:
            side = "Less than 0.0001 above" if judged.flagged else "Not above"
        said = (
            f"{side} the threshold {format_amount(baseline.threshold)} = mean + 3 sd of "
            f"{counted(baseline.n, 'purchase')}."
        )
    parts: list[object] = [said]
    recorded, history = looks.history.recorded.get(event.number), looks.history
    run = Setting(history.parameters.degrees, history.parameters.tracked)
    if judged.setting != run:
        parts.append(f" At {judged.setting}; the run had {run}.")
    if not history.judged(event.number):
        parts.append(" An event of the past, which the run did not judge.")
    elif recorded is not None and judged.setting == run and recorded.flagged != judged.flagged:
        was = "FLAGGED" if recorded.flagged else "not flagged"
        parts.append(f" The run recorded {was}; verify says more.")
    return joined(parts)


def _window_heading(judged: _Judged) -> str:
    degrees = counted(judged.setting.degrees, "friendship")
    if not judged.baseline.n:
        return f"Window: no purchase within {degrees}"
    count = counted(judged.baseline.n, "purchase")
    return f"Window: the last {count} within {degrees}, of at most {number(judged.setting.tracked)}"


def _legend(network: Network, bought: Counter[int]) -> Markup:
    parts = []
    for hop, members in enumerate(network.hops, 1):
        buyers = sum(each in bought for each in members)
        told = (
            f"{counted(len(members), 'user')}, {counted(hop, 'friendship')} away: "
            f"{number(buyers)} bought in the window"
        )
        parts.append(element("li", element("span", class_=f"key {hop_class(hop)}"), told))
    if not parts:
        return element("p", "Nobody is in this network.", class_="note")
    note = (
        "Filled marks bought within the window, the larger the more often; the lines that stand "
        "out are the friend paths to them."
    )
    return joined((element("ul", *parts, class_="keys"), element("p", note, class_="note")))


def _chart(looks: PurchaseLooks, event: Purchase, judged: _Judged) -> Markup:
    hop_of, numbers = judged.network.hop_of, looks.history.journal.numbers
    bars = [
        Bar(each.number, each.user, each.amount, hop_of[numbers[each.user]])
        for each in judged.window[-_WINDOW_MAX:]
    ]
    baseline = judged.baseline if _is_built_in(looks) else None
    drawing = chart(bars, event.amount, baseline, flagged=judged.flagged)
    told = "No purchase, so there is neither a mean nor a standard deviation."
    if judged.baseline.n:
        told = (
            f"n = {judged.baseline.n}, mean = {format_cents(judged.baseline.mean)}, "
            f"sd = {format_cents(judged.baseline.sd)}"
        )
        if baseline is not None:
            told += "; the band is one sd on either side of the mean"
        if judged.baseline.n > len(bars):
            told += f"; drawn are the last {number(len(bars))}"
    return joined((drawing, element("p", told, class_="note")))


def _table(looks: PurchaseLooks, judged: _Judged, links: Links) -> Section:
    numbers, name = looks.history.journal.numbers, looks.history.journal.names.__getitem__
    rows: list[list[object]] = []
    for each in judged.window[: -_WINDOW_MAX - 1 : -1]:
        path: list[object] = []
        for member in judged.network.path(numbers[each.user]):
            path += [" > " if path else "", short_ident(name(member))]
        rows.append(
            [
                link(each.number, links.event(each.number)),
                moment_of(looks, each),
                short_ident(each.user),
                format_amount(each.amount),
                joined(path),
            ]
        )
    columns = ("event#", "time", "user", "amount#", "friend path")
    body = table(columns, rows) if rows else element("p", "None.", class_="note")
    if len(judged.window) > len(rows):
        note = f"The last {number(len(rows))} of {number(len(judged.window))}; why lists all."
        body = joined((body, element("p", note, class_="note")))
    return Section("purchases", Markup("The window as a table, the latest first"), body)


def _settings(looks: PurchaseLooks, setting: Setting) -> list[Setting]:
    run = looks.history.parameters
    degrees = sorted({*_DEGREES, setting.degrees, run.degrees})
    tracked = sorted({*_TRACKED, setting.tracked, run.tracked})
    return [Setting(d, t) for d in degrees for t in tracked]


def _others(
    looks: PurchaseLooks, event: Purchase, widest: Network, setting: Setting, links: Links
) -> Section:
    """Return a table of what other settings would say of a purchase."""
    moment = Moment(looks.history.journal, event.number - 1)
    settings = _settings(looks, setting)
    tracked = sorted({each.tracked for each in settings})
    run = looks.history.parameters
    rows: list[list[object]] = []
    for degrees in sorted({each.degrees for each in settings}):
        members = widest.within(degrees).members
        longest = moment.window(members, tracked[-1])
        cells: list[object] = [element("b", f"D = {degrees}")]
        for count in tracked:
            baseline = baseline_of([each.amount for each in longest[-count:]])
            here = Setting(degrees, count)
            flagged = baseline.flags(event.amount)
            text = format_cents(baseline.threshold // 100) if baseline.enough else "no basis"
            if not _is_built_in(looks):
                flagged, text = _decided(looks, event, here), ""
            said = "FLAGGED" if flagged else "not flagged"
            notes = [
                "shown here" if here == setting else "",
                "the run's" if here == (run.degrees, run.tracked) else "",
            ]
            cells.append(
                element(
                    "div",
                    link(said, links.event(event.number, here), class_="plain"),
                    element("small", text),
                    element("small", ", ".join(filter(None, notes)), class_="mark"),
                    class_="cell flagged" if flagged else "cell",
                )
            )
        rows.append(cells)
    columns = ("", *(f"T = {count}" for count in tracked))
    note = element("p", "Below each verdict the threshold, cut to cents.", class_="note")
    if not _is_built_in(looks):
        note = Markup()
    heading = Markup("What other D and T would say of this purchase")
    return Section("settings", heading, joined((table(columns, rows), note)))


def _friendship(looks: PurchaseLooks, event: Any, setting: Setting, links: Links) -> Content:
    journal = looks.history.journal
    changes = network_changes(journal, event.number, setting.degrees)
    name = journal.names.__getitem__
    begun = isinstance(event, Befriend)
    verb = " became friends with " if begun else " is no friend any more of "
    told = joined((ident(event.user1), verb, ident(event.user2)))
    count = len(changes.members)
    more = "" if changes.complete else "; at least, since too many would have to be compared"
    detail = f"{counted(count, 'network')} of {setting.degrees} friendships changed{more}."
    if not count and changes.complete:
        detail = f"No network of {setting.degrees} friendships changed."
    shown = list(changes.members.items())[:_CHANGES_MAX]
    rows: list[list[object]] = [
        [short_ident(name(user)), len(members), names(list(map(name, members)))]
        for user, members in shown
    ]
    column = "who came into it" if begun else "who dropped out of it"
    body = element("p", "Nobody's.", class_="note")
    if rows:
        body = table(("network of", "how many#", column), rows)
    if count > len(shown):
        note = f"The first {number(len(shown))} of {number(count)}; why lists all."
        body = joined((body, element("p", note, class_="note")))
    sections = [
        Section("changes", Markup("Whose networks changed"), body, "left"),
        around(looks, event.number, happened, links),
    ]
    title = f"event {event.number}: {plain(event.user1)}{verb}{plain(event.user2)}"
    badge = "befriend" if begun else "unfriend"
    return Content(
        title, badge, flagged=False, verdict=told, detail=joined([detail]), sections=sections
    )


TELLER: Final = Teller(happened, content, subjects)
"""Tells of purchases and friendships."""
