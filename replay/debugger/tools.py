"""What of the debugger belongs to one detector: conditions, and commands besides those of all."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, NamedTuple, TypeAlias, TypeVar

from events.errors import event_among, shown
from events.escapes import plain
from replay.arguments import did_you_mean, is_whole
from replay.debugger.commands import CommandError
from replay.debugger.expressions import COMPARISONS, NUMBER, Expression, value_text
from replay.engine.looks import LooksTools
from replay.engine.references import reference_in
from replay.terminal.tables import named

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from replay.debugger.commands import Command
    from replay.engine.looks import Looks

L = TypeVar("L", bound="Looks[Any]")

# A field, a comparison and a value without spaces between, or what of these is left.
_SPREAD: Final = re.compile(r"([A-Za-z_]\w*)?(>=|<=|==|!=|[<>=])(.*)", re.DOTALL)

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
    also: Stop | None = None
    """What has to hold besides, that `condition` has given it."""
    ignored: int = 0
    """How many more times it is passed over."""

    @property
    def once(self) -> bool:
        """Whether it is deleted when it has stopped."""
        return self.text.startswith("tbreak ")

    def holds(self, position: int) -> bool:
        """Tell whether it stops at a position, unless it is passed over."""
        return self.test(position) and (self.also is None or self.also.test(position))

    def __str__(self) -> str:
        """Return it as it is shown."""
        words = "" if self.also is None else self.also.text.partition(" ")[2]
        also = f", only if {words.removeprefix('if ')}" if words else ""
        times = "once more" if self.ignored == 1 else f"{self.ignored:,} more times"
        return f"{self.text}{also}{f', passed over {times}' if self.ignored else ''}"


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


class Tools(LooksTools, Generic[L]):
    """What the debugger has for stores of one detector; each command is a method."""

    commands: ClassVar[Sequence[Command]] = ()
    shows_state: ClassVar[str]
    """The commands that show the state, in words."""
    example: ClassVar[str]
    """What `break` may be told."""

    def __init__(self, looks: L) -> None:
        """Be what the debugger has for a store with these looks."""
        super().__init__(looks)
        self.looks: Final = looks
        self.conditions: Final[dict[str, Condition]] = {
            "event": Condition("N, event N", "event N", self._event),
            "user": Condition("user ID", "an event of ID", self._user),
            "rejected": Condition(
                "rejected", f"a rejected {looks.line} comes next", self._rejected
            ),
            "if": Condition(
                "if EXPRESSION",
                "where it is true of the event, as print shows it; one comparison, as in "
                "event > 9, needs no if",
                self._if,
            ),
        }
        """What a breakpoint may be about, by the word."""
        self.stops: Final[dict[str, Callable[[list[str]], Stop]]] = {
            "break": self._break,
            "tbreak": self._once,
        }
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

    def own(self, number: int, *, what: str = "") -> str:
        """Return whom event ``number`` concerns, where nobody is named.

        Raises:
            CommandError: it is nobody, or several.

        """
        what = what or self.looks.subject
        if not number:
            raise CommandError(f"expected {what}, found none, as no event has happened; name one")
        found = self.looks.concerned(self.looks.history.event(number))
        if len(found) != 1:
            names = " and ".join(map(quoted, found))
            raise CommandError(f"expected {what}, found that event {number} has {names}; name one")
        return found[0]

    def _once(self, words: list[str]) -> Stop:
        """Return the breakpoint that ``words`` say, to be deleted when it has stopped."""
        stop = self._break(words)
        return stop._replace(text=f"t{stop.text}")

    def _break(self, words: list[str]) -> Stop:
        """Return the breakpoint that ``words`` say; of several conditions all must hold."""
        if not words:
            raise self._no_condition("none")
        rest = self._spread(words)
        texts, tests = [], []
        while rest:
            text, test = self._condition(rest).read(rest)
            texts.append(text)
            tests.append(test)
        return Stop(f"break {' '.join(texts)}", lambda at: all(test(at) for test in tests))

    def _condition(self, rest: list[str]) -> Condition:
        """Return the condition that ``rest`` begins with, and take its word off."""
        word = rest[0]
        if is_whole(word) or reference_in(word) is not None:
            return self.conditions["event"]
        if self._compares(rest):
            return self._of_field
        for condition in self.conditions.values():
            if word in condition.beginnings:
                return condition
        if word not in self.conditions:
            hint = did_you_mean(word, self.words)
            raise self._no_condition(shown(word), hint)
        return self.conditions[rest.pop(0)]

    def _compares(self, rest: list[str]) -> bool:
        """Tell whether ``rest`` begins with a comparison that is no condition of its own."""
        own = self.conditions.get(rest[0])
        is_field = rest[0] in self.looks.field_names and (own is None or "SIGN" not in own.usage)
        return is_field and len(rest) > len(("name", "sign")) and rest[1] in COMPARISONS

    def _spread(self, words: list[str]) -> list[str]:
        """Return ``words``, of which one like ``amount>5`` is three."""
        spread: list[str] = []
        for word in words:
            found = _SPREAD.fullmatch(word)
            whole = found is None or (found[1] and found[1] not in self.looks.field_names)
            # Behind this word an id stands, whatever it is.
            if found is None or whole or spread[-1:] == ["user"]:
                spread.append(word)
            else:
                spread += filter(None, found.groups())
        return spread

    def _no_condition(self, found: str, hint: str = "") -> CommandError:
        words = ", ".join(self.words)
        return CommandError(f"expected a condition: N or one of {words}; found {found}{hint}")

    def _event(self, rest: list[str]) -> tuple[str, Test]:
        word, count = argument(rest, "event", "a number"), len(self.looks.history)
        reference = reference_in(word)
        number = 0 if reference is None else self.looks.number_of(reference)
        if not 1 <= number <= count:
            raise CommandError(f"expected {event_among(count)}, found {shown(word)}")
        return f"event {number}", number.__eq__

    def _if(self, rest: list[str]) -> tuple[str, Test]:
        expression = Expression(argument(rest, "if", "an expression"), self.looks.field_names)
        return (
            f"if {expression.text}",
            lambda at: at > 0 and expression.holds(self.looks.values(at)),
        )

    @property
    def _of_field(self) -> Condition:
        return Condition("FIELD SIGN VALUE", "a field that compares so", self._compared)

    def _compared(self, rest: list[str]) -> tuple[str, Test]:
        name, sign = rest.pop(0), rest.pop(0)
        word = argument(rest, f"{name} {sign}", "a value")
        if word[:1] in COMPARISONS:
            raise CommandError(f"break {name} {sign}: expected a value, found {shown(word)}")
        number = Fraction(word) if NUMBER.fullmatch(word) else None

        def test(position: int) -> bool:
            value = self.looks.values(position).get(name) if position else None
            if value is None:
                return False
            if isinstance(value, Fraction):
                return number is not None and COMPARISONS[sign](value, number)
            return COMPARISONS[sign](value_text(value) if isinstance(value, bool) else value, word)

        return f"{name} {sign} {quoted(word)}", test

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
