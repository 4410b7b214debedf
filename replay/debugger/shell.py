"""The debugger's shell: reads commands from a terminal, a pipe or a string, and obeys."""

from __future__ import annotations

import cmd
import re
import readline
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from events.errors import PositionError, ReplayError, counted, shown
from events.escapes import plain
from replay.arguments import as_utf8, did_you_mean
from replay.debugger import views
from replay.debugger.commands import CommandError, commands_in, file_name
from replay.debugger.expressions import MissingFieldError, value_text
from replay.debugger.interrupts import Interrupts
from replay.debugger.session import Session, completions
from replay.debugger.typed import TypedLines
from replay.engine.files import read_by_hand
from replay.engine.references import reference_in
from replay.terminal.standard_streams import UnprintableError, flush, report, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from replay.debugger.commands import Typed
    from replay.debugger.expressions import Expression
    from replay.debugger.tools import Stop
    from replay.engine.looks import Looks

_LIST_AROUND: Final = 5
_NOTHING: Final = {"break": "no stops", "marks": "no marks", "display": "no displays"}
_SOURCES_MAX: Final = 10
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_MARK: Final = re.compile(r"[^\W\d][\w-]*")


class Shell(cmd.Cmd):
    """Obeys commands on one store; errors are one line each on standard error."""

    def __init__(
        self,
        looks: Looks[Any],
        *,
        interactive: bool,
        history: bool = False,
        kinds: Iterable[type[Looks[Any]]] = (),
    ) -> None:
        """Read from standard input, where a person types if it is interactive.

        What is typed is kept for the next session if there is to be a ``history``; stores of other
        ``kinds`` have other commands.
        """
        super().__init__()
        self._history_kept: Final = history and interactive
        self._ended = False
        # How many files are being carried out, one in another.
        self._sources = 0
        self.session: Final = Session(looks, kinds)
        self.status = 0
        """What a script ends with: not 0 once a command went wrong."""
        self._looks: Final = looks
        self._timeline: Final = looks.timeline
        self.interactive: Final = interactive
        """Whether a person types there."""
        self._repeat = ""
        self.interrupts: Final = Interrupts()
        """What Ctrl-C does while a session is on."""
        self._timeline.undisturbed = self.interrupts.held
        self.use_rawinput = interactive
        self.prompt = "(replay) " if interactive else ""

    def show_position(self) -> None:
        """Print where the timeline is."""
        self._where()

    # Reading

    def talk(self) -> None:
        """Obey until the input ends or says quit."""
        if self.interactive:
            # Ids and names may hold what would otherwise separate words, such as a dash.
            readline.set_completer_delims(" ;")
        typed = TypedLines() if self._history_kept else None
        try:
            self._talk()
        finally:
            if typed is not None:
                typed.keep()

    def _talk(self) -> None:
        while True:
            try:
                self.cmdloop()
            except KeyboardInterrupt:
                if not self.interactive:
                    raise
                say("^C")
            else:
                break

    def onecmd(self, line: str) -> bool:
        """Obey one line, and return whether it was the last.

        A person's empty line repeats the one before, if that has only moved and shown.
        Commands are separated by ``;``, and what comes after ``#`` at the beginning of a
        line is for the reader.
        """
        if line.lstrip().startswith("#"):
            return False
        if not line.strip():
            # In a script it is there to be read.
            line = self._repeat if self.interactive else ""
        if line == "EOF" and self.interactive:
            say("")
        line = as_utf8(line)
        if line.lstrip().startswith("?"):
            line = line.replace("?", "? ", 1)
        try:
            commands = commands_in(line)
            self._repeat = line
            return any(map(self._obey, commands))
        except KeyboardInterrupt:
            if not self.interactive:
                raise
            # The terminal has shown ^C on a line of its own making.
            say("")
            say("interrupted")
            self._where()
            return False
        except UnprintableError:
            raise
        except ReplayError as error:
            flush()
            report(f"replay: {error}")
            self.status = error.exit_status
            return not self.interactive

    def _obey(self, typed: Typed) -> bool:
        name, *rest = typed.words
        command = self.session.commands.named(name)
        command.check(rest)
        if not command.repeated:
            self._repeat = ""
        if command.name == "quit":
            self._ended = True
            return True
        tools = self.session.tools
        if command in tools.commands:
            getattr(tools, command.name)(self, rest)
        elif command.usage.startswith("[EXPRESSION"):
            getattr(self, f"_{command.name}")(typed.rest)
        else:
            do: Callable[..., None] = getattr(self, f"_{command.name.replace('-', '_')}")
            do(*rest)
        return self._ended

    def completedefault(self, text: str, line: str, begidx: int, *_: int) -> list[str]:
        """Return what the last word of ``line`` may become."""
        return completions(self.session, text, line[:begidx])

    def completenames(self, text: str, *_: object) -> list[str]:
        """Return the commands that begin with ``text``."""
        return completions(self.session, text, "")

    # Moving

    def _next(self, count: str = "1") -> None:
        self.move(self._timeline.position + self.count(count))

    def _back(self, count: str = "1") -> None:
        self.move(self.here - self.count(count))

    def _goto(self, word: str) -> None:
        self.move(self.position(word))

    def _first(self) -> None:
        self.move(1)

    def _last(self) -> None:
        self.move(len(self._timeline))

    def _continue(self, count: str = "1") -> None:
        self._search(forward=True, count=count)

    def _reverse_continue(self, count: str = "1") -> None:
        self._search(forward=False, count=count)

    def _search(self, *, forward: bool, count: str) -> None:
        hits = self.session.search(forward=forward, count=self.count(count))
        if not hits:
            say(f"no stop {'ahead' if forward else 'before'}")
        self._halt(hits)

    def _until(self, word: str) -> None:
        end = self.position(word)
        if end <= self._timeline.position:
            raise PositionError(
                f"until: expected an event behind {self._timeline.position}, found {end}; goto "
                "goes back"
            )
        self._halt(self.session.search(forward=True, end=end))

    def _halt(self, hits: dict[int, Stop]) -> None:
        for number, stop in hits.items():
            say(f"stop {number}: {stop}")
        self._where()

    def _finish(self) -> None:
        if not self._timeline.inside:
            raise CommandError(
                "finish: expected to be inside of an event, between two of its messages, found "
                "that all are delivered; message goes there"
            )
        self._timeline.next()
        self._where()

    def move(self, position: int) -> None:
        """Go to ``position``, or to the end or the beginning if it is beyond, and show it."""
        self._timeline.goto(max(0, min(position, len(self._timeline))))
        self._where()

    def _message(self) -> None:
        views.say_whose_rule(self._looks)
        views.show_message(self._looks)
        self._where()

    # Stops and marks

    def _break(self, *words: str) -> None:
        self.stop("break", words)

    def stop(self, kind: str, words: Sequence[str]) -> None:
        """Add a stop, and print it."""
        number = self.session.stop(kind, words)
        self._say_stop(number)

    def _say_stop(self, number: int) -> None:
        say(f"stop {number}: {self.session.stops[number]}")

    def _tbreak(self, *words: str) -> None:
        self.stop("tbreak", words)

    def _condition(self, word: str, *words: str) -> None:
        number = self._stop_named(word)
        self.session.condition(number, words)
        self._say_stop(number)

    def _ignore(self, word: str, count: str) -> None:
        number = self._stop_named(word)
        self.session.ignore(number, 0 if count == "0" else self.count(count))
        self._say_stop(number)

    def _stop_named(self, word: str) -> int:
        return _key_of(word, self.session.stops, "a stop")

    def _delete(self, word: str = "") -> None:
        stops = self.session.stops
        if word in ("", "all"):
            if not stops:
                say("no stops")
            elif word or self._agreed(f"delete {counted(len(stops), 'stop')}?"):
                self.session.delete(list(stops))
            return
        self.session.delete([self._stop_named(word)])

    def _info(self, what: str = "") -> None:
        wanted = [each for each in _NOTHING if each.startswith(what)]
        if what == "breakpoints":  # as gdb calls them
            wanted = ["break"]
        if not wanted:
            hint = did_you_mean(what, _NOTHING)
            raise CommandError(f"expected break, marks or display, found {shown(what)}{hint}")
        # Of what is not used nobody needs to be told that it is not, unless they ask.
        if not what and not self.session.displays:
            wanted.remove("display")
        for each in wanted:
            lines = list(self._informed(each))
            for line in lines or [_NOTHING[each]]:
                say(line)

    def _informed(self, what: str) -> Iterator[str]:
        session = self.session
        if what == "break":
            yield from (f"stop {number}: {stop}" for number, stop in session.stops.items())
        elif what == "marks":
            yield from (f"mark {name}: event {at}" for name, at in session.marks.items())
        else:
            yield from (f"display {n}: {each.text}" for n, each in session.displays.items())

    def _mark(self, name: str) -> None:
        if not _MARK.fullmatch(name):
            raise CommandError(
                f"expected a name of letters, digits, - and _ after a letter, found {shown(name)}"
            )
        self.session.marks[name] = self._timeline.position

    def _save(self, word: str) -> None:
        path = file_name("save", word)
        question = f"overwrite the session in {plain(path)}?"
        if self.session.replaces(path) and not self._agreed(question):
            return
        with self.interrupts.held():
            self.session.save(path)

    def _load(self, word: str) -> None:
        self.session.load(file_name("load", word))
        self._where()

    def _agreed(self, question: str) -> bool:
        """Ask a person; who has written a script has thought about it."""
        if not self.interactive:
            return True
        lines = readline.get_current_history_length()
        try:
            answer = input(f"{question} (y or n) ")
        except EOFError:
            say("")
            return False
        # It is not to come back with the arrows among the commands.
        if readline.get_current_history_length() > lines:
            readline.remove_history_item(lines)
        return answer.strip().lower() in ("y", "yes")

    # Looking

    def _where(self) -> None:
        views.show_position(self._looks)
        self._show_displays()

    def _display(self, text: str) -> None:
        if text:
            self._show_display(self.session.display(text))
        else:
            self._show_displays()

    def _undisplay(self, word: str = "") -> None:
        displays = self.session.displays
        if word:
            del displays[_key_of(word, displays, "a display")]
        else:
            displays.clear()

    def _show_displays(self) -> None:
        for number in self.session.displays:
            self._show_display(number)

    def _show_display(self, number: int) -> None:
        expression = self.session.displays[number]
        try:
            value = self._value(expression)
        except MissingFieldError:
            value = "(not of this event)"
        except CommandError as error:
            value = f"({error})"
        say(f"{number}: {expression.text} = {value}")

    def _value(self, expression: Expression) -> str:
        if not self.here:
            raise MissingFieldError("expected an event, found none before the first")
        fields = self._looks.all_fields(self.here)
        if expression.text in fields:
            # As it is shown everywhere: 5.00, and not 5.
            return views.field_text(fields[expression.text])
        return value_text(expression.of(self._looks.values(self.here)))

    def _print(self, text: str) -> None:
        if text:
            say(self._value(self.session.expression(text)))
            return
        number = self.event(None)
        for name, value in self._looks.all_fields(number).items():
            say(f"{name} = {views.field_text(value)}")

    def _source(self, word: str) -> None:
        path = file_name("source", word)
        if self._sources == _SOURCES_MAX:
            raise CommandError(f"{path}: expected at most {_SOURCES_MAX} files in one another")
        self._sources += 1
        try:
            content = read_by_hand(path, "a file of commands")
            lines = content.decode("utf-8", "surrogateescape").splitlines()
            for number, line in enumerate(lines, 1):
                if not line.lstrip().startswith("#") and self._sourced(path, number, line):
                    break
        finally:
            self._sources -= 1

    def _sourced(self, path: str, number: int, line: str) -> bool:
        """Obey a line of a file, and return whether it was the last."""
        try:
            return any(map(self._obey, commands_in(as_utf8(line))))
        except UnprintableError:
            raise
        except ReplayError as error:
            raise CommandError(f"{plain(path)}:{number}: {error}") from None

    def _list(self, word: str | None = None) -> None:
        middle = self._timeline.position if word is None else self.position(word)
        first = max(1, middle - _LIST_AROUND)
        last = min(len(self._timeline), middle + _LIST_AROUND)
        views.show_events(self._looks, range(first, last + 1))

    def _why(self, word: str | None = None) -> None:
        number = self.event(word)
        views.say_whose_rule(self._looks)
        with self.elsewhere():
            self._looks.show_why(number)

    def _trace(self, word: str | None = None) -> None:
        number = self.event(word)
        views.say_whose_rule(self._looks)
        with self.elsewhere():
            views.show_messages(self._timeline.trace(number), self._looks)

    def _history(self, word: str | None = None) -> None:
        tools = self.session.tools
        subject = tools.own(self.here) if word is None else tools.subject_named(word)
        views.show_events(self._looks, self._looks.numbers_of(subject))

    def _help(self, word: str | None = None) -> None:
        for line in self.session.commands.help(word).split("\n"):
            say(line)

    # Reading arguments

    def count(self, word: str) -> int:
        """Return how many ``word`` says, from 1 on.

        Raises:
            CommandError: it says no such number.

        """
        if not _NUMBER.fullmatch(word) or int(word) == 0:
            raise CommandError(f"expected a whole number from 1 on, found {shown(word)}")
        return int(word)

    def position(self, word: str) -> int:
        """Return the position that ``word``, a number or a mark, says.

        Raises:
            CommandError: it is neither.
            PositionError: the history has no such moment.

        """
        if word in self.session.marks:
            return self.session.marks[word]
        sign = word[:1] if word[:1] in ("+", "-") else ""
        reference = reference_in(word.removeprefix(sign))
        if reference is None:
            hint = did_you_mean(word, self.session.marks)
            raise CommandError(
                "expected an event, its number or as stream:429, or a mark, found "
                f"{shown(word)}{hint}"
            )
        position = self._looks.number_of(reference)
        if sign:
            position = self.here + (position if sign == "+" else -position)
        if not 0 <= position <= len(self._timeline):
            raise PositionError(
                f"expected a position from 0 to {len(self._timeline)}, found {position}"
            )
        return position

    @property
    def here(self) -> int:
        """The current event: what the timeline is inside of is the first one back."""
        return self._timeline.position + self._timeline.inside

    def event(self, word: str | None) -> int:
        """Return the number of the event that a command is about, by default the current one.

        Raises:
            CommandError: it is none.
            PositionError: the history has no such event.

        """
        number = self.here if word is None else self.position(word)
        self._looks.history.event(number)
        return number

    @contextmanager
    def elsewhere(self) -> Iterator[None]:
        """Come back after the block to where the timeline was, or to the end of that event."""
        here = self.here
        try:
            yield
        finally:
            self._timeline.goto(here)


def _key_of(word: str, numbered: Mapping[int, object], what: str) -> int:
    """Return the number that ``word`` is of one of ``numbered``, each of them ``what``."""
    if not _NUMBER.fullmatch(word) or int(word) not in numbered:
        there = f"there is {', '.join(map(str, numbered))}" if numbered else "there is none yet"
        raise CommandError(f"expected the number of {what}, found {shown(word)}; {there}")
    return int(word)
