"""Events as people name them: by number, by log and line as in ``stream:429``, and in ranges."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from events.errors import PositionError, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replay.engine.history import StoredHistory

# Python refuses to convert thousands of digits, with a message of its own.
_REFERENCE: Final = r"(?:([a-z]+):)?([0-9]{1,30})"
_ONE: Final = re.compile(_REFERENCE)
_RANGE: Final = re.compile(rf"{_REFERENCE}(?:-{_REFERENCE})?")


class Reference(NamedTuple):
    """An event as it was named."""

    number: int
    """Its number, or that of its line; both from 1."""
    source: str | None = None
    """The log that the line is of, or None where it is the event's own number."""

    def __str__(self) -> str:
        """Return what was typed."""
        return str(self.number) if self.source is None else f"{self.source}:{self.number}"


class References(NamedTuple):
    """Some consecutive events, as they were named: both are included."""

    first: Reference
    last: Reference


def reference_in(text: str) -> Reference | None:
    """Return what ``N`` or ``LOG:LINE`` says, or None for another text."""
    found = _ONE.fullmatch(text)
    return None if found is None else Reference(int(found[2]), found[1])


def ranges_in(text: str) -> list[References] | None:
    """Return what ``N``, ``N-M`` or several with commas say; None for another text.

    N and M are numbers or ``LOG:LINE``; the log holds for both, where it stands at the first.
    """
    ranges = []
    for part in text.split(","):
        found = _RANGE.fullmatch(part)
        if found is None:
            return None
        source, first, other, last = found.groups()
        one = Reference(int(first), source)
        two = one if last is None else Reference(int(last), other or source)
        if one.source == two.source and two.number < one.number:
            return None
        ranges.append(References(one, two))
    return ranges


def number_of(
    history: StoredHistory[Any, Any], sources: Sequence[str], reference: Reference
) -> int:
    """Return the number of the event of ``history``, which has logs ``sources``, that is meant.

    It is as it stands if it was named by its number.

    Raises:
        PositionError: there is no such log, or no event on the line, or more than one.

    """
    number, source = reference
    if source is None:
        return number
    if source not in sources:
        raise PositionError(
            f"expected a line of {' or '.join(sources)}, found {shown(str(reference))}"
        )
    found, refused = history.at_line(source, number)
    if len(found) == 1:
        return found[0]
    line = f"{source} line {number}"
    if found:
        # A log that was followed was replaced by another, whose lines count from 1 again.
        numbers = ", ".join(map(str, found))
        raise PositionError(
            f"{line}: expected one event, found {len(found)}: {numbers}; name it by its number"
        )
    what = "none" if refused is None else f"a line that was rejected ({refused.reason})"
    raise PositionError(f"{line}: expected an event, found {what}; log lists those there are")


def range_of(
    history: StoredHistory[Any, Any], sources: Sequence[str], references: References
) -> range:
    """Return the numbers of the events that are meant, with a step of 1.

    Raises:
        PositionError: an end names no event, or the last one comes before the first.

    """
    first, last = (number_of(history, sources, each) for each in references)
    if last < first:
        ends = f"{references.first}-{references.last}"
        raise PositionError(
            f"{ends}: expected the last event behind the first, found {first} to {last}"
        )
    return range(first, last + 1)
