"""What is told of an observation, and of the intervals that were final after it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec

from events.errors import counted
from events.times.durations import format_duration
from events.times.instants import instant_of
from replay.engine.detectors import check_detector
from replay.intervals.lines import interval_in_zone
from replay.intervals.picture import intervals_picture
from replay.intervals.why import why_none
from replay.intervals.words import observation_text, setting_text, span_text
from replay.page.content import (
    Content,
    Links,
    Section,
    Setting,
    Teller,
    around,
    facts,
    moment_of,
    names,
)
from replay.page.markup import Markup, element, ident, joined, link, number, short_ident, table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from events.observations.interval import Finding, Interval
    from events.observations.observed import Observation
    from events.times.timestamps import Zone
    from replay.intervals.looks import IntervalLooks

_INTERVALS_MAX: Final = 5
_MEMBERS_MAX: Final = 300
_OPEN_MAX: Final = 20
# So many observations of the key are drawn before and behind an interval.
_ROOM: Final = 25


def subjects(looks: IntervalLooks, event: int) -> Sequence[str]:
    """Return the key of an observation."""
    return [looks.history.event(event).key]


def happened(looks: IntervalLooks, event: Observation) -> Markup:
    """Return an observation and what was final after it, in a line."""
    count = looks.history.found_counts.get(event.number, 0)
    told = f": {counted(count, 'interval')} FOUND" if count else ""
    return joined((_seen(looks, event, short_ident), told))


def _seen(looks: IntervalLooks, event: Observation, shown: Callable[[str], Markup]) -> Markup:
    """Return an observation, with its ids as ``shown`` writes them."""
    where = () if looks.parameters.key is None else (" at ", shown(event.key))
    return joined((shown(event.adid), " seen", *where))


def content(looks: IntervalLooks, event: int, setting: Setting | None, links: Links) -> Content:
    """Return all that is told of an observation.

    Raises:
        PositionError: the history has no such event.
        OtherDetectorError: another detector decided it.

    """
    del setting
    check_detector(looks.store, looks.detector)
    history = looks.history
    observed = history.event(event)
    count = history.found_counts.get(event, 0)
    detail = f"Looked for: {setting_text(looks.parameters)}."
    if count:
        which = "it" if count == 1 else "them"
        detail = f"Final after this observation: none that came later is in {which}. {detail}"
        sections = [
            _found(looks, finding, links)
            for finding in islice(history.found(event), _INTERVALS_MAX)
        ]
        if count > _INTERVALS_MAX:
            more = f"And {number(count - _INTERVALS_MAX)} more intervals; log lists them."
            sections.append(Section("more", Markup("More"), element("p", more)))
    else:
        sections = [_none(looks, event)]
    return Content(
        f"event {event}: {observation_text(observed)}",
        f"{counted(count, 'interval')} found" if count else "none found",
        flagged=bool(count),
        verdict=_seen(looks, observed, ident),
        detail=joined([detail]),
        sections=[*sections, around(looks, event, happened, links, "wide")],
    )


def _found(looks: IntervalLooks, finding: Finding, links: Links) -> Section:
    interval, history, zone = finding.interval, looks.history, looks.store.zone
    members = list(history.members(finding))
    rows: list[list[object]] = []
    for index, each in enumerate(members[:_MEMBERS_MAX], interval.start_index):
        member = history.event(each)
        rows.append(
            [
                index,
                link(each, links.event(each)),
                moment_of(looks, member),
                short_ident(member.adid),
            ]
        )
    parts: list[object] = [_picture(looks, finding), _facts(interval, zone)]
    parts.append(table(("place#", "event#", "time", "id"), rows))
    if len(members) > _MEMBERS_MAX:
        told = f"The first {_MEMBERS_MAX} of {number(len(members))} observations."
        parts.append(element("p", told, class_="note"))
    heading = joined(
        (
            f"Interval of {counted(interval.num_adid, 'id')}, {span_text(interval, zone)}",
            *((" at ", short_ident(interval.key)) if interval.key else ()),
        )
    )
    return Section(f"interval-{interval.start_index}", heading, joined(parts))


def _facts(interval: Interval, zone: Zone | None) -> Markup:
    shown = interval_in_zone(interval, zone)
    return facts(
        [
            ("from", shown.start_time),
            ("to", shown.end_time),
            ("observations", f"{interval.start_index} to {interval.end_index} in order of time"),
            ("ids", names(interval.adids, 20)),
        ]
    )


def _picture(looks: IntervalLooks, finding: Finding) -> Markup:
    """Return the observations of the key around an interval on their time axis."""
    history, interval = looks.history, finding.interval
    wider = msgspec.structs.replace(
        interval,
        start_index=max(interval.start_index - _ROOM, 0),
        end_index=interval.end_index + _ROOM,
    )
    numbers = history.members(msgspec.structs.replace(finding, interval=wider))
    # What is far away would make the interval a point.
    first, last = (
        instant_of(each).nanoseconds for each in (interval.start_time, interval.end_time)
    )
    room = 2 * max(looks.parameters.threshold, last - first, 1)
    drawn = [
        each
        for each in map(history.event, numbers)
        if first - room <= instant_of(each.time).nanoseconds <= last + room
    ]
    title = f"Observations at {interval.key}" if interval.key else "Observations"
    times, adids = [each.time for each in drawn], [each.adid for each in drawn]
    drawing = intervals_picture(times, adids, [interval], title)
    return element("div", Markup(drawing), class_="scroll observations", tabindex="0", role="group")


def _none(looks: IntervalLooks, event: int) -> Section:
    timeline, parameters, zone = looks.timeline, looks.parameters, looks.store.zone
    none = why_none(timeline, event)
    rows: list[list[object]] = []
    for ended, intervals in ((True, none.ended), (False, none.open)):
        rows += [
            [_reason(looks, each, ended=ended), *_row(interval_in_zone(each, zone))]
            for each in intervals
        ]
    parts: list[object] = []
    if none.waiting:
        told = f"{counted(none.waiting, 'observation')} wait until no earlier one can come."
        parts.append(element("p", told))
    if not (parameters.threshold or parameters.inclusive):
        told = f"Nothing is shorter than {format_duration(parameters.threshold)}."
        parts.append(element("p", told))
    if rows:
        parts.append(table(("why", "from", "to", "ids#", "which"), rows[:_OPEN_MAX]))
    if len(rows) > _OPEN_MAX:
        parts.append(element("p", f"And {number(len(rows) - _OPEN_MAX)} more.", class_="note"))
    heading = Markup("Why no interval was final after this observation")
    return Section("none", heading, joined(parts))


def _reason(looks: IntervalLooks, interval: Interval, *, ended: bool) -> str:
    if not ended:
        return "not ended, for a coming observation may be in it"
    least = looks.parameters.distinct_min
    if interval.num_adid < least:
        return f"ended with fewer than {least} ids"
    return "final, but the run was stopped before it was found"


def _row(interval: Interval) -> list[object]:
    return [interval.start_time, interval.end_time, interval.num_adid, names(interval.adids)]


TELLER: Final = Teller(happened, content, subjects)
"""Tells of observations."""
