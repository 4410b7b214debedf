"""What log, export and diff show of a store of intervals."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, NoReturn

import msgspec

from events.csvrows import csv_line
from events.durations import format_duration
from events.errors import InputError, OtherKindError
from events.escapes import plain
from events.observations import format_of
from events.records import Rejected
from replay.files import as_named, check_new
from replay.interval_history import IntervalHistory
from replay.interval_outputs import interval_fields
from replay.outputs import write_new
from replay.standard_streams import mention, say
from replay.tables import counted, detector_difference, named, print_json, rejected_fields

if TYPE_CHECKING:
    import argparse

    from events.interval import Interval
    from events.interval_parameters import IntervalParameters
    from events.observation import Observation
    from events.store import EventStore
    from replay.history import Place

_IDS_MAX = 6


def setting_text(parameters: IntervalParameters) -> str:
    """Return one line about what was looked for."""
    sign = "<=" if parameters.inclusive else "<"
    late = parameters.lateness
    how = "put in order first" if late is None else f"lateness {format_duration(late)}"
    by = "" if parameters.key is None else f", by {plain(parameters.key)}"
    return (
        f"intervals {sign} {format_duration(parameters.threshold)} with "
        f"{parameters.distinct_min} ids or more{by}, {how}"
    )


def observation_text(observation: Observation) -> str:
    """Return one line about an observation."""
    at = f" at {plain(observation.key)}" if observation.key else ""
    return f"{plain(observation.adid)} seen{at}"


def interval_text(interval: Interval) -> str:
    """Return one line about an interval."""
    ids = ", ".join(map(plain, interval.adids[:_IDS_MAX]))
    rest = interval.num_adid - _IDS_MAX
    at = f" at {plain(interval.key)}" if interval.key else ""
    return (
        f"{interval.start_time} to {interval.end_time}, observations {interval.start_index} to "
        f"{interval.end_index}{at}: {counted(interval.num_adid, 'id')}: {ids}"
        f"{f' and {rest} more' if rest > 0 else ''}"
    )


# log


def show_log(store: EventStore, options: argparse.Namespace) -> int:
    """Print the lines of the history that were asked for."""
    history = IntervalHistory(store)
    if options.user is not None:
        options.user = named(options.user, history.everyone)
    for place, record in history.lines():
        if isinstance(record, Rejected):
            if _rejected_wanted(options):
                _show_rejected(place, record, as_json=options.json)
            continue
        if _wanted(record, options, found=record.number in history.found_counts):
            (_json if options.json else _text)(history, place, record)
    return 0


def _rejected_wanted(options: argparse.Namespace) -> bool:
    asked = options.user is not None or options.type is not None or options.flagged
    in_range = options.first == 1 and options.last is None
    return bool(options.rejected or not (asked or not in_range))


def _wanted(observation: Observation, options: argparse.Namespace, *, found: bool) -> bool:
    if options.rejected or observation.number < options.first:
        return False
    if options.last is not None and observation.number > options.last:
        return False
    if options.user is not None and options.user not in (observation.adid, observation.key):
        return False
    if options.type not in (None, "observation"):
        return False
    return found or not options.flagged


def _show_rejected(place: Place, record: Rejected, *, as_json: bool) -> None:
    if as_json:
        where = {"source": place.source, "line": place.line}
        print_json({"type": "rejected", **where, **rejected_fields(record)})
    else:
        say(f"{'-':>8}  {place.line:>8}  rejected ({record.reason}): {record.detail}")


def _text(history: IntervalHistory, place: Place, record: Observation) -> None:
    say(f"{record.number:>8}  {place.line:>8}  {record.time}  {observation_text(record)}")
    at_end = record.number == len(history) and history.end is not None
    for finding in history.found(record.number):
        found = "INTERVAL, final then or at the end" if at_end else "INTERVAL, final now"
        say(f"{'':>8}  {'':>8}  {found}: {interval_text(finding.interval)}")


def _json(history: IntervalHistory, place: Place, record: Observation) -> None:
    keyed = history.parameters.key is not None
    print_json(
        {
            "type": "observation",
            "source": place.source,
            "line": place.line,
            "event": record.number,
            "time": record.time,
            "adid": record.adid,
            **({"key": record.key} if keyed else {}),
            "intervals": [
                interval_fields(each.interval, keyed=keyed) for each in history.found(record.number)
            ],
        }
    )


# export


def export(store: EventStore, options: argparse.Namespace) -> int:
    """Write the observations again, as CSV or JSON lines by the name of the file."""
    if options.batch is not None or options.stream is not None:
        raise InputError(f"{store.path}: expected --observations for a store of intervals")
    path = options.observations
    if path is not None:
        check_new(path, "observations", (store.path,))
    history = IntervalHistory(store)
    if path is None and options.json:
        print_json({"observations": {"rows": len(history), "file": None}})
        return 0
    if path is None:
        say(f"observations in the store: {len(history):,}; name a file with --observations")
        return 0
    parameters = history.parameters
    names = [
        name for name in (parameters.time, parameters.adid, parameters.key) if name is not None
    ]
    observed = history.observed()
    columns = (observed.times, observed.adids, observed.keys)
    rows = zip(*(column for column in columns if column is not None), strict=True)
    if format_of(path) == "csv":
        content = b"".join([csv_line(row) + b"\n" for row in (names, *rows)])
    else:
        encode = msgspec.json.Encoder().encode_lines
        content = encode([dict(zip(names, row, strict=True)) for row in rows])
    write_new(path, as_named(path, content), "observations")
    if options.json:
        print_json(
            {
                "observations": {
                    "rows": len(history),
                    "file": path,
                    "rejected": len(history.rejected),
                }
            }
        )
    else:
        mention(f"{plain(path)}: {counted(len(history), 'observation')}")
        if history.rejected:
            mention(f"not among them: {counted(len(history.rejected), 'rejected row')}")
    return 0


# diff


def differences(one: EventStore, other: EventStore) -> tuple[dict[str, dict[str, str] | None], str]:
    """Return the first differences by what differs, and what was compared, in words."""
    histories = [IntervalHistory(store) for store in (one, other)]
    found = {
        "parameters": _setting_difference(*histories),
        "detector": detector_difference(one, other),
        "event": _event_difference(*histories),
        "finding": _finding_difference(*histories),
    }
    events = counted(len(histories[0]), "event")
    return found, f"{events} and {counted(sum(histories[0].found_counts.values()), 'finding')}"


def _setting_difference(one: IntervalHistory, other: IntervalHistory) -> dict[str, str] | None:
    texts = [setting_text(history.parameters) for history in (one, other)]
    return None if texts[0] == texts[1] else {"at": "", "one": texts[0], "other": texts[1]}


def _event_difference(one: IntervalHistory, other: IntervalHistory) -> dict[str, str] | None:
    for number in range(1, max(len(one), len(other)) + 1):
        events = [
            history.event(number) if number <= len(history) else None for history in (one, other)
        ]
        if events[0] != events[1]:
            texts = [
                "no such event" if each is None else f"{each.time} {observation_text(each)}"
                for each in events
            ]
            return {"at": str(number), "one": texts[0], "other": texts[1]}
    return None


def _finding_difference(one: IntervalHistory, other: IntervalHistory) -> dict[str, str] | None:
    for pair in zip_longest(one.findings(), other.findings()):
        if pair[0] != pair[1]:
            number = min(each.number for each in pair if each is not None)
            texts = [
                "no such finding"
                if each is None
                else f"after event {each.number}: {interval_text(each.interval)}"
                for each in pair
            ]
            return {"at": f"after event {number}", "one": texts[0], "other": texts[1]}
    return None


def refuse_mixture(one: EventStore, other: EventStore) -> NoReturn:
    """Refuse to compare a store of one kind with one of the other."""
    kinds = ["purchases" if store.intervals is None else "intervals" for store in (one, other)]
    raise OtherKindError(
        f"{other.path}: expected a store of {kinds[0]}, as {one.path} is, found one of {kinds[1]}"
    )
