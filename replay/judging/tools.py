"""What the debugger has for every store whose events are judged."""

from __future__ import annotations

from abc import abstractmethod
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias, TypeVar

from events.errors import BadValueError, PositionError, counted, shown
from replay.arguments import did_you_mean
from replay.debugger.commands import Command, CommandError
from replay.debugger.expressions import COMPARISONS
from replay.debugger.tools import Condition, Stop, Test, Tools, argument, quoted
from replay.terminal.standard_streams import say
from replay.terminal.tables import print_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from replay.debugger.shell import Shell
    from replay.judging.looks import JudgedLooks

    Value: TypeAlias = Callable[[int], Any]

L = TypeVar("L", bound="JudgedLooks[Any]")

STREAM: Final = Command("stream", "", "go to the first event of the stream", after="last")


class JudgedTools(Tools[L]):
    """Conditions on events and verdicts, and commands that show what actors hold."""

    kinds: ClassVar[str]
    """What its types of events are, in words."""
    found: ClassVar[str]
    """What a condition on flagged events is about, in words."""
    columns: ClassVar[tuple[str, ...]]
    """What of a subject that changed stands in a table."""

    def __init__(self, looks: L) -> None:
        """Be what the debugger has for a store with these looks."""
        super().__init__(looks)
        self.compared: Final[dict[str, Condition]] = {}
        """What each name is compared by; it reads a sign and a value."""
        types = looks.types
        kinds = self.kinds or f"an event of type {' or '.join(types)}"
        self.conditions.update(
            type=Condition("T, type T", kinds, self._type, types),
            flagged=Condition("flagged", f"{self.found} that was flagged", self._flagged),
        )
        self.stops["watch"] = self._watch

    @staticmethod
    def watching(subject: str, noun: str) -> Command:
        """Return the command that watches a ``subject``, which is a ``noun``."""
        summary = f"stop when the state of this {noun} changes, forward and backward"
        return Command("watch", subject, summary, repeated=False, after="break")

    @staticmethod
    def comparing() -> Command:
        """Return the command that compares two moments."""
        summary = "show what changed in the state between N and M, by default here"
        return Command("diff", "N [M]", summary, after="trace")

    # Stops

    def _type(self, rest: list[str]) -> tuple[str, Test]:
        types, events = self.looks.types, self.looks.history.events
        kind = argument(rest, "type", f"one of {', '.join(types)}")
        if kind not in types:
            hint = did_you_mean(kind, types)
            raise CommandError(f"expected a type: {', '.join(types)}; found {shown(kind)}{hint}")
        type_of = self.looks.type_of
        return f"type {kind}", lambda at: at > 0 and type_of(events[at - 1]) == kind

    def _flagged(self, _rest: list[str]) -> tuple[str, Test]:
        return "flagged", self.looks.found

    def compare(
        self, name: str, what: str, value_of: Value, read: Callable[[str], Any], expected: str
    ) -> None:
        """Let `break` compare ``name`` with a value.

        Args:
            name: what is compared.
            what: what has it, in words.
            value_of: returns its value at a position, or None where nothing there has it.
            read: returns the value that a word says; raises BadValueError where it says none.
            expected: what such a word is, in words.

        """

        def comparison(rest: list[str]) -> tuple[str, Test]:
            sign = argument(rest, name, f"a comparison: {' '.join(COMPARISONS)}")
            compare = COMPARISONS.get(sign)
            if compare is None:
                raise CommandError(
                    f"break {name}: expected one of {' '.join(COMPARISONS)}, found {shown(sign)}"
                )
            text = argument(rest, name, expected)
            try:
                wanted = read(text)
            except BadValueError as error:
                cure = f"an expression goes behind if, as in break if {name} {sign} ..."
                raise CommandError(f"break {name}: {error}; {cure}") from None

            def test(position: int) -> bool:
                value = value_of(position) if position > 0 else None
                return value is not None and compare(value, wanted)

            return f"{name} {sign} {quoted(text)}", test

        condition = Condition(f"{name} SIGN X", f"{what} > >= < <= or = X", comparison)
        self.compared[name] = condition
        # A field may be called as a condition is that every store has; its sign tells them apart.
        self.conditions[name if name not in self.conditions else f"{name} SIGN"] = condition

    def _condition(self, rest: list[str]) -> Condition:
        name = rest[0]
        signed = rest[1:2] and rest[1] in COMPARISONS
        if name in self.compared and (name not in self.conditions or signed):
            del rest[0]
            return self.compared[name]
        return super()._condition(rest)

    def _watch(self, words: list[str]) -> Stop:
        """Return a stop where the state of the subject that ``words`` name changes."""
        (word,) = words
        subject = self.subject_named(word)
        return Stop(f"watch {quoted(subject)}", self.looks.timeline.changes_of(subject))

    # Commands

    def stream(self, shell: Shell, _words: list[str]) -> None:
        history = self.looks.history
        if history.stream_start is None or history.stream_start == len(history):
            raise PositionError("expected a stream, found a history that has no event of one")
        shell.move(history.stream_start + 1)

    def watch(self, shell: Shell, words: list[str]) -> None:
        shell.stop("watch", words)

    def diff(self, shell: Shell, words: list[str]) -> None:
        timeline = self.looks.timeline
        here = str(timeline.position)
        first, last = sorted(map(shell.position, [*words, here][:2]))
        with shell.elsewhere():
            events = islice(timeline.history.events, first, last)
            concerned = list(dict.fromkeys(each for one in events for each in self.subjects(one)))
            before, after = (self._states(concerned, moment) for moment in (first, last))
            states = zip(concerned, before, after, strict=True)
            changed = [(each, one, other) for each, one, other in states if one != other]
            moments = [f"event {at}" if at else "the beginning" for at in (first, last)]
            noun = self.looks.subject.removeprefix("a ")
            say(f"between {' and '.join(moments)}: {counted(len(changed), noun)} changed")
            if changed:
                rows = (row for each in changed for row in self.change_rows(*each))
                print_table(self.columns, rows)

    def _states(self, subjects: list[str], position: int) -> list[Any]:
        """Go to a moment, and return what these subjects hold then."""
        self.looks.timeline.goto(position)
        return list(map(self.state_of, subjects))

    @abstractmethod
    def subjects(self, event: Any) -> Sequence[str]:
        """Return whom ``event`` concerns."""

    @abstractmethod
    def state_of(self, subject: str) -> Any:
        """Return what ``subject`` holds now; nothing where it has not appeared."""

    @abstractmethod
    def change_rows(self, subject: str, before: Any, after: Any) -> list[tuple[object, ...]]:
        """Return the rows that tell how two states of ``subject`` differ."""
