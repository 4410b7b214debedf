"""What the debugger shows: positions, users, differences between two moments."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from events.amounts import format_amount
from events.errors import UnknownUserError
from events.escapes import plain
from events.event import place_of, users_of
from events.timestamps import in_zone
from replay.commands.trace import message_text
from replay.commands.why import some
from replay.console import describe
from replay.shipped import other_detector
from replay.standard_streams import say
from replay.tables import counted, print_table
from replay.timeline import UserState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from events.event import Purchase
    from replay.timeline import Timeline

_WAITING_MAX: Final = 10
_PURCHASES_MAX: Final = 10


def position_line(timeline: Timeline) -> str:
    """Return where the timeline is: event, phase, time, and the verdict on a purchase."""
    if timeline.inside:
        return (
            f"inside event {timeline.position + 1}: {_happening(timeline, timeline.position + 1)}"
        )
    if not len(timeline):
        return "no events"
    if timeline.position == 0:
        return f"before event 1 of {len(timeline)}"
    return f"event {timeline.position} of {len(timeline)}: " + _happening(
        timeline, timeline.position
    )


def show_position(timeline: Timeline) -> None:
    """Print where the timeline is, and the rejected lines that come next."""
    say(position_line(timeline))
    if timeline.inside:
        return
    for rejected in timeline.history.rejected_after(timeline.position):
        place = f"{rejected.source} line {rejected.number}"
        say(f"then {place}: rejected ({rejected.reason}): {rejected.detail}")


def _happening(timeline: Timeline, number: int) -> str:
    history = timeline.history
    event, place = history.event(number), history.place(number)
    past = "" if history.judged(number) else "past, "
    what = describe(event, history.recorded.get(number))
    time = in_zone(event.time, timeline.zone)
    return f"{time}, {past}{place.source} line {place.line}: {what}"


def say_whose_rule(timeline: Timeline) -> None:
    """Say whose rule is shown, if another detector decided the history."""
    other = other_detector(timeline.history.store)
    if other is not None:
        say(f"{other}, whose rule this shows")


def show_events(timeline: Timeline, numbers: Sequence[int]) -> None:
    """Print a line for each event, with a mark at the one that has just happened."""
    for number in numbers:
        mark = "=>" if number == timeline.position else "  "
        say(f"{mark} {number:>8}  {_happening(timeline, number)}")


def show_user(timeline: Timeline, user: str) -> None:
    """Print the state of a user."""
    state = timeline.user(user)
    say(f"user {plain(user)}, number {timeline.number(user)} in order of appearance")
    say(f"{counted(len(state.friends), 'friend')}: {some(state.friends)}".removesuffix(": "))
    say(f"{counted(len(state.purchases), 'purchase')}")
    earlier = len(state.purchases) - _PURCHASES_MAX
    if earlier > 0:
        say(f"  and {earlier} earlier than these; history lists them")
    for purchase in state.purchases[-_PURCHASES_MAX:]:
        time = in_zone(purchase.time, timeline.zone)
        say(f"  event {purchase.number}  {time}  {format_amount(purchase.amount)}")


def show_message(timeline: Timeline) -> None:
    """Deliver one message, and print it and what then waits."""
    delivered = timeline.deliver()
    if delivered is None:
        say("no event is left")
        return
    name, zone = timeline.name, timeline.zone
    say(f"delivered: {message_text(delivered, name, zone)}")
    waiting = timeline.waiting
    for number, message in enumerate(waiting[:_WAITING_MAX], 1):
        say(f"waiting {number}: {message_text(message, name, zone)}")
    if len(waiting) > _WAITING_MAX:
        say(f"and {len(waiting) - _WAITING_MAX} more")


def show_changes(timeline: Timeline, first: int, last: int) -> None:
    """Print what changed in the users' states from one position to a later one; go to that."""
    events = islice(timeline.history.events, first, last)
    concerned = list(dict.fromkeys(user for event in events for user in users_of(event)))
    timeline.goto(first)
    before = [_state(timeline, user) for user in concerned]
    timeline.goto(last)
    after = [_state(timeline, user) for user in concerned]
    rows = [_change(one, other) for one, other in zip(before, after, strict=True) if one != other]
    say(f"between {_moment(first)} and {_moment(last)}: {counted(len(rows), 'user')} changed")
    if rows:
        print_table(("user", "new friends", "lost friends", "new purchases"), rows)


def _moment(position: int) -> str:
    return f"event {position}" if position else "the beginning"


def _state(timeline: Timeline, user: str) -> UserState:
    try:
        return timeline.user(user)
    except UnknownUserError:
        return UserState(user, (), ())


def _change(before: UserState, after: UserState) -> tuple[str, str, str, str]:
    old, new = set(before.friends), set(after.friends)
    came = [friend for friend in after.friends if friend not in old]
    left = [friend for friend in before.friends if friend not in new]
    made = sorted(set(after.purchases) - set(before.purchases), key=place_of)
    return plain(before.user), some(came), some(left), some([_bought(each) for each in made])


def _bought(purchase: Purchase) -> str:
    return f"{format_amount(purchase.amount)} (event {purchase.number})"
