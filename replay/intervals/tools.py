"""What the debugger has for stores of intervals: keys, and what may still be in an interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from events.errors import counted
from events.escapes import plain
from events.times.timestamps import in_zone
from replay.debugger.commands import Command, CommandError
from replay.debugger.tools import Condition, Test, Tools
from replay.intervals.why import TABLE_ROWS_MAX
from replay.intervals.words import waiting_text
from replay.terminal.standard_streams import say
from replay.terminal.tables import named, print_table

if TYPE_CHECKING:
    from replay.debugger.shell import Shell
    from replay.intervals.looks import IntervalLooks


# Without keys there is one window.
_WINDOW: Final = Command(
    "window",
    "[KEY]",
    "show what of a key, by default the event's own, may still be in an interval with what comes",
)


class IntervalTools(Tools["IntervalLooks"]):
    """Conditions on observations, and commands that show keys."""

    commands = (
        Command("user", "[KEY]", "the same as window"),
        _WINDOW,
    )
    shows_state = "user and window"
    example = "break found user 10.0.0.3"

    def __init__(self, looks: IntervalLooks) -> None:
        """Be what the debugger has for a store with these looks."""
        super().__init__(looks)
        self.conditions["found"] = Condition("found", "intervals were final then", self._found)

    def _found(self, _rest: list[str]) -> tuple[str, Test]:
        return "found", self.looks.found

    def user(self, shell: Shell, words: list[str]) -> None:
        self.window(shell, words)

    def window(self, shell: Shell, words: list[str]) -> None:
        timeline = self.looks.timeline
        if timeline.parameters.key is not None and not words:
            if not shell.here:
                raise CommandError("expected a key, found none, as no event has happened; name one")
            # It stands there as it is, and not as it is shown.
            self._show_key(self.looks.history.event(shell.here).key)
        elif words or timeline.keys:
            self._show_key(named(words[0], self.looks.everyone) if words else "")
        else:
            say("no observation has had its turn")
        if timeline.waiting_rows:
            say(waiting_text(timeline.waiting_rows))

    def _show_key(self, key: str) -> None:
        state = self.looks.timeline.key(key)
        name = f"key {plain(key)}, number {state.number} in order of appearance: " if key else ""
        say(f"{name}{counted(state.seen, 'observation')}")
        say(f"window: {counted(len(state.window), 'observation')}")
        rows = [
            (state.first + place, in_zone(time, self.looks.store.zone), plain(adid))
            for place, (time, adid) in enumerate(state.window)
        ]
        if len(rows) > TABLE_ROWS_MAX:
            say(f"  and {len(rows) - TABLE_ROWS_MAX} earlier than these")
        if rows:
            print_table(("index#", "time", "id"), rows[-TABLE_ROWS_MAX:])
