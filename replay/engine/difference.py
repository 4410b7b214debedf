"""Where two accounts of the same history part, and how that is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from events.escapes import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from replay.engine.looks import Looks

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


def difference_fields(difference: Difference, looks: Looks[Any]) -> dict[str, Any]:
    """Return a difference as JSON has it; what its values are in JSON ``looks`` tell."""
    field = difference.field
    expected, actual = (
        looks.part_fields(field, value) for value in (difference.expected, difference.actual)
    )
    return {**difference._asdict(), "expected": expected, "actual": actual}


def difference_lines(fields: dict[str, Any], source: str = "") -> Iterator[str]:
    """Iterate over lines that tell what differs, of `difference_fields`.

    Behind the expected value stands its ``source``.
    """
    expected, actual = fields["expected"], fields["actual"]
    yield f"  field:    {plain(fields['field'])}"
    yield f"  expected: {text_beside(expected, actual)}{source}"
    yield f"  actual:   {text_beside(actual, expected)}"


def text_beside(value: object, other: object) -> str:
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


def _text(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{name}={_text(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_text, value))}]"
    return plain(value)
