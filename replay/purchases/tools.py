"""What the debugger has for stores of purchases: users, networks and thresholds."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from actors.purchases.baseline import PURCHASES_MIN, threshold_of
from events.errors import UnknownUserError, counted, shown
from events.escapes import plain
from events.purchases.amounts import format_amount, parse_amount
from events.purchases.event import Purchase, place_of, users_of
from replay.debugger.commands import Command, CommandError
from replay.debugger.tools import Condition, Test, argument
from replay.judging.tools import STREAM, JudgedTools
from replay.purchases.explain import hops_of, window_of
from replay.purchases.timeline import UserState
from replay.purchases.why import show_network, show_window
from replay.terminal.standard_streams import say
from replay.terminal.tables import named, print_table, some

if TYPE_CHECKING:
    from collections.abc import Sequence

    from replay.debugger.shell import Shell
    from replay.purchases.looks import PurchaseLooks

_FACTOR: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_UNITS_PER_CENT: Final = 100
_LATEST: Final = "10"
_PURCHASES_MAX: Final = 10


class PurchaseTools(JudgedTools["PurchaseLooks"]):
    """Conditions on purchases, and commands that show users."""

    commands = (
        STREAM,
        JudgedTools.watching("ID", "user"),
        Command("user", "ID", "show a user's friends and purchases"),
        Command("network", "ID [D]", "show a user's network by hop, at degree D or the run's"),
        Command("window", "ID", "show what a purchase of this user would be judged by now"),
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
            threshold = threshold_of(decision.mean, decision.sd) * _UNITS_PER_CENT
            return abs(event.amount - threshold) <= factor * decision.sd * _UNITS_PER_CENT

        return f"near {text}", test

    # Commands

    def user(self, _shell: Shell, words: list[str]) -> None:
        timeline = self.looks.timeline
        state = timeline.user(named(words[0], self.looks.everyone))
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
        user = self._appeared(words[0])
        degrees = shell.count(words[1]) if words[1:] else timeline.parameters.degrees
        show_network([list(hop) for hop in hops_of(timeline, user, degrees)], degrees)

    def window(self, _shell: Shell, words: list[str]) -> None:
        timeline = self.looks.timeline
        _, window, baseline = window_of(timeline, self._appeared(words[0]))
        show_window(window, baseline, timeline.parameters.tracked, timeline.zone)

    def _appeared(self, word: str) -> str:
        user = named(word, self.looks.everyone)
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
