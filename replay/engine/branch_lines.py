"""Which event of a branch is which of its original.

A run on the branch's logs tells which of their lines are events. All that the original
accepted are, unless an earlier release accepted what this one rejects, or the other way
round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.records.record import Source


class Inserted(NamedTuple):
    """An event that the original does not have."""

    event: Any
    """The event, as the branch numbers it."""
    before: int
    """The event of the original that it comes just before."""


Meaning: TypeAlias = int | Inserted | None
"""What a line of a branch was to be: an event of the original, an inserted one, or none."""


class Identified(NamedTuple):
    """Which is which."""

    originals: list[int | None]
    """For each event of the branch its number in the original, or None where it has none."""
    inserted: dict[int, Inserted]
    """The inserted events, by their number on the branch."""
    accepted: dict[int, int]
    """The lines that the original rejected and that are events now: by number on the branch,
    the event of the original that each comes just before."""
    refused: list[int]
    """The events of the original whose lines are rejected now."""
    dropped: int
    """How many of the lines to insert are."""


def identified(
    meanings: dict[Source, list[Meaning]],
    texts: dict[Source, list[bytes]],
    no_events: set[tuple[Source, int]],
) -> Identified:
    """Return which event of a branch is which.

    Args:
        meanings: what each line was to be; the last line of a log has the last of them.
        texts: the lines of the branch's logs.
        no_events: log and number of each line that was rejected, or was the parameters.

    """
    found = Identified([], {}, {}, [], 0)
    for source, lines in texts.items():
        _identify(source, meanings[source], lines, no_events, found)
    wanted = sum(isinstance(each, Inserted) for every in meanings.values() for each in every)
    put_in = len(found.inserted)
    return found._replace(dropped=wanted - put_in)


def _identify(
    source: Source,
    meanings: Sequence[Meaning],
    lines: Sequence[bytes],
    no_events: set[tuple[Source, int]],
    found: Identified,
) -> None:
    # A blank line may have been put before the first one.
    first = 1 + len(lines) - len(meanings)
    following = 1
    for number, meaning in enumerate(meanings, first):
        is_event = lines[number - 1] and (source, number) not in no_events
        branch = len(found.originals) + 1
        if isinstance(meaning, int):
            following = meaning + 1
            (found.originals if is_event else found.refused).append(meaning)
        elif is_event:
            found.originals.append(None)
            if meaning is None:
                found.accepted[branch] = following
            else:
                event = msgspec.structs.replace(meaning.event, number=branch)
                found.inserted[branch] = meaning._replace(event=event)
