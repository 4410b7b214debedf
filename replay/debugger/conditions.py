"""Where the debugger stops: conditions on a moment, read from words.

A condition is asked about a position of the timeline, and is about the event that has
just happened there. It looks at the history alone, so that a search moves nothing.
"""

from __future__ import annotations

import re
from fractions import Fraction
from operator import eq, ge, gt, le, lt
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from actors.baseline import PURCHASES_MIN, SD_FACTOR
from events.amounts import parse_amount
from events.errors import BadValueError, shown
from events.escapes import plain
from events.event import EVENT_TYPES, Purchase, kind_of, users_of
from replay.arguments import is_whole
from replay.debugger.errors import CommandError
from replay.shipped import other_detector
from replay.tables import named

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from replay.timeline import Timeline

Test: TypeAlias = "Callable[[int], bool]"

TYPES: Final = tuple(kind.__name__.lower() for kind in EVENT_TYPES)
_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    ">": gt,
    ">=": ge,
    "<": lt,
    "<=": le,
    "=": eq,
    "==": eq,
}
_FACTOR: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_UNITS_PER_CENT: Final = 100


class Stop(NamedTuple):
    """A breakpoint or a watch."""

    text: str
    """What was typed, in its full form; reading it again gives the same stop."""
    test: Test
    """Tells whether to stop at a position."""


def parse_break(words: Sequence[str], timeline: Timeline) -> Stop:
    """Return the breakpoint that ``words`` say; of several conditions all must hold.

    Raises:
        CommandError: they say none.

    """
    if not words:
        raise CommandError(f"expected a condition: N or one of {', '.join(KINDS)}; found none")
    rest = list(words)
    texts: list[str] = []
    tests: list[Test] = []
    while rest:
        text, test = _condition(rest, timeline)
        texts.append(text)
        tests.append(test)
    return Stop(f"break {' '.join(texts)}", lambda position: all(test(position) for test in tests))


def parse_watch(words: Sequence[str], timeline: Timeline) -> Stop:
    """Return a stop where the state of the user that ``words`` name changes.

    Raises:
        CommandError: the history has no such user.

    """
    (word,) = words
    user = user_named(word, timeline)
    concerns = _user_test(user, timeline)
    return Stop(
        f"watch {quoted(user)}", lambda at: concerns(at) and at > 0 and timeline.changed(at)
    )


def quoted(name: str) -> str:
    """Return ``name`` as it is shown, and read as one word and as this name again."""
    word = plain(name)
    simple = word and all(c.isalnum() or c in "._-:/@+" for c in word)
    return word if simple else "'" + word.replace("'", "'\"'\"'") + "'"


def _condition(rest: list[str], timeline: Timeline) -> tuple[str, Test]:
    """Take one condition off ``rest``."""
    word = rest[0]
    if is_whole(word):
        word = "event"
    elif word in TYPES:
        word = "type"
    else:
        del rest[0]
    read = _READERS.get(word)
    if read is None:
        raise CommandError(
            f"expected a condition: N or one of {', '.join(KINDS)}; found {shown(word)}"
        )
    return read(rest, timeline)


def _argument(rest: list[str], word: str, what: str) -> str:
    if not rest:
        raise CommandError(f"break {word}: expected {what}, found nothing")
    return rest.pop(0)


def _event_test(timeline: Timeline, test: Callable[[Any], bool]) -> Test:
    events = timeline.history.events
    return lambda position: position > 0 and test(events[position - 1])


def user_named(word: str, timeline: Timeline) -> str:
    """Return the user that ``word`` names, as it is shown or as it is.

    Raises:
        CommandError: the history has no such user.

    """
    user = named(word, timeline.everyone)
    if user not in timeline.everyone:
        raise CommandError(f"expected a user of this history, found {shown(user)}")
    return user


def _user_test(user: str, timeline: Timeline) -> Test:
    return _event_test(timeline, lambda event: user in users_of(event))


def _event(rest: list[str], timeline: Timeline) -> tuple[str, Test]:
    word = _argument(rest, "event", "a number")
    if not is_whole(word) or not 1 <= int(word) <= len(timeline):
        raise CommandError(f"expected an event from 1 to {len(timeline)}, found {shown(word)}")
    number = int(word)
    return f"event {number}", lambda position: position == number


def _user(rest: list[str], timeline: Timeline) -> tuple[str, Test]:
    user = user_named(_argument(rest, "user", "an id"), timeline)
    return f"user {quoted(user)}", _user_test(user, timeline)


def _type(rest: list[str], timeline: Timeline) -> tuple[str, Test]:
    kind = _argument(rest, "type", f"one of {', '.join(TYPES)}")
    if kind not in TYPES:
        raise CommandError(f"expected a type: {', '.join(TYPES)}; found {shown(kind)}")
    return f"type {kind}", _event_test(timeline, lambda event: kind_of(event) == kind)


def _flagged(_rest: list[str], timeline: Timeline) -> tuple[str, Test]:
    flagged = {n for n, decision in timeline.history.recorded.items() if decision.flagged}
    return "flagged", flagged.__contains__


def _rejected(_rest: list[str], timeline: Timeline) -> tuple[str, Test]:
    positions = {following - 1 for following, _ in timeline.history.rejected}
    return "rejected", positions.__contains__


def _amount(rest: list[str], timeline: Timeline) -> tuple[str, Test]:
    sign = _argument(rest, "amount", f"a comparison: {' '.join(_COMPARISONS)}")
    compare = _COMPARISONS.get(sign)
    if compare is None:
        raise CommandError(
            f"break amount: expected one of {' '.join(_COMPARISONS)}, found {shown(sign)}"
        )
    text = _argument(rest, "amount", "an amount")
    try:
        value = parse_amount(text)
    except BadValueError as error:
        raise CommandError(f"break amount: {error}") from None

    def test(event: Any) -> bool:
        return isinstance(event, Purchase) and compare(event.amount, value)

    return f"amount {sign} {text}", _event_test(timeline, test)


def _near(rest: list[str], timeline: Timeline) -> tuple[str, Test]:
    """Stop at purchases within so many standard deviations of the threshold, on either side.

    By the recorded mean and standard deviation, which are cut to whole cents.
    """
    what = "a number of standard deviations, such as 0.5"
    other = other_detector(timeline.history.store)
    if other is not None:
        raise CommandError(
            f"break near: expected a threshold that is known here, found that {other}"
        )
    text = _argument(rest, "near", what)
    if not _FACTOR.fullmatch(text):
        raise CommandError(f"break near: expected {what}, found {shown(text)}")
    factor = Fraction(text)
    recorded, events = timeline.history.recorded, timeline.history.events

    def test(position: int) -> bool:
        decision = recorded.get(position)
        if decision is None or decision.purchases < PURCHASES_MIN:
            return False
        event = events[position - 1]
        if not isinstance(event, Purchase):
            return False
        threshold = (decision.mean + SD_FACTOR * decision.sd) * _UNITS_PER_CENT
        return abs(event.amount - threshold) <= factor * decision.sd * _UNITS_PER_CENT

    return f"near {text}", test


_READERS: Final = {
    "amount": _amount,
    "event": _event,
    "flagged": _flagged,
    "near": _near,
    "rejected": _rejected,
    "type": _type,
    "user": _user,
}
KINDS: Final = tuple(sorted([*_READERS, *TYPES]))
"""The words that a condition begins with."""
