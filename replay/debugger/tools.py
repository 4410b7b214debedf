"""What of the debugger belongs to one detector: conditions, and commands besides those of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, NamedTuple, TypeAlias, TypeVar

from events.errors import shown
from events.escapes import plain
from replay.arguments import is_whole
from replay.debugger.commands import CommandError
from replay.terminal.tables import named

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from replay.debugger.commands import Command
    from replay.engine.looks import Looks

L = TypeVar("L", bound="Looks[Any]")

Test: TypeAlias = "Callable[[int], bool]"


class Stop(NamedTuple):
    """A breakpoint or a watch."""

    text: str
    """What was typed, in its full form; reading it again gives the same stop."""
    test: Test
    """Tells whether to stop at a position.

    It is about the event that has just happened there, and looks at the history alone, so
    that a search moves nothing.
    """


class Condition(NamedTuple):
    """What `break` takes after a word."""

    usage: str
    """How it is typed, in its full form."""
    summary: str
    """Where it holds."""
    read: Callable[[list[str]], tuple[str, Test]]
    """Takes its arguments off words; returns what was typed, in full, and where it holds."""
    beginnings: Sequence[str] = ()
    """Arguments that mean it without the word."""


class Tools(Generic[L]):
    """What the debugger has for stores of one detector; each command is a method."""

    commands: ClassVar[Sequence[Command]] = ()
    """Commands that other detectors may not have; each is a method of the same name."""
    shows_state: ClassVar[str]
    """The commands that show the state, in words."""
    example: ClassVar[str]
    """What `break` may be told."""

    def __init__(self, looks: L) -> None:
        """Be what the debugger has for a store with these looks."""
        self.looks: Final = looks
        self.conditions: Final[dict[str, Condition]] = {
            "event": Condition("N, event N", "event N", self._event),
            "user": Condition("user ID", "an event of ID", self._user),
            "rejected": Condition(
                "rejected", f"a rejected {looks.line} comes next", self._rejected
            ),
        }
        """What a breakpoint may be about, by the word."""
        self.stops: Final[dict[str, Callable[[list[str]], Stop]]] = {"break": self._break}
        """What reads the words of each kind of stop."""

    @property
    def words(self) -> list[str]:
        """The words that a condition begins with."""
        each = self.conditions.values()
        return sorted([*self.conditions, *(word for one in each for word in one.beginnings)])

    def subject_named(self, word: str) -> str:
        """Return whom ``word`` names, as it is shown or as it is.

        Raises:
            CommandError: the history knows nobody of that name.

        """
        subject = named(word, self.looks.everyone)
        if subject not in self.looks.everyone:
            expected = f"expected {self.looks.subject} of this history"
            raise CommandError(f"{expected}, found {shown(subject)}")
        return subject

    def _break(self, words: list[str]) -> Stop:
        """Return the breakpoint that ``words`` say; of several conditions all must hold."""
        if not words:
            raise self._no_condition("none")
        rest = list(words)
        texts, tests = [], []
        while rest:
            text, test = self._condition(rest).read(rest)
            texts.append(text)
            tests.append(test)
        return Stop(f"break {' '.join(texts)}", lambda at: all(test(at) for test in tests))

    def _condition(self, rest: list[str]) -> Condition:
        """Return the condition that ``rest`` begins with, and take its word off."""
        word = rest[0]
        if is_whole(word):
            return self.conditions["event"]
        for condition in self.conditions.values():
            if word in condition.beginnings:
                return condition
        if word not in self.conditions:
            raise self._no_condition(shown(word))
        return self.conditions[rest.pop(0)]

    def _no_condition(self, found: str) -> CommandError:
        words = ", ".join(self.words)
        return CommandError(f"expected a condition: N or one of {words}; found {found}")

    def _event(self, rest: list[str]) -> tuple[str, Test]:
        word, count = argument(rest, "event", "a number"), len(self.looks.history)
        if not is_whole(word) or not 1 <= int(word) <= count:
            raise CommandError(f"expected an event from 1 to {count}, found {shown(word)}")
        number = int(word)
        return f"event {number}", number.__eq__

    def _user(self, rest: list[str]) -> tuple[str, Test]:
        subject = self.subject_named(argument(rest, "user", "an id"))
        return f"user {quoted(subject)}", frozenset(self.looks.numbers_of(subject)).__contains__

    def _rejected(self, _rest: list[str]) -> tuple[str, Test]:
        positions = {following - 1 for following, _ in self.looks.history.rejected}
        return "rejected", positions.__contains__


def argument(rest: list[str], word: str, what: str) -> str:
    """Take the first of ``rest``, which follows ``word`` and says ``what``."""
    if not rest:
        raise CommandError(f"break {word}: expected {what}, found nothing")
    return rest.pop(0)


def quoted(name: str) -> str:
    """Return ``name`` as it is shown, and read as one word and as this name again."""
    word = plain(name)
    simple = word and all(c.isalnum() or c in "._-:/@+" for c in word)
    return word if simple else "'" + word.replace("'", "'\"'\"'") + "'"
