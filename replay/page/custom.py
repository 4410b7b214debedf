"""What is told of an event that a detector of a user's own declares: what that says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from replay.page.content import Content, Links, Section, Setting, Teller, around, facts
from replay.page.markup import Markup, element, ident, joined, short_ident, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from events.custom.fact import Fact
    from replay.custom.looks import FactLooks

_TOLD: Final = frozenset({"event", "source", "line", "time", "type", "held", "answers"})
_LEVELS_MAX: Final = 4
_MEMBERS_MAX: Final = 50


def subjects(looks: FactLooks, event: int) -> Sequence[str]:
    """Return whom an event concerns, as the detector says."""
    return list(looks.history.journal.subjects(looks.history.event(event)))


def happened(looks: FactLooks, event: Fact) -> Markup:
    """Return an event and the verdict on it, as the detector describes them."""
    return element("bdi", looks.describe(event))


def content(looks: FactLooks, event: int, setting: Setting | None, links: Links) -> Content:
    """Return all that is told of an event.

    Raises:
        PositionError: the history has no such event.
        OtherDetectorError: another detector decided it, or none was given.

    """
    del setting
    found = looks.history.event(event)
    told = looks.why_fields(event)
    decision = looks.history.recorded.get(event)
    flagged = decision is not None and decision.flagged
    badge = "FLAGGED" if flagged else "not flagged"
    if decision is None:
        badge = "not judged" if looks.history.judged(event) else "of the past"
    sections = [Section("event", Markup("The event"), _fields(told), "left")]
    held: dict[str, dict[str, Any]] = told["held"]
    if held:
        sections.append(Section("held", Markup("What was held before it"), _held(held), "right"))
    answers: list[dict[str, Any]] = told["answers"]
    if answers:
        rows: list[list[object]] = [
            [short_ident(each["subject"]), _value(each["answer"])] for each in answers
        ]
        body = table(("who", "answer"), rows)
        sections.append(Section("answers", Markup("What was answered"), body, "right"))
    return Content(
        f"event {event}: {looks.describe(found)}",
        badge,
        flagged=flagged,
        verdict=happened(looks, found),
        detail=joined([f"Decided by {looks.store.detector}, {looks.setting or 'no parameters'}."]),
        sections=[*sections, around(looks, event, happened, links)],
    )


def _fields(told: Mapping[str, Any]) -> Markup:
    known = [("type", told["type"]), ("time", told["time"])]
    known += [("read from", f"{told['source']} line {told['line']}")]
    return facts(
        [*known, *((name, _value(value)) for name, value in told.items() if name not in _TOLD)]
    )


def _held(held: Mapping[str, Mapping[str, Any]]) -> Markup:
    rows: list[list[object]] = []
    for subject, values in held.items():
        named = [(name, _value(value)) for name, value in values.items()]
        rows.append([short_ident(subject), facts(named) if named else "nothing"])
    return table(("who", "what"), rows)


def _value(value: Any, level: int = 0) -> Markup:
    """Return a value of a detector's own: lists and what has names as such."""
    if level < _LEVELS_MAX and isinstance(value, dict) and value:
        return _cut([(name, _value(each, level + 1)) for name, each in value.items()])
    if level < _LEVELS_MAX and isinstance(value, list | tuple) and value:
        parts = [element("li", _value(each, level + 1)) for each in value[:_MEMBERS_MAX]]
        rest = len(value) - _MEMBERS_MAX
        return element("ul", *parts, *([element("li", f"and {rest:,} more")] if rest > 0 else []))
    if isinstance(value, bool):
        return ident("yes" if value else "no")
    return ident(str(value))


def _cut(pairs: list[tuple[str, Markup]]) -> Markup:
    shown: list[tuple[object, object]] = [(ident(name), each) for name, each in pairs]
    rest = len(shown) - _MEMBERS_MAX
    return facts([*shown[:_MEMBERS_MAX], *([("and", f"{rest:,} more")] if rest > 0 else [])])


TELLER: Final = Teller(happened, content, subjects)
"""Tells of what detectors of users judge."""
