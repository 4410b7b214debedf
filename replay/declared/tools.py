"""What the debugger has for stores of a detector's own events."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from events.bounds import NUMBER_MAX, NUMBER_MIN
from events.errors import BadValueError, UnknownUserError, shown
from events.escapes import plain
from replay.debugger.commands import Command
from replay.judging.tools import STREAM, JudgedTools
from replay.terminal.standard_streams import say
from replay.terminal.tables import print_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from events.declared.fact import Fact, FieldKind
    from replay.debugger.shell import Shell
    from replay.declared.looks import FactLooks


class FactTools(JudgedTools["FactLooks"]):
    """Conditions on fields of events and verdicts, and commands that show subjects."""

    commands = (
        STREAM,
        JudgedTools.watching("SUBJECT", "subject"),
        Command("user", "SUBJECT", "show what the actor of a subject holds"),
        JudgedTools.comparing(),
    )
    shows_state = "user"
    example = "break flagged"
    kinds = ""
    found = "an event"
    columns = ("subject", "name", "before", "after")

    def __init__(self, looks: FactLooks) -> None:
        """Be what the debugger has for a store with these looks."""
        super().__init__(looks)
        types = looks.detector.types()
        for name, kind in types.fields.items():
            self._compare(name, f"an event whose {name} is", kind, self._field(name))
        for field in types.verdict_fields:
            name = field.name
            self._compare(name, f"a verdict whose {name} is", field.kind, self._said(name))

    def _compare(
        self, name: str, what: str, kind: FieldKind, value_of: Callable[[int], Any]
    ) -> None:
        self.compare(name, what, value_of, *_READ[kind])

    def _field(self, name: str) -> Callable[[int], Any]:
        events = self.looks.history.events
        return lambda position: getattr(events[position - 1], name, None)

    def _said(self, name: str) -> Callable[[int], Any]:
        recorded = self.looks.history.recorded
        return lambda position: getattr(recorded.get(position), name, None)

    def user(self, _shell: Shell, words: list[str]) -> None:
        subject = self.subject_named(words[0])
        held: dict[str, Any] = self.looks.timeline.held(subject)
        say(f"{plain(subject)} holds {'nothing' if not held else ''}".rstrip())
        if held:
            print_table(("name", "value"), [(name, repr(value)) for name, value in held.items()])

    def subjects(self, event: Fact) -> Sequence[str]:
        return self.looks.history.journal.subjects(event)

    def state_of(self, subject: str) -> dict[str, Any]:
        try:
            return self.looks.timeline.held(subject)
        except UnknownUserError:
            return {}

    def change_rows(
        self, subject: str, before: dict[str, Any], after: dict[str, Any]
    ) -> list[tuple[object, ...]]:
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        return [
            (plain(subject), name, *(repr(each[name]) if name in each else "-" for each in states))
            for states in [(before, after)]
            for name in names
        ]


def _whole(text: str) -> int:
    # Of digits alone, and not too many for Python to read.
    value = int(text) if _WHOLE.fullmatch(text) else None
    if value is None or not NUMBER_MIN <= value <= NUMBER_MAX:
        raise BadValueError(f"expected a whole number of 64 bits, found {shown(text)}")
    return value


def _truth(text: str) -> bool:
    if text not in {"true", "false"}:
        raise BadValueError(f"expected true or false, found {shown(text)}")
    return text == "true"


_WHOLE: Final = re.compile("-?[0-9]{1,20}")


_READ: Final[dict[FieldKind, tuple[Callable[[str], Any], str]]] = {
    "text": (str, "a text"),
    "int": (_whole, "a whole number of 64 bits"),
    "bool": (_truth, "true or false"),
}
