"""Why intervals were final after an observation, or why none was, in words and for machines."""

from __future__ import annotations

from functools import partial
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from actors.intervals.finder import TextFinder
from events.errors import counted
from events.escapes import plain
from events.times.durations import format_duration
from events.times.timestamps import in_zone
from replay.intervals.lines import interval_fields
from replay.intervals.words import interval_text, waiting_text
from replay.terminal.standard_streams import say
from replay.terminal.tables import print_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from events.observations.interval import Finding, Interval
    from events.observations.observed import Observation
    from replay.engine.looks import Fields
    from replay.intervals.history import IntervalHistory
    from replay.intervals.timeline import IntervalTimeline

# How many rows of a table are shown, of the beginning and of the end.
TABLE_ROWS_MAX: Final = 10
# An interval of more observations is shown by its ends.
_MEMBERS_MAX: Final = 50
_INTERVALS_MAX: Final = 20


class WhyNone(NamedTuple):
    """Why no interval was final after an observation."""

    waiting: int
    """How many observations wait until it is known that no earlier one comes."""
    ended: Sequence[Interval]
    """What could grow no more then; as a rule it has too few ids."""
    open: Sequence[Interval]
    """What observations whose turn it was are in, and coming ones may be."""


def why_none(timeline: IntervalTimeline, number: int) -> WhyNone:
    """Say why no interval was final after observation ``number``; go to the moment after it."""
    history = timeline.history
    timeline.goto(number - 1)
    before = number - 1 - timeline.waiting_rows
    timeline.goto(number)
    waiting = timeline.waiting_rows
    # Of one time the lower number comes first.
    ordered = sorted(history.events[:number], key=attrgetter("time"))
    passed = ordered[: number - waiting]
    ends = timeline.ends_at(number)
    concerned = {each.key for each in (passed if ends else passed[before:])}
    rows: dict[str, tuple[list[Observation], list[Observation]]] = {}
    for place, event in enumerate(passed):
        if event.key in concerned:
            rows.setdefault(event.key, ([], []))[place >= before].append(event)
    ended: list[Interval] = []
    kept: list[Interval] = []
    for key, (old, new) in rows.items():
        # Whatever has one id or more: all that could have been an interval.
        finder = TextFinder(
            timeline.parameters.threshold,
            inclusive=timeline.parameters.inclusive,
            distinct_min=1,
            key=key,
        )
        finder.observe(old)
        ended += finder.observe(new)
        (ended if ends else kept).extend(finder.finish())
    return WhyNone(waiting, ended, kept)


def why_fields(timeline: IntervalTimeline, number: int) -> Fields:
    """Return an explanation of what was final after observation ``number``, for machines."""
    history, keyed = timeline.history, timeline.parameters.key is not None
    history.event(number)
    found = [
        {
            **interval_fields(finding.interval, history.zone, keyed=keyed),
            "members": [
                {
                    "index": index,
                    "event": event.number,
                    "time": in_zone(event.time, history.zone),
                    "adid": event.adid,
                }
                for index, event in enumerate(
                    map(history.event, history.members(finding)), finding.interval.start_index
                )
            ],
        }
        for finding in history.found(number)
    ]
    if found:
        return {"intervals": found}
    none = why_none(timeline, number)
    ended, kept = (
        [interval_fields(each, history.zone, keyed=keyed) for each in which]
        for which in (none.ended, none.open)
    )
    return {"intervals": [], "waiting": none.waiting, "ended": ended, "open": kept}


def show_why(timeline: IntervalTimeline, number: int) -> None:
    """Print the intervals that were final after observation ``number``, or why none was."""
    history = timeline.history
    history.event(number)
    count = history.found_counts.get(number, 0)
    if not count:
        say(f"no interval was final after event {number}")
        reasons = list(_reasons(timeline, number))
        for reason in reasons[:_INTERVALS_MAX]:
            say(f"  {reason}")
        if len(reasons) > _INTERVALS_MAX:
            say(f"  and {len(reasons) - _INTERVALS_MAX} more")
    for finding in islice(history.found(number), _INTERVALS_MAX):
        say(f"interval {interval_text(finding.interval, history.zone)}")
        _show_members(history, finding)
    if count > _INTERVALS_MAX:
        say(f"and {counted(count - _INTERVALS_MAX, 'interval')} more; log lists them")


def _reasons(timeline: IntervalTimeline, number: int) -> Iterator[str]:
    parameters, none = timeline.parameters, why_none(timeline, number)
    text_of = partial(interval_text, zone=timeline.zone)
    if not (parameters.threshold or parameters.inclusive):
        yield f"nothing is shorter than {format_duration(parameters.threshold)}"
    if none.waiting:
        yield f"{waiting_text(none.waiting)}, until no earlier one can come"
    for each in none.ended:
        if each.num_adid < parameters.distinct_min:
            yield f"ended with fewer than {parameters.distinct_min} ids: {text_of(each)}"
        else:
            yield f"final, but the run was stopped before it was found: {text_of(each)}"
    for each in none.open:
        yield f"not ended, for a coming observation may be in it: {text_of(each)}"


def _show_members(history: IntervalHistory, finding: Finding) -> None:
    """Print the observations of an interval, of a long one those at its ends."""
    numbers, start = history.members(finding), finding.interval.start_index
    places = [*range(len(numbers))]
    between = len(numbers) - 2 * TABLE_ROWS_MAX if len(numbers) > _MEMBERS_MAX else 0
    if between:
        del places[TABLE_ROWS_MAX:-TABLE_ROWS_MAX]
    rows: list[tuple[object, ...]] = []
    for place in places:
        event = history.event(numbers[place])
        time = in_zone(event.time, history.zone)
        rows.append((start + place, event.number, time, plain(event.adid)))
    if between:
        rows.insert(TABLE_ROWS_MAX, ("", "", f"and {between:,} between", ""))
    print_table(("index#", "event#", "time", "id"), rows)
