"""The debugger's shell: reads commands from a terminal, a pipe or a string, and obeys."""

from __future__ import annotations

import cmd
import re
import readline
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from events.errors import PositionError, ReplayError, counted, shown
from events.escapes import plain
from replay.arguments import as_utf8
from replay.commands.trace import show_messages
from replay.debugger import views
from replay.debugger.commands import CommandError, commands_in, file_name
from replay.debugger.interrupts import Interrupts
from replay.debugger.session import Session, completions
from replay.terminal.standard_streams import UnprintableError, flush, report, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from replay.engine.looks import Looks

_LIST_AROUND: Final = 5
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_MARK: Final = re.compile(r"[^\W\d][\w-]*")


class Shell(cmd.Cmd):
    """Obeys commands on one store; errors are one line each on standard error."""

    def __init__(self, looks: Looks[Any], *, interactive: bool) -> None:
        """Read from standard input; ``interactive`` if a person types there."""
        super().__init__()
        self.session: Final = Session(looks)
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
        try:
            commands = commands_in(line)
            self._repeat = line
            return any(self._obey(words) for words in commands)
        except KeyboardInterrupt:
            if not self.interactive:
                raise
            # The terminal has shown ^C on a line of its own making.
            say("")
            say("interrupted")
            self.show_position()
            return False
        except UnprintableError:
            raise
        except ReplayError as error:
            flush()
            report(f"replay: {error}")
            self.status = error.exit_status
            return not self.interactive

    def _obey(self, words: list[str]) -> bool:
        name, *rest = words
        command = self.session.commands.named(name)
        command.check(rest)
        if not command.repeated:
            self._repeat = ""
        if command.name == "quit":
            return True
        tools = self.session.tools
        if command in tools.commands:
            getattr(tools, command.name)(self, rest)
        else:
            do: Callable[..., None] = getattr(self, f"_{command.name.replace('-', '_')}")
            do(*rest)
        return False

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
        self.move(self._here - self.count(count))

    def _goto(self, word: str) -> None:
        self.move(self.position(word))

    def _first(self) -> None:
        self.move(1)

    def _last(self) -> None:
        self.move(len(self._timeline))

    def _continue(self) -> None:
        self._search(forward=True)

    def _reverse_continue(self) -> None:
        self._search(forward=False)

    def _search(self, *, forward: bool) -> None:
        hits = self.session.search(forward=forward)
        for number in hits:
            say(f"stop {number}: {self.session.stops[number].text}")
        if not hits:
            say(f"no stop {'ahead' if forward else 'before'}")
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
        say(f"stop {number}: {self.session.stops[number].text}")

    def _delete(self, word: str = "") -> None:
        stops = self.session.stops
        if word in ("", "all"):
            if not stops:
                say("no stops")
            elif word or self._agreed(f"delete {counted(len(stops), 'stop')}?"):
                self.session.delete(list(stops))
            return
        if not _NUMBER.fullmatch(word) or int(word) not in stops:
            raise CommandError(f"expected the number of a stop, found {shown(word)}")
        self.session.delete([int(word)])

    def _info(self, what: str = "") -> None:
        if what:
            wanted = [each for each in ("break", "marks") if each.startswith(what)]
            if what == "breakpoints":  # as gdb calls them
                wanted = ["break"]
            if not wanted:
                raise CommandError(f"expected break or marks, found {shown(what)}")
            (what,) = wanted
        if what != "marks":
            for number, stop in self.session.stops.items():
                say(f"stop {number}: {stop.text}")
            if not self.session.stops:
                say("no stops")
        if what != "break":
            for name, position in self.session.marks.items():
                say(f"mark {name}: event {position}")
            if not self.session.marks:
                say("no marks")

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

    def _list(self, word: str | None = None) -> None:
        middle = self._timeline.position if word is None else self.position(word)
        first = max(1, middle - _LIST_AROUND)
        last = min(len(self._timeline), middle + _LIST_AROUND)
        views.show_events(self._looks, range(first, last + 1))

    def _why(self, word: str | None = None) -> None:
        number = self._event(word)
        views.say_whose_rule(self._looks)
        with self.elsewhere():
            self._looks.show_why(number)

    def _trace(self, word: str | None = None) -> None:
        number = self._event(word)
        views.say_whose_rule(self._looks)
        with self.elsewhere():
            show_messages(self._timeline.trace(number), self._looks)

    def _history(self, word: str) -> None:
        subject = self.session.tools.subject_named(word)
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
        if not _NUMBER.fullmatch(word):
            raise CommandError(f"expected the number of an event or a mark, found {shown(word)}")
        position = int(word)
        if position > len(self._timeline):
            raise PositionError(
                f"expected a position from 0 to {len(self._timeline)}, found {position}"
            )
        return position

    @property
    def _here(self) -> int:
        """The current event: what the timeline is inside of is the first one back."""
        return self._timeline.position + self._timeline.inside

    def _event(self, word: str | None) -> int:
        """Return the number of the event that a command is about, by default the current one."""
        number = self._here if word is None else self.position(word)
        self._looks.history.event(number)
        return number

    @contextmanager
    def elsewhere(self) -> Iterator[None]:
        """Come back after the block to where the timeline was, or to the end of that event."""
        here = self._here
        try:
            yield
        finally:
            self._timeline.goto(here)
