"""What the debugger has for stores of purchases: users, networks and thresholds."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from actors.purchases.baseline import PURCHASES_MIN, threshold_of
from events.errors import UnknownUserError, counted, shown
from events.escapes import plain
from events.purchases.amounts import UNITS_PER_CENT, format_amount, parse_amount
from events.purchases.event import Purchase, place_of, type_name, users_of
from replay.debugger.commands import Command, CommandError
from replay.debugger.tools import Condition, Test, argument, quoted
from replay.judging.tools import STREAM, JudgedTools
from replay.purchases.explain import hops_of, network_now, window_of
from replay.purchases.timeline import UserState
from replay.purchases.why import show_network, show_window
from replay.terminal.standard_streams import say
from replay.terminal.tables import named, print_table, some

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replay.debugger.shell import Shell
    from replay.purchases.looks import PurchaseLooks

_FACTOR: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
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


class PurchaseTools(JudgedTools["PurchaseLooks"]):
    """Conditions on purchases, and commands that show users."""

    commands = (
        STREAM,
        JudgedTools.watching("ID", "user"),
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
        JudgedTools.comparing(),
    )
    shows_state = "user, network, window and latest"
    example = "break user 12 amount > 99.50"
    kinds = "a purchase, a befriend or an unfriend"
    found = "a purchase"
    columns = ("user", "new friends", "lost friends", "new purchases")

    def __init__(self, looks: PurchaseLooks) -> None:
        """Be what the debugger has for a store with these looks."""
        super().__init__(looks)
        self.compare("amount", "a purchase for", self._amount, parse_amount, "an amount")
        self.conditions["near"] = Condition(
            "near X",
            "a purchase within X standard deviations of the threshold, on either side, by the "
            "recorded mean and sd",
            self._near,
        )
        # The way that is looked along, of which event, and how far along it that is.
        self._way = _Way(-1, (), 0, 0)

    # Stops

    def _amount(self, position: int) -> int | None:
        event = self.looks.history.events[position - 1]
        return event.amount if isinstance(event, Purchase) else None

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
            threshold = threshold_of(decision.mean_cents, decision.sd_cents) * UNITS_PER_CENT
            return abs(event.amount - threshold) <= factor * decision.sd_cents * UNITS_PER_CENT

        return f"near {text}", test

    # Commands

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
        show_network(hops_of(timeline, network_now(timeline, user, degrees)), degrees)

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

    def subjects(self, event: Any) -> Sequence[str]:
        return users_of(event)

    def state_of(self, subject: str) -> UserState:
        try:
            return self.looks.timeline.user(subject)
        except UnknownUserError:
            return UserState(subject, (), ())

    def change_rows(
        self, subject: str, before: UserState, after: UserState
    ) -> list[tuple[object, ...]]:
        old, new = set(before.friends), set(after.friends)
        came = [friend for friend in after.friends if friend not in old]
        left = [friend for friend in before.friends if friend not in new]
        made = sorted(set(after.purchases) - set(before.purchases), key=place_of)
        return [(plain(subject), some(came), some(left), some(list(map(_bought, made))))]


def _bought(purchase: Purchase) -> str:
    return f"{format_amount(purchase.amount)} (event {purchase.number})"
