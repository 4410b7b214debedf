"""Where two accounts of the same history part: what is compared, and how it is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from actors.purchases.digest import Sums
from actors.urns import COORDINATOR
from events.escapes import plain
from events.purchases.amounts import format_amount, format_cents
from events.purchases.event import Purchase
from events.store.records import Decision, Finding, StateDigest
from replay.intervals.lines import interval_fields
from replay.terminal.tables import decision_fields, event_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from events.times.timestamps import Zone

# All that a decision says of its event.
DECISION_FIELDS: Final = ("flagged", "purchases", "mean", "sd")

# What is kept in whole cents, and what in units of 1/10,000.
_CENTS: Final = frozenset({"mean", "sd"})
_UNITS: Final = frozenset({"amounts", "spent"})
# A state may have thousands of friends or purchases, and one of them makes the difference.
_SHOWN_MAX: Final = 300


class Difference(NamedTuple):
    """Where one account parts from the one that it is compared with."""

    event: int | None
    """The event after which it shows; None for a failure, which names it where it can."""
    actor: str | None
    """The actor, or actors, whose doing or state it is; None for a failure, likewise."""
    field: str
    """What of it differs."""
    expected: object
    """What was recorded, or a reference gives."""
    actual: object
    """What is there instead."""


def decision_differences(expected: Decision, actual: Decision) -> Iterator[Difference]:
    """Iterate over what differs in two decisions on the same event."""
    for field in DECISION_FIELDS:
        one, other = getattr(expected, field), getattr(actual, field)
        if one != other:
            yield Difference(expected.number, COORDINATOR, field, one, other)


def difference_fields(difference: Difference, zone: Zone | None) -> dict[str, Any]:
    """Return a difference as JSON has it: ids, and amounts as text; times are of ``zone``."""
    field = difference.field
    values = (difference.expected, difference.actual)
    expected, actual = (_field(field, value, zone) for value in values)
    return {**difference._asdict(), "expected": expected, "actual": actual}


def value_text(value: object, other: object) -> str:
    """Return a value of `difference_fields` in words.

    Of something long what stands only there and not in ``other``, which it is compared with.
    """
    text = _text(value)
    if len(text) <= _SHOWN_MAX:
        return text
    if isinstance(value, list) and isinstance(other, list):
        there = set(map(_text, other))
        only = [each for each in map(_text, value) if each not in there]
        text = f"{len(value)}, and only here [{', '.join(only)}]"
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}..."


def _field(field: str, value: Any, zone: Zone | None) -> Any:
    told = value
    match value:
        case Decision():
            told = decision_fields(value)
        case Purchase():
            told = event_fields(value, zone)
        case Finding(interval=interval):
            fields = interval_fields(interval, keyed=bool(interval.key))
            told = {"event": value.number, **fields}
        case StateDigest():
            sums = dict(zip(Sums._fields, value.sums, strict=False))
            told = {"events": value.events, "users": value.users}
            told |= {name: _field(name, each, zone) for name, each in sums.items()}
        case list() | tuple():
            told = [_field(field, each, zone) for each in value]
        case int() if field in _CENTS:
            told = format_cents(value)
        case int() if field in _UNITS:
            told = format_amount(value)
    return told


def _text(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{name}={_text(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_text, value))}]"
    return plain(value)
