"""What the debugger has for stores of purchases: users, networks and thresholds."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from actors.purchases.baseline import PURCHASES_MIN, threshold_of
from events.errors import BadValueError, PositionError, UnknownUserError, counted, shown
from events.escapes import plain
from events.purchases.amounts import format_amount, parse_amount
from events.purchases.event import EVENT_TYPES, Purchase, place_of, type_name, users_of
from replay.arguments import did_you_mean
from replay.debugger.commands import Command, CommandError
from replay.debugger.expressions import COMPARISONS
from replay.debugger.tools import Condition, Stop, Test, Tools, argument, quoted
from replay.purchases.explain import hops_of, window_of
from replay.purchases.timeline import UserState
from replay.purchases.why import show_network, show_window
from replay.terminal.standard_streams import say
from replay.terminal.tables import named, print_table, some

if TYPE_CHECKING:
    from collections.abc import Callable

    from replay.debugger.shell import Shell
    from replay.purchases.looks import PurchaseLooks

_TYPES: Final = tuple(kind.__name__.lower() for kind in EVENT_TYPES)
_FACTOR: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_UNITS_PER_CENT: Final = 100
_LATEST: Final = "10"
_PURCHASES_MAX: Final = 10


class _Way(NamedTuple):
    """A friend path of an explanation, and where on it one looks."""

    event: int
    """The event that is explained."""
    path: tuple[str, ...]
    """Its buyer, friends, and the buyer of a purchase in its window."""
    purchase: int
    """The number of that purchase."""
    at: int
    """The place on the path."""


class PurchaseTools(Tools["PurchaseLooks"]):
    """Conditions on purchases, and commands that show users."""

    commands = (
        Command("stream", "", "go to the first event of the stream", after="last"),
        Command(
            "watch",
            "ID",
            "stop when the state of this user changes, forward and backward",
            repeated=False,
            after="break",
        ),
        Command(
            "up",
            "[N]",
            "look at the next user on the way from the buyer to a purchase that why shows",
            "The way is the friend path of purchase N in the window of the current event, by\n"
            "default of the last one. At this event, user, network, window and history without an\n"
            "id are then about that user.",
            after="why",
        ),
        Command("down", "", "look at the user before it on that way", after="why"),
        Command("user", "[ID]", "show a user's friends and purchases, by default the event's own"),
        Command("network", "[ID] [D]", "show a user's network by hop, at degree D or the run's"),
        Command("window", "[ID]", "show what a purchase of this user would be judged by now"),
        Command("latest", "[K]", "show everyone's K latest purchases, by default 10"),
        Command(
            "diff",
            "N [M]",
            "show what changed in the state between N and M, by default here",
            after="trace",
        ),
    )
    shows_state = "user, network, window and latest"
    example = "break user 12 amount > 99.50"

    def __init__(self, looks: PurchaseLooks) -> None:
        """Be what the debugger has for a store with these looks."""
        super().__init__(looks)
        self.conditions.update(
            type=Condition(
                "T, type T", "a purchase, a befriend or an unfriend", self._type, _TYPES
            ),
            flagged=Condition("flagged", "a purchase that was flagged", self._flagged),
            amount=Condition("amount SIGN X", "a purchase for > >= < <= or = X", self._amount),
            near=Condition(
                "near X",
                "a purchase within X standard deviations of the threshold, on either side, by the "
                "recorded mean and sd",
                self._near,
            ),
        )
        self.stops["watch"] = self._watch
        # The way that is looked along, of which event, and how far along it that is.
        self._way = _Way(-1, (), 0, 0)

    # Stops

    def _event_test(self, test: Callable[[Any], bool]) -> Test:
        events = self.looks.history.events
        return lambda position: position > 0 and test(events[position - 1])

    def _type(self, rest: list[str]) -> tuple[str, Test]:
        kind = argument(rest, "type", f"one of {', '.join(_TYPES)}")
        if kind not in _TYPES:
            hint = did_you_mean(kind, _TYPES)
            raise CommandError(f"expected a type: {', '.join(_TYPES)}; found {shown(kind)}{hint}")
        return f"type {kind}", self._event_test(lambda event: type_name(event) == kind)

    def _flagged(self, _rest: list[str]) -> tuple[str, Test]:
        return "flagged", self.looks.found

    def _amount(self, rest: list[str]) -> tuple[str, Test]:
        sign = argument(rest, "amount", f"a comparison: {' '.join(COMPARISONS)}")
        compare = COMPARISONS.get(sign)
        if compare is None:
            raise CommandError(
                f"break amount: expected one of {' '.join(COMPARISONS)}, found {shown(sign)}"
            )
        text = argument(rest, "amount", "an amount")
        try:
            value = parse_amount(text)
        except BadValueError as error:
            raise CommandError(f"break amount: {error}") from None

        def test(event: Any) -> bool:
            return isinstance(event, Purchase) and compare(event.amount, value)

        return f"amount {sign} {text}", self._event_test(test)

    def _near(self, rest: list[str]) -> tuple[str, Test]:
        """Stop at purchases within so many standard deviations of the threshold, on either side.

        By the recorded mean and standard deviation, which are cut to whole cents.
        """
        what = "a number of standard deviations, such as 0.5"
        if (other := self.looks.other) is not None:
            raise CommandError(
                f"break near: expected a threshold that is known here, found that {other}"
            )
        text = argument(rest, "near", what)
        if not _FACTOR.fullmatch(text):
            raise CommandError(f"break near: expected {what}, found {shown(text)}")
        factor = Fraction(text)
        recorded, events = self.looks.history.recorded, self.looks.history.events

        def test(position: int) -> bool:
            decision = recorded.get(position)
            if decision is None or decision.purchases < PURCHASES_MIN:
                return False
            event = events[position - 1]
            if not isinstance(event, Purchase):
                return False
            threshold = threshold_of(decision.mean, decision.sd) * _UNITS_PER_CENT
            return abs(event.amount - threshold) <= factor * decision.sd * _UNITS_PER_CENT

        return f"near {text}", test

    def _watch(self, words: list[str]) -> Stop:
        """Return a stop where the state of the user that ``words`` name changes."""
        (word,) = words
        user, timeline = self.subject_named(word), self.looks.timeline
        concerned = frozenset(self.looks.numbers_of(user))
        return Stop(f"watch {quoted(user)}", lambda at: at in concerned and timeline.changed(at))

    # Commands

    def stream(self, shell: Shell, _words: list[str]) -> None:
        history = self.looks.history
        if history.stream_start is None or history.stream_start == len(history):
            raise PositionError("expected a stream, found a history that has no event of one")
        shell.move(history.stream_start + 1)

    def watch(self, shell: Shell, words: list[str]) -> None:
        shell.stop("watch", words)

    def up(self, shell: Shell, words: list[str]) -> None:
        way = self._way
        if way.event != shell.here or words:
            way = self._way_of(shell, words)
        if way.at + 1 == len(way.path):
            raise CommandError(f"up: expected a friend behind {quoted(way.path[-1])}, found none")
        self._look(way._replace(at=way.at + 1))

    def down(self, shell: Shell, _words: list[str]) -> None:
        if self._way.event != shell.here or not self._way.at:
            raise CommandError("down: expected a way that was gone up, found its beginning")
        self._look(self._way._replace(at=self._way.at - 1))

    def _look(self, way: _Way) -> None:
        self._way = way
        path = " > ".join(map(plain, way.path))
        say(f"#{way.at} user {plain(way.path[way.at])}, on {path} to event {way.purchase}")

    def _way_of(self, shell: Shell, words: list[str]) -> _Way:
        number = shell.event(None)
        event = self.looks.history.event(number)
        if not isinstance(event, Purchase):
            raise CommandError(f"up: expected a purchase, found {type_name(event)} {number}")
        with shell.elsewhere():
            self.looks.timeline.goto(number - 1)
            _, window, _ = window_of(self.looks.timeline, event.user)
        paths = {each.purchase.number: each.path for each in window}
        if not paths:
            raise CommandError(
                f"up: expected a window with purchases, found event {number} has none"
            )
        purchase = shell.event(words[0]) if words else window[-1].purchase.number
        if purchase not in paths:
            raise CommandError(f"up: expected a purchase that why {number} shows, found {purchase}")
        return _Way(number, paths[purchase], purchase, 0)

    def own(self, number: int, *, what: str = "") -> str:
        if number == self._way.event and self._way.at:
            return self._way.path[self._way.at]
        return super().own(number, what=what)

    def user(self, shell: Shell, words: list[str]) -> None:
        timeline = self.looks.timeline
        state = timeline.user(self._named(shell, words))
        number = timeline.number(state.user)
        say(f"user {plain(state.user)}, number {number} in order of appearance")
        say(f"{counted(len(state.friends), 'friend')}: {some(state.friends)}".removesuffix(": "))
        say(f"{counted(len(state.purchases), 'purchase')}")
        earlier = len(state.purchases) - _PURCHASES_MAX
        if earlier > 0:
            say(f"  and {earlier} earlier than these; history lists them")
        for purchase in state.purchases[-_PURCHASES_MAX:]:
            time = self.looks.time(purchase)
            say(f"  event {purchase.number}  {time}  {format_amount(purchase.amount)}")

    def network(self, shell: Shell, words: list[str]) -> None:
        timeline = self.looks.timeline
        user = self._appeared(shell, words)
        degrees = shell.count(words[1]) if words[1:] else timeline.parameters.degrees
        show_network([list(hop) for hop in hops_of(timeline, user, degrees)], degrees)

    def window(self, shell: Shell, words: list[str]) -> None:
        timeline = self.looks.timeline
        _, window, baseline = window_of(timeline, self._appeared(shell, words))
        show_window(window, baseline, timeline.parameters.tracked, timeline.zone)

    def _named(self, shell: Shell, words: list[str]) -> str:
        return named(words[0], self.looks.everyone) if words else self.own(shell.here)

    def _appeared(self, shell: Shell, words: list[str]) -> str:
        user = self._named(shell, words)
        self.looks.timeline.number(user)
        return user

    def latest(self, shell: Shell, words: list[str]) -> None:
        rows = (
            (each.number, self.looks.time(each), plain(each.user), format_amount(each.amount))
            for each in self.looks.timeline.recency(shell.count(*words or [_LATEST]))
        )
        print_table(("event#", "time", "user", "amount#"), rows)

    def diff(self, shell: Shell, words: list[str]) -> None:
        timeline = self.looks.timeline
        here = str(timeline.position)
        first, last = sorted(map(shell.position, [*words, here][:2]))
        with shell.elsewhere():
            events = islice(timeline.history.events, first, last)
            concerned = list(dict.fromkeys(user for event in events for user in users_of(event)))
            before, after = (self._states(concerned, moment) for moment in (first, last))
            pairs = zip(before, after, strict=True)
            rows = [_change(one, other) for one, other in pairs if one != other]
            moments = [f"event {at}" if at else "the beginning" for at in (first, last)]
            say(f"between {' and '.join(moments)}: {counted(len(rows), 'user')} changed")
            if rows:
                print_table(("user", "new friends", "lost friends", "new purchases"), rows)

    def _states(self, users: list[str], position: int) -> list[UserState]:
        """Go to a moment, and return what these users are then."""
        self.looks.timeline.goto(position)
        return list(map(self._state, users))

    def _state(self, user: str) -> UserState:
        try:
            return self.looks.timeline.user(user)
        except UnknownUserError:
            return UserState(user, (), ())


def _change(before: UserState, after: UserState) -> tuple[str, str, str, str]:
    old, new = set(before.friends), set(after.friends)
    came = [friend for friend in after.friends if friend not in old]
    left = [friend for friend in before.friends if friend not in new]
    made = sorted(set(after.purchases) - set(before.purchases), key=place_of)
    return plain(before.user), some(came), some(left), some(list(map(_bought, made)))


def _bought(purchase: Purchase) -> str:
    return f"{format_amount(purchase.amount)} (event {purchase.number})"
