"""What the debugger has for stores of a detector's own events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from events.errors import shown
from events.escapes import plain
from replay.arguments import did_you_mean
from replay.debugger.commands import Command, CommandError
from replay.debugger.tools import Condition, Test, Tools, argument
from replay.terminal.standard_streams import say
from replay.terminal.tables import print_table

if TYPE_CHECKING:
    from replay.debugger.shell import Shell
    from replay.declared.looks import FactLooks


class FactTools(Tools["FactLooks"]):
    """Conditions on events, and a command that shows what a subject holds."""

    commands = (
        Command("user", "[SUBJECT]", "show what an actor holds, by default of the event's subject"),
    )
    shows_state = "user"
    example = "break flagged"

    def __init__(self, looks: FactLooks) -> None:
        """Be what the debugger has for a store with these looks."""
        super().__init__(looks)
        types = looks.types
        self.conditions.update(
            type=Condition(
                "T, type T", f"an event of type {' or '.join(types)}", self._type, types
            ),
            flagged=Condition("flagged", "an event that was flagged", self._flagged),
        )

    def _type(self, rest: list[str]) -> tuple[str, Test]:
        types, events = self.looks.types, self.looks.history.events
        kind = argument(rest, "type", f"one of {', '.join(types)}")
        if kind not in types:
            hint = did_you_mean(kind, types)
            raise CommandError(f"expected a type: {', '.join(types)}; found {shown(kind)}{hint}")

        def test(position: int) -> bool:
            return position > 0 and self.looks.fields(events[position - 1])["type"] == kind

        return f"type {kind}", test

    def _flagged(self, _rest: list[str]) -> tuple[str, Test]:
        return "flagged", self.looks.found

    def user(self, shell: Shell, words: list[str]) -> None:
        subject = self.subject_named(words[0]) if words else self.own(shell.here)
        held: dict[str, Any] = self.looks.timeline.held(subject)
        say(f"{plain(subject)} holds {'nothing' if not held else ''}".rstrip())
        if held:
            print_table(("name", "value"), [(name, repr(value)) for name, value in held.items()])
